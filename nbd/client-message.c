/*
 * The client's half of the NBD handshake: options, and the replies to them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/client-message.h"

const char *nbd_rep_name(uint32_t type)
{
    static const char *const good[] = {
        [NBD_REP_ACK] = "ack",
        [NBD_REP_SERVER] = "server",
        [NBD_REP_INFO] = "info",
        [NBD_REP_META_CONTEXT] = "meta context",
    };
    static const char *const bad[] = {
        [1] = "unsupported",
        [2] = "denied by policy",
        [3] = "invalid",
        [4] = "platform lacks support",
        [5] = "TLS required",
        [6] = "export unknown",
        [7] = "server shutting down",
        [8] = "block size required",
        [9] = "option payload too big",
        [10] = "extended headers required",
    };
    uint32_t n = type & ~(1u << 31);

    if (NBD_REP_IS_ERR(type)) {
        return n < G_N_ELEMENTS(bad) && bad[n] ? bad[n] : "<unknown>";
    }
    return n < G_N_ELEMENTS(good) && good[n] ? good[n] : "<unknown>";
}

/* --- pieces of messages --- */

/* @what: for the message "Failed to read @what". */
int coroutine_fn nbd_co_read_item(NbdChannel *ch, void *buf, size_t len,
                                  const char *what, Error **errp)
{
    int ret = nbd_co_read(ch, buf, len, errp);

    if (ret < 0) {
        error_prepend(errp, "Failed to read %s: ", what);
    }
    return ret;
}

int coroutine_fn nbd_co_read_u16(NbdChannel *ch, uint16_t *value,
                                 const char *what, Error **errp)
{
    uint8_t buf[2];
    int ret = nbd_co_read_item(ch, buf, sizeof(buf), what, errp);

    *value = ret < 0 ? 0 : nbd_get16(buf);
    return ret;
}

int coroutine_fn nbd_co_read_u32(NbdChannel *ch, uint32_t *value,
                                 const char *what, Error **errp)
{
    uint8_t buf[4];
    int ret = nbd_co_read_item(ch, buf, sizeof(buf), what, errp);

    *value = ret < 0 ? 0 : nbd_get32(buf);
    return ret;
}

int coroutine_fn nbd_co_read_u64(NbdChannel *ch, uint64_t *value,
                                 const char *what, Error **errp)
{
    uint8_t buf[8];
    int ret = nbd_co_read_item(ch, buf, sizeof(buf), what, errp);

    *value = ret < 0 ? 0 : nbd_get64(buf);
    return ret;
}

/* A string of @len bytes (at most NBD_MAX_STRING) on the heap. */
int coroutine_fn nbd_co_read_string(NbdChannel *ch, char **str, uint32_t len,
                                    const char *what, Error **errp)
{
    g_autofree char *s = NULL;
    int ret;

    *str = NULL;
    if (len > NBD_MAX_STRING) {
        error_setg(errp, "%s too long", what);
        return -EINVAL;
    }
    s = g_malloc(len + 1);
    ret = nbd_co_read_item(ch, s, len, what, errp);
    if (ret < 0) {
        return ret;
    }
    s[len] = 0;
    if (strlen(s) != len) {
        error_setg(errp, "%s contains a NUL byte", what);
        return -EINVAL;
    }
    *str = g_steal_pointer(&s);
    return 0;
}

/* Read @len bytes that nobody wants. */
int coroutine_fn nbd_co_skip(NbdChannel *ch, uint32_t len, Error **errp)
{
    char buf[1024];
    int ret = 0;

    while (len && ret == 0) {
        uint32_t n = MIN(len, sizeof(buf));

        ret = nbd_co_read(ch, buf, n, errp);
        len -= n;
    }
    return ret;
}

/* --- options --- */

int coroutine_fn nbd_co_send_option(NbdChannel *ch, uint32_t opt,
                                    const GByteArray *data, Error **errp)
{
    uint8_t head[NBD_OPTION_LEN];
    int ret;

    nbd_put64(head, NBD_OPTS_MAGIC);
    nbd_put32(head + 8, opt);
    nbd_put32(head + 12, data ? data->len : 0);
    ret = nbd_co_write(ch, head, sizeof(head), errp);
    if (ret < 0) {
        error_prepend(errp, "Failed to send option request header: ");
        return ret;
    }
    if (data && data->len) {
        ret = nbd_co_write(ch, data->data, data->len, errp);
        if (ret < 0) {
            error_prepend(errp, "Failed to send option request data: ");
        }
    }
    return ret;
}

/* The server may be told that we leave; it matters to nobody if it hears. */
void coroutine_fn nbd_co_send_abort(NbdChannel *ch)
{
    nbd_co_send_option(ch, NBD_OPT_ABORT, NULL, NULL);
}

