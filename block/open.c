/*
 * Opening nodes: from a file name and options to a node and its children.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/options.h"
#include "block/opts.h"
#include "block/overlay.h"
#include "block/probe.h"
#include "qobject/json.h"
#include "util/error-report.h"
#include "util/memalign.h"

static BlockDriverState *open_inherit(const char *filename,
                                      const char *reference, QDict *options,
                                      int flags, BlockDriverState *parent,
                                      const BdrvChildClass *klass,
                                      BdrvChildRole role, Error **errp);

/* --- file names --- */

/* "json:{...}": its members become options, unless they are set. */
static bool parse_json_filename(const char **filename, QDict *options,
                                Error **errp)
{
    g_autoptr(QObject) obj = NULL;
    QDict *dict;
    ERRP_GUARD();

    if (!*filename || !g_str_has_prefix(*filename, "json:")) {
        return true;
    }
    obj = qobject_from_json(*filename + strlen("json:"), errp);
    if (!obj) {
        error_prepend(errp, "Could not parse the JSON options: ");
        return false;
    }
    dict = qobject_to(QDict, obj);
    if (!dict) {
        error_setg(errp, "Invalid JSON object given");
        return false;
    }
    qdict_flatten(dict);
    qdict_join(options, dict, false);
    *filename = NULL;
    return true;
}

/*
 * Find the driver that @options and @filename name and bring both together in
 * @options. *@drv NULL: a format that has to be probed.
 */
static bool find_driver(QDict *options, const char *filename, int *flags,
                        const BlockDriver **drv, Error **errp)
{
    const char *drvname = qdict_get_try_str(options, "driver");
    bool protocol = *flags & BDRV_O_PROTOCOL;
    bool parse_filename = false;
    Error *local_err = NULL;

    *drv = NULL;
    if (drvname) {
        *drv = bdrv_find_format(drvname);
        if (!*drv) {
            error_setg(errp, "Unknown driver '%s'", drvname);
            return false;
        }
        /* A driver that is named counts, whatever is expected */
        protocol = (*drv)->protocol_name;
    }
    *flags = protocol ? *flags | BDRV_O_PROTOCOL : *flags & ~BDRV_O_PROTOCOL;
    bdrv_options_from_flags(options, *flags);

    if (protocol && filename) {
        if (qdict_haskey(options, "filename")) {
            error_setg(errp, "Can't specify 'file' and 'filename' options at "
                             "the same time");
            return false;
        }
        qdict_put_str(options, "filename", filename);
        parse_filename = true;
    }
    filename = qdict_get_try_str(options, "filename");
    if (!drvname && protocol) {
        if (!filename) {
            error_setg(errp, "Must specify either driver or file");
            return false;
        }
        *drv = bdrv_find_protocol(filename, parse_filename, errp);
        if (!*drv) {
            return false;
        }
        qdict_put_str(options, "driver", (*drv)->format_name);
    }
    if (*drv && parse_filename && (*drv)->bdrv_parse_filename) {
        g_autofree char *name = g_strdup(filename);

        (*drv)->bdrv_parse_filename(name, options, &local_err);
        if (local_err) {
            error_propagate(errp, local_err);
            return false;
        }
        if (!(*drv)->needs_filename) {
            qdict_del(options, "filename");
        }
    }
    return true;
}

/* --- children --- */

static BlockDriverState *open_child_bs(const char *filename, QDict *options,
                                       const char *key,
                                       BlockDriverState *parent,
                                       const BdrvChildClass *klass,
                                       BdrvChildRole role, bool allow_none,
                                       Error **errp)
{
    g_autofree char *prefix = g_strdup_printf("%s.", key);
    g_autofree char *reference = bdrv_take_str(options, key);
    QDict *child_options;

    qdict_extract_subqdict(options, &child_options, prefix);
    if (!filename && !reference && !qdict_size(child_options)) {
        if (!allow_none) {
            error_setg(errp, "A block device must be specified for \"%s\"",
                       key);
        }
        qobject_unref(child_options);
        return NULL;
    }
    return open_inherit(filename, reference, child_options, 0, parent, klass,
                        role, errp);
}

BdrvChild *bdrv_open_child(const char *filename, QDict *options,
                           const char *key, BlockDriverState *parent,
                           const BdrvChildClass *klass, BdrvChildRole role,
                           bool allow_none, Error **errp)
{
    BlockDriverState *bs = open_child_bs(filename, options, key, parent, klass,
                                         role, allow_none, errp);

    return bs ? bdrv_attach_child(parent, bs, key, klass, role, errp) : NULL;
}

int bdrv_open_file_child(const char *filename, QDict *options, const char *key,
                         BlockDriverState *parent, Error **errp)
{
    BdrvChildRole role = parent->drv->is_filter
                             ? BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY
                             : BDRV_CHILD_IMAGE | BDRV_CHILD_PRIMARY;

    parent->file = bdrv_open_child(filename, options, key, parent,
                                   &child_of_bds, role, false, errp);
    return parent->file ? 0 : -EINVAL;
}

/* --- limits --- */

