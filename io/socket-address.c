/*
 * Socket addresses as text, and the addresses of open sockets.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/socket.h"
#include "qapi/qapi-types-sockets.h"
#include "qobject/keyval.h"
#include "qobject/qdict.h"
#include "util/cutils.h"

static void copy_inet(InetSocketAddress *dst, const InetSocketAddress *src)
{
    *dst = *src;
    dst->host = g_strdup(src->host);
    dst->port = g_strdup(src->port);
}

SocketAddress *socket_address_flatten(const SocketAddressLegacy *legacy)
{
    SocketAddress *addr;

    if (!legacy) {
        return NULL;
    }
    addr = g_new0(SocketAddress, 1);
    addr->type = legacy->type;
    switch (legacy->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        copy_inet(&addr->u.inet, legacy->u.inet.data);
        break;
    case SOCKET_ADDRESS_TYPE_UNIX:
        addr->u.q_unix = *legacy->u.q_unix.data;
        addr->u.q_unix.path = g_strdup(legacy->u.q_unix.data->path);
        break;
    case SOCKET_ADDRESS_TYPE_VSOCK:
        addr->u.vsock.cid = g_strdup(legacy->u.vsock.data->cid);
        addr->u.vsock.port = g_strdup(legacy->u.vsock.data->port);
        break;
    default:
        addr->u.fd.str = g_strdup(legacy->u.fd.data->str);
        break;
    }
    return addr;
}

/* --- of open sockets --- */

static SocketAddress *address_from_inet(const struct sockaddr_storage *ss,
                                        socklen_t len, Error **errp)
{
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    SocketAddress *addr;
    int rc = getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host),
                         port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);

    if (rc) {
        error_setg(errp, "Cannot format numeric socket address: %s",
                   gai_strerror(rc));
        return NULL;
    }
    addr = g_new0(SocketAddress, 1);
    addr->type = SOCKET_ADDRESS_TYPE_INET;
    addr->u.inet.host = g_strdup(host);
    addr->u.inet.port = g_strdup(port);
    if (ss->ss_family == AF_INET) {
        addr->u.inet.has_ipv4 = addr->u.inet.ipv4 = true;
    } else {
        addr->u.inet.has_ipv6 = addr->u.inet.ipv6 = true;
    }
    return addr;
}

static SocketAddress *address_from_unix(const struct sockaddr_un *un,
                                        socklen_t len)
{
    SocketAddress *addr = g_new0(SocketAddress, 1);
    size_t off = offsetof(struct sockaddr_un, sun_path);
    size_t max = len > off ? len - off : 0;

    addr->type = SOCKET_ADDRESS_TYPE_UNIX;
    if (max && !un->sun_path[0]) {
        addr->u.q_unix.has_abstract = addr->u.q_unix.abstract = true;
        addr->u.q_unix.has_tight = true;
        addr->u.q_unix.tight = len < sizeof(*un);
        addr->u.q_unix.path = g_strndup(un->sun_path + 1, max - 1);
    } else {
        addr->u.q_unix.path = g_strndup(un->sun_path, max);
    }
    return addr;
}

static SocketAddress *address_from_sockaddr(const struct sockaddr_storage *ss,
                                            socklen_t len, Error **errp)
{
    switch (ss->ss_family) {
    case AF_INET:
    case AF_INET6:
        return address_from_inet(ss, len, errp);
    case AF_UNIX:
        return address_from_unix((const struct sockaddr_un *)ss, len);
    default:
        error_setg(errp, "socket family %d unsupported", ss->ss_family);
        return NULL;
    }
}

SocketAddress *socket_local_address(int fd, Error **errp)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0) {
        error_setg_errno(errp, errno, "Unable to query local socket address");
        return NULL;
    }
    return address_from_sockaddr(&ss, len, errp);
}

SocketAddress *socket_remote_address(int fd, Error **errp)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0) {
        error_setg_errno(errp, errno, "Unable to query remote socket address");
        return NULL;
    }
    return address_from_sockaddr(&ss, len, errp);
}

/* --- text --- */

/* An option of inet_parse_address(): a bool, "on" without a value. */
static bool inet_take_bool(QDict *opts, const char *key, bool *has, bool *val,
                           Error **errp)
{
    g_autofree char *str = qdict_take_str(opts, key);

    if (!str) {
        return true;
    }
    if (!parse_on_off(str, val)) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", key);
        return false;
    }
    *has = true;
    return true;
}

