/*
 * References of whole trees: an L1 table, its L2 tables and their clusters.
 *
 * A cluster has one reference for each L1 table that leads to it, also where
 * they do so by the same L2 table. The flag "ours alone" (copied) in the
 * entries of the disk's own tables is what requests go by; it must not be set
 * where the refcount is not 1.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/snapshot.h"
#include "util/atomic.h"
#include "util/memalign.h"

uint64_t *coroutine_fn qcow2_co_read_l1(BlockDriverState *bs, uint64_t offset,
                                        uint32_t size, int *ret)
{
    uint64_t *l1 = g_try_new0(uint64_t, MAX(size, 1));

    *ret = -ENOMEM;
    if (!l1) {
        return NULL;
    }
    *ret = size ? bdrv_co_pread(bs->file, offset, size * UINT64_C(8), l1, 0)
                : 0;
    if (*ret < 0) {
        g_free(l1);
        return NULL;
    }
    for (uint32_t i = 0; i < size; i++) {
        l1[i] = GUINT64_FROM_BE(l1[i]);
    }
    return l1;
}

/* --- the clusters of an entry --- */

/* False: there are none. */
static bool entry_clusters(const Qcow2State *s, uint64_t entry, uint64_t *host,
                           uint64_t *nb, bool *compressed)
{
    uint64_t offset, bytes;

    *compressed = entry & QCOW2_OFLAG_COMPRESSED;
    if (*compressed) {
        qcow2_compressed_range(s, entry, &offset, &bytes);
        *host = offset & ~(s->cluster_size - 1);
        *nb = ((offset + bytes - 1) >> s->cluster_bits) -
              (offset >> s->cluster_bits) + 1;
        return true;
    }
    *host = entry & QCOW2_L2_OFFSET_MASK;
    *nb = 1;
    return *host;
}

typedef struct Tree {
    BlockDriverState *bs;
    Qcow2State *s;
    const uint64_t *l1;
    uint32_t size;
    uint8_t *l2; /* one table */
} Tree;

static uint64_t l2_entry(const Tree *t, uint32_t i)
{
    return qcow2_ldq(t->l2 + i * (t->s->cluster_size >> t->s->l2_bits));
}

/* The L2 table of @index into t->l2: its place, 0 if there is none, or
 * -errno. */
static int64_t coroutine_fn read_l2(Tree *t, uint32_t index)
{
    uint64_t host = t->l1[index] & QCOW2_L1_OFFSET_MASK;
    int ret;

    if (!host) {
        return 0;
    }
    if (host & (t->s->cluster_size - 1)) {
        return qcow2_co_corrupt(t->bs,
                                "L2 table offset %#" PRIx64
                                " unaligned (L1 index: %#" PRIx32 ")",
                                host, index);
    }
    ret = bdrv_co_pread(t->bs->file, host, t->s->cluster_size, t->l2, 0);
    return ret < 0 ? ret : (int64_t)host;
}

static int tree_init(Tree *t, BlockDriverState *bs, const uint64_t *l1,
                     uint32_t size)
{
    *t = (Tree){ .bs = bs, .s = bs->opaque, .l1 = l1, .size = size };
    t->l2 = bdrv_try_blockalign(bs, t->s->cluster_size);
    return t->l2 ? 0 : -ENOMEM;
}

/* --- counting --- */

/* Under s->lock. Compressed clusters share theirs: each counts. */
static int coroutine_fn add_each(Tree *t, uint64_t host, uint64_t nb, int delta)
{
    for (uint64_t i = 0; i < nb; i++) {
        int ret = qcow2_co_refcount_add(t->bs, host + (i << t->s->cluster_bits),
                                        1, delta);

        if (ret < 0 && delta > 0) {
            while (i--) {
                qcow2_co_refcount_add(t->bs, host + (i << t->s->cluster_bits),
                                      1, -delta);
            }
            return ret;
        }
    }
    return 0;
}

