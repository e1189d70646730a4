/*
 * Another width of refcounts: new refcount blocks and a new refcount table
 * are made beside the old ones.
 *
 *  1. plan_blocks(): clusters for the new structures are taken by the old
 *     ones, until there is a new block for all that is counted, themselves
 *     included
 *  2. write_new_blocks(): in an exclusive section (order.c), from what the old
 *     ones say in memory; then the table; flush
 *  3. switch_header(): one write of the header's first sector names the new
 *     table and width; flush
 *  4. switch_memory(); the old structures' clusters are freed as any others
 *
 * After a power cut before (3) the image is as it was, but for leaks.
 *
 * Runs alone on the node.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/memalign.h"

typedef struct Width {
    BlockDriverState *bs;
    Qcow2State *s;
    unsigned order, block_bits;
    uint64_t max;
    GArray *blocks;     /* uint64_t: offset of the block, or 0 */
    uint64_t nb_blocks; /* of them not 0 */
    uint64_t table_offset, table_clusters;
    BdrvAmendStatusCB *cb;
    void *cb_opaque;
    Error **errp;
} Width;

static uint64_t block_offset(const Width *w, uint64_t i)
{
    return i < w->blocks->len ? g_array_index(w->blocks, uint64_t, i) : 0;
}

/* Under s->lock: a refcount, of a cluster that the old table knows. */
static int coroutine_fn old_count(Width *w, uint64_t cluster, uint64_t *count)
{
    *count = 0;
    return qcow2_co_refcount_get(w->bs, cluster, count);
}

/* --- planning --- */

/* Under s->lock: there shall be a new block for @cluster. 1 if it is new. */
static int coroutine_fn need_block(Width *w, uint64_t cluster)
{
    uint64_t i = cluster >> w->block_bits, nb;
    int64_t offset;
    bool fresh;

    if (block_offset(w, i)) {
        return 0;
    }
    if (i >= QCOW2_MAX_REFTABLE_SIZE / 8) {
        error_setg(w->errp, "The new refcount table would be too large");
        return -EFBIG;
    }
    offset = qcow2_co_alloc(w->bs, 1, false, &nb, &fresh);
    if (offset < 0) {
        error_setg_errno(w->errp, -offset,
                         "Could not allocate a refcount block");
        return offset;
    }
    if (i >= w->blocks->len) {
        g_array_set_size(w->blocks, i + 1); /* zeroed */
    }
    g_array_index(w->blocks, uint64_t, i) = offset;
    w->nb_blocks++;
    return 1;
}

/* Blocks for all that old refcount block @index counts. */
static int coroutine_fn plan_block(Width *w, uint64_t index, bool *again)
{
    uint64_t first = index << w->s->refblock_bits, count;
    uint64_t end = (index + 1) << w->s->refblock_bits;
    int ret;

    for (uint64_t c = first; c < end; c++) {
        ret = old_count(w, c, &count);
        if (ret < 0) {
            error_setg_errno(w->errp, -ret, "Could not read refcounts");
            return ret;
        }
        if (!count) {
            continue;
        }
        if (count > w->max) {
            error_setg(w->errp,
                       "Cannot decrease refcount entry width to %i bits: "
                       "Cluster at offset %#" PRIx64
                       " has a refcount of %" PRIu64,
                       1 << w->order, c << w->s->cluster_bits, count);
            return -EINVAL;
        }
        ret = need_block(w, c);
        if (ret < 0) {
            return ret;
        }
        *again |= ret;
    }
    return 0;
}

static int coroutine_fn plan_table(Width *w, bool *again)
{
    Qcow2State *s = w->s;
    uint64_t need = DIV_ROUND_UP(w->blocks->len * UINT64_C(8), s->cluster_size);
    uint64_t nb;
    int64_t offset;
    bool fresh;

    if (need <= w->table_clusters) {
        return 0;
    }
    if (w->table_clusters) {
        qcow2_co_refcount_add(w->bs, w->table_offset, w->table_clusters, -1);
        w->table_clusters = 0;
    }
    offset = qcow2_co_alloc(w->bs, need, true, &nb, &fresh);
    if (offset < 0) {
        error_setg_errno(w->errp, -offset,
                         "Could not allocate the refcount table");
        return offset;
    }
    w->table_offset = offset;
    w->table_clusters = need;
    *again = true;
    return 0;
}

static int coroutine_fn plan_blocks(Width *w)
{
    Qcow2State *s = w->s;
    bool again = true;
    int ret = 0;

    while (again && ret >= 0) {
        again = false;
        for (uint64_t i = 0; i < s->reftable_size && ret >= 0; i++) {
            if (s->reftable[i] & QCOW2_REFT_OFFSET_MASK) {
                ret = plan_block(w, i, &again);
            }
        }
        if (ret >= 0) {
            ret = plan_table(w, &again);
        }
    }
    return ret;
}

/* Under s->lock: it came to nothing. */
static void coroutine_fn give_up(Width *w)
{
    for (guint i = 0; i < w->blocks->len; i++) {
        if (block_offset(w, i)) {
            qcow2_co_refcount_add(w->bs, block_offset(w, i), 1, -1);
        }
    }
    if (w->table_clusters) {
        qcow2_co_refcount_add(w->bs, w->table_offset, w->table_clusters, -1);
    }
}

/* --- writing --- */

