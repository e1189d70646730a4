/*
 * QMP: blockdev-add, blockdev-del, blockdev-reopen, block_resize.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block.h"
#include "block/reopen.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qobject-output-visitor.h"

static QDict *flat_options(BlockdevOptions *options)
{
    QObject *obj;
    Visitor *v = qobject_output_visitor_new(&obj);
    QDict *dict;

    visit_type_BlockdevOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    dict = qobject_to(QDict, obj);
    qdict_flatten(dict);
    return dict;
}

void qmp_blockdev_add(BlockdevOptions *options, Error **errp)
{
    bdrv_open_blockdev(flat_options(options), errp);
}

void qmp_blockdev_reopen(BlockdevOptionsList *list, Error **errp)
{
    BlockReopenQueue *queue = NULL;

    for (; list; list = list->next) {
        BlockdevOptions *options = list->value;
        BlockDriverState *bs;

        if (!options->node_name) {
            error_setg(errp, "node-name not specified");
            goto fail;
        }
        bs = bdrv_find_node(options->node_name);
        if (!bs) {
            error_setg(errp, "Failed to find node with node-name='%s'",
                       options->node_name);
            goto fail;
        }
        queue = bdrv_reopen_queue(queue, bs, flat_options(options), false);
    }
    if (queue) {
        bdrv_reopen_multiple(queue, errp);
    }
    return;

fail:
    if (queue) {
        bdrv_reopen_queue_free(queue);
    }
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
