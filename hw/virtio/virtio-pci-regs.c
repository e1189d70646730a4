/*
 * Registers of the PCI transport: one table row per register of the common
 * configuration structure, virtio 1.2 section 4.1.4.3.
 *
 * The driver must use a register's own width (4.1.3.1).  Any other access
 * reads zero and writes nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/virtio-pci.h"

/* The queue that queue_select names, or NULL. */
static VirtQueue *selected(VirtIOPCIProxy *p)
{
    return p->queue_select < p->vdev->nvqs ? &p->vdev->vq[p->queue_select]
                                           : NULL;
}

/* --- features ------------------------------------------------------------- */

static uint32_t read_device_feature_select(VirtIOPCIProxy *p)
{
    return p->device_feature_select;
}

static void write_device_feature_select(VirtIOPCIProxy *p, uint32_t v)
{
    p->device_feature_select = v;
}

static uint32_t read_device_feature(VirtIOPCIProxy *p)
{
    uint32_t i = p->device_feature_select;

    return i < 2 ? p->vdev->host_features >> (32 * i) : 0;
}

static uint32_t read_driver_feature_select(VirtIOPCIProxy *p)
{
    return p->driver_feature_select;
}

static void write_driver_feature_select(VirtIOPCIProxy *p, uint32_t v)
{
    p->driver_feature_select = v;
}

static uint32_t read_driver_feature(VirtIOPCIProxy *p)
{
    uint32_t i = p->driver_feature_select;

    return i < 2 ? p->driver_feature[i] : 0;
}

static void write_driver_feature(VirtIOPCIProxy *p, uint32_t v)
{
    uint32_t i = p->driver_feature_select;

    if (i < 2) {
        p->driver_feature[i] = v;
        virtio_set_features(p->vdev, (uint64_t)p->driver_feature[1] << 32 |
                                         p->driver_feature[0]);
    }
}

/* --- the device ----------------------------------------------------------- */

static uint32_t read_config_vector(VirtIOPCIProxy *p)
{
    return p->config_vector;
}

static void write_config_vector(VirtIOPCIProxy *p, uint32_t v)
{
    virtio_pci_set_config_vector(p, v);
}

static uint32_t read_num_queues(VirtIOPCIProxy *p)
{
    return p->vdev->nvqs;
}

static uint32_t read_status(VirtIOPCIProxy *p)
{
    return p->vdev->status;
}

static void write_status(VirtIOPCIProxy *p, uint32_t v)
{
    virtio_set_status(p->vdev, v);
}

static uint32_t read_generation(VirtIOPCIProxy *p)
{
    return p->vdev->generation;
}

static uint32_t read_queue_select(VirtIOPCIProxy *p)
{
    return p->queue_select;
}

static void write_queue_select(VirtIOPCIProxy *p, uint32_t v)
{
    p->queue_select = v;
}

/* --- the selected queue --------------------------------------------------- */

static uint32_t read_queue_size(VirtIOPCIProxy *p)
{
    VirtQueue *vq = selected(p);

    return vq ? vq->num : 0;
}

static void write_queue_size(VirtIOPCIProxy *p, uint32_t v)
{
    VirtQueue *vq = selected(p);

    if (vq && !vq->enabled && is_power_of_2(v) && v <= vq->num_max) {
        vq->num = v;
    }
}

static uint32_t read_queue_vector(VirtIOPCIProxy *p)
{
    VirtQueue *vq = selected(p);

    return vq ? vq->vector : VIRTIO_NO_VECTOR;
}

static void write_queue_vector(VirtIOPCIProxy *p, uint32_t v)
{
    VirtQueue *vq = selected(p);

    if (vq) {
        virtio_pci_set_queue_vector(p, vq, v);
    }
}

static uint32_t read_queue_enable(VirtIOPCIProxy *p)
{
    VirtQueue *vq = selected(p);

    return vq ? vq->enabled : 0;
}

static void write_queue_enable(VirtIOPCIProxy *p, uint32_t v)
{
    VirtQueue *vq = selected(p);

    if (v != 1) {
        virtio_error(p->vdev, "wrong value for queue_enable %" PRIx32, v);
    } else if (vq) {
        virtio_queue_enable(p->vdev, vq);
    }
}

static uint32_t read_queue_notify_off(VirtIOPCIProxy *p)
{
    return selected(p) ? p->queue_select : 0;
}

/* Always finished when the write of queue_reset returns. */
static uint32_t read_queue_reset(VirtIOPCIProxy *p)
{
    return 0;
}

static void write_queue_reset(VirtIOPCIProxy *p, uint32_t v)
{
    VirtQueue *vq = selected(p);

    if (vq && vq->enabled && v == 1) {
        virtio_queue_reset(p->vdev, vq);
        if (!vq->enabled) { /* the vector is part of its state, 2.6.1 */
            virtio_pci_set_queue_vector(p, vq, VIRTIO_NO_VECTOR);
        }
    }
}

