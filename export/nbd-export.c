/*
 * NBD exports: what clients see of a BlockBackend.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block.h"
#include "export/nbd-int.h"

static TAILQ_HEAD(, NbdExport) exports = TAILQ_HEAD_INITIALIZER(exports);
static bool server_enabled;
static uint32_t max_clients;

void nbd_exports_enable(bool enabled, uint32_t max)
{
    server_enabled = enabled;
    max_clients = max;
}

bool nbd_exports_enabled(void)
{
    return server_enabled;
}

NbdExport *nbd_export_find(const char *name)
{
    NbdExport *exp;

    TAILQ_FOREACH(exp, &exports, next) {
        if (!strcmp(exp->name, name)) {
            return exp;
        }
    }
    return NULL;
}

NbdExport *nbd_export_next(NbdExport *exp)
{
    return exp ? TAILQ_NEXT(exp, next) : TAILQ_FIRST(&exports);
}

NbdContextKind nbd_export_context(const NbdExport *exp, uint32_t id,
                                  BdrvDirtyBitmap **bitmap)
{
    unsigned first = 1 + exp->has_depth;

    if (id >= first) {
        *bitmap = exp->bitmaps[id - first];
        return NBD_CONTEXT_BITMAP;
    }
    return id ? NBD_CONTEXT_DEPTH : NBD_CONTEXT_ALLOCATION;
}

/* --- making one --- */

/* @name in the export's node or in what it filters and backs it. */
static BdrvDirtyBitmap *find_local(const BlockExport *exp, const char *name,
                                   BlockDriverState **pbs, Error **errp)
{
    BdrvDirtyBitmap *b = NULL;

    for (BlockDriverState *bs = blk_bs(exp->blk); bs && !b;
         bs = bdrv_filter_or_cow_bs(bs)) {
        b = bdrv_find_dirty_bitmap(bs, name);
        *pbs = bs;
    }
    if (!b) {
        error_setg(errp, "Bitmap '%s' is not found", name);
    }
    return b;
}

