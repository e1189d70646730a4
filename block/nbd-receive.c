/*
 * The receiver's half of an nbd connection: replies and chunks into the calls
 * that wait for them ("Simple reply message", "Structured reply chunk message",
 * "Extended reply").
 *
 * Everything is checked against the call that it claims to answer before a byte
 * of it is stored. What breaks the protocol ends the connection.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/nbd-client-int.h"

/* A head of a reply. */
typedef struct Chunk {
    uint16_t flags, type;
    uint64_t cookie, len;
} Chunk;

/* --- bytes --- */

/* Have at least @n bytes (at most the buffer's size) in one piece. */
static int coroutine_fn need(NbdClient *c, size_t n)
{
    if (c->pos == c->end) {
        c->pos = c->end = 0;
    } else if (c->pos + n > NBD_RECEIVE_BUFFER) {
        memmove(c->buf, c->buf + c->pos, c->end - c->pos);
        c->end -= c->pos;
        c->pos = 0;
    }
    while (c->end - c->pos < n) {
        struct iovec iov = { .iov_base = c->buf + c->end,
                             .iov_len = NBD_RECEIVE_BUFFER - c->end };
        ssize_t got = nbd_co_channel_readv(&c->ch, &iov, 1);

        if (got <= 0) {
            return got ? got : -ECONNRESET;
        }
        c->end += got;
    }
    return 0;
}

static int coroutine_fn skip(NbdClient *c, uint64_t n)
{
    int ret = 0;

    while (n && ret == 0) {
        size_t part = MIN(n, 4096);

        ret = need(c, part);
        if (ret == 0) {
            c->pos += part;
            n -= part;
        }
    }
    return ret;
}

/* @bytes to @offset of the call's buffers: what is here is copied, and if much
 * is missing the kernel puts it where it belongs. */
static int coroutine_fn read_data(NbdClient *c, QEMUIOVector *qiov,
                                  size_t offset, size_t bytes)
{
    while (bytes) {
        size_t here = MIN(bytes, c->end - c->pos);

        if (here) {
            qemu_iovec_from_buf(qiov, offset, c->buf + c->pos, here);
            c->pos += here;
        } else if (bytes < NBD_RECEIVE_BUFFER / 2) {
            int ret = need(c, 1);

            if (ret < 0) {
                return ret;
            }
        } else {
            g_autofree struct iovec *iov = g_new(struct iovec, qiov->niov);
            int n = iov_copy(iov, qiov->niov, qiov->iov, qiov->niov, offset,
                             bytes);
            ssize_t got = nbd_co_channel_readv(&c->ch, iov, MIN(n, IOV_MAX));

            if (got <= 0) {
                return got ? got : -ECONNRESET;
            }
            here = got;
        }
        offset += here;
        bytes -= here;
    }
    return 0;
}

/* --- messages --- */

static NbdCall *find_call(NbdClient *c, uint64_t cookie)
{
    NbdCall *call;

    qemu_mutex_lock(&c->lock);
    call = c->slot[cookie % NBD_CLIENT_SLOTS];
    qemu_mutex_unlock(&c->lock);
    return call && call->req.cookie == cookie ? call : NULL;
}

static void finish(NbdClient *c, NbdCall *call, int ret)
{
    qemu_mutex_lock(&c->lock);
    nbd_client_finish(c, call, ret);
    qemu_mutex_unlock(&c->lock);
}

static int coroutine_fn receive_simple(NbdClient *c)
{
    NbdCall *call;
    uint32_t error;
    int ret = need(c, NBD_SIMPLE_LEN);

    if (ret < 0) {
        return ret;
    }
    error = nbd_get32(c->buf + c->pos + 4);
    call = find_call(c, nbd_get64(c->buf + c->pos + 8));
    c->pos += NBD_SIMPLE_LEN;
    if (!call || (c->info.mode != NBD_MODE_SIMPLE &&
                  (c->info.mode == NBD_MODE_EXTENDED ||
                   call->req.type == NBD_CMD_READ))) {
        return -EINVAL;
    }
    if (call->req.type == NBD_CMD_READ && !error) {
        ret = read_data(c, call->qiov, 0, call->req.len);
        if (ret < 0) {
            return ret;
        }
    }
    finish(c, call, -nbd_errno_to_system(error));
    return 0;
}

/* Does a part of the answer lie within what was asked for? */
static bool in_request(const NbdCall *call, uint64_t offset, uint64_t len)
{
    return call->req.type == NBD_CMD_READ && len && offset >= call->req.from &&
           len <= call->req.len &&
           offset - call->req.from <= call->req.len - len;
}

static int coroutine_fn receive_data(NbdClient *c, NbdCall *call,
                                     const Chunk *chunk)
{
    uint64_t offset, len = chunk->len - 8;
    int ret = chunk->len > 8 ? need(c, 8) : -EINVAL;

    if (ret < 0) {
        return ret;
    }
    offset = nbd_get64(c->buf + c->pos);
    c->pos += 8;
    if (!in_request(call, offset, len)) {
        return -EINVAL;
    }
    call->data_bytes += len;
    return read_data(c, call->qiov, offset - call->req.from, len);
}

