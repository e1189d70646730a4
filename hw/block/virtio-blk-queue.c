/*
 * The request loop of a virtio-blk queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Invariants:
 *  1. A slot is in exactly one place: the free list, in flight in the block
 *     layer, or the list of kept requests.  There are as many slots as ring
 *     entries and vring_pop() never gives out more chains than that, so a
 *     chain always finds a slot and nothing is allocated per request.
 *  2. @inflight counts the requests in the block layer.  It falls only after
 *     the chain has been pushed into the used ring.
 *  3. The used ring is published, and the driver interrupted, once at the
 *     end of the loop's turn (AioDeferred), or by virtio_blk_queue_drain().
 *  4. Only the home thread touches the ring.
 *
 *   init -> (stopped) --start--> running --stop--> stopping
 *                         ^                           |
 *                         +---- stopped <---drain-----+    -> cleanup
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk-queue.h"
#include "util/atomic.h"

/* Requests taken in one round before other handlers of the loop run. */
static unsigned round_limit(const VirtioBlkQueue *q)
{
    return q->vr->num;
}

static void publish(AioDeferred *d)
{
    VirtioBlkQueue *q = container_of(d, VirtioBlkQueue, publish);

    if (vring_publish(q->vr)) {
        q->ops->notify(q);
    }
}

static void finish(VirtioBlkQueue *q, VirtioBlkReq *req)
{
    vring_push(q->vr, &req->elem, req->in_len);
    STAILQ_INSERT_HEAD(&q->free, req, next);
    aio_defer(q->ctx, &q->publish);
}

static void leave_flight(VirtioBlkQueue *q)
{
    unsigned left = qatomic_read(&q->inflight) - 1;

    /* RELEASE: pairs with the acquire in virtio_blk_queue_drain() */
    qatomic_store_release(&q->inflight, left);
    if (unlikely(!left && !q->running)) {
        aio_wait_kick();
    }
}

static VirtioBlkErrorAction error_action(VirtioBlkQueue *q, VirtioBlkReq *req,
                                         int error)
{
    return q->ops->io_error ? q->ops->io_error(q, req, error)
                            : VIRTIO_BLK_ERROR_REPORT;
}

static void req_done(BlkIo *io, int ret)
{
    VirtioBlkReq *req = container_of(io, VirtioBlkReq, io);
    VirtioBlkQueue *q = req->queue;

    if (unlikely(ret < 0 && ret != -ENOTSUP)) {
        switch (error_action(q, req, -ret)) {
        case VIRTIO_BLK_ERROR_KEEP:
            STAILQ_INSERT_TAIL(&q->kept, req, next);
            leave_flight(q);
            return;
        case VIRTIO_BLK_ERROR_IGNORE:
            ret = 0;
            break;
        case VIRTIO_BLK_ERROR_REPORT:
            break;
        }
    }
    virtio_blk_req_set_status(req, ret);
    finish(q, req);
    leave_flight(q);
}

static void submit(VirtioBlkQueue *q, VirtioBlkReq *req)
{
    qatomic_set(&q->inflight, qatomic_read(&q->inflight) + 1);
    blk_io_submit(&req->io);
}

static void QEMU_COLD ring_is_broken(VirtioBlkQueue *q, const char *why)
{
    q->broken = true;
    q->ops->broken(q, why);
}

/* Take and start one request; false when there is none or all is over. */
static bool take_one(VirtioBlkQueue *q)
{
    VirtioBlkReq *req = STAILQ_FIRST(&q->free);
    const char *why;
    int ret;

    /* Without a free slot all chains are out, so that pop takes none
     * (invariant 1): it says 0 or that the driver overfills the ring. */
    ret = vring_pop(q->vr, req ? &req->elem : NULL);
    if (ret <= 0) {
        if (unlikely(ret < 0)) {
            ring_is_broken(q, vring_error(q->vr));
        }
        return false;
    }
    STAILQ_REMOVE_HEAD(&q->free, next);
    switch (virtio_blk_req_parse(req, q->params, &why)) {
    case VIRTIO_BLK_PARSE_SUBMIT:
        submit(q, req);
        return true;
    case VIRTIO_BLK_PARSE_DONE:
        finish(q, req);
        return true;
    case VIRTIO_BLK_PARSE_BROKEN:
        break;
    }
    STAILQ_INSERT_HEAD(&q->free, req, next);
    ring_is_broken(q, why);
    return false;
}

