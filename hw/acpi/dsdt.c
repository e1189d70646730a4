/*
 * The DSDT of the "pc" machine: processors, PCI root with its windows and
 * interrupt routing through the PIIX3 links, what is on the ISA bus, and S5.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/acpi-internal.h"
#include "hw/acpi/aml.h"
#include "hw/pci/i440fx.h"

#define PCI_CONFIG_PORT      0xcf8
#define PCI_CONFIG_PORT_LEN  8
#define PRT_PINS             4
#define PRT_SLOTS            32
#define LINK_PRESENT_OFF     0x09
#define LINK_PRESENT_ON      0x0b
#define INTERRUPT_RES_NUMBER 5 /* offset of the number in the descriptor */

/* --- processors ----------------------------------------------------------- */

static void add_cpus(AmlWriter *w, unsigned ncpus)
{
    aml_device(w, "CPUS");
    aml_name_string(w, "_HID", "ACPI0010");
    aml_name_eisaid(w, "_CID", "PNP0A05");
    for (unsigned i = 0; i < ncpus; i++) {
        g_autofree char *name = g_strdup_printf("C%03X", i & 0xfff);

        aml_device(w, name);
        aml_name_string(w, "_HID", "ACPI0007");
        aml_name_int(w, "_UID", i);
        aml_end(w);
    }
    aml_end(w);
}

/* --- PCI interrupt links -------------------------------------------------- */

/* LNKA-LNKD; _CRS says interrupt 0 while the PIRQ is not routed. */
static void add_link(AmlWriter *w, unsigned n)
{
    static const uint8_t possible[] = { 5, 10, 11 };
    static const uint8_t none[] = { 0 };
    g_autofree char *name = g_strdup_printf("LNK%c", 'A' + n);
    g_autofree char *reg = g_strdup_printf("\\_SB.PCI0.ISA.PRQ%u", n);
    GByteArray *r;

    aml_device(w, name);
    aml_name_eisaid(w, "_HID", "PNP0C0F");
    aml_name_int(w, "_UID", n);
    r = aml_resources_new();
    aml_res_interrupt(r, possible, ARRAY_SIZE(possible));
    aml_name_resources(w, "_PRS", r);

    aml_method(w, "_STA", 0, false);
    aml_if(w);
    aml_and(w, reg, PIIX_PIRQ_DISABLE);
    aml_return(w);
    aml_int(w, LINK_PRESENT_OFF);
    aml_end(w);
    aml_return(w);
    aml_int(w, LINK_PRESENT_ON);
    aml_end(w);

    aml_method(w, "_DIS", 0, false);
    aml_or_into(w, reg, PIIX_PIRQ_DISABLE);
    aml_end(w);

    r = aml_resources_new();
    aml_res_interrupt(r, none, ARRAY_SIZE(none));
    aml_name_resources(w, "BUF0", r);
    aml_dword_field(w, 0, "BUF0", INTERRUPT_RES_NUMBER, "IRQC");
    aml_method(w, "_CRS", 0, true);
    aml_store(w, reg, "IRQC");
    aml_if(w);
    aml_and(w, reg, PIIX_PIRQ_DISABLE);
    aml_store_int(w, 0, "IRQC");
    aml_end(w);
    aml_return(w);
    aml_namestring(w, "BUF0");
    aml_end(w);

    aml_method(w, "_SRS", 1, true);
    aml_dword_field(w, AML_ARG0, NULL, INTERRUPT_RES_NUMBER, "IRQN");
    aml_store(w, "IRQN", reg);
    aml_end(w);

    aml_end(w);
}

/* The SCI's interrupt, for the power management function's pin. */
static void add_sci_link(AmlWriter *w, uint8_t irq)
{
    aml_device(w, "LNKS");
    aml_name_eisaid(w, "_HID", "PNP0C0F");
    aml_name_int(w, "_UID", PIIX_NUM_PIRQS);
    for (unsigned i = 0; i < 2; i++) {
        GByteArray *r = aml_resources_new();

        aml_res_interrupt(r, &irq, 1);
        aml_name_resources(w, i ? "_CRS" : "_PRS", r);
    }
    aml_method(w, "_SRS", 1, false);
    aml_end(w);
    aml_method(w, "_DIS", 0, false);
    aml_end(w);
    aml_name_int(w, "_STA", LINK_PRESENT_ON);
    aml_end(w);
}

static void add_prt(AmlWriter *w)
{
    aml_name(w, "_PRT");
    aml_package(w, PRT_SLOTS * PRT_PINS);
    for (unsigned slot = 0; slot < PRT_SLOTS; slot++) {
        for (unsigned pin = 0; pin < PRT_PINS; pin++) {
            char link[] = "LNKA";

            link[3] += piix3_slot_pirq(slot, pin);
            aml_package(w, 4);
            aml_int(w, slot << 16 | 0xffff); /* all functions */
            aml_int(w, pin);
            aml_namestring(w, slot == 1 && pin == 0 ? "LNKS" : link);
            aml_int(w, 0);
            aml_end(w);
        }
    }
    aml_end(w);
}

