/*
 * NBD transmission: many requests from one receive, all replies of a turn in
 * one send.
 *
 * Invariants (all in the home thread):
 *  1. A slot is free, incoming, with the block layer (or a coroutine), ready,
 *     or sending. in_flight counts those that are not free.
 *  2. There is at most one receive and one send under way. A receive goes on
 *     whenever there is a free slot and memory for the next request; else
 *     `stalled`, and a slot that becomes free looks at the buffer again.
 *  3. Replies are sent in the order in which they become ready, whole ones
 *     behind whole ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "export/nbd-int.h"
#include "util/memalign.h"

/* Texts for clients, at most. */
#define WHY_MAX           128
#define PAYLOAD_NOT_VALID "CMD_BLOCK_STATUS payload not valid"

static void parse(NbdConn *c);
static void next_piece(NbdSlot *slot);

/* --- slots --- */

static NbdSlot *slot_get(NbdConn *c)
{
    NbdSlot *slot = STAILQ_FIRST(&c->free);

    STAILQ_REMOVE_HEAD(&c->free, next);
    c->in_flight++;
    return slot;
}

static void slot_put(NbdSlot *slot)
{
    NbdConn *c = slot->conn;

    c->bytes_in_flight -= slot->charged;
    slot->charged = 0;
    if (unlikely(slot->buf_size > NBD_KEPT_BUFFER)) {
        qemu_vfree(slot->buf);
        slot->buf = NULL;
        slot->buf_size = 0;
    }
    g_clear_pointer(&slot->extra, g_byte_array_unref);
    STAILQ_INSERT_HEAD(&c->free, slot, next);
    c->in_flight--;
}

/* A buffer of @len bytes; false: no memory. */
static bool slot_buffer(NbdSlot *slot, size_t len)
{
    if (slot->buf_size < len) {
        size_t size = MAX(ROUND_UP(len, 4096), 4096);

        qemu_vfree(slot->buf);
        slot->buf = qemu_try_memalign(4096, size);
        slot->buf_size = slot->buf ? size : 0;
    }
    return slot->buf;
}

/* --- replies --- */

static void sent(IoStream *s, ssize_t ret)
{
    NbdConn *c = container_of(s, NbdConn, stream);
    NbdSlot *slot;

    while ((slot = STAILQ_FIRST(&c->sending))) {
        STAILQ_REMOVE_HEAD(&c->sending, next);
        slot_put(slot);
    }
    if (ret < 0) {
        nbd_conn_close(c);
        return;
    }
    if (!STAILQ_EMPTY(&c->ready)) {
        aio_defer(c->stream.ctx, &c->flush);
    }
    if (c->stalled) {
        parse(c);
    }
    nbd_conn_maybe_gone(c);
}

/* At the end of a turn: all that is ready goes with one send. */
static void flush(AioDeferred *d)
{
    NbdConn *c = container_of(d, NbdConn, flush);
    NbdSlot *slot;
    int n = 0;

    if (c->stream.send_cb || c->closing) {
        return;
    }
    while (n + 2 <= IO_STREAM_MAX_IOV && (slot = STAILQ_FIRST(&c->ready))) {
        STAILQ_REMOVE_HEAD(&c->ready, next);
        STAILQ_INSERT_TAIL(&c->sending, slot, next);
        if (slot->extra) {
            c->tx_iov[n++] = (struct iovec){ slot->extra->data,
                                             slot->extra->len };
            continue;
        }
        c->tx_iov[n++] = (struct iovec){ slot->head, slot->head_len };
        if (slot->out_len) {
            c->tx_iov[n++] = (struct iovec){ (void *)slot->out, slot->out_len };
        }
    }
    if (n) {
        io_stream_send(&c->stream, c->tx_iov, n, sent);
    }
}

static void ready(NbdSlot *slot)
{
    NbdConn *c = slot->conn;

    if (unlikely(c->closing)) {
        slot_put(slot);
        nbd_conn_maybe_gone(c);
        return;
    }
    STAILQ_INSERT_TAIL(&c->ready, slot, next);
    if (!c->stream.send_cb) {
        aio_defer(c->stream.ctx, &c->flush);
    }
}

