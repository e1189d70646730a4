/*
 * Nodes that the monitor owns: -blockdev, blockdev-add, blockdev-del; and the
 * end of the program.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/opts.h"

static TAILQ_HEAD(, BlockDriverState) monitor_nodes = TAILQ_HEAD_INITIALIZER(
    monitor_nodes);

BlockDriverState *bdrv_next_monitor_owned(BlockDriverState *bs)
{
    return bs ? TAILQ_NEXT(bs, monitor_list) : TAILQ_FIRST(&monitor_nodes);
}

BlockDriverState *bdrv_open_blockdev(QDict *options, Error **errp)
{
    BlockDriverState *bs;

    if (!qdict_get_try_str(options, "node-name")) {
        error_setg(errp, "'node-name' must be specified for the root node");
        qobject_unref(options);
        return NULL;
    }
    bdrv_default_bool(options, "cache.direct", false);
    bdrv_default_bool(options, "cache.no-flush", false);
    bdrv_default_bool(options, "read-only", false);
    bs = bdrv_open(NULL, NULL, options, 0, errp);
    if (bs) {
        bs->monitor_owned = true;
        TAILQ_INSERT_TAIL(&monitor_nodes, bs, monitor_list);
    }
    return bs;
}

static void disown(BlockDriverState *bs)
{
    TAILQ_REMOVE(&monitor_nodes, bs, monitor_list);
    bs->monitor_owned = false;
    bdrv_unref(bs);
}

bool bdrv_delete_blockdev(const char *node_name, Error **errp)
{
    BlockDriverState *bs = bdrv_find_node(node_name);
    BdrvChild *c;

    if (!bs) {
        error_setg(errp, "Failed to find node with node-name='%s'", node_name);
        return false;
    }
    LIST_FOREACH(c, &bs->parents, next_parent) {
        if (!c->klass->parent_is_bds) {
            error_setg(errp, "Node %s is in use", bs->node_name);
            return false;
        }
    }
    if (!bs->monitor_owned) {
        error_setg(errp, "Node %s is not owned by the monitor", bs->node_name);
        return false;
    }
    if (bs->refcnt > 1) {
        error_setg(errp, "Block device %s is in use",
                   bdrv_get_device_or_node_name(bs));
        return false;
    }
    disown(bs);
    return true;
}

void bdrv_close_all_monitor_owned(void)
{
    BlockDriverState *bs, *next;

    /* Parents were made after their children */
    TAILQ_FOREACH_SAFE(bs, &monitor_nodes, monitor_list, next) {
        disown(bs);
    }
}

void bdrv_close_all(void)
{
    bdrv_drain_all();
    blk_remove_all_bs();
    bdrv_close_all_monitor_owned();
    assert(TAILQ_EMPTY(&bdrv_all_states));
}
