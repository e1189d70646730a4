/*
 * The event loop: bottom halves, descriptors, notifiers, requests, waiting.
 *
 * One piece because all cases stand on the same few loop and thread fixtures.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#include <liburing.h>
#include <sys/socket.h>
#if CONFIG_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

/* Under valgrind the loop waits in another way, and is late for polling. */
static bool count_syscalls = true;

static AioContext *ctx;

static void poll_until(const bool *flag)
{
    while (!qatomic_load_acquire(flag)) {
        aio_poll(ctx, true);
    }
}

static void drain_loop(void)
{
    while (aio_poll(ctx, false)) {
    }
}

/* --- bottom halves --- */

typedef struct BhTest {
    QEMUBH *bh;
    int n, max;
    bool done;
} BhTest;

static void bh_count(void *opaque)
{
    BhTest *t = opaque;

    if (++t->n < t->max) {
        qemu_bh_schedule(t->bh);
    }
    t->done = t->n == t->max;
}

static void bh_delete_self(void *opaque)
{
    BhTest *t = opaque;

    t->n++;
    qemu_bh_delete(t->bh);
    t->bh = NULL;
}

static void test_bh(void)
{
    BhTest t = { .max = 1 };

    t.bh = aio_bh_new(ctx, bh_count, &t);
    drain_loop();
    g_assert_cmpint(t.n, ==, 0);
    qemu_bh_schedule(t.bh);
    qemu_bh_schedule(t.bh);
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpint(t.n, ==, 1);
    g_assert_false(aio_poll(ctx, false));
    g_assert_cmpint(t.n, ==, 1);

    /* A cancelled one does not run, and can be scheduled again. */
    qemu_bh_schedule(t.bh);
    qemu_bh_cancel(t.bh);
    g_assert_false(aio_poll(ctx, false));
    g_assert_cmpint(t.n, ==, 1);

    /* One turn each when it schedules itself. */
    t = (BhTest){ .bh = t.bh, .max = 3 };
    qemu_bh_schedule(t.bh);
    g_assert_true(aio_poll(ctx, false));
    g_assert_cmpint(t.n, ==, 1);
    poll_until(&t.done);
    g_assert_cmpint(t.n, ==, 3);
    qemu_bh_delete(t.bh);
    drain_loop();
}

static void test_bh_delete(void)
{
    BhTest t = { .max = 1 };

    t.bh = aio_bh_new(ctx, bh_count, &t);
    qemu_bh_schedule(t.bh);
    qemu_bh_delete(t.bh);
    drain_loop();
    g_assert_cmpint(t.n, ==, 0);

    t.bh = aio_bh_new(ctx, bh_delete_self, &t);
    qemu_bh_schedule(t.bh);
    drain_loop();
    g_assert_cmpint(t.n, ==, 1);
    g_assert_null(t.bh);
}

static void order_cb(void *opaque)
{
    static int last;
    int n = GPOINTER_TO_INT(opaque);

    g_assert_cmpint(n, ==, last + 1);
    last = n;
}

static void test_bh_order(void)
{
    for (int i = 1; i <= 10; i++) {
        aio_bh_schedule_oneshot(ctx, order_cb, GINT_TO_POINTER(i));
    }
    drain_loop();
}

/* A callback that turns the loop itself. */
typedef struct Nested {
    bool inner, outer;
} Nested;

static void nested_inner(void *opaque)
{
    ((Nested *)opaque)->inner = true;
}

static void nested_outer(void *opaque)
{
    Nested *t = opaque;

    aio_bh_schedule_oneshot(ctx, nested_inner, t);
    AIO_WAIT_WHILE(ctx, !t->inner);
    t->outer = true;
}

static void test_bh_nested(void)
{
    Nested t = { 0 };

    aio_bh_schedule_oneshot(ctx, nested_outer, &t);
    poll_until(&t.outer);
}

/* --- wake-ups from other threads --- */

#define STORM 20000

