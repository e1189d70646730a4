/*
 * Copying from one file to another inside the kernel: copy_file_range(2), which
 * shares the blocks where the file system can.
 *
 * Where the data of the source is, its block status tells; the target's
 * drivers pass the request down to its file. Only through drivers that do
 * nothing else with the data: whatever stands between (a filter that counts,
 * delays or checks) makes it -ENOTSUP, and the caller reads and writes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-int.h"
#include "block/io-int.h"

/* May data that @bs shows at some place of @file be taken from there? */
static bool leads_to(const BlockDriverState *bs, const BlockDriverState *file)
{
    BdrvChild *c;

    if (!bs->drv || !bs->drv->shows_data_as_is) {
        return false;
    }
    if (bs == file) {
        return true;
    }
    LIST_FOREACH(c, &bs->children, next) {
        if (!(c->role & BDRV_CHILD_COW) && leads_to(c->bs, file)) {
            return true;
        }
    }
    return false;
}

/* Where the first *@num of @bytes at @offset are: in *@file at *@map. */
static int coroutine_fn find_source(BlockDriverState *bs, int64_t offset,
                                    int64_t bytes, int64_t *num, int64_t *map,
                                    BlockDriverState **file)
{
    const int known = BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO;
    int ret = bdrv_co_block_status(bs, offset, bytes, num, map, file);

    while (ret >= 0 && !(ret & known) && *num && bdrv_cow_bs(bs)) {
        bs = bdrv_cow_bs(bs);
        ret = bdrv_co_block_status(bs, offset, *num, num, map, file);
    }
    if (ret < 0) {
        return ret;
    }
    return (ret & BDRV_BLOCK_DATA) && (ret & BDRV_BLOCK_OFFSET_VALID) && *num &&
                   *file && leads_to(bs, *file)
               ? 0
               : -ENOTSUP;
}

int coroutine_fn bdrv_co_copy_range_to(BdrvChild *dst, int64_t offset,
                                       BlockDriverState *file, int64_t from,
                                       int64_t bytes)
{
    BlockDriverState *bs = dst->bs;
    BdrvTrackedRequest req;
    int ret;

    if (!bs->drv || !bs->drv->bdrv_co_copy_range_to ||
        !QEMU_IS_ALIGNED(offset | bytes, bs->bl.request_alignment)) {
        return -ENOTSUP;
    }
    ret = bdrv_check_request(offset, bytes, NULL);
    if (ret == 0) {
        ret = bdrv_check_write(dst, offset, bytes);
    }
    if (ret < 0 || !bytes) {
        return ret;
    }
    bdrv_inc_in_flight(bs);
    bdrv_tracked_begin(&req, bs, offset, bytes);
    bdrv_co_tracked_wait(&req);
    ret = bs->drv->bdrv_co_copy_range_to(bs, offset, file, from, bytes);
    bdrv_write_done(bs, offset + bytes, ret >= 0);
    /* Whatever it says: some of it may be there */
    bdrv_set_dirty(bs, offset, bytes);
    bdrv_co_tracked_end(&req);
    bdrv_dec_in_flight(bs);
    return ret;
}

int coroutine_fn bdrv_co_copy_range(BlockDriverState *src, int64_t from,
                                    BdrvChild *dst, int64_t offset,
                                    int64_t bytes)
{
    int ret = 0;

    while (bytes > 0 && ret >= 0) {
        BlockDriverState *file = NULL;
        int64_t num, map;

        ret = find_source(src, from, bytes, &num, &map, &file);
        if (ret >= 0) {
            ret = bdrv_co_copy_range_to(dst, offset, file, map, num);
            from += num;
            offset += num;
            bytes -= num;
        }
    }
    return ret;
}
