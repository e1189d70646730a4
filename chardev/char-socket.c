/*
 * The socket back end: one stream at a time, as a server or as a client that
 * may connect again.
 *
 *   DISCONNECTED -- connect() under way --> CONNECTING
 *   DISCONNECTED, CONNECTING -- socket_connected() --> CONNECTED
 *   CONNECTED, CONNECTING -- socket_disconnect() --> DISCONNECTED
 *
 * A server listens while it is DISCONNECTED; the next client waits in the
 * backlog until the present one has gone.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <poll.h>
#include <sys/socket.h>

#include "chardev/char-socket.h"
#include "io/socket.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"

static void socket_connect_start(SocketChardev *d);

static SocketChardev *socket_chr(Chardev *chr)
{
    return container_of(chr, SocketChardev, parent);
}

/* --- descriptors that came along --- */

static void drop_msgfds(SocketChardev *d)
{
    for (int i = 0; i < d->msgfd_count; i++) {
        close(d->msgfds[i]);
    }
    d->msgfd_count = 0;
}

static int socket_get_msgfd(Chardev *chr)
{
    SocketChardev *d = socket_chr(chr);
    int fd;

    if (!d->msgfd_count) {
        return -1;
    }
    fd = d->msgfds[0];
    memmove(d->msgfds, d->msgfds + 1, --d->msgfd_count * sizeof(int));
    return fd;
}

/* --- connection state --- */

static void set_conn_handlers(SocketChardev *d, bool reading, bool writing);
static void set_listening(SocketChardev *d, bool listening);

static void start_reconnect_timer(SocketChardev *d)
{
    timer_mod_ns(d->reconnect_timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) +
                                         d->reconnect_ms * SCALE_MS);
}

/* Whatever the state is, there is no connection afterwards. */
static void socket_disconnect(SocketChardev *d)
{
    bool emit_close = d->state == CHAR_SOCKET_CONNECTED;

    if (d->fd >= 0) {
        set_conn_handlers(d, false, false);
        WITH_QEMU_LOCK_GUARD(&d->parent.write_lock)
        {
            close(d->fd);
            d->fd = -1;
        }
    }
    drop_msgfds(d);
    d->state = CHAR_SOCKET_DISCONNECTED;
    char_socket_set_filename(d);
    if (d->listen_fd >= 0) {
        set_listening(d, true);
    }
    if (emit_close) {
        qemu_chr_be_event(&d->parent, CHR_EVENT_CLOSED);
        /* Who waits for room is told that there is nobody any more. */
        qemu_chr_be_write_ready(&d->parent);
    }
    if (d->reconnect_timer) {
        start_reconnect_timer(d);
    }
}

/* @fd is the connection from here on. */
static void socket_connected(SocketChardev *d, int fd)
{
    static const uint8_t telnet_hello[] = {
        0xff, 0xfb, 0x01, /* WILL ECHO */
        0xff, 0xfb, 0x03, /* WILL SUPPRESS-GO-AHEAD */
        0xff, 0xfb, 0x00, /* WILL TRANSMIT-BINARY */
        0xff, 0xfd, 0x00, /* DO TRANSMIT-BINARY */
    };

    if (d->nodelay) {
        socket_set_nodelay(fd);
    }
    WITH_QEMU_LOCK_GUARD(&d->parent.write_lock)
    {
        d->fd = fd;
    }
    d->state = CHAR_SOCKET_CONNECTED;
    d->error_reported = false;
    d->telnet_state = 0;
    if (d->telnet) {
        socket_send_fds(fd, telnet_hello, sizeof(telnet_hello), NULL, 0);
    }
    char_socket_set_filename(d);
    qemu_chr_be_event(&d->parent, CHR_EVENT_OPENED);
    qemu_chr_kick(&d->parent);
}

static void socket_accept_ready(void *opaque)
{
    SocketChardev *d = opaque;
    int fd = socket_accept(d->listen_fd);

    if (fd >= 0) {
        set_listening(d, false);
        socket_connected(d, fd);
    }
}

static void set_listening(SocketChardev *d, bool listening)
{
    if (listening != d->listening) {
        d->listening = listening;
        qemu_set_fd_handler(d->listen_fd,
                            listening ? socket_accept_ready : NULL, NULL, d);
    }
}

/* --- traffic --- */

