/*
 * Bottom halves, and coroutines woken from elsewhere.
 *
 * Both come in by a lock-free stack that any thread pushes to; the home
 * thread takes it as a whole, turns it round, and runs the oldest first.
 *
 *  1. Who changes BH_PENDING from 0 to 1 pushes the bottom half; so it is on
 *     the stack or on the home thread's list exactly while the flag is set.
 *  2. The home thread clears BH_PENDING before the callback runs, which may
 *     schedule it again.
 *  3. A bottom half is freed by the home thread only, when it takes it off
 *     the list with BH_DELETED set.
 *  4. Push (release) and take (acquire) pair up: the callback sees what the
 *     scheduler wrote.  So does scheduling again while it is pending: both
 *     sides change flags by read-modify-write operations.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"

enum {
    BH_PENDING = 1,   /* on a list */
    BH_SCHEDULED = 2, /* run the callback */
    BH_DELETED = 4,   /* free it, do not run it */
    BH_ONESHOT = 8,   /* run it and free it */
};

static void push_bh(QEMUBH *bh)
{
    AioContext *ctx = bh->ctx;
    QEMUBH *head = qatomic_read(&ctx->bh_stack);

    do {
        bh->next = head;
    } while (!__atomic_compare_exchange_n(&ctx->bh_stack, &head, bh, true,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    aio_notify_others(ctx);
}

static void set_flags(QEMUBH *bh, unsigned flags)
{
    unsigned old = qatomic_fetch_or(&bh->flags, flags | BH_PENDING);

    if (!(old & BH_PENDING)) {
        push_bh(bh);
    }
}

QEMUBH *aio_bh_new(AioContext *ctx, QEMUBHFunc *cb, void *opaque)
{
    QEMUBH *bh = g_new0(QEMUBH, 1);

    bh->ctx = ctx;
    bh->cb = cb;
    bh->opaque = opaque;
    return bh;
}

void qemu_bh_schedule(QEMUBH *bh)
{
    set_flags(bh, BH_SCHEDULED);
}

void qemu_bh_cancel(QEMUBH *bh)
{
    qatomic_and(&bh->flags, ~BH_SCHEDULED);
}

void qemu_bh_delete(QEMUBH *bh)
{
    set_flags(bh, BH_DELETED);
}

void aio_bh_schedule_oneshot(AioContext *ctx, QEMUBHFunc *cb, void *opaque)
{
    set_flags(aio_bh_new(ctx, cb, opaque), BH_SCHEDULED | BH_ONESHOT);
}

/* Move what other threads pushed to the end of the home thread's list. */
static void take_bh_stack(AioContext *ctx)
{
    QEMUBH *newest = qatomic_xchg(&ctx->bh_stack, NULL);
    QEMUBH *oldest = NULL;
    QEMUBH *last = newest;

    while (newest) {
        QEMUBH *bh = newest;

        newest = bh->next;
        bh->next = oldest;
        oldest = bh;
    }
    if (oldest) {
        *ctx->bh_last = oldest;
        ctx->bh_last = &last->next;
    }
}

static QEMUBH *pop_bh(AioContext *ctx)
{
    QEMUBH *bh = ctx->bh_first;

    ctx->bh_first = bh->next;
    if (!ctx->bh_first) {
        ctx->bh_last = &ctx->bh_first;
    }
    return bh;
}

/* Did the callback run? */
static bool run_bh(QEMUBH *bh)
{
    unsigned flags = qatomic_fetch_and(&bh->flags,
                                       ~(BH_PENDING | BH_SCHEDULED));

    if (flags & BH_DELETED) {
        g_free(bh);
        return false;
    }
    if (flags & BH_SCHEDULED) {
        QEMUBHFunc *cb = bh->cb;
        void *opaque = bh->opaque;

        if (flags & BH_ONESHOT) {
            g_free(bh);
        }
        cb(opaque);
        return true;
    }
    return false;
}

void aio_co_schedule(AioContext *ctx, Coroutine *co)
{
    const char *scheduled = NULL;
    Coroutine *head;

    if (!__atomic_compare_exchange_n(&co->scheduled, &scheduled, __func__,
                                     false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        fprintf(stderr, "%s: coroutine is already scheduled in '%s'\n",
                __func__, scheduled);
        abort();
    }
    /* The coroutine may run and end, and drop the last other reference. */
    aio_context_ref(ctx);
    head = qatomic_read(&ctx->co_stack);
    do {
        co->scheduled_next = head;
    } while (!__atomic_compare_exchange_n(&ctx->co_stack, &head, co, true,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    aio_notify_others(ctx);
    aio_context_unref(ctx);
}

/* Move what other threads pushed to the end of the home thread's list. */
static void take_co_stack(AioContext *ctx)
{
    Coroutine *newest = qatomic_xchg(&ctx->co_stack, NULL);
    Coroutine *oldest = NULL;
    Coroutine *last = newest;

    while (newest) {
        Coroutine *co = newest;

        newest = co->scheduled_next;
        co->scheduled_next = oldest;
        oldest = co;
    }
    if (!oldest) {
        return;
    }
    if (ctx->co_first) {
        ctx->co_last->scheduled_next = oldest;
    } else {
        ctx->co_first = oldest;
    }
    ctx->co_last = last;
}

static bool run_coroutines(AioContext *ctx)
{
    bool progress = false;
    Coroutine *co;

    take_co_stack(ctx);
    while ((co = ctx->co_first)) {
        ctx->co_first = co->scheduled_next;
        co->scheduled_next = NULL;
        qatomic_store_release(&co->scheduled, NULL);
        qemu_aio_coroutine_enter(ctx, co);
        progress = true;
    }
    return progress;
}

bool aio_bh_run(AioContext *ctx)
{
    bool progress = false;
    unsigned n = 0;

    if (qatomic_read(&ctx->bh_stack)) {
        take_bh_stack(ctx);
    }
    /* What callbacks schedule is for the next turn. */
    for (QEMUBH *bh = ctx->bh_first; bh; bh = bh->next) {
        n++;
    }
    while (n-- > 0 && ctx->bh_first) {
        progress |= run_bh(pop_bh(ctx));
    }
    if (ctx->co_first || qatomic_read(&ctx->co_stack)) {
        progress |= run_coroutines(ctx);
    }
    return progress;
}

bool aio_bh_has_work(AioContext *ctx)
{
    return ctx->bh_first || ctx->co_first || qatomic_read(&ctx->bh_stack) ||
           qatomic_read(&ctx->co_stack);
}

void aio_bh_init(AioContext *ctx)
{
    ctx->bh_last = &ctx->bh_first;
}

void aio_bh_cleanup(AioContext *ctx)
{
    take_bh_stack(ctx);
    while (ctx->bh_first) {
        QEMUBH *bh = pop_bh(ctx);

        /* Scheduled ones of other owners are theirs to delete. */
        if (qatomic_read(&bh->flags) & (BH_DELETED | BH_ONESHOT)) {
            g_free(bh);
        }
    }
}
