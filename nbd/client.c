/*
 * The client's half of the NBD handshake.
 *
 * Everything from the server is hostile: lengths are bounded before anything is
 * read or allocated, and strings are checked for NUL bytes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/client.h"
#include "nbd/client-message.h"

void nbd_server_export_clear(NbdServerExport *info)
{
    g_free(info->name);
    g_free(info->description);
    g_strfreev(info->contexts);
    memset(info, 0, sizeof(*info));
}

/* --- meta contexts --- */

/* A reply's id and name: 1; the end: 0. */
static int coroutine_fn read_context(NbdChannel *ch, uint32_t opt, uint32_t *id,
                                     char **name, Error **errp)
{
    NbdOptReply reply;
    int ret = nbd_co_read_opt_reply(ch, opt, &reply, errp);

    *name = NULL;
    ret = ret < 0 ? ret : nbd_co_check_refusal(ch, &reply, false, errp);
    if (ret <= 0) {
        return ret;
    }
    if (reply.type == NBD_REP_ACK) {
        if (reply.len) {
            error_setg(errp, "Unexpected length to ACK response");
            return -EINVAL;
        }
        return 0;
    }
    if (reply.type != NBD_REP_META_CONTEXT) {
        error_setg(errp, "Unexpected reply type %u (%s), expected %u (%s)",
                   reply.type, nbd_rep_name(reply.type), NBD_REP_META_CONTEXT,
                   nbd_rep_name(NBD_REP_META_CONTEXT));
        return -EINVAL;
    }
    if (reply.len <= 4 || reply.len > 4 + NBD_MAX_STRING) {
        error_setg(errp,
                   "Failed to negotiate meta context, server answered with "
                   "unexpected length %u",
                   reply.len);
        return -EINVAL;
    }
    ret = nbd_co_read_u32(ch, id, "context id", errp);
    ret = ret < 0 ? ret
                  : nbd_co_read_string(ch, name, reply.len - 4, "context name",
                                       errp);
    return ret < 0 ? ret : 1;
}

static int coroutine_fn ask_contexts(NbdChannel *ch, uint32_t opt,
                                     const char *export, const char *query,
                                     Error **errp)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    nbd_add_string(data, export);
    nbd_add_u32(data, query ? 1 : 0);
    if (query) {
        nbd_add_string(data, query);
    }
    return nbd_co_send_option(ch, opt, data, errp);
}

/* Ask for @info->meta_context; no answer is no error. */
static int coroutine_fn set_context(NbdChannel *ch, NbdServerExport *info,
                                    Error **errp)
{
    int ret = ask_contexts(ch, NBD_OPT_SET_META_CONTEXT, info->name,
                           info->meta_context, errp);

    while (ret >= 0) {
        g_autofree char *name = NULL;
        uint32_t id;

        ret = read_context(ch, NBD_OPT_SET_META_CONTEXT, &id, &name, errp);
        if (ret <= 0) {
            break;
        }
        if (strcmp(name, info->meta_context)) {
            error_setg(errp,
                       "Failed to negotiate meta context '%s', server "
                       "answered with different context '%s'",
                       info->meta_context, name);
            ret = -EINVAL;
        } else if (info->has_context) {
            error_setg(errp, "Server answered with more than one context");
            ret = -EINVAL;
        } else {
            info->has_context = true;
            info->context_id = id;
        }
    }
    return ret;
}

static int coroutine_fn list_contexts(NbdChannel *ch, NbdServerExport *info,
                                      Error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int ret = ask_contexts(ch, NBD_OPT_LIST_META_CONTEXT, info->name, NULL,
                           errp);

    while (ret >= 0) {
        char *name;
        uint32_t id;

        ret = read_context(ch, NBD_OPT_LIST_META_CONTEXT, &id, &name, errp);
        if (ret <= 0) {
            break;
        }
        g_ptr_array_add(names, name);
        if (names->len > NBD_MAX_REPLIES) {
            error_setg(errp, "Server answered with too many contexts");
            return -EINVAL;
        }
    }
    if (ret == 0 && names->len) {
        g_ptr_array_add(names, NULL);
        info->contexts = (char **)g_ptr_array_steal(names, NULL);
    }
    return ret;
}

