/*
 * PCI devices: life, configuration header, capabilities, properties.
 *
 *   qdev_realize() -> pci_qdev_realize(): place on the bus -> header ->
 *   ops->realize (BARs, capabilities) -> ROM.  pci_qdev_unrealize() undoes it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/msix.h"
#include "hw/pci/pci-internal.h"

const PCIDeviceOps *pci_device_ids(const PCIDevice *d)
{
    const TypeInfo *type = OBJECT(d)->type;

    while (!type->class_ops) {
        type = type_parent(type);
    }
    return type->class_ops;
}

/* --- configuration space -------------------------------------------------- */

static bool overlaps(unsigned addr, unsigned len, unsigned first, unsigned size)
{
    return addr < first + size && first < addr + len;
}

uint32_t pci_default_read_config(PCIDevice *d, unsigned addr, unsigned len)
{
    uint32_t val = 0;

    for (unsigned i = 0; i < len && addr + i < PCI_CONFIG_SPACE_SIZE; i++) {
        val |= (uint32_t)d->config[addr + i] << (8 * i);
    }
    return val;
}

void pci_default_write_config(PCIDevice *d, unsigned addr, uint32_t val,
                              unsigned len)
{
    for (unsigned i = 0; i < len && addr + i < PCI_CONFIG_SPACE_SIZE; i++) {
        uint8_t byte = val >> (8 * i);
        uint8_t wmask = d->wmask[addr + i];
        uint8_t w1cmask = d->w1cmask[addr + i];

        d->config[addr + i] = (d->config[addr + i] & ~wmask) | (byte & wmask);
        d->config[addr + i] &= ~(byte & w1cmask);
    }
    if (overlaps(addr, len, PCI_COMMAND, 2) ||
        overlaps(addr, len, PCI_BASE_ADDRESS_0, 4 * PCI_NUM_BARS) ||
        overlaps(addr, len, PCI_ROM_ADDRESS, 4)) {
        pci_update_mappings(d);
    }
    if (overlaps(addr, len, PCI_COMMAND, 2)) {
        pci_update_irq(d);
    }
    msix_write_config(d, addr, len);
}

