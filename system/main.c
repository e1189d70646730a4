/*
 * qemu-system-x86_64: the phases of a run.
 *
 *   parse      the command line is taken apart, help is printed
 *   process    background, PID file, main loop, signals
 *   back ends  objects, character devices, disks
 *   machine    options, monitors, accelerator, board, devices, kernel
 *   run        until something ends it
 *   clean up   in reverse
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "system/devices.h"
#include "system/hmp.h"
#include "system/identity.h"
#include "system/machine.h"
#include "system/runstate.h"
#include "block/block.h"
#include "block/drive.h"
#include "block/jobs/job.h"
#include "chardev/char.h"
#include "export/export.h"
#include "export/nbd-server.h"
#include "hw/core/qdev.h"
#include "monitor/monitor.h"
#include "qom/object.h"
#include "util/aio.h"
#include "util/error-report.h"
#include "util/main-loop.h"
#include "util/pidfile.h"
#include "util/process.h"

#include <stdlib.h>

/* A phase that went wrong has said why. */
static void require(bool ok)
{
    if (!ok) {
        exit(1);
    }
}

/* The same where the message is still in @err. */
static void require_ok(bool ok, Error *err)
{
    if (err) {
        error_report_err(err);
    }
    require(ok);
}

/* Ctrl-a x on a terminal that is shared with the guest's serial port. */
static void on_mux_key(int key)
{
    if (key == 'x') {
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_UI);
    }
}

static void phase_process(CliConfig *config)
{
    Error *err = NULL;
    bool ok = !config->logfile || process_create_logfile(config->logfile, &err);

    require_ok(ok, err);
    if (config->daemonize) {
        if (config->nographic) {
            error_report("-nographic cannot be used with -daemonize");
            exit(1);
        }
        qemu_chr_forbid_stdio();
        process_daemonize();
    }
    qemu_pidfile_for_program(config->pidfile);
    ok = qemu_init_main_loop(&err);
    require_ok(ok, err);
    runstate_init();
    runstate_set_autostart(!config->stopped);
    process_setup_signals(qemu_system_killed);
    bdrv_serves_guests = true;
    bdrv_init();
    monitor_init_globals();
    system_register_hmp();
    qemu_chr_set_mux_key_handler(on_mux_key);
    system_qmp_set_identity(config->vm_name,
                            config->has_uuid ? config->uuid : NULL);
}

static void phase_backends(CliConfig *config)
{
    Error *err = NULL;
    bool ok = machine_create(config, &err);

    require_ok(ok, err);
    create_default_devices(config);
    require(create_objects(config));
    if (aio_io_uring_refused()) {
        info_report("%s; using epoll", aio_io_uring_refused());
    }
    require(create_chardevs(config));
    require(create_disks(config));
}

static void phase_machine(CliConfig *config)
{
    MachineState *ms = current_machine();
    Error *err = NULL;
    bool ok = machine_apply_options(config, &err);

    require_ok(ok, err);
    require(create_monitors(config));
    require(create_serial_chardevs(config));
    require(machine_init_accel(config));
    ok = machine_check_cpu_model(config, &err) && ms->mc->init(ms, &err) &&
         ms->accel->create_vcpus(ms, &err);
    require_ok(ok, err);
    ok = create_debugcon(config, &err);
    require_ok(ok, err);
    require(connect_serials());
    register_char_connect();
    require(create_devices(config));
    qdev_machine_ready();
    ok = !ms->mc->done || ms->mc->done(ms, &err);
    require_ok(ok, err);
    qemu_system_reset(SHUTDOWN_CAUSE_NONE);
    qemu_chr_machine_done();
}

static void clean_up(CliConfig *config)
{
    vm_shutdown();
    nbd_server_close();
    blk_exp_close_all();
    job_cancel_sync_all();
    bdrv_drain_all();
    if (current_accel()->shutdown) {
        current_accel()->shutdown();
    }
    disconnect_serials();
    disconnect_debugcons();
    drive_del_all();
    bdrv_close_all();
    user_creatable_cleanup();
    monitor_cleanup();
    qemu_chr_cleanup();
    cli_config_free(config);
}

int main(int argc, char **argv)
{
    static CliConfig config; /* outlives every reference to its strings */
    int status;

    error_init(argv[0]);
    system_register_types();
    cli_parse(&config, argc, argv);
    phase_process(&config);
    phase_backends(&config);
    phase_machine(&config);
    process_daemon_ready();
    if (runstate_autostart()) {
        vm_start();
    }
    status = qemu_main_loop();
    clean_up(&config);
    return status;
}
