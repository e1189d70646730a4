/*
 * One queue of a vhost-user front end.
 *
 * The main thread says by @want whether the ring shall be served, and schedules
 * home_bh; home answers a stop with @stopped and main_bh, once nothing is in
 * flight and all results are shown.  Nobody waits for anybody, so a throttled
 * or drained disk keeps no thread from its work.
 *
 *   not started --try_start()--> started --stop()--> stopping
 *        ^                                               |
 *        +----------------- main_bh ---------------------+
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user.h"
#include "hw/virtio/virtio.h"
#include "util/atomic.h"

/* --- home ----------------------------------------------------------------- */

static VhostUserQueue *of_kick(EventNotifier *e)
{
    return container_of(e, VhostUserQueue, kick);
}

static void kicked(EventNotifier *e)
{
    virtio_blk_queue_process(&of_kick(e)->queue);
}

static bool poll_ring(EventNotifier *e)
{
    return virtio_blk_queue_has_work(&of_kick(e)->queue);
}

static void poll_begin(EventNotifier *e)
{
    virtio_blk_queue_set_polling(&of_kick(e)->queue, true);
}

static void poll_end(EventNotifier *e)
{
    virtio_blk_queue_set_polling(&of_kick(e)->queue, false);
}

static void attach(VhostUserQueue *q)
{
    q->attached = true;
    aio_set_event_notifier(q->ctx, &q->kick, kicked, poll_ring, kicked);
    aio_set_event_notifier_poll(q->ctx, &q->kick, poll_begin, poll_end);
    virtio_blk_queue_start(&q->queue);
}

static void detach(VhostUserQueue *q)
{
    q->attached = false;
    aio_set_event_notifier(q->ctx, &q->kick, NULL, NULL, NULL);
    virtio_blk_queue_set_polling(&q->queue, false);
    virtio_blk_queue_stop(&q->queue);
}

static void home_bh(void *opaque)
{
    VhostUserQueue *q = opaque;

    if (qatomic_load_acquire(&q->want)) {
        if (!q->attached) {
            attach(q);
        }
        return;
    }
    if (q->attached) {
        detach(q);
    }
    if (!virtio_blk_queue_inflight(&q->queue) && !qatomic_read(&q->stopped)) {
        virtio_blk_queue_settle(&q->queue);
        /* RELEASE: pairs with main_bh(), which frees what was used here */
        qatomic_store_release(&q->stopped, true);
        qemu_bh_schedule(q->main_bh);
    }
}

static void idle(VirtioBlkQueue *vbq)
{
    VhostUserQueue *q = vbq->opaque;

    qemu_bh_schedule(q->home_bh);
}

static void notify(VirtioBlkQueue *vbq)
{
    VhostUserQueue *q = vbq->opaque;

    if (likely(event_notifier_get_fd(&q->call) >= 0)) {
        aio_event_notifier_set_deferred(q->ctx, &q->call);
    }
}

static void broken(VirtioBlkQueue *vbq, const char *why)
{
    VhostUserQueue *q = vbq->opaque;

    if (!qatomic_read(&q->broken)) {
        q->why = g_strdup(why);
        /* RELEASE: pairs with main_bh(), which reads @why */
        qatomic_store_release(&q->broken, true);
        qemu_bh_schedule(q->main_bh);
    }
}

static const VirtioBlkQueueOps queue_ops = {
    .notify = notify,
    .broken = broken,
    .idle = idle,
};

/* --- main ----------------------------------------------------------------- */

static void close_notifier(EventNotifier *e)
{
    if (event_notifier_get_fd(e) >= 0) {
        event_notifier_cleanup(e);
    }
    event_notifier_init_fd(e, -1);
}

static void finish_stop(VhostUserQueue *q)
{
    q->started = false;
    q->base = vring_last_avail(&q->vring);
    virtio_blk_queue_cleanup(&q->queue);
    vring_cleanup(&q->vring);
    if (q->logging) {
        vring_inflight_close(&q->log);
        q->logging = false;
    }
    qemu_bh_delete(q->home_bh);
    q->home_bh = NULL;
    if (q->iothread) {
        object_unref(q->iothread);
        q->iothread = NULL;
    }
    vhost_user_queue_stopped(q->server);
}

static void main_bh(void *opaque)
{
    VhostUserQueue *q = opaque;

    if (qatomic_load_acquire(&q->broken) && q->why) {
        g_autofree char *why = g_steal_pointer(&q->why);

        if (q->err_fd >= 0) {
            EventNotifier err;

            event_notifier_init_fd(&err, q->err_fd);
            event_notifier_set(&err);
        }
        vhost_user_drop(q->server, "queue %u: %s", q->index, why);
    }
    if (q->started && qatomic_load_acquire(&q->stopped)) {
        finish_stop(q);
    }
}

