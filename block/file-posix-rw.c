/*
 * file and host_device: reads and writes.
 *
 * The fast path fills in a ring entry for the device's own buffers; what ends
 * otherwise than complete (short, interrupted) is begun again by the slow
 * path. The slow path is a coroutine that continues short transfers, over the
 * ring, Linux AIO (aio=native) or worker threads (aio=threads), and that copies
 * through an aligned buffer what direct I/O does not take where it is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/linux-aio.h"
#include "util/memalign.h"
#include "util/thread-pool.h"

#include <liburing.h>

/* --- the ring, for coroutines --- */

static void ring_done(CqeHandler *h, int res, uint32_t cqe_flags)
{
    FileRingReq *req = container_of(h, FileRingReq, cqe);

    req->res = res;
    aio_co_wake(req->co);
}

struct io_uring_sqe *file_ring_get(FileRingReq *req)
{
    req->cqe.cb = ring_done;
    req->co = qemu_coroutine_self();
    return aio_get_sqe(qemu_get_current_aio_context(), &req->cqe);
}

int coroutine_fn file_co_ring_wait(FileRingReq *req)
{
    qemu_coroutine_yield();
    return req->res;
}

/* --- one transfer, as far as it comes --- */

typedef struct Transfer {
    int fd;
    bool is_write;
    bool dsync;
    struct iovec *iov;
    int niov;
    int64_t offset;
} Transfer;

static int transfer_now(void *opaque)
{
    Transfer *t = opaque;
    int flags = t->dsync ? RWF_DSYNC : 0;
    ssize_t ret;

    if (t->is_write) {
        ret = RETRY_ON_EINTR(
            pwritev2(t->fd, t->iov, t->niov, t->offset, flags));
    } else {
        ret = RETRY_ON_EINTR(preadv(t->fd, t->iov, t->niov, t->offset));
    }
    return ret < 0 ? -errno : ret;
}

static int coroutine_fn transfer_by_ring(Transfer *t)
{
    FileRingReq req;
    struct io_uring_sqe *sqe = file_ring_get(&req);

    if (t->is_write) {
        io_uring_prep_writev(sqe, t->fd, t->iov, t->niov, t->offset);
        sqe->rw_flags = t->dsync ? RWF_DSYNC : 0;
    } else {
        io_uring_prep_readv(sqe, t->fd, t->iov, t->niov, t->offset);
    }
    return file_co_ring_wait(&req);
}

bool file_uses_ring(FileState *s, AioContext *ctx)
{
    if (s->engine != FILE_ENGINE_IO_URING) {
        return false;
    }
    if (likely(aio_context_has_ring(ctx))) {
        return true;
    }
    if (!qatomic_xchg(&s->told_fallback, true)) {
        warn_report("Unable to use linux io_uring, falling back to thread "
                    "pool: %s",
                    aio_io_uring_refused());
    }
    return false;
}

/* This context's Linux AIO for aio=native; NULL: worker threads do it. */
static LinuxAio *get_native(FileState *s, AioContext *ctx)
{
    Error *err = NULL;
    LinuxAio *l;

    if (s->engine != FILE_ENGINE_NATIVE) {
        return NULL;
    }
    l = aio_get_linux_aio(ctx, &err);
    if (!l && !qatomic_xchg(&s->told_fallback, true)) {
        warn_reportf_err(err, "Unable to use Linux AIO, falling back to "
                              "thread pool: ");
    } else {
        error_free(err);
    }
    return l;
}

/* false: too much is under way. */
static bool coroutine_fn transfer_by_native(FileState *s, LinuxAio *l,
                                            Transfer *t, int *ret)
{
    FileRingReq req = { .cqe.cb = ring_done, .co = qemu_coroutine_self() };
    LinuxAioRw rw = { .is_write = t->is_write,
                      .fd = t->fd,
                      .iov = t->iov,
                      .niov = t->niov,
                      .offset = t->offset,
                      .rw_flags = t->dsync ? RWF_DSYNC : 0,
                      .max_batch = s->max_batch };

    if (!linux_aio_submit(l, &req.cqe, &rw)) {
        return false;
    }
    *ret = file_co_ring_wait(&req);
    return true;
}

