/*
 * Compressed clusters: reading and writing. The streams are made and read in
 * worker threads (codec.c), on as many processors as there are.
 *
 * Streams are packed one behind the other, across the borders of clusters,
 * and each counts as one in the refcount of every cluster that it touches. Who
 * packs has s->packing, so that two do not begin at the same place; what is
 * packed at once is written at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/codec.h"
#include "block/qcow2/qcow2.h"
#include "util/memalign.h"
#include "util/thread-pool.h"

/* --- reading --- */

typedef struct Work {
    const void *src;
    size_t src_size;
    void *dst;
    size_t dst_size;
    uint8_t kind;
} Work;

static int decompress_func(void *opaque)
{
    const Work *w = opaque;

    return qcow2_decompress(w->kind, w->dst, w->dst_size, w->src, w->src_size);
}

void qcow2_compressed_range(const Qcow2State *s, uint64_t entry,
                            uint64_t *offset, uint64_t *bytes)
{
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t sectors =
        (entry >> shift & ((UINT64_C(1) << (s->cluster_bits - 8)) - 1)) + 1;

    *offset = entry & ((UINT64_C(1) << shift) - 1);
    *bytes = sectors * 512 - (*offset & 511);
}

int coroutine_fn qcow2_co_read_compressed(BlockDriverState *bs, uint64_t entry,
                                          void *buf)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE void *stream = NULL;
    uint64_t offset, bytes;
    Work w;
    int ret;

    qcow2_compressed_range(s, entry, &offset, &bytes);
    stream = bdrv_try_blockalign(bs, bytes);
    if (!stream) {
        return -ENOMEM;
    }
    BLKDBG_CO_EVENT(bs->file, READ_COMPRESSED);
    ret = bdrv_co_pread(bs->file, offset, bytes, stream, 0);
    if (ret < 0) {
        return ret;
    }
    w = (Work){ .src = stream,
                .src_size = bytes,
                .dst = buf,
                .dst_size = s->cluster_size,
                .kind = s->h.compression };
    return thread_pool_submit_co(decompress_func, &w);
}

/* --- writing --- */

/* What one worker compresses: clusters in a row. */
#define JOB_CLUSTERS 4
/* A request is done in pieces of so many bytes, for the memory it takes. */
#define MAX_PIECE (2 * MiB)

typedef struct Stream {
    int size; /* bytes; -ENOMEM: does not get smaller */
    int64_t host;
} Stream;

typedef struct Piece Piece;

typedef struct Job {
    Piece *piece;
    unsigned n;
    const uint8_t *src; /* whole clusters */
    uint8_t *dst;       /* the streams, without gaps */
    uint64_t offset;    /* in the disk */
    Stream streams[JOB_CLUSTERS];
} Job;

struct Piece {
    BlockDriverState *bs;
    uint64_t offset, bytes;
    QEMUIOVector *qiov; /* the data, at pos */
    size_t pos;
    unsigned jobs_left;
    int ret;
    Coroutine *co; /* waits for jobs_left to be 0 */
};

static int compress_func(void *opaque)
{
    Job *job = opaque;
    const Qcow2State *s = job->piece->bs->opaque;
    uint8_t *dst = job->dst;

    for (unsigned i = 0; i < job->n; i++) {
        int size = qcow2_compress(
            s->h.compression, (job->offset >> s->cluster_bits) + i, dst,
            s->cluster_size - 1, job->src + i * s->cluster_size,
            s->cluster_size);

        if (size < 0 && size != -ENOMEM) {
            return size;
        }
        job->streams[i].size = size;
        dst += MAX(size, 0);
    }
    return 0;
}

/* Compress, but not in more workers than there are processors. */
static int coroutine_fn compress_job(Job *job)
{
    Qcow2State *s = job->piece->bs->opaque;
    int ret;

    qemu_mutex_lock(&s->lock);
    while (s->compress_active >= (int)g_get_num_processors()) {
        qemu_co_queue_wait(&s->compress_queue, &s->lock);
    }
    s->compress_active++;
    qemu_mutex_unlock(&s->lock);
    ret = thread_pool_submit_co(compress_func, job);
    qemu_mutex_lock(&s->lock);
    s->compress_active--;
    qemu_co_queue_next(&s->compress_queue);
    qemu_mutex_unlock(&s->lock);
    return ret;
}

/*
 * Room for a stream of @bytes: behind the last one if that was in a cluster
 * that can be shared, else in a new one. Under s->lock, which may be dropped;
 * with s->packing. An offset or -errno.
 */
