/*
 * file and host_device: flush, discard, write zeroes, block status, truncate.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/thread-pool.h"

#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* --- flush --- */

static int flush_in_worker(void *opaque)
{
    FileState *s = opaque;

    return RETRY_ON_EINTR(fdatasync(s->fd)) < 0 ? -errno : 0;
}

static int coroutine_fn flush_by_ring(FileState *s)
{
    FileRingReq req;
    int ret;

    do {
        struct io_uring_sqe *sqe = file_ring_get(&req);

        io_uring_prep_fsync(sqe, s->fd, IORING_FSYNC_DATASYNC);
        ret = file_co_ring_wait(&req);
    } while (ret == -EINTR || ret == -EAGAIN);
    return ret;
}

int coroutine_fn file_co_flush(BlockDriverState *bs)
{
    FileState *s = bs->opaque;
    int ret = -qatomic_read(&s->flush_error);

    if (ret < 0) {
        return ret;
    }
    ret = file_uses_ring(s, qemu_get_current_aio_context())
              ? flush_by_ring(s)
              : thread_pool_submit_co(flush_in_worker, s);
    if (ret < 0 && !s->needs_alignment) {
        /* The kernel has marked the pages clean although they are not */
        qatomic_set(&s->flush_error, -ret);
    }
    return ret;
}

/* --- fallocate and ioctls --- */

typedef struct SpaceCall {
    int fd;
    int mode;              /* of fallocate */
    unsigned long request; /* of ioctl; 0: fallocate */
    int64_t offset, bytes;
} SpaceCall;

/* All ways to say that this cannot be had here. */
static int translate_err(int err)
{
    return err == -ENODEV || err == -ENOSYS || err == -EOPNOTSUPP ||
                   err == -ENOTTY
               ? -ENOTSUP
               : err;
}

static int space_in_worker(void *opaque)
{
    SpaceCall *c = opaque;
    uint64_t range[2] = { c->offset, c->bytes };
    int ret = c->request ? RETRY_ON_EINTR(ioctl(c->fd, c->request, range))
                         : RETRY_ON_EINTR(
                               fallocate(c->fd, c->mode, c->offset, c->bytes));

    return ret < 0 ? -errno : 0;
}

static int coroutine_fn do_space(FileState *s, SpaceCall *c)
{
    FileRingReq req;
    int ret;

    if (c->request || !file_uses_ring(s, qemu_get_current_aio_context())) {
        ret = translate_err(thread_pool_submit_co(space_in_worker, c));
        file_forget_extents(s);
        return ret;
    }
    do {
        struct io_uring_sqe *sqe = file_ring_get(&req);

        io_uring_prep_fallocate(sqe, c->fd, c->mode, c->offset, c->bytes);
        ret = file_co_ring_wait(&req);
    } while (ret == -EINTR || ret == -EAGAIN);
    file_forget_extents(s);
    return translate_err(ret);
}

static int coroutine_fn co_fallocate(FileState *s, int mode, int64_t offset,
                                     int64_t bytes)
{
    SpaceCall c = {
        .fd = s->fd, .mode = mode, .offset = offset, .bytes = bytes
    };

    return do_space(s, &c);
}

/* Devices refuse ranges that do not fill their blocks; the page cache, which
 * takes the data in their place, does not. */
static int coroutine_fn co_ioctl(FileState *s, unsigned long request,
                                 int64_t offset, int64_t bytes)
{
    SpaceCall c = {
        .fd = s->fd, .request = request, .offset = offset, .bytes = bytes
    };
    int ret = do_space(s, &c);

    return ret == -EINVAL ? -ENOTSUP : ret;
}

/* --- discard --- */

static int coroutine_fn punch_hole(FileState *s, int64_t offset, int64_t bytes)
{
    int ret = -ENOTSUP;

    if (!qatomic_read(&s->no_discard)) {
        ret = co_fallocate(s, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           offset, bytes);
    }
    if (ret == -ENOTSUP) {
        qatomic_set(&s->no_discard, true);
    }
    return ret;
}

int coroutine_fn file_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes)
{
    FileState *s = bs->opaque;
    int ret = s->is_block ? co_ioctl(s, BLKDISCARD, offset, bytes)
                          : punch_hole(s, offset, bytes);

    if (ret == 0) {
        qatomic_inc(&s->discard_nb_ok);
        qatomic_add(&s->discard_bytes_ok, (uint64_t)bytes);
    } else {
        qatomic_inc(&s->discard_nb_failed);
    }
    return ret;
}

/* --- write zeroes --- */

