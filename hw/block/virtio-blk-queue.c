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

/* Before the loop waits: how many results are worth a wake-up. */
static void wait_for_several(AioDeferred *d)
{
    VirtioBlkQueue *q = container_of(d, VirtioBlkQueue, several);

    aio_wait_for_several(q->ctx, &q->awaited, qatomic_read(&q->inflight));
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

    aio_defer(q->ctx, &q->several);

    /* RELEASE: pairs with the acquire in virtio_blk_queue_drain() */
    qatomic_store_release(&q->inflight, left);
    if (unlikely(!left && !q->running)) {
        aio_wait_kick();
        if (q->ops->idle) {
            q->ops->idle(q);
        }
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
    aio_defer(q->ctx, &q->several);
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

/* --- gathering ------------------------------------------------------------ */

/*
 * A driver that submits one request after the other without waiting for any
 * would have us look, submit, complete and interrupt for each of them: its
 * own time goes into kicks and interrupts.  How many it keeps outstanding, as
 * it sees it, is what we found, what is in flight, and what we returned and it
 * has not looked at.  When that was several in two looks in a row, we ask for
 * the next kick only after some more (EVENT_IDX), and look anyway when those
 * have not come in twice the time they should take at the present rate.  So a
 * request waits no longer than the time in which as many others arrive as the
 * driver keeps outstanding, which is its latency in any case (Little's law),
 * but for a floor of GATHER_MIN_NS; and a driver that waits for each answer
 * never meets this, since it is never seen to have several.
 *
 * We ask for more and more until a wait is in vain.  Then we know how much
 * there is, ask for a little less, and try again later: soon at first, since it
 * may only have been preempted, and more and more seldom while that stays so.
 *
 * Holding back costs nothing while the device below is faster than the driver.
 * When it is the device that is busy, only a part of what is in flight may be
 * held back, so that its queue stays filled.
 */
#define GATHER_MIN     4      /* outstanding requests that make a stream */
#define GATHER_HOLD    64     /* most looks between two attempts at more */
#define GATHER_RETRY   4      /* and least */
#define GATHER_IDLE_NS 500000 /* between two requests: no stream */
#define GATHER_MIN_NS  20000
#define GATHER_MAX_NS  4000000

static void gather_reset(VirtioBlkGather *g)
{
    g->want = 1;
    g->depth = 0;
    g->most = 0;
    g->hold = 0;
    g->retry = GATHER_RETRY;
    g->gap_ns = 0;
}

/* A look found @found requests while @busy older ones were in flight. */
static void gather_adapt(VirtioBlkQueue *q, unsigned found, unsigned busy,
                         bool late)
{
    VirtioBlkGather *g = &q->gather;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    int64_t gap = (now - g->look_ns) / found;
    unsigned depth = found + busy + vring_unseen(q->vr);

    g->look_ns = now;
    if (gap > GATHER_IDLE_NS) {
        gather_reset(g); /* no stream, and no rate to go by */
        return;
    }
    g->gap_ns = g->gap_ns ? (3 * g->gap_ns + gap) / 4 : gap;
    if (late) {
        g->want = found >= GATHER_MIN ? found - found / 8 : 1;
        g->most = found;
        g->hold = g->retry;
        g->retry = MIN(2 * g->retry, GATHER_HOLD);
    } else if (g->hold) {
        g->hold--;
    } else if (g->want > 1) {
        if (g->want > g->most) {
            g->retry = GATHER_RETRY;
        }
        g->want += g->want / 4 + 1;
    } else if (depth >= GATHER_MIN && g->depth >= GATHER_MIN) {
        g->want = MIN(depth, g->depth) / 2;
    }
    if (busy >= found) {
        g->want = MIN(g->want, busy / 4);
    }
    /* It falls slowly: the driver may be about to submit more */
    g->depth = MAX(depth, g->depth ? g->depth - 1 : 0);
    g->want = MIN(g->want, g->depth - g->depth / 8);
    g->want = MAX(MIN(g->want, q->vr->num / 4), 1);
}

/* Before we look away, with or without having @found something: true when there
 * is enough to look again at once. */
static bool gather_arm(VirtioBlkQueue *q, bool found)
{
    VirtioBlkGather *g = &q->gather;
    int64_t ns;

    if (g->want > 1) {
        ns = MIN(MAX(2 * g->want * g->gap_ns, GATHER_MIN_NS), GATHER_MAX_NS);
        timer_mod_ns(
            g->timer,
            ns + (found ? g->look_ns : qemu_clock_get_ns(QEMU_CLOCK_REALTIME)));
    } else if (timer_pending(g->timer)) {
        timer_del(g->timer);
    }
    return q->polling ? vring_pending(q->vr) >= g->want
                      : vring_notify_after(q->vr, g->want);
}

/* Take what is there; @late: the gathering took too long. */
static void look(VirtioBlkQueue *q, bool late)
{
    unsigned left = round_limit(q);
    unsigned busy = qatomic_read(&q->inflight);
    unsigned before = left;
    bool found;

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
        found = left != before;
        if (found) {
            gather_adapt(q, before - left, busy, late);
            before = left;
        } else if (late) {
            gather_reset(&q->gather);
        }
        late = false;
    } while (gather_arm(q, found));
}

static void look_late(void *opaque)
{
    look(opaque, true);
}

void virtio_blk_queue_process(VirtioBlkQueue *q)
{
    look(q, false);
}

static void process_again(void *opaque)
{
    virtio_blk_queue_process(opaque);
}

bool virtio_blk_queue_has_work(const VirtioBlkQueue *q)
{
    return q->running && !q->broken && vring_pending(q->vr) >= q->gather.want;
}

void virtio_blk_queue_set_polling(VirtioBlkQueue *q, bool polling)
{
    q->polling = polling;
    if (q->running && !q->broken) {
        /* Work that came before is found by the loop's last poll, or by the
         * timer when there is less than is wanted. */
        if (polling) {
            vring_set_notification(q->vr, false);
        } else {
            vring_notify_after(q->vr, q->gather.want);
        }
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
        .several = { .fn = wait_for_several },
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
    q->gather.timer = timer_new_ns(ctx, QEMU_CLOCK_REALTIME, look_late, q);
    gather_reset(&q->gather);
    return true;
}

void virtio_blk_queue_cleanup(VirtioBlkQueue *q)
{
    if (!q->reqs) {
        return;
    }
    assert(!q->running && !qatomic_read(&q->inflight));
    qemu_bh_delete(q->again);
    timer_free(q->gather.timer);
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
    timer_del(q->gather.timer);
    gather_reset(&q->gather);
}

void virtio_blk_queue_settle(VirtioBlkQueue *q)
{
    aio_defer_cancel(q->ctx, &q->publish);
    aio_defer_cancel(q->ctx, &q->several);
    publish(&q->publish);
    /* The interrupt's eventfd may be closed as soon as we return. */
    aio_submit(q->ctx);
    aio_set_wait_batch(q->ctx, 1, 0);
}

unsigned virtio_blk_queue_inflight(const VirtioBlkQueue *q)
{
    return qatomic_read(&q->inflight);
}

static void publish_now(void *opaque)
{
    virtio_blk_queue_settle(opaque);
}

void virtio_blk_queue_drain(VirtioBlkQueue *q)
{
    /* The queue was stopped in its home thread before, so the last request
     * kicks us.  ACQUIRE: pairs with leave_flight(). */
    AIO_WAIT_WHILE(NULL, qatomic_load_acquire(&q->inflight) != 0);
    aio_wait_bh_oneshot(q->ctx, publish_now, q);
}