typedef struct Storm {
    QEMUBH *bh;
    unsigned scheduled; /* atomic */
    unsigned seen;
    unsigned ran;
    bool stop; /* atomic */
} Storm;

static void storm_bh(void *opaque)
{
    Storm *s = opaque;

    s->seen = qatomic_read(&s->scheduled);
    s->ran++;
}

static void *storm_thread(void *opaque)
{
    Storm *s = opaque;

    for (int i = 0; i < STORM; i++) {
        qatomic_inc(&s->scheduled);
        qemu_bh_schedule(s->bh);
    }
    return NULL;
}

static void test_storm(void)
{
    Storm s = { 0 };
    QemuThread threads[3];

    s.bh = aio_bh_new(ctx, storm_bh, &s);
    for (int i = 0; i < 3; i++) {
        qemu_thread_create(&threads[i], "storm", storm_thread, &s);
    }
    /* Lost wake-ups would hang here. */
    while (s.seen < 3 * STORM) {
        aio_poll(ctx, true);
    }
    for (int i = 0; i < 3; i++) {
        qemu_thread_join(&threads[i]);
    }
    drain_loop();
    g_assert_cmpuint(s.ran, <=, 3 * STORM);
    qemu_bh_delete(s.bh);
    drain_loop();
}

/* One wake-up at a time, so that the loop sleeps each time. */
typedef struct PingPong {
    AioContext *other;
    unsigned rounds;
    bool stop; /* atomic */
    QemuEvent ready;
} PingPong;

static void pong(void *opaque);

static void ping(void *opaque)
{
    PingPong *p = opaque;

    aio_bh_schedule_oneshot(p->other, pong, p);
}

static void pong(void *opaque)
{
    PingPong *p = opaque;

    if (++p->rounds == 2000) {
        qatomic_store_release(&p->stop, true);
        aio_notify(ctx);
        return;
    }
    aio_bh_schedule_oneshot(ctx, ping, p);
}

static void *pong_thread(void *opaque)
{
    PingPong *p = opaque;

    aio_context_set_home(p->other);
    g_assert_true(qemu_get_current_aio_context() == p->other);
    qemu_event_set(&p->ready);
    while (!qatomic_load_acquire(&p->stop)) {
        aio_poll(p->other, true);
    }
    aio_context_leave_home(p->other);
    return NULL;
}

static void test_ping_pong(void)
{
    PingPong p = { .other = aio_context_new(&error_abort) };
    QemuThread thread;

    qemu_event_init(&p.ready, false);
    qemu_thread_create(&thread, "pong", pong_thread, &p);
    qemu_event_wait(&p.ready);
    ping(&p);
    poll_until(&p.stop);
    qemu_thread_join(&thread);
    g_assert_cmpuint(p.rounds, ==, 2000);
    qemu_event_destroy(&p.ready);
    drain_loop();
    aio_context_unref(p.other);
}

/* A busy loop's eventfd is not written to. */
static void test_notify_is_free(void)
{
    AioContextStats before, after;

    drain_loop();
    aio_context_get_stats(ctx, &before);
    for (int i = 0; i < 1000; i++) {
        aio_notify(ctx);
        aio_poll(ctx, true);
    }
    aio_context_get_stats(ctx, &after);
    if (aio_context_has_ring(ctx)) {
        g_assert_cmpuint(after.syscalls, ==, before.syscalls);
    }
    g_assert_cmpuint(after.turns, ==, before.turns + 1000);
}

/* --- descriptors --- */

typedef struct FdTest {
    int fd[2];
    int reads, writes;
    int drain; /* bytes to read per event */
    bool remove;
} FdTest;

static void fd_read(void *opaque)
{
    FdTest *t = opaque;
    char buf[16];

    t->reads++;
    if (t->drain) {
        g_assert_cmpint(read(t->fd[0], buf, t->drain), ==, t->drain);
    }
    if (t->remove) {
        aio_set_fd_handler(ctx, t->fd[0], NULL, NULL, NULL);
    }
}

