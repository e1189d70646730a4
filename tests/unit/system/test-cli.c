/*
 * Taking the command line apart: every option of the table has someone who
 * handles it, and what is parsed arrives in CliConfig.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qapi/cli-options.h"
#include "qom/object.h"
#include "system/cli.h"
#include "system/machine.h"

static void parse(CliConfig *config, const char *const *words)
{
    cli_parse(config, g_strv_length((char **)words), (char **)words);
}

static void test_handlers(void)
{
    for (const CliOption *o = cli_options; o->name; o++) {
        if (!cli_option_supported(o->name)) {
            g_test_message("-%s has no handler", o->name);
            g_test_fail();
        }
    }
}

static void test_values(void)
{
    static const char *const words[] = { "qemu",
                                         "-m",
                                         "2G",
                                         "-smp",
                                         "4,sockets=2",
                                         "-name",
                                         "guest=a,process=b",
                                         "-uuid",
                                         "550e8400-e29b-41d4-a716-446655440000",
                                         "-S",
                                         "-nographic",
                                         "-kernel",
                                         "vmlinuz",
                                         "-append",
                                         "a=b,c",
                                         "--nodefaults",
                                         "-enable-kvm",
                                         NULL };
    CliConfig c;

    parse(&c, words);
    g_assert_cmpuint(c.ram_size, ==, 2 * GiB);
    g_assert_cmpstr(c.vm_name, ==, "a");
    g_assert_true(c.has_uuid);
    g_assert_true(c.stopped);
    g_assert_true(c.nographic);
    g_assert_true(c.nodefaults);
    g_assert_cmpstr(qdict_get_str(c.machine_opts, "kernel"), ==, "vmlinuz");
    g_assert_cmpstr(qdict_get_str(c.machine_opts, "append"), ==, "a=b,c");
    g_assert_cmpstr(qdict_get_str(c.machine_opts, "accel"), ==, "kvm");
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(c.smp_opts, "smp"), "cpus"),
                    ==, "4");
    cli_config_free(&c);
}

static void check_memory(const char *arg, uint64_t size)
{
    const char *const words[] = { "qemu", "-m", arg, NULL };
    CliConfig c;

    parse(&c, words);
    g_assert_cmpuint(c.ram_size, ==, size);
    cli_config_free(&c);
}

static void test_memory(void)
{
    check_memory("512", 512 * MiB);
    check_memory("1k", KiB);
    check_memory("size=3G", 3 * GiB);
    check_memory("1.5G", 1536 * MiB);
    check_memory("0x10", 16 * MiB);
}

static void test_items(void)
{
    static const char *const words[] = {
        "qemu",
        "-device",
        "virtio-blk-pci,id=a,drive=x",
        "-device",
        "{\"driver\":\"virtio-blk-pci\",\"num-queues\":2}",
        "-set",
        "device.a.serial=s=1",
        "-object",
        "iothread,id=t",
        "-blockdev",
        "null-co,node-name=n",
        "-drive",
        "if=none",
        "-serial",
        "mon:stdio",
        NULL
    };
    const CliItem *first, *second;
    CliConfig c;

    parse(&c, words);
    first = TAILQ_FIRST(&c.devices);
    second = TAILQ_NEXT(first, next);
    g_assert_false(first->from_json);
    g_assert_cmpstr(qdict_get_str(first->opts, "drive"), ==, "x");
    g_assert_cmpstr(qdict_get_str(first->opts, "serial"), ==, "s=1");
    g_assert_true(second->from_json);
    g_assert_cmpint(qdict_get_int(second->opts, "num-queues"), ==, 2);
    g_assert_nonnull(TAILQ_FIRST(&c.objects)->qapi);
    g_assert_nonnull(TAILQ_FIRST(&c.blockdevs)->qapi);
    g_assert_cmpstr(TAILQ_FIRST(&c.drives)->arg, ==, "if=none");
    g_assert_true(c.has_serial);
    g_assert_true(c.has_monitor);
    cli_config_free(&c);
}

/* One bad line; the message goes to stderr of a child. */
static void check_bad(const char *option, const char *arg, const char *message)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    char *argv[] = { program, (char *)"--parse", (char *)option, (char *)arg,
                     NULL };
    g_autofree char *err = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                               NULL, &err, &status, NULL));
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_test_message("%s", err);
    g_assert_nonnull(strstr(err, message));
}

static void test_bad(void)
{
    check_bad("-nonsense", NULL, "-nonsense: invalid option");
    check_bad("-m", NULL, "-m: requires an argument");
    check_bad("-m", "-5",
              "-m -5: Value '-5' is out of range for parameter "
              "'size'");
    check_bad("-m", "1G,x=1", "Invalid parameter 'x'");
    check_bad("-object", "iothread", "Parameter 'id' is missing");
    check_bad("-object", "{", "JSON parse error");
    check_bad("-blockdev", "null-co,size=x", "Parameter 'size' expects");
    check_bad("-device", "{\"driver\":", "JSON parse error");
    check_bad("-uuid", "1", "failed to parse UUID string: wrong format");
    check_bad("-set", "device.nobody.x=1",
              "there is no device \"nobody\" defined");
    check_bad("-accel", "tcg", "invalid accelerator tcg");
    check_bad("-global", "driver=x", "are required");
    check_bad("-net", "user", "Parameter 'type' does not accept value 'user'");
}

int main(int argc, char **argv)
{
    error_init(argv[0]);
    system_register_types();
    if (argc > 1 && g_str_equal(argv[1], "--parse")) {
        CliConfig c;

        cli_parse(&c, argc - 1, argv + 1);
        return 0;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/handlers", test_handlers);
    g_test_add_func("/cli/values", test_values);
    g_test_add_func("/cli/memory", test_memory);
    g_test_add_func("/cli/items", test_items);
    g_test_add_func("/cli/bad", test_bad);
    return g_test_run();
}
