/*
 * What the coroutine files share; nobody else includes this.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_COROUTINE_INT_H
#define UTIL_COROUTINE_INT_H

#include "util/coroutine.h"
#include "util/coroutine-switch.h"

/* What a switch back to the enterer means. */
typedef enum CoroutineAction {
    COROUTINE_YIELD,
    COROUTINE_MOVE, /* yield, and continue in move_to's thread */
    COROUTINE_TERMINATE,
} CoroutineAction;

/*
 * Invariants
 *  1. A coroutine is owned by exactly one of: a pool; the one who created it
 *     or will wake it; the thread that runs it (with its chain of callers).
 *     The fields belong to the owner unless they say otherwise.
 *  2. A coroutine is woken in the thread that ran it last (ctx's home), so
 *     that a wake-up sent before it has yielded comes after the yield.  To
 *     change the thread it asks its enterer (COROUTINE_MOVE), who schedules
 *     it when it has left its stack.
 *  3. scheduled is set by aio_co_schedule() and cleared before the entry:
 *     scheduling or entering a scheduled coroutine is a bug, and aborts.
 */
struct Coroutine {
    CoStack stack;
    CoroutineEntry *entry;
    void *opaque;
    Coroutine *caller;      /* who entered us; NULL: not running */
    AioContext *ctx;        /* atomic: written on entry, read by wakers */
    AioContext *move_to;    /* with COROUTINE_MOVE */
    const char *scheduled;  /* atomic: invariant 3; by which function */
    CoroutineAction action; /* travels with a switch to the caller */
    unsigned locks_held;
    Coroutine *pool_next;
    Coroutine *scheduled_next; /* the context's list of the scheduled */
    /* Coroutines that we woke while running: entered when we yield. */
    STAILQ_HEAD(, Coroutine) wakeup;
    STAILQ_ENTRY(Coroutine) wakeup_next;
};

/* --- stack memory and tool annotations: coroutine-stack.c --- */

/* Address space, not memory: pages come as they are touched. */
#define COROUTINE_STACK_SIZE (1024 * 1024)

void co_stack_alloc(CoStack *stack);
void co_stack_free(CoStack *stack);
void co_stack_adopt_thread(CoStack *stack);
/* co_stack_jump() with what sanitizers want to know. */
void co_stack_switch(CoStack *from, CoStack *to);
/* First thing on a fresh stack. */
void co_stack_first_entry(void);

/* --- pool: coroutine-pool.c --- */

Coroutine *coroutine_pool_get(void); /* NULL: empty */
/* false: full; the caller frees it */
bool coroutine_pool_put(Coroutine *co);
void coroutine_free(Coroutine *co);

#endif
