/*
 * From guest offsets to host offsets: the L1 table and L2 tables.
 *
 * Look-ups of what is in memory take no lock (cache.c, invariant 2); the
 * fast path of a device's request is one of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/qcow2/qcow2.h"
#include "util/atomic.h"

Qcow2ClusterType qcow2_entry_type(const Qcow2State *s, uint64_t entry)
{
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;

    if (entry & QCOW2_OFLAG_COMPRESSED) {
        return s->has_data_file ? QCOW2_CLUSTER_INVALID
                                : QCOW2_CLUSTER_COMPRESSED;
    }
    if (host & (s->cluster_size - 1)) {
        return QCOW2_CLUSTER_INVALID;
    }
    if (s->h.version >= 3 && !s->extended_l2 && (entry & QCOW2_OFLAG_ZERO)) {
        return host ? QCOW2_CLUSTER_ZERO_ALLOC : QCOW2_CLUSTER_ZERO_PLAIN;
    }
    /* A data file's first cluster is at 0 */
    return host || (s->has_data_file && (entry & QCOW2_OFLAG_COPIED))
               ? QCOW2_CLUSTER_NORMAL
               : QCOW2_CLUSTER_UNALLOCATED;
}

/* What @bits of an extended entry, of type @cluster, say of subcluster @i; *@n:
 * of how many from there on. */
static Qcow2ClusterType subcluster_type(Qcow2ClusterType cluster,
                                        uint64_t bitmap, unsigned i,
                                        unsigned *n)
{
    uint32_t alloc = bitmap, zero = bitmap >> 32, run;
    Qcow2ClusterType type;

    *n = QCOW2_SUBCLUSTERS - i;
    if (cluster != QCOW2_CLUSTER_NORMAL &&
        cluster != QCOW2_CLUSTER_UNALLOCATED) {
        return cluster;
    }
    if ((alloc & zero) || (alloc && cluster == QCOW2_CLUSTER_UNALLOCATED)) {
        return QCOW2_CLUSTER_INVALID;
    }
    if (alloc >> i & 1) {
        type = QCOW2_CLUSTER_NORMAL;
        run = alloc;
    } else if (zero >> i & 1) {
        type = cluster == QCOW2_CLUSTER_NORMAL ? QCOW2_CLUSTER_ZERO_ALLOC
                                               : QCOW2_CLUSTER_ZERO_PLAIN;
        run = zero;
    } else {
        type = QCOW2_CLUSTER_UNALLOCATED;
        run = ~(alloc | zero);
    }
    run = ~run >> i; /* ends with as many zeroes as are of this type */
    if (run) {
        *n = __builtin_ctz(run);
    }
    return type;
}

/* What an entry says of the cluster from byte @skip on; for m->bytes. */
static inline void map_entry(const Qcow2State *s, const Qcow2Table *t,
                             uint32_t i, uint64_t skip, Qcow2Mapping *m)
{
    uint64_t entry = qcow2_l2_entry(t, i);
    unsigned n, sub = skip >> s->sub_bits;

    m->entry = entry;
    m->type = qcow2_entry_type(s, entry);
    m->copied = entry & QCOW2_OFLAG_COPIED;
    m->has_host = m->type == QCOW2_CLUSTER_NORMAL ||
                  m->type == QCOW2_CLUSTER_ZERO_ALLOC;
    m->host = (entry & QCOW2_L2_OFFSET_MASK) + skip;
    m->bytes = s->cluster_size - skip;
    m->bitmap = 0;
    if (s->extended_l2) {
        m->bitmap = qcow2_l2_bitmap(t, i);
        m->type = subcluster_type(m->type, m->bitmap, sub, &n);
        m->bytes = ((uint64_t)(sub + n) << s->sub_bits) - skip;
    }
}

/*
 * How many entries from @i to before @last are as @entry, but each @step
 * farther in the file. For entries of 8 bytes. Most of what a walk over an
 * image sees are these, so it goes by eight where the step is 0.
 */
