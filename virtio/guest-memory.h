/*
 * Guest memory as a device sees it: an immutable, reference-counted table of
 * RAM regions.  Every address that a guest hands over is looked up here once,
 * and the host address that comes out is used from then on.
 *
 * The machine publishes its table with guest_memory_set_system(); a
 * vhost-user server builds one per client.  A queue takes a reference when it
 * starts, so a table lives as long as somebody may still touch its memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VIRTIO_GUEST_MEMORY_H
#define VIRTIO_GUEST_MEMORY_H

#include "util/osdep.h"
#include "util/error.h"

/* One piece of guest RAM, readable and writable by the host at @hva. */
typedef struct GuestMemoryRegion {
    uint64_t gpa;  /* guest physical address of the first byte */
    uint64_t size; /* bytes, not 0 */
    void *hva;     /* where the first byte is in this process */
} GuestMemoryRegion;

/* Fixed when made; any thread may read it. */
typedef struct GuestMemory {
    int refcount; /* atomic */
    /* Optional; with the last reference, in whatever thread that goes */
    void (*release)(struct GuestMemory *gm);
    void *opaque; /* for @release */
    unsigned nregions;
    GuestMemoryRegion regions[]; /* ascending by gpa, no overlap */
} GuestMemory;

/* The most regions one table may have. */
#define GUEST_MEMORY_MAX_REGIONS 512

/*
 * A new table of @n regions in any order (copied).  NULL and @errp when a
 * region is empty, wraps around or overlaps another.  Any thread.
 */
GuestMemory *guest_memory_new(const GuestMemoryRegion *regions, unsigned n,
                              Error **errp);

/* Take or drop a reference; both accept NULL.  Any thread. */
GuestMemory *guest_memory_ref(GuestMemory *gm);
void guest_memory_unref(GuestMemory *gm);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestMemory, guest_memory_unref)

/*
 * Where guest address @gpa is in this process, and in *@len (bytes) how much
 * of the *@len asked for follows it in one piece.  NULL when there is no RAM
 * at @gpa.  *@len of 0 is answered with 0.  Any thread, never blocks.
 */
void *guest_memory_map(const GuestMemory *gm, uint64_t gpa, uint64_t *len);

/* The same for a range that must be in one piece; otherwise NULL. */
void *guest_memory_map_exact(const GuestMemory *gm, uint64_t gpa, uint64_t len);

/*
 * The machine's RAM.  guest_memory_set_system() takes a reference of its own
 * (NULL forgets the table); guest_memory_system() returns a new reference,
 * or NULL when there is no machine.  Any thread.  Queues that run keep the
 * table that they started with: stop them before memory goes away.
 */
void guest_memory_set_system(GuestMemory *gm);
GuestMemory *guest_memory_system(void);

#endif
