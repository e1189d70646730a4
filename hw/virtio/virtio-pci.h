/*
 * The PCI transport of virtio (virtio 1.2 section 4.1), modern only.
 *
 * A device type embeds VirtIOPCIProxy first and its VirtIODevice behind it,
 * and calls virtio_pci_realize() once the device's queues exist.
 *
 * BAR 1 has the MSI-X table; BAR 4 (64-bit, prefetchable) has, at 4 KiB each,
 * common configuration, ISR, device configuration and notification.
 *
 * Everything here runs under the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/msix.h"
#include "hw/virtio/virtio.h"
#include "qapi/qapi-types-common.h"

#define TYPE_VIRTIO_PCI "virtio-pci"

#define VIRTIO_PCI_VENDOR_ID      0x1af4
#define VIRTIO_PCI_MODERN_ID_BASE 0x1040

/* How the interrupt of a queue travels. */
typedef struct VirtIOPCIQueueIrq {
    bool connected; /* between queue_connect and queue_disconnect */
    bool irqfd;     /* the kernel reads vq->guest_notifier */
    int virq;       /* route, or -1 */
    MSIMessage msg; /* of the route */
} VirtIOPCIQueueIrq;

typedef struct VirtIOPCIProxy {
    PCIDevice pci_dev;

    /* Properties */
    uint32_t nvectors; /* UINT32_MAX: a vector per queue and one more */
    uint32_t class_code;
    bool ioeventfd;
    OnOffAuto disable_legacy; /* accepted */
    bool disable_modern;      /* accepted if off */
    uint64_t ignored;         /* bits of properties without effect */

    /* Fixed at realize */
    VirtIODevice *vdev;
    MemoryRegion bar, common, isr_mr, device, notify;
    uint8_t cfg_cap; /* offset of the PCI configuration access capability */

    /* Registers */
    uint32_t device_feature_select;
    uint32_t driver_feature_select;
    uint32_t driver_feature[2];
    uint16_t queue_select;
    uint16_t config_vector;
    uint8_t isr;

    VirtIOPCIQueueIrq *irq; /* one per queue */
} VirtIOPCIProxy;

/* --- for device types --- */

/* TYPE_VIRTIO_PCI; NULL terminated. */
extern const TypeInfo *const virtio_pci_types[];

/* Show @vdev, whose queues exist, on the bus. */
bool virtio_pci_realize(VirtIOPCIProxy *proxy, VirtIODevice *vdev,
                        Error **errp);
void virtio_pci_exit(VirtIOPCIProxy *proxy);
/* Parts of PCIDeviceOps. */
void virtio_pci_reset(PCIDevice *d);
uint32_t virtio_pci_config_read(PCIDevice *d, unsigned addr, unsigned len);
void virtio_pci_config_write(PCIDevice *d, unsigned addr, uint32_t val,
                             unsigned len);

/* --- between virtio-pci*.c --- */

extern const MemoryRegionOps virtio_pci_common_ops, virtio_pci_isr_ops,
    virtio_pci_device_ops, virtio_pci_notify_ops;

/* Bytes between the notify addresses of two queues. */
#define VIRTIO_PCI_NOTIFY_MULTIPLIER 4

/* Registers to their state after reset. */
void virtio_pci_regs_reset(VirtIOPCIProxy *proxy);

/* Deliver for @vq / for the configuration. */
void virtio_pci_queue_interrupt(VirtIOPCIProxy *proxy, VirtQueue *vq);
void virtio_pci_config_interrupt(VirtIOPCIProxy *proxy);
uint8_t virtio_pci_isr_read(VirtIOPCIProxy *proxy);

/* The queue starts or no longer runs. */
void virtio_pci_irq_connect(VirtIOPCIProxy *proxy, VirtQueue *vq);
void virtio_pci_irq_disconnect(VirtIOPCIProxy *proxy, VirtQueue *vq);

/* Change a vector register; the value it has afterwards. */
uint16_t virtio_pci_set_queue_vector(VirtIOPCIProxy *proxy, VirtQueue *vq,
                                     uint16_t vector);
uint16_t virtio_pci_set_config_vector(VirtIOPCIProxy *proxy, uint16_t vector);

bool virtio_pci_irq_init(VirtIOPCIProxy *proxy, Error **errp);
void virtio_pci_irq_cleanup(VirtIOPCIProxy *proxy);

#endif
