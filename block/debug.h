/*
 * Events of requests, and breakpoints: what blkdebug's rules hang on.
 *
 * Whoever works on an image tells the node that a request goes to what it is
 * about to do. Only blkdebug listens; for every other driver an event is the
 * test of one pointer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_DEBUG_H
#define BLOCK_DEBUG_H

#include "block/block-int.h"

/* @event is about to happen to @bs. I/O; yields while a breakpoint holds the
 * coroutine. */
void coroutine_fn bdrv_co_debug_event(BlockDriverState *bs,
                                      BlkdebugEvent event);
/* The same where one must not yield: breakpoints are passed by. Any thread. */
void bdrv_debug_event(BlockDriverState *bs, BlkdebugEvent event);

#define BLKDBG_CO_EVENT(child, event)                                       \
    do {                                                                    \
        BdrvChild *blkdbg_child_ = (child);                                 \
        if (blkdbg_child_ &&                                                \
            unlikely(blkdbg_child_->bs->drv->bdrv_co_debug_event)) {        \
            bdrv_co_debug_event(blkdbg_child_->bs, BLKDEBUG_EVENT_##event); \
        }                                                                   \
    } while (0)

#define BLKDBG_EVENT(child, event)                                       \
    do {                                                                 \
        BdrvChild *blkdbg_child_ = (child);                              \
        if (blkdbg_child_ &&                                             \
            unlikely(blkdbg_child_->bs->drv->bdrv_debug_event)) {        \
            bdrv_debug_event(blkdbg_child_->bs, BLKDEBUG_EVENT_##event); \
        }                                                                \
    } while (0)

/*
 * Breakpoints, for qemu-io; main. They look for a node that has them from @bs
 * downwards along the primary children; -ENOTSUP: there is none.
 */

/* The next request that raises @event ("write_aio") waits under the name of
 * @tag. -ENOENT: no such event. */
int bdrv_debug_breakpoint(BlockDriverState *bs, const char *event,
                          const char *tag);
/* Forget breakpoints named @tag; requests they hold go on. -ENOENT: none. */
int bdrv_debug_remove_breakpoint(BlockDriverState *bs, const char *tag);
/* One request that waits as @tag goes on. -ENOENT: none. */
int bdrv_debug_resume(BlockDriverState *bs, const char *tag);
/* Does a request wait as @tag? */
bool bdrv_debug_is_suspended(BlockDriverState *bs, const char *tag);

#endif