static uint32_t count_alike(const Qcow2Table *t, uint32_t i, uint32_t last,
                            uint64_t entry, uint64_t step)
{
    const uint64_t *words = t->data, be = GUINT64_TO_BE(entry);
    uint32_t begin = i;

    while (!step && i + 8 <= last) {
        uint64_t diff = 0;

        for (unsigned j = 0; j < 8; j++) {
            diff |= __atomic_load_n(&words[i + j], __ATOMIC_RELAXED) ^ be;
        }
        if (diff) {
            break;
        }
        i += 8;
    }
    for (entry += step; i < last && qcow2_l2_entry(t, i) == entry; i++) {
        entry += step;
    }
    return i - begin;
}

void qcow2_map_table(const Qcow2State *s, const Qcow2Table *t, uint64_t offset,
                     uint64_t bytes, Qcow2Mapping *m)
{
    uint32_t i = qcow2_l2_index(s, offset);
    uint32_t last = UINT32_C(1) << s->l2_bits;
    uint64_t skip = qcow2_in_cluster(s, offset), len;

    map_entry(s, t, i, skip, m);
    if (m->has_host && s->has_data_file && m->host != offset) {
        m->type = QCOW2_CLUSTER_INVALID;
    }
    len = m->bytes;
    if (len < bytes && skip + len == s->cluster_size &&
        m->type != QCOW2_CLUSTER_COMPRESSED) {
        Qcow2Mapping next;

        if (!s->extended_l2) {
            uint64_t want = DIV_ROUND_UP(bytes - len, s->cluster_size);
            uint32_t n = count_alike(t, i + 1, MIN(last, i + 1 + want),
                                     m->entry,
                                     m->has_host ? s->cluster_size : 0);

            i += n;
            len += (uint64_t)n << s->cluster_bits;
        }
        while (len < bytes && ++i < last) {
            map_entry(s, t, i, 0, &next);
            if (next.type != m->type || next.copied != m->copied ||
                next.has_host != m->has_host ||
                (m->has_host && next.host != m->host + len)) {
                break;
            }
            len += next.bytes;
            if (next.bytes < s->cluster_size) {
                break;
            }
        }
    }
    m->bytes = MIN(len, bytes);
}

static void map_hole(const Qcow2State *s, uint64_t offset, uint64_t bytes,
                     Qcow2Mapping *m)
{
    uint64_t span = s->cluster_size << s->l2_bits;

    *m = (Qcow2Mapping){ .type = QCOW2_CLUSTER_UNALLOCATED,
                         .bytes = MIN(bytes, span - (offset & (span - 1))) };
}

bool qcow2_map_cached(Qcow2State *s, uint64_t offset, uint64_t bytes,
                      Qcow2Mapping *m)
{
    uint32_t index = qcow2_l1_index(s, offset);
    Qcow2Table *t;
    unsigned seq;

    /* ACQUIRE: sizes before pointers; pairs with the growing of both */
    if (unlikely(index >= qatomic_load_acquire(&s->l1_size))) {
        return false;
    }
    if (!(qatomic_read(&qatomic_load_acquire(&s->l1)[index]) &
          QCOW2_L1_OFFSET_MASK)) {
        map_hole(s, offset, bytes, m);
        return true;
    }
    t = qatomic_load_acquire(&qatomic_load_acquire(&s->l2_cache.map)[index]);
    if (unlikely(!t)) {
        return false;
    }
    /* ACQUIRE: pairs with make_valid() */
    seq = qatomic_load_acquire(&t->seq);
    if (unlikely((seq & 1) || qatomic_read(&t->index) != index)) {
        return false;
    }
    qcow2_map_table(s, t, offset, bytes, m);
    if (unlikely(!qatomic_read(&t->used))) {
        qatomic_set(&t->used, true);
    }
    /* The entries before the second look: pairs with invalidate() */
    smp_rmb();
    return likely(qatomic_read(&t->seq) == seq);
}

/* --- with I/O --- */

