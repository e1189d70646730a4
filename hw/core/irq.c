/*
 * Interrupt lines.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/irq.h"

void qemu_init_irq(IRQLine *irq, qemu_irq_handler handler, void *opaque, int n)
{
    *irq = (IRQLine){ .handler = handler, .opaque = opaque, .n = n };
}

qemu_irq *qemu_allocate_irqs(qemu_irq_handler handler, void *opaque, int n)
{
    qemu_irq *irqs = g_new(qemu_irq, n);

    for (int i = 0; i < n; i++) {
        irqs[i] = g_new(IRQLine, 1);
        qemu_init_irq(irqs[i], handler, opaque, i);
    }
    return irqs;
}

void qemu_free_irqs(qemu_irq *irqs, int n)
{
    for (int i = 0; irqs && i < n; i++) {
        g_free(irqs[i]);
    }
    g_free(irqs);
}

void qemu_set_irq(qemu_irq irq, int level)
{
    if (irq) {
        irq->handler(irq->opaque, irq->n, level);
    }
}
