/*
 * ACPI tables: structure, checksums, and iasl's opinion of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/acpi-build.h"

#include <glib/gstdio.h>

#define BASE        0xe0000
#define HEADER_SIZE 36

static AcpiTables *build(unsigned ncpus, size_t max_size, Error **errp)
{
    AcpiBuildInfo info = {
        .ncpus = ncpus,
        .ioapic_addr = 0xfec00000,
        .lapic_addr = 0xfee00000,
        .pm_io_base = 0x600,
        .gpe_base = 0xafe0,
        .sci_irq = 9,
        .mmio32 = { 0xc0000000, 0x3ec00000 },
        .mmio64 = { UINT64_C(0x8000000000), UINT64_C(0x8000000000) },
        .com1 = true,
        .com2 = ncpus > 1,
        .i8042 = true,
    };

    return acpi_build(&info, BASE, max_size, errp);
}

static uint8_t byte_sum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *p++;
    }
    return sum;
}

static void test_structure(void)
{
    g_autoptr(AcpiTables) t = build(4, 0x20000, &error_abort);

    g_assert_cmphex(t->rsdp, ==, BASE);
    g_assert(!memcmp(t->data, "RSD PTR ", 8));
    g_assert_cmpuint(byte_sum(t->data, 20), ==, 0);
    g_assert_cmpuint(byte_sum(t->data, 36), ==, 0);
    g_assert_cmpuint(t->ntables, ==, 6);
    for (unsigned i = 0; i < t->ntables; i++) {
        const uint8_t *table = t->data + t->table[i].offset;

        g_assert(!memcmp(table, t->table[i].sig, 4));
        g_assert_cmpuint(pci_get_long(table + 4), ==, t->table[i].len);
        if (strcmp(t->table[i].sig, "FACS")) {
            g_assert_cmpuint(byte_sum(table, t->table[i].len), ==, 0);
        } else {
            g_assert_cmpuint(t->table[i].offset % 64, ==, 0);
        }
    }
}

static const uint8_t *find(const AcpiTables *t, const char *sig)
{
    for (unsigned i = 0; i < t->ntables; i++) {
        if (!strcmp(t->table[i].sig, sig)) {
            return t->data + t->table[i].offset;
        }
    }
    g_assert_not_reached();
}

/* From the RSDP through both roots to FADT, MADT, DSDT and FACS. */
static void test_pointers(void)
{
    g_autoptr(AcpiTables) t = build(1, 0x20000, &error_abort);
    const uint8_t *rsdt = t->data + pci_get_long(t->data + 16) - BASE;
    const uint8_t *xsdt = t->data + pci_get_quad(t->data + 24) - BASE;
    const uint8_t *fadt = find(t, "FACP");

    g_assert_true(rsdt == find(t, "RSDT"));
    g_assert_true(xsdt == find(t, "XSDT"));
    g_assert_true(t->data + pci_get_long(rsdt + 36) - BASE == fadt);
    g_assert_true(t->data + pci_get_quad(xsdt + 44) - BASE == find(t, "APIC"));
    g_assert_true(t->data + pci_get_long(fadt + 36) - BASE == find(t, "FACS"));
    g_assert_true(t->data + pci_get_quad(fadt + 140) - BASE == find(t, "DSDT"));
    g_assert_cmpuint(pci_get_word(fadt + 46), ==, 9);     /* SCI */
    g_assert_cmpuint(pci_get_long(fadt + 48), ==, 0);     /* SMI_CMD */
    g_assert_cmphex(pci_get_long(fadt + 56), ==, 0x600);  /* PM1a_EVT */
    g_assert_cmphex(pci_get_long(fadt + 76), ==, 0x608);  /* PM_TMR */
    g_assert_cmphex(pci_get_quad(fadt + 120), ==, 0xcf9); /* reset */
}

