/*
 * Threads, locks and events over pthreads.
 *
 * Locks assert that the call worked: a failure is a bug of ours.  The scope
 * guards release a lock wherever the scope is left.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include <pthread.h>
#include <semaphore.h>

typedef struct QemuMutex {
    pthread_mutex_t lock;
} QemuMutex;

typedef struct QemuRecMutex {
    QemuMutex m;
} QemuRecMutex;

typedef struct QemuCond {
    pthread_cond_t cond; /* waits by CLOCK_MONOTONIC */
} QemuCond;

typedef struct QemuSemaphore {
    sem_t sem;
} QemuSemaphore;

/* A flag that threads can wait for. */
typedef struct QemuEvent {
    QemuMutex lock;
    QemuCond cond;
    bool set; /* atomic for reading; written under lock */
} QemuEvent;

typedef struct QemuThread {
    pthread_t thread;
} QemuThread;

#define QEMU_MUTEX_INITIALIZER            \
    {                                     \
        .lock = PTHREAD_MUTEX_INITIALIZER \
    }

void qemu_mutex_init(QemuMutex *mutex);
void qemu_mutex_destroy(QemuMutex *mutex);
void qemu_mutex_lock(QemuMutex *mutex);
bool qemu_mutex_trylock(QemuMutex *mutex); /* true: we have it now */
void qemu_mutex_unlock(QemuMutex *mutex);

void qemu_rec_mutex_init(QemuRecMutex *mutex);
void qemu_rec_mutex_destroy(QemuRecMutex *mutex);
void qemu_rec_mutex_lock(QemuRecMutex *mutex);
void qemu_rec_mutex_unlock(QemuRecMutex *mutex);

void qemu_cond_init(QemuCond *cond);
void qemu_cond_destroy(QemuCond *cond);
void qemu_cond_signal(QemuCond *cond);
void qemu_cond_broadcast(QemuCond *cond);
void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex);
/* false: @ms milliseconds went by without a signal */
bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int ms);

void qemu_sem_init(QemuSemaphore *sem, int value);
void qemu_sem_destroy(QemuSemaphore *sem);
void qemu_sem_post(QemuSemaphore *sem);
void qemu_sem_wait(QemuSemaphore *sem);
/* 0, or -1 after @ms milliseconds */
int qemu_sem_timedwait(QemuSemaphore *sem, int ms);

void qemu_event_init(QemuEvent *ev, bool set);
void qemu_event_destroy(QemuEvent *ev);
void qemu_event_set(QemuEvent *ev);
void qemu_event_reset(QemuEvent *ev);
void qemu_event_wait(QemuEvent *ev);

/*
 * Start a joinable thread.  @name (15 characters are kept) is what ps -L
 * and gdb show.  All signals are blocked in it.  Failure to create one ends
 * the program with a message, as memory exhaustion does.
 */
void qemu_thread_create(QemuThread *thread, const char *name,
                        void *(*start_routine)(void *), void *arg);
void *qemu_thread_join(QemuThread *thread);
void qemu_thread_get_self(QemuThread *thread);
bool qemu_thread_is_self(const QemuThread *thread);

/* The kernel's id of this thread. */
int qemu_gettid(void);

static inline QemuMutex *qemu_mutex_lock_ret_(QemuMutex *mutex)
{
    qemu_mutex_lock(mutex);
    return mutex;
}

static inline void qemu_mutex_guard_cleanup_(QemuMutex **mutex)
{
    if (*mutex) {
        qemu_mutex_unlock(*mutex);
    }
}

/* Hold @x (QemuMutex *) until the end of this scope. */
#define QEMU_LOCK_GUARD(x)                                                  \
    __attribute__((cleanup(qemu_mutex_guard_cleanup_), unused)) QemuMutex * \
    G_PASTE(lock_guard_, __COUNTER__) = qemu_mutex_lock_ret_(x)

/* Hold @x during the statement that follows. */
#define WITH_QEMU_LOCK_GUARD(x)                              \
    for (__attribute__((cleanup(qemu_mutex_guard_cleanup_))) \
         QemuMutex *with_guard_ = qemu_mutex_lock_ret_(x);   \
         with_guard_;                                        \
         qemu_mutex_guard_cleanup_(&with_guard_), with_guard_ = NULL)

#endif
