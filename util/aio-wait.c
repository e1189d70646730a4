/*
 * AIO_WAIT_WHILE: turning a loop until a condition changes.
 *
 *  1. The waiter counts itself in waiters before it looks at the condition;
 *     a kicker changes the condition before it looks at waiters (pair: both
 *     sides sequentially consistent).  So either the waiter sees the new
 *     condition or the kicker sees the waiter.
 *     Waiters in other threads than main are on a list besides, which the
 *     kicker goes through under its lock; nobody is on it longer than the
 *     wait, so the context lives.
 *  2. Handlers of outermost turns (monitors) and main_loop_call()s do not run
 *     meanwhile, and the BQL is kept.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"
#include "util/thread.h"

static unsigned waiters; /* atomic: AIO_WAIT_WHILEs of all threads */

static QemuMutex others_lock = QEMU_MUTEX_INITIALIZER;
/* under others_lock: contexts that wait and are not the main one */
static LIST_HEAD(, AioContext) others = LIST_HEAD_INITIALIZER(others);

AioContext *aio_wait_begin(AioContext *ctx)
{
    AioContext *own = ctx && in_aio_context_home_thread(ctx)
                          ? ctx
                          : qemu_get_aio_context();

    assert(!qemu_in_coroutine());
    if (!own->wait_depth++ && own != qemu_get_aio_context()) {
        QEMU_LOCK_GUARD(&others_lock);

        LIST_INSERT_HEAD(&others, own, wait_next);
    }
    qatomic_inc(&waiters); /* invariant 1 */
    return own;
}

void aio_wait_turn(AioContext *ctx)
{
    aio_poll(ctx, true);
}

void aio_wait_end(AioContext *ctx)
{
    qatomic_dec(&waiters);
    if (!--ctx->wait_depth && ctx != qemu_get_aio_context()) {
        QEMU_LOCK_GUARD(&others_lock);

        LIST_REMOVE(ctx, wait_next);
    }
}

void aio_wait_kick(void)
{
    /* Invariant 1: the fetch_add is the barrier after the caller's store. */
    if (qatomic_fetch_add(&waiters, 0)) {
        AioContext *ctx = qemu_get_aio_context();
        QEMU_LOCK_GUARD(&others_lock);

        if (ctx) {
            aio_notify(ctx);
        }
        LIST_FOREACH(ctx, &others, wait_next) {
            aio_notify(ctx);
        }
    }
}

typedef struct OneshotWait {
    QEMUBHFunc *cb;
    void *opaque;
    bool done; /* atomic */
    bool main_waits;
    QemuEvent event;
} OneshotWait;

static void run_and_tell(void *opaque)
{
    OneshotWait *w = opaque;
    bool main_waits = w->main_waits;

    w->cb(w->opaque);
    if (main_waits) {
        qatomic_store_release(&w->done, true);
        aio_wait_kick();
    } else {
        qemu_event_set(&w->event);
    }
}

void aio_wait_bh_oneshot(AioContext *ctx, QEMUBHFunc *cb, void *opaque)
{
    AioContext *main_ctx = qemu_get_aio_context();
    OneshotWait w = {
        .cb = cb,
        .opaque = opaque,
        .main_waits = main_ctx && in_aio_context_home_thread(main_ctx),
    };

    if (in_aio_context_home_thread(ctx)) {
        cb(opaque);
    } else if (w.main_waits) {
        aio_bh_schedule_oneshot(ctx, run_and_tell, &w);
        AIO_WAIT_WHILE(NULL, !qatomic_load_acquire(&w.done));
    } else {
        qemu_event_init(&w.event, false);
        aio_bh_schedule_oneshot(ctx, run_and_tell, &w);
        qemu_event_wait(&w.event);
        qemu_event_destroy(&w.event);
    }
}
