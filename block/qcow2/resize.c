/*
 * Changing the size of an image: a longer L1 table, zeroes where a backing
 * image would show through, preallocation.
 *
 * The order for the file: a new L1 table is complete, and its clusters are
 * counted, before the header names it; the size follows when all that the
 * new part needs is there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "util/atomic.h"
#include "util/memalign.h"

/* --- the L1 table --- */

/* Write the table and let the header lead to it. In an exclusive section;
 * *@table is what the file has now, in its byte order. */
static int coroutine_fn write_l1(BlockDriverState *bs, uint64_t offset,
                                 const uint64_t *table, uint32_t size)
{
    uint8_t header[12];
    int ret;

    BLKDBG_CO_EVENT(bs->file, L1_GROW_WRITE_TABLE);
    ret = bdrv_co_pwrite(bs->file, offset, size * UINT64_C(8), table, 0);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    qcow2_stl(header, size);
    qcow2_stq(header + 4, offset);
    if (ret >= 0) {
        BLKDBG_CO_EVENT(bs->file, L1_GROW_ACTIVATE_TABLE);
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_L1_SIZE, sizeof(header), header,
                             0);
    }
    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

/* Under s->lock: the larger table in memory. */
static void switch_l1(Qcow2State *s, uint64_t offset, uint32_t size)
{
    uint64_t *l1 = g_new0(uint64_t, size), *old = s->l1;
    uint64_t *dirty = g_new0(uint64_t, DIV_ROUND_UP(size, 64) + 1);
    uint64_t old_bytes = s->l1_size * UINT64_C(8);

    memcpy(l1, old, old_bytes);
    memcpy(dirty, s->l1_dirty, DIV_ROUND_UP(s->l1_size, 64) * 8);
    g_free(s->l1_dirty);
    s->l1_dirty = dirty;
    qcow2_cache_grow_map(&s->l2_cache, size);
    /* Readers may still look at it */
    g_ptr_array_add(s->old_l1, old);
    if (old_bytes) {
        qcow2_free_later(s, s->l1_offset,
                         DIV_ROUND_UP(old_bytes, s->cluster_size), false);
    }
    s->l1_offset = offset;
    /* RELEASE: the table before its size; pairs with qcow2_map_cached() */
    qatomic_store_release(&s->l1, l1);
    qatomic_store_release(&s->l1_size, size);
}

static int coroutine_fn grow_l1(BlockDriverState *bs, uint64_t size)
{
    Qcow2State *s = bs->opaque;
    uint64_t clusters = DIV_ROUND_UP(size * 8, s->cluster_size), nb;
    g_autofree uint64_t *table = NULL;
    int64_t offset;
    bool fresh;
    int ret;

    if (size <= s->l1_size) {
        return 0;
    }
    if (size > QCOW2_MAX_L1_SIZE / 8) {
        return -EFBIG;
    }
    table = g_try_new0(uint64_t, size);
    if (!table) {
        return -ENOMEM;
    }
    qemu_mutex_lock(&s->lock);
    offset = qcow2_co_alloc(bs, clusters, true, &nb, &fresh);
    qemu_mutex_unlock(&s->lock);
    if (offset < 0) {
        return offset;
    }
    /* This writes the refcounts, too */
    ret = qcow2_co_exclusive_begin(bs);
    qemu_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->l1_size; i++) {
        if (!(s->l1_dirty[i / 64] >> (i % 64) & 1)) {
            table[i] = GUINT64_TO_BE(s->l1[i]);
        } else {
            /* Its L2 table may not be in the file yet: what is there now */
            ret = ret < 0 ? ret : -EAGAIN;
        }
    }
    qemu_mutex_unlock(&s->lock);
    if (ret >= 0) {
        ret = write_l1(bs, offset, table, size);
    }
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        switch_l1(s, offset, size);
    } else {
        qcow2_free_later(s, offset, clusters, false);
    }
    qemu_mutex_unlock(&s->lock);
    qcow2_co_exclusive_end(bs, ret == -EAGAIN ? 0 : ret);
    return ret;
}

int coroutine_fn qcow2_co_need_l1(BlockDriverState *bs, uint64_t size)
{
    int ret;

    do {
        ret = grow_l1(bs, size);
    } while (ret == -EAGAIN);
    return ret;
}

/* --- content of the new part --- */

