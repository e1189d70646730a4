/*
 * Entry of the freestanding guest by the PVH boot protocol: flat 32-bit mode,
 * EBX points to hvm_start_info.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
    .section .note.pvh, "a", @note
    .align 4
    .long 4             /* length of the name */
    .long 4             /* length of the entry's address */
    .long 18            /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start

    .section .text.start, "ax"
    .globl start
start:
    cli
    movl $stack_top, %esp
    xorl %ebp, %ebp
    pushl %ebx
    call guest_main
1:  hlt
    jmp 1b

    .bss
    .align 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
