/*
 * The virtio-blk device: features, configuration space, and the life of its
 * queues.  Requests are in virtio-blk-req.c and virtio-blk-queue.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Starting and stopping is the core's (hw/virtio/virtio.c), which calls
 * queue_start/_resume/_pause/_drain/_stop in that order; what this file adds:
 *
 *  1. s->params and s->queues[] are complete before the first queue starts,
 *     and change only in the main thread; queues read params.capacity
 *     atomically, everything else of it is fixed.
 *  2. A request that fails with action "stop" stays in its slot, taken from
 *     the ring but not answered.  Stopping and resuming the VM resubmits it;
 *     a reset drops it together with the slot.
 *  3. Nothing here takes the BQL in an IOThread: errors of the driver and
 *     of the disk leave it by bottom halves (virtio_error(),
 *     blk_error_action()).
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk.h"
#include "util/atomic.h"
#include "util/main-loop.h"

static VirtIOBlock *blk_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOBlock, parent_obj);
}

/* --- configuration space -------------------------------------------------- */

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    VirtIOBlock *s = blk_of(vdev);
    const VirtIOBlkConf *c = &s->conf;
    uint32_t block = c->conf.logical_block_size;
    uint32_t granularity = c->conf.discard_granularity;
    VirtIOBlkConfig cfg;

    if (granularity == UINT32_MAX || !c->report_discard_granularity) {
        granularity = block;
    }
    cfg = (VirtIOBlkConfig){
        .capacity = qatomic_read(&s->params.capacity),
        .seg_max = c->seg_max_adjust ? c->queue_size - 2 : 128 - 2,
        .cylinders = c->conf.cyls,
        .heads = c->conf.heads,
        .sectors = c->conf.secs,
        .blk_size = block,
        .physical_block_exp = __builtin_ctz(c->conf.physical_block_size /
                                            block),
        .min_io_size = c->conf.min_io_size / block,
        .opt_io_size = c->conf.opt_io_size / block,
        .wce = blk_enable_write_cache(s->blk),
        .num_queues = c->num_queues,
        .max_discard_sectors = c->max_discard_sectors,
        .max_discard_seg = 1,
        .discard_sector_alignment = granularity / VIRTIO_BLK_SECTOR_SIZE,
        .max_write_zeroes_sectors = c->max_write_zeroes_sectors,
        .max_write_zeroes_seg = 1,
        .write_zeroes_may_unmap = 1,
    };
    memcpy(config, &cfg, sizeof(cfg));
}

/* Only the cache mode can be written, 5.2.5.1. */
static void set_config(VirtIODevice *vdev, const uint8_t *config)
{
    VirtIOBlock *s = blk_of(vdev);
    VirtIOBlkConfig cfg;

    memcpy(&cfg, config, sizeof(cfg));
    if (virtio_has_feature(vdev->guest_features, VIRTIO_BLK_F_CONFIG_WCE)) {
        blk_set_enable_write_cache(s->blk, cfg.wce);
    }
}

/* 5.2.5.2: without CONFIG_WCE the cache follows FLUSH. */
static void set_features(VirtIODevice *vdev, uint64_t features)
{
    VirtIOBlock *s = blk_of(vdev);

    if (!features) {
        blk_set_enable_write_cache(s->blk, s->original_wce);
    } else if (!virtio_has_feature(features, VIRTIO_BLK_F_CONFIG_WCE)) {
        blk_set_enable_write_cache(
            s->blk, virtio_has_feature(features, VIRTIO_BLK_F_FLUSH) &&
                        s->original_wce);
    }
}

