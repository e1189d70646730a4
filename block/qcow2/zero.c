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
    bool forget; /* unallocated, whatever is below */
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
    } else if (!ch->unmap && !ch->discard && (type == QCOW2_CLUSTER_NORMAL)) {
        *entry = old | QCOW2_OFLAG_ZERO;
    } else {
        *entry = QCOW2_OFLAG_ZERO;
    }
    return true;
}

static bool frees_host(const Qcow2State *s, uint64_t old, uint64_t entry)
{
    return (entry & QCOW2_L2_OFFSET_MASK) != (old & QCOW2_L2_OFFSET_MASK) ||
           qcow2_entry_type(s, old) == QCOW2_CLUSTER_COMPRESSED;
}

/* The part of a range of whole clusters that one L2 table has. */
static int coroutine_fn change_table(BlockDriverState *bs, uint64_t offset,
                                     uint64_t bytes, const Change *ch)
{
    Qcow2State *s = bs->opaque;
    uint32_t first = qcow2_l2_index(s, offset);
    uint64_t n = DIV_ROUND_UP(bytes, s->cluster_size);
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
    } while (qcow2_co_wait_allocs(s, offset, n << s->cluster_bits));
    for (uint32_t i = first; i < first + n; i++) {
        uint64_t old = qcow2_l2_entry(t, i), entry;

        if (qcow2_entry_type(s, old) == QCOW2_CLUSTER_INVALID ||
            !new_entry(bs, ch, old, &entry)) {
            continue;
        }
        qcow2_set_l2_entry(s, t, i, entry);
        if (frees_host(s, old, entry)) {
            qcow2_free_entry(s, old, s->discard_request);
        }
    }
    return 0;
}

static int coroutine_fn change_range(BlockDriverState *bs, uint64_t offset,
                                     uint64_t bytes, const Change *ch)
{
    Qcow2State *s = bs->opaque;
    uint64_t span = s->cluster_size << s->l2_bits;
    int ret = qcow2_co_prepare_write(bs);

    while (bytes && ret >= 0) {
        uint64_t n = MIN(bytes, span - (offset & (span - 1)));

        qemu_mutex_lock(&s->lock);
        ret = change_table(bs, offset, n, ch);
        qemu_mutex_unlock(&s->lock);
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

static bool whole_clusters(const BlockDriverState *bs, int64_t offset,
                           int64_t bytes)
{
    const Qcow2State *s = bs->opaque;

    return !qcow2_in_cluster(s, offset) &&
           (!qcow2_in_cluster(s, offset + bytes) ||
            offset + bytes == qatomic_read(&bs->total_bytes));
}

int coroutine_fn qcow2_co_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, BdrvRequestFlags flags)
{
    Qcow2State *s = bs->opaque;
    Change ch = { .unmap = flags & BDRV_REQ_MAY_UNMAP };
    Qcow2Mapping m;
    int ret;

    if (!whole_clusters(bs, offset, bytes)) {
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
    Change ch = { .discard = true };
    int ret;

    if (!whole_clusters(bs, offset, bytes)) {
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
    Change ch = { .unmap = true };

    return change_range(bs, offset, bytes, &ch);
}

int coroutine_fn qcow2_co_forget(BlockDriverState *bs, uint64_t offset,
                                 uint64_t bytes)
{
    Change ch = { .forget = true };

    return change_range(bs, offset, bytes, &ch);
}