/* --- info and go --- */

static int coroutine_fn read_info_export(NbdChannel *ch, NbdServerExport *info,
                                         uint32_t len, Error **errp)
{
    int ret;

    if (len != 10) {
        error_setg(errp, "remaining export info len %u is unexpected size",
                   len);
        return -EINVAL;
    }
    ret = nbd_co_read_u64(ch, &info->size, "info size", errp);
    return ret < 0 ? ret
                   : nbd_co_read_u16(ch, &info->flags, "info flags", errp);
}

static int coroutine_fn read_info_sizes(NbdChannel *ch, NbdServerExport *info,
                                        uint32_t len, Error **errp)
{
    int ret;

    if (len != 12) {
        error_setg(errp, "remaining export info len %u is unexpected size",
                   len);
        return -EINVAL;
    }
    ret = nbd_co_read_u32(ch, &info->min_block, "info minimum block size",
                          errp);
    if (ret == 0 && !is_power_of_2(info->min_block)) {
        error_setg(errp, "server minimum block size %u is not a power of two",
                   info->min_block);
        return -EINVAL;
    }
    ret = ret < 0 ? ret
                  : nbd_co_read_u32(ch, &info->opt_block,
                                    "info preferred block size", errp);
    if (ret == 0 && (!is_power_of_2(info->opt_block) ||
                     info->opt_block < info->min_block)) {
        error_setg(errp, "server preferred block size %u is not valid",
                   info->opt_block);
        return -EINVAL;
    }
    ret = ret < 0 ? ret
                  : nbd_co_read_u32(ch, &info->max_block,
                                    "info maximum block size", errp);
    if (ret == 0 && info->max_block < info->min_block) {
        error_setg(errp, "server maximum block size %u is not valid",
                   info->max_block);
        return -EINVAL;
    }
    return ret;
}

static int coroutine_fn read_info(NbdChannel *ch, NbdServerExport *info,
                                  uint32_t len, Error **errp)
{
    uint16_t type;
    int ret;

    if (len < 2) {
        error_setg(errp, "NBD_REP_INFO length %u is too short", len);
        return -EINVAL;
    }
    ret = nbd_co_read_u16(ch, &type, "info type", errp);
    len -= 2;
    if (ret < 0) {
        return ret;
    }
    switch (type) {
    case NBD_INFO_EXPORT:
        return read_info_export(ch, info, len, errp);
    case NBD_INFO_BLOCK_SIZE:
        return read_info_sizes(ch, info, len, errp);
    case NBD_INFO_DESCRIPTION:
        g_clear_pointer(&info->description, g_free);
        return nbd_co_read_string(ch, &info->description, len,
                                  "export description", errp);
    default:
        ret = nbd_co_skip(ch, len, errp);
        if (ret < 0) {
            error_prepend(errp, "Failed to read info payload: ");
        }
        return ret;
    }
}

