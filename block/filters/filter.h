/*
 * What filters have in common: a node that shows its one child as it is.
 *
 * A filter takes from here the callbacks that it has nothing to add to. The
 * child is bs->file, whatever its name.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_FILTERS_FILTER_H
#define BLOCK_FILTERS_FILTER_H

#include "block/block-int.h"

/* Open the child @key and let writes through with the flags that it knows.
 * Main; 0 or -errno. */
int bdrv_filter_open(BlockDriverState *bs, QDict *options, const char *key,
                     Error **errp);
/* The flags of writes again, of a child that has changed. Main. */
void bdrv_filter_set_flags(BlockDriverState *bs);

/* Callbacks of BlockDriver. */
int64_t bdrv_filter_getlength(BlockDriverState *bs);
int coroutine_fn bdrv_filter_co_preadv(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags);
int coroutine_fn bdrv_filter_co_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags);
int coroutine_fn bdrv_filter_co_pwrite_zeroes(BlockDriverState *bs,
                                              int64_t offset, int64_t bytes,
                                              BdrvRequestFlags flags);
int coroutine_fn bdrv_filter_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                         int64_t bytes);
int coroutine_fn bdrv_filter_co_block_status(BlockDriverState *bs,
                                             bool want_zero, int64_t offset,
                                             int64_t bytes, int64_t *pnum,
                                             int64_t *map,
                                             BlockDriverState **file);
int coroutine_fn bdrv_filter_co_truncate(BlockDriverState *bs, int64_t offset,
                                         bool exact, PreallocMode prealloc,
                                         BdrvRequestFlags flags, Error **errp);

#endif
