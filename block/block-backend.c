/*
 * BlockBackend: life, names, root node, device, properties and drain.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-group.h"
#include "block/blk-int.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/main-loop.h"

static TAILQ_HEAD(, BlockBackend) all = TAILQ_HEAD_INITIALIZER(all);
static TAILQ_HEAD(, BlockBackend) monitor_list = TAILQ_HEAD_INITIALIZER(
    monitor_list);

/* --- the edge to the root node --- */

static char *root_get_parent_desc(BdrvChild *child)
{
    BlockBackend *blk = child->opaque;
    g_autofree char *id = NULL;

    if (blk->name) {
        return g_strdup_printf("block device '%s'", blk->name);
    }
    id = blk_get_attached_dev_id(blk);
    if (*id) {
        return g_strdup_printf("block device '%s'", id);
    }
    return g_strdup("an unnamed block device");
}

static const char *root_get_name(BdrvChild *child)
{
    return blk_name(child->opaque);
}

static void root_drained_begin(BdrvChild *child)
{
    BlockBackend *blk = child->opaque;

    blk_gates_close(blk);
    if (blk->quiesce_counter == 1 && blk->throttle) {
        throttle_member_disable(blk->throttle);
    }
    if (blk->quiesce_counter == 1 && blk->dev_ops &&
        blk->dev_ops->drained_begin) {
        blk->dev_ops->drained_begin(blk->dev_opaque);
    }
}

static bool root_drained_poll(BdrvChild *child)
{
    BlockBackend *blk = child->opaque;

    return blk_gates_busy(blk) || (blk->dev_ops && blk->dev_ops->drained_poll &&
                                   blk->dev_ops->drained_poll(blk->dev_opaque));
}

static void root_drained_end(BdrvChild *child)
{
    BlockBackend *blk = child->opaque;

    blk_gates_open(blk);
    if (!blk->quiesce_counter && blk->throttle) {
        throttle_member_enable(blk->throttle);
    }
    if (!blk->quiesce_counter && blk->dev_ops && blk->dev_ops->drained_end) {
        blk->dev_ops->drained_end(blk->dev_opaque);
    }
}

static void root_resize(BdrvChild *child)
{
    BlockBackend *blk = child->opaque;

    if (blk->dev_ops && blk->dev_ops->resize_cb) {
        blk->dev_ops->resize_cb(blk->dev_opaque);
    }
}

static const BdrvChildClass child_root = {
    .get_parent_desc = root_get_parent_desc,
    .get_name = root_get_name,
    .drained_begin = root_drained_begin,
    .drained_poll = root_drained_poll,
    .drained_end = root_drained_end,
    .resize = root_resize,
};

/* --- life --- */

BlockBackend *blk_new(AioContext *ctx, uint64_t perm, uint64_t shared_perm)
{
    BlockBackend *blk = g_new0(BlockBackend, 1);

    blk->refcnt = 1;
    blk->ctx = ctx;
    blk->perm = perm;
    blk->shared_perm = shared_perm;
    blk->enable_write_cache = true;
    blk->on_read_error = BLOCKDEV_ON_ERROR_REPORT;
    blk->on_write_error = BLOCKDEV_ON_ERROR_ENOSPC;
    qemu_mutex_init(&blk->gates_lock);
    TAILQ_INSERT_TAIL(&all, blk, link);
    return blk;
}

BlockBackend *blk_new_with_bs(BlockDriverState *bs, uint64_t perm,
                              uint64_t shared_perm, Error **errp)
{
    BlockBackend *blk = blk_new(qemu_get_aio_context(), perm, shared_perm);

    if (blk_insert_bs(blk, bs, errp) < 0) {
        blk_unref(blk);
        return NULL;
    }
    return blk;
}

/* What the user of a tool does with the image he opens so. */
static void perms_for_flags(int flags, uint64_t *perm, uint64_t *shared)
{
    *perm = 0;
    *shared = BLK_PERM_ALL;
    if (!(flags & BDRV_O_NO_IO)) {
        *perm |= BLK_PERM_CONSISTENT_READ;
        if (flags & BDRV_O_RDWR) {
            *perm |= BLK_PERM_WRITE;
        }
    } else {
        *shared = BLK_PERM_ALL;
    }
    if (flags & BDRV_O_RESIZE) {
        *perm |= BLK_PERM_RESIZE;
    }
    if (flags & BDRV_O_NO_SHARE) {
        *shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
    }
}

BlockBackend *blk_new_open(const char *filename, const char *reference,
                           QDict *options, int flags, Error **errp)
{
    uint64_t perm, shared;
    BlockDriverState *bs;
    BlockBackend *blk;

    perms_for_flags(flags, &perm, &shared);
    bs = bdrv_open(filename, reference, options, flags, errp);
    if (!bs) {
        return NULL;
    }
    blk = blk_new_with_bs(bs, perm, shared, errp);
    bdrv_unref(bs);
    return blk;
}

void blk_ref(BlockBackend *blk)
{
    blk->refcnt++;
}

