/*
 * The main loop and the big lock (BQL) of the control plane.
 *
 * The main thread holds the BQL except while it waits in main_loop_wait().
 * vCPU threads take it around device emulation.  IOThreads never do.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_MAIN_LOOP_H
#define UTIL_MAIN_LOOP_H

#include "util/aio.h"
#include "util/thread.h"

/* Make the main context; the caller is the main thread and has the BQL. */
bool qemu_init_main_loop(Error **errp);
/* Undo it, for tests and tools. */
void qemu_cleanup_main_loop(void);

/* One turn, with the BQL given up while it waits.  Main thread. */
void main_loop_wait(bool nonblocking);
/* Make main_loop_wait() return.  Any thread, signal handlers too. */
void qemu_notify_event(void);
bool qemu_in_main_thread(void);

/* A bottom half of the main loop. */
QEMUBH *qemu_bh_new(QEMUBHFunc *cb, void *opaque);
/* aio_set_fd_handler_outer() on the main context. */
void qemu_set_fd_handler(int fd, IOHandler *fd_read, IOHandler *fd_write,
                         void *opaque);

void bql_lock(void);
void bql_unlock(void);
bool bql_locked(void); /* does the calling thread hold it? */
/* Wait with the BQL given up. */
void qemu_cond_wait_bql(QemuCond *cond);
bool qemu_cond_timedwait_bql(QemuCond *cond, int ms);

static inline int bql_guard_lock_(void)
{
    if (bql_locked()) {
        return 0;
    }
    bql_lock();
    return 1;
}

static inline void bql_guard_cleanup_(int *taken)
{
    if (*taken) {
        bql_unlock();
    }
}

/* Hold the BQL until the end of this scope (fine if it is held already). */
#define BQL_LOCK_GUARD()                                              \
    __attribute__((cleanup(bql_guard_cleanup_), unused)) int G_PASTE( \
        bql_guard_, __COUNTER__) = bql_guard_lock_()

/*
 * Run @fn(@opaque) in the main thread under the BQL and wait until it has
 * returned; the caller's BQL is given up meanwhile and taken again.  Runs
 * between turns of the main loop, never inside AIO_WAIT_WHILE.  In the main
 * thread it is a plain call.  Any thread.
 */
void main_loop_call(void (*fn)(void *opaque), void *opaque);
/* Run what main_loop_call() has queued; for a main thread that waits for
 * vCPU threads otherwise than in main_loop_wait(). */
void main_loop_run_calls(void);

/*
 * Main thread: until !@cond let the vCPU threads go on: the BQL is given up
 * while waiting and their main_loop_call()s are served, but nothing else
 * happens.  Whoever changes @cond does it under the BQL and calls
 * main_loop_kick_waiter().
 */
#define MAIN_LOOP_WAIT_WHILE(cond)     \
    do {                               \
        while ((cond)) {               \
            main_loop_wait_for_kick(); \
        }                              \
    } while (0)
void main_loop_wait_for_kick(void);
void main_loop_kick_waiter(void);

#endif
