/*
 * BlockBackend requests of coroutines, and of callers that wait.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-group.h"
#include "block/blk-int.h"
#include "block/io-int.h"
#include "block/sync.h"
#include "util/atomic.h"
#include "util/main-loop.h"

/* Wait for the gate. */
static BlkGate *coroutine_fn enter(BlockBackend *blk)
{
    BlkGate *g = blk_gate(blk, qemu_get_current_aio_context());

    while (!blk_gate_enter(g)) {
        qemu_co_queue_wait(&g->co_queued, (CoMutex *)NULL);
    }
    return g;
}

static int check(BlockBackend *blk, int64_t offset, int64_t bytes, bool write)
{
    BdrvChild *root = blk->root;

    if (!root || !root->bs->drv) {
        return -ENOMEDIUM;
    }
    if (write && !(qatomic_read(&root->perm) &
                   (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED))) {
        return -EPERM;
    }
    /* Also for who may resize: a disk grows by blk_co_truncate() only */
    return blk_check_range(root->bs, offset, bytes);
}

static void coroutine_fn co_throttle(BlockBackend *blk, int64_t bytes,
                                     bool is_write)
{
    if (unlikely(blk->throttle)) {
        throttle_co_wait(blk->throttle, bytes, is_write);
    }
}

static BdrvRequestFlags write_flags(const BlockBackend *blk,
                                    BdrvRequestFlags flags)
{
    return blk_enable_write_cache(blk) ? flags : flags | BDRV_REQ_FUA;
}

