/*
 * Compressed clusters: zlib (raw deflate) and zstd, in worker threads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <zlib.h>
#include <zstd.h>

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "util/memalign.h"
#include "util/thread-pool.h"

/* How QEMU writes deflate streams: a window of 4 KiB; ours must not need a
 * larger one, since its reader has no more. */
#define DEFLATE_WINDOW (-12)

typedef struct Work {
    const void *src;
    size_t src_size;
    void *dst;
    size_t dst_size;
    uint8_t kind;
} Work;

/* --- decompression: as much as the cluster holds, or -EIO --- */

static int inflate_work(const Work *w)
{
    z_stream strm = { .next_in = (void *)w->src,
                      .avail_in = w->src_size,
                      .next_out = w->dst,
                      .avail_out = w->dst_size };
    int ret = inflateInit2(&strm, DEFLATE_WINDOW);

    if (ret != Z_OK) {
        return -EIO;
    }
    ret = inflate(&strm, Z_FINISH);
    inflateEnd(&strm);
    /* Whole sectors are read: the stream may end before */
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !strm.avail_out
               ? 0
               : -EIO;
}

static int unzstd_work(const Work *w)
{
    ZSTD_inBuffer in = { w->src, w->src_size, 0 };
    ZSTD_outBuffer out = { w->dst, w->dst_size, 0 };
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    size_t ret = 1;

    if (!ctx) {
        return -EIO;
    }
    while (out.pos < out.size) {
        size_t in_before = in.pos, out_before = out.pos;

        ret = ZSTD_decompressStream(ctx, &out, &in);
        if (ZSTD_isError(ret) ||
            (in.pos == in_before && out.pos == out_before)) {
            break;
        }
    }
    ZSTD_freeDCtx(ctx);
    return out.pos == out.size && !ZSTD_isError(ret) ? 0 : -EIO;
}

static int decompress_func(void *opaque)
{
    const Work *w = opaque;

    return w->kind == QCOW2_COMPRESSION_ZSTD ? unzstd_work(w) : inflate_work(w);
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

/* --- compression: the size, -ENOMEM if it does not get smaller --- */

static int deflate_work(const Work *w)
{
    z_stream strm = { .next_in = (void *)w->src,
                      .avail_in = w->src_size,
                      .next_out = w->dst,
                      .avail_out = w->dst_size };
    int ret = deflateInit2(&strm, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                           DEFLATE_WINDOW, 9, Z_DEFAULT_STRATEGY);
    size_t size;

    if (ret != Z_OK) {
        return -EIO;
    }
    ret = deflate(&strm, Z_FINISH);
    size = w->dst_size - strm.avail_out;
    deflateEnd(&strm);
    return ret == Z_STREAM_END ? (int)size : -ENOMEM;
}

static int zstd_work(const Work *w)
{
    size_t size = ZSTD_compress(w->dst, w->dst_size, w->src, w->src_size,
                                ZSTD_CLEVEL_DEFAULT);

    return ZSTD_isError(size) ? -ENOMEM : (int)size;
}

static int compress_func(void *opaque)
{
    const Work *w = opaque;

    return w->kind == QCOW2_COMPRESSION_ZSTD ? zstd_work(w) : deflate_work(w);
}

/*
 * Room for a stream of @bytes: behind the last one if that was in a cluster
 * that can be shared, else in new clusters. Under s->lock; an offset or
 * -errno.
 */
static int64_t coroutine_fn alloc_bytes(BlockDriverState *bs, uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t used = qcow2_in_cluster(s, s->free_byte_offset), refcount, nb;
    int64_t offset;
    bool fresh;
    int ret;

    BLKDBG_EVENT(bs->file, CLUSTER_ALLOC_BYTES);
    if (used && bytes <= s->cluster_size - used) {
        offset = s->free_byte_offset;
        s->free_byte_offset = 0; /* nobody else, while the lock is dropped */
        ret = qcow2_co_refcount_get(bs, offset >> s->cluster_bits, &refcount);
        if (ret < 0) {
            return ret;
        }
        if (refcount && refcount < s->refcount_max) {
            ret = qcow2_co_refcount_add(bs, offset - used, 1, 1);
            if (ret < 0) {
                return ret;
            }
            s->free_byte_offset = offset + bytes;
            return offset;
        }
    }
    offset = qcow2_co_alloc(bs, 1, true, &nb, &fresh);
    if (offset >= 0) {
        s->free_byte_offset = offset + bytes;
    }
    return offset;
}

/* Point the cluster at @offset to its stream. Under s->lock. */
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
    qcow2_set_l2(s, t, qcow2_l2_index(s, offset),
                 QCOW2_OFLAG_COMPRESSED | sectors << shift | host, 0);
    qcow2_free_entry(s, old, s->discard_other);
    return 0;
}

/* One whole cluster (the last one of the image padded). */
static int coroutine_fn write_cluster(BlockDriverState *bs, uint64_t offset,
                                      QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *src = bdrv_try_blockalign(bs, s->cluster_size);
    QEMU_AUTO_VFREE uint8_t *dst = bdrv_try_blockalign(bs, s->cluster_size);
    int64_t host;
    Work w;
    int size, ret;

    if (!src || !dst) {
        return -ENOMEM;
    }
    memset(src + qiov->size, 0, s->cluster_size - qiov->size);
    qemu_iovec_to_buf(qiov, 0, src, qiov->size);
    w = (Work){ .src = src,
                .src_size = s->cluster_size,
                .dst = dst,
                .dst_size = s->cluster_size - 1,
                .kind = s->h.compression };
    size = thread_pool_submit_co(compress_func, &w);
    if (size == -ENOMEM) {
        return qcow2_co_pwritev(bs, offset, qiov->size, qiov, 0);
    }
    if (size < 0) {
        return size;
    }
    qemu_mutex_lock(&s->lock);
    host = alloc_bytes(bs, size);
    qemu_mutex_unlock(&s->lock);
    if (host < 0) {
        return host;
    }
    BLKDBG_CO_EVENT(bs->file, WRITE_COMPRESSED);
    ret = bdrv_co_pwrite(bs->file, host, size, dst, 0);
    qemu_mutex_lock(&s->lock);
    if (ret >= 0) {
        ret = link_compressed(bs, offset, host, size);
    }
    if (ret < 0) {
        s->free_byte_offset = 0;
        qcow2_co_refcount_add(bs, host & ~(s->cluster_size - 1), 1, -1);
    }
    qemu_mutex_unlock(&s->lock);
    return ret;
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
        int64_t n = MIN(bytes - done, s->cluster_size);
        g_auto(QEMUIOVector) part = { 0 };

        qemu_iovec_init_slice(&part, qiov, done, n);
        ret = write_cluster(bs, offset + done, &part);
        done += n;
    }
    return ret;
}
