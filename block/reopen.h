/*
 * Changing the options of open nodes: all of a queue or none of them.
 *
 * Thread: main, outside of coroutines.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_REOPEN_H
#define BLOCK_REOPEN_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/error.h"
#include "util/queue.h"

typedef struct BlockReopenQueue BlockReopenQueue;

/* The options of every node that are not in its flags. */
typedef struct BdrvCommonState {
    int open_flags;
    bool read_only, force_share;
    BlockdevDetectZeroesOptions detect_zeroes;
} BdrvCommonState;

/* A node that is being reopened. Drivers may read what is above the line. */
typedef struct BDRVReopenState {
    BlockDriverState *bs; /* still has its old flags in _prepare */
    int flags;            /* BDRV_O_* to be */
    /* All options to be; _prepare looks, and takes out of @rest what it
     * understands: what stays there must be as it was. */
    QDict *options, *rest;
    void *opaque; /* the driver's, from _prepare to _commit or _abort */

    /* --- block/reopen.c --- */
    QDict *explicit_options;
    bool keep_old, backing_missing;
    bool prepared, applied;
    BdrvCommonState old_common, new_common;
    /* An edge that is replaced; its old and new node have a reference each
     * from us. */
    struct {
        BdrvChild **field;
        BdrvChild *old_edge; /* taken off, to be freed; NULL */
        BlockDriverState *old_bs, *new_bs;
        bool change;
    } edge[2];
    TAILQ_ENTRY(BDRVReopenState) next;
} BDRVReopenState;

/*
 * Add @bs, and the nodes below that were opened as parts of it, to @queue
 * (NULL: a new one). @options (flat; taken over; may be NULL): the new values.
 * @keep_old: options that are not named keep their values; otherwise they
 * go back to their defaults.
 */
BlockReopenQueue *bdrv_reopen_queue(BlockReopenQueue *queue,
                                    BlockDriverState *bs, QDict *options,
                                    bool keep_old);
void bdrv_reopen_queue_free(BlockReopenQueue *queue);
/* Do it; @queue is freed. 0, or -errno with @errp and nothing changed. */
int bdrv_reopen_multiple(BlockReopenQueue *queue, Error **errp);
/* One node and what belongs to it. */
int bdrv_reopen(BlockDriverState *bs, QDict *options, bool keep_old,
                Error **errp);
int bdrv_reopen_set_read_only(BlockDriverState *bs, bool read_only,
                              Error **errp);

#endif
