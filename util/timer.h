/*
 * Clocks and timers.
 *
 * Times are nanoseconds.  A timer belongs to an AioContext and fires there;
 * it may be set and deleted from any thread, but only timer_del() from the
 * context's own thread promises that the callback does not run any more.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_TIMER_H
#define UTIL_TIMER_H

typedef struct AioContext AioContext;

typedef enum QEMUClockType {
    QEMU_CLOCK_REALTIME, /* CLOCK_MONOTONIC; always runs */
    QEMU_CLOCK_VIRTUAL,  /* runs while the VM runs */
    QEMU_CLOCK_HOST,     /* wall-clock time; may jump */
    QEMU_CLOCK_MAX,
} QEMUClockType;

#define NANOSECONDS_PER_SECOND INT64_C(1000000000)
#define SCALE_MS               1000000
#define SCALE_US               1000
#define SCALE_NS               1

typedef void QEMUTimerCB(void *opaque);
typedef struct QEMUTimerList QEMUTimerList;

/* Embedded by its owner; all fields belong to timer.c. */
typedef struct QEMUTimer QEMUTimer;
struct QEMUTimer {
    QEMUTimerList *list; /* fixed at init */
    QEMUTimerCB *cb;     /* fixed at init */
    void *opaque;        /* fixed at init */
    int64_t expire;      /* list's lock; -1: not pending; atomic to read */
    QEMUTimer *next;     /* list's lock */
};

/* @ctx NULL: the main context. */
void timer_init_ns(QEMUTimer *ts, AioContext *ctx, QEMUClockType clock,
                   QEMUTimerCB *cb, void *opaque);
QEMUTimer *timer_new_ns(AioContext *ctx, QEMUClockType clock, QEMUTimerCB *cb,
                        void *opaque);
void timer_free(QEMUTimer *ts); /* deletes it; NULL is fine */
/* Fire at @expire_ns of its clock, whatever was set before. */
void timer_mod_ns(QEMUTimer *ts, int64_t expire_ns);
/* The same, unless it would fire earlier anyway. */
void timer_mod_anticipate_ns(QEMUTimer *ts, int64_t expire_ns);
void timer_del(QEMUTimer *ts); /* nothing if not pending */
bool timer_pending(const QEMUTimer *ts);
/* When it fires, or -1. */
int64_t timer_expire_time_ns(const QEMUTimer *ts);

int64_t qemu_clock_get_ns(QEMUClockType clock);
static inline int64_t qemu_clock_get_us(QEMUClockType clock)
{
    return qemu_clock_get_ns(clock) / SCALE_US;
}
static inline int64_t qemu_clock_get_ms(QEMUClockType clock)
{
    return qemu_clock_get_ns(clock) / SCALE_MS;
}

/* Stop or continue a clock (VIRTUAL begins stopped; the others always run).
 * Its timers do not fire while it stands still.  Any thread. */
void qemu_clock_enable(QEMUClockType clock, bool enabled);
bool qemu_clock_is_enabled(QEMUClockType clock);

/* CLOCK_MONOTONIC */
static inline int64_t get_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

/* --- for AioContext: one list per clock and context --- */

typedef struct QEMUTimerListGroup {
    QEMUTimerList *tl[QEMU_CLOCK_MAX];
} QEMUTimerListGroup;

/* The lists of @ctx (util/aio.c). */
QEMUTimerListGroup *aio_context_timers(AioContext *ctx);
void timerlistgroup_init(QEMUTimerListGroup *group, AioContext *ctx);
void timerlistgroup_deinit(QEMUTimerListGroup *group);
/* Nanoseconds until the first timer; 0: due; -1: none. */
int64_t timerlistgroup_deadline_ns(QEMUTimerListGroup *group);
/* Run what is due; did anything?  Home thread. */
bool timerlistgroup_run_timers(QEMUTimerListGroup *group);

#endif
