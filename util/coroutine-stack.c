/*
 * Coroutine stacks: memory with a guard page below, and what the sanitizers
 * and valgrind want to know about them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine-int.h"
#include "util/memalign.h"

#include <sys/mman.h>

#if CONFIG_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if CONFIG_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if CONFIG_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

void co_stack_alloc(CoStack *stack)
{
    size_t guard = qemu_real_host_page_size();
    size_t total = COROUTINE_STACK_SIZE + guard;
    char *p = mmap(NULL, total, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1,
                   0);

    if (p == MAP_FAILED || mprotect(p, guard, PROT_NONE) < 0) {
        fprintf(stderr, "qemu: cannot allocate a coroutine stack: %s\n",
                strerror(errno));
        abort();
    }
    stack->bottom = p + guard;
    stack->size = COROUTINE_STACK_SIZE;
    stack->fake = NULL;
#if CONFIG_TSAN
    stack->tsan = __tsan_create_fiber(0);
#endif
#if CONFIG_VALGRIND_H
    stack->vg_id = VALGRIND_STACK_REGISTER(p + guard,
                                           p + guard + COROUTINE_STACK_SIZE);
#endif
}

void co_stack_free(CoStack *stack)
{
    size_t guard = qemu_real_host_page_size();

#if CONFIG_VALGRIND_H
    VALGRIND_STACK_DEREGISTER(stack->vg_id);
#endif
#if CONFIG_TSAN
    __tsan_destroy_fiber(stack->tsan);
#endif
    munmap((char *)stack->bottom - guard, stack->size + guard);
    stack->bottom = NULL;
}

void co_stack_adopt_thread(CoStack *stack)
{
#if CONFIG_ASAN
    pthread_attr_t attr;

    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &stack->bottom, &stack->size);
        pthread_attr_destroy(&attr);
    }
#endif
#if CONFIG_TSAN
    stack->tsan = __tsan_get_current_fiber();
#endif
}

/* Not instrumented: it is on one stack when it begins, on another later. */
#if CONFIG_ASAN
__attribute__((no_sanitize_address))
#endif
#if CONFIG_TSAN
__attribute__((no_sanitize_thread))
#endif
void co_stack_switch(CoStack *from, CoStack *to)
{
#if CONFIG_ASAN
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
#if CONFIG_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    co_stack_jump(from, to);
#if CONFIG_ASAN
    __sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

void co_stack_first_entry(void)
{
#if CONFIG_ASAN
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}