static int64_t coroutine_fn alloc_bytes(BlockDriverState *bs, uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t begin = s->free_byte_offset, refcount = 0, nb;
    uint64_t room = ROUND_UP(begin, s->cluster_size) - begin;
    int64_t offset;
    bool fresh;
    int ret;

    BLKDBG_EVENT(bs->file, CLUSTER_ALLOC_BYTES);
    if (room >= bytes) {
        ret = qcow2_co_refcount_get(bs, begin >> s->cluster_bits, &refcount);
        if (ret < 0) {
            return ret;
        }
        /* It is in memory now: the lock is held from the look to the change */
        if (s->free_byte_offset == begin && refcount &&
            refcount < s->refcount_max) {
            ret = qcow2_co_refcount_add(bs, begin & ~(s->cluster_size - 1), 1,
                                        1);
            s->free_byte_offset = ret < 0 ? 0 : begin + bytes;
            return ret < 0 ? ret : (int64_t)begin;
        }
        room = 0;
    }
    offset = qcow2_co_alloc(bs, 1, true, &nb, &fresh);
    if (offset < 0) {
        return offset;
    }
    if (room && offset == begin + room) {
        ret = qcow2_co_refcount_get(bs, begin >> s->cluster_bits, &refcount);
        if (ret == 0 && s->free_byte_offset == begin && refcount &&
            refcount < s->refcount_max) {
            ret = qcow2_co_refcount_add(bs, begin & ~(s->cluster_size - 1), 1,
                                        1);
            offset = ret < 0 ? offset : begin;
        }
    }
    s->free_byte_offset = offset + bytes;
    return offset;
}

/* Nothing has ever pointed to the stream. Under s->lock. */
static void coroutine_fn free_stream(BlockDriverState *bs, const Stream *st)
{
    Qcow2State *s = bs->opaque;
    uint64_t begin = st->host & ~(s->cluster_size - 1);
    uint64_t end = ROUND_UP(st->host + st->size, s->cluster_size);

    s->free_byte_offset = 0;
    qcow2_co_refcount_add(bs, begin, (end - begin) >> s->cluster_bits, -1);
}

static int coroutine_fn pack(BlockDriverState *bs, Job *job)
{
    Qcow2State *s = bs->opaque;
    int ret = 0;

    qemu_mutex_lock(&s->lock);
    while (s->packing) {
        qemu_co_queue_wait(&s->pack_queue, &s->lock);
    }
    s->packing = true;
    for (unsigned i = 0; i < job->n; i++) {
        Stream *st = &job->streams[i];

        st->host = st->size > 0 && ret == 0 ? alloc_bytes(bs, st->size) : -1;
        if (st->size > 0 && st->host < 0 && ret == 0) {
            ret = st->host;
        }
    }
    s->packing = false;
    qemu_co_queue_next(&s->pack_queue);
    qemu_mutex_unlock(&s->lock);
    return ret;
}

/* Streams that are neighbours in the file go there in one write. */
static int coroutine_fn write_streams(BlockDriverState *bs, const Job *job)
{
    const uint8_t *data = job->dst;
    int ret = 0;

    for (unsigned i = 0; i < job->n && ret >= 0;) {
        int64_t host = job->streams[i].host, len = 0;

        while (i < job->n && (job->streams[i].size <= 0 ||
                              job->streams[i].host == host + len)) {
            len += MAX(job->streams[i].size, 0);
            i++;
        }
        if (len == 0) {
            continue;
        }
        BLKDBG_CO_EVENT(bs->file, WRITE_COMPRESSED);
        ret = bdrv_co_pwrite(bs->file, host, len, data, 0);
        data += len;
    }
    return ret;
}

/* Point the cluster at @offset to its stream; -EIO: it has data already, and
 * streams are written once. Under s->lock. */
static int coroutine_fn link_compressed(BlockDriverState *bs, uint64_t offset,
                                        uint64_t host, uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t sectors = (host + bytes - 1) / 512 - host / 512, old;
    Qcow2Table *t;
    bool dropped;
    int ret;

    do {
        ret = qcow2_co_get_l2(bs, offset, true, &t, &dropped);
        if (ret < 0) {
            return ret;
        }
    } while (qcow2_co_wait_allocs(s, offset, s->cluster_size));
    old = qcow2_l2_entry(t, qcow2_l2_index(s, offset));
    if (old & (QCOW2_L2_OFFSET_MASK | QCOW2_OFLAG_COMPRESSED)) {
        return -EIO;
    }
    qcow2_set_l2(s, t, qcow2_l2_index(s, offset),
                 QCOW2_OFLAG_COMPRESSED | sectors << shift | host, 0);
    return 0;
}

/* Point to the streams, or let go of those that nothing will point to. */
static int coroutine_fn link_job(BlockDriverState *bs, const Job *job, int ret)
{
    Qcow2State *s = bs->opaque;

    qemu_mutex_lock(&s->lock);
    for (unsigned i = 0; i < job->n; i++) {
        const Stream *st = &job->streams[i];

        if (st->size > 0 && ret >= 0) {
            ret = link_compressed(bs, job->offset + i * s->cluster_size,
                                  st->host, st->size);
        }
        if (st->size > 0 && ret < 0 && st->host >= 0) {
            free_stream(bs, st);
        }
    }
    qemu_mutex_unlock(&s->lock);
    return ret;
}

