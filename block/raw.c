/*
 * raw: an image without a format; a window (offset, size) of its file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/create.h"
#include "block/debug.h"
#include "block/opts.h"
#include "block/probe.h"
#include "block/reopen.h"
#include "util/atomic.h"
#include "util/memalign.h"

typedef struct RawState {
    /* drained */
    int64_t offset; /* of the window in the file, bytes */
    int64_t size;   /* of the window, if has_size */
    bool has_size;
} RawState;

static const char *const raw_strong_runtime_opts[] = { "offset", "size", NULL };

static int raw_probe(const uint8_t *buf, int buf_size, const char *filename)
{
    /* Smallest that counts: everything else is better than raw */
    return 1;
}

/* --- opening --- */

static int raw_set_window(const BlockDriverState *bs, RawState *s,
                          uint64_t offset, bool has_size, uint64_t size,
                          Error **errp)
{
    int64_t real_size = bdrv_getlength(bs->file->bs);

    if (real_size < 0) {
        error_setg_errno(errp, -real_size, "Could not get image size");
        return real_size;
    }
    if (offset > real_size) {
        error_setg(errp,
                   "Offset (%" PRIu64 ") cannot be greater than "
                   "size of the containing file (%" PRId64 ")",
                   offset, real_size);
        return -EINVAL;
    }
    if (has_size && real_size - offset < size) {
        error_setg(errp,
                   "The sum of offset (%" PRIu64 ") and size (%" PRIu64 ") "
                   "has to be smaller or equal to the "
                   " actual size of the containing file (%" PRId64 ")",
                   offset, size, real_size);
        return -EINVAL;
    }
    if (has_size && !QEMU_IS_ALIGNED(size, BDRV_SECTOR_SIZE)) {
        error_setg(errp, "Specified size is not multiple of %d",
                   BDRV_SECTOR_SIZE);
        return -EINVAL;
    }
    s->offset = offset;
    s->has_size = has_size;
    s->size = has_size ? (int64_t)size : real_size - (int64_t)offset;
    return 0;
}

static int raw_open(BlockDriverState *bs, QDict *options, int flags,
                    Error **errp)
{
    bool has_size = qdict_haskey(options, "size");
    uint64_t offset = 0, size = 0;
    BdrvChildRole role = BDRV_CHILD_PRIMARY;

    if (!bdrv_take_size(options, "offset", &offset, errp) ||
        !bdrv_take_size(options, "size", &size, errp)) {
        return -EINVAL;
    }
    role |= offset || has_size ? BDRV_CHILD_DATA : BDRV_CHILD_FILTERED;
    bs->file = bdrv_open_child(NULL, options, "file", bs, &child_of_bds, role,
                               false, errp);
    if (!bs->file) {
        return -EINVAL;
    }
    bs->supported_write_flags = BDRV_REQ_WRITE_UNCHANGED |
                                (BDRV_REQ_FUA &
                                 bs->file->bs->supported_write_flags);
    bs->supported_zero_flags = BDRV_REQ_WRITE_UNCHANGED |
                               ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP |
                                 BDRV_REQ_NO_FALLBACK) &
                                bs->file->bs->supported_zero_flags);
    if (bs->probed && !bs->read_only) {
        bdrv_warn_probed_raw(bs->file->bs);
    }
    return raw_set_window(bs, bs->opaque, offset, has_size, size, errp);
}

static int raw_reopen_prepare(BDRVReopenState *state, BlockReopenQueue *queue,
                              Error **errp)
{
    g_autofree RawState *s = g_new0(RawState, 1);
    bool has_size = qdict_haskey(state->rest, "size");
    uint64_t offset = 0, size = 0;
    int ret;

    if (!bdrv_take_size(state->rest, "offset", &offset, errp) ||
        !bdrv_take_size(state->rest, "size", &size, errp)) {
        return -EINVAL;
    }
    ret = raw_set_window(state->bs, s, offset, has_size, size, errp);
    if (ret == 0) {
        state->opaque = g_steal_pointer(&s);
    }
    return ret;
}

static void raw_reopen_commit(BDRVReopenState *state)
{
    *(RawState *)state->bs->opaque = *(RawState *)state->opaque;
    g_free(state->opaque);
}

static void raw_reopen_abort(BDRVReopenState *state)
{
    g_free(state->opaque);
}

