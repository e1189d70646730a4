/*
 * Finding the driver that is meant.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/probe.h"

#include "block/blk-int.h"
#include "block/block-backend.h"
#include "block/block-int.h"

const BlockDriver *bdrv_find_format(const char *format_name)
{
    for (int i = 0; bdrv_drivers[i]; i++) {
        if (!strcmp(bdrv_drivers[i]->format_name, format_name)) {
            return bdrv_drivers[i];
        }
    }
    return NULL;
}

bool path_has_protocol(const char *path)
{
    return path[strcspn(path, ":/")] == ':';
}

static const BlockDriver *find_host_device(const char *filename)
{
    const BlockDriver *best = NULL;
    int best_score = 0;

    for (int i = 0; bdrv_drivers[i]; i++) {
        const BlockDriver *drv = bdrv_drivers[i];
        int score = drv->bdrv_probe_device ? drv->bdrv_probe_device(filename)
                                           : 0;

        if (score > best_score) {
            best_score = score;
            best = drv;
        }
    }
    return best;
}

const BlockDriver *bdrv_find_protocol(const char *filename,
                                      bool allow_protocol_prefix, Error **errp)
{
    const BlockDriver *drv = find_host_device(filename);
    size_t len = strcspn(filename, ":");

    if (drv) {
        return drv;
    }
    if (!allow_protocol_prefix || !path_has_protocol(filename)) {
        return bdrv_find_format("file");
    }
    for (int i = 0; bdrv_drivers[i]; i++) {
        drv = bdrv_drivers[i];
        if (drv->protocol_name && strlen(drv->protocol_name) == len &&
            !strncmp(drv->protocol_name, filename, len)) {
            return drv;
        }
    }
    error_setg(errp, "Unknown protocol '%.*s'", (int)MIN(len, 127), filename);
    return NULL;
}

const BlockDriver *bdrv_probe_all(const uint8_t *buf, int buf_size,
                                  const char *filename)
{
    const BlockDriver *best = NULL;
    int best_score = 0;

    for (int i = 0; bdrv_drivers[i]; i++) {
        const BlockDriver *drv = bdrv_drivers[i];
        int score = drv->bdrv_probe ? drv->bdrv_probe(buf, buf_size, filename)
                                    : 0;

        if (score > best_score) {
            best_score = score;
            best = drv;
        }
    }
    return best;
}

const BlockDriver *bdrv_probe_image(BlockDriverState *file, Error **errp)
{
    uint8_t buf[BLOCK_PROBE_BUF_SIZE] = { 0 };
    const BlockDriver *drv;
    BlockBackend *blk;
    int64_t len;
    int ret = 0;

    len = bdrv_getlength(file);
    if (len > 0) {
        blk = blk_new_with_bs(file, 0, BLK_PERM_ALL, errp);
        if (!blk) {
            return NULL;
        }
        ret = blk_pread(blk, 0, MIN(len, (int64_t)sizeof(buf)), buf, 0);
        blk_unref(blk);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Could not read image for determining its format");
        return NULL;
    }
    drv = bdrv_probe_all(buf, sizeof(buf), bdrv_filename(file));
    if (!drv) {
        error_setg(errp, "Could not determine image format: No compatible "
                         "driver found");
    }
    return drv;
}

void bdrv_warn_probed_raw(BlockDriverState *file)
{
    bdrv_refresh_filename(file);
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing "
            "guessed raw.\n"
            "         Automatically detecting the format is dangerous for "
            "raw images, write operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the "
            "restrictions.\n",
            file->filename);
}

bool bdrv_serves_guests;

void bdrv_init(void)
{
    blk_io_init();
}

void bdrv_iterate_format(void (*it)(void *opaque, const char *name),
                         void *opaque, bool read_only)
{
    for (int i = 0; bdrv_drivers[i]; i++) {
        it(opaque, bdrv_drivers[i]->format_name);
    }
}
