/*
 * Guest memory tables: look-up by guest address, and the machine's own table.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "virtio/guest-memory.h"

#include <pthread.h>

/* system_lock: guards system_memory. */
static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static GuestMemory *system_memory;

static int compare_regions(const void *a, const void *b)
{
    const GuestMemoryRegion *ra = a;
    const GuestMemoryRegion *rb = b;

    return ra->gpa < rb->gpa ? -1 : ra->gpa > rb->gpa;
}

static bool check_regions(const GuestMemory *gm, Error **errp)
{
    for (unsigned i = 0; i < gm->nregions; i++) {
        const GuestMemoryRegion *r = &gm->regions[i];

        if (!r->size || r->size - 1 > UINT64_MAX - r->gpa) {
            error_setg(errp,
                       "Invalid memory region at 0x%" PRIx64
                       " of size 0x%" PRIx64,
                       r->gpa, r->size);
            return false;
        }
        if (i && r->gpa - r[-1].gpa < r[-1].size) {
            error_setg(errp, "Memory regions overlap at 0x%" PRIx64, r->gpa);
            return false;
        }
    }
    return true;
}

GuestMemory *guest_memory_new(const GuestMemoryRegion *regions, unsigned n,
                              Error **errp)
{
    g_autoptr(GuestMemory) gm = NULL;

    if (n > GUEST_MEMORY_MAX_REGIONS) {
        error_setg(errp, "Too many memory regions (%u)", n);
        return NULL;
    }
    gm = g_malloc0(sizeof(*gm) + n * sizeof(gm->regions[0]));
    gm->refcount = 1;
    gm->nregions = n;
    if (n) {
        memcpy(gm->regions, regions, n * sizeof(gm->regions[0]));
        qsort(gm->regions, n, sizeof(gm->regions[0]), compare_regions);
    }
    if (!check_regions(gm, errp)) {
        return NULL;
    }
    return g_steal_pointer(&gm);
}

GuestMemory *guest_memory_ref(GuestMemory *gm)
{
    if (gm) {
        __atomic_fetch_add(&gm->refcount, 1, __ATOMIC_RELAXED);
    }
    return gm;
}

void guest_memory_unref(GuestMemory *gm)
{
    /* ACQ_REL: the last user's accesses come before the memory is freed. */
    if (gm && __atomic_fetch_sub(&gm->refcount, 1, __ATOMIC_ACQ_REL) == 1) {
        if (gm->release) {
            gm->release(gm);
        }
        g_free(gm);
    }
}

void *guest_memory_map(const GuestMemory *gm, uint64_t gpa, uint64_t *len)
{
    unsigned lo = 0;
    unsigned hi = gm->nregions;

    /* The last region that begins at or below @gpa */
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (gm->regions[mid].gpa <= gpa) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo) {
        const GuestMemoryRegion *r = &gm->regions[lo - 1];
        uint64_t offset = gpa - r->gpa;

        if (offset < r->size) {
            *len = MIN(*len, r->size - offset);
            return (uint8_t *)r->hva + offset;
        }
    }
    *len = 0;
    return NULL;
}

void *guest_memory_map_exact(const GuestMemory *gm, uint64_t gpa, uint64_t len)
{
    uint64_t got = len;
    void *p = guest_memory_map(gm, gpa, &got);

    return p && got == len ? p : NULL;
}

void guest_memory_set_system(GuestMemory *gm)
{
    GuestMemory *old;

    pthread_mutex_lock(&system_lock);
    old = system_memory;
    system_memory = guest_memory_ref(gm);
    pthread_mutex_unlock(&system_lock);
    guest_memory_unref(old);
}

GuestMemory *guest_memory_system(void)
{
    GuestMemory *gm;

    pthread_mutex_lock(&system_lock);
    gm = guest_memory_ref(system_memory);
    pthread_mutex_unlock(&system_lock);
    return gm;
}
