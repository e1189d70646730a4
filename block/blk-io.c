/*
 * The path of a device's request: the gate, the fast path, the slow path.
 *
 *   blk_io_submit
 *     gate open?  no: queued, and started by the gate's bottom half later
 *     checks      failed: completes with the error, from the bottom half
 *     fast path   each node maps the range to its child, the leaf starts it;
 *                 blk_io_complete() is called from the loop
 *     slow path   a coroutine over bdrv_co_*(); its result waits for the
 *                 bottom half, so that callbacks come in batches and never
 *                 from inside a submission
 *
 * The gate: the home thread announces a request (in_flight) and then looks
 * whether the gate is closed (quiesce_counter); the main thread closes it and
 * then looks who is inside. Each needs its store to be visible before its
 * load. Requests are frequent and drains are rare: the main thread pays for
 * both, with membarrier(2), and the home thread's barrier is one for the
 * compiler only. Where the kernel has no membarrier it is a real one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-group.h"
#include "block/blk-int.h"
#include "block/io-int.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

static bool have_membarrier; /* fixed by blk_io_init() */

void blk_io_init(void)
{
    have_membarrier = syscall(SYS_membarrier,
                              MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                              0) == 0;
}

/* Pairs with heavy_barrier(). */
static inline void light_barrier(void)
{
    if (likely(have_membarrier)) {
        barrier();
    } else {
        smp_mb();
    }
}

