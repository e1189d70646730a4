/*
 * The human monitor: lines, editing, errors, the mux.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor-test.h"
#include "util/error-report.h"

#define BANNER "QEMU 10.0.2 monitor - type 'help' for more information\r\n"

/* @line as it is echoed while it is typed. */
static char *echo(const char *line)
{
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < strlen(line); i++) {
        for (size_t j = 0; j < i; j++) {
            g_string_append(out, "\033[D");
        }
        g_string_append_len(out, line, i + 1);
        g_string_append(out, "\033[K");
    }
    return g_string_free(out, false);
}

static void check_run(const char *line, const char *expected)
{
    g_autofree char *out = monitor_hmp_run(line);

    g_assert_cmpstr(out, ==, expected);
}

static void test_lines(void)
{
    check_run("", "");
    check_run("  \t ", "");
    check_run("foo bar", "unknown command: 'foo'\r\n");
    check_run("info foo", "unknown command: 'info foo'\r\n");
    check_run("info  name", "test\r\n");
    check_run("info  name e",
              "name: extraneous characters at the end of line\r\n"
              "Try \"help info  name\" for more information\r\n");
    check_run("help stop", "stop|s  -- stop emulation\r\n");
    check_run("? s", "stop|s  -- stop emulation\r\n");
    check_run("help info name", "info name  -- show the current VM name\r\n");
    check_run("help foo", "unknown command: 'foo'\r\n");
    check_run("cont", "Error: Cannot\r\n");
    check_run("object_del", "object_del: string expected\r\n"
                            "Try \"help object_del\" for more information\r\n");
    g_string_truncate(test_log, 0);
    check_run("s", "");
    check_run("quit", "");
    g_assert_cmpstr(test_log->str, ==, "sq");
}

static void report(Monitor *mon, const char *rest)
{
    error_report("bad thing: %s", rest);
    monitor_printf(mon, "end\n");
}

static void test_error_report(void)
{
    static const HMPCommand table[] = { { "report", "[x]", "", report },
                                        { NULL } };

    monitor_register_hmp(table);
    check_run("report  a b ", "bad thing: a b\r\nend\r\n");
}

static void test_session(void)
{
    int fd = test_chardev("h");
    g_autofree char *e = echo("info name");
    g_autofree char *expected = g_strdup_printf("%s\r\ntest\r\n(qemu) ", e);

    g_assert_true(monitor_init_hmp(qemu_chr_find("h"), true, &error_abort));
    test_expect(fd, "", BANNER "(qemu) ");
    test_expect(fd, "info name\r", expected);
    test_expect(fd, "ab\x7f\x7f",
                "a\033[K\033[Dab\033[K\033[D\033[Da\033[K\033[D\033[K");
    /* History, cursor keys, and a control character that means nothing. */
    test_expect(fd, "\033[A", "info name\033[K");
    test_expect(fd, "\x01\x07\x05",
                "\033[D\033[D\033[D\033[D\033[D\033[D\033[D"
                "\033[D\033[D\033[C\033[C\033[C\033[C"
                "\033[C\033[C\033[C\033[C\033[C");
    test_expect(fd, "\r", "\r\ntest\r\n(qemu) ");
    close(fd);
}

/* On a mux the monitor is silent until the user comes. */
static void test_mux(void)
{
    int sv[2];
    bool help;
    g_autofree char *opts = NULL;
    g_autofree char *got = NULL;
    Chardev *chr;
    CharFrontend serial;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    qemu_set_blocking(sv[1], false);
    opts = g_strdup_printf("socket,id=x,fd=%d,mux=on", sv[0]);
    chr = qemu_chr_new_from_string(opts, &help, &error_abort);
    g_assert_true(monitor_init_hmp(chr, true, &error_abort));
    qemu_chr_fe_init(&serial, chr, &error_abort);
    qemu_chr_fe_set_handlers(&serial, NULL, NULL, NULL, &serial);
    qemu_chr_machine_done();
    got = test_receive(sv[1]);
    g_assert_cmpstr(got, ==, "");
    test_expect(sv[1], "\001c", BANNER "(qemu) ");
    test_expect(sv[1], "\001c", "\r\n");
    test_expect(sv[1], "\001c", "(qemu) ");
    test_expect(sv[1], "stop\r\001c",
                "s\033[K\033[Dst\033[K\033[D\033[Dsto"
                "\033[K\033[D\033[D\033[Dstop\033[K"
                "\r\n(qemu) \r\n");
    qemu_chr_fe_deinit(&serial, false);
    close(sv[1]);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    monitor_test_init();
    g_test_add_func("/hmp/lines", test_lines);
    g_test_add_func("/hmp/error-report", test_error_report);
    g_test_add_func("/hmp/session", test_session);
    g_test_add_func("/hmp/mux", test_mux);
    ret = g_test_run();
    monitor_test_cleanup();
    return ret;
}
