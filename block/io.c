/*
 * The choke point of requests: reads and writes.
 *
 * A request passes: the checks (state, permission, range), padding to the
 * node's alignment (read-modify-write, serialised against its like), the end
 * of the image, splitting to what the driver takes, the driver, emulation of
 * FUA. Zeroes and discards: io-zero.c; flush: io-flush.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/io-int.h"
#include "util/atomic.h"
#include "util/memalign.h"

int bdrv_check_request(int64_t offset, int64_t bytes, Error **errp)
{
    if (offset < 0) {
        error_setg(errp, "offset is negative: %" PRIi64, offset);
        return -EIO;
    }
    if (bytes < 0) {
        error_setg(errp, "bytes is negative: %" PRIi64, bytes);
        return -EIO;
    }
    if (bytes > BDRV_MAX_LENGTH) {
        error_setg(errp, "bytes(%" PRIi64 ") exceeds maximum(%" PRIi64 ")",
                   bytes, (int64_t)BDRV_MAX_LENGTH);
        return -EIO;
    }
    if (offset > BDRV_MAX_LENGTH) {
        error_setg(errp, "offset(%" PRIi64 ") exceeds maximum(%" PRIi64 ")",
                   offset, (int64_t)BDRV_MAX_LENGTH);
        return -EIO;
    }
    if (offset > BDRV_MAX_LENGTH - bytes) {
        error_setg(errp,
                   "sum of offset(%" PRIi64 ") and bytes(%" PRIi64 ") "
                   "exceeds maximum(%" PRIi64 ")",
                   offset, bytes, (int64_t)BDRV_MAX_LENGTH);
        return -EIO;
    }
    return 0;
}

/* A request with data: its list holds it, and it is no longer than one. */
static int check_data_request(const BlockDriverState *bs, int64_t offset,
                              int64_t bytes, const QEMUIOVector *qiov)
{
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (bdrv_check_request(offset, bytes, NULL) < 0 ||
        bytes > BDRV_REQUEST_MAX_BYTES || qiov->size != bytes) {
        return -EIO;
    }
    return 0;
}

int bdrv_check_write(BdrvChild *child, int64_t offset, int64_t bytes)
{
    BlockDriverState *bs = child->bs;
    uint64_t perm = qatomic_read(&child->perm);

    if (bs->read_only) {
        return -EPERM;
    }
    if (bs->open_flags & BDRV_O_INACTIVE) {
        return -EPERM;
    }
    if (!(perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED))) {
        return -EPERM;
    }
    if (offset + bytes > qatomic_read(&bs->total_bytes) &&
        !(perm & BLK_PERM_RESIZE)) {
        return -EPERM;
    }
    return 0;
}

int64_t bdrv_max_transfer(const BlockDriverState *bs)
{
    int64_t max = bs->bl.max_transfer ? bs->bl.max_transfer
                                      : BDRV_REQUEST_MAX_BYTES;

    return MAX(QEMU_ALIGN_DOWN(MIN(max, BDRV_REQUEST_MAX_BYTES),
                               bs->bl.request_alignment),
               bs->bl.request_alignment);
}

void *bdrv_try_blockalign(const BlockDriverState *bs, size_t size)
{
    size_t align = bdrv_opt_mem_align(bs);

    return qemu_try_memalign(align, ROUND_UP(MAX(size, 1), align));
}

/* --- towards the driver --- */

static int check_ret(int ret)
{
    /* The error convention: drivers may count bytes, nobody else sees it */
    return ret > 0 ? 0 : ret;
}

static int coroutine_fn driver_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    return check_ret(bs->drv->bdrv_co_preadv(bs, offset, bytes, qiov,
                                             flags & bs->supported_read_flags));
}

int coroutine_fn bdrv_co_driver_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags)
{
    if (!bs->drv->bdrv_co_pwritev) {
        return -ENOTSUP;
    }
    return check_ret(bs->drv->bdrv_co_pwritev(
        bs, offset, bytes, qiov, flags & bs->supported_write_flags));
}

