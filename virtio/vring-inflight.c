/*
 * The record of chains in flight.
 *
 * Invariants (whenever we may be killed between two stores):
 *  1. A chain is marked before its request starts and until the used index
 *     that shows its end is visible, so a mark says "taken"; it is lifted
 *     after that, so a mark may be too many by the last batch.
 *  2. The last batch is found by shm->used_idx, which is behind the ring's
 *     used index exactly while marks of it may be left: @last_head names its
 *     last chain, each chain's @next the one before.
 *
 * x86 keeps the order of stores; the barriers here keep the compiler's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "virtio/vring-inflight.h"
#include "util/atomic.h"

typedef struct VringInflightDesc {
    uint8_t inflight;
    uint8_t padding[5];
    uint16_t next;
    uint64_t counter;
} VringInflightDesc;

typedef struct VringInflightRegion {
    uint64_t features;
    uint16_t version;
    uint16_t desc_num;
    uint16_t last_head;
    uint16_t used_idx;
    VringInflightDesc desc[];
} VringInflightRegion;

#define INFLIGHT_VERSION 1
#define REGION_ALIGN     64

QEMU_BUILD_BUG_ON(sizeof(VringInflightDesc) != 16);
QEMU_BUILD_BUG_ON(sizeof(VringInflightRegion) != 16);

size_t vring_inflight_size(uint16_t num)
{
    return ROUND_UP(sizeof(VringInflightRegion) +
                        (size_t)num * sizeof(VringInflightDesc),
                    REGION_ALIGN);
}

/* Lift the marks of the batch that was being published (invariant 2). */
static void settle_last_batch(VringInflight *f, uint16_t used_idx)
{
    VringInflightRegion *shm = f->shm;
    uint16_t left = used_idx - shm->used_idx;
    uint16_t head = shm->last_head;

    /* What is not a chain's name comes from a front end that scribbled. */
    while (left-- && head < f->num) {
        shm->desc[head].inflight = 0;
        head = qatomic_read(&shm->desc[head].next);
    }
    smp_wmb();
    qatomic_set(&shm->used_idx, used_idx);
}

typedef struct Found {
    uint64_t counter;
    uint16_t head;
} Found;

static int compare_found(const void *a, const void *b)
{
    uint64_t ca = ((const Found *)a)->counter;
    uint64_t cb = ((const Found *)b)->counter;

    return ca < cb ? -1 : ca > cb;
}

static void find_marked(VringInflight *f)
{
    g_autofree Found *found = g_new(Found, f->num);

    for (uint16_t i = 0; i < f->num; i++) {
        if (qatomic_read(&f->shm->desc[i].inflight) == 1) {
            found[f->nagain++] = (Found){
                .counter = qatomic_read(&f->shm->desc[i].counter),
                .head = i,
            };
        }
    }
    qsort(found, f->nagain, sizeof(*found), compare_found);
    for (uint16_t i = 0; i < f->nagain; i++) {
        f->again[i] = found[i].head;
    }
    f->counter = f->nagain ? found[f->nagain - 1].counter + 1 : 0;
}

bool vring_inflight_open(VringInflight *f, void *shm, uint16_t num,
                         uint16_t used_idx, uint16_t *last_avail)
{
    *f = (VringInflight){
        .shm = shm,
        .num = num,
        .batch = g_new(uint16_t, num),
        .again = g_new(uint16_t, num),
    };
    if (qatomic_read(&f->shm->version) != INFLIGHT_VERSION) {
        f->shm->desc_num = num;
        f->shm->used_idx = used_idx;
        smp_wmb();
        qatomic_set(&f->shm->version, INFLIGHT_VERSION);
        return false;
    }
    if (qatomic_read(&f->shm->used_idx) != used_idx) {
        settle_last_batch(f, used_idx);
    }
    find_marked(f);
    *last_avail = used_idx + f->nagain;
    return true;
}

void vring_inflight_close(VringInflight *f)
{
    g_free(f->batch);
    g_free(f->again);
    *f = (VringInflight){ 0 };
}

void vring_inflight_take(VringInflight *f, uint16_t head)
{
    f->shm->desc[head].counter = f->counter++;
    smp_wmb(); /* pairs with find_marked() in the next life */
    qatomic_set(&f->shm->desc[head].inflight, 1);
}

void vring_inflight_push(VringInflight *f, uint16_t head)
{
    f->shm->desc[head].next = f->shm->last_head;
    smp_wmb(); /* pairs with settle_last_batch() in the next life */
    qatomic_set(&f->shm->last_head, head);
    f->batch[f->nbatch++] = head;
}

void vring_inflight_publish(VringInflight *f, uint16_t used_idx)
{
    smp_wmb(); /* after the used index */
    for (uint16_t i = 0; i < f->nbatch; i++) {
        qatomic_set(&f->shm->desc[f->batch[i]].inflight, 0);
    }
    f->nbatch = 0;
    smp_wmb(); /* invariant 2 */
    qatomic_set(&f->shm->used_idx, used_idx);
}
