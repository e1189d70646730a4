/*
 * The BQL, calls into the main thread, worker threads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/main-loop.h"
#include "util/thread-pool.h"

#define N_THREADS 4
#define N_CALLS   500

static unsigned finished; /* atomic */
static int calls;         /* under BQL */
static bool in_wait;

/* The thread may need the BQL to end. */
static void join(QemuThread *thread)
{
    bql_unlock();
    qemu_thread_join(thread);
    bql_lock();
}

static void count_call(void *opaque)
{
    g_assert_true(qemu_in_main_thread());
    g_assert_true(bql_locked());
    g_assert_false(in_wait);
    calls++;
}

static void *caller_thread(void *opaque)
{
    g_assert_null(qemu_get_current_aio_context());
    for (int i = 0; i < N_CALLS; i++) {
        if (i & 1) {
            BQL_LOCK_GUARD();

            main_loop_call(count_call, NULL);
            g_assert_true(bql_locked());
        } else {
            main_loop_call(count_call, NULL);
            g_assert_false(bql_locked());
        }
    }
    qatomic_inc(&finished);
    qemu_notify_event();
    return NULL;
}

static void test_calls(void)
{
    QemuThread threads[N_THREADS];

    finished = calls = 0;
    for (int i = 0; i < N_THREADS; i++) {
        qemu_thread_create(&threads[i], "caller", caller_thread, NULL);
    }
    while (qatomic_read(&finished) < N_THREADS) {
        main_loop_wait(false);
    }
    for (int i = 0; i < N_THREADS; i++) {
        join(&threads[i]);
    }
    g_assert_cmpint(calls, ==, N_THREADS * N_CALLS);
    main_loop_call(count_call, NULL);
    g_assert_cmpint(calls, ==, N_THREADS * N_CALLS + 1);
}

/* Calls are not served inside AIO_WAIT_WHILE. */
static bool oneshot_ran; /* atomic */

static void oneshot(void *opaque)
{
    qatomic_set(&oneshot_ran, true);
}

static void *one_call(void *opaque)
{
    aio_bh_schedule_oneshot(qemu_get_aio_context(), oneshot, NULL);
    main_loop_call(count_call, NULL);
    return NULL;
}

static void test_not_in_wait(void)
{
    QemuThread thread;

    calls = 0;
    qemu_thread_create(&thread, "caller", one_call, NULL);
    in_wait = true;
    AIO_WAIT_WHILE(NULL, !qatomic_read(&oneshot_ran));
    in_wait = false;
    while (!calls) {
        main_loop_wait(false);
    }
    join(&thread);
}

/* The main thread waits for a thread that needs it. */
static bool vcpu_paused; /* under BQL */

static void *pausing_vcpu(void *opaque)
{
    main_loop_call(count_call, NULL);
    BQL_LOCK_GUARD();

    vcpu_paused = true;
    main_loop_kick_waiter();
    return NULL;
}

static void test_wait_for_kick(void)
{
    QemuThread thread;

    calls = 0;
    qemu_thread_create(&thread, "vcpu", pausing_vcpu, NULL);
    MAIN_LOOP_WAIT_WHILE(!vcpu_paused);
    g_assert_cmpint(calls, ==, 1);
    join(&thread);
}

/* A busy main loop lets others have the lock. */
static bool stop_busy; /* atomic */

static void busy(void *opaque)
{
    if (!qatomic_read(&stop_busy)) {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), busy, NULL);
    }
}

static void *want_bql(void *opaque)
{
    for (int i = 0; i < 20; i++) {
        BQL_LOCK_GUARD();
    }
    qatomic_set(&stop_busy, true);
    return NULL;
}

static void test_busy(void)
{
    QemuThread thread;

    busy(NULL);
    qemu_thread_create(&thread, "vcpu", want_bql, NULL);
    while (!qatomic_read(&stop_busy)) {
        main_loop_wait(false);
    }
    join(&thread);
    main_loop_wait(true);
}

/* --- one-shot in another context, waited for --- */

static void *loop_thread(void *opaque)
{
    AioContext *ctx = opaque;

    aio_context_set_home(ctx);
    while (!qatomic_read(&finished)) {
        aio_poll(ctx, true);
    }
    aio_context_leave_home(ctx);
    return NULL;
}

static void in_other(void *opaque)
{
    g_assert_true(in_aio_context_home_thread(opaque));
    calls++;
}

static void test_wait_oneshot(void)
{
    g_autoptr(AioContext) ctx = aio_context_new(&error_abort);
    QemuThread thread;

    finished = calls = 0;
    qemu_thread_create(&thread, "loop", loop_thread, ctx);
    for (int i = 0; i < 200; i++) {
        aio_wait_bh_oneshot(ctx, in_other, ctx);
        g_assert_cmpint(calls, ==, i + 1);
    }
    qatomic_set(&finished, 1);
    aio_notify(ctx);
    join(&thread);
}

/* --- thread pool --- */

static int work(void *opaque)
{
    g_assert_null(qemu_get_current_aio_context());
    qatomic_inc((int *)opaque);
    return 42;
}

static int ran, completed;

static void coroutine_fn use_pool(void *opaque)
{
    g_assert_cmpint(thread_pool_submit_co(work, &ran), ==, 42);
    completed++;
}

static void test_pool(void)
{
    g_assert_true(aio_context_set_thread_pool_params(qemu_get_aio_context(), 1,
                                                     4, &error_abort));
    ran = completed = 0;
    for (int i = 0; i < 100; i++) {
        qemu_coroutine_enter(qemu_coroutine_create(use_pool, NULL));
    }
    g_assert_cmpint(completed, ==, 0);
    AIO_WAIT_WHILE(NULL, completed < 100);
    g_assert_cmpint(ran, ==, 100);
}

static void test_pool_params(void)
{
    Error *err = NULL;

    g_assert_false(
        aio_context_set_thread_pool_params(qemu_get_aio_context(), 5, 4, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "bad thread-pool-min/thread-pool-max values");
    error_free(err);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/main-loop/calls", test_calls);
    g_test_add_func("/main-loop/not-in-wait", test_not_in_wait);
    g_test_add_func("/main-loop/wait-for-kick", test_wait_for_kick);
    g_test_add_func("/main-loop/busy", test_busy);
    g_test_add_func("/main-loop/wait-oneshot", test_wait_oneshot);
    g_test_add_func("/thread-pool/co", test_pool);
    g_test_add_func("/thread-pool/params", test_pool_params);
    ret = g_test_run();
    qemu_cleanup_main_loop();
    return ret;
}
