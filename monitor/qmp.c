/*
 * QMP sessions.
 *
 * Requests are parsed as they come and queued in their session.  One
 * dispatcher takes them, one a turn of the main loop and the sessions in
 * turns, and it sends the response in the turn after: what a command sets off
 * in the main loop (SHUTDOWN, RESET) is told before it.  The dispatcher is a
 * descriptor of the main loop, so no command runs inside another.
 *
 * A session with a request under way reads no further ones, unless it
 * negotiated "oob": then it may have eight, and "exec-oob" requests overtake
 * those.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "config-host.h"
#include "monitor/monitor-internal.h"
#include "qapi/qapi-types-control.h"
#include "qobject/json.h"
#include "qobject/qlist.h"
#include "util/event-notifier.h"
#include "util/main-loop.h"

#define QMP_QUEUE_MAX 8
#define QMP_READ_SIZE 4096

typedef struct QMPRequest {
    QObject *req; /* NULL: it was not JSON, and */
    Error *err;   /* this is why */
    TAILQ_ENTRY(QMPRequest) next;
} QMPRequest;

struct MonitorQMP {
    Monitor common;
    bool pretty;     /* fixed */
    bool negotiated; /* common.lock */
    bool oob;
    JSONMessageParser parser;
    TAILQ_HEAD(, QMPRequest) queue;
    int queue_len;
    QDict *response; /* of the last command, not sent yet */
};

QmpCommandList *monitor_qmp_commands;
QmpCommandList monitor_cap_commands;
static EventNotifier dispatch_kick; /* set while there is something to do */

static void qmp_kick_dispatcher(void)
{
    event_notifier_set(&dispatch_kick);
}

/* --- output --- */

void qmp_send(MonitorQMP *mon, const QDict *obj)
{
    GString *json = qobject_to_json_pretty(QOBJECT((QDict *)obj), mon->pretty);

    g_string_append_c(json, '\n');
    monitor_output(&mon->common, json->str);
    g_string_free(json, true);
}

void qmp_send_event(Monitor *mon, const QDict *event)
{
    MonitorQMP *qmp = container_of(mon, MonitorQMP, common);
    bool negotiated;

    WITH_QEMU_LOCK_GUARD(&mon->lock)
    {
        negotiated = qmp->negotiated;
    }
    if (negotiated) {
        qmp_send(qmp, event);
    }
}

static void qmp_send_greeting(MonitorQMP *mon)
{
    QDict *triple = qdict_new();
    QDict *version = qdict_new();
    QDict *body = qdict_new();
    QList *caps = qlist_new();
    g_autoptr(QDict) greeting = qdict_new();

    qdict_put_int(triple, "major", 10);
    qdict_put_int(triple, "minor", 0);
    qdict_put_int(triple, "micro", 2);
    qdict_put(version, "qemu", triple);
    qdict_put_str(version, "package", QEMU_PKGVERSION);
    qlist_append_str(caps, "oob");
    qdict_put(body, "version", version);
    qdict_put(body, "capabilities", caps);
    qdict_put(greeting, "QMP", body);
    qmp_send(mon, greeting);
}

/* --- dispatch --- */

static const QmpCommandList *session_commands(MonitorQMP *mon)
{
    QEMU_LOCK_GUARD(&mon->common.lock);
    return mon->negotiated ? monitor_qmp_commands : &monitor_cap_commands;
}

bool qmp_negotiate(Monitor *common, bool enable_oob, Error **errp)
{
    MonitorQMP *mon = container_of(common, MonitorQMP, common);

    QEMU_LOCK_GUARD(&mon->common.lock);
    if (mon->negotiated) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command "
                  "ignored");
        return false;
    }
    mon->negotiated = true;
    mon->oob = enable_oob;
    return true;
}

static QDict *qmp_execute(MonitorQMP *mon, QObject *req)
{
    Monitor *old = monitor_set_cur(&mon->common);
    QDict *response = qmp_dispatch(session_commands(mon), req, mon->oob);

    monitor_set_cur(old);
    return response;
}

static QMPRequest *qmp_dequeue(MonitorQMP *mon)
{
    QMPRequest *r = TAILQ_FIRST(&mon->queue);

    if (r) {
        TAILQ_REMOVE(&mon->queue, r, next);
        mon->queue_len--;
    }
    return r;
}

static void qmp_send_response(MonitorQMP *mon)
{
    g_autoptr(QDict) response = mon->response;

    mon->response = NULL;
    qmp_send(mon, response);
}

/* Something for @mon to do, once; false: nothing. */
static bool qmp_session_step(MonitorQMP *mon)
{
    QMPRequest *r;

    if (mon->response) {
        qmp_send_response(mon);
    } else {
        r = qmp_dequeue(mon);
        if (!r) {
            return false;
        }
        if (r->req) {
            mon->response = qmp_execute(mon, r->req);
        } else {
            mon->response = qmp_error_response(r->err);
        }
        qobject_unref(r->req);
        g_free(r);
    }
    qemu_chr_fe_accept_input(&mon->common.fe);
    return true;
}

/* The main loop's handler: one step of the first session that has one, which
 * goes to the end of the line. */
