/*
 * qemu-storage-daemon: the command line.
 *
 * Options take effect in their order: what an option names must have been made
 * by one before it.  Only those that must come before the event loop and its
 * threads are made are looked for first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "storage-daemon/daemon.h"

#include "chardev/char.h"
#include "export/nbd-server.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-commands-block-export.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qapi-visit-block-export.h"
#include "qapi/qapi-visit-control.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/keyval.h"
#include "qom/object.h"
#include "tools/lib/trace-option.h"
#include "util/error-report.h"

#include <getopt.h>
#include <stdlib.h>

enum {
    OPT_BLOCKDEV = 256,
    OPT_CHARDEV,
    OPT_DAEMONIZE,
    OPT_EXPORT,
    OPT_MONITOR,
    OPT_NBD_SERVER,
    OPT_OBJECT,
    OPT_PIDFILE,
};

static const struct option long_options[] = {
    { "blockdev", required_argument, NULL, OPT_BLOCKDEV },
    { "chardev", required_argument, NULL, OPT_CHARDEV },
    { "daemonize", no_argument, NULL, OPT_DAEMONIZE },
    { "export", required_argument, NULL, OPT_EXPORT },
    { "help", no_argument, NULL, 'h' },
    { "monitor", required_argument, NULL, OPT_MONITOR },
    { "nbd-server", required_argument, NULL, OPT_NBD_SERVER },
    { "object", required_argument, NULL, OPT_OBJECT },
    { "pidfile", required_argument, NULL, OPT_PIDFILE },
    { "trace", required_argument, NULL, 'T' },
    { "version", no_argument, NULL, 'V' },
    { NULL },
};

/* The next option, -1 at the end; messages name it from now on. */
static int next_option(int argc, char **argv)
{
    int before = MAX(optind, 1);
    int c = getopt_long(argc, argv, "-hT:V", long_options, NULL);

    if (c != -1) {
        loc_set_cmdline(argv, before, MAX(1, optind - before));
    }
    return c;
}

/* A visitor of @arg, "key=value,..." or JSON; errors end the program. */
static Visitor *arg_visitor(const char *arg, const char *implied_key)
{
    return qobject_input_visitor_new_str(arg, implied_key, &error_fatal);
}

static void add_blockdev(const char *arg)
{
    Visitor *v = arg_visitor(arg, "driver");
    BlockdevOptions *options;

    visit_type_BlockdevOptions(v, NULL, &options, &error_fatal);
    visit_free(v);
    qmp_blockdev_add(options, &error_fatal);
    qapi_free_BlockdevOptions(options);
}

static void add_chardev(const char *arg)
{
    bool help = false;
    g_autoptr(QDict) opts = opts_parse(arg, "backend", &help, &error_fatal);

    if (help || g_strcmp0(qdict_get_try_str(opts, "backend"), "help") == 0) {
        qemu_chr_print_types();
        exit(0);
    }
    qemu_chr_new_from_opts(opts, &error_fatal);
}

static void add_export(const char *arg)
{
    Visitor *v = arg_visitor(arg, "type");
    BlockExportOptions *options;

    visit_type_BlockExportOptions(v, NULL, &options, &error_fatal);
    visit_free(v);
    qmp_block_export_add(options, &error_fatal);
    qapi_free_BlockExportOptions(options);
}

static void add_monitor(const char *arg)
{
    Visitor *v = arg_visitor(arg, "chardev");
    MonitorOptions *options;

    visit_type_MonitorOptions(v, NULL, &options, &error_fatal);
    visit_free(v);
    monitor_init(options, false, &error_fatal);
    qapi_free_MonitorOptions(options);
}

static void start_nbd_server(const char *arg)
{
    Visitor *v = arg_visitor(arg, NULL);
    NbdServerOptions *options;

    visit_type_NbdServerOptions(v, NULL, &options, &error_fatal);
    visit_free(v);
    nbd_server_start_options(options, &error_fatal);
    qapi_free_NbdServerOptions(options);
}

static void handle_early(DaemonConfig *config, int c, const char *arg)
{
    switch (c) {
    case '?':
        exit(1);
    case 'h':
        daemon_print_help();
        exit(0);
    case 'V':
        daemon_print_version();
        exit(0);
    case OPT_DAEMONIZE:
        config->daemonize = true;
        break;
    }
}

static void handle_option(DaemonConfig *config, int c, const char *arg)
{
    switch (c) {
    case 1:
        error_report("Unexpected argument");
        exit(1);
    case 'T':
        trace_option_handle(arg);
        break;
    case OPT_BLOCKDEV:
        add_blockdev(arg);
        break;
    case OPT_CHARDEV:
        add_chardev(arg);
        break;
    case OPT_EXPORT:
        add_export(arg);
        break;
    case OPT_MONITOR:
        add_monitor(arg);
        break;
    case OPT_NBD_SERVER:
        start_nbd_server(arg);
        break;
    case OPT_OBJECT:
        user_creatable_process_cmdline(arg);
        break;
    case OPT_PIDFILE:
        config->pidfile = arg;
        break;
    }
}

/* From the beginning; getopt complains of each mistake once. */
static void walk(DaemonConfig *config, int argc, char **argv, bool complain,
                 void (*handle)(DaemonConfig *config, int c, const char *arg))
{
    int c;

    optind = 0; /* anew, also what getopt keeps for itself */
    opterr = complain;
    while ((c = next_option(argc, argv)) != -1) {
        handle(config, c, optarg);
    }
    loc_set_none();
}

void daemon_options_early(DaemonConfig *config, int argc, char **argv)
{
    walk(config, argc, argv, true, handle_early);
}

void daemon_options(DaemonConfig *config, int argc, char **argv)
{
    walk(config, argc, argv, false, handle_option);
}