static void test_madt_x2apic(void)
{
    g_autoptr(AcpiTables) t = build(300, 0x20000, &error_abort);
    const uint8_t *madt = find(t, "APIC");
    unsigned len = pci_get_long(madt + 4), lapic = 0, x2apic = 0;

    for (unsigned pos = 44; pos < len; pos += madt[pos + 1]) {
        g_assert_cmpuint(madt[pos + 1], >=, 2);
        lapic += madt[pos] == 0;
        x2apic += madt[pos] == 9;
    }
    g_assert_cmpuint(lapic, ==, 255);
    g_assert_cmpuint(x2apic, ==, 45);
}

static void test_too_big(void)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(build(255, 4096, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "ACPI tables need"));
}

/* --- iasl ----------------------------------------------------------------- */

static char *run_iasl(const char *dir, const char *const *args)
{
    g_autofree char *out = NULL, *err = NULL;
    g_autoptr(GError) gerr = NULL;
    int status;

    if (!g_spawn_sync(dir, (char **)args, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                      &out, &err, &status, &gerr)) {
        g_error("iasl: %s", gerr->message);
    }
    if (!g_spawn_check_wait_status(status, NULL)) {
        g_error("iasl failed:\n%s%s", out, err);
    }
    return g_strconcat(out, err, NULL);
}

static void write_table(const AcpiTables *t, unsigned i, const char *path)
{
    g_assert_true(g_file_set_contents(
        path, (char *)t->data + t->table[i].offset, t->table[i].len, NULL));
}

/* Take apart and put together again, without a word of complaint. */
static void check_table(const AcpiTables *t, unsigned i, const char *dir)
{
    const char *take_apart[] = { "iasl", "-d", "t.aml", NULL };
    const char *put_together[] = { "iasl", "-oa", "-p", "u", "t.dsl", NULL };
    g_autofree char *aml = g_build_filename(dir, "t.aml", NULL);
    g_autofree char *dsl = g_build_filename(dir, "t.dsl", NULL);
    g_autofree char *again = g_build_filename(dir, "u.aml", NULL);
    g_autofree char *out1 = NULL, *out2 = NULL, *data = NULL;
    gsize len;

    write_table(t, i, aml);
    out1 = run_iasl(dir, take_apart);
    if (strstr(out1, "Warning") || strstr(out1, "Error")) {
        g_error("%s: %s", t->table[i].sig, out1);
    }
    out2 = run_iasl(dir, put_together);
    if (!strstr(out2, "0 Errors, 0 Warnings, 0 Remarks")) {
        g_error("%s: %s", t->table[i].sig, out2);
    }
    g_assert_true(g_file_get_contents(again, &data, &len, NULL));
    g_assert_cmpuint(len, ==, t->table[i].len);
    if (strcmp(t->table[i].sig, "FACS")) {
        /* The same bytes but for checksum and compiler in the header. */
        g_assert_cmpmem(data + HEADER_SIZE, len - HEADER_SIZE,
                        t->data + t->table[i].offset + HEADER_SIZE,
                        len - HEADER_SIZE);
    }
    g_remove(aml);
    g_remove(dsl);
    g_remove(again);
}

static void test_iasl(gconstpointer ncpus)
{
    g_autofree char *iasl = g_find_program_in_path("iasl");
    g_autoptr(AcpiTables)
        t = build(GPOINTER_TO_UINT(ncpus), 0x20000, &error_abort);
    g_autofree char *dir = NULL;

    if (!iasl) {
        g_test_skip("iasl is not installed (package acpica-tools)");
        return;
    }
    dir = g_dir_make_tmp("test-acpi-XXXXXX", NULL);
    g_assert_nonnull(dir);
    for (unsigned i = 0; i < t->ntables; i++) {
        check_table(t, i, dir);
    }
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/structure", test_structure);
    g_test_add_func("/acpi/pointers", test_pointers);
    g_test_add_func("/acpi/madt-x2apic", test_madt_x2apic);
    g_test_add_func("/acpi/too-big", test_too_big);
    g_test_add_data_func("/acpi/iasl/1", GUINT_TO_POINTER(1), test_iasl);
    g_test_add_data_func("/acpi/iasl/8", GUINT_TO_POINTER(8), test_iasl);
    g_test_add_data_func("/acpi/iasl/300", GUINT_TO_POINTER(300), test_iasl);
    return g_test_run();
}