int coroutine_fn blk_co_preadv(BlockBackend *blk, int64_t offset, int64_t bytes,
                               QEMUIOVector *qiov, BdrvRequestFlags flags)
{
    BlkGate *g = enter(blk);
    int ret = check(blk, offset, bytes, false);

    if (ret == 0) {
        co_throttle(blk, bytes, false);
        ret = bdrv_co_preadv(blk->root, offset, bytes, qiov, flags);
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_pwritev(BlockBackend *blk, int64_t offset,
                                int64_t bytes, QEMUIOVector *qiov,
                                BdrvRequestFlags flags)
{
    BlkGate *g = enter(blk);
    int ret = check(blk, offset, bytes, true);

    if (ret == 0) {
        co_throttle(blk, bytes, true);
        ret = bdrv_co_pwritev(blk->root, offset, bytes, qiov,
                              write_flags(blk, flags));
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_pread(BlockBackend *blk, int64_t offset, int64_t bytes,
                              void *buf, BdrvRequestFlags flags)
{
    QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, bytes);

    return bytes < 0 ? -EIO : blk_co_preadv(blk, offset, bytes, &qiov, flags);
}

int coroutine_fn blk_co_pwrite(BlockBackend *blk, int64_t offset, int64_t bytes,
                               const void *buf, BdrvRequestFlags flags)
{
    QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, bytes);

    return bytes < 0 ? -EIO : blk_co_pwritev(blk, offset, bytes, &qiov, flags);
}

int coroutine_fn blk_co_pwrite_zeroes(BlockBackend *blk, int64_t offset,
                                      int64_t bytes, BdrvRequestFlags flags)
{
    BlkGate *g = enter(blk);
    int ret = check(blk, offset, bytes, true);

    if (ret == 0) {
        co_throttle(blk, bytes, true);
        ret = bdrv_co_pwrite_zeroes(blk->root, offset, bytes,
                                    write_flags(blk, flags));
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_copy_range(BlockBackend *src, int64_t from,
                                   BlockBackend *dst, int64_t offset,
                                   int64_t bytes)
{
    BlkGate *in = enter(src);
    BlkGate *out = enter(dst);
    int ret = check(src, from, bytes, false);

    if (ret == 0) {
        ret = check(dst, offset, bytes, true);
    }
    if (ret == 0 && (write_flags(dst, 0) & BDRV_REQ_FUA)) {
        ret = -ENOTSUP; /* the kernel has no such copy */
    }
    if (ret == 0) {
        co_throttle(src, bytes, false);
        co_throttle(dst, bytes, true);
        ret = bdrv_co_copy_range(blk_bs(src), from, dst->root, offset, bytes);
    }
    blk_gate_leave(out);
    blk_gate_leave(in);
    return ret;
}

int coroutine_fn blk_co_pdiscard(BlockBackend *blk, int64_t offset,
                                 int64_t bytes)
{
    BlkGate *g = enter(blk);
    int ret = check(blk, offset, bytes, true);

    if (ret == 0) {
        ret = bdrv_co_pdiscard(blk->root, offset, bytes);
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_flush(BlockBackend *blk)
{
    BlkGate *g = enter(blk);
    int ret = blk_is_available(blk) ? bdrv_co_flush(blk_bs(blk)) : -ENOMEDIUM;

    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_block_status(BlockBackend *blk, int64_t offset,
                                     int64_t bytes, int64_t *pnum)
{
    BlkGate *g = enter(blk);
    int ret = -ENOMEDIUM;

    if (blk_is_available(blk)) {
        ret = bdrv_co_block_status_above(blk_bs(blk), NULL, offset, bytes,
                                         pnum);
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_allocation_depth(BlockBackend *blk, int64_t offset,
                                         int64_t bytes, int64_t *pnum)
{
    BlkGate *g = enter(blk);
    int ret = -ENOMEDIUM;

    if (blk_is_available(blk)) {
        ret = bdrv_co_allocation_depth(blk_bs(blk), offset, bytes, pnum);
    }
    blk_gate_leave(g);
    return ret;
}

int coroutine_fn blk_co_truncate(BlockBackend *blk, int64_t offset, bool exact,
                                 PreallocMode prealloc, BdrvRequestFlags flags,
                                 Error **errp)
{
    if (!blk_is_available(blk)) {
        error_setg(errp, "No medium inserted");
        return -ENOMEDIUM;
    }
    return bdrv_co_truncate(blk->root, offset, exact, prealloc, flags, errp);
}

/* --- callers that wait --- */

static int coroutine_fn sync_pread(BdrvSyncCall *s)
{
    return blk_co_pread(s->target, s->offset, s->bytes, s->buf, s->flags);
}

static int coroutine_fn sync_pwrite(BdrvSyncCall *s)
{
    return blk_co_pwrite(s->target, s->offset, s->bytes, s->buf, s->flags);
}

static int coroutine_fn sync_pwrite_zeroes(BdrvSyncCall *s)
{
    return blk_co_pwrite_zeroes(s->target, s->offset, s->bytes, s->flags);
}

static int coroutine_fn sync_pdiscard(BdrvSyncCall *s)
{
    return blk_co_pdiscard(s->target, s->offset, s->bytes);
}

static int coroutine_fn sync_flush(BdrvSyncCall *s)
{
    return blk_co_flush(s->target);
}

static int coroutine_fn sync_truncate(BdrvSyncCall *s)
{
    return blk_co_truncate(s->target, s->offset, s->exact, s->prealloc,
                           s->flags, s->errp);
}

static int run(int coroutine_fn (*co_fn)(BdrvSyncCall *), BlockBackend *blk,
               int64_t offset, int64_t bytes, void *buf, BdrvRequestFlags flags)
{
    BdrvSyncCall s = { .co_fn = co_fn,
                       .target = blk,
                       .offset = offset,
                       .bytes = bytes,
                       .buf = buf,
                       .flags = flags };

    return bdrv_run_sync(&s);
}

int blk_pread(BlockBackend *blk, int64_t offset, int64_t bytes, void *buf,
              BdrvRequestFlags flags)
{
    return run(sync_pread, blk, offset, bytes, buf, flags);
}

int blk_pwrite(BlockBackend *blk, int64_t offset, int64_t bytes,
               const void *buf, BdrvRequestFlags flags)
{
    return run(sync_pwrite, blk, offset, bytes, (void *)buf, flags);
}

int blk_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes,
                      BdrvRequestFlags flags)
{
    return run(sync_pwrite_zeroes, blk, offset, bytes, NULL, flags);
}

int blk_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes)
{
    return run(sync_pdiscard, blk, offset, bytes, NULL, 0);
}

int blk_flush(BlockBackend *blk)
{
    return run(sync_flush, blk, 0, 0, NULL, 0);
}

int blk_truncate(BlockBackend *blk, int64_t offset, bool exact,
                 PreallocMode prealloc, BdrvRequestFlags flags, Error **errp)
{
    BdrvSyncCall s = { .co_fn = sync_truncate,
                       .target = blk,
                       .offset = offset,
                       .exact = exact,
                       .prealloc = prealloc,
                       .flags = flags,
                       .errp = errp };
    BlockDriverState *bs = blk_bs(blk);
    int ret;

    /* The size changes under nobody's request */
    if (bs) {
        bdrv_drained_begin(bs);
    }
    ret = bdrv_run_sync(&s);
    if (bs) {
        /* It has serialised, once and for all (io-tracked.c, invariant 3) */
        bdrv_forget_serialising(bs);
        bdrv_drained_end(bs);
    }
    return ret;
}
