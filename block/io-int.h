/*
 * What the parts of block/io*.c share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_IO_INT_H
#define BLOCK_IO_INT_H

#include "block/block-int.h"
#include "block/dirty-bitmap.h"
#include "util/atomic.h"

/* Internal flag of a write without data: write zeroes. */
#define BDRV_REQ_ZERO_WRITE (1 << 1)

/* --- io-tracked.c --- */

/* From begin to end @req is seen by requests that must not overlap it. */
void bdrv_tracked_begin(BdrvTrackedRequest *req, BlockDriverState *bs,
                        int64_t offset, int64_t bytes);
void coroutine_fn bdrv_co_tracked_end(BdrvTrackedRequest *req);
/* Later requests that overlap @req's range, rounded to @align, wait for it. */
void coroutine_fn bdrv_co_tracked_make_serialising(BdrvTrackedRequest *req,
                                                   int64_t align);
/* Wait for earlier ones: those that serialise, or all if @req does. */
void coroutine_fn bdrv_co_tracked_wait(BdrvTrackedRequest *req);
/* Fast writes again, after something that serialised without being a guest's
 * unaligned write. Main thread, drained. */
void bdrv_forget_serialising(BlockDriverState *bs);

/* A write by the fast path; false: it has to take the slow path. */
bool bdrv_fast_write_begin(BlockDriverState *bs, unsigned shard);
void bdrv_fast_write_end(BlockDriverState *bs, unsigned shard);

/* --- io.c --- */

/* Longest read or write for the driver, a multiple of the alignment. */
int64_t bdrv_max_transfer(const BlockDriverState *bs);
/* Aligned, inside the limits; no FUA emulation. */
int coroutine_fn bdrv_co_driver_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags);
/* After something was written up to @end. */
void bdrv_write_done(BlockDriverState *bs, int64_t end, bool ok);
/* The range was written, perhaps: dirty bitmaps want to know. */
static inline void bdrv_set_dirty(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes)
{
    if (unlikely(qatomic_read(&bs->record_writes))) {
        bdrv_set_dirty_slow(bs, offset, bytes);
    }
}
/* 0 or the reason why @child must not write there. */
int bdrv_check_write(BdrvChild *child, int64_t offset, int64_t bytes);

/* --- io-zero.c --- */

/* Aligned to the request alignment. FUA is seen to. */
int coroutine_fn bdrv_co_do_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                          int64_t bytes,
                                          BdrvRequestFlags flags);

#endif