void virtio_blk_queue_process(VirtioBlkQueue *q)
{
    unsigned left = round_limit(q);

    if (!q->running || unlikely(q->broken)) {
        return;
    }
    do {
        if (!q->polling) {
            vring_set_notification(q->vr, false);
        }
        while (left && take_one(q)) {
            left--;
        }
        if (unlikely(q->broken)) {
            return;
        }
        if (unlikely(!left)) {
            qemu_bh_schedule(q->again);
            return;
        }
    } while (!q->polling && vring_set_notification(q->vr, true));
}

static void process_again(void *opaque)
{
    virtio_blk_queue_process(opaque);
}

bool virtio_blk_queue_has_work(const VirtioBlkQueue *q)
{
    return q->running && !q->broken && vring_has_work(q->vr);
}

void virtio_blk_queue_set_polling(VirtioBlkQueue *q, bool polling)
{
    q->polling = polling;
    if (q->running && !q->broken) {
        /* Work that came before is found by the loop's last poll. */
        vring_set_notification(q->vr, !polling);
    }
}

/* --- life ----------------------------------------------------------------- */

bool virtio_blk_queue_init(VirtioBlkQueue *q, Vring *vr, AioContext *ctx,
                           BlockBackend *blk, const VirtioBlkParams *params,
                           const VirtioBlkQueueOps *ops, void *opaque,
                           Error **errp)
{
    *q = (VirtioBlkQueue){
        .vr = vr,
        .ctx = ctx,
        .blk = blk,
        .params = params,
        .ops = ops,
        .opaque = opaque,
        .publish = { .fn = publish },
    };
    STAILQ_INIT(&q->free);
    STAILQ_INIT(&q->kept);
    q->area = vring_iov_area_new(vr->num);
    if (!q->area) {
        error_setg_errno(errp, ENOMEM, "Failed to allocate request slots");
        return false;
    }
    q->reqs = g_new0(VirtioBlkReq, vr->num);
    for (unsigned i = vr->num; i-- > 0;) {
        VirtioBlkReq *req = &q->reqs[i];

        req->queue = q;
        req->io.blk = blk;
        req->io.ctx = ctx;
        req->io.cb = req_done;
        vring_element_init(&req->elem, vring_iov_area_slot(q->area, i));
        STAILQ_INSERT_HEAD(&q->free, req, next);
    }
    q->again = aio_bh_new(ctx, process_again, q);
    return true;
}

void virtio_blk_queue_cleanup(VirtioBlkQueue *q)
{
    if (!q->reqs) {
        return;
    }
    assert(!q->running && !qatomic_read(&q->inflight));
    qemu_bh_delete(q->again);
    vring_iov_area_free(q->area, q->vr->num);
    g_free(q->reqs);
    q->reqs = NULL;
}

void virtio_blk_queue_start(VirtioBlkQueue *q)
{
    VirtioBlkReq *req;

    q->running = true;
    while ((req = STAILQ_FIRST(&q->kept))) {
        STAILQ_REMOVE_HEAD(&q->kept, next);
        submit(q, req);
    }
    virtio_blk_queue_process(q);
}

void virtio_blk_queue_stop(VirtioBlkQueue *q)
{
    q->running = false;
    qemu_bh_cancel(q->again);
}

static void publish_now(void *opaque)
{
    VirtioBlkQueue *q = opaque;

    aio_defer_cancel(q->ctx, &q->publish);
    publish(&q->publish);
}

void virtio_blk_queue_drain(VirtioBlkQueue *q)
{
    /* The queue was stopped in its home thread before, so the last request
     * kicks us.  ACQUIRE: pairs with leave_flight(). */
    AIO_WAIT_WHILE(NULL, qatomic_load_acquire(&q->inflight) != 0);
    aio_wait_bh_oneshot(q->ctx, publish_now, q);
}
