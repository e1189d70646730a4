/*
 * Reference counts of host clusters, in memory; order.c says when they reach
 * the file.
 *
 * A refcount block that is missing is made where it is needed first: in the
 * first cluster that it would count, so it counts itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "util/buffer.h"

uint64_t qcow2_refcount_read(const void *block, uint64_t i, unsigned order)
{
    const uint8_t *b = block;
    uint16_t v16;
    unsigned width;

    switch (order) {
    case 3:
        return b[i];
    case 4:
        memcpy(&v16, b + i * 2, sizeof(v16));
        return GUINT16_FROM_BE(v16);
    case 5:
        return qcow2_ldl(b + i * 4);
    case 6:
        return qcow2_ldq(b + i * 8);
    default:
        /* Several in a byte, the first in the lowest bits */
        width = 1 << order;
        return b[i * width / 8] >> (i * width % 8) & ((1 << width) - 1);
    }
}

void qcow2_refcount_write(void *block, uint64_t i, unsigned order, uint64_t v)
{
    uint8_t *b = block, *p;
    uint16_t v16 = GUINT16_TO_BE(v);
    unsigned width, shift;

    switch (order) {
    case 3:
        b[i] = v;
        break;
    case 4:
        memcpy(b + i * 2, &v16, sizeof(v16));
        break;
    case 5:
        qcow2_stl(b + i * 4, v);
        break;
    case 6:
        qcow2_stq(b + i * 8, v);
        break;
    default:
        width = 1 << order;
        p = b + i * width / 8;
        shift = i * width % 8;
        *p = (*p & ~(((1 << width) - 1) << shift)) | v << shift;
        break;
    }
}

static uint64_t get(const Qcow2State *s, const Qcow2Table *t, uint64_t cluster)
{
    return qcow2_refcount_read(
        t->data, cluster & ((UINT64_C(1) << s->refblock_bits) - 1),
        s->refcount_order);
}

static void set(Qcow2State *s, Qcow2Table *t, uint64_t cluster, uint64_t v)
{
    uint64_t i = cluster & ((UINT64_C(1) << s->refblock_bits) - 1);

    qcow2_refcount_write(t->data, i, s->refcount_order, v);
    qcow2_cache_mark(&s->refblock_cache, t, (i << s->refcount_order) / 8, 1);
}

/* Under s->lock, which may be dropped: then *@dropped, and *@table is not
 * set. NULL without that: there is no such block. */
static int coroutine_fn get_block(BlockDriverState *bs, uint64_t index,
                                  Qcow2Table **table, bool *dropped)
{
    Qcow2State *s = bs->opaque;
    uint64_t offset;
    int ret;

    *table = NULL;
    if (index >= s->reftable_size) {
        return 0;
    }
    offset = s->reftable[index] & QCOW2_REFT_OFFSET_MASK;
    if (!offset) {
        return 0;
    }
    if (offset & (s->cluster_size - 1)) {
        *dropped = true;
        qemu_mutex_unlock(&s->lock);
        ret = qcow2_co_corrupt(bs,
                               "Refblock offset %#" PRIx64
                               " unaligned (reftable index: %#" PRIx64 ")",
                               offset, index);
        qemu_mutex_lock(&s->lock);
        return ret;
    }
    return qcow2_co_cache_get(bs, &s->refblock_cache, index, offset, table,
                              dropped);
}

/* --- growing --- */

static void make_block(BlockDriverState *bs, uint64_t index)
{
    Qcow2State *s = bs->opaque;
    uint64_t cluster = index << s->refblock_bits;
    Qcow2Table *t = qcow2_cache_new(bs, &s->refblock_cache, index,
                                    cluster << s->cluster_bits);

    if (t) {
        set(s, t, cluster, 1);
        s->reftable[index] = cluster << s->cluster_bits;
        s->reftable_dirty[index / 64] |= UINT64_C(1) << (index % 64);
        s->reftable_any_dirty = true;
        s->fresh_from = MAX(s->fresh_from, (cluster + 1) << s->cluster_bits);
    }
}

