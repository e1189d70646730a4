/*
 * Coroutines that wait for time or for a file descriptor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/coroutine.h"

void qemu_co_sleep_wake(QemuCoSleep *w)
{
    Coroutine *co = qatomic_xchg(&w->to_wake, NULL);

    if (co) {
        aio_co_wake(co);
    }
}

static void sleep_over(void *opaque)
{
    qemu_co_sleep_wake(opaque);
}

void coroutine_fn qemu_co_sleep(QemuCoSleep *w)
{
    assert(!qatomic_read(&w->to_wake));
    qatomic_set(&w->to_wake, qemu_coroutine_self());
    qemu_coroutine_yield();
    assert(!qatomic_read(&w->to_wake));
}

void coroutine_fn qemu_co_sleep_ns_wakeable(QemuCoSleep *w, QEMUClockType clock,
                                            int64_t ns)
{
    AioContext *ctx = qemu_coroutine_get_aio_context(qemu_coroutine_self());
    QEMUTimer timer;

    timer_init_ns(&timer, ctx, clock, sleep_over, w);
    timer_mod_ns(&timer, qemu_clock_get_ns(clock) + ns);
    qemu_co_sleep(w);
    timer_del(&timer);
}

void coroutine_fn qemu_co_sleep_ns(QEMUClockType clock, int64_t ns)
{
    QemuCoSleep w = { 0 };

    qemu_co_sleep_ns_wakeable(&w, clock, ns);
}

typedef struct FdWaiter {
    AioContext *ctx;
    Coroutine *co;
    int fd;
} FdWaiter;

static void fd_ready(void *opaque)
{
    FdWaiter *waiter = opaque;

    aio_set_fd_handler(waiter->ctx, waiter->fd, NULL, NULL, NULL);
    aio_co_wake(waiter->co);
}

static void coroutine_fn yield_until_fd(int fd, bool writable)
{
    FdWaiter waiter = {
        .ctx = qemu_coroutine_get_aio_context(qemu_coroutine_self()),
        .co = qemu_coroutine_self(),
        .fd = fd,
    };

    aio_set_fd_handler(waiter.ctx, fd, writable ? NULL : fd_ready,
                       writable ? fd_ready : NULL, &waiter);
    qemu_coroutine_yield();
}

void coroutine_fn qemu_co_yield_until_fd_readable(int fd)
{
    yield_until_fd(fd, false);
}

void coroutine_fn qemu_co_yield_until_fd_writable(int fd)
{
    yield_until_fd(fd, true);
}
