/*
 * Options about the program and the run: names, files, start and stop, and
 * those that are accepted because they ask for what this build does anyway.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "system/help.h"
#include "system/runstate.h"
#include "hw/core/qdev.h"
#include "qapi/qapi-types-run-state.h"
#include "qapi/util.h"
#include "qobject/keyval.h"
#include "util/cutils.h"
#include "util/uuid.h"

#include <stdlib.h>

static bool opt_help(CliConfig *c, const char *arg, Error **errp)
{
    cli_print_help();
    exit(0);
}

static bool opt_version(CliConfig *c, const char *arg, Error **errp)
{
    cli_print_version();
    exit(0);
}

/* What the option asks for is so anyway. */
static bool opt_accept(CliConfig *c, const char *arg, Error **errp)
{
    return true;
}

static bool opt_name(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "guest", "process", "debug-threads",
                                         NULL };
    g_autoptr(QDict) opts = opts_parse(arg, "guest", NULL, errp);

    if (!opts || !cli_check_keys(opts, known, errp)) {
        return false;
    }
    g_free(c->vm_name);
    c->vm_name = g_strdup(qdict_get_try_str(opts, "guest"));
    return true;
}

static bool opt_uuid(CliConfig *c, const char *arg, Error **errp)
{
    QemuUUID uuid;

    if (qemu_uuid_parse(arg, &uuid) < 0) {
        error_setg(errp, "failed to parse UUID string: wrong format");
        return false;
    }
    qemu_uuid_unparse(&uuid, c->uuid);
    c->has_uuid = true;
    return true;
}

static bool opt_pidfile(CliConfig *c, const char *arg, Error **errp)
{
    c->pidfile = arg;
    return true;
}

static bool opt_daemonize(CliConfig *c, const char *arg, Error **errp)
{
    c->daemonize = true;
    return true;
}

static bool opt_stopped(CliConfig *c, const char *arg, Error **errp)
{
    c->stopped = true;
    return true;
}

static bool opt_no_reboot(CliConfig *c, const char *arg, Error **errp)
{
    RebootAction action = REBOOT_ACTION_SHUTDOWN;

    runstate_set_actions(&action, NULL, NULL);
    return true;
}

static bool opt_no_shutdown(CliConfig *c, const char *arg, Error **errp)
{
    ShutdownAction action = SHUTDOWN_ACTION_PAUSE;

    runstate_set_actions(NULL, &action, NULL);
    return true;
}

/* The value of @key in @lookup, or -1 if it is not given, -2 and @errp. */
static int action_value(const QDict *opts, const char *key,
                        const QEnumLookup *lookup, Error **errp)
{
    const char *value = qdict_get_try_str(opts, key);
    int n;

    if (!value) {
        return -1;
    }
    n = qapi_enum_parse(lookup, value, -1, NULL);
    if (n < 0) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'", key,
                   value);
        return -2;
    }
    return n;
}

static bool opt_action(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "reboot", "shutdown", "panic",
                                         "watchdog", NULL };
    g_autoptr(QDict) opts = opts_parse(arg, NULL, NULL, errp);
    int reboot, shutdown, panic, watchdog;
    RebootAction r;
    ShutdownAction s;
    PanicAction p;

    if (!opts || !cli_check_keys(opts, known, errp) ||
        (reboot = action_value(opts, "reboot", &RebootAction_lookup, errp)) <
            -1 ||
        (shutdown = action_value(opts, "shutdown", &ShutdownAction_lookup,
                                 errp)) < -1 ||
        (panic = action_value(opts, "panic", &PanicAction_lookup, errp)) < -1 ||
        (watchdog = action_value(opts, "watchdog", &WatchdogAction_lookup,
                                 errp)) < -1) {
        return false;
    }
    r = reboot;
    s = shutdown;
    p = panic;
    runstate_set_actions(reboot < 0 ? NULL : &r, shutdown < 0 ? NULL : &s,
                         panic < 0 ? NULL : &p);
    return true;
}

/* A key of @opts that is a boolean; false unless given. */
static bool get_bool(const QDict *opts, const char *key, bool *value,
                     Error **errp)
{
    const char *str = qdict_get_try_str(opts, key);

    *value = false;
    return !str || qapi_bool_parse(key, str, value, errp);
}

static bool opt_msg(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "timestamp", "guest-name", NULL };
    g_autoptr(QDict) opts = opts_parse(arg, NULL, NULL, errp);
    bool timestamp, guest_name;

    if (!opts || !cli_check_keys(opts, known, errp) ||
        !get_bool(opts, "timestamp", &timestamp, errp) ||
        !get_bool(opts, "guest-name", &guest_name, errp)) {
        return false;
    }
    error_report_set_timestamp(timestamp);
    if (guest_name) {
        error_report_set_guest_name(c->vm_name);
    }
    return true;
}

static bool opt_display(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_equal(arg, "help")) {
        printf("Available display backend types:\nnone\n");
        exit(0);
    }
    if (!g_str_equal(arg, "none")) {
        error_setg(errp, "Parameter 'type' does not accept value '%.*s'",
                   (int)strcspn(arg, ","), arg);
        return false;
    }
    c->display_none = true;
    return true;
}

