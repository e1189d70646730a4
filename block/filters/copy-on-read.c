/*
 * copy-on-read: what is read from a backing image is written to the image.
 *
 * A read that has something to copy serialises on this node, rounded to
 * clusters: a write through the node that overlaps it waits until the copy is
 * written, and cannot be undone by it. Others may not write to the image
 * behind our back (child_perm), and there is no fast path for writes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/filters/filter.h"
#include "block/io-int.h"
#include "block/opts.h"
#include "util/memalign.h"

/* Most to read and copy at once. */
#define COPY_MAX MiB

typedef struct CorState {
    /* main; drained: the lowest node that is copied from; NULL: no limit */
    BlockDriverState *bottom;
} CorState;

static const char *const cor_strong_runtime_opts[] = { NULL };

static bool in_chain(BlockDriverState *bs, const BlockDriverState *node)
{
    while (bs && bs != node) {
        bs = bdrv_filter_or_cow_bs(bs);
    }
    return bs;
}

static bool take_bottom(BlockDriverState *bs, const char *name, Error **errp)
{
    CorState *s = bs->opaque;
    BlockDriverState *bottom = bdrv_find_node(name);

    if (!bottom) {
        error_setg(errp, "Bottom node '%s' not found", name);
        return false;
    }
    if (!bottom->drv) {
        error_setg(errp, "Bottom node '%s' not opened", name);
        return false;
    }
    if (bottom->drv->is_filter) {
        error_setg(errp, "Bottom node '%s' is a filter", name);
        return false;
    }
    if (!in_chain(bs->file->bs, bottom)) {
        error_setg(errp, "Bottom node '%s' is not in the chain", name);
        return false;
    }
    bdrv_ref(bottom);
    s->bottom = bottom;
    return true;
}

static int cor_open(BlockDriverState *bs, QDict *options, int flags,
                    Error **errp)
{
    g_autofree char *bottom = bdrv_take_str(options, "bottom");
    int ret = bdrv_filter_open(bs, options, "file", errp);

    if (ret < 0) {
        return ret;
    }
    bs->supported_read_flags |= BDRV_REQ_PREFETCH;
    return !bottom || take_bottom(bs, bottom, errp) ? 0 : -EINVAL;
}

static void cor_close(BlockDriverState *bs)
{
    CorState *s = bs->opaque;

    bdrv_unref(s->bottom);
}

static void cor_child_perm(BlockDriverState *bs, BdrvChild *c,
                           BdrvChildRole role, uint64_t perm, uint64_t shared,
                           uint64_t *nperm, uint64_t *nshared)
{
    *nperm = perm;
    *nshared = shared;
    if (bs->open_flags & BDRV_O_INACTIVE) {
        return;
    }
    *nperm |= BLK_PERM_WRITE_UNCHANGED;
    *nshared &= ~(uint64_t)BLK_PERM_WRITE;
}

/* --- reading --- */

/* Is the beginning of the range to be copied: 1, 0 or -errno. */
static int coroutine_fn must_copy(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, int64_t *pnum)
{
    const CorState *s = bs->opaque;
    BlockDriverState *top = bdrv_skip_filters(bs->file->bs), *node;
    int ret = bdrv_co_block_status(bs->file->bs, offset, bytes, pnum, NULL,
                                   NULL);

    if (ret < 0 || (ret & BDRV_BLOCK_ALLOCATED)) {
        return ret < 0 ? ret : 0;
    }
    if (!*pnum) {
        *pnum = bytes; /* behind the end */
        return 0;
    }
    if (!s->bottom) {
        return 1;
    }
    /* Only what is in the nodes down to the bottom */
    node = top;
    do {
        int64_t n;

        node = bdrv_backing_chain_next(node);
        if (!node) {
            return 0;
        }
        ret = bdrv_co_block_status(node, offset, *pnum, &n, NULL, NULL);
        if (ret < 0) {
            return ret;
        }
        if (n) {
            *pnum = MIN(*pnum, n);
        }
        if (n && (ret & BDRV_BLOCK_ALLOCATED)) {
            return 1;
        }
    } while (node != s->bottom);
    return 0;
}

/* Whole clusters from @offset on are read and written back. @qiov gets what
 * it asks for of them; NULL: nothing is asked for. */
