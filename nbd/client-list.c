/*
 * Asking a server for its exports ("NBD_OPT_LIST", "NBD_OPT_INFO",
 * "NBD_OPT_LIST_META_CONTEXT"), with simple calls that wait.
 *
 * Answers are bounded: so many exports, so many bytes each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/client-list.h"

#include <poll.h>
#include <sys/socket.h>

#include "util/cutils.h"

#define MAX_EXPORTS  10000
#define MAX_CONTEXTS 10000

typedef struct Client {
    int fd;
    TlsSession *tls; /* NULL: plain */
    NbdMode mode;
} Client;

/* --- bytes --- */

static bool wait_for(Client *c, short events, Error **errp)
{
    struct pollfd pfd = { .fd = c->fd, .events = events };

    if (RETRY_ON_EINTR(poll(&pfd, 1, -1)) < 0) {
        error_setg_errno(errp, errno, "Failed to wait for the server");
        return false;
    }
    return true;
}

static bool recv_all(Client *c, void *buf, size_t len, const char *what,
                     Error **errp)
{
    uint8_t *p = buf;

    while (len) {
        ssize_t n = c->tls ? tls_session_read(c->tls, p, len)
                           : RETRY_ON_EINTR(recv(c->fd, p, len, 0));

        if (c->tls && n == -EAGAIN) {
            if (!wait_for(c, POLLIN, errp)) {
                return false;
            }
            continue;
        }
        if (n <= 0) {
            error_setg(errp, "Failed to read %s: %s", what,
                       n ? strerror(c->tls ? -n : errno)
                         : "Unexpected end-of-file before all data were read");
            return false;
        }
        p += n;
        len -= n;
    }
    return true;
}

static bool send_all(Client *c, const void *buf, size_t len, Error **errp)
{
    struct iovec iov = { (void *)buf, len };

    while (iov.iov_len) {
        ssize_t n = c->tls ? tls_session_writev(c->tls, &iov, 1)
                           : RETRY_ON_EINTR(send(c->fd, iov.iov_base,
                                                 iov.iov_len, MSG_NOSIGNAL));

        if (c->tls && n == -EAGAIN) {
            if (!wait_for(c, POLLOUT, errp)) {
                return false;
            }
            continue;
        }
        if (n < 0) {
            error_setg_errno(errp, c->tls ? -n : errno,
                             "Failed to send option request");
            return false;
        }
        iov.iov_base = (uint8_t *)iov.iov_base + n;
        iov.iov_len -= n;
    }
    return true;
}

/* --- options and their replies --- */

static bool send_option(Client *c, uint32_t opt, const void *data, size_t len,
                        Error **errp)
{
    g_autofree uint8_t *buf = g_malloc(NBD_OPTION_LEN + len);

    nbd_put64(buf, NBD_OPTS_MAGIC);
    nbd_put32(buf + 8, opt);
    nbd_put32(buf + 12, len);
    if (len) {
        memcpy(buf + NBD_OPTION_LEN, data, len);
    }
    return send_all(c, buf, NBD_OPTION_LEN + len, errp);
}

typedef struct Reply {
    uint32_t type;
    GByteArray *data;
} Reply;