static void fd_write(void *opaque)
{
    ((FdTest *)opaque)->writes++;
}

static void test_fd(void)
{
    FdTest t = { .drain = 1 };

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, t.fd), ==, 0);
    aio_set_fd_handler(ctx, t.fd[0], fd_read, NULL, &t);
    g_assert_false(aio_poll(ctx, false));
    g_assert_cmpint(t.reads, ==, 0);

    /* Level triggered: three bytes, three events. */
    g_assert_cmpint(write(t.fd[1], "abc", 3), ==, 3);
    drain_loop();
    g_assert_cmpint(t.reads, ==, 3);

    /* Handlers may change while armed. */
    aio_set_fd_handler(ctx, t.fd[0], fd_read, fd_write, &t);
    aio_poll(ctx, true);
    g_assert_cmpint(t.writes, >, 0);
    aio_set_fd_handler(ctx, t.fd[0], fd_read, NULL, &t);
    drain_loop();
    t.writes = 0;
    aio_poll(ctx, false);
    g_assert_cmpint(t.writes, ==, 0);

    /* Removed by its own callback. */
    t.remove = true;
    t.reads = 0;
    g_assert_cmpint(write(t.fd[1], "de", 2), ==, 2);
    drain_loop();
    g_assert_cmpint(t.reads, ==, 1);

    /* Removed while armed, then closed: the other side sees it at once. */
    aio_set_fd_handler(ctx, t.fd[0], fd_read, NULL, &t);
    t.remove = false;
    drain_loop();
    aio_set_fd_handler(ctx, t.fd[0], NULL, NULL, NULL);
    close(t.fd[0]);
    errno = 0;
    g_assert_cmpint(recv(t.fd[1], &t, 1, MSG_DONTWAIT), <=, 0);
    if (count_syscalls) {
        g_assert_cmpint(errno, !=, EAGAIN);
    }
    close(t.fd[1]);
    drain_loop();
}

static void test_fd_reuse(void)
{
    FdTest t = { .drain = 1 };
    int old;

    for (int i = 0; i < 100; i++) {
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, t.fd), ==, 0);
        old = t.reads;
        aio_set_fd_handler(ctx, t.fd[0], fd_read, NULL, &t);
        g_assert_cmpint(write(t.fd[1], "x", 1), ==, 1);
        if (i & 1) {
            drain_loop();
            g_assert_cmpint(t.reads, ==, old + 1);
        }
        aio_set_fd_handler(ctx, t.fd[0], NULL, NULL, NULL);
        close(t.fd[0]);
        close(t.fd[1]);
    }
    drain_loop();
}

/* Monitors' handlers stay away from AIO_WAIT_WHILE. */
static void test_fd_outer(void)
{
    FdTest t = { .drain = 1 };
    int turns = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, t.fd), ==, 0);
    aio_set_fd_handler_outer(ctx, t.fd[0], fd_read, NULL, &t);
    g_assert_cmpint(write(t.fd[1], "x", 1), ==, 1);
    AIO_WAIT_WHILE(ctx, (aio_notify(ctx), turns++ < 10));
    g_assert_cmpint(t.reads, ==, 0);
    aio_poll(ctx, true);
    g_assert_cmpint(t.reads, ==, 1);

    /* Removed while it is held back. */
    g_assert_cmpint(write(t.fd[1], "x", 1), ==, 1);
    turns = 0;
    AIO_WAIT_WHILE(ctx, (aio_notify(ctx), turns++ < 10));
    aio_set_fd_handler(ctx, t.fd[0], NULL, NULL, NULL);
    drain_loop();
    g_assert_cmpint(t.reads, ==, 1);
    close(t.fd[0]);
    close(t.fd[1]);
}

/* --- event notifiers --- */

typedef struct NotifierTest {
    EventNotifier e;
    int n;
} NotifierTest;

