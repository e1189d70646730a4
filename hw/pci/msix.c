/*
 * MSI-X: capability, table, pending bits, masking.
 *
 * A vector is deliverable when MSI-X is enabled, the function is not masked
 * and the vector is not.  Every write that can change this goes through
 * vector_changed(), which compares before and after:
 *
 *   masked -> deliverable: ops->unmask, then send what was pending
 *   deliverable -> masked: ops->mask
 *   deliverable -> deliverable with another message: ops->unmask again
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/msix.h"
#include "util/error-report.h"

/* Capability (offsets from its start). */
#define MSIX_FLAGS         2
#define MSIX_TABLE         4
#define MSIX_PBA           8
#define MSIX_CAP_SIZE      12
#define MSIX_FLAGS_MASKALL 0x4000
#define MSIX_FLAGS_ENABLE  0x8000

/* Table entry. */
#define ENTRY_LOWER_ADDR   0
#define ENTRY_UPPER_ADDR   4
#define ENTRY_DATA         8
#define ENTRY_CTRL         12
#define ENTRY_CTRL_MASKBIT 1

struct MSIXState {
    PCIDevice *d;
    uint8_t cap;
    unsigned nentries;
    uint8_t *table;    /* PCI_MSIX_ENTRY_SIZE bytes each, little-endian */
    uint8_t *pba;      /* one bit each */
    unsigned pba_size; /* bytes, multiple of 8 */
    unsigned *used;    /* use counts */
    bool function_masked;
    const MSIXVectorOps *ops;
    MemoryRegion *table_bar;
    MemoryRegion *pba_bar;
    MemoryRegion table_mr;
    MemoryRegion pba_mr;
    bool exclusive; /* table_bar is ours: msix_init_exclusive_bar() */
};

/* --- state of a vector ---------------------------------------------------- */

bool msix_present(const PCIDevice *d)
{
    return d->msix;
}

unsigned msix_nr_vectors(const PCIDevice *d)
{
    return d->msix ? d->msix->nentries : 0;
}

static uint16_t get_flags(const MSIXState *s)
{
    return pci_get_word(s->d->config + s->cap + MSIX_FLAGS);
}

bool msix_enabled(const PCIDevice *d)
{
    return d->msix && (get_flags(d->msix) & MSIX_FLAGS_ENABLE);
}

static bool vector_masked(const MSIXState *s, unsigned vector, bool fn_masked)
{
    const uint8_t *entry = s->table + vector * PCI_MSIX_ENTRY_SIZE;

    return fn_masked || (entry[ENTRY_CTRL] & ENTRY_CTRL_MASKBIT);
}

bool msix_is_masked(const PCIDevice *d, unsigned vector)
{
    const MSIXState *s = d->msix;

    return !s || vector >= s->nentries ||
           vector_masked(s, vector, s->function_masked);
}

MSIMessage msix_get_message(const PCIDevice *d, unsigned vector)
{
    MSIMessage msg = { 0, 0 };

    if (d->msix && vector < d->msix->nentries) {
        const uint8_t *entry = d->msix->table + vector * PCI_MSIX_ENTRY_SIZE;

        msg.address = pci_get_quad(entry + ENTRY_LOWER_ADDR);
        msg.data = pci_get_long(entry + ENTRY_DATA);
    }
    return msg;
}

bool msix_is_pending(const PCIDevice *d, unsigned vector)
{
    return d->msix && vector < d->msix->nentries &&
           (d->msix->pba[vector / 8] & (1 << vector % 8));
}

void msix_set_pending(PCIDevice *d, unsigned vector)
{
    if (d->msix && vector < d->msix->nentries) {
        d->msix->pba[vector / 8] |= 1 << vector % 8;
    }
}

void msix_clr_pending(PCIDevice *d, unsigned vector)
{
    if (d->msix && vector < d->msix->nentries) {
        d->msix->pba[vector / 8] &= ~(1 << vector % 8);
    }
}

void msix_notify(PCIDevice *d, unsigned vector)
{
    MSIXState *s = d->msix;

    if (!s || vector >= s->nentries || !s->used[vector]) {
        return;
    }
    if (msix_is_masked(d, vector)) {
        msix_set_pending(d, vector);
        return;
    }
    msi_send(msix_get_message(d, vector));
}

/* --- changes -------------------------------------------------------------- */

static void call_unmask(MSIXState *s, unsigned vector)
{
    int ret = s->ops->unmask(s->d, vector, msix_get_message(s->d, vector));

    if (ret < 0) {
        error_report("%s: cannot use MSI-X vector %u: %s",
                     object_get_typename(s->d), vector, strerror(-ret));
    }
}

/* The vector was masked or not and now has its new state (and message). */
static void vector_changed(MSIXState *s, unsigned vector, bool was_masked)
{
    bool masked = vector_masked(s, vector, s->function_masked);
    bool tell = s->ops && s->used[vector];

    if (masked) {
        if (!was_masked && tell) {
            s->ops->mask(s->d, vector);
        }
        return;
    }
    if (tell) {
        call_unmask(s, vector);
    }
    if (was_masked && msix_is_pending(s->d, vector)) {
        msix_clr_pending(s->d, vector);
        msix_notify(s->d, vector);
    }
}

