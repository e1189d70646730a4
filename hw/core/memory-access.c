/*
 * Dispatch of one guest access to the region it falls into.
 *
 * Addresses, lengths and data come from the guest: any combination ends in a
 * device's callback with a size it asked for, in RAM, or nowhere.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/memory-internal.h"
#include "hw/core/memory.h"

/* Index of the first range that ends behind @addr; ranges->len if none. */
static unsigned find_range(AddressSpace *as, hwaddr addr)
{
    const FlatRange *r = (const FlatRange *)(void *)as->ranges->data;
    unsigned lo = 0, hi = as->ranges->len;

    if (as->last_hit < hi && addr >= r[as->last_hit].addr &&
        addr - r[as->last_hit].addr < r[as->last_hit].size) {
        return as->last_hit;
    }
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;

        if (r[mid].addr + (r[mid].size - 1) < addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    as->last_hit = lo;
    return lo;
}

const FlatRange *address_space_lookup(AddressSpace *as, hwaddr addr)
{
    unsigned i;
    const FlatRange *fr;

    if (!as->ranges) {
        return NULL;
    }
    i = find_range(as, addr);
    if (i == as->ranges->len) {
        return NULL;
    }
    fr = &g_array_index(as->ranges, FlatRange, i);
    return addr >= fr->addr ? fr : NULL;
}

static uint64_t load_le(const uint8_t *buf, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)buf[i] << (8 * i);
    }
    return value;
}

static void store_le(uint8_t *buf, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        buf[i] = value >> (8 * i);
    }
}

/* Signal the eventfd that waits for this very write; false if none does. */
static bool write_to_eventfd(const MemoryRegion *mr, hwaddr offset,
                             const uint8_t *buf, uint64_t len)
{
    for (unsigned i = 0; i < mr->ioeventfds->len; i++) {
        const MemoryRegionIoeventfd *fd = &g_array_index(
            mr->ioeventfds, MemoryRegionIoeventfd, i);

        if (fd->addr == offset && len <= 8 &&
            (fd->size == 0 || fd->size == len) &&
            (!fd->match_data || fd->data == load_le(buf, len))) {
            event_notifier_set(fd->e);
            return true;
        }
    }
    return false;
}

/* The widest naturally aligned access at @offset within @len and @max. */
static unsigned access_size(hwaddr offset, uint64_t len, unsigned max)
{
    unsigned size = 1;

    while (size < max && size * 2 <= len && !(offset & (size * 2 - 1))) {
        size *= 2;
    }
    return size;
}

/* One piece of a device access; how many bytes it was. */
static unsigned io_access(const MemoryRegion *mr, hwaddr offset, uint8_t *buf,
                          uint64_t len, bool is_write)
{
    const MemoryRegionOps *ops = mr->ops;
    unsigned min = ops->min_access_size ? ops->min_access_size : 1;
    unsigned max = ops->max_access_size ? ops->max_access_size : 4;
    unsigned size = access_size(offset, len, max);

    if (is_write && mr->ioeventfds && write_to_eventfd(mr, offset, buf, len)) {
        return len;
    }
    if (size < min) {
        if (!is_write) {
            memset(buf, 0xff, size);
        }
    } else if (is_write) {
        if (ops->write) {
            ops->write(mr->opaque, offset, load_le(buf, size), size);
        }
    } else {
        store_le(buf,
                 ops->read ? ops->read(mr->opaque, offset, size) : UINT64_MAX,
                 size);
    }
    return size;
}

static void ram_access(const FlatRange *fr, hwaddr offset, uint8_t *buf,
                       uint64_t len, bool is_write)
{
    if (!is_write) {
        memcpy(buf, fr->mr->ram_ptr + offset, len);
    } else if (!fr->readonly) {
        memcpy(fr->mr->ram_ptr + offset, buf, len);
    }
}

/* Bytes from @addr, at most @len, before the next mapped range. */
static uint64_t hole_length(AddressSpace *as, hwaddr addr, uint64_t len)
{
    unsigned i = find_range(as, addr);

    if (i < as->ranges->len) {
        len = MIN(len, g_array_index(as->ranges, FlatRange, i).addr - addr);
    }
    return len;
}

bool address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len,
                      bool is_write)
{
    uint8_t *p = buf;
    bool mapped = true;

    while (len) {
        const FlatRange *fr = address_space_lookup(as, addr);
        uint64_t n;

        if (!fr) {
            n = as->ranges ? hole_length(as, addr, len) : len;
            if (!is_write) {
                memset(p, 0xff, n);
            }
            mapped = false;
        } else {
            hwaddr in_range = addr - fr->addr;
            hwaddr offset = fr->offset_in_region + in_range;

            n = MIN(len, fr->size - in_range);
            if (fr->mr->is_ram) {
                ram_access(fr, offset, p, n, is_write);
            } else {
                /* The callback may change the map: @fr ends here. */
                n = io_access(fr->mr, offset, p, n, is_write);
            }
        }
        p += n;
        addr += n;
        len -= n;
    }
    return mapped;
}

void *address_space_ram_ptr(AddressSpace *as, hwaddr addr, uint64_t len)
{
    const FlatRange *fr = address_space_lookup(as, addr);

    if (!fr || !fr->mr->is_ram || len > fr->size - (addr - fr->addr)) {
        return NULL;
    }
    return fr->mr->ram_ptr + fr->offset_in_region + (addr - fr->addr);
}

void address_space_dump(AddressSpace *as, GString *out)
{
    for (unsigned i = 0; as->ranges && i < as->ranges->len; i++) {
        const FlatRange *fr = &g_array_index(as->ranges, FlatRange, i);

        g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (%s): %s",
                               fr->addr, fr->addr + (fr->size - 1),
                               fr->mr->is_ram ? (fr->readonly ? "rom" : "ram")
                                              : "i/o",
                               fr->mr->name);
        if (fr->offset_in_region) {
            g_string_append_printf(out, " @%016" PRIx64, fr->offset_in_region);
        }
        g_string_append_c(out, '\n');
    }
}
