/*
 * The run-state machine: running, paused, and the ways to leave.
 *
 * Requests (reset, shutdown, power button, stop) come from any thread through
 * hw/core/runstate-if.h; the main loop carries them out between its turns.
 *
 * Thread: main thread (BQL) unless said otherwise.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_RUNSTATE_H
#define SYSTEM_RUNSTATE_H

#include "hw/core/runstate-if.h"

/* Be the one who carries out the requests of hw/core/runstate-if.h. */
void runstate_init(void);

/* Go from the present state to @state; a transition that makes no sense is a
 * bug of ours and aborts. */
void runstate_set(RunState state);

/* Start or continue; a no-op when running. */
void vm_start(void);
/* Pause the vCPUs and the disks, and be in @state; when stopped already only
 * the request is noted. */
void vm_stop(RunState state);
/* For the end: stop without events. */
void vm_shutdown(void);

/* Reset devices, machine and vCPUs; vCPUs are paused meanwhile. */
void qemu_system_reset(ShutdownCause reason);
/* May the VM go on without a reset? */
bool runstate_needs_reset(void);

/*
 * Carry out what was requested.  Returns true when the program should end,
 * with *@status (an exit status; NULL: the caller is not the main loop, which
 * will ask again).
 */
bool runstate_process_requests(int *status);
/* main_loop_wait() until it should end; the exit status. */
int qemu_main_loop(void);

/* SIGTERM and friends; async-signal-safe. */
void qemu_system_killed(int signal, int pid);

/* -no-reboot, -no-shutdown, -action, set-action */
void runstate_set_actions(const RebootAction *reboot,
                          const ShutdownAction *shutdown,
                          const PanicAction *panic);

/* -S: do not start by itself. */
void runstate_set_autostart(bool on);
bool runstate_autostart(void);

#endif