void nbd_append_error(NbdSlot *slot, GByteArray *to, int error,
                      const char *message)
{
    size_t text = message ? MIN(strlen(message), NBD_MAX_STRING) : 0;
    uint8_t head[NBD_HEAD_MAX];
    size_t len;

    len = nbd_reply_chunk(slot->conn->mode, head, slot->rq.cookie,
                          NBD_REPLY_FLAG_DONE, NBD_REPLY_ERROR, slot->rq.from,
                          6 + text);
    nbd_put32(head + len, nbd_errno_from_system(error));
    nbd_put16(head + len + 4, text);
    g_byte_array_append(to, head, len + 6);
    g_byte_array_append(to, (const uint8_t *)message, text);
}

void nbd_reply_extra(NbdSlot *slot)
{
    slot->out_len = 0;
    ready(slot);
}

static void read_reply(NbdSlot *slot)
{
    NbdConn *c = slot->conn;
    const NbdRequest *rq = &slot->rq;

    slot->out = slot->buf;
    slot->out_len = rq->len;
    if (c->mode == NBD_MODE_SIMPLE) {
        slot->head_len = nbd_reply_simple(slot->head, rq->cookie, 0);
        return;
    }
    if (!rq->len) {
        slot->head_len = nbd_reply_chunk(c->mode, slot->head, rq->cookie,
                                         NBD_REPLY_FLAG_DONE, NBD_REPLY_NONE,
                                         rq->from, 0);
        return;
    }
    slot->head_len = nbd_reply_chunk(c->mode, slot->head, rq->cookie,
                                     NBD_REPLY_FLAG_DONE, NBD_REPLY_OFFSET_DATA,
                                     rq->from, 8 + rq->len);
    nbd_put64(slot->head + slot->head_len, rq->from);
    slot->head_len += 8;
}

void nbd_reply_done(NbdSlot *slot, int ret, const char *message)
{
    NbdConn *c = slot->conn;

    slot->out_len = 0;
    if (unlikely(ret < 0)) {
        /* A read of a client that knows chunks must be answered with them */
        if (c->mode != NBD_MODE_SIMPLE) {
            slot->extra = g_byte_array_new();
            nbd_append_error(slot, slot->extra, -ret, message);
        } else {
            slot->head_len = nbd_reply_simple(slot->head, slot->rq.cookie,
                                              nbd_errno_from_system(-ret));
        }
    } else if (slot->rq.type == NBD_CMD_READ) {
        read_reply(slot);
    } else if (c->mode == NBD_MODE_EXTENDED) {
        slot->head_len = nbd_reply_chunk(c->mode, slot->head, slot->rq.cookie,
                                         NBD_REPLY_FLAG_DONE, NBD_REPLY_NONE,
                                         slot->rq.from, 0);
    } else {
        slot->head_len = nbd_reply_simple(slot->head, slot->rq.cookie, 0);
    }
    ready(slot);
}

/* --- requests in the block layer --- */

static const char *what_failed(uint16_t type)
{
    switch (type) {
    case NBD_CMD_READ:
        return "reading from file failed";
    case NBD_CMD_WRITE:
        return "writing to file failed";
    case NBD_CMD_FLUSH:
        return "flush failed";
    case NBD_CMD_TRIM:
        return "discard failed";
    case NBD_CMD_CACHE:
        return "caching data failed";
    default:
        return "writing to file failed";
    }
}

static void io_done(BlkIo *io, int ret)
{
    NbdSlot *slot = container_of(io, NbdSlot, io);
    const NbdRequest *rq = &slot->rq;

    if (unlikely(ret < 0)) {
        nbd_reply_done(slot, ret, what_failed(rq->type));
        return;
    }
    if (likely(rq->type == NBD_CMD_READ || rq->type == NBD_CMD_WRITE ||
               rq->type == NBD_CMD_FLUSH || slot->syncing)) {
        nbd_reply_done(slot, 0, NULL);
        return;
    }
    slot->done += io->bytes;
    next_piece(slot);
}

