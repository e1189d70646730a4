/*
 * Backing chains: finding an image in one, changing what an image says of the
 * one below it, and emptying an image so that the one below shows through.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/create.h"
#include "block/sync.h"

/* Is @name, seen from the image @bs, the file that is known as @file? */
static bool same_file(const BlockDriverState *bs, const char *name,
                      const char *file)
{
    const char *above = bs->file ? bs->file->bs->filename : bs->filename;
    g_autofree char *path = bdrv_backing_path(above, name, NULL);
    char *real = path ? realpath(path, NULL) : NULL;
    char *real_file = realpath(file, NULL);
    bool same = real && real_file && !strcmp(real, real_file);

    free(real);
    free(real_file);
    return same;
}

BlockDriverState *bdrv_find_backing_image(BlockDriverState *bs,
                                          const char *name)
{
    BlockDriverState *below;

    for (; (below = bdrv_cow_bs(bs)); bs = below) {
        BlockDriverInfo info;

        if (bdrv_get_info(bs, &info) == 0 && info.backing_file &&
            !strcmp(info.backing_file, name)) {
            return below;
        }
        if (!strcmp(below->filename, name) ||
            same_file(bs, name, below->filename)) {
            return below;
        }
    }
    return NULL;
}

int bdrv_change_backing_file(BlockDriverState *bs, const char *backing_file,
                             const char *backing_fmt, bool require)
{
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    /* Guessing the format of what a guest wrote is how guests read others'
     * files */
    if ((require && backing_file && !backing_fmt) ||
        (!backing_file && backing_fmt)) {
        return -EINVAL;
    }
    if (!bs->drv->bdrv_change_backing_file) {
        return -ENOTSUP;
    }
    return bs->drv->bdrv_change_backing_file(bs, backing_file, backing_fmt);
}

static int coroutine_fn co_make_empty(BdrvSyncCall *s)
{
    BlockDriverState *bs = s->target;
    int ret;

    bdrv_inc_in_flight(bs);
    ret = bs->drv->bdrv_co_make_empty(bs);
    bdrv_dec_in_flight(bs);
    return ret;
}

int bdrv_make_empty(BdrvChild *c, Error **errp)
{
    BlockDriverState *bs = c->bs;
    BdrvSyncCall s = { .co_fn = co_make_empty, .target = bs };
    int ret;

    assert(c->perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED));
    if (!bs->drv) {
        error_setg(errp, "No medium inserted");
        return -ENOMEDIUM;
    }
    if (!bs->drv->bdrv_co_make_empty) {
        error_setg(errp, "%s does not support emptying image files",
                   bs->drv->format_name);
        return -ENOTSUP;
    }
    ret = bdrv_run_sync(&s);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to empty %s", bs->filename);
    }
    return ret;
}
