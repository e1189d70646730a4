/*
 * ACPI fixed hardware: power button and SCI, PM timer, power off, moving the
 * block, random accesses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/piix4-pm.h"
#include "hw/core/runstate-if.h"
#include "hw/pci/i440fx.h"
#include "tests/unit/hw/port-io.h"
#include "util/main-loop.h"
#include "util/timer.h"

#define PM1_STS 0x600
#define PM1_EN  0x602
#define PM1_CNT 0x604
#define PM_TMR  0x608

static PCIBus *bus;
static PCIDevice *pm;
static int isa_level[16];
static unsigned shutdowns, resets;

static void shutdown_request(ShutdownCause reason, int code)
{
    g_assert_cmpint(reason, ==, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    shutdowns++;
}

static void reset_request(ShutdownCause reason)
{
    g_assert_cmpint(reason, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    resets++;
}

static const RunstateOps runstate_ops = {
    .shutdown_request = shutdown_request,
    .reset_request = reset_request,
};

static void config_write(unsigned reg, uint32_t val, unsigned size)
{
    pci_data_write(bus, pm->devfn << 8 | reg, val, size);
}

static void test_power_button(void)
{
    bus_cold_reset(sysbus_get_default());
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 1); /* SCI_EN */
    piix4_pm_powerdown(pm);
    g_assert_cmpint(isa_level[9], ==, 0); /* not enabled */
    g_assert_cmphex(port_read(PM1_STS, 2), ==, 0x100);
    port_write(PM1_EN, 0x120, 2);
    g_assert_cmpint(isa_level[9], ==, 1);
    g_assert_cmphex(port_read(PM1_STS, 4), ==, 0x01200100);
    outb(PM1_STS + 1, 0x01);
    g_assert_cmpint(isa_level[9], ==, 0);
    g_assert_cmphex(port_read(PM1_STS, 2), ==, 0);
    piix4_pm_powerdown(pm);
    g_assert_cmpint(isa_level[9], ==, 1);
    bus_cold_reset(sysbus_get_default());
    g_assert_cmpint(isa_level[9], ==, 0);
    g_assert_cmphex(port_read(PM1_EN, 2), ==, 0);
}

static void test_power_off(void)
{
    port_write(PM1_CNT, 0x2401, 2); /* sleep type 1: we do not sleep */
    g_assert_cmpuint(shutdowns, ==, 0);
    port_write(PM1_CNT, 0x0000, 2); /* not without SLP_EN */
    g_assert_cmpuint(shutdowns, ==, 0);
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 1); /* SCI_EN stays */
    port_write(PM1_CNT, 0x2001, 2);
    g_assert_cmpuint(shutdowns, ==, 1);
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 1);
}

static void test_timer(void)
{
    uint32_t first = port_read(PM_TMR, 4), now;
    int64_t start = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    do {
        now = port_read(PM_TMR, 4);
        g_assert_cmphex(now, <=, 0xffffff);
    } while (((now - first) & 0xffffff) < 3580);
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - start, >=,
                    999 * SCALE_US);
    port_write(PM_TMR, 0, 4); /* read-only */
    g_assert_cmphex(port_read(PM_TMR, 4), >=, now);
}

static void test_timer_interrupt(void)
{
    bus_cold_reset(sysbus_get_default());
    port_write(PM1_STS, 0x0001, 2);
    port_write(PM1_EN, 0x0001, 2);
    while (!isa_level[9]) {
        main_loop_wait(false); /* bit 23 changes every 2.3 s */
    }
    g_assert_cmphex(port_read(PM1_STS, 2), ==, 1);
    port_write(PM1_STS, 0x0001, 2);
    g_assert_cmpint(isa_level[9], ==, 0);
    port_write(PM1_EN, 0, 2);
}

