/*
 * qemu-img convert --bitmaps: the source's persistent bitmaps, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/dirty-bitmap.h"
#include "qapi/qapi-commands-block-core.h"

bool img_check_bitmaps(BlockDriverState *src, bool skip_broken)
{
    BdrvDirtyBitmap *b = NULL;

    if (!bdrv_supports_persistent_dirty_bitmap(src)) {
        error_report("Source lacks bitmap support");
        return false;
    }
    while ((b = bdrv_dirty_bitmap_next(src, b))) {
        if (bdrv_dirty_bitmap_persistent(b) && !skip_broken &&
            bdrv_dirty_bitmap_inconsistent(b)) {
            error_report("Cannot copy inconsistent bitmap '%s'",
                         bdrv_dirty_bitmap_name(b));
            error_printf("Try --skip-broken-bitmaps, or use 'qemu-img bitmap "
                         "--remove' to delete it\n");
            return false;
        }
    }
    return true;
}

static bool copy_one(BlockDriverState *src, BlockDriverState *dst,
                     BdrvDirtyBitmap *b)
{
    const char *name = bdrv_dirty_bitmap_name(b);
    BlockDirtyBitmapAdd add = {
        .node = (char *)bdrv_get_node_name(dst),
        .name = (char *)name,
        .has_granularity = true,
        .granularity = bdrv_dirty_bitmap_granularity(b),
        .has_persistent = true,
        .persistent = true,
        .has_disabled = true,
        .disabled = !bdrv_dirty_bitmap_enabled(b),
    };
    BdrvDirtyBitmap *copy;
    Error *err = NULL;

    qmp_block_dirty_bitmap_add(&add, &err);
    if (err) {
        error_reportf_err(err, "Failed to create bitmap %s: ", name);
        return false;
    }
    copy = bdrv_find_dirty_bitmap(dst, name);
    if (!bdrv_merge_dirty_bitmap(copy, b, NULL, &err)) {
        error_reportf_err(err, "Failed to populate bitmap %s: ", name);
        bdrv_release_dirty_bitmap(copy);
        return false;
    }
    return true;
}

bool img_copy_bitmaps(BlockDriverState *src, BlockDriverState *dst,
                      bool skip_broken)
{
    BdrvDirtyBitmap *b = NULL;

    while ((b = bdrv_dirty_bitmap_next(src, b))) {
        if (!bdrv_dirty_bitmap_persistent(b)) {
            continue;
        }
        if (skip_broken && bdrv_dirty_bitmap_inconsistent(b)) {
            warn_report("Skipping inconsistent bitmap '%s'",
                        bdrv_dirty_bitmap_name(b));
        } else if (!copy_one(src, dst, b)) {
            return false;
        }
    }
    return true;
}
