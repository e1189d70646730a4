/*
 * The firmware's work on PCI: an address for every BAR, decoding switched on,
 * interrupt line registers.
 *
 * Naturally aligned blocks placed by falling size leave no holes between
 * them, so first fit from the bottom of a window is enough.  BARs that can
 * only be below 4 GiB come first; 64-bit ones take what is left there, and
 * then the window above.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/pci-internal.h"

typedef struct BarRequest {
    PCIDevice *d;
    int n;
} BarRequest;

static const PCIIORegion *request_region(const BarRequest *b)
{
    return &b->d->io_regions[b->n];
}

static bool can_go_high(const BarRequest *b)
{
    const PCIIORegion *r = request_region(b);

    return !(r->type & PCI_BASE_ADDRESS_SPACE_IO) &&
           (r->type & PCI_BASE_ADDRESS_MEM_TYPE_64) && b->n != PCI_ROM_SLOT;
}

static int compare_requests(gconstpointer a, gconstpointer b)
{
    uint64_t sa = request_region(a)->size;
    uint64_t sb = request_region(b)->size;

    if (can_go_high(a) != can_go_high(b)) {
        return can_go_high(a) ? 1 : -1;
    }
    return sa < sb ? 1 : sa > sb ? -1 : 0;
}

static GArray *collect_bars(PCIBus *bus)
{
    GArray *bars = g_array_new(false, false, sizeof(BarRequest));
    PCIDevice *d = pci_next_device(bus, 0);

    for (; d; d = pci_next_device(bus, d->devfn + 1)) {
        for (int n = 0; n < PCI_NUM_REGIONS; n++) {
            if (d->io_regions[n].mr) {
                BarRequest b = { d, n };

                g_array_append_val(bars, b);
            }
        }
    }
    g_array_sort(bars, compare_requests);
    return bars;
}

/* @size bytes at a multiple of @align from what is left of @w. */
static bool take(PCIWindow *w, uint64_t size, uint64_t align, uint64_t *addr)
{
    uint64_t skip = -w->base & (align - 1);

    if (w->size < skip || w->size - skip < size) {
        return false;
    }
    *addr = w->base + skip;
    w->base = *addr + size;
    w->size -= skip + size;
    return true;
}

static bool place(const BarRequest *b, PCIWindows *left, uint64_t *addr)
{
    const PCIIORegion *r = request_region(b);
    /* Pages of their own, so that a guest can hand functions on. */
    uint64_t align = MAX(r->size, 4 * KiB);

    if (r->type & PCI_BASE_ADDRESS_SPACE_IO) {
        return take(&left->io, r->size, r->size, addr);
    }
    if (take(&left->mmio32, r->size, align, addr)) {
        return true;
    }
    return can_go_high(b) && take(&left->mmio64, r->size, align, addr);
}

/* Write the register as the guest would, without disturbing its type bits. */
static void write_bar(const BarRequest *b, uint64_t addr)
{
    const PCIIORegion *r = request_region(b);
    unsigned off = pci_bar_offset(b->n);

    pci_set_long(b->d->config + off, addr | r->type);
    if (can_go_high(b)) {
        pci_set_long(b->d->config + off + 4, addr >> 32);
    }
}

static void enable_decoding(PCIDevice *d, uint16_t kinds)
{
    uint16_t command = pci_get_word(d->config + PCI_COMMAND);

    pci_set_word(d->config + PCI_COMMAND, command | kinds);
    pci_update_mappings(d);
}

static void set_irq_lines(PCIBus *bus, int (*irq_line)(PCIDevice *d, int pin))
{
    PCIDevice *d = pci_next_device(bus, 0);

    for (; d; d = pci_next_device(bus, d->devfn + 1)) {
        uint8_t pin = d->config[PCI_INTERRUPT_PIN];

        if (pin >= 1 && pin <= PCI_NUM_PINS) {
            d->config[PCI_INTERRUPT_LINE] = irq_line(d, pin - 1);
        }
    }
}

bool pci_assign_resources(PCIBus *bus, const PCIWindows *w,
                          int (*irq_line)(PCIDevice *d, int pin), Error **errp)
{
    g_autoptr(GArray) bars = collect_bars(bus);
    PCIWindows left = *w;
    const BarRequest *failed = NULL;

    memory_region_transaction_begin();
    for (unsigned i = 0; i < bars->len; i++) {
        const BarRequest *b = &g_array_index(bars, BarRequest, i);
        bool io = request_region(b)->type & PCI_BASE_ADDRESS_SPACE_IO;
        uint64_t addr;

        if (!place(b, &left, &addr)) {
            failed = failed ? failed : b;
            continue;
        }
        write_bar(b, addr);
        if (b->n != PCI_ROM_SLOT) {
            enable_decoding(b->d, io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
        }
    }
    memory_region_transaction_commit();
    if (irq_line) {
        set_irq_lines(bus, irq_line);
    }
    if (failed) {
        error_setg(errp,
                   "PCI: no room for BAR %d (0x%" PRIx64 " bytes) of %s at"
                   " %02x.%x",
                   failed->n, request_region(failed)->size,
                   object_get_typename(failed->d), PCI_SLOT(failed->d->devfn),
                   PCI_FUNC(failed->d->devfn));
        return false;
    }
    return true;
}
