/*
 * Threads and locks over pthreads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/atomic.h"
#include "util/thread.h"

#include <signal.h>
#include <sys/syscall.h>

static void must(int err, const char *what)
{
    if (unlikely(err)) {
        fprintf(stderr, "qemu: %s: %s\n", what, strerror(err));
        abort();
    }
}

/* --- mutex --- */

void qemu_mutex_init(QemuMutex *mutex)
{
    must(pthread_mutex_init(&mutex->lock, NULL), "pthread_mutex_init");
}

void qemu_mutex_destroy(QemuMutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->lock), "pthread_mutex_destroy");
}

void qemu_mutex_lock(QemuMutex *mutex)
{
    must(pthread_mutex_lock(&mutex->lock), "pthread_mutex_lock");
}

bool qemu_mutex_trylock(QemuMutex *mutex)
{
    int err = pthread_mutex_trylock(&mutex->lock);

    if (err == EBUSY) {
        return false;
    }
    must(err, "pthread_mutex_trylock");
    return true;
}

void qemu_mutex_unlock(QemuMutex *mutex)
{
    must(pthread_mutex_unlock(&mutex->lock), "pthread_mutex_unlock");
}

void qemu_rec_mutex_init(QemuRecMutex *mutex)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    must(pthread_mutex_init(&mutex->m.lock, &attr), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attr);
}

void qemu_rec_mutex_destroy(QemuRecMutex *mutex)
{
    qemu_mutex_destroy(&mutex->m);
}

void qemu_rec_mutex_lock(QemuRecMutex *mutex)
{
    qemu_mutex_lock(&mutex->m);
}

void qemu_rec_mutex_unlock(QemuRecMutex *mutex)
{
    qemu_mutex_unlock(&mutex->m);
}

/* --- condition variable --- */

static struct timespec deadline_in(clockid_t clock, int ms)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }
    return ts;
}

void qemu_cond_init(QemuCond *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    must(pthread_cond_init(&cond->cond, &attr), "pthread_cond_init");
    pthread_condattr_destroy(&attr);
}

void qemu_cond_destroy(QemuCond *cond)
{
    must(pthread_cond_destroy(&cond->cond), "pthread_cond_destroy");
}

void qemu_cond_signal(QemuCond *cond)
{
    must(pthread_cond_signal(&cond->cond), "pthread_cond_signal");
}

void qemu_cond_broadcast(QemuCond *cond)
{
    must(pthread_cond_broadcast(&cond->cond), "pthread_cond_broadcast");
}

void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex)
{
    must(pthread_cond_wait(&cond->cond, &mutex->lock), "pthread_cond_wait");
}

bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int ms)
{
    struct timespec ts = deadline_in(CLOCK_MONOTONIC, ms);
    int err = pthread_cond_timedwait(&cond->cond, &mutex->lock, &ts);

    if (err == ETIMEDOUT) {
        return false;
    }
    must(err, "pthread_cond_timedwait");
    return true;
}

/* --- semaphore --- */

void qemu_sem_init(QemuSemaphore *sem, int value)
{
    must(sem_init(&sem->sem, 0, value) ? errno : 0, "sem_init");
}

void qemu_sem_destroy(QemuSemaphore *sem)
{
    must(sem_destroy(&sem->sem) ? errno : 0, "sem_destroy");
}

void qemu_sem_post(QemuSemaphore *sem)
{
    must(sem_post(&sem->sem) ? errno : 0, "sem_post");
}

void qemu_sem_wait(QemuSemaphore *sem)
{
    must(RETRY_ON_EINTR(sem_wait(&sem->sem)) ? errno : 0, "sem_wait");
}

int qemu_sem_timedwait(QemuSemaphore *sem, int ms)
{
    struct timespec ts = deadline_in(CLOCK_REALTIME, ms);

    if (RETRY_ON_EINTR(sem_timedwait(&sem->sem, &ts)) == 0) {
        return 0;
    }
    must(errno == ETIMEDOUT ? 0 : errno, "sem_timedwait");
    return -1;
}

/* --- event --- */

void qemu_event_init(QemuEvent *ev, bool set)
{
    qemu_mutex_init(&ev->lock);
    qemu_cond_init(&ev->cond);
    ev->set = set;
}

void qemu_event_destroy(QemuEvent *ev)
{
    /* A setter may still be on its way out of the lock. */
    qemu_mutex_lock(&ev->lock);
    qemu_mutex_unlock(&ev->lock);
    qemu_cond_destroy(&ev->cond);
    qemu_mutex_destroy(&ev->lock);
}

void qemu_event_set(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->lock);

    qatomic_set(&ev->set, true);
    qemu_cond_broadcast(&ev->cond);
}

void qemu_event_reset(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->lock);

    qatomic_set(&ev->set, false);
}

void qemu_event_wait(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->lock);

    while (!ev->set) {
        qemu_cond_wait(&ev->cond, &ev->lock);
    }
}

/* --- threads --- */

typedef struct ThreadStart {
    void *(*start_routine)(void *);
    void *arg;
    char name[16];
} ThreadStart;

static void *thread_main(void *opaque)
{
    ThreadStart start = *(ThreadStart *)opaque;

    g_free(opaque);
    pthread_setname_np(pthread_self(), start.name);
    return start.start_routine(start.arg);
}

void qemu_thread_create(QemuThread *thread, const char *name,
                        void *(*start_routine)(void *), void *arg)
{
    ThreadStart *start = g_new0(ThreadStart, 1);
    sigset_t all, old;

    start->start_routine = start_routine;
    start->arg = arg;
    g_strlcpy(start->name, name, sizeof(start->name));

    /* The main thread alone takes signals, but for those that a thread gets for
     * what it does itself. */
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    must(pthread_create(&thread->thread, NULL, thread_main, start),
         "pthread_create");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void *qemu_thread_join(QemuThread *thread)
{
    void *ret;

    must(pthread_join(thread->thread, &ret), "pthread_join");
    return ret;
}

void qemu_thread_get_self(QemuThread *thread)
{
    thread->thread = pthread_self();
}

bool qemu_thread_is_self(const QemuThread *thread)
{
    return pthread_equal(pthread_self(), thread->thread);
}

int qemu_gettid(void)
{
    return syscall(SYS_gettid);
}