static void notifier_read(EventNotifier *e)
{
    container_of(e, NotifierTest, e)->n++;
}

static void test_notifier(void)
{
    NotifierTest t = { 0 };
    AioContextStats before, after;

    g_assert_cmpint(event_notifier_init(&t.e, false), ==, 0);
    aio_set_event_notifier(ctx, &t.e, notifier_read, NULL, NULL);
    drain_loop();
    g_assert_cmpint(t.n, ==, 0);
    event_notifier_set(&t.e);
    event_notifier_set(&t.e);
    aio_poll(ctx, true);
    g_assert_cmpint(t.n, ==, 1);
    g_assert_false(event_notifier_test_and_clear(&t.e));

    /* One system call per event: it arms the next read and waits. */
    drain_loop();
    aio_context_get_stats(ctx, &before);
    for (int i = 0; i < 100; i++) {
        event_notifier_set(&t.e);
        aio_poll(ctx, true);
    }
    aio_context_get_stats(ctx, &after);
    g_assert_cmpint(t.n, ==, 101);
    if (count_syscalls) {
        g_assert_cmpuint(after.syscalls - before.syscalls, <=, 101);
    }

    /* Set by a request of the ring. */
    aio_event_notifier_set_deferred(ctx, &t.e);
    drain_loop();
    g_assert_cmpint(t.n, ==, 102);

    /* An event that the loop has not handled survives the removal. */
    aio_poll(ctx, false);
    event_notifier_set(&t.e);
    aio_set_event_notifier(ctx, &t.e, NULL, NULL, NULL);
    g_assert_true(event_notifier_test_and_clear(&t.e));
    drain_loop();
    g_assert_cmpint(t.n, ==, 102);
    event_notifier_cleanup(&t.e);
}

/* --- polling --- */

typedef struct PollTest {
    EventNotifier e;
    bool work; /* atomic */
    int kicks, polled, begins, ends;
    int asked;
    int appear_after; /* times asked */
} PollTest;

static void poll_kick(EventNotifier *e)
{
    container_of(e, PollTest, e)->kicks++;
}

static bool poll_has_work(EventNotifier *e)
{
    PollTest *t = container_of(e, PollTest, e);

    if (++t->asked == t->appear_after) {
        t->work = true;
    }
    return t->work;
}

static void poll_ready(EventNotifier *e)
{
    PollTest *t = container_of(e, PollTest, e);

    t->work = false;
    t->polled++;
}

static void poll_begin(EventNotifier *e)
{
    container_of(e, PollTest, e)->begins++;
}

static void poll_end(EventNotifier *e)
{
    container_of(e, PollTest, e)->ends++;
}

static void nothing(void *opaque)
{
}

