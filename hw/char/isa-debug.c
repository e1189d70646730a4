/*
 * Debug console port and debug exit port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/char/isa-char.h"
#include "hw/core/runstate-if.h"
#include "hw/pci/isa.h"

struct ISADebugcon {
    MemoryRegion mr;
    MemoryRegion *io;
    uint8_t readback;
    const SerialBackend *be;
    void *be_opaque;
};

static uint64_t debugcon_read(void *opaque, hwaddr addr, unsigned size)
{
    ISADebugcon *s = opaque;

    return s->readback;
}

static void debugcon_write(void *opaque, hwaddr addr, uint64_t data,
                           unsigned size)
{
    ISADebugcon *s = opaque;
    uint8_t byte = data;

    if (s->be) {
        s->be->write(s->be_opaque, &byte, 1);
    }
}

static const MemoryRegionOps debugcon_ops = {
    .read = debugcon_read,
    .write = debugcon_write,
    .max_access_size = 1,
};

ISADebugcon *isa_debugcon_new(MemoryRegion *io, uint16_t iobase,
                              uint8_t readback)
{
    ISADebugcon *s = g_new0(ISADebugcon, 1);

    s->io = io;
    s->readback = readback;
    memory_region_init_io(&s->mr, &debugcon_ops, s, "isa-debugcon", 1);
    memory_region_add_subregion(io, iobase, &s->mr);
    return s;
}

void isa_debugcon_set_backend(ISADebugcon *s, const SerialBackend *be,
                              void *opaque)
{
    s->be = be;
    s->be_opaque = opaque;
}

void isa_debugcon_free(ISADebugcon *s)
{
    if (s) {
        memory_region_del_subregion(s->io, &s->mr);
        memory_region_destroy(&s->mr);
        g_free(s);
    }
}

/* --- isa-debugcon --------------------------------------------------------- */

typedef struct ISADebugconDevice {
    DeviceState dev; /* first */
    uint32_t iobase;
    uint32_t readback;
    char *chardev;
    ISADebugcon *port;
} ISADebugconDevice;

static bool debugcon_realize(DeviceState *dev, Error **errp)
{
    ISADebugconDevice *d = (ISADebugconDevice *)dev;
    const CharConnectOps *ops = char_connect_ops();

    if (!d->chardev || !d->chardev[0] || !ops) {
        error_setg(errp, "Can't create debugcon device, empty char device");
        return false;
    }
    d->port = isa_debugcon_new(get_system_io(), d->iobase, d->readback);
    if (!ops->debugcon(d->port, d->chardev, "isa-debugcon", errp)) {
        isa_debugcon_free(d->port);
        d->port = NULL;
        return false;
    }
    return true;
}

static const Property debugcon_props[] = {
    DEFINE_PROP_UINT32("iobase", ISADebugconDevice, iobase, 0xe9),
    { .name = "chardev",
      .info = &prop_info_string,
      .offset = offsetof(ISADebugconDevice, chardev),
      .description = "ID of a chardev to use as a backend" },
    DEFINE_PROP_UINT32("readback", ISADebugconDevice, readback, 0xe9),
    DEFINE_PROP_END,
};

static const DeviceOps debugcon_device_ops = {
    .category = DEVICE_CATEGORY_MISC,
    .user_creatable = true,
    .realize = debugcon_realize,
};

const TypeInfo isa_debugcon_type = {
    .name = "isa-debugcon",
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ISADebugconDevice),
    .props = debugcon_props,
    .class_ops = &debugcon_device_ops,
};

/* --- isa-debug-exit ------------------------------------------------------- */

typedef struct ISADebugExit {
    DeviceState dev; /* first */
    uint32_t iobase;
    uint32_t iosize;
    MemoryRegion mr;
} ISADebugExit;

static void debug_exit_write(void *opaque, hwaddr addr, uint64_t data,
                             unsigned size)
{
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
                                           (data << 1) | 1);
}

static uint64_t debug_exit_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static const MemoryRegionOps debug_exit_port_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
};

static bool debug_exit_realize(DeviceState *dev, Error **errp)
{
    ISADebugExit *d = (ISADebugExit *)dev;

    memory_region_init_io(&d->mr, &debug_exit_port_ops, d, "isa-debug-exit",
                          d->iosize);
    memory_region_add_subregion(get_system_io(), d->iobase, &d->mr);
    return true;
}

static const Property debug_exit_props[] = {
    DEFINE_PROP_UINT32("iobase", ISADebugExit, iobase, 0x501),
    DEFINE_PROP_UINT32("iosize", ISADebugExit, iosize, 2),
    DEFINE_PROP_END,
};

static const DeviceOps debug_exit_device_ops = {
    .category = DEVICE_CATEGORY_MISC,
    .user_creatable = true,
    .realize = debug_exit_realize,
};

const TypeInfo isa_debug_exit_type = {
    .name = "isa-debug-exit",
    .parent = TYPE_ISA_DEVICE,
    .instance_size = sizeof(ISADebugExit),
    .props = debug_exit_props,
    .class_ops = &debug_exit_device_ops,
};
