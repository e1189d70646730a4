/*
 * PIIX4 power management (82371AB data sheet; ACPI fixed hardware).
 *
 * ACPI mode is always on: SCI_EN reads 1, there is no SMI command port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/acpi/piix4-pm.h"
#include "hw/acpi/piix4-smbus.h"
#include "hw/core/runstate-if.h"
#include "util/timer.h"

/* Configuration space. */
#define PMBA           0x40 /* I/O base, bit 0 always 1 */
#define PMBA_MASK      0xffc0
#define PMREGMISC      0x80
#define PMREGMISC_IO   0x01 /* decode PMBA */
#define SMBBA          0x90 /* SMBus I/O base, bit 0 always 1 */
#define SMBBA_MASK     0xfff0
#define SMBHSTCFG      0xd2
#define SMBHSTCFG_EN   0x01 /* decode SMBBA */
#define SMBHSTCFG_IRQ9 0x08
#define SMBHSTCFG_MASK 0x0f

/* Offsets from PMBA. */
#define PM1_STS 0x00
#define PM1_EN  0x02
#define PM1_CNT 0x04
#define PM_TMR  0x08

/* PM1_STS and PM1_EN. */
#define PM1_TMR    0x0001
#define PM1_GBL    0x0020
#define PM1_PWRBTN 0x0100
#define PM1_SLPBTN 0x0200
#define PM1_RTC    0x0400
#define PM1_WAK    0x8000
#define PM1_STS_W1C \
    (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC | PM1_WAK)
#define PM1_EN_MASK (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC)

#define PM1_CNT_SCI_EN     0x0001
#define PM1_CNT_MASK       0x1c03 /* bits that keep what is written */
#define PM1_CNT_SLP_TYP(v) ((v) >> 10 & 7)
#define PM1_CNT_SLP_EN     0x2000
#define SLP_TYP_S5         0

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff
#define PM_TIMER_HALF 0x800000 /* bit 23 changes: TMR_STS */

typedef struct PIIX4PMState {
    PCIDevice pci; /* first */
    MemoryRegion *io;
    MemoryRegion pm_mr;
    MemoryRegion gpe_mr;
    uint64_t mapped_at; /* of pm_mr; 0: nowhere */
    PIIX4SMBus smbus;
    qemu_irq sci;
    uint16_t sts, en, cnt;
    uint16_t gpe_sts, gpe_en;
    uint64_t tmr_half; /* half periods of the timer accounted for in sts */
    QEMUTimer tmr;
} PIIX4PMState;

/* --- PM timer ------------------------------------------------------------- */

static uint64_t tmr_ticks(void)
{
    unsigned __int128 ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    return ns * PM_TIMER_HZ / NANOSECONDS_PER_SECOND;
}

/* Has bit 23 changed since the last look? */
static void tmr_catch_up(PIIX4PMState *s)
{
    uint64_t half = tmr_ticks() / PM_TIMER_HALF;

    if (half != s->tmr_half) {
        s->sts |= PM1_TMR;
        s->tmr_half = half;
    }
}

static void tmr_arm(PIIX4PMState *s)
{
    unsigned __int128 ticks = (s->tmr_half + 1) * (uint64_t)PM_TIMER_HALF;

    if ((s->en & PM1_TMR) && !(s->sts & PM1_TMR)) {
        timer_mod_ns(&s->tmr, ticks * NANOSECONDS_PER_SECOND / PM_TIMER_HZ + 1);
    } else {
        timer_del(&s->tmr);
    }
}

/* --- SCI ------------------------------------------------------------------ */

static void update_sci(PIIX4PMState *s)
{
    uint16_t pm1 = s->sts & s->en & PM1_EN_MASK;

    tmr_arm(s);
    qemu_set_irq(s->sci, pm1 || (s->gpe_sts & s->gpe_en));
}

static void tmr_expired(void *opaque)
{
    PIIX4PMState *s = opaque;

    tmr_catch_up(s);
    update_sci(s);
}

void piix4_pm_powerdown(PCIDevice *d)
{
    PIIX4PMState *s = (PIIX4PMState *)d;

    s->sts |= PM1_PWRBTN;
    update_sci(s);
}

