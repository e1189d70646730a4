/*
 * From a QMP request to its handler and back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qmp-dispatch.h"
#include "qapi/qmp-marshal.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

void qmp_commands_init(QmpCommandList *cmds)
{
    TAILQ_INIT(cmds);
}

void qmp_register_command(QmpCommandList *cmds, const char *name,
                          QmpCommandFunc *fn, QmpCommandOptions options)
{
    QmpCommand *cmd = g_new0(QmpCommand, 1);

    cmd->name = name;
    cmd->fn = fn;
    cmd->options = options;
    cmd->enabled = true;
    TAILQ_INSERT_TAIL(cmds, cmd, node);
}

const QmpCommand *qmp_find_command(const QmpCommandList *cmds, const char *name)
{
    const QmpCommand *cmd;

    TAILQ_FOREACH(cmd, cmds, node) {
        if (g_str_equal(cmd->name, name)) {
            return cmd;
        }
    }
    return NULL;
}

static void toggle_command(QmpCommandList *cmds, const char *name, bool enabled,
                           const char *disable_reason)
{
    QmpCommand *cmd;

    TAILQ_FOREACH(cmd, cmds, node) {
        if (g_str_equal(cmd->name, name)) {
            cmd->enabled = enabled;
            cmd->disable_reason = disable_reason;
        }
    }
}

void qmp_disable_command(QmpCommandList *cmds, const char *name,
                         const char *disable_reason)
{
    toggle_command(cmds, name, false, disable_reason);
}

void qmp_enable_command(QmpCommandList *cmds, const char *name)
{
    toggle_command(cmds, name, true, NULL);
}

bool qmp_command_is_enabled(const QmpCommand *cmd)
{
    return cmd->enabled;
}

const char *qmp_command_name(const QmpCommand *cmd)
{
    return cmd->name;
}

bool qmp_has_success_response(const QmpCommand *cmd)
{
    return !(cmd->options & QCO_NO_SUCCESS_RESP);
}

void qmp_for_each_command(const QmpCommandList *cmds, QmpCommandCallback *fn,
                          void *opaque)
{
    const QmpCommand *cmd;

    TAILQ_FOREACH(cmd, cmds, node) {
        fn(cmd, opaque);
    }
}

QDict *qmp_error_response(Error *err)
{
    QDict *error = qdict_new();
    QDict *response = qdict_new();

    qdict_put_str(error, "class", error_class_str(error_get_class(err)));
    qdict_put_str(error, "desc", error_get_pretty(err));
    qdict_put(response, "error", error);
    error_free(err);
    return response;
}

bool qmp_is_oob(const QDict *request)
{
    return qdict_haskey(request, "exec-oob") &&
           !qdict_haskey(request, "execute");
}

/* What a request says. */
typedef struct QmpRequest {
    const char *command;
    QDict *args; /* NULL: none */
    bool oob;
} QmpRequest;

/* One member of the request; false and @errp when it is not allowed. */
static bool parse_member(QmpRequest *req, const char *name, QObject *value,
                         bool allow_oob, Error **errp)
{
    bool oob = allow_oob && g_str_equal(name, "exec-oob");

    if (g_str_equal(name, "execute") || oob) {
        const QString *command = qobject_to(QString, value);

        if (!command) {
            error_setg(errp, "QMP input member '%s' must be a string", name);
            return false;
        }
        if (req->command) {
            error_setg(errp, "QMP input member '%s' clashes with '%s'", name,
                       oob ? "execute" : "exec-oob");
            return false;
        }
        req->command = qstring_get_str(command);
        req->oob = oob;
    } else if (g_str_equal(name, "arguments")) {
        req->args = qobject_to(QDict, value);
        if (!req->args) {
            error_setg(errp, "QMP input member '%s' must be an object", name);
            return false;
        }
    } else if (!g_str_equal(name, "id")) {
        error_setg(errp, "QMP input member '%s' is unexpected", name);
        return false;
    }
    return true;
}

static bool parse_request(QmpRequest *req, const QDict *dict, bool allow_oob,
                          Error **errp)
{
    const QDictEntry *e;

    QDICT_FOREACH(dict, e) {
        if (!parse_member(req, qdict_entry_key(e), qdict_entry_value(e),
                          allow_oob, errp)) {
            return false;
        }
    }
    if (!req->command) {
        error_setg(errp, "QMP input lacks member 'execute'");
        return false;
    }
    return true;
}

/* The command to run; NULL and @errp. */
static const QmpCommand *find_runnable(const QmpCommandList *cmds,
                                       const QmpRequest *req, Error **errp)
{
    const QmpCommand *cmd = qmp_find_command(cmds, req->command);
    const QmpCommand *only = TAILQ_FIRST(cmds);
    bool negotiating = only && !TAILQ_NEXT(only, node) &&
                       g_str_equal(only->name, "qmp_capabilities");

    if (!cmd && negotiating) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Expecting capabilities negotiation with "
                  "'qmp_capabilities'");
        return NULL;
    }
    if (!cmd) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "The command %s has not been found", req->command);
        return NULL;
    }
    if (!cmd->enabled) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Command %s has been disabled%s%s", req->command,
                  cmd->disable_reason ? ": " : "",
                  cmd->disable_reason ? cmd->disable_reason : "");
        return NULL;
    }
    if (req->oob && !(cmd->options & QCO_ALLOW_OOB)) {
        error_setg(errp, "The command %s does not support OOB", req->command);
        return NULL;
    }
    return cmd;
}

/* *@ret: the result, NULL when success is not to be answered. */
static bool run_request(const QmpCommandList *cmds, QObject *request,
                        bool allow_oob, QObject **ret, Error **errp)
{
    ERRP_GUARD();
    QDict *dict = qobject_to(QDict, request);
    g_autoptr(QDict) args = NULL;
    const QmpCommand *cmd;
    QmpRequest req = { 0 };

    if (!dict) {
        error_setg(errp, "QMP input must be a JSON object");
        return false;
    }
    if (!parse_request(&req, dict, allow_oob, errp)) {
        return false;
    }
    cmd = find_runnable(cmds, &req, errp);
    if (!cmd) {
        return false;
    }

    args = req.args ? qobject_ref(req.args) : qdict_new();
    cmd->fn(args, ret, errp);
    if (*errp) {
        assert(!*ret);
        return false;
    }
    if (!qmp_has_success_response(cmd)) {
        qobject_unref(*ret);
        *ret = NULL;
    } else if (!*ret) {
        *ret = QOBJECT(qdict_new());
    }
    return true;
}

QDict *qmp_dispatch(const QmpCommandList *cmds, QObject *request,
                    bool allow_oob)
{
    QDict *dict = qobject_to(QDict, request);
    QObject *id = dict ? qdict_get(dict, "id") : NULL;
    QObject *ret = NULL;
    QDict *response;
    Error *err = NULL;

    if (!run_request(cmds, request, allow_oob, &ret, &err)) {
        response = qmp_error_response(err);
    } else if (!ret) {
        return NULL;
    } else {
        response = qdict_new();
        qdict_put_obj(response, "return", ret);
    }
    if (id) {
        qdict_put_obj(response, "id", qobject_ref(id));
    }
    return response;
}

bool qmp_check_no_arguments(const QDict *args, Error **errp)
{
    const QDictEntry *e = qdict_first(args);

    if (e) {
        error_setg(errp, "Parameter '%s' is unexpected", qdict_entry_key(e));
        return false;
    }
    return true;
}
