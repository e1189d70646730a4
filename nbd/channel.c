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
    ch->write_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (ch->write_fd < 0) {
        int err = errno;

        close(fd);
        ch->fd = -1;
        return -err;
    }
    socket_set_nodelay(fd);
    return 0;
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
        close(ch->fd);
        close(ch->write_fd);
        ch->fd = -1;
        ch->write_fd = -1;
    }
}

ssize_t coroutine_fn nbd_co_channel_readv(NbdChannel *ch,
                                          const struct iovec *iov, int niov)
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };

    for (;;) {
        ssize_t n = recvmsg(ch->fd, &msg, MSG_DONTWAIT);

        if (n >= 0) {
            return n;
        }
        if (errno == EAGAIN) {
            qemu_co_yield_until_fd_readable(ch->fd);
        } else if (errno != EINTR) {
            return -errno;
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
        struct msghdr msg = { .msg_iov = iov,
                              .msg_iovlen = MIN(niov, IOV_MAX) };
        ssize_t n = sendmsg(ch->write_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n >= 0) {
            advance(&iov, &niov, n);
        } else if (errno == EAGAIN) {
            qemu_co_yield_until_fd_writable(ch->write_fd);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

void nbd_channel_try_write(NbdChannel *ch, const void *buf, size_t len)
{
    send(ch->write_fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
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
