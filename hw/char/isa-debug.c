/*
 * Debug console port and debug exit port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/char/isa-debug.h"
#include "hw/core/runstate-if.h"

struct ISADebugcon {
    MemoryRegion mr;
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

static const MemoryRegionOps debug_exit_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
};

void isa_debug_exit_new(MemoryRegion *io, uint16_t iobase, uint16_t iosize)
{
    MemoryRegion *mr = g_new0(MemoryRegion, 1);

    memory_region_init_io(mr, &debug_exit_ops, NULL, "isa-debug-exit", iosize);
    memory_region_add_subregion(io, iobase, mr);
}