static int coroutine_fn copy_clusters(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, int64_t skip,
                                      QEMUIOVector *qiov, size_t qiov_offset,
                                      int64_t wanted)
{
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs->file->bs, bytes);
    QEMUIOVector local = QEMU_IOVEC_INIT_BUF(local, buf, bytes);
    int ret;

    if (!buf) {
        return -ENOMEM;
    }
    ret = bdrv_co_preadv(bs->file, offset, bytes, &local, 0);
    if (ret < 0) {
        return ret;
    }
    BLKDBG_CO_EVENT(bs->file, COR_WRITE);
    if (qemu_iovec_is_zero(&local, 0, bytes)) {
        ret = bdrv_co_pwrite_zeroes(bs->file, offset, bytes,
                                    BDRV_REQ_WRITE_UNCHANGED);
    } else {
        ret = bdrv_co_pwritev(bs->file, offset, bytes, &local,
                              BDRV_REQ_WRITE_UNCHANGED);
    }
    /* The data is there; that the copy failed is an error, so that nobody
     * relies on it */
    if (ret >= 0 && qiov) {
        qemu_iovec_from_buf(qiov, qiov_offset, (char *)buf + skip, wanted);
    }
    return ret;
}

static int64_t cluster_size(BlockDriverState *bs)
{
    BlockDriverInfo bdi;

    return bdrv_get_info(bs->file->bs, &bdi) >= 0 && bdi.cluster_size
               ? MAX(bdi.subcluster_size ? bdi.subcluster_size
                                         : bdi.cluster_size,
                     (int)bs->bl.request_alignment)
               : bs->bl.request_alignment;
}

/* The range of the request is ours alone. */
static int coroutine_fn read_and_copy(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      bool prefetch)
{
    int64_t cluster = cluster_size(bs), done = 0;
    int64_t total = bdrv_getlength(bs);

    while (done < bytes) {
        int64_t pos = offset + done, begin = QEMU_ALIGN_DOWN(pos, cluster);
        int64_t left = MIN(bytes - done, COPY_MAX), n = 0, end;
        int ret = must_copy(bs, pos, left, &n);

        if (ret > 0) {
            end = MIN(ROUND_UP(pos + n, cluster), total);
            ret = copy_clusters(bs, begin, end - begin, pos - begin,
                                prefetch ? NULL : qiov, done, n);
        } else if (ret == 0 && !prefetch) {
            g_auto(QEMUIOVector) part = { 0 };

            qemu_iovec_init_slice(&part, qiov, done, n);
            ret = bdrv_co_preadv(bs->file, pos, n, &part, 0);
        }
        if (ret < 0) {
            return ret;
        }
        done += n;
    }
    return 0;
}

static int coroutine_fn cor_co_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    bool prefetch = flags & BDRV_REQ_PREFETCH;
    BdrvTrackedRequest req;
    int64_t n = 0;
    int ret;

    if (bs->open_flags & BDRV_O_INACTIVE) {
        return bdrv_co_preadv(bs->file, offset, bytes, qiov, flags);
    }
    /* Nothing to copy is what it comes to in the end */
    ret = must_copy(bs, offset, bytes, &n);
    if (ret == 0 && n >= bytes) {
        return prefetch ? 0
                        : bdrv_co_preadv(bs->file, offset, bytes, qiov, flags);
    }
    bdrv_tracked_begin(&req, bs, offset, bytes);
    bdrv_co_tracked_make_serialising(&req, cluster_size(bs));
    ret = read_and_copy(bs, offset, bytes, qiov, prefetch);
    bdrv_co_tracked_end(&req);
    return ret;
}

const BlockDriver bdrv_copy_on_read = {
    .format_name = "copy-on-read",
    .instance_size = sizeof(CorState),
    .is_filter = true,
    .strong_runtime_opts = cor_strong_runtime_opts,
    .bdrv_open = cor_open,
    .bdrv_close = cor_close,
    .bdrv_child_perm = cor_child_perm,
    .bdrv_getlength = bdrv_filter_getlength,
    .bdrv_co_preadv = cor_co_preadv,
    .bdrv_co_pwritev = bdrv_filter_co_pwritev,
    .bdrv_co_pwrite_zeroes = bdrv_filter_co_pwrite_zeroes,
    .bdrv_co_pdiscard = bdrv_filter_co_pdiscard,
    .bdrv_co_block_status = bdrv_filter_co_block_status,
    .bdrv_co_truncate = bdrv_filter_co_truncate,
};
