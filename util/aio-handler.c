/*
 * File descriptors and event notifiers of an AioContext.
 *
 * A descriptor is watched by a one-shot POLL_ADD that is armed again after
 * each event: the poll at arming time makes it level triggered, as handlers
 * expect, and costs an SQE but no system call.  (A multishot poll would be
 * edge triggered.)
 *
 * (With epoll it stays in the set: aio-epoll.c.)
 *
 * An event notifier is read by a READ request that waits in the ring: when it
 * completes the eventfd is clear already.
 *
 *  1. While armed, the kernel holds a request whose user_data is the handler;
 *     it is freed only when there is none.
 *  2. Removing a handler takes its request back before it returns.  If the
 *     READ had been completed, the event is put back into the eventfd, for
 *     whoever watches it next.
 *  3. Polling: a notifier with io_poll is in ctx->pollers while it had an
 *     event lately, in polling mode or not; idle ones cost nothing, also in
 *     a loop that others keep too busy to sleep.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"

#include <poll.h>

/* A poller without an event for so long is not asked any more. */
#define POLLER_IDLE_NS (100 * SCALE_MS)

static void handler_complete(CqeHandler *cqe, int res, uint32_t flags);

/* --- arming --- */

static void arm_poll(AioHandler *h, unsigned mask)
{
    h->waits_by_poll = true;
    if (!h->ctx->has_ring) {
        aio_epoll_watch(h, mask);
        return;
    }
    io_uring_prep_poll_add(aio_get_sqe(h->ctx, &h->cqe), h->fd, mask);
    h->armed = true;
}

static void arm_handler(AioHandler *h)
{
    if (!h->is_notifier) {
        unsigned mask = (h->io_read ? POLLIN | POLLRDHUP : 0) |
                        (h->io_write ? POLLOUT : 0);

        arm_poll(h, mask | POLLERR | POLLHUP);
    } else if (h->reads_block || !h->ctx->has_ring) {
        arm_poll(h, POLLIN);
    } else {
        struct io_uring_sqe *sqe = aio_get_sqe(h->ctx, &h->cqe);

        io_uring_prep_read(sqe, h->fd, &h->value, sizeof(h->value), 0);
        h->waits_by_poll = false;
        h->armed = true;
    }
}

/* Take the request back; the events that it had found, or 0. */
static int disarm_handler(AioHandler *h)
{
    int res;

    if (!h->armed || h->ctx->left) {
        return 0;
    }
    if (!h->ctx->has_ring) {
        aio_epoll_unwatch(h);
        return 0;
    }
    if (!aio_ring_cancel_sync(h->ctx, &h->cqe, &res)) {
        return 0;
    }
    h->armed = false;
    return MAX(res, 0);
}

/* --- polling --- */

static void poller_activate(AioHandler *h, int64_t now)
{
    h->last_event_ns = now;
    if (h->io_poll && !h->active) {
        h->active = true;
        LIST_INSERT_HEAD(&h->ctx->pollers, h, poll_next);
    }
}

static void poller_end(AioHandler *h)
{
    if (h->polling) {
        h->polling = false;
        if (h->io_poll_end) {
            h->io_poll_end(h->e);
        }
    }
}

static void poller_deactivate(AioHandler *h)
{
    if (h->active) {
        h->active = false;
        LIST_REMOVE(h, poll_next);
    }
}

void aio_handlers_poll_begin(AioContext *ctx)
{
    AioHandler *h;

    LIST_FOREACH(h, &ctx->pollers, poll_next) {
        if (!h->polling) {
            h->polling = true;
            if (h->io_poll_begin) {
                h->io_poll_begin(h->e);
            }
        }
    }
}

static void poller_look(AioHandler *h)
{
    if (!h->is_ready && h->io_poll(h->e)) {
        h->is_ready = true;
        STAILQ_INSERT_TAIL(&h->ctx->poll_ready, h, ready_next);
    }
}

bool aio_handlers_poll(AioContext *ctx)
{
    AioHandler *h;

    LIST_FOREACH(h, &ctx->pollers, poll_next) {
        poller_look(h);
    }
    return !STAILQ_EMPTY(&ctx->poll_ready);
}

/* Ask the idle pollers no more: they announce their work again. */
static void retire_pollers(AioContext *ctx, int64_t now)
{
    AioHandler *h, *next;

    LIST_FOREACH_SAFE(h, &ctx->pollers, poll_next, next) {
        if (!h->is_ready && now - h->last_event_ns > POLLER_IDLE_NS) {
            poller_end(h);
            /* Work that came before the announcements were on again. */
            poller_look(h);
            if (!h->is_ready) {
                poller_deactivate(h);
            }
        }
    }
}