static bool add_bitmap(NbdExport *exp, const BlockDirtyBitmapOrStr *which,
                       bool writable, Error **errp)
{
    BlockDriverState *bs;
    BdrvDirtyBitmap *b;
    const char *name;

    if (which->type == QTYPE_QSTRING) {
        name = which->u.local;
        b = find_local(&exp->common, name, &bs, errp);
    } else {
        name = which->u.external.name;
        b = bdrv_lookup_dirty_bitmap(which->u.external.node, name, &bs, errp);
    }
    if (!b || !bdrv_dirty_bitmap_check(b, BDRV_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    /* It would change under clients that cannot know of it */
    if (!writable && bdrv_is_writable(bs) && bdrv_dirty_bitmap_enabled(b)) {
        error_setg(errp,
                   "Enabled bitmap '%s' incompatible with readonly export",
                   name);
        return false;
    }
    if (strlen(name) > BDRV_BITMAP_MAX_NAME) {
        error_setg(errp, "bitmap name '%s' too long", name);
        return false;
    }
    bdrv_dirty_bitmap_set_busy(b, true);
    exp->bitmaps[exp->n_bitmaps++] = b;
    g_ptr_array_add(exp->contexts,
                    g_strconcat(NBD_META_DIRTY_BITMAP, name, NULL));
    return true;
}

static uint16_t flags_of(bool writable)
{
    uint16_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |
                     NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_CACHE;

    flags |= writable ? NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES |
                            NBD_FLAG_SEND_FAST_ZERO
                      : NBD_FLAG_READ_ONLY;
    return flags | (max_clients == 1 ? 0 : NBD_FLAG_CAN_MULTI_CONN);
}

static bool check_options(const char *name, const BlockExportOptionsNbd *opts,
                          Error **errp)
{
    if (!server_enabled) {
        error_setg(errp, "NBD server not running");
        return false;
    }
    if (strlen(name) > NBD_MAX_STRING) {
        error_setg(errp, "export name '%s' too long", name);
        return false;
    }
    if (opts->description && strlen(opts->description) > NBD_MAX_STRING) {
        error_setg(errp, "description '%s' too long", opts->description);
        return false;
    }
    if (nbd_export_find(name)) {
        error_setg(errp, "NBD server already has export named '%s'", name);
        return false;
    }
    return true;
}

static bool add_contexts(NbdExport *exp, const BlockExportOptionsNbd *opts,
                         bool writable, Error **errp)
{
    unsigned n = 0;

    g_ptr_array_add(exp->contexts, g_strdup(NBD_META_BASE_ALLOCATION));
    if (opts->has_allocation_depth && opts->allocation_depth) {
        exp->has_depth = true;
        g_ptr_array_add(exp->contexts, g_strdup(NBD_META_ALLOCATION_DEPTH));
    }
    for (BlockDirtyBitmapOrStrList *l = opts->bitmaps; l; l = l->next) {
        n++;
    }
    exp->bitmaps = g_new0(BdrvDirtyBitmap *, MAX(n, 1));
    for (BlockDirtyBitmapOrStrList *l = opts->bitmaps; l; l = l->next) {
        if (!add_bitmap(exp, l->value, writable, errp)) {
            return false;
        }
    }
    return true;
}

static void unmake(NbdExport *exp)
{
    for (unsigned i = 0; i < exp->n_bitmaps; i++) {
        bdrv_dirty_bitmap_set_busy(exp->bitmaps[i], false);
    }
    g_free(exp->bitmaps);
    g_ptr_array_unref(exp->contexts);
    g_free(exp->name);
    g_free(exp->description);
}

static bool nbd_create(BlockExport *blk_exp, BlockExportOptions *options,
                       Error **errp)
{
    NbdExport *exp = container_of(blk_exp, NbdExport, common);
    const BlockExportOptionsNbd *opts = &options->u.nbd;
    const char *name = opts->name ?: options->node_name;
    BlockBackend *blk = exp->common.blk;
    int64_t size = blk_getlength(blk);

    if (!check_options(name, opts, errp)) {
        return false;
    }
    if (size < 0) {
        error_setg_errno(errp, -size,
                         "Failed to determine the NBD export's length");
        return false;
    }
    exp->name = g_strdup(name);
    exp->description = g_strdup(opts->description);
    exp->contexts = g_ptr_array_new_with_free_func(g_free);
    TAILQ_INIT(&exp->conns);
    if (!add_contexts(exp, opts, options->writable, errp)) {
        unmake(exp);
        return false;
    }
    exp->info = (NbdExportInfo){
        .name = exp->name,
        .description = exp->description,
        .size = size,
        .flags = flags_of(options->writable),
        .min_block = blk_get_request_alignment(blk),
        .max_block = MIN(blk_get_max_transfer(blk), NBD_MAX_BUFFER),
        .contexts = (const char *const *)exp->contexts->pdata,
        .n_contexts = exp->contexts->len,
    };
    exp->info.pref_block = MAX(4096, exp->info.min_block);
    TAILQ_INSERT_TAIL(&exports, exp, next);
    return true;
}

/* --- its end --- */

static void nbd_request_shutdown(BlockExport *blk_exp)
{
    NbdExport *exp = container_of(blk_exp, NbdExport, common);
    NbdConn *c;

    TAILQ_REMOVE(&exports, exp, next);
    TAILQ_FOREACH(c, &exp->conns, next) {
        io_stream_shutdown(&c->stream);
    }
}

static void nbd_delete(BlockExport *blk_exp)
{
    NbdExport *exp = container_of(blk_exp, NbdExport, common);

    assert(TAILQ_EMPTY(&exp->conns));
    unmake(exp);
}

const BlockExportDriver blk_exp_nbd = {
    .type = BLOCK_EXPORT_TYPE_NBD,
    .instance_size = sizeof(NbdExport),
    .supports_inactive = true,
    .create = nbd_create,
    .request_shutdown = nbd_request_shutdown,
    .delete = nbd_delete,
};
