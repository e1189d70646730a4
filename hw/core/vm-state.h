/*
 * Who wants to know when the VM starts and stops running.
 *
 * Thread: main thread (BQL).  On a stop the handlers run after the vCPUs have
 * been paused, on a start before they go on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_VM_STATE_H
#define HW_CORE_VM_STATE_H

#include "hw/core/runstate-if.h"

typedef struct VMChangeStateEntry VMChangeStateEntry;
typedef void VMChangeStateHandler(void *opaque, bool running, RunState state);

/* With priority 0. */
VMChangeStateEntry *qemu_add_vm_change_state_handler(VMChangeStateHandler *cb,
                                                     void *opaque);
/* On a start lower priorities run first, on a stop higher ones. */
VMChangeStateEntry *qemu_add_vm_change_state_handler_prio(
    VMChangeStateHandler *cb, void *opaque, int priority);
/* May be called from a handler. NULL is fine. */
void qemu_del_vm_change_state_handler(VMChangeStateEntry *e);
/* Tell everybody (system/runstate.c). */
void vm_state_notify(bool running, RunState state);

#endif
