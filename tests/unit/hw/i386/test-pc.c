/*
 * The "pc" machine as its guest finds it after reset, by way of ports and
 * memory; no guest code runs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/qtest/qtest.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/char/serial.h"
#include "hw/core/reset.h"
#include "hw/core/runstate-if.h"
#include "hw/i386/pc.h"
#include "hw/pci/pci.h"
#include "util/main-loop.h"

#define RAM_SIZE (64 * MiB)

static MachineState ms = {
    .mc = &pc_machine_class,
    .ram_size = RAM_SIZE,
    .smp = { 3, 1, 1, 3, 1, 3 },
    .serial_mask = 1,
    .accel = &qtest_accel_ops,
};

static unsigned resets, shutdowns;

static void on_reset(ShutdownCause reason)
{
    resets++;
}

static void on_shutdown(ShutdownCause reason, int code)
{
    shutdowns++;
}

static const RunstateOps runstate_ops = {
    .reset_request = on_reset,
    .shutdown_request = on_shutdown,
};

static uint32_t in(uint16_t port, unsigned size)
{
    uint32_t v = 0;

    address_space_rw(&address_space_io, port, &v, size, false);
    return v;
}

static void out(uint16_t port, uint32_t v, unsigned size)
{
    address_space_rw(&address_space_io, port, &v, size, true);
}

static uint32_t pci_read(unsigned devfn, unsigned reg)
{
    out(0xcf8, 0x80000000u | devfn << 8 | reg, 4);
    return in(0xcfc, 4);
}

static void machine_reset(void)
{
    qemu_devices_reset();
    ms.mc->reset(&ms);
}

static const void *ram(uint64_t addr, uint64_t len)
{
    const void *p = address_space_ram_ptr(&address_space_memory, addr, len);

    g_assert_nonnull(p);
    return p;
}

static void test_chipset(void)
{
    g_assert_cmphex(pci_read(0x00, 0), ==, 0x12378086);
    g_assert_cmphex(pci_read(0x08, 0), ==, 0x70008086);
    g_assert_cmphex(pci_read(0x0b, 0), ==, 0x71138086);
    g_assert_cmphex(pci_read(0x40, 0), ==, 0xffffffff);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;

    while (len--) {
        s += *p++;
    }
    return s;
}

/* What a guest that knows nothing finds by scanning. */
static const uint8_t *find_rsdp(void)
{
    for (uint64_t addr = 0xe0000; addr < 0x100000; addr += 16) {
        const uint8_t *p = ram(addr, 36);

        if (!memcmp(p, "RSD PTR ", 8) && sum(p, 20) == 0) {
            return p;
        }
    }
    return NULL;
}

static void test_acpi(void)
{
    const uint8_t *rsdp = find_rsdp(), *madt = NULL;
    uint32_t rsdt_addr, len, ncpus = 0;
    const uint8_t *rsdt;

    g_assert_nonnull(rsdp);
    memcpy(&rsdt_addr, rsdp + 16, 4);
    memcpy(&len, ram(rsdt_addr + 4, 4), 4);
    rsdt = ram(rsdt_addr, len);
    g_assert_cmpuint(sum(rsdt, len), ==, 0);
    for (uint32_t i = 36; i + 4 <= len; i += 4) {
        uint32_t addr, table_len;
        const uint8_t *table;

        memcpy(&addr, rsdt + i, 4);
        memcpy(&table_len, ram(addr + 4, 4), 4);
        table = ram(addr, table_len);
        g_assert_cmpuint(sum(table, table_len), ==, 0);
        if (!memcmp(table, "APIC", 4)) {
            madt = table;
        }
    }
    g_assert_nonnull(madt);
    memcpy(&len, madt + 4, 4);
    for (uint32_t i = 44; i + 2 <= len && madt[i + 1]; i += madt[i + 1]) {
        if (madt[i] == 0) {
            g_assert_cmpuint(madt[i + 3], ==,
                             cpu_topology_apic_id(&ms.smp, ncpus));
            ncpus++;
        }
    }
    g_assert_cmpuint(ncpus, ==, 3);
}

static void test_reset_ports(void)
{
    resets = 0;
    out(0x64, 0xfe, 1);
    g_assert_cmpuint(resets, ==, 1);
    out(0xcf9, 0x02, 1);
    out(0xcf9, 0x06, 1);
    g_assert_cmpuint(resets, ==, 2);
    out(0x92, 0x01, 1);
    g_assert_cmpuint(resets, ==, 3);
    machine_reset();
}