/* The capability's flags were written. */
static void flags_changed(MSIXState *s)
{
    bool was = s->function_masked;
    uint16_t flags = get_flags(s);

    s->function_masked = !(flags & MSIX_FLAGS_ENABLE) ||
                         (flags & MSIX_FLAGS_MASKALL);
    if (flags & MSIX_FLAGS_ENABLE) {
        pci_set_irq(s->d, 0); /* a function signals one way only */
    }
    if (was == s->function_masked) {
        return;
    }
    msi_route_begin();
    for (unsigned v = 0; v < s->nentries; v++) {
        bool was_masked = vector_masked(s, v, was);

        if (was_masked != vector_masked(s, v, s->function_masked)) {
            vector_changed(s, v, was_masked);
        }
    }
    msi_route_commit();
}

void msix_write_config(PCIDevice *d, unsigned addr, unsigned len)
{
    MSIXState *s = d->msix;

    if (s && addr <= s->cap + MSIX_FLAGS + 1u &&
        addr + len > s->cap + MSIX_FLAGS) {
        flags_changed(s);
    }
}

void msix_reset(PCIDevice *d)
{
    MSIXState *s = d->msix;

    if (!s) {
        return;
    }
    pci_set_word(d->config + s->cap + MSIX_FLAGS, s->nentries - 1);
    flags_changed(s);
    memset(s->table, 0, s->nentries * PCI_MSIX_ENTRY_SIZE);
    memset(s->pba, 0, s->pba_size);
    for (unsigned v = 0; v < s->nentries; v++) {
        s->table[v * PCI_MSIX_ENTRY_SIZE + ENTRY_CTRL] = ENTRY_CTRL_MASKBIT;
    }
}

/* --- registers ------------------------------------------------------------ */

static uint64_t table_read(void *opaque, hwaddr addr, unsigned size)
{
    MSIXState *s = opaque;

    return pci_get_long(s->table + addr);
}

static void table_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    MSIXState *s = opaque;
    unsigned vector = addr / PCI_MSIX_ENTRY_SIZE;
    bool was_masked = msix_is_masked(s->d, vector);
    uint32_t val = data;

    if (addr % PCI_MSIX_ENTRY_SIZE == ENTRY_CTRL) {
        val &= ENTRY_CTRL_MASKBIT;
    }
    if (pci_get_long(s->table + addr) == val) {
        return;
    }
    pci_set_long(s->table + addr, val);
    vector_changed(s, vector, was_masked);
}

static const MemoryRegionOps table_ops = {
    .read = table_read,
    .write = table_write,
    .min_access_size = 4,
    .max_access_size = 4,
};

static uint64_t pba_read(void *opaque, hwaddr addr, unsigned size)
{
    MSIXState *s = opaque;

    if (s->ops && s->ops->poll) {
        unsigned first = addr * 8;

        s->ops->poll(s->d, MIN(first, s->nentries),
                     MIN(first + size * 8, s->nentries));
    }
    return pci_get_long(s->pba + addr);
}

static const MemoryRegionOps pba_ops = {
    .read = pba_read,
    .min_access_size = 4,
    .max_access_size = 4,
};

/* --- use ------------------------------------------------------------------ */

int msix_vector_use(PCIDevice *d, unsigned vector)
{
    if (vector >= msix_nr_vectors(d)) {
        return -EINVAL;
    }
    d->msix->used[vector]++;
    return 0;
}

void msix_vector_unuse(PCIDevice *d, unsigned vector)
{
    if (vector >= msix_nr_vectors(d) || !d->msix->used[vector]) {
        return;
    }
    if (--d->msix->used[vector] == 0) {
        msix_clr_pending(d, vector);
    }
}

void msix_unuse_all_vectors(PCIDevice *d)
{
    for (unsigned v = 0; v < msix_nr_vectors(d); v++) {
        d->msix->used[v] = 0;
        msix_clr_pending(d, v);
    }
}

static void mask_deliverable(MSIXState *s, unsigned end)
{
    for (unsigned v = 0; v < end; v++) {
        if (s->used[v] && !msix_is_masked(s->d, v)) {
            s->ops->mask(s->d, v);
        }
    }
}

int msix_set_vector_ops(PCIDevice *d, const MSIXVectorOps *ops)
{
    MSIXState *s = d->msix;

    if (!s) {
        return ops ? -EINVAL : 0;
    }
    if (s->ops) {
        mask_deliverable(s, s->nentries);
    }
    s->ops = ops;
    for (unsigned v = 0; ops && v < s->nentries; v++) {
        int ret = 0;

        if (s->used[v] && !msix_is_masked(d, v)) {
            ret = ops->unmask(d, v, msix_get_message(d, v));
        }
        if (ret < 0) {
            mask_deliverable(s, v);
            s->ops = NULL;
            return ret;
        }
    }
    return 0;
}

/* --- life ----------------------------------------------------------------- */

