/*
 * The vhost-user-blk export.
 *
 * Requests go through the virtio-blk device's queue code; the protocol is in
 * vhost-user*.c.  This is what the disk looks like, and its life as an export.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user-blk.h"
#include "export/vhost-user.h"
#include "hw/virtio/virtio.h"
#include "qapi/qapi-types-sockets.h"
#include "util/atomic.h"

/* As QEMU's export has them */
#define SEG_MAX         (128 - 2)
#define MAX_DWZ_SECTORS 32768
#define SERIAL          "vhost_user_blk"

#define MIN_BLOCK_SIZE 512
#define MAX_BLOCK_SIZE (2 * MiB)

typedef struct VhostUserBlkExport {
    BlockExport common;
    VhostUserServer server;
    VirtioBlkParams params;
    bool original_wce;
} VhostUserBlkExport;

/* --- what the front end sees ---------------------------------------------- */

static void get_config(void *opaque, VirtIOBlkConfig *cfg)
{
    VhostUserBlkExport *e = opaque;
    uint32_t block = e->params.logical_block_size;

    *cfg = (VirtIOBlkConfig){
        .capacity = qatomic_read(&e->params.capacity),
        .seg_max = SEG_MAX,
        .blk_size = block,
        .min_io_size = 1,
        .opt_io_size = 1,
        .wce = blk_enable_write_cache(e->common.blk),
        .num_queues = e->server.num_queues,
        .max_discard_sectors = MAX_DWZ_SECTORS,
        .max_discard_seg = 1,
        .discard_sector_alignment = block / VIRTIO_BLK_SECTOR_SIZE,
        .max_write_zeroes_sectors = MAX_DWZ_SECTORS,
        .max_write_zeroes_seg = 1,
        .write_zeroes_may_unmap = 1,
    };
}

static void set_wce(void *opaque, bool wce)
{
    VhostUserBlkExport *e = opaque;

    if (virtio_has_feature(e->server.guest_features, VIRTIO_BLK_F_CONFIG_WCE)) {
        blk_set_enable_write_cache(e->common.blk, wce);
    }
}

/* virtio 1.2 section 5.2.5.2: without CONFIG_WCE the cache follows FLUSH. */
static void set_features(void *opaque, uint64_t features)
{
    VhostUserBlkExport *e = opaque;

    if (!virtio_has_feature(features, VIRTIO_BLK_F_CONFIG_WCE)) {
        blk_set_enable_write_cache(
            e->common.blk, virtio_has_feature(features, VIRTIO_BLK_F_FLUSH) &&
                               e->original_wce);
    }
}

static void connected(void *opaque)
{
    VhostUserBlkExport *e = opaque;

    blk_exp_ref(&e->common);
}

static void disconnected(void *opaque)
{
    VhostUserBlkExport *e = opaque;

    blk_set_enable_write_cache(e->common.blk, e->original_wce);
    blk_exp_unref(&e->common);
}

static const VhostUserOps server_ops = {
    .get_config = get_config,
    .set_wce = set_wce,
    .set_features = set_features,
    .connected = connected,
    .disconnected = disconnected,
};

static uint64_t offered_features(const VhostUserBlkExport *e)
{
    uint64_t f = 1ull << VIRTIO_F_VERSION_1 |
                 1ull << VIRTIO_F_RING_INDIRECT_DESC |
                 1ull << VIRTIO_F_RING_EVENT_IDX |
                 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
                 1ull << VIRTIO_BLK_F_TOPOLOGY | 1ull << VIRTIO_BLK_F_FLUSH |
                 1ull << VIRTIO_BLK_F_CONFIG_WCE | 1ull << VIRTIO_BLK_F_MQ |
                 1ull << VIRTIO_BLK_F_DISCARD |
                 1ull << VIRTIO_BLK_F_WRITE_ZEROES;

    return f | (e->params.read_only ? 1ull << VIRTIO_BLK_F_RO : 0);
}

/* --- what the block layer calls ------------------------------------------- */

