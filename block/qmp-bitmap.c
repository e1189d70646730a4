/*
 * QMP: commands for dirty bitmaps, and the same as actions of a transaction.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block.h"
#include "block/dirty-bitmap.h"
#include "block/transaction.h"
#include "qapi/qapi-commands-block-core.h"

BdrvDirtyBitmap *bdrv_lookup_dirty_bitmap(const char *node, const char *name,
                                          BlockDriverState **pbs, Error **errp)
{
    BlockDriverState *bs = bdrv_lookup_bs(node, node, NULL);
    BdrvDirtyBitmap *b;

    if (!bs) {
        error_setg(errp, "Node '%s' not found", node);
        return NULL;
    }
    b = bdrv_find_dirty_bitmap(bs, name);
    if (!b) {
        error_setg(errp, "Dirty bitmap '%s' not found", name);
        return NULL;
    }
    if (pbs) {
        *pbs = bs;
    }
    return b;
}

/* --- what commands and actions do --- */

static BdrvDirtyBitmap *add(const BlockDirtyBitmapAdd *a, Error **errp)
{
    BlockDriverState *bs;
    BdrvDirtyBitmap *b;
    uint32_t granularity = a->granularity;

    if (!a->name[0]) {
        error_setg(errp, "Bitmap name cannot be empty");
        return NULL;
    }
    bs = bdrv_lookup_bs(a->node, a->node, errp);
    if (!bs) {
        return NULL;
    }
    if (!a->has_granularity) {
        granularity = bdrv_default_bitmap_granularity(bs);
    } else if (granularity < 512 || !is_power_of_2(granularity)) {
        error_setg(errp, "Granularity must be power of 2 and at least 512");
        return NULL;
    }
    if (a->persistent &&
        !bdrv_can_store_dirty_bitmap(bs, a->name, granularity, errp)) {
        return NULL;
    }
    b = bdrv_create_dirty_bitmap(bs, granularity, a->name, errp);
    if (b && a->disabled) {
        bdrv_disable_dirty_bitmap(b);
    }
    if (b) {
        bdrv_dirty_bitmap_set_persistence(b, a->persistent);
    }
    return b;
}

/* Out of the image, not of the node. */
static BdrvDirtyBitmap *take_out(const char *node, const char *name,
                                 Error **errp)
{
    BdrvDirtyBitmap *b = bdrv_lookup_dirty_bitmap(node, name, NULL, errp);

    if (!b ||
        !bdrv_dirty_bitmap_check(b, BDRV_BITMAP_BUSY | BDRV_BITMAP_RO, errp) ||
        (bdrv_dirty_bitmap_persistent(b) &&
         bdrv_remove_persistent_dirty_bitmap(b, errp) < 0)) {
        return NULL;
    }
    return b;
}

/* One that is about to change. */
static BdrvDirtyBitmap *lookup_for_change(const char *node, const char *name,
                                          BdrvBitmapCheck what, Error **errp)
{
    BdrvDirtyBitmap *b = bdrv_lookup_dirty_bitmap(node, name, NULL, errp);

    if (!b || !bdrv_dirty_bitmap_check(b, what, errp) ||
        !bdrv_dirty_bitmap_will_change(b, errp)) {
        return NULL;
    }
    return b;
}

static BdrvDirtyBitmap *clear(const char *node, const char *name,
                              HBitmap **backup, Error **errp)
{
    BdrvDirtyBitmap *b = lookup_for_change(node, name, BDRV_BITMAP_DEFAULT,
                                           errp);

    if (b && !bdrv_clear_dirty_bitmap(b, backup)) {
        error_setg(errp, "Could not allocate memory for the bitmap");
        return NULL;
    }
    return b;
}

