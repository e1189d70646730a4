/*
 * Stream sockets over SocketAddress: listen, connect, accept, descriptors.
 *
 * All descriptors are close-on-exec.  Nothing here waits, except that
 * socket_connect() may be told to and that host names are looked up at once.
 *
 * Thread: any.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "util/error.h"

typedef struct SocketAddress SocketAddress;
typedef struct SocketAddressLegacy SocketAddressLegacy;

/* Descriptors that one message may carry. */
#define SOCKET_MAX_FDS 16

/*
 * A connected socket, non-blocking if @nonblocking.  With it the connection
 * may still be under way: *@in_progress tells, and socket_connect_finish()
 * has the result once the socket is writable.  For type fd: the open socket
 * itself.  -1 and @errp.
 */
int socket_connect(const SocketAddress *addr, bool nonblocking,
                   bool *in_progress, Error **errp);
/* False and @errp ("Failed to connect to ...") when it did not work. */
bool socket_connect_finish(int fd, const SocketAddress *addr, Error **errp);

/* A listening socket (non-blocking); -1 and @errp. */
int socket_listen(const SocketAddress *addr, int backlog, Error **errp);
/* What socket_listen() made in the file system goes away. */
void socket_listen_cleanup(const SocketAddress *addr, int fd);
/* The next client (non-blocking), or -1: none now, or errno. */
int socket_accept(int fd);

/* @addr again, unlike QAPI_CLONE also for users of the older form. */
SocketAddress *socket_address_flatten(const SocketAddressLegacy *addr);
/* Where a socket is bound or connected; NULL and @errp. */
SocketAddress *socket_local_address(int fd, Error **errp);
SocketAddress *socket_remote_address(int fd, Error **errp);

/* "host:port,ipv4=on..." */
SocketAddress *inet_parse_address(const char *str, Error **errp);
/* "unix:PATH", "fd:N", "tcp:HOST:PORT" or "HOST:PORT" */
SocketAddress *socket_parse(const char *str, Error **errp);
/* The inverse, as messages have it. */
char *socket_address_to_string(const SocketAddress *addr);

/* The socket that @fdname means, its number or what the resolver says.  -1 and
 * @errp. */
int socket_get_fd(const char *fdname, Error **errp);
/* Names instead of numbers (those of the current monitor's "getfd"): the
 * descriptor, which it gives away, -1 and @errp, or SOCKET_FD_NUMBER. */
typedef int SocketFdResolver(const char *fdname, Error **errp);
#define SOCKET_FD_NUMBER (-2) /* there are no names here */
void socket_set_fd_resolver(SocketFdResolver *resolver);

bool fd_is_socket(int fd);
void socket_set_nodelay(int fd);

/*
 * recvmsg() with SCM_RIGHTS: up to SOCKET_MAX_FDS descriptors go to @fds
 * (close-on-exec, the caller's) and their number to *@nfds.  As read().
 */
ssize_t socket_recv_fds(int fd, void *buf, size_t len, int *fds, int *nfds);
/* sendmsg() of @buf, with @nfds descriptors along; as write(), no SIGPIPE. */
ssize_t socket_send_fds(int fd, const void *buf, size_t len, const int *fds,
                        int nfds);

#endif
