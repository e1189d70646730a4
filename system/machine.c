/*
 * Making the machine that the command line describes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/machine.h"
#include "system/cli.h"
#include "accel/kvm/cpu-model.h"
#include "qapi/util.h"
#include "util/error-report.h"

#include <stdio.h>

const MachineClass *machine_find(const char *name)
{
    for (const MachineClass *const *mc = machine_classes; *mc; mc++) {
        if (g_str_equal((*mc)->name, name) ||
            g_strcmp0((*mc)->alias, name) == 0) {
            return *mc;
        }
    }
    return NULL;
}

static const MachineClass *default_machine(void)
{
    for (const MachineClass *const *mc = machine_classes; *mc; mc++) {
        if ((*mc)->is_default) {
            return *mc;
        }
    }
    return NULL;
}

bool machine_create(const CliConfig *config, Error **errp)
{
    ERRP_GUARD();
    static MachineState machine; /* the one of this process */
    const char *type = qdict_get_try_str(config->machine_opts, "type");
    const MachineClass *mc = type ? machine_find(type) : default_machine();

    if (!mc) {
        error_setg(errp, "unsupported machine type: \"%s\"", type);
        error_append_hint(errp,
                          "Use -machine help to list supported machines\n");
        return false;
    }
    machine.mc = mc;
    machine.ram_size = mc->default_ram_size;
    machine.cpu_model = mc->default_cpu_model;
    machine.graphics = true;
    set_current_machine(&machine);
    machine_object_create(&machine);
    return true;
}

/* --- -machine key=value --- */

/* Options whose only value that means something here is the default, or that
 * change nothing a guest of this build could see. */
typedef struct FixedOption {
    const char *name;
    const char *desc;
} FixedOption;

static const FixedOption fixed_options[] = {
    { "acpi", "Enable ACPI" },
    { "dump-guest-core", "Include guest memory in a core dump" },
    { "fd-bootchk", NULL },
    { "hpet", NULL },
    { "i8042", NULL },
    { "kernel-irqchip", "Configure KVM in-kernel irqchip" },
    { "mem-merge", "Enable/disable memory merge support" },
    { "nvdimm", NULL },
    { "pit", NULL },
    { "sata", NULL },
    { "smbus", NULL },
    { "smm", "Enable SMM" },
    { "usb", "Set on/off to enable/disable usb" },
    { "vmport", "Enable vmport (pc & q35)" },
    { NULL, NULL },
};

static bool is_fixed_option(const char *name)
{
    for (const FixedOption *o = fixed_options; o->name; o++) {
        if (g_str_equal(o->name, name)) {
            return true;
        }
    }
    return false;
}

typedef struct StringOption {
    const char *name;
    const char *desc;
    size_t offset; /* of a const char * in MachineState */
} StringOption;

static const StringOption string_options[] = {
    { "append", "Linux kernel command line",
      offsetof(MachineState, kernel_cmdline) },
    { "firmware", "Firmware image", offsetof(MachineState, firmware) },
    { "initrd", "Linux initial ramdisk file",
      offsetof(MachineState, initrd_filename) },
    { "kernel", "Linux kernel image file",
      offsetof(MachineState, kernel_filename) },
    { NULL, NULL, 0 },
};

static bool set_string_option(MachineState *ms, const char *key,
                              const char *value)
{
    for (const StringOption *o = string_options; o->name; o++) {
        if (g_str_equal(o->name, key)) {
            *(const char **)((char *)ms + o->offset) = value;
            return true;
        }
    }
    return false;
}

static bool set_option(MachineState *ms, const char *key, const char *value,
                       Error **errp)
{
    bool on;

    if (g_str_equal(key, "type") || g_str_equal(key, "accel") ||
        set_string_option(ms, key, value)) {
        return true;
    }
    if (g_str_equal(key, "graphics")) {
        return qapi_bool_parse(key, value, &ms->graphics, errp);
    }
    if (g_str_equal(key, "memory-share")) {
        return qapi_bool_parse(key, value, &ms->mem_share, errp);
    }
    if (g_str_equal(key, "usb")) {
        if (!qapi_bool_parse(key, value, &on, errp)) {
            return false;
        }
        if (on) {
            error_setg(errp, "this build has no USB");
        }
        return !on;
    }
    if (is_fixed_option(key)) {
        return true;
    }
    if (ms->mc->set_option) {
        return ms->mc->set_option(ms, key, value, errp);
    }
    error_setg(errp, "Property '%s-machine.%s' not found", ms->mc->name, key);
    return false;
}

void machine_print_options(const MachineClass *mc)
{
    printf("%s-machine options:\n", mc->name);
    for (const StringOption *o = string_options; o->name; o++) {
        g_autofree char *head = g_strdup_printf("%s=<string>", o->name);

        printf("  %-22s - %s\n", head, o->desc);
    }
    printf("  %-22s - %s\n", "graphics=<bool>",
           "Set on/off to enable/disable graphics emulation");
    for (const FixedOption *o = fixed_options; o->name; o++) {
        g_autofree char *head = g_strdup_printf("%s=<bool>", o->name);

        if (o->desc) {
            printf("  %-22s - %s\n", head, o->desc);
        } else {
            printf("  %s\n", head);
        }
    }
}

static bool apply_memory(MachineState *ms, const CliConfig *c, Error **errp)
{
    uint64_t size = c->ram_size ? c->ram_size : ms->ram_size;

    if (c->maxram_size && c->maxram_size < size) {
        error_setg(errp,
                   "invalid value of maxmem: maximum memory size (0x%" PRIx64
                   ") must be at least the initial memory size (0x%" PRIx64 ")",
                   c->maxram_size, size);
        return false;
    }
    if (c->ram_slots && !c->maxram_size) {
        error_setg(errp, "slots specified but no max-size");
        return false;
    }
    if (c->maxram_size > size) {
        error_setg(errp, "this build has no memory hotplug");
        return false;
    }
    ms->ram_size = (size + 8191) & ~(uint64_t)8191;
    return true;
}

