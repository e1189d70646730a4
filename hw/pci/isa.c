/*
 * ISA bus.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/isa.h"
#include "hw/pci/pci-internal.h"

typedef struct ISABus {
    BusState qbus; /* first */
    qemu_irq irqs[ISA_NUM_IRQS];
} ISABus;

void isa_bus_new(DeviceState *parent, const qemu_irq *irqs)
{
    ISABus *bus = (ISABus *)qbus_new(TYPE_ISA_BUS, parent, "isa.0");

    memcpy(bus->irqs, irqs, sizeof(bus->irqs));
}

qemu_irq isa_get_irq(DeviceState *dev, unsigned irq)
{
    ISABus *bus = (ISABus *)dev->parent_bus;

    return irq < ISA_NUM_IRQS ? bus->irqs[irq] : NULL;
}

static const BusOps isa_bus_ops = { .max_dev = 0 };

const TypeInfo isa_bus_type = {
    .name = TYPE_ISA_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(ISABus),
    .class_ops = &isa_bus_ops,
};

static const DeviceOps isa_device_ops = { .bus_type = TYPE_ISA_BUS };

const TypeInfo isa_device_type = {
    .name = TYPE_ISA_DEVICE,
    .parent = TYPE_DEVICE,
    .abstract = true,
    .class_ops = &isa_device_ops,
};