static void submit(NbdSlot *slot, BlkIoType type, uint64_t offset,
                   uint64_t bytes, BdrvRequestFlags flags)
{
    BlkIo *io = &slot->io;

    io->type = type;
    io->flags = flags;
    io->offset = offset;
    io->bytes = bytes;
    slot->iov = (struct iovec){ slot->buf, bytes };
    blk_io_submit(io);
}

/* TRIM, WRITE_ZEROES and CACHE may be longer than the block layer's longest. */
static void next_piece(NbdSlot *slot)
{
    const NbdRequest *rq = &slot->rq;
    uint64_t most = rq->type == NBD_CMD_CACHE ? slot->buf_size : NBD_PIECE;
    uint64_t offset = rq->from + slot->done;
    uint64_t n = MIN(rq->len - slot->done, most);
    BdrvRequestFlags flags = 0;

    if (!n) {
        if (rq->type == NBD_CMD_TRIM && (rq->flags & NBD_CMD_FLAG_FUA)) {
            slot->syncing = true;
            submit(slot, BLK_IO_FLUSH, 0, 0, 0);
        } else {
            nbd_reply_done(slot, 0, NULL);
        }
        return;
    }
    switch (rq->type) {
    case NBD_CMD_TRIM:
        submit(slot, BLK_IO_DISCARD, offset, n, 0);
        break;
    case NBD_CMD_CACHE:
        submit(slot, BLK_IO_READ, offset, n, 0);
        break;
    default:
        flags |= rq->flags & NBD_CMD_FLAG_FUA ? BDRV_REQ_FUA : 0;
        flags |= rq->flags & NBD_CMD_FLAG_NO_HOLE ? 0 : BDRV_REQ_MAY_UNMAP;
        flags |= rq->flags & NBD_CMD_FLAG_FAST_ZERO ? BDRV_REQ_NO_FALLBACK : 0;
        submit(slot, BLK_IO_WRITE_ZEROES, offset, n, flags);
    }
}

static int check_range(const NbdConn *c, uint64_t from, uint64_t len, char *why)
{
    uint64_t size = c->exp->info.size;

    if (from > size || len > size - from) {
        snprintf(why, WHY_MAX,
                 "operation past EOF; From: %" PRIu64 ", Len: %" PRIu64
                 ", Size: %" PRIu64,
                 from, len, size);
        return -EINVAL;
    }
    return 0;
}

/* The ids in the payload of a BLOCK_STATUS request, each one that the client
 * has negotiated and none twice; their number, 0: it is not valid. */
static unsigned payload_ids(const NbdSlot *slot, uint32_t *ids)
{
    const NbdConn *c = slot->conn;
    unsigned n = 0;

    for (size_t pos = 8; pos < slot->rq.len; pos += 4) {
        uint32_t id = nbd_get32(slot->buf + pos);
        bool known = false;

        for (unsigned j = 0; j < c->n_context_ids; j++) {
            known |= c->context_ids[j] == id;
        }
        for (unsigned j = 0; j < n; j++) {
            known &= ids[j] != id;
        }
        if (!known) {
            return 0;
        }
        ids[n++] = id;
    }
    return n;
}

/* BLOCK_STATUS with a payload: a length and ids of contexts. */
static void status_with_payload(NbdSlot *slot)
{
    NbdConn *c = slot->conn;
    g_autofree uint32_t *ids = g_new(uint32_t, slot->rq.len / 4);
    uint64_t len = nbd_get64(slot->buf);
    unsigned n = payload_ids(slot, ids);
    char why[WHY_MAX];

    if (!n) {
        nbd_reply_done(slot, -EINVAL, PAYLOAD_NOT_VALID);
    } else if (!len) {
        nbd_reply_done(slot, -EINVAL, "need non-zero length");
    } else if (check_range(c, slot->rq.from, len, why) < 0) {
        nbd_reply_done(slot, -EINVAL, why);
    } else {
        nbd_block_status(slot, slot->rq.from, len, ids, n);
    }
}

