/*
 * A byte stream to an NBD server.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "nbd/channel.h"

#include <sys/socket.h>

#include "io/socket.h"

int nbd_channel_init(NbdChannel *ch, int fd)
{
    ch->fd = fd;
    ch->tls = NULL;
    ch->write_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (ch->write_fd < 0) {
        int err = errno;

        close(fd);
        ch->fd = -1;
        return -err;
    }
    qemu_mutex_init(&ch->tls_lock);
    socket_set_nodelay(fd);
    return 0;
}

int coroutine_fn nbd_co_channel_start_tls(NbdChannel *ch, TlsCreds *creds,
                                          const char *hostname, Error **errp)
{
    ch->tls = tls_session_new(creds, ch->fd, hostname, errp);
    if (!ch->tls) {
        return -EINVAL;
    }
    for (;;) {
        switch (tls_session_handshake(ch->tls, errp)) {
        case TLS_HANDSHAKE_FAILED:
            return -EIO;
        case TLS_HANDSHAKE_DONE:
            return 0;
        case TLS_HANDSHAKE_READING:
            qemu_co_yield_until_fd_readable(ch->fd);
            break;
        case TLS_HANDSHAKE_WRITING:
            qemu_co_yield_until_fd_writable(ch->write_fd);
            break;
        }
    }
}

void nbd_channel_shutdown(NbdChannel *ch)
{
    if (ch->fd >= 0) {
        shutdown(ch->fd, SHUT_RDWR);
    }
}

void nbd_channel_close(NbdChannel *ch)
{
    if (ch->fd >= 0) {
        if (ch->tls) {
            tls_session_free(ch->tls);
            ch->tls = NULL;
        }
        qemu_mutex_destroy(&ch->tls_lock);
        close(ch->fd);
        close(ch->write_fd);
        ch->fd = -1;
        ch->write_fd = -1;
    }
}

/* One attempt; -errno, -EAGAIN among them. */
static ssize_t try_readv(NbdChannel *ch, const struct iovec *iov, int niov)
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };
    ssize_t n;

    if (!ch->tls) {
        n = recvmsg(ch->fd, &msg, MSG_DONTWAIT);
        return n < 0 ? -errno : n;
    }
    qemu_mutex_lock(&ch->tls_lock);
    n = tls_session_read(ch->tls, iov->iov_base, iov->iov_len);
    qemu_mutex_unlock(&ch->tls_lock);
    return n;
}

static ssize_t try_writev(NbdChannel *ch, const struct iovec *iov, int niov)
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov,
                          .msg_iovlen = MIN(niov, IOV_MAX) };
    ssize_t n;

    if (!ch->tls) {
        n = sendmsg(ch->write_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        return n < 0 ? -errno : n;
    }
    qemu_mutex_lock(&ch->tls_lock);
    n = tls_session_writev(ch->tls, iov, niov);
    qemu_mutex_unlock(&ch->tls_lock);
    return n;
}

ssize_t coroutine_fn nbd_co_channel_readv(NbdChannel *ch,
                                          const struct iovec *iov, int niov)
{
    for (;;) {
        ssize_t n = try_readv(ch, iov, niov);

        if (n == -EAGAIN) {
            qemu_co_yield_until_fd_readable(ch->fd);
        } else if (n != -EINTR) {
            return n;
        }
    }
}

/* @n bytes of *@iov are done. */
static void advance(struct iovec **iov, int *niov, size_t n)
{
    while (*niov && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*niov)--;
    }
    if (n) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

int coroutine_fn nbd_co_channel_writev(NbdChannel *ch, struct iovec *iov,
                                       int niov)
{
    while (niov) {
        ssize_t n = try_writev(ch, iov, niov);

        if (n >= 0) {
            advance(&iov, &niov, n);
        } else if (n == -EAGAIN) {
            qemu_co_yield_until_fd_writable(ch->write_fd);
        } else if (n != -EINTR) {
            return n;
        }
    }
    return 0;
}

void nbd_channel_try_write(NbdChannel *ch, const void *buf, size_t len)
{
    struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };

    try_writev(ch, &iov, 1);
    if (ch->tls) {
        tls_session_bye(ch->tls);
    }
}

int coroutine_fn nbd_co_read(NbdChannel *ch, void *buf, size_t len,
                             Error **errp)
{
    while (len) {
        struct iovec iov = { .iov_base = buf, .iov_len = len };
        ssize_t n = nbd_co_channel_readv(ch, &iov, 1);

        if (n < 0) {
            error_setg_errno(errp, -n, "Unable to read from socket");
            return n;
        }
        if (n == 0) {
            error_setg(errp,
                       "Unexpected end-of-file before all bytes were read");
            return -EIO;
        }
        buf = (char *)buf + n;
        len -= n;
    }
    return 0;
}

int coroutine_fn nbd_co_write(NbdChannel *ch, const void *buf, size_t len,
                              Error **errp)
{
    struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
    int ret = nbd_co_channel_writev(ch, &iov, 1);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to write to socket");
    }
    return ret;
}
