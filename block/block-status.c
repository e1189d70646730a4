/*
 * What a range of a node is: data, zeroes, a hole, and where it lies.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/io-int.h"
#include "util/atomic.h"

static int coroutine_fn one_node(BlockDriverState *bs, bool want_zero,
                                 int64_t offset, int64_t bytes, int64_t *pnum,
                                 int64_t *map, BlockDriverState **file);

/* A driver's answer for whole blocks, cut to what was asked for. */
static int coroutine_fn ask_driver(BlockDriverState *bs, bool want_zero,
                                   int64_t offset, int64_t bytes, int64_t *pnum,
                                   int64_t *map, BlockDriverState **file)
{
    int64_t align = bs->bl.request_alignment;
    int64_t begin = QEMU_ALIGN_DOWN(offset, align);
    int64_t len = ROUND_UP(offset + bytes, align) - begin;
    int ret = bs->drv->bdrv_co_block_status(bs, want_zero, begin, len, pnum,
                                            map, file);

    if (ret < 0) {
        return ret;
    }
    /* A driver that tells nothing, or nonsense, must not make loops hang */
    if (*pnum <= offset - begin) {
        return -EIO;
    }
    *pnum = MIN(*pnum - (offset - begin), bytes);
    if (ret & BDRV_BLOCK_OFFSET_VALID) {
        *map += offset - begin;
    }
    return ret;
}

/* Zeroes that only the file below knows of. */
static int coroutine_fn recurse(BlockDriverState *bs, bool want_zero, int ret,
                                int64_t *pnum, int64_t map,
                                BlockDriverState *file)
{
    int64_t below;
    int ret2;

    if (!want_zero || !(ret & BDRV_BLOCK_RECURSE) ||
        !(ret & BDRV_BLOCK_OFFSET_VALID) || (ret & BDRV_BLOCK_ZERO) ||
        !(ret & BDRV_BLOCK_DATA) || file == bs) {
        return ret;
    }
    ret2 = one_node(file, want_zero, map, *pnum, &below, NULL, NULL);
    if (ret2 < 0) {
        return ret;
    }
    if ((ret2 & BDRV_BLOCK_EOF) && (!below || (ret2 & BDRV_BLOCK_ZERO))) {
        /* Behind the end of the file everything is zero */
        return ret | BDRV_BLOCK_ZERO;
    }
    *pnum = below;
    return ret | (ret2 & BDRV_BLOCK_ZERO);
}

/* What an image does not have, and no backing image either. */
static bool hole_is_zero(const BlockDriverState *bs, int64_t offset)
{
    return !bs->backing ||
           offset >= qatomic_read(&bs->backing->bs->total_bytes);
}

static int coroutine_fn one_node(BlockDriverState *bs, bool want_zero,
                                 int64_t offset, int64_t bytes, int64_t *pnum,
                                 int64_t *map, BlockDriverState **file)
{
    int64_t total = qatomic_read(&bs->total_bytes), local_map = 0;
    BlockDriverState *local_file = NULL;
    int ret;

    *pnum = 0;
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (offset >= total) {
        return BDRV_BLOCK_EOF;
    }
    if (!bytes) {
        return 0;
    }
    bytes = MIN(bytes, total - offset);
    bdrv_inc_in_flight(bs);
    if (bs->drv->bdrv_co_block_status) {
        ret = ask_driver(bs, want_zero, offset, bytes, pnum, &local_map,
                         &local_file);
    } else {
        ret = BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED;
        *pnum = bytes;
        if (bs->drv->protocol_name) {
            ret |= BDRV_BLOCK_OFFSET_VALID;
            local_map = offset;
            local_file = bs;
        }
    }
    if (ret >= 0 && (ret & BDRV_BLOCK_RAW)) {
        /* Exactly what *file says about that place */
        int64_t part = *pnum;

        ret = one_node(local_file, want_zero, local_map, part, pnum, &local_map,
                       &local_file);
        if (ret >= 0 && !*pnum) {
            /* The file has become shorter than its parent knows: what is
             * behind its end reads as zeroes */
            *pnum = part;
            ret = BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;
        }
    } else if (ret >= 0) {
        if (ret & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO)) {
            ret |= BDRV_BLOCK_ALLOCATED;
        } else if (bs->drv->supports_backing) {
            ret |= hole_is_zero(bs, offset) ? BDRV_BLOCK_ZERO : 0;
        }
        ret = recurse(bs, want_zero, ret, pnum, local_map, local_file);
    }
    if (ret >= 0) {
        ret &= ~(BDRV_BLOCK_EOF | BDRV_BLOCK_RAW | BDRV_BLOCK_RECURSE);
        if (offset + *pnum == total) {
            ret |= BDRV_BLOCK_EOF;
        }
    }
    bdrv_dec_in_flight(bs);
    if (map) {
        *map = local_map;
    }
    if (file) {
        *file = local_file;
    }
    return ret;
}

int coroutine_fn bdrv_co_block_status(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, int64_t *pnum,
                                      int64_t *map, BlockDriverState **file)
{
    int ret = bdrv_check_request(offset, bytes, NULL);

    if (ret < 0) {
        *pnum = 0;
        return ret;
    }
    return one_node(bs, true, offset, bytes, pnum, map, file);
}

int coroutine_fn bdrv_co_block_status_above(BlockDriverState *bs,
                                            const BlockDriverState *base,
                                            int64_t offset, int64_t bytes,
                                            int64_t *pnum)
{
    const int known = BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO;
    int ret = bdrv_co_block_status(bs, offset, bytes, pnum, NULL, NULL);

    while (ret >= 0 && !(ret & known) && bdrv_cow_bs(bs)) {
        int64_t n = *pnum;

        bs = bdrv_cow_bs(bs);
        if (bs == base) {
            return 0;
        }
        ret = bdrv_co_block_status(bs, offset, n, pnum, NULL, NULL);
        if (ret >= 0 && *pnum == 0) {
            /* Behind the end of a shorter image */
            *pnum = n;
            return BDRV_BLOCK_ZERO;
        }
    }
    /* What no image of the chain has reads as zero */
    return ret < 0 || (ret & BDRV_BLOCK_ALLOCATED) ? ret
                                                   : ret | BDRV_BLOCK_ZERO;
}

int coroutine_fn bdrv_co_allocation_depth(BlockDriverState *bs, int64_t offset,
                                          int64_t bytes, int64_t *pnum)
{
    int depth = 1;

    for (; bs; bs = bdrv_filter_or_cow_bs(bs), depth++) {
        int64_t n = bytes;
        int ret = bdrv_co_block_status(bs, offset, bytes, pnum, NULL, NULL);

        if (ret < 0) {
            return ret;
        }
        if (ret & BDRV_BLOCK_ALLOCATED) {
            /* A filter shows its child's; the image itself is meant */
            for (; bdrv_filter_bs(bs); depth++) {
                bs = bdrv_filter_bs(bs);
            }
            return depth;
        }
        if (!*pnum) {
            *pnum = n; /* behind the end of a shorter image: no one has it */
            return 0;
        }
        bytes = *pnum;
    }
    return 0;
}

int coroutine_fn bdrv_co_is_zero(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes)
{
    while (bytes > 0) {
        int64_t num;
        int ret = bdrv_co_block_status(bs, offset, bytes, &num, NULL, NULL);

        if (ret < 0) {
            return ret;
        }
        if (!(ret & BDRV_BLOCK_ZERO)) {
            return (ret & BDRV_BLOCK_EOF) && !num;
        }
        offset += num;
        bytes -= num;
    }
    return 1;
}
