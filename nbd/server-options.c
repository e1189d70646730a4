/*
 * The options of the negotiation ("Option types"), one function each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/server-handshake.h"

/* --- reading payloads --- */

static const uint8_t *take(NbdReader *r, size_t len)
{
    const uint8_t *p = r->p;

    if (r->bad || r->left < len) {
        r->bad = true;
        return NULL;
    }
    r->p += len;
    r->left -= len;
    return p;
}

uint16_t nbd_read16(NbdReader *r)
{
    const uint8_t *p = take(r, 2);

    return p ? nbd_get16(p) : 0;
}

uint32_t nbd_read32(NbdReader *r)
{
    const uint8_t *p = take(r, 4);

    return p ? nbd_get32(p) : 0;
}

char *nbd_read_string(NbdReader *r, size_t len)
{
    const uint8_t *p = take(r, len);

    if (!p || memchr(p, '\0', len)) {
        r->bad = true;
        return NULL;
    }
    return g_strndup((const char *)p, len);
}

void nbd_read_skip(NbdReader *r, size_t len)
{
    take(r, len);
}

void nbd_option_inconsistent(NbdHandshake *h)
{
    nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                         "Inconsistent lengths in option %s",
                         nbd_opt_name(h->opt));
}

bool nbd_option_name(NbdHandshake *h, NbdReader *r, char **name)
{
    uint32_t len = nbd_read32(r);

    if (!r->bad && len > NBD_MAX_STRING) {
        nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                             "Invalid name length: %" PRIu32, len);
        return false;
    }
    *name = nbd_read_string(r, len);
    if (!*name) {
        nbd_option_inconsistent(h);
    }
    return *name;
}

/* --- options --- */

/* True: there is a payload where none belongs, and the client is told. */
static bool has_payload(NbdHandshake *h)
{
    if (h->len) {
        nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                             "option '%s' has unexpected length",
                             nbd_opt_name(h->opt));
    }
    return h->len;
}

static void opt_list(NbdHandshake *h)
{
    const NbdExportInfo *info = NULL;

    if (has_payload(h)) {
        return;
    }
    while ((info = h->ops->next(h->opaque, info))) {
        g_autoptr(GByteArray) data = g_byte_array_new();
        const char *desc = info->description ?: "";
        uint8_t len[4];

        nbd_put32(len, strlen(info->name));
        g_byte_array_append(data, len, 4);
        g_byte_array_append(data, (const uint8_t *)info->name,
                            strlen(info->name));
        g_byte_array_append(data, (const uint8_t *)desc, strlen(desc));
        nbd_handshake_reply(h, NBD_REP_SERVER, data->data, data->len);
    }
    nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
}

static void send_info(NbdHandshake *h, uint16_t type, const void *data,
                      size_t len)
{
    g_autofree uint8_t *buf = g_malloc(2 + len);

    nbd_put16(buf, type);
    memcpy(buf + 2, data, len);
    nbd_handshake_reply(h, NBD_REP_INFO, buf, 2 + len);
}

/* The export's flags as this client is to see them. */
static uint16_t flags_for(const NbdHandshake *h, const NbdExportInfo *info)
{
    uint16_t flags = info->flags;

    if (h->mode >= NBD_MODE_STRUCTURED) {
        flags |= NBD_FLAG_SEND_DF;
    }
    if (h->mode >= NBD_MODE_EXTENDED) {
        flags |= NBD_FLAG_BLOCK_STAT_PAYLOAD;
    }
    return flags;
}

/* Settle on @info, for which contexts may have been negotiated. */
static void choose(NbdHandshake *h, const NbdExportInfo *info)
{
    h->chosen = g_strdup(info->name);
    if (h->context_export && strcmp(h->context_export, info->name)) {
        nbd_handshake_forget_contexts(h);
    }
    h->sent_flags = flags_for(h, info);
}

static void put_export(uint8_t *buf, const NbdExportInfo *info, uint16_t flags)
{
    nbd_put64(buf, info->size);
    nbd_put16(buf + 8, flags);
}

