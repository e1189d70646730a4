/*
 * Making files: the file driver's bdrv_create().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"

#include "block/opts.h"
#include "util/cutils.h"
#include "util/error-report.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

const BdrvCreateOpt file_create_opts[] = {
    { "size", BDRV_OPT_SIZE, "Virtual disk size", NULL },
    { "nocow", BDRV_OPT_BOOL, "Turn off copy-on-write (valid only on btrfs)",
      NULL },
    { "preallocation", BDRV_OPT_STRING,
      "Preallocation mode (allowed values: off, falloc, full)", NULL },
    { "extent_size_hint", BDRV_OPT_SIZE,
      "Extent size hint for the image file, 0 to disable", NULL },
    { NULL },
};

/* Where the file system takes it; best effort, as it is only speed. @warn: the
 * user asked for the hint. */
static void set_attributes(int fd, bool nocow, uint64_t extent_size_hint,
                           bool warn)
{
    struct fsxattr attr;
    int flags, ret;

    if (nocow && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NOCOW_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (!extent_size_hint || extent_size_hint > UINT32_MAX) {
        return;
    }
    ret = ioctl(fd, FS_IOC_FSGETXATTR, &attr);
    if (ret == 0) {
        attr.fsx_xflags |= FS_XFLAG_EXTSIZE;
        attr.fsx_extsize = extent_size_hint;
        ret = ioctl(fd, FS_IOC_FSSETXATTR, &attr);
    }
    if (ret < 0 && warn) {
        warn_report("Failed to set extent size hint: %s", strerror(errno));
    }
}

/* Write the first block of a file that is one hole: how requests must be
 * aligned with O_DIRECT is found out by reading, and holes tell nothing. */
static int allocate_first_block(BlockBackend *blk, uint64_t size)
{
    static const char zeroes[4096];
    int64_t len = size < sizeof(zeroes) ? BDRV_SECTOR_SIZE : sizeof(zeroes);

    return size ? blk_pwrite(blk, 0, len, zeroes, 0) : 0;
}

/* Give the file that is there now its size, under the image locks. */
static int fill_file(const char *filename, uint64_t size, PreallocMode prealloc,
                     Error **errp)
{
    g_autoptr(BlockBackend) blk = NULL;
    QDict *options = qdict_new();
    BlockDriverState *bs;
    int ret;

    qdict_put_str(options, "driver", "file");
    qdict_put_str(options, "filename", filename);
    bs = bdrv_open(NULL, NULL, options,
                   BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_PROTOCOL, errp);
    if (!bs) {
        return -EINVAL;
    }
    blk = blk_new_with_bs(bs, BLK_PERM_WRITE | BLK_PERM_RESIZE,
                          BLK_PERM_ALL & ~BLK_PERM_RESIZE, errp);
    bdrv_unref(bs);
    if (!blk) {
        return -EPERM;
    }
    ret = blk_truncate(blk, 0, true, PREALLOC_MODE_OFF, 0, errp);
    if (ret == 0) {
        ret = blk_truncate(blk, size, true, prealloc, 0, errp);
    }
    if (ret == 0 && prealloc == PREALLOC_MODE_OFF) {
        allocate_first_block(blk, size); /* it works without, too */
    }
    return ret;
}

/* An index into PreallocMode, or -1 and @errp. */
static int take_prealloc(QDict *opts, Error **errp)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full",
                                         NULL };
    Error *local_err = NULL;
    int mode = bdrv_take_enum(opts, "preallocation", modes, &local_err);

    if (local_err) {
        error_propagate(errp, local_err);
        return -1;
    }
    return mode < 0 ? PREALLOC_MODE_OFF : mode;
}

int file_create(const BlockDriver *drv, const char *filename, QDict *opts,
                Error **errp)
{
    uint64_t size = 0, extent_size_hint = 1024 * 1024;
    bool nocow = false, has_hint = qdict_haskey(opts, "extent_size_hint");
    int prealloc, fd;

    strstart(filename, "file:", &filename);
    prealloc = take_prealloc(opts, errp);
    if (prealloc < 0 || !bdrv_take_size(opts, "size", &size, errp) ||
        !bdrv_take_bool(opts, "nocow", &nocow, errp) ||
        !bdrv_take_size(opts, "extent_size_hint", &extent_size_hint, errp)) {
        return -EINVAL;
    }
    if (size > BDRV_MAX_LENGTH) {
        int ret = size > INT64_MAX ? -EINVAL : -EFBIG;

        error_setg_errno(errp, -ret, "Could not resize file");
        return ret;
    }
    size = QEMU_ALIGN_UP(size, (uint64_t)BDRV_SECTOR_SIZE);
    fd = qemu_open_cloexec(filename, O_RDWR | O_CREAT, 0644);
    if (fd < 0) {
        fd = -errno;
        error_setg_errno(errp, -fd, "Could not create '%s'", filename);
        return fd;
    }
    set_attributes(fd, nocow, extent_size_hint, has_hint);
    close(fd);
    if (prealloc == PREALLOC_MODE_METADATA) {
        error_setg(errp, "Unsupported preallocation mode: metadata");
        return -ENOTSUP;
    }
    return fill_file(filename, size, prealloc, errp);
}