static void merge_limits(BlockLimits *dst, const BlockLimits *src)
{
#define MIN_SET(field)                                                  \
    dst->field = dst->field && src->field ? MIN(dst->field, src->field) \
                                          : MAX(dst->field, src->field)
    MIN_SET(max_transfer);
    MIN_SET(max_hw_transfer);
    MIN_SET(max_hw_iov);
    MIN_SET(max_iov);
#undef MIN_SET
    dst->pdiscard_alignment = MAX(dst->pdiscard_alignment,
                                  src->pdiscard_alignment);
    dst->opt_transfer = MAX(dst->opt_transfer, src->opt_transfer);
    dst->opt_mem_alignment = MAX(dst->opt_mem_alignment,
                                 src->opt_mem_alignment);
    dst->min_mem_alignment = MAX(dst->min_mem_alignment,
                                 src->min_mem_alignment);
}

void bdrv_refresh_limits(BlockDriverState *bs, Error **errp)
{
    BlockLimits *bl = &bs->bl;
    const BdrvChild *c;
    ERRP_GUARD();

    memset(bl, 0, sizeof(*bl));
    if (!bs->drv) {
        bl->request_alignment = 1;
        return;
    }
    /* A leaf or format takes any byte unless it says otherwise; what its
     * children need they see to themselves */
    bl->request_alignment = 1;
    LIST_FOREACH(c, &bs->children, next) {
        if (c->role &
            (BDRV_CHILD_DATA | BDRV_CHILD_FILTERED | BDRV_CHILD_COW)) {
            merge_limits(bl, &c->bs->bl);
        }
        if (c->role & (BDRV_CHILD_DATA | BDRV_CHILD_FILTERED)) {
            bl->request_alignment = MAX(bl->request_alignment,
                                        c->bs->bl.request_alignment);
        }
    }
    if (LIST_EMPTY(&bs->children)) {
        bl->min_mem_alignment = 512;
        bl->opt_mem_alignment = 4096;
        bl->max_iov = IOV_MAX;
    }
    if (bs->drv->bdrv_refresh_limits) {
        bs->drv->bdrv_refresh_limits(bs, errp);
        if (*errp) {
            return;
        }
    }
    assert(is_power_of_2(bl->request_alignment));
    if (bl->request_alignment > BDRV_MAX_ALIGNMENT) {
        error_setg(errp, "Driver requires too large request alignment");
        return;
    }
    /* io-tracked.c, invariant 3 */
    bs->has_serialising = false;
    if (bl->request_alignment > 1 && !bs->fast_writes) {
        bs->fast_writes = qemu_memalign(64, sizeof(*bs->fast_writes));
        memset(bs->fast_writes, 0, sizeof(*bs->fast_writes));
    }
}

/* --- one node --- */

static bool refuse_unknown_options(BlockDriverState *bs, const QDict *options,
                                   Error **errp)
{
    const QDictEntry *e = qdict_first(options);

    if (!e) {
        return true;
    }
    if (bs->drv->protocol_name) {
        error_setg(errp, "Block protocol '%s' doesn't support the option '%s'",
                   bs->drv->format_name, qdict_entry_key(e));
    } else {
        error_setg(errp, "Block format '%s' does not support the option '%s'",
                   bs->drv->format_name, qdict_entry_key(e));
    }
    return false;
}

/* Let the driver open @bs; @options loses what it takes. */
static bool open_driver(BlockDriverState *bs, const BlockDriver *drv,
                        QDict *options, Error **errp)
{
    Error *local_err = NULL;
    int ret;

    bs->drv = drv;
    bs->opaque = g_malloc0(MAX(drv->instance_size, 1));
    bs->read_only = !(bs->open_flags & BDRV_O_RDWR);
    ret = drv->bdrv_open(bs, options, bs->open_flags, &local_err);
    if (ret < 0) {
        if (local_err) {
            error_propagate(errp, local_err);
        } else if (bs->filename[0]) {
            error_setg_errno(errp, -ret, "Could not open '%s'", bs->filename);
        } else {
            error_setg_errno(errp, -ret, "Could not open image");
        }
        goto fail;
    }
    ret = bdrv_refresh_length(bs);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not refresh total sector count");
        goto fail_close;
    }
    bdrv_refresh_limits(bs, &local_err);
    if (local_err) {
        error_propagate(errp, local_err);
        goto fail_close;
    }
    return true;

fail_close:
    if (drv->bdrv_close) {
        drv->bdrv_close(bs);
    }
fail:
    bs->drv = NULL;
    return false;
}

static bool open_common(BlockDriverState *bs, const BlockDriver *drv,
                        QDict *options, Error **errp)
{
    g_autofree char *driver = bdrv_take_str(options, "driver");
    g_autofree char *node_name = bdrv_take_str(options, "node-name");
    const char *filename = qdict_get_try_str(options, "filename");

    if (!bdrv_take_common_options(bs, options, errp)) {
        return false;
    }
    if (drv->needs_filename && (!filename || !*filename)) {
        error_setg(errp, "The '%s' block driver requires a file name",
                   drv->format_name);
        return false;
    }
    if (filename) {
        g_free(bs->filename);
        bs->filename = g_strdup(filename);
    }
    return bdrv_assign_node_name(bs, node_name, errp) &&
           open_driver(bs, drv, options, errp);
}

