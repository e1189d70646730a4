/*
 * QMP: the run state and facts about the VM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/identity.h"
#include "system/machine.h"
#include "system/runstate.h"
#include "block/block-backend.h"
#include "hw/core/boards.h"
#include "qapi/cli-options.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-misc.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-run-state.h"
#include "util/uuid.h"

#include <unistd.h>

static const char *vm_name;
static const char *vm_uuid;

void system_qmp_set_identity(const char *name, const char *uuid)
{
    vm_name = name;
    vm_uuid = uuid;
}

/* --- run state --- */

StatusInfo *qmp_query_status(Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);

    info->running = runstate_is_running();
    info->status = runstate_get();
    return info;
}

void qmp_stop(Error **errp)
{
    vm_stop(RUN_STATE_PAUSED);
}

void qmp_cont(Error **errp)
{
    if (runstate_needs_reset()) {
        error_setg(errp, "Resetting the Virtual Machine is required");
        return;
    }
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        blk_iostatus_reset(blk);
    }
    vm_start();
}

/*
 * Requests are carried out here and not after the turn of the loop, so that
 * clients see their events before the reply, as they do with QEMU.
 */
void qmp_quit(Error **errp)
{
    ShutdownAction action = SHUTDOWN_ACTION_POWEROFF;

    runstate_set_actions(NULL, &action, NULL);
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    runstate_process_requests(NULL);
}

void qmp_system_reset(Error **errp)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    runstate_process_requests(NULL);
}

void qmp_system_powerdown(Error **errp)
{
    qemu_system_powerdown_request();
    runstate_process_requests(NULL);
}

void qmp_set_action(bool has_reboot, RebootAction reboot, bool has_shutdown,
                    ShutdownAction shutdown, bool has_panic, PanicAction panic,
                    bool has_watchdog, WatchdogAction watchdog, Error **errp)
{
    runstate_set_actions(has_reboot ? &reboot : NULL,
                         has_shutdown ? &shutdown : NULL,
                         has_panic ? &panic : NULL);
}

/* --- facts --- */

NameInfo *qmp_query_name(Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(vm_name);
    return info;
}

UuidInfo *qmp_query_uuid(Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);

    info->UUID = g_strdup(vm_uuid ? vm_uuid
                                  : "00000000-0000-0000-0000-000000000000");
    return info;
}

KvmInfo *qmp_query_kvm(Error **errp)
{
    KvmInfo *info = g_new0(KvmInfo, 1);
    const AccelOps *accel = current_accel();

    info->enabled = accel && g_str_equal(accel->name, "kvm");
    info->present = true;
    return info;
}

TargetInfo *qmp_query_target(Error **errp)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = SYS_EMU_TARGET_X86_64;
    return info;
}

MemoryInfo *qmp_query_memory_size_summary(Error **errp)
{
    MemoryInfo *info = g_new0(MemoryInfo, 1);

    info->base_memory = current_machine()->ram_size;
    info->has_plugged_memory = true;
    return info;
}

static CpuInstanceProperties *cpu_props(const CpuTopology *t, unsigned index)
{
    CpuInstanceProperties *props = g_new0(CpuInstanceProperties, 1);
    unsigned per_die = t->cores * t->threads;

    props->has_thread_id = props->has_core_id = props->has_socket_id = true;
    props->thread_id = index % t->threads;
    props->core_id = index / t->threads % t->cores;
    props->socket_id = index / (per_die * t->dies);
    if (t->dies > 1) {
        props->has_die_id = true;
        props->die_id = index / per_die % t->dies;
    }
    return props;
}

CpuInfoFastList *qmp_query_cpus_fast(Error **errp)
{
    const MachineState *ms = current_machine();
    const AccelOps *accel = current_accel();
    CpuInfoFastList *list = NULL;
    CpuInfoFastList **tail = &list;

    if (!ms->cpu_model) {
        return NULL;
    }
    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        CpuInfoFast *info = g_new0(CpuInfoFast, 1);

        info->cpu_index = i;
        info->qom_path = g_strdup_printf("/machine/unattached/cpu[%u]", i);
        info->thread_id = accel && accel->vcpu_thread_id
                              ? accel->vcpu_thread_id(i)
                              : getpid();
        info->props = cpu_props(&ms->smp, i);
        info->target = SYS_EMU_TARGET_X86_64;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

MachineInfoList *qmp_query_machines(bool has_compat_props, bool compat_props,
                                    Error **errp)
{
    MachineInfoList *list = NULL;
    MachineInfoList **tail = &list;

    for (const MachineClass *const *p = machine_classes; *p; p++) {
        const MachineClass *mc = *p;
        MachineInfo *info = g_new0(MachineInfo, 1);

        info->name = g_strdup(mc->name);
        info->alias = g_strdup(mc->alias);
        info->has_is_default = info->is_default = mc->is_default;
        info->cpu_max = mc->max_cpus;
        info->acpi = mc->default_cpu_model != NULL;
        if (mc->default_cpu_model) {
            info->default_cpu_type = g_strdup_printf("%s-x86_64-cpu",
                                                     mc->default_cpu_model);
            info->default_ram_id = g_strdup("pc.ram");
        }
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

CommandLineOptionInfoList *qmp_query_command_line_options(const char *option,
                                                          Error **errp)
{
    CommandLineOptionInfoList *list = NULL;
    CommandLineOptionInfoList **tail = &list;

    for (const CliOption *o = cli_options; o->name; o++) {
        CommandLineOptionInfo *info;

        if (!o->has_arg || (option && !g_str_equal(option, o->name))) {
            continue;
        }
        info = g_new0(CommandLineOptionInfo, 1);
        info->option = g_strdup(o->name);
        QAPI_LIST_APPEND(tail, info);
    }
    if (option && !list) {
        error_setg(errp, "invalid option name: %s", option);
    }
    return list;
}
