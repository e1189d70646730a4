/*
 * The state of a machine, kept in guest clusters behind the end of the disk:
 * from the first one that the L1 table needs no entry for.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/snapshot.h"
#include "util/atomic.h"

uint64_t qcow2_vmstate_offset(const Qcow2State *s)
{
    return qcow2_size_to_l1(s->h.size, s->cluster_bits, s->extended_l2)
           << (s->cluster_bits + s->l2_bits);
}

/* The range of the format's address space, 0 or -errno. */
static int find_range(const Qcow2State *s, int64_t pos, size_t bytes,
                      uint64_t *offset)
{
    uint64_t limit = (uint64_t)(QCOW2_MAX_L1_SIZE / 8)
                     << (s->cluster_bits + s->l2_bits);
    uint64_t begin = qcow2_vmstate_offset(s);

    limit = MIN(limit, (uint64_t)INT64_MAX);
    if (begin > limit || pos < 0 || (uint64_t)pos > limit - begin ||
        bytes > limit - begin - pos) {
        return -EFBIG;
    }
    *offset = begin + pos;
    return 0;
}

int coroutine_fn qcow2_co_save_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos)
{
    Qcow2State *s = bs->opaque;
    uint64_t offset;
    int ret = find_range(s, pos, qiov->size, &offset);

    if (ret >= 0) {
        ret = qcow2_co_prepare_write(bs);
    }
    if (ret >= 0) {
        ret = qcow2_co_need_l1(bs, qcow2_size_to_l1(offset + qiov->size,
                                                    s->cluster_bits,
                                                    s->extended_l2));
    }
    return ret < 0 ? ret : qcow2_co_pwritev(bs, offset, qiov->size, qiov, 0);
}

int coroutine_fn qcow2_co_load_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos)
{
    Qcow2State *s = bs->opaque;
    uint64_t offset;
    uint64_t have;
    int ret = find_range(s, pos, qiov->size, &offset);

    if (ret < 0) {
        return ret;
    }
    have = (uint64_t)qatomic_read(&s->l1_size)
           << (s->cluster_bits + s->l2_bits);
    if (offset >= have) {
        qemu_iovec_memset(qiov, 0, 0, qiov->size);
        return 0;
    }
    if (qiov->size > have - offset) {
        g_auto(QEMUIOVector) part = { 0 };

        qemu_iovec_memset(qiov, have - offset, 0, qiov->size - (have - offset));
        qemu_iovec_init_slice(&part, qiov, 0, have - offset);
        return qcow2_co_preadv(bs, offset, part.size, &part, 0);
    }
    return qcow2_co_preadv(bs, offset, qiov->size, qiov, 0);
}
