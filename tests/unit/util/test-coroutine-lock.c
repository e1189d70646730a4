/*
 * Coroutine locks, in one thread and over several contexts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/coroutine.h"
#include "util/main-loop.h"

#if CONFIG_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

#define N_THREADS 3
#define N_CO      8 /* coroutines per thread */

static int n_rounds = 2000; /* fewer where everything is slow */

/* --- threads with a loop each --- */

typedef struct Worker {
    AioContext *ctx;
    QemuThread thread;
    QemuEvent ready;
    bool stop; /* atomic */
} Worker;

static Worker workers[N_THREADS];

static void *worker_main(void *opaque)
{
    Worker *w = opaque;

    aio_context_set_home(w->ctx);
    qemu_event_set(&w->ready);
    while (!qatomic_load_acquire(&w->stop)) {
        aio_poll(w->ctx, true);
    }
    while (aio_poll(w->ctx, false)) {
    }
    aio_context_leave_home(w->ctx);
    return NULL;
}

static void start_workers(void)
{
    for (int i = 0; i < N_THREADS; i++) {
        Worker *w = &workers[i];

        w->stop = false;
        w->ctx = aio_context_new(&error_abort);
        qemu_event_init(&w->ready, false);
        qemu_thread_create(&w->thread, "worker", worker_main, w);
        qemu_event_wait(&w->ready);
    }
}

static void stop_workers(void)
{
    for (int i = 0; i < N_THREADS; i++) {
        Worker *w = &workers[i];

        qatomic_store_release(&w->stop, true);
        aio_notify(w->ctx);
        qemu_thread_join(&w->thread);
        qemu_event_destroy(&w->ready);
        aio_context_unref(w->ctx);
    }
}

/* --- a crowd of coroutines in all threads --- */

typedef struct Crowd {
    CoMutex mutex;
    CoRwlock rwlock;
    CoQueue queue;
    QemuMutex plain;
    int64_t counter; /* under the lock in question; not atomic on purpose */
    int64_t mirror;
    unsigned running; /* atomic */
    unsigned started; /* atomic */
} Crowd;

static Crowd crowd;

static void crowd_done(void)
{
    qatomic_dec(&crowd.running);
    aio_wait_kick();
}

static void run_crowd(CoroutineEntry *entry)
{
    crowd.counter = crowd.mirror = 0;
    crowd.started = 0;
    crowd.running = N_THREADS * N_CO;
    start_workers();
    for (int i = 0; i < N_THREADS * N_CO; i++) {
        aio_co_schedule(workers[i % N_THREADS].ctx,
                        qemu_coroutine_create(entry, GINT_TO_POINTER(i)));
    }
    AIO_WAIT_WHILE(NULL, qatomic_read(&crowd.running) > 0);
    stop_workers();
}

static void coroutine_fn mutex_crowd(void *opaque)
{
    for (int i = 0; i < n_rounds; i++) {
        QEMU_CO_LOCK_GUARD(&crowd.mutex);
        crowd.counter++;
        if (i % 64 == 0) {
            /* Held over a wait, as over I/O. */
            qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1000);
        }
        crowd.mirror++;
        g_assert_cmpint(crowd.counter, ==, crowd.mirror);
    }
    crowd_done();
}

static void test_mutex_crowd(void)
{
    qemu_co_mutex_init(&crowd.mutex);
    run_crowd(mutex_crowd);
    g_assert_cmpint(crowd.counter, ==, N_THREADS * N_CO * n_rounds);
}

static void coroutine_fn rwlock_crowd(void *opaque)
{
    int id = GPOINTER_TO_INT(opaque);

    for (int i = 0; i < n_rounds; i++) {
        if ((i + id) % 5 == 0) {
            qemu_co_rwlock_wrlock(&crowd.rwlock);
            crowd.counter++;
            crowd.mirror++;
            if (i % 3 == 0) {
                qemu_co_rwlock_downgrade(&crowd.rwlock);
                g_assert_cmpint(crowd.counter, ==, crowd.mirror);
            }
        } else {
            qemu_co_rwlock_rdlock(&crowd.rwlock);
            g_assert_cmpint(crowd.counter, ==, crowd.mirror);
            if (i % 7 == 0) {
                qemu_co_rwlock_upgrade(&crowd.rwlock);
                crowd.counter++;
                crowd.mirror++;
            }
        }
        qemu_co_rwlock_unlock(&crowd.rwlock);
    }
    crowd_done();
}

static void test_rwlock_crowd(void)
{
    qemu_co_rwlock_init(&crowd.rwlock);
    run_crowd(rwlock_crowd);
    g_assert_cmpint(crowd.counter, ==, crowd.mirror);
}

/* A baton goes round: each waits for its turn. */
static void coroutine_fn queue_crowd(void *opaque)
{
    int id = GPOINTER_TO_INT(opaque);

    for (int i = 0; i < 50; i++) {
        QEMU_CO_LOCK_GUARD(&crowd.mutex);
        while (crowd.counter % (N_THREADS * N_CO) != id) {
            qemu_co_queue_wait(&crowd.queue, &crowd.mutex);
        }
        crowd.counter++;
        qemu_co_queue_restart_all(&crowd.queue);
    }
    crowd_done();
}

static void test_queue_crowd(void)
{
    qemu_co_mutex_init(&crowd.mutex);
    qemu_co_queue_init(&crowd.queue);
    run_crowd(queue_crowd);
    g_assert_cmpint(crowd.counter, ==, N_THREADS * N_CO * 50);
    g_assert_true(qemu_co_queue_empty(&crowd.queue));
}

