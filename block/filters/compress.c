/*
 * compress: what is written is written compressed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/filters/filter.h"

static int compress_open(BlockDriverState *bs, QDict *options, int flags,
                         Error **errp)
{
    const BlockDriverState *below;
    int ret = bdrv_filter_open(bs, options, "file", errp);

    if (ret < 0) {
        return ret;
    }
    below = bs->file->bs;
    if (!(below->supported_write_flags & BDRV_REQ_WRITE_COMPRESSED)) {
        error_setg(errp,
                   "Compression is not supported for underlying format: %s",
                   bdrv_get_format_name(below));
        return -ENOTSUP;
    }
    return 0;
}

static int coroutine_fn compress_co_pwritev(BlockDriverState *bs,
                                            int64_t offset, int64_t bytes,
                                            QEMUIOVector *qiov,
                                            BdrvRequestFlags flags)
{
    return bdrv_co_pwritev(bs->file, offset, bytes, qiov,
                           flags | BDRV_REQ_WRITE_COMPRESSED);
}

static void compress_refresh_limits(BlockDriverState *bs, Error **errp)
{
    BlockDriverInfo bdi;

    /* Whole clusters: the request layer reads what is missing */
    if (bdrv_get_info(bs->file->bs, &bdi) >= 0 && bdi.cluster_size) {
        bs->bl.request_alignment = bdi.cluster_size;
    }
}

static BdrvChild *compress_map_fast(BlockDriverState *bs, struct BlkIo *io,
                                    int64_t *offset)
{
    return io->type == BLK_IO_READ ? bs->file : NULL;
}

const BlockDriver bdrv_compress = {
    .format_name = "compress",
    .is_filter = true,
    .bdrv_open = compress_open,
    .bdrv_refresh_limits = compress_refresh_limits,
    .bdrv_getlength = bdrv_filter_getlength,
    .bdrv_co_preadv = bdrv_filter_co_preadv,
    .bdrv_co_pwritev = compress_co_pwritev,
    .bdrv_co_pwrite_zeroes = bdrv_filter_co_pwrite_zeroes,
    .bdrv_co_pdiscard = bdrv_filter_co_pdiscard,
    .bdrv_co_block_status = bdrv_filter_co_block_status,
    .bdrv_map_fast = compress_map_fast,
};
