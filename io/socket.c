/*
 * Listening, connecting and accepting.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "io/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "qapi/qapi-types-sockets.h"
#include "util/cutils.h"

static SocketFdResolver *fd_resolver;

void socket_set_fd_resolver(SocketFdResolver *resolver)
{
    fd_resolver = resolver;
}

bool fd_is_socket(int fd)
{
    int type;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

void socket_set_nodelay(int fd)
{
    int one = 1;

    /* Not TCP: it fails, and nothing is lost. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int socket_get_fd(const char *fdname, Error **errp)
{
    int fd;

    fd = fd_resolver ? fd_resolver(fdname, errp) : SOCKET_FD_NUMBER;
    if (fd == SOCKET_FD_NUMBER) {
        if (qemu_strtoi(fdname, NULL, 10, &fd) < 0) {
            error_setg(errp, "Unable to parse FD number %s", fdname);
            return -1;
        }
    } else if (fd < 0) {
        return -1;
    }
    if (!fd_is_socket(fd)) {
        error_setg(errp, "File descriptor '%s' is not a socket", fdname);
        return -1;
    }
    qemu_set_cloexec(fd);
    return fd;
}

/* --- Unix domain --- */

static bool unix_sockaddr(const UnixSocketAddress *addr, struct sockaddr_un *un,
                          socklen_t *len, Error **errp)
{
    ERRP_GUARD();
    bool abstract = addr->has_abstract && addr->abstract;
    bool tight = !addr->has_tight || addr->tight;
    size_t n = strlen(addr->path);
    size_t max = sizeof(un->sun_path) - (abstract ? 1 : 0);

    if (n > max) {
        error_setg(errp, "UNIX socket path '%s' is too long", addr->path);
        error_append_hint(errp, "Path must be less than %zu bytes\n", max);
        return false;
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + (abstract ? 1 : 0), addr->path, n);
    *len = sizeof(*un);
    if (abstract && tight) {
        *len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
    }
    return true;
}

static int unix_listen(const UnixSocketAddress *addr, int backlog, Error **errp)
{
    struct sockaddr_un un;
    socklen_t len;
    int fd;

    if (!unix_sockaddr(addr, &un, &len, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create Unix socket");
        return -1;
    }
    if (un.sun_path[0] && unlink(addr->path) < 0 && errno != ENOENT) {
        error_setg_errno(errp, errno, "Failed to unlink socket %s", addr->path);
        goto fail;
    }
    if (bind(fd, (struct sockaddr *)&un, len) < 0) {
        error_setg_errno(errp, errno, "Failed to bind socket to %s",
                         addr->path);
        goto fail;
    }
    if (listen(fd, backlog) < 0) {
        error_setg_errno(errp, errno, "Failed to listen on socket");
        goto fail;
    }
    return fd;

fail:
    close(fd);
    return -1;
}

static int unix_connect(const UnixSocketAddress *addr, bool nonblocking,
                        Error **errp)
{
    struct sockaddr_un un;
    socklen_t len;
    int fd;

    if (!unix_sockaddr(addr, &un, &len, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create socket");
        return -1;
    }
    /* Connecting a Unix socket does not wait, unless for a full backlog. */
    if (nonblocking) {
        qemu_set_blocking(fd, false);
    }
    if (RETRY_ON_EINTR(connect(fd, (struct sockaddr *)&un, len)) < 0) {
        error_setg_errno(errp, errno, "Failed to connect to '%s'", addr->path);
        close(fd);
        return -1;
    }
    return fd;
}

/* --- TCP --- */

static bool inet_family(const InetSocketAddress *addr, int *family,
                        Error **errp)
{
    bool v4_off = addr->has_ipv4 && !addr->ipv4;
    bool v6_off = addr->has_ipv6 && !addr->ipv6;
    bool v4_on = addr->has_ipv4 && addr->ipv4;
    bool v6_on = addr->has_ipv6 && addr->ipv6;

    *family = AF_UNSPEC;
    if (v4_off && v6_off) {
        error_setg(errp, "Cannot disable IPv4 and IPv6 at same time");
        return false;
    }
    if (v4_on != v6_on && (v6_on || v4_off)) {
        *family = AF_INET6;
    } else if (v4_on != v6_on || v6_off) {
        *family = AF_INET;
    } else if (v4_off) {
        *family = AF_INET6;
    }
    return true;
}

static struct addrinfo *inet_lookup(const InetSocketAddress *addr, bool passive,
                                    const char *port, Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *res = NULL;
    const char *host = addr->host;
    int rc;

    if (!inet_family(addr, &hints.ai_family, errp)) {
        return NULL;
    }
    if (passive) {
        hints.ai_flags = AI_PASSIVE;
    } else {
        hints.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;
    }
    if (addr->has_numeric && addr->numeric) {
        hints.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    }
    rc = getaddrinfo(host && host[0] ? host : NULL, port, &hints, &res);
    if (rc == EAI_BADFLAGS && !passive) {
        hints.ai_flags &= ~(AI_V4MAPPED | AI_ADDRCONFIG);
        rc = getaddrinfo(host && host[0] ? host : NULL, port, &hints, &res);
    }
    if (rc) {
        error_setg(errp, "address resolution failed for %s:%s: %s",
                   host ? host : "", addr->port, gai_strerror(rc));
        return NULL;
    }
    return res;
}

static int inet_try_listen(const struct addrinfo *e, int backlog)
{
    int one = 1;
    int saved;
    int fd = socket(e->ai_family, e->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    e->ai_protocol);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (e->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(fd, e->ai_addr, e->ai_addrlen) < 0 || listen(fd, backlog) < 0) {
        saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void inet_set_port(struct addrinfo *e, uint16_t port)
{
    if (e->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)e->ai_addr)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)e->ai_addr)->sin_port = htons(port);
    }
}

