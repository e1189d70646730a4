/*
 * Writing: in place where the cluster is ours alone, else to new clusters.
 *
 *   map --ours--> write in place (in an epoch: order.c, invariant 5)
 *    |
 *    else reserve(): the guest clusters are in s->allocs, so that nobody else
 *    |               allocates for them
 *    |    host clusters are taken, refcount 1 in memory
 *    |    data, with what is copied around it, is written in one request
 *    +--> link(): the L2 entries change in memory; others who wait go on
 *
 * No metadata is written here. A request waits for another only if both
 * allocate for the same cluster.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "block/debug.h"
#include "util/atomic.h"
#include "util/memalign.h"

/* --- in place --- */

/* The first part of the range, if it can be written in place: the bytes, 0 if
 * it cannot, or -errno. */
static int64_t coroutine_fn write_in_place(BlockDriverState *bs,
                                           uint64_t offset, uint64_t bytes,
                                           QEMUIOVector *qiov, size_t pos)
{
    Qcow2State *s = bs->opaque;
    unsigned epoch = qcow2_writer_begin(s);
    Qcow2Mapping m;
    int64_t ret = qcow2_co_map(bs, offset, bytes, &m);

    if (ret >= 0 && m.type == QCOW2_CLUSTER_NORMAL && m.copied) {
        BLKDBG_CO_EVENT(bs->file, WRITE_AIO);
        if (m.bytes == qiov->size) {
            ret = qcow2_co_write_data(bs, offset, m.host, m.bytes, qiov);
        } else {
            g_auto(QEMUIOVector) part = { 0 };

            qemu_iovec_init_slice(&part, qiov, pos, m.bytes);
            ret = qcow2_co_write_data(bs, offset, m.host, m.bytes, &part);
        }
        ret = ret < 0 ? ret : (int64_t)m.bytes;
    } else if (ret >= 0) {
        ret = 0;
    }
    qcow2_writer_end(s, epoch);
    return ret;
}

/* --- reservations --- */

static Qcow2Alloc *find_alloc(Qcow2State *s, uint64_t offset, uint64_t bytes)
{
    Qcow2Alloc *a;

    LIST_FOREACH(a, &s->allocs, next) {
        if (offset < a->guest_offset +
                         ((uint64_t)a->nb_clusters << s->cluster_bits) &&
            a->guest_offset < offset + bytes) {
            return a;
        }
    }
    return NULL;
}

bool coroutine_fn qcow2_co_wait_allocs(Qcow2State *s, uint64_t offset,
                                       uint64_t bytes)
{
    Qcow2Alloc *a;
    bool waited = false;

    while ((a = find_alloc(s, offset, bytes))) {
        waited = true;
        qemu_co_queue_wait(&a->waiters, &s->lock);
    }
    return waited;
}

/* An allocation of one request */
typedef struct Write {
    BlockDriverState *bs;
    uint64_t offset, bytes; /* of the data */
    Qcow2Alloc a;
    bool reserve_used; /* the host clusters were there already */
    bool counted;      /* they were taken, with refcounts, for this */
    bool fresh;        /* they read as zero */
    /* the data and what is copied around it, guest offsets */
    uint64_t cow_begin, cow_end;
} Write;

/* The bits of the subclusters in [begin, end), offsets in a cluster. */
static uint64_t sub_mask(const Qcow2State *s, uint64_t begin, uint64_t end)
{
    unsigned first = begin >> s->sub_bits;
    unsigned last = (end - 1) >> s->sub_bits;

    return ((UINT64_C(2) << last) - 1) & ~((UINT64_C(1) << first) - 1);
}

/* An entry as an allocating write sees it. */
typedef struct Target {
    bool in_place; /* [begin, end) of it need no allocation */
    bool reserve;  /* its host cluster can be used */
    uint64_t host;
} Target;

static Target look_at(const Qcow2State *s, const Qcow2Table *t, uint32_t i,
                      uint64_t begin, uint64_t end)
{
    uint64_t entry = qcow2_l2_entry(t, i), bits = qcow2_l2_bitmap(t, i);
    Qcow2ClusterType type = qcow2_entry_type(s, entry);
    bool ours = entry & QCOW2_OFLAG_COPIED;
    Target r = { .host = entry & QCOW2_L2_OFFSET_MASK };

    if (s->extended_l2) {
        r.reserve = ours && type == QCOW2_CLUSTER_NORMAL;
        r.in_place = r.reserve && !(sub_mask(s, begin, end) & ~bits);
    } else {
        r.reserve = ours && type == QCOW2_CLUSTER_ZERO_ALLOC;
        r.in_place = ours && type == QCOW2_CLUSTER_NORMAL;
    }
    /* The next look-up will tell of it */
    r.in_place |= type == QCOW2_CLUSTER_INVALID;
    return r;
}