/* All of the request is here. */
static void execute(NbdSlot *slot)
{
    const NbdRequest *rq = &slot->rq;
    NbdConn *c = slot->conn;

    switch (rq->type) {
    case NBD_CMD_READ:
        submit(slot, BLK_IO_READ, rq->from, rq->len, 0);
        break;
    case NBD_CMD_WRITE:
        submit(slot, BLK_IO_WRITE, rq->from, rq->len,
               rq->flags & NBD_CMD_FLAG_FUA ? BDRV_REQ_FUA : 0);
        break;
    case NBD_CMD_FLUSH:
        submit(slot, BLK_IO_FLUSH, 0, 0, 0);
        break;
    case NBD_CMD_BLOCK_STATUS:
        if (rq->flags & NBD_CMD_FLAG_PAYLOAD_LEN) {
            status_with_payload(slot);
        } else {
            nbd_block_status(slot, rq->from, rq->len, c->context_ids,
                             c->n_context_ids);
        }
        break;
    default:
        slot->done = 0;
        next_piece(slot);
    }
}

/* --- checks --- */

/* Flags that @type may have from this client. */
static uint16_t allowed_flags(const NbdConn *c, uint16_t type)
{
    switch (type) {
    case NBD_CMD_READ:
        return c->mode >= NBD_MODE_STRUCTURED
                   ? NBD_CMD_FLAG_DF | NBD_CMD_FLAG_FUA
                   : NBD_CMD_FLAG_FUA;
    case NBD_CMD_WRITE:
        return NBD_CMD_FLAG_FUA |
               (c->mode == NBD_MODE_EXTENDED ? NBD_CMD_FLAG_PAYLOAD_LEN : 0);
    case NBD_CMD_WRITE_ZEROES:
        return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO;
    case NBD_CMD_BLOCK_STATUS:
        return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_REQ_ONE |
               (c->mode == NBD_MODE_EXTENDED ? NBD_CMD_FLAG_PAYLOAD_LEN : 0);
    default:
        return NBD_CMD_FLAG_FUA;
    }
}

static bool writes(uint16_t type)
{
    return type == NBD_CMD_WRITE || type == NBD_CMD_TRIM ||
           type == NBD_CMD_WRITE_ZEROES;
}

/* Of those whose length is that of their effect. */
static int check_lengths(const NbdConn *c, const NbdRequest *rq, char *why)
{
    int ret;

    if ((rq->type == NBD_CMD_READ || rq->type == NBD_CMD_CACHE) &&
        rq->len > NBD_MAX_BUFFER) {
        snprintf(why, WHY_MAX, "len (%" PRIu64 ") is larger than max len (%u)",
                 rq->len, NBD_MAX_BUFFER);
        return -EINVAL;
    }
    ret = check_range(c, rq->from, rq->len, why);
    if (ret == 0 && ((rq->from | rq->len) & (c->alignment - 1))) {
        snprintf(why, WHY_MAX, "client sent non-compliant unaligned %s request",
                 nbd_cmd_name(rq->type));
        ret = -EINVAL;
    }
    return ret;
}

static int check_status(const NbdConn *c, const NbdRequest *rq,
                        uint64_t payload, char *why)
{
    if (payload && (payload < 12 || payload % 4 ||
                    payload > 8 + 4 * (uint64_t)c->n_context_ids)) {
        g_strlcpy(why, PAYLOAD_NOT_VALID, WHY_MAX);
        return -EINVAL;
    }
    if (!c->n_context_ids) {
        g_strlcpy(why, "CMD_BLOCK_STATUS not negotiated", WHY_MAX);
        return -EINVAL;
    }
    if (!payload && !rq->len) {
        g_strlcpy(why, "need non-zero length", WHY_MAX);
        return -EINVAL;
    }
    return 0;
}