static bool opt_vga(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "std",    "cirrus", "vmware", "qxl",
                                         "virtio", "cg3",    "tcx",    NULL };

    if (g_str_equal(arg, "none")) {
        return true;
    }
    loc_set_none();
    if (g_strv_contains(known, arg)) {
        error_setg(errp, "VGA type '%s' is not available in this build", arg);
    } else {
        error_setg(errp, "unknown vga type: %s", arg);
    }
    return false;
}

static bool opt_net(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_equal(arg, "none")) {
        return true;
    }
    error_setg(errp, "Parameter 'type' does not accept value '%.*s'",
               (int)strcspn(arg, ","), arg);
    return false;
}

static bool opt_nographic(CliConfig *c, const char *arg, Error **errp)
{
    qdict_put_str(c->machine_opts, "graphics", "off");
    c->nographic = true;
    return true;
}

static bool opt_nodefaults(CliConfig *c, const char *arg, Error **errp)
{
    c->nodefaults = true;
    return true;
}

static bool opt_parallel(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_equal(arg, "none") || g_str_equal(arg, "null")) {
        return true;
    }
    error_setg(errp, "this build has no parallel port");
    return false;
}

static bool opt_log(CliConfig *c, const char *arg, Error **errp)
{
    warn_report("this build has no such log items; ignored");
    return true;
}

static bool opt_logfile(CliConfig *c, const char *arg, Error **errp)
{
    c->logfile = arg;
    return true;
}

static bool opt_sandbox(CliConfig *c, const char *arg, Error **errp)
{
    if (g_str_has_prefix(arg, "off")) {
        return true;
    }
    error_setg(errp, "seccomp support is disabled");
    return false;
}

static bool opt_run_with(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "async-teardown", "chroot", "user",
                                         NULL };
    g_autoptr(QDict) opts = opts_parse(arg, NULL, NULL, errp);
    bool teardown;

    if (!opts || !cli_check_keys(opts, known, errp) ||
        !get_bool(opts, "async-teardown", &teardown, errp)) {
        return false;
    }
    if (teardown || qdict_haskey(opts, "chroot") ||
        qdict_haskey(opts, "user")) {
        error_setg(errp, "this build has async-teardown=off only");
        return false;
    }
    return true;
}

static bool opt_rtc(CliConfig *c, const char *arg, Error **errp)
{
    ERRP_GUARD();
    static const char *const known[] = { "base", "clock", "driftfix", NULL };
    g_autoptr(QDict) opts = opts_parse(arg, NULL, NULL, errp);
    const char *base;

    if (!opts || !cli_check_keys(opts, known, errp)) {
        return false;
    }
    base = qdict_get_try_str(opts, "base");
    if (base && !g_str_equal(base, "localtime") && !g_ascii_isdigit(base[0]) &&
        !g_str_equal(base, "utc")) {
        loc_set_none();
        error_setg(errp, "invalid datetime format");
        error_append_hint(errp, "valid formats: '2006-06-17T16:01:21' or "
                                "'2006-06-17'\n");
        return false;
    }
    if (base && !g_str_equal(base, "utc")) {
        error_setg(errp, "this build has base=utc only");
        return false;
    }
    return true;
}

/* driver.property=value, or with names for all three. */
static bool opt_global(CliConfig *c, const char *arg, Error **errp)
{
    static const char *const known[] = { "driver", "property", "value", NULL };
    g_autoptr(QDict) opts = NULL;
    g_auto(GStrv) parts = NULL;
    const char *dot = strchr(arg, '.');
    const char *equals = strchr(arg, '=');
    const char *driver, *property, *value;

    if (dot && equals && dot < equals) {
        g_autofree char *drv = g_strndup(arg, dot - arg);
        g_autofree char *prop = g_strndup(dot + 1, equals - dot - 1);

        qdev_register_global(drv, prop, equals + 1);
        return true;
    }
    opts = opts_parse(arg, NULL, NULL, errp);
    if (!opts || !cli_check_keys(opts, known, errp)) {
        return false;
    }
    driver = qdict_get_try_str(opts, "driver");
    property = qdict_get_try_str(opts, "property");
    value = qdict_get_try_str(opts, "value");
    if (!driver || !property || !value) {
        error_setg(errp, "options 'driver', 'property', and 'value'"
                         " are required");
        return false;
    }
    qdev_register_global(driver, property, value);
    return true;
}

const CliHandler cli_basic_handlers[] = {
    { "help", opt_help },
    { "h", opt_help },
    { "version", opt_version },
    { "name", opt_name },
    { "uuid", opt_uuid },
    { "pidfile", opt_pidfile },
    { "daemonize", opt_daemonize },
    { "S", opt_stopped },
    { "no-reboot", opt_no_reboot },
    { "no-shutdown", opt_no_shutdown },
    { "action", opt_action },
    { "msg", opt_msg },
    { "display", opt_display },
    { "vga", opt_vga },
    { "net", opt_net },
    { "nic", opt_net },
    { "nographic", opt_nographic },
    { "nodefaults", opt_nodefaults },
    { "parallel", opt_parallel },
    { "sandbox", opt_sandbox },
    { "rtc", opt_rtc },
    { "run-with", opt_run_with },
    { "global", opt_global },
    { "d", opt_log },
    { "D", opt_logfile },
    { "trace", opt_accept },
    { "no-user-config", opt_accept },
    { "k", opt_accept },
    { "L", opt_accept },
    { "overcommit", opt_accept },
    { NULL, NULL },
};
