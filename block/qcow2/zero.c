/*
 * Write zeroes and discard: changes of L2 entries, in memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/atomic.h"

typedef struct Change {
    bool discard;
    bool unmap;
    bool forget;    /* unallocated, whatever is below */
    bool keep;      /* host clusters stay in reserve (discard-no-unref) */
    GArray *unused; /* out, uint64_t: host clusters that need no space any more;
                       NULL: none */
} Change;

/* What becomes of an entry. False: it stays. */
static bool new_entry(const BlockDriverState *bs, const Change *ch,
                      uint64_t old, uint64_t *entry)
{
    const Qcow2State *s = bs->opaque;
    Qcow2ClusterType type = qcow2_entry_type(s, old);
    bool v3 = s->h.version >= 3;

    if (ch->forget) {
        *entry = 0;
        return old != 0;
    }
    if (type == QCOW2_CLUSTER_ZERO_PLAIN ||
        (type == QCOW2_CLUSTER_ZERO_ALLOC && !ch->unmap && !ch->discard)) {
        return false;
    }
    if (type == QCOW2_CLUSTER_UNALLOCATED && (!bs->backing || !v3) &&
        (ch->discard || !v3)) {
        return false;
    }
    if (!v3) {
        *entry = 0; /* without backing, or we were not called */
    } else if (type == QCOW2_CLUSTER_ZERO_ALLOC && ch->keep) {
        return false;
    } else if (type == QCOW2_CLUSTER_NORMAL &&
               (ch->keep || (!ch->unmap && !ch->discard))) {
        *entry = old | QCOW2_OFLAG_ZERO;
    } else {
        *entry = QCOW2_OFLAG_ZERO;
    }
    return true;
}

/* The same with subclusters: @mask: which of them; all: the cluster. -ENOTSUP:
 * cannot be said in an entry. 0: it stays. */
static int new_extended(const BlockDriverState *bs, const Change *ch,
                        uint64_t mask, uint64_t old, uint64_t old_bits,
                        uint64_t *entry, uint64_t *bits)
{
    const Qcow2State *s = bs->opaque;
    Qcow2ClusterType type = qcow2_entry_type(s, old);
    bool all = mask == QCOW2_L2_BITMAP_ALL_ALLOC;

    *entry = old;
    if (ch->forget) {
        *entry = *bits = 0;
    } else if (!all) {
        if (type == QCOW2_CLUSTER_COMPRESSED) {
            return -ENOTSUP;
        }
        *bits = (old_bits | mask << 32) & ~mask;
    } else if (ch->discard && type == QCOW2_CLUSTER_UNALLOCATED && !old_bits &&
               !bs->backing) {
        return 0;
    } else {
        *bits = QCOW2_L2_BITMAP_ALL_ZERO;
        if (type == QCOW2_CLUSTER_COMPRESSED ||
            ((ch->unmap || ch->discard) && !ch->keep)) {
            *entry = 0;
        }
    }
    return *entry != old || *bits != old_bits;
}

static bool frees_host(const Qcow2State *s, uint64_t old, uint64_t entry)
{
    return (entry & QCOW2_L2_OFFSET_MASK) != (old & QCOW2_L2_OFFSET_MASK) ||
           qcow2_entry_type(s, old) == QCOW2_CLUSTER_COMPRESSED;
}

/* The host cluster of @entry, if it has one that is ours alone, stays in
 * reserve without its space. */
static void note_unused(const Qcow2State *s, uint64_t entry, Change *ch)
{
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;

    if (s->discard_request && host && (entry & QCOW2_OFLAG_COPIED) &&
        !s->has_data_file) {
        if (!ch->unused) {
            ch->unused = g_array_new(FALSE, FALSE, sizeof(host));
        }
        g_array_append_val(ch->unused, host);
    }
}

/* Change entry @i for [@from, @to) in its cluster, whole (sub)clusters. Under
 * s->lock. 0 or -ENOTSUP. */
