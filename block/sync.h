/*
 * One call of a coroutine function by a caller that waits for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_SYNC_H
#define BLOCK_SYNC_H

#include "block/block-common.h"
#include "util/coroutine.h"
#include "util/error.h"

typedef struct BdrvSyncCall BdrvSyncCall;
struct BdrvSyncCall {
    int coroutine_fn (*co_fn)(BdrvSyncCall *s);
    /* What co_fn makes of the rest is its own affair. */
    void *target;
    int64_t offset, bytes;
    void *buf;
    BdrvRequestFlags flags;
    bool exact;
    PreallocMode prealloc;
    int64_t *pnum, *map;
    BlockDriverState **file;
    Error **errp;

    int ret;
    bool done;
};

/* Run s->co_fn(s) and turn the main loop until it is done; its value. Main
 * thread, outside of coroutines. */
int bdrv_run_sync(BdrvSyncCall *s);

#endif