/*
 * A larger refcount table, at the end of what the old one counts: its
 * clusters and the blocks that count them come with it. It is in the file,
 * and the header leads to it, on return. Under s->lock, which is dropped.
 */
static int coroutine_fn grow_reftable(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    uint64_t per_cluster = s->cluster_size / 8;
    uint64_t old_size = s->reftable_size, start, end, new_clusters, new_size;
    uint64_t blocks;
    g_autofree uint8_t *block = g_try_malloc0(s->cluster_size);
    g_autofree uint64_t *table = NULL;
    uint64_t *new_table, *new_dirty, old_offset, old_clusters;
    uint8_t header[12];
    int ret;

    if (s->growing_reftable) {
        qemu_co_queue_wait(&s->grow_queue, &s->lock);
        return 0;
    }
    start = old_size << s->refblock_bits;
    new_clusters = s->reftable_clusters + MAX(s->reftable_clusters / 2, 1);
    for (blocks = 1;;
         blocks = DIV_ROUND_UP(end - start, UINT64_C(1) << s->refblock_bits)) {
        new_size = new_clusters * per_cluster;
        end = start + blocks + new_clusters;
        if (old_size + blocks > new_size) {
            new_clusters++;
        } else if (DIV_ROUND_UP(end - start, UINT64_C(1) << s->refblock_bits) <=
                   blocks) {
            break;
        }
    }
    if (new_clusters << s->cluster_bits > QCOW2_MAX_REFTABLE_SIZE ||
        end > (uint64_t)INT64_MAX >> s->cluster_bits) {
        return -EFBIG;
    }
    table = g_try_new0(uint64_t, new_size);
    if (!table || !block) {
        return -ENOMEM;
    }
    s->growing_reftable = true;
    qemu_mutex_unlock(&s->lock);
    ret = qcow2_co_exclusive_begin(bs);
    qemu_mutex_lock(&s->lock);
    for (uint64_t i = 0; i < old_size; i++) {
        /* A block that was made after that is not in the file yet */
        if (!(s->reftable_dirty[i / 64] >> (i % 64) & 1)) {
            table[i] = GUINT64_TO_BE(s->reftable[i]);
        }
    }
    qemu_mutex_unlock(&s->lock);

    BLKDBG_CO_EVENT(bs->file, REFBLOCK_ALLOC_WRITE_BLOCKS);
    /* Blocks that count all of the new clusters, then the table */
    for (uint64_t b = 0; b < blocks && ret >= 0; b++) {
        uint64_t first = b << s->refblock_bits;

        memset(block, 0, s->cluster_size);
        for (uint64_t i = 0; i < UINT64_C(1) << s->refblock_bits; i++) {
            if (first + i < end - start) {
                qcow2_refcount_write(block, i, s->refcount_order, 1);
            }
        }
        table[old_size + b] = GUINT64_TO_BE((start + b) << s->cluster_bits);
        ret = bdrv_co_pwrite(bs->file, (start + b) << s->cluster_bits,
                             s->cluster_size, block, 0);
    }
    if (ret >= 0) {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_ALLOC_WRITE_TABLE);
        ret = bdrv_co_pwrite(bs->file, (start + blocks) << s->cluster_bits,
                             new_size * 8, table, 0);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    qcow2_stq(header, (start + blocks) << s->cluster_bits);
    qcow2_stl(header + 8, new_clusters);
    if (ret >= 0) {
        BLKDBG_CO_EVENT(bs->file, REFBLOCK_ALLOC_SWITCH_TABLE);
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_REFTABLE_OFFSET, 12, header, 0);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }

    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        new_table = g_new0(uint64_t, new_size);
        new_dirty = g_new0(uint64_t, DIV_ROUND_UP(new_size, 64));
        for (uint64_t i = 0; i < new_size; i++) {
            new_table[i] = GUINT64_FROM_BE(table[i]);
        }
        for (uint64_t i = 0; i < old_size; i++) {
            if (new_table[i] != s->reftable[i]) {
                new_table[i] = s->reftable[i];
                new_dirty[i / 64] |= UINT64_C(1) << (i % 64);
                s->reftable_any_dirty = true;
            }
        }
        g_free(s->reftable);
        g_free(s->reftable_dirty);
        old_offset = s->reftable_offset;
        old_clusters = s->reftable_clusters;
        s->reftable = new_table;
        s->reftable_dirty = new_dirty;
        s->reftable_size = new_size;
        s->reftable_offset = (start + blocks) << s->cluster_bits;
        s->reftable_clusters = new_clusters;
        s->fresh_from = MAX(s->fresh_from, end << s->cluster_bits);
        qcow2_cache_grow_map(&s->refblock_cache, new_size);
        qcow2_free_later(s, old_offset, old_clusters, false);
    }
    qemu_mutex_unlock(&s->lock);
    qcow2_co_exclusive_end(bs, ret);
    qemu_mutex_lock(&s->lock);
    s->growing_reftable = false;
    qemu_co_queue_restart_all(&s->grow_queue);
    return ret;
}

