/*
 * Locks for coroutines.
 *
 * CoMutex invariants
 *  1. state is 0 free, 1 held, 2 held and somebody waits.  0 -> 1 and 1 -> 0
 *     are done by anyone with one compare-and-swap; 1 -> 2 and 2 -> 1 only
 *     under the spin lock, which also protects the list of waiters.
 *  2. state == 2 exactly while the list is not empty (seen under the spin
 *     lock).
 *  3. An unlock with waiters hands the mutex to the first one: state never
 *     becomes 0 in between, so nobody can overtake.
 *  4. A waiter may be woken before it has yielded; aio_co_wake() runs it in
 *     its own thread, that is, after the yield.
 *
 * CoQueue and CoRwlock stand on the same footing: lists under a lock, and
 * aio_co_wake().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/coroutine-int.h"

enum { CO_MUTEX_FREE = 0, CO_MUTEX_HELD = 1, CO_MUTEX_WAITED = 2 };

/* How often to look again while another thread holds the mutex: critical
 * sections without I/O are shorter than a trip through two event loops. */
#define CO_MUTEX_SPINS 500

struct CoMutexWaiter {
    Coroutine *co;
    STAILQ_ENTRY(CoMutexWaiter) next;
};

static void spin_lock(bool *spin)
{
    int tries = 0;

    while (__atomic_exchange_n(spin, true, __ATOMIC_ACQUIRE)) {
        while (qatomic_read(spin)) {
            if (++tries < 100) {
                cpu_relax();
            } else {
                sched_yield(); /* its holder was preempted */
            }
        }
    }
}

static void spin_unlock(bool *spin)
{
    qatomic_store_release(spin, false);
}

static bool try_state(CoMutex *mutex, uint32_t from, uint32_t to)
{
    return qatomic_read(&mutex->state) == from &&
           qatomic_cmpxchg(&mutex->state, from, to) == from;
}

void qemu_co_mutex_init(CoMutex *mutex)
{
    memset(mutex, 0, sizeof(*mutex));
    STAILQ_INIT(&mutex->waiters);
}

/* The holder runs in another thread and will be done soon, it is hoped. */
static bool spin_for_it(CoMutex *mutex, AioContext *ctx)
{
    for (int i = 0; i < CO_MUTEX_SPINS; i++) {
        uint32_t state = qatomic_read(&mutex->state);

        if (state == CO_MUTEX_FREE) {
            if (try_state(mutex, CO_MUTEX_FREE, CO_MUTEX_HELD)) {
                return true;
            }
        } else if (state == CO_MUTEX_WAITED ||
                   qatomic_read(&mutex->ctx) == ctx) {
            return false;
        }
        cpu_relax();
    }
    return false;
}

/* Get in line, unless the mutex becomes free; must we wait? */
static bool enqueue(CoMutex *mutex, CoMutexWaiter *waiter)
{
    bool wait = true;

    spin_lock(&mutex->spin);
    for (;;) {
        if (try_state(mutex, CO_MUTEX_FREE, CO_MUTEX_HELD)) {
            wait = false;
            break;
        }
        if (try_state(mutex, CO_MUTEX_HELD, CO_MUTEX_WAITED) ||
            qatomic_read(&mutex->state) == CO_MUTEX_WAITED) {
            STAILQ_INSERT_TAIL(&mutex->waiters, waiter, next);
            break;
        }
    }
    spin_unlock(&mutex->spin);
    return wait;
}

void coroutine_fn qemu_co_mutex_lock(CoMutex *mutex)
{
    Coroutine *self = qemu_coroutine_self();
    AioContext *ctx = qemu_coroutine_get_aio_context(self);

    if (!try_state(mutex, CO_MUTEX_FREE, CO_MUTEX_HELD) &&
        !spin_for_it(mutex, ctx)) {
        CoMutexWaiter waiter = { .co = self };

        if (enqueue(mutex, &waiter)) {
            qemu_coroutine_yield();
            /* Pairs with the release in the list's unlock: the mutex was
             * handed to us by aio_co_wake(). */
        }
    }
    qatomic_set(&mutex->ctx, ctx);
    mutex->holder = self;
    self->locks_held++;
}

void coroutine_fn qemu_co_mutex_unlock(CoMutex *mutex)
{
    Coroutine *self = qemu_coroutine_self();
    CoMutexWaiter *waiter;

    assert(mutex->holder == self);
    mutex->holder = NULL;
    qatomic_set(&mutex->ctx, NULL);
    self->locks_held--;

    if (try_state(mutex, CO_MUTEX_HELD, CO_MUTEX_FREE)) {
        return;
    }
    spin_lock(&mutex->spin);
    waiter = STAILQ_FIRST(&mutex->waiters);
    STAILQ_REMOVE_HEAD(&mutex->waiters, next);
    if (STAILQ_EMPTY(&mutex->waiters)) {
        qatomic_set(&mutex->state, CO_MUTEX_HELD);
    }
    spin_unlock(&mutex->spin);
    aio_co_wake(waiter->co);
}

void qemu_co_mutex_assert_locked(CoMutex *mutex)
{
    assert(mutex->holder == qemu_coroutine_self());
}

/* --- CoQueue --- */

struct CoQueueWaiter {
    Coroutine *co;
    STAILQ_ENTRY(CoQueueWaiter) next;
};

void qemu_co_queue_init(CoQueue *queue)
{
    STAILQ_INIT(&queue->entries);
}