void qcow2_set_l2(Qcow2State *s, Qcow2Table *t, uint32_t i, uint64_t entry,
                  uint64_t bitmap)
{
    size_t pos = (size_t)i << t->entry_shift;
    uint64_t *words = (uint64_t *)t->data + pos;

    if (t->entry_shift) {
        /* Nobody without the lock takes one half of the old and one of the
         * new for an entry: they see an odd seq (cache.c, invariant 2) */
        qatomic_set(&t->seq, t->seq + 1);
        smp_wmb(); /* pairs with the acquire in qcow2_map_cached() */
        qatomic_set(words + 1, GUINT64_TO_BE(bitmap));
    }
    qatomic_set(words, GUINT64_TO_BE(entry));
    if (t->entry_shift) {
        /* RELEASE: pairs with the smp_rmb() in qcow2_map_cached() */
        qatomic_store_release(&t->seq, t->seq + 1);
    }
    qcow2_cache_mark(&s->l2_cache, t, pos * 8, (size_t)8 << t->entry_shift);
}

void qcow2_set_l2_entry(Qcow2State *s, Qcow2Table *t, uint32_t i,
                        uint64_t entry)
{
    qcow2_set_l2(s, t, i, entry, qcow2_l2_bitmap(t, i));
}

static void set_l1(Qcow2State *s, uint32_t index, uint64_t entry)
{
    /* RELEASE: the table is in the cache before the entry leads to it; pairs
     * with the acquire in qcow2_map_cached() (by the map's) */
    qatomic_store_release(&s->l1[index], entry);
    s->l1_dirty[index / 64] |= UINT64_C(1) << (index % 64);
    s->l1_any_dirty = true;
}

/* Give the range of @index an L2 table of its own. Under s->lock, which may
 * be dropped (*@dropped); then nothing was done but could be next time. */
static int coroutine_fn make_l2(BlockDriverState *bs, uint32_t index,
                                bool *dropped)
{
    Qcow2State *s = bs->opaque;
    uint64_t old = s->l1[index], nb;
    bool fresh;
    Qcow2Table *t;
    int64_t host = qcow2_co_alloc(bs, 1, false, &nb, &fresh);

    *dropped = true;
    if (host < 0) {
        return host;
    }
    t = qcow2_cache_lookup(&s->l2_cache, index);
    if (s->l1[index] != old || ((old & QCOW2_L1_OFFSET_MASK) && !t)) {
        return qcow2_co_refcount_add(bs, host, 1, -1);
    }
    if (t) {
        /* Shared with a snapshot: the copy takes the place in memory */
        t->offset = host;
        t->is_new = true;
        qcow2_cache_mark(&s->l2_cache, t, 0, s->cluster_size);
        qcow2_free_later(s, old & QCOW2_L1_OFFSET_MASK, 1, false);
    } else {
        t = qcow2_cache_new(bs, &s->l2_cache, index, host);
        if (!t) {
            qcow2_co_refcount_add(bs, host, 1, -1);
            return -ENOMEM;
        }
    }
    set_l1(s, index, host | QCOW2_OFLAG_COPIED);
    return 0;
}

int coroutine_fn qcow2_co_get_l2(BlockDriverState *bs, uint64_t offset,
                                 bool alloc, Qcow2Table **table, bool *dropped)
{
    Qcow2State *s = bs->opaque;
    uint32_t index = qcow2_l1_index(s, offset);
    int ret = 0;

    *table = NULL;
    while (ret >= 0) {
        uint64_t entry, host;
        bool again = false;

        if (index >= s->l1_size) {
            return -EIO;
        }
        entry = s->l1[index];
        host = entry & QCOW2_L1_OFFSET_MASK;
        if (host & (s->cluster_size - 1)) {
            qemu_mutex_unlock(&s->lock);
            ret = qcow2_co_corrupt(bs,
                                   "L2 table offset %#" PRIx64
                                   " unaligned (L1 index: %#" PRIx32 ")",
                                   host, index);
            qemu_mutex_lock(&s->lock);
            return ret;
        }
        if (host) {
            ret = qcow2_co_cache_get(bs, &s->l2_cache, index, host, table,
                                     &again);
        }
        if (!again && alloc && !(entry & QCOW2_OFLAG_COPIED)) {
            ret = make_l2(bs, index, &again);
        }
        if (!again) {
            return ret;
        }
        *table = NULL;
        *dropped = true;
    }
    return ret;
}

