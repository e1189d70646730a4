/*
 * The main loop, the BQL, and calls from other threads into the main thread.
 *
 *  1. The main thread holds the BQL from qemu_init_main_loop() on, except in
 *     the wait hooks of an outermost turn and in main_loop_wait_for_kick().
 *  2. main_loop_call() work runs between turns only: not while the main
 *     thread waits for a drain or a job step to finish.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/main-loop.h"

typedef struct MainCall {
    void (*fn)(void *opaque);
    void *opaque;
    bool done; /* under BQL */
    STAILQ_ENTRY(MainCall) next;
} MainCall;

static QemuMutex bql = QEMU_MUTEX_INITIALIZER;
static unsigned bql_waiters; /* atomic: threads in bql_lock() */
static _Thread_local bool have_bql;

static QemuCond kick_cond;  /* with BQL: main_loop_wait_for_kick() */
static bool kicked;         /* under BQL */
static QemuCond calls_cond; /* with BQL: a call is done */
static STAILQ_HEAD(, MainCall) calls = STAILQ_HEAD_INITIALIZER(calls);
static unsigned n_calls; /* atomic: length of calls (under BQL) */

static void *main_token; /* fixed by qemu_init_main_loop() */
static _Thread_local char my_token;

/* --- the lock --- */

void bql_lock(void)
{
    assert(!have_bql);
    if (!qemu_mutex_trylock(&bql)) {
        qatomic_inc(&bql_waiters);
        qemu_mutex_lock(&bql);
        qatomic_dec(&bql_waiters);
    }
    have_bql = true;
}

void bql_unlock(void)
{
    assert(have_bql);
    have_bql = false;
    qemu_mutex_unlock(&bql);
}

bool bql_locked(void)
{
    return have_bql;
}

void qemu_cond_wait_bql(QemuCond *cond)
{
    assert(have_bql);
    have_bql = false;
    qemu_cond_wait(cond, &bql);
    have_bql = true;
}

bool qemu_cond_timedwait_bql(QemuCond *cond, int ms)
{
    bool signalled;

    assert(have_bql);
    have_bql = false;
    signalled = qemu_cond_timedwait(cond, &bql, ms);
    have_bql = true;
    return signalled;
}

/* --- the loop --- */

static void unlock_before_wait(void *opaque)
{
    bql_unlock();
}

static void lock_after_wait(void *opaque)
{
    bql_lock();
}

bool qemu_init_main_loop(Error **errp)
{
    AioContext *ctx = aio_context_new(errp);

    if (!ctx) {
        return false;
    }
    main_token = &my_token;
    qemu_cond_init(&kick_cond);
    qemu_cond_init(&calls_cond);
    bql_lock();
    aio_context_set_wait_hooks(ctx, unlock_before_wait, lock_after_wait, NULL);
    aio_context_set_main(ctx);
    aio_context_set_home(ctx);
    return true;
}

void qemu_cleanup_main_loop(void)
{
    AioContext *ctx = qemu_get_aio_context();

    aio_context_set_main(NULL);
    aio_context_unref(ctx);
    bql_unlock();
    qemu_cond_destroy(&kick_cond);
    qemu_cond_destroy(&calls_cond);
    main_token = NULL;
}

void main_loop_wait(bool nonblocking)
{
    AioContext *ctx = qemu_get_aio_context();

    aio_poll(ctx, !nonblocking && !qatomic_read(&n_calls));
    main_loop_run_calls();
    if (qatomic_read(&bql_waiters)) {
        /* A busy loop does not sleep, but lets others in. */
        bql_unlock();
        sched_yield();
        bql_lock();
    }
}

void qemu_notify_event(void)
{
    aio_notify(qemu_get_aio_context());
}

bool qemu_in_main_thread(void)
{
    return main_token == &my_token;
}

QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque)
{
    return aio_bh_new(qemu_get_aio_context(), cb, opaque);
}

void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write,
                         void *opaque)
{
    aio_set_fd_handler_outer(qemu_get_aio_context(), fd, fd_read, fd_write,
                             opaque);
}

/* --- calls into the main thread --- */

void main_loop_call(void (*fn)(void *opaque), void *opaque)
{
    MainCall call = { .fn = fn, .opaque = opaque };
    bool had_bql = have_bql;

    if (qemu_in_main_thread()) {
        fn(opaque);
        return;
    }
    if (!had_bql) {
        bql_lock();
    }
    STAILQ_INSERT_TAIL(&calls, &call, next);
    qatomic_inc(&n_calls);
    main_loop_kick_waiter();
    qemu_notify_event();
    while (!call.done) {
        qemu_cond_wait_bql(&calls_cond);
    }
    if (!had_bql) {
        bql_unlock();
    }
}

void main_loop_run_calls(void)
{
    MainCall *call;

    assert(have_bql);
    while ((call = STAILQ_FIRST(&calls))) {
        STAILQ_REMOVE_HEAD(&calls, next);
        qatomic_dec(&n_calls);
        call->fn(call->opaque);
        call->done = true;
        qemu_cond_broadcast(&calls_cond);
    }
}

void main_loop_wait_for_kick(void)
{
    assert(qemu_in_main_thread());
    while (!kicked && STAILQ_EMPTY(&calls)) {
        qemu_cond_wait_bql(&kick_cond);
    }
    kicked = false;
    main_loop_run_calls();
}

void main_loop_kick_waiter(void)
{
    assert(have_bql);
    kicked = true;
    qemu_cond_signal(&kick_cond);
}
