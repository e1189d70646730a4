/*
 * The FUSE export (libfuse3's low-level interface): the file system has one
 * inode, a regular file, mounted over a regular file.
 *
 * The session's descriptor is watched in the export's AioContext; each request
 * runs there as a coroutine, which holds a reference to the export, and is
 * answered when it ends. The file is unmounted when the last one has ended.
 *
 * The kernel caches data pages of the file; nobody else writes to the node
 * while its size and contents matter to those who have it open, or they see
 * what they read before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define FUSE_USE_VERSION 31

#include "util/osdep.h"
#include "export/fuse.h"

#include <fuse3/fuse_lowlevel.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "block/block.h"
#include "util/memalign.h"

/* Bytes of one request, at most */
#define MAX_IO (1 * MiB)
/* As others see the file */
#define BLOCK_SIZE 512
/* Seconds for which the kernel may believe attributes: the size may change any
 * time. */
#define TIMEOUT 0.0

typedef struct FuseExport {
    BlockExport common;
    struct fuse_session *session;
    struct fuse_buf buf; /* home thread */
    bool mounted;
    char *mountpoint;
    bool writable, growable, allow_other;
    mode_t mode; /* home thread; so are the owners */
    uid_t uid;
    gid_t gid;
} FuseExport;

/* One request; freed when it is answered. */
typedef struct FuseIo {
    FuseExport *e;
    fuse_req_t req;
    int64_t offset, bytes;
    int mode; /* of fallocate; whence of lseek */
    int to_set;
    struct stat attr;
    uint8_t *buf;
} FuseIo;

/* Mount points in use. main */
static GHashTable *mountpoints;

/* --- requests ------------------------------------------------------------- */

static FuseExport *export_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static void io_free(FuseIo *io)
{
    qemu_vfree(io->buf);
    blk_exp_unref(&io->e->common);
    g_free(io);
}

/* Run @entry(@io), which ends with io_free(). */
static void start(fuse_req_t req, const FuseIo *values, CoroutineEntry *entry)
{
    FuseIo *io = g_new(FuseIo, 1);

    *io = *values;
    io->req = req;
    io->e = export_of(req);
    blk_exp_ref(&io->e->common);
    qemu_coroutine_enter(qemu_coroutine_create(entry, io));
}

static void end(FuseIo *io, int ret)
{
    fuse_reply_err(io->req, ret < 0 ? -ret : 0);
    io_free(io);
}

/* --- attributes ----------------------------------------------------------- */

static int fill_attr(FuseExport *e, struct stat *st)
{
    int64_t len = blk_getlength(e->common.blk);
    time_t now = time(NULL);

    if (len < 0) {
        return len;
    }
    *st = (struct stat){
        .st_ino = FUSE_ROOT_ID,
        .st_mode = e->mode,
        .st_nlink = 1,
        .st_uid = e->uid,
        .st_gid = e->gid,
        .st_size = len,
        .st_blksize = blk_get_request_alignment(e->common.blk),
        .st_blocks = DIV_ROUND_UP(len, BLOCK_SIZE),
        .st_atime = now,
        .st_mtime = now,
        .st_ctime = now,
    };
    return 0;
}

static void reply_attr(FuseExport *e, fuse_req_t req)
{
    struct stat st;
    int ret = fill_attr(e, &st);

    if (ret < 0) {
        fuse_reply_err(req, -ret);
    } else {
        fuse_reply_attr(req, &st, TIMEOUT);
    }
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    conn->max_read = MAX_IO; /* as the mount options say */
    conn->max_write = MIN(conn->max_write, MAX_IO);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    reply_attr(export_of(req), req);
}

/* A format whose disks have whole sectors only gets one more. */
static int coroutine_fn co_resize(FuseExport *e, int64_t size,
                                  PreallocMode prealloc)
{
    BlockBackend *blk = e->common.blk;
    int ret = blk_co_truncate(blk, size, true, prealloc, 0, NULL);

    if (ret == -EINVAL && !QEMU_IS_ALIGNED(size, BLOCK_SIZE)) {
        ret = blk_co_truncate(blk, ROUND_UP(size, BLOCK_SIZE), true, prealloc,
                              0, NULL);
    }
    return ret;
}