/* Take telnet's commands out of @buf; the new length. */
static int telnet_filter(SocketChardev *d, uint8_t *buf, int len)
{
    enum { DATA, IAC, OPTION };
    int out = 0;

    for (int i = 0; i < len; i++) {
        uint8_t ch = buf[i];

        switch (d->telnet_state) {
        case DATA:
            if (ch == 0xff) {
                d->telnet_state = IAC;
            } else {
                buf[out++] = ch;
            }
            break;
        case IAC:
            d->telnet_state = DATA;
            if (ch == 0xff) {
                buf[out++] = ch;
            } else if (ch >= 0xfb) { /* WILL, WONT, DO, DONT: one more */
                d->telnet_state = OPTION;
            } else if (ch == 0xf3 || ch == 0xf4) { /* BREAK, IP */
                qemu_chr_be_event(&d->parent, CHR_EVENT_BREAK);
            }
            break;
        default:
            d->telnet_state = DATA;
            break;
        }
    }
    return out;
}

static void socket_read(void *opaque)
{
    SocketChardev *d = opaque;
    Chardev *chr = &d->parent;
    uint8_t buf[CHR_READ_BUF_LEN];
    int len = MIN(qemu_chr_be_can_write(chr), (int)sizeof(buf));
    int fds[SOCKET_MAX_FDS];
    int nfds = 0;
    ssize_t n;

    if (d->state != CHAR_SOCKET_CONNECTED) {
        return;
    }
    if (len > 0) {
        n = socket_recv_fds(d->fd, buf, len, fds, &nfds);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            socket_disconnect(d);
            return;
        }
        if (nfds) {
            drop_msgfds(d);
            memcpy(d->msgfds, fds, nfds * sizeof(int));
            d->msgfd_count = nfds;
        }
        if (n > 0 && d->telnet) {
            n = telnet_filter(d, buf, n);
        }
        if (n > 0) {
            qemu_chr_be_write(chr, buf, n);
        }
    }
    chr->ops->update(chr);
}

static void socket_connect_done(SocketChardev *d)
{
    Error *local_err = NULL;
    int fd = d->fd;

    set_conn_handlers(d, false, false);
    d->fd = -1;
    if (socket_connect_finish(fd, d->addr, &local_err)) {
        socket_connected(d, fd);
        return;
    }
    close(fd);
    char_socket_report_connect_error(d, local_err);
    socket_disconnect(d);
}

static void socket_write_ready(void *opaque)
{
    SocketChardev *d = opaque;

    if (d->state == CHAR_SOCKET_CONNECTING) {
        socket_connect_done(d);
        return;
    }
    qemu_chr_be_write_ready(&d->parent);
    d->parent.ops->update(&d->parent);
}

static void set_conn_handlers(SocketChardev *d, bool reading, bool writing)
{
    if (reading != d->reading || writing != d->writing) {
        qemu_set_fd_handler(d->fd, reading ? socket_read : NULL,
                            writing ? socket_write_ready : NULL, d);
        d->reading = reading;
        d->writing = writing;
    }
}

static void socket_update(Chardev *chr)
{
    SocketChardev *d = socket_chr(chr);

    if (d->state != CHAR_SOCKET_CONNECTED) {
        if (qemu_chr_be_write_wanted(chr)) {
            qemu_chr_be_write_ready(chr);
        }
        return;
    }
    if (qatomic_read(&d->broken)) {
        /* Writing failed; what was sent to us before is read first. */
        qatomic_set(&d->broken, false);
        if (qemu_chr_be_can_write(chr) == 0) {
            socket_disconnect(d);
            return;
        }
    }
    set_conn_handlers(d, qemu_chr_be_can_write(chr) > 0,
                      qemu_chr_be_write_wanted(chr));
}

static ssize_t socket_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    SocketChardev *d = socket_chr(chr);
    ssize_t n;

    if (d->fd < 0 || d->state != CHAR_SOCKET_CONNECTED) {
        errno = EIO;
        return -1;
    }
    n = socket_send_fds(d->fd, buf, len, NULL, 0);
    if (n < 0 && errno == ENOTSOCK) {
        n = RETRY_ON_EINTR(write(d->fd, buf, len));
    }
    if (n < 0 && errno != EAGAIN) {
        int saved = errno;

        qatomic_set(&d->broken, true);
        qemu_chr_kick(chr);
        errno = saved;
    }
    return n;
}

static int socket_write_fd(Chardev *chr)
{
    return socket_chr(chr)->fd;
}

