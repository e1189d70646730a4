/*
 * The coroutine switch on AArch64 (AAPCS64).
 *
 * The callee-saved registers x19-x30 and d8-d15 go onto the stack that is
 * left, and its stack pointer into CoStack.sp.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-switch.h"

/* @save: where the old stack pointer goes; @sp: the one to continue on. */
void co_switch_asm(void **save, void *sp);
/* Where a fresh stack begins: calls x19 with x20. */
void co_start_asm(void);

#define FRAME_WORDS 20 /* x19-x30, d8-d15 */

__asm__(".text\n"
        ".p2align 4\n"
        ".type co_switch_asm, %function\n"
        ".hidden co_switch_asm\n"
        ".globl co_switch_asm\n"
        "co_switch_asm:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    stp x19, x20, [sp, #-160]!\n"
        "    .cfi_def_cfa_offset 160\n"
        "    .cfi_offset x29, -80\n"
        "    .cfi_offset x30, -72\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x2, sp\n"
        "    str x2, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldp x19, x20, [sp], #160\n"
        "    .cfi_def_cfa_offset 0\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size co_switch_asm, .-co_switch_asm\n"
        ".p2align 4\n"
        ".type co_start_asm, %function\n"
        ".hidden co_start_asm\n"
        ".globl co_start_asm\n"
        "co_start_asm:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n"
        "    hint #36\n" /* bti j */
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #1\n"
        "    .cfi_endproc\n"
        ".size co_start_asm, .-co_start_asm\n");

void co_stack_prepare(CoStack *stack, void (*fn)(void *arg), void *arg)
{
    uintptr_t top = (uintptr_t)stack->bottom + stack->size;
    uintptr_t *sp = (uintptr_t *)(top & ~(uintptr_t)15) - 4 - FRAME_WORDS;

    memset(sp, 0, FRAME_WORDS * sizeof(*sp));
    sp[0] = (uintptr_t)fn;            /* x19 */
    sp[1] = (uintptr_t)arg;           /* x20 */
    sp[11] = (uintptr_t)co_start_asm; /* x30 */
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
