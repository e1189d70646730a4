/*
 * The socket back end: options and texts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-socket.h"
#include "qobject/qdict.h"
#include "util/error-report.h"

/* --- options --- */

static bool parse_flags(QDict *opts, ChardevSocket *sock, Error **errp)
{
    bool server = false;
    bool delay = true;
    bool has_delay = false;

    if (!char_opt_bool(opts, "server", NULL, &server, errp) ||
        !char_opt_bool(opts, "delay", &has_delay, &delay, errp) ||
        !char_opt_bool(opts, "nodelay", &sock->has_nodelay, &sock->nodelay,
                       errp) ||
        !char_opt_bool(opts, "telnet", &sock->has_telnet, &sock->telnet,
                       errp) ||
        !char_opt_bool(opts, "tn3270", &sock->has_tn3270, &sock->tn3270,
                       errp) ||
        !char_opt_bool(opts, "websocket", &sock->has_websocket,
                       &sock->websocket, errp) ||
        !char_opt_bool(opts, "wait", &sock->has_wait, &sock->wait, errp) ||
        !char_opt_int(opts, "reconnect", &sock->has_reconnect, &sock->reconnect,
                      errp) ||
        !char_opt_int(opts, "reconnect-ms", &sock->has_reconnect_ms,
                      &sock->reconnect_ms, errp)) {
        return false;
    }
    if (has_delay && !sock->has_nodelay) {
        sock->has_nodelay = true;
        sock->nodelay = !delay;
    }
    sock->has_server = true;
    sock->server = server;
    if (server && !sock->has_wait) {
        sock->has_wait = true;
        sock->wait = true;
    }
    sock->tls_creds = qdict_take_str(opts, "tls-creds");
    sock->tls_authz = qdict_take_str(opts, "tls-authz");
    return true;
}

static bool parse_unix(QDict *opts, SocketAddressLegacy *addr, char *path,
                       Error **errp)
{
    UnixSocketAddress *un = g_new0(UnixSocketAddress, 1);

    addr->type = SOCKET_ADDRESS_TYPE_UNIX;
    addr->u.q_unix.data = un;
    un->path = path;
    un->tight = true;
    un->has_tight = un->has_abstract = true;
    return char_opt_bool(opts, "abstract", NULL, &un->abstract, errp) &&
           char_opt_bool(opts, "tight", NULL, &un->tight, errp);
}

static bool parse_inet(QDict *opts, SocketAddressLegacy *addr, char *host,
                       char *port, Error **errp)
{
    InetSocketAddress *inet = g_new0(InetSocketAddress, 1);
    int64_t to = 0;

    addr->type = SOCKET_ADDRESS_TYPE_INET;
    addr->u.inet.data = inet;
    inet->host = host;
    inet->port = port;
    if (!char_opt_int(opts, "to", &inet->has_to, &to, errp)) {
        return false;
    }
    inet->to = MIN(to, UINT16_MAX);
    return char_opt_bool(opts, "ipv4", &inet->has_ipv4, &inet->ipv4, errp) &&
           char_opt_bool(opts, "ipv6", &inet->has_ipv6, &inet->ipv6, errp);
}

static bool parse_address(QDict *opts, SocketAddressLegacy *addr, Error **errp)
{
    g_autofree char *path = qdict_take_str(opts, "path");
    g_autofree char *host = qdict_take_str(opts, "host");
    g_autofree char *port = qdict_take_str(opts, "port");
    g_autofree char *fd = qdict_take_str(opts, "fd");
    bool ok = true;

    if (!!path + !!host + !!fd > 1) {
        error_setg(errp, "None or one of 'path', 'fd' or 'host' option "
                         "required.");
        ok = false;
    } else if (host && !port) {
        error_setg(errp, "chardev: socket: no port given");
        ok = false;
    }
    if (ok && path) {
        return parse_unix(opts, addr, g_steal_pointer(&path), errp);
    }
    if (ok && host) {
        return parse_inet(opts, addr, g_steal_pointer(&host),
                          g_steal_pointer(&port), errp);
    }
    addr->type = SOCKET_ADDRESS_TYPE_FD;
    addr->u.fd.data = g_new0(FdSocketAddress, 1);
    addr->u.fd.data->str = fd ? g_steal_pointer(&fd) : g_strdup("");
    return ok;
}

bool char_socket_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevSocket *sock = g_new0(ChardevSocket, 1);

    backend->u.socket.data = sock;
    sock->addr = g_new0(SocketAddressLegacy, 1);
    return parse_address(opts, sock->addr, errp) &&
           qemu_chr_parse_common(opts, (ChardevCommon *)sock, errp) &&
           parse_flags(opts, sock, errp);
}