/* How many clusters from w->a.guest_offset on can be one allocation. Under
 * s->lock. 0: it can be written in place after all. */
static int count_clusters(Write *w, const Qcow2Table *t)
{
    Qcow2State *s = w->bs->opaque;
    uint32_t first = qcow2_l2_index(s, w->offset), n = 0;
    uint64_t end = w->offset + w->bytes, pos = w->a.guest_offset, host = 0;

    for (; pos < end && first + n < UINT32_C(1) << s->l2_bits;
         n++, pos += s->cluster_size) {
        uint64_t from = n ? 0 : w->offset - pos;
        /* Of the first one, what a write in place would stop at counts */
        uint64_t to = n ? MIN(end - pos, s->cluster_size) : from + 1;
        Target r = look_at(s, t, first + n, from, to);

        if (r.in_place || (n && find_alloc(s, pos, s->cluster_size))) {
            break;
        }
        if (!n) {
            w->reserve_used = r.reserve;
            host = r.host;
            w->a.host_offset = host;
        }
        if (r.reserve != w->reserve_used ||
            (w->reserve_used && r.host != host)) {
            break;
        }
        host += s->cluster_size;
    }
    return n;
}

/* Under s->lock, with the entries reserved: what has to be written together
 * with the data, so that each cluster or subcluster is whole. */
static void find_cow(Write *w, const Qcow2Table *t)
{
    Qcow2State *s = w->bs->opaque;
    uint64_t end = w->offset + w->bytes, begin = w->offset;
    uint64_t last_cluster = (end - 1) & ~(s->cluster_size - 1);
    uint32_t first = qcow2_l2_index(s, begin),
             last = qcow2_l2_index(s, end - 1);
    uint64_t old, bits;

    w->cow_begin = w->a.guest_offset;
    w->cow_end = last_cluster + s->cluster_size;
    if (!s->extended_l2) {
        return;
    }
    old = qcow2_l2_entry(t, first);
    bits = qcow2_l2_bitmap(t, first) & QCOW2_L2_BITMAP_ALL_ALLOC;
    if (w->reserve_used || !(old & QCOW2_OFLAG_COMPRESSED)) {
        w->cow_begin = begin - qcow2_in_subcluster(s, begin);
        if (!w->reserve_used && bits) {
            /* It leaves a cluster that is not ours alone: all moves */
            w->cow_begin = MIN(
                w->cow_begin,
                w->a.guest_offset +
                    ((uint64_t)__builtin_ctzll(bits) << s->sub_bits));
        }
    }
    old = qcow2_l2_entry(t, last);
    bits = qcow2_l2_bitmap(t, last) & QCOW2_L2_BITMAP_ALL_ALLOC;
    if (w->reserve_used &&
        (bits & sub_mask(s, end - 1 - last_cluster, end - last_cluster))) {
        w->cow_end = end; /* in place there, as others may be just now */
    } else if (w->reserve_used || !(old & QCOW2_OFLAG_COMPRESSED)) {
        w->cow_end = ROUND_UP(end, UINT64_C(1) << s->sub_bits);
        if (!w->reserve_used && bits) {
            w->cow_end = MAX(
                w->cow_end,
                last_cluster +
                    ((uint64_t)(64 - __builtin_clzll(bits)) << s->sub_bits));
        }
    }
}

/* Under s->lock, which may be dropped: the reservation ends, and the clusters
 * that nothing points to go. */
static void coroutine_fn unreserve(Write *w)
{
    if (w->counted) {
        qcow2_co_refcount_add(w->bs, w->a.host_offset, w->a.nb_clusters, -1);
    }
    LIST_REMOVE(&w->a, next);
    qemu_co_queue_restart_all(&w->a.waiters);
}

/* Reserve and take clusters for the front of the range: 1, 0 if it need not
 * be, or -errno. */
static int coroutine_fn reserve(Write *w)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    Qcow2Table *t;
    uint64_t nb;
    int64_t host;
    bool dropped;
    int ret;

    w->a.guest_offset = w->offset & ~(s->cluster_size - 1);
    do {
        ret = qcow2_co_get_l2(bs, w->offset, true, &t, &dropped);
        if (ret < 0) {
            return ret;
        }
    } while (qcow2_co_wait_allocs(s, w->a.guest_offset, s->cluster_size));
    w->a.nb_clusters = count_clusters(w, t);
    if (!w->a.nb_clusters) {
        return 0;
    }
    qemu_co_queue_init(&w->a.waiters);
    LIST_INSERT_HEAD(&s->allocs, &w->a, next);
    w->fresh = false;
    w->counted = !w->reserve_used && !s->has_data_file;
    if (s->has_data_file) {
        w->a.host_offset = w->a.guest_offset;
    } else if (!w->reserve_used) {
        host = qcow2_co_alloc(bs, w->a.nb_clusters, false, &nb, &w->fresh);
        if (host < 0) {
            w->counted = false;
            unreserve(w);
            return host;
        }
        w->a.host_offset = host;
        w->a.nb_clusters = nb;
    }
    w->bytes = MIN(w->bytes,
                   w->a.guest_offset +
                       ((uint64_t)w->a.nb_clusters << s->cluster_bits) -
                       w->offset);
    ret = qcow2_co_get_l2(bs, w->offset, true, &t, &dropped);
    if (ret < 0) {
        unreserve(w);
        return ret;
    }
    find_cow(w, t);
    return 1;
}

