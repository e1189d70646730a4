/*
 * Memory of the "pc" machine: RAM below and above 4 GiB, the firmware's map
 * of it, and the windows left for PCI.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_PC_MEMORY_H
#define HW_I386_PC_MEMORY_H

#include "hw/core/memory.h"
#include "hw/i386/x86-boot.h"
#include "hw/pci/pci.h"

#define PC_VGA_HOLE      0xa0000u /* no RAM from here ... */
#define PC_VGA_HOLE_END  0xc0000u /* ... to here */
#define PC_EBDA          0x9fc00u
#define PC_FIRMWARE_AREA 0xe0000u /* ACPI tables; to 1 MiB */
#define PC_FIRMWARE_SIZE 0x20000u
#define PC_IOAPIC_ADDR   0xfec00000u
#define PC_LAPIC_ADDR    0xfee00000u

#define PC_MAX_E820 8

typedef struct PCMemory {
    MemoryRegion ram; /* all of it */
    MemoryRegion low, mid, high;
    MemoryRegion pci; /* what lies behind RAM */
    uint64_t below_4g, above_4g;
    PCIWindows windows;
    E820Entry e820[PC_MAX_E820];
    unsigned nr_e820;
} PCMemory;

/*
 * Split @ram_size as the machine does, describe it in e820 and windows;
 * touches no memory.
 */
void pc_memory_layout(PCMemory *m, uint64_t ram_size);

/*
 * Lay out, allocate ("pc.ram") and map RAM, and publish it to the devices.
 * false with @errp.
 */
bool pc_memory_init(PCMemory *m, uint64_t ram_size, bool share, Error **errp);

#endif