static void socket_fe_disconnect(Chardev *chr)
{
    SocketChardev *d = socket_chr(chr);

    if (d->state == CHAR_SOCKET_CONNECTED) {
        socket_disconnect(d);
    }
}

/* --- clients --- */

static void socket_connect_start(SocketChardev *d)
{
    Error *local_err = NULL;
    bool in_progress;
    int fd = socket_connect(d->addr, true, &in_progress, &local_err);

    if (fd < 0) {
        char_socket_report_connect_error(d, local_err);
        start_reconnect_timer(d);
        return;
    }
    if (in_progress) {
        d->state = CHAR_SOCKET_CONNECTING;
        d->fd = fd;
        set_conn_handlers(d, false, true);
        return;
    }
    socket_connected(d, fd);
}

static void socket_reconnect(void *opaque)
{
    SocketChardev *d = opaque;

    if (d->state == CHAR_SOCKET_DISCONNECTED) {
        socket_connect_start(d);
    }
}

/* --- opening and closing --- */

static bool socket_open_client(SocketChardev *d, Error **errp)
{
    int fd;

    if (d->reconnect_ms > 0) {
        d->reconnect_timer = timer_new_ns(NULL, QEMU_CLOCK_REALTIME,
                                          socket_reconnect, d);
        socket_connect_start(d);
        return true;
    }
    fd = socket_connect(d->addr, false, NULL, errp);
    if (fd < 0) {
        return false;
    }
    qemu_set_blocking(fd, false);
    socket_connected(d, fd);
    return true;
}

static bool socket_open_server(SocketChardev *d, bool wait, Error **errp)
{
    SocketAddress *bound;
    int fd = -1;

    d->listen_fd = socket_listen(d->addr, 1, errp);
    if (d->listen_fd < 0) {
        return false;
    }
    bound = socket_local_address(d->listen_fd, errp);
    if (!bound) {
        return false;
    }
    qapi_free_SocketAddress(d->addr);
    d->addr = bound;
    char_socket_set_filename(d);
    if (!wait) {
        set_listening(d, true);
        return true;
    }
    info_report("QEMU waiting for connection on: %s", d->parent.filename);
    while (fd < 0) {
        struct pollfd pfd = { .fd = d->listen_fd, .events = POLLIN };

        poll(&pfd, 1, -1);
        fd = socket_accept(d->listen_fd);
    }
    socket_connected(d, fd);
    return true;
}

static bool socket_open(Chardev *chr, const ChardevBackend *backend,
                        bool *be_opened, Error **errp)
{
    SocketChardev *d = socket_chr(chr);
    const ChardevSocket *sock = backend->u.socket.data;

    *be_opened = false;
    d->fd = d->listen_fd = -1;
    if (!char_socket_validate(sock, errp)) {
        return false;
    }
    d->is_listen = !sock->has_server || sock->server;
    d->telnet = sock->has_telnet && sock->telnet;
    d->nodelay = sock->has_nodelay && sock->nodelay;
    if (sock->has_reconnect_ms) {
        d->reconnect_ms = sock->reconnect_ms;
    } else if (sock->has_reconnect) {
        d->reconnect_ms = MIN(sock->reconnect, INT32_MAX) * 1000;
    }
    d->addr = socket_address_flatten(sock->addr);
    char_socket_set_filename(d);
    if (d->is_listen) {
        return socket_open_server(d, sock->has_wait && sock->wait, errp);
    }
    return socket_open_client(d, errp);
}

static void socket_finalize(Chardev *chr)
{
    SocketChardev *d = socket_chr(chr);

    timer_free(d->reconnect_timer);
    if (d->fd >= 0) {
        set_conn_handlers(d, false, false);
        close(d->fd);
    }
    drop_msgfds(d);
    if (d->listen_fd >= 0) {
        set_listening(d, false);
        socket_listen_cleanup(d->addr, d->listen_fd);
        close(d->listen_fd);
    }
    qapi_free_SocketAddress(d->addr);
}

const ChardevOps char_socket_ops = {
    .name = "socket",
    .kind = CHARDEV_BACKEND_KIND_SOCKET,
    .instance_size = sizeof(SocketChardev),
    .parse = char_socket_parse,
    .open = socket_open,
    .finalize = socket_finalize,
    .write = socket_write,
    .write_fd = socket_write_fd,
    .update = socket_update,
    .disconnect = socket_fe_disconnect,
    .get_msgfd = socket_get_msgfd,
};
