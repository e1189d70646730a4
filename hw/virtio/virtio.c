/*
 * The base of all virtio devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Queue life, and who does each step:
 *
 *   disabled --virtio_queue_enable()--> enabled --queue_start_one()-->
 *   started --queue_attach()--> attached --queue_detach()--> started
 *   --queue_stop_one()--> enabled --virtio_reset(), virtio_queue_reset()-->
 *   disabled
 *
 * Invariants:
 *  1. Rings are mapped, unmapped, attached and detached by the main thread
 *     only.  A vCPU that asks for it waits in main_loop_call() with the BQL
 *     given up; an IOThread never asks.
 *  2. The ring belongs to the home thread from queue_attach() on until
 *     queue_detach() has returned; each is a bottom half in the home thread
 *     that the main thread waits for.
 *  3. A queue is started only while status has DRIVER_OK, and attached only
 *     while, besides, the machine runs.
 *  4. Before a ring is unmapped: all queues are detached, then each is
 *     drained, so that nothing writes guest memory after a reset was
 *     acknowledged.
 *  5. The IOThread never takes the BQL: what must happen under it after
 *     virtio_error() is left to a bottom half of the main loop.
 */
#include "util/osdep.h"
#include "hw/virtio/virtio.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/main-loop.h"

/* Lines that one device may write into the log in a minute. */
#define LOG_LINES_MAX     10
#define LOG_WINDOW_LENGTH (60 * G_USEC_PER_SEC)

/* --- errors of the driver ------------------------------------------------- */

/* May one more line be logged?  A guest must not fill the log. */
static bool log_line_allowed(VirtIODevice *vdev)
{
    int64_t now = g_get_monotonic_time();

    if (now - vdev->log_window_start >= LOG_WINDOW_LENGTH) {
        vdev->log_window_start = now;
        vdev->log_lines = 0;
    }
    return vdev->log_lines++ < LOG_LINES_MAX;
}

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    va_list ap;

    if (qatomic_xchg(&vdev->broken, true)) {
        return;
    }
    if (log_line_allowed(vdev)) {
        va_start(ap, fmt);
        error_vreport(fmt, ap);
        va_end(ap);
        if (vdev->log_lines == LOG_LINES_MAX) {
            warn_report("%s: not logging further driver errors for a minute",
                        vdev->name);
        }
    }
    qemu_bh_schedule(vdev->broken_bh);
}

/* Main: show the driver what virtio_error() decided, 2.1.2. */
static void broken_bh(void *opaque)
{
    VirtIODevice *vdev = opaque;

    if (!qatomic_read(&vdev->broken)) {
        return; /* reset meanwhile */
    }
    vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    virtio_notify_config(vdev);
}

/* --- handlers in the queue's home thread ---------------------------------- */

static VirtQueue *vq_of(EventNotifier *e)
{
    return container_of(e, VirtQueue, host_notifier);
}

static void vq_kicked(EventNotifier *e)
{
    VirtQueue *vq = vq_of(e);

    if (!qatomic_read(&vq->vdev->broken)) {
        vq->vdev->ops->queue_handle(vq->vdev, vq);
    }
}

static bool vq_poll(EventNotifier *e)
{
    VirtQueue *vq = vq_of(e);

    return !qatomic_read(&vq->vdev->broken) &&
           vq->vdev->ops->queue_has_work(vq->vdev, vq);
}

static void vq_poll_begin(EventNotifier *e)
{
    VirtQueue *vq = vq_of(e);

    vq->vdev->ops->queue_set_polling(vq->vdev, vq, true);
}

static void vq_poll_end(EventNotifier *e)
{
    VirtQueue *vq = vq_of(e);

    vq->vdev->ops->queue_set_polling(vq->vdev, vq, false);
}

/* --- interrupts ----------------------------------------------------------- */

/*
 * A change of @irqfd may miss one interrupt here: what was written to the
 * eventfd meanwhile is found by the kernel when it is attached again, and
 * what the bottom half delivers becomes the vector's pending bit.
 */
