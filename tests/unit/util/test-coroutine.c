/*
 * Coroutines: life cycle, nesting, the pool, order of wake-ups, one thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/coroutine.h"

static AioContext *ctx;

/* --- life cycle --- */

static void coroutine_fn set_true(void *opaque)
{
    *(bool *)opaque = true;
}

static void test_lifecycle(void)
{
    bool done = false;

    g_assert_false(qemu_in_coroutine());
    qemu_coroutine_enter(qemu_coroutine_create(set_true, &done));
    g_assert_true(done);
    done = false;
    qemu_coroutine_enter(qemu_coroutine_create(set_true, &done));
    g_assert_true(done);
}

static void coroutine_fn yield_5_times(void *opaque)
{
    int *n = opaque;

    for (int i = 0; i < 5; i++) {
        (*n)++;
        qemu_coroutine_yield();
    }
    *n = 100;
}

static void test_yield(void)
{
    int n = 0;
    Coroutine *co = qemu_coroutine_create(yield_5_times, &n);

    for (int i = 1; i <= 5; i++) {
        qemu_coroutine_enter(co);
        g_assert_cmpint(n, ==, i);
        g_assert_false(qemu_coroutine_entered(co));
    }
    qemu_coroutine_enter(co);
    g_assert_cmpint(n, ==, 100);
}

static void coroutine_fn check_self(void *opaque)
{
    Coroutine **co = opaque;

    g_assert_true(qemu_in_coroutine());
    g_assert_true(qemu_coroutine_self() == *co);
    g_assert_true(qemu_coroutine_entered(*co));
    g_assert_true(qemu_coroutine_get_aio_context(*co) == ctx);
}

static void test_self(void)
{
    Coroutine *co = qemu_coroutine_create(check_self, &co);

    qemu_coroutine_enter(co);
}

/* --- nesting --- */

typedef struct Nest {
    int depth, max, returned;
} Nest;

static void coroutine_fn nest(void *opaque)
{
    Nest *t = opaque;

    if (++t->depth < t->max) {
        qemu_coroutine_enter(qemu_coroutine_create(nest, t));
    }
    t->returned++;
}

static void test_nesting(void)
{
    Nest t = { .max = 200 };

    qemu_coroutine_enter(qemu_coroutine_create(nest, &t));
    g_assert_cmpint(t.depth, ==, 200);
    g_assert_cmpint(t.returned, ==, 200);
}

/* --- many, beyond what the pools hold --- */

static void coroutine_fn yield_once(void *opaque)
{
    volatile char use_stack[4096];

    use_stack[0] = 1;
    qemu_coroutine_yield();
    *(int *)opaque += use_stack[0];
}

static void test_many(void)
{
    enum { N = 1000 };
    g_autofree Coroutine **co = g_new(Coroutine *, N);

    qemu_coroutine_inc_pool_size(100);
    for (int round = 0; round < 3; round++) {
        int n = 0;

        for (int i = 0; i < N; i++) {
            co[i] = qemu_coroutine_create(yield_once, &n);
            qemu_coroutine_enter(co[i]);
        }
        for (int i = 0; i < N; i++) {
            qemu_coroutine_enter(co[i]);
        }
        g_assert_cmpint(n, ==, N);
    }
    qemu_coroutine_dec_pool_size(100);
}

/* Registers that a function may expect to keep. */
static void coroutine_fn clobber(void *opaque)
{
    double *x = opaque;

    for (int i = 0; i < 10; i++) {
        *x = *x * 1.5 + i;
        qemu_coroutine_yield();
    }
}

static void test_registers(void)
{
    double x = 1, y = 1, sum = 0;
    uint64_t mix = 1;
    Coroutine *co = qemu_coroutine_create(clobber, &x);

    for (int i = 0; i < 10; i++) {
        double a = i * 0.25;
        uint64_t b = mix * 6364136223846793005u + i;

        qemu_coroutine_enter(co);
        y = y * 1.5 + i;
        sum += a;
        mix = b;
        g_assert_cmpfloat(x, ==, y);
    }
    qemu_coroutine_enter(co);
    g_assert_cmpfloat(sum, ==, 45 * 0.25);
}

/* --- waking --- */

static GString *trail;

static void coroutine_fn wait_and_tell(void *opaque)
{
    qemu_coroutine_yield();
    g_string_append_c(trail, GPOINTER_TO_INT(opaque));
}

static void coroutine_fn wake_both(void *opaque)
{
    Coroutine **co = opaque;

    g_string_append_c(trail, 'x');
    aio_co_wake(co[0]);
    aio_co_wake(co[1]);
    g_string_append_c(trail, 'y');
    qemu_coroutine_yield();
    g_string_append_c(trail, 'z');
}

