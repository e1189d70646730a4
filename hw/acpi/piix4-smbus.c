/*
 * SMBus host controller of the PIIX4 (82371AB data sheet, section 7.3).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/piix4-smbus.h"

#define SMB_HST_STS 0
#define SMB_SLV_STS 1
#define SMB_HST_CNT 2

#define STS_W1C     0x1e
#define STS_DEV_ERR 0x04
#define CNT_MASK    0x1d
#define CNT_START   0x40

static uint64_t smbus_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4SMBus *s = opaque;

    return addr < PIIX4_SMBUS_REGS ? s->regs[addr] : 0;
}

static void smbus_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX4SMBus *s = opaque;

    switch (addr) {
    case SMB_HST_STS:
        s->regs[SMB_HST_STS] &= ~(val & STS_W1C);
        break;
    case SMB_SLV_STS:
        break;
    case SMB_HST_CNT:
        s->regs[SMB_HST_CNT] = val & CNT_MASK;
        if (val & CNT_START) {
            s->regs[SMB_HST_STS] |= STS_DEV_ERR;
        }
        break;
    default:
        if (addr < PIIX4_SMBUS_REGS) {
            s->regs[addr] = val;
        }
        break;
    }
}

static const MemoryRegionOps smbus_ops = {
    .read = smbus_read,
    .write = smbus_write,
    .max_access_size = 1,
};

void piix4_smbus_init(PIIX4SMBus *s)
{
    memory_region_init_io(&s->mr, &smbus_ops, s, "pm-smbus",
                          PIIX4_SMBUS_IO_SIZE);
}

void piix4_smbus_destroy(PIIX4SMBus *s)
{
    piix4_smbus_map(s, NULL, 0);
    memory_region_destroy(&s->mr);
}

void piix4_smbus_reset(PIIX4SMBus *s)
{
    memset(s->regs, 0, sizeof(s->regs));
}

void piix4_smbus_map(PIIX4SMBus *s, MemoryRegion *io, uint16_t base)
{
    if (!base) {
        io = NULL;
    }
    if (s->io == io && s->base == base) {
        return;
    }
    if (s->io) {
        memory_region_del_subregion(s->io, &s->mr);
    }
    s->io = io;
    s->base = base;
    if (io) {
        memory_region_add_subregion(io, base, &s->mr);
    }
}
