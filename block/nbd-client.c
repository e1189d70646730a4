/*
 * The connection of an nbd node.
 *
 * Two roles move among the coroutines that use a connection, each held by one
 * of them at a time, in whatever thread it runs:
 *
 *   the sender     puts all that waits in c->to_send into one sendmsg(2). It
 *                  starts at the end of a turn of the loop, so that requests of
 *                  one turn share the system call.
 *   the receiver   reads what the socket has and answers calls, until its own
 *                  call is answered; then the oldest call that still waits is
 *                  woken to go on. So each coroutine is woken about once.
 *
 * Invariants
 *  1. c->ch is read by the receiver and written by the sender only, and it is
 *     closed when neither exists.
 *  2. A call returns when it is finished and sent: nobody looks at its buffers
 *     any more. Calls of a broken connection are finished (lost) when both
 * roles have ended.
 *  3. c->state leaves _UP by break_connection() only; the reconnecter, in the
 *     main thread, sets it back to _UP when no role, no call and no byte of the
 *     old connection is left.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <sys/socket.h>

#include "block/nbd-client-int.h"
#include "io/socket.h"
#include "util/main-loop.h"

#define RETRY_NS_MAX (16 * NANOSECONDS_PER_SECOND)

static void coroutine_fn reconnect_entry(void *opaque);

/* --- ends of calls; all under c->lock --- */

static void wake(NbdCall *call)
{
    if (call->waiting) {
        call->waiting = false;
        aio_co_wake(call->co);
    }
}

void nbd_client_finish(NbdClient *c, NbdCall *call, int ret)
{
    call->ret = ret;
    call->finished = true;
    TAILQ_REMOVE(&c->calls, call, next);
    c->slot[call->slot] = NULL;
    c->used_slots &= ~(1ULL << call->slot);
    qemu_co_queue_next(&c->slot_queue);
    c->progress |= !call->lost;
    if (call->sent) {
        wake(call);
    }
}

/* A role has ended, or the connection is broken: once nobody uses it, its
 * calls are lost and somebody goes to get another. */
static void after_break(NbdClient *c)
{
    NbdCall *call;

    if (c->state == NBD_CLIENT_UP || c->sending || c->receiving) {
        return;
    }
    STAILQ_INIT(&c->to_send);
    while ((call = TAILQ_FIRST(&c->calls))) {
        call->lost = true;
        call->sent = true;
        nbd_client_finish(c, call, -EIO);
    }
    if (!c->reconnecting && !c->quit) {
        c->reconnecting = true;
        aio_co_schedule(qemu_get_aio_context(),
                        qemu_coroutine_create(reconnect_entry, c));
    }
}

static void break_connection(NbdClient *c)
{
    if (c->state == NBD_CLIENT_UP) {
        c->state = c->opts->reconnect_delay ? NBD_CLIENT_WAIT : NBD_CLIENT_FAIL;
        nbd_channel_shutdown(&c->ch);
        qemu_co_queue_restart_all(&c->slot_queue);
    }
}

/* --- the sender --- */

/* Move calls from to_send into @batch and c->send_iov; elements used. */
static int gather(NbdClient *c, NbdCall **batch, int *n_calls)
{
    NbdCall *call;
    int n = 0;

    *n_calls = 0;
    while ((call = STAILQ_FIRST(&c->to_send))) {
        bool has_data = call->req.type == NBD_CMD_WRITE;
        int elements = 1 + (has_data ? call->qiov->niov : 0);

        if (n && n + elements > NBD_SEND_IOV) {
            break;
        }
        STAILQ_REMOVE_HEAD(&c->to_send, send_next);
        batch[(*n_calls)++] = call;
        c->send_iov[n++] = (struct iovec){
            .iov_base = call->head,
            .iov_len = nbd_request_len(c->info.mode),
        };
        if (!has_data) {
            continue;
        }
        if (elements > NBD_SEND_IOV) {
            break; /* its data goes by itself: send_batch() */
        }
        memcpy(&c->send_iov[n], call->qiov->iov,
               call->qiov->niov * sizeof(struct iovec));
        n += call->qiov->niov;
    }
    return n;
}

static int coroutine_fn send_batch(NbdClient *c, NbdCall **batch, int n_calls,
                                   int n_iov)
{
    NbdCall *last = batch[n_calls - 1];
    g_autofree struct iovec *iov = NULL;
    int ret = nbd_co_channel_writev(&c->ch, c->send_iov, n_iov);

    if (ret == 0 && last->req.type == NBD_CMD_WRITE &&
        last->qiov->niov + 1 > NBD_SEND_IOV) {
        iov = g_memdup2(last->qiov->iov,
                        last->qiov->niov * sizeof(struct iovec));
        ret = nbd_co_channel_writev(&c->ch, iov, last->qiov->niov);
    }
    return ret;
}