static int coroutine_fn zero_device(FileState *s, int64_t offset, int64_t bytes,
                                    BdrvRequestFlags flags)
{
    int ret;

    if (flags & BDRV_REQ_MAY_UNMAP) {
        /* On a device: unmap if that reads back as zero, or fail */
        ret = punch_hole(s, offset, bytes);
        if (ret != -ENOTSUP && ret != -EINVAL) {
            return ret;
        }
    }
    /* The kernel may write the zeroes one by one for this */
    return flags & BDRV_REQ_NO_FALLBACK
               ? -ENOTSUP
               : co_ioctl(s, BLKZEROOUT, offset, bytes);
}

static int coroutine_fn zero_file(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, BdrvRequestFlags flags)
{
    FileState *s = bs->opaque;
    int ret;

    if (flags & BDRV_REQ_MAY_UNMAP) {
        ret = punch_hole(s, offset, bytes);
        if (ret == 0 && offset + bytes > file_getlength(bs)) {
            ret = co_fallocate(s, 0, offset, bytes);
        }
        if (ret != -ENOTSUP) {
            return ret;
        }
    }
    if (!qatomic_read(&s->no_zero_range)) {
        ret = co_fallocate(s, FALLOC_FL_ZERO_RANGE, offset, bytes);
        if (ret == 0 || (ret != -ENOTSUP && ret != -EINVAL)) {
            return ret;
        }
        /* -EINVAL: file systems that want it aligned to their blocks */
        if (ret == -ENOTSUP) {
            qatomic_set(&s->no_zero_range, true);
        }
    }
    /* A hole that is filled again: allocated, and zero */
    if (!qatomic_read(&s->no_fallocate)) {
        ret = punch_hole(s, offset, bytes);
        if (ret == 0) {
            ret = co_fallocate(s, 0, offset, bytes);
            if (ret != -ENOTSUP) {
                return ret;
            }
            qatomic_set(&s->no_fallocate, true);
        } else if (ret != -ENOTSUP) {
            return ret;
        }
    }
    return -ENOTSUP;
}

int coroutine_fn file_co_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, BdrvRequestFlags flags)
{
    FileState *s = bs->opaque;
    int ret = s->is_block ? zero_device(s, offset, bytes, flags)
                          : zero_file(bs, offset, bytes, flags);

    /* A file that is being executed by somebody, and the like */
    return ret == -ETXTBSY ? -ENOTSUP : ret;
}

/* --- copying inside the kernel --- */

typedef struct CopyCall {
    int in, out;
    int64_t from, offset, bytes;
} CopyCall;

static int copy_in_worker(void *opaque)
{
    CopyCall *c = opaque;
    off_t from = c->from, to = c->offset;

    while (c->bytes > 0) {
        ssize_t n = RETRY_ON_EINTR(
            copy_file_range(c->in, &from, c->out, &to, c->bytes, 0));

        if (n < 0) {
            /* Other kinds of files, other file systems, overlaps, ... */
            return errno == EXDEV || errno == EINVAL || errno == EBADF
                       ? -ENOTSUP
                       : translate_err(-errno);
        }
        if (n == 0) {
            return -ENOTSUP; /* behind the source's end: that reads as zero */
        }
        c->bytes -= n;
    }
    return 0;
}

int coroutine_fn file_co_copy_range_to(BlockDriverState *bs, int64_t offset,
                                       BlockDriverState *file, int64_t from,
                                       int64_t bytes)
{
    FileState *s = bs->opaque, *in;
    CopyCall c = {
        .out = s->fd, .from = from, .offset = offset, .bytes = bytes
    };

    if (file->drv->bdrv_co_copy_range_to != file_co_copy_range_to ||
        qatomic_read(&s->no_copy_range)) {
        return -ENOTSUP;
    }
    in = file->opaque;
    c.in = in->fd;
    if (thread_pool_submit_co(copy_in_worker, &c) == 0) {
        return 0;
    }
    if (c.bytes == bytes) {
        /* Nothing at all: it will not be better next time */
        qatomic_set(&s->no_copy_range, true);
    }
    /* Reading and writing tells what is wrong, if anything is */
    return -ENOTSUP;
}

/* --- block status --- */

/*
 * The extent that @start lies in: *@data begins at or before it, *@hole is
 * where data ends. 0, or -ENXIO behind the end, or -errno.
 */
static int find_extent(int fd, off_t start, off_t *data, off_t *hole)
{
    off_t off = lseek(fd, start, SEEK_DATA);

    if (off < 0) {
        return -errno;
    }
    if (off < start) {
        return -EIO; /* no file system does that */
    }
    if (off > start) {
        *hole = start;
        *data = off;
        return 0;
    }
    off = lseek(fd, start, SEEK_HOLE);
    if (off < 0) {
        return -errno;
    }
    if (off < start) {
        return -EIO;
    }
    *data = start;
    *hole = off;
    return 0;
}

