/*
 * The PCI bus: 32 slots of 8 functions, who is where, interrupt inputs, and
 * configuration accesses by address.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/pci-internal.h"

/* --- slots ---------------------------------------------------------------- */

static bool choose_devfn(PCIBus *bus, PCIDevice *d, Error **errp)
{
    for (unsigned slot = bus->slot_min; slot < PCI_NUM_SLOTS; slot++) {
        if (!bus->devices[PCI_DEVFN(slot, 0)]) {
            d->devfn = PCI_DEVFN(slot, 0);
            return true;
        }
    }
    error_setg(errp,
               "PCI: no slot/function available for %s, all in use or reserved",
               object_get_typename(d));
    return false;
}

static bool check_devfn_free(PCIBus *bus, PCIDevice *d, Error **errp)
{
    PCIDevice *other = bus->devices[d->devfn];
    PCIDevice *first = bus->devices[PCI_DEVFN(PCI_SLOT(d->devfn), 0)];

    if (other) {
        error_setg(errp,
                   "PCI: slot %d function %d not available for %s,"
                   " in use by %s,id=%s",
                   PCI_SLOT(d->devfn), PCI_FUNC(d->devfn),
                   object_get_typename(d), object_get_typename(other),
                   other->qdev.id ? other->qdev.id : "(null)");
        return false;
    }
    if (d->qdev.hotplugged && first) {
        error_setg(errp,
                   "PCI: slot %d function 0 already occupied by %s,"
                   " new func %s cannot be exposed to guest.",
                   PCI_SLOT(d->devfn), object_get_typename(first),
                   object_get_typename(d));
        return false;
    }
    return true;
}

/* Functions beside each other need function 0 to say that it has siblings. */
static bool check_multifunction(PCIBus *bus, PCIDevice *d, Error **errp)
{
    unsigned slot = PCI_SLOT(d->devfn);

    if (PCI_FUNC(d->devfn)) {
        PCIDevice *first = bus->devices[PCI_DEVFN(slot, 0)];

        if (first && !first->multifunction) {
            error_setg(errp,
                       "PCI: single function device can't be populated in"
                       " function %x.%x",
                       slot, PCI_FUNC(d->devfn));
            return false;
        }
        return true;
    }
    for (unsigned func = 1; !d->multifunction && func < 8; func++) {
        if (bus->devices[PCI_DEVFN(slot, func)]) {
            error_setg(errp,
                       "PCI: %x.0 indicates single function, but %x.%x is"
                       " already populated.",
                       slot, slot, func);
            return false;
        }
    }
    return true;
}

bool pci_bus_claim_devfn(PCIBus *bus, PCIDevice *d, Error **errp)
{
    bool chosen = d->devfn < 0;

    if (chosen && !choose_devfn(bus, d, errp)) {
        return false;
    }
    if (!check_devfn_free(bus, d, errp) || !check_multifunction(bus, d, errp)) {
        if (chosen) {
            d->devfn = -1;
        }
        return false;
    }
    bus->devices[d->devfn] = d;
    d->bus = bus;
    return true;
}

void pci_bus_release_devfn(PCIBus *bus, PCIDevice *d)
{
    if (d->bus == bus) {
        bus->devices[d->devfn] = NULL;
        d->bus = NULL;
    }
}

PCIDevice *pci_find_device(PCIBus *bus, uint8_t devfn)
{
    return bus->devices[devfn];
}

PCIDevice *pci_next_device(PCIBus *bus, unsigned devfn)
{
    for (; devfn < PCI_NUM_DEVFN; devfn++) {
        if (bus->devices[devfn]) {
            return bus->devices[devfn];
        }
    }
    return NULL;
}

/* --- interrupts ----------------------------------------------------------- */

void pci_bus_irqs(PCIBus *bus, pci_set_irq_fn set_irq, pci_map_irq_fn map_irq,
                  void *opaque, int nirq)
{
    assert(nirq <= PCI_MAX_IRQS);
    bus->set_irq = set_irq;
    bus->map_irq = map_irq;
    bus->irq_opaque = opaque;
    bus->nirq = nirq;
}

int pci_bus_get_irq_level(PCIBus *bus, int irq)
{
    return irq >= 0 && irq < bus->nirq && bus->irq_count[irq] > 0;
}

