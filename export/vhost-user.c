/*
 * A vhost-user-blk back end: the connection.
 *
 * A message that needs rings to stand still waits, unread ones with it, until
 * they do (vhost_user_queue_stop()); the same goes for the end of a connection
 * and for a move to another AioContext.
 *
 * Invariants:
 *  1. While s->then is set, rings are being stopped, and the socket is not
 *     watched.
 *  2. Memory, descriptors and the inflight buffer change only while the rings
 *     that use them are stopped.
 *  3. s->sock >= 0 from connected() until just before disconnected(); the
 *     listening socket is watched only otherwise.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user.h"

#include <sys/socket.h>

#include "io/socket.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-visit-sockets.h"
#include "util/error-report.h"
#include "util/main-loop.h"

/* Lines that one server may write into the log in a minute. */
#define LOG_LINES_MAX     10
#define LOG_WINDOW_LENGTH (60 * G_USEC_PER_SEC)

/* Messages handled before other descriptors of the main loop are looked at. */
#define MESSAGES_PER_TURN 64

static void listen_on(VhostUserServer *s);
static void read_socket(void *opaque);

static void watch(VhostUserServer *s, bool on)
{
    qemu_set_fd_handler(s->sock, on ? read_socket : NULL, NULL, s);
}

/* --- stopping rings ------------------------------------------------------- */

static void after_quiet(VhostUserServer *s);

void vhost_user_queue_stopped(VhostUserServer *s)
{
    assert(s->stopping);
    if (!--s->stopping) {
        after_quiet(s);
    }
}

/* Stop those rings that @which says, then @then. */
static void quiesce(VhostUserServer *s,
                    bool (*which)(VhostUserQueue *q, unsigned arg),
                    unsigned arg, void (*then)(VhostUserServer *s))
{
    assert(!s->then);
    s->then = then;
    s->stopping = 1;
    for (unsigned i = 0; i < s->num_queues; i++) {
        VhostUserQueue *q = &s->queues[i];

        if (q->started && which(q, arg)) {
            s->stopping++;
            vhost_user_queue_stop(q);
        }
    }
    vhost_user_queue_stopped(s);
}

static bool all_queues(VhostUserQueue *q, unsigned arg)
{
    return true;
}

static bool one_queue(VhostUserQueue *q, unsigned arg)
{
    return q->index == arg;
}

static bool misplaced(VhostUserQueue *q, unsigned arg)
{
    return q->ctx != q->server->ctx;
}

/* --- the end of a connection ---------------------------------------------- */

static void finish_close(VhostUserServer *s)
{
    int sock = s->sock;

    for (unsigned i = 0; i < s->num_queues; i++) {
        vhost_user_queue_reset(&s->queues[i]);
    }
    vhost_user_mem_clear(&s->mem);
    if (s->has_inflight) {
        vhost_user_unmap(&s->inflight);
        s->has_inflight = false;
    }
    if (s->backend_fd >= 0) {
        close(s->backend_fd);
        s->backend_fd = -1;
    }
    vhost_user_msg_close_fds(&s->reader.msg);
    qemu_bh_cancel(s->lost);
    s->guest_features = s->protocol_features = 0;
    s->closing = false;
    s->sock = -1;
    close(sock);
    listen_on(s);
    s->ops->disconnected(s->opaque);
}

static void begin_close(VhostUserServer *s)
{
    if (s->sock < 0 || s->closing) {
        return;
    }
    s->closing = true;
    watch(s, false);
    if (!s->then) {
        quiesce(s, all_queues, 0, finish_close);
    }
}

/* A front end must not fill the log by coming again and again. */
static bool log_line_allowed(VhostUserServer *s)
{
    int64_t now = g_get_monotonic_time();

    if (now - s->log_start_us >= LOG_WINDOW_LENGTH) {
        s->log_start_us = now;
        s->log_lines = 0;
    }
    return s->log_lines++ < LOG_LINES_MAX;
}

void vhost_user_drop(VhostUserServer *s, const char *fmt, ...)
{
    va_list ap;

    if (s->sock < 0 || s->closing) {
        return;
    }
    if (log_line_allowed(s)) {
        g_autofree char *why = NULL;

        va_start(ap, fmt);
        why = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        error_report("vhost-user-blk export '%s': %s; the front end is "
                     "disconnected",
                     s->name, why);
        if (s->log_lines == LOG_LINES_MAX) {
            warn_report("vhost-user-blk export '%s': not logging further "
                        "front ends' errors for a minute",
                        s->name);
        }
    }
    begin_close(s);
}

static void drop_err(VhostUserServer *s, Error *err)
{
    vhost_user_drop(s, "%s", error_get_pretty(err));
    error_free(err);
}

static void memory_lost(void *opaque)
{
    vhost_user_drop(opaque, "its shared memory has become shorter");
}

/* --- messages ------------------------------------------------------------- */

/* Act on the message in s->reader; its rings stand still. */
static void handle(VhostUserServer *s)
{
    Error *err = NULL;

    if (!vhost_user_handle(s, &err)) {
        drop_err(s, err);
        return;
    }
    vhost_user_msg_close_fds(&s->reader.msg);
    vhost_user_reader_init(&s->reader);
    for (unsigned i = 0; i < s->num_queues; i++) {
        if (!vhost_user_queue_try_start(&s->queues[i], &err)) {
            drop_err(s, err);
            return;
        }
    }
}

