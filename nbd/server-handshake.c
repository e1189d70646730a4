/*
 * The framing of the negotiation: greeting, client's flags, options one after
 * the other.
 *
 *   FLAGS -> OPTION <-> DATA      an option is complete: server-options.c
 *              ^  \-> SKIP        too long to be kept: refused
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/server-handshake.h"

void nbd_handshake_init(NbdHandshake *h, NbdTlsState tls,
                        const NbdHandshakeOps *ops, void *opaque)
{
    uint8_t greeting[NBD_GREETING_LEN];

    *h = (NbdHandshake){
        .ops = ops,
        .opaque = opaque,
        .tls = tls,
        .in = g_byte_array_new(),
        .out = g_byte_array_new(),
    };
    nbd_put64(greeting, NBD_INIT_MAGIC);
    nbd_put64(greeting + 8, NBD_OPTS_MAGIC);
    nbd_put16(greeting + 16, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    g_byte_array_append(h->out, greeting, sizeof(greeting));
}

void nbd_handshake_cleanup(NbdHandshake *h)
{
    g_clear_pointer(&h->in, g_byte_array_unref);
    g_clear_pointer(&h->out, g_byte_array_unref);
    g_clear_pointer(&h->chosen, g_free);
    nbd_handshake_forget_contexts(h);
}

void nbd_handshake_tls_done(NbdHandshake *h)
{
    h->tls = NBD_TLS_ON;
}

void nbd_handshake_reply(NbdHandshake *h, uint32_t type, const void *data,
                         size_t len)
{
    uint8_t head[NBD_OPT_REP_LEN];

    nbd_put64(head, NBD_REP_MAGIC);
    nbd_put32(head + 8, h->opt);
    nbd_put32(head + 12, type);
    nbd_put32(head + 16, len);
    g_byte_array_append(h->out, head, sizeof(head));
    if (len) {
        g_byte_array_append(h->out, data, len);
    }
}

void nbd_handshake_refuse(NbdHandshake *h, uint32_t type, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    nbd_handshake_reply(h, type, text, MIN(strlen(text), NBD_MAX_STRING));
}

static NbdHandshakeResult got_flags(NbdHandshake *h, Error **errp)
{
    uint32_t flags = nbd_get32(h->in->data);

    h->fixed = flags & NBD_FLAG_FIXED_NEWSTYLE;
    h->no_zeroes = flags & NBD_FLAG_NO_ZEROES;
    if (flags & ~(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES)) {
        error_setg(errp, "Unknown client flags 0x%" PRIx32 " received", flags);
        return NBD_HANDSHAKE_ERROR;
    }
    h->state = NBD_HS_OPTION;
    return NBD_HANDSHAKE_MORE;
}

static NbdHandshakeResult got_option(NbdHandshake *h, Error **errp)
{
    if (nbd_get64(h->in->data) != NBD_OPTS_MAGIC) {
        error_setg(errp, "Bad magic received");
        return NBD_HANDSHAKE_ERROR;
    }
    h->opt = nbd_get32(h->in->data + 8);
    h->len = nbd_get32(h->in->data + 12);
    if (h->len > NBD_MAX_BUFFER) {
        error_setg(errp, "len (%" PRIu32 ") is larger than max len (%u)",
                   h->len, NBD_MAX_BUFFER);
        return NBD_HANDSHAKE_ERROR;
    }
    if (++h->options > NBD_MAX_OPTIONS) {
        error_setg(errp, "Too many options");
        return NBD_HANDSHAKE_ERROR;
    }
    h->skip = h->len;
    h->state = h->len > NBD_OPTION_KEPT ? NBD_HS_SKIP : NBD_HS_DATA;
    return NBD_HANDSHAKE_MORE;
}

/* How many bytes the present state waits for. */
static size_t wanted(const NbdHandshake *h)
{
    switch (h->state) {
    case NBD_HS_FLAGS:
        return 4;
    case NBD_HS_OPTION:
        return NBD_OPTION_LEN;
    default:
        return h->len;
    }
}

static NbdHandshakeResult complete(NbdHandshake *h, Error **errp)
{
    switch (h->state) {
    case NBD_HS_FLAGS:
        return got_flags(h, errp);
    case NBD_HS_OPTION:
        return got_option(h, errp);
    default:
        h->state = NBD_HS_OPTION;
        return nbd_handshake_option(h, h->in->data, errp);
    }
}

/* Bytes of an option that is too long. */
static size_t skip(NbdHandshake *h, size_t len)
{
    size_t n = MIN(len, h->skip);

    h->skip -= n;
    if (!h->skip) {
        h->state = NBD_HS_OPTION;
        nbd_handshake_refuse(h, NBD_REP_ERR_TOO_BIG, "option '%s' is too long",
                             nbd_opt_name(h->opt));
    }
    return n;
}

NbdHandshakeResult nbd_handshake_feed(NbdHandshake *h, const uint8_t *data,
                                      size_t len, size_t *used, Error **errp)
{
    NbdHandshakeResult r = NBD_HANDSHAKE_MORE;

    *used = 0;
    while (r == NBD_HANDSHAKE_MORE && !h->out->len) {
        size_t n;

        if (h->state == NBD_HS_SKIP) {
            n = skip(h, len - *used);
            *used += n;
            if (!n) {
                break;
            }
            continue;
        }
        n = MIN(len - *used, wanted(h) - h->in->len);
        g_byte_array_append(h->in, data + *used, n);
        *used += n;
        if (h->in->len < wanted(h)) {
            break;
        }
        r = complete(h, errp);
        g_byte_array_set_size(h->in, 0);
    }
    return r;
}