void blk_unref(BlockBackend *blk)
{
    if (!blk) {
        return;
    }
    assert(blk->refcnt > 0);
    if (blk->refcnt > 1) {
        blk->refcnt--;
        return;
    }
    blk_drain(blk);
    /* Errors that the main thread has not yet told of */
    AIO_WAIT_WHILE(NULL, qatomic_read(&blk->notes));
    if (--blk->refcnt) {
        return; /* somebody took it while the loop turned */
    }
    assert(!blk->dev && !blk->name);
    blk->refcnt++;
    if (blk->root) {
        blk_remove_bs(blk);
    }
    AIO_WAIT_WHILE(NULL, !blk_gates_quiet(blk));
    blk->refcnt--;
    TAILQ_REMOVE(&all, blk, link);
    blk_gates_free(blk);
    throttle_member_free(blk->throttle);
    qemu_mutex_destroy(&blk->gates_lock);
    g_free(blk);
}

/* --- names --- */

bool blk_add_monitor(BlockBackend *blk, const char *name, Error **errp)
{
    assert(!blk->name && name && *name);
    if (!id_wellformed(name)) {
        error_setg(errp, "Invalid device name");
        return false;
    }
    if (blk_by_name(name)) {
        error_setg(errp, "Device with id '%s' already exists", name);
        return false;
    }
    if (bdrv_find_node(name)) {
        error_setg(errp,
                   "Device name '%s' conflicts with an existing node name",
                   name);
        return false;
    }
    blk->name = g_strdup(name);
    TAILQ_INSERT_TAIL(&monitor_list, blk, monitor_link);
    return true;
}

void blk_remove_monitor(BlockBackend *blk)
{
    if (blk->name) {
        TAILQ_REMOVE(&monitor_list, blk, monitor_link);
        g_clear_pointer(&blk->name, g_free);
    }
}

const char *blk_name(const BlockBackend *blk)
{
    return blk->name ? blk->name : "";
}

BlockBackend *blk_by_name(const char *name)
{
    BlockBackend *blk;

    TAILQ_FOREACH(blk, &monitor_list, monitor_link) {
        if (!strcmp(name, blk->name)) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *blk_next(BlockBackend *blk)
{
    return blk ? TAILQ_NEXT(blk, monitor_link) : TAILQ_FIRST(&monitor_list);
}

BlockBackend *blk_all_next(BlockBackend *blk)
{
    return blk ? TAILQ_NEXT(blk, link) : TAILQ_FIRST(&all);
}

void blk_remove_all_bs(void)
{
    BlockBackend *blk;

    TAILQ_FOREACH(blk, &all, link) {
        if (blk->root) {
            blk_remove_bs(blk);
        }
    }
}

/* --- root node --- */

int blk_insert_bs(BlockBackend *blk, BlockDriverState *bs, Error **errp)
{
    assert(!blk->root);
    bdrv_ref(bs);
    blk->root = bdrv_root_attach_child(bs, "root", &child_root,
                                       BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY,
                                       blk->perm, blk->shared_perm, blk, errp);
    return blk->root ? 0 : -EPERM;
}

void blk_remove_bs(BlockBackend *blk)
{
    BdrvChild *root = blk->root;
    BlockDriverState *bs = root->bs;

    /* No request may look at blk->root while it goes */
    bdrv_ref(bs);
    bdrv_drained_begin(bs);
    blk->root = NULL;
    bdrv_root_unref_child(root);
    bdrv_drained_end(bs);
    bdrv_unref(bs);
}

BlockDriverState *blk_bs(const BlockBackend *blk)
{
    return blk->root ? blk->root->bs : NULL;
}

bool blk_is_available(const BlockBackend *blk)
{
    return blk_is_inserted(blk);
}

int blk_set_perm(BlockBackend *blk, uint64_t perm, uint64_t shared_perm,
                 Error **errp)
{
    int ret = 0;

    if (blk->root) {
        ret = bdrv_child_try_set_perm(blk->root, perm, shared_perm, errp);
    }
    if (ret == 0) {
        blk->perm = perm;
        blk->shared_perm = shared_perm;
    }
    return ret;
}

void blk_get_perm(const BlockBackend *blk, uint64_t *perm,
                  uint64_t *shared_perm)
{
    *perm = blk->perm;
    *shared_perm = blk->shared_perm;
}

int blk_make_empty(BlockBackend *blk, Error **errp)
{
    if (!blk->root) {
        error_setg(errp, "No medium inserted");
        return -ENOMEDIUM;
    }
    return bdrv_make_empty(blk->root, errp);
}

bool blk_supports_write_perm(const BlockBackend *blk)
{
    return !blk->root || !bdrv_is_read_only(blk->root->bs);
}

/* --- device --- */

int blk_attach_dev(BlockBackend *blk, void *dev)
{
    if (blk->dev) {
        return -EBUSY;
    }
    blk_ref(blk);
    blk->dev = dev;
    blk_iostatus_reset(blk);
    return 0;
}

void blk_detach_dev(BlockBackend *blk, void *dev)
{
    assert(blk->dev == dev);
    blk->dev = NULL;
    blk->dev_ops = NULL;
    blk->dev_opaque = NULL;
    blk_set_perm(blk, 0, BLK_PERM_ALL, NULL);
    blk_unref(blk);
}

void *blk_get_attached_dev(const BlockBackend *blk)
{
    return blk->dev;
}

char *blk_get_attached_dev_id(const BlockBackend *blk)
{
    if (blk->dev_ops && blk->dev_ops->get_id) {
        return blk->dev_ops->get_id(blk->dev_opaque);
    }
    return g_strdup("");
}

void blk_set_dev_ops(BlockBackend *blk, const BlockDevOps *ops, void *opaque)
{
    blk->dev_ops = ops;
    blk->dev_opaque = opaque;
    /* It comes into a drained section: it shall know */
    if (blk->quiesce_counter && ops && ops->drained_begin) {
        ops->drained_begin(opaque);
    }
}

BlockBackend *blk_by_dev(void *dev)
{
    BlockBackend *blk;

    TAILQ_FOREACH(blk, &all, link) {
        if (blk->dev == dev) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *blk_by_qdev_id(const char *id, Error **errp)
{
    BlockBackend *blk;

    TAILQ_FOREACH(blk, &all, link) {
        g_autofree char *dev_id = blk_get_attached_dev_id(blk);

        if (blk->dev && !strcmp(dev_id, id)) {
            return blk;
        }
    }
    error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    return NULL;
}

int blk_set_aio_context(BlockBackend *blk, AioContext *ctx, Error **errp)
{
    blk->ctx = ctx;
    return 0;
}

AioContext *blk_get_aio_context(const BlockBackend *blk)
{
    return blk->ctx;
}

/* --- properties --- */

int64_t blk_getlength(const BlockBackend *blk)
{
    return blk->root ? bdrv_getlength(blk->root->bs) : -ENOMEDIUM;
}

void blk_get_geometry(const BlockBackend *blk, uint64_t *sectors)
{
    int64_t len = blk_getlength(blk);

    *sectors = len < 0 ? 0 : len / BDRV_SECTOR_SIZE;
}

uint32_t blk_get_request_alignment(const BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);

    return bs ? bs->bl.request_alignment : BDRV_SECTOR_SIZE;
}

uint64_t blk_get_max_transfer(const BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);
    uint64_t max = bs && bs->bl.max_transfer ? bs->bl.max_transfer
                                             : BDRV_REQUEST_MAX_BYTES;

    return QEMU_ALIGN_DOWN(MIN(max, BDRV_REQUEST_MAX_BYTES),
                           blk_get_request_alignment(blk));
}

int blk_get_max_iov(const BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);

    return bs && bs->bl.max_iov ? bs->bl.max_iov : IOV_MAX;
}

bool blk_is_writable(const BlockBackend *blk)
{
    return blk->perm & BLK_PERM_WRITE;
}

bool blk_is_inserted(const BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);

    return bs && bdrv_is_inserted(bs);
}

