/*
 * ACPI tables as one blob: RSDP first, then the tables it leads to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/acpi-internal.h"
#include "hw/acpi/piix4-pm.h"

#define OEM_ID       "BOCHS "
#define OEM_TABLE_ID "BXPC    "
#define OEM_CREATOR  "BXPC"
#define HEADER_SIZE  36
#define RSDP_SIZE    36
#define RSDP_V1_SIZE 20
#define FACS_SIZE    64
#define FADT_SIZE    244 /* revision 3 */
#define RESET_PORT   0xcf9
#define RESET_VALUE  0x0f
#define CMOS_CENTURY 0x32
#define NO_C_STATE   0x0fff
#define PM1_EVT_LEN  4
#define PM1_CNT_LEN  2
#define PM_TMR_LEN   4
#define PM1_CNT_OFF  4
#define PM_TMR_OFF   8

#define FADT_WBINVD    (1u << 0)
#define FADT_PROC_C1   (1u << 2)
#define FADT_NO_SLPBTN (1u << 5)
#define FADT_RESET_REG (1u << 10)
#define BOOT_LEGACY    (1u << 0)
#define BOOT_8042      (1u << 1)
#define BOOT_NO_VGA    (1u << 2)

#define MADT_PCAT_COMPAT       1
#define MADT_LAPIC             0
#define MADT_IOAPIC            1
#define MADT_OVERRIDE          2
#define MADT_LAPIC_NMI         4
#define MADT_X2APIC            9
#define MADT_X2APIC_NMI        10
#define MADT_ACTIVE_HIGH_LEVEL 0x0d

/* --- bytes ---------------------------------------------------------------- */

static void put_le(GByteArray *b, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = value >> (8 * i);

        g_byte_array_append(b, &byte, 1);
    }
}

static void put_text(GByteArray *b, const char *s, unsigned len)
{
    g_byte_array_append(b, (const uint8_t *)s, len);
}

static void put_zeroes(GByteArray *b, unsigned len)
{
    while (len--) {
        put_le(b, 0, 1);
    }
}

static void align(GByteArray *b, unsigned to)
{
    while (b->len % to) {
        put_le(b, 0, 1);
    }
}

static void set_le32(GByteArray *b, unsigned at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        b->data[at + i] = value >> (8 * i);
    }
}

static void set_checksum(GByteArray *b, unsigned at, unsigned start,
                         unsigned len)
{
    uint8_t sum = 0;

    b->data[at] = 0;
    for (unsigned i = 0; i < len; i++) {
        sum += b->data[start + i];
    }
    b->data[at] = -sum;
}

/* --- tables --------------------------------------------------------------- */

/* What is being built; addresses are @base plus offsets in @blob. */
typedef struct Builder {
    const AcpiBuildInfo *info;
    AcpiTables *t;
    GByteArray *blob;
} Builder;

static void note_table(Builder *b, const char *sig, unsigned start)
{
    unsigned n = b->t->ntables++;

    assert(n < ARRAY_SIZE(b->t->table));
    memcpy(b->t->table[n].sig, sig, 4);
    b->t->table[n].offset = start;
    b->t->table[n].len = b->blob->len - start;
}

static unsigned begin_table(Builder *b, const char *sig, uint8_t revision)
{
    unsigned start;

    align(b->blob, 16);
    start = b->blob->len;
    put_text(b->blob, sig, 4);
    put_le(b->blob, 0, 4); /* length */
    put_le(b->blob, revision, 1);
    put_le(b->blob, 0, 1); /* checksum */
    put_text(b->blob, OEM_ID, 6);
    put_text(b->blob, OEM_TABLE_ID, 8);
    put_le(b->blob, 1, 4);
    put_text(b->blob, OEM_CREATOR, 4);
    put_le(b->blob, 1, 4);
    return start;
}

/* Length and checksum; the table's guest address. */
static uint64_t end_table(Builder *b, unsigned start)
{
    unsigned len = b->blob->len - start;
    char sig[5] = "";

    memcpy(sig, b->blob->data + start, 4);
    set_le32(b->blob, start + 4, len);
    set_checksum(b->blob, start + 9, start, len);
    note_table(b, sig, start);
    return b->t->base + start;
}

static uint64_t build_dsdt(Builder *b)
{
    unsigned start = begin_table(b, "DSDT", 2);
    g_autoptr(GByteArray) body = acpi_build_dsdt_body(b->info);

    g_byte_array_append(b->blob, body->data, body->len);
    return end_table(b, start);
}

static uint64_t build_facs(Builder *b)
{
    unsigned start;

    align(b->blob, 64);
    start = b->blob->len;
    put_text(b->blob, "FACS", 4);
    put_le(b->blob, FACS_SIZE, 4);
    put_zeroes(b->blob, 24); /* signature, waking vectors, lock, flags */
    put_le(b->blob, 1, 1);   /* version */
    put_zeroes(b->blob, 31);
    note_table(b, "FACS", start);
    return b->t->base + start;
}

