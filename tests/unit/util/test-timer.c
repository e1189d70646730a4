/*
 * Timers and clocks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/thread.h"
#include "util/timer.h"

static AioContext *ctx;
static GString *trail;

static void tell(void *opaque)
{
    g_string_append_c(trail, GPOINTER_TO_INT(opaque));
}

static void wait_for(const QEMUTimer *t)
{
    while (timer_pending(t)) {
        aio_poll(ctx, true);
    }
}

static void test_order(void)
{
    QEMUTimer t[3];
    int64_t now = get_clock();

    trail = g_string_new(NULL);
    for (int i = 0; i < 3; i++) {
        timer_init_ns(&t[i], ctx, QEMU_CLOCK_REALTIME, tell,
                      GINT_TO_POINTER('a' + i));
        g_assert_false(timer_pending(&t[i]));
        g_assert_cmpint(timer_expire_time_ns(&t[i]), ==, -1);
    }
    timer_mod_ns(&t[2], now + 3 * SCALE_MS);
    timer_mod_ns(&t[0], now + SCALE_MS);
    timer_mod_ns(&t[1], now + SCALE_MS); /* same time: first come */
    g_assert_cmpint(timer_expire_time_ns(&t[1]), ==, now + SCALE_MS);
    wait_for(&t[2]);
    g_assert_cmpstr(trail->str, ==, "abc");
    g_assert_cmpint(get_clock(), >=, now + 3 * SCALE_MS);
    g_string_free(trail, TRUE);
}

static void test_mod_del(void)
{
    QEMUTimer t;
    int64_t now = get_clock();

    trail = g_string_new(NULL);
    timer_init_ns(&t, ctx, QEMU_CLOCK_REALTIME, tell, GINT_TO_POINTER('a'));
    timer_mod_ns(&t, now + 1000 * NANOSECONDS_PER_SECOND);
    timer_mod_anticipate_ns(&t, now + 2000 * NANOSECONDS_PER_SECOND);
    g_assert_cmpint(timer_expire_time_ns(&t), ==,
                    now + 1000 * NANOSECONDS_PER_SECOND);
    timer_mod_anticipate_ns(&t, now);
    wait_for(&t);
    g_assert_cmpstr(trail->str, ==, "a");

    timer_mod_ns(&t, get_clock());
    timer_del(&t);
    timer_del(&t);
    aio_poll(ctx, false);
    g_assert_cmpstr(trail->str, ==, "a");
    g_string_free(trail, TRUE);
}

/* One that sets itself in the past again runs once a turn, and does not keep
 * others from running. */
static QEMUTimer again;

static void set_again(void *opaque)
{
    g_string_append_c(trail, 'a');
    if (trail->len < 100) {
        timer_mod_ns(&again, 0);
    }
}

static void test_again(void)
{
    QEMUTimer t;
    int64_t now = get_clock();

    trail = g_string_new(NULL);
    timer_init_ns(&again, ctx, QEMU_CLOCK_REALTIME, set_again, NULL);
    timer_init_ns(&t, ctx, QEMU_CLOCK_REALTIME, tell, GINT_TO_POINTER('b'));
    timer_mod_ns(&again, 0);
    timer_mod_ns(&t, now);
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpstr(trail->str, ==, "ab");
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpstr(trail->str, ==, "aba");
    g_assert_true(timer_pending(&again));
    timer_del(&again);
    g_string_free(trail, TRUE);
}

/* A sleeping loop sees an earlier timer of another thread. */
static QEMUTimer early;

static void *set_early(void *opaque)
{
    timer_mod_ns(&early, 0);
    return NULL;
}

static void test_other_thread(void)
{
    QemuThread thread;

    trail = g_string_new(NULL);
    timer_init_ns(&early, ctx, QEMU_CLOCK_REALTIME, tell, GINT_TO_POINTER('a'));
    timer_mod_ns(&early, get_clock() + 1000 * NANOSECONDS_PER_SECOND);
    qemu_thread_create(&thread, "setter", set_early, NULL);
    wait_for(&early);
    g_assert_cmpstr(trail->str, ==, "a");
    qemu_thread_join(&thread);
    g_string_free(trail, TRUE);
}

static void test_virtual(void)
{
    QEMUTimer t, alarm;
    int64_t now;

    trail = g_string_new(NULL);
    g_assert_false(qemu_clock_is_enabled(QEMU_CLOCK_VIRTUAL));
    now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    timer_init_ns(&t, ctx, QEMU_CLOCK_VIRTUAL, tell, GINT_TO_POINTER('v'));
    timer_init_ns(&alarm, ctx, QEMU_CLOCK_REALTIME, tell, GINT_TO_POINTER('r'));
    timer_mod_ns(&t, now + SCALE_US);
    timer_mod_ns(&alarm, get_clock() + 2 * SCALE_MS);
    wait_for(&alarm);
    g_assert_cmpstr(trail->str, ==, "r");
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), ==, now);

    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    wait_for(&t);
    g_assert_cmpstr(trail->str, ==, "rv");
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, false);
    now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    g_assert_cmpint(now, ==, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, true);
    g_assert_cmpint(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), >=, now);
    qemu_clock_enable(QEMU_CLOCK_VIRTUAL, false);
    g_string_free(trail, TRUE);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    ctx = aio_context_new(&error_abort);
    aio_context_set_home(ctx);
    g_test_add_func("/timer/order", test_order);
    g_test_add_func("/timer/mod-del", test_mod_del);
    g_test_add_func("/timer/again", test_again);
    g_test_add_func("/timer/other-thread", test_other_thread);
    g_test_add_func("/timer/virtual-clock", test_virtual);
    ret = g_test_run();
    aio_context_unref(ctx);
    return ret;
}
