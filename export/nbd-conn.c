/*
 * A client of the NBD server: its negotiation, and its end.
 *
 *   negotiating (main) --GO, reply sent--> transmission (exp->common.ctx)
 *        |                                      |
 *        +------ error, abort, time limit ------+--> gone: freed by main
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/authz.h"
#include "export/nbd-int.h"
#include "util/atomic.h"
#include "util/main-loop.h"
#include "util/memalign.h"

/* Bytes of the negotiation that are received at once. */
#define HS_RX_SIZE 4096

static TAILQ_HEAD(, NbdConn) negotiating = TAILQ_HEAD_INITIALIZER(negotiating);

static void hs_receive(NbdConn *c);
static void hs_feed(NbdConn *c);

/* --- the end --- */

static void conn_free_bh(void *opaque)
{
    NbdConn *c = opaque;
    NbdExport *exp = c->exp;
    bool established = c->was_established;

    if (exp) {
        TAILQ_REMOVE(&exp->conns, c, next);
    } else {
        TAILQ_REMOVE(&negotiating, c, next);
    }
    timer_free(c->limit);
    nbd_handshake_cleanup(&c->hs);
    nbd_transmit_cleanup(c);
    io_stream_close(&c->stream);
    tls_creds_unref(c->tls_creds);
    g_free(c->tls_authz);
    g_free(c->context_ids);
    if (c->on_done) {
        c->on_done(c->on_done_opaque, established);
    }
    g_free(c);
    if (exp) {
        blk_exp_unref(&exp->common);
    }
}

/* In the home thread, outside of all callbacks of the connection. */
static void leave_bh(void *opaque)
{
    NbdConn *c = opaque;

    aio_defer_cancel(c->stream.ctx, &c->flush);
    io_stream_move(&c->stream, qemu_get_aio_context());
    aio_bh_schedule_oneshot(qemu_get_aio_context(), conn_free_bh, c);
}

void nbd_conn_maybe_gone(NbdConn *c)
{
    if (c->gone || (!c->closing && !c->leaving) || c->in_flight ||
        io_stream_busy(&c->stream)) {
        return;
    }
    c->gone = true;
    aio_bh_schedule_oneshot(c->stream.ctx, leave_bh, c);
}

void nbd_conn_close(NbdConn *c)
{
    if (!c->closing) {
        NbdSlot *slot;

        c->closing = true;
        io_stream_shutdown(&c->stream);
        while (c->slots && (slot = STAILQ_FIRST(&c->ready))) {
            STAILQ_REMOVE_HEAD(&c->ready, next);
            c->in_flight--;
        }
    }
    if (c->incoming && !c->stream.recv_cb) {
        c->incoming = NULL;
        c->in_flight--;
    }
    nbd_conn_maybe_gone(c);
}

/* --- negotiation: what the client may choose from --- */

static const NbdExportInfo *find(void *opaque, const char *name)
{
    NbdExport *exp = nbd_export_find(name);

    return exp ? &exp->info : NULL;
}

static const NbdExportInfo *next(void *opaque, const NbdExportInfo *prev)
{
    NbdExport *exp = nbd_export_next(prev ? container_of(prev, NbdExport, info)
                                          : NULL);

    return exp ? &exp->info : NULL;
}

static const NbdHandshakeOps handshake_ops = { .find = find, .next = next };

/* --- negotiation: the exchange --- */

typedef struct Handover {
    NbdConn *c;
    uint8_t early[HS_RX_SIZE];
    size_t len;
} Handover;

static void transmit_bh(void *opaque)
{
    g_autofree Handover *h = opaque;

    nbd_transmit_start(h->c, h->early, h->len);
}

/* The client has chosen and knows it. */
static void hs_go(NbdConn *c)
{
    NbdExport *exp = nbd_export_find(c->hs.chosen);
    Handover *h;

    timer_del(c->limit);
    if (!exp) { /* it has gone meanwhile */
        nbd_conn_close(c);
        return;
    }
    TAILQ_REMOVE(&negotiating, c, next);
    TAILQ_INSERT_TAIL(&exp->conns, c, next);
    c->exp = exp;
    blk_exp_ref(&exp->common);
    c->was_established = true;
    c->mode = c->hs.mode;
    c->flags = c->hs.sent_flags;
    c->alignment = c->hs.check_align ? exp->info.min_block : 1;
    c->context_ids = g_steal_pointer(&c->hs.context_ids);
    c->n_context_ids = c->hs.n_context_ids;
    h = g_new(Handover, 1);
    h->c = c;
    h->len = c->rx_end - c->rx_pos;
    memcpy(h->early, c->rx + c->rx_pos, h->len);
    g_clear_pointer(&c->rx, qemu_vfree);
    c->rx_pos = c->rx_end = 0;
    io_stream_move(&c->stream, exp->common.ctx);
    aio_bh_schedule_oneshot(exp->common.ctx, transmit_bh, h);
}

