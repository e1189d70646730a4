/*
 * Message signalled interrupts: hands each call to the accelerator.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/msi-route.h"

static const MSIRouteOps *route_ops;

void msi_route_register_ops(const MSIRouteOps *ops)
{
    route_ops = ops;
}

bool msi_route_available(void)
{
    return route_ops != NULL && route_ops->attach_irqfd != NULL;
}

int msi_route_add(MSIMessage msg)
{
    return route_ops && route_ops->add ? route_ops->add(msg) : -ENOSYS;
}

int msi_route_update(int virq, MSIMessage msg)
{
    return route_ops && route_ops->update ? route_ops->update(virq, msg)
                                          : -ENOSYS;
}

void msi_route_release(int virq)
{
    if (route_ops && route_ops->release) {
        route_ops->release(virq);
    }
}

int msi_route_attach_irqfd(int virq, EventNotifier *e)
{
    return route_ops && route_ops->attach_irqfd
               ? route_ops->attach_irqfd(virq, e)
               : -ENOSYS;
}

int msi_route_detach_irqfd(int virq, EventNotifier *e)
{
    return route_ops && route_ops->detach_irqfd
               ? route_ops->detach_irqfd(virq, e)
               : -ENOSYS;
}

void msi_route_begin(void)
{
    if (route_ops && route_ops->begin) {
        route_ops->begin();
    }
}

void msi_route_commit(void)
{
    if (route_ops && route_ops->commit) {
        route_ops->commit();
    }
}

int msi_send(MSIMessage msg)
{
    return route_ops && route_ops->send ? route_ops->send(msg) : -ENOSYS;
}