static void test_polling(void)
{
    PollTest t = { 0 };
    AioContextStats before, after;
    QEMUTimer timer;

    g_assert_cmpint(event_notifier_init(&t.e, false), ==, 0);
    aio_set_event_notifier(ctx, &t.e, poll_kick, poll_has_work, poll_ready);
    aio_set_event_notifier_poll(ctx, &t.e, poll_begin, poll_end);
    aio_context_set_poll_params(ctx, 100 * SCALE_MS, 0, 0);
    drain_loop();

    /* Nothing has happened yet, so nothing is polled. */
    g_assert_cmpint(t.asked, ==, 0);

    /* A kick wakes the poller; short waits make polling begin. */
    for (int i = 0; i < 5; i++) {
        event_notifier_set(&t.e);
        aio_poll(ctx, true);
    }
    g_assert_cmpint(t.kicks, ==, 5);
    aio_poll(ctx, false);
    timer_init_ns(&timer, ctx, QEMU_CLOCK_REALTIME, nothing, NULL);
    timer_mod_ns(&timer, get_clock() + SCALE_MS);
    while (timer_pending(&timer)) {
        aio_poll(ctx, true);
    }
    aio_context_get_stats(ctx, &before);
    g_assert_cmpint(before.poll_ns, >, 0);

    /* A hit: work that nobody announced is found without a system call. */
    t.appear_after = t.asked + 3;
    t.polled = 0;
    while (!t.polled) {
        timer_mod_ns(&timer, get_clock() + SCALE_MS);
        aio_poll(ctx, true);
    }
    g_assert_cmpint(t.begins, >, 0);
    aio_context_get_stats(ctx, &after);
    g_assert_cmpint(t.kicks, ==, 5);
    if (count_syscalls) {
        g_assert_cmpuint(after.poll_hit, >, before.poll_hit);
    }
    timer_del(&timer);

    /* Beyond the limit: polling stops, and is left before the sleep. */
    aio_context_set_poll_params(ctx, 100 * SCALE_US, 0, 0);
    for (int i = 0; i < 3; i++) {
        timer_mod_ns(&timer, get_clock() + 5 * SCALE_MS);
        while (timer_pending(&timer)) {
            aio_poll(ctx, true);
        }
    }
    aio_context_get_stats(ctx, &after);
    g_assert_cmpint(after.poll_ns, ==, 0);
    g_assert_cmpint(t.begins, ==, t.ends);

    aio_context_set_poll_params(ctx, 0, 0, 0);
    aio_set_event_notifier(ctx, &t.e, NULL, NULL, NULL);
    event_notifier_cleanup(&t.e);
    drain_loop();
}

/* In a loop that never sleeps a poller that has become idle is told that its
 * announcements are wanted again. */
static void test_polling_idle(void)
{
    PollTest busy = { 0 }, idle = { 0 };
    int64_t end;
    int asked;

    g_assert_cmpint(event_notifier_init(&busy.e, false), ==, 0);
    g_assert_cmpint(event_notifier_init(&idle.e, false), ==, 0);
    for (PollTest *t = &busy; t; t = t == &busy ? &idle : NULL) {
        aio_set_event_notifier(ctx, &t->e, poll_kick, poll_has_work,
                               poll_ready);
        aio_set_event_notifier_poll(ctx, &t->e, poll_begin, poll_end);
    }
    aio_context_set_poll_params(ctx, NANOSECONDS_PER_SECOND, 0, 0);
    drain_loop();
    while (!busy.begins || !idle.begins) {
        event_notifier_set(&busy.e);
        event_notifier_set(&idle.e);
        busy.appear_after = busy.asked + 2;
        aio_poll(ctx, true);
    }
    /* Those that were under way */
    for (int i = 0; i < 3; i++) {
        busy.work = true;
        aio_poll(ctx, true);
    }
    idle.ends = 0;
    busy.ends = 0;
    end = get_clock() + 10 * NANOSECONDS_PER_SECOND;
    while (!idle.ends && get_clock() < end) {
        busy.work = true;
        aio_poll(ctx, true);
    }
    g_assert_cmpint(idle.ends, ==, 1);
    g_assert_cmpint(busy.ends, ==, 0);
    asked = idle.asked;
    busy.work = true;
    aio_poll(ctx, true);
    g_assert_cmpint(idle.asked, ==, asked);

    aio_set_event_notifier(ctx, &idle.e, NULL, NULL, NULL);
    aio_set_event_notifier(ctx, &busy.e, NULL, NULL, NULL);
    aio_context_set_poll_params(ctx, 0, 0, 0);
    event_notifier_cleanup(&idle.e);
    event_notifier_cleanup(&busy.e);
}

/* What a hook for polling schedules is not slept over. */
typedef struct HookTest {
    PollTest p; /* first: e is found from it */
    QEMUBH *bh;
    QEMUTimer timer;
    bool use_timer, hooked, ran;
} HookTest;

static void hook_bh(void *opaque)
{
    ((HookTest *)opaque)->ran = true;
}

static void hook_end(EventNotifier *e)
{
    HookTest *t = container_of(e, HookTest, p.e);

    t->hooked = true;
    if (t->use_timer) {
        timer_mod_ns(&t->timer, get_clock() + SCALE_MS);
    } else {
        qemu_bh_schedule(t->bh);
    }
}

