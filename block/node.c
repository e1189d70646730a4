/*
 * Nodes of the block graph: their life, names and simple properties.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/dirty-bitmap.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/memalign.h"

struct BdrvAllStates bdrv_all_states = TAILQ_HEAD_INITIALIZER(bdrv_all_states);
static TAILQ_HEAD(, BlockDriverState) graph_nodes = TAILQ_HEAD_INITIALIZER(
    graph_nodes);
static uint64_t next_auto_name;

BlockDriverState *bdrv_new(void)
{
    BlockDriverState *bs = g_new0(BlockDriverState, 1);

    bs->refcnt = 1;
    bs->filename = g_strdup("");
    bs->exact_filename = g_strdup("");
    bs->options = qdict_new();
    bs->explicit_options = qdict_new();
    bs->bl.request_alignment = 1;
    LIST_INIT(&bs->children);
    LIST_INIT(&bs->parents);
    LIST_INIT(&bs->tracked);
    qemu_mutex_init(&bs->reqs_lock);
    qemu_mutex_init(&bs->bitmaps_lock);
    LIST_INIT(&bs->dirty_bitmaps);
    qemu_co_queue_init(&bs->fast_queue);
    qemu_co_queue_init(&bs->flush_queue);
    TAILQ_INSERT_TAIL(&bdrv_all_states, bs, bs_list);
    return bs;
}

/* --- names --- */

bool bdrv_assign_node_name(BlockDriverState *bs, const char *node_name,
                           Error **errp)
{
    g_autofree char *generated = NULL;

    if (!node_name) {
        node_name = generated = g_strdup_printf("#block%" PRIu64 "%02d",
                                                next_auto_name++,
                                                g_random_int_range(0, 100));
    } else if (!id_wellformed(node_name)) {
        error_setg(errp, "Invalid node-name: '%s'", node_name);
        return false;
    }
    if (blk_by_name(node_name)) {
        error_setg(errp, "node-name=%s is conflicting with a device id",
                   node_name);
        return false;
    }
    if (bdrv_find_node(node_name)) {
        error_setg(errp, "Duplicate nodes with node-name='%s'", node_name);
        return false;
    }
    if (strlen(node_name) > BDRV_NODE_NAME_MAX) {
        error_setg(errp, "Node name too long");
        return false;
    }
    g_strlcpy(bs->node_name, node_name, sizeof(bs->node_name));
    TAILQ_INSERT_TAIL(&graph_nodes, bs, node_list);
    return true;
}

BlockDriverState *bdrv_find_node(const char *node_name)
{
    BlockDriverState *bs;

    TAILQ_FOREACH(bs, &graph_nodes, node_list) {
        if (!strcmp(node_name, bs->node_name)) {
            return bs;
        }
    }
    return NULL;
}

BlockDriverState *bdrv_lookup_bs(const char *device, const char *node_name,
                                 Error **errp)
{
    BlockDriverState *bs;
    BlockBackend *blk;

    if (device) {
        blk = blk_by_name(device);
        if (blk) {
            bs = blk_bs(blk);
            if (!bs) {
                error_setg(errp, "Device '%s' has no medium", device);
            }
            return bs;
        }
    }
    if (node_name) {
        bs = bdrv_find_node(node_name);
        if (bs) {
            return bs;
        }
    }
    error_setg(errp, "Cannot find device='%s' nor node-name='%s'",
               device ? device : "", node_name ? node_name : "");
    return NULL;
}

BlockDriverState *bdrv_next_node(BlockDriverState *bs)
{
    return bs ? TAILQ_NEXT(bs, node_list) : TAILQ_FIRST(&graph_nodes);
}

/* --- the end of a node --- */

