/*
 * Atomic accesses and barriers, over the compiler's __atomic built-ins.
 *
 * qatomic_read/qatomic_set are relaxed: they only keep the access whole.
 * The read-modify-write operations are sequentially consistent.  A store that
 * must be seen before a later load of another variable (the two sides of a
 * sleep/wake-up protocol) uses qatomic_xchg or qatomic_mb_set for the store
 * and qatomic_mb_read for the load: unlike smp_mb() these are understood by
 * ThreadSanitizer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_ATOMIC_H
#define UTIL_ATOMIC_H

#include <sched.h>

#define qatomic_read(p)             __atomic_load_n(p, __ATOMIC_RELAXED)
#define qatomic_set(p, v)           __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define qatomic_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qatomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define qatomic_mb_read(p)          __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define qatomic_mb_set(p, v)        __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

/* These return the value from before the operation. */
#define qatomic_fetch_add(p, v) __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_sub(p, v) __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_or(p, v)  __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_and(p, v) __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_inc(p)    qatomic_fetch_add(p, 1)
#define qatomic_fetch_dec(p)    qatomic_fetch_sub(p, 1)
#define qatomic_xchg(p, v)      __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

#define qatomic_add(p, v) ((void)qatomic_fetch_add(p, v))
#define qatomic_sub(p, v) ((void)qatomic_fetch_sub(p, v))
#define qatomic_or(p, v)  ((void)qatomic_fetch_or(p, v))
#define qatomic_and(p, v) ((void)qatomic_fetch_and(p, v))
#define qatomic_inc(p)    ((void)qatomic_fetch_add(p, 1))
#define qatomic_dec(p)    ((void)qatomic_fetch_sub(p, 1))

/* Store @new_ where *@p is @old; the value found (== @old: it was stored). */
#define qatomic_cmpxchg(p, old, new_)                                          \
    (__extension__({                                                           \
        __typeof__(*(p) + 0) cmpxchg_old_ = (old);                             \
        (void)__atomic_compare_exchange_n(p, &cmpxchg_old_, new_, false,       \
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        cmpxchg_old_;                                                          \
    }))

/*
 * Fences, for memory shared with a guest or with the kernel.  Between our own
 * threads prefer the ordered accesses above.
 */
#define barrier() __asm__ __volatile__("" ::: "memory")
#if CONFIG_TSAN
/* ThreadSanitizer cannot model a fence and gcc warns of it. */
#define smp_mb()  smp_mb_tsan_()
#define smp_rmb() smp_mb_tsan_()
#define smp_wmb() smp_mb_tsan_()
static inline void smp_mb_tsan_(void)
{
    int dummy = 0;

    (void)__atomic_exchange_n(&dummy, 1, __ATOMIC_SEQ_CST);
#if defined(__x86_64__)
    __asm__ __volatile__("mfence" ::: "memory");
#elif defined(__aarch64__)
    __asm__ __volatile__("dmb ish" ::: "memory");
#endif
}
#else
#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

/* Tell the processor that this is a busy-wait loop. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ __volatile__("rep; nop" ::: "memory");
#elif defined(__aarch64__)
    __asm__ __volatile__("yield" ::: "memory");
#else
    barrier();
#endif
}

#endif
