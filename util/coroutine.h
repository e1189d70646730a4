/*
 * Coroutines: functions that can wait in the middle and be continued later.
 *
 * A coroutine runs in the thread that enters it, until it yields or ends;
 * then control is back behind qemu_coroutine_enter().  A function that may
 * yield is marked coroutine_fn and has _co_ in its name; only another
 * coroutine_fn may call it.
 *
 * Waking a coroutine from anywhere is aio_co_wake() (or aio_co_schedule() to
 * name another context), never a bare qemu_coroutine_enter(), unless the
 * waker knows that it is in the right thread and outside of coroutines.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_COROUTINE_H
#define UTIL_COROUTINE_H

#include "util/queue.h"
#include "util/thread.h"
#include "util/timer.h"

#define coroutine_fn

typedef struct AioContext AioContext;
typedef struct Coroutine Coroutine;
typedef void coroutine_fn CoroutineEntry(void *opaque);

/* A coroutine that has not begun; stack and all come from a pool. */
Coroutine *qemu_coroutine_create(CoroutineEntry *entry, void *opaque);
/* Begin or continue @co; returns when it yields or ends (and is gone). */
void qemu_coroutine_enter(Coroutine *co);
/* The same with @ctx as the context it is woken in from now on. */
void qemu_aio_coroutine_enter(AioContext *ctx, Coroutine *co);
/* Enter @co unless it is running. */
void qemu_coroutine_enter_if_inactive(Coroutine *co);
/* Give control back to whoever entered us. */
void coroutine_fn qemu_coroutine_yield(void);
/* The caller; outside of coroutines an object that stands for the thread. */
Coroutine *qemu_coroutine_self(void);
bool qemu_in_coroutine(void);
/* Has @co been entered (by anyone) and not yielded since? */
bool qemu_coroutine_entered(const Coroutine *co);
/* The context in which @co was entered last: where aio_co_wake() puts it. */
AioContext *qemu_coroutine_get_aio_context(const Coroutine *co);

/* Hint how many coroutines are likely to be alive at once (queue sizes), so
 * that the pool can hold them; dec when they are gone. */
void qemu_coroutine_inc_pool_size(unsigned n);
void qemu_coroutine_dec_pool_size(unsigned n);

/* --- waking --- */

/* Continue @co in @ctx's thread, from a bottom half.  Any thread. */
void aio_co_schedule(AioContext *ctx, Coroutine *co);
/* Continue @co in its own context: at once if this is its thread and no
 * coroutine runs, after the running coroutine yields if one does, otherwise
 * by aio_co_schedule().  Any thread. */
void aio_co_wake(Coroutine *co);
/* As aio_co_wake(), for a context that the caller knows. */
void aio_co_enter(AioContext *ctx, Coroutine *co);
/* Move the calling coroutine to @new_ctx's thread. */
void coroutine_fn aio_co_reschedule_self(AioContext *new_ctx);

/* --- locks (util/coroutine-lock.c) --- */

/*
 * A mutex for coroutines in any threads: first come, first served.  Never
 * blocks the thread.
 */
typedef struct CoMutexWaiter CoMutexWaiter;
typedef struct CoMutex {
    uint32_t state;    /* atomic: CO_MUTEX_* in coroutine-lock.c */
    bool spin;         /* atomic: protects waiters */
    AioContext *ctx;   /* atomic: the holder's, to spin or not */
    Coroutine *holder; /* written by the holder only */
    STAILQ_HEAD(, CoMutexWaiter) waiters; /* under spin */
} CoMutex;

void qemu_co_mutex_init(CoMutex *mutex);
void coroutine_fn qemu_co_mutex_lock(CoMutex *mutex);
void coroutine_fn qemu_co_mutex_unlock(CoMutex *mutex);
/* assert that the caller holds it */
void qemu_co_mutex_assert_locked(CoMutex *mutex);

static inline CoMutex *coroutine_fn qemu_co_mutex_lock_ret_(CoMutex *mutex)
{
    qemu_co_mutex_lock(mutex);
    return mutex;
}

