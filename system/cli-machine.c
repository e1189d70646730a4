/*
 * Options about the machine: type, accelerator, CPUs, memory, kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "system/help.h"
#include "system/machine.h"
#include "qobject/keyval.h"
#include "util/cutils.h"

#include <stdlib.h>

/* --- machine and accelerator --- */

static bool opt_machine(CliConfig *c, const char *arg, Error **errp)
{
    bool help = false;
    QDict *opts = keyval_parse_into(c->machine_opts, arg, "type", &help, errp);

    if (!opts) {
        return false;
    }
    if (help) {
        cli_print_machine_help(qdict_get_try_str(opts, "type"));
        exit(0);
    }
    return true;
}

static bool opt_accel(CliConfig *c, const char *arg, Error **errp)
{
    bool help = false;
    g_autoptr(QDict) opts = opts_parse(arg, "accel", &help, errp);
    const char *name;

    if (!opts) {
        return false;
    }
    name = qdict_get_try_str(opts, "accel");
    if (!name || g_str_equal(name, "help")) {
        cli_print_accel_help();
        exit(0);
    }
    if (!accel_find(name)) {
        error_setg(errp, "invalid accelerator %s", name);
        return false;
    }
    cli_item_new(&c->accels, "accel", arg)->opts = g_steal_pointer(&opts);
    return true;
}

static bool opt_enable_kvm(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "accel", "kvm");
    return true;
}

static bool opt_cpu(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        cli_print_cpu_help();
        exit(0);
    }
    c->cpu_model = arg;
    return true;
}

/* --- -smp, -boot: kept nested, for messages like "smp.cpus" --- */

static bool put_nested(QDict **where, const char *key, const char *implied,
                       const char *arg, Error **errp)
{
    QDict *opts = keyval_parse(arg, implied, NULL, errp);

    if (!opts) {
        return false;
    }
    if (!*where) {
        *where = qdict_new();
        qdict_put(*where, key, qdict_new());
    }
    keyval_merge(qdict_get_qdict(*where, key), opts, NULL);
    qobject_unref(opts);
    return true;
}

static bool opt_smp(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_equal(arg, "help")) {
        cli_print_smp_help();
        exit(0);
    }
    return put_nested(&c->smp_opts, "smp", "cpus", arg, errp);
}

static bool opt_boot(CliConfig *c, const char *arg, Error **errp)
{
    return put_nested(&c->boot_opts, "boot", "order", arg, errp);
}

/* --- -m --- */

bool cli_parse_size(const char *name, const char *value, bool default_mib,
                    uint64_t *size, Error **errp)
{
    ERRP_GUARD();
    int ret = default_mib ? qemu_strtosz_MiB(value, NULL, size)
                          : qemu_strtosz(value, NULL, size);

    if (ret == -ERANGE || (ret < 0 && value[0] == '-')) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", value,
                   name);
        return false;
    }
    if (ret < 0) {
        error_setg(errp,
                   "Parameter '%s' expects a non-negative number below 2^64",
                   name);
        error_append_hint(errp, "Optional suffix k, M, G, T, P or E means"
                                " kilo-, mega-, giga-, tera-, peta-\n"
                                "and exabytes, respectively.\n");
        return false;
    }
    return true;
}

static bool opt_memory(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "size", "slots", "maxmem", NULL };
    g_autoptr(QDict) opts = opts_parse(arg, "size", NULL, errp);
    const char *size, *slots, *maxmem;

    if (!opts || !cli_check_keys(opts, known, errp)) {
        return false;
    }
    size = qdict_get_try_str(opts, "size");
    slots = qdict_get_try_str(opts, "slots");
    maxmem = qdict_get_try_str(opts, "maxmem");
    if (size && !cli_parse_size("size", size, true, &c->ram_size, errp)) {
        return false;
    }
    if (maxmem &&
        !cli_parse_size("maxmem", maxmem, false, &c->maxram_size, errp)) {
        return false;
    }
    if (slots && parse_uint_full(slots, 10, &c->ram_slots) < 0) {
        error_setg(errp, "Parameter 'slots' expects a number");
        return false;
    }
    return true;
}

/* --- kernel: short for -machine kernel=... --- */

static bool opt_kernel(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "kernel", arg);
    return true;
}

static bool opt_initrd(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "initrd", arg);
    return true;
}

static bool opt_append(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "append", arg);
    return true;
}

static bool opt_bios(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "firmware", arg);
    return true;
}

const CliHandler cli_machine_handlers[] = {
    { "machine", opt_machine },
    { "accel", opt_accel },
    { "enable-kvm", opt_enable_kvm },
    { "cpu", opt_cpu },
    { "smp", opt_smp },
    { "m", opt_memory },
    { "boot", opt_boot },
    { "kernel", opt_kernel },
    { "initrd", opt_initrd },
    { "append", opt_append },
    { "bios", opt_bios },
    { NULL, NULL },
};
