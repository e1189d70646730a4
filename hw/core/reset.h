/*
 * System reset: the devices of the main system bus and below, then handlers
 * of parts that are not devices.
 *
 * Thread: main thread (BQL), vCPUs paused.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_RESET_H
#define HW_CORE_RESET_H

typedef void QEMUResetHandler(void *opaque);

/* Handlers run in the order of registration, after the devices. */
void qemu_register_reset(QEMUResetHandler *func, void *opaque);
void qemu_unregister_reset(QEMUResetHandler *func, void *opaque);
/* Reset everything; the machine's own reset comes after it (system/). */
void qemu_devices_reset(void);

#endif