bool aio_handlers_poll_end(AioContext *ctx, int64_t now)
{
    AioHandler *h;

    LIST_FOREACH(h, &ctx->pollers, poll_next) {
        poller_end(h);
    }
    /* Work that came before the announcements were on again. */
    aio_handlers_poll(ctx);
    retire_pollers(ctx, now);
    return !STAILQ_EMPTY(&ctx->poll_ready);
}

bool aio_handlers_run_ready(AioContext *ctx)
{
    bool progress = false;
    int64_t now = 0;
    AioHandler *h;

    while ((h = STAILQ_FIRST(&ctx->poll_ready))) {
        STAILQ_REMOVE_HEAD(&ctx->poll_ready, ready_next);
        h->is_ready = false;
        now = now ? now : get_clock();
        h->last_event_ns = now;
        h->io_poll_ready(h->e);
        progress = true;
    }
    if (now) {
        retire_pollers(ctx, now);
    }
    return progress;
}

/* --- events --- */

static void run_descriptor(AioHandler *h, uint32_t revents)
{
    bool readable = revents & (POLLIN | POLLRDHUP | POLLHUP | POLLERR);
    bool writable = revents & (POLLOUT | POLLHUP | POLLERR);
    IOHandler *io_read = h->io_read, *io_write = h->io_write;
    void *opaque = h->opaque;
    AioContext *ctx = h->ctx;
    int fd = h->fd;

    if (readable && io_read) {
        io_read(opaque);
    }
    /* The handler may be another one by now, or none. */
    if (writable && io_write &&
        g_hash_table_lookup(ctx->handlers, GINT_TO_POINTER(fd)) == h) {
        if (h->io_write == io_write) {
            io_write(h->opaque);
        }
    }
}

static void handle_descriptor(AioHandler *h, int res)
{
    AioContext *ctx = h->ctx;

    if (res < 0) {
        /* A descriptor that cannot be polled is always ready; a bad one is
         * reported to its reader. */
        res = POLLIN | POLLOUT;
    }
    if (h->outer_only && ctx->wait_depth) {
        if (!ctx->has_ring) {
            aio_epoll_unwatch(h); /* it would be reported again and again */
        }
        h->revents = res;
        STAILQ_INSERT_TAIL(&ctx->outer_ready, h, outer_next);
        return;
    }
    arm_handler(h);
    run_descriptor(h, res);
}

bool aio_handlers_run_outer(AioContext *ctx)
{
    bool progress = false;
    AioHandler *h;

    while (!ctx->wait_depth && (h = STAILQ_FIRST(&ctx->outer_ready))) {
        uint32_t revents = h->revents;

        STAILQ_REMOVE_HEAD(&ctx->outer_ready, outer_next);
        h->revents = 0;
        arm_handler(h);
        run_descriptor(h, revents);
        progress = true;
    }
    return progress;
}

static void handle_notifier(AioHandler *h, int res)
{
    if (h->waits_by_poll && res > 0) {
        res = event_notifier_test_and_clear(h->e) ? sizeof(h->value) : 0;
    } else if (res == -EAGAIN) {
        h->reads_block = true;
    }
    if (res < 0 && res != -EAGAIN && res != -EINTR) {
        return; /* not an eventfd any more: never armed again */
    }
    arm_handler(h);
    if (res > 0) {
        if (h->io_poll) {
            poller_activate(h, get_clock());
        }
        h->notifier_read(h->e);
    }
}

static void handler_complete(CqeHandler *cqe, int res, uint32_t flags)
{
    AioHandler *h = container_of(cqe, AioHandler, cqe);

    h->armed = false;
    if (h->deleted) {
        g_free(h);
    } else if (h->is_notifier) {
        handle_notifier(h, res);
    } else {
        handle_descriptor(h, res);
    }
}

/* --- adding and removing --- */

static AioHandler *find_handler(AioContext *ctx, int fd)
{
    return g_hash_table_lookup(ctx->handlers, GINT_TO_POINTER(fd));
}

static AioHandler *new_handler(AioContext *ctx, int fd)
{
    AioHandler *h = g_new0(AioHandler, 1);

    h->cqe.cb = handler_complete;
    h->ctx = ctx;
    h->fd = fd;
    g_hash_table_insert(ctx->handlers, GINT_TO_POINTER(fd), h);
    return h;
}

