/*
 * Throttle groups: waiting.
 *
 * For each direction at most one request of a group sleeps until the buckets
 * let it through: it has the turn. The others wait in the queue of their
 * member. When the request with the turn starts it hands the turn to the next
 * member that has somebody waiting, round robin. A coroutine sleeps in its
 * own context, so that no thread is special.
 *
 * Invariants, under the lock:
 *  1. Somebody waits in a queue of a direction only while the turn is taken.
 *  2. Who is taken out of a queue is woken, with the turn or (member disabled)
 *     without.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/throttle-group.h"

#include "backends/throttle-props.h"
#include "util/atomic.h"

/* On the stack of a coroutine. */
typedef struct Waiter {
    Coroutine *co;
    bool has_turn;
    STAILQ_ENTRY(Waiter) next;
} Waiter;

struct ThrottleMember {
    ThrottleGroup *g;                 /* fixed */
    unsigned disabled;                /* lock */
    STAILQ_HEAD(, Waiter) queue[2];   /* lock */
    TAILQ_ENTRY(ThrottleMember) next; /* lock */
};

static TAILQ_HEAD(, ThrottleGroup) groups = TAILQ_HEAD_INITIALIZER(groups);

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
}

/* --- groups --- */

static ThrottleGroup *find(const char *name)
{
    ThrottleGroup *g;

    TAILQ_FOREACH(g, &groups, next) {
        if (!strcmp(g->name, name)) {
            return g;
        }
    }
    return NULL;
}

ThrottleGroup *throttle_group_find(const char *name)
{
    ThrottleGroup *g = find(name);

    return g ? object_ref(g) : NULL;
}

bool throttle_group_register(ThrottleGroup *g, const char *name, Error **errp)
{
    if (find(name)) {
        error_setg(errp, "A group with this name already exists");
        return false;
    }
    g->name = g_strdup(name);
    TAILQ_INSERT_TAIL(&groups, g, next);
    return true;
}

ThrottleGroup *throttle_group_find_or_new(const char *name)
{
    ThrottleGroup *g = throttle_group_find(name);

    if (!g) {
        g = (ThrottleGroup *)object_new(TYPE_THROTTLE_GROUP);
        throttle_group_register(g, name, &error_abort);
    }
    return g;
}

void throttle_group_unref(ThrottleGroup *g)
{
    object_unref(g);
}

const char *throttle_group_name(const ThrottleGroup *g)
{
    return g->name;
}

void throttle_group_get_config(ThrottleGroup *g, ThrottleConfig *cfg)
{
    QEMU_LOCK_GUARD(&g->lock);

    *cfg = g->state.cfg;
}

/* Under the lock: the coroutines that sleep with a turn, of @only or all, to
 * be woken without the lock. */
static void take_sleepers(ThrottleGroup *g, const ThrottleMember *only,
                          GPtrArray *woken)
{
    for (int dir = 0; dir < 2; dir++) {
        Coroutine *co = NULL;

        if (g->sleeper[dir] && (!only || g->sleeping[dir] == only)) {
            /* Pairs with the exchange when the timer fires: one of us */
            co = qatomic_xchg(&g->sleeper[dir]->to_wake, NULL);
        }
        if (co) {
            g_ptr_array_add(woken, co);
        }
    }
}

static void wake_all(const GPtrArray *woken)
{
    for (guint i = 0; i < woken->len; i++) {
        aio_co_wake(woken->pdata[i]);
    }
}

void throttle_group_set_config(ThrottleGroup *g, const ThrottleConfig *cfg)
{
    g_autoptr(GPtrArray) woken = g_ptr_array_new();

    qemu_mutex_lock(&g->lock);
    throttle_set_config(&g->state, cfg, now_ns());
    qatomic_set(&g->limited, throttle_enabled(cfg));
    take_sleepers(g, NULL, woken);
    qemu_mutex_unlock(&g->lock);
    wake_all(woken);
}

/* Of the object; no member is left. */
void throttle_group_init(ThrottleGroup *g)
{
    ThrottleConfig cfg;

    qemu_mutex_init(&g->lock);
    TAILQ_INIT(&g->members);
    throttle_config_init(&cfg);
    throttle_set_config(&g->state, &cfg, now_ns());
}

void throttle_group_cleanup(ThrottleGroup *g)
{
    assert(TAILQ_EMPTY(&g->members));
    if (g->name) {
        TAILQ_REMOVE(&groups, g, next);
        g_free(g->name);
    }
    qemu_mutex_destroy(&g->lock);
}

/* --- members --- */

ThrottleMember *throttle_member_new(ThrottleGroup *g)
{
    ThrottleMember *m = g_new0(ThrottleMember, 1);

    m->g = g;
    STAILQ_INIT(&m->queue[0]);
    STAILQ_INIT(&m->queue[1]);
    QEMU_LOCK_GUARD(&g->lock);
    TAILQ_INSERT_TAIL(&g->members, m, next);
    return m;
}