/* NBD_OPT_INFO or _GO: 1, 0 (the server does not know it), -errno. */
static int coroutine_fn ask_info(NbdChannel *ch, uint32_t opt,
                                 NbdServerExport *info, Error **errp)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    NbdOptReply reply;
    int ret;

    nbd_add_string(data, info->name);
    nbd_add_u16(data, info->want_block_sizes);
    if (info->want_block_sizes) {
        nbd_add_u16(data, NBD_INFO_BLOCK_SIZE);
    }
    info->flags = 0;
    ret = nbd_co_send_option(ch, opt, data, errp);
    for (int n = 0; ret >= 0 && n < NBD_MAX_REPLIES; n++) {
        ret = nbd_co_read_opt_reply(ch, opt, &reply, errp);
        ret = ret < 0 ? ret : nbd_co_check_refusal(ch, &reply, false, errp);
        if (ret <= 0) {
            return ret;
        }
        if (reply.type == NBD_REP_INFO) {
            ret = read_info(ch, info, reply.len, errp);
            continue;
        }
        if (reply.type != NBD_REP_ACK) {
            error_setg(errp, "unexpected reply type %u (%s), expected %u (%s)",
                       reply.type, nbd_rep_name(reply.type), NBD_REP_INFO,
                       nbd_rep_name(NBD_REP_INFO));
        } else if (reply.len) {
            error_setg(errp, "server sent invalid NBD_REP_ACK");
        } else if (!info->flags) {
            error_setg(errp, "broken server omitted NBD_INFO_EXPORT");
        } else if (info->min_block && info->size % info->min_block) {
            error_setg(errp,
                       "export size %" PRIu64
                       " is not multiple of minimum block size %u",
                       info->size, info->min_block);
        } else {
            return 1;
        }
        return -EINVAL;
    }
    if (ret >= 0) {
        error_setg(errp, "Server answered with too many replies");
        ret = -EINVAL;
    }
    return ret;
}

/* --- lists --- */

/* The next entry: 1; the end: 0. */
static int coroutine_fn read_list_entry(NbdChannel *ch, char **name,
                                        char **description, Error **errp)
{
    NbdOptReply reply;
    uint32_t len;
    int ret = nbd_co_read_opt_reply(ch, NBD_OPT_LIST, &reply, errp);

    ret = ret < 0 ? ret : nbd_co_check_refusal(ch, &reply, false, errp);
    if (ret < 0) {
        return ret;
    }
    if (ret == 0) {
        error_setg(errp, "Server does not support export lists");
        return -EINVAL;
    }
    if (reply.type == NBD_REP_ACK) {
        if (reply.len) {
            error_setg(errp, "length too long for option end");
            return -EINVAL;
        }
        return 0;
    }
    if (reply.type != NBD_REP_SERVER) {
        error_setg(errp, "Unexpected reply type %u (%s), expected %u (%s)",
                   reply.type, nbd_rep_name(reply.type), NBD_REP_SERVER,
                   nbd_rep_name(NBD_REP_SERVER));
        return -EINVAL;
    }
    if (reply.len < 4 || reply.len > NBD_MAX_BUFFER) {
        error_setg(errp, "incorrect option length %u", reply.len);
        return -EINVAL;
    }
    ret = nbd_co_read_u32(ch, &len, "option name length", errp);
    if (ret == 0 && len > reply.len - 4) {
        error_setg(errp, "incorrect name length in server's list response");
        return -EINVAL;
    }
    ret = ret < 0 ? ret
                  : nbd_co_read_string(ch, name, len, "export name", errp);
    ret = ret < 0 ? ret
                  : nbd_co_read_string(ch, description, reply.len - 4 - len,
                                       "export description", errp);
    return ret < 0 ? ret : 1;
}

/* Does a server that knows no NBD_OPT_GO list our export? */
static int coroutine_fn look_for_name(NbdChannel *ch, const char *wanted,
                                      Error **errp)
{
    bool found = false;
    int ret = nbd_co_send_option(ch, NBD_OPT_LIST, NULL, errp);

    for (int n = 0; ret >= 0 && n < NBD_MAX_REPLIES; n++) {
        g_autofree char *name = NULL, *description = NULL;

        ret = read_list_entry(ch, &name, &description, errp);
        if (ret <= 0) {
            break;
        }
        found |= !strcmp(name, wanted);
    }
    if (ret >= 0 && !found) {
        error_setg(errp, "No export with name '%s' available", wanted);
        nbd_co_send_abort(ch);
        ret = -EINVAL;
    }
    return ret;
}

/* --- the whole --- */