static int coroutine_fn report_invalid(BlockDriverState *bs, uint64_t offset,
                                       uint64_t entry)
{
    const Qcow2State *s = bs->opaque;
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;
    uint64_t l2 = s->l1[qcow2_l1_index(s, offset)] & QCOW2_L1_OFFSET_MASK;
    uint32_t index = qcow2_l2_index(s, offset);

    if (entry & QCOW2_OFLAG_COMPRESSED) {
        return qcow2_co_corrupt(bs,
                                "Compressed cluster entry found in image with "
                                "external data file (L2 offset: %#" PRIx64
                                ", L2 index: %#x)",
                                l2, index);
    }
    if (s->has_data_file && !(host & (s->cluster_size - 1)) &&
        host != (offset & ~(s->cluster_size - 1))) {
        return qcow2_co_corrupt(
            bs,
            "External data file host cluster offset %#" PRIx64
            " does not match guest cluster offset: "
            "%#" PRIx64 ", L2 index: %#x)",
            host, offset & ~(s->cluster_size - 1), index);
    }
    if (s->extended_l2 && !(host & (s->cluster_size - 1))) {
        return qcow2_co_corrupt(
            bs,
            "Invalid cluster entry found  (L2 offset: %#" PRIx64
            ", L2 index: %#x)",
            l2, index);
    }
    return qcow2_co_corrupt(bs,
                            "Cluster allocation offset %#" PRIx64
                            " unaligned (L2 offset: %#" PRIx64
                            ", L2 index: %#x)",
                            host, l2, index);
}

int coroutine_fn qcow2_co_map(BlockDriverState *bs, uint64_t offset,
                              uint64_t bytes, Qcow2Mapping *m)
{
    Qcow2State *s = bs->opaque;
    Qcow2Table *t;
    bool dropped;
    int ret;

    if (likely(qcow2_map_cached(s, offset, bytes, m))) {
        ret = 0;
    } else {
        qemu_mutex_lock(&s->lock);
        ret = qcow2_co_get_l2(bs, offset, false, &t, &dropped);
        if (ret >= 0 && t) {
            qcow2_map_table(s, t, offset, bytes, m);
        } else if (ret >= 0) {
            map_hole(s, offset, bytes, m);
        }
        qemu_mutex_unlock(&s->lock);
    }
    if (ret >= 0 && unlikely(m->type == QCOW2_CLUSTER_INVALID)) {
        ret = report_invalid(bs, offset, m->entry);
    }
    return ret;
}

/* More clusters are in use than the file has blocks for, by a tenth at least:
 * the same limit as QEMU's, since it shows in what "map" prints. */
static bool coroutine_fn find_holes(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    BlockDriverState *file = bs->file->bs;
    int64_t blocks = bdrv_get_allocated_file_size(file); /* fstat() */
    uint64_t end = DIV_ROUND_UP(qatomic_read(&file->total_bytes),
                                s->cluster_size);
    uint64_t used = 0, limit, refcount;
    int ret = 0;

    if (blocks < 0) {
        return false;
    }
    limit = (uint64_t)blocks >> s->cluster_bits;
    limit = MAX(limit * 10 / 9, limit + 2);
    qemu_mutex_lock(&s->lock);
    for (uint64_t i = 0; i < end && used < limit && ret >= 0; i++) {
        ret = qcow2_co_refcount_get(bs, i, &refcount);
        used += ret >= 0 && refcount;
    }
    qemu_mutex_unlock(&s->lock);
    return used >= limit;
}

static bool coroutine_fn has_holes(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    if (qatomic_read(&s->holes_below) == QCOW2_HOLES_UNKNOWN) {
        /* Two may find out at the same time; both will be right */
        qatomic_set(&s->holes_below,
                    find_holes(bs) ? QCOW2_HOLES_YES : QCOW2_HOLES_NO);
    }
    return qatomic_read(&s->holes_below) == QCOW2_HOLES_YES;
}