typedef int coroutine_fn DriverRw(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, QEMUIOVector *qiov,
                                  BdrvRequestFlags flags);

/* @bytes of @qiov from @pos on, in as many pieces as the driver needs. */
static int coroutine_fn split_rw(BlockDriverState *bs, DriverRw *co_rw,
                                 int64_t offset, int64_t bytes,
                                 QEMUIOVector *qiov, size_t pos,
                                 BdrvRequestFlags flags)
{
    int64_t max = bdrv_max_transfer(bs);
    int ret = 0;

    if (bytes <= max && bytes == qiov->size) {
        return co_rw(bs, offset, bytes, qiov, flags);
    }
    while (bytes > 0 && ret >= 0) {
        int64_t num = MIN(bytes, max);
        g_auto(QEMUIOVector) part = { 0 };

        qemu_iovec_init_slice(&part, qiov, pos, num);
        ret = co_rw(bs, offset, num, &part, flags);
        offset += num;
        pos += num;
        bytes -= num;
    }
    return ret;
}

/* The same for a list with more elements than the driver takes. */
static int coroutine_fn bounce_rw(BlockDriverState *bs, bool is_write,
                                  int64_t offset, int64_t bytes,
                                  QEMUIOVector *qiov, BdrvRequestFlags flags)
{
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs, bytes);
    QEMUIOVector local;
    int ret;

    if (!buf) {
        return -ENOMEM;
    }
    qemu_iovec_init_buf(&local, buf, bytes);
    if (is_write) {
        qemu_iovec_to_buf(qiov, 0, buf, bytes);
        return split_rw(bs, bdrv_co_driver_pwritev, offset, bytes, &local, 0,
                        flags);
    }
    ret = split_rw(bs, driver_preadv, offset, bytes, &local, 0, flags);
    if (ret >= 0) {
        qemu_iovec_from_buf(qiov, 0, buf, bytes);
    }
    return ret;
}

static bool too_many_elements(const BlockDriverState *bs,
                              const QEMUIOVector *qiov)
{
    return qiov->niov > (bs->bl.max_iov ? bs->bl.max_iov : IOV_MAX);
}

/* Aligned; what lies behind the end reads as zero. */
static int coroutine_fn aligned_preadv(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    int64_t total = qatomic_read(&bs->total_bytes);
    int64_t inside = offset < total
                         ? ROUND_UP(total - offset, bs->bl.request_alignment)
                         : 0;
    int ret = 0;

    if (likely(bytes <= inside)) {
        return unlikely(too_many_elements(bs, qiov))
                   ? bounce_rw(bs, false, offset, bytes, qiov, flags)
                   : split_rw(bs, driver_preadv, offset, bytes, qiov, 0, flags);
    }
    if (inside) {
        g_auto(QEMUIOVector) part = { 0 };

        qemu_iovec_init_slice(&part, qiov, 0, inside);
        ret = too_many_elements(bs, &part)
                  ? bounce_rw(bs, false, offset, inside, &part, flags)
                  : split_rw(bs, driver_preadv, offset, inside, &part, 0,
                             flags);
    }
    if (ret >= 0) {
        qemu_iovec_memset(qiov, inside, 0, bytes - inside);
    }
    return ret;
}

void bdrv_write_done(BlockDriverState *bs, int64_t end, bool ok)
{
    int64_t total = qatomic_read(&bs->total_bytes), seen;

    if (ok && end > qatomic_read(&bs->wr_highest_offset)) {
        qatomic_set(&bs->wr_highest_offset, end); /* a figure, no more */
    }
    if (!qatomic_read(&bs->dirty)) {
        qatomic_set(&bs->dirty, true);
    }
    end = ROUND_UP(end, BDRV_SECTOR_SIZE);
    while (ok && unlikely(end > total)) {
        seen = qatomic_cmpxchg(&bs->total_bytes, total, end);
        if (seen == total) {
            bdrv_dirty_bitmap_truncate(bs);
            break;
        }
        total = seen;
    }
}