typedef struct Wishes {
    bool name, description, block_size;
} Wishes;

static bool read_wishes(NbdHandshake *h, NbdReader *r, Wishes *w)
{
    uint16_t n = nbd_read16(r);

    if (r->bad || r->left != 2 * n) {
        /* Too few are inconsistent; too many are not what was announced. */
        if (r->bad || r->left < 2 * n) {
            nbd_option_inconsistent(h);
        } else {
            nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                                 "option '%s' has unexpected length",
                                 nbd_opt_name(h->opt));
        }
        return false;
    }
    while (n--) {
        switch (nbd_read16(r)) {
        case NBD_INFO_NAME:
            w->name = true;
            break;
        case NBD_INFO_DESCRIPTION:
            w->description = true;
            break;
        case NBD_INFO_BLOCK_SIZE:
            w->block_size = true;
            break;
        }
    }
    return true;
}

/* A client that does not ask for block sizes may send anything. */
static uint32_t min_block_for(const NbdHandshake *h, const NbdExportInfo *info,
                              bool asked)
{
    return h->opt == NBD_OPT_INFO || asked ? info->min_block : 1;
}

static NbdHandshakeResult opt_info_go(NbdHandshake *h, NbdReader *r)
{
    g_autofree char *name = NULL;
    const NbdExportInfo *info;
    uint8_t sizes[12], export[10];
    Wishes w = { 0 };

    if (!nbd_option_name(h, r, &name) || !read_wishes(h, r, &w)) {
        return NBD_HANDSHAKE_MORE;
    }
    info = h->ops->find(h->opaque, name);
    if (!info) {
        nbd_handshake_refuse(h, NBD_REP_ERR_UNKNOWN, "export '%s' not present",
                             name);
        return NBD_HANDSHAKE_MORE;
    }
    if (w.name) {
        send_info(h, NBD_INFO_NAME, info->name, strlen(info->name));
    }
    if (w.description && info->description) {
        send_info(h, NBD_INFO_DESCRIPTION, info->description,
                  strlen(info->description));
    }
    nbd_put32(sizes, min_block_for(h, info, w.block_size));
    nbd_put32(sizes + 4, info->pref_block);
    nbd_put32(sizes + 8, info->max_block);
    send_info(h, NBD_INFO_BLOCK_SIZE, sizes, sizeof(sizes));
    if (h->opt == NBD_OPT_GO) {
        choose(h, info);
        h->check_align = w.block_size;
    }
    put_export(export, info, flags_for(h, info));
    send_info(h, NBD_INFO_EXPORT, export, sizeof(export));
    nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
    return h->opt == NBD_OPT_GO ? NBD_HANDSHAKE_GO : NBD_HANDSHAKE_MORE;
}

/* The old way, in which nothing can be refused but by hanging up. */
static NbdHandshakeResult opt_export_name(NbdHandshake *h, NbdReader *r,
                                          Error **errp)
{
    uint8_t answer[10 + 124] = { 0 };
    const NbdExportInfo *info;
    g_autofree char *name = NULL;

    if (h->mode >= NBD_MODE_EXTENDED) {
        error_setg(errp, "Extended headers already negotiated");
        return NBD_HANDSHAKE_ERROR;
    }
    if (h->len > NBD_MAX_STRING) {
        error_setg(errp, "Bad length received");
        return NBD_HANDSHAKE_ERROR;
    }
    name = nbd_read_string(r, h->len);
    info = name ? h->ops->find(h->opaque, name) : NULL;
    if (!info) {
        error_setg(errp, "export not found");
        return NBD_HANDSHAKE_ERROR;
    }
    choose(h, info);
    put_export(answer, info, h->sent_flags);
    g_byte_array_append(h->out, answer, h->no_zeroes ? 10 : sizeof(answer));
    return NBD_HANDSHAKE_GO;
}