/* Both magics and the server's flags; 0, or 1 for the old style. */
static int coroutine_fn read_greeting(NbdChannel *ch, uint16_t *flags,
                                      Error **errp)
{
    uint8_t out[4];
    uint64_t magic;
    int ret = nbd_co_read_u64(ch, &magic, "initial magic", errp);

    if (ret == 0 && magic != NBD_INIT_MAGIC) {
        error_setg(errp, "Bad initial magic received: 0x%016" PRIx64, magic);
        return -EINVAL;
    }
    ret = ret < 0 ? ret : nbd_co_read_u64(ch, &magic, "server magic", errp);
    if (ret < 0) {
        return ret;
    }
    if (magic == NBD_CLISERV) {
        return 1;
    }
    if (magic != NBD_OPTS_MAGIC) {
        error_setg(errp, "Bad server magic received: 0x%016" PRIx64, magic);
        return -EINVAL;
    }
    ret = nbd_co_read_u16(ch, flags, "server flags", errp);
    if (ret < 0) {
        return ret;
    }
    *flags &= NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES;
    nbd_put32(out, *flags);
    ret = nbd_co_write(ch, out, sizeof(out), errp);
    if (ret < 0) {
        error_prepend(errp, "Failed to send clientflags field: ");
    }
    return ret;
}

/* Nothing but this may come before TLS. */
static int coroutine_fn start_tls(NbdChannel *ch, uint16_t flags,
                                  TlsCreds *creds, const char *hostname,
                                  Error **errp)
{
    int ret;

    if (!(flags & NBD_FLAG_FIXED_NEWSTYLE)) {
        error_setg(errp, "Server does not support STARTTLS");
        return -EINVAL;
    }
    ret = nbd_co_ask_simple(ch, NBD_OPT_STARTTLS, false, errp);
    if (ret == 0) {
        error_setg(errp, "Server don't support STARTTLS option");
        nbd_co_send_abort(ch);
        return -EINVAL;
    }
    return ret < 0 ? ret : nbd_co_channel_start_tls(ch, creds, hostname, errp);
}

/* How replies are to be framed: the best that the server knows. */
static int coroutine_fn ask_mode(NbdChannel *ch, NbdMode *mode, Error **errp)
{
    int ret = nbd_co_ask_simple(ch, NBD_OPT_EXTENDED_HEADERS, true, errp);

    if (ret > 0) {
        *mode = NBD_MODE_EXTENDED;
    } else if (ret == 0) {
        ret = nbd_co_ask_simple(ch, NBD_OPT_STRUCTURED_REPLY, true, errp);
        *mode = ret > 0 ? NBD_MODE_STRUCTURED : NBD_MODE_SIMPLE;
    }
    return MIN(ret, 0);
}

/* The size and flags that follow NBD_OPT_EXPORT_NAME. */
static int coroutine_fn export_name(NbdChannel *ch, NbdServerExport *info,
                                    bool zeroes, Error **errp)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    int ret;

    g_byte_array_append(data, (const uint8_t *)info->name, strlen(info->name));
    ret = nbd_co_send_option(ch, NBD_OPT_EXPORT_NAME, data, errp);
    ret = ret < 0 ? ret
                  : nbd_co_read_u64(ch, &info->size, "export length", errp);
    ret = ret < 0 ? ret
                  : nbd_co_read_u16(ch, &info->flags, "export flags", errp);
    if (ret == 0 && zeroes) {
        ret = nbd_co_skip(ch, 124, errp);
        if (ret < 0) {
            error_prepend(errp, "Failed to read reserved block: ");
        }
    }
    return ret;
}

/* "Oldstyle negotiation": one export without a name. */
static int coroutine_fn negotiate_oldstyle(NbdChannel *ch,
                                           NbdServerExport *info, Error **errp)
{
    uint32_t flags;
    int ret;

    if (*info->name) {
        error_setg(errp, "Server does not support non-empty export names");
        return -EINVAL;
    }
    ret = nbd_co_read_u64(ch, &info->size, "export length", errp);
    ret = ret < 0 ? ret : nbd_co_read_u32(ch, &flags, "export flags", errp);
    if (ret == 0 && (flags & ~0xffffu)) {
        error_setg(errp, "Unexpected export flags %0" PRIx32 "x", flags);
        return -EINVAL;
    }
    ret = ret < 0 ? ret : nbd_co_skip(ch, 124, errp);
    if (ret == 0) {
        info->flags = flags;
    }
    return ret;
}

