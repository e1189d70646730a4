/*
 * The QMP command "transaction": a table of actions, each with its ops.
 *
 * prepare() of all actions in order; if one fails, abort() of those that were
 * prepared, last first; else commit() of all, in order. Main thread; all nodes
 * are drained from before the first prepare() until the end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_TRANSACTION_H
#define BLOCK_TRANSACTION_H

#include "qapi/qapi-types-transaction.h"
#include "util/error.h"

typedef struct BdrvActionOps {
    size_t state_size; /* of what the calls get, zeroed */
    /* Required. False and @errp: nothing was changed. */
    bool (*prepare)(TransactionAction *action, void *state, Error **errp);
    /* Optional; cannot fail. */
    void (*commit)(void *state);
    /* Optional; cannot fail. */
    void (*abort)(void *state);
} BdrvActionOps;

/* block/qmp-bitmap.c */
extern const BdrvActionOps bdrv_action_bitmap_add;
extern const BdrvActionOps bdrv_action_bitmap_remove;
extern const BdrvActionOps bdrv_action_bitmap_clear;
extern const BdrvActionOps bdrv_action_bitmap_enable;
extern const BdrvActionOps bdrv_action_bitmap_disable;
extern const BdrvActionOps bdrv_action_bitmap_merge;

/* block/qmp-snapshot.c */
extern const BdrvActionOps bdrv_action_snapshot_internal;

#endif
