/*
 * The run-state machine.
 *
 * Invariants:
 *  1. vCPUs are in the guest only in state running.
 *  2. Handlers of hw/core/vm-state.h hear "stopped" after the vCPUs have been
 *     paused and "running" before they go on, so a device never sees a request
 *     of the guest while it is stopped.
 *  3. When vm_stop() returns no request is in flight and the images have been
 *     flushed.
 *
 *   prelaunch --vm_start--> running --vm_stop(S)--> S --vm_start--> running
 *       ^                      |                    |
 *       +---- qemu_system_reset of a stopped VM ----+
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/runstate.h"
#include "block/block.h"
#include "hw/core/boards.h"
#include "hw/core/reset.h"
#include "hw/core/vm-state.h"
#include "qapi/qapi-events-run-state.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/main-loop.h"

/* What is asked for; any thread sets, the main thread takes. Atomic. */
static struct {
    int reset;    /* ShutdownCause */
    int shutdown; /* ShutdownCause */
    int powerdown;
    int vmstop; /* RunState, RUN_STATE__MAX: nothing */
    int panicked;
    int exit_code;
    int signal, signal_pid;
} requested = { .vmstop = RUN_STATE__MAX };

static int current_run_state = RUN_STATE_PRELAUNCH; /* atomic; main writes */
static bool autostart = true;
static RebootAction reboot_action = REBOOT_ACTION_RESET;
static int shutdown_action = SHUTDOWN_ACTION_POWEROFF; /* atomic */
static PanicAction panic_action = PANIC_ACTION_SHUTDOWN;
static bool finished; /* main thread: the program should end */
static int finish_status;

/* --- states --- */

static bool transition_ok(RunState from, RunState to)
{
    switch (to) {
    case RUN_STATE_RUNNING:
        return !runstate_needs_reset();
    case RUN_STATE_PRELAUNCH:
        return from != RUN_STATE_RUNNING;
    default:
        return from == RUN_STATE_RUNNING || from == RUN_STATE_PRELAUNCH ||
               from == RUN_STATE_PAUSED;
    }
}

static RunState get_state(void)
{
    return qatomic_read(&current_run_state);
}

void runstate_set(RunState state)
{
    RunState from = get_state();

    if (from == state) {
        return;
    }
    assert(transition_ok(from, state));
    qatomic_set(&current_run_state, state);
}

bool runstate_needs_reset(void)
{
    RunState state = get_state();

    return state == RUN_STATE_INTERNAL_ERROR || state == RUN_STATE_SHUTDOWN;
}

void runstate_set_autostart(bool on)
{
    autostart = on;
}

bool runstate_autostart(void)
{
    return autostart;
}

void runstate_set_actions(const RebootAction *reboot,
                          const ShutdownAction *shutdown,
                          const PanicAction *panic)
{
    if (reboot) {
        reboot_action = *reboot;
    }
    if (shutdown) {
        qatomic_set(&shutdown_action, *shutdown);
    }
    if (panic) {
        panic_action = *panic;
    }
}

/* --- start and stop --- */

static void pause_vcpus(void)
{
    if (current_accel()) {
        current_accel()->pause_all();
    }
}

static void resume_vcpus(void)
{
    if (current_accel()) {
        current_accel()->resume_all();
    }
}

void vm_start(void)
{
    RunState pending = qatomic_xchg(&requested.vmstop, RUN_STATE__MAX);

    if (runstate_is_running()) {
        if (pending == RUN_STATE__MAX) {
            return;
        }
        /* Devices have kept requests for that stop: only it and what follows
         * below sends those again. */
        vm_stop(pending);
        if (runstate_needs_reset()) {
            return;
        }
    }
    qapi_event_send_resume();
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    runstate_set(RUN_STATE_RUNNING);
    vm_state_notify(true, RUN_STATE_RUNNING);
    resume_vcpus();
}

static void do_vm_stop(RunState state, bool send_event)
{
    if (!runstate_is_running()) {
        return;
    }
    pause_vcpus();
    runstate_set(state);
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, false);
    vm_state_notify(false, state);
    if (send_event) {
        qapi_event_send_stop();
    }
    bdrv_drain_all();
    bdrv_flush_all();
}

void vm_stop(RunState state)
{
    do_vm_stop(state, true);
}

void vm_shutdown(void)
{
    do_vm_stop(RUN_STATE_SHUTDOWN, false);
}

/* --- requests --- */

static void request_vmstop(RunState state)
{
    qatomic_set(&requested.vmstop, state);
    qemu_notify_event();
}

static void request_shutdown(ShutdownCause reason, int code)
{
    qatomic_set(&requested.exit_code, code);
    /* Pairs with the exchange in process_shutdown(): the code is there. */
    qatomic_store_release(&requested.shutdown, reason);
    qemu_notify_event();
}

static void request_reset(ShutdownCause reason)
{
    if (reboot_action == REBOOT_ACTION_SHUTDOWN &&
        reason != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        qatomic_store_release(&requested.shutdown, reason);
    } else {
        qatomic_set(&requested.reset, reason);
    }
    qemu_notify_event();
}

