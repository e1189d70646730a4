/*
 * file and host_device: sizes, and what alignment direct I/O needs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/file-posix.h"
#include "util/memalign.h"

#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define MAX_PROBED_ALIGNMENT 4096

/* What the kernel says itself (Linux 6.1 on). */
static bool alignment_by_statx(int fd, uint32_t *offset_align,
                               size_t *mem_align)
{
#ifdef STATX_DIOALIGN
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
        (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_offset_align &&
        stx.stx_dio_mem_align) {
        *offset_align = stx.stx_dio_offset_align;
        *mem_align = stx.stx_dio_mem_align;
        return true;
    }
#endif
    return false;
}

/* Would a read of @len bytes to @buf be accepted? An empty file accepts all,
 * which is as good as a yes. */
static bool read_works(int fd, void *buf, size_t len)
{
    ssize_t ret = RETRY_ON_EINTR(pread(fd, buf, len, 0));

    return ret >= 0 || errno != EINVAL;
}

static void alignment_by_reads(int fd, uint32_t *offset_align,
                               size_t *mem_align)
{
    static const uint32_t tries[] = { 1, 512, 1024, 2048, 4096 };
    size_t size = MAX(MAX_PROBED_ALIGNMENT, qemu_real_host_page_size());
    QEMU_AUTO_VFREE uint8_t *buf = qemu_memalign(size, 2 * size);

    for (size_t i = 0; i < ARRAY_SIZE(tries) && !*offset_align; i++) {
        if (read_works(fd, buf, tries[i])) {
            /* Who takes one byte may be about to end with this read: the
             * answer says nothing, so be careful */
            *offset_align = tries[i] == 1 ? MAX_PROBED_ALIGNMENT : tries[i];
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(tries) && !*mem_align; i++) {
        if (read_works(fd, buf + tries[i], size)) {
            *mem_align = tries[i] == 1 ? MAX_PROBED_ALIGNMENT : tries[i];
        }
    }
}

static void find_alignment(BlockDriverState *bs, Error **errp)
{
    FileState *s = bs->opaque;
    uint32_t offset_align = 0;
    size_t mem_align = 0;
    int sector = 0;
    ERRP_GUARD();

    if (!alignment_by_statx(s->fd, &offset_align, &mem_align)) {
        if (s->is_block && ioctl(s->fd, BLKSSZGET, &sector) == 0) {
            offset_align = sector;
        }
        alignment_by_reads(s->fd, &offset_align, &mem_align);
    }
    if (!is_power_of_2(offset_align) || !is_power_of_2(mem_align)) {
        error_setg(errp, "Could not find working O_DIRECT alignment");
        error_append_hint(errp, "Try cache.direct=off\n");
        return;
    }
    bs->bl.request_alignment = offset_align;
    bs->bl.min_mem_alignment = mem_align;
    bs->bl.opt_mem_alignment = MAX(mem_align, qemu_real_host_page_size());
}

static bool is_in_memory(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

void file_refresh_limits(BlockDriverState *bs, Error **errp)
{
    FileState *s = bs->opaque;

    bs->bl.request_alignment = 1;
    bs->bl.min_mem_alignment = 1;
    bs->bl.opt_mem_alignment = qemu_real_host_page_size();
    bs->bl.max_iov = IOV_MAX;
    s->serve_inline = is_in_memory(s->fd);
    if (s->needs_alignment) {
        find_alignment(bs, errp);
    }
}

int64_t file_getlength(BlockDriverState *bs)
{
    FileState *s = bs->opaque;
    uint64_t bytes;
    off_t end;

    if (s->is_block && ioctl(s->fd, BLKGETSIZE64, &bytes) == 0) {
        return bytes;
    }
    end = lseek(s->fd, 0, SEEK_END);
    return end < 0 ? -errno : end;
}

int64_t file_get_allocated_file_size(BlockDriverState *bs)
{
    FileState *s = bs->opaque;
    struct stat st;

    if (fstat(s->fd, &st) < 0) {
        return -errno;
    }
    return (int64_t)st.st_blocks * 512;
}