/* Clusters that do not get smaller are written as they are. */
static int coroutine_fn write_plain(BlockDriverState *bs, const Job *job)
{
    const Qcow2State *s = bs->opaque;
    const Piece *p = job->piece;
    int ret = 0;

    for (unsigned i = 0; i < job->n && ret >= 0; i++) {
        uint64_t offset = job->offset + i * s->cluster_size;
        uint64_t n = MIN(s->cluster_size, p->offset + p->bytes - offset);

        if (job->streams[i].size < 0) {
            QEMUIOVector qiov = QEMU_IOVEC_INIT_BUF(
                qiov, (void *)(job->src + i * s->cluster_size), n);

            ret = qcow2_co_pwritev(bs, offset, n, &qiov, 0);
        }
    }
    return ret;
}

static void coroutine_fn job_entry(void *opaque)
{
    Job *job = opaque;
    Piece *p = job->piece;
    BlockDriverState *bs = p->bs;
    int ret = compress_job(job);

    if (ret == 0) {
        ret = pack(bs, job);
        if (ret == 0) {
            ret = write_streams(bs, job);
        }
        ret = link_job(bs, job, ret);
    }
    if (ret >= 0) {
        ret = write_plain(bs, job);
    }
    if (ret < 0 && p->ret == 0) {
        p->ret = ret;
    }
    if (--p->jobs_left == 0 && p->co) {
        aio_co_wake(p->co);
    }
}

/* The source as whole clusters: where it is, or copied to @bounce (a buffer
 * for the caller to free). NULL: no memory. */
static const uint8_t *gather(const Piece *p, uint64_t clusters, void **bounce)
{
    const Qcow2State *s = p->bs->opaque;
    size_t len = clusters << s->cluster_bits;

    if (p->qiov->niov == 1 && p->bytes == len) {
        return (const uint8_t *)p->qiov->iov[0].iov_base + p->pos;
    }
    *bounce = bdrv_try_blockalign(p->bs, len);
    if (*bounce) {
        qemu_iovec_to_buf(p->qiov, p->pos, *bounce, p->bytes);
        memset((char *)*bounce + p->bytes, 0, len - p->bytes);
    }
    return *bounce;
}

static int coroutine_fn write_piece(Piece *p)
{
    BlockDriverState *bs = p->bs;
    const Qcow2State *s = bs->opaque;
    uint64_t clusters = DIV_ROUND_UP(p->bytes, s->cluster_size), done = 0;
    QEMU_AUTO_VFREE void *bounce = NULL;
    QEMU_AUTO_VFREE uint8_t *dst = bdrv_try_blockalign(
        bs, clusters << s->cluster_bits);
    const uint8_t *src = gather(p, clusters, &bounce);
    g_autofree Job *jobs = NULL;
    unsigned n_jobs = DIV_ROUND_UP(clusters, JOB_CLUSTERS);

    if (!dst || !src) {
        return -ENOMEM;
    }
    jobs = g_new0(Job, n_jobs);
    p->jobs_left = n_jobs;
    for (unsigned i = 0; i < n_jobs; i++, done += JOB_CLUSTERS) {
        jobs[i] = (Job){ .piece = p,
                         .n = MIN(clusters - done, JOB_CLUSTERS),
                         .src = src + (done << s->cluster_bits),
                         .dst = dst + (done << s->cluster_bits),
                         .offset = p->offset + (done << s->cluster_bits) };
        qemu_coroutine_enter(qemu_coroutine_create(job_entry, &jobs[i]));
    }
    p->co = qemu_coroutine_self();
    if (p->jobs_left) {
        qemu_coroutine_yield();
    }
    return p->ret;
}

int coroutine_fn qcow2_co_write_compressed(BlockDriverState *bs, int64_t offset,
                                           int64_t bytes, QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;
    int64_t total = bs->total_bytes, done = 0;
    int ret = 0;

    if (s->has_data_file || s->crypto) {
        return -ENOTSUP;
    }
    if (qcow2_in_cluster(s, offset) ||
        (qcow2_in_cluster(s, offset + bytes) && offset + bytes != total)) {
        return -EINVAL;
    }
    while (done < bytes && ret >= 0) {
        Piece p = { .bs = bs,
                    .offset = offset + done,
                    .bytes = MIN(bytes - done, MAX_PIECE),
                    .qiov = qiov,
                    .pos = done };

        ret = write_piece(&p);
        done += p.bytes;
    }
    qcow2_co_maybe_writeback(bs);
    return ret;
}
