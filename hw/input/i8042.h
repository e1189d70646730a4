/*
 * Keyboard controller at ports 0x60 and 0x64, with a keyboard that is there
 * and never types, as much as a guest's probe and its reset command need; and
 * the system control port 0x92 (fast reset, A20 gate).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/core/irq.h"
#include "hw/core/memory.h"

typedef struct I8042State I8042State;

/*
 * @kbd_irq, @mouse_irq: ISA interrupts 1 and 12.  The reset commands end in
 * qemu_system_reset_request().
 */
I8042State *i8042_new(MemoryRegion *io, qemu_irq kbd_irq, qemu_irq mouse_irq);
void i8042_free(I8042State *s); /* NULL is fine */
void i8042_reset(I8042State *s);

#endif