static bool check_boot(const QDict *boot_opts, Error **errp)
{
    static const char *const known[] = { "order",          "once",
                                         "menu",           "splash",
                                         "splash-time",    "strict",
                                         "reboot-timeout", NULL };
    const QDictEntry *e;
    QDict *opts;
    const char *order;

    if (!boot_opts) {
        return true;
    }
    opts = qdict_get_qdict(boot_opts, "boot");
    QDICT_FOREACH(opts, e) {
        if (!g_strv_contains(known, qdict_entry_key(e))) {
            error_setg(errp, "Parameter 'boot.%s' is unexpected",
                       qdict_entry_key(e));
            return false;
        }
    }
    order = qdict_get_try_str(opts, "order");
    for (const char *p = order; p && *p; p++) {
        if (*p < 'a' || *p > 'p') {
            error_setg(errp, "Invalid boot device '%c'", *p);
            return false;
        }
        if (strchr(p + 1, *p)) {
            error_setg(errp, "Boot device '%c' was given twice", *p);
            return false;
        }
    }
    return true;
}

bool machine_apply_options(CliConfig *config, Error **errp)
{
    MachineState *ms = current_machine();
    const QDictEntry *e;

    if (!cli_smp_configure(ms, config->smp_opts, errp) ||
        !apply_memory(ms, config, errp) ||
        !check_boot(config->boot_opts, errp)) {
        return false;
    }
    QDICT_FOREACH(config->machine_opts, e) {
        const char *key = qdict_entry_key(e);
        const char *value = qdict_get_try_str(config->machine_opts, key);

        if (!value) {
            error_setg(errp, "Property '%s-machine.%s' not found", ms->mc->name,
                       key);
            return false;
        }
        if (!set_option(ms, key, value, errp)) {
            return false;
        }
    }
    if (config->cpu_model) {
        ms->cpu_model = config->cpu_model;
    }
    if (config->has_uuid) {
        ms->uuid = config->uuid;
    }
    if (!ms->kernel_filename && ms->kernel_cmdline) {
        error_setg(errp, "-append only allowed with -kernel option");
        return false;
    }
    if (!ms->kernel_filename && ms->initrd_filename) {
        error_setg(errp, "-initrd only allowed with -kernel option");
        return false;
    }
    machine_object_update(ms);
    return true;
}

/* --- accelerator --- */

const AccelOps *accel_find(const char *name)
{
    for (const AccelOps *const *a = accel_table; *a; a++) {
        if (g_str_equal((*a)->name, name)) {
            return *a;
        }
    }
    return NULL;
}

static bool try_accel(const AccelOps *accel)
{
    MachineState *ms = current_machine();
    Error *err = NULL;

    ms->accel = accel;
    if (!accel->init(ms, &err)) {
        error_report_err(err);
        ms->accel = NULL;
        return false;
    }
    set_current_accel(accel);
    return true;
}

bool machine_check_cpu_model(const CliConfig *config, Error **errp)
{
    CpuModel model;

    if (!config->cpu_model || !current_machine()->accel->no_guest_code) {
        return true;
    }
    if (!cpu_model_parse(&model, config->cpu_model, errp)) {
        return false;
    }
    if (model.def->is_host && g_str_equal(model.def->name, "host")) {
        error_setg(errp, "CPU model 'host' requires KVM or HVF");
        return false;
    }
    return true;
}

/* Options of -accel other than its name: those that change nothing here. */
static bool check_accel_opts(const AccelOps *accel, const QDict *opts)
{
    const QDictEntry *e;

    QDICT_FOREACH(opts, e) {
        const char *key = qdict_entry_key(e);

        if (!g_str_equal(key, "accel") && !g_str_equal(key, "id") &&
            !g_str_equal(key, "kernel-irqchip")) {
            error_report("Property '%s-accel.%s' not found", accel->name, key);
            return false;
        }
    }
    return true;
}

static bool init_from_options(const CliConfig *config)
{
    CliItem *item;

    TAILQ_FOREACH(item, &config->accels, next) {
        const AccelOps *accel = accel_find(
            qdict_get_try_str(item->opts, "accel"));
        bool ok;

        loc_push_restore(&item->loc);
        if (!check_accel_opts(accel, item->opts)) {
            exit(1);
        }
        ok = try_accel(accel);
        loc_pop(&item->loc);
        if (ok) {
            return true;
        }
    }
    return false;
}

/* "kvm:qtest": the first that works. */
static bool init_from_list(const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ":", 0);
    bool failed = false, invalid = false;

    for (char **name = names; *name; name++) {
        const AccelOps *accel = accel_find(*name);

        if (!accel) {
            error_report("invalid accelerator %s", *name);
            invalid = true;
        } else if (try_accel(accel)) {
            if (failed) {
                error_report("falling back to %s", accel->name);
            }
            return true;
        } else {
            failed = true;
        }
    }
    if (!failed && !invalid) {
        error_report("no accelerator found");
    }
    return false;
}

bool machine_init_accel(const CliConfig *config)
{
    const char *list = qdict_get_try_str(config->machine_opts, "accel");

    if (TAILQ_EMPTY(&config->accels)) {
        /* Machines without CPUs need no KVM. */
        const char *def = current_machine()->mc->default_cpu_model ? "kvm"
                                                                   : "qtest";

        return init_from_list(list ? list : def);
    }
    if (list) {
        error_report("The -accel and \"-machine accel=\" options are "
                     "incompatible");
        return false;
    }
    return init_from_options(config);
}
