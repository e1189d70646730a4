/*
 * file and host_device: opening, access mode and permissions, and the driver
 * tables. Requests: file-posix-rw.c, -space.c; locks: -lock.c; alignment:
 * -limits.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"
#include "block/opts.h"
#include "block/reopen.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/fdset.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

extern const BlockDriver bdrv_file;
extern const BlockDriver bdrv_host_device;

static const char *const file_strong_runtime_opts[] = { "filename", NULL };
static const char *const file_mutable_opts[] = { "x-check-cache-dropped",
                                                 NULL };

/* --- file names --- */

static void file_parse_filename(const char *filename, QDict *options,
                                Error **errp)
{
    /* "file:" in front is how names with a colon can be written */
    const char *rest;

    if (strstart(filename, "file:", &rest)) {
        qdict_put_str(options, "filename", rest);
    }
}

static void device_parse_filename(const char *filename, QDict *options,
                                  Error **errp)
{
    const char *rest;

    if (strstart(filename, "host_device:", &rest)) {
        qdict_put_str(options, "filename", rest);
    }
}

static int device_probe(const char *filename)
{
    struct stat st;

    return stat(filename, &st) == 0 &&
                   (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
               ? 100
               : 0;
}

static void file_refresh_filename(BlockDriverState *bs)
{
    g_free(bs->exact_filename);
    bs->exact_filename = g_strdup(
        qdict_get_try_str(bs->full_open_options, "filename"));
    if (!bs->exact_filename) {
        bs->exact_filename = g_strdup("");
    }
}

/* --- access mode --- */

/* Open for writing only when somebody writes, where the user lets us. */
static int os_flags(const BlockDriverState *bs, bool has_writers)
{
    bool rdwr = (bs->open_flags & BDRV_O_RDWR) &&
                (has_writers || !(bs->open_flags & BDRV_O_AUTO_RDONLY));

    return O_CLOEXEC | (rdwr ? O_RDWR : O_RDONLY) |
           (bs->open_flags & BDRV_O_NOCACHE ? O_DIRECT : 0);
}

static int open_file(const char *filename, int flags, Error **errp)
{
    int fd;

    if (fdset_is_name(filename)) {
        return fdset_open(filename, flags, errp);
    }
    fd = RETRY_ON_EINTR(open(filename, flags));
    if (fd >= 0) {
        return fd;
    }
    if (errno == EINVAL && (flags & O_DIRECT)) {
        fd = open(filename, flags & ~O_DIRECT);
        if (fd >= 0) {
            close(fd);
            error_setg(errp,
                       "Could not open '%s': filesystem does not support "
                       "O_DIRECT",
                       filename);
            return -EINVAL;
        }
        errno = EINVAL;
    }
    fd = -errno;
    error_setg_file_open(errp, -fd, filename);
    return fd;
}

static int file_check_perm(BlockDriverState *bs, uint64_t perm, uint64_t shared,
                           Error **errp)
{
    FileState *s = bs->opaque;
    int flags = os_flags(bs, perm & (BLK_PERM_WRITE | BLK_PERM_RESIZE |
                                     BLK_PERM_WRITE_UNCHANGED));
    const char *filename = qdict_get_try_str(bs->options, "filename");
    int ret;

    /* Reopening can change the cache mode as well */
    if ((flags ^ s->open_flags) & (O_ACCMODE | O_DIRECT)) {
        s->perm_fd = open_file(filename ? filename : bs->filename, flags, errp);
        if (s->perm_fd < 0) {
            ret = s->perm_fd;
            s->perm_fd = -1;
            return ret;
        }
        s->perm_open_flags = flags;
    }
    ret = file_lock_prepare(bs, perm, shared, errp);
    if (ret < 0 && s->perm_fd >= 0) {
        fdset_close(s->perm_fd);
        s->perm_fd = -1;
    }
    return ret;
}

static void file_set_perm(BlockDriverState *bs, uint64_t perm, uint64_t shared)
{
    FileState *s = bs->opaque;

    if (s->perm_fd >= 0) {
        if (!(s->perm_open_flags & O_RDWR)) {
            file_trim_room(bs);
        }
        /* The number stays, so that entries which wait in a ring are right */
        dup3(s->perm_fd, s->fd, O_CLOEXEC);
        fdset_close(s->perm_fd);
        s->perm_fd = -1;
        s->open_flags = s->perm_open_flags;
        s->needs_alignment = s->open_flags & O_DIRECT;
    }
    /* find_known() reads them in any thread */
    qatomic_set(&s->perm, perm);
    qatomic_set(&s->shared, shared);
    file_forget_extents(s);
    file_lock_finish(bs, perm, shared);
}

static void file_abort_perm_update(BlockDriverState *bs)
{
    FileState *s = bs->opaque;

    if (s->perm_fd >= 0) {
        fdset_close(s->perm_fd);
        s->perm_fd = -1;
    }
    file_lock_finish(bs, s->perm, s->shared);
}

/* --- opening --- */

static bool take_aio(BlockDriverState *bs, QDict *options, Error **errp)
{
    static const char *const names[] = { "threads", "native", "io_uring",
                                         NULL };
    FileState *s = bs->opaque;
    int i;
    ERRP_GUARD();

    i = bdrv_take_enum(options, "aio", names, errp);
    if (*errp) {
        return false;
    }
    if (i < 0) {
        i = bs->open_flags & BDRV_O_NATIVE_AIO    ? FILE_ENGINE_NATIVE
            : bs->open_flags & BDRV_O_AIO_THREADS ? FILE_ENGINE_THREADS
                                                  : FILE_ENGINE_IO_URING;
        /* Nobody asked for it, so nobody is told when it cannot be had */
        s->told_fallback = i == FILE_ENGINE_IO_URING &&
                           !(bs->open_flags & BDRV_O_IO_URING);
    }
    s->engine = i;
    if (s->engine == FILE_ENGINE_NATIVE && !(bs->open_flags & BDRV_O_NOCACHE)) {
        error_setg(errp, "aio=native was specified, but it requires "
                         "cache.direct=on, which was not specified.");
        return false;
    }
    return true;
}

static bool take_locking(BlockDriverState *bs, QDict *options, Error **errp)
{
    static const char *const names[] = { "on", "off", "auto", NULL };
    FileState *s = bs->opaque;
    int i;
    ERRP_GUARD();

    /* A boolean that came through a command line says "true" there */
    i = bdrv_take_enum(options, "locking", names, errp);
    if (*errp) {
        return false;
    }
    if (i == 0 && !file_has_ofd_locks()) {
        warn_report("File lock requested but OFD locking syscall is "
                    "unavailable, falling back to POSIX file locks");
    }
    s->use_lock = i != 1 && file_has_ofd_locks();
    return true;
}

static bool take_options(BlockDriverState *bs, QDict *options, Error **errp)
{
    g_autofree char *pr = bdrv_take_str(options, "pr-manager");
    FileState *s = bs->opaque;
    bool ignored = false;

    if (pr) {
        error_setg(errp, "No persistent reservation manager with id '%s'", pr);
        return false;
    }
    return take_aio(bs, options, errp) && take_locking(bs, options, errp) &&
           bdrv_take_number(options, "aio-max-batch", &s->max_batch, errp) &&
           bdrv_take_bool(options, "drop-cache", &ignored, errp) &&
           bdrv_take_bool(options, "x-check-cache-dropped", &ignored, errp);
}

static bool check_kind(BlockDriverState *bs, const char *filename, Error **errp)
{
    FileState *s = bs->opaque;
    struct stat st;

    if (fstat(s->fd, &st) < 0) {
        error_setg_errno(errp, errno, "Could not stat file");
        return false;
    }
    s->is_block = S_ISBLK(st.st_mode);
    if (!s->is_device && !S_ISREG(st.st_mode)) {
        error_setg(errp, "'%s' driver requires '%s' to be a regular file",
                   bs->drv->format_name, filename);
        return false;
    }
    if (s->is_device && !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode)) {
        error_setg(errp,
                   "'%s' driver requires '%s' to be either "
                   "a character or block device",
                   bs->drv->format_name, filename);
        return false;
    }
    return true;
}