static void coroutine_fn send_entry(void *opaque)
{
    NbdClient *c = opaque;
    NbdCall *batch[NBD_CLIENT_SLOTS];
    int ret = 0, n_calls;

    qemu_mutex_lock(&c->lock);
    while (ret == 0 && c->state == NBD_CLIENT_UP &&
           !STAILQ_EMPTY(&c->to_send)) {
        int n_iov = gather(c, batch, &n_calls);

        qemu_mutex_unlock(&c->lock);
        ret = send_batch(c, batch, n_calls, n_iov);
        qemu_mutex_lock(&c->lock);
        for (int i = 0; i < n_calls; i++) {
            batch[i]->sent = true;
            if (batch[i]->finished) {
                wake(batch[i]);
            }
        }
    }
    c->sending = false;
    if (ret < 0) {
        break_connection(c);
    }
    after_break(c);
    qemu_mutex_unlock(&c->lock);
    aio_wait_kick();
}

static void send_soon(AioDeferred *d)
{
    NbdClient *c = container_of(d, NbdClient, send_soon);

    qemu_coroutine_enter(qemu_coroutine_create(send_entry, c));
}

/* --- calls --- */

/* Under c->lock, with the role taken. Ends it. */
static void coroutine_fn receive(NbdClient *c, NbdCall *own)
{
    NbdCall *next;
    int ret = c->state == NBD_CLIENT_UP ? 0 : -EIO;

    qemu_mutex_unlock(&c->lock);
    while (ret == 0 && !own->finished) {
        ret = nbd_co_receive_one(c);
    }
    qemu_mutex_lock(&c->lock);
    if (ret < 0) {
        break_connection(c);
    }
    if (c->state == NBD_CLIENT_UP) {
        TAILQ_FOREACH(next, &c->calls, next) {
            if (next->waiting) {
                next->promoted = true;
                wake(next);
                return; /* the role is its own now */
            }
        }
    }
    c->receiving = false;
    after_break(c);
    aio_wait_kick();
}

/* Under c->lock. */
static void coroutine_fn wait_for_answer(NbdClient *c, NbdCall *call)
{
    while (!call->finished || !call->sent || call->promoted) {
        if (call->promoted ||
            (!c->receiving && !call->finished && c->state == NBD_CLIENT_UP)) {
            call->promoted = false;
            c->receiving = true;
            receive(c, call);
            continue;
        }
        call->waiting = true;
        qemu_mutex_unlock(&c->lock);
        qemu_coroutine_yield();
        qemu_mutex_lock(&c->lock);
    }
}

/* Under c->lock, which it gives up while it waits: have a connection and a
 * free slot on it. */
static int coroutine_fn wait_for_slot(NbdClient *c)
{
    for (;;) {
        if (c->state == NBD_CLIENT_FAIL) {
            return -EIO;
        }
        if (c->state == NBD_CLIENT_WAIT) {
            qemu_co_queue_wait(&c->state_queue, &c->lock);
        } else if (!~c->used_slots) {
            qemu_co_queue_wait(&c->slot_queue, &c->lock);
        } else {
            return 0;
        }
    }
}

/* Under c->lock. */
static void start_call(NbdClient *c, NbdCall *call)
{
    call->slot = __builtin_ctzll(~c->used_slots);
    c->used_slots |= 1ULL << call->slot;
    c->slot[call->slot] = call;
    c->next_cookie += NBD_CLIENT_SLOTS;
    call->req.cookie = c->next_cookie | call->slot;
    nbd_request_build(c->info.mode, &call->req, call->head);
    call->data_bytes = 0;
    call->error = 0;
    call->extent_len = 0;
    call->sent = call->finished = call->lost = call->promoted = false;
    TAILQ_INSERT_TAIL(&c->calls, call, next);
    STAILQ_INSERT_TAIL(&c->to_send, call, send_next);
    if (!c->sending) {
        c->sending = true;
        aio_defer(qemu_get_current_aio_context(), &c->send_soon);
    }
}

int coroutine_fn nbd_co_client_call(NbdClient *c, NbdCall *call)
{
    int ret;

    call->co = qemu_coroutine_self();
    qemu_mutex_lock(&c->lock);
    do {
        ret = wait_for_slot(c);
        if (ret < 0) {
            break;
        }
        start_call(c, call);
        wait_for_answer(c, call);
        ret = call->ret;
    } while (call->lost);
    qemu_mutex_unlock(&c->lock);
    return ret;
}