/* 0, or -errno with @why for the client. @payload: its length. */
static int check_request(const NbdConn *c, const NbdRequest *rq,
                         uint64_t payload, char *why)
{
    int ret = 0;

    why[0] = '\0';
    if (rq->type > NBD_CMD_BLOCK_STATUS) {
        snprintf(why, WHY_MAX, "invalid request type (%u) received", rq->type);
        return -EINVAL;
    }
    if (writes(rq->type) && (c->flags & NBD_FLAG_READ_ONLY)) {
        g_strlcpy(why, "Export is read-only", WHY_MAX);
        return -EROFS;
    }
    if (rq->type != NBD_CMD_FLUSH &&
        !(rq->type == NBD_CMD_BLOCK_STATUS && payload)) {
        ret = check_lengths(c, rq, why);
    }
    if (ret == 0 && (rq->flags & ~allowed_flags(c, rq->type))) {
        snprintf(why, WHY_MAX, "unsupported flags for command %s (got 0x%x)",
                 nbd_cmd_name(rq->type), rq->flags);
        ret = -EINVAL;
    }
    if (ret == 0 && rq->type == NBD_CMD_BLOCK_STATUS) {
        ret = check_status(c, rq, payload, why);
    }
    return ret;
}

/* --- receiving --- */

static void received(IoStream *s, ssize_t ret)
{
    NbdConn *c = container_of(s, NbdConn, stream);
    size_t n = ret;

    if (ret <= 0 || c->closing) {
        /* Whatever the client still waits for, it will not hear */
        nbd_conn_close(c);
        return;
    }
    if (c->incoming) {
        size_t left = c->incoming->rq.len - c->incoming_got;
        size_t direct = MIN(n, left);

        c->incoming_got += direct;
        n -= direct;
    }
    c->rx_end += n;
    parse(c);
    nbd_conn_maybe_gone(c);
}

/* Ask for more: first what is missing of a payload, then whatever comes. */
static void receive(NbdConn *c)
{
    struct iovec iov[2];
    int n = 0;

    if (c->stream.recv_cb || c->closing || c->leaving) {
        return;
    }
    if (c->rx_pos) {
        memmove(c->rx, c->rx + c->rx_pos, c->rx_end - c->rx_pos);
        c->rx_end -= c->rx_pos;
        c->rx_pos = 0;
    }
    if (c->incoming) {
        iov[n].iov_base = c->incoming->buf + c->incoming_got;
        iov[n++].iov_len = c->incoming->rq.len - c->incoming_got;
    }
    iov[n].iov_base = c->rx + c->rx_end;
    iov[n++].iov_len = NBD_RX_SIZE - c->rx_end;
    io_stream_recv(&c->stream, iov, n, received);
}

/* Move what the buffer has of the payload; is it complete? */
static bool fill_payload(NbdConn *c)
{
    NbdSlot *slot = c->incoming;
    size_t n = MIN(slot->rq.len - c->incoming_got, c->rx_end - c->rx_pos);

    memcpy(slot->buf + c->incoming_got, c->rx + c->rx_pos, n);
    c->rx_pos += n;
    c->incoming_got += n;
    return c->incoming_got == slot->rq.len;
}

/* Bytes that follow the head of @rq. */
static uint64_t payload_len(const NbdConn *c, const NbdRequest *rq)
{
    if (rq->type == NBD_CMD_WRITE) {
        return rq->len;
    }
    return c->mode == NBD_MODE_EXTENDED &&
                   (rq->flags & NBD_CMD_FLAG_PAYLOAD_LEN)
               ? rq->len
               : 0;
}

/* Memory that @rq takes while it is under way. */
static size_t cost(const NbdRequest *rq, uint64_t payload)
{
    switch (rq->type) {
    case NBD_CMD_READ:
        return MIN(rq->len, NBD_MAX_BUFFER);
    case NBD_CMD_CACHE:
        return MIN(rq->len, NBD_KEPT_BUFFER);
    default:
        return payload;
    }
}