/* Generic address structure of an I/O port; all zeroes for @bits 0. */
static void put_port(GByteArray *t, uint16_t port, uint8_t bits, uint8_t access)
{
    put_le(t, bits ? 1 : 0, 1);
    put_le(t, bits, 1);
    put_le(t, 0, 1);
    put_le(t, access, 1);
    put_le(t, bits ? port : 0, 8);
}

/* The part that revision 1 has: 32-bit addresses, ports, latencies. */
static void put_fadt_v1(Builder *b, uint64_t facs, uint64_t dsdt)
{
    const AcpiBuildInfo *info = b->info;
    GByteArray *t = b->blob;

    put_le(t, facs, 4);
    put_le(t, dsdt, 4);
    put_le(t, 0, 1); /* reserved */
    put_le(t, 0, 1); /* preferred profile: unspecified */
    put_le(t, info->sci_irq, 2);
    put_le(t, 0, 4);  /* SMI_CMD: ACPI is always on */
    put_zeroes(t, 4); /* ACPI_ENABLE .. PSTATE_CNT */
    put_le(t, info->pm_io_base, 4);
    put_le(t, 0, 4);
    put_le(t, info->pm_io_base + PM1_CNT_OFF, 4);
    put_le(t, 0, 4);
    put_le(t, 0, 4); /* PM2_CNT */
    put_le(t, info->pm_io_base + PM_TMR_OFF, 4);
    put_le(t, info->gpe_base, 4);
    put_le(t, 0, 4);
    put_le(t, PM1_EVT_LEN, 1);
    put_le(t, PM1_CNT_LEN, 1);
    put_le(t, 0, 1);
    put_le(t, PM_TMR_LEN, 1);
    put_le(t, PIIX4_GPE_LEN, 1);
    put_zeroes(t, 3);         /* GPE1, CST_CNT */
    put_le(t, NO_C_STATE, 2); /* C2 */
    put_le(t, NO_C_STATE, 2); /* C3 */
    put_zeroes(t, 8);         /* flush, duty cycle, day and month alarm */
    put_le(t, CMOS_CENTURY, 1);
    put_le(t, BOOT_LEGACY | BOOT_NO_VGA | (info->i8042 ? BOOT_8042 : 0), 2);
    put_le(t, 0, 1);
    put_le(t, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLPBTN | FADT_RESET_REG, 4);
}

static uint64_t build_fadt(Builder *b, uint64_t facs, uint64_t dsdt)
{
    const AcpiBuildInfo *info = b->info;
    GByteArray *t = b->blob;
    unsigned start = begin_table(b, "FACP", 3);

    put_fadt_v1(b, facs, dsdt);
    put_port(t, RESET_PORT, 8, 1);
    put_le(t, RESET_VALUE, 1);
    put_zeroes(t, 3);
    put_le(t, 0, 8); /* X_FIRMWARE_CTRL: the 32-bit one holds */
    put_le(t, dsdt, 8);
    put_port(t, info->pm_io_base, PM1_EVT_LEN * 8, 2);
    put_port(t, 0, 0, 0);
    put_port(t, info->pm_io_base + PM1_CNT_OFF, PM1_CNT_LEN * 8, 2);
    put_port(t, 0, 0, 0);
    put_port(t, 0, 0, 0);
    put_port(t, info->pm_io_base + PM_TMR_OFF, PM_TMR_LEN * 8, 3);
    put_port(t, info->gpe_base, PIIX4_GPE_LEN * 8, 1);
    put_port(t, 0, 0, 0);
    assert(t->len - start == FADT_SIZE);
    return end_table(b, start);
}

static uint32_t apic_id_of(const AcpiBuildInfo *info, unsigned i)
{
    return info->apic_id ? info->apic_id[i] : i;
}

static void put_madt_cpu(GByteArray *t, uint32_t uid, uint32_t apic_id)
{
    if (apic_id < 255 && uid < 255) {
        put_le(t, MADT_LAPIC, 1);
        put_le(t, 8, 1);
        put_le(t, uid, 1);
        put_le(t, apic_id, 1);
        put_le(t, 1, 4); /* enabled */
        return;
    }
    put_le(t, MADT_X2APIC, 1);
    put_le(t, 16, 1);
    put_le(t, 0, 2);
    put_le(t, apic_id, 4);
    put_le(t, 1, 4);
    put_le(t, uid, 4);
}

