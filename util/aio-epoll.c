/*
 * The epoll instance of an AioContext: where the kernel refuses io_uring.
 *
 * It waits for descriptors and notifiers only.  Block I/O goes to worker
 * threads or to Linux AIO then, which announce completions by bottom halves
 * and notifiers, so that aio.c's turn is the same for both.
 *
 *  1. A watched descriptor stays in the epoll set, level triggered, from
 *     aio_epoll_watch() to aio_epoll_unwatch(): no system call per event.
 *  2. What epoll_wait() reports is queued on the handlers themselves, since a
 *     handler may turn the loop or remove other handlers; unwatching takes a
 *     handler off that queue, so none in the queue is ever stale memory.
 *  3. Files that epoll refuses (EPERM: plain files, /dev/null) are always
 *     ready; while there is one the loop does not sleep.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define EVENTS_PER_CALL 64

/* Kernels before 5.11, and seccomp filters, do not have epoll_pwait2(). */
static bool no_pwait2; /* atomic */

bool aio_epoll_init(AioContext *ctx, Error **errp)
{
    AioEpoll *ep = &ctx->epoll;

    STAILQ_INIT(&ep->ready);
    LIST_INIT(&ep->always);
    ep->fd = epoll_create1(EPOLL_CLOEXEC);
    if (ep->fd < 0) {
        error_setg_errno(errp, errno, "Failed to create an epoll instance");
        return false;
    }
    return true;
}

void aio_epoll_cleanup(AioContext *ctx)
{
    close(ctx->epoll.fd);
}

/* --- what is watched --- */

static void count_syscall(AioContext *ctx)
{
    aio_stat_add(&ctx->stats.syscalls, 1);
}

void aio_epoll_watch(AioHandler *h, unsigned mask)
{
    AioEpoll *ep = &h->ctx->epoll;
    struct epoll_event ev = { .events = mask, .data.ptr = h };
    bool change = h->ep_watched;

    h->armed = true;
    if (h->ep_always || (h->ep_watched && h->ep_mask == mask)) {
        h->ep_mask = mask;
        return;
    }
    h->ep_mask = mask;
    count_syscall(h->ctx);
    if (epoll_ctl(ep->fd, change ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, h->fd, &ev) <
        0) {
        /* Invariant 3; a bad descriptor is its reader's to find out. */
        h->ep_always = true;
        h->ep_watched = false;
        LIST_INSERT_HEAD(&ep->always, h, ep_always_next);
    } else {
        h->ep_watched = true;
    }
}

void aio_epoll_unwatch(AioHandler *h)
{
    AioEpoll *ep = &h->ctx->epoll;

    h->armed = false;
    if (h->ep_revents) {
        STAILQ_REMOVE(&ep->ready, h, AioHandler, ep_ready_next);
        h->ep_revents = 0;
    }
    if (h->ep_always) {
        LIST_REMOVE(h, ep_always_next);
        h->ep_always = false;
    }
    if (h->ep_watched) {
        count_syscall(h->ctx);
        epoll_ctl(ep->fd, EPOLL_CTL_DEL, h->fd, NULL);
        h->ep_watched = false;
    }
}

/* --- waiting --- */

static void queue_events(AioContext *ctx, AioHandler *h, unsigned revents)
{
    if (!h->ep_revents) {
        STAILQ_INSERT_TAIL(&ctx->epoll.ready, h, ep_ready_next);
    }
    h->ep_revents |= revents;
}

/* epoll_wait() in nanoseconds; -1: no limit. */
static int wait_events(AioContext *ctx, struct epoll_event *events,
                       int64_t timeout_ns)
{
    int fd = ctx->epoll.fd;
    struct timespec ts = {
        .tv_sec = timeout_ns / NANOSECONDS_PER_SECOND,
        .tv_nsec = timeout_ns % NANOSECONDS_PER_SECOND,
    };

    count_syscall(ctx);
    if (timeout_ns <= 0) {
        return epoll_wait(fd, events, EVENTS_PER_CALL, timeout_ns < 0 ? -1 : 0);
    }
#ifdef __NR_epoll_pwait2
    if (!qatomic_read(&no_pwait2)) {
        int ret = syscall(__NR_epoll_pwait2, fd, events, EVENTS_PER_CALL, &ts,
                          NULL, 0);

        if (ret >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return ret;
        }
        qatomic_set(&no_pwait2, true);
        count_syscall(ctx);
    }
#endif
    ppoll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, &ts, NULL);
    count_syscall(ctx);
    return epoll_wait(fd, events, EVENTS_PER_CALL, 0);
}

bool aio_epoll_has_events(AioContext *ctx)
{
    return !STAILQ_EMPTY(&ctx->epoll.ready) || !LIST_EMPTY(&ctx->epoll.always);
}

void aio_epoll_wait(AioContext *ctx, int64_t timeout_ns)
{
    struct epoll_event events[EVENTS_PER_CALL];
    AioHandler *h;
    int n;

    n = wait_events(ctx, events, aio_epoll_has_events(ctx) ? 0 : timeout_ns);
    if (n < 0 && errno != EINTR) {
        fprintf(stderr, "qemu: epoll_wait: %s\n", strerror(errno));
        abort();
    }
    for (int i = 0; i < n; i++) {
        queue_events(ctx, events[i].data.ptr, events[i].events);
    }
    LIST_FOREACH(h, &ctx->epoll.always, ep_always_next) {
        queue_events(ctx, h, POLLIN | POLLOUT);
    }
}

bool aio_epoll_reap(AioContext *ctx)
{
    bool progress = false;
    AioHandler *h;

    while ((h = STAILQ_FIRST(&ctx->epoll.ready))) {
        unsigned revents = h->ep_revents;

        STAILQ_REMOVE_HEAD(&ctx->epoll.ready, ep_ready_next);
        h->ep_revents = 0;
        h->cqe.cb(&h->cqe, revents, 0);
        progress = true;
    }
    return progress;
}