void coroutine_fn qemu_co_queue_wait_comutex(CoQueue *queue, CoMutex *lock)
{
    CoQueueWaiter waiter = { .co = qemu_coroutine_self() };

    STAILQ_INSERT_TAIL(&queue->entries, &waiter, next);
    if (lock) {
        qemu_co_mutex_unlock(lock);
    }
    qemu_coroutine_yield();
    if (lock) {
        qemu_co_mutex_lock(lock);
    }
}

void coroutine_fn qemu_co_queue_wait_mutex(CoQueue *queue, QemuMutex *lock)
{
    CoQueueWaiter waiter = { .co = qemu_coroutine_self() };

    STAILQ_INSERT_TAIL(&queue->entries, &waiter, next);
    qemu_mutex_unlock(lock);
    qemu_coroutine_yield();
    qemu_mutex_lock(lock);
}

bool qemu_co_queue_next(CoQueue *queue)
{
    CoQueueWaiter *waiter = STAILQ_FIRST(&queue->entries);

    if (!waiter) {
        return false;
    }
    STAILQ_REMOVE_HEAD(&queue->entries, next);
    aio_co_wake(waiter->co);
    return true;
}

void qemu_co_queue_restart_all(CoQueue *queue)
{
    CoQueue all;

    /* Those who wait again meanwhile are not meant. */
    qemu_co_queue_init(&all);
    STAILQ_CONCAT(&all.entries, &queue->entries);
    while (qemu_co_queue_next(&all)) {
    }
}

bool qemu_co_queue_empty(const CoQueue *queue)
{
    return STAILQ_EMPTY(&queue->entries);
}

/* --- CoRwlock --- */

struct CoRwTicket {
    bool writer;
    Coroutine *co;
    STAILQ_ENTRY(CoRwTicket) next;
};

void qemu_co_rwlock_init(CoRwlock *lock)
{
    qemu_co_mutex_init(&lock->mutex);
    lock->owners = 0;
    STAILQ_INIT(&lock->tickets);
}

/* Hand the lock to the first in line if it may have it; gives up lock->mutex,
 * which the caller holds. */
static void coroutine_fn co_rwlock_admit_next(CoRwlock *lock)
{
    CoRwTicket *first = STAILQ_FIRST(&lock->tickets);
    Coroutine *co = NULL;

    if (first && (first->writer ? lock->owners == 0 : lock->owners >= 0)) {
        lock->owners = first->writer ? -1 : lock->owners + 1;
        co = first->co;
        STAILQ_REMOVE_HEAD(&lock->tickets, next);
    }
    qemu_co_mutex_unlock(&lock->mutex);
    if (co) {
        aio_co_wake(co);
    }
}

void coroutine_fn qemu_co_rwlock_rdlock(CoRwlock *lock)
{
    CoRwTicket ticket = { .writer = false, .co = qemu_coroutine_self() };

    qemu_co_mutex_lock(&lock->mutex);
    if (lock->owners >= 0 && STAILQ_EMPTY(&lock->tickets)) {
        lock->owners++;
        qemu_co_mutex_unlock(&lock->mutex);
    } else {
        STAILQ_INSERT_TAIL(&lock->tickets, &ticket, next);
        qemu_co_mutex_unlock(&lock->mutex);
        qemu_coroutine_yield();
        /* The next one may be a reader, too. */
        qemu_co_mutex_lock(&lock->mutex);
        assert(lock->owners >= 1);
        co_rwlock_admit_next(lock);
    }
    ticket.co->locks_held++;
}

static void coroutine_fn co_rwlock_wait_as_writer(CoRwlock *lock)
{
    CoRwTicket ticket = { .writer = true, .co = qemu_coroutine_self() };

    STAILQ_INSERT_TAIL(&lock->tickets, &ticket, next);
    co_rwlock_admit_next(lock);
    qemu_coroutine_yield();
    assert(lock->owners == -1);
}

void coroutine_fn qemu_co_rwlock_wrlock(CoRwlock *lock)
{
    qemu_co_mutex_lock(&lock->mutex);
    if (lock->owners == 0) {
        lock->owners = -1;
        qemu_co_mutex_unlock(&lock->mutex);
    } else {
        co_rwlock_wait_as_writer(lock);
    }
    qemu_coroutine_self()->locks_held++;
}

void coroutine_fn qemu_co_rwlock_upgrade(CoRwlock *lock)
{
    qemu_co_mutex_lock(&lock->mutex);
    assert(lock->owners >= 1);
    if (lock->owners == 1 && STAILQ_EMPTY(&lock->tickets)) {
        lock->owners = -1;
        qemu_co_mutex_unlock(&lock->mutex);
    } else {
        lock->owners--;
        co_rwlock_wait_as_writer(lock);
    }
}

void coroutine_fn qemu_co_rwlock_downgrade(CoRwlock *lock)
{
    qemu_co_mutex_lock(&lock->mutex);
    assert(lock->owners == -1);
    lock->owners = 1;
    co_rwlock_admit_next(lock);
}

void coroutine_fn qemu_co_rwlock_unlock(CoRwlock *lock)
{
    Coroutine *self = qemu_coroutine_self();

    assert(self->locks_held > 0);
    self->locks_held--;
    qemu_co_mutex_lock(&lock->mutex);
    if (lock->owners > 0) {
        lock->owners--;
    } else {
        assert(lock->owners == -1);
        lock->owners = 0;
    }
    co_rwlock_admit_next(lock);
}
