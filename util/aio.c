/*
 * AioContext: the turn of the loop, polling, wake-ups.
 *
 * A turn:
 *
 *     deferred work of the last turn (publishes rings, queues irqfd writes)
 *       |
 *     polling, if worthwhile ---- something found -----+
 *       |                                              |
 *     io_uring_enter: submit and wait          io_uring_enter: submit
 *     (epoll_wait: wait)                       (epoll_wait: look)
 *       |                                      (none if nothing to submit)
 *       +--------------------------+-------------------+
 *                                  |
 *     completions -> ready pollers -> bottom halves -> timers
 *
 * Invariants
 *  1. Only the home thread runs the loop, and nothing is allocated in a turn.
 *  2. A turn makes one blocking system call at most, and that call submits
 *     everything the turns before have produced.  A turn that polls submits
 *     first what is pending, so that devices work meanwhile.
 *  3. Wake-up.  A waker publishes its work, then sets notified, then looks at
 *     sleeping; the loop sets sleeping, then looks at notified, and sleeps
 *     only if it is clear (all four sequentially consistent: pair A).  So at
 *     least one of the two sees the other.  The waker that takes sleeping
 *     from true to false writes to the eventfd; all others do not, and nobody
 *     writes to the eventfd of a loop that is busy or polling.
 *  4. The loop clears notified before it looks for work (pair B: with the
 *     waker's setting it after publishing); work published later sets it
 *     again.
 *  5. While polling mode is on, event sources may have suppressed their
 *     announcements.  Each turn looks at the pollers then, and the mode is
 *     ended, with a last look, before each sleep.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio-int.h"
#include "util/linux-aio.h"
#include "util/thread-pool.h"

/* The first length of polling when it begins to grow. */
#define POLL_START_NS 4000

static AioContext *main_context;
static _Thread_local AioContext *my_context;
static _Thread_local char my_token; /* its address names this thread */

/* --- waking --- */

void aio_notify(AioContext *ctx)
{
    /* Pair A and B.  If it was set, whoever set it looks at sleeping. */
    if (!qatomic_xchg(&ctx->notified, true) &&
        qatomic_mb_read(&ctx->sleeping) &&
        qatomic_xchg(&ctx->sleeping, false)) {
        event_notifier_set(&ctx->notifier);
    }
}

void aio_notify_others(AioContext *ctx)
{
    if (!in_aio_context_home_thread(ctx)) {
        aio_notify(ctx);
    }
}

static void waker_read(EventNotifier *e)
{
    /* The loop is awake; that is all. */
}

/* --- polling --- */

/*
 * Adapt the length of polling to how long the wait was: one that polling
 * covered is fine, a somewhat longer one would be covered by longer polling,
 * and after one beyond all polling it was wasted.
 */
static void adapt_polling(AioContext *ctx, int64_t waited_ns)
{
    int64_t max = qatomic_read(&ctx->poll_max_ns);
    int64_t grow = qatomic_read(&ctx->poll_grow);
    int64_t shrink = qatomic_read(&ctx->poll_shrink);
    int64_t ns = ctx->poll_ns;

    if (max == 0) {
        ns = 0;
    } else if (waited_ns <= ns) {
        return;
    } else if (waited_ns > max) {
        ns = shrink ? ns / shrink : 0;
    } else if (ns < max) {
        ns = ns ? MIN(ns, max / (grow ? grow : 2)) * (grow ? grow : 2)
                : POLL_START_NS;
        ns = MIN(ns, max);
    }
    ctx->poll_ns = ns;
    qatomic_set(&ctx->stats.poll_ns, ns);
}

/* Something to do without waiting? */
static bool work_is_ready(AioContext *ctx)
{
    return qatomic_read(&ctx->notified) || aio_loop_has_events(ctx) ||
           !STAILQ_EMPTY(&ctx->poll_ready) || aio_bh_has_work(ctx) ||
           (!STAILQ_EMPTY(&ctx->outer_ready) && !ctx->wait_depth);
}

/* Poll until something is there or @end; was there something? */
static bool poll_until(AioContext *ctx, int64_t end)
{
    do {
        if (aio_handlers_poll(ctx) || work_is_ready(ctx)) {
            return true;
        }
        cpu_relax();
    } while (get_clock() < end);
    return false;
}

