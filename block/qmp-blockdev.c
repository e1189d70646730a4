/*
 * QMP: blockdev-add, blockdev-del, block_resize.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qobject-output-visitor.h"

void qmp_blockdev_add(BlockdevOptions *options, Error **errp)
{
    QObject *obj;
    Visitor *v = qobject_output_visitor_new(&obj);
    QDict *dict;

    visit_type_BlockdevOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    dict = qobject_to(QDict, obj);
    qdict_flatten(dict);
    bdrv_open_blockdev(dict, errp);
}

void qmp_blockdev_del(const char *node_name, Error **errp)
{
    bdrv_delete_blockdev(node_name, errp);
}

void qmp_block_resize(const char *device, const char *node_name, int64_t size,
                      Error **errp)
{
    BlockDriverState *bs = bdrv_lookup_bs(device, node_name, errp);
    BlockBackend *blk;

    if (!bs) {
        return;
    }
    if (size < 0) {
        error_setg(errp, "Parameter 'size' expects a >0 size");
        return;
    }
    blk = blk_new_with_bs(bs, BLK_PERM_RESIZE, BLK_PERM_ALL, errp);
    if (blk) {
        blk_truncate(blk, size, false, PREALLOC_MODE_OFF, 0, errp);
        blk_unref(blk);
    }
}
