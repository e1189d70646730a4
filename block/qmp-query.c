/*
 * QMP: query-block, query-named-block-nodes, query-blockstats.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-throttle.h"
#include "block/blk-int.h"
#include "block/create.h"
#include "block/dirty-bitmap.h"
#include "block/query.h"
#include "block/snapshot.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/util.h"
#include "util/atomic.h"

/* --- nodes --- */

static bool node_info(BlockDriverState *bs, BlockNodeInfo *info, Error **errp)
{
    int64_t size = bdrv_getlength(bs);
    BlockDriverInfo bdi;

    if (size < 0) {
        error_setg_errno(errp, -size, "Can't get image size '%s'",
                         bs->exact_filename);
        return false;
    }
    bdrv_refresh_filename(bs);
    info->filename = g_strdup(bs->filename);
    info->format = g_strdup(bdrv_get_format_name(bs));
    info->virtual_size = size;
    info->actual_size = bdrv_get_allocated_file_size(bs);
    info->has_actual_size = info->actual_size >= 0;
    if (bdrv_get_info(bs, &bdi) >= 0) {
        info->has_cluster_size = bdi.cluster_size;
        info->cluster_size = bdi.cluster_size;
        info->has_dirty_flag = true;
        info->dirty_flag = bdi.is_dirty;
        if (bs->drv->supports_backing && bdi.backing_file) {
            info->backing_filename = g_strdup(bdi.backing_file);
            info->backing_filename_format = g_strdup(bdi.backing_format);
            info->full_backing_filename = bdrv_backing_path(
                bs->filename, bdi.backing_file, NULL);
        }
    }
    info->has_encrypted = info->encrypted = bs->encrypted;
    if (bs->drv->bdrv_snapshot_list) {
        Error *err = NULL;
        int ret = bdrv_query_snapshot_info_list(bs, &info->snapshots, &err);

        if (ret == -ENOMEDIUM || ret == -ENOTSUP) {
            error_free(err);
        } else if (ret < 0) {
            error_propagate(errp, err);
            return false;
        }
    }
    if (bs->drv->bdrv_get_specific_info) {
        info->format_specific = bs->drv->bdrv_get_specific_info(bs, errp);
        return info->format_specific;
    }
    return true;
}

ImageInfo *bdrv_query_image_info(BlockDriverState *bs, bool flat, Error **errp)
{
    ImageInfo *info = g_new0(ImageInfo, 1);
    BlockDriverState *backing = bdrv_filter_or_cow_bs(bs);

    /* The members of the base come first, in the same order */
    if (!node_info(bs, (BlockNodeInfo *)info, errp)) {
        qapi_free_ImageInfo(info);
        return NULL;
    }
    if (backing && !flat) {
        info->backing_image = bdrv_query_image_info(backing, flat, errp);
        if (!info->backing_image) {
            qapi_free_ImageInfo(info);
            return NULL;
        }
    }
    return info;
}

static int backing_depth(const BlockDriverState *bs)
{
    int depth = 0;

    while ((bs = bdrv_filter_or_cow_bs(bs))) {
        depth++;
    }
    return depth;
}

static BlockDeviceInfo *device_info(BlockBackend *blk, BlockDriverState *bs,
                                    bool flat, Error **errp)
{
    BlockDeviceInfo *info;
    ImageInfo *image = bdrv_query_image_info(bs, flat, errp);

    if (!image) {
        return NULL;
    }
    info = g_new0(BlockDeviceInfo, 1);
    info->file = g_strdup(bs->filename);
    info->node_name = g_strdup(bs->node_name);
    info->ro = bdrv_is_read_only(bs);
    info->drv = g_strdup(bdrv_get_format_name(bs));
    info->encrypted = bs->encrypted;
    info->active = !(bs->open_flags & BDRV_O_INACTIVE);
    info->detect_zeroes = bs->detect_zeroes;
    info->write_threshold = qatomic_read(&bs->write_threshold);
    info->backing_file_depth = flat ? 0 : backing_depth(bs);
    if (bdrv_cow_bs(bs)) {
        info->backing_file = g_strdup(bdrv_cow_bs(bs)->filename);
    }
    info->image = image;
    info->dirty_bitmaps = bdrv_query_dirty_bitmaps(bs);
    blk_query_io_limits(blk, info);
    info->cache = g_new0(BlockdevCacheInfo, 1);
    info->cache->writeback = !blk || blk_enable_write_cache(blk);
    info->cache->direct = bs->open_flags & BDRV_O_NOCACHE;
    info->cache->no_flush = bs->open_flags & BDRV_O_NO_FLUSH;
    return info;
}

BlockDeviceInfoList *qmp_query_named_block_nodes(bool has_flat, bool flat,
                                                 Error **errp)
{
    BlockDeviceInfoList *list = NULL;
    BlockDriverState *bs;

    for (bs = bdrv_next_node(NULL); bs; bs = bdrv_next_node(bs)) {
        BlockDeviceInfo *info;

        if (!bs->drv || bs->implicit) {
            continue;
        }
        info = device_info(NULL, bs, has_flat && flat, errp);
        if (!info) {
            qapi_free_BlockDeviceInfoList(list);
            return NULL;
        }
        QAPI_LIST_PREPEND(list, info);
    }
    return list;
}

