/*
 * 16550A: FIFOs, line status, interrupt identification, loopback, and a back
 * end that does not take what it is given.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/char/serial.h"
#include "tests/unit/hw/port-io.h"
#include "util/main-loop.h"
#include "util/timer.h"

#define COM1 0x3f8
#define THR  (COM1 + 0)
#define RBR  (COM1 + 0)
#define IER  (COM1 + 1)
#define IIR  (COM1 + 2)
#define FCR  (COM1 + 2)
#define LCR  (COM1 + 3)
#define MCR  (COM1 + 4)
#define LSR  (COM1 + 5)
#define MSR  (COM1 + 6)
#define SCR  (COM1 + 7)

static SerialState *serial;
static int irq_level;
static IRQLine irq;

static uint8_t out[1024];
static size_t out_len;
static int out_room; /* bytes the back end takes; < 0: it fails */
static unsigned accepted;
static int break_state;

static int be_write(void *opaque, const uint8_t *buf, size_t len)
{
    size_t n = MIN(len, (size_t)MAX(out_room, 0));

    if (out_room < 0) {
        return -1;
    }
    g_assert_cmpuint(out_len + n, <=, sizeof(out));
    memcpy(out + out_len, buf, n);
    out_len += n;
    out_room -= n;
    return n;
}

static void be_accept_input(void *opaque)
{
    accepted++;
}

static void be_set_break(void *opaque, bool on)
{
    break_state = on;
}

static const SerialBackend backend = {
    .write = be_write,
    .accept_input = be_accept_input,
    .set_break = be_set_break,
};

static void start(void)
{
    qemu_init_irq(&irq, test_irq_set, &irq_level, 0);
    serial = serial_new(get_system_io(), COM1, &irq, 0);
    serial_set_backend(serial, &backend, NULL);
    out_len = 0;
    out_room = sizeof(out);
    accepted = 0;
}

static void stop(void)
{
    serial_free(serial);
    g_assert_null(serial_by_index(0));
}

static void test_registers(void)
{
    start();
    g_assert_true(serial_by_index(0) == serial);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmphex(inb(IIR), ==, 0x01);
    outb(SCR, 0xa5);
    g_assert_cmphex(inb(SCR), ==, 0xa5);
    outb(IER, 0xff); /* upper four bits do not exist: how Linux finds it */
    g_assert_cmphex(inb(IER), ==, 0x0f);
    outb(IER, 0);
    outb(LCR, 0x83);
    outb(THR, 0x34);
    outb(IER, 0x12);
    g_assert_cmphex(inb(RBR), ==, 0x34);
    g_assert_cmphex(inb(IER), ==, 0x12);
    outb(LCR, 0x03);
    g_assert_cmphex(inb(IER), ==, 0);
    g_assert_cmpuint(out_len, ==, 0);
    g_assert_cmphex(inb(MSR), ==, 0xb0);
    outb(FCR, 0x01);
    g_assert_cmphex(inb(IIR) & 0xc0, ==, 0xc0); /* "16550A" */
    outb(FCR, 0x00);
    g_assert_cmphex(inb(IIR) & 0xc0, ==, 0x00);
    outb(LSR, 0xff);
    outb(MSR, 0xff); /* read-only */
    g_assert_cmphex(inb(LSR), ==, 0x60);
    stop();
}

static void test_thre(void)
{
    start();
    outb(IER, 0x02); /* THR is empty: an interrupt at once */
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmphex(inb(IIR), ==, 0x02);
    g_assert_cmpint(irq_level, ==, 0); /* reading it is the answer */
    g_assert_cmphex(inb(IIR), ==, 0x01);
    outb(THR, 'x');
    g_assert_cmpuint(out_len, ==, 1);
    g_assert_cmpint(irq_level, ==, 1);
    outb(IER, 0);
    g_assert_cmpint(irq_level, ==, 0);
    outb(IER, 0x02); /* Linux's test for a broken UART */
    g_assert_cmpint(irq_level, ==, 1);
    stop();
}

static void test_receive(void)
{
    start();
    outb(IER, 0x01);
    g_assert_cmpuint(serial_can_receive(serial), ==, 1);
    serial_receive(serial, (const uint8_t *)"a", 1);
    g_assert_cmpuint(serial_can_receive(serial), ==, 0);
    g_assert_cmpint(irq_level, ==, 1);
    g_assert_cmphex(inb(IIR), ==, 0x04);
    g_assert_cmphex(inb(LSR), ==, 0x61);
    g_assert_cmphex(inb(RBR), ==, 'a');
    g_assert_cmpuint(accepted, ==, 1);
    g_assert_cmpint(irq_level, ==, 0);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmphex(inb(RBR), ==, 0); /* nothing there is no crash */
    stop();
}

static void test_overrun(void)
{
    uint8_t many[100];

    for (unsigned i = 0; i < sizeof(many); i++) {
        many[i] = i;
    }
    start();
    outb(IER, 0x04);
    outb(FCR, 0x01);
    serial_receive(serial, many, sizeof(many));
    g_assert_cmphex(inb(IIR), ==, 0xc6);
    g_assert_cmphex(inb(LSR), ==, 0x63);
    g_assert_cmphex(inb(LSR), ==, 0x61); /* the error is told once */
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(inb(RBR), ==, i);
    }
    g_assert_cmphex(inb(LSR), ==, 0x60);
    stop();
}