static void raw_child_perm(BlockDriverState *bs, BdrvChild *c,
                           BdrvChildRole role, uint64_t perm, uint64_t shared,
                           uint64_t *nperm, uint64_t *nshared)
{
    bdrv_default_perms(bs, c, role, perm, shared, nperm, nshared);
    /* There is no metadata: what the parents do not do, we do not do */
    *nperm &= perm | ~(uint64_t)(BLK_PERM_WRITE | BLK_PERM_RESIZE);
}

/* --- properties --- */

static int64_t raw_getlength(BlockDriverState *bs)
{
    RawState *s = bs->opaque;
    int64_t len = bdrv_getlength(bs->file->bs);

    if (len < 0) {
        return len;
    }
    if (len < s->offset) {
        s->size = 0;
    } else if (s->has_size) {
        s->size = MIN(s->size, len - s->offset);
    } else {
        s->size = len - s->offset;
    }
    return s->size;
}

static int raw_probe_blocksizes(BlockDriverState *bs, BlockSizes *bsz)
{
    RawState *s = bs->opaque;
    uint32_t size;
    int ret = bdrv_probe_blocksizes(bs->file->bs, bsz);

    if (ret < 0) {
        return ret;
    }
    size = MAX(bsz->log, bsz->phys);
    return size && !QEMU_IS_ALIGNED(s->offset, size) ? -ENOTSUP : 0;
}

static int raw_probe_geometry(BlockDriverState *bs, HDGeometry *geo)
{
    RawState *s = bs->opaque;

    return s->offset || s->has_size ? -ENOTSUP
                                    : bdrv_probe_geometry(bs->file->bs, geo);
}

static int raw_get_info(BlockDriverState *bs, BlockDriverInfo *bdi)
{
    return bdrv_get_info(bs->file->bs, bdi);
}

/* --- requests --- */

/* Where @offset lies in the file, or -errno: the window may end before the
 * file does. */
static int64_t raw_map(const BlockDriverState *bs, int64_t offset,
                       int64_t bytes, bool is_write)
{
    const RawState *s = bs->opaque;

    if (s->has_size && (offset > s->size || bytes > s->size - offset)) {
        return is_write ? -ENOSPC : -EINVAL;
    }
    if (offset > INT64_MAX - s->offset) {
        return -EINVAL;
    }
    return offset + s->offset;
}

/* The first sector of an image whose format was guessed must not be made to
 * look like another format's: the next start would open it as such. */
static int coroutine_fn write_probed_sector(BlockDriverState *bs,
                                            int64_t offset, int64_t bytes,
                                            QEMUIOVector *qiov)
{
    uint8_t sector[BDRV_SECTOR_SIZE];
    int ret = 0;

    if (offset || bytes < BDRV_SECTOR_SIZE) {
        ret = bdrv_co_pread(bs->file, raw_map(bs, 0, 0, false), sizeof(sector),
                            sector, 0);
    }
    if (ret < 0) {
        return ret;
    }
    qemu_iovec_to_buf(qiov, 0, sector + offset,
                      MIN(bytes, BDRV_SECTOR_SIZE - offset));
    return bdrv_probe_all(sector, sizeof(sector), NULL) == bs->drv ? 0 : -EPERM;
}

static int coroutine_fn raw_co_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    int64_t pos = raw_map(bs, offset, bytes, false);

    if (pos < 0) {
        return pos;
    }
    BLKDBG_CO_EVENT(bs->file, READ_AIO);
    return bdrv_co_preadv(bs->file, pos, bytes, qiov, flags);
}

static int coroutine_fn raw_co_pwritev(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    int64_t pos = raw_map(bs, offset, bytes, true);
    int ret = 0;

    if (pos < 0) {
        return pos;
    }
    if (bs->probed && offset < BDRV_SECTOR_SIZE) {
        ret = write_probed_sector(bs, offset, bytes, qiov);
    }
    if (ret < 0) {
        return ret;
    }
    BLKDBG_CO_EVENT(bs->file, WRITE_AIO);
    return bdrv_co_pwritev(bs->file, pos, bytes, qiov, flags);
}

static int coroutine_fn raw_co_pwrite_zeroes(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes,
                                             BdrvRequestFlags flags)
{
    int64_t pos = raw_map(bs, offset, bytes, true);

    return pos < 0 ? pos : bdrv_co_pwrite_zeroes(bs->file, pos, bytes, flags);
}

