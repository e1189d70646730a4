/*
 * 16550A UART (National Semiconductor PC16550D data sheet): registers, FIFOs,
 * interrupt identification with its priorities, loopback, break, modem
 * lines.
 *
 * The character back end is behind two calls: the UART writes to
 * SerialBackend, and system/ feeds serial_receive() as far as
 * serial_can_receive() allows.  What the back end cannot take at once waits
 * in a bounded buffer and is tried again; the vCPU never waits, and after
 * SERIAL_TX_TIMEOUT_MS without any progress the oldest bytes are dropped.
 *
 * Everything under the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "hw/core/irq.h"
#include "hw/core/memory.h"

#define SERIAL_IO_SIZE 8

/*
 * Where sent bytes go; all but @write optional.
 * @write: take up to @len bytes now; how many were taken (0: full), or < 0:
 *   an error that drops them.
 * @accept_input: there is room again after serial_can_receive() said 0.
 * @set_break: the line's break condition changed.
 */
typedef struct SerialBackend {
    int (*write)(void *opaque, const uint8_t *buf, size_t len);
    void (*accept_input)(void *opaque);
    void (*set_break)(void *opaque, bool on);
} SerialBackend;

typedef struct SerialState SerialState;

/*
 * A UART at @iobase of @io (normally get_system_io()); not connected, with
 * output going nowhere.  @index: 0-based number, for its region's name.
 */
SerialState *serial_new(MemoryRegion *io, uint16_t iobase, qemu_irq irq,
                        int index);
void serial_free(SerialState *s); /* NULL is fine */
void serial_reset(SerialState *s);

/* NULL: disconnect. */
void serial_set_backend(SerialState *s, const SerialBackend *be, void *opaque);

/* How many bytes serial_receive() takes now. */
unsigned serial_can_receive(const SerialState *s);
void serial_receive(SerialState *s, const uint8_t *buf, size_t len);
void serial_receive_break(SerialState *s);

/* The back end can take bytes again: try what waits. */
void serial_tx_ready(SerialState *s);

/* UART @index (0..3) that serial_new() made, or NULL. */
SerialState *serial_by_index(int index);

#endif
