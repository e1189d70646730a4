/*
 * Keyboard controller: what Linux's probe does, the reset commands, port 0x92,
 * a queue that overflows, random accesses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/runstate-if.h"
#include "hw/input/i8042.h"
#include "tests/unit/hw/port-io.h"

static I8042State *kbc;
static int levels[2]; /* keyboard, mouse */
static IRQLine irqs[2];
static unsigned resets;

static void reset_request(ShutdownCause reason)
{
    g_assert_cmpint(reason, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    resets++;
}

static const RunstateOps runstate_ops = { .reset_request = reset_request };

static void start(void)
{
    qemu_init_irq(&irqs[0], test_irq_set, levels, 0);
    qemu_init_irq(&irqs[1], test_irq_set, levels, 1);
    kbc = i8042_new(get_system_io(), &irqs[0], &irqs[1]);
    resets = 0;
}

static void expect(const uint8_t *bytes, unsigned n, bool aux)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(inb(0x64) & 0x21, ==, aux ? 0x21 : 0x01);
        g_assert_cmphex(inb(0x60), ==, bytes[i]);
    }
    g_assert_cmphex(inb(0x64) & 0x01, ==, 0);
}

#define EXPECT(aux, ...)                          \
    do {                                          \
        const uint8_t bytes_[] = { __VA_ARGS__ }; \
        expect(bytes_, sizeof(bytes_), (aux));    \
    } while (0)

static void test_controller(void)
{
    start();
    outb(0x64, 0xaa);
    EXPECT(false, 0x55);
    outb(0x64, 0xab);
    EXPECT(false, 0x00);
    outb(0x64, 0x20);
    EXPECT(false, 0x47);
    outb(0x64, 0x60);
    outb(0x60, 0x74);
    outb(0x64, 0x20);
    EXPECT(false, 0x74);
    outb(0x64, 0xa7); /* how Linux finds the mouse port */
    outb(0x64, 0x20);
    EXPECT(false, 0x74);
    outb(0x64, 0xa8);
    outb(0x64, 0x20);
    EXPECT(false, 0x54);
    outb(0x64, 0xd3);
    outb(0x60, 0x5a);
    EXPECT(true, 0x5a);
    outb(0x64, 0xd2);
    outb(0x60, 0xa5);
    EXPECT(false, 0xa5);
    i8042_free(kbc);
}

static void test_keyboard(void)
{
    start();
    outb(0x60, 0xf2);
    g_assert_cmpint(levels[0], ==, 1);
    EXPECT(false, 0xfa, 0xab, 0x41);
    g_assert_cmpint(levels[0], ==, 0);
    outb(0x60, 0xff);
    EXPECT(false, 0xfa, 0xaa);
    outb(0x60, 0xed);
    outb(0x60, 0x07);
    EXPECT(false, 0xfa, 0xfa);
    outb(0x60, 0xf0);
    outb(0x60, 0x00);
    EXPECT(false, 0xfa, 0xfa, 0x02);
    outb(0x60, 0xee);
    EXPECT(false, 0xee);
    outb(0x60, 0x12); /* no such command */
    EXPECT(false, 0xfe);
    i8042_free(kbc);
}

static void mouse(uint8_t val)
{
    outb(0x64, 0xd4);
    outb(0x60, val);
}

static void test_mouse(void)
{
    start();
    mouse(0xff);
    g_assert_cmpint(levels[1], ==, 1);
    g_assert_cmpint(levels[0], ==, 0);
    EXPECT(true, 0xfa, 0xaa, 0x00);
    g_assert_cmpint(levels[1], ==, 0);
    mouse(0xf2);
    EXPECT(true, 0xfa, 0x00);
    mouse(0xf3);
    mouse(0x28);
    mouse(0xe8);
    mouse(0x03);
    mouse(0xf4);
    EXPECT(true, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa);
    mouse(0xe9);
    EXPECT(true, 0xfa, 0x20, 0x03, 0x28);
    i8042_free(kbc);
}

static void test_reset(void)
{
    start();
    outb(0x64, 0xff);
    g_assert_cmpuint(resets, ==, 0);
    outb(0x64, 0xfe);
    g_assert_cmpuint(resets, ==, 1);
    outb(0x64, 0xd1);
    outb(0x60, 0x02);
    g_assert_cmpuint(resets, ==, 2);
    g_assert_cmphex(inb(0x92), ==, 0x02);
    outb(0x92, 0x00);
    g_assert_cmphex(inb(0x92), ==, 0x00);
    outb(0x92, 0x03);
    outb(0x92, 0x03); /* a level that stays is no edge */
    g_assert_cmpuint(resets, ==, 3);
    i8042_reset(kbc);
    g_assert_cmphex(inb(0x92), ==, 0x02);
    i8042_free(kbc);
}

static void test_overflow(void)
{
    start();
    for (unsigned i = 0; i < 1000; i++) {
        outb(0x60, 0xf2);
    }
    for (unsigned i = 0; i < 64; i++) {
        g_assert_cmphex(inb(0x64) & 1, ==, 1);
        inb(0x60);
    }
    g_assert_cmphex(inb(0x64) & 1, ==, 0);
    i8042_free(kbc);
}

static void test_random(void)
{
    static const uint16_t ports[] = { 0x60, 0x64, 0x92 };

    start();
    for (unsigned i = 0; i < 200000; i++) {
        uint16_t port = ports[g_test_rand_int_range(0, 3)];

        if (g_test_rand_bit()) {
            outb(port, g_test_rand_int());
        } else {
            inb(port);
        }
    }
    i8042_reset(kbc);
    g_assert_cmpint(levels[0] + levels[1], ==, 0);
    i8042_free(kbc);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    runstate_set_ops(&runstate_ops);
    g_test_add_func("/i8042/controller", test_controller);
    g_test_add_func("/i8042/keyboard", test_keyboard);
    g_test_add_func("/i8042/mouse", test_mouse);
    g_test_add_func("/i8042/reset", test_reset);
    g_test_add_func("/i8042/overflow", test_overflow);
    g_test_add_func("/i8042/random", test_random);
    return g_test_run();
}
