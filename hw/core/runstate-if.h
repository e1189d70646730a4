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

#include "qapi/qapi-types-run-state.h"

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
