/*
 * The PIIX4's SMBus host controller with nothing on the bus: every transfer
 * ends at once with "no device answered".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_PIIX4_SMBUS_H
#define HW_ACPI_PIIX4_SMBUS_H

#include "hw/core/memory.h"

#define PIIX4_SMBUS_IO_SIZE 16
#define PIIX4_SMBUS_REGS    8

/* Embedded in the power management function; BQL. */
typedef struct PIIX4SMBus {
    MemoryRegion mr;
    MemoryRegion *io; /* where @mr is; NULL: nowhere */
    uint16_t base;
    uint8_t regs[PIIX4_SMBUS_REGS];
} PIIX4SMBus;

void piix4_smbus_init(PIIX4SMBus *s);
void piix4_smbus_destroy(PIIX4SMBus *s);
void piix4_smbus_reset(PIIX4SMBus *s);
/* Show the registers at @base of @io; 0: hide them. */
void piix4_smbus_map(PIIX4SMBus *s, MemoryRegion *io, uint16_t base);

#endif