/* The polling part of a turn that may wait until @deadline (-1: no limit). */
static bool try_polling(AioContext *ctx, int64_t start, int64_t deadline)
{
    int64_t max = qatomic_read(&ctx->poll_max_ns);
    int64_t ns = MIN(ctx->poll_ns, max);
    bool found;

    if (deadline >= 0) {
        ns = MIN(ns, deadline);
    }
    if (ns <= 0 || LIST_EMPTY(&ctx->pollers)) {
        return false;
    }
    aio_submit(ctx);
    ctx->polling = true;
    aio_handlers_poll_begin(ctx);
    found = poll_until(ctx, start + ns);
    aio_stat_add(found ? &ctx->stats.poll_hit : &ctx->stats.poll_miss, 1);
    return found;
}

/* --- the turn --- */

static void run_deferred(AioContext *ctx)
{
    AioDeferred *d;

    while ((d = STAILQ_FIRST(&ctx->deferred))) {
        STAILQ_REMOVE_HEAD(&ctx->deferred, next);
        d->queued = false;
        d->fn(d);
    }
}

/* Sleep in the kernel, if nothing came up at the last moment. */
static void sleep_in_kernel(AioContext *ctx, int64_t timeout_ns)
{
    bool hooks = ctx->before_wait && !ctx->wait_depth;
    unsigned nr = 1;

    if (ctx->batch_nr > 1 && (timeout_ns < 0 || timeout_ns > ctx->batch_ns)) {
        nr = ctx->batch_nr;
        timeout_ns = ctx->batch_ns;
    }
    qatomic_mb_set(&ctx->sleeping, true); /* pair A */
    if (qatomic_mb_read(&ctx->notified)) {
        qatomic_set(&ctx->sleeping, false);
        aio_loop_enter(ctx, 0, 0);
        return;
    }
    if (hooks) {
        ctx->before_wait(ctx->wait_opaque);
    }
    aio_loop_enter(ctx, nr, timeout_ns);
    qatomic_set(&ctx->sleeping, false);
    if (hooks) {
        ctx->after_wait(ctx->wait_opaque);
    }
}

/* Leave polling mode (invariant 5); true: work arrived in the meantime. */
static bool end_polling(AioContext *ctx)
{
    ctx->polling = false;
    return aio_handlers_poll_end(ctx, get_clock());
}

/* Did the hooks of polling leave something that this turn has to do? */
static bool hooks_left_work(AioContext *ctx)
{
    return aio_bh_has_work(ctx) || !STAILQ_EMPTY(&ctx->deferred);
}

/* Submit, and wait for something to do. */
static void wait_for_work(AioContext *ctx)
{
    int64_t deadline = timerlistgroup_deadline_ns(&ctx->timers);
    /* Several completions are better awaited asleep. */
    bool may_poll = qatomic_read(&ctx->poll_max_ns) > 0 && ctx->batch_nr <= 1;
    int64_t start = may_poll ? get_clock() : 0;
    bool polled = may_poll || ctx->polling;

    if (deadline == 0 || (may_poll && try_polling(ctx, start, deadline)) ||
        (ctx->polling && (end_polling(ctx) || hooks_left_work(ctx)))) {
        aio_loop_enter(ctx, 0, 0);
    } else {
        if (polled) {
            /* Time has passed, and hooks may have set timers. */
            deadline = timerlistgroup_deadline_ns(&ctx->timers);
        }
        sleep_in_kernel(ctx, deadline);
    }
    if (may_poll) {
        adapt_polling(ctx, get_clock() - start);
    }
}

bool aio_poll(AioContext *ctx, bool blocking)
{
    bool progress = false;

    if (unlikely(!in_aio_context_home_thread(ctx))) {
        aio_context_set_home(ctx);
    }
    aio_stat_add(&ctx->stats.turns, 1);
    run_deferred(ctx);

    /* Invariant 5; also finds work for the check below. */
    if (ctx->polling && aio_handlers_poll(ctx)) {
        aio_stat_add(&ctx->stats.poll_hit, 1);
    }
    if (blocking && !work_is_ready(ctx)) {
        wait_for_work(ctx);
    } else {
        aio_loop_enter(ctx, 0, 0);
    }
    ctx->batch_nr = 0;

    /* Invariant 4 */
    if (qatomic_read(&ctx->notified)) {
        (void)qatomic_xchg(&ctx->notified, false); /* pair B */
    }
    progress |= aio_loop_reap(ctx);
    progress |= aio_handlers_run_ready(ctx);
    progress |= aio_handlers_run_outer(ctx);
    progress |= aio_bh_run(ctx);
    progress |= timerlistgroup_run_timers(&ctx->timers);
    return progress;
}

