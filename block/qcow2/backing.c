/*
 * The backing file that an image names, and emptying an image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"

#include "block/sync.h"
#include "util/atomic.h"

static int coroutine_fn co_update_header(BdrvSyncCall *call)
{
    return qcow2_co_update_header(call->target);
}

int qcow2_change_backing_file(BlockDriverState *bs, const char *backing_file,
                              const char *backing_fmt)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall call = { .co_fn = co_update_header, .target = bs };
    char *old_file = s->h.backing_file, *old_fmt = s->h.backing_format;
    int ret;

    if (backing_file && strlen(backing_file) > QCOW2_MAX_BACKING_NAME) {
        return -EINVAL;
    }
    s->h.backing_file = backing_file && *backing_file ? g_strdup(backing_file)
                                                      : NULL;
    s->h.backing_format = backing_fmt && *backing_fmt ? g_strdup(backing_fmt)
                                                      : NULL;
    ret = bdrv_run_sync(&call);
    if (ret < 0) {
        g_free(s->h.backing_file);
        g_free(s->h.backing_format);
        s->h.backing_file = old_file;
        s->h.backing_format = old_fmt;
        return ret;
    }
    g_free(old_file);
    g_free(old_fmt);
    return 0;
}

int coroutine_fn qcow2_co_drop_l2_tables(BlockDriverState *bs, uint32_t from,
                                         uint32_t to)
{
    Qcow2State *s = bs->opaque;
    g_autofree uint64_t *zeroes = NULL;
    int ret;

    to = MIN(to, s->l1_size);
    if (from >= to) {
        return 0;
    }
    zeroes = g_new0(uint64_t, to - from);
    ret = qcow2_co_exclusive_begin(bs);
    if (ret == 0) {
        ret = bdrv_co_pwrite(bs->file, s->l1_offset + from * UINT64_C(8),
                             (to - from) * UINT64_C(8), zeroes, 0);
    }
    if (ret == 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    qemu_mutex_lock(&s->lock);
    for (uint32_t i = from; ret == 0 && i < to; i++) {
        uint64_t l2 = s->l1[i] & QCOW2_L1_OFFSET_MASK;

        if (l2) {
            qatomic_set(&s->l1[i], 0);
            qcow2_cache_drop(&s->l2_cache, i);
            qcow2_free_later(s, l2, 1, true);
        }
    }
    qemu_mutex_unlock(&s->lock);
    qcow2_co_exclusive_end(bs, ret);
    return ret;
}

int coroutine_fn qcow2_co_cut_file(BlockDriverState *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t end = DIV_ROUND_UP((uint64_t)bs->file->bs->total_bytes,
                                s->cluster_size);
    uint64_t cluster = end, refcount = 0;
    int ret = 0;

    qemu_mutex_lock(&s->lock);
    while (cluster > 0 && ret == 0) {
        ret = qcow2_co_refcount_get(bs, cluster - 1, &refcount);
        if (refcount) {
            break;
        }
        cluster--;
    }
    qemu_mutex_unlock(&s->lock);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to get the end of the image");
    } else if (cluster && cluster < end) {
        ret = bdrv_co_truncate(bs->file, cluster << s->cluster_bits, false,
                               PREALLOC_MODE_OFF, 0, errp);
    }
    return ret;
}

int coroutine_fn qcow2_co_make_empty(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    uint64_t total = ROUND_UP((uint64_t)bs->total_bytes, s->cluster_size);
    bool discard = s->discard_request;
    int ret;

    /* What nobody can read any more need not keep its space */
    s->discard_request = true;
    ret = qcow2_co_forget(bs, 0, total);
    if (ret == 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret == 0 && !s->h.nb_snapshots) {
        ret = qcow2_co_drop_l2_tables(bs, 0, s->l1_size);
        if (ret == 0) {
            ret = qcow2_co_flush_metadata(bs);
        }
        if (ret == 0) {
            qcow2_co_cut_file(bs, NULL); /* it is only space */
        }
    }
    s->discard_request = discard;
    return ret;
}
