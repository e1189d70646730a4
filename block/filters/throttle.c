/*
 * throttle: requests wait until the limits of a throttle group let them go.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-group.h"
#include "block/block-backend.h"
#include "block/filters/filter.h"
#include "block/opts.h"

typedef struct ThrottleNode {
    ThrottleMember *member; /* drained */
} ThrottleNode;

static const char *const throttle_strong_runtime_opts[] = { "throttle-group",
                                                            NULL };

static int throttle_open(BlockDriverState *bs, QDict *options, int flags,
                         Error **errp)
{
    g_autofree char *name = bdrv_take_str(options, "throttle-group");
    ThrottleNode *s = bs->opaque;
    ThrottleGroup *g;
    int ret;

    if (!name) {
        error_setg(errp, "Please specify a throttle group");
        return -EINVAL;
    }
    g = throttle_group_find(name);
    if (!g) {
        error_setg(errp, "Throttle group '%s' does not exist", name);
        return -EINVAL;
    }
    /* Before the child: from then on it may be drained */
    s->member = throttle_member_new(g);
    ret = bdrv_filter_open(bs, options, "file", errp);
    if (ret < 0) {
        throttle_member_free(s->member);
    }
    return ret;
}

static void throttle_close(BlockDriverState *bs)
{
    ThrottleNode *s = bs->opaque;

    throttle_member_free(s->member);
}

static int coroutine_fn throttle_co_preadv(BlockDriverState *bs, int64_t offset,
                                           int64_t bytes, QEMUIOVector *qiov,
                                           BdrvRequestFlags flags)
{
    ThrottleNode *s = bs->opaque;

    throttle_co_wait(s->member, bytes, false);
    return bdrv_co_preadv(bs->file, offset, bytes, qiov, flags);
}

static int coroutine_fn throttle_co_pwritev(BlockDriverState *bs,
                                            int64_t offset, int64_t bytes,
                                            QEMUIOVector *qiov,
                                            BdrvRequestFlags flags)
{
    ThrottleNode *s = bs->opaque;

    throttle_co_wait(s->member, bytes, true);
    return bdrv_co_pwritev(bs->file, offset, bytes, qiov, flags);
}

static int coroutine_fn throttle_co_pwrite_zeroes(BlockDriverState *bs,
                                                  int64_t offset, int64_t bytes,
                                                  BdrvRequestFlags flags)
{
    ThrottleNode *s = bs->opaque;

    throttle_co_wait(s->member, bytes, true);
    return bdrv_co_pwrite_zeroes(bs->file, offset, bytes, flags);
}

static int coroutine_fn throttle_co_pdiscard(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes)
{
    ThrottleNode *s = bs->opaque;

    throttle_co_wait(s->member, bytes, true);
    return bdrv_co_pdiscard(bs->file, offset, bytes);
}

static BdrvChild *throttle_map_fast(BlockDriverState *bs, struct BlkIo *io,
                                    int64_t *offset)
{
    const ThrottleNode *s = bs->opaque;

    return throttle_member_limited(s->member) ? NULL : bs->file;
}

static void throttle_drain_begin(BlockDriverState *bs)
{
    ThrottleNode *s = bs->opaque;

    throttle_member_disable(s->member);
}

static void throttle_drain_end(BlockDriverState *bs)
{
    ThrottleNode *s = bs->opaque;

    throttle_member_enable(s->member);
}

const BlockDriver bdrv_throttle = {
    .format_name = "throttle",
    .instance_size = sizeof(ThrottleNode),
    .is_filter = true,
    .strong_runtime_opts = throttle_strong_runtime_opts,
    .bdrv_open = throttle_open,
    .bdrv_close = throttle_close,
    .bdrv_getlength = bdrv_filter_getlength,
    .bdrv_co_preadv = throttle_co_preadv,
    .bdrv_co_pwritev = throttle_co_pwritev,
    .bdrv_co_pwrite_zeroes = throttle_co_pwrite_zeroes,
    .bdrv_co_pdiscard = throttle_co_pdiscard,
    .bdrv_co_block_status = bdrv_filter_co_block_status,
    .bdrv_co_truncate = bdrv_filter_co_truncate,
    .bdrv_map_fast = throttle_map_fast,
    .bdrv_drain_begin = throttle_drain_begin,
    .bdrv_drain_end = throttle_drain_end,
};