static int coroutine_fn raw_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes)
{
    int64_t pos = raw_map(bs, offset, bytes, true);

    return pos < 0 ? pos : bdrv_co_pdiscard(bs->file, pos, bytes);
}

static int coroutine_fn raw_co_copy_range_to(BlockDriverState *bs,
                                             int64_t offset,
                                             BlockDriverState *file,
                                             int64_t from, int64_t bytes)
{
    int64_t pos = raw_map(bs, offset, bytes, true);

    if (pos < 0) {
        return pos;
    }
    if (bs->probed && offset < BDRV_SECTOR_SIZE) {
        return -ENOTSUP; /* it has to be looked at */
    }
    return bdrv_co_copy_range_to(bs->file, pos, file, from, bytes);
}

static int coroutine_fn raw_co_block_status(BlockDriverState *bs,
                                            bool want_zero, int64_t offset,
                                            int64_t bytes, int64_t *pnum,
                                            int64_t *map,
                                            BlockDriverState **file)
{
    RawState *s = bs->opaque;

    *pnum = bytes;
    *map = offset + s->offset;
    *file = bs->file->bs;
    return BDRV_BLOCK_RAW | BDRV_BLOCK_OFFSET_VALID;
}

static int coroutine_fn raw_co_truncate(BlockDriverState *bs, int64_t offset,
                                        bool exact, PreallocMode prealloc,
                                        BdrvRequestFlags flags, Error **errp)
{
    RawState *s = bs->opaque;

    if (s->has_size) {
        error_setg(errp, "Cannot resize fixed-size raw disks");
        return -ENOTSUP;
    }
    if (offset > INT64_MAX - s->offset) {
        error_setg(errp, "Disk size too large for the chosen offset");
        return -EINVAL;
    }
    s->size = offset;
    return bdrv_co_truncate(bs->file, offset + s->offset, exact, prealloc,
                            flags, errp);
}

static BdrvChild *raw_map_fast(BlockDriverState *bs, struct BlkIo *io,
                               int64_t *offset)
{
    int64_t pos = raw_map(bs, *offset, io->bytes, io->type != BLK_IO_READ);

    if (unlikely(pos < 0 || (bs->probed && *offset < BDRV_SECTOR_SIZE &&
                             io->type != BLK_IO_READ))) {
        return NULL;
    }
    *offset = pos;
    return bs->file;
}

static const BdrvCreateOpt raw_create_opts[] = {
    { "size", BDRV_OPT_SIZE, "Virtual disk size", NULL },
    { NULL },
};

static int raw_create(const BlockDriver *drv, const char *filename, QDict *opts,
                      Error **errp)
{
    return bdrv_create_file(filename, opts, errp);
}

static bool raw_measure(QDict *opts, BlockDriverState *in_bs, int64_t size,
                        struct BdrvMeasureInfo *info, Error **errp)
{
    info->required = info->fully_allocated = size;
    return true;
}

const BlockDriver bdrv_raw = {
    .format_name = "raw",
    .instance_size = sizeof(RawState),
    .is_format = true,
    .shows_data_as_is = true,
    .strong_runtime_opts = raw_strong_runtime_opts,
    .bdrv_probe = raw_probe,
    .mutable_opts = raw_strong_runtime_opts,
    .bdrv_open = raw_open,
    .bdrv_reopen_prepare = raw_reopen_prepare,
    .bdrv_reopen_commit = raw_reopen_commit,
    .bdrv_reopen_abort = raw_reopen_abort,
    .create_opts = raw_create_opts,
    .bdrv_create = raw_create,
    .bdrv_measure = raw_measure,
    .bdrv_child_perm = raw_child_perm,
    .bdrv_getlength = raw_getlength,
    .bdrv_probe_blocksizes = raw_probe_blocksizes,
    .bdrv_probe_geometry = raw_probe_geometry,
    .bdrv_get_info = raw_get_info,
    .bdrv_co_preadv = raw_co_preadv,
    .bdrv_co_pwritev = raw_co_pwritev,
    .bdrv_co_pwrite_zeroes = raw_co_pwrite_zeroes,
    .bdrv_co_pdiscard = raw_co_pdiscard,
    .bdrv_co_copy_range_to = raw_co_copy_range_to,
    .bdrv_co_block_status = raw_co_block_status,
    .bdrv_co_truncate = raw_co_truncate,
    .bdrv_map_fast = raw_map_fast,
};
