/*
 * The guest's physical address spaces: a tree of regions (RAM, device
 * registers, containers of other regions), flattened into one sorted list per
 * address space, and the dispatch of an access to the region it falls into.
 *
 * Everything here runs under the BQL.  The accelerator learns of RAM and of
 * eventfds through a MemoryListener; devices never name it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_MEMORY_H
#define HW_CORE_MEMORY_H

#include "util/error.h"
#include "util/event-notifier.h"

#include <sys/queue.h>

typedef uint64_t hwaddr;

typedef struct MemoryRegion MemoryRegion;
typedef struct AddressSpace AddressSpace;

/*
 * How a device answers accesses to its registers.  @addr is relative to the
 * region.  Runs in a vCPU thread (or the main thread) under the BQL.
 *
 * The guest may use any size; an access wider than max_access_size arrives in
 * pieces of that size (lowest address first), one narrower than
 * min_access_size reads all ones and is dropped when written.  An access that
 * crosses the region's end never arrives.  0 in a size means 1 and 4.
 */
typedef struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr addr, unsigned size);
    void (*write)(void *opaque, hwaddr addr, uint64_t data, unsigned size);
    unsigned min_access_size;
    unsigned max_access_size;
} MemoryRegionOps;

/* A guest write that ends in an eventfd instead of in ops->write. */
typedef struct MemoryRegionIoeventfd {
    hwaddr addr;   /* in the region; absolute where a listener sees it */
    unsigned size; /* 0 = a write of any size, otherwise 1, 2, 4 or 8 */
    bool match_data;
    uint64_t data;
    EventNotifier *e;
} MemoryRegionIoeventfd;

/* Embedded in its owner, who keeps it alive while it is mapped. */
struct MemoryRegion {
    const char *name; /* a copy, released by memory_region_destroy() */
    const MemoryRegionOps *ops;
    void *opaque;
    uint64_t size;
    hwaddr addr; /* in the container */
    int priority;
    bool enabled;
    bool is_ram;
    bool readonly;
    uint8_t *ram_ptr;    /* host address, for RAM */
    bool ram_owned;      /* munmap() it on destruction */
    int ram_fd;          /* memfd behind it, or -1 */
    MemoryRegion *alias; /* shows @alias_offset.. of this region */
    hwaddr alias_offset;
    MemoryRegion *container;
    TAILQ_HEAD(, MemoryRegion) subregions; /* by falling priority */
    TAILQ_ENTRY(MemoryRegion) subregions_link;
    GArray *ioeventfds; /* of MemoryRegionIoeventfd; NULL = none */
};

/* One piece of an address space in which every byte is the same region's. */
typedef struct FlatRange {
    hwaddr addr;
    uint64_t size;
    MemoryRegion *mr;
    hwaddr offset_in_region;
    bool readonly;
} FlatRange;

/*
 * Who wants to hear of a change.  Called under the BQL when the outermost
 * transaction ends: first all deletions, then all additions, then @commit.
 * All optional.
 */
typedef struct MemoryListener MemoryListener;
struct MemoryListener {
    void (*region_add)(MemoryListener *l, const FlatRange *fr);
    void (*region_del)(MemoryListener *l, const FlatRange *fr);
    void (*eventfd_add)(MemoryListener *l, const MemoryRegionIoeventfd *fd);
    void (*eventfd_del)(MemoryListener *l, const MemoryRegionIoeventfd *fd);
    void (*commit)(MemoryListener *l);
    AddressSpace *as;
    TAILQ_ENTRY(MemoryListener) link;
};

/* The two address spaces of a PC. */
extern AddressSpace address_space_memory;
extern AddressSpace address_space_io;

/* Their outermost containers: all of 2^64 bytes; 64 KiB of ports. */
MemoryRegion *get_system_memory(void);
MemoryRegion *get_system_io(void);

/* A region of device registers. @name is copied. */
void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size);

/* A region that only holds others (a PCI BAR with several parts). */
void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size);

/*
 * Zeroed memory of @size bytes (a multiple of the page size).  @share: backed
 * by a memfd that another process can map (mr->ram_fd).
 * Returns false with @errp set ("cannot set up guest memory 'NAME': ...").
 */
bool memory_region_init_ram(MemoryRegion *mr, const char *name, uint64_t size,
                            bool share, Error **errp);

/* RAM at @ptr, which stays the caller's and is page aligned. */
void memory_region_init_ram_ptr(MemoryRegion *mr, const char *name,
                                uint64_t size, void *ptr);

/* A window on @size bytes of @orig from @offset. */
void memory_region_init_alias(MemoryRegion *mr, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size);

/* Guest writes to the RAM region are dropped. */
void memory_region_set_readonly(MemoryRegion *mr, bool readonly);

/* Undo init; the region must not be mapped and have no subregions. */
void memory_region_destroy(MemoryRegion *mr);

static inline void *memory_region_get_ram_ptr(MemoryRegion *mr)
{
    return mr->ram_ptr;
}

static inline uint64_t memory_region_size(const MemoryRegion *mr)
{
    return mr->size;
}

/*
 * Map @mr at @addr of @container.  Where regions overlap the higher priority
 * wins, then the one added last; plain add has priority 0.
 */
void memory_region_add_subregion(MemoryRegion *container, hwaddr addr,
                                 MemoryRegion *mr);
void memory_region_add_subregion_overlap(MemoryRegion *container, hwaddr addr,
                                         MemoryRegion *mr, int priority);
void memory_region_del_subregion(MemoryRegion *container, MemoryRegion *mr);

/* Move or hide a mapped (or unmapped) region. */
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
bool memory_region_is_mapped(const MemoryRegion *mr);

/*
 * A write of @size bytes (0: of any size) at @addr of @mr signals @e, if
 * @match_data only when the value is @data.  The accelerator does it inside
 * the kernel where it can; otherwise the dispatch here does.
 */
void memory_region_add_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size,
                               bool match_data, uint64_t data,
                               EventNotifier *e);
void memory_region_del_eventfd(MemoryRegion *mr, hwaddr addr, unsigned size,
                               bool match_data, uint64_t data,
                               EventNotifier *e);

/* Changes between the two reach listeners once, at the outermost commit. */
void memory_region_transaction_begin(void);
void memory_region_transaction_commit(void);

/* Register @l for @as; it hears of everything that is mapped already. */
void memory_listener_register(MemoryListener *l, AddressSpace *as);
void memory_listener_unregister(MemoryListener *l);

/*
 * Access @len bytes at @addr on behalf of the guest.  Where nothing is mapped
 * reads give all ones and writes are lost; false if any byte was unmapped.
 */
bool address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len,
                      bool is_write);

/* The range that holds @addr, or NULL. Valid until the next change. */
const FlatRange *address_space_lookup(AddressSpace *as, hwaddr addr);

/*
 * Host address of the @len bytes of RAM at @addr, or NULL unless they are all
 * in one RAM region.  For loaders; virtqueues use virtio/guest-memory.h.
 */
void *address_space_ram_ptr(AddressSpace *as, hwaddr addr, uint64_t len);

/* Print the flattened address space, one range a line (`info mtree -f`). */
void address_space_dump(AddressSpace *as, GString *out);

#endif
