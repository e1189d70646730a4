/*
 * Message signalled interrupts between a device (hw/pci/msix, virtio) and the
 * accelerator: a route gives an MSI message a number ("virq"), and an eventfd
 * attached to that number injects the message without user space.
 *
 * The accelerator registers MSIRouteOps once at start; without one, routes
 * cannot be made and devices deliver by msi_send().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_MSI_ROUTE_H
#define HW_CORE_MSI_ROUTE_H

#include "util/event-notifier.h"

typedef struct MSIMessage {
    uint64_t address;
    uint32_t data;
} MSIMessage;

/* All return 0 or -errno. BQL, except @send, which any thread may call. */
typedef struct MSIRouteOps {
    int (*add)(MSIMessage msg); /* the virq, >= 0 */
    int (*update)(int virq, MSIMessage msg);
    void (*release)(int virq);
    int (*attach_irqfd)(int virq, EventNotifier *e);
    int (*detach_irqfd)(int virq, EventNotifier *e);
    void (*begin)(void);  /* optional: put off the kernel's table update ... */
    void (*commit)(void); /* ... until here */
    int (*send)(MSIMessage msg);
} MSIRouteOps;

/* Accelerator, at start; NULL takes them away. */
void msi_route_register_ops(const MSIRouteOps *ops);

/* Can an eventfd inject an interrupt here? */
bool msi_route_available(void);

/* Give @msg a number. >= 0, or -errno (-ENOSYS: no accelerator, -ENOSPC). */
int msi_route_add(MSIMessage msg);

/* The guest changed the vector's message. */
int msi_route_update(int virq, MSIMessage msg);

void msi_route_release(int virq);

/* From now on a write to @e injects virq's message / no longer does. */
int msi_route_attach_irqfd(int virq, EventNotifier *e);
int msi_route_detach_irqfd(int virq, EventNotifier *e);

/* Bracket several adds and updates so that the kernel sees one table. */
void msi_route_begin(void);
void msi_route_commit(void);

/* Deliver once, by a system call. 0 or -errno. Any thread. */
int msi_send(MSIMessage msg);

#endif