static void qmp_dispatch_ready(void *opaque)
{
    Monitor *mon;

    event_notifier_test_and_clear(&dispatch_kick);
    TAILQ_FOREACH(mon, &monitor_list, list_entry) {
        MonitorQMP *qmp = container_of(mon, MonitorQMP, common);
        bool more;

        if (!mon->is_qmp || !qmp_session_step(qmp)) {
            continue;
        }
        more = qmp->response != NULL;
        if (!more) {
            QEMU_LOCK_GUARD(&monitor_list_lock);
            TAILQ_REMOVE(&monitor_list, mon, list_entry);
            TAILQ_INSERT_TAIL(&monitor_list, mon, list_entry);
        }
        qmp_kick_dispatcher();
        return;
    }
}

/* --- input --- */

static void qmp_run_oob(MonitorQMP *mon, QObject *req)
{
    g_autoptr(QDict) response = qmp_execute(mon, req);

    if (response) {
        qmp_send(mon, response);
    }
    qobject_unref(req);
}

static void qmp_parsed(void *opaque, QObject *json, Error *err)
{
    MonitorQMP *mon = opaque;
    QDict *dict = json ? qobject_to(QDict, json) : NULL;
    QMPRequest *r;

    if (dict && mon->oob && qmp_is_oob(dict)) {
        qmp_run_oob(mon, json);
        return;
    }
    r = g_new0(QMPRequest, 1);
    r->req = json;
    r->err = err;
    TAILQ_INSERT_TAIL(&mon->queue, r, next);
    mon->queue_len++;
    qmp_kick_dispatcher();
}

static int qmp_can_read(void *opaque)
{
    MonitorQMP *mon = opaque;

    if (monitor_output_full(&mon->common)) {
        return 0;
    }
    if (mon->oob) {
        return mon->queue_len < QMP_QUEUE_MAX ? QMP_READ_SIZE : 0;
    }
    return mon->queue_len == 0 && !mon->response ? QMP_READ_SIZE : 0;
}

static void qmp_read(void *opaque, const uint8_t *buf, int size)
{
    MonitorQMP *mon = opaque;

    json_message_parser_feed(&mon->parser, (const char *)buf, size);
}

static void qmp_drop_requests(MonitorQMP *mon)
{
    QMPRequest *r;

    while ((r = qmp_dequeue(mon))) {
        qobject_unref(r->req);
        error_free(r->err);
        g_free(r);
    }
}

static void qmp_reset_input(MonitorQMP *mon)
{
    json_message_parser_destroy(&mon->parser);
    json_message_parser_init(&mon->parser, qmp_parsed, mon);
    monitor_close_fds(&mon->common);
}

static void qmp_event(void *opaque, QEMUChrEvent event)
{
    MonitorQMP *mon = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        qmp_drop_requests(mon);
        qmp_reset_input(mon);
        qobject_unref(mon->response);
        mon->response = NULL;
        mon->oob = false;
        WITH_QEMU_LOCK_GUARD(&mon->common.lock)
        {
            mon->negotiated = false;
            g_string_truncate(mon->common.outbuf, 0);
        }
        qmp_send_greeting(mon);
        break;
    case CHR_EVENT_CLOSED:
        /* Standard output may still be there for what we have to say: the
         * requests that wait are carried out and answered. */
        qmp_reset_input(mon);
        break;
    default:
        break;
    }
}

/* --- life --- */

bool monitor_init_qmp(Chardev *chr, bool pretty, Error **errp)
{
    MonitorQMP *mon = g_new0(MonitorQMP, 1);

    monitor_data_init(&mon->common, true);
    mon->pretty = pretty;
    TAILQ_INIT(&mon->queue);
    json_message_parser_init(&mon->parser, qmp_parsed, mon);
    if (!qemu_chr_fe_init(&mon->common.fe, chr, errp)) {
        json_message_parser_destroy(&mon->parser);
        monitor_data_destroy(&mon->common);
        g_free(mon);
        return false;
    }
    qemu_chr_fe_set_echo(&mon->common.fe, true);
    monitor_list_append(&mon->common);
    qemu_chr_fe_set_handlers(&mon->common.fe, qmp_can_read, qmp_read, qmp_event,
                             mon);
    return true;
}

void monitor_qmp_free(Monitor *common)
{
    MonitorQMP *mon = container_of(common, MonitorQMP, common);

    qmp_drop_requests(mon);
    if (mon->response) {
        qmp_send_response(mon);
    }
    monitor_flush(common);
    monitor_data_destroy(common);
    json_message_parser_destroy(&mon->parser);
    g_free(mon);
}

void monitor_qmp_init_globals(void)
{
    int ret = event_notifier_init(&dispatch_kick, false);

    assert(ret == 0);
    qemu_set_fd_handler(event_notifier_get_fd(&dispatch_kick),
                        qmp_dispatch_ready, NULL, NULL);
}

void monitor_qmp_cleanup_globals(void)
{
    qemu_set_fd_handler(event_notifier_get_fd(&dispatch_kick), NULL, NULL,
                        NULL);
    event_notifier_cleanup(&dispatch_kick);
}