static void coroutine_fn co_setattr(void *opaque)
{
    FuseIo *io = opaque;
    FuseExport *e = io->e;

    if (io->to_set & FUSE_SET_ATTR_SIZE) {
        int ret = e->writable
                      ? co_resize(e, io->attr.st_size, PREALLOC_MODE_OFF)
                      : -EACCES;

        if (ret < 0) {
            end(io, ret);
            return;
        }
    }
    if (io->to_set & FUSE_SET_ATTR_MODE) {
        e->mode = (io->attr.st_mode & 07777) | S_IFREG;
    }
    if (io->to_set & FUSE_SET_ATTR_UID) {
        e->uid = io->attr.st_uid;
    }
    if (io->to_set & FUSE_SET_ATTR_GID) {
        e->gid = io->attr.st_gid;
    }
    reply_attr(e, io->req);
    io_free(io);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
                       int to_set, struct fuse_file_info *fi)
{
    FuseExport *e = export_of(req);
    int known = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MODE;
    FuseIo io = { .attr = *attr, .to_set = to_set };

    if (e->allow_other) {
        known |= FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
    }
    if (to_set & ~known) {
        fuse_reply_err(req, ENOTSUP);
        return;
    }
    if ((to_set & FUSE_SET_ATTR_MODE) && !e->writable &&
        (attr->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH))) {
        fuse_reply_err(req, EROFS);
        return;
    }
    start(req, &io, co_setattr);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    FuseExport *e = export_of(req);

    if (!e->writable && (fi->flags & O_ACCMODE) != O_RDONLY) {
        fuse_reply_err(req, EACCES);
        return;
    }
    fuse_reply_open(req, fi);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    int64_t len = MAX(blk_getlength(export_of(req)->common.blk), 0);
    struct statvfs st = {
        .f_bsize = BLOCK_SIZE,
        .f_frsize = BLOCK_SIZE,
        .f_blocks = DIV_ROUND_UP(len, BLOCK_SIZE),
        .f_files = 1,
        .f_namemax = 255,
    };

    fuse_reply_statfs(req, &st);
}

/* --- data ----------------------------------------------------------------- */

static void coroutine_fn co_read(void *opaque)
{
    FuseIo *io = opaque;
    BlockBackend *blk = io->e->common.blk;
    int64_t len = blk_getlength(blk);
    int ret;

    if (len < 0) {
        end(io, len);
        return;
    }
    io->bytes = CLAMP(len - io->offset, 0, io->bytes);
    io->buf = qemu_try_memalign(4096, MAX(io->bytes, 1));
    if (!io->buf) {
        end(io, -ENOMEM);
        return;
    }
    ret = io->bytes ? blk_co_pread(blk, io->offset, io->bytes, io->buf, 0) : 0;
    if (ret < 0) {
        end(io, ret);
        return;
    }
    fuse_reply_buf(io->req, (char *)io->buf, io->bytes);
    io_free(io);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    FuseIo io = { .offset = offset, .bytes = size };

    if (size > MAX_IO) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    start(req, &io, co_read);
}

/* The end of [offset, +bytes) on the disk: what is behind the end makes the
 * disk longer if it may, and is cut off otherwise. */
static int coroutine_fn co_make_room(FuseIo *io, PreallocMode prealloc)
{
    int64_t len = blk_getlength(io->e->common.blk);

    if (len < 0) {
        return len;
    }
    if (io->offset + io->bytes <= len) {
        return 0;
    }
    if (io->e->growable) {
        return co_resize(io->e, io->offset + io->bytes, prealloc);
    }
    if (io->offset >= len) {
        return -ENOSPC;
    }
    io->bytes = len - io->offset;
    return 0;
}

