/*
 * New refcount blocks and a new refcount table, by what was counted.
 *
 * They are written behind everything that is in the file; the header leads to
 * them in one write when they are complete and stable. Until then nothing has
 * changed. The old ones are leaks afterwards.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/check.h"
#include "util/error-report.h"
#include "util/memalign.h"

typedef struct Rebuild {
    Qcow2Check *ck;
    uint64_t first;    /* cluster: blocks, then the table, begin here */
    uint64_t blocks;   /* how many */
    uint64_t clusters; /* of the table */
    uint64_t *table;   /* host byte order */
    uint64_t entries;
} Rebuild;

/* Does the block @i count anything but its own kind? */
static bool is_needed(const Rebuild *r, uint64_t i)
{
    const Qcow2State *s = r->ck->s;
    uint64_t per = UINT64_C(1) << s->refblock_bits, end;

    if ((i + 1) * per > r->first &&
        i * per < r->first + r->blocks + r->clusters) {
        return true;
    }
    end = MIN((i + 1) * per, r->ck->nb_clusters);
    for (uint64_t c = i * per; c < end; c++) {
        if (qcow2_refcount_read(r->ck->refs, c, s->refcount_order)) {
            return true;
        }
    }
    return false;
}

/* Find r->blocks and r->clusters, which count themselves: both only grow until
 * they fit. */
static int lay_out(Rebuild *r)
{
    const Qcow2State *s = r->ck->s;
    uint64_t per = UINT64_C(1) << s->refblock_bits;
    uint64_t base = r->first / per, used = 0, blocks, clusters;

    for (uint64_t i = 0; i < base; i++) {
        used += is_needed(r, i);
    }
    for (;;) {
        /* From "base" on every block has something of ours to count */
        r->entries = (r->first + MAX(r->blocks + r->clusters, 1) - 1) / per + 1;
        blocks = used + r->entries - base;
        clusters = DIV_ROUND_UP(r->entries * 8, s->cluster_size);
        if (clusters << s->cluster_bits > QCOW2_MAX_REFTABLE_SIZE) {
            return -EFBIG;
        }
        if (blocks == r->blocks && clusters == r->clusters) {
            return 0;
        }
        r->blocks = blocks;
        r->clusters = clusters;
    }
}

static void fill_block(const Rebuild *r, uint8_t *block, uint64_t i)
{
    const Qcow2State *s = r->ck->s;
    uint64_t per = UINT64_C(1) << s->refblock_bits;

    memset(block, 0, s->cluster_size);
    for (uint64_t c = i * per; c < (i + 1) * per; c++) {
        uint64_t v = 0;

        if (c >= r->first && c < r->first + r->blocks + r->clusters) {
            v = 1;
        } else {
            v = qcow2_check_refs(r->ck, c);
        }
        qcow2_refcount_write(block, c & (per - 1), s->refcount_order, v);
    }
}

static int coroutine_fn write_new_refblocks(Rebuild *r)
{
    const Qcow2State *s = r->ck->s;
    QEMU_AUTO_VFREE uint8_t *block = bdrv_try_blockalign(r->ck->bs,
                                                         s->cluster_size);
    uint64_t used = 0;
    int ret = block ? 0 : -ENOMEM;

    for (uint64_t i = 0; i < r->entries && ret >= 0; i++) {
        uint64_t offset = (r->first + used) << s->cluster_bits;

        if (!is_needed(r, i)) {
            continue;
        }
        fill_block(r, block, i);
        ret = bdrv_co_pwrite(r->ck->bs->file, offset, s->cluster_size, block,
                             0);
        r->table[i] = offset;
        used++;
    }
    if (ret < 0) {
        error_report("ERROR writing refblock: %s", strerror(-ret));
    }
    assert(ret < 0 || used == r->blocks);
    return ret;
}