/* --- connecting --- */

static int coroutine_fn connect_socket(NbdClient *c, Error **errp)
{
    bool in_progress;
    int fd = socket_connect(c->opts->addr, true, &in_progress, errp);

    if (fd >= 0 && in_progress) {
        qemu_mutex_lock(&c->lock);
        c->fd_connecting = fd;
        qemu_mutex_unlock(&c->lock);
        qemu_co_yield_until_fd_writable(fd);
        if (!socket_connect_finish(fd, c->opts->addr, errp)) {
            close(fd);
            fd = -1;
        }
    }
    return fd;
}

/* One attempt: a channel and what its server offers. Main thread. */
static int coroutine_fn connect_once(NbdClient *c, NbdChannel *ch,
                                     NbdServerExport *info, Error **errp)
{
    int fd = connect_socket(c, errp);
    int ret = fd < 0 ? -EINVAL : nbd_channel_init(ch, fd);

    if (fd >= 0 && ret < 0) {
        error_setg_errno(errp, -ret, "Failed to set up the socket");
    }
    if (ret == 0) {
        *info = (NbdServerExport){
            .name = g_strdup(c->opts->export_name),
            .meta_context = c->opts->meta_context,
            .want_block_sizes = true,
            .tls = c->opts->tls,
            .tls_hostname = c->opts->tls_hostname,
        };
        qemu_mutex_lock(&c->lock);
        c->fd_connecting = fd;
        qemu_mutex_unlock(&c->lock);
        ret = nbd_co_negotiate(ch, info, errp);
        if (ret < 0) {
            nbd_server_export_clear(info);
        }
    }
    qemu_mutex_lock(&c->lock);
    c->fd_connecting = -1;
    qemu_mutex_unlock(&c->lock);
    if (ret < 0) {
        nbd_channel_close(ch);
    }
    return ret;
}

/* The node has told others what the export is like: it must still be so. */
static bool same_export(const NbdServerExport *old, const NbdServerExport *new)
{
    return new->size == old->size && !(old->flags & ~new->flags) &&
           (new->flags &NBD_FLAG_READ_ONLY) ==
               (old->flags & NBD_FLAG_READ_ONLY) &&
           MAX(new->min_block, 1) <= MAX(old->min_block, 1) &&
           (!new->max_block ||
            new->max_block >=
                MIN(old->max_block ?: UINT32_MAX, NBD_MAX_BUFFER)) &&
           (new->has_context || !old->has_context);
}

/* Try to be connected again; true: we are, or nobody wants it any more. */
static bool coroutine_fn reconnect_once(NbdClient *c)
{
    NbdServerExport info = { 0 };
    bool good = connect_once(c, &c->ch, &info, NULL) == 0;

    if (good && (c->quit || !same_export(&c->info, &info))) {
        nbd_server_export_clear(&info);
        nbd_channel_close(&c->ch);
        good = false;
    }
    if (good) {
        qemu_mutex_lock(&c->lock);
        nbd_server_export_clear(&c->info);
        c->info = info;
        c->pos = c->end = 0;
        c->state = NBD_CLIENT_UP;
        c->progress = false;
        qemu_co_queue_restart_all(&c->state_queue);
        qemu_mutex_unlock(&c->lock);
    }
    return good || c->quit;
}

/* After an attempt that failed: let calls fail if it is time, and sleep. */
static void coroutine_fn wait_to_retry(NbdClient *c)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    int64_t sleep_ns = c->pause;

    qemu_mutex_lock(&c->lock);
    if (c->state == NBD_CLIENT_WAIT && now >= c->give_up) {
        c->state = NBD_CLIENT_FAIL;
        qemu_co_queue_restart_all(&c->state_queue);
    } else if (c->state == NBD_CLIENT_WAIT) {
        sleep_ns = MIN(sleep_ns, c->give_up - now);
    }
    qemu_mutex_unlock(&c->lock);
    if (!c->quit) {
        qemu_co_sleep_ns_wakeable(&c->retry_sleep, QEMU_CLOCK_REALTIME,
                                  sleep_ns);
    }
    c->pause = MIN(c->pause * 2, RETRY_NS_MAX);
}