/* --- ISA devices ---------------------------------------------------------- */

static void add_isa_device(AmlWriter *w, const char *name, const char *hid,
                           int uid, GByteArray *crs)
{
    aml_device(w, name);
    aml_name_eisaid(w, "_HID", hid);
    if (uid >= 0) {
        aml_name_int(w, "_UID", uid);
    }
    aml_name_int(w, "_STA", 0x0f);
    aml_name_resources(w, "_CRS", crs);
    aml_end(w);
}

static GByteArray *io_irq(uint16_t base, uint8_t len, uint8_t irq)
{
    GByteArray *r = aml_resources_new();

    aml_res_io(r, base, len);
    aml_res_irq(r, irq);
    return r;
}

static void add_i8042(AmlWriter *w)
{
    GByteArray *r = aml_resources_new();

    aml_res_io(r, 0x60, 1);
    aml_res_io(r, 0x64, 1);
    aml_res_irq(r, 1);
    add_isa_device(w, "KBD", "PNP0303", -1, r);
    r = aml_resources_new();
    aml_res_irq(r, 12);
    add_isa_device(w, "MOU", "PNP0F13", -1, r);
}

static void add_isa(AmlWriter *w, const AcpiBuildInfo *info)
{
    aml_device(w, "ISA");
    aml_name_int(w, "_ADR", 1 << 16);
    aml_region_pci(w, "P40C", PIIX_PIRQ_BASE, PIIX_NUM_PIRQS);
    aml_field(w, "P40C");
    for (unsigned i = 0; i < PIIX_NUM_PIRQS; i++) {
        g_autofree char *name = g_strdup_printf("PRQ%u", i);

        aml_field_unit(w, name, 8);
    }
    aml_end(w);
    add_isa_device(w, "RTC", "PNP0B00", -1, io_irq(0x70, 2, 8));
    if (info->i8042) {
        add_i8042(w);
    }
    if (info->com1) {
        add_isa_device(w, "COM1", "PNP0501", 1, io_irq(0x3f8, 8, 4));
    }
    if (info->com2) {
        add_isa_device(w, "COM2", "PNP0501", 2, io_irq(0x2f8, 8, 3));
    }
    aml_end(w);
}

/* --- PCI root ------------------------------------------------------------- */

static GByteArray *pci_windows(const AcpiBuildInfo *info)
{
    GByteArray *r = aml_resources_new();

    aml_res_bus_window(r, 0, 0xff);
    aml_res_io(r, PCI_CONFIG_PORT, PCI_CONFIG_PORT_LEN);
    aml_res_io_window(r, 0, PCI_CONFIG_PORT - 1);
    aml_res_io_window(r, PCI_CONFIG_PORT + PCI_CONFIG_PORT_LEN, 0xffff);
    aml_res_mem32_window(r, 0xa0000, 0xbffff, true);
    if (info->mmio32.size) {
        aml_res_mem32_window(r, info->mmio32.base,
                             info->mmio32.base + info->mmio32.size - 1, false);
    }
    if (info->mmio64.size) {
        aml_res_mem64_window(r, info->mmio64.base,
                             info->mmio64.base + info->mmio64.size - 1, true);
    }
    return r;
}

static void add_pci(AmlWriter *w, const AcpiBuildInfo *info)
{
    aml_device(w, "PCI0");
    aml_name_eisaid(w, "_HID", "PNP0A03");
    aml_name_int(w, "_UID", 0);
    aml_name_resources(w, "_CRS", pci_windows(info));
    add_prt(w);
    add_isa(w, info);
    aml_end(w);
}

/* SLP_TYP 0 is the PIIX4's soft off. */
static void add_s5(AmlWriter *w)
{
    aml_name(w, "\\_S5");
    aml_package(w, 4);
    for (unsigned i = 0; i < 4; i++) {
        aml_int(w, 0);
    }
    aml_end(w);
}

GByteArray *acpi_build_dsdt_body(const AcpiBuildInfo *info)
{
    AmlWriter w = { .buf = g_byte_array_new() };

    aml_scope(&w, "\\_SB");
    add_cpus(&w, info->ncpus);
    add_pci(&w, info);
    for (unsigned i = 0; i < PIIX_NUM_PIRQS; i++) {
        add_link(&w, i);
    }
    add_sci_link(&w, info->sci_irq);
    aml_end(&w);
    add_s5(&w);
    assert(w.depth == 0);
    return w.buf;
}
