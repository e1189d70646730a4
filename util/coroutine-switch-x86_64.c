/*
 * The coroutine switch on x86-64 (System V ABI).
 *
 * The callee-saved registers go onto the stack that is left, and its stack
 * pointer into CoStack.sp.  The control words of the floating-point units are
 * the same everywhere in this program and are left alone.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-switch.h"

/* @save: where the old stack pointer goes; @sp: the one to continue on. */
void co_switch_asm(void **save, void *sp);
/* Where a fresh stack begins: calls r12 with r13. */
void co_start_asm(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".type co_switch_asm, @function\n"
        ".hidden co_switch_asm\n"
        ".globl co_switch_asm\n"
        "co_switch_asm:\n"
        "    .cfi_startproc\n"
        "    pushq %rbp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbp, 0\n"
        "    pushq %rbx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbx, 0\n"
        "    pushq %r12\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r12, 0\n"
        "    pushq %r13\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r13, 0\n"
        "    pushq %r14\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r14, 0\n"
        "    pushq %r15\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r15, 0\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r14\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r13\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r12\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rbx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rbp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    retq\n"
        "    .cfi_endproc\n"
        ".size co_switch_asm, .-co_switch_asm\n"
        ".p2align 4\n"
        ".type co_start_asm, @function\n"
        ".hidden co_start_asm\n"
        ".globl co_start_asm\n"
        "co_start_asm:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined %rip\n"
        "    movq %r13, %rdi\n"
        "    callq *%r12\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size co_start_asm, .-co_start_asm\n");

void co_stack_prepare(CoStack *stack, void (*fn)(void *arg), void *arg)
{
    /* The stack as co_switch_asm() leaves it: r15 r14 r13 r12 rbx rbp, the
     * return address; behind it 16-byte alignment, as before a call. */
    uintptr_t top = (uintptr_t)stack->bottom + stack->size;
    uintptr_t *sp = (uintptr_t *)(top & ~(uintptr_t)15) - 4;

    *--sp = (uintptr_t)co_start_asm;
    *--sp = 0;              /* rbp: the end of the frame chain */
    *--sp = 0;              /* rbx */
    *--sp = (uintptr_t)fn;  /* r12 */
    *--sp = (uintptr_t)arg; /* r13 */
    *--sp = 0;              /* r14 */
    *--sp = 0;              /* r15 */
    stack->sp = sp;
}

void co_stack_unprepare(CoStack *stack)
{
}

void co_stack_prepare_thread(CoStack *stack)
{
}

void co_stack_jump(CoStack *from, CoStack *to)
{
    co_switch_asm(&from->sp, to->sp);
}
