/*
 * i440FX host bridge: configuration mechanism #1 and the reset control
 * register that sits inside its address port (0xcf9 belongs to the PIIX3, but
 * a byte inside a 4-byte port is simplest where that port is).
 *
 * The bridge's own registers (PAM, SMRAM) can be written and do nothing: RAM
 * is readable and writable everywhere and there is no SMM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/runstate-if.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/pci-internal.h"

#define TYPE_I440FX_PCI_HOST "i440FX-pcihost"

#define CONFIG_ADDRESS_PORT   0xcf8
#define CONFIG_DATA_PORT      0xcfc
#define CONFIG_ADDRESS_ENABLE 0x80000000u

#define RCR_SYSTEM_RESET 0x02
#define RCR_RESET_CPU    0x04

#define I440FX_PAM      0x59
#define I440FX_PAM_SIZE 7
#define I440FX_SMRAM    0x72

typedef struct I440FXHost {
    DeviceState dev; /* first */
    PCIBus *bus;
    uint32_t config_reg;
    uint8_t reset_control;
    MemoryRegion *io; /* where the two are; NULL: nowhere */
    MemoryRegion conf_addr;
    MemoryRegion conf_data;
} I440FXHost;

/* --- ports ---------------------------------------------------------------- */

/* Only a 32-bit access at 0xcf8 is the address register's. */
static uint64_t conf_addr_read(void *opaque, hwaddr addr, unsigned size)
{
    I440FXHost *s = opaque;

    if (addr == 0 && size == 4) {
        return s->config_reg;
    }
    return addr == 1 && size == 1 ? s->reset_control : UINT64_MAX;
}

static void conf_addr_write(void *opaque, hwaddr addr, uint64_t data,
                            unsigned size)
{
    I440FXHost *s = opaque;

    if (addr == 0 && size == 4) {
        s->config_reg = data;
    } else if (addr == 1 && size == 1) {
        if (data & RCR_RESET_CPU) {
            qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        }
        s->reset_control = data & RCR_SYSTEM_RESET;
    }
}

static const MemoryRegionOps conf_addr_ops = {
    .read = conf_addr_read,
    .write = conf_addr_write,
};

static uint64_t conf_data_read(void *opaque, hwaddr addr, unsigned size)
{
    I440FXHost *s = opaque;

    if (!(s->config_reg & CONFIG_ADDRESS_ENABLE)) {
        return UINT64_MAX;
    }
    return pci_data_read(s->bus, (s->config_reg & 0xfffffc) | addr, size);
}

static void conf_data_write(void *opaque, hwaddr addr, uint64_t data,
                            unsigned size)
{
    I440FXHost *s = opaque;

    if (s->config_reg & CONFIG_ADDRESS_ENABLE) {
        pci_data_write(s->bus, (s->config_reg & 0xfffffc) | addr, data, size);
    }
}

static const MemoryRegionOps conf_data_ops = {
    .read = conf_data_read,
    .write = conf_data_write,
};

/* --- the host bridge as the board sees it --------------------------------- */

static void host_reset(DeviceState *dev)
{
    I440FXHost *s = (I440FXHost *)dev;

    s->config_reg = 0;
    s->reset_control = 0;
}

static void host_finalize(Object *obj)
{
    I440FXHost *s = (I440FXHost *)obj;

    if (s->io) {
        memory_region_del_subregion(s->io, &s->conf_addr);
        memory_region_del_subregion(s->io, &s->conf_data);
        memory_region_destroy(&s->conf_addr);
        memory_region_destroy(&s->conf_data);
    }
}

static const DeviceOps host_ops = {
    .bus_type = TYPE_SYSTEM_BUS,
    .category = DEVICE_CATEGORY_BRIDGE,
    .reset = host_reset,
};

const TypeInfo i440fx_pcihost_type = {
    .name = TYPE_I440FX_PCI_HOST,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(I440FXHost),
    .class_ops = &host_ops,
    .instance_finalize = host_finalize,
};

PCIBus *i440fx_init(MemoryRegion *mem, MemoryRegion *io, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_I440FX_PCI_HOST);
    I440FXHost *s = (I440FXHost *)dev;

    if (!qdev_realize_and_unref(dev, NULL, errp)) {
        return NULL;
    }
    s->bus = pci_root_bus_new(dev, "pci.0", mem, io, 0);
    s->io = io;
    memory_region_init_io(&s->conf_addr, &conf_addr_ops, s, "pci-conf-idx", 4);
    memory_region_init_io(&s->conf_data, &conf_data_ops, s, "pci-conf-data", 4);
    memory_region_add_subregion(io, CONFIG_ADDRESS_PORT, &s->conf_addr);
    memory_region_add_subregion(io, CONFIG_DATA_PORT, &s->conf_data);
    if (!pci_create_simple(s->bus, PCI_DEVFN(0, 0), TYPE_I440FX, errp)) {
        return NULL;
    }
    return s->bus;
}

/* --- the host bridge as the guest sees it, 00:00.0 ------------------------ */

static bool i440fx_realize(PCIDevice *d, Error **errp)
{
    memset(d->wmask + I440FX_PAM, 0xff, I440FX_PAM_SIZE);
    d->wmask[I440FX_SMRAM] = 0xff;
    return true;
}

static void i440fx_reset(PCIDevice *d)
{
    pci_set_word(d->config + PCI_COMMAND,
                 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_set_word(d->config + PCI_STATUS,
                 PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    memset(d->config + I440FX_PAM, 0, I440FX_PAM_SIZE);
    d->config[I440FX_SMRAM] = 0x02;
}

static const PCIDeviceOps i440fx_ops = {
    .dev = { .desc = "Host bridge", .category = DEVICE_CATEGORY_BRIDGE },
    .realize = i440fx_realize,
    .reset = i440fx_reset,
    .vendor_id = PCI_VENDOR_ID_INTEL,
    .device_id = 0x1237,
    .class_id = PCI_CLASS_BRIDGE_HOST,
    .revision = 2,
};

const TypeInfo i440fx_type = {
    .name = TYPE_I440FX,
    .parent = TYPE_PCI_DEVICE,
    .class_ops = &i440fx_ops,
};
