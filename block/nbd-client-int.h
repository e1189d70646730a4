/*
 * What nbd-client.c (calls, sending, connecting again) and nbd-receive.c share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_NBD_CLIENT_INT_H
#define BLOCK_NBD_CLIENT_INT_H

#include "block/nbd-client.h"
#include "util/aio.h"
#include "util/thread.h"

#define NBD_RECEIVE_BUFFER (128 * 1024)
#define NBD_SEND_IOV       256

typedef enum NbdClientState {
    NBD_CLIENT_UP,
    NBD_CLIENT_WAIT, /* gone; calls wait until it is back */
    NBD_CLIENT_FAIL, /* gone for too long; calls fail */
} NbdClientState;

struct NbdClient {
    const NbdClientOptions *opts; /* fixed */
    NbdServerExport info;         /* of the roles; the reconnecter changes it */

    QemuMutex lock; /* never held over a system call of the socket */
    NbdClientState state;
    bool sending;      /* somebody is the sender */
    bool receiving;    /* somebody is the receiver */
    bool reconnecting; /* somebody tries to connect again */
    bool quit;
    NbdCall *slot[NBD_CLIENT_SLOTS];
    uint64_t used_slots; /* bit map */
    uint64_t next_cookie;
    TAILQ_HEAD(, NbdCall) calls;    /* in flight, the oldest first */
    STAILQ_HEAD(, NbdCall) to_send; /* of those */
    CoQueue slot_queue;             /* waits for a slot */
    CoQueue state_queue;            /* waits for state to change */
    int fd_connecting;              /* of the attempt that is under way */
    bool progress;                  /* this connection has answered a call */

    /* the sender's; sending is set before it is queued */
    AioDeferred send_soon;
    struct iovec send_iov[NBD_SEND_IOV];

    /* the receiver's */
    uint8_t *buf;
    size_t pos, end; /* what is in buf and has not been looked at */

    NbdChannel ch; /* read by the receiver, written by the sender */
    /* main: the reconnecter's, kept over connections that answer nothing */
    QemuCoSleep retry_sleep;
    int64_t give_up; /* real-time clock, ns */
    int64_t pause;   /* ns before the next attempt */
};

/* Under c->lock: the answer to @call is here. */
void nbd_client_finish(NbdClient *c, NbdCall *call, int ret);
/* The receiver: take in one message. -errno: the connection cannot go on. */
int coroutine_fn nbd_co_receive_one(NbdClient *c);

#endif
