/*
 * Clocks and timers.
 *
 * A context has one list per clock, sorted by time.  Lists are short (a few
 * timers of a device or a job), so a sorted list it is.  The list's lock is
 * held for looking and linking only, never while a callback runs.
 *
 * The virtual clock is the monotonic clock minus an offset while it runs, and
 * a fixed value while it stands still.  All lists of contexts are known here,
 * so that starting the clock can wake those who wait for its timers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/thread.h"
#include "util/timer.h"

struct QEMUTimerList {
    AioContext *ctx;     /* fixed at init */
    QEMUClockType clock; /* fixed at init */
    QemuMutex lock;
    QEMUTimer *first; /* under lock; atomic to see whether it is NULL */
    int64_t floor;    /* under lock: no timer is set for before this */
    LIST_ENTRY(QEMUTimerList) next; /* under all_lock */
};

static QemuMutex all_lock = QEMU_MUTEX_INITIALIZER;
static LIST_HEAD(, QEMUTimerList) all_lists; /* under all_lock */

static struct {
    QemuMutex lock;
    bool running;   /* under lock; atomic to read */
    int64_t offset; /* under lock: monotonic - virtual while running */
    int64_t frozen; /* under lock: the virtual time while stopped */
} vclock = { .lock = QEMU_MUTEX_INITIALIZER };

/* --- clocks --- */

static int64_t get_clock_virtual(void)
{
    QEMU_LOCK_GUARD(&vclock.lock);

    return vclock.running ? get_clock() - vclock.offset : vclock.frozen;
}

int64_t qemu_clock_get_ns(QEMUClockType clock)
{
    struct timespec ts;

    switch (clock) {
    case QEMU_CLOCK_REALTIME:
        return get_clock();
    case QEMU_CLOCK_VIRTUAL:
        return get_clock_virtual();
    default:
        clock_gettime(CLOCK_REALTIME, &ts);
        return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
    }
}

bool qemu_clock_is_enabled(QEMUClockType clock)
{
    return clock != QEMU_CLOCK_VIRTUAL || qatomic_read(&vclock.running);
}

void qemu_clock_enable(QEMUClockType clock, bool enabled)
{
    QEMUTimerList *list;

    assert(clock == QEMU_CLOCK_VIRTUAL);
    WITH_QEMU_LOCK_GUARD(&vclock.lock)
    {
        if (enabled && !vclock.running) {
            vclock.offset = get_clock() - vclock.frozen;
        } else if (!enabled && vclock.running) {
            vclock.frozen = get_clock() - vclock.offset;
        }
        qatomic_set(&vclock.running, enabled);
    }
    if (enabled) {
        QEMU_LOCK_GUARD(&all_lock);

        LIST_FOREACH(list, &all_lists, next) {
            if (list->clock == clock) {
                aio_notify(list->ctx);
            }
        }
    }
}

/* --- timers --- */

void timer_init_ns(QEMUTimer *ts, AioContext *ctx, QEMUClockType clock,
                   QEMUTimerCB *cb, void *opaque)
{
    QEMUTimerListGroup *group = aio_context_timers(
        ctx ? ctx : qemu_get_aio_context());

    *ts = (QEMUTimer){
        .list = group->tl[clock], .cb = cb, .opaque = opaque, .expire = -1
    };
}

QEMUTimer *timer_new_ns(AioContext *ctx, QEMUClockType clock, QEMUTimerCB *cb,
                        void *opaque)
{
    QEMUTimer *ts = g_new(QEMUTimer, 1);

    timer_init_ns(ts, ctx, clock, cb, opaque);
    return ts;
}

void timer_free(QEMUTimer *ts)
{
    if (ts) {
        timer_del(ts);
        g_free(ts);
    }
}

static void unlink_timer(QEMUTimerList *list, QEMUTimer *ts)
{
    for (QEMUTimer **p = &list->first; *p; p = &(*p)->next) {
        if (*p == ts) {
            qatomic_set(p, ts->next);
            break;
        }
    }
    qatomic_set(&ts->expire, -1);
}

/* Is it the first one now? */
static bool link_timer(QEMUTimerList *list, QEMUTimer *ts, int64_t expire_ns)
{
    QEMUTimer **p = &list->first;

    expire_ns = MAX(expire_ns, list->floor);
    while (*p && (*p)->expire <= expire_ns) {
        p = &(*p)->next;
    }
    qatomic_set(&ts->expire, expire_ns);
    ts->next = *p;
    qatomic_set(p, ts);
    return p == &list->first;
}

