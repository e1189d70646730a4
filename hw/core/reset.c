/*
 * System reset.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/reset.h"
#include "hw/core/qdev.h"

typedef struct ResetEntry {
    QEMUResetHandler *func;
    void *opaque;
    TAILQ_ENTRY(ResetEntry) next;
} ResetEntry;

static TAILQ_HEAD(, ResetEntry) reset_handlers = TAILQ_HEAD_INITIALIZER(
    reset_handlers);

void qemu_register_reset(QEMUResetHandler *func, void *opaque)
{
    ResetEntry *e = g_new0(ResetEntry, 1);

    e->func = func;
    e->opaque = opaque;
    TAILQ_INSERT_TAIL(&reset_handlers, e, next);
}

void qemu_unregister_reset(QEMUResetHandler *func, void *opaque)
{
    ResetEntry *e;

    TAILQ_FOREACH(e, &reset_handlers, next) {
        if (e->func == func && e->opaque == opaque) {
            TAILQ_REMOVE(&reset_handlers, e, next);
            g_free(e);
            return;
        }
    }
}

void qemu_devices_reset(void)
{
    ResetEntry *e, *next;

    bus_cold_reset(sysbus_get_default());
    TAILQ_FOREACH_SAFE(e, &reset_handlers, next, next) {
        e->func(e->opaque);
    }
}
