/*
 * Names and options of nbd nodes: "nbd:HOST:PORT", "nbd:unix:PATH",
 * "nbd://HOST:PORT/EXPORT", "nbd+unix:///EXPORT?socket=PATH", server.*, and the
 * older host, port and path.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/tls-creds.h"
#include "block/nbd.h"
#include "io/socket.h"
#include "nbd/protocol.h"
#include "qapi/qapi-visit-sockets.h"
#include "qapi/qobject-input-visitor.h"

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)

#define EXPORT_NAME ":exportname="

/* The value of "socket" if that is all that @query says. */
static char *socket_of_query(const char *query)
{
    g_autoptr(GHashTable) params =
        query ? g_uri_parse_params(query, -1, "&;", G_URI_PARAMS_NONE, NULL)
              : NULL;

    if (!params || g_hash_table_size(params) != 1) {
        return NULL;
    }
    return g_strdup(g_hash_table_lookup(params, "socket"));
}

static bool put_inet(QDict *options, const char *host, const char *port)
{
    qdict_put_str(options, "server.type", "inet");
    qdict_put_str(options, "server.host", host);
    qdict_put_str(options, "server.port", port);
    return true;
}

static bool parse_uri(const char *filename, QDict *options)
{
    g_autoptr(GUri) uri = g_uri_parse(filename, G_URI_FLAGS_NONE, NULL);
    g_autofree char *path = NULL;
    const char *scheme, *export, *host;
    bool is_unix;
    int port;

    if (!uri) {
        return false;
    }
    scheme = g_uri_get_scheme(uri);
    is_unix = !strcmp(scheme, "nbd+unix");
    if (!is_unix && strcmp(scheme, "nbd") && strcmp(scheme, "nbd+tcp")) {
        return false;
    }
    export = g_uri_get_path(uri) ?: "";
    export += *export == '/';
    if (*export) {
        qdict_put_str(options, "export", export);
    }
    host = g_uri_get_host(uri);
    port = g_uri_get_port(uri);
    if (!is_unix) {
        g_autofree char *number = g_strdup_printf(
            "%d", port > 0 ? port : NBD_DEFAULT_PORT);

        return host && *host && !g_uri_get_query(uri) &&
               put_inet(options, host, number);
    }
    path = socket_of_query(g_uri_get_query(uri));
    if (!path || (host && *host) || port > 0) {
        return false;
    }
    qdict_put_str(options, "server.type", "unix");
    qdict_put_str(options, "server.path", path);
    return true;
}

void nbd_parse_filename(const char *filename, QDict *options, Error **errp)
{
    static const char *const own[] = { "host", "port", "path" };
    g_autofree char *spec = NULL;
    const char *rest;
    const QDictEntry *e;
    char *name;

    for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
        if (qdict_haskey(options, own[i])) {
            error_setg(errp, "Option '%s' cannot be used with a file name",
                       own[i]);
            return;
        }
    }
    QDICT_FOREACH(options, e) {
        if (g_str_has_prefix(qdict_entry_key(e), "server.")) {
            error_setg(errp, "Option '%s' cannot be used with a file name",
                       qdict_entry_key(e));
            return;
        }
    }
    if (strstr(filename, "://")) {
        if (!parse_uri(filename, options)) {
            error_setg(errp, "No valid URL specified");
        }
        return;
    }
    if (!g_str_has_prefix(filename, "nbd:")) {
        error_setg(errp, "File name string for NBD must start with 'nbd:'");
        return;
    }
    spec = g_strdup(filename + strlen("nbd:"));
    name = strstr(spec, EXPORT_NAME);
    if (name) {
        if (name[strlen(EXPORT_NAME)]) {
            qdict_put_str(options, "export", name + strlen(EXPORT_NAME));
        }
        *name = '\0';
    }
    if (!*spec) {
        return; /* the options may have it */
    }
    if (g_str_has_prefix(spec, "unix:")) {
        rest = spec + strlen("unix:");
        qdict_put_str(options, "server.type", "unix");
        qdict_put_str(options, "server.path", rest);
    } else {
        g_autoptr(SocketAddress) addr = inet_parse_address(spec, errp);

        if (addr) {
            put_inet(options, addr->u.inet.host, addr->u.inet.port);
        }
    }
}

