/*
 * Requests that must not overlap: a write that is padded reads, changes and
 * writes back whole blocks, and no other write may get in between.
 *
 * Writes of the slow path are in bs->tracked, those of the fast path are only
 * counted. Invariants:
 *
 *  1. A serialising request starts its I/O when no earlier overlapping one
 *     is in bs->tracked and no fast write is in flight.
 *  2. A tracked request starts its I/O when no earlier serialising one that
 *     overlaps it is in bs->tracked.
 *  3. Once a request has serialised, has_serialising stays set and writes to
 *     this node are tracked (until its limits are found anew or its size was
 *     changed, drained): a guest that writes unaligned once will do it again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/io-int.h"
#include "util/atomic.h"

void bdrv_tracked_begin(BdrvTrackedRequest *req, BlockDriverState *bs,
                        int64_t offset, int64_t bytes)
{
    *req = (BdrvTrackedRequest){
        .bs = bs,
        .offset = offset,
        .bytes = bytes,
        .overlap_offset = offset,
        .overlap_bytes = bytes,
        .co = qemu_coroutine_self(),
    };
    qemu_co_queue_init(&req->wait_queue);
    QEMU_LOCK_GUARD(&bs->reqs_lock);
    LIST_INSERT_HEAD(&bs->tracked, req, list);
}

void coroutine_fn bdrv_co_tracked_end(BdrvTrackedRequest *req)
{
    QEMU_LOCK_GUARD(&req->bs->reqs_lock);
    LIST_REMOVE(req, list);
    req->bs->nb_serialising -= req->serialising;
    qemu_co_queue_restart_all(&req->wait_queue);
}

static bool overlaps(const BdrvTrackedRequest *a, const BdrvTrackedRequest *b)
{
    return a->overlap_offset < b->overlap_offset + b->overlap_bytes &&
           b->overlap_offset < a->overlap_offset + a->overlap_bytes;
}

/* The one to wait for; under reqs_lock. */
static BdrvTrackedRequest *find_conflict(const BdrvTrackedRequest *self)
{
    BdrvTrackedRequest *req;

    if (likely(!self->bs->nb_serialising)) {
        return NULL; /* as nearly always: no need to look at them all */
    }
    LIST_FOREACH(req, &self->bs->tracked, list) {
        if (req == self || (!req->serialising && !self->serialising) ||
            !overlaps(req, self)) {
            continue;
        }
        /* One that waits itself looks again when it wakes and then waits for
         * us; waiting for it could be a circle. */
        if (!req->waiting_for) {
            return req;
        }
    }
    return NULL;
}

/* Under reqs_lock. */
static void coroutine_fn wait_locked(BdrvTrackedRequest *self)
{
    BdrvTrackedRequest *req;

    while ((req = find_conflict(self))) {
        self->waiting_for = req;
        qemu_co_queue_wait(&req->wait_queue, &self->bs->reqs_lock);
        self->waiting_for = NULL;
    }
}

void coroutine_fn bdrv_co_tracked_wait(BdrvTrackedRequest *req)
{
    QemuMutex *lock = &req->bs->reqs_lock;

    qemu_mutex_lock(lock);
    wait_locked(req);
    qemu_mutex_unlock(lock);
}

void bdrv_forget_serialising(BlockDriverState *bs)
{
    QEMU_LOCK_GUARD(&bs->reqs_lock);

    if (LIST_EMPTY(&bs->tracked)) {
        qatomic_set(&bs->has_serialising, false);
    }
}

static bool fast_writes_in_flight(const BlockDriverState *bs)
{
    for (int i = 0; i < BDRV_SHARDS; i++) {
        if (qatomic_mb_read(&bs->fast_writes->s[i].n)) {
            return true;
        }
    }
    return false;
}

void coroutine_fn bdrv_co_tracked_make_serialising(BdrvTrackedRequest *req,
                                                   int64_t align)
{
    BlockDriverState *bs = req->bs;
    int64_t end = ROUND_UP(req->offset + req->bytes, align);

    qemu_mutex_lock(&bs->reqs_lock);
    bs->nb_serialising += !req->serialising;
    req->serialising = true;
    req->overlap_offset = QEMU_ALIGN_DOWN(req->offset, align);
    req->overlap_bytes = end - req->overlap_offset;
    /* The flag before the counters: pairs with the increment or decrement,
     * then the look at the flag, in bdrv_fast_write_begin() and _end(). */
    qatomic_mb_set(&bs->has_serialising, true);
    while (bs->fast_writes && fast_writes_in_flight(bs)) {
        qemu_co_queue_wait(&bs->fast_queue, &bs->reqs_lock);
    }
    wait_locked(req);
    qemu_mutex_unlock(&bs->reqs_lock);
}

/* From outside of coroutines those who are woken run at once, and they want
 * the lock. */
static void QEMU_COLD wake_fast_queue(BlockDriverState *bs)
{
    CoQueue woken;

    qemu_co_queue_init(&woken);
    qemu_mutex_lock(&bs->reqs_lock);
    STAILQ_CONCAT(&woken.entries, &bs->fast_queue.entries);
    qemu_mutex_unlock(&bs->reqs_lock);
    qemu_co_queue_restart_all(&woken);
}

bool bdrv_fast_write_begin(BlockDriverState *bs, unsigned shard)
{
    /* Before the flag: pairs with make_serialising() */
    qatomic_inc(&bs->fast_writes->s[shard].n);
    if (unlikely(qatomic_mb_read(&bs->has_serialising))) {
        bdrv_fast_write_end(bs, shard);
        return false;
    }
    return true;
}

void bdrv_fast_write_end(BlockDriverState *bs, unsigned shard)
{
    /* Before the flag: pairs with make_serialising() */
    qatomic_dec(&bs->fast_writes->s[shard].n);
    if (unlikely(qatomic_mb_read(&bs->has_serialising))) {
        wake_fast_queue(bs);
    }
}