void aio_set_wait_batch(AioContext *ctx, unsigned nr, int64_t ns)
{
    /* Only a ring can wait for several. */
    if (ctx->has_ring && (!ctx->batch_nr || nr < ctx->batch_nr)) {
        ctx->batch_nr = nr;
        ctx->batch_ns = ns;
    }
}

/* Results are kept waiting for others no longer than this. */
#define SEVERAL_NS 100000
/* Waits between two attempts after one that was in vain: where results do not
 * come in time, the device is slow, and trying costs a system call. */
#define SEVERAL_PAUSE 64

void aio_wait_for_several(AioContext *ctx, AioSeveral *s, unsigned under_way)
{
    unsigned nr = MAX(under_way / 4, 1);

    if (ctx->stats.cqes - s->seen < s->asked) {
        s->pause = SEVERAL_PAUSE;
    }
    if (s->pause) {
        s->pause--;
        nr = 1;
    }
    s->seen = ctx->stats.cqes;
    s->asked = nr > 1 ? nr : 0;
    aio_set_wait_batch(ctx, nr, SEVERAL_NS);
}

void aio_submit(AioContext *ctx)
{
    if (ctx->has_ring) {
        aio_ring_enter(ctx, 0, 0);
    }
}

void aio_defer(AioContext *ctx, AioDeferred *d)
{
    if (!d->queued) {
        d->queued = true;
        STAILQ_INSERT_TAIL(&ctx->deferred, d, next);
    }
}

void aio_defer_cancel(AioContext *ctx, AioDeferred *d)
{
    if (d->queued) {
        d->queued = false;
        STAILQ_REMOVE(&ctx->deferred, d, AioDeferred, next);
    }
}

/* --- contexts --- */

static char *refusal; /* atomic: set once, never freed */

const char *aio_io_uring_refused(void)
{
    return qatomic_load_acquire(&refusal);
}

bool aio_context_has_ring(const AioContext *ctx)
{
    return ctx->has_ring;
}

static bool init_ring_or_epoll(AioContext *ctx, Error **errp)
{
    Error *err = NULL;
    char *expected = NULL, *text;

    ctx->has_ring = aio_ring_init(ctx, &err);
    if (ctx->has_ring) {
        return true;
    }
    if (g_strcmp0(g_getenv("QEMU_EVENT_LOOP"), "io_uring") == 0) {
        error_propagate(errp, err);
        return false;
    }
    text = g_strdup(error_get_pretty(err));
    error_free(err);
    if (!__atomic_compare_exchange_n(&refusal, &expected, text, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        g_free(text);
    }
    return aio_epoll_init(ctx, errp);
}

AioContext *aio_context_new(Error **errp)
{
    AioContext *ctx = NULL;
    int ret;

    /* Whole cache lines: see the struct. */
    if (posix_memalign((void **)&ctx, 64, sizeof(*ctx))) {
        abort();
    }
    memset(ctx, 0, sizeof(*ctx));
    ctx->refcnt = 1;
    ctx->max_batch = AIO_DEFAULT_BATCH;
    ctx->pool_max = 64;
    STAILQ_INIT(&ctx->deferred);

    ret = event_notifier_init(&ctx->notifier, false);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to initialize event notifier");
        free(ctx);
        return NULL;
    }
    if (!init_ring_or_epoll(ctx, errp)) {
        event_notifier_cleanup(&ctx->notifier);
        free(ctx);
        return NULL;
    }
    aio_bh_init(ctx);
    aio_handlers_init(ctx);
    timerlistgroup_init(&ctx->timers, ctx);
    aio_set_event_notifier(ctx, &ctx->notifier, waker_read, NULL, NULL);
    return ctx;
}

void aio_context_ref(AioContext *ctx)
{
    qatomic_inc(&ctx->refcnt);
}

void aio_context_unref(AioContext *ctx)
{
    if (!ctx || qatomic_fetch_dec(&ctx->refcnt) > 1) {
        return;
    }
    if (in_aio_context_home_thread(ctx)) {
        aio_context_leave_home(ctx);
    }
    ctx->left = true;
    if (ctx->pool) {
        thread_pool_free(ctx->pool);
    }
    if (ctx->linux_aio) {
        linux_aio_free(ctx->linux_aio);
    }
    if (ctx->has_ring) {
        aio_ring_cleanup(ctx);
    } else {
        aio_epoll_cleanup(ctx);
    }
    aio_bh_cleanup(ctx);
    aio_handlers_cleanup(ctx);
    timerlistgroup_deinit(&ctx->timers);
    event_notifier_cleanup(&ctx->notifier);
    free(ctx);
}

