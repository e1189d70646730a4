/*
 * The socket back end's state, and its options and texts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_SOCKET_H
#define CHARDEV_CHAR_SOCKET_H

#include "chardev/char-internal.h"
#include "io/socket.h"
#include "qapi/qapi-types-sockets.h"
#include "util/timer.h"

typedef enum CharSocketState {
    CHAR_SOCKET_DISCONNECTED,
    CHAR_SOCKET_CONNECTING,
    CHAR_SOCKET_CONNECTED,
} CharSocketState;

/* Main thread, where nothing else is said. */
typedef struct SocketChardev {
    Chardev parent;
    SocketAddress *addr;   /* fixed after open; what we are bound to */
    bool is_listen;        /* fixed after open */
    bool telnet;           /* fixed after open */
    bool nodelay;          /* fixed after open */
    int64_t reconnect_ms;  /* fixed after open; 0: never */
    CharSocketState state; /* written in the main thread */
    int fd;                /* written under write_lock; -1: none */
    int listen_fd;         /* -1: a client */
    bool listening;        /* its handler is set */
    bool reading;          /* handlers of fd */
    bool writing;
    bool broken; /* atomic: a write has failed */
    bool error_reported;
    int telnet_state;
    QEMUTimer *reconnect_timer;
    int msgfds[SOCKET_MAX_FDS];
    int msgfd_count;
} SocketChardev;

bool char_socket_parse(QDict *opts, ChardevBackend *backend, Error **errp);
/* Do the options go together? */
bool char_socket_validate(const ChardevSocket *sock, Error **errp);
/* parent.filename for the present state. */
void char_socket_set_filename(SocketChardev *d);
/* Once until it works; frees @err. */
void char_socket_report_connect_error(SocketChardev *d, Error *err);

#endif