static uint16_t inet_port(const struct addrinfo *e)
{
    if (e->ai_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)e->ai_addr)->sin6_port);
    }
    return ntohs(((struct sockaddr_in *)e->ai_addr)->sin_port);
}

static int inet_listen(const InetSocketAddress *addr, int backlog, Error **errp)
{
    struct addrinfo *res;
    unsigned min, max, port;
    int fd = -1;
    int saved = 0;

    res = inet_lookup(addr, true, addr->port[0] ? addr->port : "0", errp);
    if (!res) {
        return -1;
    }
    for (struct addrinfo *e = res; e && fd < 0; e = e->ai_next) {
        if (e->ai_family != AF_INET && e->ai_family != AF_INET6) {
            continue;
        }
        min = inet_port(e);
        max = addr->has_to ? MAX(min, addr->to) : min;
        for (port = min; port <= max && fd < 0; port++) {
            inet_set_port(e, port);
            fd = inet_try_listen(e, backlog);
            if (fd < 0) {
                saved = errno;
                if (errno != EADDRINUSE) {
                    break;
                }
            }
        }
    }
    freeaddrinfo(res);
    if (fd < 0) {
        error_setg_errno(errp, saved, "Failed to find an available port");
    }
    return fd;
}

static int inet_connect(const InetSocketAddress *addr, bool nonblocking,
                        bool *in_progress, Error **errp)
{
    struct addrinfo *res;
    int one = 1;
    int fd = -1;
    int saved = 0;

    if (!addr->port[0]) {
        error_setg(errp, "port not specified");
        return -1;
    }
    res = inet_lookup(addr, false, addr->port, errp);
    if (!res) {
        return -1;
    }
    for (struct addrinfo *e = res; e && fd < 0; e = e->ai_next) {
        fd = socket(e->ai_family,
                    e->ai_socktype | SOCK_CLOEXEC |
                        (nonblocking ? SOCK_NONBLOCK : 0),
                    e->ai_protocol);
        if (fd < 0) {
            saved = errno;
            continue;
        }
        if (RETRY_ON_EINTR(connect(fd, e->ai_addr, e->ai_addrlen)) < 0) {
            saved = errno;
            if (nonblocking && saved == EINPROGRESS) {
                *in_progress = true;
                break;
            }
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(res);
    if (fd < 0) {
        error_setg_errno(errp, saved, "Failed to connect to '%s:%s'",
                         addr->host, addr->port);
    } else if (addr->has_keep_alive && addr->keep_alive) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    return fd;
}

/* --- all of them --- */

int socket_connect(const SocketAddress *addr, bool nonblocking,
                   bool *in_progress, Error **errp)
{
    bool dummy;
    int fd;

    if (!in_progress) {
        in_progress = &dummy;
    }
    *in_progress = false;
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return inet_connect(&addr->u.inet, nonblocking, in_progress, errp);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return unix_connect(&addr->u.q_unix, nonblocking, errp);
    case SOCKET_ADDRESS_TYPE_FD:
        fd = socket_get_fd(addr->u.fd.str, errp);
        if (fd >= 0) {
            qemu_set_blocking(fd, !nonblocking);
        }
        return fd;
    default:
        error_setg(errp, "socket family AF_VSOCK unsupported");
        return -1;
    }
}

bool socket_connect_finish(int fd, const SocketAddress *addr, Error **errp)
{
    int err = 0;
    socklen_t len = sizeof(err);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
        err = errno;
    }
    if (!err) {
        return true;
    }
    if (addr->type == SOCKET_ADDRESS_TYPE_INET) {
        error_setg_errno(errp, err, "Failed to connect to '%s:%s'",
                         addr->u.inet.host, addr->u.inet.port);
    } else {
        error_setg_errno(errp, err, "Failed to connect");
    }
    return false;
}

int socket_listen(const SocketAddress *addr, int backlog, Error **errp)
{
    int fd;

    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return inet_listen(&addr->u.inet, backlog, errp);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return unix_listen(&addr->u.q_unix, backlog, errp);
    case SOCKET_ADDRESS_TYPE_FD:
        fd = socket_get_fd(addr->u.fd.str, errp);
        if (fd < 0) {
            return -1;
        }
        if (listen(fd, backlog) < 0) {
            error_setg_errno(errp, errno, "Failed to listen on fd socket");
            close(fd);
            return -1;
        }
        qemu_set_blocking(fd, false);
        return fd;
    default:
        error_setg(errp, "socket family AF_VSOCK unsupported");
        return -1;
    }
}

void socket_listen_cleanup(const SocketAddress *addr, int fd)
{
    const UnixSocketAddress *un;

    if (addr->type != SOCKET_ADDRESS_TYPE_UNIX) {
        return;
    }
    un = &addr->u.q_unix;
    if (un->path[0] && !(un->has_abstract && un->abstract)) {
        unlink(un->path);
    }
}

int socket_accept(int fd)
{
    return RETRY_ON_EINTR(
        accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}