/* Must a request that takes @bytes wait until another is over? */
static bool must_wait(const NbdConn *c, size_t bytes)
{
    return STAILQ_EMPTY(&c->free) ||
           (c->bytes_in_flight &&
            c->bytes_in_flight + bytes > NBD_IN_FLIGHT_MAX);
}

/* One request whose head is in the buffer; false: not now, or it is over. */
static bool take_request(NbdConn *c)
{
    uint64_t payload;
    char why[WHY_MAX];
    NbdRequest rq;
    NbdSlot *slot;
    int ret;

    if (!nbd_request_parse(c->mode, c->rx + c->rx_pos, &rq)) {
        nbd_conn_close(c);
        return false;
    }
    payload = payload_len(c, &rq);
    if (rq.type == NBD_CMD_DISC) {
        c->leaving = true;
        return false;
    }
    if (payload > NBD_MAX_BUFFER) {
        nbd_conn_close(c); /* it would take long to get past that */
        return false;
    }
    if (must_wait(c, cost(&rq, payload))) {
        c->stalled = true;
        return false;
    }
    c->rx_pos += nbd_request_len(c->mode);
    slot = slot_get(c);
    slot->rq = rq;
    slot->syncing = false;
    ret = check_request(c, &rq, payload, why);
    if (ret == 0 && cost(&rq, payload) &&
        !slot_buffer(slot, cost(&rq, payload))) {
        ret = -ENOMEM;
    }
    if (unlikely(ret < 0)) {
        c->skip = payload;
        nbd_reply_done(slot, ret, why);
        return true;
    }
    slot->charged = cost(&rq, payload);
    c->bytes_in_flight += slot->charged;
    if (payload) {
        c->incoming = slot;
        c->incoming_got = 0;
    } else {
        execute(slot);
    }
    return true;
}

/* Start all that is in the buffer, and ask for more. */
static void parse(NbdConn *c)
{
    c->stalled = false;
    while (!c->closing && !c->leaving && !c->stalled) {
        if (c->incoming) {
            NbdSlot *slot = c->incoming;

            if (!fill_payload(c)) {
                break;
            }
            c->incoming = NULL;
            execute(slot);
        } else if (c->skip) {
            size_t n = MIN(c->skip, c->rx_end - c->rx_pos);

            if (!n) {
                break;
            }
            c->skip -= n;
            c->rx_pos += n;
        } else if (c->rx_end - c->rx_pos < nbd_request_len(c->mode) ||
                   !take_request(c)) {
            break;
        }
    }
    if (!c->stalled) {
        receive(c);
    }
}

/* --- life --- */

void nbd_transmit_start(NbdConn *c, const uint8_t *early, size_t len)
{
    c->rx = qemu_memalign(4096, NBD_RX_SIZE);
    c->slots = g_new0(NbdSlot, NBD_SLOTS);
    STAILQ_INIT(&c->free);
    STAILQ_INIT(&c->ready);
    STAILQ_INIT(&c->sending);
    c->flush.fn = flush;
    for (int i = NBD_SLOTS; i-- > 0;) {
        NbdSlot *slot = &c->slots[i];

        slot->conn = c;
        slot->io.blk = c->exp->common.blk;
        slot->io.ctx = c->stream.ctx;
        slot->io.iov = &slot->iov;
        slot->io.niov = 1;
        slot->io.cb = io_done;
        STAILQ_INSERT_HEAD(&c->free, slot, next);
    }
    memcpy(c->rx, early, len);
    c->rx_end = len;
    parse(c);
    nbd_conn_maybe_gone(c);
}

void nbd_transmit_cleanup(NbdConn *c)
{
    for (int i = 0; c->slots && i < NBD_SLOTS; i++) {
        qemu_vfree(c->slots[i].buf);
        if (c->slots[i].extra) {
            g_byte_array_unref(c->slots[i].extra);
        }
    }
    g_clear_pointer(&c->slots, g_free);
    qemu_vfree(c->rx);
    c->rx = NULL;
}
