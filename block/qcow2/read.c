/*
 * Reading.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/qcow2/qcow2.h"
#include "util/atomic.h"
#include "util/memalign.h"

int coroutine_fn qcow2_co_read_backing(BlockDriverState *bs, uint64_t offset,
                                       uint64_t bytes, QEMUIOVector *qiov)
{
    if (!bs->backing) {
        qemu_iovec_memset(qiov, 0, 0, bytes);
        return 0;
    }
    BLKDBG_CO_EVENT(bs->file, READ_BACKING_AIO);
    /* What is behind its end reads as zero */
    return bdrv_co_preadv(bs->backing, offset, bytes, qiov, 0);
}

/* A piece of one compressed cluster. The cluster may get a new owner as soon
 * as a write to it is done: an epoch keeps it (order.c, invariant 5). */
static int coroutine_fn read_compressed_piece(BlockDriverState *bs,
                                              uint64_t offset, uint64_t bytes,
                                              QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *buf = NULL;
    unsigned epoch = qcow2_writer_begin(s);
    Qcow2Mapping m;
    int ret = qcow2_co_map(bs, offset, bytes, &m);

    if (ret >= 0 && m.type != QCOW2_CLUSTER_COMPRESSED) {
        ret = -EAGAIN;
    }
    if (ret >= 0) {
        buf = bdrv_try_blockalign(bs, s->cluster_size);
        ret = buf ? qcow2_co_read_compressed(bs, m.entry, buf) : -ENOMEM;
    }
    qcow2_writer_end(s, epoch);
    if (ret >= 0) {
        qemu_iovec_from_buf(qiov, 0, buf + qcow2_in_cluster(s, offset), bytes);
    }
    return ret;
}

/* Data that is not marked as ours alone: it moves when a part of it is
 * written, and nobody else may have the old place. An epoch keeps that, too. */
static int coroutine_fn read_shared_piece(BlockDriverState *bs, uint64_t offset,
                                          const Qcow2Mapping *m,
                                          QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;
    unsigned epoch = qcow2_writer_begin(s);
    Qcow2Mapping now;
    int ret = qcow2_co_map(bs, offset, m->bytes, &now);

    if (ret >= 0 && (now.type != QCOW2_CLUSTER_NORMAL || now.host != m->host ||
                     now.bytes != m->bytes)) {
        ret = -EAGAIN;
    }
    if (ret >= 0) {
        ret = qcow2_co_read_data(bs, offset, m->host, m->bytes, qiov);
    }
    qcow2_writer_end(s, epoch);
    return ret;
}

/* @qiov holds exactly the @m->bytes of the piece. -EAGAIN: look again. */
static int coroutine_fn read_piece(BlockDriverState *bs, uint64_t offset,
                                   const Qcow2Mapping *m, QEMUIOVector *qiov)
{
    const Qcow2State *s = bs->opaque;

    switch (m->type) {
    case QCOW2_CLUSTER_NORMAL:
        BLKDBG_CO_EVENT(bs->file, READ_AIO);
        if (!m->copied && !s->has_data_file) {
            return read_shared_piece(bs, offset, m, qiov);
        }
        return qcow2_co_read_data(bs, offset, m->host, m->bytes, qiov);
    case QCOW2_CLUSTER_UNALLOCATED:
        return qcow2_co_read_backing(bs, offset, m->bytes, qiov);
    case QCOW2_CLUSTER_COMPRESSED:
        return read_compressed_piece(bs, offset, m->bytes, qiov);
    default:
        qemu_iovec_memset(qiov, 0, 0, m->bytes);
        return 0;
    }
}

/* --- pieces that are read at the same time --- */

#define READ_WIDTH 8

typedef struct Readers {
    BlockDriverState *bs;
    int running, ret;
    Coroutine *waiting;
} Readers;

typedef struct ReadJob {
    Readers *r;
    uint64_t offset;
    Qcow2Mapping m;
    QEMUIOVector qiov;
} ReadJob;

static int coroutine_fn read_retry(BlockDriverState *bs, ReadJob *j)
{
    Qcow2State *s = bs->opaque;
    uint64_t end = j->offset + j->m.bytes, start = j->offset, pos = j->offset;
    int ret = read_piece(bs, j->offset, &j->m, &j->qiov);

    /* It was elsewhere, or compressed, and is not any more */
    while (ret == -EAGAIN && pos < end) {
        uint64_t n = end - pos;
        g_auto(QEMUIOVector) part = { 0 };

        ret = qcow2_co_map(bs, pos, n, &j->m);
        if (ret < 0) {
            break;
        }
        qemu_iovec_init_slice(&part, &j->qiov, pos - start, j->m.bytes);
        ret = read_piece(bs, pos, &j->m, &part);
        if (ret == 0) {
            pos += MIN(j->m.bytes, s->cluster_size);
            ret = pos < end ? -EAGAIN : 0;
        }
    }
    return ret;
}

static void coroutine_fn read_entry(void *opaque)
{
    ReadJob *j = opaque;
    Readers *r = j->r;
    int ret = read_retry(r->bs, j);

    if (ret < 0) {
        r->ret = ret;
    }
    qemu_iovec_destroy(&j->qiov);
    g_free(j);
    r->running--;
    if (r->waiting) {
        aio_co_wake(g_steal_pointer(&r->waiting));
    }
}

static void coroutine_fn wait_readers(Readers *r, int most)
{
    while (r->running > most) {
        r->waiting = qemu_coroutine_self();
        qemu_coroutine_yield();
    }
}

int coroutine_fn qcow2_co_preadv(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags)
{
    const Qcow2State *s = bs->opaque;
    Readers r = { .bs = bs, .ret = s->data_file ? 0 : -ENOMEDIUM };
    int64_t done = 0;

    while (done < bytes && r.ret >= 0) {
        ReadJob job = { .r = &r, .offset = offset + done }, *j = &job;
        int ret = qcow2_co_map(bs, job.offset, bytes - done, &job.m);

        if (ret < 0) {
            r.ret = ret;
            break;
        }
        if (job.m.bytes == bytes) {
            qemu_iovec_init_external(&job.qiov, qiov->iov, qiov->niov);
            return read_retry(bs, &job);
        }
        j = g_new(ReadJob, 1);
        *j = job;
        qemu_iovec_init_slice(&j->qiov, qiov, done, job.m.bytes);
        done += job.m.bytes;
        wait_readers(&r, READ_WIDTH - 1);
        r.running++;
        qemu_coroutine_enter(qemu_coroutine_create(read_entry, j));
    }
    wait_readers(&r, 0);
    return r.ret;
}