static void test_move(void)
{
    bus_cold_reset(sysbus_get_default());
    config_write(0x40, 0x1001, 4);
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 0xffff);
    g_assert_cmphex(port_read(0x1004, 2), ==, 1);
    config_write(0x80, 0, 1);
    g_assert_cmphex(port_read(0x1004, 2), ==, 0xffff);
    config_write(0x80, 1, 1);
    config_write(0x40, 0xffffffff, 4);
    g_assert_cmphex(pci_data_read(bus, pm->devfn << 8 | 0x40, 4), ==, 0xffc1);
    g_assert_cmphex(port_read(0xffc4, 2), ==, 1);
    config_write(0x40, 0, 4);
    bus_cold_reset(sysbus_get_default());
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 1);
}

static void test_gpe(void)
{
    port_write(PIIX4_GPE_BASE, 0xffffffff, 4);
    g_assert_cmphex(port_read(PIIX4_GPE_BASE, 4), ==, 0xffff0000);
    g_assert_cmpint(isa_level[9], ==, 0);
    outb(PIIX4_GPE_BASE + 2, 0x12);
    g_assert_cmphex(port_read(PIIX4_GPE_BASE + 2, 2), ==, 0xff12);
}

/* A probe of the SMBus finds nobody, at once. */
static void test_smbus(void)
{
    bus_cold_reset(sysbus_get_default());
    outb(0x704, 0x50 << 1 | 1);
    outb(0x702, 0x48); /* start a byte read */
    g_assert_cmphex(inb(0x700), ==, 0x04);
    outb(0x700, 0x04);
    g_assert_cmphex(inb(0x700), ==, 0x00);
    g_assert_cmphex(inb(0x704), ==, 0xa1);
    config_write(0xd2, 0, 1);
    g_assert_cmphex(inb(0x704), ==, 0xff);
    config_write(0xd2, 1, 1);
    config_write(0x90, 0xffffffff, 4);
    g_assert_cmphex(inb(0xfff4), ==, 0xa1);
    bus_cold_reset(sysbus_get_default());
    g_assert_cmphex(inb(0x704), ==, 0x00);
}

static void test_reset_port(void)
{
    port_write(0xcf8, 0x80000000, 4);
    outb(0xcf9, 0x02);
    g_assert_cmphex(inb(0xcf9), ==, 0x02);
    g_assert_cmpuint(resets, ==, 0);
    outb(0xcf9, 0x06);
    g_assert_cmpuint(resets, ==, 1);
    g_assert_cmphex(port_read(0xcf8, 4), ==, 0x80000000);
}

static void test_random(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1 << g_test_rand_int_range(0, 3);
        uint16_t port = (g_test_rand_bit() ? 0x600 : PIIX4_GPE_BASE) +
                        g_test_rand_int_range(0, 64);

        if (g_test_rand_bit()) {
            port_write(port, g_test_rand_int(), size);
        } else {
            port_read(port, size);
        }
        if (i % 1000 == 0) {
            config_write(g_test_rand_int_range(0x40, 0xd8) & ~3,
                         g_test_rand_int(), 4);
        }
    }
    bus_cold_reset(sysbus_get_default());
    g_assert_cmphex(port_read(PM1_CNT, 2), ==, 1);
}

int main(int argc, char **argv)
{
    static qemu_irq *irqs; /* to the end of the test */

    irqs = qemu_allocate_irqs(test_irq_set, isa_level, 16);
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    runstate_set_ops(&runstate_ops);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(piix4_pm_types);
    bus = i440fx_init(get_system_memory(), get_system_io(), &error_abort);
    piix3_init(bus, irqs, &error_abort);
    pm = piix4_pm_init(bus, get_system_io(), irqs[9], &error_abort);
    g_test_add_func("/piix4-pm/power-button", test_power_button);
    g_test_add_func("/piix4-pm/power-off", test_power_off);
    g_test_add_func("/piix4-pm/timer", test_timer);
    g_test_add_func("/piix4-pm/timer-interrupt", test_timer_interrupt);
    g_test_add_func("/piix4-pm/move", test_move);
    g_test_add_func("/piix4-pm/gpe", test_gpe);
    g_test_add_func("/piix4-pm/smbus", test_smbus);
    g_test_add_func("/piix4-pm/reset-port", test_reset_port);
    g_test_add_func("/piix4-pm/random", test_random);
    return g_test_run();
}