static void tls_started(IoStream *s, ssize_t ret)
{
    NbdConn *c = container_of(s, NbdConn, stream);
    Error *err = NULL;

    if (ret == 0 && c->tls_authz &&
        !authz_is_allowed_by_id(c->tls_authz,
                                tls_session_peer_name(s->tls) ?: "", &err)) {
        ret = -EACCES;
    }
    if (ret < 0 || c->closing) {
        error_free(err);
        nbd_conn_close(c);
        return;
    }
    nbd_handshake_tls_done(&c->hs);
    hs_receive(c);
}

static void hs_start_tls(NbdConn *c)
{
    TlsSession *tls;

    /* What came in the clear behind STARTTLS was put there by somebody else */
    tls = c->rx_pos == c->rx_end
              ? tls_session_new(c->tls_creds, c->stream.fd, NULL, NULL)
              : NULL;
    if (!tls) {
        nbd_conn_close(c);
        return;
    }
    io_stream_start_tls(&c->stream, tls, tls_started);
}

static void hs_sent(IoStream *s, ssize_t ret)
{
    NbdConn *c = container_of(s, NbdConn, stream);

    if (ret < 0 || c->closing) {
        nbd_conn_close(c);
        return;
    }
    g_byte_array_set_size(c->hs.out, 0);
    switch (c->result) {
    case NBD_HANDSHAKE_MORE:
        hs_feed(c);
        break;
    case NBD_HANDSHAKE_STARTTLS:
        hs_start_tls(c);
        break;
    case NBD_HANDSHAKE_GO:
        hs_go(c);
        break;
    default:
        nbd_conn_close(c);
    }
}

static void hs_send(NbdConn *c)
{
    c->hs_iov = (struct iovec){ c->hs.out->data, c->hs.out->len };
    io_stream_send(&c->stream, &c->hs_iov, 1, hs_sent);
}

/* Take the next option of what is there. */
static void hs_feed(NbdConn *c)
{
    size_t used;

    c->result = nbd_handshake_feed(&c->hs, c->rx + c->rx_pos,
                                   c->rx_end - c->rx_pos, &used, NULL);
    c->rx_pos += used;
    if (c->result == NBD_HANDSHAKE_ERROR) {
        nbd_conn_close(c);
    } else if (c->hs.out->len) {
        hs_send(c);
    } else {
        hs_receive(c);
    }
}

static void hs_received(IoStream *s, ssize_t ret)
{
    NbdConn *c = container_of(s, NbdConn, stream);

    if (ret <= 0 || c->closing) {
        nbd_conn_close(c);
        return;
    }
    c->rx_end = ret;
    hs_feed(c);
}

static void hs_receive(NbdConn *c)
{
    struct iovec iov = { c->rx, HS_RX_SIZE };

    c->rx_pos = c->rx_end = 0;
    io_stream_recv(&c->stream, &iov, 1, hs_received);
}

static void too_slow(void *opaque)
{
    NbdConn *c = opaque;

    io_stream_shutdown(&c->stream);
}

/* --- beginning --- */

void nbd_conn_new(int fd, const NbdConnConfig *config)
{
    NbdConn *c = g_new0(NbdConn, 1);

    c->on_done = config->on_done;
    c->on_done_opaque = config->opaque;
    c->tls_creds = config->tls_creds;
    if (c->tls_creds) {
        tls_creds_ref(c->tls_creds);
    }
    c->tls_authz = g_strdup(config->tls_authz);
    c->rx = qemu_memalign(64, HS_RX_SIZE);
    c->limit = timer_new_ns(NULL, QEMU_CLOCK_REALTIME, too_slow, c);
    if (config->handshake_limit > 0) {
        timer_mod_ns(c->limit, get_clock() + config->handshake_limit *
                                                 NANOSECONDS_PER_SECOND);
    }
    TAILQ_INSERT_TAIL(&negotiating, c, next);
    io_stream_init(&c->stream, fd, qemu_get_aio_context());
    nbd_handshake_init(&c->hs, c->tls_creds ? NBD_TLS_REQUIRED : NBD_TLS_NONE,
                       &handshake_ops, c);
    c->result = NBD_HANDSHAKE_MORE;
    hs_send(c);
}

void nbd_conns_stop(void)
{
    NbdConn *c;

    TAILQ_FOREACH(c, &negotiating, next) {
        io_stream_shutdown(&c->stream);
    }
}