static void reply_clear(Reply *r)
{
    g_byte_array_unref(r->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reply, reply_clear)

/* The next reply to @opt into @r, whose data array exists. */
static bool recv_reply(Client *c, uint32_t opt, Reply *r, Error **errp)
{
    uint8_t head[NBD_OPT_REP_LEN];
    uint32_t len;

    if (!recv_all(c, head, sizeof(head), "option reply", errp)) {
        return false;
    }
    if (nbd_get64(head) != NBD_REP_MAGIC) {
        error_setg(errp, "Unexpected option reply magic");
        return false;
    }
    if (nbd_get32(head + 8) != opt) {
        error_setg(errp, "Unexpected option type %u (%s), expected %u (%s)",
                   nbd_get32(head + 8), nbd_opt_name(nbd_get32(head + 8)), opt,
                   nbd_opt_name(opt));
        return false;
    }
    r->type = nbd_get32(head + 12);
    len = nbd_get32(head + 16);
    if (len > 3 * NBD_MAX_STRING) {
        error_setg(errp, "option reply is too long");
        return false;
    }
    g_byte_array_set_size(r->data, len);
    return recv_all(c, r->data->data, len, "option reply", errp);
}

/* Skip to the end of the replies: 1 for ACK, 0 for an error reply of the
 * server, whose text goes to @errp if @must; -1 and @errp. */
static int ack(Client *c, uint32_t opt, bool must, Error **errp)
{
    ERRP_GUARD();
    g_auto(Reply) r = { .data = g_byte_array_new() };

    if (!recv_reply(c, opt, &r, errp)) {
        return -1;
    }
    if (r.type == NBD_REP_ACK) {
        return 1;
    }
    if (!NBD_REP_IS_ERR(r.type)) {
        error_setg(errp, "Unexpected reply type 0x%x, expected 0x%x", r.type,
                   NBD_REP_ACK);
        return -1;
    }
    if (must) {
        error_setg(errp, "Denied by server for option %u (%s)", opt,
                   nbd_opt_name(opt));
        if (r.data->len) {
            error_append_hint(errp, "server reported: %.*s\n", (int)r.data->len,
                              r.data->data);
        }
    }
    return 0;
}

static bool greet(Client *c, Error **errp)
{
    uint8_t greeting[NBD_GREETING_LEN], flags[4];

    if (!recv_all(c, greeting, 16, "initial magic", errp)) {
        return false;
    }
    if (nbd_get64(greeting) != NBD_INIT_MAGIC) {
        error_setg(errp, "Bad initial magic received: 0x%" PRIx64,
                   nbd_get64(greeting));
        return false;
    }
    if (nbd_get64(greeting + 8) != NBD_OPTS_MAGIC) {
        error_setg(errp, "Bad server magic received: 0x%" PRIx64,
                   nbd_get64(greeting + 8));
        return false;
    }
    if (!recv_all(c, greeting + 16, 2, "server flags", errp)) {
        return false;
    }
    if (!(nbd_get16(greeting + 16) & NBD_FLAG_FIXED_NEWSTYLE)) {
        error_setg(errp, "Server does not support fixed newstyle");
        return false;
    }
    nbd_put32(flags, nbd_get16(greeting + 16) &
                         (NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES));
    return send_all(c, flags, 4, errp);
}

static bool start_tls(Client *c, TlsCreds *creds, const char *hostname,
                      Error **errp)
{
    TlsHandshakeStatus status;

    if (!send_option(c, NBD_OPT_STARTTLS, NULL, 0, errp) ||
        ack(c, NBD_OPT_STARTTLS, true, errp) != 1) {
        return false;
    }
    c->tls = tls_session_new(creds, c->fd, hostname, errp);
    if (!c->tls) {
        return false;
    }
    while ((status = tls_session_handshake(c->tls, errp)) !=
           TLS_HANDSHAKE_DONE) {
        if (status == TLS_HANDSHAKE_FAILED ||
            !wait_for(c, status == TLS_HANDSHAKE_READING ? POLLIN : POLLOUT,
                      errp)) {
            return false;
        }
    }
    return true;
}

static bool choose_mode(Client *c, Error **errp)
{
    static const struct {
        uint32_t opt;
        NbdMode mode;
    } modes[] = {
        { NBD_OPT_EXTENDED_HEADERS, NBD_MODE_EXTENDED },
        { NBD_OPT_STRUCTURED_REPLY, NBD_MODE_STRUCTURED },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        int ret;

        if (!send_option(c, modes[i].opt, NULL, 0, errp)) {
            return false;
        }
        ret = ack(c, modes[i].opt, false, errp);
        if (ret) {
            c->mode = modes[i].mode;
            return ret > 0;
        }
    }
    return true;
}

/* --- questions --- */

static void listed_free(void *opaque)
{
    NbdListed *l = opaque;

    g_free(l->name);
    g_free(l->description);
    g_ptr_array_unref(l->contexts);
    g_free(l);
}

static bool add_export(GPtrArray *list, const GByteArray *data, Error **errp)
{
    uint32_t len = data->len >= 4 ? nbd_get32(data->data) : 0;
    NbdListed *l;

    if (data->len < 4 || len > data->len - 4 || len > NBD_MAX_STRING) {
        error_setg(errp, "incorrect name length in option list");
        return false;
    }
    if (list->len >= MAX_EXPORTS) {
        error_setg(errp, "too many exports");
        return false;
    }
    l = g_new0(NbdListed, 1);
    l->name = g_strndup((char *)data->data + 4, len);
    if (data->len > 4 + len) {
        l->description = g_strndup((char *)data->data + 4 + len,
                                   data->len - 4 - len);
    }
    l->contexts = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(list, l);
    return true;
}

static bool ask_names(Client *c, GPtrArray *list, Error **errp)
{
    g_auto(Reply) r = { .data = g_byte_array_new() };

    if (!send_option(c, NBD_OPT_LIST, NULL, 0, errp)) {
        return false;
    }
    for (;;) {
        if (!recv_reply(c, NBD_OPT_LIST, &r, errp)) {
            return false;
        }
        if (r.type == NBD_REP_ACK) {
            return true;
        }
        if (NBD_REP_IS_ERR(r.type)) {
            error_setg(errp, "Server refused to list exports: %.*s",
                       (int)r.data->len, r.data->data);
            return false;
        }
        if (r.type != NBD_REP_SERVER) {
            error_setg(errp, "Unexpected reply type 0x%x", r.type);
            return false;
        }
        if (!add_export(list, r.data, errp)) {
            return false;
        }
    }
}

/* @n: 16 bit words behind the name (INFO), or one of 32 bits (contexts). */
static GByteArray *name_payload(const char *name, const void *tail, size_t n)
{
    GByteArray *a = g_byte_array_new();
    uint8_t len[4];

    nbd_put32(len, strlen(name));
    g_byte_array_append(a, len, 4);
    g_byte_array_append(a, (const uint8_t *)name, strlen(name));
    g_byte_array_append(a, tail, n);
    return a;
}

static void take_info(NbdListed *l, const GByteArray *d)
{
    uint16_t type = d->len >= 2 ? nbd_get16(d->data) : UINT16_MAX;

    if (type == NBD_INFO_EXPORT && d->len == 12) {
        l->has_info = true;
        l->size = nbd_get64(d->data + 2);
        l->flags = nbd_get16(d->data + 10);
    } else if (type == NBD_INFO_BLOCK_SIZE && d->len == 14) {
        l->min_block = nbd_get32(d->data + 2);
        l->opt_block = nbd_get32(d->data + 6);
        l->max_block = nbd_get32(d->data + 10);
    } else if (type == NBD_INFO_DESCRIPTION) {
        g_free(l->description);
        l->description = g_strndup((char *)d->data + 2, d->len - 2);
    }
}

static bool ask_info(Client *c, NbdListed *l, Error **errp)
{
    static const uint8_t wishes[] = { 0, 2,
                                      0, NBD_INFO_BLOCK_SIZE,
                                      0, NBD_INFO_DESCRIPTION };
    g_autoptr(GByteArray) q = name_payload(l->name, wishes, sizeof(wishes));
    g_auto(Reply) r = { .data = g_byte_array_new() };

    if (!send_option(c, NBD_OPT_INFO, q->data, q->len, errp)) {
        return false;
    }
    do {
        if (!recv_reply(c, NBD_OPT_INFO, &r, errp)) {
            return false;
        }
        if (r.type == NBD_REP_INFO) {
            take_info(l, r.data);
        }
    } while (r.type != NBD_REP_ACK && !NBD_REP_IS_ERR(r.type));
    return true;
}

static bool ask_contexts(Client *c, NbdListed *l, Error **errp)
{
    static const uint8_t all[] = { 0, 0, 0, 0 };
    g_autoptr(GByteArray) q = name_payload(l->name, all, sizeof(all));
    g_auto(Reply) r = { .data = g_byte_array_new() };

    if (!send_option(c, NBD_OPT_LIST_META_CONTEXT, q->data, q->len, errp)) {
        return false;
    }
    do {
        if (!recv_reply(c, NBD_OPT_LIST_META_CONTEXT, &r, errp)) {
            return false;
        }
        if (r.type == NBD_REP_META_CONTEXT && r.data->len > 4 &&
            l->contexts->len < MAX_CONTEXTS) {
            g_ptr_array_add(l->contexts, g_strndup((char *)r.data->data + 4,
                                                   r.data->len - 4));
        }
    } while (r.type != NBD_REP_ACK && !NBD_REP_IS_ERR(r.type));
    return true;
}

static bool ask(Client *c, GPtrArray *list, Error **errp)
{
    if (!choose_mode(c, errp) || !ask_names(c, list, errp)) {
        return false;
    }
    for (guint i = 0; i < list->len; i++) {
        NbdListed *l = list->pdata[i];

        l->mode = c->mode;
        if (!ask_info(c, l, errp) ||
            (c->mode >= NBD_MODE_STRUCTURED && !ask_contexts(c, l, errp))) {
            return false;
        }
    }
    send_option(c, NBD_OPT_ABORT, NULL, 0, NULL);
    return true;
}

GPtrArray *nbd_client_list(int fd, TlsCreds *creds, const char *hostname,
                           Error **errp)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(listed_free);
    Client c = { .fd = fd };

    if (!greet(&c, errp) || (creds && !start_tls(&c, creds, hostname, errp)) ||
        !ask(&c, list, errp)) {
        g_clear_pointer(&list, g_ptr_array_unref);
    }
    if (c.tls) {
        tls_session_bye(c.tls);
        tls_session_free(c.tls);
    }
    return list;
}
