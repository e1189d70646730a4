/*
 * Coroutines: creating, entering, yielding.
 *
 * The switch itself is in coroutine-switch-*.c, stacks in coroutine-stack.c;
 * invariants are in coroutine-int.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/coroutine-int.h"

typedef struct CoThread {
    Coroutine leader; /* stands for the flow outside of coroutines */
    Coroutine *current;
} CoThread;

static _Thread_local CoThread tls;

/*
 * This thread's state.  A coroutine may be in another thread after each
 * switch, so the compiler must not keep the address across one.
 */
static __attribute__((noinline)) CoThread *co_thread(void)
{
    CoThread *t = &tls;

    __asm__ volatile("" : "+r"(t));
    if (unlikely(!t->current)) {
        t->current = &t->leader;
        STAILQ_INIT(&t->leader.wakeup);
        co_stack_adopt_thread(&t->leader.stack);
        co_stack_prepare_thread(&t->leader.stack);
    }
    return t;
}

Coroutine *qemu_coroutine_self(void)
{
    return co_thread()->current;
}

bool qemu_in_coroutine(void)
{
    return co_thread()->current->caller != NULL;
}

bool qemu_coroutine_entered(const Coroutine *co)
{
    return co->caller != NULL;
}

AioContext *qemu_coroutine_get_aio_context(const Coroutine *co)
{
    return qatomic_load_acquire(&co->ctx);
}

/* From @from to @to; returns with what @from is continued with. */
static CoroutineAction coroutine_switch(CoThread *t, Coroutine *from,
                                        Coroutine *to, CoroutineAction action)
{
    to->action = action;
    t->current = to;
    co_stack_switch(&from->stack, &to->stack);
    return from->action;
}

/* Every coroutine's outermost function; one round per life in the pool. */
static void coroutine_main(void *arg)
{
    Coroutine *co = arg;

    co_stack_first_entry();
    for (;;) {
        Coroutine *to;

        co->entry(co->opaque);
        to = co->caller;
        co->caller = NULL;
        coroutine_switch(co_thread(), co, to, COROUTINE_TERMINATE);
    }
}

Coroutine *qemu_coroutine_create(CoroutineEntry *entry, void *opaque)
{
    Coroutine *co = coroutine_pool_get();

    if (unlikely(!co)) {
        co = g_new0(Coroutine, 1);
        co_stack_alloc(&co->stack);
        co_stack_prepare(&co->stack, coroutine_main, co);
        STAILQ_INIT(&co->wakeup);
    }
    co->entry = entry;
    co->opaque = opaque;
    return co;
}

void coroutine_free(Coroutine *co)
{
    co_stack_unprepare(&co->stack);
    co_stack_free(&co->stack);
    g_free(co);
}

static void coroutine_delete(Coroutine *co)
{
    qatomic_set(&co->ctx, NULL);
    if (!coroutine_pool_put(co)) {
        coroutine_free(co);
    }
}

static void check_enterable(Coroutine *co)
{
    const char *scheduled = qatomic_load_acquire(&co->scheduled);

    if (unlikely(scheduled)) {
        fprintf(stderr, "%s: coroutine is already scheduled in '%s'\n",
                __func__, scheduled);
        abort();
    }
    if (unlikely(co->caller)) {
        fprintf(stderr, "coroutine entered while it is running\n");
        abort();
    }
}

void qemu_aio_coroutine_enter(AioContext *ctx, Coroutine *co)
{
    STAILQ_HEAD(, Coroutine) pending = STAILQ_HEAD_INITIALIZER(pending);
    Coroutine *from = qemu_coroutine_self();

    STAILQ_INSERT_TAIL(&pending, co, wakeup_next);

    /* What a coroutine woke runs right behind it, before its elders. */
    while (!STAILQ_EMPTY(&pending)) {
        Coroutine *to = STAILQ_FIRST(&pending);
        CoroutineAction action;

        STAILQ_REMOVE_HEAD(&pending, wakeup_next);
        check_enterable(to);
        to->caller = from;
        qatomic_store_release(&to->ctx, ctx);

        action = coroutine_switch(co_thread(), from, to, COROUTINE_YIELD);

        STAILQ_CONCAT(&to->wakeup, &pending);
        STAILQ_CONCAT(&pending, &to->wakeup);

        switch (action) {
        case COROUTINE_YIELD:
            break;
        case COROUTINE_MOVE:
            aio_co_schedule(to->move_to, to);
            break;
        case COROUTINE_TERMINATE:
            assert(to->locks_held == 0);
            coroutine_delete(to);
            break;
        }
    }
}

void qemu_coroutine_enter(Coroutine *co)
{
    qemu_aio_coroutine_enter(qemu_get_current_aio_context(), co);
}

void qemu_coroutine_enter_if_inactive(Coroutine *co)
{
    if (!qemu_coroutine_entered(co)) {
        qemu_coroutine_enter(co);
    }
}

static void coroutine_fn leave_to_caller(CoroutineAction action)
{
    CoThread *t = co_thread();
    Coroutine *self = t->current;
    Coroutine *to = self->caller;

    if (unlikely(!to)) {
        fprintf(stderr, "yield outside of a coroutine\n");
        abort();
    }
    self->caller = NULL;
    coroutine_switch(t, self, to, action);
}

void coroutine_fn qemu_coroutine_yield(void)
{
    leave_to_caller(COROUTINE_YIELD);
}

/* --- waking --- */

void aio_co_enter(AioContext *ctx, Coroutine *co)
{
    assert(ctx);
    if (!in_aio_context_home_thread(ctx)) {
        aio_co_schedule(ctx, co);
    } else if (qemu_in_coroutine()) {
        Coroutine *self = qemu_coroutine_self();

        STAILQ_INSERT_TAIL(&self->wakeup, co, wakeup_next);
    } else {
        qemu_aio_coroutine_enter(ctx, co);
    }
}

void aio_co_wake(Coroutine *co)
{
    aio_co_enter(qemu_coroutine_get_aio_context(co), co);
}

void coroutine_fn aio_co_reschedule_self(AioContext *new_ctx)
{
    Coroutine *self = qemu_coroutine_self();

    if (qemu_coroutine_get_aio_context(self) != new_ctx) {
        self->move_to = new_ctx;
        leave_to_caller(COROUTINE_MOVE);
    }
}
