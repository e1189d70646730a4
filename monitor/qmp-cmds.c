/*
 * QMP commands about QMP itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "config-host.h"
#include "monitor/monitor-internal.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-misc.h"

void qmp_qmp_capabilities(QMPCapabilityList *enable, Error **errp)
{
    Monitor *mon = monitor_cur();
    bool oob = false;

    if (!mon || !mon->is_qmp) {
        error_setg(errp, "Not a QMP session");
        return;
    }
    for (; enable; enable = enable->next) {
        oob |= enable->value == QMP_CAPABILITY_OOB;
    }
    qmp_negotiate(mon, oob, errp);
}

VersionInfo *qmp_query_version(Error **errp)
{
    VersionInfo *info = g_new0(VersionInfo, 1);
    g_auto(GStrv) part = g_strsplit(QEMU_VERSION, ".", 3);

    info->qemu = g_new0(VersionTriple, 1);
    info->qemu->major = g_ascii_strtoll(part[0], NULL, 10);
    info->qemu->minor = g_ascii_strtoll(part[1], NULL, 10);
    info->qemu->micro = g_ascii_strtoll(part[2], NULL, 10);
    info->package = g_strdup(QEMU_PKGVERSION);
    return info;
}

static void add_command(const QmpCommand *cmd, void *opaque)
{
    CommandInfoList **list = opaque;
    CommandInfo *info;

    if (!qmp_command_is_enabled(cmd)) {
        return;
    }
    info = g_new0(CommandInfo, 1);
    info->name = g_strdup(qmp_command_name(cmd));
    QAPI_LIST_PREPEND(*list, info);
}

CommandInfoList *qmp_query_commands(Error **errp)
{
    CommandInfoList *list = NULL;

    qmp_for_each_command(monitor_qmp_commands, add_command, &list);
    return list;
}

char *qmp_human_monitor_command(const char *command_line, bool has_cpu_index,
                                int64_t cpu_index, Error **errp)
{
    return monitor_hmp_run(command_line);
}
