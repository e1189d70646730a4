/*
 * Tests of QMP dispatch with the commands of module "char", whose handlers
 * are here, and of events.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qapi-commands-char.h"
#include "qapi/qapi-commands-introspect.h"
#include "qapi/qapi-introspect.h"
#include "qapi/qapi-emit-events.h"
#include "qapi/qapi-events-block-core.h"
#include "qapi/qapi-events-run-state.h"
#include "qapi/qmp-dispatch.h"
#include "qapi/qmp-event.h"
#include "qobject/json.h"
#include "qobject/qlist.h"

ChardevInfoList *qmp_query_chardev(Error **errp)
{
    ChardevInfoList *list = NULL, **tail = &list;
    ChardevInfo *info = g_new0(ChardevInfo, 1);

    info->label = g_strdup("c");
    info->filename = g_strdup("stdio");
    info->frontend_open = true;
    QAPI_LIST_APPEND(tail, info);
    return list;
}

ChardevReturn *qmp_chardev_add(const char *id, ChardevBackend *backend,
                               Error **errp)
{
    ChardevReturn *ret;

    if (backend->type != CHARDEV_BACKEND_KIND_PTY) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "no %s", id);
        return NULL;
    }
    ret = g_new0(ChardevReturn, 1);
    ret->pty = g_strdup(id);
    return ret;
}

void qmp_chardev_remove(const char *id, Error **errp)
{
    g_assert_cmpstr(id, ==, "x");
}

static void check(const QmpCommandList *cmds, const char *request, bool oob,
                  const char *expected)
{
    g_autoptr(QObject) obj = qobject_from_json(request, &error_abort);
    g_autoptr(QDict) response = qmp_dispatch(cmds, obj, oob);
    g_autoptr(GString) text = qobject_to_json(QOBJECT(response));

    g_assert_cmpstr(text->str, ==, expected);
}

#define ERR(text) \
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" text "\"}}"
#define ERR_NOT_FOUND(text) \
    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"" text "\"}}"

static void free_commands(QmpCommandList *cmds)
{
    QmpCommand *cmd;

    while ((cmd = TAILQ_FIRST(cmds))) {
        TAILQ_REMOVE(cmds, cmd, node);
        g_free(cmd);
    }
}

static void test_success(void)
{
    QmpCommandList cmds;

    qmp_commands_init(&cmds);
    qmp_init_commands_char(&cmds);
    check(&cmds, "{'execute': 'query-chardev'}", false,
          "{\"return\": [{\"frontend-open\": true, \"filename\": \"stdio\", "
          "\"label\": \"c\"}]}");
    check(&cmds,
          "{'execute': 'chardev-add', 'id': [1], 'arguments': {'id': 'p', "
          "'backend': {'type': 'pty', 'data': {}}}}",
          false, "{\"return\": {\"pty\": \"p\"}, \"id\": [1]}");
    check(&cmds, "{'execute': 'chardev-remove', 'arguments': {'id': 'x'}}",
          false, "{\"return\": {}}");
    free_commands(&cmds);
}

static void test_errors(void)
{
    static const char *const cases[][2] = {
        { "[]", ERR("QMP input must be a JSON object") },
        { "1", ERR("QMP input must be a JSON object") },
        { "{}", ERR("QMP input lacks member 'execute'") },
        { "{'execute': 1}",
          ERR("QMP input member 'execute' must be a string") },
        { "{'execute': 'query-chardev', 'foo': 1}",
          ERR("QMP input member 'foo' is unexpected") },
        { "{'exec-oob': 'query-chardev'}",
          ERR("QMP input member 'exec-oob' is unexpected") },
        { "{'execute': 'nope'}",
          ERR_NOT_FOUND("The command nope has not been found") },
        { "{'execute': 'query-chardev', 'arguments': null}",
          ERR("QMP input member 'arguments' must be an object") },
        { "{'execute': 'query-chardev', 'arguments': {'x': 1}}",
          ERR("Parameter 'x' is unexpected") },
        { "{'execute': 'chardev-remove'}", ERR("Parameter 'id' is missing") },
        { "{'execute': 'chardev-remove', 'arguments': {'id': 1}}",
          ERR("Invalid parameter type for 'id', expected: string") },
        { "{'execute': 'chardev-add', 'arguments': {'id': 'x', 'backend': "
          "{'type': 'null', 'data': {'x': 1}}}}",
          ERR("Parameter 'backend.data.x' is unexpected") },
        { "{'execute': 'chardev-add', 'id': 7, 'arguments': {'id': 'x', "
          "'backend': {'type': 'null', 'data': {}}}}",
          "{\"id\": 7, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": "
          "\"no x\"}}" },
    };
    QmpCommandList cmds;

    qmp_commands_init(&cmds);
    qmp_init_commands_char(&cmds);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        check(&cmds, cases[i][0], false, cases[i][1]);
    }
    free_commands(&cmds);
}

static void cmd_oob(QDict *args, QObject **ret, Error **errp)
{
}

static void test_options(void)
{
    QmpCommandList cmds;
    g_autoptr(QObject) quiet = qobject_from_json(
        "{'execute': 'quiet', 'id': 1}", &error_abort);

    qmp_commands_init(&cmds);
    qmp_register_command(&cmds, "qmp_capabilities", cmd_oob, 0);
    check(&cmds, "{'execute': 'query-name'}", false,
          ERR_NOT_FOUND("Expecting capabilities negotiation with "
                        "'qmp_capabilities'"));
    qmp_register_command(&cmds, "fast", cmd_oob, QCO_ALLOW_OOB);
    qmp_register_command(&cmds, "slow", cmd_oob, 0);
    qmp_register_command(&cmds, "quiet", cmd_oob, QCO_NO_SUCCESS_RESP);
    check(&cmds, "{'exec-oob': 'fast'}", true, "{\"return\": {}}");
    check(&cmds, "{'exec-oob': 'slow'}", true,
          ERR("The command slow does not support OOB"));
    check(&cmds, "{'exec-oob': 'slow', 'execute': 'slow'}", true,
          ERR("QMP input member 'execute' clashes with 'exec-oob'"));
    g_assert_null(qmp_dispatch(&cmds, quiet, false));
    qmp_disable_command(&cmds, "slow", NULL);
    check(&cmds, "{'execute': 'slow'}", false,
          ERR_NOT_FOUND("Command slow has been disabled"));
    qmp_disable_command(&cmds, "slow", "reason");
    check(&cmds, "{'execute': 'slow'}", false,
          ERR_NOT_FOUND("Command slow has been disabled: reason"));
    qmp_enable_command(&cmds, "slow");
    check(&cmds, "{'execute': 'slow'}", false, "{\"return\": {}}");
    free_commands(&cmds);
}

static QDict *last_event;
static unsigned last_number;

static void take_event(unsigned event, QDict *qdict)
{
    qobject_unref(last_event);
    last_event = qobject_ref(qdict);
    last_number = event;
}

static void check_event(unsigned number, const char *expected)
{
    g_autoptr(GString) text = NULL;

    g_assert_nonnull(qdict_get_qdict(last_event, "timestamp"));
    qdict_del(last_event, "timestamp");
    text = qobject_to_json(QOBJECT(last_event));
    g_assert_cmpint(last_number, ==, number);
    g_assert_cmpstr(text->str, ==, expected);
}

static void test_events(void)
{
    qapi_event_send_stop();
    qapi_event_set_emitter(take_event);
    qapi_event_send_stop();
    check_event(QAPI_EVENT_STOP, "{\"event\": \"STOP\"}");
    qapi_event_send_shutdown(false, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    check_event(QAPI_EVENT_SHUTDOWN,
                "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, "
                "\"reason\": \"host-qmp-quit\"}}");
    qapi_event_send_block_io_error("/a", "", NULL, IO_OPERATION_TYPE_READ,
                                   BLOCK_ERROR_ACTION_STOP, true, false, "x");
    g_assert_null(qdict_get(qdict_get_qdict(last_event, "data"), "node-name"));
    g_assert_false(
        qdict_get_bool(qdict_get_qdict(last_event, "data"), "nospace"));
    qapi_event_set_emitter(NULL);
    qobject_unref(last_event);
}

/* What query-qmp-schema returns refers to nothing that it does not have. */
static void test_introspection(void)
{
    g_autoptr(QDict) args = qdict_new();
    g_autoptr(QDict) names = qdict_new();
    QObject *ret = NULL;
    const QListEntry *e;
    QList *list;

    qmp_set_introspection(qapi_introspect_json);
    qmp_query_qmp_schema(args, &ret, &error_abort);
    list = qobject_to(QList, ret);
    g_assert_nonnull(list);
    QLIST_FOREACH_ENTRY(list, e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        g_assert_false(qdict_haskey(names, qdict_get_str(info, "name")));
        qdict_put_bool(names, qdict_get_str(info, "name"), true);
    }
    QLIST_FOREACH_ENTRY(list, e) {
        static const char *const refs[] = { "arg-type", "ret-type",
                                            "element-type" };
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        for (int i = 0; i < ARRAY_SIZE(refs); i++) {
            const char *ref = qdict_get_try_str(info, refs[i]);

            g_assert_true(!ref || qdict_haskey(names, ref));
        }
    }
    g_assert_true(qdict_haskey(names, "query-status"));
    g_assert_true(qdict_haskey(names, "SHUTDOWN"));
    g_assert_false(qdict_haskey(names, "BlockInfo"));
    qobject_unref(ret);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp-dispatch/success", test_success);
    g_test_add_func("/qmp-dispatch/errors", test_errors);
    g_test_add_func("/qmp-dispatch/options", test_options);
    g_test_add_func("/qmp-dispatch/events", test_events);
    g_test_add_func("/qmp-dispatch/introspection", test_introspection);
    return g_test_run();
}