/* host, port and path become server.*. */
static bool take_legacy(QDict *options, Error **errp)
{
    g_autofree char *path = bdrv_take_str(options, "path");
    g_autofree char *host = bdrv_take_str(options, "host");
    g_autofree char *port = bdrv_take_str(options, "port");
    const QDictEntry *e;
    bool has_server = false;

    QDICT_FOREACH(options, e) {
        has_server |= g_str_has_prefix(qdict_entry_key(e), "server.");
    }
    if (path && host) {
        error_setg(errp, "path and host may not be used at the same time");
        return false;
    }
    if (has_server && (path || host || port)) {
        error_setg(errp, "Cannot use 'server' and path/host/port at the same "
                         "time");
        return false;
    }
    if (path) {
        if (port) {
            error_setg(errp, "port may not be used without host");
            return false;
        }
        qdict_put_str(options, "server.type", "unix");
        qdict_put_str(options, "server.path", path);
    } else if (host) {
        put_inet(options, host, port ?: STRINGIFY(NBD_DEFAULT_PORT));
    }
    return true;
}

/* server.* as an address, which @options does not have any more. */
static SocketAddress *take_server(QDict *options, Error **errp)
{
    g_autoptr(QDict) server = NULL;
    SocketAddress *addr = NULL;
    Visitor *v;

    qdict_extract_subqdict(options, &server, "server.");
    if (!qdict_size(server)) {
        error_setg(errp, "NBD server address missing");
        return NULL;
    }
    v = qobject_input_visitor_new_flat_confused(server, errp);
    if (v) {
        visit_type_SocketAddress(v, NULL, &addr, errp);
        visit_free(v);
    }
    return addr;
}

bool nbd_take_options(NbdState *s, QDict *options, Error **errp)
{
    NbdClientOptions *o = &s->options;

    if (!take_legacy(options, errp) ||
        !bdrv_take_number(options, "reconnect-delay", &o->reconnect_delay,
                          errp) ||
        !bdrv_take_number(options, "open-timeout", &o->open_timeout, errp)) {
        return false;
    }
    s->addr = take_server(options, errp);
    if (!s->addr) {
        return false;
    }
    s->export_name = bdrv_take_str(options, "export") ?: g_strdup("");
    s->dirty_bitmap = bdrv_take_str(options, "x-dirty-bitmap");
    s->tls_creds = bdrv_take_str(options, "tls-creds");
    s->tls_hostname = bdrv_take_str(options, "tls-hostname");
    if (strlen(s->export_name) > NBD_MAX_STRING) {
        error_setg(errp, "export name too long to send to server");
        return false;
    }
    if (s->dirty_bitmap && strlen(s->dirty_bitmap) > NBD_MAX_STRING) {
        error_setg(errp, "x-dirty-bitmap query too long to send to server");
        return false;
    }
    if (s->tls_creds) {
        o->tls = tls_creds_lookup(s->tls_creds, false, errp);
        if (!o->tls) {
            return false;
        }
        o->tls_hostname = s->tls_hostname;
        if (!o->tls_hostname && s->addr->type == SOCKET_ADDRESS_TYPE_INET) {
            o->tls_hostname = s->addr->u.inet.host;
        }
    }
    o->addr = s->addr;
    o->export_name = s->export_name;
    o->meta_context = s->dirty_bitmap ?: NBD_META_BASE_ALLOCATION;
    return true;
}

void nbd_free_options(NbdState *s)
{
    qapi_free_SocketAddress(s->addr);
    g_free(s->export_name);
    g_free(s->dirty_bitmap);
    g_free(s->tls_creds);
    g_free(s->tls_hostname);
    tls_creds_unref(s->options.tls);
}

/* The shortest name that leads to the same export; other options than its
 * address it does not tell. */
void nbd_refresh_filename(BlockDriverState *bs)
{
    const NbdState *s = bs->opaque;
    const SocketAddress *a = s->addr;
    char *name = NULL;

    if (a->type == SOCKET_ADDRESS_TYPE_UNIX) {
        name = *s->export_name
                   ? g_strdup_printf("nbd+unix:///%s?socket=%s", s->export_name,
                                     a->u.q_unix.path)
                   : g_strdup_printf("nbd+unix://?socket=%s", a->u.q_unix.path);
    } else if (a->type == SOCKET_ADDRESS_TYPE_INET) {
        name = *s->export_name
                   ? g_strdup_printf("nbd://%s:%s/%s", a->u.inet.host,
                                     a->u.inet.port, s->export_name)
                   : g_strdup_printf("nbd://%s:%s", a->u.inet.host,
                                     a->u.inet.port);
    }
    if (name) {
        g_free(bs->exact_filename);
        bs->exact_filename = name;
    }
}