static int change_entry(BlockDriverState *bs, Qcow2Table *t, uint32_t i,
                        uint64_t from, uint64_t to, Change *ch)
{
    Qcow2State *s = bs->opaque;
    uint64_t old = qcow2_l2_entry(t, i), entry = old, bits = 0, mask;
    int ret;

    if (qcow2_entry_type(s, old) == QCOW2_CLUSTER_INVALID) {
        return 0;
    }
    if (s->extended_l2) {
        mask = ((UINT64_C(1) << (to >> s->sub_bits)) - 1) &
               ~((UINT64_C(1) << (from >> s->sub_bits)) - 1);
        ret = new_extended(bs, ch, mask, old, qcow2_l2_bitmap(t, i), &entry,
                           &bits);
    } else {
        ret = new_entry(bs, ch, old, &entry);
    }
    if (ret > 0) {
        qcow2_set_l2(s, t, i, entry, bits);
        if (frees_host(s, old, entry)) {
            qcow2_free_entry(s, old, s->discard_request);
        } else if (ch->keep && to - from == s->cluster_size &&
                   (ch->discard || ch->unmap)) {
            note_unused(s, old, ch);
        }
    }
    return MIN(ret, 0);
}

/* The part of a range of whole (sub)clusters that one L2 table has. */
static int coroutine_fn change_table(BlockDriverState *bs, uint64_t offset,
                                     uint64_t bytes, Change *ch)
{
    Qcow2State *s = bs->opaque;
    uint64_t begin = offset & ~(s->cluster_size - 1), end = offset + bytes;
    Qcow2Table *t;
    bool dropped, alloc;
    int ret;

    /* Nothing is there and nothing has to be */
    alloc = (s->l1[qcow2_l1_index(s, offset)] & QCOW2_L1_OFFSET_MASK) ||
            (s->h.version >= 3 && !ch->forget && (!ch->discard || bs->backing));
    if (!alloc) {
        return 0;
    }
    do {
        ret = qcow2_co_get_l2(bs, offset, true, &t, &dropped);
        if (ret < 0) {
            return ret;
        }
    } while (
        qcow2_co_wait_allocs(s, begin, ROUND_UP(end, s->cluster_size) - begin));
    for (; begin < end && ret >= 0; begin += s->cluster_size) {
        ret = change_entry(bs, t, qcow2_l2_index(s, begin),
                           offset > begin ? offset - begin : 0,
                           MIN(end - begin, s->cluster_size), ch);
    }
    return ret;
}

/* The host may have the space when the tables in the file say that it is zero:
 * after a power cut before that, what was there must still be. */
static void coroutine_fn discard_unused(BlockDriverState *bs, Change *ch)
{
    Qcow2State *s = bs->opaque;
    const uint64_t *host;
    guint i, n;

    if (!ch->unused) {
        return;
    }
    if (qcow2_co_flush_metadata(bs) < 0 || bdrv_co_flush(bs->file->bs) < 0) {
        g_clear_pointer(&ch->unused, g_array_unref); /* it keeps the space */
        return;
    }
    host = (const uint64_t *)(const void *)ch->unused->data;
    for (i = 0; i < ch->unused->len; i += n) {
        for (n = 1; i + n < ch->unused->len &&
                    host[i + n] == host[i] + n * s->cluster_size;
             n++) {
        }
        bdrv_co_pdiscard(bs->file, host[i], n * s->cluster_size);
    }
    g_clear_pointer(&ch->unused, g_array_unref);
}