static bool may_know(const FileState *s, bool hole)
{
    const uint64_t write = BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED |
                           BLK_PERM_RESIZE;

    return !hole || (s->use_lock && !(qatomic_read(&s->perm) & write) &&
                     !(qatomic_read(&s->shared) & BLK_PERM_WRITE));
}

/* Is it known what @start lies in? Then *@data and *@hole are as of
 * find_extent(). @forgotten: for know_extent(). */
static bool find_known(FileState *s, off_t start, off_t *data, off_t *hole,
                       unsigned *forgotten)
{
    bool found = false;

    qemu_mutex_lock(&s->status_lock);
    for (int i = 0; i < 2 && !found; i++) {
        if (start >= s->known[i].begin && start < s->known[i].end &&
            may_know(s, i)) {
            *data = i ? s->known[i].end : start;
            *hole = i ? start : s->known[i].end;
            found = true;
        }
    }
    *forgotten = s->forgotten;
    qemu_mutex_unlock(&s->status_lock);
    return found;
}

/* What was found since. Neighbours grow together; else the later counts. */
static void know_extent(FileState *s, off_t data, off_t hole,
                        unsigned forgotten)
{
    int i = hole < data;
    off_t begin = MIN(data, hole), end = MAX(data, hole);

    qemu_mutex_lock(&s->status_lock);
    if (forgotten == s->forgotten && may_know(s, i)) {
        if (begin <= s->known[i].end && end >= s->known[i].begin) {
            begin = MIN(s->known[i].begin, begin);
            end = MAX(s->known[i].end, end);
        }
        s->known[i].begin = begin;
        s->known[i].end = end;
    }
    qemu_mutex_unlock(&s->status_lock);
}

void file_forget_extents(FileState *s)
{
    qemu_mutex_lock(&s->status_lock);
    memset(s->known, 0, sizeof(s->known));
    s->forgotten++;
    qemu_mutex_unlock(&s->status_lock);
}

int coroutine_fn file_co_block_status(BlockDriverState *bs, bool want_zero,
                                      int64_t offset, int64_t bytes,
                                      int64_t *pnum, int64_t *map,
                                      BlockDriverState **file)
{
    FileState *s = bs->opaque;
    int64_t align = bs->bl.request_alignment;
    off_t data = 0, hole = 0;
    unsigned forgotten;
    int ret = 0;

    *map = offset;
    *file = bs;
    *pnum = bytes;
    if (!want_zero) {
        return BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID;
    }
    if (!find_known(s, offset, &data, &hole, &forgotten)) {
        ret = find_extent(s->fd, offset, &data, &hole);
        if (ret == 0) {
            know_extent(s, data, hole, forgotten);
        }
    }
    if (ret == -ENXIO) {
        /* A hole up to the end of the file */
        int64_t end = file_getlength(bs);

        *pnum = end < 0 ? end : MIN(bytes, MAX(end - offset, 1));
        ret = BDRV_BLOCK_ZERO;
    } else if (ret < 0) {
        /* It cannot tell */
        ret = BDRV_BLOCK_DATA;
    } else if (data == offset) {
        *pnum = MIN(bytes, hole - offset);
        ret = BDRV_BLOCK_DATA;
    } else {
        *pnum = MIN(bytes, data - offset);
        ret = BDRV_BLOCK_ZERO;
    }
    if (*pnum < 0) {
        return *pnum;
    }
    *pnum = ROUND_UP(MAX(*pnum, 1), align);
    return ret | BDRV_BLOCK_OFFSET_VALID;
}

/* --- truncate --- */

typedef struct TruncateCall {
    FileState *s;
    int64_t current, offset;
    PreallocMode prealloc;
    Error **errp;
} TruncateCall;

static int prealloc_falloc(TruncateCall *c)
{
    int ret = 0;

    if (c->offset > c->current) {
        ret = -posix_fallocate(c->s->fd, c->current, c->offset - c->current);
    }
    if (ret < 0) {
        error_setg_errno(c->errp, -ret, "Could not preallocate new data");
    }
    return ret;
}

/* The file for writes of any alignment; to be closed if it is not s->fd. */
static int open_buffered(const FileState *s)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", s->fd);
    int flags = fcntl(s->fd, F_GETFL), fd = -1;

    if (flags >= 0 && (flags & O_DIRECT)) {
        fd = RETRY_ON_EINTR(open(path, O_WRONLY | O_CLOEXEC));
    }
    return fd < 0 ? s->fd : fd;
}