void vhost_user_queue_init(VhostUserServer *s, unsigned index)
{
    VhostUserQueue *q = &s->queues[index];

    q->server = s;
    q->index = index;
    q->main_bh = aio_bh_new(qemu_get_aio_context(), main_bh, q);
    event_notifier_init_fd(&q->kick, -1);
    event_notifier_init_fd(&q->call, -1);
    q->err_fd = -1;
}

void vhost_user_queue_reset(VhostUserQueue *q)
{
    assert(!q->started);
    close_notifier(&q->kick);
    close_notifier(&q->call);
    if (q->err_fd >= 0) {
        close(q->err_fd);
        q->err_fd = -1;
    }
    q->num = 0;
    q->has_addr = q->has_kick = q->enabled = false;
    q->base = 0;
    q->broken = false;
    g_clear_pointer(&q->why, g_free);
}

void vhost_user_queue_cleanup(VhostUserQueue *q)
{
    vhost_user_queue_reset(q);
    qemu_bh_delete(q->main_bh);
}

/* Map the ring as the front end's addresses say. */
static bool map_ring(VhostUserQueue *q, Error **errp)
{
    VhostUserServer *s = q->server;
    uint64_t f = s->guest_features;
    VringConfig cfg = {
        .num = q->num,
        .indirect = virtio_has_feature(f, VIRTIO_F_RING_INDIRECT_DESC),
        .event_idx = virtio_has_feature(f, VIRTIO_F_RING_EVENT_IDX),
        .last_avail = q->base,
    };

    if (!vhost_user_mem_to_gpa(&s->mem, q->addr.desc, &cfg.desc) ||
        !vhost_user_mem_to_gpa(&s->mem, q->addr.avail, &cfg.avail) ||
        !vhost_user_mem_to_gpa(&s->mem, q->addr.used, &cfg.used)) {
        error_setg(errp, "queue %u: the rings are not in shared memory",
                   q->index);
        return false;
    }
    if (!vring_init(&q->vring, s->mem.table, &cfg, errp)) {
        error_prepend(errp, "queue %u: ", q->index);
        return false;
    }
    return true;
}

/* Go by the record of requests in flight, and keep it from here on. */
static bool open_log(VhostUserQueue *q, Error **errp)
{
    VhostUserServer *s = q->server;
    uint16_t last = q->base;

    if (!s->has_inflight) {
        return true;
    }
    if (q->index >= s->inflight_queues || q->num > s->inflight_num) {
        error_setg(errp, "queue %u: no room in the inflight buffer", q->index);
        return false;
    }
    if (vring_inflight_open(&q->log,
                            s->inflight.ptr +
                                q->index * vring_inflight_size(s->inflight_num),
                            q->num, vring_used_idx(&q->vring), &last)) {
        vring_set_last_avail(&q->vring, last);
    }
    vring_set_inflight_log(&q->vring, &q->log);
    q->logging = true;
    return true;
}

bool vhost_user_queue_try_start(VhostUserQueue *q, Error **errp)
{
    VhostUserServer *s = q->server;

    if (q->started || !q->has_kick || !q->has_addr || !q->enabled || !q->num ||
        !s->mem.table) {
        return true;
    }
    if (!map_ring(q, errp)) {
        return false;
    }
    if (!open_log(q, errp) ||
        !virtio_blk_queue_init(&q->queue, &q->vring, s->ctx, s->blk, s->params,
                               &queue_ops, q, errp)) {
        if (q->logging) {
            vring_inflight_close(&q->log);
            q->logging = false;
        }
        vring_cleanup(&q->vring);
        return false;
    }
    q->ctx = s->ctx;
    q->iothread = s->iothread ? object_ref(s->iothread) : NULL;
    q->home_bh = aio_bh_new(q->ctx, home_bh, q);
    q->started = true;
    q->attached = q->stopped = false;
    /* RELEASE: pairs with home_bh() */
    qatomic_store_release(&q->want, true);
    qemu_bh_schedule(q->home_bh);
    return true;
}

void vhost_user_queue_stop(VhostUserQueue *q)
{
    assert(q->started);
    qatomic_store_release(&q->want, false);
    qemu_bh_schedule(q->home_bh);
}

typedef struct NewCall {
    VhostUserQueue *q;
    int fd, old;
} NewCall;

static void change_call(void *opaque)
{
    NewCall *n = opaque;

    /* Requests that name the old descriptor go to the kernel before it may
     * be closed. */
    aio_submit(n->q->ctx);
    n->old = event_notifier_get_fd(&n->q->call);
    event_notifier_init_fd(&n->q->call, n->fd);
}

void vhost_user_queue_set_call(VhostUserQueue *q, int fd)
{
    NewCall n = { .q = q, .fd = fd, .old = -1 };

    if (q->started) {
        aio_wait_bh_oneshot(q->ctx, change_call, &n);
    } else {
        n.old = event_notifier_get_fd(&q->call);
        event_notifier_init_fd(&q->call, fd);
    }
    if (n.old >= 0) {
        close(n.old);
    }
    /* An interrupt that went to the old one may not have been seen. */
    if (fd >= 0) {
        event_notifier_set(&q->call);
    }
}