/* Rings that were stopped for nobody's message start again. */
static void restart(VhostUserServer *s)
{
    Error *err = NULL;

    for (unsigned i = 0; i < s->num_queues; i++) {
        if (!vhost_user_queue_try_start(&s->queues[i], &err)) {
            drop_err(s, err);
            return;
        }
    }
}

static bool any_misplaced(VhostUserServer *s)
{
    for (unsigned i = 0; i < s->num_queues; i++) {
        if (s->queues[i].started && misplaced(&s->queues[i], 0)) {
            return true;
        }
    }
    return false;
}

/* The rings that were asked to are stopped. */
static void after_quiet(VhostUserServer *s)
{
    void (*then)(VhostUserServer * s) = s->then;

    s->then = NULL;
    if (s->closing && then != finish_close) {
        quiesce(s, all_queues, 0, finish_close);
        return;
    }
    then(s);
    if (s->sock < 0 || s->closing || s->then) {
        return;
    }
    if (any_misplaced(s)) {
        quiesce(s, misplaced, 0, restart);
        return;
    }
    watch(s, true);
}

/* False: go on with others. */
static bool handle_one(VhostUserServer *s)
{
    unsigned index = 0;
    Error *err = NULL;
    int ret = vhost_user_read(&s->reader, s->sock, &err);

    if (ret < 0) {
        if (err) {
            drop_err(s, err);
        } else {
            begin_close(s);
        }
        return false;
    }
    if (!ret) {
        return false;
    }
    switch (vhost_user_msg_quiet(s, &index)) {
    case VHOST_USER_QUIET_NONE:
        handle(s);
        break;
    case VHOST_USER_QUIET_ONE:
        watch(s, false);
        quiesce(s, one_queue, index, handle);
        return false;
    case VHOST_USER_QUIET_ALL:
        watch(s, false);
        quiesce(s, all_queues, 0, handle);
        return false;
    }
    return s->sock >= 0 && !s->closing && !s->then;
}

static void read_socket(void *opaque)
{
    VhostUserServer *s = opaque;

    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        if (!handle_one(s)) {
            return;
        }
    }
}

void vhost_user_server_config_changed(VhostUserServer *s)
{
    const VhostUserHeader h = { VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
                                VHOST_USER_VERSION, 0 };

    /* A front end whose channel is full has not read of the last change */
    if (s->backend_fd >= 0 &&
        send(s->backend_fd, &h, sizeof(h), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno != EAGAIN) {
        vhost_user_drop(s, "cannot tell it of a change: %s", strerror(errno));
    }
}

void vhost_user_server_set_context(VhostUserServer *s, AioContext *ctx,
                                   IOThread *iothread)
{
    s->ctx = ctx;
    s->iothread = iothread;
    if (s->sock >= 0 && !s->then && any_misplaced(s)) {
        watch(s, false);
        quiesce(s, misplaced, 0, restart);
    }
}

/* --- listening ------------------------------------------------------------ */

static void accept_client(void *opaque)
{
    VhostUserServer *s = opaque;
    int fd = socket_accept(s->listen_fd);

    if (fd < 0) {
        return;
    }
    qemu_set_fd_handler(s->listen_fd, NULL, NULL, NULL);
    s->sock = fd;
    vhost_user_reader_init(&s->reader);
    s->ops->connected(s->opaque);
    watch(s, true);
}

static void listen_on(VhostUserServer *s)
{
    if (!s->shutdown) {
        qemu_set_fd_handler(s->listen_fd, accept_client, NULL, s);
    }
}

bool vhost_user_server_start(VhostUserServer *s, const SocketAddress *addr,
                             Error **errp)
{
    s->sock = s->backend_fd = -1;
    if (addr->type != SOCKET_ADDRESS_TYPE_UNIX &&
        addr->type != SOCKET_ADDRESS_TYPE_FD) {
        error_setg(errp,
                   "Only socket address types 'unix' and 'fd' are supported");
        return false;
    }
    s->listen_fd = socket_listen(addr, 1, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    s->addr = QAPI_CLONE(SocketAddress, addr);
    s->lost = aio_bh_new(qemu_get_aio_context(), memory_lost, s);
    vhost_user_mem_init(&s->mem, s->lost);
    s->queues = g_new0(VhostUserQueue, s->num_queues);
    for (unsigned i = 0; i < s->num_queues; i++) {
        vhost_user_queue_init(s, i);
    }
    listen_on(s);
    return true;
}

void vhost_user_server_shutdown(VhostUserServer *s)
{
    s->shutdown = true;
    if (s->sock < 0) {
        qemu_set_fd_handler(s->listen_fd, NULL, NULL, NULL);
    }
    begin_close(s);
}

void vhost_user_server_cleanup(VhostUserServer *s)
{
    assert(s->sock < 0);
    for (unsigned i = 0; i < s->num_queues; i++) {
        vhost_user_queue_cleanup(&s->queues[i]);
    }
    g_free(s->queues);
    vhost_user_mem_cleanup(&s->mem);
    qemu_bh_delete(s->lost);
    socket_listen_cleanup(s->addr, s->listen_fd);
    close(s->listen_fd);
    qapi_free_SocketAddress(s->addr);
}
