/*
 * block-set-write-threshold: tell when an image fills up.
 *
 * The threshold is looked at where dirty bitmaps record: a node with one is a
 * node that records, so that others pay nothing for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/block.h"
#include "block/dirty-bitmap.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-events-block-core.h"
#include "util/atomic.h"

void bdrv_write_threshold_check(BlockDriverState *bs, int64_t end)
{
    uint64_t threshold = qatomic_read(&bs->write_threshold);

    /* Of several writes one finds it */
    if (threshold && end > 0 && (uint64_t)end > threshold &&
        qatomic_cmpxchg(&bs->write_threshold, threshold, 0) == threshold) {
        qapi_event_send_block_write_threshold(bs->node_name, end - threshold,
                                              threshold);
    }
}

void qmp_block_set_write_threshold(const char *node_name,
                                   uint64_t write_threshold, Error **errp)
{
    BlockDriverState *bs = bdrv_find_node(node_name);

    if (!bs) {
        error_setg(errp, "Device '%s' not found", node_name);
        return;
    }
    bdrv_drained_begin(bs);
    qatomic_set(&bs->write_threshold, write_threshold);
    bdrv_update_recording(bs);
    bdrv_drained_end(bs);
}
