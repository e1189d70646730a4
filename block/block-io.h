/*
 * Requests to a node, as drivers and BlockBackends make them (block/io.c).
 *
 * Everything is checked here and nowhere else: state, range, permissions,
 * alignment, flags and the error convention (0 or -errno). A driver is called
 * only with requests that its BlockLimits and supported flags allow.
 *
 * Threads: any home thread; the caller keeps the graph still (it is in flight
 * itself).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_IO_H
#define BLOCK_BLOCK_IO_H

#include "block/block-common.h"
#include "util/coroutine.h"
#include "util/error.h"
#include "util/iov.h"

int coroutine_fn bdrv_co_preadv(BdrvChild *child, int64_t offset, int64_t bytes,
                                QEMUIOVector *qiov, BdrvRequestFlags flags);
int coroutine_fn bdrv_co_pwritev(BdrvChild *child, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags);
int coroutine_fn bdrv_co_pread(BdrvChild *child, int64_t offset, int64_t bytes,
                               void *buf, BdrvRequestFlags flags);
int coroutine_fn bdrv_co_pwrite(BdrvChild *child, int64_t offset, int64_t bytes,
                                const void *buf, BdrvRequestFlags flags);
/* @flags: BDRV_REQ_MAY_UNMAP, _NO_FALLBACK (-ENOTSUP if it would be slow),
 * _FUA. */
int coroutine_fn bdrv_co_pwrite_zeroes(BdrvChild *child, int64_t offset,
                                       int64_t bytes, BdrvRequestFlags flags);
/*
 * Let the kernel copy what @src shows at @from to @offset of @dst, without
 * reading it. -ENOTSUP where that cannot be had; after an error some of it may
 * have been copied.
 */
int coroutine_fn bdrv_co_copy_range(BlockDriverState *src, int64_t from,
                                    BdrvChild *dst, int64_t offset,
                                    int64_t bytes);
/* The second half, for drivers: from byte @from of @file, which is a leaf. */
int coroutine_fn bdrv_co_copy_range_to(BdrvChild *dst, int64_t offset,
                                       BlockDriverState *file, int64_t from,
                                       int64_t bytes);
/* A hint: what a driver cannot do is left out silently. */
int coroutine_fn bdrv_co_pdiscard(BdrvChild *child, int64_t offset,
                                  int64_t bytes);
/* All writes that completed before are on stable storage afterwards. */
int coroutine_fn bdrv_co_flush(BlockDriverState *bs);

/*
 * What is at @offset, for the first *@pnum of @bytes: BDRV_BLOCK_* or -errno.
 * @map, @file: where the data is, if _OFFSET_VALID; may be NULL.
 */
int coroutine_fn bdrv_co_block_status(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, int64_t *pnum,
                                      int64_t *map, BlockDriverState **file);
/* Of the chain that begins with @bs and ends above @base (NULL: all of it): 0
 * if none of these images has it. */
int coroutine_fn bdrv_co_block_status_above(BlockDriverState *bs,
                                            const BlockDriverState *base,
                                            int64_t offset, int64_t bytes,
                                            int64_t *pnum);
/* Which image of the chain has it: 1 for @bs, 2 for the next, ...; 0: none;
 * -errno. For the first *@pnum of @bytes. */
int coroutine_fn bdrv_co_allocation_depth(BlockDriverState *bs, int64_t offset,
                                          int64_t bytes, int64_t *pnum);
/* Is the range known to read as zero? 1, 0 or -errno. */
int coroutine_fn bdrv_co_is_zero(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes);

/* @exact: fail if the driver cannot make it exactly this long. */
int coroutine_fn bdrv_co_truncate(BdrvChild *child, int64_t offset, bool exact,
                                  PreallocMode prealloc, BdrvRequestFlags flags,
                                  Error **errp);

/* The owner of the file goes on to write up to @end: it may be made that long
 * beforehand. A hint (block-driver.h); 0 or -errno. */
int coroutine_fn bdrv_co_make_room(BdrvChild *child, int64_t end);

/* 0, or -EIO with @errp for a range that no request may have. */
int bdrv_check_request(int64_t offset, int64_t bytes, Error **errp);

/* A buffer for requests to @bs: aligned, NULL when memory is short. */
void *bdrv_try_blockalign(const BlockDriverState *bs, size_t size);

#endif
