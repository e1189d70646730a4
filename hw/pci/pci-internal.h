/*
 * What the files of hw/pci share and others do not see.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_PCI_INTERNAL_H
#define HW_PCI_PCI_INTERNAL_H

#include "hw/pci/pci.h"

#define PCI_NUM_SLOTS 32
#define PCI_NUM_DEVFN 256
#define PCI_MAX_IRQS  16

struct PCIBus {
    BusState qbus;        /* first */
    MemoryRegion mem;     /* all BARs of memory, below everything else */
    MemoryRegion *system; /* @mem's container; NULL when it has gone */
    MemoryRegion *io;
    unsigned slot_min;
    PCIDevice *devices[PCI_NUM_DEVFN];
    pci_set_irq_fn set_irq;
    pci_map_irq_fn map_irq;
    void *irq_opaque;
    int nirq;
    int irq_count[PCI_MAX_IRQS]; /* asserted pins that go to each input */
};

extern const TypeInfo pci_bus_type;
extern const TypeInfo pci_device_type;
extern const TypeInfo i440fx_pcihost_type;
extern const TypeInfo i440fx_type;
extern const TypeInfo piix3_type;
extern const TypeInfo isa_bus_type;
extern const TypeInfo isa_device_type;
extern const Property pci_device_props[];

/* pci-bus.c: give @d its place (d->devfn >= 0 or -1), or say who is there. */
bool pci_bus_claim_devfn(PCIBus *bus, PCIDevice *d, Error **errp);
void pci_bus_release_devfn(PCIBus *bus, PCIDevice *d);
/* pci-bus.c: the command register or the device's level changed. */
void pci_update_irq(PCIDevice *d);

/* pci-bar.c: where is each BAR now, after a change of BARs or command? */
void pci_update_mappings(PCIDevice *d);
void pci_unmap_bars(PCIDevice *d);
/* The BAR register's offset, also for PCI_ROM_SLOT. */
unsigned pci_bar_offset(int n);
/* BARs to unassigned, keeping their type bits. */
void pci_reset_bars(PCIDevice *d);
bool pci_add_rom(PCIDevice *d, Error **errp);
void pci_del_rom(PCIDevice *d);

/* The class's own PCIDeviceOps, for its ids. */
const PCIDeviceOps *pci_device_ids(const PCIDevice *d);

#endif
