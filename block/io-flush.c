/*
 * Flush: what was written before is on stable storage afterwards.
 *
 * Per node, at most one flush_to_disk runs, and none when nothing was written
 * since the last one began (bs->dirty): flushes that arrive meanwhile share
 * the next one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "block/io-int.h"
#include "util/atomic.h"

static int coroutine_fn flush_to_disk(BlockDriverState *bs)
{
    int ret = 0;

    qemu_mutex_lock(&bs->reqs_lock);
    while (bs->flush_active) {
        qemu_co_queue_wait(&bs->flush_queue, &bs->reqs_lock);
    }
    /* A write that completed before we came set it before (the exchange pairs
     * with the store in bdrv_write_done()); one that completes from now on
     * sets it again. */
    if (!qatomic_xchg(&bs->dirty, false)) {
        qemu_mutex_unlock(&bs->reqs_lock);
        return 0;
    }
    bs->flush_active = true;
    qemu_mutex_unlock(&bs->reqs_lock);

    ret = bs->drv->bdrv_co_flush_to_disk(bs);

    qemu_mutex_lock(&bs->reqs_lock);
    if (ret < 0) {
        qatomic_set(&bs->dirty, true);
    }
    bs->flush_active = false;
    qemu_co_queue_restart_all(&bs->flush_queue);
    qemu_mutex_unlock(&bs->reqs_lock);
    return ret;
}

int coroutine_fn bdrv_co_flush(BlockDriverState *bs)
{
    BdrvChild *c;
    int ret = 0, child_ret;

    if (!bs->drv || !bdrv_is_inserted(bs) || bs->read_only) {
        return 0;
    }
    bdrv_inc_in_flight(bs);
    BLKDBG_CO_EVENT(bs->file, FLUSH_TO_OS);
    if (bs->drv->bdrv_co_flush_to_os) {
        ret = bs->drv->bdrv_co_flush_to_os(bs);
    }
    if (ret == 0 && !(bs->open_flags & BDRV_O_NO_FLUSH) &&
        bs->drv->bdrv_co_flush_to_disk) {
        ret = flush_to_disk(bs);
    }
    if (ret == 0) {
        BLKDBG_CO_EVENT(bs->file, FLUSH_TO_DISK);
    }
    LIST_FOREACH(c, &bs->children, next) {
        if (ret < 0 || bs->drv->flushes_children) {
            break;
        }
        if (qatomic_read(&c->perm) &
            (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) {
            child_ret = bdrv_co_flush(c->bs);
            ret = child_ret;
        }
    }
    bdrv_dec_in_flight(bs);
    return ret;
}
