/*
 * The guest's physical address spaces: tree of regions, flattening, listeners
 * and dispatch.
 *
 * Invariants, at every point where no transaction is open:
 *  1. as->ranges is sorted by address, its ranges do not overlap and none is
 *     empty; neighbours that continue one region are one range.
 *  2. Each listener has been told of exactly the ranges and eventfds in
 *     as->ranges and as->eventfds.
 *
 *   add/del/set_* --> (transaction open? mark dirty) --> update_topology():
 *   render() -> diff_ranges(del) -> diff_ranges(add) -> listeners' commit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/memory-internal.h"
#include "hw/core/memory.h"

AddressSpace address_space_memory;
AddressSpace address_space_io;

static AddressSpace *const address_spaces[] = {
    &address_space_memory,
    &address_space_io,
};

static unsigned transaction_depth;
static bool topology_dirty;

/* --- the outermost containers ----------------------------------------------
 */

static MemoryRegion *address_space_root(AddressSpace *as, const char *name,
                                        uint64_t size)
{
    if (!as->root.name) {
        memory_region_init(&as->root, name, size);
        as->name = name;
        as->ranges = g_array_new(false, false, sizeof(FlatRange));
        as->eventfds = g_array_new(false, false, sizeof(MemoryRegionIoeventfd));
        TAILQ_INIT(&as->listeners);
    }
    return &as->root;
}

MemoryRegion *get_system_memory(void)
{
    return address_space_root(&address_space_memory, "system", UINT64_MAX);
}

MemoryRegion *get_system_io(void)
{
    return address_space_root(&address_space_io, "io", 0x10000);
}

/* --- flattening ------------------------------------------------------------
 */

static bool range_continues(const FlatRange *a, const FlatRange *b)
{
    return a->addr + a->size == b->addr && a->mr == b->mr &&
           a->readonly == b->readonly &&
           a->offset_in_region + a->size == b->offset_in_region;
}

/*
 * Put the part of [start, end) that no range covers yet into @view, as @mr
 * whose byte @offset is at @start.
 */
static void render_leaf(GArray *view, hwaddr start, hwaddr end,
                        MemoryRegion *mr, hwaddr offset, bool readonly)
{
    hwaddr pos = start;

    for (unsigned i = 0; pos < end; i++) {
        FlatRange *next = i < view->len ? &g_array_index(view, FlatRange, i)
                                        : NULL;

        if (next && next->addr + next->size <= pos) {
            continue;
        }
        if (!next || next->addr > pos) {
            hwaddr stop = next ? MIN(end, next->addr) : end;
            FlatRange fr = {
                .addr = pos,
                .size = stop - pos,
                .mr = mr,
                .offset_in_region = offset + (pos - start),
                .readonly = readonly,
            };

            g_array_insert_val(view, i, fr);
            pos = stop;
            continue;
        }
        pos = MAX(pos, next->addr + next->size);
    }
}

/* Draw @mr, which sits at @base, inside the window [lo, hi) it may show. */
static void render(GArray *view, MemoryRegion *mr, hwaddr base, hwaddr lo,
                   hwaddr hi)
{
    MemoryRegion *sub;
    hwaddr end;

    if (!mr->enabled) {
        return;
    }
    if (__builtin_add_overflow(base, mr->size, &end)) {
        end = UINT64_MAX;
    }
    lo = MAX(lo, base);
    hi = MIN(hi, end);
    if (lo >= hi) {
        return;
    }

    TAILQ_FOREACH(sub, &mr->subregions, subregions_link) {
        hwaddr sub_base;

        if (!__builtin_add_overflow(base, sub->addr, &sub_base)) {
            render(view, sub, sub_base, lo, hi);
        }
    }
    if (mr->alias) {
        render_leaf(view, lo, hi, mr->alias, mr->alias_offset + (lo - base),
                    mr->readonly || mr->alias->readonly);
    } else if (mr->is_ram || mr->ops) {
        render_leaf(view, lo, hi, mr, lo - base, mr->readonly);
    }
}

