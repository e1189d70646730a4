/*
 * QMP events on their way to the sessions.
 *
 * Events that come in bursts are limited to one a second and source: the first
 * is sent at once; of those that follow within a second the last one is kept
 * and sent at its end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor-internal.h"
#include "qapi/qmp-event.h"
#include "qobject/json.h"
#include "util/timer.h"

#define EVENT_INTERVAL_NS (1 * NANOSECONDS_PER_SECOND)

static const struct {
    const char *event;
    const char *source; /* member of "data" that tells sources apart */
} limited_events[] = {
    { "BALLOON_CHANGE", NULL },
    { "BLOCK_IO_ERROR", "qom-path" },
    { "HV_BALLOON_STATUS_REPORT", NULL },
    { "MEMORY_DEVICE_SIZE_CHANGE", "qom-path" },
    { "QUORUM_FAILURE", NULL },
    { "QUORUM_REPORT_BAD", "node-name" },
    { "RTC_CHANGE", NULL },
    { "VSERPORT_CHANGE", "id" },
    { "WATCHDOG", NULL },
};

/* A limited event from one source within its second. */
typedef struct EventState {
    char *key;      /* fixed */
    QDict *pending; /* events_lock */
    QEMUTimer timer;
} EventState;

static QemuMutex events_lock = QEMU_MUTEX_INITIALIZER;
static GHashTable *event_states; /* events_lock; by key */

/* What events are counted by, or NULL for those without a limit. */
static char *limit_key(const QDict *event)
{
    const char *name = qdict_get_str(event, "event");
    const QDict *data = qdict_get_qdict(event, "data");
    const char *source = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(limited_events); i++) {
        if (!g_str_equal(limited_events[i].event, name)) {
            continue;
        }
        if (limited_events[i].source && data) {
            source = qdict_get_try_str(data, limited_events[i].source);
        }
        return g_strdup_printf("%s %s", name, source ? source : "");
    }
    return NULL;
}

static void send_to_all(const QDict *event)
{
    Monitor *mon;

    QEMU_LOCK_GUARD(&monitor_list_lock);
    TAILQ_FOREACH(mon, &monitor_list, list_entry) {
        if (mon->is_qmp) {
            qmp_send_event(mon, event);
        }
    }
}

static void state_free(gpointer opaque)
{
    EventState *s = opaque;

    timer_del(&s->timer);
    qobject_unref(s->pending);
    g_free(s->key);
    g_free(s);
}

static void start_interval(EventState *s)
{
    timer_mod_ns(&s->timer,
                 qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + EVENT_INTERVAL_NS);
}

/* A second is over (main thread). */
static void interval_end(void *opaque)
{
    EventState *s = opaque;

    QEMU_LOCK_GUARD(&events_lock);
    if (s->pending) {
        send_to_all(s->pending);
        qobject_unref(s->pending);
        s->pending = NULL;
        start_interval(s);
    } else {
        g_hash_table_remove(event_states, s->key);
    }
}

/* JSON values belong to one thread: what stays must not share any. */
static QDict *deep_copy(const QDict *event)
{
    GString *text = qobject_to_json(QOBJECT((QDict *)event));
    QObject *copy = qobject_from_json(text->str, &error_abort);

    g_string_free(text, true);
    return qobject_to(QDict, copy);
}

static void emit(QDict *event)
{
    g_autofree char *key = limit_key(event);
    EventState *s;

    QEMU_LOCK_GUARD(&events_lock);
    if (!event_states) {
        return;
    }
    s = key ? g_hash_table_lookup(event_states, key) : NULL;
    if (s) {
        qobject_unref(s->pending);
        s->pending = deep_copy(event);
        return;
    }
    send_to_all(event);
    if (key) {
        s = g_new0(EventState, 1);
        s->key = g_steal_pointer(&key);
        timer_init_ns(&s->timer, NULL, QEMU_CLOCK_REALTIME, interval_end, s);
        g_hash_table_insert(event_states, s->key, s);
        start_interval(s);
    }
}

void monitor_qapi_event_emit(unsigned event, QDict *qdict)
{
    emit(qdict);
}

void monitor_events_init(void)
{
    WITH_QEMU_LOCK_GUARD(&events_lock)
    {
        event_states = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                             state_free);
    }
    qapi_event_set_emitter(monitor_qapi_event_emit);
}

void monitor_events_cleanup(void)
{
    QEMU_LOCK_GUARD(&events_lock);
    g_clear_pointer(&event_states, g_hash_table_unref);
}