static bool inet_parse_options(InetSocketAddress *inet, const char *str,
                               Error **errp)
{
    g_autoptr(QDict) opts = opts_parse(str, NULL, NULL, errp);
    g_autofree char *to = NULL;
    unsigned n;

    if (!opts ||
        !inet_take_bool(opts, "ipv4", &inet->has_ipv4, &inet->ipv4, errp) ||
        !inet_take_bool(opts, "ipv6", &inet->has_ipv6, &inet->ipv6, errp) ||
        !inet_take_bool(opts, "keep-alive", &inet->has_keep_alive,
                        &inet->keep_alive, errp)) {
        return false;
    }
    to = qdict_take_str(opts, "to");
    if (to) {
        if (qemu_strtoui(to, NULL, 10, &n) < 0 || n > UINT16_MAX) {
            error_setg(errp, "error parsing to= argument");
            return false;
        }
        inet->has_to = true;
        inet->to = n;
    }
    if (qdict_size(opts)) {
        error_setg(errp, "Invalid parameter '%s'",
                   qdict_entry_key(qdict_first(opts)));
        return false;
    }
    return true;
}

/* Host and port up to a comma; *@rest is what follows it. */
static bool inet_split(const char *str, char **host, char **port,
                       const char **rest, Error **errp)
{
    const char *p = str;
    const char *end;

    if (*str == '[') {
        end = strchr(str, ']');
        if (!end || end[1] != ':') {
            error_setg(errp, "error parsing IPv6 address '%s'", str);
            return false;
        }
        *host = g_strndup(str + 1, end - str - 1);
        p = end + 1;
    } else {
        p = strchr(str, ':');
        if (!p) {
            error_setg(errp, "error parsing address '%s'", str);
            return false;
        }
        *host = g_strndup(str, p - str);
    }
    p++;
    end = strchrnul(p, ',');
    *port = g_strndup(p, end - p);
    *rest = *end ? end + 1 : end;
    if (!**port) {
        error_setg(errp, "error parsing address '%s'", str);
        return false;
    }
    return true;
}

SocketAddress *inet_parse_address(const char *str, Error **errp)
{
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    const char *rest;
    SocketAddress *addr;

    if (!inet_split(str, &host, &port, &rest, errp)) {
        return NULL;
    }
    addr = g_new0(SocketAddress, 1);
    addr->type = SOCKET_ADDRESS_TYPE_INET;
    addr->u.inet.host = g_steal_pointer(&host);
    addr->u.inet.port = g_steal_pointer(&port);
    if (*rest && !inet_parse_options(&addr->u.inet, rest, errp)) {
        qapi_free_SocketAddress(addr);
        return NULL;
    }
    return addr;
}

SocketAddress *socket_parse(const char *str, Error **errp)
{
    SocketAddress *addr;
    const char *rest;

    if (strstart(str, "unix:", &rest)) {
        if (!*rest) {
            error_setg(errp, "invalid Unix socket address");
            return NULL;
        }
        addr = g_new0(SocketAddress, 1);
        addr->type = SOCKET_ADDRESS_TYPE_UNIX;
        addr->u.q_unix.path = g_strdup(rest);
        return addr;
    }
    if (strstart(str, "fd:", &rest)) {
        if (!*rest) {
            error_setg(errp, "invalid file descriptor address");
            return NULL;
        }
        addr = g_new0(SocketAddress, 1);
        addr->type = SOCKET_ADDRESS_TYPE_FD;
        addr->u.fd.str = g_strdup(rest);
        return addr;
    }
    return inet_parse_address(strstart(str, "tcp:", &rest) ? rest : str, errp);
}

char *socket_address_to_string(const SocketAddress *addr)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        if (strchr(addr->u.inet.host, ':')) {
            return g_strdup_printf("[%s]:%s", addr->u.inet.host,
                                   addr->u.inet.port);
        }
        return g_strdup_printf("%s:%s", addr->u.inet.host, addr->u.inet.port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return g_strdup(addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_VSOCK:
        return g_strdup_printf("%s:%s", addr->u.vsock.cid, addr->u.vsock.port);
    default:
        return g_strdup(addr->u.fd.str);
    }
}