/* The woken run when the waker yields, in order. */
static void test_wake_order(void)
{
    Coroutine *co[2], *waker;

    trail = g_string_new(NULL);
    for (int i = 0; i < 2; i++) {
        co[i] = qemu_coroutine_create(wait_and_tell, GINT_TO_POINTER('a' + i));
        qemu_coroutine_enter(co[i]);
    }
    waker = qemu_coroutine_create(wake_both, co);
    qemu_coroutine_enter(waker);
    g_assert_cmpstr(trail->str, ==, "xyab");
    aio_co_wake(waker);
    g_assert_cmpstr(trail->str, ==, "xyabz");
    g_string_free(trail, TRUE);
}

static void test_schedule(void)
{
    Coroutine *co;

    trail = g_string_new(NULL);
    co = qemu_coroutine_create(wait_and_tell, GINT_TO_POINTER('a'));
    aio_co_schedule(ctx, co);
    g_assert_true(aio_poll(ctx, true));
    aio_co_schedule(ctx, co);
    g_assert_cmpstr(trail->str, ==, "");
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpstr(trail->str, ==, "a");
    g_string_free(trail, TRUE);
}

/* --- time and descriptors --- */

static void coroutine_fn sleep_a_while(void *opaque)
{
    int64_t start = get_clock();

    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 2 * SCALE_MS);
    g_assert_cmpint(get_clock() - start, >=, 2 * SCALE_MS);
    *(bool *)opaque = true;
}

static void test_sleep(void)
{
    bool done = false;

    qemu_coroutine_enter(qemu_coroutine_create(sleep_a_while, &done));
    g_assert_false(done);
    while (!done) {
        aio_poll(ctx, true);
    }
}

typedef struct SleepTest {
    QemuCoSleep w;
    bool done;
} SleepTest;

static void coroutine_fn sleep_long(void *opaque)
{
    SleepTest *t = opaque;

    qemu_co_sleep_ns_wakeable(&t->w, QEMU_CLOCK_REALTIME,
                              1000 * NANOSECONDS_PER_SECOND);
    t->done = true;
}

static void test_sleep_wake(void)
{
    SleepTest t = { 0 };

    qemu_coroutine_enter(qemu_coroutine_create(sleep_long, &t));
    aio_poll(ctx, false);
    g_assert_false(t.done);
    qemu_co_sleep_wake(&t.w);
    g_assert_true(t.done);
    qemu_co_sleep_wake(&t.w); /* nobody there */
}

typedef struct PipeTest {
    int fd[2];
    bool done;
} PipeTest;

static void coroutine_fn wait_for_pipe(void *opaque)
{
    PipeTest *t = opaque;
    char c;

    qemu_co_yield_until_fd_readable(t->fd[0]);
    g_assert_cmpint(read(t->fd[0], &c, 1), ==, 1);
    qemu_co_yield_until_fd_writable(t->fd[1]);
    t->done = true;
}

static void test_fd(void)
{
    PipeTest t = { 0 };

    g_assert_cmpint(pipe(t.fd), ==, 0);
    qemu_coroutine_enter(qemu_coroutine_create(wait_for_pipe, &t));
    aio_poll(ctx, false);
    g_assert_false(t.done);
    g_assert_cmpint(write(t.fd[1], "x", 1), ==, 1);
    while (!t.done) {
        aio_poll(ctx, true);
    }
    close(t.fd[0]);
    close(t.fd[1]);
}

/* --- misuse ends the program with a message --- */

static void coroutine_fn enter_self(void *opaque)
{
    qemu_coroutine_enter(qemu_coroutine_self());
}

static void coroutine_fn overflow_stack(void *opaque)
{
    volatile char big[8192];
    static volatile int depth;

    big[0] = 1;
    if (++depth < 100000) {
        overflow_stack((void *)&big[0]);
    }
    big[1] = 1;
}

static void run_trap(void (*fn)(void *))
{
    if (g_test_subprocess()) {
        qemu_coroutine_enter(qemu_coroutine_create(fn, NULL));
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
}

static void test_enter_self(void)
{
    run_trap(enter_self);
    g_test_trap_assert_stderr("*while it is running*");
}

static void test_guard_page(void)
{
    run_trap(overflow_stack);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    ctx = aio_context_new(&error_abort);
    aio_context_set_home(ctx);

    g_test_add_func("/coroutine/lifecycle", test_lifecycle);
    g_test_add_func("/coroutine/yield", test_yield);
    g_test_add_func("/coroutine/self", test_self);
    g_test_add_func("/coroutine/nesting", test_nesting);
    g_test_add_func("/coroutine/many", test_many);
    g_test_add_func("/coroutine/registers", test_registers);
    g_test_add_func("/coroutine/wake-order", test_wake_order);
    g_test_add_func("/coroutine/schedule", test_schedule);
    g_test_add_func("/coroutine/sleep", test_sleep);
    g_test_add_func("/coroutine/sleep-wake", test_sleep_wake);
    g_test_add_func("/coroutine/fd", test_fd);
    g_test_add_func("/coroutine/trap/enter-self", test_enter_self);
    if (!CONFIG_TSAN && !CONFIG_ASAN) {
        g_test_add_func("/coroutine/trap/guard-page", test_guard_page);
    }
    ret = g_test_run();
    aio_context_unref(ctx);
    return ret;
}
