/*
 * Receiving and sending, by the ring or by readiness.
 *
 * Invariant: of a direction there is a callback exactly while it is under way;
 * it is cleared before it is called, so that it may begin the next.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "io/stream.h"

#include <liburing.h>

#include "util/atomic.h"
#include "util/cutils.h"
#include "util/iov.h"

static void on_bh(void *opaque);
static void submit_recv(IoStream *s);
static void submit_send(IoStream *s);

void io_stream_init(IoStream *s, int fd, AioContext *ctx)
{
    *s = (IoStream){ .fd = fd, .ctx = ctx };
    s->ring = aio_context_has_ring(ctx);
    s->bh = aio_bh_new(ctx, on_bh, s);
    /* An entry for a non-blocking socket would fail rather than wait; and
     * nothing blocks us in the ring. */
    qemu_set_blocking(fd, s->ring);
}

void io_stream_close(IoStream *s)
{
    assert(!io_stream_busy(s));
    if (s->want_read || s->want_write) {
        aio_set_fd_handler(s->ctx, s->fd, NULL, NULL, NULL);
    }
    qemu_bh_delete(s->bh);
    if (s->tls) {
        tls_session_bye(s->tls);
        tls_session_free(s->tls);
    }
    close(s->fd);
}

void io_stream_move(IoStream *s, AioContext *ctx)
{
    assert(!io_stream_busy(s));
    if (s->want_read || s->want_write) {
        aio_set_fd_handler(s->ctx, s->fd, NULL, NULL, NULL);
        s->want_read = s->want_write = false;
    }
    qemu_bh_delete(s->bh);
    s->ctx = ctx;
    s->ring = !s->tls && aio_context_has_ring(ctx);
    s->bh = aio_bh_new(ctx, on_bh, s);
    qemu_set_blocking(s->fd, s->ring);
}

void io_stream_shutdown(IoStream *s)
{
    qatomic_set(&s->down, true);
    shutdown(s->fd, SHUT_RDWR);
}

/* --- ends --- */

static void recv_done(IoStream *s, ssize_t ret)
{
    IoStreamCb *cb = s->recv_cb;

    s->recv_cb = NULL;
    cb(s, ret);
}

static void send_done(IoStream *s, ssize_t ret)
{
    IoStreamCb *cb = s->send_cb;

    s->send_cb = NULL;
    cb(s, ret);
}

/* Take @n bytes off what is to be sent; is all of it gone? */
static bool advance(IoStream *s, size_t n)
{
    unsigned cnt = s->send_niov;

    s->sent += n;
    iov_discard_front(&s->send_iov, &cnt, n);
    s->send_niov = cnt;
    return !cnt;
}

/* --- with the ring --- */

static bool again(int res)
{
    return res == -EINTR || res == -EAGAIN;
}

static void recv_cqe(CqeHandler *h, int res, uint32_t flags)
{
    IoStream *s = container_of(h, IoStream, recv_cqe);

    if (unlikely(again(res)) && !qatomic_read(&s->down)) {
        submit_recv(s);
        return;
    }
    recv_done(s, res);
}

static void send_cqe(CqeHandler *h, int res, uint32_t flags)
{
    IoStream *s = container_of(h, IoStream, send_cqe);

    if (unlikely(again(res)) && !qatomic_read(&s->down)) {
        submit_send(s);
        return;
    }
    if (unlikely(res < 0)) {
        send_done(s, res);
    } else if (advance(s, res)) {
        send_done(s, s->sent);
    } else {
        submit_send(s);
    }
}

static void submit_recv(IoStream *s)
{
    struct io_uring_sqe *sqe = aio_get_sqe(s->ctx, &s->recv_cqe);

    if (s->recv_niov == 1) {
        io_uring_prep_recv(sqe, s->fd, s->recv_iov[0].iov_base,
                           s->recv_iov[0].iov_len, 0);
        return;
    }
    s->recv_msg.msg_iov = s->recv_iov;
    s->recv_msg.msg_iovlen = s->recv_niov;
    io_uring_prep_recvmsg(sqe, s->fd, &s->recv_msg, 0);
}

static void submit_send(IoStream *s)
{
    struct io_uring_sqe *sqe = aio_get_sqe(s->ctx, &s->send_cqe);

    s->send_msg.msg_iov = s->send_iov;
    s->send_msg.msg_iovlen = s->send_niov;
    io_uring_prep_sendmsg(sqe, s->fd, &s->send_msg, MSG_NOSIGNAL | MSG_WAITALL);
}

/* --- by readiness --- */

static ssize_t read_some(IoStream *s)
{
    ssize_t n;

    if (s->tls) {
        return tls_session_read(s->tls, s->recv_iov[0].iov_base,
                                s->recv_iov[0].iov_len);
    }
    s->recv_msg.msg_iov = s->recv_iov;
    s->recv_msg.msg_iovlen = s->recv_niov;
    n = RETRY_ON_EINTR(recvmsg(s->fd, &s->recv_msg, MSG_DONTWAIT));
    return n < 0 ? -errno : n;
}

