/*
 * Worker threads for system calls that the ring cannot do.
 *
 * Each AioContext has its own pool, made on first use; threads come as work
 * does and go after ten idle seconds, within the context's bounds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_THREAD_POOL_H
#define UTIL_THREAD_POOL_H

#include "util/coroutine.h"

/* Runs in a worker; returns 0 or more, or -errno. */
typedef int ThreadPoolFunc(void *opaque);
typedef void ThreadPoolCompletion(void *opaque, int ret);
typedef struct ThreadPool ThreadPool;

/* Run @func(@arg) in a worker of this thread's context; its value. */
int coroutine_fn thread_pool_submit_co(ThreadPoolFunc *func, void *arg);
/* The same, with @cb(@opaque, value) called from the loop.  Home thread. */
void thread_pool_submit(ThreadPoolFunc *func, void *arg,
                        ThreadPoolCompletion *cb, void *opaque);

/* For AioContext. */
ThreadPool *thread_pool_new(AioContext *ctx, int64_t min, int64_t max);
void thread_pool_free(ThreadPool *pool); /* no work may be left */
/* Threads come and go by it at once, as soon as they are idle. */
void thread_pool_set_params(ThreadPool *pool, int64_t min, int64_t max);

typedef struct ThreadPoolStats {
    int64_t threads;
    int64_t idle;   /* threads that wait for work */
    int64_t queued; /* requests that no thread has taken */
} ThreadPoolStats;

void thread_pool_get_stats(ThreadPool *pool, ThreadPoolStats *stats);

#endif
