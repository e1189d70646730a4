/*
 * Error objects and messages: the texts that users and scripts see.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/error-report.h"
#include "util/error.h"

static void test_set(void)
{
    Error *err = NULL;

    error_setg(NULL, "nobody cares");
    errno = EXDEV;
    error_setg(&err, "Node '%s' is busy", "d0");
    g_assert_cmpint(errno, ==, EXDEV);
    g_assert_cmpstr(error_get_pretty(err), ==, "Node 'd0' is busy");
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_GENERIC_ERROR);
    g_assert_null(error_get_hint(err));
    error_free_or_abort(&err);
    g_assert_null(err);

    error_setg_errno(&err, ENOENT, "Could not open '%s'", "x");
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Could not open 'x': No such file or directory");
    error_free_or_abort(&err);
    error_setg_file_open(&err, EACCES, "/x");
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Could not open '/x': Permission denied");
    error_free_or_abort(&err);
    error_setg_errno(&err, 0, "plain");
    g_assert_cmpstr(error_get_pretty(err), ==, "plain");
    error_free_or_abort(&err);

    error_set(&err, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", "x");
    g_assert_cmpstr(error_class_str(error_get_class(err)), ==,
                    "DeviceNotFound");
    error_free(err);
    error_free(NULL);
}

static void test_classes(void)
{
    g_assert_cmpstr(error_class_str(0), ==, "GenericError");
    g_assert_cmpstr(error_class_str(1), ==, "CommandNotFound");
    g_assert_cmpstr(error_class_str(2), ==, "DeviceNotActive");
    g_assert_cmpstr(error_class_str(3), ==, "DeviceNotFound");
    g_assert_cmpstr(error_class_str(4), ==, "KVMMissingCap");
}

static void add_to_it(Error **errp)
{
    ERRP_GUARD();

    error_setg(errp, "inner");
    error_append_hint(errp, "Try %s.\n", "harder");
    error_prepend(errp, "outer: ");
}

static void test_prepend_hint(void)
{
    Error *err = NULL, *copy;

    add_to_it(NULL);
    add_to_it(&err);
    g_assert_cmpstr(error_get_pretty(err), ==, "outer: inner");
    g_assert_cmpstr(error_get_hint(err), ==, "Try harder.\n");
    copy = error_copy(err);
    error_free(err);
    g_assert_cmpstr(error_get_pretty(copy), ==, "outer: inner");
    g_assert_cmpstr(error_get_hint(copy), ==, "Try harder.\n");
    error_free(copy);
}

static void test_propagate(void)
{
    Error *err = NULL, *first = NULL, *second = NULL;

    error_propagate(&err, NULL);
    g_assert_null(err);
    error_setg(&first, "first");
    error_setg(&second, "second");
    error_propagate_prepend(&err, first, "%d: ", 1);
    error_propagate(&err, second);
    g_assert_cmpstr(error_get_pretty(err), ==, "1: first");
    error_free(err);
    first = NULL;
    error_setg(&first, "lost");
    error_propagate(NULL, first);
}

/* --- what goes to the terminal --- */

static void test_report(void)
{
    if (g_test_subprocess()) {
        char *argv[] = { (char *)"/usr/bin/qemu-system-x86_64",
                         (char *)"-drive", (char *)"file=x" };
        Location loc;

        error_init(argv[0]);
        error_report("no place");
        loc_push_none(&loc);
        loc_set_cmdline(argv, 1, 2);
        error_report("in %s", "drive");
        warn_report("careful");
        info_report("fyi");
        loc_set_file("/etc/x.cfg", 3);
        error_report("syntax");
        loc_set_file(NULL, 0);
        error_report("whole");
        loc_pop(&loc);
        warn_report_once("once");
        error_report_set_guest_name("vm1");
        error_report("named");
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "qemu-system-x86_64: no place\n"
        "qemu-system-x86_64: -drive file=x: in drive\n"
        "qemu-system-x86_64: -drive file=x: warning: careful\n"
        "qemu-system-x86_64: -drive file=x: info: fyi\n"
        "qemu-system-x86_64:/etc/x.cfg:3: syntax\n"
        "qemu-system-x86_64:/etc/x.cfg: whole\n"
        "qemu-system-x86_64: warning: once\n"
        "vm1 qemu-system-x86_64: named\n");
}

static void test_fatal(void)
{
    if (g_test_subprocess()) {
        error_init("qemu-img");
        add_to_it(&error_fatal);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("qemu-img: outer: inner\nTry harder.\n");
}

static void test_abort(void)
{
    if (g_test_subprocess()) {
        error_init("qemu-img");
        error_setg(&error_abort, "must not be");
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("Unexpected error in test_abort() at *:\n"
                              "qemu-img: must not be\n*");
}

static GString *sunk;

static bool sink_is_active(void)
{
    return true;
}

static void sink_write(const char *str)
{
    g_string_append(sunk, str);
}

static void test_sink(void)
{
    static const ErrorReportSink sink = { sink_is_active, sink_write };

    sunk = g_string_new(NULL);
    error_report_set_sink(&sink);
    error_report("to the monitor");
    error_printf("and %d\n", 1);
    error_report_set_sink(NULL);
    g_assert_cmpstr(sunk->str, ==, "to the monitor\nand 1\n");
    g_string_free(sunk, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/set", test_set);
    g_test_add_func("/error/classes", test_classes);
    g_test_add_func("/error/prepend-hint", test_prepend_hint);
    g_test_add_func("/error/propagate", test_propagate);
    g_test_add_func("/error/report", test_report);
    g_test_add_func("/error/fatal", test_fatal);
    g_test_add_func("/error/abort", test_abort);
    g_test_add_func("/error/sink", test_sink);
    return g_test_run();
}
