/*
 * What filters have in common.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/filters/filter.h"

void bdrv_filter_set_flags(BlockDriverState *bs)
{
    const BlockDriverState *below = bs->file->bs;

    bs->supported_read_flags = below->supported_read_flags;
    bs->supported_write_flags = BDRV_REQ_WRITE_UNCHANGED |
                                (BDRV_REQ_FUA & below->supported_write_flags);
    bs->supported_zero_flags = BDRV_REQ_WRITE_UNCHANGED |
                               ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP |
                                 BDRV_REQ_NO_FALLBACK) &
                                below->supported_zero_flags);
}

int bdrv_filter_open(BlockDriverState *bs, QDict *options, const char *key,
                     Error **errp)
{
    int ret = bdrv_open_file_child(NULL, options, key, bs, errp);

    if (ret == 0) {
        bdrv_filter_set_flags(bs);
    }
    return ret;
}

int64_t bdrv_filter_getlength(BlockDriverState *bs)
{
    return bdrv_getlength(bs->file->bs);
}

int coroutine_fn bdrv_filter_co_preadv(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    return bdrv_co_preadv(bs->file, offset, bytes, qiov, flags);
}

int coroutine_fn bdrv_filter_co_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags)
{
    return bdrv_co_pwritev(bs->file, offset, bytes, qiov, flags);
}

int coroutine_fn bdrv_filter_co_pwrite_zeroes(BlockDriverState *bs,
                                              int64_t offset, int64_t bytes,
                                              BdrvRequestFlags flags)
{
    return bdrv_co_pwrite_zeroes(bs->file, offset, bytes, flags);
}

int coroutine_fn bdrv_filter_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                         int64_t bytes)
{
    return bdrv_co_pdiscard(bs->file, offset, bytes);
}

int coroutine_fn bdrv_filter_co_block_status(BlockDriverState *bs,
                                             bool want_zero, int64_t offset,
                                             int64_t bytes, int64_t *pnum,
                                             int64_t *map,
                                             BlockDriverState **file)
{
    *pnum = bytes;
    *map = offset;
    *file = bs->file->bs;
    return BDRV_BLOCK_RAW | BDRV_BLOCK_OFFSET_VALID;
}

int coroutine_fn bdrv_filter_co_truncate(BlockDriverState *bs, int64_t offset,
                                         bool exact, PreallocMode prealloc,
                                         BdrvRequestFlags flags, Error **errp)
{
    return bdrv_co_truncate(bs->file, offset, exact, prealloc, flags, errp);
}