/* --- PM1 blocks ----------------------------------------------------------- */

/* @val into bits of a 16-bit register at byte @lane (0 or 1), @size bytes. */
static uint16_t merge(uint16_t old, unsigned lane, uint64_t val, unsigned size)
{
    uint16_t mask = size == 1 ? 0xff << 8 * lane : 0xffff;

    return (old & ~mask) | ((val << 8 * lane) & mask);
}

static void write_cnt(PIIX4PMState *s, uint16_t val)
{
    s->cnt = (val & PM1_CNT_MASK) | PM1_CNT_SCI_EN;
    if ((val & PM1_CNT_SLP_EN) && PM1_CNT_SLP_TYP(val) == SLP_TYP_S5) {
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    }
}

static void write_word(PIIX4PMState *s, hwaddr addr, uint64_t val,
                       unsigned size)
{
    unsigned lane = addr & 1;

    switch (addr & ~1u) {
    case PM1_STS:
        tmr_catch_up(s);
        s->sts &= ~(merge(0, lane, val, size) & PM1_STS_W1C);
        break;
    case PM1_EN:
        tmr_catch_up(s);
        s->en = merge(s->en, lane, val, size) & PM1_EN_MASK;
        break;
    case PM1_CNT:
        write_cnt(s, merge(s->cnt, lane, val, size));
        break;
    default: /* the timer is read-only, the rest is not there */
        break;
    }
}

static void pm_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX4PMState *s = opaque;

    write_word(s, addr, val & 0xffff, MIN(size, 2));
    if (size == 4) {
        write_word(s, addr + 2, val >> 16, 2);
    }
    update_sci(s);
}

static uint16_t read_word(PIIX4PMState *s, hwaddr addr)
{
    switch (addr) {
    case PM1_STS:
        tmr_catch_up(s);
        return s->sts;
    case PM1_EN:
        return s->en;
    case PM1_CNT:
        return s->cnt;
    default:
        return 0;
    }
}

static uint64_t pm_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PMState *s = opaque;
    hwaddr base = addr & ~(hwaddr)3;
    uint32_t val;

    if (base == PM_TMR) {
        val = tmr_ticks() & PM_TIMER_MASK;
    } else {
        val = read_word(s, base) | (uint32_t)read_word(s, base + 2) << 16;
    }
    return val >> 8 * (addr & 3);
}

static const MemoryRegionOps pm_ops = {
    .read = pm_read,
    .write = pm_write,
};

/* --- GPE block: two bytes of status, two of enable; nothing raises them --- */

static uint64_t gpe_read(void *opaque, hwaddr addr, unsigned size)
{
    PIIX4PMState *s = opaque;
    uint32_t val = s->gpe_sts | (uint32_t)s->gpe_en << 16;

    return val >> 8 * addr;
}

static void gpe_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PIIX4PMState *s = opaque;

    for (unsigned i = 0; i < size; i++, addr++) {
        uint8_t byte = val >> 8 * i;

        if (addr < 2) {
            s->gpe_sts &= ~(byte << 8 * addr);
        } else {
            s->gpe_en = merge(s->gpe_en, addr & 1, byte, 1);
        }
    }
    update_sci(s);
}

static const MemoryRegionOps gpe_ops = {
    .read = gpe_read,
    .write = gpe_write,
};

/* --- PCI function --------------------------------------------------------- */

static void update_mapping(PIIX4PMState *s)
{
    const uint8_t *config = s->pci.config;
    bool smbus_on = config[SMBHSTCFG] & SMBHSTCFG_EN;
    uint64_t base = pci_get_long(config + PMBA) & PMBA_MASK;

    if (!(config[PMREGMISC] & PMREGMISC_IO)) {
        base = 0;
    }
    piix4_smbus_map(&s->smbus, s->io,
                    smbus_on ? pci_get_long(config + SMBBA) & SMBBA_MASK : 0);
    if (!s->io || base == s->mapped_at) {
        return;
    }
    if (s->mapped_at) {
        memory_region_del_subregion(s->io, &s->pm_mr);
    }
    s->mapped_at = base;
    if (base) {
        memory_region_add_subregion(s->io, base, &s->pm_mr);
    }
}

