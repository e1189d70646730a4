/*
 * The PCI transport: capabilities, regions, and its part in starting and
 * resetting a device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/virtio-pci.h"

/* Capability types, virtio 1.2 section 4.1.4 */
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI_CFG };

/* Offsets in a virtio capability */
enum {
    CAP_LEN = 2,
    CAP_CFG_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_LENGTH = 12,
    CAP_NOTIFY_MULTIPLIER = 16, /* of CAP_NOTIFY */
    CAP_PCI_CFG_DATA = 16,      /* of CAP_PCI_CFG */
    CAP_SIZE = 16,
    CAP_BIG_SIZE = 20,
};

/* Places in BAR 4 */
enum {
    BAR_MODERN = 4,
    REGION_SIZE = 0x1000,
    COMMON_OFFSET = 0x0000,
    ISR_OFFSET = 0x1000,
    DEVICE_OFFSET = 0x2000,
    NOTIFY_OFFSET = 0x3000,
    BAR_SIZE = 0x4000,
};

/* --- the window in configuration space, 4.1.4.9 --------------------------- */

typedef struct Window {
    const MemoryRegionOps *ops;
    hwaddr addr;
    unsigned size;
} Window;

static const MemoryRegionOps *region_at(uint32_t offset)
{
    switch (offset / REGION_SIZE) {
    case COMMON_OFFSET / REGION_SIZE:
        return &virtio_pci_common_ops;
    case ISR_OFFSET / REGION_SIZE:
        return &virtio_pci_isr_ops;
    case DEVICE_OFFSET / REGION_SIZE:
        return &virtio_pci_device_ops;
    case NOTIFY_OFFSET / REGION_SIZE:
        return &virtio_pci_notify_ops;
    default:
        return NULL;
    }
}

/* What the driver has pointed the window at; ops NULL: nothing. */
static Window window(VirtIOPCIProxy *p)
{
    const uint8_t *cap = p->pci_dev.config + p->cfg_cap;
    uint32_t offset = pci_get_long(cap + CAP_OFFSET);
    uint32_t size = pci_get_long(cap + CAP_LENGTH);
    Window w = { NULL, offset % REGION_SIZE, size };

    if (cap[CAP_BAR] == BAR_MODERN && (size == 1 || size == 2 || size == 4) &&
        offset % size == 0) {
        w.ops = region_at(offset);
    }
    return w;
}

static bool hits_window(VirtIOPCIProxy *p, unsigned addr, unsigned len)
{
    unsigned data = p->cfg_cap + CAP_PCI_CFG_DATA;

    return p->cfg_cap && addr < data + 4 && addr + len > data;
}

uint32_t virtio_pci_config_read(PCIDevice *d, unsigned addr, unsigned len)
{
    VirtIOPCIProxy *p = (VirtIOPCIProxy *)d;

    if (hits_window(p, addr, len)) {
        Window w = window(p);

        if (w.ops) {
            pci_set_long(d->config + p->cfg_cap + CAP_PCI_CFG_DATA,
                         w.ops->read(p, w.addr, w.size));
        }
    }
    return pci_default_read_config(d, addr, len);
}

void virtio_pci_config_write(PCIDevice *d, unsigned addr, uint32_t val,
                             unsigned len)
{
    VirtIOPCIProxy *p = (VirtIOPCIProxy *)d;

    pci_default_write_config(d, addr, val, len);
    if (hits_window(p, addr, len)) {
        Window w = window(p);

        if (w.ops) {
            uint32_t data = pci_get_long(d->config + p->cfg_cap +
                                         CAP_PCI_CFG_DATA);

            w.ops->write(p, w.addr, data & (UINT32_MAX >> (32 - 8 * w.size)),
                         w.size);
        }
    }
    /* A driver that takes away bus mastering has seen the last DMA. */
    if (p->vdev && addr <= PCI_COMMAND && addr + len > PCI_COMMAND &&
        !pci_bus_master_enabled(d) &&
        p->vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        virtio_set_status(p->vdev,
                          p->vdev->status & ~VIRTIO_CONFIG_S_DRIVER_OK);
    }
}

/* --- what the core asks for ----------------------------------------------- */

static void queue_connect(void *opaque, VirtQueue *vq)
{
    VirtIOPCIProxy *p = opaque;

    if (p->ioeventfd) {
        memory_region_add_eventfd(&p->notify,
                                  vq->index * VIRTIO_PCI_NOTIFY_MULTIPLIER, 0,
                                  false, 0, &vq->host_notifier);
    }
    virtio_pci_irq_connect(p, vq);
}