static void set_flag(void *opaque)
{
    *(bool *)opaque = true;
}

static void run_hook(bool use_timer)
{
    HookTest t = { .use_timer = use_timer };
    bool fired = false;
    QEMUTimer late;

    g_assert_cmpint(event_notifier_init(&t.p.e, false), ==, 0);
    t.bh = aio_bh_new(ctx, hook_bh, &t);
    timer_init_ns(&t.timer, ctx, QEMU_CLOCK_REALTIME, hook_bh, &t);
    timer_init_ns(&late, ctx, QEMU_CLOCK_REALTIME, set_flag, &fired);
    aio_set_event_notifier(ctx, &t.p.e, poll_kick, poll_has_work, poll_ready);
    aio_set_event_notifier_poll(ctx, &t.p.e, poll_begin, hook_end);
    aio_context_set_poll_params(ctx, 50 * SCALE_US, 0, 0);
    while (!t.ran) {
        /* Active and polled for: kicks, then waits that polling covers */
        event_notifier_set(&t.p.e);
        aio_poll(ctx, true);
        timer_mod_ns(&late, get_clock() + 20 * SCALE_US);
        aio_poll(ctx, true);
        if (t.ran) {
            break;
        }
        fired = false;
        timer_mod_ns(&late, get_clock() + 500 * SCALE_MS);
        aio_poll(ctx, true);
        /* A busy host may keep us from ever polling: then once more */
        g_assert_false(t.hooked && fired);
    }
    timer_del(&late);
    timer_del(&t.timer);
    aio_context_set_poll_params(ctx, 0, 0, 0);
    aio_set_event_notifier(ctx, &t.p.e, NULL, NULL, NULL);
    event_notifier_cleanup(&t.p.e);
    qemu_bh_delete(t.bh);
    drain_loop();
}

static void test_polling_hook(void)
{
    run_hook(false);
    run_hook(true);
}

/* --- requests --- */

typedef struct NopTest {
    CqeHandler cqe;
    int res;
    bool done;
} NopTest;

static void nop_done(CqeHandler *h, int res, uint32_t flags)
{
    NopTest *t = container_of(h, NopTest, cqe);

    t->res = res;
    t->done = true;
}

static void test_sqe(void)
{
    NopTest t[1000] = { 0 };
    AioContextStats before, after;
    char buf[4] = { 0 };
    int fd = open("/dev/zero", O_RDONLY);

    drain_loop();
    aio_context_get_stats(ctx, &before);
    for (int i = 0; i < 32; i++) {
        t[i].cqe.cb = nop_done;
        io_uring_prep_nop(aio_get_sqe(ctx, &t[i].cqe));
    }
    aio_poll(ctx, true);
    aio_context_get_stats(ctx, &after);
    for (int i = 0; i < 32; i++) {
        g_assert_true(t[i].done);
    }
    if (count_syscalls) {
        g_assert_cmpuint(after.syscalls - before.syscalls, ==, 1);
    }
    g_assert_cmpuint(after.cqes - before.cqes, ==, 32);

    /* More than the queue holds. */
    memset(t, 0, sizeof(t));
    for (int i = 0; i < ARRAY_SIZE(t); i++) {
        t[i].cqe.cb = nop_done;
        io_uring_prep_nop(aio_get_sqe(ctx, &t[i].cqe));
    }
    for (int i = 0; i < ARRAY_SIZE(t); i++) {
        poll_until(&t[i].done);
    }

    memset(buf, 1, sizeof(buf));
    t[0].done = false;
    io_uring_prep_read(aio_get_sqe(ctx, &t[0].cqe), fd, buf, sizeof(buf), 0);
    poll_until(&t[0].done);
    g_assert_cmpint(t[0].res, ==, 4);
    g_assert_cmpint(buf[3], ==, 0);

    t[0].done = false;
    io_uring_prep_read(aio_get_sqe(ctx, &t[0].cqe), -1, buf, 1, 0);
    poll_until(&t[0].done);
    g_assert_cmpint(t[0].res, ==, -EBADF);
    close(fd);
}