bool blk_enable_write_cache(const BlockBackend *blk)
{
    return qatomic_read(&blk->enable_write_cache);
}

void blk_set_enable_write_cache(BlockBackend *blk, bool wce)
{
    qatomic_set(&blk->enable_write_cache, wce);
}

int blk_probe_blocksizes(BlockBackend *blk, BlockSizes *bsz)
{
    BlockDriverState *bs = blk_bs(blk);

    return bs ? bdrv_probe_blocksizes(bs, bsz) : -ENOTSUP;
}

int blk_probe_geometry(BlockBackend *blk, HDGeometry *geo)
{
    BlockDriverState *bs = blk_bs(blk);

    return bs ? bdrv_probe_geometry(bs, geo) : -ENOTSUP;
}

void blk_set_allow_resize(BlockBackend *blk, bool allow)
{
    blk->allow_resize = allow;
}

void blk_set_disable_request_queuing(BlockBackend *blk, bool disable)
{
    blk->disable_queuing = disable;
}

/* --- drain --- */

void blk_drained_begin(BlockBackend *blk)
{
    blk_ref(blk);
    if (blk->root) {
        bdrv_drained_begin(blk->root->bs);
        return;
    }
    blk_gates_close(blk);
    AIO_WAIT_WHILE(NULL, blk_gates_busy(blk));
}

void blk_drained_end(BlockBackend *blk)
{
    if (blk->root) {
        bdrv_drained_end(blk->root->bs);
    } else {
        blk_gates_open(blk);
    }
    blk_unref(blk);
}

void blk_drain(BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);

    /* Not by blk_drained_begin(): blk_unref() calls this with its last
     * reference */
    if (bs) {
        bdrv_drained_begin(bs);
        bdrv_drained_end(bs);
    } else {
        AIO_WAIT_WHILE(NULL, blk_gates_busy(blk));
    }
}

void blk_drain_all(void)
{
    BlockBackend *blk;

    bdrv_drain_all_begin();
    TAILQ_FOREACH(blk, &all, link) {
        AIO_WAIT_WHILE(NULL, blk_gates_busy(blk));
    }
    bdrv_drain_all_end();
}

bool blk_in_drained_section(const BlockBackend *blk)
{
    return blk->quiesce_counter > 0;
}