/* --- taking --- */

/* Take up to @nb of the free clusters from @first on, in @t. */
static uint64_t take_run(Qcow2State *s, Qcow2Table *t, uint64_t first,
                         uint64_t nb)
{
    uint64_t block_end = ((first >> s->refblock_bits) + 1) << s->refblock_bits;
    uint64_t fresh = s->fresh_from >> s->cluster_bits, end;

    end = MIN(first + nb, block_end);
    if (first < fresh) {
        end = MIN(end, fresh);
    }
    nb = 0;
    while (first + nb < end && !get(s, t, first + nb)) {
        set(s, t, first + nb, 1);
        nb++;
    }
    return nb;
}

/* Under s->lock, which is dropped. @what: metadata that would be hit. */
static int coroutine_fn refuse_alloc(BlockDriverState *bs, const char *what)
{
    Qcow2State *s = bs->opaque;
    int ret;

    qemu_mutex_unlock(&s->lock);
    ret = qcow2_co_corrupt(
        bs, "Preventing invalid write on metadata (overlaps with %s)", what);
    qemu_mutex_lock(&s->lock);
    return ret;
}

static int64_t coroutine_fn alloc_some(BlockDriverState *bs, uint64_t want,
                                       uint64_t *nb, bool *fresh)
{
    Qcow2State *s = bs->opaque;
    uint64_t limit = (uint64_t)INT64_MAX >> s->cluster_bits;
    uint64_t host;
    int ret;

    for (;;) {
        uint64_t i = s->free_hint, index = i >> s->refblock_bits, block_end;
        const char *what;
        bool dropped = false;
        Qcow2Table *t;

        if (s->metadata_error) {
            return s->metadata_error;
        }
        if (i >= MIN(limit, QCOW2_L2_OFFSET_MASK >> s->cluster_bits)) {
            return -EFBIG;
        }
        if (index >= s->reftable_size) {
            ret = grow_reftable(bs);
            if (ret < 0) {
                return ret;
            }
            continue;
        }
        ret = get_block(bs, index, &t, &dropped);
        if (ret < 0) {
            return ret;
        }
        if (dropped) {
            continue;
        }
        if (!t) {
            host = index << s->refblock_bits << s->cluster_bits;
            what = host < s->fresh_from
                       ? qcow2_overlap_find(s, host, s->cluster_size)
                       : NULL;
            if (what) {
                return refuse_alloc(bs, what);
            }
            make_block(bs, index);
            if (!qcow2_cache_lookup(&s->refblock_cache, index)) {
                return -ENOMEM;
            }
            continue;
        }
        block_end = (index + 1) << s->refblock_bits;
        while (i < block_end && get(s, t, i)) {
            i++;
        }
        s->free_hint = i;
        if (i == block_end) {
            continue;
        }
        *nb = take_run(s, t, i, want);
        s->free_hint = i + *nb;
        host = i << s->cluster_bits;
        /* Behind all that was ever written there is nothing */
        what = host < s->fresh_from
                   ? qcow2_overlap_find(s, host, *nb << s->cluster_bits)
                   : NULL;
        if (unlikely(what)) {
            return refuse_alloc(bs, what);
        }
        *fresh = host >= s->fresh_from;
        s->fresh_from = MAX(s->fresh_from, (i + *nb) << s->cluster_bits);
        return host;
    }
}

