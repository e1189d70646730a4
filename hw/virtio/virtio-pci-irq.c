/*
 * Interrupts of the PCI transport.
 *
 * While a queue's MSI-X vector can be delivered, the kernel reads the
 * queue's eventfd (irqfd) and no user space is involved.  Otherwise the
 * queue asks the main loop, which sets the vector's pending bit, or raises
 * the INTx line with the ISR bit.  Which way is decided here, again each
 * time something changes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/virtio-pci.h"
#include "util/error-report.h"

enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

static VirtIOPCIQueueIrq *irq_of(VirtIOPCIProxy *p, VirtQueue *vq)
{
    return &p->irq[vq->index];
}

/* --- delivery from the main loop ------------------------------------------ */

static void deliver(VirtIOPCIProxy *p, uint16_t vector, uint8_t isr)
{
    if (msix_enabled(&p->pci_dev)) {
        if (vector != VIRTIO_NO_VECTOR) {
            msix_notify(&p->pci_dev, vector);
        }
    } else {
        p->isr |= isr;
        pci_set_irq(&p->pci_dev, 1);
    }
}

void virtio_pci_queue_interrupt(VirtIOPCIProxy *p, VirtQueue *vq)
{
    deliver(p, vq->vector, ISR_QUEUE);
}

void virtio_pci_config_interrupt(VirtIOPCIProxy *p)
{
    deliver(p, p->config_vector, ISR_CONFIG);
}

uint8_t virtio_pci_isr_read(VirtIOPCIProxy *p)
{
    uint8_t isr = p->isr;

    p->isr = 0;
    pci_set_irq(&p->pci_dev, 0);
    return isr;
}

/* --- which way ------------------------------------------------------------ */

/* A route with the vector's present message; false without one. */
static bool update_route(VirtIOPCIProxy *p, VirtQueue *vq)
{
    VirtIOPCIQueueIrq *irq = irq_of(p, vq);
    MSIMessage msg = msix_get_message(&p->pci_dev, vq->vector);

    if (irq->virq < 0) {
        int virq = msi_route_add(msg);

        if (virq < 0) {
            return false;
        }
        irq->virq = virq;
    } else if (irq->msg.address != msg.address || irq->msg.data != msg.data) {
        if (msi_route_update(irq->virq, msg) < 0) {
            return false;
        }
    }
    irq->msg = msg;
    return true;
}

static bool wants_irqfd(VirtIOPCIProxy *p, VirtQueue *vq)
{
    return irq_of(p, vq)->connected && msi_route_available() &&
           vq->vector != VIRTIO_NO_VECTOR && msix_enabled(&p->pci_dev) &&
           !msix_is_masked(&p->pci_dev, vq->vector) && update_route(p, vq);
}

/* Something has changed: decide again. */
static void choose_way(VirtIOPCIProxy *p, VirtQueue *vq)
{
    VirtIOPCIQueueIrq *irq = irq_of(p, vq);
    bool irqfd;

    if (!p->irq) {
        return; /* not realized yet */
    }
    irqfd = wants_irqfd(p, vq);
    if (irqfd == irq->irqfd) {
        return;
    }
    if (irqfd) {
        irqfd = msi_route_attach_irqfd(irq->virq, &vq->guest_notifier) >= 0;
    } else {
        msi_route_detach_irqfd(irq->virq, &vq->guest_notifier);
    }
    irq->irqfd = irqfd;
    virtio_queue_set_irqfd(vq, irqfd);
}

void virtio_pci_irq_connect(VirtIOPCIProxy *p, VirtQueue *vq)
{
    irq_of(p, vq)->connected = true;
    choose_way(p, vq);
}

void virtio_pci_irq_disconnect(VirtIOPCIProxy *p, VirtQueue *vq)
{
    VirtIOPCIQueueIrq *irq = irq_of(p, vq);

    irq->connected = false;
    choose_way(p, vq);
    if (irq->virq >= 0) {
        msi_route_release(irq->virq);
        irq->virq = -1;
    }
}

/* --- vectors -------------------------------------------------------------- */

/* Exchange a use of @old for one of @vector; what the register holds then. */
static uint16_t exchange_vector(VirtIOPCIProxy *p, uint16_t old,
                                uint16_t vector)
{
    if (old != VIRTIO_NO_VECTOR) {
        msix_vector_unuse(&p->pci_dev, old);
    }
    if (vector != VIRTIO_NO_VECTOR &&
        msix_vector_use(&p->pci_dev, vector) < 0) {
        vector = VIRTIO_NO_VECTOR;
    }
    return vector;
}

uint16_t virtio_pci_set_queue_vector(VirtIOPCIProxy *p, VirtQueue *vq,
                                     uint16_t vector)
{
    vq->vector = exchange_vector(p, vq->vector, vector);
    choose_way(p, vq);
    return vq->vector;
}

uint16_t virtio_pci_set_config_vector(VirtIOPCIProxy *p, uint16_t vector)
{
    p->config_vector = exchange_vector(p, p->config_vector, vector);
    return p->config_vector;
}

static void vector_changed(PCIDevice *d, unsigned vector)
{
    VirtIOPCIProxy *p = (VirtIOPCIProxy *)d;

    for (unsigned i = 0; i < p->vdev->nvqs; i++) {
        if (p->vdev->vq[i].vector == vector) {
            choose_way(p, &p->vdev->vq[i]);
        }
    }
}

static int vector_unmask(PCIDevice *d, unsigned vector, MSIMessage msg)
{
    vector_changed(d, vector);
    return 0;
}

static const MSIXVectorOps vector_ops = {
    .unmask = vector_unmask,
    .mask = vector_changed,
};

bool virtio_pci_irq_init(VirtIOPCIProxy *p, Error **errp)
{
    uint32_t nvectors = p->nvectors;

    p->config_vector = VIRTIO_NO_VECTOR;
    p->irq = g_new0(VirtIOPCIQueueIrq, p->vdev->nvqs);
    for (unsigned i = 0; i < p->vdev->nvqs; i++) {
        p->irq[i].virq = -1;
    }
    if (nvectors == UINT32_MAX) {
        nvectors = p->vdev->nvqs + 1;
    }
    if (!nvectors) {
        return true;
    }
    if (!msix_init_exclusive_bar(&p->pci_dev, nvectors, 1, NULL)) {
        warn_report("unable to init msix vectors to %" PRIu32, nvectors);
        return true; /* the interrupt line does it */
    }
    msix_set_vector_ops(&p->pci_dev, &vector_ops);
    return true;
}

void virtio_pci_irq_cleanup(VirtIOPCIProxy *p)
{
    msix_uninit(&p->pci_dev);
    g_free(p->irq);
    p->irq = NULL;
}