static bool open_lock_fd(FileState *s, Error **errp)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", s->fd);

    s->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->lock_fd < 0 && (errno == EACCES || errno == EPERM)) {
        /* A descriptor that was passed to us: what it refers to has the locks
         */
        s->lock_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    }
    if (s->lock_fd < 0) {
        error_setg_errno(errp, errno, "Failed to open the file for locking");
        return false;
    }
    return true;
}

/* Use read-only what the user lets us and the host wants so. */
static bool fall_back_to_read_only(BlockDriverState *bs, int ret)
{
    if ((ret != -EACCES && ret != -EROFS && ret != -EPERM) ||
        !(bs->open_flags & BDRV_O_RDWR) ||
        !(bs->open_flags & BDRV_O_AUTO_RDONLY)) {
        return false;
    }
    bs->open_flags &= ~BDRV_O_RDWR;
    bs->read_only = true;
    return true;
}

static void file_close(BlockDriverState *bs)
{
    FileState *s = bs->opaque;

    if (s->fd >= 0) {
        file_trim_room(bs);
        fdset_close(s->fd);
        s->fd = -1;
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
        s->lock_fd = -1;
    }
}

static int do_open(BlockDriverState *bs, QDict *options, bool is_device,
                   Error **errp)
{
    g_autofree char *filename = bdrv_take_str(options, "filename");
    FileState *s = bs->opaque;
    Error *local_err = NULL;

    s->fd = s->lock_fd = s->perm_fd = -1;
    qemu_mutex_init(&s->status_lock);
    s->is_device = is_device;
    s->shared = BLK_PERM_ALL;
    if (!take_options(bs, options, errp)) {
        return -EINVAL;
    }
    s->open_flags = os_flags(bs, false);
    s->fd = open_file(filename, s->open_flags, &local_err);
    if (s->fd < 0 && fall_back_to_read_only(bs, s->fd)) {
        error_free(local_err);
        local_err = NULL;
        s->open_flags = os_flags(bs, false);
        s->fd = open_file(filename, s->open_flags, &local_err);
    }
    if (s->fd < 0) {
        error_propagate(errp, local_err);
        return s->fd;
    }
    if (!check_kind(bs, filename, errp) ||
        (s->use_lock && !open_lock_fd(s, errp))) {
        file_close(bs);
        return -EINVAL;
    }
    s->needs_alignment = s->open_flags & O_DIRECT;
    bs->supported_write_flags = BDRV_REQ_FUA;
    bs->supported_zero_flags = BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK;
    return 0;
}

