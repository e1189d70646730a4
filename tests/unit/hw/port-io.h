/*
 * Port accesses as a guest makes them, and interrupt lines that a test can
 * look at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_HW_PORT_IO_H
#define TESTS_UNIT_HW_PORT_IO_H

#include "hw/core/irq.h"
#include "hw/core/memory.h"

static inline uint32_t port_read(uint16_t port, unsigned size)
{
    uint8_t b[4] = { 0 };

    address_space_rw(&address_space_io, port, b, size, false);
    return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline void port_write(uint16_t port, uint32_t val, unsigned size)
{
    uint8_t b[4] = { val, val >> 8, val >> 16, val >> 24 };

    address_space_rw(&address_space_io, port, b, size, true);
}

static inline uint8_t inb(uint16_t port)
{
    return port_read(port, 1);
}

static inline void outb(uint16_t port, uint8_t val)
{
    port_write(port, val, 1);
}

/* @opaque of a line made with test_irq_set: an array of levels. */
static inline void test_irq_set(void *opaque, int n, int level)
{
    ((int *)opaque)[n] = level;
}

#endif
