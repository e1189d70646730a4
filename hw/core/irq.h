/*
 * Interrupt lines: the sink that a device raises and lowers without knowing
 * what is at the other end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

/* Called under the BQL with the level (0 or 1) of input @n. */
typedef void (*qemu_irq_handler)(void *opaque, int n, int level);

typedef struct IRQLine {
    qemu_irq_handler handler;
    void *opaque;
    int n;
} IRQLine;

typedef IRQLine *qemu_irq; /* NULL: a line that goes nowhere */

/* Fill an embedded line. */
void qemu_init_irq(IRQLine *irq, qemu_irq_handler handler, void *opaque, int n);

/*
 * A vector of @n lines with numbers 0..n-1; free with qemu_free_irqs().
 * Element i of the vector is a qemu_irq.
 */
qemu_irq *qemu_allocate_irqs(qemu_irq_handler handler, void *opaque, int n);
void qemu_free_irqs(qemu_irq *irqs, int n);

/* Drive the line. BQL. */
void qemu_set_irq(qemu_irq irq, int level);

static inline void qemu_irq_raise(qemu_irq irq)
{
    qemu_set_irq(irq, 1);
}

static inline void qemu_irq_lower(qemu_irq irq)
{
    qemu_set_irq(irq, 0);
}

/* An edge: up and down. */
static inline void qemu_irq_pulse(qemu_irq irq)
{
    qemu_set_irq(irq, 1);
    qemu_set_irq(irq, 0);
}

#endif
