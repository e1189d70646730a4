/*
 * Requests of devices to the run-state machine, and its notifications to them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/runstate-if.h"

/* Set once while the program starts. */
static const RunstateOps *runstate_ops;

void runstate_set_ops(const RunstateOps *ops)
{
    runstate_ops = ops;
}

void qemu_system_reset_request(ShutdownCause reason)
{
    if (runstate_ops) {
        runstate_ops->reset_request(reason);
    }
}

void qemu_system_shutdown_request(ShutdownCause reason)
{
    qemu_system_shutdown_request_with_code(reason, 0);
}

void qemu_system_shutdown_request_with_code(ShutdownCause reason, int code)
{
    if (runstate_ops) {
        runstate_ops->shutdown_request(reason, code);
    }
}

void qemu_system_powerdown_request(void)
{
    if (runstate_ops) {
        runstate_ops->powerdown_request();
    }
}

void qemu_system_vmstop_request(RunState state)
{
    if (runstate_ops) {
        runstate_ops->vmstop_request(state);
    }
}

void qemu_system_guest_panicked(void)
{
    if (runstate_ops) {
        runstate_ops->guest_panicked();
    }
}

RunState runstate_get(void)
{
    return runstate_ops ? runstate_ops->get() : RUN_STATE_PRELAUNCH;
}

bool runstate_check(RunState state)
{
    return runstate_get() == state;
}

bool runstate_is_running(void)
{
    return runstate_check(RUN_STATE_RUNNING);
}