/* Let @b record or not. *@was: whether it did. */
static BdrvDirtyBitmap *set_recording(const char *node, const char *name,
                                      bool on, bool *was, Error **errp)
{
    BdrvDirtyBitmap *b = lookup_for_change(node, name, BDRV_BITMAP_ALLOW_RO,
                                           errp);

    if (!b) {
        return NULL;
    }
    *was = bdrv_dirty_bitmap_enabled(b);
    if (on) {
        bdrv_enable_dirty_bitmap(b);
    } else {
        bdrv_disable_dirty_bitmap(b);
    }
    return b;
}

/* Add the bitmaps of @list to @sum, of the node @bs. */
static bool sum_up(BlockDriverState *bs, BdrvDirtyBitmap *sum,
                   const BlockDirtyBitmapOrStrList *list, Error **errp)
{
    for (; list; list = list->next) {
        const BlockDirtyBitmapOrStr *e = list->value;
        BdrvDirtyBitmap *src;

        if (e->type == QTYPE_QSTRING) {
            src = bdrv_find_dirty_bitmap(bs, e->u.local);
            if (!src) {
                error_setg(errp, "Dirty bitmap '%s' not found", e->u.local);
            }
        } else {
            src = bdrv_lookup_dirty_bitmap(e->u.external.node,
                                           e->u.external.name, NULL, errp);
        }
        if (!src || !bdrv_merge_dirty_bitmap(sum, src, NULL, errp)) {
            return false;
        }
    }
    return true;
}

static BdrvDirtyBitmap *merge(const char *node, const char *target,
                              const BlockDirtyBitmapOrStrList *list,
                              HBitmap **backup, Error **errp)
{
    BlockDriverState *bs;
    BdrvDirtyBitmap *b = bdrv_lookup_dirty_bitmap(node, target, &bs, errp);
    BdrvDirtyBitmap *sum = b ? bdrv_create_dirty_bitmap(
                                   bs, bdrv_dirty_bitmap_granularity(b), NULL,
                                   errp)
                             : NULL;
    bool ok;

    if (!sum) {
        return NULL;
    }
    bdrv_disable_dirty_bitmap(sum);
    ok = sum_up(bs, sum, list, errp) &&
         bdrv_dirty_bitmap_check(b, BDRV_BITMAP_DEFAULT, errp) &&
         bdrv_dirty_bitmap_will_change(b, errp) &&
         bdrv_merge_dirty_bitmap(b, sum, backup, errp);
    bdrv_release_dirty_bitmap(sum);
    return ok ? b : NULL;
}

/* --- commands --- */

void qmp_block_dirty_bitmap_add(BlockDirtyBitmapAdd *a, Error **errp)
{
    add(a, errp);
}

void qmp_block_dirty_bitmap_remove(BlockDirtyBitmap *a, Error **errp)
{
    BdrvDirtyBitmap *b = take_out(a->node, a->name, errp);

    if (b) {
        bdrv_release_dirty_bitmap(b);
    }
}

void qmp_block_dirty_bitmap_clear(BlockDirtyBitmap *a, Error **errp)
{
    clear(a->node, a->name, NULL, errp);
}

void qmp_block_dirty_bitmap_enable(BlockDirtyBitmap *a, Error **errp)
{
    bool was;

    set_recording(a->node, a->name, true, &was, errp);
}

void qmp_block_dirty_bitmap_disable(BlockDirtyBitmap *a, Error **errp)
{
    bool was;

    set_recording(a->node, a->name, false, &was, errp);
}

void qmp_block_dirty_bitmap_merge(BlockDirtyBitmapMerge *a, Error **errp)
{
    merge(a->node, a->target, a->bitmaps, NULL, errp);
}

BlockDirtyBitmapSha256 *qmp_x_debug_block_dirty_bitmap_sha256(
    BlockDirtyBitmap *a, Error **errp)
{
    BdrvDirtyBitmap *b = bdrv_lookup_dirty_bitmap(a->node, a->name, NULL, errp);
    BlockDirtyBitmapSha256 *r;

    if (!b) {
        return NULL;
    }
    r = g_new0(BlockDirtyBitmapSha256, 1);
    r->sha256 = bdrv_dirty_bitmap_sha256(b);
    return r;
}

