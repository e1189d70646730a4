/*
 * isa-serial: a 16550A that -device makes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/char/isa-char.h"
#include "hw/pci/isa.h"

#define MAX_ISA_SERIAL_PORTS 4

typedef struct ISASerialState {
    DeviceState dev; /* first */
    uint32_t index;  /* -1: the next free one; these three: properties */
    uint32_t iobase; /* -1: the usual one of that index */
    uint32_t isairq;
    uint32_t baudbase; /* taken for compatibility */
    bool wakeup;
    char *chardev;
    SerialState *uart;
} ISASerialState;

static const CharConnectOps *connect_ops;

void char_set_connect_ops(const CharConnectOps *ops)
{
    connect_ops = ops;
}

const CharConnectOps *char_connect_ops(void)
{
    return connect_ops;
}

static bool choose_index(ISASerialState *s, Error **errp)
{
    if (s->index == UINT32_MAX) {
        for (s->index = 0; serial_by_index(s->index); s->index++) {
        }
    }
    if (s->index >= MAX_ISA_SERIAL_PORTS) {
        error_setg(errp, "Max. supported number of ISA serial ports is %d.",
                   MAX_ISA_SERIAL_PORTS);
        return false;
    }
    return true;
}

static void isa_serial_unrealize(DeviceState *dev)
{
    ISASerialState *s = (ISASerialState *)dev;

    serial_free(s->uart);
    s->uart = NULL;
}

static bool isa_serial_realize(DeviceState *dev, Error **errp)
{
    static const uint16_t iobases[MAX_ISA_SERIAL_PORTS] = { 0x3f8, 0x2f8, 0x3e8,
                                                            0x2e8 };
    static const uint8_t irqs[MAX_ISA_SERIAL_PORTS] = { 4, 3, 4, 3 };
    ISASerialState *s = (ISASerialState *)dev;

    if (!choose_index(s, errp)) {
        return false;
    }
    s->iobase = s->iobase == UINT32_MAX ? iobases[s->index] : s->iobase;
    s->isairq = s->isairq == UINT32_MAX ? irqs[s->index] : s->isairq;
    s->uart = serial_new(get_system_io(), s->iobase,
                         isa_get_irq(dev, s->isairq), s->index);
    if (s->chardev && s->chardev[0] && connect_ops &&
        !connect_ops->serial(s->uart, s->chardev, "serial", errp)) {
        isa_serial_unrealize(dev);
        return false;
    }
    return true;
}

static void isa_serial_reset(DeviceState *dev)
{
    serial_reset(((ISASerialState *)dev)->uart);
}

static const Property isa_serial_props[] = {
    DEFINE_PROP_UINT32("index", ISASerialState, index, UINT32_MAX),
    DEFINE_PROP_UINT32("iobase", ISASerialState, iobase, UINT32_MAX),
    DEFINE_PROP_UINT32("irq", ISASerialState, isairq, UINT32_MAX),
    { .name = "chardev",
      .info = &prop_info_string,
      .offset = offsetof(ISASerialState, chardev),
      .description = "ID of a chardev to use as a backend" },
    DEFINE_PROP_UINT32("baudbase", ISASerialState, baudbase, 115200),
    DEFINE_PROP_BOOL("wakeup", ISASerialState, wakeup, false),
    DEFINE_PROP_END,
};

static const DeviceOps isa_serial_ops = {
    .category = DEVICE_CATEGORY_INPUT,
    .user_creatable = true,
    .realize = isa_serial_realize,
    .unrealize = isa_serial_unrealize,
    .reset = isa_serial_reset,
};

static const TypeInfo isa_serial_type = {
    .name = "isa-serial",
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ISASerialState),
    .props = isa_serial_props,
    .class_ops = &isa_serial_ops,
};

const TypeInfo *const hw_char_types[] = {
    &isa_serial_type,
    &isa_debugcon_type,
    &isa_debug_exit_type,
    NULL,
};