static void test_power_off(void)
{
    shutdowns = 0;
    out(PIIX4_PM_IO_BASE + 4, 1u << 13, 2);
    g_assert_cmpuint(shutdowns, ==, 1);
    machine_reset();
}

/* RAM keeps its content over a reset, the tables are put back. */
static void test_reset(void)
{
    uint32_t magic = 0x12345678, zero = 0;
    const uint8_t *rsdp = find_rsdp();

    address_space_rw(&address_space_memory, 0x200000, &magic, 4, true);
    memset((void *)rsdp, 0, 36);
    g_assert_null(find_rsdp());
    machine_reset();
    g_assert_true(find_rsdp() == rsdp);
    address_space_rw(&address_space_memory, 0x200000, &zero, 4, false);
    g_assert_cmphex(zero, ==, magic);
}

static void test_ram_hole(void)
{
    uint32_t v = 0;

    g_assert_false(
        address_space_rw(&address_space_memory, 0xa0000, &v, 4, false));
    g_assert_cmphex(v, ==, 0xffffffff);
    g_assert_false(
        address_space_rw(&address_space_memory, RAM_SIZE, &v, 4, false));
}

static int capture(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(opaque, (const char *)buf, len);
    return len;
}

static void test_serial(void)
{
    static const SerialBackend backend = { .write = capture };
    g_autoptr(GString) text = g_string_new("");

    g_assert_null(serial_by_index(1));
    serial_set_backend(serial_by_index(0), &backend, text);
    for (const char *p = "hello"; *p; p++) {
        out(0x3f8, *p, 1);
    }
    g_assert_cmpstr(text->str, ==, "hello");
    serial_set_backend(serial_by_index(0), NULL, NULL);
}

/* Every byte of every port and of the low memory-mapped area, read and
 * written: nothing may crash. */
static void test_poke(void)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(3);

    for (int i = 0; i < 200000; i++) {
        uint16_t port = g_rand_int(rnd);

        if (g_rand_boolean(rnd)) {
            static const uint16_t hot[] = {
                0x60, 0x64, 0x70, 0x71, 0x92, 0x3f8, 0x600, 0xcf8, 0xcfc, 0xafe0
            };

            port = hot[g_rand_int_range(rnd, 0, ARRAY_SIZE(hot))] +
                   g_rand_int_range(rnd, 0, 8);
        }
        if (g_rand_boolean(rnd)) {
            in(port, 1u << g_rand_int_range(rnd, 0, 3));
        } else {
            out(port, g_rand_int(rnd), 1u << g_rand_int_range(rnd, 0, 3));
        }
    }
    machine_reset();
    test_chipset();
}

static void test_errors(void)
{
    Error *err = NULL;
    static AccelOps accel;

    accel = qtest_accel_ops;
    accel.no_guest_code = false;
    ms.accel = &accel;
    g_assert_false(ms.mc->done(&ms, &err));
    g_assert_nonnull(err);
    error_free(err);
    err = NULL;
    ms.kernel_filename = "/nonexistent/kernel";
    g_assert_false(ms.mc->done(&ms, &err));
    g_assert_null(err); /* it was printed */
    ms.kernel_filename = NULL;
    ms.accel = &qtest_accel_ops;
}

int main(int argc, char **argv)
{
    Error *err = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!qemu_init_main_loop(&err)) {
        g_print("1..0 # SKIP %s\n", error_get_pretty(err));
        return 0;
    }
    runstate_set_ops(&runstate_ops);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(piix4_pm_types);
    set_current_machine(&ms);
    set_current_accel(&qtest_accel_ops);
    if (!ms.mc->init(&ms, &err) || !ms.mc->done(&ms, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    machine_reset();
    g_test_add_func("/pc/chipset", test_chipset);
    g_test_add_func("/pc/acpi", test_acpi);
    g_test_add_func("/pc/reset-ports", test_reset_ports);
    g_test_add_func("/pc/power-off", test_power_off);
    g_test_add_func("/pc/reset", test_reset);
    g_test_add_func("/pc/ram-hole", test_ram_hole);
    g_test_add_func("/pc/serial", test_serial);
    g_test_add_func("/pc/poke", test_poke);
    g_test_add_func("/pc/errors", test_errors);
    return g_test_run();
}
