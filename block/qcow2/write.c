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
            ret = bdrv_co_pwritev(s->data_file, m.host, m.bytes, qiov, 0);
        } else {
            g_auto(QEMUIOVector) part = { 0 };

            qemu_iovec_init_slice(&part, qiov, pos, m.bytes);
            ret = bdrv_co_pwritev(s->data_file, m.host, m.bytes, &part, 0);
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
} Write;

static bool needs_alloc(const Qcow2State *s, uint64_t entry)
{
    return qcow2_entry_type(s, entry) != QCOW2_CLUSTER_NORMAL ||
           !(entry & QCOW2_OFLAG_COPIED);
}

static bool is_reserve(const Qcow2State *s, uint64_t entry)
{
    return qcow2_entry_type(s, entry) == QCOW2_CLUSTER_ZERO_ALLOC &&
           (entry & QCOW2_OFLAG_COPIED);
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
        uint64_t entry = qcow2_l2_entry(t, first + n);

        if (!needs_alloc(s, entry) ||
            qcow2_entry_type(s, entry) == QCOW2_CLUSTER_INVALID) {
            break;
        }
        if (n && find_alloc(s, pos, s->cluster_size)) {
            break;
        }
        if (!n) {
            w->reserve_used = is_reserve(s, entry);
            host = entry & QCOW2_L2_OFFSET_MASK;
            w->a.host_offset = host;
        }
        if (is_reserve(s, entry) != w->reserve_used ||
            (w->reserve_used && (entry & QCOW2_L2_OFFSET_MASK) != host)) {
            break;
        }
        host += s->cluster_size;
    }
    return n;
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
            LIST_REMOVE(&w->a, next);
            qemu_co_queue_restart_all(&w->a.waiters);
            return host;
        }
        w->a.host_offset = host;
        w->a.nb_clusters = nb;
    }
    w->bytes = MIN(w->bytes,
                   w->a.guest_offset +
                       ((uint64_t)w->a.nb_clusters << s->cluster_bits) -
                       w->offset);
    return 1;
}

/* --- data and what is around it --- */

/* What the cluster holds at [offset, offset + bytes) before the write. */
static int coroutine_fn read_old(Write *w, uint64_t offset, uint64_t bytes,
                                 uint8_t *buf)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    int64_t total = qatomic_read(&bs->total_bytes);
    uint64_t inside = offset < total ? MIN(bytes, total - offset) : 0;
    QEMUIOVector qiov;
    Qcow2Mapping m;
    int ret;

    /* The last cluster of the image: nobody sees what is behind the end */
    memset(buf + inside, 0, bytes - inside);
    if (!inside) {
        return 0;
    }
    if (w->reserve_used) {
        memset(buf, 0, inside);
        return 0;
    }
    ret = qcow2_co_map(bs, offset, inside, &m);
    if (ret < 0) {
        return ret;
    }
    if (m.bytes < inside) {
        return -EIO;
    }
    qemu_iovec_init_buf(&qiov, buf, inside);
    switch (m.type) {
    case QCOW2_CLUSTER_UNALLOCATED:
        return qcow2_co_read_backing(bs, offset, inside, &qiov);
    case QCOW2_CLUSTER_NORMAL:
        return bdrv_co_preadv(s->data_file, m.host, inside, &qiov, 0);
    case QCOW2_CLUSTER_COMPRESSED: {
        QEMU_AUTO_VFREE uint8_t *cluster = bdrv_try_blockalign(bs,
                                                               s->cluster_size);

        ret = cluster ? qcow2_co_read_compressed(bs, m.entry, cluster)
                      : -ENOMEM;
        if (ret >= 0) {
            memcpy(buf, cluster + qcow2_in_cluster(s, offset), inside);
        }
        return ret;
    }
    default:
        memset(buf, 0, inside);
        return 0;
    }
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
    if (!qcow2_map_cached(bs->opaque, offset, bytes, &m)) {
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
    uint64_t begin = w->a.guest_offset, end = w->offset + w->bytes;
    uint64_t head = w->offset - begin;
    uint64_t tail = begin + ((uint64_t)w->a.nb_clusters << s->cluster_bits) -
                    end;
    QEMU_AUTO_VFREE uint8_t *buf = NULL;
    g_auto(QEMUIOVector) all = { 0 };
    int ret = 0;

    if (s->has_data_file && (head || tail)) {
        w->fresh = qcow2_co_data_is_zero(
            bs, begin, (uint64_t)w->a.nb_clusters << s->cluster_bits);
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
        return bdrv_co_pwritev(s->data_file,
                               w->a.host_offset + w->offset - w->a.guest_offset,
                               w->bytes, qiov, 0);
    }
    qemu_iovec_init(&all, qiov->niov + 2);
    if (head) {
        qemu_iovec_add(&all, buf, head);
    }
    qemu_iovec_concat(&all, qiov, pos, w->bytes);
    if (tail) {
        qemu_iovec_add(&all, buf + head, tail);
    }
    return bdrv_co_pwritev(s->data_file,
                           w->a.host_offset + begin - w->a.guest_offset,
                           all.size, &all, 0);
}

/* Under s->lock: let the L2 entries point to the new clusters. */
static int coroutine_fn link_clusters(Write *w)
{
    BlockDriverState *bs = w->bs;
    Qcow2State *s = bs->opaque;
    uint64_t host = w->a.host_offset;
    Qcow2Table *t;
    bool dropped;
    int ret = qcow2_co_get_l2(bs, w->a.guest_offset, true, &t, &dropped);
    uint32_t first = qcow2_l2_index(s, w->a.guest_offset);

    for (uint32_t i = 0; ret >= 0 && i < w->a.nb_clusters; i++) {
        uint64_t old = qcow2_l2_entry(t, first + i);

        qcow2_set_l2_entry(s, t, first + i, host | QCOW2_OFLAG_COPIED);
        if (!w->reserve_used) {
            qcow2_free_entry(s, old, s->discard_other);
        }
        host += s->cluster_size;
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
    ret = write_data(&w, qiov, pos);
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        ret = link_clusters(&w);
    }
    if (ret < 0 && w.counted) {
        qcow2_co_refcount_add(bs, w.a.host_offset, w.a.nb_clusters, -1);
    }
    LIST_REMOVE(&w.a, next);
    qemu_co_queue_restart_all(&w.a.waiters);
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