static int coroutine_fn change_range(BlockDriverState *bs, uint64_t offset,
                                     uint64_t bytes, Change *ch)
{
    Qcow2State *s = bs->opaque;
    uint64_t span = s->cluster_size << s->l2_bits;
    int ret = qcow2_co_prepare_write(bs);

    if ((int64_t)(offset + bytes) == qatomic_read(&bs->total_bytes) ||
        ch->forget) {
        /* Nobody sees what is behind the end of the disk */
        bytes = ROUND_UP(offset + bytes, s->cluster_size) - offset;
    }
    while (bytes && ret >= 0) {
        uint64_t n = MIN(bytes, span - (offset & (span - 1)));

        qemu_mutex_lock(&s->lock);
        ret = change_table(bs, offset, n, ch);
        qemu_mutex_unlock(&s->lock);
        discard_unused(bs, ch);
        offset += n;
        bytes -= n;
    }
    qcow2_co_maybe_writeback(bs);
    return ret;
}

/* The data file's part, which comes first. */
static int coroutine_fn change_data(BlockDriverState *bs, uint64_t offset,
                                    uint64_t bytes, bool unmap)
{
    Qcow2State *s = bs->opaque;
    int ret;

    if (!s->has_data_file) {
        return 0;
    }
    ret = qcow2_co_prepare_write(bs);
    return ret < 0 ? ret : qcow2_co_data_zero(bs, offset, bytes, unmap);
}

static bool is_whole(const BlockDriverState *bs, int64_t offset, int64_t bytes,
                     uint64_t unit)
{
    return !(offset & (unit - 1)) &&
           (!((offset + bytes) & (unit - 1)) ||
            offset + bytes == qatomic_read(&bs->total_bytes));
}

int coroutine_fn qcow2_co_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, BdrvRequestFlags flags)
{
    Qcow2State *s = bs->opaque;
    Change ch = { .unmap = flags & BDRV_REQ_MAY_UNMAP,
                  .keep = s->discard_no_unref };
    Qcow2Mapping m;
    int ret;

    if (!is_whole(bs, offset, bytes, UINT64_C(1) << s->sub_bits)) {
        /* A part of a cluster that is zero already needs nothing */
        ret = qcow2_co_map(bs, offset, bytes, &m);
        if (ret < 0) {
            return ret;
        }
        if (m.bytes == bytes &&
            (m.type == QCOW2_CLUSTER_ZERO_PLAIN ||
             m.type == QCOW2_CLUSTER_ZERO_ALLOC ||
             (m.type == QCOW2_CLUSTER_UNALLOCATED && !bs->backing))) {
            qemu_mutex_lock(&s->lock);
            ret = qcow2_co_wait_allocs(s, offset, bytes) ? -ENOTSUP : 0;
            qemu_mutex_unlock(&s->lock);
            return ret;
        }
        return -ENOTSUP;
    }
    if (s->h.version < 3 && bs->backing) {
        return -ENOTSUP;
    }
    ret = change_data(bs, offset, bytes, ch.unmap);
    return ret < 0 ? ret : change_range(bs, offset, bytes, &ch);
}

int coroutine_fn qcow2_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes)
{
    Qcow2State *s = bs->opaque;
    Change ch = { .discard = true, .keep = s->discard_no_unref };
    int ret;

    if (!is_whole(bs, offset, bytes, s->cluster_size)) {
        return -ENOTSUP;
    }
    /* Without zero clusters the backing image would show through */
    if (s->h.version < 3 && bs->backing) {
        return -ENOTSUP;
    }
    ret = change_data(bs, offset, bytes, true);
    return ret < 0 ? ret : change_range(bs, offset, bytes, &ch);
}

int coroutine_fn qcow2_co_zero_clusters(BlockDriverState *bs, uint64_t offset,
                                        uint64_t bytes)
{
    Change ch = { 0 };

    return change_range(
        bs, offset, ROUND_UP(bytes, ((Qcow2State *)bs->opaque)->cluster_size),
        &ch);
}

int coroutine_fn qcow2_co_forget(BlockDriverState *bs, uint64_t offset,
                                 uint64_t bytes)
{
    Change ch = { .forget = true };

    return change_range(bs, offset, bytes, &ch);
}
