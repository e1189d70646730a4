/*
 * The coroutine switch by <ucontext.h>, for hosts without one of our own.
 *
 * Correct but slow: swapcontext() makes a system call for the signal mask.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-switch.h"

#include <ucontext.h>

typedef struct Start {
    ucontext_t uc; /* first: CoStack.sp points here */
    void (*fn)(void *arg);
    void *arg;
} Start;

/* makecontext() passes ints only, so a pointer comes in two. */
static void start(unsigned high, unsigned low)
{
    Start *s = (Start *)(((uintptr_t)high << 16 << 16) | low);

    s->fn(s->arg);
    abort();
}

void co_stack_prepare(CoStack *stack, void (*fn)(void *arg), void *arg)
{
    Start *s = g_new0(Start, 1);

    s->fn = fn;
    s->arg = arg;
    if (getcontext(&s->uc) < 0) {
        abort();
    }
    s->uc.uc_link = NULL;
    s->uc.uc_stack.ss_sp = stack->bottom;
    s->uc.uc_stack.ss_size = stack->size;
    makecontext(&s->uc, (void (*)(void))start, 2,
                (unsigned)((uintptr_t)s >> 16 >> 16), (unsigned)(uintptr_t)s);
    stack->sp = s;
}

void co_stack_unprepare(CoStack *stack)
{
    g_clear_pointer(&stack->sp, g_free);
}

void co_stack_prepare_thread(CoStack *stack)
{
    stack->sp = g_new0(Start, 1);
}

void co_stack_jump(CoStack *from, CoStack *to)
{
    if (swapcontext(&((Start *)from->sp)->uc, &((Start *)to->sp)->uc) < 0) {
        abort();
    }
}
