/*
 * What coroutines cost: a life (create, enter, end), and a yield and return.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/coroutine.h"

#define N 20000000

static void coroutine_fn nothing(void *opaque)
{
}

static void coroutine_fn yield_for_ever(void *opaque)
{
    for (;;) {
        qemu_coroutine_yield();
    }
}

static void coroutine_fn lock_and_unlock(void *opaque)
{
    CoMutex *mutex = opaque;

    for (int i = 0; i < N; i++) {
        qemu_co_mutex_lock(mutex);
        qemu_co_mutex_unlock(mutex);
    }
}

static void report(const char *what, int64_t start)
{
    printf("%-28s %6.1f ns\n", what, (double)(get_clock() - start) / N);
}

int main(void)
{
    Coroutine *co = qemu_coroutine_create(yield_for_ever, NULL);
    CoMutex mutex;
    int64_t start = get_clock();

    for (int i = 0; i < N; i++) {
        qemu_coroutine_enter(qemu_coroutine_create(nothing, NULL));
    }
    report("create, enter, end", start);

    start = get_clock();
    for (int i = 0; i < N; i++) {
        qemu_coroutine_enter(co);
    }
    report("enter, yield", start);

    qemu_co_mutex_init(&mutex);
    start = get_clock();
    qemu_coroutine_enter(qemu_coroutine_create(lock_and_unlock, &mutex));
    report("CoMutex lock, unlock", start);
    return 0;
}