static BdrvRequestFlags detect_zeroes(const BlockDriverState *bs,
                                      const QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    if (bs->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF ||
        (flags & BDRV_REQ_ZERO_WRITE) || !bs->drv->bdrv_co_pwrite_zeroes ||
        !qemu_iovec_is_zero(qiov, 0, qiov->size)) {
        return flags;
    }
    flags |= BDRV_REQ_ZERO_WRITE;
    if (bs->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP &&
        (bs->open_flags & BDRV_O_UNMAP)) {
        flags |= BDRV_REQ_MAY_UNMAP;
    }
    return flags;
}

/* Aligned; the request is tracked. @qiov NULL: zeroes. */
static int coroutine_fn aligned_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags)
{
    bool emulate_fua;
    int ret;

    flags = detect_zeroes(bs, qiov, flags);
    if (flags & BDRV_REQ_ZERO_WRITE) {
        bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_ZERO);
        ret = bdrv_co_do_pwrite_zeroes(bs, offset, bytes,
                                       flags & ~BDRV_REQ_ZERO_WRITE);
        bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_DONE);
        bdrv_write_done(bs, offset + bytes, ret >= 0);
        bdrv_set_dirty(bs, offset, bytes);
        return ret;
    }
    emulate_fua = (flags & BDRV_REQ_FUA) &&
                  !(bs->supported_write_flags & BDRV_REQ_FUA);
    bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV);
    if (unlikely(too_many_elements(bs, qiov))) {
        ret = bounce_rw(bs, true, offset, bytes, qiov, flags);
    } else {
        ret = split_rw(bs, bdrv_co_driver_pwritev, offset, bytes, qiov, 0,
                       flags);
    }
    bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_DONE);
    bdrv_write_done(bs, offset + bytes, ret >= 0);
    bdrv_set_dirty(bs, offset, bytes);
    if (ret >= 0 && emulate_fua) {
        ret = bdrv_co_flush(bs);
    }
    return ret;
}

/* --- padding --- */

/* The blocks that a request covers only in part: at its head and its tail, or
 * one block that is both (merged). */
typedef struct Padding {
    int64_t head, tail; /* bytes of padding */
    bool merged;
    uint8_t *buf; /* head block, tail block */
    uint8_t *tail_buf;
} Padding;

static bool find_padding(const BlockDriverState *bs, int64_t offset,
                         int64_t bytes, Padding *pad)
{
    int64_t align = bs->bl.request_alignment;

    *pad = (Padding){
        .head = offset & (align - 1),
        .tail = -(offset + bytes) & (align - 1),
    };
    pad->merged = pad->head + bytes + pad->tail == align;
    return pad->head || pad->tail;
}

static bool alloc_padding(const BlockDriverState *bs, Padding *pad)
{
    int64_t align = bs->bl.request_alignment;
    int blocks = !pad->merged && pad->head && pad->tail ? 2 : 1;

    pad->buf = bdrv_try_blockalign(bs, blocks * align);
    pad->tail_buf = pad->buf + (blocks - 1) * align;
    return pad->buf;
}

/* head padding, @qiov, tail padding */
static void padded_iovec(const BlockDriverState *bs, const Padding *pad,
                         QEMUIOVector *qiov, QEMUIOVector *padded)
{
    int64_t align = bs->bl.request_alignment;

    qemu_iovec_init(padded, qiov->niov + 2);
    if (pad->head) {
        qemu_iovec_add(padded, pad->buf, pad->head);
    }
    qemu_iovec_concat(padded, qiov, 0, qiov->size);
    if (pad->tail) {
        qemu_iovec_add(padded, pad->tail_buf + align - pad->tail, pad->tail);
    }
}

