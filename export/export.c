/*
 * Exports: what all types have in common; block-export-add, block-export-del,
 * query-block-exports.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/export.h"

#include "block/block.h"
#include "qapi/qapi-commands-block-export.h"
#include "qapi/qapi-events-block-export.h"
#include "qapi/util.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/main-loop.h"

/* The newest first. */
static LIST_HEAD(, BlockExport) block_exports = LIST_HEAD_INITIALIZER(
    block_exports);

BlockExport *blk_exp_find(const char *id)
{
    BlockExport *exp;

    LIST_FOREACH(exp, &block_exports, next) {
        if (g_str_equal(exp->id, id)) {
            return exp;
        }
    }
    return NULL;
}

static const BlockExportDriver *find_driver(BlockExportType type)
{
    for (size_t i = 0; block_export_drivers[i]; i++) {
        if (block_export_drivers[i]->type == type) {
            return block_export_drivers[i];
        }
    }
    return NULL;
}

/* --- making one --- */

/* What is wrong with @opts, whatever the type. */
static bool check_options(BlockExportOptions *opts, Error **errp)
{
    if (!id_wellformed(opts->id)) {
        error_setg(errp, "Invalid block export id");
        return false;
    }
    if (blk_exp_find(opts->id)) {
        error_setg(errp, "Block export id '%s' is already in use", opts->id);
        return false;
    }
    return true;
}

/* The BlockBackend of a new export of @bs. */
static BlockBackend *new_backend(BlockExportOptions *opts, AioContext *ctx,
                                 BlockDriverState *bs, Error **errp)
{
    uint64_t perm = BLK_PERM_CONSISTENT_READ;
    g_autoptr(BlockBackend) blk = NULL;

    perm |= opts->writable ? BLK_PERM_WRITE : 0;
    blk = blk_new(ctx, perm, BLK_PERM_ALL);
    if (blk_insert_bs(blk, bs, errp) < 0) {
        return NULL;
    }
    blk_set_enable_write_cache(blk, !opts->writethrough);
    return g_steal_pointer(&blk);
}

/* The export, not in the list and not with its driver yet. */
static BlockExport *new_export(const BlockExportDriver *drv,
                               BlockExportOptions *opts, BlockDriverState *bs,
                               IOThread *iothread, Error **errp)
{
    AioContext *ctx = iothread ? iothread_get_aio_context(iothread)
                               : qemu_get_aio_context();
    BlockBackend *blk = new_backend(opts, ctx, bs, errp);
    BlockExport *exp;

    if (!blk) {
        return NULL;
    }
    assert(drv->instance_size >= sizeof(BlockExport));
    exp = g_malloc0(drv->instance_size);
    exp->drv = drv;
    exp->id = g_strdup(opts->id);
    exp->refcount = 1;
    exp->user_owned = true;
    exp->fixed_iothread = iothread && opts->fixed_iothread;
    exp->ctx = ctx;
    exp->iothread = iothread ? object_ref(iothread) : NULL;
    exp->blk = blk;
    return exp;
}

static void free_export(BlockExport *exp)
{
    blk_unref(exp->blk);
    if (exp->iothread) {
        object_unref(exp->iothread);
    }
    g_free(exp->id);
    g_free(exp);
}

BlockExport *blk_exp_add(BlockExportOptions *opts, Error **errp)
{
    const BlockExportDriver *drv;
    IOThread *iothread = NULL;
    BlockDriverState *bs;
    BlockExport *exp;

    if (!check_options(opts, errp)) {
        return NULL;
    }
    bs = bdrv_lookup_bs(NULL, opts->node_name, errp);
    if (!bs) {
        return NULL;
    }
    opts->has_writable = opts->has_writethrough = opts->has_allow_inactive =
        true;
    if (bdrv_is_read_only(bs) && opts->writable) {
        error_setg(errp, "Cannot export read-only node as writable");
        return NULL;
    }
    if (opts->iothread) {
        iothread = iothread_by_id(opts->iothread);
        if (!iothread) {
            error_setg(errp, "iothread \"%s\" not found", opts->iothread);
            return NULL;
        }
    }
    drv = find_driver(opts->type);
    if (!drv) {
        error_setg(errp, "No driver found for the requested export type");
        return NULL;
    }
    if (opts->allow_inactive && !drv->supports_inactive) {
        error_setg(errp, "Export type does not support inactive exports");
        return NULL;
    }
    exp = new_export(drv, opts, bs, iothread, errp);
    if (!exp) {
        return NULL;
    }
    if (!drv->create(exp, opts, errp)) {
        free_export(exp);
        return NULL;
    }
    LIST_INSERT_HEAD(&block_exports, exp, next);
    return exp;
}