BlockDriverState *bdrv_new_open_driver(const BlockDriver *drv,
                                       const char *node_name, int flags,
                                       Error **errp)
{
    g_autoptr(QDict) options = qdict_new();
    BlockDriverState *bs = bdrv_new();

    bs->open_flags = flags;
    if (!bdrv_assign_node_name(bs, node_name, errp) ||
        !open_driver(bs, drv, options, errp)) {
        bdrv_unref(bs);
        return NULL;
    }
    bdrv_refresh_filename(bs);
    return bs;
}

/* Open the file of an image whose format may have to be guessed; from then on
 * it is known by its node name. */
static bool open_image_file(BlockDriverState *bs, const char *filename,
                            QDict *options, const BlockDriver **drv,
                            BlockDriverState **file, Error **errp)
{
    Error *local_err = NULL;

    /* The role and the flags are those that the format's child will have */
    *file = open_child_bs(filename, options, "file", bs, &child_of_bds,
                          BDRV_CHILD_IMAGE, true, &local_err);
    if (local_err) {
        error_propagate(errp, local_err);
        return false;
    }
    if (*file) {
        qdict_put_str(options, "file", (*file)->node_name);
    }
    if (*drv) {
        return true;
    }
    if (!*file) {
        error_setg(errp, "Must specify either driver or file");
        return false;
    }
    *drv = bdrv_probe_image(*file, errp);
    if (*drv) {
        bs->probed = true;
        qdict_put_str(bs->options, "driver", (*drv)->format_name);
        qdict_put_str(options, "driver", (*drv)->format_name);
    }
    return *drv;
}

static BlockDriverState *open_reference(const char *reference,
                                        const char *filename,
                                        const QDict *options, Error **errp)
{
    BlockDriverState *bs;

    if (filename || qdict_size(options)) {
        error_setg(errp, "Cannot reference an existing block device with "
                         "additional options or a new filename");
        return NULL;
    }
    bs = bdrv_lookup_bs(reference, reference, errp);
    if (bs) {
        bdrv_ref(bs);
    }
    return bs;
}

/* Options (owned) and flags of the node to be; fills bs->*_options. */
static bool prepare_options(BlockDriverState *bs, QDict *options,
                            const char **filename, int flags,
                            BlockDriverState *parent,
                            const BdrvChildClass *klass, BdrvChildRole role,
                            const BlockDriver **drv, Error **errp)
{
    if (!parse_json_filename(filename, options, errp)) {
        return false;
    }
    qobject_unref(bs->explicit_options);
    bs->explicit_options = qdict_clone_shallow(options);
    if (klass) {
        klass->inherit_options(
            role, parent->drv ? parent->drv->is_format : true, &flags, options,
            parent->open_flags, parent->options);
    }
    if (!find_driver(options, *filename, &flags, drv, errp)) {
        return false;
    }
    if (!bdrv_flags_from_options(&flags, options, errp)) {
        return false;
    }
    if (!g_strcmp0(qdict_get_try_str(options, "backing"), "")) {
        warn_report("Use of \"backing\": \"\" is deprecated; use "
                    "\"backing\": null instead");
    }
    bs->open_flags = flags;
    qobject_unref(bs->options);
    bs->options = qdict_clone_shallow(options);
    return true;
}

static BlockDriverState *open_inherit(const char *filename,
                                      const char *reference, QDict *options,
                                      int flags, BlockDriverState *parent,
                                      const BdrvChildClass *klass,
                                      BdrvChildRole role, Error **errp)
{
    g_autoptr(QDict) opts = options ? options : qdict_new();
    BlockDriverState *bs, *file = NULL;
    const BlockDriver *drv;
    bool ok;

    if (reference) {
        return open_reference(reference, filename, opts, errp);
    }
    bs = bdrv_new();
    bs->inherits_from = parent;
    ok = prepare_options(bs, opts, &filename, flags, parent, klass, role, &drv,
                         errp);
    if (ok && !(bs->open_flags & BDRV_O_PROTOCOL)) {
        ok = open_image_file(bs, filename, opts, &drv, &file, errp);
    }
    ok = ok && open_common(bs, drv, opts, errp);
    /* The format has its own reference */
    bdrv_unref(file);
    ok = ok && refuse_unknown_options(bs, opts, errp);
    if (!ok) {
        bdrv_unref(bs);
        return NULL;
    }
    bdrv_refresh_filename(bs);
    return bs;
}

BlockDriverState *bdrv_open(const char *filename, const char *reference,
                            QDict *options, int flags, Error **errp)
{
    if (!reference && (flags & (BDRV_O_SNAPSHOT | BDRV_O_COPY_ON_READ))) {
        return bdrv_open_layers(filename, options, flags, errp);
    }
    return open_inherit(filename, reference, options, flags, NULL, NULL, 0,
                        errp);
}
