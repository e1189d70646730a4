/*
 * Requests and heads of replies ("Request message", "Simple reply message",
 * "Structured reply chunk message", "Extended request/reply").
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/message.h"

bool nbd_request_parse(NbdMode mode, const uint8_t *buf, NbdRequest *req)
{
    bool extended = mode == NBD_MODE_EXTENDED;

    if (nbd_get32(buf) !=
        (extended ? NBD_EXT_REQUEST_MAGIC : NBD_REQUEST_MAGIC)) {
        return false;
    }
    req->flags = nbd_get16(buf + 4);
    req->type = nbd_get16(buf + 6);
    req->cookie = nbd_get64(buf + 8);
    req->from = nbd_get64(buf + 16);
    req->len = extended ? nbd_get64(buf + 24) : nbd_get32(buf + 24);
    return true;
}

void nbd_request_build(NbdMode mode, const NbdRequest *req, uint8_t *buf)
{
    bool extended = mode == NBD_MODE_EXTENDED;

    nbd_put32(buf, extended ? NBD_EXT_REQUEST_MAGIC : NBD_REQUEST_MAGIC);
    nbd_put16(buf + 4, req->flags);
    nbd_put16(buf + 6, req->type);
    nbd_put64(buf + 8, req->cookie);
    nbd_put64(buf + 16, req->from);
    if (extended) {
        nbd_put64(buf + 24, req->len);
    } else {
        nbd_put32(buf + 24, req->len);
    }
}

size_t nbd_reply_simple(uint8_t *buf, uint64_t cookie, uint32_t error)
{
    nbd_put32(buf, NBD_SIMPLE_MAGIC);
    nbd_put32(buf + 4, error);
    nbd_put64(buf + 8, cookie);
    return NBD_SIMPLE_LEN;
}

size_t nbd_reply_chunk(NbdMode mode, uint8_t *buf, uint64_t cookie,
                       uint16_t flags, uint16_t type, uint64_t from,
                       uint64_t len)
{
    bool extended = mode == NBD_MODE_EXTENDED;

    nbd_put32(buf, extended ? NBD_EXT_REPLY_MAGIC : NBD_STRUCTURED_MAGIC);
    nbd_put16(buf + 4, flags);
    nbd_put16(buf + 6, type);
    nbd_put64(buf + 8, cookie);
    if (extended) {
        nbd_put64(buf + 16, from);
        nbd_put64(buf + 24, len);
        return NBD_EXT_REPLY_LEN;
    }
    nbd_put32(buf + 16, len);
    return NBD_STRUCTURED_LEN;
}