static int write_zeroes_buffered(TruncateCall *c, int fd)
{
    g_autofree char *buf = g_malloc0(64 * KiB);
    int64_t pos = c->current;

    while (pos < c->offset) {
        ssize_t n = RETRY_ON_EINTR(
            pwrite(fd, buf, MIN(64 * KiB, c->offset - pos), pos));

        if (n < 0) {
            int ret = -errno;

            error_setg_errno(c->errp, -ret,
                             "Could not write zeros for "
                             "preallocation");
            return ret;
        }
        pos += n;
    }
    if (fsync(fd) < 0) {
        int ret = -errno;

        error_setg_errno(c->errp, -ret, "Could not flush file to disk");
        return ret;
    }
    return 0;
}

static int prealloc_full(TruncateCall *c)
{
    int fd = open_buffered(c->s);
    int ret = write_zeroes_buffered(c, fd);

    if (fd != c->s->fd) {
        close(fd);
    }
    return ret;
}

static int truncate_in_worker(void *opaque)
{
    TruncateCall *c = opaque;
    int ret;

    if (c->prealloc == PREALLOC_MODE_OFF || c->offset <= c->current ||
        c->prealloc == PREALLOC_MODE_FULL) {
        ret = RETRY_ON_EINTR(ftruncate(c->s->fd, c->offset)) < 0 ? -errno : 0;
        if (ret < 0) {
            error_setg_errno(c->errp, -ret, "Failed to resize file");
            return ret;
        }
    }
    if (c->prealloc == PREALLOC_MODE_FALLOC) {
        ret = prealloc_falloc(c);
    } else if (c->prealloc == PREALLOC_MODE_FULL) {
        ret = prealloc_full(c);
    } else {
        return 0;
    }
    if (ret < 0 && ftruncate(c->s->fd, c->current) < 0) {
        /* It stays longer than it was; the error tells already */
        return ret;
    }
    return ret;
}

int coroutine_fn file_co_truncate(BlockDriverState *bs, int64_t offset,
                                  bool exact, PreallocMode prealloc,
                                  BdrvRequestFlags flags, Error **errp)
{
    FileState *s = bs->opaque;
    int64_t current = file_getlength(bs);
    int ret;
    TruncateCall c = { .s = s,
                       .current = current,
                       .offset = offset,
                       .prealloc = prealloc,
                       .errp = errp };

    if (current < 0) {
        error_setg_errno(errp, -current,
                         "Failed to inquire current file length");
        return current;
    }
    if (qatomic_read(&s->room_end)) {
        /* Room is not what the owner has */
        c.current = MIN(current, qatomic_read(&bs->total_bytes));
    }
    if (s->is_device) {
        if (prealloc != PREALLOC_MODE_OFF) {
            error_setg(errp, "Preallocation mode unsupported for "
                             "nonregular files");
            return -ENOTSUP;
        }
        if (offset != current && exact) {
            error_setg(errp, "Cannot resize device files");
            return -ENOTSUP;
        }
        if (offset > current) {
            error_setg(errp, "Cannot grow device files");
            return -EINVAL;
        }
        return 0;
    }
    if (prealloc == PREALLOC_MODE_METADATA) {
        error_setg(errp, "Unsupported preallocation mode: metadata");
        return -ENOTSUP;
    }
    if (prealloc != PREALLOC_MODE_OFF && offset < current) {
        error_setg(errp, "Preallocation can't be used for shrinking files");
        return -EINVAL;
    }
    qatomic_set(&s->room_end, 0); /* the length is what was asked for now */
    ret = thread_pool_submit_co(truncate_in_worker, &c);
    file_forget_extents(s);
    return ret;
}

/* --- room for writes to come --- */

int coroutine_fn file_co_make_room(BlockDriverState *bs, int64_t end)
{
    FileState *s = bs->opaque;
    int ret;

    if (s->is_device || qatomic_read(&s->no_fallocate)) {
        return -ENOTSUP;
    }
    /* The last byte. Unlike ftruncate() that never cuts off what another
     * request has written behind it meanwhile. */
    ret = co_fallocate(s, 0, end - 1, 1);
    if (ret >= 0) {
        qatomic_set(&s->room_end, end);
    } else if (ret == -ENOTSUP) {
        qatomic_set(&s->no_fallocate, true);
    }
    return ret;
}

void file_trim_room(BlockDriverState *bs)
{
    FileState *s = bs->opaque;
    int64_t end = qatomic_read(&bs->total_bytes);
    struct stat st;

    /* Longer than that: somebody else did it, it is not ours to undo */
    if (s->room_end && fstat(s->fd, &st) == 0 && st.st_size == s->room_end &&
        end < s->room_end && ftruncate(s->fd, end) < 0) {
        warn_report("Could not shorten '%s' to what is in use: %s",
                    bs->filename, strerror(errno));
    }
    s->room_end = 0;
}