int coroutine_fn nbd_co_read_opt_reply(NbdChannel *ch, uint32_t opt,
                                       NbdOptReply *reply, Error **errp)
{
    uint8_t buf[NBD_OPT_REP_LEN];
    int ret = nbd_co_read_item(ch, buf, sizeof(buf), "option reply", errp);

    if (ret < 0) {
        return ret;
    }
    reply->opt = nbd_get32(buf + 8);
    reply->type = nbd_get32(buf + 12);
    reply->len = nbd_get32(buf + 16);
    if (nbd_get64(buf) != NBD_REP_MAGIC) {
        error_setg(errp, "Unexpected option reply magic");
        ret = -EINVAL;
    } else if (reply->opt != opt) {
        error_setg(errp, "Unexpected option type %u (%s), expected %u (%s)",
                   reply->opt, nbd_opt_name(reply->opt), opt,
                   nbd_opt_name(opt));
        ret = -EINVAL;
    }
    return ret;
}

/* What a refusal means, in the words of the person who gave the option. */
static void set_refusal(const NbdOptReply *reply, Error **errp)
{
    uint32_t opt = reply->opt;
    const char *name = nbd_opt_name(opt);

    switch (reply->type) {
    case NBD_REP_ERR_POLICY:
        error_setg(errp, "Denied by server for option %u (%s)", opt, name);
        break;
    case NBD_REP_ERR_INVALID:
        error_setg(errp, "Invalid parameters for option %u (%s)", opt, name);
        break;
    case NBD_REP_ERR_PLATFORM:
        error_setg(errp, "Server lacks support for option %u (%s)", opt, name);
        break;
    case NBD_REP_ERR_TLS_REQD:
        error_setg(errp, "TLS negotiation required before option %u (%s)", opt,
                   name);
        error_append_hint(errp, "Did you forget a valid tls-creds?\n");
        break;
    case NBD_REP_ERR_UNKNOWN:
        error_setg(errp, "Requested export not available");
        break;
    case NBD_REP_ERR_SHUTDOWN:
        error_setg(errp, "Server shutting down before option %u (%s)", opt,
                   name);
        break;
    case NBD_REP_ERR_BLOCK_SIZE_REQD:
        error_setg(errp, "Server requires INFO_BLOCK_SIZE for option %u (%s)",
                   opt, name);
        break;
    default:
        error_setg(errp, "Unknown error code when asking for option %u (%s)",
                   opt, name);
    }
}

/*
 * 1: the reply is none of an error. 0: one that lets us go on without the
 * option (unsupported; with @lenient any), its text read. Or -errno, @errp.
 */
int coroutine_fn nbd_co_check_refusal(NbdChannel *ch, const NbdOptReply *reply,
                                      bool lenient, Error **errp)
{
    g_autofree char *text = NULL;
    int ret;

    if (!NBD_REP_IS_ERR(reply->type)) {
        return 1;
    }
    if (reply->len > NBD_MAX_STRING) {
        error_setg(errp, "server error %u (%s) message is too long",
                   reply->type, nbd_rep_name(reply->type));
        return -EINVAL;
    }
    text = g_malloc0(reply->len + 1);
    ret = nbd_co_read(ch, text, reply->len, errp);
    if (ret < 0) {
        error_prepend(errp, "Failed to read option error %u (%s) message: ",
                      reply->type, nbd_rep_name(reply->type));
        return ret;
    }
    if (lenient || reply->type == NBD_REP_ERR_UNSUP) {
        return 0;
    }
    set_refusal(reply, errp);
    if (*text) {
        g_autofree char *plain = g_strescape(text, NULL);

        error_append_hint(errp, "server reported: %s\n", plain);
    }
    nbd_co_send_abort(ch);
    return -EINVAL;
}

/* An option without data, answered yes (1) or no (0). */
int coroutine_fn nbd_co_ask_simple(NbdChannel *ch, uint32_t opt, bool lenient,
                                   Error **errp)
{
    NbdOptReply reply;
    int ret = nbd_co_send_option(ch, opt, NULL, errp);

    ret = ret < 0 ? ret : nbd_co_read_opt_reply(ch, opt, &reply, errp);
    ret = ret < 0 ? ret : nbd_co_check_refusal(ch, &reply, lenient, errp);
    if (ret <= 0) {
        return ret;
    }
    if (reply.type != NBD_REP_ACK) {
        error_setg(errp,
                   "Server answered option %d (%s) with unexpected reply %u "
                   "(%s)",
                   opt, nbd_opt_name(opt), reply.type,
                   nbd_rep_name(reply.type));
        return -EINVAL;
    }
    if (reply.len) {
        error_setg(errp,
                   "Option %d ('%s') response length is %u (it should be zero)",
                   opt, nbd_opt_name(opt), reply.len);
        return -EINVAL;
    }
    return 1;
}

void nbd_add_u16(GByteArray *a, uint16_t v)
{
    uint8_t b[2];

    nbd_put16(b, v);
    g_byte_array_append(a, b, sizeof(b));
}

void nbd_add_u32(GByteArray *a, uint32_t v)
{
    uint8_t b[4];

    nbd_put32(b, v);
    g_byte_array_append(a, b, sizeof(b));
}

void nbd_add_string(GByteArray *a, const char *s)
{
    nbd_add_u32(a, strlen(s));
    g_byte_array_append(a, (const uint8_t *)s, strlen(s));
}