static ssize_t write_some(IoStream *s)
{
    ssize_t n;

    if (s->tls) {
        return tls_session_writev(s->tls, s->send_iov, s->send_niov);
    }
    s->send_msg.msg_iov = s->send_iov;
    s->send_msg.msg_iovlen = s->send_niov;
    n = RETRY_ON_EINTR(
        sendmsg(s->fd, &s->send_msg, MSG_NOSIGNAL | MSG_DONTWAIT));
    return n < 0 ? -errno : n;
}

static void on_readable(void *opaque);
static void on_writable(void *opaque);

static void watch(IoStream *s, bool want_read, bool want_write)
{
    if (s->want_read == want_read && s->want_write == want_write) {
        return;
    }
    s->want_read = want_read;
    s->want_write = want_write;
    aio_set_fd_handler(s->ctx, s->fd, want_read ? on_readable : NULL,
                       want_write ? on_writable : NULL, s);
}

/* As much as goes now; the rest when there is room. */
static void push(IoStream *s)
{
    ssize_t n = 0;

    while (s->send_niov && n >= 0) {
        n = write_some(s);
        if (n >= 0) {
            advance(s, n);
        }
    }
    if (n == -EAGAIN && !qatomic_read(&s->down)) {
        watch(s, s->want_read, true);
        return;
    }
    watch(s, s->want_read, false);
    s->send_over = true;
    s->send_ret = n < 0 ? n : (ssize_t)s->sent;
    qemu_bh_schedule(s->bh);
}

static void shake(IoStream *s)
{
    IoStreamCb *cb = s->tls_cb;
    Error *err = NULL;
    TlsHandshakeStatus status = tls_session_handshake(s->tls, &err);

    if (status == TLS_HANDSHAKE_READING || status == TLS_HANDSHAKE_WRITING) {
        watch(s, status == TLS_HANDSHAKE_READING,
              status == TLS_HANDSHAKE_WRITING);
        return;
    }
    watch(s, false, false);
    s->tls_cb = NULL;
    error_free(err);
    cb(s, status == TLS_HANDSHAKE_DONE ? 0 : -EPROTO);
}

static void pull(IoStream *s)
{
    ssize_t n = read_some(s);

    if (n == -EAGAIN && !qatomic_read(&s->down)) {
        watch(s, true, s->want_write);
        return;
    }
    recv_done(s, n);
    /* Kept while the callback has asked for more, as it does mostly */
    if (!s->recv_cb) {
        watch(s, false, s->want_write);
    }
}

static void on_readable(void *opaque)
{
    IoStream *s = opaque;

    if (s->tls_cb) {
        shake(s);
    } else if (s->recv_cb) {
        pull(s);
    } else {
        watch(s, false, s->want_write);
    }
}

static void on_writable(void *opaque)
{
    IoStream *s = opaque;

    if (s->tls_cb) {
        shake(s);
    } else if (s->send_cb && !s->send_over) {
        push(s);
    } else {
        watch(s, s->want_read, false);
    }
}

static void on_bh(void *opaque)
{
    IoStream *s = opaque;
    bool read_now = s->recv_cb && s->tls && tls_session_pending(s->tls);

    if (s->tls_cb) {
        shake(s);
        return;
    }
    if (s->send_over) {
        s->send_over = false;
        send_done(s, s->send_ret);
        /* @s may be gone, unless something is under way */
        if (!read_now) {
            return;
        }
    }
    if (read_now) {
        pull(s);
    }
}

/* --- for the owner --- */

void io_stream_recv(IoStream *s, const struct iovec *iov, int niov,
                    IoStreamCb *cb)
{
    assert(!s->recv_cb && niov >= 1 && niov <= 2);
    s->recv_cb = cb;
    memcpy(s->recv_iov, iov, niov * sizeof(*iov));
    s->recv_niov = niov;
    if (s->ring) {
        s->recv_cqe.cb = recv_cqe;
        submit_recv(s);
        return;
    }
    watch(s, true, s->want_write);
    if (s->tls && tls_session_pending(s->tls)) {
        qemu_bh_schedule(s->bh);
    }
}

void io_stream_send(IoStream *s, struct iovec *iov, int niov, IoStreamCb *cb)
{
    assert(!s->send_cb && niov >= 1 && niov <= IO_STREAM_MAX_IOV);
    s->send_cb = cb;
    s->send_iov = iov;
    s->send_niov = niov;
    s->sent = 0;
    if (s->ring) {
        s->send_cqe.cb = send_cqe;
        submit_send(s);
    } else {
        push(s);
    }
}

void io_stream_start_tls(IoStream *s, TlsSession *tls, IoStreamCb *cb)
{
    assert(!io_stream_busy(s) && !s->tls);
    s->tls = tls;
    s->tls_cb = cb;
    s->ring = false;
    qemu_set_blocking(s->fd, false);
    qemu_bh_schedule(s->bh);
}
