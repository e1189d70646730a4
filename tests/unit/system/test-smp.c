/*
 * -smp: completion by QEMU's rules and its messages.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qobject/keyval.h"
#include "system/cli.h"

static const MachineClass machine = { .name = "test", .max_cpus = 255 };

static bool configure(MachineState *ms, const char *arg, Error **errp)
{
    g_autoptr(QDict) smp = qdict_new();

    *ms = (MachineState){ .mc = &machine };
    qdict_put(smp, "smp", keyval_parse(arg, "cpus", NULL, &error_abort));
    return cli_smp_configure(ms, smp, errp);
}

static void check(const char *arg, unsigned cpus, unsigned sockets,
                  unsigned dies, unsigned cores, unsigned threads,
                  unsigned max_cpus)
{
    MachineState ms;

    g_assert_true(configure(&ms, arg, &error_abort));
    g_assert_cmpuint(ms.smp.cpus, ==, cpus);
    g_assert_cmpuint(ms.smp.sockets, ==, sockets);
    g_assert_cmpuint(ms.smp.dies, ==, dies);
    g_assert_cmpuint(ms.smp.cores, ==, cores);
    g_assert_cmpuint(ms.smp.threads, ==, threads);
    g_assert_cmpuint(ms.smp.max_cpus, ==, max_cpus);
}

static void check_bad(const char *arg, const char *message)
{
    MachineState ms;
    g_autoptr(Error) err = NULL;

    g_assert_false(configure(&ms, arg, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, message);
}

static void test_complete(void)
{
    MachineState ms = { .mc = &machine };

    g_assert_true(cli_smp_configure(&ms, NULL, &error_abort));
    g_assert_cmpuint(ms.smp.cpus, ==, 1);
    g_assert_cmpuint(ms.smp.max_cpus, ==, 1);
    check("4", 4, 1, 1, 4, 1, 4);
    check("2,maxcpus=8", 2, 1, 1, 8, 1, 8);
    check("4,sockets=2", 4, 2, 1, 2, 1, 4);
    check("4,threads=2", 4, 1, 1, 2, 2, 4);
    check("8,cores=2", 8, 4, 1, 2, 1, 8);
    check("sockets=2,cores=3,threads=2", 12, 2, 1, 3, 2, 12);
    check("8,dies=2", 8, 1, 2, 4, 1, 8);
    check("8,modules=2,cores=2", 8, 2, 1, 4, 1, 8);
    check("maxcpus=6", 6, 1, 1, 6, 1, 6);
}

#define TOPOLOGY "Invalid CPU topology: "

static void test_bad(void)
{
    check_bad("0",
              TOPOLOGY "CPU topology parameters must be greater than zero");
    check_bad("4,sockets=0",
              TOPOLOGY "CPU topology parameters must be greater than zero");
    check_bad("abc", "Parameter 'smp.cpus' expects integer");
    check_bad("4,foo=1", "Parameter 'smp.foo' is unexpected");
    check_bad("300", "Invalid SMP CPUs 300. The max CPUs supported by machine "
                     "'test' is 255");
    check_bad("-1", "Invalid SMP CPUs -1. The max CPUs supported by machine "
                    "'test' is 255");
    check_bad("2,books=2",
              "books > 1 not supported by this machine's CPU topology");
    check_bad("2,maxcpus=1", TOPOLOGY
              "maxcpus must be equal to or greater than smp: sockets (1) * "
              "dies (1) * modules (1) * cores (1) * threads (1) == "
              "maxcpus (1) < smp_cpus (2)");
    check_bad("4,sockets=2,cores=1,threads=1", TOPOLOGY
              "product of the hierarchy must match maxcpus: sockets (2) * "
              "dies (1) * modules (1) * cores (1) * threads (1) != "
              "maxcpus (4)");
    /* Products that do not fit 32 or 64 bits. */
    check_bad("4,sockets=65536,threads=65536", TOPOLOGY
              "product of the hierarchy must match maxcpus: sockets (65536) * "
              "dies (1) * modules (1) * cores (0) * threads (65536) != "
              "maxcpus (4)");
    check_bad("4,sockets=4294967295,cores=4294967295,threads=4294967295",
              TOPOLOGY
              "product of the hierarchy must match maxcpus: "
              "sockets (4294967295) * dies (1) * modules (1) * "
              "cores (4294967295) * threads (4294967295) != maxcpus (4)");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smp/complete", test_complete);
    g_test_add_func("/smp/bad", test_bad);
    return g_test_run();
}
