/*
 * A connected stream socket in an event loop, plain or with TLS.
 *
 * One receive and one send may be under way, each with its callback, which
 * comes from the loop and never from inside the call. On a loop with a ring,
 * plain sockets cost no system call of their own: receiving and sending are
 * entries of the ring, submitted with the others of the turn.
 *
 * Embedded by its owner. Threads: home of the context, unless it says else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <sys/socket.h>

#include "crypto/tls-session.h"
#include "util/aio.h"

/* Elements of one send. */
#define IO_STREAM_MAX_IOV 512

typedef struct IoStream IoStream;
/* @ret: bytes (0: the peer has closed; for a send all of them) or -errno. */
typedef void IoStreamCb(IoStream *s, ssize_t ret);

struct IoStream {
    int fd;          /* fixed; closed by io_stream_close() */
    AioContext *ctx; /* home */
    TlsSession *tls; /* home; NULL: plain */
    bool ring;       /* entries of the ring, not readiness */
    bool down;       /* atomic: io_stream_shutdown() */

    /* home */
    IoStreamCb *recv_cb, *send_cb, *tls_cb; /* NULL: none under way */
    struct iovec recv_iov[2], *send_iov;
    int recv_niov, send_niov;
    size_t sent;
    struct msghdr recv_msg, send_msg;
    CqeHandler recv_cqe, send_cqe;
    bool send_over; /* not ring: the bottom half calls send_cb */
    ssize_t send_ret;
    bool want_read, want_write; /* what the descriptor's handlers are for */
    QEMUBH *bh;
};

/* Takes over @fd, which is connected. */
void io_stream_init(IoStream *s, int fd, AioContext *ctx);
/* Nothing is under way. The last thing that is done with @s. */
void io_stream_close(IoStream *s);
/* Go on in @ctx. Nothing is under way; called by the old home, and @s is the
 * new one's from then on. */
void io_stream_move(IoStream *s, AioContext *ctx);

/* Some bytes into 1 or 2 buffers, whose list is copied. */
void io_stream_recv(IoStream *s, const struct iovec *iov, int niov,
                    IoStreamCb *cb);
/* All of @iov, which is changed and must stay until @cb. */
void io_stream_send(IoStream *s, struct iovec *iov, int niov, IoStreamCb *cb);
static inline bool io_stream_busy(const IoStream *s)
{
    return s->recv_cb || s->send_cb || s->tls_cb;
}

/* Take over @tls and shake hands, as the session says; @cb gets 0 or -errno,
 * and then tls_session_*() tells the rest. @errp of a failure is printed by
 * nobody: a client that fails may be anyone. Nothing is under way. */
void io_stream_start_tls(IoStream *s, TlsSession *tls, IoStreamCb *cb);

/* What is under way ends soon, and nothing goes any more. Any thread. */
void io_stream_shutdown(IoStream *s);

#endif