bool pci_bus_master_enabled(const PCIDevice *d)
{
    return pci_get_word(d->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* Masks of the standard header; read-only where nothing is said. */
static void init_header_masks(PCIDevice *d)
{
    memset(d->wmask, 0, sizeof(d->wmask));
    memset(d->w1cmask, 0, sizeof(d->w1cmask));
    memset(d->used, 0, sizeof(d->used));
    memset(d->used, 1, PCI_CONFIG_HEADER_SIZE);
    pci_set_word(d->wmask + PCI_COMMAND,
                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                     PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
                     PCI_COMMAND_INTX_DISABLE);
    pci_set_word(d->w1cmask + PCI_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
                     PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
                     PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
    d->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    d->wmask[PCI_INTERRUPT_LINE] = 0xff;
}

static void init_header(PCIDevice *d)
{
    const PCIDeviceOps *ids = pci_device_ids(d);
    bool own_sub = ids->subsystem_vendor_id || ids->subsystem_id;

    memset(d->config, 0, sizeof(d->config));
    memset(d->io_regions, 0, sizeof(d->io_regions));
    init_header_masks(d);
    pci_set_word(d->config + PCI_VENDOR_ID, ids->vendor_id);
    pci_set_word(d->config + PCI_DEVICE_ID, ids->device_id);
    pci_set_word(d->config + PCI_CLASS_DEVICE, ids->class_id);
    d->config[PCI_REVISION_ID] = ids->revision;
    pci_set_word(d->config + PCI_SUBSYSTEM_VENDOR_ID,
                 own_sub ? ids->subsystem_vendor_id
                         : PCI_VENDOR_ID_REDHAT_QUMRANET);
    pci_set_word(d->config + PCI_SUBSYSTEM_ID,
                 own_sub ? ids->subsystem_id : PCI_SUBDEVICE_ID_QEMU);
    d->config[PCI_HEADER_TYPE] = d->multifunction
                                     ? PCI_HEADER_TYPE_MULTI_FUNCTION
                                     : 0;
}

/* --- capabilities --------------------------------------------------------- */

/* A free piece of @size bytes at a multiple of 4, or 0. */
static unsigned find_space(const PCIDevice *d, unsigned size)
{
    unsigned start = PCI_CONFIG_HEADER_SIZE;

    for (unsigned i = start; i < PCI_CONFIG_SPACE_SIZE; i++) {
        if (d->used[i]) {
            start = ROUND_UP(i + 1, 4);
        } else if (i >= start && i - start + 1 == size) {
            return start;
        }
    }
    return 0;
}

static bool check_space(const PCIDevice *d, uint8_t cap_id, unsigned offset,
                        unsigned size, Error **errp)
{
    if (offset < PCI_CONFIG_HEADER_SIZE || offset & 3 ||
        offset + size > PCI_CONFIG_SPACE_SIZE) {
        error_setg(errp, "PCI capability 0x%x at offset 0x%x does not fit",
                   cap_id, offset);
        return false;
    }
    for (unsigned i = offset; i < offset + size; i++) {
        if (d->used[i]) {
            error_setg(errp,
                       "PCI capability 0x%x at offset 0x%x overlaps another",
                       cap_id, offset);
            return false;
        }
    }
    return true;
}

int pci_add_capability(PCIDevice *d, uint8_t cap_id, uint8_t offset,
                       uint8_t size, Error **errp)
{
    unsigned pos = offset ? offset : find_space(d, size);

    if (!pos) {
        error_setg(errp, "out of PCI config space");
        return -1;
    }
    if (!check_space(d, cap_id, pos, size, errp)) {
        return -1;
    }
    memset(d->used + pos, 1, size);
    memset(d->config + pos, 0, size);
    memset(d->wmask + pos, 0, size);
    d->config[pos] = cap_id;
    d->config[pos + PCI_CAP_LIST_NEXT] = d->config[PCI_CAPABILITY_LIST];
    d->config[PCI_CAPABILITY_LIST] = pos;
    d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    return pos;
}

uint8_t pci_find_capability(const PCIDevice *d, uint8_t cap_id)
{
    uint8_t pos = d->config[PCI_CAPABILITY_LIST];

    if (!(d->config[PCI_STATUS] & PCI_STATUS_CAP_LIST)) {
        return 0;
    }
    while (pos >= PCI_CONFIG_HEADER_SIZE && d->config[pos] != cap_id) {
        pos = d->config[pos + PCI_CAP_LIST_NEXT];
    }
    return pos;
}

/* --- life ----------------------------------------------------------------- */

static bool check_properties(PCIDevice *d, Error **errp)
{
    if (d->romsize != UINT32_MAX && !is_power_of_2(d->romsize)) {
        error_setg(errp, "ROM size %u is not a power of two", d->romsize);
        return false;
    }
    return true;
}

static void pci_qdev_unrealize(DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)dev;
    void (*exit_fn)(PCIDevice *) = OBJECT_FIND_OP(d, TYPE_PCI_DEVICE,
                                                  PCIDeviceOps, exit);

    pci_set_irq(d, 0);
    pci_unmap_bars(d);
    pci_del_rom(d);
    if (exit_fn) {
        exit_fn(d);
    }
    msix_uninit(d);
    memset(d->io_regions, 0, sizeof(d->io_regions));
    pci_bus_release_devfn(d->bus, d);
}

static bool pci_qdev_realize(DeviceState *dev, Error **errp)
{
    PCIDevice *d = (PCIDevice *)dev;
    PCIBus *bus = (PCIBus *)dev->parent_bus;
    bool (*realize)(PCIDevice *, Error **) = OBJECT_FIND_OP(
        d, TYPE_PCI_DEVICE, PCIDeviceOps, realize);

    d->multifunction |= pci_device_ids(d)->multifunction;
    if (!check_properties(d, errp) || !pci_bus_claim_devfn(bus, d, errp)) {
        return false;
    }
    init_header(d);
    if (realize && !realize(d, errp)) {
        msix_uninit(d);
        pci_bus_release_devfn(bus, d);
        return false;
    }
    if (!pci_add_rom(d, errp)) {
        pci_qdev_unrealize(dev);
        return false;
    }
    return true;
}

static void pci_qdev_reset(DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)dev;
    void (*reset)(PCIDevice *) = OBJECT_FIND_OP(d, TYPE_PCI_DEVICE,
                                                PCIDeviceOps, reset);

    if (!d->bus) {
        return;
    }
    pci_set_irq(d, 0);
    pci_set_word(d->config + PCI_COMMAND, 0);
    d->config[PCI_CACHE_LINE_SIZE] = 0;
    d->config[PCI_INTERRUPT_LINE] = 0;
    pci_reset_bars(d);
    pci_update_mappings(d);
    pci_update_irq(d);
    if (reset) {
        reset(d);
    }
    msix_reset(d);
}

PCIDevice *pci_create_simple(PCIBus *bus, int devfn, const char *type,
                             Error **errp)
{
    DeviceState *dev = qdev_new(type);
    PCIDevice *d = (PCIDevice *)dev;

    d->devfn = devfn;
    /* The bus and the tree keep it alive. */
    return qdev_realize_and_unref(dev, &bus->qbus, errp) ? d : NULL;
}

static const PCIDeviceOps pci_device_base_ops = {
    .dev = {
        .bus_type = TYPE_PCI_BUS,
        .realize = pci_qdev_realize,
        .unrealize = pci_qdev_unrealize,
        .reset = pci_qdev_reset,
    },
    .config_read = pci_default_read_config,
    .config_write = pci_default_write_config,
};

const TypeInfo pci_device_type = {
    .name = TYPE_PCI_DEVICE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(PCIDevice),
    .abstract = true,
    .props = pci_device_props,
    .class_ops = &pci_device_base_ops,
};
