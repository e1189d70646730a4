/*
 * The chipset of the "pc" machine: i440FX host bridge at 00:00.0 with the
 * configuration ports 0xcf8/0xcfc and the reset port 0xcf9, PIIX3 ISA bridge
 * at 00:01.0 with the interrupt router.
 *
 * PCI interrupts: pin and slot give one of four PIRQ lines, and PIIX3's
 * registers 0x60-0x63 say which ISA interrupt (level, active high) each is.
 * The guest's ACPI link devices LNKA-LNKD program those registers;
 * piix3_set_default_routing() does what firmware would.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/core/irq.h"
#include "hw/pci/pci.h"

#define TYPE_I440FX "i440FX"
#define TYPE_PIIX3  "PIIX3"

#define PIIX_PIRQ_BASE    0x60 /* PIRQA..D route control */
#define PIIX_PIRQ_DISABLE 0x80
#define PIIX_NUM_PIRQS    4

/*
 * Make bus "pci.0" and its host bridge; map the configuration ports and the
 * reset port 0xcf9 in @io.
 * @mem: where BARs of memory appear.  NULL with @errp.
 */
PCIBus *i440fx_init(MemoryRegion *mem, MemoryRegion *io, Error **errp);

/*
 * Make the ISA bridge on @bus, with "isa.0" behind it; interrupts go to
 * @isa_irqs[0..15] (lines are the caller's).  NULL with @errp.
 */
PCIDevice *piix3_init(PCIBus *bus, const qemu_irq *isa_irqs, Error **errp);

/* PIRQA-D to IRQ 10, 10, 11, 11, after each reset, without firmware. */
void piix3_set_default_routing(PCIDevice *piix3);

/* The ISA interrupt that pin @pin (0 = INTA) of @d has now; 0: none.  Fits
 * pci_assign_resources(). */
int piix3_irq_line(PCIDevice *d, int pin);

/* PIRQ line (0-3) of @pin of @slot; the DSDT's _PRT says the same. */
static inline int piix3_slot_pirq(unsigned slot, unsigned pin)
{
    return (slot + pin + 3) & 3;
}

#endif
