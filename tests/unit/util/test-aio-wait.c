/*
 * AIO_WAIT_WHILE, in the main thread and in another loop's home.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/main-loop.h"
#include "util/thread.h"

static bool flag; /* atomic */
static int watchdog_fired;

static void set_and_kick(void *opaque)
{
    qatomic_set(&flag, true);
    aio_wait_kick();
}

static void *kicker_thread(void *opaque)
{
    QemuEvent *go = opaque;

    qemu_event_wait(go);
    g_usleep(2000); /* the waiter sleeps by then, mostly */
    set_and_kick(NULL);
    return NULL;
}

static void watchdog(void *opaque)
{
    watchdog_fired++;
}

static void wait_for_kick(AioContext *ctx)
{
    QEMUTimer timer;
    QemuThread thread;
    QemuEvent go;

    qatomic_set(&flag, false);
    watchdog_fired = 0;
    timer_init_ns(&timer, ctx, QEMU_CLOCK_REALTIME, watchdog, NULL);
    timer_mod_ns(&timer, get_clock() + 5 * NANOSECONDS_PER_SECOND);
    qemu_event_init(&go, false);
    qemu_thread_create(&thread, "kicker", kicker_thread, &go);
    qemu_event_set(&go);
    AIO_WAIT_WHILE(ctx, !qatomic_read(&flag) && !watchdog_fired);
    qemu_thread_join(&thread);
    timer_del(&timer);
    qemu_event_destroy(&go);
    g_assert_cmpint(watchdog_fired, ==, 0);
}

static void test_main_thread(void)
{
    wait_for_kick(NULL);
}

static void *iothread_run(void *opaque)
{
    AioContext *ctx = opaque;

    aio_context_set_home(ctx);
    wait_for_kick(ctx);
    aio_context_leave_home(ctx);
    return NULL;
}

static void test_iothread(void)
{
    g_autoptr(AioContext) ctx = aio_context_new(&error_abort);
    QemuThread thread;

    qemu_thread_create(&thread, "io", iothread_run, ctx);
    qemu_thread_join(&thread);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/aio-wait/main-thread", test_main_thread);
    g_test_add_func("/aio-wait/iothread", test_iothread);
    ret = g_test_run();
    qemu_cleanup_main_loop();
    return ret;
}
