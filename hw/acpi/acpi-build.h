/*
 * The ACPI tables of the "pc" machine, built from a description of the board
 * and placed by it: RSDP, RSDT, XSDT, FADT, FACS, MADT, DSDT (ACPI 6.3, tables
 * as revision 3 of the FADT describes).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_ACPI_ACPI_BUILD_H
#define HW_ACPI_ACPI_BUILD_H

#include "hw/pci/pci.h"

/* What the tables say of the board.  Read only during acpi_build(). */
typedef struct AcpiBuildInfo {
    unsigned ncpus;          /* vCPUs, >= 1 */
    const uint32_t *apic_id; /* of each vCPU; NULL: 0..ncpus-1 */
    uint32_t ioapic_addr;    /* 0xfec00000 */
    uint8_t ioapic_id;
    uint32_t lapic_addr; /* 0xfee00000 */
    uint16_t pm_io_base; /* PIIX4_PM_IO_BASE */
    uint16_t gpe_base;   /* PIIX4_GPE_BASE */
    uint8_t sci_irq;     /* 9 */
    PCIWindow mmio32;    /* PCI's memory below 4 GiB */
    PCIWindow mmio64;    /* above; size 0: none */
    bool com1, com2;     /* serial ports that are there */
    bool i8042;          /* keyboard controller */
} AcpiBuildInfo;

/* The tables as one blob that is to stand at @base of guest memory. */
typedef struct AcpiTables {
    uint64_t base; /* 64-byte aligned, everything below 4 GiB */
    uint8_t *data;
    size_t size;
    uint64_t rsdp; /* guest address of the RSDP in it (16-byte aligned) */
    /* offsets and lengths in @data, for tests and dumps */
    struct {
        char sig[5];
        uint32_t offset, len;
    } table[8];
    unsigned ntables;
} AcpiTables;

/*
 * Build for address @base, in at most @max_size bytes.  NULL with @errp if
 * they do not fit.  The result has no pointers into @info.
 *
 * The RSDP stands first, so @base in 0xe0000..0xfffff lets a guest find it by
 * scanning; boot_params.acpi_rsdp_addr or hvm_start_info say it outright.
 */
AcpiTables *acpi_build(const AcpiBuildInfo *info, uint64_t base,
                       size_t max_size, Error **errp);
void acpi_tables_free(AcpiTables *t);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AcpiTables, acpi_tables_free)

#endif
