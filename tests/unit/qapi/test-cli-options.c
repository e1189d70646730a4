/*
 * Tests of the table of command line options.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/cli-options.h"

static const CliOption *find(const char *name)
{
    for (const CliOption *o = cli_options; o->name; o++) {
        if (g_str_equal(o->name, name)) {
            return o;
        }
    }
    return NULL;
}

static void test_table(void)
{
    g_assert_true(find("device")->has_arg);
    g_assert_false(find("nographic")->has_arg);
    g_assert_cmpint(find("M")->index, ==, find("machine")->index);
    g_assert_cmpint(find("d")->index, !=, find("D")->index);
    g_assert_null(find("nope"));
}

static void test_help(void)
{
    g_assert_true(g_str_has_prefix(
        cli_help_text,
        "Standard options:\n-h or -help     display this help and exit\n"));
    for (const CliOption *o = cli_options; o->name; o++) {
        g_assert_true(!o->help || strstr(cli_help_text, o->help));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli-options/table", test_table);
    g_test_add_func("/cli-options/help", test_help);
    return g_test_run();
}
