/*
 * Requests for callers that wait: a coroutine does the work while the main
 * loop turns.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/sync.h"

#include "block/block-int.h"
#include "util/main-loop.h"

static void coroutine_fn sync_entry(void *opaque)
{
    BdrvSyncCall *s = opaque;

    s->ret = s->co_fn(s);
    s->done = true;
}

int bdrv_run_sync(BdrvSyncCall *s)
{
    assert(!qemu_in_coroutine());
    s->done = false;
    qemu_coroutine_enter(qemu_coroutine_create(sync_entry, s));
    AIO_WAIT_WHILE(NULL, !s->done);
    return s->ret;
}

static int coroutine_fn co_pread(BdrvSyncCall *s)
{
    return bdrv_co_pread(s->target, s->offset, s->bytes, s->buf, s->flags);
}

int bdrv_pread(BdrvChild *child, int64_t offset, int64_t bytes, void *buf,
               BdrvRequestFlags flags)
{
    BdrvSyncCall s = { .co_fn = co_pread,
                       .target = child,
                       .offset = offset,
                       .bytes = bytes,
                       .buf = buf,
                       .flags = flags };

    return bdrv_run_sync(&s);
}

static int coroutine_fn co_pwrite(BdrvSyncCall *s)
{
    return bdrv_co_pwrite(s->target, s->offset, s->bytes, s->buf, s->flags);
}

int bdrv_pwrite(BdrvChild *child, int64_t offset, int64_t bytes,
                const void *buf, BdrvRequestFlags flags)
{
    BdrvSyncCall s = { .co_fn = co_pwrite,
                       .target = child,
                       .offset = offset,
                       .bytes = bytes,
                       .buf = (void *)buf,
                       .flags = flags };

    return bdrv_run_sync(&s);
}

static int coroutine_fn co_flush(BdrvSyncCall *s)
{
    return bdrv_co_flush(s->target);
}

int bdrv_flush(BlockDriverState *bs)
{
    BdrvSyncCall s = { .co_fn = co_flush, .target = bs };

    return bdrv_run_sync(&s);
}

static int coroutine_fn co_truncate(BdrvSyncCall *s)
{
    return bdrv_co_truncate(s->target, s->offset, s->exact, s->prealloc,
                            s->flags, s->errp);
}

int bdrv_truncate(BdrvChild *child, int64_t offset, bool exact,
                  PreallocMode prealloc, BdrvRequestFlags flags, Error **errp)
{
    BdrvSyncCall s = { .co_fn = co_truncate,
                       .target = child,
                       .offset = offset,
                       .exact = exact,
                       .prealloc = prealloc,
                       .flags = flags,
                       .errp = errp };

    return bdrv_run_sync(&s);
}

static int coroutine_fn co_block_status(BdrvSyncCall *s)
{
    return bdrv_co_block_status(s->target, s->offset, s->bytes, s->pnum, s->map,
                                s->file);
}

int bdrv_block_status(BlockDriverState *bs, int64_t offset, int64_t bytes,
                      int64_t *pnum, int64_t *map, BlockDriverState **file)
{
    BdrvSyncCall s = { .co_fn = co_block_status,
                       .target = bs,
                       .offset = offset,
                       .bytes = bytes,
                       .pnum = pnum,
                       .map = map,
                       .file = file };

    return bdrv_run_sync(&s);
}

static int coroutine_fn co_check(BdrvSyncCall *s)
{
    BlockDriverState *bs = s->target;
    int ret;

    bdrv_inc_in_flight(bs);
    ret = bs->drv->bdrv_co_check(bs, s->buf, (BdrvCheckMode)s->flags);
    bdrv_dec_in_flight(bs);
    return ret;
}

int bdrv_check(BlockDriverState *bs, BdrvCheckResult *res, BdrvCheckMode fix)
{
    BdrvSyncCall s = {
        .co_fn = co_check, .target = bs, .buf = res, .flags = (int)fix
    };

    memset(res, 0, sizeof(*res));
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    return bs->drv->bdrv_co_check ? bdrv_run_sync(&s) : -ENOTSUP;
}
