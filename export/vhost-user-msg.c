/*
 * Messages of the vhost-user protocol.
 *
 * No more than one message is read at a time, so that descriptors stay with
 * the message that they came with.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user-msg.h"
#include "io/socket.h"

void vhost_user_reader_init(VhostUserReader *r)
{
    memset(r, 0, sizeof(*r));
}

void vhost_user_msg_close_fds(VhostUserMsg *msg)
{
    for (int i = 0; i < msg->nfds; i++) {
        if (msg->fds[i] >= 0) {
            close(msg->fds[i]);
        }
    }
    msg->nfds = 0;
}

/* Keep descriptors that came; false: too many for one message. */
static bool keep_fds(VhostUserMsg *msg, const int *fds, int n)
{
    bool fit = true;

    for (int i = 0; i < n; i++) {
        if (msg->nfds < VHOST_USER_MAX_FDS) {
            msg->fds[msg->nfds++] = fds[i];
        } else {
            close(fds[i]);
            fit = false;
        }
    }
    return fit;
}

static bool header_ok(const VhostUserHeader *h, Error **errp)
{
    if ((h->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION) {
        error_setg(errp, "message %u has protocol version %u", h->request,
                   h->flags & VHOST_USER_VERSION_MASK);
        return false;
    }
    if (h->flags & VHOST_USER_REPLY) {
        error_setg(errp, "message %u is a reply", h->request);
        return false;
    }
    if (h->size > sizeof(VhostUserPayload)) {
        error_setg(errp, "message %u has %u bytes", h->request, h->size);
        return false;
    }
    return true;
}

static bool is_complete(const VhostUserReader *r)
{
    return r->have >= sizeof(r->msg.h) &&
           r->have - sizeof(r->msg.h) == r->msg.h.size;
}

/* How far this message goes as far as we know. */
static size_t wanted(const VhostUserReader *r)
{
    size_t len = sizeof(r->msg.h);

    return r->have < len ? len : len + r->msg.h.size;
}

int vhost_user_read(VhostUserReader *r, int sock, Error **errp)
{
    /* The payload follows the header without a gap */
    QEMU_BUILD_BUG_ON(offsetof(VhostUserMsg, p) < sizeof(VhostUserHeader));

    do {
        size_t want = wanted(r) - r->have;
        bool in_header = r->have < sizeof(r->msg.h);
        uint8_t *to = in_header
                          ? (uint8_t *)&r->msg.h + r->have
                          : (uint8_t *)&r->msg.p + (r->have - sizeof(r->msg.h));
        int fds[SOCKET_MAX_FDS];
        int nfds;
        ssize_t n = socket_recv_fds(sock, to, want, fds, &nfds);

        if (n < 0 && errno == EAGAIN) {
            return 0;
        }
        if (n < 0) {
            error_setg_errno(errp, errno, "cannot read from the front end");
            return -1;
        }
        if (!keep_fds(&r->msg, fds, nfds)) {
            error_setg(errp, "a message with too many file descriptors");
            return -1;
        }
        if (!n) {
            if (r->have) {
                error_setg(errp, "the front end went in the middle of a "
                                 "message");
            }
            return -1;
        }
        r->have += n;
        if (in_header && r->have == sizeof(r->msg.h) &&
            !header_ok(&r->msg.h, errp)) {
            return -1;
        }
    } while (!is_complete(r));
    return 1;
}

bool vhost_user_send(int sock, VhostUserMsg *msg, Error **errp)
{
    uint8_t buf[sizeof(VhostUserHeader) + sizeof(VhostUserPayload)];
    size_t len = sizeof(msg->h) + msg->h.size;
    ssize_t n;

    assert(msg->h.size <= sizeof(msg->p));
    memcpy(buf, &msg->h, sizeof(msg->h));
    memcpy(buf + sizeof(msg->h), &msg->p, msg->h.size);
    n = socket_send_fds(sock, buf, len, msg->fds, msg->nfds);
    if (n != (ssize_t)len) {
        error_setg_errno(errp, n < 0 ? errno : EAGAIN,
                         "cannot send to the front end");
        return false;
    }
    return true;
}