/* --- data and what is around it --- */

/* What one kind of subclusters, or of a cluster, held before the write. */
static int coroutine_fn read_old_piece(Write *w, uint64_t offset,
                                       const Qcow2Mapping *m, uint8_t *buf)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *cluster = NULL;
    QEMUIOVector qiov;
    int ret;

    qemu_iovec_init_buf(&qiov, buf, m->bytes);
    switch (m->type) {
    case QCOW2_CLUSTER_UNALLOCATED:
        return qcow2_co_read_backing(bs, offset, m->bytes, &qiov);
    case QCOW2_CLUSTER_NORMAL:
        return qcow2_co_read_data(bs, offset, m->host, m->bytes, &qiov);
    case QCOW2_CLUSTER_COMPRESSED:
        cluster = bdrv_try_blockalign(bs, s->cluster_size);
        ret = cluster ? qcow2_co_read_compressed(bs, m->entry, cluster)
                      : -ENOMEM;
        if (ret >= 0) {
            memcpy(buf, cluster + qcow2_in_cluster(s, offset), m->bytes);
        }
        return ret;
    default:
        memset(buf, 0, m->bytes);
        return 0;
    }
}

/* What a cluster holds at [offset, offset + bytes) before the write. */
static int coroutine_fn read_old(Write *w, uint64_t offset, uint64_t bytes,
                                 uint8_t *buf)
{
    int64_t total = qatomic_read(&w->bs->total_bytes);
    uint64_t inside = offset < (uint64_t)total ? MIN(bytes, total - offset) : 0;
    int ret = 0;

    if (offset >= qcow2_vmstate_offset(w->bs->opaque)) {
        inside = bytes;
    }
    /* The last cluster of the image: nobody sees what is behind the end */
    memset(buf + inside, 0, bytes - inside);
    while (inside && ret >= 0) {
        Qcow2Mapping m;

        ret = qcow2_co_map(w->bs, offset, inside, &m);
        if (ret >= 0) {
            ret = read_old_piece(w, offset, &m, buf);
            offset += m.bytes;
            buf += m.bytes;
            inside -= m.bytes;
        }
    }
    return ret;
}

static bool is_zero(const uint8_t *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    return iov_is_zero(&iov, 1, 0, len);
}

/* May the parts around the data stay as they are in the fresh clusters? */
static bool coroutine_fn old_is_zero(Write *w, uint64_t offset, uint64_t bytes)
{
    BlockDriverState *bs = w->bs;
    Qcow2Mapping m;

    if (!w->fresh || !bytes) {
        return w->fresh;
    }
    if (!qcow2_map_cached(bs->opaque, offset, bytes, &m) || m.bytes < bytes) {
        return false;
    }
    switch (m.type) {
    case QCOW2_CLUSTER_UNALLOCATED:
        return !bs->backing ||
               offset >= qatomic_read(&bs->backing->bs->total_bytes);
    case QCOW2_CLUSTER_ZERO_PLAIN:
    case QCOW2_CLUSTER_ZERO_ALLOC:
        return true;
    default:
        return false;
    }
}