/* Fill the padding of a write with what is there. */
static int coroutine_fn read_padding(BlockDriverState *bs, Padding *pad,
                                     int64_t offset, int64_t bytes)
{
    int64_t align = bs->bl.request_alignment;
    QEMUIOVector local;
    int ret = 0;

    if (pad->head || pad->merged) {
        qemu_iovec_init_buf(&local, pad->buf, align);
        if (pad->head) {
            bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_HEAD);
        }
        if (pad->merged && pad->tail) {
            bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_TAIL);
        }
        ret = aligned_preadv(bs, offset - pad->head, align, &local, 0);
        if (ret >= 0 && pad->head) {
            bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_AFTER_HEAD);
        }
        if (ret >= 0 && pad->merged && pad->tail) {
            bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_AFTER_TAIL);
        }
    }
    if (ret >= 0 && pad->tail && !pad->merged) {
        qemu_iovec_init_buf(&local, pad->tail_buf, align);
        bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_TAIL);
        ret = aligned_preadv(bs, offset + bytes + pad->tail - align, align,
                             &local, 0);
        if (ret >= 0) {
            bdrv_co_debug_event(bs, BLKDEBUG_EVENT_PWRITEV_RMW_AFTER_TAIL);
        }
    }
    return ret;
}

/* --- reads --- */

static int coroutine_fn padded_preadv(BlockDriverState *bs, Padding *pad,
                                      int64_t offset, int64_t bytes,
                                      QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    g_auto(QEMUIOVector) padded = { 0 };
    int ret;

    if (!alloc_padding(bs, pad)) {
        return -ENOMEM;
    }
    padded_iovec(bs, pad, qiov, &padded);
    ret = aligned_preadv(bs, offset - pad->head, padded.size, &padded, flags);
    qemu_vfree(pad->buf);
    return ret;
}

int coroutine_fn bdrv_co_preadv(BdrvChild *child, int64_t offset, int64_t bytes,
                                QEMUIOVector *qiov, BdrvRequestFlags flags)
{
    BlockDriverState *bs = child->bs;
    Padding pad;
    int ret = check_data_request(bs, offset, bytes, qiov);

    if (ret < 0 || !bytes) {
        return ret;
    }
    bdrv_inc_in_flight(bs);
    if (unlikely(find_padding(bs, offset, bytes, &pad))) {
        ret = padded_preadv(bs, &pad, offset, bytes, qiov, flags);
    } else {
        ret = aligned_preadv(bs, offset, bytes, qiov, flags);
    }
    bdrv_dec_in_flight(bs);
    return ret;
}

int coroutine_fn bdrv_co_pread(BdrvChild *child, int64_t offset, int64_t bytes,
                               void *buf, BdrvRequestFlags flags)
{
    QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, bytes);

    return bytes < 0 ? -EIO
                     : bdrv_co_preadv(child, offset, bytes, &qiov, flags);
}

/* --- writes --- */

/* Overwrite what @pad adds to the middle of a block with zeroes and write the
 * blocks; the whole blocks between them are zeroed as such. */
static int coroutine_fn zero_padded(BlockDriverState *bs, Padding *pad,
                                    int64_t offset, int64_t bytes,
                                    BdrvRequestFlags flags)
{
    int64_t align = bs->bl.request_alignment;
    BdrvRequestFlags wflags = flags &
                              ~(BDRV_REQ_ZERO_WRITE | BDRV_REQ_MAY_UNMAP |
                                BDRV_REQ_NO_FALLBACK);
    int64_t begin = offset - pad->head, end = offset + bytes + pad->tail;
    QEMUIOVector local;
    int ret = 0;

    if (pad->head || pad->merged) {
        memset(pad->buf + pad->head, 0, MIN(bytes, align - pad->head));
        qemu_iovec_init_buf(&local, pad->buf, align);
        ret = aligned_pwritev(bs, begin, align, &local, wflags);
        begin += align;
    }
    if (ret >= 0 && pad->tail && !pad->merged) {
        end -= align;
    }
    if (ret >= 0 && end > begin) {
        ret = aligned_pwritev(bs, begin, end - begin, NULL, flags);
    }
    if (ret >= 0 && pad->tail && !pad->merged) {
        memset(pad->tail_buf, 0, align - pad->tail);
        qemu_iovec_init_buf(&local, pad->tail_buf, align);
        ret = aligned_pwritev(bs, end, align, &local, wflags);
    }
    return ret;
}