static uint64_t offered_features(VirtIOBlock *s)
{
    /* Those that properties may switch and this device knows */
    const uint64_t known = 1ull << VIRTIO_BLK_F_CONFIG_WCE |
                           1ull << VIRTIO_BLK_F_DISCARD |
                           1ull << VIRTIO_BLK_F_WRITE_ZEROES |
                           1ull << VIRTIO_F_RING_INDIRECT_DESC |
                           1ull << VIRTIO_F_RING_EVENT_IDX |
                           1ull << VIRTIO_F_RING_RESET;
    uint64_t f = s->conf.features & known;

    f |= 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_GEOMETRY |
         1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_TOPOLOGY;
    if (s->original_wce || (s->conf.enable_wce_if_config_wce &&
                            virtio_has_feature(f, VIRTIO_BLK_F_CONFIG_WCE))) {
        f |= 1ull << VIRTIO_BLK_F_FLUSH;
    }
    if (s->params.read_only) {
        f |= 1ull << VIRTIO_BLK_F_RO;
    }
    if (s->conf.num_queues > 1) {
        f |= 1ull << VIRTIO_BLK_F_MQ;
    }
    return f;
}

/* --- queues --------------------------------------------------------------- */

static void notify(VirtioBlkQueue *q)
{
    virtio_notify(q->opaque);
}

static void broken(VirtioBlkQueue *q, const char *why)
{
    VirtQueue *vq = q->opaque;

    virtio_error(vq->vdev, "%s", why);
}

static VirtioBlkErrorAction io_error(VirtioBlkQueue *q, VirtioBlkReq *req,
                                     int error)
{
    bool is_read = req->io.type == BLK_IO_READ;
    BlockErrorAction action = blk_get_error_action(q->blk, is_read, error);

    blk_error_action(q->blk, action, is_read, error);
    switch (action) {
    case BLOCK_ERROR_ACTION_STOP:
        return VIRTIO_BLK_ERROR_KEEP;
    case BLOCK_ERROR_ACTION_IGNORE:
        return VIRTIO_BLK_ERROR_IGNORE;
    default:
        return VIRTIO_BLK_ERROR_REPORT;
    }
}

static const VirtioBlkQueueOps queue_ops = {
    .notify = notify,
    .broken = broken,
    .io_error = io_error,
};

static bool queue_start(VirtIODevice *vdev, VirtQueue *vq, Error **errp)
{
    VirtIOBlock *s = blk_of(vdev);

    return virtio_blk_queue_init(vq->opaque, &vq->vring, vq->ctx, s->blk,
                                 &s->params, &queue_ops, vq, errp);
}

static void queue_stop(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_blk_queue_cleanup(vq->opaque);
}

static void queue_resume(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_blk_queue_start(vq->opaque);
}

static void queue_pause(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_blk_queue_stop(vq->opaque);
}

static void queue_drain(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_blk_queue_drain(vq->opaque);
}

static void queue_handle(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_blk_queue_process(vq->opaque);
}

static bool queue_has_work(VirtIODevice *vdev, VirtQueue *vq)
{
    return virtio_blk_queue_has_work(vq->opaque);
}

static void queue_set_polling(VirtIODevice *vdev, VirtQueue *vq, bool on)
{
    virtio_blk_queue_set_polling(vq->opaque, on);
}

static const VirtIODeviceOps device_ops = {
    .get_config = get_config,
    .set_config = set_config,
    .set_features = set_features,
    .queue_start = queue_start,
    .queue_stop = queue_stop,
    .queue_resume = queue_resume,
    .queue_pause = queue_pause,
    .queue_drain = queue_drain,
    .queue_handle = queue_handle,
    .queue_has_work = queue_has_work,
    .queue_set_polling = queue_set_polling,
};

/* --- what the block layer calls ------------------------------------------- */

static void update_capacity(VirtIOBlock *s)
{
    uint64_t sectors;

    blk_get_geometry(s->blk, &sectors);
    qatomic_set(&s->params.capacity, sectors);
}

static void resize_cb(void *opaque)
{
    VirtIOBlock *s = opaque;

    if (!s->realized) {
        return;
    }
    update_capacity(s);
    virtio_notify_config(&s->parent_obj);
}