static void put_madt_override(GByteArray *t, uint8_t irq, uint32_t gsi,
                              uint16_t flags)
{
    put_le(t, MADT_OVERRIDE, 1);
    put_le(t, 10, 1);
    put_le(t, 0, 1); /* ISA */
    put_le(t, irq, 1);
    put_le(t, gsi, 4);
    put_le(t, flags, 2);
}

/* NMI is at LINT1 of every processor. */
static void put_madt_nmi(GByteArray *t, bool x2apic)
{
    if (x2apic) {
        put_le(t, MADT_X2APIC_NMI, 1);
        put_le(t, 12, 1);
        put_le(t, 0, 2);
        put_le(t, UINT32_MAX, 4);
        put_le(t, 1, 1);
        put_zeroes(t, 3);
    } else {
        put_le(t, MADT_LAPIC_NMI, 1);
        put_le(t, 6, 1);
        put_le(t, UINT8_MAX, 1);
        put_le(t, 0, 2);
        put_le(t, 1, 1);
    }
}

static uint64_t build_madt(Builder *b)
{
    /* What PCI and the SCI can be routed to: level, active high. */
    static const uint8_t level_irqs[] = { 5, 9, 10, 11 };
    const AcpiBuildInfo *info = b->info;
    GByteArray *t = b->blob;
    unsigned start = begin_table(b, "APIC", 3);
    bool x2apic = false;

    put_le(t, info->lapic_addr, 4);
    put_le(t, MADT_PCAT_COMPAT, 4);
    for (unsigned i = 0; i < info->ncpus; i++) {
        put_madt_cpu(t, i, apic_id_of(info, i));
        x2apic |= i >= 255 || apic_id_of(info, i) >= 255;
    }
    put_le(t, MADT_IOAPIC, 1);
    put_le(t, 12, 1);
    put_le(t, info->ioapic_id, 1);
    put_le(t, 0, 1);
    put_le(t, info->ioapic_addr, 4);
    put_le(t, 0, 4); /* first GSI */
    put_madt_override(t, 0, 2, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(level_irqs); i++) {
        put_madt_override(t, level_irqs[i], level_irqs[i],
                          MADT_ACTIVE_HIGH_LEVEL);
    }
    put_madt_nmi(t, false);
    if (x2apic) {
        put_madt_nmi(t, true);
    }
    return end_table(b, start);
}

static uint64_t build_root(Builder *b, const char *sig, unsigned width,
                           const uint64_t *tables, unsigned n)
{
    unsigned start = begin_table(b, sig, 1);

    for (unsigned i = 0; i < n; i++) {
        put_le(b->blob, tables[i], width);
    }
    return end_table(b, start);
}

static void fill_rsdp(Builder *b, uint64_t rsdt, uint64_t xsdt)
{
    g_autoptr(GByteArray) r = g_byte_array_new();

    put_text(r, "RSD PTR ", 8);
    put_le(r, 0, 1); /* checksum of version 1 */
    put_text(r, OEM_ID, 6);
    put_le(r, 2, 1); /* revision */
    put_le(r, rsdt, 4);
    put_le(r, RSDP_SIZE, 4);
    put_le(r, xsdt, 8);
    put_le(r, 0, 1); /* checksum of all */
    put_zeroes(r, 3);
    set_checksum(r, 8, 0, RSDP_V1_SIZE);
    set_checksum(r, 32, 0, RSDP_SIZE);
    memcpy(b->blob->data, r->data, RSDP_SIZE);
}

/* --- the whole ------------------------------------------------------------ */

AcpiTables *acpi_build(const AcpiBuildInfo *info, uint64_t base,
                       size_t max_size, Error **errp)
{
    g_autoptr(AcpiTables) t = g_new0(AcpiTables, 1);
    Builder b = { .info = info, .t = t, .blob = g_byte_array_new() };
    uint64_t dsdt, facs, tables[2];

    assert(!(base & 63) && base < 4 * GiB);
    t->base = base;
    t->rsdp = base;
    put_zeroes(b.blob, RSDP_SIZE);
    facs = build_facs(&b);
    dsdt = build_dsdt(&b);
    tables[0] = build_fadt(&b, facs, dsdt);
    tables[1] = build_madt(&b);
    fill_rsdp(&b, build_root(&b, "RSDT", 4, tables, ARRAY_SIZE(tables)),
              build_root(&b, "XSDT", 8, tables, ARRAY_SIZE(tables)));
    t->size = b.blob->len;
    t->data = g_byte_array_free(b.blob, false);
    if (t->size > max_size) {
        error_setg(errp,
                   "ACPI tables need %zu bytes, but there is only room for %zu",
                   t->size, max_size);
        return NULL;
    }
    return g_steal_pointer(&t);
}

void acpi_tables_free(AcpiTables *t)
{
    if (t) {
        g_free(t->data);
        g_free(t);
    }
}