static void bdrv_close(BlockDriverState *bs)
{
    BdrvChild *child, *next;

    if (bs->drv) {
        bdrv_drained_begin(bs);
        if (!(bs->open_flags & BDRV_O_INACTIVE) && !bs->read_only) {
            if (bs->drv->bdrv_inactivate) {
                bs->drv->bdrv_inactivate(bs);
            }
            bdrv_flush(bs);
        }
        bdrv_drained_end(bs);
        if (bs->drv->bdrv_close) {
            bs->drv->bdrv_close(bs);
        }
        if (bs->open_flags & BDRV_O_TEMPORARY) {
            unlink(bs->filename);
        }
        bs->drv = NULL;
    }
    bdrv_release_dirty_bitmaps(bs);
    LIST_FOREACH_SAFE(child, &bs->children, next, next) {
        bdrv_unref_child(bs, child);
    }
    bs->file = bs->backing = NULL;
    g_clear_pointer(&bs->opaque, g_free);
    g_clear_pointer(&bs->fast_writes, qemu_vfree);
    qobject_unref(bs->options);
    qobject_unref(bs->explicit_options);
    qobject_unref(bs->full_open_options);
    bs->total_bytes = 0;
}

void bdrv_ref(BlockDriverState *bs)
{
    bs->refcnt++;
}

void bdrv_unref(BlockDriverState *bs)
{
    BlockDriverState *other;

    if (!bs) {
        return;
    }
    assert(bs->refcnt > 0);
    if (--bs->refcnt > 0) {
        return;
    }
    /* Flushing turns the loop; whoever finds the node by name meanwhile must
     * not free it a second time. */
    bs->refcnt++;
    if (bs->node_name[0]) {
        TAILQ_REMOVE(&graph_nodes, bs, node_list);
    }
    bdrv_close(bs);
    TAILQ_REMOVE(&bdrv_all_states, bs, bs_list);
    TAILQ_FOREACH(other, &bdrv_all_states, bs_list) {
        if (other->inherits_from == bs) {
            other->inherits_from = NULL;
        }
    }
    assert(LIST_EMPTY(&bs->parents) && bs->refcnt == 1);
    qemu_mutex_destroy(&bs->reqs_lock);
    qemu_mutex_destroy(&bs->bitmaps_lock);
    g_free(bs->filename);
    g_free(bs->exact_filename);
    g_free(bs);
}

/* --- properties --- */

const char *bdrv_get_node_name(const BlockDriverState *bs)
{
    return bs->node_name;
}

const char *bdrv_get_device_name(const BlockDriverState *bs)
{
    BdrvChild *c;

    LIST_FOREACH(c, &bs->parents, next_parent) {
        const char *name = c->klass->get_name ? c->klass->get_name(c) : NULL;

        if (name && *name) {
            return name;
        }
    }
    return "";
}

const char *bdrv_get_device_or_node_name(const BlockDriverState *bs)
{
    const char *name = bdrv_get_device_name(bs);

    return *name ? name : bs->node_name;
}

const char *bdrv_get_format_name(const BlockDriverState *bs)
{
    return bs->drv ? bs->drv->format_name : NULL;
}

const char *bdrv_filename(const BlockDriverState *bs)
{
    return bs->filename;
}

bool bdrv_is_read_only(const BlockDriverState *bs)
{
    return bs->read_only;
}

bool bdrv_is_writable(const BlockDriverState *bs)
{
    return !bs->read_only && !(bs->open_flags & BDRV_O_INACTIVE);
}

bool bdrv_is_inserted(const BlockDriverState *bs)
{
    const BdrvChild *c;

    if (!bs->drv) {
        return false;
    }
    LIST_FOREACH(c, &bs->children, next) {
        if (!bdrv_is_inserted(c->bs)) {
            return false;
        }
    }
    return true;
}

int bdrv_get_flags(const BlockDriverState *bs)
{
    return bs->open_flags;
}

BlockDriverState *bdrv_filter_bs(const BlockDriverState *bs)
{
    return bs->drv && bs->drv->is_filter && bs->file ? bs->file->bs : NULL;
}

BlockDriverState *bdrv_skip_filters(BlockDriverState *bs)
{
    BlockDriverState *below;

    while (bs && (below = bdrv_filter_bs(bs))) {
        bs = below;
    }
    return bs;
}

BlockDriverState *bdrv_backing_chain_next(BlockDriverState *bs)
{
    bs = bdrv_skip_filters(bs);
    return bs ? bdrv_skip_filters(bdrv_cow_bs(bs)) : NULL;
}

BlockDriverState *bdrv_cow_bs(const BlockDriverState *bs)
{
    return bs->backing ? bs->backing->bs : NULL;
}

BlockDriverState *bdrv_filter_or_cow_bs(const BlockDriverState *bs)
{
    BlockDriverState *below = bdrv_filter_bs(bs);

    return below ? below : bdrv_cow_bs(bs);
}