static inline void coroutine_fn qemu_co_mutex_guard_cleanup_(CoMutex **mutex)
{
    if (*mutex) {
        qemu_co_mutex_unlock(*mutex);
    }
}

/* Hold @x (CoMutex *) until the end of this scope. */
#define QEMU_CO_LOCK_GUARD(x)                                                \
    __attribute__((cleanup(qemu_co_mutex_guard_cleanup_), unused)) CoMutex * \
    G_PASTE(co_lock_guard_, __COUNTER__) = qemu_co_mutex_lock_ret_(x)
#define WITH_QEMU_CO_LOCK_GUARD(x)                              \
    for (__attribute__((cleanup(qemu_co_mutex_guard_cleanup_))) \
         CoMutex *co_with_guard_ = qemu_co_mutex_lock_ret_(x);  \
         co_with_guard_;                                        \
         qemu_co_mutex_guard_cleanup_(&co_with_guard_), co_with_guard_ = NULL)

/*
 * Coroutines waiting for a condition.  The queue belongs to a lock: the
 * CoMutex or QemuMutex that its users hold around every call; with NULL all
 * users are in one thread.
 */
typedef struct CoQueueWaiter CoQueueWaiter;
typedef struct CoQueue {
    STAILQ_HEAD(, CoQueueWaiter) entries; /* the lock's */
} CoQueue;

void qemu_co_queue_init(CoQueue *queue);
/* Wait, with @lock given up meanwhile and taken again afterwards. */
void coroutine_fn qemu_co_queue_wait_comutex(CoQueue *queue, CoMutex *lock);
void coroutine_fn qemu_co_queue_wait_mutex(CoQueue *queue, QemuMutex *lock);
#define qemu_co_queue_wait(queue, lock)          \
    _Generic((lock), QemuMutex *                 \
             : qemu_co_queue_wait_mutex, default \
             : qemu_co_queue_wait_comutex)((queue), (lock))
/* Wake the first waiter, or all; true if there was one.  The woken run after
 * the caller yields, or from the loop.  Not only for coroutines. */
bool qemu_co_queue_next(CoQueue *queue);
void qemu_co_queue_restart_all(CoQueue *queue);
bool qemu_co_queue_empty(const CoQueue *queue);

/* Readers share, a writer is alone; in the order of arrival. */
typedef struct CoRwTicket CoRwTicket;
typedef struct CoRwlock {
    CoMutex mutex;
    int owners; /* > 0 readers, -1 a writer; under mutex */
    STAILQ_HEAD(, CoRwTicket) tickets; /* under mutex */
} CoRwlock;

void qemu_co_rwlock_init(CoRwlock *lock);
void coroutine_fn qemu_co_rwlock_rdlock(CoRwlock *lock);
void coroutine_fn qemu_co_rwlock_wrlock(CoRwlock *lock);
/* Reader to writer: others may write in between. */
void coroutine_fn qemu_co_rwlock_upgrade(CoRwlock *lock);
/* Writer to reader: nobody writes in between. */
void coroutine_fn qemu_co_rwlock_downgrade(CoRwlock *lock);
void coroutine_fn qemu_co_rwlock_unlock(CoRwlock *lock);

/* --- sleeping (util/coroutine-sleep.c) --- */

typedef struct QemuCoSleep {
    Coroutine *to_wake; /* atomic */
} QemuCoSleep;

/* Yield for @ns nanoseconds of @clock. */
void coroutine_fn qemu_co_sleep_ns(QEMUClockType clock, int64_t ns);
/* The same, but qemu_co_sleep_wake(@w) ends it early. */
void coroutine_fn qemu_co_sleep_ns_wakeable(QemuCoSleep *w, QEMUClockType clock,
                                            int64_t ns);
void coroutine_fn qemu_co_sleep(QemuCoSleep *w); /* until woken */
/* Home thread of the sleeper only. */
void qemu_co_sleep_wake(QemuCoSleep *w);

/* Yield until @fd is readable/writable (no handler may be set on it). */
void coroutine_fn qemu_co_yield_until_fd_readable(int fd);
void coroutine_fn qemu_co_yield_until_fd_writable(int fd);

#endif