void throttle_member_free(ThrottleMember *m)
{
    ThrottleGroup *g;

    if (!m) {
        return;
    }
    g = m->g;
    qemu_mutex_lock(&g->lock);
    assert(STAILQ_EMPTY(&m->queue[0]) && STAILQ_EMPTY(&m->queue[1]));
    TAILQ_REMOVE(&g->members, m, next);
    qemu_mutex_unlock(&g->lock);
    g_free(m);
    throttle_group_unref(g);
}

ThrottleGroup *throttle_member_group(ThrottleMember *m)
{
    return m->g;
}

bool throttle_member_limited(const ThrottleMember *m)
{
    return qatomic_read(&m->g->limited);
}

/* --- waiting --- */

/* Under the lock: who comes next after @m has started; NULL: nobody, and the
 * turn is free. */
static Coroutine *next_turn(ThrottleGroup *g, ThrottleMember *m, int dir)
{
    ThrottleMember *next = m;
    Waiter *w;

    do {
        next = TAILQ_NEXT(next, next);
        if (!next) {
            next = TAILQ_FIRST(&g->members);
        }
        w = STAILQ_FIRST(&next->queue[dir]);
    } while (!w && next != m);
    if (!w) {
        g->turn_taken[dir] = false;
        return NULL;
    }
    STAILQ_REMOVE_HEAD(&next->queue[dir], next);
    w->has_turn = true;
    return w->co;
}

static void sleep_over(void *opaque)
{
    qemu_co_sleep_wake(opaque);
}

/* Under the lock, with the turn: until the buckets let @m through. */
static void coroutine_fn sleep_with_turn(ThrottleGroup *g, ThrottleMember *m,
                                         int dir)
{
    Coroutine *self = qemu_coroutine_self();
    int64_t now, wait;

    while (now = now_ns(),
           !m->disabled && (wait = throttle_wait(&g->state, dir, now)) > 0) {
        /* Set before the lock goes, so that no wake-up is lost */
        QemuCoSleep w = { .to_wake = self };
        QEMUTimer timer;

        g->sleeper[dir] = &w;
        g->sleeping[dir] = m;
        qemu_mutex_unlock(&g->lock);
        timer_init_ns(&timer, qemu_coroutine_get_aio_context(self),
                      QEMU_CLOCK_REALTIME, sleep_over, &w);
        timer_mod_ns(&timer, now + wait);
        qemu_coroutine_yield();
        timer_del(&timer);
        qemu_mutex_lock(&g->lock);
        g->sleeper[dir] = NULL;
        g->sleeping[dir] = NULL;
    }
}

void coroutine_fn throttle_co_wait(ThrottleMember *m, uint64_t bytes,
                                   bool is_write)
{
    ThrottleGroup *g = m->g;
    Waiter self = { .co = qemu_coroutine_self() };
    Coroutine *next = NULL;
    int dir = is_write;

    if (!qatomic_read(&g->limited)) {
        return;
    }
    qemu_mutex_lock(&g->lock);
    if (m->disabled) {
        /* It counts, but does not wait */
    } else if (g->turn_taken[dir]) {
        STAILQ_INSERT_TAIL(&m->queue[dir], &self, next);
        qemu_mutex_unlock(&g->lock);
        qemu_coroutine_yield();
        qemu_mutex_lock(&g->lock);
    } else {
        g->turn_taken[dir] = true;
        self.has_turn = true;
    }
    if (self.has_turn) {
        sleep_with_turn(g, m, dir);
    }
    throttle_account(&g->state, is_write, bytes);
    if (self.has_turn) {
        next = next_turn(g, m, dir);
    }
    qemu_mutex_unlock(&g->lock);
    if (next) {
        aio_co_wake(next);
    }
}

void throttle_member_disable(ThrottleMember *m)
{
    ThrottleGroup *g = m->g;
    g_autoptr(GPtrArray) woken = g_ptr_array_new();

    qemu_mutex_lock(&g->lock);
    m->disabled++;
    take_sleepers(g, m, woken);
    for (int dir = 0; dir < 2; dir++) {
        Waiter *w;

        while ((w = STAILQ_FIRST(&m->queue[dir]))) {
            STAILQ_REMOVE_HEAD(&m->queue[dir], next);
            g_ptr_array_add(woken, w->co);
        }
    }
    qemu_mutex_unlock(&g->lock);
    wake_all(woken);
}

void throttle_member_enable(ThrottleMember *m)
{
    QEMU_LOCK_GUARD(&m->g->lock);

    assert(m->disabled);
    m->disabled--;
}
