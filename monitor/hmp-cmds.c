/*
 * Commands of the human monitor: QMP commands with people's words.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor-internal.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

QObject *monitor_call_qmp(Monitor *mon, const char *command, QDict *args)
{
    g_autoptr(QDict) request = qdict_new();
    g_autoptr(QDict) response = NULL;
    QDict *error;

    qdict_put_str(request, "execute", command);
    if (args) {
        qdict_put(request, "arguments", args);
    }
    response = qmp_dispatch(monitor_qmp_commands, QOBJECT(request), false);
    error = response ? qdict_get_qdict(response, "error") : NULL;
    if (error) {
        monitor_printf(mon, "Error: %s\n", qdict_get_str(error, "desc"));
        return NULL;
    }
    return response ? qobject_ref(qdict_get(response, "return")) : NULL;
}

static QDict *call_for_dict(Monitor *mon, const char *command)
{
    QObject *ret = monitor_call_qmp(mon, command, NULL);
    QDict *dict = qobject_to(QDict, ret);

    if (!dict) {
        qobject_unref(ret);
    }
    return dict;
}

static QList *call_for_list(Monitor *mon, const char *command)
{
    QObject *ret = monitor_call_qmp(mon, command, NULL);
    QList *list = qobject_to(QList, ret);

    if (!list) {
        qobject_unref(ret);
    }
    return list;
}

static void call_plain(Monitor *mon, const char *command)
{
    QObject *ret = monitor_call_qmp(mon, command, NULL);

    qobject_unref(ret);
}

static void hmp_quit(Monitor *mon, const char *rest)
{
    monitor_hmp_suspend(mon);
    call_plain(mon, "quit");
}

static void hmp_stop(Monitor *mon, const char *rest)
{
    call_plain(mon, "stop");
}

static void hmp_cont(Monitor *mon, const char *rest)
{
    call_plain(mon, "cont");
}

static void hmp_system_reset(Monitor *mon, const char *rest)
{
    call_plain(mon, "system_reset");
}

static void hmp_system_powerdown(Monitor *mon, const char *rest)
{
    call_plain(mon, "system_powerdown");
}

/* Commands with one argument, the QMP command's @key. */
static void call_with_arg(Monitor *mon, const char *command, const char *key,
                          const char *hmp_name, const char *value)
{
    QDict *args;
    QObject *ret;

    if (!value[0]) {
        monitor_printf(mon, "%s: string expected\n", hmp_name);
        monitor_printf(mon, "Try \"help %s\" for more information\n", hmp_name);
        return;
    }
    args = qdict_new();
    qdict_put_str(args, key, value);
    ret = monitor_call_qmp(mon, command, args);
    qobject_unref(ret);
}

static void hmp_object_del(Monitor *mon, const char *rest)
{
    call_with_arg(mon, "object-del", "id", "object_del", rest);
}

static void hmp_chardev_remove(Monitor *mon, const char *rest)
{
    call_with_arg(mon, "chardev-remove", "id", "chardev-remove", rest);
}

const HMPCommand hmp_commands[] = {
    { "quit|q", "", "quit the emulator", hmp_quit },
    { "stop|s", "", "stop emulation", hmp_stop },
    { "cont|c", "", "resume emulation", hmp_cont },
    { "system_reset", "", "reset the system", hmp_system_reset },
    { "system_powerdown", "", "send system power down event",
      hmp_system_powerdown },
    { "object_del", "id", "destroy QOM object", hmp_object_del },
    { "chardev-remove", "id", "remove chardev", hmp_chardev_remove },
    { NULL },
};

/* --- info --- */

static void hmp_info_version(Monitor *mon, const char *rest)
{
    g_autoptr(QDict) info = call_for_dict(mon, "query-version");
    QDict *q = info ? qdict_get_qdict(info, "qemu") : NULL;

    if (q) {
        monitor_printf(mon, "%" PRId64 ".%" PRId64 ".%" PRId64 "%s\n",
                       qdict_get_int(q, "major"), qdict_get_int(q, "minor"),
                       qdict_get_int(q, "micro"),
                       qdict_get_str(info, "package"));
    }
}

static void hmp_info_status(Monitor *mon, const char *rest)
{
    g_autoptr(QDict) info = call_for_dict(mon, "query-status");
    const char *status;
    bool running;

    if (!info) {
        return;
    }
    status = qdict_get_str(info, "status");
    running = qdict_get_bool(info, "running");
    monitor_printf(mon, "VM status: %s", running ? "running" : "paused");
    if (!running && !g_str_equal(status, "paused")) {
        monitor_printf(mon, " (%s)", status);
    }
    monitor_printf(mon, "\n");
}

static void hmp_info_name(Monitor *mon, const char *rest)
{
    g_autoptr(QDict) info = call_for_dict(mon, "query-name");
    const char *name = info ? qdict_get_try_str(info, "name") : NULL;

    if (name) {
        monitor_printf(mon, "%s\n", name);
    }
}

static void hmp_info_uuid(Monitor *mon, const char *rest)
{
    g_autoptr(QDict) info = call_for_dict(mon, "query-uuid");

    if (info) {
        monitor_printf(mon, "%s\n", qdict_get_str(info, "UUID"));
    }
}

static void hmp_info_kvm(Monitor *mon, const char *rest)
{
    g_autoptr(QDict) info = call_for_dict(mon, "query-kvm");

    if (info) {
        monitor_printf(mon, "kvm support: %s\n",
                       !qdict_get_bool(info, "present")  ? "not compiled"
                       : qdict_get_bool(info, "enabled") ? "enabled"
                                                         : "disabled");
    }
}

static void hmp_info_chardev(Monitor *mon, const char *rest)
{
    g_autoptr(QList) list = call_for_list(mon, "query-chardev");
    const QListEntry *e;

    if (!list) {
        return;
    }
    QLIST_FOREACH_ENTRY(list, e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        monitor_printf(mon, "%s: filename=%s\n", qdict_get_str(info, "label"),
                       qdict_get_str(info, "filename"));
    }
}

static void hmp_info_iothreads(Monitor *mon, const char *rest)
{
    static const char *const members[][2] = {
        { "thread_id", "thread-id" },         { "poll-max-ns", "poll-max-ns" },
        { "poll-grow", "poll-grow" },         { "poll-shrink", "poll-shrink" },
        { "aio-max-batch", "aio-max-batch" },
    };
    g_autoptr(QList) list = call_for_list(mon, "query-iothreads");
    const QListEntry *e;

    if (!list) {
        return;
    }
    QLIST_FOREACH_ENTRY(list, e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        monitor_printf(mon, "%s:\n", qdict_get_str(info, "id"));
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
            monitor_printf(mon, "  %s=%" PRId64 "\n", members[i][0],
                           qdict_get_int(info, members[i][1]));
        }
    }
}

const HMPCommand hmp_info_commands[] = {
    { "version", "", "show the version of QEMU", hmp_info_version },
    { "status", "", "show the current VM status (running|paused)",
      hmp_info_status },
    { "name", "", "show the current VM name", hmp_info_name },
    { "uuid", "", "show the current VM UUID", hmp_info_uuid },
    { "kvm", "", "show KVM information", hmp_info_kvm },
    { "chardev", "", "show the character devices", hmp_info_chardev },
    { "iothreads", "", "show iothreads", hmp_info_iothreads },
    { "block", "[-n] [-v] [device]",
      "show info of one block device or all block devices (-n: show named "
      "nodes; -v: show details)",
      hmp_info_block },
    { NULL },
};