/* --- deferred --- */

typedef struct DeferTest {
    AioDeferred d;
    NopTest nop;
    int n;
} DeferTest;

static void deferred_fn(AioDeferred *d)
{
    DeferTest *t = container_of(d, DeferTest, d);

    t->n++;
    t->nop.cqe.cb = nop_done;
    io_uring_prep_nop(aio_get_sqe(ctx, &t->nop.cqe));
}

static void test_deferred(void)
{
    DeferTest t = { .d.fn = deferred_fn };

    aio_defer(ctx, &t.d);
    aio_defer(ctx, &t.d);
    g_assert_cmpint(t.n, ==, 0);
    aio_poll(ctx, true);
    g_assert_cmpint(t.n, ==, 1);
    g_assert_true(t.nop.done); /* submitted in the same turn */
    aio_defer(ctx, &t.d);
    aio_defer_cancel(ctx, &t.d);
    drain_loop();
    g_assert_cmpint(t.n, ==, 1);
}

/* --- wait hooks --- */

static int hook_before, hook_after;

static void before_wait(void *opaque)
{
    hook_before++;
}

static void after_wait(void *opaque)
{
    hook_after++;
}

static void test_wait_hooks(void)
{
    QEMUTimer timer;

    aio_context_set_wait_hooks(ctx, before_wait, after_wait, NULL);
    timer_init_ns(&timer, ctx, QEMU_CLOCK_REALTIME, nothing, NULL);
    drain_loop();
    g_assert_cmpint(hook_before, ==, 0);
    timer_mod_ns(&timer, get_clock() + SCALE_MS);
    while (timer_pending(&timer)) {
        aio_poll(ctx, true);
    }
    g_assert_cmpint(hook_before, >, 0);
    g_assert_cmpint(hook_before, ==, hook_after);

    hook_before = 0;
    timer_mod_ns(&timer, get_clock() + SCALE_MS);
    AIO_WAIT_WHILE(ctx, timer_pending(&timer));
    g_assert_cmpint(hook_before, ==, 0);
    aio_context_set_wait_hooks(ctx, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
#if CONFIG_VALGRIND_H
    count_syscalls = !RUNNING_ON_VALGRIND;
#endif
    ctx = aio_context_new(&error_abort);
    aio_context_set_home(ctx);
    g_test_message("ring: %s", aio_context_describe_ring(ctx));

    g_test_add_func("/aio/bh/plain", test_bh);
    g_test_add_func("/aio/bh/delete", test_bh_delete);
    g_test_add_func("/aio/bh/order", test_bh_order);
    g_test_add_func("/aio/bh/nested", test_bh_nested);
    g_test_add_func("/aio/notify/storm", test_storm);
    g_test_add_func("/aio/notify/ping-pong", test_ping_pong);
    g_test_add_func("/aio/notify/free-when-busy", test_notify_is_free);
    g_test_add_func("/aio/fd/plain", test_fd);
    g_test_add_func("/aio/fd/reuse", test_fd_reuse);
    g_test_add_func("/aio/fd/outer", test_fd_outer);
    g_test_add_func("/aio/notifier", test_notifier);
    g_test_add_func("/aio/polling", test_polling);
    g_test_add_func("/aio/polling/idle", test_polling_idle);
    g_test_add_func("/aio/polling/hook", test_polling_hook);
    if (aio_context_has_ring(ctx)) {
        g_test_add_func("/aio/sqe", test_sqe);
        g_test_add_func("/aio/deferred", test_deferred);
    }
    g_test_add_func("/aio/wait-hooks", test_wait_hooks);
    ret = g_test_run();
    aio_context_unref(ctx);
    return ret;
}
