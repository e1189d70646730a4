/*
 * Descriptors that travel with the bytes of a Unix domain socket.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <sys/socket.h>

#include "io/socket.h"

typedef union FdControl {
    char buf[CMSG_SPACE(SOCKET_MAX_FDS * sizeof(int))];
    struct cmsghdr align;
} FdControl;

ssize_t socket_recv_fds(int fd, void *buf, size_t len, int *fds, int *nfds)
{
    FdControl control;
    struct iovec iov = { .iov_base = buf, .iov_len = len };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.buf,
        .msg_controllen = sizeof(control.buf),
    };
    ssize_t n = RETRY_ON_EINTR(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC));

    *nfds = 0;
    if (n < 0) {
        return n;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int one;

            memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
            if (*nfds < SOCKET_MAX_FDS) {
                fds[(*nfds)++] = one;
            } else {
                close(one);
            }
        }
    }
    return n;
}

ssize_t socket_send_fds(int fd, const void *buf, size_t len, const int *fds,
                        int nfds)
{
    FdControl control = { 0 };
    struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (nfds > 0 && nfds <= SOCKET_MAX_FDS) {
        struct cmsghdr *c;

        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    return RETRY_ON_EINTR(sendmsg(fd, &msg, MSG_NOSIGNAL));
}