static GArray *flatten(AddressSpace *as)
{
    GArray *view = g_array_new(false, false, sizeof(FlatRange));
    unsigned out = 0;

    render(view, &as->root, 0, 0, as->root.size);
    for (unsigned i = 0; i < view->len; i++) {
        FlatRange *fr = &g_array_index(view, FlatRange, i);

        if (out &&
            range_continues(&g_array_index(view, FlatRange, out - 1), fr)) {
            g_array_index(view, FlatRange, out - 1).size += fr->size;
        } else {
            g_array_index(view, FlatRange, out++) = *fr;
        }
    }
    g_array_set_size(view, out);
    return view;
}

static GArray *flatten_eventfds(const GArray *view)
{
    GArray *fds = g_array_new(false, false, sizeof(MemoryRegionIoeventfd));

    for (unsigned i = 0; i < view->len; i++) {
        const FlatRange *fr = &g_array_index(view, FlatRange, i);

        for (unsigned j = 0; fr->mr->ioeventfds && j < fr->mr->ioeventfds->len;
             j++) {
            MemoryRegionIoeventfd fd = g_array_index(fr->mr->ioeventfds,
                                                     MemoryRegionIoeventfd, j);

            if (fd.addr >= fr->offset_in_region &&
                fd.addr - fr->offset_in_region < fr->size) {
                fd.addr = fr->addr + (fd.addr - fr->offset_in_region);
                g_array_append_val(fds, fd);
            }
        }
    }
    return fds;
}

/* --- telling the listeners -------------------------------------------------
 */

static bool range_equal(const FlatRange *a, const FlatRange *b)
{
    return a->addr == b->addr && a->size == b->size && a->mr == b->mr &&
           a->offset_in_region == b->offset_in_region &&
           a->readonly == b->readonly;
}

static bool eventfd_equal(const MemoryRegionIoeventfd *a,
                          const MemoryRegionIoeventfd *b)
{
    return a->addr == b->addr && a->size == b->size &&
           a->match_data == b->match_data && a->data == b->data && a->e == b->e;
}

typedef void RangeFn(MemoryListener *l, const FlatRange *fr);
typedef void EventfdFn(MemoryListener *l, const MemoryRegionIoeventfd *fd);