static int coroutine_fn write_data(Write *w, QEMUIOVector *qiov, size_t pos)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    uint64_t begin = w->cow_begin, end = w->offset + w->bytes;
    uint64_t head = w->offset - begin, tail = w->cow_end - end;
    QEMU_AUTO_VFREE uint8_t *buf = NULL;
    g_auto(QEMUIOVector) all = { 0 };
    int ret = 0;

    if (s->crypto) {
        w->fresh = false;
    } else if (s->has_data_file && (head || tail)) {
        w->fresh = qcow2_co_data_is_zero(bs, begin, w->cow_end - begin);
    }
    if (head && old_is_zero(w, begin, head)) {
        begin += head;
        head = 0;
    }
    if (tail && old_is_zero(w, end, tail)) {
        tail = 0;
    }
    if (head || tail) {
        buf = bdrv_try_blockalign(bs, head + tail);
        if (!buf) {
            return -ENOMEM;
        }
        BLKDBG_CO_EVENT(bs->file, COW_READ);
        if (head) {
            ret = read_old(w, begin, head, buf);
        }
        if (ret >= 0 && tail) {
            ret = read_old(w, end, tail, buf + head);
        }
        if (ret < 0) {
            return ret;
        }
        if (tail && w->fresh && is_zero(buf + head, tail)) {
            tail = 0;
        }
        if (!tail && w->fresh && is_zero(buf, head)) {
            begin += head;
            head = 0;
        }
    }
    if (head || tail) {
        BLKDBG_CO_EVENT(bs->file, COW_WRITE);
    }
    BLKDBG_CO_EVENT(bs->file, WRITE_AIO);
    if (!head && !tail && w->bytes == qiov->size) {
        return qcow2_co_write_data(
            bs, w->offset, w->a.host_offset + w->offset - w->a.guest_offset,
            w->bytes, qiov);
    }
    qemu_iovec_init(&all, qiov->niov + 2);
    if (head) {
        qemu_iovec_add(&all, buf, head);
    }
    qemu_iovec_concat(&all, qiov, pos, w->bytes);
    if (tail) {
        qemu_iovec_add(&all, buf + head, tail);
    }
    return qcow2_co_write_data(bs, begin,
                               w->a.host_offset + begin - w->a.guest_offset,
                               all.size, &all);
}

/* The bits for subclusters of the cluster at guest offset @pos, after. */
static uint64_t new_bitmap(const Write *w, uint64_t pos, uint64_t old)
{
    const Qcow2State *s = w->bs->opaque;
    uint64_t begin = MAX(w->cow_begin, pos) - pos;
    uint64_t end = MIN(w->cow_end, pos + s->cluster_size) - pos;
    uint64_t mask;

    if (!s->extended_l2) {
        return 0;
    }
    mask = sub_mask(s, begin, end);
    if (!w->reserve_used) {
        old &= ~QCOW2_L2_BITMAP_ALL_ALLOC; /* all that was is in the range */
    }
    return (old | mask) & ~(mask << 32);
}

/* Under s->lock: let the L2 entries point to the new clusters. */
static int coroutine_fn link_clusters(Write *w)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    uint64_t host = w->a.host_offset, pos = w->a.guest_offset;
    Qcow2Table *t;
    bool dropped;
    int ret = qcow2_co_get_l2(bs, w->a.guest_offset, true, &t, &dropped);
    uint32_t i = qcow2_l2_index(s, pos);

    for (unsigned n = w->a.nb_clusters; ret >= 0 && n; n--, i++) {
        uint64_t old = qcow2_l2_entry(t, i);

        qcow2_set_l2(s, t, i, host | QCOW2_OFLAG_COPIED,
                     new_bitmap(w, pos, qcow2_l2_bitmap(t, i)));
        if (!w->reserve_used) {
            qcow2_free_entry(s, old, s->discard_other);
        }
        host += s->cluster_size;
        pos += s->cluster_size;
    }
    return ret;
}

static int64_t coroutine_fn write_alloc(BlockDriverState *bs, uint64_t offset,
                                        uint64_t bytes, QEMUIOVector *qiov,
                                        size_t pos)
{
    Qcow2State *s = bs->opaque;
    Write w = { .bs = bs, .offset = offset, .bytes = bytes };
    int ret;

    qemu_mutex_lock(&s->lock);
    ret = reserve(&w);
    qemu_mutex_unlock(&s->lock);
    if (ret <= 0) {
        return ret;
    }
    if (w.fresh && !s->has_data_file) {
        qcow2_co_make_room(bs);
    }
    ret = write_data(&w, qiov, pos);
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        ret = link_clusters(&w);
    }
    w.counted &= ret < 0;
    unreserve(&w);
    qemu_mutex_unlock(&s->lock);
    return ret < 0 ? ret : (int64_t)w.bytes;
}

int coroutine_fn qcow2_co_pwritev(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, QEMUIOVector *qiov,
                                  BdrvRequestFlags flags)
{
    int64_t done = 0, n;
    bool allocated = false;
    int ret = qcow2_co_prepare_write(bs);

    if (ret < 0) {
        return ret;
    }
    if (flags & BDRV_REQ_WRITE_COMPRESSED) {
        return qcow2_co_write_compressed(bs, offset, bytes, qiov);
    }
    while (done < bytes) {
        n = write_in_place(bs, offset + done, bytes - done, qiov, done);
        if (n == 0) {
            n = write_alloc(bs, offset + done, bytes - done, qiov, done);
            allocated = true;
        }
        if (n < 0) {
            return n;
        }
        done += n;
    }
    if (allocated) {
        qcow2_co_maybe_writeback(bs);
    }
    return 0;
}