static void coroutine_fn co_write(void *opaque)
{
    FuseIo *io = opaque;
    int ret = co_make_room(io, PREALLOC_MODE_OFF);

    if (ret >= 0) {
        ret = blk_co_pwrite(io->e->common.blk, io->offset, io->bytes, io->buf,
                            0);
    }
    if (ret < 0) {
        end(io, ret);
        return;
    }
    fuse_reply_write(io->req, io->bytes);
    io_free(io);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
                     size_t size, off_t offset, struct fuse_file_info *fi)
{
    FuseIo io = { .offset = offset, .bytes = size };

    if (size > MAX_IO) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    if (!export_of(req)->writable) {
        fuse_reply_err(req, EACCES);
        return;
    }
    /* @buf is the session's, which reads the next request into it */
    io.buf = qemu_try_memalign(4096, MAX(size, 1));
    if (!io.buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    memcpy(io.buf, buf, size);
    start(req, &io, co_write);
}

static void coroutine_fn co_flush(void *opaque)
{
    FuseIo *io = opaque;

    end(io, blk_co_flush(io->e->common.blk));
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                     struct fuse_file_info *fi)
{
    start(req, &(FuseIo){ 0 }, co_flush);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    start(req, &(FuseIo){ 0 }, co_flush);
}

/* --- holes ---------------------------------------------------------------- */

/* Zeroes over the range, in pieces that one request may have. */
static int coroutine_fn co_zero(FuseIo *io, BdrvRequestFlags flags)
{
    const int64_t most = 1 << 30;
    int ret = 0;

    while (io->bytes > 0 && ret >= 0) {
        int64_t n = MIN(io->bytes, most);

        ret = blk_co_pwrite_zeroes(io->e->common.blk, io->offset, n, flags);
        io->offset += n;
        io->bytes -= n;
    }
    return ret;
}

static int coroutine_fn do_fallocate(FuseIo *io)
{
    int64_t len = blk_getlength(io->e->common.blk);
    int kind = io->mode & ~FALLOC_FL_KEEP_SIZE;
    bool keep = io->mode & FALLOC_FL_KEEP_SIZE;
    int ret;

    if (len < 0) {
        return len;
    }
    if (keep) {
        io->bytes = MIN(io->bytes, len - MIN(io->offset, len));
    }
    switch (kind) {
    case 0:
        /* Nothing allocates what is inside the disk */
        if (keep || io->offset < len) {
            return -EOPNOTSUPP;
        }
        return io->e->growable ? co_make_room(io, PREALLOC_MODE_FALLOC)
                               : -EFBIG;
    case FALLOC_FL_PUNCH_HOLE:
        return keep ? co_zero(io, BDRV_REQ_MAY_UNMAP) : -EINVAL;
    case FALLOC_FL_ZERO_RANGE:
        if (io->offset + io->bytes > len && !io->e->growable) {
            return -EFBIG;
        }
        ret = co_make_room(io, PREALLOC_MODE_OFF);
        return ret < 0 ? ret : co_zero(io, 0);
    default:
        return -EOPNOTSUPP;
    }
}

static void coroutine_fn co_fallocate(void *opaque)
{
    FuseIo *io = opaque;

    end(io, do_fallocate(io));
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
                         off_t length, struct fuse_file_info *fi)
{
    FuseIo io = { .mode = mode, .offset = offset, .bytes = length };

    if (!export_of(req)->writable) {
        fuse_reply_err(req, EACCES);
        return;
    }
    if (offset < 0 || length <= 0 || offset > INT64_MAX - length) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    start(req, &io, co_fallocate);
}

/* Where the next data or the next hole is, from io->offset on. */
static int coroutine_fn find_extent(FuseIo *io, int64_t len)
{
    while (io->offset < len) {
        int64_t num = 0;
        int ret = blk_co_block_status(io->e->common.blk, io->offset,
                                      len - io->offset, &num);

        if (ret < 0 || !num) {
            return ret < 0 ? ret : -EIO;
        }
        if (!!(ret & BDRV_BLOCK_DATA) == (io->mode == SEEK_DATA)) {
            return 0;
        }
        io->offset += num;
    }
    /* Behind the end is a hole, and no data */
    return io->mode == SEEK_HOLE ? 0 : -ENXIO;
}

static void coroutine_fn co_lseek(void *opaque)
{
    FuseIo *io = opaque;
    int64_t len = blk_getlength(io->e->common.blk);
    int ret = len < 0 ? len : io->offset >= len ? -ENXIO : 0;

    if (ret >= 0) {
        ret = find_extent(io, len);
    }
    if (ret < 0) {
        end(io, ret);
        return;
    }
    fuse_reply_lseek(io->req, io->offset);
    io_free(io);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                     struct fuse_file_info *fi)
{
    FuseIo io = { .mode = whence, .offset = offset };

    if ((whence != SEEK_HOLE && whence != SEEK_DATA) || offset < 0) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    start(req, &io, co_lseek);
}

static const struct fuse_lowlevel_ops ops = {
    .init = op_init,
    .lookup = op_lookup,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .open = op_open,
    .statfs = op_statfs,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .fallocate = op_fallocate,
    .lseek = op_lseek,
};

/* --- the session ---------------------------------------------------------- */

static void read_session(void *opaque)
{
    FuseExport *e = opaque;
    int ret;

    do {
        ret = fuse_session_receive_buf(e->session, &e->buf);
    } while (ret == -EINTR);
    if (ret > 0) {
        /* A request may end the export: the core waits for this reference */
        blk_exp_ref(&e->common);
        fuse_session_process_buf(e->session, &e->buf);
        blk_exp_unref(&e->common);
    }
    if (fuse_session_exited(e->session) || ret == -ENODEV) {
        /* Unmounted by somebody else: there is nothing to serve any more */
        aio_set_fd_handler(e->common.ctx, fuse_session_fd(e->session), NULL,
                           NULL, NULL);
    }
}

static void watch_in_home(void *opaque)
{
    FuseExport *e = opaque;

    aio_set_fd_handler(e->common.ctx, fuse_session_fd(e->session), read_session,
                       NULL, e);
}

static void unwatch_in_home(void *opaque)
{
    FuseExport *e = opaque;

    aio_set_fd_handler(e->common.ctx, fuse_session_fd(e->session), NULL, NULL,
                       NULL);
}

static void unmount(FuseExport *e)
{
    if (e->session && e->mounted) {
        fuse_session_unmount(e->session);
        e->mounted = false;
    }
    if (e->session) {
        fuse_session_destroy(e->session);
        e->session = NULL;
    }
}

/* A session mounted on the file; with @quiet failing to mount is no error. */
static bool mount(FuseExport *e, bool allow_other, bool quiet, Error **errp)
{
    g_autofree char *opts = g_strdup_printf(
        "fsname=qemu,subtype=export,nosuid,nodev,noatime,max_read=%d,"
        "default_permissions%s",
        (int)MAX_IO, allow_other ? ",allow_other" : "");
    char *argv[] = { (char *)"", (char *)"-o", opts, NULL };
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);

    e->session = fuse_session_new(&args, &ops, sizeof(ops), e);
    fuse_opt_free_args(&args);
    if (!e->session) {
        error_setg(errp, "Failed to set up FUSE session");
        return false;
    }
    if (fuse_session_mount(e->session, e->mountpoint) < 0) {
        unmount(e);
        if (!quiet) {
            error_setg(errp, "Failed to mount FUSE session to export");
        }
        return false;
    }
    e->mounted = true;
    e->allow_other = allow_other;
    return true;
}