/* --- devices --- */

static bool is_shown(BlockBackend *blk)
{
    return *blk_name(blk) || blk_get_attached_dev(blk);
}

static char *qdev_id(BlockBackend *blk)
{
    char *id = blk_get_attached_dev_id(blk);

    if (*id) {
        return id;
    }
    g_free(id);
    return NULL;
}

static BlockInfo *block_info(BlockBackend *blk, Error **errp)
{
    BlockInfo *info = g_new0(BlockInfo, 1);
    BlockDriverState *bs = blk_bs(blk);

    /* copy-on-read of a drive is no node of its own for the user */
    while (bs && bs->implicit) {
        bs = bdrv_filter_bs(bs);
    }
    info->device = g_strdup(blk_name(blk));
    info->type = g_strdup("unknown");
    info->removable = !blk_get_attached_dev(blk);
    info->qdev = qdev_id(blk);
    info->has_io_status = blk_iostatus_is_enabled(blk);
    info->io_status = blk_iostatus(blk);
    if (bs && bs->drv) {
        info->inserted = device_info(blk, bs, false, errp);
        if (!info->inserted) {
            qapi_free_BlockInfo(info);
            return NULL;
        }
    }
    return info;
}

BlockInfoList *qmp_query_block(Error **errp)
{
    BlockInfoList *list = NULL, **tail = &list;
    BlockBackend *blk;

    for (blk = blk_all_next(NULL); blk; blk = blk_all_next(blk)) {
        BlockInfo *info;

        if (!is_shown(blk)) {
            continue;
        }
        info = block_info(blk, errp);
        if (!info) {
            qapi_free_BlockInfoList(list);
            return NULL;
        }
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

/* --- figures --- */

static BlockStats *node_stats(BlockDriverState *bs)
{
    BlockStats *s = g_new0(BlockStats, 1);

    s->stats = g_new0(BlockDeviceStats, 1);
    if (!bs) {
        return s;
    }
    s->node_name = g_strdup(bs->node_name);
    s->stats->wr_highest_offset = qatomic_read(&bs->wr_highest_offset);
    if (bs->drv && bs->drv->bdrv_get_specific_stats) {
        s->driver_specific = bs->drv->bdrv_get_specific_stats(bs);
    }
    if (bdrv_primary_bs(bs)) {
        s->parent = node_stats(bdrv_primary_bs(bs));
    }
    if (bdrv_cow_bs(bs)) {
        s->backing = node_stats(bdrv_cow_bs(bs));
    }
    return s;
}

static void add_blk_stats(BlockDeviceStats *s, BlockBackend *blk)
{
    BlkGateStats g;

    blk_gates_stats(blk, &g);
    s->rd_bytes = g.bytes[BLK_IO_READ];
    s->rd_operations = g.ops[BLK_IO_READ];
    s->failed_rd_operations = g.failed[BLK_IO_READ];
    s->wr_bytes = g.bytes[BLK_IO_WRITE] + g.bytes[BLK_IO_WRITE_ZEROES];
    s->wr_operations = g.ops[BLK_IO_WRITE] + g.ops[BLK_IO_WRITE_ZEROES];
    s->failed_wr_operations = g.failed[BLK_IO_WRITE] +
                              g.failed[BLK_IO_WRITE_ZEROES];
    s->flush_operations = g.ops[BLK_IO_FLUSH];
    s->failed_flush_operations = g.failed[BLK_IO_FLUSH];
    s->unmap_bytes = g.bytes[BLK_IO_DISCARD];
    s->unmap_operations = g.ops[BLK_IO_DISCARD];
    s->failed_unmap_operations = g.failed[BLK_IO_DISCARD];
    s->account_invalid = s->account_failed = true;
}

BlockStatsList *qmp_query_blockstats(bool has_query_nodes, bool query_nodes,
                                     Error **errp)
{
    BlockStatsList *list = NULL, **tail = &list;
    BlockDriverState *bs;
    BlockBackend *blk;

    if (has_query_nodes && query_nodes) {
        for (bs = bdrv_next_node(NULL); bs; bs = bdrv_next_node(bs)) {
            QAPI_LIST_APPEND(tail, node_stats(bs));
        }
        return list;
    }
    for (blk = blk_all_next(NULL); blk; blk = blk_all_next(blk)) {
        BlockStats *s;

        if (!is_shown(blk)) {
            continue;
        }
        s = node_stats(blk_bs(blk));
        s->device = g_strdup(blk_name(blk));
        s->qdev = qdev_id(blk);
        add_blk_stats(s->stats, blk);
        QAPI_LIST_APPEND(tail, s);
    }
    return list;
}