/* Is a range equal to @fr in @view?  (@view is sorted.) */
static bool view_has(const GArray *view, const FlatRange *fr)
{
    unsigned lo = 0, hi = view->len;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        const FlatRange *m = &g_array_index(view, FlatRange, mid);

        if (m->addr == fr->addr) {
            return range_equal(m, fr);
        }
        if (m->addr < fr->addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return false;
}

static bool fds_have(const GArray *fds, const MemoryRegionIoeventfd *fd)
{
    for (unsigned i = 0; i < fds->len; i++) {
        if (eventfd_equal(&g_array_index(fds, MemoryRegionIoeventfd, i), fd)) {
            return true;
        }
    }
    return false;
}

/* Tell @l what is in (@view, @fds) but not in (@other, @other_fds). */
static void tell(MemoryListener *l, bool add, const GArray *view,
                 const GArray *other, const GArray *fds,
                 const GArray *other_fds)
{
    RangeFn *range_fn = add ? l->region_add : l->region_del;
    EventfdFn *fd_fn = add ? l->eventfd_add : l->eventfd_del;

    for (unsigned i = 0; range_fn && i < view->len; i++) {
        const FlatRange *fr = &g_array_index(view, FlatRange, i);

        if (!other || !view_has(other, fr)) {
            range_fn(l, fr);
        }
    }
    for (unsigned i = 0; fd_fn && i < fds->len; i++) {
        const MemoryRegionIoeventfd *fd = &g_array_index(
            fds, MemoryRegionIoeventfd, i);

        if (!other_fds || !fds_have(other_fds, fd)) {
            fd_fn(l, fd);
        }
    }
}

static void update_address_space(AddressSpace *as)
{
    g_autoptr(GArray) old = as->ranges;
    g_autoptr(GArray) old_fds = as->eventfds;
    MemoryListener *l;

    as->ranges = flatten(as);
    as->eventfds = flatten_eventfds(as->ranges);
    as->last_hit = 0;
    TAILQ_FOREACH(l, &as->listeners, link) {
        tell(l, false, old, as->ranges, old_fds, as->eventfds);
    }
    TAILQ_FOREACH(l, &as->listeners, link) {
        tell(l, true, as->ranges, old, as->eventfds, old_fds);
        if (l->commit) {
            l->commit(l);
        }
    }
}

static void update_topology(void)
{
    if (transaction_depth) {
        topology_dirty = true;
        return;
    }
    topology_dirty = false;
    for (unsigned i = 0; i < ARRAY_SIZE(address_spaces); i++) {
        if (address_spaces[i]->root.name) {
            update_address_space(address_spaces[i]);
        }
    }
}

void memory_region_transaction_begin(void)
{
    transaction_depth++;
}

void memory_region_transaction_commit(void)
{
    assert(transaction_depth);
    if (--transaction_depth == 0 && topology_dirty) {
        update_topology();
    }
}

void memory_listener_register(MemoryListener *l, AddressSpace *as)
{
    get_system_memory();
    get_system_io();
    l->as = as;
    TAILQ_INSERT_TAIL(&as->listeners, l, link);
    tell(l, true, as->ranges, NULL, as->eventfds, NULL);
    if (l->commit) {
        l->commit(l);
    }
}

void memory_listener_unregister(MemoryListener *l)
{
    AddressSpace *as = l->as;

    TAILQ_REMOVE(&as->listeners, l, link);
    tell(l, false, as->ranges, NULL, as->eventfds, NULL);
    if (l->commit) {
        l->commit(l);
    }
    l->as = NULL;
}

/* --- changes of the tree ---------------------------------------------------
 */

/* Is @mr part of a tree that an address space shows? */
static bool is_visible(const MemoryRegion *mr)
{
    while (mr->container) {
        mr = mr->container;
    }
    return mr == &address_space_memory.root || mr == &address_space_io.root;
}

static void insert_sorted(MemoryRegion *container, MemoryRegion *mr)
{
    MemoryRegion *other;

    TAILQ_FOREACH(other, &container->subregions, subregions_link) {
        if (mr->priority >= other->priority) {
            TAILQ_INSERT_BEFORE(other, mr, subregions_link);
            return;
        }
    }
    TAILQ_INSERT_TAIL(&container->subregions, mr, subregions_link);
}

void memory_region_add_subregion_overlap(MemoryRegion *container, hwaddr addr,
                                         MemoryRegion *mr, int priority)
{
    assert(!mr->container);
    mr->container = container;
    mr->addr = addr;
    mr->priority = priority;
    insert_sorted(container, mr);
    if (is_visible(mr)) {
        update_topology();
    }
}

void memory_region_add_subregion(MemoryRegion *container, hwaddr addr,
                                 MemoryRegion *mr)
{
    memory_region_add_subregion_overlap(container, addr, mr, 0);
}

void memory_region_del_subregion(MemoryRegion *container, MemoryRegion *mr)
{
    bool visible = is_visible(mr);

    assert(mr->container == container);
    TAILQ_REMOVE(&container->subregions, mr, subregions_link);
    mr->container = NULL;
    if (visible) {
        update_topology();
    }
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    if (mr->addr == addr) {
        return;
    }
    mr->addr = addr;
    if (is_visible(mr)) {
        update_topology();
    }
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    if (mr->enabled == enabled) {
        return;
    }
    mr->enabled = enabled;
    if (is_visible(mr)) {
        update_topology();
    }
}

void memory_region_set_readonly(MemoryRegion *mr, bool readonly)
{
    if (mr->readonly == readonly) {
        return;
    }
    mr->readonly = readonly;
    update_topology();
}

bool memory_region_is_mapped(const MemoryRegion *mr)
{
    return mr->container != NULL;
}

void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size,
                               bool match_data, uint64_t data, EventNotifier *e)
{
    MemoryRegionIoeventfd fd = { addr, size, match_data, data, e };

    if (!mr->ioeventfds) {
        mr->ioeventfds = g_array_new(false, false,
                                     sizeof(MemoryRegionIoeventfd));
    }
    g_array_append_val(mr->ioeventfds, fd);
    if (is_visible(mr)) {
        update_topology();
    }
}

void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size,
                               bool match_data, uint64_t data, EventNotifier *e)
{
    MemoryRegionIoeventfd fd = { addr, size, match_data, data, e };

    for (unsigned i = 0; mr->ioeventfds && i < mr->ioeventfds->len; i++) {
        if (eventfd_equal(
                &g_array_index(mr->ioeventfds, MemoryRegionIoeventfd, i),
                &fd)) {
            g_array_remove_index(mr->ioeventfds, i);
            if (is_visible(mr)) {
                update_topology();
            }
            return;
        }
    }
}