static void piix4_pm_config_write(PCIDevice *d, unsigned addr, uint32_t val,
                                  unsigned len)
{
    pci_default_write_config(d, addr, val, len);
    update_mapping((PIIX4PMState *)d);
}

static bool piix4_pm_realize(PCIDevice *d, Error **errp)
{
    PIIX4PMState *s = (PIIX4PMState *)d;

    d->config[PCI_INTERRUPT_PIN] = 1;
    pci_set_long(d->wmask + PMBA, PMBA_MASK);
    d->wmask[PMREGMISC] = PMREGMISC_IO;
    pci_set_long(d->wmask + SMBBA, SMBBA_MASK);
    d->wmask[SMBHSTCFG] = SMBHSTCFG_MASK;
    piix4_smbus_init(&s->smbus);
    timer_init_ns(&s->tmr, NULL, QEMU_CLOCK_VIRTUAL, tmr_expired, s);
    memory_region_init_io(&s->pm_mr, &pm_ops, s, "piix4-pm", PIIX4_PM_IO_SIZE);
    memory_region_init_io(&s->gpe_mr, &gpe_ops, s, "acpi-gpe0", PIIX4_GPE_LEN);
    return true;
}

static void piix4_pm_exit(PCIDevice *d)
{
    PIIX4PMState *s = (PIIX4PMState *)d;

    timer_del(&s->tmr);
    if (s->io) {
        memory_region_del_subregion(s->io, &s->gpe_mr);
        d->config[PMREGMISC] = 0;
        update_mapping(s);
        s->io = NULL;
    }
    piix4_smbus_destroy(&s->smbus);
    memory_region_destroy(&s->gpe_mr);
    memory_region_destroy(&s->pm_mr);
}

static void piix4_pm_reset(PCIDevice *d)
{
    PIIX4PMState *s = (PIIX4PMState *)d;

    pci_set_word(d->config + PCI_STATUS,
                 PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_long(d->config + PMBA, PIIX4_PM_IO_BASE | 1);
    d->config[PMREGMISC] = PMREGMISC_IO;
    pci_set_long(d->config + SMBBA, PIIX4_SMBUS_IO_BASE | 1);
    d->config[SMBHSTCFG] = SMBHSTCFG_IRQ9 | SMBHSTCFG_EN;
    piix4_smbus_reset(&s->smbus);
    update_mapping(s);
    s->sts = 0;
    s->en = 0;
    s->cnt = PM1_CNT_SCI_EN;
    s->gpe_sts = 0;
    s->gpe_en = 0;
    s->tmr_half = tmr_ticks() / PM_TIMER_HALF;
    update_sci(s);
}

static const PCIDeviceOps piix4_pm_ops = {
    .dev = { .desc = "PM", .category = DEVICE_CATEGORY_BRIDGE },
    .realize = piix4_pm_realize,
    .exit = piix4_pm_exit,
    .reset = piix4_pm_reset,
    .config_write = piix4_pm_config_write,
    .vendor_id = PCI_VENDOR_ID_INTEL,
    .device_id = 0x7113,
    .class_id = PCI_CLASS_BRIDGE_OTHER,
    .revision = 3,
};

static const TypeInfo piix4_pm_type = {
    .name = TYPE_PIIX4_PM,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PIIX4PMState),
    .class_ops = &piix4_pm_ops,
};

const TypeInfo *const piix4_pm_types[] = { &piix4_pm_type, NULL };

PCIDevice *piix4_pm_init(PCIBus *bus, MemoryRegion *io, qemu_irq sci,
                         Error **errp)
{
    PCIDevice *d = pci_create_simple(bus, PCI_DEVFN(1, 3), TYPE_PIIX4_PM, errp);

    if (d) {
        PIIX4PMState *s = (PIIX4PMState *)d;

        s->io = io;
        s->sci = sci;
        memory_region_add_subregion(io, PIIX4_GPE_BASE, &s->gpe_mr);
        piix4_pm_reset(d);
    }
    return d;
}