void timer_mod_ns(QEMUTimer *ts, int64_t expire_ns)
{
    bool is_first;

    WITH_QEMU_LOCK_GUARD(&ts->list->lock)
    {
        unlink_timer(ts->list, ts);
        is_first = link_timer(ts->list, ts, expire_ns);
    }
    if (is_first) {
        aio_notify_others(ts->list->ctx);
    }
}

void timer_mod_anticipate_ns(QEMUTimer *ts, int64_t expire_ns)
{
    bool is_first = false;

    WITH_QEMU_LOCK_GUARD(&ts->list->lock)
    {
        if (ts->expire == -1 || ts->expire > expire_ns) {
            unlink_timer(ts->list, ts);
            is_first = link_timer(ts->list, ts, expire_ns);
        }
    }
    if (is_first) {
        aio_notify_others(ts->list->ctx);
    }
}

void timer_del(QEMUTimer *ts)
{
    if (ts->list) {
        QEMU_LOCK_GUARD(&ts->list->lock);

        unlink_timer(ts->list, ts);
    }
}

bool timer_pending(const QEMUTimer *ts)
{
    return qatomic_read(&ts->expire) >= 0;
}

int64_t timer_expire_time_ns(const QEMUTimer *ts)
{
    return qatomic_read(&ts->expire);
}

/* --- lists --- */

void timerlistgroup_init(QEMUTimerListGroup *group, AioContext *ctx)
{
    QEMU_LOCK_GUARD(&all_lock);

    for (int clock = 0; clock < QEMU_CLOCK_MAX; clock++) {
        QEMUTimerList *list = g_new0(QEMUTimerList, 1);

        list->ctx = ctx;
        list->clock = clock;
        qemu_mutex_init(&list->lock);
        LIST_INSERT_HEAD(&all_lists, list, next);
        group->tl[clock] = list;
    }
}

void timerlistgroup_deinit(QEMUTimerListGroup *group)
{
    QEMU_LOCK_GUARD(&all_lock);

    for (int clock = 0; clock < QEMU_CLOCK_MAX; clock++) {
        QEMUTimerList *list = group->tl[clock];

        assert(!list->first);
        LIST_REMOVE(list, next);
        qemu_mutex_destroy(&list->lock);
        g_free(list);
    }
}

static int64_t timerlist_deadline_ns(QEMUTimerList *list)
{
    int64_t left;

    /* A timer set meanwhile from another thread sends an aio_notify(). */
    if (!qatomic_read(&list->first) || !qemu_clock_is_enabled(list->clock)) {
        return -1;
    }
    WITH_QEMU_LOCK_GUARD(&list->lock)
    {
        if (!list->first) {
            return -1;
        }
        left = list->first->expire - qemu_clock_get_ns(list->clock);
    }
    return MAX(left, 0);
}

int64_t timerlistgroup_deadline_ns(QEMUTimerListGroup *group)
{
    int64_t deadline = -1;

    for (int clock = 0; clock < QEMU_CLOCK_MAX; clock++) {
        int64_t ns = timerlist_deadline_ns(group->tl[clock]);

        if (ns >= 0 && (deadline < 0 || ns < deadline)) {
            deadline = ns;
        }
    }
    return deadline;
}

/* Take the first timer off the list if it was due at @now. */
static QEMUTimer *pop_due(QEMUTimerList *list, int64_t now)
{
    QEMUTimer *ts;

    QEMU_LOCK_GUARD(&list->lock);

    ts = list->first;
    if (!ts || ts->expire > now) {
        return NULL;
    }
    qatomic_set(&list->first, ts->next);
    qatomic_set(&ts->expire, -1);
    return ts;
}

static int64_t set_floor(QEMUTimerList *list, int64_t floor)
{
    int64_t old;

    QEMU_LOCK_GUARD(&list->lock);

    old = list->floor;
    list->floor = floor;
    return old;
}

static bool timerlist_run(QEMUTimerList *list)
{
    bool progress = false;
    QEMUTimer *ts;
    int64_t now, floor;

    if (!qatomic_read(&list->first) || !qemu_clock_is_enabled(list->clock)) {
        return false;
    }
    /* What callbacks set for now or the past is for the next turn, behind
     * what is due: one that sets itself again must not keep the loop here. */
    now = qemu_clock_get_ns(list->clock);
    floor = set_floor(list, now + 1);
    while ((ts = pop_due(list, now))) {
        ts->cb(ts->opaque);
        progress = true;
    }
    set_floor(list, floor);
    return progress;
}

bool timerlistgroup_run_timers(QEMUTimerListGroup *group)
{
    bool progress = false;

    for (int clock = 0; clock < QEMU_CLOCK_MAX; clock++) {
        progress |= timerlist_run(group->tl[clock]);
    }
    return progress;
}