/* The worker has no id of its own: both are its path. */
static char *get_path(void *opaque)
{
    return object_get_canonical_path(opaque);
}

static const BlockDevOps block_dev_ops = {
    .resize_cb = resize_cb,
    .get_id = get_path,
    .get_path = get_path,
};

/* What the block layer does for werror=stop and rerror=stop. */
static void stop_vm_for_io_error(void)
{
    qemu_system_vmstop_request(RUN_STATE_IO_ERROR);
}

static void vm_state_changed(void *opaque, bool running, RunState state)
{
    VirtIOBlock *s = opaque;

    virtio_vm_state_change(&s->parent_obj, running);
}

/* --- realize -------------------------------------------------------------- */

static bool check_drive(VirtIOBlkConf *c, Error **errp)
{
    if (!c->conf.blk) {
        error_setg(errp, "drive property not set");
        return false;
    }
    if (!blk_is_inserted(c->conf.blk)) {
        error_setg(errp, "Device needs media, but drive is empty");
        return false;
    }
    return true;
}

static bool check_queues(VirtIOBlkConf *c, Error **errp)
{
    if (!c->num_queues) {
        error_setg(errp, "num-queues property must be larger than 0");
        return false;
    }
    if (c->num_queues > VIRTIO_QUEUE_MAX) {
        error_setg(errp, "num-queues property must not be larger than %d",
                   VIRTIO_QUEUE_MAX);
        return false;
    }
    if (c->queue_size <= 2) {
        error_setg(errp, "invalid queue-size property (%u), must be > 2",
                   c->queue_size);
        return false;
    }
    if (!is_power_of_2(c->queue_size) || c->queue_size > VIRTQUEUE_MAX_SIZE) {
        error_setg(errp,
                   "invalid queue-size property (%u), "
                   "must be a power of 2 (max %d)",
                   c->queue_size, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    return true;
}

static bool check_limit(const char *name, uint32_t value, bool used,
                        Error **errp)
{
    if (used && (!value || value > VIRTIO_BLK_MAX_DWZ_SECTORS)) {
        error_setg(
            errp, "invalid %s property (%" PRIu32 "), must be between 1 and %d",
            name, value, VIRTIO_BLK_MAX_DWZ_SECTORS);
        return false;
    }
    return true;
}

static bool check_limits(VirtIOBlkConf *c, Error **errp)
{
    return check_limit("max-discard-sectors", c->max_discard_sectors,
                       virtio_has_feature(c->features, VIRTIO_BLK_F_DISCARD),
                       errp) &&
           check_limit(
               "max-write-zeroes-sectors", c->max_write_zeroes_sectors,
               virtio_has_feature(c->features, VIRTIO_BLK_F_WRITE_ZEROES),
               errp);
}

static void fill_params(VirtIOBlock *s)
{
    const VirtIOBlkConf *c = &s->conf;

    s->params = (VirtioBlkParams){
        .logical_block_size = c->conf.logical_block_size,
        .max_discard_sectors = c->max_discard_sectors,
        .max_write_zeroes_sectors = c->max_write_zeroes_sectors,
        .discard = virtio_has_feature(c->features, VIRTIO_BLK_F_DISCARD),
        .write_zeroes = virtio_has_feature(c->features,
                                           VIRTIO_BLK_F_WRITE_ZEROES),
        .read_only = !blk_supports_write_perm(s->blk),
    };
    g_strlcpy(s->params.serial, c->serial ?: "", sizeof(s->params.serial));
    update_capacity(s);
}

/* Which context serves which queue. */
static bool assign_contexts(VirtIOBlock *s, bool ioeventfd, Error **errp)
{
    VirtIOBlkConf *c = &s->conf;
    AioContext *ctx = qemu_get_aio_context();

    if (c->iothread && c->vq_mapping) {
        error_setg(errp, "iothread and iothread-vq-mapping properties cannot "
                         "be set at the same time");
        return false;
    }
    if ((c->iothread || c->vq_mapping) && !ioeventfd) {
        error_setg(errp, "ioeventfd is required for iothread");
        return false;
    }
    s->vq_ctx = g_new0(AioContext *, c->num_queues);
    if (c->vq_mapping) {
        return iothread_vq_mapping_apply(c->vq_mapping, s->vq_ctx,
                                         c->num_queues, errp);
    }
    if (c->iothread) {
        object_ref(c->iothread);
        ctx = iothread_get_aio_context(c->iothread);
    }
    for (unsigned i = 0; i < c->num_queues; i++) {
        s->vq_ctx[i] = ctx;
    }
    return true;
}

static void release_contexts(VirtIOBlock *s)
{
    if (s->conf.vq_mapping) {
        iothread_vq_mapping_cleanup(s->conf.vq_mapping);
    } else if (s->conf.iothread) {
        object_unref(s->conf.iothread);
    }
    g_free(s->vq_ctx);
    s->vq_ctx = NULL;
}

static bool make_queues(VirtIOBlock *s, Error **errp)
{
    VirtIODevice *vdev = &s->parent_obj;
    VirtIOBlkConf *c = &s->conf;

    virtio_init(vdev, "virtio-blk", VIRTIO_ID_BLOCK, sizeof(VirtIOBlkConfig),
                c->num_queues, &device_ops);
    vdev->host_features |= offered_features(s);
    s->queues = g_new0(VirtioBlkQueue, c->num_queues);
    for (unsigned i = 0; i < c->num_queues; i++) {
        VirtQueue *vq = virtio_add_queue(vdev, c->queue_size, s->vq_ctx[i],
                                         errp);

        if (!vq) {
            return false;
        }
        vq->opaque = &s->queues[i];
    }
    return true;
}

bool virtio_blk_realize(VirtIOBlock *s, bool ioeventfd, Error **errp)
{
    VirtIOBlkConf *c = &s->conf;

    if (!check_drive(c, errp) || !check_queues(c, errp)) {
        return false;
    }
    s->blk = c->conf.blk;
    /* First: messages about the back end name its device. */
    blk_set_dev_ops(s->blk, &block_dev_ops, s);
    if (!blkconf_apply_backend_options(
            &c->conf, !blk_supports_write_perm(s->blk), true, errp)) {
        return false;
    }
    s->original_wce = blk_enable_write_cache(s->blk);
    if (!blkconf_geometry(&c->conf, 65535, 255, 255, errp) ||
        !blkconf_blocksizes(&c->conf, errp) || !check_limits(c, errp)) {
        return false;
    }
    fill_params(s);
    if (!assign_contexts(s, ioeventfd, errp)) {
        g_free(s->vq_ctx);
        s->vq_ctx = NULL;
        return false;
    }
    if (!make_queues(s, errp) ||
        blk_set_aio_context(s->blk, s->vq_ctx[0], errp) < 0) {
        virtio_cleanup(&s->parent_obj);
        release_contexts(s);
        g_free(s->queues);
        s->queues = NULL;
        return false;
    }
    blk_iostatus_enable(s->blk);
    blk_set_vmstop_hook(stop_vm_for_io_error);
    s->change = qemu_add_vm_change_state_handler(vm_state_changed, s);
    s->parent_obj.vm_running = runstate_is_running();
    s->realized = true;
    return true;
}

void virtio_blk_unrealize(VirtIOBlock *s)
{
    if (!s->realized) {
        return;
    }
    s->realized = false;
    qemu_del_vm_change_state_handler(s->change);
    virtio_cleanup(&s->parent_obj);
    blk_set_dev_ops(s->blk, NULL, NULL);
    blk_set_aio_context(s->blk, qemu_get_aio_context(), NULL);
    release_contexts(s);
    g_free(s->queues);
    s->queues = NULL;
}

/* --- type ----------------------------------------------------------------- */

#define CONF(f) conf.f
#define FEATURE(name, bit, on) \
    DEFINE_PROP_BIT64(name, VirtIOBlock, CONF(features), bit, on)

const Property virtio_blk_props[] = {
    DEFINE_PROP_INCLUDE(VirtIOBlock, conf.conf, block_conf_props),
    DEFINE_PROP_STRING("serial", VirtIOBlock, CONF(serial)),
    FEATURE("config-wce", VIRTIO_BLK_F_CONFIG_WCE, true),
    DEFINE_PROP_BOOL("request-merging", VirtIOBlock, CONF(request_merging),
                     true),
    DEFINE_PROP_UINT16("num-queues", VirtIOBlock, CONF(num_queues),
                       VIRTIO_BLK_AUTO_NUM_QUEUES),
    DEFINE_PROP_UINT16("queue-size", VirtIOBlock, CONF(queue_size), 256),
    DEFINE_PROP_BOOL("seg-max-adjust", VirtIOBlock, CONF(seg_max_adjust), true),
    DEFINE_PROP_LINK("iothread", VirtIOBlock, CONF(iothread), TYPE_IOTHREAD,
                     IOThread *),
    DEFINE_PROP("iothread-vq-mapping", VirtIOBlock, CONF(vq_mapping),
                prop_info_iothread_vq_mapping_list, IOThreadVQMappingList *),
    FEATURE("discard", VIRTIO_BLK_F_DISCARD, true),
    DEFINE_PROP_BOOL("report-discard-granularity", VirtIOBlock,
                     CONF(report_discard_granularity), true),
    FEATURE("write-zeroes", VIRTIO_BLK_F_WRITE_ZEROES, true),
    DEFINE_PROP_UINT32("max-discard-sectors", VirtIOBlock,
                       CONF(max_discard_sectors), VIRTIO_BLK_MAX_DWZ_SECTORS),
    DEFINE_PROP_UINT32("max-write-zeroes-sectors", VirtIOBlock,
                       CONF(max_write_zeroes_sectors),
                       VIRTIO_BLK_MAX_DWZ_SECTORS),
    DEFINE_PROP_BOOL("x-enable-wce-if-config-wce", VirtIOBlock,
                     CONF(enable_wce_if_config_wce), true),
    FEATURE("indirect_desc", VIRTIO_F_RING_INDIRECT_DESC, true),
    FEATURE("event_idx", VIRTIO_F_RING_EVENT_IDX, true),
    FEATURE("queue_reset", VIRTIO_F_RING_RESET, true),
    /* Accepted; never offered, see offered_features() */
    FEATURE("notify_on_empty", 24, true),
    FEATURE("any_layout", 27, true),
    FEATURE("iommu_platform", 33, false),
    FEATURE("packed", 34, false),
    FEATURE("in_order", 35, false),
    /* Accepted, without effect: bits that no feature has */
    FEATURE("use-started", 56, true),
    FEATURE("use-disabled-flag", 57, true),
    FEATURE("x-disable-legacy-check", 58, false),
    DEFINE_PROP_END,
};

static void instance_init(Object *obj)
{
    blkconf_init(&VIRTIO_BLK(obj)->conf.conf);
}

static const DeviceOps virtio_blk_dev_ops = {
    .category = DEVICE_CATEGORY_STORAGE,
};

/* Its properties are those of the transport's type, which has it inside. */
static const TypeInfo virtio_blk_type = {
    .name = TYPE_VIRTIO_BLK,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(VirtIOBlock),
    .class_ops = &virtio_blk_dev_ops,
    .instance_init = instance_init,
};

extern const TypeInfo virtio_blk_pci_type, virtio_blk_pci_nt_type;

const TypeInfo *const hw_block_types[] = {
    &virtio_blk_type,
    &virtio_blk_pci_type,
    &virtio_blk_pci_nt_type,
    NULL,
};
