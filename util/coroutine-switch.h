/*
 * The switch from one stack to another: coroutine-switch-*.c, one of which is
 * built.  Stands alone, so that each can be tried by itself (on an emulated
 * processor, say).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_COROUTINE_SWITCH_H
#define UTIL_COROUTINE_SWITCH_H

#include <stddef.h>

/*
 * A suspended flow of control on its stack.  Belongs to whoever owns the
 * coroutine; for a thread's own stack, to the thread.
 */
typedef struct CoStack {
    void *sp;       /* asm: the saved stack pointer; ucontext: a ucontext_t */
    void *bottom;   /* lowest usable address */
    size_t size;    /* of the usable part */
    void *fake;     /* ASan: the fake stack while suspended */
    void *tsan;     /* TSan: the fiber */
    unsigned vg_id; /* valgrind: the stack's number */
} CoStack;

/* Let the first switch to @stack call @fn(@arg), which never returns. */
void co_stack_prepare(CoStack *stack, void (*fn)(void *arg), void *arg);
void co_stack_unprepare(CoStack *stack);
/* Make a thread's own stack known; done once per thread. */
void co_stack_prepare_thread(CoStack *stack);
/* Suspend the running flow in @from, continue @to. */
void co_stack_jump(CoStack *from, CoStack *to);

#endif
