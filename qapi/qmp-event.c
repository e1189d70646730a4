/*
 * QMP events: the time stamp and the emitter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qmp-event.h"

/* Set once, before other threads exist. */
static QapiEventEmitter *emitter;

void qapi_event_set_emitter(QapiEventEmitter *emit)
{
    emitter = emit;
}

QDict *qmp_event_build_dict(const char *event_name)
{
    QDict *event = qdict_new();
    QDict *timestamp = qdict_new();
    int64_t us = g_get_real_time();

    qdict_put_str(event, "event", event_name);
    qdict_put_int(timestamp, "seconds", us / 1000000);
    qdict_put_int(timestamp, "microseconds", us % 1000000);
    qdict_put(event, "timestamp", timestamp);
    return event;
}

void qapi_event_emit_(unsigned event, QDict *qdict)
{
    if (emitter) {
        emitter(event, qdict);
    }
}
