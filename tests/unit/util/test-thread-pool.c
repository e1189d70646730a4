/*
 * Worker threads: their number follows the bounds, also while they work.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/thread.h"
#include "util/thread-pool.h"

#define JOBS 16

static AioContext *ctx;
static QemuSemaphore gate, entered;
static int done;

static int job(void *opaque)
{
    qemu_sem_post(&entered);
    qemu_sem_wait(&gate);
    return GPOINTER_TO_INT(opaque);
}

static void job_done(void *opaque, int ret)
{
    g_assert_cmpint(ret, ==, GPOINTER_TO_INT(opaque));
    done++;
}

static void start_jobs(void)
{
    done = 0;
    for (int i = 0; i < JOBS; i++) {
        thread_pool_submit(job, GINT_TO_POINTER(i), job_done,
                           GINT_TO_POINTER(i));
    }
}

static ThreadPoolStats stats(void)
{
    ThreadPoolStats s;

    thread_pool_get_stats(aio_get_thread_pool(ctx), &s);
    return s;
}

static void set_bounds(int min, int max)
{
    g_assert_true(
        aio_context_set_thread_pool_params(ctx, min, max, &error_abort));
    while (aio_poll(ctx, false)) {
    }
}

static void finish_jobs(void)
{
    for (int i = 0; i < JOBS; i++) {
        qemu_sem_post(&gate);
    }
    while (done < JOBS) {
        aio_poll(ctx, true);
    }
}

static void await_entered(int n)
{
    while (n-- > 0) {
        qemu_sem_wait(&entered);
    }
}

static void await_threads(int n)
{
    while (stats().threads != n) {
        g_usleep(100);
    }
}

static void test_bounds(void)
{
    set_bounds(0, 2);
    start_jobs();
    await_entered(2);
    g_assert_cmpint(stats().threads, ==, 2);
    g_assert_cmpint(stats().queued, ==, JOBS - 2);

    /* More may come: they take what waits */
    set_bounds(0, 5);
    await_entered(3);
    g_assert_cmpint(stats().threads, ==, 5);
    g_assert_cmpint(stats().queued, ==, JOBS - 5);

    /* Fewer: the surplus goes when its job is done */
    set_bounds(0, 1);
    finish_jobs();
    await_threads(1);
    await_entered(JOBS - 5);
}

static void test_minimum(void)
{
    set_bounds(3, 8);
    await_threads(3);
    start_jobs();
    await_entered(8);
    g_assert_cmpint(stats().threads, ==, 8);
    finish_jobs();
    await_entered(JOBS - 8);
    set_bounds(0, 1);
    await_threads(1);
}

static void test_bad_bounds(void)
{
    static const int64_t bad[][2] = {
        { 3, 2 }, { 0, 0 }, { -1, 2 }, { 0, INT64_C(1) << 31 }
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_assert_false(aio_context_set_thread_pool_params(ctx, bad[i][0],
                                                          bad[i][1], &err));
        g_assert_cmpstr(error_get_pretty(err), ==,
                        "bad thread-pool-min/thread-pool-max values");
        error_free(err);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    qemu_sem_init(&gate, 0);
    qemu_sem_init(&entered, 0);
    ctx = aio_context_new(&error_abort);
    aio_context_set_home(ctx);
    g_test_add_func("/thread-pool/bounds", test_bounds);
    g_test_add_func("/thread-pool/minimum", test_minimum);
    g_test_add_func("/thread-pool/bad-bounds", test_bad_bounds);
    ret = g_test_run();
    aio_context_unref(ctx);
    qemu_sem_destroy(&entered);
    qemu_sem_destroy(&gate);
    return ret;
}