static void queue_disconnect(void *opaque, VirtQueue *vq)
{
    VirtIOPCIProxy *p = opaque;

    virtio_pci_irq_disconnect(p, vq);
    if (p->ioeventfd) {
        memory_region_del_eventfd(&p->notify,
                                  vq->index * VIRTIO_PCI_NOTIFY_MULTIPLIER, 0,
                                  false, 0, &vq->host_notifier);
    }
}

static void queue_interrupt(void *opaque, VirtQueue *vq)
{
    virtio_pci_queue_interrupt(opaque, vq);
}

static void notify_config(void *opaque)
{
    virtio_pci_config_interrupt(opaque);
}

/* The core has reset the queues. */
static void transport_reset(void *opaque)
{
    VirtIOPCIProxy *p = opaque;

    virtio_pci_regs_reset(p);
    virtio_pci_isr_read(p);
    virtio_pci_set_config_vector(p, VIRTIO_NO_VECTOR);
    for (unsigned i = 0; i < p->vdev->nvqs; i++) {
        virtio_pci_set_queue_vector(p, &p->vdev->vq[i], VIRTIO_NO_VECTOR);
    }
}

static const VirtIOTransportOps transport_ops = {
    .queue_connect = queue_connect,
    .queue_disconnect = queue_disconnect,
    .queue_interrupt = queue_interrupt,
    .notify_config = notify_config,
    .reset = transport_reset,
};

void virtio_pci_reset(PCIDevice *d)
{
    VirtIOPCIProxy *p = (VirtIOPCIProxy *)d;

    if (p->vdev) {
        virtio_reset(p->vdev);
    }
}

/* --- realize -------------------------------------------------------------- */

static int add_cap(PCIDevice *d, uint8_t type, uint8_t size, uint32_t offset,
                   uint32_t length, Error **errp)
{
    int pos = pci_add_capability(d, PCI_CAP_ID_VENDOR, 0, size, errp);

    if (pos >= 0) {
        d->config[pos + CAP_LEN] = size;
        d->config[pos + CAP_CFG_TYPE] = type;
        d->config[pos + CAP_BAR] = type == CAP_PCI_CFG ? 0 : BAR_MODERN;
        pci_set_long(d->config + pos + CAP_OFFSET, offset);
        pci_set_long(d->config + pos + CAP_LENGTH, length);
    }
    return pos;
}

static bool add_caps(VirtIOPCIProxy *p, Error **errp)
{
    PCIDevice *d = &p->pci_dev;
    int pos;

    if (add_cap(d, CAP_COMMON, CAP_SIZE, COMMON_OFFSET, REGION_SIZE, errp) <
            0 ||
        add_cap(d, CAP_ISR, CAP_SIZE, ISR_OFFSET, REGION_SIZE, errp) < 0 ||
        add_cap(d, CAP_DEVICE, CAP_SIZE, DEVICE_OFFSET, REGION_SIZE, errp) <
            0) {
        return false;
    }
    pos = add_cap(d, CAP_NOTIFY, CAP_BIG_SIZE, NOTIFY_OFFSET, REGION_SIZE,
                  errp);
    if (pos < 0) {
        return false;
    }
    pci_set_long(d->config + pos + CAP_NOTIFY_MULTIPLIER,
                 VIRTIO_PCI_NOTIFY_MULTIPLIER);
    pos = add_cap(d, CAP_PCI_CFG, CAP_BIG_SIZE, 0, 0, errp);
    if (pos < 0) {
        return false;
    }
    p->cfg_cap = pos;
    d->wmask[pos + CAP_BAR] = 0xff;
    memset(d->wmask + pos + CAP_OFFSET, 0xff, 12);
    return true;
}

static void add_region(VirtIOPCIProxy *p, MemoryRegion *mr,
                       const MemoryRegionOps *ops, const char *part,
                       hwaddr offset)
{
    g_autofree char *name = g_strdup_printf("virtio-pci-%s-%s", part,
                                            p->vdev->name);

    memory_region_init_io(mr, ops, p, name, REGION_SIZE);
    memory_region_add_subregion(&p->bar, offset, mr);
}

static void add_regions(VirtIOPCIProxy *p)
{
    memory_region_init(&p->bar, "virtio-pci", BAR_SIZE);
    add_region(p, &p->common, &virtio_pci_common_ops, "common", COMMON_OFFSET);
    add_region(p, &p->isr_mr, &virtio_pci_isr_ops, "isr", ISR_OFFSET);
    add_region(p, &p->device, &virtio_pci_device_ops, "device", DEVICE_OFFSET);
    add_region(p, &p->notify, &virtio_pci_notify_ops, "notify", NOTIFY_OFFSET);
    pci_register_bar(
        &p->pci_dev, BAR_MODERN,
        PCI_BASE_ADDRESS_MEM_PREFETCH | PCI_BASE_ADDRESS_MEM_TYPE_64, &p->bar);
}

