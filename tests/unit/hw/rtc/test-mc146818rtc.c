/*
 * RTC: time in all its formats, setting it, update in progress, interrupts,
 * CMOS memory, nonsense from the guest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/rtc/mc146818rtc.h"
#include "tests/unit/hw/port-io.h"
#include "util/main-loop.h"
#include "util/timer.h"

/* 2024-02-28 23:59:10 UTC, a Wednesday */
#define BASE 1709164750

static MC146818RtcState *rtc;
static int irq_level;
static IRQLine irq;

static uint8_t cmos(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void cmos_write(uint8_t reg, uint8_t val)
{
    outb(0x70, reg);
    outb(0x71, val);
}

static void start(void)
{
    qemu_init_irq(&irq, test_irq_set, &irq_level, 0);
    rtc = mc146818_rtc_new(get_system_io(), &irq, BASE);
}

static void stop(void)
{
    mc146818_rtc_free(rtc);
}

/* The test takes well under the 50 seconds to midnight. */
static void test_time(void)
{
    start();
    g_assert_cmphex(cmos(0x0d), ==, 0x80);
    g_assert_cmphex(cmos(0x0b), ==, 0x02);
    g_assert_cmphex(cmos(0x04), ==, 0x23);
    g_assert_cmphex(cmos(0x02), ==, 0x59);
    g_assert_cmphex(cmos(0x00), >=, 0x10);
    g_assert_cmphex(cmos(0x06), ==, 0x04);
    g_assert_cmphex(cmos(0x07), ==, 0x28);
    g_assert_cmphex(cmos(0x08), ==, 0x02);
    g_assert_cmphex(cmos(0x09), ==, 0x24);
    g_assert_cmphex(cmos(0x32), ==, 0x20);
    cmos_write(0x0b, 0x06); /* binary */
    g_assert_cmpuint(cmos(0x04), ==, 23);
    g_assert_cmpuint(cmos(0x07), ==, 28);
    g_assert_cmpuint(cmos(0x32), ==, 20);
    cmos_write(0x0b, 0x00); /* BCD, 12 hours */
    g_assert_cmphex(cmos(0x04), ==, 0x91);
    g_assert_cmphex(inb(0x70), ==, 0xff);
    stop();
}

static void test_set(void)
{
    start();
    cmos_write(0x0b, 0x82); /* SET */
    cmos_write(0x00, 0x58);
    cmos_write(0x02, 0x59);
    cmos_write(0x04, 0x12);
    cmos_write(0x07, 0x31);
    cmos_write(0x08, 0x12);
    cmos_write(0x09, 0x99);
    cmos_write(0x32, 0x19);
    g_assert_cmphex(cmos(0x00), ==, 0x58); /* stands still */
    cmos_write(0x0b, 0x02);
    g_assert_cmphex(cmos(0x04), ==, 0x12);
    g_assert_cmphex(cmos(0x07), ==, 0x31);
    g_assert_cmphex(cmos(0x09), ==, 0x99);
    g_assert_cmphex(cmos(0x32), ==, 0x19);
    g_assert_cmphex(cmos(0x06), ==, 0x06); /* it was a Friday */
    cmos_write(0x04, 0x07);                /* without SET */
    g_assert_cmphex(cmos(0x04), ==, 0x07);
    stop();
}

static void test_update_interrupt(void)
{
    start();
    cmos_write(0x0b, 0x12); /* UIE */
    cmos(0x0c);
    while (!irq_level) {
        main_loop_wait(false);
    }
    g_assert_cmphex(cmos(0x0c) & 0x90, ==, 0x90);
    g_assert_cmpint(irq_level, ==, 0);
    g_assert_cmphex(cmos(0x0c), ==, 0x00);
    stop();
}

/* Alarm on any second: "don't care" in all three registers. */
static void test_alarm(void)
{
    start();
    cmos_write(0x01, 0xff);
    cmos_write(0x03, 0xff);
    cmos_write(0x05, 0xff);
    cmos(0x0c);
    cmos_write(0x0b, 0x22); /* AIE */
    while (!irq_level) {
        main_loop_wait(false);
    }
    g_assert_cmphex(cmos(0x0c) & 0xa0, ==, 0xa0);
    cmos_write(0x01, 0x99); /* no such second */
    while (!(cmos(0x0c) & 0x10)) {
        main_loop_wait(true);
        g_assert_cmpint(irq_level, ==, 0);
    }
    stop();
}

static void test_periodic(void)
{
    start();
    cmos_write(0x0a, 0x26); /* 1024 Hz */
    cmos_write(0x0b, 0x42); /* PIE */
    for (unsigned i = 0; i < 5; i++) {
        while (!irq_level) {
            main_loop_wait(false);
        }
        g_assert_cmphex(cmos(0x0c) & 0xc0, ==, 0xc0);
        g_assert_cmpint(irq_level, ==, 0);
    }
    mc146818_rtc_reset(rtc);
    g_assert_cmphex(cmos(0x0b), ==, 0x02);
    stop();
}

/* A guest that waits for UIP to come and go gets the seconds apart. */
static void test_uip(void)
{
    uint8_t before, after;

    start();
    while (!(cmos(0x0a) & 0x80)) {
    }
    before = cmos(0x00);
    while (cmos(0x0a) & 0x80) {
    }
    after = cmos(0x00);
    g_assert_cmphex(before, !=, after);
    stop();
}

static void test_memory(void)
{
    start();
    mc146818_rtc_set_memory_size(rtc, 3 * GiB, 5 * GiB);
    g_assert_cmphex(cmos(0x15) | cmos(0x16) << 8, ==, 640);
    g_assert_cmphex(cmos(0x30) | cmos(0x31) << 8, ==, 0xffff);
    g_assert_cmphex(cmos(0x34) | cmos(0x35) << 8, ==, 0xbf00);
    g_assert_cmphex(cmos(0x5b) | cmos(0x5c) << 8 | cmos(0x5d) << 16, ==,
                    5 * GiB / 65536);
    mc146818_rtc_set_memory_size(rtc, MiB / 2, 0);
    g_assert_cmphex(cmos(0x15) | cmos(0x16) << 8, ==, 512);
    g_assert_cmphex(cmos(0x30) | cmos(0x31) << 8, ==, 0);
    mc146818_rtc_set_cmos_data(rtc, 0x38, 0x30);
    g_assert_cmphex(cmos(0x38), ==, 0x30);
    cmos_write(0xff, 0x77); /* bit 7 masks NMI, the rest is the address */
    g_assert_cmphex(cmos(0x7f), ==, 0x77);
    stop();
}

static void test_random(void)
{
    start();
    for (unsigned i = 0; i < 100000; i++) {
        cmos_write(g_test_rand_int_range(0, 64), g_test_rand_int());
        cmos(g_test_rand_int_range(0, 64));
        if (i % 100 == 0) {
            main_loop_wait(true);
        }
    }
    stop();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    g_test_add_func("/rtc/time", test_time);
    g_test_add_func("/rtc/set", test_set);
    g_test_add_func("/rtc/update-interrupt", test_update_interrupt);
    g_test_add_func("/rtc/alarm", test_alarm);
    g_test_add_func("/rtc/periodic", test_periodic);
    g_test_add_func("/rtc/uip", test_uip);
    g_test_add_func("/rtc/memory", test_memory);
    g_test_add_func("/rtc/random", test_random);
    return g_test_run();
}
