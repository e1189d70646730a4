/*
 * From a QMP request to its handler and back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QAPI_QMP_DISPATCH_H
#define QAPI_QMP_DISPATCH_H

#include <sys/queue.h>

#include "qobject/qdict.h"
#include "util/error.h"

/* Generated: unpacks @args, calls the handler, packs its result in *@ret. */
typedef void QmpCommandFunc(QDict *args, QObject **ret, Error **errp);

typedef enum QmpCommandOptions {
    QCO_NO_SUCCESS_RESP = 1 << 0, /* success is not answered */
    QCO_ALLOW_OOB = 1 << 1,
    QCO_ALLOW_PRECONFIG = 1 << 2,
} QmpCommandOptions;

typedef struct QmpCommand {
    const char *name;
    QmpCommandFunc *fn;
    QmpCommandOptions options;
    bool enabled;
    const char *disable_reason;
    TAILQ_ENTRY(QmpCommand) node;
} QmpCommand;

typedef TAILQ_HEAD(QmpCommandList, QmpCommand) QmpCommandList;

void qmp_commands_init(QmpCommandList *cmds);

/* @name must stay. */
void qmp_register_command(QmpCommandList *cmds, const char *name,
                          QmpCommandFunc *fn, QmpCommandOptions options);
const QmpCommand *qmp_find_command(const QmpCommandList *cmds,
                                   const char *name);
void qmp_disable_command(QmpCommandList *cmds, const char *name,
                         const char *disable_reason);
void qmp_enable_command(QmpCommandList *cmds, const char *name);
bool qmp_command_is_enabled(const QmpCommand *cmd);
const char *qmp_command_name(const QmpCommand *cmd);
bool qmp_has_success_response(const QmpCommand *cmd);

typedef void QmpCommandCallback(const QmpCommand *cmd, void *opaque);
void qmp_for_each_command(const QmpCommandList *cmds, QmpCommandCallback *fn,
                          void *opaque);

/*
 * Execute @request in the calling thread: the response with "return" or
 * "error", and the request's "id". NULL when success is not to be answered.
 * @allow_oob: accept "exec-oob".
 *
 * While the list contains "qmp_capabilities" alone (before negotiation), the
 * message for other commands asks for it.
 */
QDict *qmp_dispatch(const QmpCommandList *cmds, QObject *request,
                    bool allow_oob);

/* What query-qmp-schema returns: a list of SchemaInfo as JSON, which stays. */
void qmp_set_introspection(const char *json);

/* Whether @request (not checked yet) asks for out-of-band execution. */
bool qmp_is_oob(const QDict *request);

/* The response for @err, which is freed. */
QDict *qmp_error_response(Error *err);

#endif
