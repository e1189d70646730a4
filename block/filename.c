/*
 * The name of a node that opens the same again: a plain file name where that
 * says everything, json:{...} otherwise.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/create.h"
#include "qobject/json.h"

/* One option, or all that begin with a name that ends in a dot. */
static bool add_option(QDict *dst, const BlockDriverState *bs, const char *opt)
{
    QObject *value = qdict_get(bs->options, opt);
    const QDictEntry *e;
    bool any = value;

    if (value) {
        qdict_put_obj(dst, opt, qobject_ref(value));
    } else if (g_str_has_suffix(opt, ".")) {
        QDICT_FOREACH(bs->options, e) {
            if (g_str_has_prefix(qdict_entry_key(e), opt)) {
                qdict_put_obj(dst, qdict_entry_key(e),
                              qobject_ref(qdict_entry_value(e)));
                any = true;
            }
        }
    }
    return any;
}

/* Copy the options that make a difference to what the node shows. Whether
 * there are any. */
static bool add_strong_options(QDict *dst, const BlockDriverState *bs)
{
    const char *const *opt = bs->drv->strong_runtime_opts;
    bool any = false;

    for (; opt && *opt; opt++) {
        any |= add_option(dst, bs, *opt);
    }
    return any;
}

/* Has the user given an image another backing image than the one that it
 * names itself? */
static bool backing_is_overridden(BlockDriverState *bs)
{
    BlockDriverState *backing = bdrv_cow_bs(bs);
    g_autofree char *own = NULL;
    BlockDriverInfo bdi;
    bool given = qdict_haskey(bs->explicit_options, "backing");
    const QDictEntry *e;

    QDICT_FOREACH(bs->explicit_options, e) {
        given |= g_str_has_prefix(qdict_entry_key(e), "backing.");
    }
    if (!given || !bs->drv->supports_backing || bdrv_get_info(bs, &bdi) < 0) {
        return false;
    }
    if (!backing) {
        return bdi.backing_file && !(bs->open_flags & BDRV_O_NO_BACKING);
    }
    if (!bdi.backing_file) {
        return true;
    }
    own = bdrv_backing_path(bs->file ? bs->file->bs->filename : "",
                            bdi.backing_file, NULL);
    return g_strcmp0(own, backing->filename) != 0;
}

static void add_backing(QDict *opts, const BlockDriverState *bs)
{
    const BlockDriverState *backing = bdrv_cow_bs(bs);

    if (backing) {
        qdict_put(opts, "backing", qobject_ref(backing->full_open_options));
    } else {
        qdict_put_null(opts, "backing");
    }
}

void bdrv_refresh_filename(BlockDriverState *bs)
{
    const BlockDriver *drv = bs->drv;
    QDict *opts;
    BdrvChild *c;
    bool strong;

    if (!drv) {
        return;
    }
    opts = qdict_new();
    strong = add_strong_options(opts, bs);
    qdict_put_str(opts, "driver", drv->format_name);
    LIST_FOREACH(c, &bs->children, next) {
        bdrv_refresh_filename(c->bs);
        if (!(c->role & BDRV_CHILD_COW)) {
            qdict_put(opts, c->name, qobject_ref(c->bs->full_open_options));
        }
    }
    if (backing_is_overridden(bs)) {
        add_backing(opts, bs);
        strong = true;
    }
    qobject_unref(bs->full_open_options);
    bs->full_open_options = opts;

    g_free(bs->exact_filename);
    bs->exact_filename = g_strdup("");
    if (drv->bdrv_refresh_filename) {
        drv->bdrv_refresh_filename(bs);
    } else if (bs->file && !strong && !drv->is_filter &&
               bs->file->bs->drv->protocol_name) {
        /* The protocol's name leads to the format by probing or by -f */
        g_free(bs->exact_filename);
        bs->exact_filename = g_strdup(bs->file->bs->exact_filename);
    }
    g_free(bs->filename);
    if (bs->exact_filename[0]) {
        bs->filename = g_strdup(bs->exact_filename);
    } else {
        GString *json = qobject_to_json(QOBJECT(opts));

        bs->filename = g_strdup_printf("json:%s", json->str);
        g_string_free(json, TRUE);
    }
}