/* Pairs with light_barrier() in every home thread. */
static void heavy_barrier(void)
{
    smp_mb();
    if (have_membarrier) {
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
}

/* --- gates --- */

static void gate_bh(void *opaque);

static inline unsigned gate_hash(const AioContext *ctx)
{
    return (uint32_t)((uintptr_t)ctx >> 6) * 0x9e3779b1u >> 28;
}
QEMU_BUILD_BUG_ON(BLK_GATE_BUCKETS != 16);

static BlkGate *QEMU_COLD gate_new(BlockBackend *blk, AioContext *ctx)
{
    static unsigned next_shard;
    BlkGate **bucket = &blk->gates[gate_hash(ctx)];
    BlkGate *g = g_aligned_alloc0(1, sizeof(*g), 64);

    g->blk = blk;
    g->ctx = ctx;
    aio_context_ref(ctx);
    g->shard = qatomic_fetch_inc(&next_shard) % BDRV_SHARDS;
    g->bh = aio_bh_new(ctx, gate_bh, g);
    STAILQ_INIT(&g->done);
    STAILQ_INIT(&g->queued);
    qemu_co_queue_init(&g->co_queued);
    QEMU_LOCK_GUARD(&blk->gates_lock);
    g->next = *bucket;
    /* RELEASE: pairs with the acquire in every walk of the table */
    qatomic_store_release(bucket, g);
    /* In the table before it looks whether the gate is closed: pairs with
     * the barrier in blk_gates_open() */
    smp_mb();
    return g;
}

static void gate_schedule(BlkGate *g)
{
    qatomic_set(&g->bh_scheduled, true);
    qemu_bh_schedule(g->bh);
}

BlkGate *blk_gate(BlockBackend *blk, AioContext *ctx)
{
    BlkGate *g = qatomic_load_acquire(&blk->gates[gate_hash(ctx)]);

    while (g && unlikely(g->ctx != ctx)) {
        g = g->next;
    }
    return likely(g) ? g : gate_new(blk, ctx);
}

bool blk_gate_enter(BlkGate *g)
{
    qatomic_set(&g->in_flight, g->in_flight + 1);
    light_barrier();
    /* ACQUIRE: with the gate open, all that was changed while it was closed
     * is seen; pairs with the release in blk_gates_open() */
    if (likely(!qatomic_load_acquire(&g->blk->quiesce_counter)) ||
        g->blk->disable_queuing) {
        return true;
    }
    blk_gate_leave(g);
    return false;
}

void blk_gate_leave(BlkGate *g)
{
    /* RELEASE: what the request read of the graph came before; pairs with
     * the acquire in blk_gates_busy() */
    qatomic_store_release(&g->in_flight, g->in_flight - 1);
    light_barrier();
    if (unlikely(qatomic_read(&g->blk->quiesce_counter))) {
        aio_wait_kick();
    }
}

#define FOREACH_GATE(blk, g)                                          \
    for (int bucket_ = 0; bucket_ < BLK_GATE_BUCKETS; bucket_++)      \
        for ((g) = qatomic_load_acquire(&(blk)->gates[bucket_]); (g); \
             (g) = (g)->next)

void blk_gates_close(BlockBackend *blk)
{
    qatomic_set(&blk->quiesce_counter, blk->quiesce_counter + 1);
    heavy_barrier();
}

bool blk_gates_busy(BlockBackend *blk)
{
    BlkGate *g;

    FOREACH_GATE(blk, g)
    {
        if (qatomic_load_acquire(&g->in_flight)) {
            return true;
        }
    }
    return false;
}

void blk_gates_open(BlockBackend *blk)
{
    BlkGate *g;

    assert(blk->quiesce_counter > 0);
    qatomic_store_release(&blk->quiesce_counter, blk->quiesce_counter - 1);
    if (blk->quiesce_counter) {
        return;
    }
    /* Open before looking for gates: one that is not in the table yet sees
     * it; pairs with the barrier in gate_new() */
    smp_mb();
    /* A request that is queued saw the gate closed in this or an earlier
     * turn of its loop; the bottom half runs after that. */
    FOREACH_GATE(blk, g)
    {
        gate_schedule(g);
    }
}

bool blk_gates_quiet(BlockBackend *blk)
{
    BlkGate *g;

    FOREACH_GATE(blk, g)
    {
        /* In this order, ACQUIRE: pairs with the releases in gate_bh(). A
         * context that nobody polls any more runs nothing. */
        if ((qatomic_load_acquire(&g->bh_scheduled) ||
             qatomic_load_acquire(&g->bh_running)) &&
            aio_context_has_home(g->ctx)) {
            return false;
        }
    }
    return true;
}

void blk_gates_free(BlockBackend *blk)
{
    for (int i = 0; i < BLK_GATE_BUCKETS; i++) {
        BlkGate *g = blk->gates[i], *next;

        for (; g; g = next) {
            next = g->next;
            assert(!g->in_flight && STAILQ_EMPTY(&g->queued));
            qemu_bh_delete(g->bh);
            aio_context_unref(g->ctx);
            g_aligned_free(g);
        }
    }
}

void blk_gates_stats(BlockBackend *blk, BlkGateStats *stats)
{
    BlkGate *g;

    memset(stats, 0, sizeof(*stats));
    FOREACH_GATE(blk, g)
    {
        for (int i = 0; i <= BLK_IO_WRITE_ZEROES; i++) {
            stats->bytes[i] += qatomic_read(&g->stats.bytes[i]);
            stats->ops[i] += qatomic_read(&g->stats.ops[i]);
            stats->failed[i] += qatomic_read(&g->stats.failed[i]);
        }
        stats->fast += qatomic_read(&g->stats.fast);
    }
}

/* --- completion --- */

static inline void stat_add(uint64_t *counter, uint64_t n)
{
    qatomic_set(counter, *counter + n); /* one writer */
}

static inline void end_mapped(BlkIo *io)
{
    BlockDriverState *bs = io->mapped;

    if (bs) {
        io->mapped = NULL;
        bs->drv->bdrv_fast_done(bs, io);
    }
}

void blk_io_complete(BlkIo *io, int ret)
{
    BlkGate *g = io->gate;
    BlkIoType type = io->type;

    end_mapped(io);
    if (io->leaf && type == BLK_IO_WRITE) {
        bdrv_write_done(io->leaf, io->leaf_offset + io->bytes, ret >= 0);
        if (unlikely(io->recorder)) {
            bdrv_set_dirty(io->recorder, io->recorder_offset, io->bytes);
        }
        if (io->counted) {
            bdrv_fast_write_end(io->root, g->shard);
        }
    }
    if (likely(ret >= 0)) {
        ret = 0;
        stat_add(&g->stats.ops[type], 1);
        stat_add(&g->stats.bytes[type], io->bytes);
    } else {
        stat_add(&g->stats.failed[type], 1);
    }
    io->cb(io, ret);
    /* Not before: the callback's own doings belong to the request */
    blk_gate_leave(g);
}

void blk_io_complete_soon(BlkIo *io, int ret)
{
    BlkGate *g = io->gate;

    io->ret = ret;
    if (STAILQ_EMPTY(&g->done)) {
        gate_schedule(g);
    }
    STAILQ_INSERT_TAIL(&g->done, io, next);
}

/* --- slow path --- */

static int coroutine_fn slow_request(BlkIo *io)
{
    BdrvChild *root = io->blk->root;
    QEMUIOVector qiov;

    if (io->blk->throttle && io->type != BLK_IO_FLUSH &&
        io->type != BLK_IO_DISCARD) {
        throttle_co_wait(io->blk->throttle, io->bytes, io->type != BLK_IO_READ);
    }
    switch (io->type) {
    case BLK_IO_READ:
        qemu_iovec_init_external(&qiov, io->iov, io->niov);
        return bdrv_co_preadv(root, io->offset, io->bytes, &qiov,
                              io->leaf_flags);
    case BLK_IO_WRITE:
        qemu_iovec_init_external(&qiov, io->iov, io->niov);
        return bdrv_co_pwritev(root, io->offset, io->bytes, &qiov,
                               io->leaf_flags);
    case BLK_IO_FLUSH:
        return bdrv_co_flush(root->bs);
    case BLK_IO_DISCARD:
        return bdrv_co_pdiscard(root, io->offset, io->bytes);
    case BLK_IO_WRITE_ZEROES:
        return bdrv_co_pwrite_zeroes(root, io->offset, io->bytes,
                                     io->leaf_flags);
    }
    return -EINVAL;
}

static void coroutine_fn slow_entry(void *opaque)
{
    BlkIo *io = opaque;

    blk_io_complete_soon(io, slow_request(io));
}

static void start_slow(BlkIo *io)
{
    end_mapped(io);
    io->leaf = NULL;
    if (io->counted) {
        bdrv_fast_write_end(io->root, io->gate->shard);
        io->counted = false;
    }
    qemu_coroutine_enter(qemu_coroutine_create(slow_entry, io));
}

void blk_io_restart_slow(BlkIo *io)
{
    start_slow(io);
}

/* --- fast path --- */

/* Would io.c pass this on as it is? */
static inline bool node_is_transparent(const BlockDriverState *bs,
                                       const BlkIo *io, int64_t offset)
{
    return likely(bs->drv) &&
           !((offset | io->bytes) & (bs->bl.request_alignment - 1)) &&
           (!bs->bl.max_transfer || io->bytes <= bs->bl.max_transfer) &&
           io->niov <= (bs->bl.max_iov ? bs->bl.max_iov : IOV_MAX) &&
           (io->type == BLK_IO_READ ||
            bs->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF);
}

static bool start_fast(BlkIo *io, BlockDriverState *bs)
{
    int64_t offset = io->offset;
    BdrvChild *child;

    io->counted = false;
    if (io->type > BLK_IO_WRITE) {
        return false;
    }
    io->root = bs;
    while (node_is_transparent(bs, io, offset)) {
        if (unlikely(qatomic_read(&bs->record_writes))) {
            if (io->recorder) {
                return false; /* there is room for one */
            }
            io->recorder = bs;
            io->recorder_offset = offset;
        }
        if (bs->drv->bdrv_submit_fast) {
            if (io->type == BLK_IO_WRITE && io->root->fast_writes) {
                if (!bdrv_fast_write_begin(io->root, io->gate->shard)) {
                    return false;
                }
                io->counted = true;
            }
            io->leaf = bs;
            io->leaf_offset = offset;
            return bs->drv->bdrv_submit_fast(bs, io);
        }
        if (!bs->drv->bdrv_map_fast) {
            return false;
        }
        child = bs->drv->bdrv_map_fast(bs, io, &offset);
        if (!child) {
            return false;
        }
        if (bs->drv->bdrv_fast_done) {
            if (unlikely(io->mapped)) {
                /* There is room for one */
                bs->drv->bdrv_fast_done(bs, io);
                return false;
            }
            io->mapped = bs;
        }
        bs = child->bs;
    }
    return false;
}

/* --- submission --- */

int blk_check_range(const BlockDriverState *bs, int64_t offset, int64_t bytes)
{
    int64_t len = qatomic_read(&bs->total_bytes);

    if (unlikely(offset < 0 || bytes < 0 || bytes > BDRV_REQUEST_MAX_BYTES ||
                 offset > len || bytes > len - offset)) {
        return -EIO;
    }
    return 0;
}

static int check_request(const BlkIo *io, const BlockDriverState *bs)
{
    if (unlikely(!bs || !bs->drv)) {
        return -ENOMEDIUM;
    }
    if (io->type == BLK_IO_FLUSH) {
        return 0;
    }
    if (io->type != BLK_IO_READ &&
        unlikely(!(qatomic_read(&io->blk->root->perm) & BLK_PERM_WRITE))) {
        return -EPERM;
    }
    return blk_check_range(bs, io->offset, io->bytes);
}

/* Inside the gate. */
static void start(BlkIo *io)
{
    BlockBackend *blk = io->blk;
    BlockDriverState *bs = blk->root ? blk->root->bs : NULL;
    int ret = check_request(io, bs);

    io->leaf = NULL;
    io->mapped = NULL;
    io->recorder = NULL;
    io->counted = false;
    if (unlikely(ret < 0 || (!io->bytes && io->type != BLK_IO_FLUSH))) {
        blk_io_complete_soon(io, ret);
        return;
    }
    io->leaf_flags = io->flags;
    if (io->type != BLK_IO_READ && !qatomic_read(&blk->enable_write_cache)) {
        io->leaf_flags |= BDRV_REQ_FUA;
    }
    if (likely(!blk->throttle) && likely(start_fast(io, bs))) {
        stat_add(&io->gate->stats.fast, 1);
        return;
    }
    start_slow(io);
}

void blk_io_submit(BlkIo *io)
{
    BlkGate *g = blk_gate(io->blk, io->ctx);

    io->gate = g;
    if (unlikely(!blk_gate_enter(g))) {
        STAILQ_INSERT_TAIL(&g->queued, io, next);
        return;
    }
    start(io);
}

/* Home: finish what is done, start what was kept back. */
static void gate_bh(void *opaque)
{
    BlkGate *g = opaque;
    STAILQ_HEAD(, BlkIo) batch = STAILQ_HEAD_INITIALIZER(batch);
    bool nested = g->bh_running;
    BlkIo *io;

    /* RELEASE: who sees it not scheduled any more sees it running; pairs with
     * blk_gates_quiet() */
    qatomic_set(&g->bh_running, true);
    qatomic_store_release(&g->bh_scheduled, false);
    /* What completes or is queued meanwhile is for the next run */
    STAILQ_CONCAT(&batch, &g->done);
    while ((io = STAILQ_FIRST(&batch))) {
        STAILQ_REMOVE_HEAD(&batch, next);
        blk_io_complete(io, io->ret);
    }
    while ((io = STAILQ_FIRST(&g->queued)) && blk_gate_enter(g)) {
        STAILQ_REMOVE_HEAD(&g->queued, next);
        start(io);
    }
    if (!qatomic_load_acquire(&g->blk->quiesce_counter)) {
        qemu_co_queue_restart_all(&g->co_queued);
    }
    /* The last look at the gate and its BlockBackend */
    qatomic_store_release(&g->bh_running, nested);
    aio_wait_kick();
}