static void assert_may_change(AioContext *ctx)
{
    assert(!qatomic_read(&ctx->home) || in_aio_context_home_thread(ctx));
}

static void remove_handler(AioHandler *h)
{
    AioContext *ctx = h->ctx;
    int found = disarm_handler(h);

    g_hash_table_remove(ctx->handlers, GINT_TO_POINTER(h->fd));
    if (h->is_notifier && found && !h->waits_by_poll) {
        event_notifier_set(h->e);
    }
    if (h->polling) {
        poller_end(h);
    }
    poller_deactivate(h);
    if (h->is_ready) {
        STAILQ_REMOVE(&ctx->poll_ready, h, AioHandler, ready_next);
    }
    if (h->revents) {
        STAILQ_REMOVE(&ctx->outer_ready, h, AioHandler, outer_next);
    }
    if (h->armed && !ctx->left) {
        h->deleted = true;
    } else {
        g_free(h);
    }
}

static void set_fd_handler(AioContext *ctx, int fd, IOHandler *io_read,
                           IOHandler *io_write, void *opaque, bool outer_only)
{
    AioHandler *h = find_handler(ctx, fd);
    bool changed;

    assert_may_change(ctx);
    if (!io_read && !io_write) {
        if (h) {
            remove_handler(h);
        }
        return;
    }
    if (!h) {
        h = new_handler(ctx, fd);
    }
    assert(!h->is_notifier);
    changed = !h->io_read != !io_read || !h->io_write != !io_write;
    h->io_read = io_read;
    h->io_write = io_write;
    h->opaque = opaque;
    h->outer_only = outer_only;
    /* Held back in outer_ready: armed when it has run. */
    if (changed && !h->revents) {
        disarm_handler(h);
        if (!h->armed) {
            arm_handler(h);
        }
    }
}

void aio_set_fd_handler(AioContext *ctx, int fd, IOHandler *io_read,
                        IOHandler *io_write, void *opaque)
{
    set_fd_handler(ctx, fd, io_read, io_write, opaque, false);
}

void aio_set_fd_handler_outer(AioContext *ctx, int fd, IOHandler *io_read,
                              IOHandler *io_write, void *opaque)
{
    set_fd_handler(ctx, fd, io_read, io_write, opaque, true);
}

void aio_set_event_notifier(AioContext *ctx, EventNotifier *e,
                            EventNotifierHandler *io_read, AioPollFn *io_poll,
                            EventNotifierHandler *io_poll_ready)
{
    int fd = event_notifier_get_fd(e);
    AioHandler *h = find_handler(ctx, fd);

    assert_may_change(ctx);
    assert(!io_poll == !io_poll_ready);
    if (!io_read) {
        if (h) {
            remove_handler(h);
        }
        return;
    }
    if (!h) {
        h = new_handler(ctx, fd);
        h->is_notifier = true;
    }
    assert(h->is_notifier);
    h->e = e;
    h->notifier_read = io_read;
    h->io_poll_ready = io_poll_ready;
    if (!io_poll) {
        poller_end(h);
        poller_deactivate(h);
    }
    h->io_poll = io_poll;
    if (!h->armed) {
        arm_handler(h);
    }
}

void aio_set_event_notifier_poll(AioContext *ctx, EventNotifier *e,
                                 EventNotifierHandler *io_poll_begin,
                                 EventNotifierHandler *io_poll_end)
{
    AioHandler *h = find_handler(ctx, event_notifier_get_fd(e));

    assert_may_change(ctx);
    if (h) {
        poller_end(h);
        h->io_poll_begin = io_poll_begin;
        h->io_poll_end = io_poll_end;
    }
}

void aio_handlers_init(AioContext *ctx)
{
    ctx->handlers = g_hash_table_new(NULL, NULL);
    LIST_INIT(&ctx->pollers);
    STAILQ_INIT(&ctx->poll_ready);
    STAILQ_INIT(&ctx->outer_ready);
}

void aio_handlers_cleanup(AioContext *ctx)
{
    GHashTableIter iter;
    gpointer h;

    /* The ring is closed: nothing completes any more. */
    g_hash_table_iter_init(&iter, ctx->handlers);
    while (g_hash_table_iter_next(&iter, NULL, &h)) {
        g_free(h);
    }
    g_hash_table_destroy(ctx->handlers);
}