/* --- references and the end --- */

void blk_exp_ref(BlockExport *exp)
{
    int old = qatomic_fetch_inc(&exp->refcount);

    assert(old > 0);
}

static void delete_bh(void *opaque)
{
    BlockExport *exp = opaque;

    assert(!exp->refcount);
    LIST_REMOVE(exp, next);
    exp->drv->delete (exp);
    qapi_event_send_block_export_deleted(exp->id);
    free_export(exp);
    aio_wait_kick();
}

void blk_exp_unref(BlockExport *exp)
{
    int old = qatomic_fetch_dec(&exp->refcount);

    assert(old > 0);
    if (old == 1) {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), delete_bh, exp);
    }
}

void blk_exp_request_shutdown(BlockExport *exp)
{
    if (!exp->user_owned) {
        return;
    }
    exp->user_owned = false;
    exp->drv->request_shutdown(exp);
    blk_exp_unref(exp);
}

bool blk_exp_has_type(BlockExportType type)
{
    BlockExport *exp;

    LIST_FOREACH(exp, &block_exports, next) {
        if (type == BLOCK_EXPORT_TYPE__MAX || exp->drv->type == type) {
            return true;
        }
    }
    return false;
}

void blk_exp_close_all_type(BlockExportType type)
{
    BlockExport *exp, *next;

    LIST_FOREACH_SAFE(exp, &block_exports, next, next) {
        if (type == BLOCK_EXPORT_TYPE__MAX || exp->drv->type == type) {
            blk_exp_request_shutdown(exp);
        }
    }
    AIO_WAIT_WHILE(NULL, blk_exp_has_type(type));
}

void blk_exp_close_all(void)
{
    blk_exp_close_all_type(BLOCK_EXPORT_TYPE__MAX);
}

/* --- moving --- */

bool blk_exp_set_iothread(BlockExport *exp, IOThread *iothread, Error **errp)
{
    AioContext *ctx = iothread ? iothread_get_aio_context(iothread)
                               : qemu_get_aio_context();

    if (exp->ctx == ctx) {
        return true;
    }
    if (exp->fixed_iothread || !exp->drv->aio_detach) {
        error_setg(errp, "Cannot change iothread of active block backend");
        return false;
    }
    blk_drained_begin(exp->blk);
    exp->drv->aio_detach(exp);
    if (exp->iothread) {
        object_unref(exp->iothread);
    }
    exp->iothread = iothread ? object_ref(iothread) : NULL;
    exp->ctx = ctx;
    blk_set_aio_context(exp->blk, ctx, &error_abort);
    exp->drv->aio_attach(exp);
    blk_drained_end(exp->blk);
    return true;
}

void blk_exp_set_node_iothread(BlockDriverState *bs, IOThread *iothread)
{
    BlockExport *exp;

    LIST_FOREACH(exp, &block_exports, next) {
        if (blk_bs(exp->blk) == bs && exp->user_owned) {
            blk_exp_set_iothread(exp, iothread, NULL);
        }
    }
}

/* --- QMP --- */

void qmp_block_export_add(BlockExportOptions *opts, Error **errp)
{
    blk_exp_add(opts, errp);
}

void qmp_block_export_del(const char *id, bool has_mode,
                          BlockExportRemoveMode mode, Error **errp)
{
    ERRP_GUARD();
    BlockExport *exp = blk_exp_find(id);

    if (!exp) {
        error_setg(errp, "Export '%s' is not found", id);
        return;
    }
    if (!exp->user_owned) {
        error_setg(errp, "Export '%s' is already shutting down", id);
        return;
    }
    if ((!has_mode || mode == BLOCK_EXPORT_REMOVE_MODE_SAFE) &&
        qatomic_read(&exp->refcount) > 1) {
        error_setg(errp, "export '%s' still in use", id);
        error_append_hint(errp, "Use mode='hard' to force client disconnect\n");
        return;
    }
    blk_exp_request_shutdown(exp);
}

BlockExportInfoList *qmp_query_block_exports(Error **errp)
{
    BlockExportInfoList *list = NULL;
    BlockExportInfoList **tail = &list;
    BlockExport *exp;

    LIST_FOREACH(exp, &block_exports, next) {
        BlockDriverState *bs = blk_bs(exp->blk);
        BlockExportInfo *info = g_new0(BlockExportInfo, 1);

        info->id = g_strdup(exp->id);
        info->type = exp->drv->type;
        info->node_name = g_strdup(bs ? bdrv_get_node_name(bs) : "");
        info->shutting_down = !exp->user_owned;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}