static void coroutine_fn plain_queue_crowd(void *opaque)
{
    int id = GPOINTER_TO_INT(opaque);

    for (int i = 0; i < 20; i++) {
        qemu_mutex_lock(&crowd.plain);
        while (crowd.counter % (N_THREADS * N_CO) != id) {
            qemu_co_queue_wait(&crowd.queue, &crowd.plain);
        }
        crowd.counter++;
        qemu_co_queue_restart_all(&crowd.queue);
        qemu_mutex_unlock(&crowd.plain);
    }
    crowd_done();
}

static void test_plain_queue_crowd(void)
{
    qemu_mutex_init(&crowd.plain);
    qemu_co_queue_init(&crowd.queue);
    run_crowd(plain_queue_crowd);
    g_assert_cmpint(crowd.counter, ==, N_THREADS * N_CO * 20);
    qemu_mutex_destroy(&crowd.plain);
}

/* Coroutines that go from thread to thread. */
static void coroutine_fn wander(void *opaque)
{
    int at = GPOINTER_TO_INT(opaque);

    for (int i = 0; i < 200; i++) {
        AioContext *to = workers[at++ % N_THREADS].ctx;

        aio_co_reschedule_self(to);
        g_assert_true(in_aio_context_home_thread(to));
        g_assert_true(qemu_get_current_aio_context() == to);
    }
    crowd_done();
}

static void test_wander(void)
{
    run_crowd(wander);
}

/* --- order, in one thread --- */

static GString *trail;
static CoMutex order_mutex;
static CoRwlock order_rwlock;

static void coroutine_fn take_in_order(void *opaque)
{
    qemu_co_mutex_lock(&order_mutex);
    g_string_append_c(trail, GPOINTER_TO_INT(opaque));
    qemu_coroutine_yield();
    qemu_co_mutex_unlock(&order_mutex);
}

static void test_mutex_fair(void)
{
    Coroutine *co[4];

    trail = g_string_new(NULL);
    qemu_co_mutex_init(&order_mutex);
    for (int i = 0; i < 4; i++) {
        co[i] = qemu_coroutine_create(take_in_order, GINT_TO_POINTER('a' + i));
        qemu_coroutine_enter(co[i]);
    }
    g_assert_cmpstr(trail->str, ==, "a");
    for (int i = 0; i < 4; i++) {
        qemu_coroutine_enter(co[i]);
    }
    g_assert_cmpstr(trail->str, ==, "abcd");
    g_string_free(trail, TRUE);
}

static void coroutine_fn rw_in_order(void *opaque)
{
    char name = GPOINTER_TO_INT(opaque);

    if (name >= 'A' && name <= 'Z') {
        qemu_co_rwlock_wrlock(&order_rwlock);
    } else {
        qemu_co_rwlock_rdlock(&order_rwlock);
    }
    g_string_append_c(trail, name);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&order_rwlock);
}

/* Readers share; one behind a waiting writer waits, too. */
static void test_rwlock_order(void)
{
    static const char names[] = "abCde";
    Coroutine *co[5];

    trail = g_string_new(NULL);
    qemu_co_rwlock_init(&order_rwlock);
    for (int i = 0; i < 5; i++) {
        co[i] = qemu_coroutine_create(rw_in_order, GINT_TO_POINTER(names[i]));
        qemu_coroutine_enter(co[i]);
    }
    g_assert_cmpstr(trail->str, ==, "ab");
    qemu_coroutine_enter(co[0]);
    g_assert_cmpstr(trail->str, ==, "ab");
    qemu_coroutine_enter(co[1]);
    g_assert_cmpstr(trail->str, ==, "abC");
    qemu_coroutine_enter(co[2]);
    g_assert_cmpstr(trail->str, ==, "abCde");
    qemu_coroutine_enter(co[3]);
    qemu_coroutine_enter(co[4]);
    g_string_free(trail, TRUE);
}

static void coroutine_fn upgrade_while_alone(void *opaque)
{
    qemu_co_rwlock_rdlock(&order_rwlock);
    qemu_co_rwlock_upgrade(&order_rwlock);
    qemu_co_rwlock_downgrade(&order_rwlock);
    qemu_co_rwlock_upgrade(&order_rwlock);
    qemu_co_rwlock_unlock(&order_rwlock);
    *(bool *)opaque = true;
}

static void test_rwlock_upgrade(void)
{
    bool done = false;

    qemu_co_rwlock_init(&order_rwlock);
    qemu_coroutine_enter(qemu_coroutine_create(upgrade_while_alone, &done));
    g_assert_true(done);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
#if CONFIG_VALGRIND_H
    if (RUNNING_ON_VALGRIND) {
        n_rounds = 50;
    }
#endif
    qemu_init_main_loop(&error_abort);

    g_test_add_func("/co-mutex/fair", test_mutex_fair);
    g_test_add_func("/co-mutex/threads", test_mutex_crowd);
    g_test_add_func("/co-rwlock/order", test_rwlock_order);
    g_test_add_func("/co-rwlock/upgrade", test_rwlock_upgrade);
    g_test_add_func("/co-rwlock/threads", test_rwlock_crowd);
    g_test_add_func("/co-queue/threads", test_queue_crowd);
    g_test_add_func("/co-queue/plain-mutex", test_plain_queue_crowd);
    g_test_add_func("/coroutine/wander", test_wander);
    ret = g_test_run();
    qemu_cleanup_main_loop();
    return ret;
}
