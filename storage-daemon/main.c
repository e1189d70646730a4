/*
 * qemu-storage-daemon: block nodes and their exports, without a guest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "storage-daemon/daemon.h"

#include "backends/iothread.h"
#include "block/block.h"
#include "block/jobs/job.h"
#include "chardev/char.h"
#include "export/export.h"
#include "export/nbd-server.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-control.h"
#include "qom/object.h"
#include "storage-daemon/qsd-qapi-init-commands.h"
#include "storage-daemon/qsd-qapi-introspect.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/main-loop.h"
#include "util/pidfile.h"
#include "util/process.h"

#include <stdlib.h>

static bool exit_requested; /* set by signal handlers too */

void qmp_quit(Error **errp)
{
    qatomic_set(&exit_requested, true);
}

static void on_killed(int signal, int pid)
{
    qatomic_set(&exit_requested, true);
    qemu_notify_event();
}

static void init(void)
{
    static QmpCommandList commands;

    qemu_init_main_loop(&error_fatal);
    process_setup_signals(on_killed);
    bdrv_serves_guests = true;
    bdrv_init();
    qsd_qapi_init_marshal(&commands);
    qmp_set_introspection(qsd_qapi_introspect_json);
    monitor_init_with_commands(&commands);
}

static void clean_up(void)
{
    nbd_server_close();
    blk_exp_close_all();
    job_cancel_sync_all();
    bdrv_drain_all();
    bdrv_close_all();
    monitor_cleanup();
    qemu_chr_cleanup();
    user_creatable_cleanup();
}

int main(int argc, char **argv)
{
    static DaemonConfig config;
    Location loc;

    error_init(argv[0]);
    type_register_table(qom_types);
    type_register_table(iothread_types);
    type_register_table(backends_types);
    loc_push_none(&loc);
    daemon_options_early(&config, argc, argv);
    if (config.daemonize) {
        qemu_chr_forbid_stdio();
        process_daemonize();
    }
    init();
    daemon_options(&config, argc, argv);
    loc_pop(&loc);
    qemu_pidfile_for_program(config.pidfile);
    process_daemon_ready();
    while (!qatomic_read(&exit_requested)) {
        main_loop_wait(false);
    }
    clean_up();
    return 0;
}