int coroutine_fn qcow2_co_block_status(BlockDriverState *bs, bool want_zero,
                                       int64_t offset, int64_t bytes,
                                       int64_t *pnum, int64_t *map,
                                       BlockDriverState **file)
{
    const Qcow2State *s = bs->opaque;
    Qcow2Mapping m, next;
    int ret = s->data_file ? qcow2_co_map(bs, offset, bytes, &m) : -ENOMEDIUM;

    if (ret < 0) {
        return ret;
    }
    *pnum = m.bytes;
    /* Holes go on over several tables */
    while (m.type == QCOW2_CLUSTER_UNALLOCATED && *pnum < bytes) {
        ret = qcow2_co_map(bs, offset + *pnum, bytes - *pnum, &next);
        if (ret < 0 || next.type != m.type || next.has_host || m.has_host) {
            break;
        }
        *pnum += next.bytes;
    }
    if (s->crypto) {
        /* What is in the file is not what can be read */
        m.has_host = false;
    }
    switch (m.type) {
    case QCOW2_CLUSTER_NORMAL:
        if (s->crypto) {
            return BDRV_BLOCK_DATA;
        }
        *map = m.host;
        *file = s->data_file->bs;
        return BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID |
               (want_zero && has_holes(bs) ? BDRV_BLOCK_RECURSE : 0);
    case QCOW2_CLUSTER_ZERO_ALLOC:
        if (s->crypto) {
            return BDRV_BLOCK_ZERO;
        }
        *map = m.host;
        *file = s->data_file->bs;
        return BDRV_BLOCK_ZERO | BDRV_BLOCK_OFFSET_VALID;
    case QCOW2_CLUSTER_ZERO_PLAIN:
        return BDRV_BLOCK_ZERO;
    case QCOW2_CLUSTER_COMPRESSED:
        return BDRV_BLOCK_DATA | BDRV_BLOCK_COMPRESSED;
    default:
        if (m.has_host) {
            *map = m.host;
            *file = s->data_file->bs;
            return BDRV_BLOCK_OFFSET_VALID;
        }
        return 0;
    }
}

/* A read of data that is not marked as ours alone, and may move (read.c): keep
 * it in its place. False: it has moved. */
static bool keep_shared(Qcow2State *s, struct BlkIo *io, int64_t offset,
                        const Qcow2Mapping *m)
{
    Qcow2Mapping now;

    if (s->has_data_file) {
        return true;
    }
    io->map_token = qcow2_writer_begin(s);
    return qcow2_map_cached(s, offset, io->bytes, &now) &&
           now.type == m->type && now.host == m->host && now.bytes == m->bytes;
}

BdrvChild *qcow2_map_fast(BlockDriverState *bs, struct BlkIo *io,
                          int64_t *offset)
{
    Qcow2State *s = bs->opaque;
    bool is_write = io->type != BLK_IO_READ;
    Qcow2Mapping m;

    io->map_token = -1;
    if (unlikely(s->crypto)) {
        return NULL;
    }
    if (is_write) {
        /* FUA is for the metadata, too */
        if (io->type != BLK_IO_WRITE || (io->leaf_flags & BDRV_REQ_FUA) ||
            unlikely(!qatomic_load_acquire(&s->write_ready))) {
            return NULL;
        }
        io->map_token = qcow2_writer_begin(s);
    }
    if (likely(qcow2_map_cached(s, *offset, io->bytes, &m)) &&
        m.type == QCOW2_CLUSTER_NORMAL && m.bytes == io->bytes &&
        (!is_write || m.copied) &&
        (m.copied || keep_shared(s, io, *offset, &m))) {
        *offset = m.host;
        return s->data_file;
    }
    qcow2_fast_done(bs, io);
    return NULL;
}

void qcow2_fast_done(BlockDriverState *bs, struct BlkIo *io)
{
    if (io->map_token >= 0) {
        qcow2_writer_end(bs->opaque, io->map_token);
    }
}
