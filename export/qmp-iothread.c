/*
 * QMP: x-blockdev-set-iothread. Nodes have no thread of their own: what moves
 * is their exports.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block.h"
#include "export/export.h"
#include "qapi/qapi-commands-block-core.h"

void qmp_x_blockdev_set_iothread(const char *node_name, StrOrNull *iothread,
                                 bool has_force, bool force, Error **errp)
{
    BlockDriverState *bs = bdrv_find_node(node_name);
    IOThread *io = NULL;

    if (!bs) {
        error_setg(errp, "Failed to find node with node-name='%s'", node_name);
        return;
    }
    if (iothread->type == QTYPE_QSTRING) {
        io = iothread_by_id(iothread->u.s);
        if (!io) {
            error_setg(errp, "Cannot find iothread %s", iothread->u.s);
            return;
        }
    }
    blk_exp_set_node_iothread(bs, io);
}
