/*
 * What devices and accelerators may ask of the run-state machine, which lives
 * above them: requests are noted and carried out by the main loop.
 *
 * Thread: any.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_RUNSTATE_IF_H
#define HW_CORE_RUNSTATE_IF_H

#if __has_include("qapi/qapi-types-run-state.h")
#include "qapi/qapi-types-run-state.h"
#else
/* Until the schema's generated header is there. */
typedef enum RunState {
    RUN_STATE_DEBUG,
    RUN_STATE_INMIGRATE,
    RUN_STATE_INTERNAL_ERROR,
    RUN_STATE_IO_ERROR,
    RUN_STATE_PAUSED,
    RUN_STATE_POSTMIGRATE,
    RUN_STATE_PRELAUNCH,
    RUN_STATE_FINISH_MIGRATE,
    RUN_STATE_RESTORE_VM,
    RUN_STATE_RUNNING,
    RUN_STATE_SAVE_VM,
    RUN_STATE_SHUTDOWN,
    RUN_STATE_SUSPENDED,
    RUN_STATE_WATCHDOG,
    RUN_STATE_GUEST_PANICKED,
    RUN_STATE_COLO,
    RUN_STATE__MAX,
} RunState;
typedef enum ShutdownCause {
    SHUTDOWN_CAUSE_NONE,
    SHUTDOWN_CAUSE_HOST_ERROR,
    SHUTDOWN_CAUSE_HOST_QMP_QUIT,
    SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET,
    SHUTDOWN_CAUSE_HOST_SIGNAL,
    SHUTDOWN_CAUSE_HOST_UI,
    SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
    SHUTDOWN_CAUSE_GUEST_RESET,
    SHUTDOWN_CAUSE_GUEST_PANIC,
    SHUTDOWN_CAUSE_SUBSYSTEM_RESET,
    SHUTDOWN_CAUSE_SNAPSHOT_LOAD,
    SHUTDOWN_CAUSE__MAX,
} ShutdownCause;
#endif

/* The guest (or a user) wants a reset; with -no-reboot a guest's one ends the
 * VM. */
void qemu_system_reset_request(ShutdownCause reason);
/* The guest (or a user) has switched the machine off. */
void qemu_system_shutdown_request(ShutdownCause reason);
/* -device isa-debug-exit: end the process with @code. */
void qemu_system_shutdown_request_with_code(ShutdownCause reason, int code);
/* Press the power button. */
void qemu_system_powerdown_request(void);
/* Stop the VM with @state (RUN_STATE_IO_ERROR, RUN_STATE_INTERNAL_ERROR...). */
void qemu_system_vmstop_request(RunState state);
/* The guest cannot go on (triple fault is a reset, this is a panic). */
void qemu_system_guest_panicked(void);

/* Is the VM running now?  A snapshot, for other threads. */
bool runstate_is_running(void);
/* Main thread. */
bool runstate_check(RunState state);
RunState runstate_get(void);

/*
 * Provided by system/; a unit test or another program that links hw/core
 * without it registers nothing and the requests do nothing.
 */
typedef struct RunstateOps {
    void (*reset_request)(ShutdownCause reason);
    void (*shutdown_request)(ShutdownCause reason, int code);
    void (*powerdown_request)(void);
    void (*vmstop_request)(RunState state);
    void (*guest_panicked)(void);
    RunState (*get)(void); /* any thread */
} RunstateOps;
void runstate_set_ops(const RunstateOps *ops);

#endif