/*
 * This thread's name.  A coroutine may change threads, so the compiler must
 * not keep it.
 */
static __attribute__((noinline)) void *thread_token(void)
{
    void *token = &my_token;

    __asm__ volatile("" : "+r"(token));
    return token;
}

static __attribute__((noinline)) AioContext **my_context_ptr(void)
{
    AioContext **p = &my_context;

    __asm__ volatile("" : "+r"(p));
    return p;
}

bool in_aio_context_home_thread(const AioContext *ctx)
{
    return qatomic_read(&ctx->home) == thread_token();
}

bool aio_context_has_home(const AioContext *ctx)
{
    return qatomic_read(&ctx->home) != NULL;
}

void aio_context_set_home(AioContext *ctx)
{
    assert(!ctx->home && !ctx->left);
    qatomic_set(&ctx->home, thread_token());
    if (!*my_context_ptr()) {
        *my_context_ptr() = ctx;
    }
    if (ctx->has_ring) {
        aio_ring_enable(ctx);
    }
}

void aio_context_leave_home(AioContext *ctx)
{
    assert(in_aio_context_home_thread(ctx));
    if (ctx->has_ring) {
        aio_ring_leave(ctx);
    }
    ctx->left = true;
    qatomic_set(&ctx->home, NULL);
    if (*my_context_ptr() == ctx) {
        *my_context_ptr() = NULL;
    }
}

AioContext *qemu_get_current_aio_context(void)
{
    return *my_context_ptr();
}

AioContext *qemu_get_aio_context(void)
{
    return main_context;
}

void aio_context_set_main(AioContext *ctx)
{
    main_context = ctx;
}

QEMUTimerListGroup *aio_context_timers(AioContext *ctx)
{
    return &ctx->timers;
}

/* --- parameters and figures --- */

void aio_context_set_poll_params(AioContext *ctx, int64_t max_ns, int64_t grow,
                                 int64_t shrink)
{
    qatomic_set(&ctx->poll_max_ns, max_ns);
    qatomic_set(&ctx->poll_grow, grow);
    qatomic_set(&ctx->poll_shrink, shrink);
    aio_notify(ctx);
}

void aio_context_set_aio_params(AioContext *ctx, int64_t max_batch)
{
    qatomic_set(&ctx->max_batch, max_batch > 0 ? MIN(max_batch, AIO_SQ_ENTRIES)
                                               : AIO_DEFAULT_BATCH);
}

static void apply_pool_params(void *opaque)
{
    AioContext *ctx = opaque;

    if (ctx->pool) {
        thread_pool_set_params(ctx->pool, qatomic_read(&ctx->pool_min),
                               qatomic_read(&ctx->pool_max));
    }
}

bool aio_context_set_thread_pool_params(AioContext *ctx, int64_t min,
                                        int64_t max, Error **errp)
{
    if (min > max || max <= 0 || min < 0 || min > INT_MAX || max > INT_MAX) {
        error_setg(errp, "bad thread-pool-min/thread-pool-max values");
        return false;
    }
    qatomic_set(&ctx->pool_min, min);
    qatomic_set(&ctx->pool_max, max);
    /* The pool is the home thread's; it may not have been made yet. */
    aio_bh_schedule_oneshot(ctx, apply_pool_params, ctx);
    return true;
}

void aio_context_set_wait_hooks(AioContext *ctx, void (*before_wait)(void *),
                                void (*after_wait)(void *), void *opaque)
{
    ctx->before_wait = before_wait;
    ctx->after_wait = after_wait;
    ctx->wait_opaque = opaque;
}

void aio_context_get_stats(const AioContext *ctx, AioContextStats *stats)
{
    const AioContextStats *s = &ctx->stats;

    stats->turns = qatomic_read(&s->turns);
    stats->syscalls = qatomic_read(&s->syscalls);
    stats->sqes = qatomic_read(&s->sqes);
    stats->cqes = qatomic_read(&s->cqes);
    stats->poll_hit = qatomic_read(&s->poll_hit);
    stats->poll_miss = qatomic_read(&s->poll_miss);
    stats->poll_ns = qatomic_read(&s->poll_ns);
}

ThreadPool *aio_get_thread_pool(AioContext *ctx)
{
    if (!ctx->pool) {
        ctx->pool = thread_pool_new(ctx, qatomic_read(&ctx->pool_min),
                                    qatomic_read(&ctx->pool_max));
    }
    return ctx->pool;
}