static bool mount_as_asked(FuseExport *e, FuseExportAllowOther allow,
                           Error **errp)
{
    ERRP_GUARD();

    switch (allow) {
    case FUSE_EXPORT_ALLOW_OTHER_ON:
        return mount(e, true, false, errp);
    case FUSE_EXPORT_ALLOW_OTHER_OFF:
        return mount(e, false, false, errp);
    default:
        if (mount(e, true, true, errp)) {
            return true;
        }
        return !*errp && mount(e, false, false, errp);
    }
}

/* --- the export ----------------------------------------------------------- */

static FuseExport *of(BlockExport *exp)
{
    return container_of(exp, FuseExport, common);
}

static bool is_regular_file(const char *path, struct stat *st, Error **errp)
{
    if (stat(path, st) < 0) {
        error_setg_errno(errp, errno, "Failed to stat '%s'", path);
        return false;
    }
    if (!S_ISREG(st->st_mode)) {
        error_setg(errp, "'%s' is not a regular file", path);
        return false;
    }
    return true;
}

static bool check_mountpoint(const char *path, Error **errp)
{
    struct stat st;

    if (!mountpoints) {
        mountpoints = g_hash_table_new(g_str_hash, g_str_equal);
    }
    /* Before stat(), which one of our own would have to answer */
    if (g_hash_table_contains(mountpoints, path)) {
        error_setg(errp, "There already is a FUSE export on '%s'", path);
        return false;
    }
    return is_regular_file(path, &st, errp);
}

static bool take_resize_permission(FuseExport *e, Error **errp)
{
    uint64_t perm, shared;

    if (!e->growable && !e->writable) {
        return true;
    }
    blk_get_perm(e->common.blk, &perm, &shared);
    return blk_set_perm(e->common.blk, perm | BLK_PERM_RESIZE, shared, errp) >=
           0;
}

static bool fuse_create(BlockExport *exp, BlockExportOptions *opts,
                        Error **errp)
{
    BlockExportOptionsFuse *o = &opts->u.fuse;
    FuseExport *e = of(exp);

    e->writable = opts->writable;
    e->growable = o->has_growable && o->growable;
    if (!take_resize_permission(e, errp) ||
        !check_mountpoint(o->mountpoint, errp)) {
        return false;
    }
    e->mountpoint = g_strdup(o->mountpoint);
    e->mode = S_IFREG | S_IRUSR | (e->writable ? S_IWUSR : 0);
    e->uid = getuid();
    e->gid = getgid();
    if (!mount_as_asked(e,
                        o->has_allow_other ? o->allow_other
                                           : FUSE_EXPORT_ALLOW_OTHER_AUTO,
                        errp)) {
        g_free(e->mountpoint);
        return false;
    }
    g_hash_table_add(mountpoints, e->mountpoint);
    aio_wait_bh_oneshot(exp->ctx, watch_in_home, e);
    return true;
}

static void fuse_request_shutdown(BlockExport *exp)
{
    FuseExport *e = of(exp);

    aio_wait_bh_oneshot(exp->ctx, unwatch_in_home, e);
    g_hash_table_remove(mountpoints, e->mountpoint);
}

static void fuse_delete(BlockExport *exp)
{
    FuseExport *e = of(exp);

    unmount(e);
    free(e->buf.mem);
    g_free(e->mountpoint);
}

const BlockExportDriver blk_exp_fuse = {
    .type = BLOCK_EXPORT_TYPE_FUSE,
    .instance_size = sizeof(FuseExport),
    .create = fuse_create,
    .request_shutdown = fuse_request_shutdown,
    .delete = fuse_delete,
};