static int coroutine_fn write_zero_bytes(BlockDriverState *bs, uint64_t offset,
                                         uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(bs, s->cluster_size);
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    memset(buf, 0, s->cluster_size);
    while (bytes && ret >= 0) {
        uint64_t n = MIN(bytes, s->cluster_size - qcow2_in_cluster(s, offset));
        QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(qiov, buf, n);

        ret = qcow2_co_pwritev(bs, offset, n, &qiov, 0);
        offset += n;
        bytes -= n;
    }
    return ret;
}

/* The part that was cut off before, or that the backing image has, must not
 * show. */
static int coroutine_fn zero_new_part(BlockDriverState *bs, uint64_t old,
                                      uint64_t new)
{
    Qcow2State *s = bs->opaque;
    uint64_t aligned = ROUND_UP(old, s->cluster_size), end;
    int64_t below = bs->backing ? qatomic_read(&bs->backing->bs->total_bytes)
                                : 0;
    Qcow2Mapping m;
    int ret = 0;

    end = MIN(aligned, new);
    for (; old < end && ret >= 0; old += m.bytes) {
        ret = qcow2_co_map(bs, old, end - old, &m);
        if (ret < 0) {
            return ret;
        }
        if (m.type == QCOW2_CLUSTER_NORMAL ||
            m.type == QCOW2_CLUSTER_COMPRESSED ||
            (m.type == QCOW2_CLUSTER_UNALLOCATED && below > (int64_t)old)) {
            ret = write_zero_bytes(bs, old, m.bytes);
        }
    }
    end = MIN(new, (uint64_t)MAX(below, 0));
    if (ret >= 0 && end > aligned) {
        if (s->h.version >= 3) {
            ret = qcow2_co_zero_clusters(bs, aligned, end - aligned);
        } else {
            ret = write_zero_bytes(bs, aligned, end - aligned);
        }
    }
    return ret;
}

/* Clusters for the part of a range that one L2 table has. The bytes, or
 * -errno. */
static int64_t coroutine_fn prealloc_piece(BlockDriverState *bs,
                                           uint64_t offset, uint64_t end,
                                           uint64_t *host_end)
{
    Qcow2State *s = bs->opaque;
    uint32_t first = qcow2_l2_index(s, offset), max;
    uint64_t want = DIV_ROUND_UP(end - offset, s->cluster_size), nb;
    Qcow2Table *t;
    bool dropped, fresh;
    int64_t host;
    int ret;

    max = (UINT32_C(1) << s->l2_bits) - first;
    qemu_mutex_lock(&s->lock);
    /* The table first, so that the data follow in one piece */
    ret = qcow2_co_get_l2(bs, offset, true, &t, &dropped);
    if (ret < 0) {
        host = ret;
    } else if (s->has_data_file) {
        host = offset;
        nb = MIN(want, max);
        fresh = true; /* qcow2_co_data_grow() */
    } else {
        host = qcow2_co_alloc(bs, MIN(want, max), false, &nb, &fresh);
    }
    qemu_mutex_unlock(&s->lock);
    if (host < 0) {
        return host;
    }
    ret = fresh || s->extended_l2
              ? 0
              : bdrv_co_pwrite_zeroes(bs->file, host, nb << s->cluster_bits, 0);
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        ret = qcow2_co_get_l2(bs, offset, true, &t, &dropped);
    }
    for (uint32_t i = 0; ret >= 0 && i < nb; i++) {
        uint64_t old = qcow2_l2_entry(t, first + i);

        /* Subclusters: with a host cluster, but not in it yet */
        qcow2_set_l2(
            s, t, first + i,
            (host + ((uint64_t)i << s->cluster_bits)) | QCOW2_OFLAG_COPIED, 0);
        qcow2_free_entry(s, old, false);
    }
    if (ret < 0 && !s->has_data_file) {
        qcow2_free_later(s, host, nb, false);
    }
    qemu_mutex_unlock(&s->lock);
    *host_end = MAX(*host_end, host + (nb << s->cluster_bits));
    return ret < 0 ? ret : (int64_t)(nb << s->cluster_bits);
}

static int coroutine_fn preallocate(BlockDriverState *bs, uint64_t offset,
                                    uint64_t end, PreallocMode mode,
                                    Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t host_end = 0;
    int64_t len, n;

    for (offset = ROUND_UP(offset, s->cluster_size); offset < end;
         offset += n) {
        n = prealloc_piece(bs, offset, end, &host_end);
        if (n < 0) {
            error_setg_errno(errp, -n, "Could not preallocate");
            return n;
        }
    }
    len = qatomic_read(&s->data_file->bs->total_bytes);
    if ((int64_t)host_end <= len) {
        return 0;
    }
    /* So that all of it is inside of the file */
    return bdrv_co_truncate(
        s->data_file, host_end, false,
        mode == PREALLOC_MODE_METADATA ? PREALLOC_MODE_OFF : mode, 0, errp);
}