static void update_capacity(VhostUserBlkExport *e)
{
    uint64_t sectors;

    blk_get_geometry(e->common.blk, &sectors);
    qatomic_set(&e->params.capacity, sectors);
}

static void resized(void *opaque)
{
    VhostUserBlkExport *e = opaque;

    update_capacity(e);
    vhost_user_server_config_changed(&e->server);
}

static const BlockDevOps dev_ops = {
    .resize_cb = resized,
};

/* --- the export ----------------------------------------------------------- */

static VhostUserBlkExport *of(BlockExport *exp)
{
    return container_of(exp, VhostUserBlkExport, common);
}

static bool check_block_size(const char *id, uint64_t size, Error **errp)
{
    if (size && (size < MIN_BLOCK_SIZE || size > MAX_BLOCK_SIZE)) {
        error_setg(errp,
                   "parameter logical-block-size of %s must be between %d and "
                   "%lld",
                   id, MIN_BLOCK_SIZE, (long long)MAX_BLOCK_SIZE);
        return false;
    }
    if (!is_power_of_2(size)) {
        error_setg(errp,
                   "parameter logical-block-size of %s must be a power of 2",
                   id);
        return false;
    }
    return true;
}

static bool vhost_user_blk_create(BlockExport *exp, BlockExportOptions *opts,
                                  Error **errp)
{
    BlockExportOptionsVhostUserBlk *o = &opts->u.vhost_user_blk;
    uint64_t block = o->has_logical_block_size ? o->logical_block_size
                                               : MIN_BLOCK_SIZE;
    VhostUserBlkExport *e = of(exp);
    VhostUserServer *s = &e->server;

    if (!check_block_size(exp->id, block, errp)) {
        return false;
    }
    s->num_queues = o->has_num_queues ? o->num_queues : 1;
    if (!s->num_queues) {
        error_setg(errp, "num-queues must be greater than 0");
        return false;
    }
    if (s->num_queues > VHOST_USER_QUEUE_MAX) {
        error_setg(errp, "num-queues must not be greater than %d",
                   VHOST_USER_QUEUE_MAX);
        return false;
    }
    e->original_wce = blk_enable_write_cache(exp->blk);
    e->params = (VirtioBlkParams){
        .logical_block_size = block,
        .max_discard_sectors = MAX_DWZ_SECTORS,
        .max_write_zeroes_sectors = MAX_DWZ_SECTORS,
        .discard = true,
        .write_zeroes = true,
        .read_only = !opts->writable,
        .serial = SERIAL,
    };
    update_capacity(e);
    s->name = exp->id;
    s->blk = exp->blk;
    s->params = &e->params;
    s->ops = &server_ops;
    s->opaque = e;
    s->features = offered_features(e);
    s->ctx = exp->ctx;
    s->iothread = exp->iothread;
    if (!vhost_user_server_start(s, o->addr, errp)) {
        return false;
    }
    blk_set_dev_ops(exp->blk, &dev_ops, e);
    return true;
}

static void vhost_user_blk_request_shutdown(BlockExport *exp)
{
    vhost_user_server_shutdown(&of(exp)->server);
}

static void vhost_user_blk_delete(BlockExport *exp)
{
    blk_set_dev_ops(exp->blk, NULL, NULL);
    vhost_user_server_cleanup(&of(exp)->server);
}

/* Rings that run stay where they are until their requests are done: those that
 * the drain keeps back go on after it. */
static void vhost_user_blk_aio_detach(BlockExport *exp)
{
}

static void vhost_user_blk_aio_attach(BlockExport *exp)
{
    vhost_user_server_set_context(&of(exp)->server, exp->ctx, exp->iothread);
}

const BlockExportDriver blk_exp_vhost_user_blk = {
    .type = BLOCK_EXPORT_TYPE_VHOST_USER_BLK,
    .instance_size = sizeof(VhostUserBlkExport),
    .create = vhost_user_blk_create,
    .request_shutdown = vhost_user_blk_request_shutdown,
    .delete = vhost_user_blk_delete,
    .aio_detach = vhost_user_blk_aio_detach,
    .aio_attach = vhost_user_blk_aio_attach,
};
