/*
 * The ISA bus "isa.0" behind the PIIX3: where -device puts ISA devices.
 * Devices map themselves at fixed ports of get_system_io().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_ISA_H
#define HW_PCI_ISA_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"

#define TYPE_ISA_BUS    "ISA"
#define TYPE_ISA_DEVICE "isa-device"
#define ISA_NUM_IRQS    16

/* Below @parent; the 16 lines of @irqs are the caller's. */
void isa_bus_new(DeviceState *parent, const qemu_irq *irqs);

/* Interrupt @irq of the bus that @dev is on; NULL if there is none. */
qemu_irq isa_get_irq(DeviceState *dev, unsigned irq);

#endif