static int coroutine_fn write_new_block(Width *w, uint64_t index, uint8_t *buf)
{
    Qcow2State *s = w->s;
    uint64_t first = index << w->block_bits, count;
    uint64_t counted = (uint64_t)s->reftable_size << s->refblock_bits;
    int ret = 0;

    memset(buf, 0, s->cluster_size);
    qemu_mutex_lock(&s->lock);
    for (uint64_t i = 0;
         i < UINT64_C(1) << w->block_bits && first + i < counted && ret >= 0;
         i++) {
        ret = old_count(w, first + i, &count);
        qcow2_refcount_write(buf, i, w->order, count);
    }
    qemu_mutex_unlock(&s->lock);
    return ret < 0 ? ret
                   : bdrv_co_pwrite(w->bs->file, block_offset(w, index),
                                    s->cluster_size, buf, 0);
}

static int coroutine_fn write_new_reftable(Width *w)
{
    uint64_t bytes = w->table_clusters << w->s->cluster_bits;
    g_autofree uint64_t *table = g_try_malloc0(bytes);
    int ret;

    if (!table) {
        return -ENOMEM;
    }
    for (guint i = 0; i < w->blocks->len; i++) {
        table[i] = GUINT64_TO_BE(block_offset(w, i));
    }
    ret = bdrv_co_pwrite(w->bs->file, w->table_offset, bytes, table, 0);
    return ret < 0 ? ret : bdrv_co_flush(w->bs->file->bs);
}

static int coroutine_fn write_new_blocks(Width *w)
{
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(w->bs,
                                                       w->s->cluster_size);
    uint64_t done = 0;
    int ret = buf ? 0 : -ENOMEM;

    for (guint i = 0; i < w->blocks->len && ret >= 0; i++) {
        if (block_offset(w, i)) {
            ret = write_new_block(w, i, buf);
            if (w->cb) {
                w->cb(w->bs, ++done, w->nb_blocks, w->cb_opaque);
            }
        }
    }
    return ret < 0 ? ret : write_new_reftable(w);
}

static int coroutine_fn switch_header(Width *w)
{
    uint8_t sector[512];
    int ret = bdrv_co_pread(w->bs->file, 0, sizeof(sector), sector, 0);

    if (ret < 0) {
        return ret;
    }
    qcow2_stq(sector + QCOW2_H_REFTABLE_OFFSET, w->table_offset);
    qcow2_stl(sector + QCOW2_H_REFTABLE_CLUSTERS, w->table_clusters);
    qcow2_stl(sector + QCOW2_H_REFCOUNT_ORDER, w->order);
    ret = bdrv_co_pwrite(w->bs->file, 0, sizeof(sector), sector, 0);
    return ret < 0 ? ret : bdrv_co_flush(w->bs->file->bs);
}

/* --- in memory --- */

/* Under s->lock. */
static void switch_memory(Width *w)
{
    Qcow2State *s = w->s;
    unsigned max_tables = s->refblock_cache.max_tables;
    uint64_t *old = s->reftable, old_size = s->reftable_size;
    uint64_t old_offset = s->reftable_offset;
    uint64_t old_clusters = s->reftable_clusters;

    s->reftable_size = w->table_clusters << (s->cluster_bits - 3);
    s->reftable = g_new0(uint64_t, s->reftable_size);
    memcpy(s->reftable, w->blocks->data, w->blocks->len * sizeof(uint64_t));
    g_free(s->reftable_dirty);
    s->reftable_dirty = g_new0(uint64_t,
                               DIV_ROUND_UP(s->reftable_size, 64) + 1);
    s->reftable_any_dirty = false;
    s->reftable_offset = w->table_offset;
    s->reftable_clusters = w->table_clusters;
    s->refcount_order = s->h.refcount_order = w->order;
    s->refblock_bits = w->block_bits;
    s->refcount_max = w->max;
    s->free_hint = 0;
    /* Nothing of it is on its way: what it had is in the new blocks */
    qcow2_cache_cleanup(&s->refblock_cache);
    memset(&s->refblock_cache, 0, sizeof(s->refblock_cache));
    qcow2_cache_init(&s->refblock_cache, s->cluster_size, max_tables,
                     s->reftable_size);

    for (uint64_t i = 0; i < old_size; i++) {
        if (old[i] & QCOW2_REFT_OFFSET_MASK) {
            qcow2_free_later(s, old[i] & QCOW2_REFT_OFFSET_MASK, 1, false);
        }
    }
    qcow2_free_later(s, old_offset, old_clusters, false);
    g_free(old);
}

int coroutine_fn qcow2_co_change_refcount_order(BlockDriverState *bs,
                                                unsigned order,
                                                BdrvAmendStatusCB *cb,
                                                void *cb_opaque, Error **errp)
{
    Qcow2State *s = bs->opaque;
    g_autoptr(GArray) blocks = g_array_new(false, true, sizeof(uint64_t));
    Width w = { .bs = bs,
                .s = s,
                .order = order,
                .block_bits = s->cluster_bits + 3 - order,
                .max = order == 6 ? INT64_MAX
                                  : (UINT64_C(1) << (1 << order)) - 1,
                .blocks = blocks,
                .cb = cb,
                .cb_opaque = cb_opaque,
                .errp = errp };
    int ret = qcow2_co_prepare_write(bs);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write to the image");
        return ret;
    }
    qemu_mutex_lock(&s->lock);
    ret = plan_blocks(&w);
    if (ret < 0) {
        give_up(&w);
    }
    qemu_mutex_unlock(&s->lock);
    if (ret < 0) {
        return ret;
    }
    ret = qcow2_co_exclusive_begin(bs);
    if (ret >= 0) {
        ret = write_new_blocks(&w);
    }
    if (ret >= 0) {
        ret = switch_header(&w);
    }
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        switch_memory(&w);
    } else {
        give_up(&w);
    }
    qemu_mutex_unlock(&s->lock);
    qcow2_co_exclusive_end(bs, ret);
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write the new refcounts");
    }
    return ret;
}
