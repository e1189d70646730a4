/*
 * Worker threads for blocking system calls.
 *
 * A request goes to the queue under the lock; a worker takes it, runs it, and
 * puts it on the list of the finished, which a bottom half of the context
 * empties.  A thread is started when work is queued and no worker is idle.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/thread-pool.h"

#define WORKER_IDLE_MS 10000

typedef struct PoolRequest PoolRequest;
struct PoolRequest {
    ThreadPoolFunc *func;
    void *arg;
    int ret; /* the worker's, then home's */
    ThreadPoolCompletion *cb;
    void *opaque;
    STAILQ_ENTRY(PoolRequest) next;
};
typedef STAILQ_HEAD(PoolRequests, PoolRequest) PoolRequests;

struct ThreadPool {
    AioContext *ctx; /* fixed */
    QEMUBH *done_bh; /* fixed */
    QemuMutex lock;
    QemuCond work_cond;    /* with lock: work, or stop */
    QemuCond stopped_cond; /* with lock: threads became 0 */
    PoolRequests queue;    /* under lock */
    PoolRequests done;     /* under lock */
    int64_t min, max;      /* under lock */
    int64_t threads;       /* under lock */
    int64_t idle;          /* under lock: threads that wait for work */
    int64_t queued;        /* under lock: length of queue */
    bool stopping;         /* under lock */
    PoolRequests ready;    /* home thread: their callbacks are to be called */
    unsigned pending;      /* home thread: submitted and not completed */
};

/* Under the lock: wait for work; false: this worker is not needed. */
static bool worker_wait(ThreadPool *pool)
{
    while (STAILQ_EMPTY(&pool->queue)) {
        bool signalled;

        if (pool->stopping || pool->threads > pool->max) {
            return false;
        }
        pool->idle++;
        signalled = qemu_cond_timedwait(&pool->work_cond, &pool->lock,
                                        WORKER_IDLE_MS);
        pool->idle--;
        if (!signalled && STAILQ_EMPTY(&pool->queue) &&
            pool->threads > pool->min) {
            return false;
        }
    }
    return true;
}

static void *worker_main(void *opaque)
{
    ThreadPool *pool = opaque;

    pthread_detach(pthread_self());
    qemu_mutex_lock(&pool->lock);
    while (worker_wait(pool)) {
        PoolRequest *req = STAILQ_FIRST(&pool->queue);

        STAILQ_REMOVE_HEAD(&pool->queue, next);
        pool->queued--;
        qemu_mutex_unlock(&pool->lock);

        req->ret = req->func(req->arg);

        qemu_mutex_lock(&pool->lock);
        if (STAILQ_EMPTY(&pool->done)) {
            qemu_bh_schedule(pool->done_bh);
        }
        STAILQ_INSERT_TAIL(&pool->done, req, next);
    }
    if (--pool->threads == 0) {
        qemu_cond_signal(&pool->stopped_cond);
    }
    qemu_mutex_unlock(&pool->lock);
    return NULL;
}

static void complete_requests(void *opaque)
{
    ThreadPool *pool = opaque;
    PoolRequest *req;

    WITH_QEMU_LOCK_GUARD(&pool->lock)
    {
        STAILQ_CONCAT(&pool->ready, &pool->done);
    }
    if (!STAILQ_EMPTY(&pool->ready)) {
        /* For a callback that turns the loop and waits for the others */
        qemu_bh_schedule(pool->done_bh);
    }
    while ((req = STAILQ_FIRST(&pool->ready))) {
        STAILQ_REMOVE_HEAD(&pool->ready, next);
        pool->pending--;
        req->cb(req->opaque, req->ret);
        g_free(req);
    }
}

static void start_thread(ThreadPool *pool)
{
    QemuThread thread;

    pool->threads++;
    qemu_thread_create(&thread, "worker", worker_main, pool);
}

/* Under the lock: as many as must be there, and one for new work. */
static void start_threads(ThreadPool *pool)
{
    while (pool->threads < pool->min) {
        start_thread(pool);
    }
    if (pool->queued > pool->idle && pool->threads < pool->max) {
        start_thread(pool);
    }
}

void thread_pool_submit(ThreadPoolFunc *func, void *arg,
                        ThreadPoolCompletion *cb, void *opaque)
{
    AioContext *ctx = qemu_get_current_aio_context();
    PoolRequest *req = g_new0(PoolRequest, 1);
    ThreadPool *pool;

    assert(ctx);
    pool = aio_get_thread_pool(ctx);
    req->func = func;
    req->arg = arg;
    req->cb = cb;
    req->opaque = opaque;
    pool->pending++;

    WITH_QEMU_LOCK_GUARD(&pool->lock)
    {
        STAILQ_INSERT_TAIL(&pool->queue, req, next);
        pool->queued++;
        start_threads(pool);
    }
    /* Not under the lock, which the worker wants at once */
    qemu_cond_signal(&pool->work_cond);
}

typedef struct CoRequest {
    Coroutine *co;
    int ret;
} CoRequest;

static void wake_submitter(void *opaque, int ret)
{
    CoRequest *r = opaque;

    r->ret = ret;
    aio_co_wake(r->co);
}

int coroutine_fn thread_pool_submit_co(ThreadPoolFunc *func, void *arg)
{
    CoRequest r = { .co = qemu_coroutine_self() };

    thread_pool_submit(func, arg, wake_submitter, &r);
    qemu_coroutine_yield();
    return r.ret;
}

ThreadPool *thread_pool_new(AioContext *ctx, int64_t min, int64_t max)
{
    ThreadPool *pool = g_new0(ThreadPool, 1);

    pool->ctx = ctx;
    pool->done_bh = aio_bh_new(ctx, complete_requests, pool);
    qemu_mutex_init(&pool->lock);
    qemu_cond_init(&pool->work_cond);
    qemu_cond_init(&pool->stopped_cond);
    STAILQ_INIT(&pool->queue);
    STAILQ_INIT(&pool->done);
    STAILQ_INIT(&pool->ready);
    pool->min = min;
    pool->max = max;
    return pool;
}

void thread_pool_set_params(ThreadPool *pool, int64_t min, int64_t max)
{
    QEMU_LOCK_GUARD(&pool->lock);

    pool->min = min;
    pool->max = max;
    while (pool->threads < pool->min) {
        start_thread(pool);
    }
    /* Room for work that waits; those above the maximum leave. */
    for (int64_t n = pool->queued - pool->idle;
         n > 0 && pool->threads < pool->max; n--) {
        start_thread(pool);
    }
    qemu_cond_broadcast(&pool->work_cond);
}

void thread_pool_get_stats(ThreadPool *pool, ThreadPoolStats *stats)
{
    QEMU_LOCK_GUARD(&pool->lock);

    stats->threads = pool->threads;
    stats->idle = pool->idle;
    stats->queued = pool->queued;
}

void thread_pool_free(ThreadPool *pool)
{
    assert(pool->pending == 0);
    WITH_QEMU_LOCK_GUARD(&pool->lock)
    {
        pool->stopping = true;
        qemu_cond_broadcast(&pool->work_cond);
        while (pool->threads > 0) {
            qemu_cond_wait(&pool->stopped_cond, &pool->lock);
        }
    }
    qemu_bh_delete(pool->done_bh);
    qemu_cond_destroy(&pool->stopped_cond);
    qemu_cond_destroy(&pool->work_cond);
    qemu_mutex_destroy(&pool->lock);
    g_free(pool);
}
