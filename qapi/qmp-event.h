/*
 * QMP events: how code below the monitor sends them.
 *
 * qapi_event_send_X(), which is generated, builds the event and hands it to
 * the emitter that the monitor registered. Any thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QMP_EVENT_H
#define QAPI_QMP_EVENT_H

#include "qobject/qdict.h"

/* @event: a QAPIEvent. @qdict: the event as sent; the caller's. Any thread. */
typedef void QapiEventEmitter(unsigned event, QDict *qdict);

/* Before the first event; without an emitter events are dropped. */
void qapi_event_set_emitter(QapiEventEmitter *emit);

/* For generated code: "event" and "timestamp". */
QDict *qmp_event_build_dict(const char *event_name);
void qapi_event_emit_(unsigned event, QDict *qdict);

#endif
