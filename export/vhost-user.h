/*
 * A vhost-user-blk back end: a listening socket, one front end at a time, and
 * the queues that it sets up, each served by the virtio-blk device's code in
 * an AioContext.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_VHOST_USER_H
#define EXPORT_VHOST_USER_H

#include "backends/iothread.h"
#include "export/vhost-user-mem.h"
#include "export/vhost-user-msg.h"
#include "hw/block/virtio-blk-config.h"
#include "hw/block/virtio-blk-queue.h"

#define VHOST_USER_QUEUE_MAX      256  /* what a kick's message can name */
#define VHOST_USER_QUEUE_SIZE_MAX 1024 /* descriptors */

typedef struct VhostUserServer VhostUserServer;

/* What the owner does. All required, main thread. */
typedef struct VhostUserOps {
    void (*get_config)(void *opaque, VirtIOBlkConfig *cfg);
    /* The driver wrote the cache mode. */
    void (*set_wce)(void *opaque, bool wce);
    /* The driver's features are known. */
    void (*set_features)(void *opaque, uint64_t features);
    /* A front end is there; it is gone, with all its requests and memory. */
    void (*connected)(void *opaque);
    void (*disconnected)(void *opaque);
} VhostUserOps;

typedef struct VhostUserQueue {
    /* Fixed */
    VhostUserServer *server;
    unsigned index;
    QEMUBH *main_bh;

    /* main: what the front end has set up */
    uint32_t num;
    VhostUserVringAddr addr;
    bool has_addr, has_kick, enabled;
    uint16_t base; /* where to go on, while not started */
    EventNotifier kick;
    int err_fd;

    /* main */
    bool started;
    AioContext *ctx;
    IOThread *iothread; /* with a reference, or NULL */

    /* Fixed while started */
    QEMUBH *home_bh;
    VringInflight log;
    bool logging;

    /* home while started, otherwise main */
    Vring vring;
    VirtioBlkQueue queue;
    EventNotifier call; /* fd -1: none */
    bool attached;
    char *why; /* the ring is broken; before @broken */

    /* Atomic */
    bool want;    /* main sets it: serve the ring */
    bool stopped; /* home sets it: all is over */
    bool broken;  /* home sets it */
} VhostUserQueue;

struct VhostUserServer {
    /* Fixed */
    char *name; /* for messages */
    BlockBackend *blk;
    const VirtioBlkParams *params;
    const VhostUserOps *ops;
    void *opaque;
    uint64_t features; /* offered */
    unsigned num_queues;
    VhostUserQueue *queues;
    SocketAddress *addr;
    int listen_fd;
    QEMUBH *lost; /* a page of the front end's memory is gone */

    /* main: where queues start */
    AioContext *ctx;
    IOThread *iothread;

    /* main: the connection */
    int sock; /* -1: none */
    bool closing, shutdown;
    uint64_t guest_features, protocol_features;
    VhostUserReader reader;
    VhostUserMem mem;
    VhostUserMapping inflight;
    bool has_inflight;
    uint16_t inflight_queues, inflight_num;
    int backend_fd;

    /* main: rings being stopped, and what to do when they are */
    unsigned stopping;
    void (*then)(VhostUserServer *s);

    /* main: not too many lines in the log */
    int64_t log_start_us;
    unsigned log_lines;
};

/* All functions: main thread. */

/* Listen on @addr (unix or fd; copied). The other fields that say "fixed" are
 * set by the caller, but for those with a descriptor or a bottom half.  False
 * and @errp. */
bool vhost_user_server_start(VhostUserServer *s, const SocketAddress *addr,
                             Error **errp);
/* Take no more front ends and let the one go that is there, soon. */
void vhost_user_server_shutdown(VhostUserServer *s);
/* Free what start() made. No front end is connected. */
void vhost_user_server_cleanup(VhostUserServer *s);
/* Serve the queues in @ctx, of @iothread unless that is NULL; those that run
 * move there, soon. */
void vhost_user_server_set_context(VhostUserServer *s, AioContext *ctx,
                                   IOThread *iothread);
/* Tell the front end that the configuration has changed. */
void vhost_user_server_config_changed(VhostUserServer *s);

/* --- between the server's files ------------------------------------------- */

/* Log @why and let the front end go. */
void vhost_user_drop(VhostUserServer *s, const char *fmt, ...)
    G_GNUC_QEMU_PRINTF(2, 3);

/* Rings that a message must find stopped. */
typedef enum VhostUserQuiet {
    VHOST_USER_QUIET_NONE,
    VHOST_USER_QUIET_ONE, /* the ring that the message is about */
    VHOST_USER_QUIET_ALL,
} VhostUserQuiet;

/* Which rings must stand still for the message that has come in?  *@index for
 * _ONE.  The answer is _NONE also where the message is nonsense. */
VhostUserQuiet vhost_user_msg_quiet(VhostUserServer *s, unsigned *index);
/* Act on it, and reply.  False and @errp: not a front end to go on with. */
bool vhost_user_handle(VhostUserServer *s, Error **errp);

/* export/vhost-user-queue.c */
void vhost_user_queue_init(VhostUserServer *s, unsigned index);
void vhost_user_queue_cleanup(VhostUserQueue *q);
/* Forget what the front end set up; @q is stopped. */
void vhost_user_queue_reset(VhostUserQueue *q);
/* Start @q if all that it takes is there. */
bool vhost_user_queue_try_start(VhostUserQueue *q, Error **errp);
/* Ask @q, which is started, to stop; vhost_user_queue_stopped() follows. */
void vhost_user_queue_stop(VhostUserQueue *q);
void vhost_user_queue_stopped(VhostUserServer *s); /* in vhost-user.c */
/* Interrupts go to @fd (-1: nowhere) from now on. */
void vhost_user_queue_set_call(VhostUserQueue *q, int fd);

#endif