static int coroutine_fn padded_pwritev(BlockDriverState *bs, Padding *pad,
                                       int64_t offset, int64_t bytes,
                                       QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    g_auto(QEMUIOVector) padded = { 0 };
    int ret;

    if (!alloc_padding(bs, pad)) {
        return -ENOMEM;
    }
    ret = read_padding(bs, pad, offset, bytes);
    if (ret >= 0 && !qiov) {
        ret = zero_padded(bs, pad, offset, bytes, flags);
    } else if (ret >= 0) {
        padded_iovec(bs, pad, qiov, &padded);
        ret = aligned_pwritev(bs, offset - pad->head, padded.size, &padded,
                              flags);
    }
    qemu_vfree(pad->buf);
    return ret;
}

/* @qiov NULL: zeroes. The checks have been made. */
static int coroutine_fn do_pwritev(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes, QEMUIOVector *qiov,
                                   BdrvRequestFlags flags)
{
    BdrvTrackedRequest req;
    bool padding;
    Padding pad;
    int ret;

    bdrv_inc_in_flight(bs);
    bdrv_tracked_begin(&req, bs, offset, bytes);
    padding = find_padding(bs, offset, bytes, &pad);
    if (unlikely(padding || (flags & BDRV_REQ_SERIALISING))) {
        bdrv_co_tracked_make_serialising(&req, bs->bl.request_alignment);
    } else {
        bdrv_co_tracked_wait(&req);
    }
    if (unlikely(padding)) {
        ret = padded_pwritev(bs, &pad, offset, bytes, qiov, flags);
    } else {
        ret = aligned_pwritev(bs, offset, bytes, qiov, flags);
    }
    bdrv_co_tracked_end(&req);
    bdrv_dec_in_flight(bs);
    return ret;
}

int coroutine_fn bdrv_co_pwritev(BdrvChild *child, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags)
{
    BlockDriverState *bs = child->bs;
    int ret = check_data_request(bs, offset, bytes, qiov);

    if (ret == 0) {
        ret = bdrv_check_write(child, offset, bytes);
    }
    if (ret < 0 || !bytes) {
        return ret;
    }
    return do_pwritev(bs, offset, bytes, qiov, flags & ~BDRV_REQ_ZERO_WRITE);
}

int coroutine_fn bdrv_co_pwrite(BdrvChild *child, int64_t offset, int64_t bytes,
                                const void *buf, BdrvRequestFlags flags)
{
    QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, bytes);

    return bytes < 0 ? -EIO
                     : bdrv_co_pwritev(child, offset, bytes, &qiov, flags);
}

int coroutine_fn bdrv_co_pwrite_zeroes(BdrvChild *child, int64_t offset,
                                       int64_t bytes, BdrvRequestFlags flags)
{
    BlockDriverState *bs = child->bs;
    int ret;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    ret = bdrv_check_request(offset, bytes, NULL);
    if (ret == 0) {
        ret = bdrv_check_write(child, offset, bytes);
    }
    if (ret < 0 || !bytes) {
        return ret;
    }
    if (!(bs->open_flags & BDRV_O_UNMAP)) {
        flags &= ~BDRV_REQ_MAY_UNMAP;
    }
    return do_pwritev(bs, offset, bytes, NULL, flags | BDRV_REQ_ZERO_WRITE);
}