/* --- size --- */

static int coroutine_fn write_size(BlockDriverState *bs, uint64_t size)
{
    Qcow2State *s = bs->opaque;
    uint8_t buf[8];
    int ret = qcow2_co_flush_metadata(bs);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    qcow2_stq(buf, size);
    if (ret >= 0) {
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_SIZE, sizeof(buf), buf, 0);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    if (ret >= 0) {
        qatomic_set(&s->h.size, size);
    }
    return ret;
}

/* After the entries behind @new: their tables, and the end of the file. */
static int coroutine_fn shorten_file(BlockDriverState *bs, uint64_t old,
                                     uint64_t new, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int ret = qcow2_co_flush_metadata(bs);
    Error *local_err = NULL;

    if (ret >= 0) {
        ret = qcow2_co_drop_l2_tables(
            bs, qcow2_size_to_l1(new, s->cluster_bits, s->extended_l2),
            qcow2_size_to_l1(old, s->cluster_bits, s->extended_l2));
    }
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Failed to reduce the number of L2 "
                         "tables");
        return ret;
    }
    if (qcow2_co_cut_file(bs, &local_err) < 0) {
        warn_reportf_err(local_err, "Failed to truncate the tail of the "
                                    "image: ");
    }
    return 0;
}

static int coroutine_fn shrink(BlockDriverState *bs, uint64_t old, uint64_t new,
                               bool exact, Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t begin = ROUND_UP(new, s->cluster_size);
    bool discard = s->discard_request;
    int ret = write_size(bs, new);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to update the image size");
        return ret;
    }
    if (old > begin) {
        /* Nobody can read it any more: the space goes, too */
        s->discard_request = true;
        ret = qcow2_co_forget(bs, begin, old - begin);
        s->discard_request = discard;
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to discard cropped clusters");
        }
    }
    if (ret >= 0 && s->has_data_file) {
        /* The tables without the part come first */
        ret = qcow2_co_flush_metadata(bs);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to discard cropped clusters");
            return ret;
        }
        ret = bdrv_co_truncate(s->data_file, new, exact && s->data_file_raw,
                               PREALLOC_MODE_OFF, 0, errp);
    }
    return ret < 0 ? ret : shorten_file(bs, old, new, errp);
}

static int coroutine_fn grow(BlockDriverState *bs, uint64_t old, uint64_t new,
                             bool exact, PreallocMode prealloc, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int ret = qcow2_co_data_grow(bs, old, new, exact, prealloc, errp);

    if (ret < 0) {
        return ret;
    }
    ret = qcow2_co_need_l1(
        bs, qcow2_size_to_l1(new, s->cluster_bits, s->extended_l2));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to grow the L1 table");
        return ret;
    }
    if (prealloc != PREALLOC_MODE_OFF) {
        ret = preallocate(bs, old, new, prealloc, errp);
        if (ret < 0) {
            return ret;
        }
    }
    ret = zero_new_part(bs, old, new);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to zero out the new area");
        return ret;
    }
    ret = write_size(bs, new);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to update the image size");
    }
    return ret;
}

int coroutine_fn qcow2_co_truncate(BlockDriverState *bs, int64_t offset,
                                   bool exact, PreallocMode prealloc,
                                   BdrvRequestFlags flags, Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t old = s->h.size;
    int ret;

    if (offset & (BDRV_SECTOR_SIZE - 1)) {
        error_setg(errp, "The new size must be a multiple of %u",
                   BDRV_SECTOR_SIZE);
        return -EINVAL;
    }
    if (s->h.nb_snapshots && s->h.version < 3) {
        error_setg(errp, "Can't resize a v2 image which has snapshots");
        return -ENOTSUP;
    }
    if ((uint64_t)offset < old && prealloc != PREALLOC_MODE_OFF) {
        error_setg(errp, "Preallocation can't be used for shrinking an image");
        return -EINVAL;
    }
    if (!qcow2_bitmaps_allow_resize(bs, errp)) {
        return -ENOTSUP;
    }
    ret = qcow2_co_prepare_write(bs);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write to the image");
        return ret;
    }
    if ((uint64_t)offset == old) {
        return 0;
    }
    return (uint64_t)offset < old
               ? shrink(bs, old, offset, exact, errp)
               : grow(bs, old, offset, exact, prealloc, errp);
}