void virtio_notify(VirtQueue *vq)
{
    if (likely(qatomic_read(&vq->irqfd))) {
        aio_event_notifier_set_deferred(vq->ctx, &vq->guest_notifier);
    } else {
        qemu_bh_schedule(vq->interrupt_bh);
    }
}

void virtio_queue_set_irqfd(VirtQueue *vq, bool irqfd)
{
    qatomic_set(&vq->irqfd, irqfd);
}

static void interrupt_bh(void *opaque)
{
    VirtQueue *vq = opaque;

    vq->vdev->transport->queue_interrupt(vq->vdev->transport_opaque, vq);
}

static void attach_in_home(void *opaque)
{
    VirtQueue *vq = opaque;

    aio_set_event_notifier(vq->ctx, &vq->host_notifier, vq_kicked, vq_poll,
                           vq_kicked);
    aio_set_event_notifier_poll(vq->ctx, &vq->host_notifier, vq_poll_begin,
                                vq_poll_end);
    vq->vdev->ops->queue_resume(vq->vdev, vq);
}

static void detach_in_home(void *opaque)
{
    VirtQueue *vq = opaque;

    aio_set_event_notifier(vq->ctx, &vq->host_notifier, NULL, NULL, NULL);
    vq->vdev->ops->queue_set_polling(vq->vdev, vq, false);
    vq->vdev->ops->queue_pause(vq->vdev, vq);
}

/* --- start and stop; main ------------------------------------------------- */

static void queue_attach(VirtQueue *vq)
{
    if (vq->started && !vq->attached) {
        vq->attached = true;
        aio_wait_bh_oneshot(vq->ctx, attach_in_home, vq);
    }
}

static void queue_detach(VirtQueue *vq)
{
    if (vq->attached) {
        aio_wait_bh_oneshot(vq->ctx, detach_in_home, vq);
        vq->attached = false;
    }
}

static bool queue_map(VirtQueue *vq, Error **errp)
{
    VirtIODevice *vdev = vq->vdev;
    uint64_t f = vdev->guest_features;
    const VringConfig cfg = {
        .num = vq->num,
        .desc = vq->desc,
        .avail = vq->avail,
        .used = vq->used,
        .indirect = virtio_has_feature(f, VIRTIO_F_RING_INDIRECT_DESC),
        .event_idx = virtio_has_feature(f, VIRTIO_F_RING_EVENT_IDX),
        .last_avail = vq->last_avail,
    };

    if (!vring_init(&vq->vring, vdev->mem, &cfg, errp)) {
        return false;
    }
    if (!vdev->ops->queue_start(vdev, vq, errp)) {
        vring_cleanup(&vq->vring);
        return false;
    }
    return true;
}

static void queue_start_one(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;
    Error *err = NULL;

    if (vq->started || !vq->enabled) {
        return;
    }
    if (!queue_map(vq, &err)) {
        virtio_error(vdev, "%s: queue %u: %s", vdev->name, vq->index,
                     error_get_pretty(err));
        error_free(err);
        return;
    }
    vq->started = true;
    vdev->transport->queue_connect(vdev->transport_opaque, vq);
    if (vdev->vm_running) {
        queue_attach(vq);
    }
}

/* @vq is detached. */
static void queue_stop_one(VirtQueue *vq)
{
    VirtIODevice *vdev = vq->vdev;

    if (vq->started) {
        vdev->ops->queue_drain(vdev, vq);
        vdev->ops->queue_stop(vdev, vq);
        vdev->transport->queue_disconnect(vdev->transport_opaque, vq);
        qemu_bh_cancel(vq->interrupt_bh);
        vq->last_avail = vring_last_avail(&vq->vring);
        vring_cleanup(&vq->vring);
        vq->started = false;
        event_notifier_test_and_clear(&vq->host_notifier);
        event_notifier_test_and_clear(&vq->guest_notifier);
    }
}

