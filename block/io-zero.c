/*
 * Write zeroes and discard: cut to the driver's limits, and zeroes written as
 * data where the driver cannot do better.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/io-int.h"
#include "util/memalign.h"

#define ZERO_BUFFER_MAX MiB

/* The next piece of [offset, offset + bytes): unaligned at the front, whole
 * multiples of @align, unaligned at the end; at most @max. */
static int64_t next_piece(int64_t offset, int64_t bytes, int64_t align,
                          int64_t max)
{
    int64_t head = offset % align, tail = (offset + bytes) % align;

    if (head) {
        return MIN(MIN(bytes, align - head), max);
    }
    if (tail && bytes > tail) {
        bytes -= tail;
    }
    return MIN(bytes, max);
}

static int64_t limit(int64_t value, int64_t align)
{
    if (!value || value > BDRV_REQUEST_MAX_BYTES) {
        value = BDRV_REQUEST_MAX_BYTES;
    }
    return MAX(QEMU_ALIGN_DOWN(value, align), align);
}

/* Write @bytes of zeroes as data. */
static int coroutine_fn write_zero_data(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, BdrvRequestFlags flags)
{
    int64_t max = MIN(bdrv_max_transfer(bs),
                      ROUND_UP(ZERO_BUFFER_MAX, bs->bl.request_alignment));
    int64_t size = MIN(max, bytes);
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs, size);
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    memset(buf, 0, size);
    while (bytes > 0 && ret >= 0) {
        int64_t num = MIN(bytes, size);
        QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, num);

        ret = bdrv_co_driver_pwritev(bs, offset, num, &qiov, flags);
        offset += num;
        bytes -= num;
    }
    return ret;
}

int coroutine_fn bdrv_co_do_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                          int64_t bytes, BdrvRequestFlags flags)
{
    int64_t align = MAX(bs->bl.pwrite_zeroes_alignment,
                        bs->bl.request_alignment);
    int64_t max = limit(bs->bl.max_pwrite_zeroes, align);
    bool need_flush = false;
    int ret = 0;

    if ((flags & BDRV_REQ_NO_FALLBACK) &&
        !(bs->supported_zero_flags & BDRV_REQ_NO_FALLBACK)) {
        return -ENOTSUP;
    }
    while (bytes > 0 && ret >= 0) {
        int64_t num = next_piece(offset, bytes, align, max);
        BdrvRequestFlags has = bs->supported_zero_flags;

        ret = -ENOTSUP;
        if (bs->drv->bdrv_co_pwrite_zeroes) {
            ret = bs->drv->bdrv_co_pwrite_zeroes(bs, offset, num, flags & has);
        }
        if (ret == -ENOTSUP && !(flags & BDRV_REQ_NO_FALLBACK)) {
            has = bs->supported_write_flags;
            ret = write_zero_data(
                bs, offset, num,
                flags & ~(BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK));
        }
        if (ret >= 0 && (flags & BDRV_REQ_FUA) && !(has & BDRV_REQ_FUA)) {
            need_flush = true;
        }
        offset += num;
        bytes -= num;
    }
    if (ret >= 0 && need_flush) {
        bdrv_write_done(bs, 0, true);
        ret = bdrv_co_flush(bs);
    }
    return MIN(ret, 0);
}

static int coroutine_fn do_pdiscard(BlockDriverState *bs, int64_t offset,
                                    int64_t bytes)
{
    int64_t align = MAX(bs->bl.pdiscard_alignment, bs->bl.request_alignment);
    int64_t max = limit(bs->bl.max_pdiscard, align);
    int ret = 0;

    while (bytes > 0) {
        int64_t num = next_piece(offset, bytes, align, max);

        /* Pieces that do not fill the driver's unit cannot be freed; it may
         * use them as a hint, if it can be asked so. */
        if (QEMU_IS_ALIGNED(offset | num, bs->bl.request_alignment)) {
            ret = bs->drv->bdrv_co_pdiscard(bs, offset, num);
        }
        if (ret < 0 && ret != -ENOTSUP) {
            return ret;
        }
        offset += num;
        bytes -= num;
    }
    return 0;
}

int coroutine_fn bdrv_co_pdiscard(BdrvChild *child, int64_t offset,
                                  int64_t bytes)
{
    BlockDriverState *bs = child->bs;
    BdrvTrackedRequest req;
    int ret;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    ret = bdrv_check_request(offset, bytes, NULL);
    if (ret == 0) {
        ret = bdrv_check_write(child, offset, bytes);
    }
    if (ret < 0 || !bytes || !(bs->open_flags & BDRV_O_UNMAP) ||
        !bs->drv->bdrv_co_pdiscard) {
        return ret;
    }
    bdrv_inc_in_flight(bs);
    bdrv_tracked_begin(&req, bs, offset, bytes);
    bdrv_co_tracked_wait(&req);
    ret = do_pdiscard(bs, offset, bytes);
    bdrv_write_done(bs, 0, true);
    bdrv_set_dirty(bs, offset, bytes);
    bdrv_co_tracked_end(&req);
    bdrv_dec_in_flight(bs);
    return ret;
}
