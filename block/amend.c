/*
 * Changing the options of an image that is there: what all drivers have in
 * common.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/create.h"

#include "block/block-int.h"

int bdrv_amend_options(BlockDriverState *bs, QDict *opts,
                       BdrvAmendStatusCB *status_cb, void *cb_opaque,
                       bool force, Error **errp)
{
    if (!bs->drv) {
        error_setg(errp, "Node is ejected");
        return -ENOMEDIUM;
    }
    if (!bs->drv->bdrv_amend_options) {
        error_setg(errp, "Block driver '%s' does not support option amendment",
                   bs->drv->format_name);
        return -ENOTSUP;
    }
    return bs->drv->bdrv_amend_options(bs, opts, status_cb, cb_opaque, force,
                                       errp);
}
