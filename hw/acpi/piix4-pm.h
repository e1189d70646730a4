/*
 * The PIIX4 power management function (00:01.3): ACPI's fixed hardware. PM1a
 * event and control blocks, the PM timer, a GPE block; soft off asks for
 * shutdown, the power button raises the SCI.  And an SMBus with nothing on it.
 *
 * The blocks are at I/O port PIIX4_PM_IO_BASE (and _SMBUS_) from the start,
 * since no firmware runs that would program them; the guest can move or hide
 * them through configuration registers 0x40 and 0x80, 0x90 and 0xd2.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_PIIX4_PM_H
#define HW_ACPI_PIIX4_PM_H

#include "hw/core/irq.h"
#include "hw/pci/pci.h"

#define TYPE_PIIX4_PM "PIIX4_PM"

#define PIIX4_PM_IO_BASE    0x600 /* PM1a_EVT +0, PM1a_CNT +4, PM_TMR +8 */
#define PIIX4_PM_IO_SIZE    64
#define PIIX4_SMBUS_IO_BASE 0x700
#define PIIX4_GPE_BASE      0xafe0
#define PIIX4_GPE_LEN       4
#define PIIX4_SCI_IRQ       9

/* For type_register_table(). */
extern const TypeInfo *const piix4_pm_types[];

/*
 * Make the function on @bus at 1.3, its ports in @io.  @sci: ISA interrupt 9.
 * Sleep type 5 ends in qemu_system_shutdown_request().  NULL with @errp.
 */
PCIDevice *piix4_pm_init(PCIBus *bus, MemoryRegion *io, qemu_irq sci,
                         Error **errp);

/* Press the power button.  Main thread, BQL. */
void piix4_pm_powerdown(PCIDevice *d);

#endif
