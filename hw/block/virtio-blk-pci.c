/*
 * virtio-blk-pci: the virtio-blk device on the PCI transport.
 *
 * The device is modern only (1af4:1042, revision 1), whatever disable-legacy
 * says.  QEMU's default on a conventional bus is transitional (1af4:1001);
 * every driver of virtio 1.0 and later works with both.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk.h"
#include "hw/core/boards.h"
#include "hw/virtio/virtio-pci.h"

typedef struct VirtIOBlkPCI {
    VirtIOPCIProxy proxy;
    VirtIOBlock vdev; /* the child "virtio-backend" */
} VirtIOBlkPCI;

OBJECT_DECLARE_TYPE(VirtIOBlkPCI, VIRTIO_BLK_PCI, TYPE_VIRTIO_BLK_PCI)

/* One queue per vCPU where the user did not choose. */
static uint16_t auto_num_queues(void)
{
    const MachineState *ms = current_machine();
    unsigned cpus = ms ? ms->smp.cpus : 1;

    return MIN(MAX(cpus, 1), VIRTIO_QUEUE_MAX);
}

static bool virtio_blk_pci_realize(PCIDevice *d, Error **errp)
{
    VirtIOBlkPCI *s = VIRTIO_BLK_PCI(d);

    if (s->vdev.conf.num_queues == VIRTIO_BLK_AUTO_NUM_QUEUES) {
        s->vdev.conf.num_queues = auto_num_queues();
    }
    if (!virtio_blk_realize(&s->vdev, s->proxy.ioeventfd, errp)) {
        return false;
    }
    if (!virtio_pci_realize(&s->proxy, &s->vdev.parent_obj, errp)) {
        virtio_blk_unrealize(&s->vdev);
        return false;
    }
    return true;
}

static void virtio_blk_pci_exit(PCIDevice *d)
{
    VirtIOBlkPCI *s = VIRTIO_BLK_PCI(d);

    virtio_pci_exit(&s->proxy);
    virtio_blk_unrealize(&s->vdev);
}

static void instance_init(Object *obj)
{
    VirtIOBlkPCI *s = (VirtIOBlkPCI *)obj;

    object_initialize(&s->vdev, sizeof(s->vdev), TYPE_VIRTIO_BLK);
    object_property_add_child(obj, "virtio-backend", &s->vdev);
}

static const Property props[] = {
    DEFINE_PROP_UINT32("class", VirtIOBlkPCI, proxy.class_code, 0),
    DEFINE_PROP_BOOL("ioeventfd", VirtIOBlkPCI, proxy.ioeventfd, true),
    DEFINE_PROP_UINT32("vectors", VirtIOBlkPCI, proxy.nvectors, UINT32_MAX),
    DEFINE_PROP_INCLUDE(VirtIOBlkPCI, vdev, virtio_blk_props),
    DEFINE_PROP_END,
};

static const PCIDeviceOps ops = {
    .dev = { .category = DEVICE_CATEGORY_STORAGE, .user_creatable = true },
    .realize = virtio_blk_pci_realize,
    .exit = virtio_blk_pci_exit,
    .reset = virtio_pci_reset,
    .config_read = virtio_pci_config_read,
    .config_write = virtio_pci_config_write,
    .vendor_id = VIRTIO_PCI_VENDOR_ID,
    .device_id = VIRTIO_PCI_MODERN_ID_BASE + VIRTIO_ID_BLOCK,
    .class_id = PCI_CLASS_STORAGE_SCSI,
    .revision = 1,
    .subsystem_vendor_id = VIRTIO_PCI_VENDOR_ID,
    .subsystem_id = 0x1100,
};

extern const TypeInfo virtio_blk_pci_type, virtio_blk_pci_nt_type;

const TypeInfo virtio_blk_pci_type = {
    .name = TYPE_VIRTIO_BLK_PCI,
    .parent = TYPE_VIRTIO_PCI,
    .instance_size = sizeof(VirtIOBlkPCI),
    .props = props,
    .class_ops = &ops,
    .instance_init = instance_init,
};

/* What it is anyway: the legacy interface is not there. */
const TypeInfo virtio_blk_pci_nt_type = {
    .name = TYPE_VIRTIO_BLK_PCI "-non-transitional",
    .parent = TYPE_VIRTIO_BLK_PCI,
    .class_ops = &ops,
};