static void coroutine_fn reconnect_entry(void *opaque)
{
    NbdClient *c = opaque;

    nbd_channel_close(&c->ch);
    if (c->progress) {
        c->give_up = qemu_clock_get_ns(QEMU_CLOCK_REALTIME) +
                     c->opts->reconnect_delay * NANOSECONDS_PER_SECOND;
        c->pause = NANOSECONDS_PER_SECOND;
    } else {
        wait_to_retry(c); /* it lets us in and hangs up, again and again */
    }
    while (!reconnect_once(c)) {
        wait_to_retry(c);
    }
    qemu_mutex_lock(&c->lock);
    c->reconnecting = false;
    /* It may have broken again meanwhile */
    after_break(c);
    qemu_mutex_unlock(&c->lock);
    aio_wait_kick();
}

/* --- opening and closing (main thread) --- */

typedef struct OpenCall {
    NbdClient *c;
    Error **errp;
    int ret;
    bool done;
} OpenCall;

/* The time that opening may take is over. */
static void open_timed_out(void *opaque)
{
    NbdClient *c = opaque;

    qemu_mutex_lock(&c->lock);
    c->quit = true;
    if (c->fd_connecting >= 0) {
        shutdown(c->fd_connecting, SHUT_RDWR);
    }
    qemu_mutex_unlock(&c->lock);
    qemu_co_sleep_wake(&c->retry_sleep);
}

static void coroutine_fn open_entry(void *opaque)
{
    OpenCall *o = opaque;
    NbdClient *c = o->c;
    Error *err = NULL;

    for (;;) {
        error_free(err);
        err = NULL;
        o->ret = connect_once(c, &c->ch, &c->info, &err);
        if (o->ret == 0 || !c->opts->open_timeout || c->quit) {
            break;
        }
        qemu_co_sleep_ns_wakeable(&c->retry_sleep, QEMU_CLOCK_REALTIME,
                                  NANOSECONDS_PER_SECOND);
        if (c->quit) {
            break;
        }
    }
    if (err) {
        error_propagate(o->errp, err);
    }
    o->done = true;
}

static void conn_free(NbdClient *c)
{
    nbd_channel_close(&c->ch);
    nbd_server_export_clear(&c->info);
    qemu_mutex_destroy(&c->lock);
    g_free(c->buf);
    g_free(c);
}

NbdClient *nbd_client_open(const NbdClientOptions *opts, Error **errp)
{
    NbdClient *c = g_new0(NbdClient, 1);
    OpenCall o = { .c = c, .errp = errp };
    QEMUTimer timer;

    c->opts = opts;
    c->ch.fd = c->fd_connecting = -1;
    c->buf = g_malloc(NBD_RECEIVE_BUFFER);
    c->send_soon.fn = send_soon;
    c->progress = true;
    qemu_mutex_init(&c->lock);
    qemu_co_queue_init(&c->slot_queue);
    qemu_co_queue_init(&c->state_queue);
    TAILQ_INIT(&c->calls);
    STAILQ_INIT(&c->to_send);

    timer_init_ns(&timer, qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                  open_timed_out, c);
    if (opts->open_timeout) {
        timer_mod_ns(&timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) +
                                 opts->open_timeout * NANOSECONDS_PER_SECOND);
    }
    qemu_coroutine_enter(qemu_coroutine_create(open_entry, &o));
    AIO_WAIT_WHILE(NULL, !o.done);
    timer_del(&timer);
    c->quit = false;
    if (o.ret < 0) {
        conn_free(c);
        return NULL;
    }
    return c;
}

const NbdServerExport *nbd_client_info(const NbdClient *c)
{
    return &c->info;
}

static bool conn_busy(NbdClient *c)
{
    bool busy;

    qemu_mutex_lock(&c->lock);
    busy = c->sending || c->receiving || c->reconnecting;
    qemu_mutex_unlock(&c->lock);
    return busy;
}

void nbd_client_close(NbdClient *c)
{
    NbdRequest req = { .type = NBD_CMD_DISC };
    uint8_t head[NBD_EXT_REQUEST_LEN];

    qemu_mutex_lock(&c->lock);
    c->quit = true;
    if (c->fd_connecting >= 0) {
        shutdown(c->fd_connecting, SHUT_RDWR);
    }
    qemu_mutex_unlock(&c->lock);
    qemu_co_sleep_wake(&c->retry_sleep);
    AIO_WAIT_WHILE(NULL, conn_busy(c));
    if (c->state == NBD_CLIENT_UP) {
        nbd_request_build(c->info.mode, &req, head);
        nbd_channel_try_write(&c->ch, head, nbd_request_len(c->info.mode));
        nbd_channel_shutdown(&c->ch);
    }
    conn_free(c);
}