static int file_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp)
{
    return do_open(bs, options, false, errp);
}

static int device_open(BlockDriverState *bs, QDict *options, int flags,
                       Error **errp)
{
    return do_open(bs, options, true, errp);
}

/* Access and cache mode follow in file_check_perm(); nothing else changes. */
static int file_reopen_prepare(BDRVReopenState *state, BlockReopenQueue *queue,
                               Error **errp)
{
    bool ignored = false;

    return bdrv_take_bool(state->rest, "x-check-cache-dropped", &ignored, errp)
               ? 0
               : -EINVAL;
}

static int file_get_info(BlockDriverState *bs, BlockDriverInfo *bdi)
{
    return 0; /* nothing to tell, but that is known */
}

static ImageInfoSpecific *file_get_specific_info(BlockDriverState *bs,
                                                 Error **errp)
{
    ImageInfoSpecific *info = g_new0(ImageInfoSpecific, 1);
    ImageInfoSpecificFile *file = g_new0(ImageInfoSpecificFile, 1);
    FileState *s = bs->opaque;
    struct fsxattr attr;

    info->type = IMAGE_INFO_SPECIFIC_KIND_FILE;
    info->u.file.data = file;
    if (ioctl(s->fd, FS_IOC_FSGETXATTR, &attr) == 0 &&
        (attr.fsx_xflags & FS_XFLAG_EXTSIZE) && attr.fsx_extsize) {
        file->has_extent_size_hint = true;
        file->extent_size_hint = attr.fsx_extsize;
    }
    return info;
}