BlockDriverState *bdrv_primary_bs(const BlockDriverState *bs)
{
    const BdrvChild *c;

    LIST_FOREACH(c, &bs->children, next) {
        if (c->role & BDRV_CHILD_PRIMARY) {
            return c->bs;
        }
    }
    return NULL;
}

void bdrv_set_total_bytes(BlockDriverState *bs, int64_t bytes)
{
    qatomic_set(&bs->total_bytes, bytes);
}

int bdrv_refresh_length(BlockDriverState *bs)
{
    int64_t len;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (!bs->drv->bdrv_getlength) {
        return 0;
    }
    len = bs->drv->bdrv_getlength(bs);
    if (len < 0) {
        return len;
    }
    if (len > BDRV_MAX_LENGTH) {
        return -EFBIG;
    }
    /* Whole sectors are what a guest can be shown; the bytes behind the end
     * of the last one read as zero. */
    bdrv_set_total_bytes(bs, ROUND_UP(len, BDRV_SECTOR_SIZE));
    return 0;
}

int64_t bdrv_getlength(BlockDriverState *bs)
{
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (bs->bl.has_variable_length) {
        int ret = bdrv_refresh_length(bs);

        if (ret < 0) {
            return ret;
        }
    }
    return qatomic_read(&bs->total_bytes);
}

int64_t bdrv_get_allocated_file_size(BlockDriverState *bs)
{
    const BdrvChild *c;
    int64_t sum = 0, size;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (bs->drv->bdrv_get_allocated_file_size) {
        return bs->drv->bdrv_get_allocated_file_size(bs);
    }
    if (bs->drv->protocol_name ||
        (!bs->drv->is_filter && !bs->drv->is_format)) {
        return -ENOTSUP;
    }
    LIST_FOREACH(c, &bs->children, next) {
        if (c->role &
            (BDRV_CHILD_DATA | BDRV_CHILD_METADATA | BDRV_CHILD_FILTERED)) {
            size = bdrv_get_allocated_file_size(c->bs);
            if (size < 0) {
                return size;
            }
            sum += size;
        }
    }
    return sum;
}

int bdrv_probe_blocksizes(BlockDriverState *bs, BlockSizes *bsz)
{
    BlockDriverState *below;

    if (bs->drv && bs->drv->bdrv_probe_blocksizes) {
        return bs->drv->bdrv_probe_blocksizes(bs, bsz);
    }
    below = bdrv_filter_bs(bs);
    return below ? bdrv_probe_blocksizes(below, bsz) : -ENOTSUP;
}

int bdrv_probe_geometry(BlockDriverState *bs, HDGeometry *geo)
{
    BlockDriverState *below;

    if (bs->drv && bs->drv->bdrv_probe_geometry) {
        return bs->drv->bdrv_probe_geometry(bs, geo);
    }
    below = bdrv_filter_bs(bs);
    return below ? bdrv_probe_geometry(below, geo) : -ENOTSUP;
}

bool bdrv_has_zero_init(BlockDriverState *bs)
{
    return !bs->drv->bdrv_has_zero_init || bs->drv->bdrv_has_zero_init(bs);
}

int bdrv_get_info(BlockDriverState *bs, BlockDriverInfo *bdi)
{
    BlockDriverState *below;

    memset(bdi, 0, sizeof(*bdi));
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (bs->drv->bdrv_get_info) {
        return bs->drv->bdrv_get_info(bs, bdi);
    }
    below = bdrv_filter_bs(bs);
    return below ? bdrv_get_info(below, bdi) : -ENOTSUP;
}

bool bdrv_supports_compressed_writes(const BlockDriverState *bs)
{
    const BlockDriverState *below = bdrv_filter_bs(bs);

    return bs->drv && (bs->drv->supports_compressed_writes ||
                       (below && bdrv_supports_compressed_writes(below)));
}

size_t bdrv_min_mem_align(const BlockDriverState *bs)
{
    return bs && bs->drv ? MAX(bs->bl.min_mem_alignment, 1) : 4096;
}

size_t bdrv_opt_mem_align(const BlockDriverState *bs)
{
    return bs && bs->drv ? MAX(bs->bl.opt_mem_alignment, 1) : 4096;
}