void pci_update_irq(PCIDevice *d)
{
    PCIBus *bus = d->bus;
    uint16_t command = pci_get_word(d->config + PCI_COMMAND);
    uint16_t status = pci_get_word(d->config + PCI_STATUS);
    bool asserted = d->irq_level && !(command & PCI_COMMAND_INTX_DISABLE);
    int pin = d->config[PCI_INTERRUPT_PIN] - 1;
    int irq;

    status &= ~PCI_STATUS_INTERRUPT;
    status |= d->irq_level ? PCI_STATUS_INTERRUPT : 0;
    pci_set_word(d->config + PCI_STATUS, status);

    if (asserted == d->irq_asserted) {
        return;
    }
    d->irq_asserted = asserted;
    if (!bus || !bus->map_irq || pin < 0 || pin >= PCI_NUM_PINS) {
        return;
    }
    irq = bus->map_irq(d, pin);
    if (irq < 0 || irq >= bus->nirq) {
        return;
    }
    bus->irq_count[irq] += asserted ? 1 : -1;
    bus->set_irq(bus->irq_opaque, irq, bus->irq_count[irq] > 0);
}

void pci_set_irq(PCIDevice *d, int level)
{
    d->irq_level = !!level;
    pci_update_irq(d);
}

/* --- configuration space by address --------------------------------------- */

/* The function at bus:devfn of @addr, if the access is a proper one. */
static PCIDevice *config_target(PCIBus *bus, uint32_t addr, unsigned len)
{
    unsigned bus_nr = addr >> 16 & 0xff;
    unsigned reg = addr & 0xff;

    if (bus_nr || (len != 1 && len != 2 && len != 4) || (reg & 3) + len > 4) {
        return NULL;
    }
    return bus->devices[addr >> 8 & 0xff];
}

static uint32_t all_ones(unsigned len)
{
    return len >= 4 ? UINT32_MAX : (1u << (8 * len)) - 1;
}

uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len)
{
    PCIDevice *d = config_target(bus, addr, len);

    if (!d) {
        return all_ones(len);
    }
    return OBJECT_FIND_OP(d, TYPE_PCI_DEVICE, PCIDeviceOps,
                          config_read)(d, addr & 0xff, len);
}

void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len)
{
    PCIDevice *d = config_target(bus, addr, len);

    if (d) {
        OBJECT_FIND_OP(d, TYPE_PCI_DEVICE, PCIDeviceOps, config_write)
        (d, addr & 0xff, val & all_ones(len), len);
    }
}

/* --- the type ------------------------------------------------------------- */

static char *pci_bus_get_dev_path(DeviceState *dev)
{
    PCIDevice *d = (PCIDevice *)dev;

    return g_strdup_printf("0000:00:%02x.%x", PCI_SLOT(d->devfn),
                           PCI_FUNC(d->devfn));
}

static void pci_bus_detach(PCIBus *bus)
{
    if (bus->system) {
        memory_region_del_subregion(bus->system, &bus->mem);
        memory_region_destroy(&bus->mem);
        bus->system = NULL;
    }
}

static void pci_bus_finalize(Object *obj)
{
    pci_bus_detach((PCIBus *)obj);
}

static const BusOps pci_bus_ops = {
    .get_dev_path = pci_bus_get_dev_path,
};

const TypeInfo pci_bus_type = {
    .name = TYPE_PCI_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(PCIBus),
    .class_ops = &pci_bus_ops,
    .instance_finalize = pci_bus_finalize,
};

PCIBus *pci_root_bus_new(DeviceState *parent, const char *name,
                         MemoryRegion *mem, MemoryRegion *io, unsigned slot_min)
{
    PCIBus *bus = (PCIBus *)qbus_new(TYPE_PCI_BUS, parent, name);

    memory_region_init(&bus->mem, "pci", UINT64_MAX);
    memory_region_add_subregion_overlap(mem, 0, &bus->mem, -1);
    bus->system = mem;
    bus->io = io;
    bus->slot_min = slot_min;
    return bus;
}

void pci_root_bus_free(PCIBus *bus)
{
    if (bus) {
        qbus_unparent(&bus->qbus);
    }
}

const TypeInfo *const pci_types[] = {
    &pci_bus_type, &pci_device_type, &i440fx_pcihost_type, &i440fx_type,
    &piix3_type,   &isa_bus_type,    &isa_device_type,     NULL,
};