/* Below the trigger level only the character timeout interrupts. */
static void test_fifo_timeout(void)
{
    start();
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    outb(LCR, 0x80);
    outb(THR, 1); /* 115200 */
    outb(IER, 0);
    outb(LCR, 0x03);
    outb(FCR, 0x81); /* trigger level 8 */
    outb(IER, 0x01);
    serial_receive(serial, (const uint8_t *)"abc", 3);
    g_assert_cmphex(inb(IIR), ==, 0xc1);
    while (!irq_level) {
        main_loop_wait(false);
    }
    g_assert_cmphex(inb(IIR), ==, 0xcc);
    g_assert_cmphex(inb(RBR), ==, 'a');
    g_assert_cmphex(inb(IIR), ==, 0xc1);
    serial_receive(serial, (const uint8_t *)"123456", 6);
    g_assert_cmphex(inb(IIR), ==, 0xc4);
    outb(FCR, 0x83); /* clear */
    g_assert_cmphex(inb(IIR), ==, 0xc1);
    g_assert_cmphex(inb(LSR), ==, 0x60);
    g_assert_cmpuint(serial_can_receive(serial), ==, 16);
    stop();
}

static void test_break(void)
{
    start();
    outb(IER, 0x04);
    serial_receive_break(serial);
    g_assert_cmphex(inb(IIR), ==, 0x06);
    g_assert_cmphex(inb(LSR), ==, 0x71);
    g_assert_cmphex(inb(LSR), ==, 0x61);
    g_assert_cmphex(inb(RBR), ==, 0);
    outb(LCR, 0x43);
    g_assert_cmpint(break_state, ==, 1);
    outb(LCR, 0x03);
    g_assert_cmpint(break_state, ==, 0);
    stop();
}

static void test_loopback(void)
{
    start();
    outb(MCR, 0x10);
    g_assert_cmphex(inb(MSR) & 0xf0, ==, 0x00);
    outb(MCR, 0x1f);
    g_assert_cmphex(inb(MSR), ==, 0xfb); /* all lines, three deltas */
    outb(MCR, 0x1b);
    g_assert_cmphex(inb(MSR), ==, 0xb4); /* RI fell */
    outb(THR, 'L');
    g_assert_cmpuint(out_len, ==, 0);
    g_assert_cmphex(inb(LSR) & 1, ==, 1);
    g_assert_cmphex(inb(RBR), ==, 'L');
    g_assert_cmpuint(serial_can_receive(serial), ==, 0);
    serial_receive(serial, (const uint8_t *)"no", 2);
    g_assert_cmphex(inb(LSR) & 1, ==, 0);
    outb(MCR, 0x0b);
    g_assert_cmpuint(serial_can_receive(serial), ==, 1);
    g_assert_cmpuint(accepted, >, 0);
    stop();
}

/* A back end that is full stops the guest by THRE, and only for a while. */
static void test_backpressure(void)
{
    unsigned sent = 0;

    start();
    outb(IER, 0x02);
    out_room = 0;
    while (inb(LSR) & 0x20) {
        outb(THR, sent++);
        g_assert_cmpuint(sent, <, 1000);
    }
    g_assert_cmphex(inb(LSR) & 0x60, ==, 0);
    inb(IIR);
    g_assert_cmpint(irq_level, ==, 0);
    outb(THR, 0xee); /* against the rules: no crash */
    out_room = 10;
    serial_tx_ready(serial);
    g_assert_cmpuint(out_len, ==, 10);
    g_assert_cmphex(inb(LSR) & 0x60, ==, 0x20);
    g_assert_cmpint(irq_level, ==, 1);
    out_room = 1000;
    while (!(inb(LSR) & 0x40)) {
        main_loop_wait(false); /* the timer tries by itself */
    }
    g_assert_cmpuint(out_len, ==, sent);
    g_assert_cmphex(out[out_len - 1], ==, 0xee);
    stop();
}

static void test_dead_backend(void)
{
    start();
    out_room = 0;
    while (inb(LSR) & 0x20) {
        outb(THR, 'd');
    }
    while (!(inb(LSR) & 0x40)) {
        main_loop_wait(false); /* given up after a second */
    }
    out_room = -1;
    outb(THR, 'e');
    g_assert_cmphex(inb(LSR), ==, 0x60);
    serial_set_backend(serial, NULL, NULL);
    outb(THR, 'f');
    g_assert_cmphex(inb(LSR), ==, 0x60);
    stop();
}

static void test_random(void)
{
    start();
    for (unsigned i = 0; i < 200000; i++) {
        uint16_t port = COM1 + g_test_rand_int_range(0, 8);
        unsigned size = 1 << g_test_rand_int_range(0, 3);

        out_len = 0;
        out_room = g_test_rand_int_range(-1, 20);
        if (g_test_rand_int_range(0, 10) == 0) {
            uint8_t in[32] = { 0 };

            serial_receive(serial, in, g_test_rand_int_range(0, 32));
        } else if (g_test_rand_bit()) {
            port_write(port, g_test_rand_int(), size);
        } else {
            port_read(port, size);
        }
        g_assert_cmpuint(serial_can_receive(serial), <=, 16);
    }
    serial_reset(serial);
    g_assert_cmphex(inb(IIR), ==, 0x01);
    stop();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/serial/registers", test_registers);
    g_test_add_func("/serial/thre", test_thre);
    g_test_add_func("/serial/receive", test_receive);
    g_test_add_func("/serial/overrun", test_overrun);
    g_test_add_func("/serial/fifo-timeout", test_fifo_timeout);
    g_test_add_func("/serial/break", test_break);
    g_test_add_func("/serial/loopback", test_loopback);
    g_test_add_func("/serial/backpressure", test_backpressure);
    g_test_add_func("/serial/dead-backend", test_dead_backend);
    g_test_add_func("/serial/random", test_random);
    return g_test_run();
}