int coroutine_fn nbd_co_negotiate(NbdChannel *ch, NbdServerExport *info,
                                  Error **errp)
{
    uint16_t flags = 0;
    int ret = read_greeting(ch, &flags, errp);

    info->mode = NBD_MODE_SIMPLE;
    if (ret >= 0 && info->tls) {
        ret = start_tls(ch, flags, info->tls, info->tls_hostname, errp);
    }
    if (ret) {
        return ret < 0 ? ret : negotiate_oldstyle(ch, info, errp);
    }
    if (flags & NBD_FLAG_FIXED_NEWSTYLE) {
        ret = ask_mode(ch, &info->mode, errp);
        if (ret == 0 && info->mode > NBD_MODE_SIMPLE && info->meta_context) {
            ret = set_context(ch, info, errp);
        }
        ret = ret < 0 ? ret : ask_info(ch, NBD_OPT_GO, info, errp);
        if (ret) {
            return MIN(ret, 0);
        }
        ret = look_for_name(ch, info->name, errp);
        if (ret < 0) {
            return ret;
        }
    }
    return export_name(ch, info, !(flags & NBD_FLAG_NO_ZEROES), errp);
}

static int coroutine_fn list_all(NbdChannel *ch, GArray *list, Error **errp)
{
    int ret = nbd_co_send_option(ch, NBD_OPT_LIST, NULL, errp);

    while (ret >= 0) {
        NbdServerExport info = { 0 };

        ret = read_list_entry(ch, &info.name, &info.description, errp);
        if (ret <= 0) {
            nbd_server_export_clear(&info);
            break;
        }
        if (!*info.description) {
            g_clear_pointer(&info.description, g_free);
        }
        g_array_append_val(list, info);
        if (list->len > NBD_MAX_REPLIES) {
            error_setg(errp, "Server lists too many exports");
            return -EINVAL;
        }
    }
    return ret;
}

int coroutine_fn nbd_co_list(NbdChannel *ch, TlsCreds *tls,
                             const char *tls_hostname, NbdServerExport **infos,
                             Error **errp)
{
    g_autoptr(GArray) list = g_array_new(false, true, sizeof(NbdServerExport));
    uint16_t flags = 0;
    NbdMode mode = NBD_MODE_SIMPLE;
    int ret = read_greeting(ch, &flags, errp);

    if (ret >= 0 && tls) {
        ret = start_tls(ch, flags, tls, tls_hostname, errp);
    }
    if (ret == 1) {
        NbdServerExport info = { .name = g_strdup("") };

        g_array_append_val(list, info);
        ret = negotiate_oldstyle(ch, &g_array_index(list, NbdServerExport, 0),
                                 errp);
        goto out;
    }
    if (ret == 0 && !(flags & NBD_FLAG_FIXED_NEWSTYLE)) {
        error_setg(errp, "Server does not support export lists");
        ret = -EINVAL;
    }
    ret = ret < 0 ? ret : ask_mode(ch, &mode, errp);
    ret = ret < 0 ? ret : list_all(ch, list, errp);
    for (unsigned i = 0; ret >= 0 && i < list->len; i++) {
        NbdServerExport *info = &g_array_index(list, NbdServerExport, i);

        info->mode = mode;
        info->want_block_sizes = true;
        ret = ask_info(ch, NBD_OPT_INFO, info, errp);
        if (ret > 0 && mode > NBD_MODE_SIMPLE) {
            ret = list_contexts(ch, info, errp);
        }
    }
    nbd_co_send_abort(ch);
out:
    if (ret < 0) {
        for (unsigned i = 0; i < list->len; i++) {
            nbd_server_export_clear(&g_array_index(list, NbdServerExport, i));
        }
        return ret;
    }
    ret = list->len;
    *infos = (NbdServerExport *)g_array_free(g_steal_pointer(&list), false);
    return ret;
}
