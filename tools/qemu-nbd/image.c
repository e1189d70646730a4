/*
 * The image that qemu-nbd exports: opened, with a part or a snapshot of it
 * chosen.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/qemu-nbd.h"

#include "block/block.h"
#include "block/options.h"
#include "block/snapshot.h"
#include "export/export.h"
#include "qobject/keyval.h"
#include "util/error-report.h"

/* The program ends with @err and @what before it. */
static void G_GNUC_NORETURN fail(Error *err, const char *what)
{
    error_reportf_err(err, "%s", what);
    exit(EXIT_FAILURE);
}

static QDict *image_options(const NbdToolConfig *config, const char *filename)
{
    Error *err = NULL;
    QDict *options;

    if (config->image_opts) {
        options = opts_parse(filename, NULL, NULL, &err);
        if (!options) {
            fail(err, "");
        }
    } else {
        options = qdict_new();
        if (config->format) {
            qdict_put_str(options, "driver", config->format);
        }
    }
    if (config->detect_zeroes >= 0) {
        qdict_put_str(options, "detect-zeroes",
                      bdrv_detect_zeroes_names[config->detect_zeroes]);
    }
    return options;
}

static BlockBackend *open_image(const NbdToolConfig *config,
                                const char *filename)
{
    QDict *options = image_options(config, filename);
    g_autofree char *what = g_strdup_printf("Failed to blk_new_open '%s': ",
                                            filename);
    Error *err = NULL;
    BlockBackend *blk;

    blk = blk_new_open(config->image_opts ? NULL : filename, NULL, options,
                       config->flags, &err);
    if (!blk) {
        fail(err, what);
    }
    blk_set_enable_write_cache(blk, !config->writethrough);
    return blk;
}

/* A node that shows @bs from the offset on; takes @bs' reference. */
static BlockDriverState *from_offset(const NbdToolConfig *config,
                                     BlockDriverState *bs)
{
    QDict *options = qdict_new();
    Error *err = NULL;
    BlockDriverState *top;

    if (config->offset > INT64_MAX) {
        error_report("Value '%" PRId64 "' is out of range for parameter "
                     "'offset'",
                     (int64_t)config->offset);
        exit(EXIT_FAILURE);
    }
    qdict_put_str(options, "driver", "raw");
    qdict_put_str(options, "file", bdrv_get_node_name(bs));
    qdict_put_int(options, "offset", config->offset);
    top = bdrv_open(NULL, NULL, options, config->flags, &err);
    if (!top) {
        fail(err, "");
    }
    bdrv_unref(bs);
    return top;
}

static void load_snapshot(const NbdToolConfig *config, BlockDriverState *bs)
{
    Error *err = NULL;
    int ret = 0;

    if (config->snapshot_param) {
        const QDict *p = config->snapshot_param;

        ret = bdrv_snapshot_load_tmp(bs, qdict_get_try_str(p, "snapshot.id"),
                                     qdict_get_try_str(p, "snapshot.name"),
                                     &err);
    } else if (config->snapshot) {
        ret = bdrv_snapshot_load_tmp_by_id_or_name(bs, config->snapshot, &err);
    }
    if (ret < 0) {
        if (!err) {
            error_setg_errno(&err, -ret, "Failed to load snapshot");
            fail(err, "");
        }
        fail(err, "Failed to load snapshot: ");
    }
}

void nbd_tool_export(const NbdToolConfig *config, const char *filename)
{
    BlockBackend *blk = open_image(config, filename);
    BlockDriverState *bs = blk_bs(blk);
    BlockExportOptions opts = {
        .type = BLOCK_EXPORT_TYPE_NBD,
        .id = (char *)"qemu-nbd-export",
        .has_writable = true,
        .writable = !config->read_only,
        .has_writethrough = true,
        .writethrough = config->writethrough,
        .u.nbd = {
            .name = (char *)config->name,
            .description = (char *)config->description,
            .has_allocation_depth = true,
            .allocation_depth = config->allocation_depth,
            .bitmaps = config->bitmaps,
        },
    };
    Error *err = NULL;

    bdrv_ref(bs);
    blk_unref(blk);
    load_snapshot(config, bs);
    if (config->offset) {
        bs = from_offset(config, bs);
    }
    opts.node_name = (char *)bdrv_get_node_name(bs);
    if (!blk_exp_add(&opts, &err)) {
        fail(err, "");
    }
    bdrv_unref(bs); /* the export has it */
}