static int coroutine_fn receive_hole(NbdClient *c, NbdCall *call,
                                     const Chunk *chunk)
{
    uint64_t offset;
    uint32_t len;
    int ret = chunk->len == 12 ? need(c, 12) : -EINVAL;

    if (ret < 0) {
        return ret;
    }
    offset = nbd_get64(c->buf + c->pos);
    len = nbd_get32(c->buf + c->pos + 8);
    c->pos += 12;
    if (!in_request(call, offset, len)) {
        return -EINVAL;
    }
    call->data_bytes += len;
    qemu_iovec_memset(call->qiov, offset - call->req.from, 0, len);
    return 0;
}

/* We asked for one extent; a server may send more. */
static int coroutine_fn receive_extents(NbdClient *c, NbdCall *call,
                                        const Chunk *chunk)
{
    bool wide = chunk->type == NBD_REPLY_BLOCK_STATUS_EXT;
    size_t head = wide ? 8 : 4, size = wide ? 16 : 8;
    int ret;

    if (call->req.type != NBD_CMD_BLOCK_STATUS || call->extent_len ||
        wide != (c->info.mode == NBD_MODE_EXTENDED) ||
        chunk->len < head + size || (chunk->len - head) % size ||
        chunk->len > NBD_MAX_BUFFER) {
        return -EINVAL;
    }
    ret = need(c, head + size);
    if (ret < 0) {
        return ret;
    }
    if (nbd_get32(c->buf + c->pos) != c->info.context_id ||
        (wide &&
         nbd_get32(c->buf + c->pos + 4) != (chunk->len - head) / size)) {
        return -EINVAL;
    }
    c->pos += head;
    call->extent_len = wide ? nbd_get64(c->buf + c->pos)
                            : nbd_get32(c->buf + c->pos);
    call->extent_flags = wide ? nbd_get64(c->buf + c->pos + 8)
                              : nbd_get32(c->buf + c->pos + 4);
    c->pos += size;
    if (!call->extent_len) {
        return -EINVAL;
    }
    return skip(c, chunk->len - head - size);
}

static int coroutine_fn receive_error(NbdClient *c, NbdCall *call,
                                      const Chunk *chunk)
{
    uint32_t error;
    int ret = chunk->len >= 6 && chunk->len <= 65536 ? need(c, 4) : -EINVAL;

    if (ret < 0) {
        return ret;
    }
    error = nbd_get32(c->buf + c->pos);
    c->pos += 4;
    if (!error) {
        return -EINVAL;
    }
    if (!call->error) {
        call->error = -nbd_errno_to_system(error);
    }
    return skip(c, chunk->len - 4);
}

static int coroutine_fn receive_payload(NbdClient *c, NbdCall *call,
                                        const Chunk *chunk)
{
    switch (chunk->type) {
    case NBD_REPLY_NONE:
        return chunk->len || !(chunk->flags & NBD_REPLY_FLAG_DONE) ? -EINVAL
                                                                   : 0;
    case NBD_REPLY_OFFSET_DATA:
        return receive_data(c, call, chunk);
    case NBD_REPLY_OFFSET_HOLE:
        return receive_hole(c, call, chunk);
    case NBD_REPLY_BLOCK_STATUS:
    case NBD_REPLY_BLOCK_STATUS_EXT:
        return receive_extents(c, call, chunk);
    default:
        /* Other errors begin as those that we know */
        return chunk->type & (1 << 15) ? receive_error(c, call, chunk)
                                       : -EINVAL;
    }
}

static int coroutine_fn receive_chunk(NbdClient *c, bool extended)
{
    size_t head = extended ? NBD_EXT_REPLY_LEN : NBD_STRUCTURED_LEN;
    int ret = need(c, head);
    const uint8_t *p;
    NbdCall *call;
    Chunk chunk;

    if (ret < 0) {
        return ret;
    }
    p = c->buf + c->pos;
    chunk.flags = nbd_get16(p + 4);
    chunk.type = nbd_get16(p + 6);
    chunk.cookie = nbd_get64(p + 8);
    chunk.len = extended ? nbd_get64(p + 24) : nbd_get32(p + 16);
    c->pos += head;
    call = find_call(c, chunk.cookie);
    if (!call) {
        return -EINVAL;
    }
    ret = receive_payload(c, call, &chunk);
    if (ret < 0 || !(chunk.flags & NBD_REPLY_FLAG_DONE)) {
        return ret;
    }
    if (!call->error &&
        ((call->req.type == NBD_CMD_READ &&
          call->data_bytes != call->req.len) ||
         (call->req.type == NBD_CMD_BLOCK_STATUS && !call->extent_len))) {
        call->error = -EIO; /* it says that it has answered, and has not */
    }
    finish(c, call, call->error);
    return 0;
}

int coroutine_fn nbd_co_receive_one(NbdClient *c)
{
    int ret = need(c, 4);

    if (ret < 0) {
        return ret;
    }
    switch (nbd_get32(c->buf + c->pos)) {
    case NBD_SIMPLE_MAGIC:
        return receive_simple(c);
    case NBD_STRUCTURED_MAGIC:
        return c->info.mode == NBD_MODE_STRUCTURED ? receive_chunk(c, false)
                                                   : -EINVAL;
    case NBD_EXT_REPLY_MAGIC:
        return c->info.mode == NBD_MODE_EXTENDED ? receive_chunk(c, true)
                                                 : -EINVAL;
    default:
        return -EINVAL;
    }
}