static int coroutine_fn co_transfer(FileState *s, Transfer *t)
{
    AioContext *ctx = qemu_get_current_aio_context();
    LinuxAio *l;
    int ret;

    if (file_uses_ring(s, ctx)) {
        /* Reads however long: who reads writes as well, and the worker that
         * the ring hands writes to has enough to do with these */
        return s->serve_inline && !t->is_write ? transfer_now(t)
                                               : transfer_by_ring(t);
    }
    l = get_native(s, ctx);
    if (l && transfer_by_native(s, l, t, &ret)) {
        return ret;
    }
    return thread_pool_submit_co(transfer_now, t);
}

/* The kernel cannot do it on this file: there is a way without. */
static bool is_unsupported(int ret)
{
    return ret == -EOPNOTSUPP || ret == -ENOSYS;
}

/* A write that was to be on stable storage failed: the kernel may have written
 * back, failed, and told nobody but us, of data that a flush will be asked
 * for. So it counts as a flush that failed. */
static void note_dsync_error(FileState *s, int ret)
{
    if (ret == -EIO && !s->needs_alignment) {
        qatomic_set(&s->flush_error, EIO);
    }
}

static int coroutine_fn transfer_all(BlockDriverState *bs, bool is_write,
                                     int64_t offset, QEMUIOVector *qiov,
                                     bool dsync)
{
    FileState *s = bs->opaque;
    int64_t bytes = qiov->size, done = 0;

    while (done < bytes) {
        g_auto(QEMUIOVector) rest = { 0 };
        Transfer t = { .fd = s->fd,
                       .is_write = is_write,
                       .dsync = dsync && !qatomic_read(&s->no_dsync),
                       .iov = qiov->iov,
                       .niov = qiov->niov,
                       .offset = offset + done };
        int ret;

        if (done) {
            qemu_iovec_init_slice(&rest, qiov, done, bytes - done);
            t.iov = rest.iov;
            t.niov = rest.niov;
        }
        ret = co_transfer(s, &t);
        if (ret == -EINTR || ret == -EAGAIN) {
            continue;
        }
        if (t.dsync && is_unsupported(ret)) {
            qatomic_set(&s->no_dsync, true);
            continue;
        }
        if (ret < 0) {
            if (t.dsync) {
                note_dsync_error(s, ret);
            }
            return ret;
        }
        done += ret;
        /* Direct I/O that ends inside a block has met the end of the file */
        if (!is_write &&
            (!ret || (s->needs_alignment &&
                      !QEMU_IS_ALIGNED(done, bs->bl.request_alignment)))) {
            qemu_iovec_memset(qiov, done, 0, bytes - done);
            break;
        }
        if (!ret) {
            return -ENOSPC;
        }
    }
    if (dsync && qatomic_read(&s->no_dsync)) {
        return file_co_flush(bs);
    }
    return 0;
}

/* --- requests --- */

static bool memory_is_aligned(const struct iovec *iov, int niov, size_t align)
{
    uintptr_t bits = 0;

    for (int i = 0; i < niov; i++) {
        bits |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
    }
    return !(bits & (align - 1));
}

static int coroutine_fn bounce(BlockDriverState *bs, bool is_write,
                               int64_t offset, QEMUIOVector *qiov, bool dsync)
{
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs, qiov->size);
    QEMUIOVector local;
    int ret;

    if (!buf) {
        return -ENOMEM;
    }
    qemu_iovec_init_buf(&local, buf, qiov->size);
    if (is_write) {
        qemu_iovec_to_buf(qiov, 0, buf, qiov->size);
    }
    ret = transfer_all(bs, is_write, offset, &local, dsync);
    if (ret >= 0 && !is_write) {
        qemu_iovec_from_buf(qiov, 0, buf, qiov->size);
    }
    return ret;
}

static int coroutine_fn rw(BlockDriverState *bs, bool is_write, int64_t offset,
                           QEMUIOVector *qiov, bool dsync)
{
    FileState *s = bs->opaque;

    if (unlikely(s->needs_alignment &&
                 !memory_is_aligned(qiov->iov, qiov->niov,
                                    bs->bl.min_mem_alignment))) {
        return bounce(bs, is_write, offset, qiov, dsync);
    }
    return transfer_all(bs, is_write, offset, qiov, dsync);
}