static bool fits(uint64_t offset, uint64_t size, const MemoryRegion *bar)
{
    return !(offset & 7) && offset <= memory_region_size(bar) &&
           size <= memory_region_size(bar) - offset;
}

static bool layout_ok(unsigned table_size, const MemoryRegion *table_bar,
                      uint64_t table_offset, unsigned pba_size,
                      const MemoryRegion *pba_bar, uint64_t pba_offset)
{
    bool apart = table_bar != pba_bar ||
                 table_offset + table_size <= pba_offset ||
                 pba_offset + pba_size <= table_offset;

    return apart && fits(table_offset, table_size, table_bar) &&
           fits(pba_offset, pba_size, pba_bar);
}

static unsigned pba_bytes(unsigned nentries)
{
    return ROUND_UP(nentries, 64) / 8;
}

static int add_capability(PCIDevice *d, unsigned nentries, uint8_t cap_pos,
                          uint32_t table, uint32_t pba, Error **errp)
{
    int cap = pci_add_capability(d, PCI_CAP_ID_MSIX, cap_pos, MSIX_CAP_SIZE,
                                 errp);

    if (cap >= 0) {
        pci_set_word(d->config + cap + MSIX_FLAGS, nentries - 1);
        pci_set_long(d->config + cap + MSIX_TABLE, table);
        pci_set_long(d->config + cap + MSIX_PBA, pba);
        pci_set_word(d->wmask + cap + MSIX_FLAGS,
                     MSIX_FLAGS_ENABLE | MSIX_FLAGS_MASKALL);
    }
    return cap;
}

bool msix_init(PCIDevice *d, unsigned nentries, MemoryRegion *table_bar,
               uint8_t table_nr, uint32_t table_offset, MemoryRegion *pba_bar,
               uint8_t pba_nr, uint32_t pba_offset, uint8_t cap_pos,
               Error **errp)
{
    unsigned table_size = nentries * PCI_MSIX_ENTRY_SIZE;
    MSIXState *s;
    int cap;

    if (nentries < 1 || nentries > PCI_MSIX_MAX) {
        error_setg(errp, "The number of MSI-X vectors is invalid");
        return false;
    }
    if (!layout_ok(table_size, table_bar, table_offset, pba_bytes(nentries),
                   pba_bar, pba_offset)) {
        error_setg(errp, "table & pba overlap, or they don't fit in BARs,"
                         " or don't align");
        return false;
    }
    cap = add_capability(d, nentries, cap_pos, table_offset | table_nr,
                         pba_offset | pba_nr, errp);
    if (cap < 0) {
        return false;
    }
    s = g_new0(MSIXState, 1);
    s->d = d;
    s->cap = cap;
    s->nentries = nentries;
    s->pba_size = pba_bytes(nentries);
    s->table = g_malloc0(table_size);
    s->pba = g_malloc0(s->pba_size);
    s->used = g_new0(unsigned, nentries);
    s->function_masked = true;
    s->table_bar = table_bar;
    s->pba_bar = pba_bar;
    d->msix = s;
    memory_region_init_io(&s->table_mr, &table_ops, s, "msix-table",
                          table_size);
    memory_region_init_io(&s->pba_mr, &pba_ops, s, "msix-pba", s->pba_size);
    memory_region_add_subregion(table_bar, table_offset, &s->table_mr);
    memory_region_add_subregion(pba_bar, pba_offset, &s->pba_mr);
    msix_reset(d);
    return true;
}

bool msix_init_exclusive_bar(PCIDevice *d, unsigned nentries, uint8_t bar_nr,
                             Error **errp)
{
    uint64_t table_size = (uint64_t)MIN(nentries, PCI_MSIX_MAX + 1) *
                          PCI_MSIX_ENTRY_SIZE;
    uint64_t pba_offset = MAX(table_size, 2 * KiB);
    uint64_t size = 4 * KiB;
    MemoryRegion *bar = g_new0(MemoryRegion, 1);
    g_autofree char *name = g_strdup_printf("%s-msix", object_get_typename(d));

    while (size < pba_offset + pba_bytes(MIN(nentries, PCI_MSIX_MAX))) {
        size *= 2;
    }
    memory_region_init(bar, name, size);
    if (!msix_init(d, nentries, bar, bar_nr, 0, bar, bar_nr, pba_offset, 0,
                   errp)) {
        memory_region_destroy(bar);
        g_free(bar);
        return false;
    }
    d->msix->exclusive = true;
    pci_register_bar(d, bar_nr, 0, bar);
    return true;
}

void msix_uninit(PCIDevice *d)
{
    MSIXState *s = d->msix;

    if (!s) {
        return;
    }
    memory_region_del_subregion(s->table_bar, &s->table_mr);
    memory_region_del_subregion(s->pba_bar, &s->pba_mr);
    memory_region_destroy(&s->table_mr);
    memory_region_destroy(&s->pba_mr);
    if (s->exclusive) {
        memory_region_destroy(s->table_bar);
        g_free(s->table_bar);
    }
    g_free(s->table);
    g_free(s->pba);
    g_free(s->used);
    g_free(s);
    d->msix = NULL;
}
