/*
 * isa-debugcon: every byte written to port 0xe9 goes to a character back end;
 * isa-debug-exit: a write of v ends the process with status (v << 1) | 1.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CHAR_ISA_DEBUG_H
#define HW_CHAR_ISA_DEBUG_H

#include "hw/char/serial.h"

typedef struct ISADebugcon ISADebugcon;

/* For -debugcon. @iobase: 0xe9; @readback: what a read gives (0xe9). */
ISADebugcon *isa_debugcon_new(MemoryRegion *io, uint16_t iobase,
                              uint8_t readback);
void isa_debugcon_free(ISADebugcon *s); /* NULL is fine */
void isa_debugcon_set_backend(ISADebugcon *s, const SerialBackend *be,
                              void *opaque);

#endif
