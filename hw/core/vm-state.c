/*
 * The list of those who want to know when the VM starts and stops.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/vm-state.h"
#include "util/queue.h"

struct VMChangeStateEntry {
    VMChangeStateHandler *cb; /* NULL: deleted while the list was walked */
    void *opaque;
    int priority;
    TAILQ_ENTRY(VMChangeStateEntry) entries;
};

static TAILQ_HEAD(VMChangeStateHead, VMChangeStateEntry) handlers =
    TAILQ_HEAD_INITIALIZER(handlers); /* by rising priority */
static unsigned walking;

VMChangeStateEntry *qemu_add_vm_change_state_handler_prio(
    VMChangeStateHandler *cb, void *opaque, int priority)
{
    VMChangeStateEntry *e = g_new0(VMChangeStateEntry, 1);
    VMChangeStateEntry *other;

    e->cb = cb;
    e->opaque = opaque;
    e->priority = priority;
    TAILQ_FOREACH(other, &handlers, entries) {
        if (other->priority > priority) {
            TAILQ_INSERT_BEFORE(other, e, entries);
            return e;
        }
    }
    TAILQ_INSERT_TAIL(&handlers, e, entries);
    return e;
}

VMChangeStateEntry *qemu_add_vm_change_state_handler(VMChangeStateHandler *cb,
                                                     void *opaque)
{
    return qemu_add_vm_change_state_handler_prio(cb, opaque, 0);
}

static void free_entry(VMChangeStateEntry *e)
{
    TAILQ_REMOVE(&handlers, e, entries);
    g_free(e);
}

void qemu_del_vm_change_state_handler(VMChangeStateEntry *e)
{
    if (!e) {
        return;
    }
    if (walking) {
        e->cb = NULL;
    } else {
        free_entry(e);
    }
}

static void free_deleted(void)
{
    VMChangeStateEntry *e, *next;

    TAILQ_FOREACH_SAFE(e, &handlers, entries, next) {
        if (!e->cb) {
            free_entry(e);
        }
    }
}

static void call_entry(VMChangeStateEntry *e, bool running, RunState state)
{
    if (e->cb) {
        e->cb(e->opaque, running, state);
    }
}

void vm_state_notify(bool running, RunState state)
{
    VMChangeStateEntry *e;

    walking++;
    if (running) {
        TAILQ_FOREACH(e, &handlers, entries) {
            call_entry(e, running, state);
        }
    } else {
        TAILQ_FOREACH_REVERSE(e, &handlers, VMChangeStateHead, entries)
        {
            call_entry(e, running, state);
        }
    }
    if (--walking == 0) {
        free_deleted();
    }
}