/* Count @delta for the entries [0, *@done) of t->l2; *@done is how many were
 * counted. Under s->lock. */
static int coroutine_fn add_entries(Tree *t, uint32_t index, uint32_t *done,
                                    int delta)
{
    uint32_t end = *done;
    uint64_t host, nb;
    bool compressed;
    int ret;

    for (*done = 0; *done < end; (*done)++) {
        if (!entry_clusters(t->s, l2_entry(t, *done), &host, &nb,
                            &compressed)) {
            continue;
        }
        if (!compressed && (host & (t->s->cluster_size - 1))) {
            if (delta < 0) {
                continue;
            }
            qemu_mutex_unlock(&t->s->lock);
            ret = qcow2_co_corrupt(
                t->bs,
                "Cluster allocation offset %#" PRIx64
                " unaligned (L2 offset: %#" PRIx64 ", L2 index: %#" PRIx32 ")",
                host, (uint64_t)(t->l1[index] & QCOW2_L1_OFFSET_MASK), *done);
            qemu_mutex_lock(&t->s->lock);
            return ret;
        }
        ret = add_each(t, host, nb, delta);
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

/* What makes memory grow goes to the file now and then: higher refcounts can
 * be there early. */
static int coroutine_fn maybe_flush(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    bool much;

    qemu_mutex_lock(&s->lock);
    much = s->refblock_cache.nb_dirty > s->refblock_cache.max_tables / 2 ||
           s->l2_cache.nb_dirty > s->l2_cache.max_tables / 2 ||
           s->nb_frees > 65536;
    qemu_mutex_unlock(&s->lock);
    return much ? qcow2_co_flush_metadata(bs) : 0;
}

/* One table and all in it. */
static int coroutine_fn ref_table(Tree *t, uint32_t index)
{
    uint32_t done = UINT32_C(1) << t->s->l2_bits;
    int64_t host = read_l2(t, index);
    int ret;

    if (host <= 0) {
        return host;
    }
    qemu_mutex_lock(&t->s->lock);
    ret = qcow2_co_refcount_add(t->bs, host, 1, 1);
    if (ret >= 0) {
        ret = add_entries(t, index, &done, 1);
        if (ret < 0) {
            add_entries(t, index, &done, -1);
            qcow2_co_refcount_add(t->bs, host, 1, -1);
        }
    }
    qemu_mutex_unlock(&t->s->lock);
    return ret < 0 ? ret : maybe_flush(t->bs);
}

static void coroutine_fn unref_table(Tree *t, uint32_t index)
{
    uint32_t done = UINT32_C(1) << t->s->l2_bits;
    int64_t host = read_l2(t, index);

    if (host > 0) {
        qemu_mutex_lock(&t->s->lock);
        add_entries(t, index, &done, -1);
        qcow2_co_refcount_add(t->bs, host, 1, -1);
        qemu_mutex_unlock(&t->s->lock);
    }
}

int coroutine_fn qcow2_co_tree_ref(BlockDriverState *bs, const uint64_t *l1,
                                   uint32_t size)
{
    Tree t;
    int ret = tree_init(&t, bs, l1, size);
    uint32_t i;

    for (i = 0; i < size && ret >= 0; i++) {
        ret = ref_table(&t, i);
    }
    if (ret < 0 && i) {
        /* The table that failed has undone its own part. Nothing else came
         * to lead there, so the counts may fall at once */
        for (i--; i-- > 0;) {
            unref_table(&t, i);
        }
    }
    qemu_vfree(t.l2);
    return ret;
}

/* --- freeing --- */

static void free_entries(Tree *t)
{
    Qcow2State *s = t->s;
    uint64_t host, nb;
    bool compressed;

    for (uint32_t i = 0; i < UINT32_C(1) << s->l2_bits; i++) {
        if (entry_clusters(s, l2_entry(t, i), &host, &nb, &compressed) &&
            !(host & (s->cluster_size - 1))) {
            qcow2_free_later(s, host, nb, s->discard_snapshot && !compressed);
        }
    }
}

int coroutine_fn qcow2_co_tree_free(BlockDriverState *bs, uint64_t offset,
                                    const uint64_t *l1, uint32_t size)
{
    Tree t;
    int ret = tree_init(&t, bs, l1, size), result = ret;

    for (uint32_t i = 0; i < size && t.l2; i++) {
        int64_t host = read_l2(&t, i);

        if (host < 0) {
            result = host; /* the rest of it is leaked */
            continue;
        }
        if (!host) {
            continue;
        }
        qemu_mutex_lock(&t.s->lock);
        free_entries(&t);
        qcow2_free_later(t.s, host, 1, t.s->discard_snapshot);
        qemu_mutex_unlock(&t.s->lock);
        ret = maybe_flush(bs);
        result = result < 0 ? result : ret;
    }
    if (size && t.l2) {
        qemu_mutex_lock(&t.s->lock);
        qcow2_free_later(t.s, offset,
                         DIV_ROUND_UP(size * UINT64_C(8), t.s->cluster_size),
                         t.s->discard_snapshot);
        qemu_mutex_unlock(&t.s->lock);
    }
    qemu_vfree(t.l2);
    return result;
}

/* --- the flag --- */

/* Under s->lock. */
static int coroutine_fn refresh_entry(BlockDriverState *bs, Qcow2Table *l2,
                                      uint32_t i)
{
    Qcow2State *s = bs->opaque;
    uint64_t e = qcow2_l2_entry(l2, i), refs, want;
    uint64_t host = e & QCOW2_L2_OFFSET_MASK;
    int ret;

    if ((e & QCOW2_OFLAG_COMPRESSED) || !host ||
        (host & (s->cluster_size - 1))) {
        return 0;
    }
    ret = qcow2_co_refcount_get(bs, host >> s->cluster_bits, &refs);
    want = refs == 1 ? e | QCOW2_OFLAG_COPIED : e & ~QCOW2_OFLAG_COPIED;
    if (ret >= 0 && want != e) {
        qcow2_set_l2_entry(s, l2, i, want);
    }
    return ret;
}

/* Under s->lock. */
static int coroutine_fn refresh_table(BlockDriverState *bs, uint32_t index)
{
    Qcow2State *s = bs->opaque;
    uint64_t e = s->l1[index], refs, want;
    bool dropped;
    Qcow2Table *l2;
    int ret = qcow2_co_get_l2(bs,
                              (uint64_t)index << (s->cluster_bits + s->l2_bits),
                              false, &l2, &dropped);

    for (uint32_t i = 0; ret >= 0 && l2 && i < UINT32_C(1) << s->l2_bits; i++) {
        ret = refresh_entry(bs, l2, i);
    }
    if (ret < 0 || !l2) {
        return ret;
    }
    ret = qcow2_co_refcount_get(
        bs, (e & QCOW2_L1_OFFSET_MASK) >> s->cluster_bits, &refs);
    want = refs == 1 ? e | QCOW2_OFLAG_COPIED : e & ~QCOW2_OFLAG_COPIED;
    if (ret >= 0 && want != e) {
        qatomic_store_release(&s->l1[index], want);
        s->l1_dirty[index / 64] |= UINT64_C(1) << (index % 64);
        s->l1_any_dirty = true;
    }
    return ret;
}

int coroutine_fn qcow2_co_refresh_copied(BlockDriverState *bs,
                                         const uint64_t *l1, uint32_t size)
{
    Qcow2State *s = bs->opaque;
    int ret = 0;

    for (uint32_t i = 0; i < MIN(size, s->l1_size) && ret >= 0; i++) {
        if (!(l1[i] & QCOW2_L1_OFFSET_MASK)) {
            continue;
        }
        qemu_mutex_lock(&s->lock);
        ret = refresh_table(bs, i);
        qemu_mutex_unlock(&s->lock);
        if (ret >= 0) {
            ret = maybe_flush(bs);
        }
    }
    return ret;
}