static void device_start(VirtIODevice *vdev)
{
    guest_memory_unref(vdev->mem);
    vdev->mem = guest_memory_system();
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        queue_start_one(&vdev->vq[i]);
    }
}

static void device_stop(VirtIODevice *vdev)
{
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        queue_detach(&vdev->vq[i]);
    }
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        queue_stop_one(&vdev->vq[i]);
    }
    guest_memory_unref(vdev->mem);
    vdev->mem = NULL;
}

void virtio_vm_state_change(VirtIODevice *vdev, bool running)
{
    vdev->vm_running = running;
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        if (running) {
            queue_attach(&vdev->vq[i]);
        } else {
            queue_detach(&vdev->vq[i]);
        }
    }
    for (unsigned i = 0; !running && i < vdev->nvqs; i++) {
        if (vdev->vq[i].started) {
            vdev->ops->queue_drain(vdev, &vdev->vq[i]);
        }
    }
}

static void queue_forget(VirtQueue *vq)
{
    vq->num = vq->num_max;
    vq->desc = vq->avail = vq->used = 0;
    vq->enabled = false;
    vq->last_avail = 0;
}

/* --- the status machine --------------------------------------------------- */

static void reset_in_main(void *opaque)
{
    VirtIODevice *vdev = opaque;

    device_stop(vdev);
    vdev->status = 0;
    vdev->guest_features = 0;
    vdev->generation = 0;
    qatomic_set(&vdev->broken, false);
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        queue_forget(&vdev->vq[i]);
    }
    if (vdev->ops->set_features) {
        vdev->ops->set_features(vdev, 0);
    }
    vdev->transport->reset(vdev->transport_opaque);
}

void virtio_reset(VirtIODevice *vdev)
{
    main_loop_call(reset_in_main, vdev);
}

/* Bring the queues in line with the status. */
static void follow_status(void *opaque)
{
    VirtIODevice *vdev = opaque;

    if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        device_start(vdev);
    } else {
        device_stop(vdev);
    }
}

/* May the driver's features stay?  2.2, 3.1.1 step 5. */
static bool features_acceptable(const VirtIODevice *vdev)
{
    return !(vdev->guest_features & ~vdev->host_features) &&
           virtio_has_feature(vdev->guest_features, VIRTIO_F_VERSION_1);
}

void virtio_set_status(VirtIODevice *vdev, uint8_t status)
{
    uint8_t old = vdev->status;

    if (!status) {
        virtio_reset(vdev);
        return;
    }
    status &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
    status |= old & VIRTIO_CONFIG_S_NEEDS_RESET;
    if ((status & ~old) & VIRTIO_CONFIG_S_FEATURES_OK) {
        if (!features_acceptable(vdev)) {
            status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
        } else if (vdev->ops->set_features) {
            vdev->ops->set_features(vdev, vdev->guest_features);
        }
    }
    if ((status & ~old) & VIRTIO_CONFIG_S_DRIVER_OK &&
        !(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
        virtio_error(vdev, "%s: DRIVER_OK without FEATURES_OK", vdev->name);
        status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
    }
    vdev->status = status;
    if ((status ^ old) & VIRTIO_CONFIG_S_DRIVER_OK) {
        main_loop_call(follow_status, vdev);
    }
}

void virtio_set_features(VirtIODevice *vdev, uint64_t features)
{
    /* A driver that takes FEATURES_OK back while queues run gains nothing. */
    if (!(vdev->status &
          (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK))) {
        vdev->guest_features = features;
    }
}

/* --- single queues -------------------------------------------------------- */

static void start_queue_in_main(void *opaque)
{
    VirtQueue *vq = opaque;

    if (vq->vdev->status & VIRTIO_CONFIG_S_DRIVER_OK && vq->vdev->mem) {
        queue_start_one(vq);
    }
}

void virtio_queue_enable(VirtIODevice *vdev, VirtQueue *vq)
{
    if (vq->enabled) {
        return;
    }
    vq->enabled = true;
    vq->last_avail = 0;
    if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        main_loop_call(start_queue_in_main, vq);
    }
}

