/*
 * A driver's side of a split virtqueue over memory of this process, for the
 * tests of everything that serves one.  It follows virtio 1.2 section 2.7
 * from the driver's point of view, written from the text independently of
 * virtio/vring.c, and it lets a test write any nonsense into the ring.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_VIRTIO_FAKE_DRIVER_H
#define TESTS_UNIT_VIRTIO_FAKE_DRIVER_H

#include "util/osdep.h"
#include "util/atomic.h"
#include "virtio/vring.h"

#define FAKE_GPA  0x100000ull /* guest address of the memory's first byte */
#define FAKE_SIZE (8 * MiB)

enum { FD_NEXT = 1, FD_WRITE = 2, FD_INDIRECT = 4 };

typedef struct FakeDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} FakeDesc;

typedef struct FakeUsedElem {
    uint32_t id, len;
} FakeUsedElem;

typedef struct FakeDriver {
    uint8_t *ram;
    GuestMemory *mem;
    uint16_t num;
    bool event_idx;
    FakeDesc *desc;
    uint16_t *avail; /* flags, idx, ring[num], used_event */
    uint16_t *used;  /* flags, idx, then FakeUsedElem[num], avail_event */
    uint16_t avail_idx, used_seen, kicked_at;
    uint16_t free_head, nfree;
    uint16_t *chain_len; /* descriptors of the chain with this head */
    uint64_t data;       /* offset of free memory behind the rings */
    VringConfig cfg;
} FakeDriver;

static inline void *fake_ptr(FakeDriver *d, uint64_t gpa)
{
    g_assert_cmpuint(gpa, >=, FAKE_GPA);
    g_assert_cmpuint(gpa, <, FAKE_GPA + FAKE_SIZE);
    return d->ram + (gpa - FAKE_GPA);
}

static inline FakeUsedElem *fake_used_elem(FakeDriver *d, uint16_t i)
{
    return (FakeUsedElem *)(d->used + 2) + (i & (d->num - 1));
}

static inline uint16_t *fake_avail_event(FakeDriver *d)
{
    return (uint16_t *)((FakeUsedElem *)(d->used + 2) + d->num);
}

static inline uint16_t *fake_used_event(FakeDriver *d)
{
    return d->avail + 2 + d->num;
}

/* Rings at the start of the memory; both indices begin at @start. */
static inline void fake_driver_init(FakeDriver *d, uint16_t num, bool indirect,
                                    bool event_idx, uint16_t start)
{
    uint64_t avail = 16ull * num;
    uint64_t used = ROUND_UP(avail + 6 + 2 * num, 4096);
    GuestMemoryRegion r = { FAKE_GPA, FAKE_SIZE, NULL };

    memset(d, 0, sizeof(*d));
    d->ram = g_malloc0(FAKE_SIZE + 4096);
    r.hva = d->ram;
    g_assert_true(QEMU_PTR_IS_ALIGNED(d->ram, 16));
    d->mem = guest_memory_new(&r, 1, NULL);
    d->num = num;
    d->event_idx = event_idx;
    d->desc = (FakeDesc *)d->ram;
    d->avail = (uint16_t *)(d->ram + avail);
    d->used = (uint16_t *)(d->ram + used);
    d->data = ROUND_UP(used + 6 + 8 * num, 4096);
    d->avail[1] = d->used[1] = start;
    d->avail_idx = d->used_seen = d->kicked_at = start;
    *fake_used_event(d) = start;
    *fake_avail_event(d) = start;
    d->chain_len = g_new0(uint16_t, num);
    for (unsigned i = 0; i < num; i++) {
        d->desc[i].next = i + 1;
    }
    d->nfree = num;
    d->cfg = (VringConfig){
        .num = num,
        .desc = FAKE_GPA,
        .avail = FAKE_GPA + avail,
        .used = FAKE_GPA + used,
        .indirect = indirect,
        .event_idx = event_idx,
        .last_avail = start,
    };
}

static inline void fake_driver_cleanup(FakeDriver *d)
{
    guest_memory_unref(d->mem);
    g_free(d->chain_len);
    g_free(d->ram);
}

/* Put a ready chain into the available ring; not yet visible. */
static inline void fake_offer(FakeDriver *d, uint16_t head)
{
    __atomic_store_n(&d->avail[2 + (d->avail_idx & (d->num - 1))], head,
                     __ATOMIC_RELAXED);
    d->avail_idx++;
}

/*
 * Add a chain of @n buffers (addr, len, FD_WRITE) to the available ring, in
 * the table at guest address @indirect unless that is 0.  Its head, or -1
 * when descriptors are short.
 */
static inline int fake_add(FakeDriver *d, const FakeDesc *bufs, unsigned n,
                           uint64_t indirect)
{
    unsigned need = indirect ? 1 : n;
    uint16_t head = d->free_head;
    uint16_t i = head;

    if (need > d->nfree) {
        return -1;
    }
    if (indirect) {
        FakeDesc *t = fake_ptr(d, indirect);

        for (unsigned k = 0; k < n; k++) {
            t[k] = bufs[k];
            t[k].flags |= k + 1 < n ? FD_NEXT : 0;
            t[k].next = k + 1;
        }
        d->free_head = d->desc[i].next;
        d->desc[i].addr = indirect;
        d->desc[i].len = n * 16;
        d->desc[i].flags = FD_INDIRECT;
    } else {
        for (unsigned k = 0; k < n; k++) {
            uint16_t next = d->desc[i].next;

            d->desc[i] = bufs[k];
            d->desc[i].flags |= k + 1 < n ? FD_NEXT : 0;
            d->desc[i].next = next;
            i = next;
        }
        d->free_head = i;
    }
    d->nfree -= need;
    d->chain_len[head] = need;
    fake_offer(d, head);
    return head;
}

/* Show what was added; must the device be kicked (2.7.13.4)? */
static inline bool fake_publish(FakeDriver *d)
{
    uint16_t old = d->kicked_at;
    uint16_t now = d->avail_idx;

    __atomic_store_n(&d->avail[1], now, __ATOMIC_RELEASE);
    smp_mb();
    d->kicked_at = now;
    if (d->event_idx) {
        uint16_t event = __atomic_load_n(fake_avail_event(d), __ATOMIC_RELAXED);

        return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
    }
    return !(__atomic_load_n(&d->used[0], __ATOMIC_RELAXED) & 1);
}

/* Take one used element; false when there is none. */
static inline bool fake_get_used(FakeDriver *d, FakeUsedElem *e)
{
    uint16_t i;

    if (__atomic_load_n(&d->used[1], __ATOMIC_ACQUIRE) == d->used_seen) {
        return false;
    }
    *e = *fake_used_elem(d, d->used_seen++);
    g_assert_cmpuint(e->id, <, d->num);
    i = e->id;
    for (unsigned k = 1; k < d->chain_len[e->id]; k++) {
        i = d->desc[i].next;
    }
    g_assert_cmpuint(d->chain_len[e->id], !=, 0);
    d->nfree += d->chain_len[e->id];
    d->chain_len[e->id] = 0;
    d->desc[i].next = d->free_head;
    d->free_head = e->id;
    return true;
}

#endif