static void request_powerdown(void)
{
    qatomic_set(&requested.powerdown, 1);
    qemu_notify_event();
}

static void request_panic(void)
{
    qatomic_set(&requested.panicked, 1);
    qemu_notify_event();
}

static const RunstateOps ops = {
    .reset_request = request_reset,
    .shutdown_request = request_shutdown,
    .powerdown_request = request_powerdown,
    .vmstop_request = request_vmstop,
    .guest_panicked = request_panic,
    .get = get_state,
};

void runstate_init(void)
{
    runstate_set_ops(&ops);
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, false);
}

void qemu_system_killed(int signal, int pid)
{
    qatomic_set(&requested.signal, signal);
    qatomic_set(&requested.signal_pid, pid);
    /* A signal ends the program even with -no-shutdown. */
    qatomic_set(&shutdown_action, SHUTDOWN_ACTION_POWEROFF);
    qatomic_store_release(&requested.shutdown, SHUTDOWN_CAUSE_HOST_SIGNAL);
    qemu_notify_event();
}

/* --- carrying them out --- */

static bool caused_by_guest(ShutdownCause reason)
{
    return reason >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

void qemu_system_reset(ShutdownCause reason)
{
    MachineState *ms = current_machine();

    qemu_devices_reset();
    if (ms && ms->mc->reset) {
        ms->mc->reset(ms);
    }
    if (reason != SHUTDOWN_CAUSE_NONE &&
        reason != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        qapi_event_send_reset(caused_by_guest(reason), reason);
    }
}

static void report_signal(void)
{
    int signal = qatomic_xchg(&requested.signal, 0);
    int pid = qatomic_read(&requested.signal_pid);
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *cmd = NULL;

    if (!signal) {
        return;
    }
    if (!pid) {
        error_report("terminating on signal %d", signal);
        return;
    }
    g_file_get_contents(path, &cmd, NULL, NULL);
    error_report("terminating on signal %d from pid %d (%s)", signal, pid,
                 cmd ? cmd : "<unknown process>");
}

static void process_shutdown(void)
{
    ShutdownCause reason = qatomic_xchg(&requested.shutdown,
                                        SHUTDOWN_CAUSE_NONE);

    if (reason == SHUTDOWN_CAUSE_NONE || finished) {
        return;
    }
    report_signal();
    qapi_event_send_shutdown(caused_by_guest(reason), reason);
    if (qatomic_read(&shutdown_action) == SHUTDOWN_ACTION_PAUSE) {
        vm_stop(RUN_STATE_SHUTDOWN);
        return;
    }
    finished = true;
    finish_status = qatomic_read(&requested.exit_code);
}

static void process_reset(void)
{
    ShutdownCause reason = qatomic_xchg(&requested.reset, SHUTDOWN_CAUSE_NONE);

    if (reason == SHUTDOWN_CAUSE_NONE) {
        return;
    }
    pause_vcpus();
    /* What a vCPU asked for until it stopped is the same reset. */
    qatomic_set(&requested.reset, SHUTDOWN_CAUSE_NONE);
    qemu_system_reset(reason);
    if (runstate_is_running()) {
        resume_vcpus();
    } else {
        runstate_set(RUN_STATE_PRELAUNCH);
    }
}

static void process_panic(void)
{
    if (!qatomic_xchg(&requested.panicked, 0)) {
        return;
    }
    if (panic_action == PANIC_ACTION_NONE) {
        qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_RUN, NULL);
    } else if (panic_action == PANIC_ACTION_PAUSE ||
               qatomic_read(&shutdown_action) == SHUTDOWN_ACTION_PAUSE) {
        qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_PAUSE, NULL);
        vm_stop(RUN_STATE_GUEST_PANICKED);
    } else {
        bool failure = panic_action == PANIC_ACTION_EXIT_FAILURE;

        qapi_event_send_guest_panicked(GUEST_PANIC_ACTION_POWEROFF, NULL);
        vm_stop(RUN_STATE_GUEST_PANICKED);
        request_shutdown(SHUTDOWN_CAUSE_GUEST_PANIC,
                         failure ? EXIT_FAILURE : EXIT_SUCCESS);
    }
}

static void process_powerdown(void)
{
    MachineState *ms = current_machine();

    if (!qatomic_xchg(&requested.powerdown, 0)) {
        return;
    }
    qapi_event_send_powerdown();
    if (ms && ms->mc->powerdown) {
        ms->mc->powerdown(ms);
    }
}

bool runstate_process_requests(int *status)
{
    RunState stop;

    process_panic();
    process_shutdown();
    if (finished) {
        if (status) {
            *status = finish_status;
        }
        return true;
    }
    process_reset();
    process_powerdown();
    stop = qatomic_xchg(&requested.vmstop, RUN_STATE__MAX);
    if (stop != RUN_STATE__MAX) {
        vm_stop(stop);
    }
    return false;
}

int qemu_main_loop(void)
{
    int status = EXIT_SUCCESS;

    while (!runstate_process_requests(&status)) {
        main_loop_wait(false);
    }
    return status;
}