/* Blocks for the entries [@index, @index + @blocks), one after the other in
 * the clusters from @index's first on, and a reference to each of these and of
 * the @nb behind them. Under s->lock, which is not dropped. */
static int make_run(BlockDriverState *bs, uint64_t index, uint64_t blocks,
                    uint64_t nb)
{
    Qcow2State *s = bs->opaque;
    uint64_t start = index << s->refblock_bits, made;

    for (made = 0; made < blocks; made++) {
        uint64_t i = index + made;

        if (!qcow2_cache_new(bs, &s->refblock_cache, i,
                             (start + made) << s->cluster_bits)) {
            nb = 0; /* those that are there stay, empty */
            break;
        }
        s->reftable[i] = (start + made) << s->cluster_bits;
        s->reftable_dirty[i / 64] |= UINT64_C(1) << (i % 64);
        s->reftable_any_dirty = true;
    }
    for (uint64_t c = start; c < start + made + nb; c++) {
        set(s, qcow2_cache_lookup(&s->refblock_cache, c >> s->refblock_bits), c,
            1);
    }
    s->fresh_from = MAX(s->fresh_from, (start + made + nb) << s->cluster_bits);
    return made < blocks ? -ENOMEM : 0;
}

/* A run that needs refcount blocks of its own: behind all that is counted and
 * all that was ever written. Under s->lock, which may be dropped. */
static int64_t coroutine_fn alloc_long(BlockDriverState *bs, uint64_t nb)
{
    Qcow2State *s = bs->opaque;
    uint64_t per = UINT64_C(1) << s->refblock_bits;
    uint64_t blocks = DIV_ROUND_UP(nb, per - 1), index;
    int ret;

    for (;;) {
        for (index = s->reftable_size; index > 0 && !s->reftable[index - 1];
             index--) {
        }
        index = MAX(index, DIV_ROUND_UP(s->fresh_from >> s->cluster_bits, per));
        if (s->metadata_error) {
            return s->metadata_error;
        }
        if (index + blocks <= s->reftable_size) {
            break;
        }
        ret = grow_reftable(bs);
        if (ret < 0) {
            return ret;
        }
    }
    ret = make_run(bs, index, blocks, nb);
    return ret < 0 ? ret
                   : (int64_t)(((index << s->refblock_bits) + blocks)
                               << s->cluster_bits);
}

int64_t coroutine_fn qcow2_co_alloc(BlockDriverState *bs, uint64_t nb_clusters,
                                    bool contiguous, uint64_t *nb, bool *fresh)
{
    Qcow2State *s = bs->opaque;
    int64_t start, more;
    uint64_t got, n;
    bool f;

    /* A new refcount block stands in the first cluster that it counts: a
     * longer run than the rest needs its blocks in front of it */
    if (contiguous && nb_clusters >= UINT64_C(1) << s->refblock_bits) {
        *nb = nb_clusters;
        *fresh = true;
        return alloc_long(bs, nb_clusters);
    }
    BLKDBG_EVENT(bs->file, CLUSTER_ALLOC);
    start = alloc_some(bs, nb_clusters, nb, fresh);
    got = *nb;

    while (start >= 0 && contiguous && got < nb_clusters) {
        more = alloc_some(bs, nb_clusters - got, &n, &f);
        if (more == start + (int64_t)(got << s->cluster_bits)) {
            got += n;
            *fresh = *fresh && f;
            continue;
        }
        qcow2_free_later(s, start, got, false);
        if (more < 0) {
            return more;
        }
        start = more;
        got = n;
        *fresh = f;
    }
    *nb = got;
    return start;
}