static void del_regions(VirtIOPCIProxy *p)
{
    MemoryRegion *parts[] = { &p->common, &p->isr_mr, &p->device, &p->notify };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        memory_region_del_subregion(&p->bar, parts[i]);
        memory_region_destroy(parts[i]);
    }
    memory_region_destroy(&p->bar);
}

/* Only the modern interface is here. */
static bool check_modes(VirtIOPCIProxy *p, Error **errp)
{
    ERRP_GUARD();

    if (!p->disable_modern) {
        return true;
    }
    if (p->disable_legacy == ON_OFF_AUTO_ON) {
        error_setg(errp, "device cannot work as neither modern nor legacy mode "
                         "is enabled");
        error_append_hint(
            errp, "Set either disable-modern or disable-legacy to off\n");
    } else {
        error_setg(errp, "the legacy interface is not supported, "
                         "disable-modern must be off");
    }
    return false;
}

bool virtio_pci_realize(VirtIOPCIProxy *p, VirtIODevice *vdev, Error **errp)
{
    PCIDevice *d = &p->pci_dev;

    if (!check_modes(p, errp)) {
        return false;
    }
    p->vdev = vdev;
    vdev->transport = &transport_ops;
    vdev->transport_opaque = p;
    if (p->class_code) {
        d->config[PCI_CLASS_PROG] = p->class_code;
        pci_set_word(d->config + PCI_CLASS_DEVICE, p->class_code >> 8);
    }
    d->config[PCI_INTERRUPT_PIN] = 1;
    add_regions(p);
    if (!add_caps(p, errp) || !virtio_pci_irq_init(p, errp)) {
        virtio_pci_exit(p);
        return false;
    }
    return true;
}

void virtio_pci_exit(VirtIOPCIProxy *p)
{
    if (p->vdev) {
        virtio_reset(p->vdev);
        virtio_pci_irq_cleanup(p);
        del_regions(p);
        p->vdev = NULL;
    }
}

/* --- type ----------------------------------------------------------------- */

static const Property props[] = {
    DEFINE_PROP_ON_OFF_AUTO("disable-legacy", VirtIOPCIProxy, disable_legacy,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("disable-modern", VirtIOPCIProxy, disable_modern, false),
    /* Accepted, without effect */
    DEFINE_PROP_BIT64("modern-pio-notify", VirtIOPCIProxy, ignored, 0, false),
    DEFINE_PROP_BIT64("page-per-vq", VirtIOPCIProxy, ignored, 1, false),
    DEFINE_PROP_BIT64("ats", VirtIOPCIProxy, ignored, 2, false),
    DEFINE_PROP_BIT64("aer", VirtIOPCIProxy, ignored, 3, false),
    DEFINE_PROP_BIT64("migrate-extra", VirtIOPCIProxy, ignored, 4, true),
    DEFINE_PROP_BIT64("virtio-pci-bus-master-bug-migration", VirtIOPCIProxy,
                      ignored, 5, false),
    DEFINE_PROP_BIT64("x-ignore-backend-features", VirtIOPCIProxy, ignored, 6,
                      false),
    DEFINE_PROP_BIT64("x-ats-page-aligned", VirtIOPCIProxy, ignored, 7, true),
    DEFINE_PROP_BIT64("x-disable-pcie", VirtIOPCIProxy, ignored, 8, false),
    DEFINE_PROP_BIT64("x-pcie-deverr-init", VirtIOPCIProxy, ignored, 9, true),
    DEFINE_PROP_BIT64("x-pcie-flr-init", VirtIOPCIProxy, ignored, 10, true),
    DEFINE_PROP_BIT64("x-pcie-lnkctl-init", VirtIOPCIProxy, ignored, 11, true),
    DEFINE_PROP_BIT64("x-pcie-pm-init", VirtIOPCIProxy, ignored, 12, true),
    DEFINE_PROP_BIT64("x-pcie-pm-no-soft-reset", VirtIOPCIProxy, ignored, 13,
                      false),
    DEFINE_PROP_END,
};

static const TypeInfo virtio_pci_type = {
    .name = TYPE_VIRTIO_PCI,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(VirtIOPCIProxy),
    .abstract = true,
    .props = props,
};

const TypeInfo *const virtio_pci_types[] = { &virtio_pci_type, NULL };
