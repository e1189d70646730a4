/*
 * One virtio-blk request queue served by one AioContext: requests from the
 * ring into the block layer and their results back.
 *
 * The owner (the virtio-blk device or a vhost-user export) watches the kick
 * and delivers the interrupt; everything between the two is here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_VIRTIO_BLK_QUEUE_H
#define HW_BLOCK_VIRTIO_BLK_QUEUE_H

#include "hw/block/virtio-blk-req.h"
#include "util/aio.h"
#include "util/timer.h"

typedef struct VirtioBlkQueue VirtioBlkQueue;

/* What a failed request does. */
typedef enum VirtioBlkErrorAction {
    VIRTIO_BLK_ERROR_REPORT, /* the driver sees the error */
    VIRTIO_BLK_ERROR_IGNORE, /* the driver sees success */
    VIRTIO_BLK_ERROR_KEEP,   /* kept until the queue starts again */
} VirtioBlkErrorAction;

/* All run in the queue's home thread. */
typedef struct VirtioBlkQueueOps {
    /* Required: interrupt the driver. Once per batch. */
    void (*notify)(VirtioBlkQueue *q);
    /* Required: the ring is broken and is not served any more. @why is valid
     * during the call. */
    void (*broken)(VirtioBlkQueue *q, const char *why);
    /* Optional (report): decide on -@error. */
    VirtioBlkErrorAction (*io_error)(VirtioBlkQueue *q, VirtioBlkReq *req,
                                     int error);
    /* Optional: a stopped queue has no request in flight any more. */
    void (*idle)(VirtioBlkQueue *q);
} VirtioBlkQueueOps;

/*
 * Looking at the ring less often while the driver streams; see the .c file.
 * Home thread only.
 */
typedef struct VirtioBlkGather {
    unsigned want;    /* requests worth a look; 1: each */
    unsigned depth;   /* outstanding requests, as the driver sees it */
    unsigned most;    /* found when we last waited in vain */
    unsigned hold;    /* looks until @want may grow again */
    unsigned retry;   /* @hold after the next wait in vain */
    int64_t look_ns;  /* when we looked and found some */
    int64_t gap_ns;   /* smoothed time between two requests */
    QEMUTimer *timer; /* looks anyway */
} VirtioBlkGather;

struct VirtioBlkQueue {
    /* Fixed by init */
    Vring *vr;
    AioContext *ctx;
    BlockBackend *blk;
    const VirtioBlkParams *params;
    const VirtioBlkQueueOps *ops;
    void *opaque;
    VirtioBlkReq *reqs; /* as many as the ring has descriptors */
    struct iovec *area;
    QEMUBH *again; /* more work than one round takes */

    /* Home thread only */
    STAILQ_HEAD(, VirtioBlkReq) free;
    STAILQ_HEAD(, VirtioBlkReq) kept; /* failed, to be tried again */
    AioDeferred publish;
    AioDeferred several; /* sets the length of the next wait */
    AioSeveral awaited;
    bool running;
    bool polling; /* the loop polls: kicks stay off */
    VirtioBlkGather gather;
    bool broken;

    /* Atomic: written in the home thread, read by who waits for idleness */
    unsigned inflight;
};

/*
 * Make the slots for @vr's size.  Nothing runs yet.  False and @errp when
 * memory is short.  Main thread.
 */
bool virtio_blk_queue_init(VirtioBlkQueue *q, Vring *vr, AioContext *ctx,
                           BlockBackend *blk, const VirtioBlkParams *params,
                           const VirtioBlkQueueOps *ops, void *opaque,
                           Error **errp);

/* Free the slots, kept requests included.  Idle queues only.  Main thread. */
void virtio_blk_queue_cleanup(VirtioBlkQueue *q);

/* Begin to serve: kept requests first, then what is in the ring.  Home. */
void virtio_blk_queue_start(VirtioBlkQueue *q);

/* Take nothing more from the ring.  Requests in flight go on.  Home. */
void virtio_blk_queue_stop(VirtioBlkQueue *q);

/*
 * Wait until a stopped queue has no request in flight, and show the driver
 * all that is finished.  Main thread.
 */
void virtio_blk_queue_drain(VirtioBlkQueue *q);

/*
 * The same for who need not wait: how many requests of a stopped queue are in
 * flight (ops->idle tells when there is none), and, when there is none, show
 * the driver all that is finished.  From its own bottom half.  Home.
 */
unsigned virtio_blk_queue_inflight(const VirtioBlkQueue *q);
void virtio_blk_queue_settle(VirtioBlkQueue *q);

/* Serve the ring: after a kick, or when polling found work.  Home. */
void virtio_blk_queue_process(VirtioBlkQueue *q);

/* Is there work in the ring?  Home; reads only. */
bool virtio_blk_queue_has_work(const VirtioBlkQueue *q);

/* The loop begins or ends to poll.  Home. */
void virtio_blk_queue_set_polling(VirtioBlkQueue *q, bool polling);

#endif