static BlockStatsSpecificFile file_stats(BlockDriverState *bs)
{
    FileState *s = bs->opaque;

    return (BlockStatsSpecificFile){
        .discard_nb_ok = qatomic_read(&s->discard_nb_ok),
        .discard_nb_failed = qatomic_read(&s->discard_nb_failed),
        .discard_bytes_ok = qatomic_read(&s->discard_bytes_ok),
    };
}

static BlockStatsSpecific *file_get_specific_stats(BlockDriverState *bs)
{
    BlockStatsSpecific *stats = g_new0(BlockStatsSpecific, 1);

    stats->driver = BLOCKDEV_DRIVER_FILE;
    stats->u.file = file_stats(bs);
    return stats;
}

static BlockStatsSpecific *device_get_specific_stats(BlockDriverState *bs)
{
    BlockStatsSpecific *stats = g_new0(BlockStatsSpecific, 1);

    stats->driver = BLOCKDEV_DRIVER_HOST_DEVICE;
    stats->u.host_device = file_stats(bs);
    return stats;
}

#define FILE_COMMON                                                            \
    .instance_size = sizeof(FileState), .needs_filename = true,                \
    .strong_runtime_opts = file_strong_runtime_opts, .bdrv_close = file_close, \
    .mutable_opts = file_mutable_opts,                                         \
    .bdrv_reopen_prepare = file_reopen_prepare,                                \
    .bdrv_refresh_filename = file_refresh_filename,                            \
    .bdrv_refresh_limits = file_refresh_limits,                                \
    .bdrv_getlength = file_getlength,                                          \
    .bdrv_get_allocated_file_size = file_get_allocated_file_size,              \
    .bdrv_get_info = file_get_info, .bdrv_check_perm = file_check_perm,        \
    .bdrv_set_perm = file_set_perm,                                            \
    .bdrv_abort_perm_update = file_abort_perm_update,                          \
    .bdrv_co_preadv = file_co_preadv, .bdrv_co_pwritev = file_co_pwritev,      \
    .bdrv_co_pwrite_zeroes = file_co_pwrite_zeroes,                            \
    .bdrv_co_pdiscard = file_co_pdiscard,                                      \
    .bdrv_co_flush_to_disk = file_co_flush,                                    \
    .bdrv_co_copy_range_to = file_co_copy_range_to, .shows_data_as_is = true,  \
    .bdrv_co_block_status = file_co_block_status,                              \
    .bdrv_co_truncate = file_co_truncate,                                      \
    .bdrv_co_make_room = file_co_make_room,                                    \
    .bdrv_submit_fast = file_submit_fast

const BlockDriver bdrv_file = {
    .format_name = "file",
    .protocol_name = "file",
    .bdrv_parse_filename = file_parse_filename,
    .bdrv_open = file_open,
    .create_opts = file_create_opts,
    .bdrv_create = file_create,
    .bdrv_get_specific_info = file_get_specific_info,
    .bdrv_get_specific_stats = file_get_specific_stats,
    FILE_COMMON,
};

const BlockDriver bdrv_host_device = {
    .format_name = "host_device",
    .protocol_name = "host_device",
    .bdrv_parse_filename = device_parse_filename,
    .bdrv_probe_device = device_probe,
    .bdrv_open = device_open,
    .bdrv_get_specific_info = file_get_specific_info,
    .bdrv_get_specific_stats = device_get_specific_stats,
    FILE_COMMON,
};