static int coroutine_fn write_new_reftable(Rebuild *r)
{
    const Qcow2State *s = r->ck->s;
    uint64_t bytes = r->clusters << s->cluster_bits;
    uint64_t offset = (r->first + r->blocks) << s->cluster_bits;
    g_autofree uint64_t *be = g_try_malloc0(bytes);
    uint8_t header[12];
    int ret = be ? 0 : -ENOMEM;

    for (uint64_t i = 0; ret >= 0 && i < r->entries; i++) {
        be[i] = GUINT64_TO_BE(r->table[i]);
    }
    if (ret >= 0) {
        ret = bdrv_co_pwrite(r->ck->bs->file, offset, bytes, be, 0);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(r->ck->bs->file->bs);
    }
    if (ret < 0) {
        error_report("ERROR writing reftable: %s", strerror(-ret));
        return ret;
    }
    qcow2_stq(header, offset);
    qcow2_stl(header + 8, r->clusters);
    ret = bdrv_co_pwrite(r->ck->bs->file, QCOW2_H_REFTABLE_OFFSET, 12, header,
                         0);
    if (ret >= 0) {
        ret = bdrv_co_flush(r->ck->bs->file->bs);
    }
    if (ret < 0) {
        error_report("ERROR setting reftable: %s", strerror(-ret));
    }
    return ret;
}

/* The new ones in memory. */
static void switch_table(Rebuild *r)
{
    Qcow2State *s = r->ck->s;
    uint64_t size = r->clusters << (s->cluster_bits - 3);
    uint64_t *table = g_new0(uint64_t, size);

    memcpy(table, r->table, r->entries * 8);
    qemu_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->refblock_cache.map_size; i++) {
        qcow2_cache_drop(&s->refblock_cache, i);
    }
    qcow2_cache_grow_map(&s->refblock_cache, size);
    g_free(s->reftable);
    g_free(s->reftable_dirty);
    s->reftable = table;
    s->reftable_dirty = g_new0(uint64_t, DIV_ROUND_UP(size, 64) + 1);
    s->reftable_any_dirty = false;
    s->reftable_size = size;
    s->reftable_clusters = r->clusters;
    s->reftable_offset = (r->first + r->blocks) << s->cluster_bits;
    s->h.reftable_offset = s->reftable_offset;
    s->h.reftable_clusters = r->clusters;
    s->free_hint = 0;
    s->fresh_from = MAX(s->fresh_from, (r->first + r->blocks + r->clusters)
                                           << s->cluster_bits);
    qemu_mutex_unlock(&s->lock);
    r->ck->file_len = MAX(r->ck->file_len, s->fresh_from);
}

/* A table that the header leads to may be behind the end of the file. */
static bool hits_l1(const Rebuild *r)
{
    const Qcow2State *s = r->ck->s;
    uint64_t begin = r->first << s->cluster_bits;
    uint64_t end = begin + ((r->blocks + r->clusters) << s->cluster_bits);

    return s->l1_offset < end &&
           begin < s->l1_offset + s->l1_size * UINT64_C(8);
}

int coroutine_fn qcow2_co_check_rebuild(Qcow2Check *ck)
{
    const Qcow2State *s = ck->s;
    Rebuild r = { .ck = ck };
    int ret;

    r.first = MAX(ck->nb_clusters, DIV_ROUND_UP(ck->file_len, s->cluster_size));
    ret = lay_out(&r);
    if (ret >= 0) {
        r.table = g_try_new0(uint64_t, r.entries);
        ret = r.table ? 0 : -ENOMEM;
    }
    if (ret < 0) {
        error_report("ERROR allocating reftable: %s", strerror(-ret));
        return ret;
    }
    if (hits_l1(&r)) {
        ret = qcow2_co_corrupt(ck->bs, "Preventing invalid write on metadata "
                                       "(overlaps with active L1 table)");
        error_report("ERROR writing refblock: %s", strerror(-ret));
    } else {
        ret = write_new_refblocks(&r);
    }
    if (ret >= 0) {
        ret = write_new_reftable(&r);
    }
    if (ret >= 0) {
        switch_table(&r);
        if (!qcow2_check_grow(ck, r.first + r.blocks + r.clusters)) {
            ret = -ENOMEM;
        }
    }
    g_free(r.table);
    return ret;
}