static NbdHandshakeResult opt_starttls(NbdHandshake *h)
{
    if (has_payload(h)) {
        return NBD_HANDSHAKE_MORE;
    }
    if (h->tls == NBD_TLS_NONE) {
        nbd_handshake_refuse(h, NBD_REP_ERR_POLICY, "TLS not configured");
        return NBD_HANDSHAKE_MORE;
    }
    if (h->tls == NBD_TLS_ON) {
        nbd_handshake_refuse(h, NBD_REP_ERR_INVALID, "TLS already enabled");
        return NBD_HANDSHAKE_MORE;
    }
    nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
    return NBD_HANDSHAKE_STARTTLS;
}

static void opt_structured_reply(NbdHandshake *h)
{
    if (has_payload(h)) {
        return;
    }
    if (h->mode >= NBD_MODE_EXTENDED) {
        nbd_handshake_refuse(h, NBD_REP_ERR_EXT_HEADER_REQD,
                             "extended headers already negotiated");
    } else if (h->mode >= NBD_MODE_STRUCTURED) {
        nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                             "structured reply already negotiated");
    } else {
        h->mode = NBD_MODE_STRUCTURED;
        nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
    }
}

static void opt_extended_headers(NbdHandshake *h)
{
    if (has_payload(h)) {
        return;
    }
    if (h->mode >= NBD_MODE_EXTENDED) {
        nbd_handshake_refuse(h, NBD_REP_ERR_INVALID,
                             "extended headers already negotiated");
    } else {
        h->mode = NBD_MODE_EXTENDED;
        nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
    }
}

/* Where TLS is configured, nothing but it comes first. */
static NbdHandshakeResult before_tls(NbdHandshake *h, Error **errp)
{
    switch (h->opt) {
    case NBD_OPT_STARTTLS:
        return opt_starttls(h);
    case NBD_OPT_EXPORT_NAME:
        error_setg(errp, "Option 0x%x not permitted before TLS", h->opt);
        return NBD_HANDSHAKE_ERROR;
    case NBD_OPT_ABORT:
        nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
        return NBD_HANDSHAKE_ABORT;
    default:
        nbd_handshake_refuse(h, NBD_REP_ERR_TLS_REQD,
                             "Option 0x%x not permitted before TLS", h->opt);
        return NBD_HANDSHAKE_MORE;
    }
}

NbdHandshakeResult nbd_handshake_option(NbdHandshake *h, const uint8_t *data,
                                        Error **errp)
{
    NbdReader r = { data, h->len, false };

    if (h->tls == NBD_TLS_REQUIRED) {
        return before_tls(h, errp);
    }
    if (!h->fixed && h->opt != NBD_OPT_EXPORT_NAME) {
        error_setg(errp, "Unsupported option %" PRIu32 " (%s)", h->opt,
                   nbd_opt_name(h->opt));
        return NBD_HANDSHAKE_ERROR;
    }
    switch (h->opt) {
    case NBD_OPT_LIST:
        opt_list(h);
        break;
    case NBD_OPT_ABORT:
        nbd_handshake_reply(h, NBD_REP_ACK, NULL, 0);
        return NBD_HANDSHAKE_ABORT;
    case NBD_OPT_EXPORT_NAME:
        return opt_export_name(h, &r, errp);
    case NBD_OPT_INFO:
    case NBD_OPT_GO:
        return opt_info_go(h, &r);
    case NBD_OPT_STARTTLS:
        return opt_starttls(h);
    case NBD_OPT_STRUCTURED_REPLY:
        opt_structured_reply(h);
        break;
    case NBD_OPT_EXTENDED_HEADERS:
        opt_extended_headers(h);
        break;
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT:
        nbd_handshake_meta(h, &r);
        break;
    default:
        nbd_handshake_refuse(h, NBD_REP_ERR_UNSUP,
                             "Unsupported option %" PRIu32 " (%s)", h->opt,
                             nbd_opt_name(h->opt));
    }
    return NBD_HANDSHAKE_MORE;
}
