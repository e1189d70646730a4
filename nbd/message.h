/*
 * Requests and the heads of replies, between bytes and numbers.
 *
 * Thread: any.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_MESSAGE_H
#define NBD_MESSAGE_H

#include "nbd/protocol.h"

/* How a connection frames what it sends; each step includes the one before. */
typedef enum NbdMode {
    NBD_MODE_SIMPLE,
    NBD_MODE_STRUCTURED, /* replies in chunks */
    NBD_MODE_EXTENDED,   /* 64 bit lengths both ways */
} NbdMode;

typedef struct NbdRequest {
    uint16_t flags;
    uint16_t type;
    uint64_t cookie;
    uint64_t from;
    uint64_t len; /* the effect's, or with _PAYLOAD_LEN the payload's */
} NbdRequest;

static inline size_t nbd_request_len(NbdMode mode)
{
    return mode == NBD_MODE_EXTENDED ? NBD_EXT_REQUEST_LEN : NBD_REQUEST_LEN;
}

/* @buf holds nbd_request_len(); false: wrong magic. */
bool nbd_request_parse(NbdMode mode, const uint8_t *buf, NbdRequest *req);
/* For clients: @buf gets nbd_request_len() bytes. */
void nbd_request_build(NbdMode mode, const NbdRequest *req, uint8_t *buf);

/* The longest head of a reply, with what may stand before the data. */
#define NBD_HEAD_MAX 48

/* @buf gets NBD_SIMPLE_LEN bytes. @error: NBD_E*. */
size_t nbd_reply_simple(uint8_t *buf, uint64_t cookie, uint32_t error);
/* The head of a chunk with @len bytes of payload; returns its length.
 * @from: the request's (extended mode has it in each chunk). */
size_t nbd_reply_chunk(NbdMode mode, uint8_t *buf, uint64_t cookie,
                       uint16_t flags, uint16_t type, uint64_t from,
                       uint64_t len);

static inline void nbd_put16(uint8_t *p, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

static inline void nbd_put32(uint8_t *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

static inline void nbd_put64(uint8_t *p, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

static inline uint16_t nbd_get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return GUINT16_FROM_BE(v);
}

static inline uint32_t nbd_get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return GUINT32_FROM_BE(v);
}

static inline uint64_t nbd_get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return GUINT64_FROM_BE(v);
}

#endif