static void reset_queue_in_main(void *opaque)
{
    VirtQueue *vq = opaque;

    queue_detach(vq);
    queue_stop_one(vq);
    queue_forget(vq);
}

void virtio_queue_reset(VirtIODevice *vdev, VirtQueue *vq)
{
    if (vq->enabled &&
        virtio_has_feature(vdev->guest_features, VIRTIO_F_RING_RESET)) {
        main_loop_call(reset_queue_in_main, vq);
    }
}

void virtio_queue_kick(VirtQueue *vq)
{
    if (vq->started) {
        event_notifier_set(&vq->host_notifier);
    }
}

/* --- config space --------------------------------------------------------- */

uint32_t virtio_config_read(VirtIODevice *vdev, uint32_t addr, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX_LEN] = { 0 };
    uint32_t val = 0;

    if (size > 4 || addr >= vdev->config_len ||
        size > vdev->config_len - addr) {
        return UINT32_MAX;
    }
    vdev->ops->get_config(vdev, config);
    memcpy(&val, config + addr, size);
    return val;
}

void virtio_config_write(VirtIODevice *vdev, uint32_t addr, uint32_t val,
                         unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX_LEN] = { 0 };

    if (size > 4 || addr >= vdev->config_len ||
        size > vdev->config_len - addr || !vdev->ops->set_config) {
        return;
    }
    vdev->ops->get_config(vdev, config);
    memcpy(config + addr, &val, size);
    vdev->ops->set_config(vdev, config);
}

void virtio_notify_config(VirtIODevice *vdev)
{
    vdev->generation++;
    if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        vdev->transport->notify_config(vdev->transport_opaque);
    }
}

/* --- set-up --------------------------------------------------------------- */

void virtio_init(VirtIODevice *vdev, const char *name, uint16_t device_id,
                 uint16_t config_len, unsigned nvqs, const VirtIODeviceOps *ops)
{
    assert(nvqs <= VIRTIO_QUEUE_MAX && config_len <= VIRTIO_CONFIG_MAX_LEN);
    vdev->name = name;
    vdev->device_id = device_id;
    vdev->config_len = config_len;
    vdev->ops = ops;
    vdev->host_features = 1ull << VIRTIO_F_VERSION_1;
    vdev->vq = g_new0(VirtQueue, nvqs);
    vdev->nvqs = 0;
    vdev->broken_bh = qemu_bh_new(broken_bh, vdev);
}

VirtQueue *virtio_add_queue(VirtIODevice *vdev, uint16_t num, AioContext *ctx,
                            Error **errp)
{
    VirtQueue *vq = &vdev->vq[vdev->nvqs];
    int ret;

    *vq = (VirtQueue){
        .vdev = vdev,
        .index = vdev->nvqs,
        .num_max = num,
        .num = num,
        .ctx = ctx,
        .vector = VIRTIO_NO_VECTOR,
    };
    ret = event_notifier_init(&vq->host_notifier, false);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to create an event notifier");
        return NULL;
    }
    ret = event_notifier_init(&vq->guest_notifier, false);
    if (ret < 0) {
        event_notifier_cleanup(&vq->host_notifier);
        error_setg_errno(errp, -ret, "Failed to create an event notifier");
        return NULL;
    }
    vq->interrupt_bh = qemu_bh_new(interrupt_bh, vq);
    vdev->nvqs++;
    return vq;
}

void virtio_cleanup(VirtIODevice *vdev)
{
    if (!vdev->vq) {
        return;
    }
    device_stop(vdev);
    for (unsigned i = 0; i < vdev->nvqs; i++) {
        qemu_bh_delete(vdev->vq[i].interrupt_bh);
        event_notifier_cleanup(&vdev->vq[i].host_notifier);
        event_notifier_cleanup(&vdev->vq[i].guest_notifier);
    }
    qemu_bh_delete(vdev->broken_bh);
    g_free(vdev->vq);
    vdev->vq = NULL;
    vdev->nvqs = 0;
}
