/*
 * PIIX3 PCI-to-ISA bridge (82371SB data sheet): the interrupt router between
 * PCI's PIRQA-D and the ISA interrupts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/i440fx.h"
#include "hw/pci/isa.h"
#include "hw/pci/pci-internal.h"

#define PIIX_PIRQ_IRQ 0x0f /* route control: which ISA interrupt */
#define PIIX_PM_DEVFN PCI_DEVFN(1, 3)
#define PIIX_PM_IRQ   9      /* the SCI is wired to it */
#define PIIX_ROUTABLE 0xdef8 /* 3-7, 9-12, 14, 15 */

typedef struct PIIX3State {
    PCIDevice pci; /* first */
    qemu_irq isa_irqs[ISA_NUM_IRQS];
    bool pirq_level[PIIX_NUM_PIRQS];
    uint16_t asserted; /* ISA interrupts that PIRQs hold up now */
} PIIX3State;

/* Where PIRQ line @pirq goes, or -1. */
static int pirq_target(const PIIX3State *s, int pirq)
{
    uint8_t route = s->pci.config[PIIX_PIRQ_BASE + pirq];
    int irq = route & PIIX_PIRQ_IRQ;

    if (route & PIIX_PIRQ_DISABLE || !(PIIX_ROUTABLE & (1 << irq))) {
        return -1;
    }
    return irq;
}

/* Routes or levels changed: tell the inputs whose OR did. */
static void update_isa_irqs(PIIX3State *s)
{
    uint16_t now = 0, changed;

    for (int pirq = 0; pirq < PIIX_NUM_PIRQS; pirq++) {
        int irq = pirq_target(s, pirq);

        if (irq >= 0 && s->pirq_level[pirq]) {
            now |= 1 << irq;
        }
    }
    changed = now ^ s->asserted;
    s->asserted = now;
    for (int irq = 0; irq < ISA_NUM_IRQS; irq++) {
        if (changed & (1 << irq)) {
            qemu_set_irq(s->isa_irqs[irq], !!(now & (1 << irq)));
        }
    }
}

static void piix3_set_pirq(void *opaque, int pirq, int level)
{
    PIIX3State *s = opaque;

    s->pirq_level[pirq] = level;
    update_isa_irqs(s);
}

static int piix3_map_irq(PCIDevice *d, int pin)
{
    return piix3_slot_pirq(PCI_SLOT(d->devfn), pin);
}

int piix3_irq_line(PCIDevice *d, int pin)
{
    PCIDevice *bridge = pci_find_device(d->bus, PCI_DEVFN(1, 0));
    int irq;

    if (d->devfn == PIIX_PM_DEVFN) {
        return PIIX_PM_IRQ;
    }
    if (!object_dynamic_cast(bridge, TYPE_PIIX3)) {
        return 0;
    }
    irq = pirq_target((PIIX3State *)bridge, piix3_map_irq(d, pin));
    return MAX(irq, 0);
}

void piix3_set_default_routing(PCIDevice *piix3)
{
    static const uint8_t irqs[PIIX_NUM_PIRQS] = { 10, 10, 11, 11 };

    memcpy(piix3->config + PIIX_PIRQ_BASE, irqs, sizeof(irqs));
    update_isa_irqs((PIIX3State *)piix3);
}

static void piix3_config_write(PCIDevice *d, unsigned addr, uint32_t val,
                               unsigned len)
{
    pci_default_write_config(d, addr, val, len);
    if (addr < PIIX_PIRQ_BASE + PIIX_NUM_PIRQS && addr + len > PIIX_PIRQ_BASE) {
        update_isa_irqs((PIIX3State *)d);
    }
}

static bool piix3_realize(PCIDevice *d, Error **errp)
{
    pci_set_long(d->wmask + 0x4c, 0xffffffff); /* IORT, XBCS */
    memset(d->wmask + PIIX_PIRQ_BASE, PIIX_PIRQ_DISABLE | PIIX_PIRQ_IRQ,
           PIIX_NUM_PIRQS);
    d->wmask[0x69] = 0xfe;                 /* top of memory */
    pci_set_word(d->wmask + 0x76, 0x8f8f); /* MB DMA */
    return true;
}

static void piix3_reset(PCIDevice *d)
{
    PIIX3State *s = (PIIX3State *)d;

    pci_set_word(d->config + PCI_COMMAND,
                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_set_word(d->config + PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_long(d->config + 0x4c, 0x0003004d);
    memset(d->config + PIIX_PIRQ_BASE, PIIX_PIRQ_DISABLE, PIIX_NUM_PIRQS);
    d->config[0x69] = 0x02;
    pci_set_word(d->config + 0x76, 0x0c0c);
    update_isa_irqs(s);
}

static const PCIDeviceOps piix3_ops = {
    .dev = { .desc = "ISA bridge", .category = DEVICE_CATEGORY_BRIDGE },
    .realize = piix3_realize,
    .reset = piix3_reset,
    .config_write = piix3_config_write,
    .vendor_id = PCI_VENDOR_ID_INTEL,
    .device_id = 0x7000,
    .class_id = PCI_CLASS_BRIDGE_ISA,
    .multifunction = true,
};

const TypeInfo piix3_type = {
    .name = TYPE_PIIX3,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PIIX3State),
    .class_ops = &piix3_ops,
};

PCIDevice *piix3_init(PCIBus *bus, const qemu_irq *isa_irqs, Error **errp)
{
    PCIDevice *d = pci_create_simple(bus, PCI_DEVFN(1, 0), TYPE_PIIX3, errp);

    if (d) {
        PIIX3State *s = (PIIX3State *)d;

        memcpy(s->isa_irqs, isa_irqs, sizeof(s->isa_irqs));
        isa_bus_new(&d->qdev, isa_irqs);
        pci_bus_irqs(bus, piix3_set_pirq, piix3_map_irq, s, PIIX_NUM_PIRQS);
    }
    return d;
}