int coroutine_fn qcow2_co_refcount_add(BlockDriverState *bs, uint64_t offset,
                                       uint64_t nb_clusters, int delta)
{
    Qcow2State *s = bs->opaque;
    uint64_t cluster = offset >> s->cluster_bits, end = cluster + nb_clusters;
    int ret = 0;

    while (cluster < end) {
        bool dropped = false;
        Qcow2Table *t;
        uint64_t v;

        ret = get_block(bs, cluster >> s->refblock_bits, &t, &dropped);
        if (ret < 0) {
            return ret;
        }
        if (dropped) {
            continue;
        }
        v = t ? get(s, t, cluster) : 0;
        if (!t || (delta < 0 && !v) || (delta > 0 && v == s->refcount_max)) {
            /* The image lies about its use; leave it as it is (check will
             * tell), and go on */
            ret = -EINVAL;
        } else {
            set(s, t, cluster, v + delta);
            if (v + delta == 0) {
                s->free_hint = MIN(s->free_hint, cluster);
                if (s->free_byte_offset >> s->cluster_bits == cluster) {
                    s->free_byte_offset = 0; /* somebody else's from now on */
                }
            }
        }
        cluster++;
    }
    return ret;
}

/* The refcount block that counts @cluster; NULL: there is none. Under s->lock,
 * which may be dropped meanwhile. */
static int coroutine_fn get_block_of(BlockDriverState *bs, uint64_t cluster,
                                     Qcow2Table **t)
{
    Qcow2State *s = bs->opaque;
    bool dropped;
    int ret;

    do {
        dropped = false;
        ret = get_block(bs, cluster >> s->refblock_bits, t, &dropped);
    } while (ret >= 0 && dropped);
    return ret;
}

int coroutine_fn qcow2_co_refcount_set(BlockDriverState *bs, uint64_t cluster,
                                       uint64_t refcount)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *t;
    int ret;

    ret = get_block_of(bs, cluster, &t);
    if (ret < 0 || !t || refcount > s->refcount_max) {
        return ret < 0 ? ret : -EINVAL;
    }
    set(s, t, cluster, refcount);
    if (!refcount) {
        s->free_hint = MIN(s->free_hint, cluster);
    }
    return 0;
}

int coroutine_fn qcow2_co_refcount_get(BlockDriverState *bs, uint64_t cluster,
                                       uint64_t *refcount)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *t;
    int ret;

    ret = get_block_of(bs, cluster, &t);
    *refcount = ret >= 0 && t ? get(s, t, cluster) : 0;
    return ret;
}

int coroutine_fn qcow2_co_refcounts_equal(BlockDriverState *bs,
                                          uint64_t cluster, const void *refs,
                                          size_t len)
{
    Qcow2State *s = bs->opaque;
    uint64_t i = cluster & ((UINT64_C(1) << s->refblock_bits) - 1);
    Qcow2Table *t;
    int ret;

    ret = get_block_of(bs, cluster, &t);
    if (ret < 0) {
        return ret;
    }
    return t ? !memcmp((uint8_t *)t->data + (i << s->refcount_order) / 8, refs,
                       len)
             : buffer_is_zero(refs, len);
}

/* --- room --- */

#define ROOM_MIN (1 * MiB)
#define ROOM_MAX (64 * MiB)

static void coroutine_fn room_entry(void *opaque)
{
    BlockDriverState *bs = opaque;
    Qcow2State *s = bs->opaque;
    int ret = bdrv_co_make_room(bs->file, s->room_end);

    qemu_mutex_lock(&s->lock);
    s->making_room = false;
    s->no_room |= ret < 0;
    qemu_mutex_unlock(&s->lock);
    bdrv_dec_in_flight(bs);
}

void coroutine_fn qcow2_co_make_room(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    uint64_t ahead;
    bool start;

    qemu_mutex_lock(&s->lock);
    ahead = CLAMP(s->fresh_from / 8, ROOM_MIN, ROOM_MAX);
    start = !s->no_room && !s->making_room &&
            s->fresh_from + ahead / 2 > s->room_end;
    if (start) {
        s->making_room = true;
        s->room_end = ROUND_UP(s->fresh_from + ahead, s->cluster_size);
    }
    qemu_mutex_unlock(&s->lock);
    if (start) {
        bdrv_inc_in_flight(bs);
        qemu_coroutine_enter(qemu_coroutine_create(room_entry, bs));
    }
}
