/*
 * Changing the size of a node.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/io-int.h"
#include "util/atomic.h"
#include "util/main-loop.h"

static int check_truncate(BdrvChild *child, int64_t offset, Error **errp)
{
    BlockDriverState *bs = child->bs;

    if (!bs->drv) {
        error_setg(errp, "No medium inserted");
        return -ENOMEDIUM;
    }
    if (offset < 0) {
        error_setg(errp, "Image size cannot be negative");
        return -EINVAL;
    }
    if (bdrv_check_request(offset, 0, errp) < 0) {
        return -EIO;
    }
    if (bs->read_only || !(qatomic_read(&child->perm) & BLK_PERM_RESIZE)) {
        error_setg(errp, "Image is read-only");
        return -EACCES;
    }
    return 0;
}

static int coroutine_fn call_driver(BlockDriverState *bs, int64_t offset,
                                    bool exact, PreallocMode prealloc,
                                    BdrvRequestFlags flags, Error **errp)
{
    if (bs->drv->bdrv_co_truncate) {
        return bs->drv->bdrv_co_truncate(bs, offset, exact, prealloc, flags,
                                         errp);
    }
    if (bs->drv->is_filter && bs->file) {
        return bdrv_co_truncate(bs->file, offset, exact, prealloc, flags, errp);
    }
    error_setg(errp, "Image format driver does not support resize");
    return -ENOTSUP;
}

int coroutine_fn bdrv_co_truncate(BdrvChild *child, int64_t offset, bool exact,
                                  PreallocMode prealloc, BdrvRequestFlags flags,
                                  Error **errp)
{
    BlockDriverState *bs = child->bs;
    int64_t old_size = qatomic_read(&bs->total_bytes);
    BdrvTrackedRequest req;
    BdrvChild *c;
    int ret = check_truncate(child, offset, errp);

    if (ret < 0) {
        return ret;
    }
    bdrv_inc_in_flight(bs);
    /* Nobody writes to the part that comes or goes */
    bdrv_tracked_begin(&req, bs, MIN(offset, old_size), ABS(offset - old_size));
    bdrv_co_tracked_make_serialising(&req, 1);
    ret = call_driver(bs, offset, exact, prealloc, flags, errp);
    if (ret >= 0) {
        ret = bdrv_refresh_length(bs);
        if (ret < 0) {
            error_setg_errno(errp, -ret,
                             "Could not refresh total sector count");
        } else if (!bs->drv->bdrv_getlength) {
            bdrv_set_total_bytes(bs, ROUND_UP(offset, BDRV_SECTOR_SIZE));
        }
        bdrv_write_done(bs, 0, true);
        bdrv_dirty_bitmap_truncate(bs);
    }
    if (ret >= 0 && qemu_in_main_thread()) {
        LIST_FOREACH(c, &bs->parents, next_parent) {
            if (c->klass->resize) {
                c->klass->resize(c);
            }
        }
    }
    bdrv_co_tracked_end(&req);
    bdrv_dec_in_flight(bs);
    return ret;
}

int coroutine_fn bdrv_co_make_room(BdrvChild *child, int64_t end)
{
    BlockDriverState *bs = child->bs;
    int ret;

    if (!bs->drv || !bs->drv->bdrv_co_make_room) {
        return -ENOTSUP;
    }
    ret = check_truncate(child, end, NULL);
    if (ret < 0 || end <= qatomic_read(&bs->total_bytes)) {
        return ret;
    }
    bdrv_inc_in_flight(bs);
    ret = bs->drv->bdrv_co_make_room(bs, end);
    bdrv_dec_in_flight(bs);
    return ret;
}