/* --- actions --- */

typedef struct BitmapState {
    BdrvDirtyBitmap *b;
    HBitmap *backup;
    bool was_enabled;
} BitmapState;

static bool prepare_add(TransactionAction *action, void *state, Error **errp)
{
    BitmapState *s = state;

    s->b = add(action->u.block_dirty_bitmap_add.data, errp);
    return s->b;
}

static void abort_add(void *state)
{
    BitmapState *s = state;

    bdrv_release_dirty_bitmap(s->b);
}

const BdrvActionOps bdrv_action_bitmap_add = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_add,
    .abort = abort_add,
};

static bool prepare_remove(TransactionAction *action, void *state, Error **errp)
{
    const BlockDirtyBitmap *a = action->u.block_dirty_bitmap_remove.data;
    BitmapState *s = state;

    s->b = take_out(a->node, a->name, errp);
    if (s->b) {
        bdrv_dirty_bitmap_set_busy(s->b, true);
    }
    return s->b;
}

/* In the image again when the node is closed. */
static void abort_remove(void *state)
{
    BitmapState *s = state;

    bdrv_dirty_bitmap_set_busy(s->b, false);
}

static void commit_remove(void *state)
{
    BitmapState *s = state;

    bdrv_release_dirty_bitmap(s->b);
}

const BdrvActionOps bdrv_action_bitmap_remove = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_remove,
    .abort = abort_remove,
    .commit = commit_remove,
};

static bool prepare_clear(TransactionAction *action, void *state, Error **errp)
{
    const BlockDirtyBitmap *a = action->u.block_dirty_bitmap_clear.data;
    BitmapState *s = state;

    s->b = clear(a->node, a->name, &s->backup, errp);
    return s->b;
}

static void abort_restore(void *state)
{
    BitmapState *s = state;

    bdrv_restore_dirty_bitmap(s->b, s->backup);
}

static void commit_free(void *state)
{
    BitmapState *s = state;

    hbitmap_free(s->backup);
}

const BdrvActionOps bdrv_action_bitmap_clear = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_clear,
    .abort = abort_restore,
    .commit = commit_free,
};

static bool prepare_enable(TransactionAction *action, void *state, Error **errp)
{
    const BlockDirtyBitmap *a = action->u.block_dirty_bitmap_enable.data;
    BitmapState *s = state;

    s->b = set_recording(a->node, a->name, true, &s->was_enabled, errp);
    return s->b;
}

static bool prepare_disable(TransactionAction *action, void *state,
                            Error **errp)
{
    const BlockDirtyBitmap *a = action->u.block_dirty_bitmap_disable.data;
    BitmapState *s = state;

    s->b = set_recording(a->node, a->name, false, &s->was_enabled, errp);
    return s->b;
}

static void abort_recording(void *state)
{
    BitmapState *s = state;

    if (s->was_enabled) {
        bdrv_enable_dirty_bitmap(s->b);
    } else {
        bdrv_disable_dirty_bitmap(s->b);
    }
}

const BdrvActionOps bdrv_action_bitmap_enable = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_enable,
    .abort = abort_recording,
};

const BdrvActionOps bdrv_action_bitmap_disable = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_disable,
    .abort = abort_recording,
};

static bool prepare_merge(TransactionAction *action, void *state, Error **errp)
{
    const BlockDirtyBitmapMerge *a = action->u.block_dirty_bitmap_merge.data;
    BitmapState *s = state;

    s->b = merge(a->node, a->target, a->bitmaps, &s->backup, errp);
    return s->b;
}

const BdrvActionOps bdrv_action_bitmap_merge = {
    .state_size = sizeof(BitmapState),
    .prepare = prepare_merge,
    .abort = abort_restore,
    .commit = commit_free,
};