static void set_half(uint64_t *addr, unsigned shift, uint32_t v)
{
    *addr = (*addr & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)v << shift;
}

#define QUEUE_ADDRESS(name, half, shift)                             \
    static uint32_t read_##name##_##half(VirtIOPCIProxy *p)          \
    {                                                                \
        VirtQueue *vq = selected(p);                                 \
                                                                     \
        return vq ? vq->name >> (shift) : 0;                         \
    }                                                                \
    static void write_##name##_##half(VirtIOPCIProxy *p, uint32_t v) \
    {                                                                \
        VirtQueue *vq = selected(p);                                 \
                                                                     \
        if (vq && !vq->enabled) {                                    \
            set_half(&vq->name, (shift), v);                         \
        }                                                            \
    }

QUEUE_ADDRESS(desc, lo, 0)
QUEUE_ADDRESS(desc, hi, 32)
QUEUE_ADDRESS(avail, lo, 0)
QUEUE_ADDRESS(avail, hi, 32)
QUEUE_ADDRESS(used, lo, 0)
QUEUE_ADDRESS(used, hi, 32)

/* --- the common configuration structure ----------------------------------- */

typedef struct Register {
    uint8_t offset;
    uint8_t size;
    uint32_t (*read)(VirtIOPCIProxy *p);
    void (*write)(VirtIOPCIProxy *p, uint32_t v); /* NULL: read-only */
} Register;

static const Register registers[] = {
    { 0x00, 4, read_device_feature_select, write_device_feature_select },
    { 0x04, 4, read_device_feature, NULL },
    { 0x08, 4, read_driver_feature_select, write_driver_feature_select },
    { 0x0c, 4, read_driver_feature, write_driver_feature },
    { 0x10, 2, read_config_vector, write_config_vector },
    { 0x12, 2, read_num_queues, NULL },
    { 0x14, 1, read_status, write_status },
    { 0x15, 1, read_generation, NULL },
    { 0x16, 2, read_queue_select, write_queue_select },
    { 0x18, 2, read_queue_size, write_queue_size },
    { 0x1a, 2, read_queue_vector, write_queue_vector },
    { 0x1c, 2, read_queue_enable, write_queue_enable },
    { 0x1e, 2, read_queue_notify_off, NULL },
    { 0x20, 4, read_desc_lo, write_desc_lo },
    { 0x24, 4, read_desc_hi, write_desc_hi },
    { 0x28, 4, read_avail_lo, write_avail_lo },
    { 0x2c, 4, read_avail_hi, write_avail_hi },
    { 0x30, 4, read_used_lo, write_used_lo },
    { 0x34, 4, read_used_hi, write_used_hi },
    { 0x3a, 2, read_queue_reset, write_queue_reset },
};

static const Register *find_register(hwaddr addr, unsigned size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        if (registers[i].offset == addr && registers[i].size == size) {
            return &registers[i];
        }
    }
    return NULL;
}

static uint64_t common_read(void *opaque, hwaddr addr, unsigned size)
{
    const Register *r = find_register(addr, size);

    return r ? r->read(opaque) : 0;
}

static void common_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    const Register *r = find_register(addr, size);

    if (r && r->write) {
        r->write(opaque, val);
    }
}

/* --- the other structures ------------------------------------------------- */

static uint64_t isr_read(void *opaque, hwaddr addr, unsigned size)
{
    return addr ? 0 : virtio_pci_isr_read(opaque);
}

static void isr_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static uint64_t device_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIOPCIProxy *p = opaque;

    return virtio_config_read(p->vdev, addr, size);
}

static void device_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VirtIOPCIProxy *p = opaque;

    virtio_config_write(p->vdev, addr, val, size);
}

static uint64_t notify_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

/* Only where no ioeventfd catches the write: ioeventfd=off, a stopped queue. */
static void notify_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    VirtIOPCIProxy *p = opaque;
    unsigned queue = addr / VIRTIO_PCI_NOTIFY_MULTIPLIER;

    if (queue < p->vdev->nvqs) {
        virtio_queue_kick(&p->vdev->vq[queue]);
    }
}

const MemoryRegionOps virtio_pci_common_ops = {
    .read = common_read,
    .write = common_write,
    .min_access_size = 1,
    .max_access_size = 4,
};

const MemoryRegionOps virtio_pci_isr_ops = {
    .read = isr_read,
    .write = isr_write,
    .min_access_size = 1,
    .max_access_size = 4,
};

const MemoryRegionOps virtio_pci_device_ops = {
    .read = device_read,
    .write = device_write,
    .min_access_size = 1,
    .max_access_size = 4,
};

const MemoryRegionOps virtio_pci_notify_ops = {
    .read = notify_read,
    .write = notify_write,
    .min_access_size = 1,
    .max_access_size = 4,
};

void virtio_pci_regs_reset(VirtIOPCIProxy *p)
{
    p->device_feature_select = 0;
    p->driver_feature_select = 0;
    p->driver_feature[0] = p->driver_feature[1] = 0;
    p->queue_select = 0;
}