int coroutine_fn file_co_preadv(BlockDriverState *bs, int64_t offset,
                                int64_t bytes, QEMUIOVector *qiov,
                                BdrvRequestFlags flags)
{
    return rw(bs, false, offset, qiov, false);
}

static bool wants_dsync(const BlockDriverState *bs, BdrvRequestFlags flags)
{
    return (flags & BDRV_REQ_FUA) && !(bs->open_flags & BDRV_O_NO_FLUSH);
}

int coroutine_fn file_co_pwritev(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags)
{
    return rw(bs, true, offset, qiov, wants_dsync(bs, flags));
}

/* --- the fast path --- */

static void fast_done(CqeHandler *h, int res, uint32_t cqe_flags)
{
    BlkIo *io = container_of(h, BlkIo, cqe);

    if (likely(res == io->bytes)) {
        blk_io_complete(io, 0);
    } else if (res < 0 && res != -EINTR && res != -EAGAIN &&
               !is_unsupported(res)) {
        if (io->type == BLK_IO_WRITE && wants_dsync(io->leaf, io->leaf_flags)) {
            note_dsync_error(io->leaf->opaque, res);
        }
        blk_io_complete(io, res);
    } else {
        /* Nothing is lost by doing it from the start: a write writes the
         * same, and a read may have met the end of the file */
        blk_io_restart_slow(io);
    }
}

static void submit_by_ring(FileState *s, struct BlkIo *io, bool dsync)
{
    struct io_uring_sqe *sqe = aio_get_sqe(io->ctx, &io->cqe);

    if (io->niov == 1) {
        io_uring_prep_rw(
            io->type == BLK_IO_WRITE ? IORING_OP_WRITE : IORING_OP_READ, sqe,
            s->fd, io->iov->iov_base, io->bytes, io->leaf_offset);
    } else {
        io_uring_prep_rw(io->type == BLK_IO_WRITE ? IORING_OP_WRITEV
                                                  : IORING_OP_READV,
                         sqe, s->fd, io->iov, io->niov, io->leaf_offset);
    }
    if (dsync) {
        sqe->rw_flags = RWF_DSYNC;
    }
}

/* Longer ones are a worker's: they would keep the loop from its other work. */
#define INLINE_MAX (64 * KiB)

/* Do it here and now; false where the slow path must see to it. */
static bool serve_inline(FileState *s, struct BlkIo *io)
{
    ssize_t ret = io->type == BLK_IO_WRITE
                      ? pwritev(s->fd, io->iov, io->niov, io->leaf_offset)
                      : preadv(s->fd, io->iov, io->niov, io->leaf_offset);

    if (unlikely(ret != io->bytes)) {
        return false;
    }
    blk_io_complete_soon(io, 0);
    return true;
}

bool file_submit_fast(BlockDriverState *bs, struct BlkIo *io)
{
    FileState *s = bs->opaque;
    bool by_ring = file_uses_ring(s, io->ctx);
    LinuxAio *l = by_ring ? NULL : get_native(s, io->ctx);
    bool dsync;

    if ((!by_ring && !l) ||
        (s->needs_alignment &&
         !memory_is_aligned(io->iov, io->niov, bs->bl.min_mem_alignment))) {
        return false;
    }
    dsync = io->type == BLK_IO_WRITE && wants_dsync(bs, io->leaf_flags);
    if (unlikely(dsync && qatomic_read(&s->no_dsync))) {
        return false;
    }
    if (s->serve_inline && by_ring && io->bytes <= INLINE_MAX) {
        return serve_inline(s, io);
    }
    io->cqe.cb = fast_done;
    if (!by_ring) {
        LinuxAioRw rw = { .is_write = io->type == BLK_IO_WRITE,
                          .fd = s->fd,
                          .iov = io->iov,
                          .niov = io->niov,
                          .offset = io->leaf_offset,
                          .rw_flags = dsync ? RWF_DSYNC : 0,
                          .max_batch = s->max_batch };

        return linux_aio_submit(l, &io->cqe, &rw);
    }
    submit_by_ring(s, io, dsync);
    return true;
}