bool char_socket_validate(const ChardevSocket *sock, Error **errp)
{
    bool listen = !sock->has_server || sock->server;
    bool reconnect = sock->has_reconnect || sock->has_reconnect_ms;

    if (sock->has_reconnect && sock->has_reconnect_ms) {
        error_setg(errp,
                   "'reconnect' and 'reconnect-ms' are mutually exclusive");
        return false;
    }
    if (sock->addr->type == SOCKET_ADDRESS_TYPE_FD && reconnect) {
        error_setg(errp, "'reconnect' option is incompatible with 'fd'");
        return false;
    }
    if (sock->tls_creds) {
        error_setg(errp, "No TLS credentials with id '%s'", sock->tls_creds);
        return false;
    }
    if (sock->tls_authz) {
        error_setg(errp, "'tls_authz' option requires 'tls_creds' option");
        return false;
    }
    if (listen && sock->has_reconnect) {
        error_setg(errp, "'reconnect' option is incompatible with socket in "
                         "server listen mode");
        return false;
    }
    if (!listen && sock->has_websocket && sock->websocket) {
        error_setg(errp, "Websocket client is not implemented");
        return false;
    }
    if (!listen && sock->has_wait) {
        error_setg(errp, "'wait' option is incompatible with socket in client "
                         "connect mode");
        return false;
    }
    if ((sock->has_websocket && sock->websocket) ||
        (sock->has_tn3270 && sock->tn3270)) {
        error_setg(errp, "'%s' is not supported",
                   sock->has_websocket && sock->websocket ? "websocket"
                                                          : "tn3270");
        return false;
    }
    return true;
}

/* --- texts --- */

static char *disconnected_name(const SocketChardev *d)
{
    const SocketAddress *addr = d->addr;
    const char *server = d->is_listen ? ",server=on" : "";
    const UnixSocketAddress *un = &addr->u.q_unix;
    bool abstract;

    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return g_strdup_printf("disconnected:%s:%s:%s%s",
                               d->telnet ? "telnet" : "tcp", addr->u.inet.host,
                               addr->u.inet.port, server);
    case SOCKET_ADDRESS_TYPE_UNIX:
        abstract = un->has_abstract && un->abstract;
        return g_strdup_printf(
            "disconnected:unix:%s%s%s%s", un->path,
            abstract ? ",abstract=on" : "",
            abstract && (!un->has_tight || un->tight) ? ",tight=on" : "",
            server);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup_printf("disconnected:fd:%s%s", addr->u.fd.str, server);
    default:
        return g_strdup_printf("disconnected:vsock:%s:%s%s", addr->u.vsock.cid,
                               addr->u.vsock.port, server);
    }
}

static char *connected_name(const SocketChardev *d)
{
    const char *server = d->is_listen ? ",server=on" : "";
    SocketAddress *local = socket_local_address(d->fd, NULL);
    SocketAddress *remote = socket_remote_address(d->fd, NULL);
    char *name;

    if (local && local->type == SOCKET_ADDRESS_TYPE_UNIX) {
        const UnixSocketAddress *un = &local->u.q_unix;

        name = g_strdup_printf(
            "unix:%s%s%s%s", un->path, un->abstract ? ",abstract=on" : "",
            un->abstract && un->tight ? ",tight=on" : "", server);
    } else if (local && remote && local->type == SOCKET_ADDRESS_TYPE_INET &&
               remote->type == SOCKET_ADDRESS_TYPE_INET) {
        g_autofree char *lname = socket_address_to_string(local);
        g_autofree char *rname = socket_address_to_string(remote);

        name = g_strdup_printf("%s:%s%s <-> %s", d->telnet ? "telnet" : "tcp",
                               lname, server, rname);
    } else {
        name = g_strdup("unknown");
    }
    qapi_free_SocketAddress(local);
    qapi_free_SocketAddress(remote);
    return name;
}

void char_socket_set_filename(SocketChardev *d)
{
    g_free(d->parent.filename);
    d->parent.filename = d->state == CHAR_SOCKET_CONNECTED
                             ? connected_name(d)
                             : disconnected_name(d);
}

void char_socket_report_connect_error(SocketChardev *d, Error *err)
{
    if (d->error_reported) {
        error_free(err);
        return;
    }
    d->error_reported = true;
    error_reportf_err(
        err, "Unable to connect character device %s: ", d->parent.label);
}
