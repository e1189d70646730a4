/*
 * Options that make things: objects, character devices, monitors, disks,
 * devices.  Here they are only parsed; system/devices.c makes them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "chardev/char.h"
#include "hw/core/qdev.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qapi-visit-qom.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/keyval.h"
#include "block/drive.h"
#include "block/opts.h"
#include "util/cutils.h"
#include "util/fdset.h"

#include <stdio.h>
#include <stdlib.h>

static bool check_id(const CliList *list, const char *id, const char *what,
                     Error **errp)
{
    ERRP_GUARD();
    const CliItem *item;

    if (!id) {
        return true;
    }
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, "
                                "'-', '.', '_', starting with a letter.\n");
        return false;
    }
    TAILQ_FOREACH(item, list, next) {
        if (item->opts &&
            g_strcmp0(qdict_get_try_str(item->opts, "id"), id) == 0) {
            error_setg(errp, "Duplicate ID '%s' for %s", id, what);
            return false;
        }
    }
    return true;
}

/* --- -object --- */

static bool object_help(const QDict *opts, Error **errp)
{
    const char *type = qdict_get_try_str(opts, "qom-type");

    if (!user_creatable_print_help(type)) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'",
                   type);
        return false;
    }
    exit(0);
}

/*
 * @err in the words that QEMU has for -object without JSON, whose parser is
 * another one there.
 */
static Error *legacy_object_error(Error *err)
{
    static const char *const words[][4] = {
        /* prefix and suffix, for prefix and suffix */
        { "Parameter '", "' is unexpected", "Invalid parameter '", "'" },
        { "Parameter '", "' expects integer", "Parameter '",
          "' expects an int64 value" },
    };
    const char *text = error_get_pretty(err);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_has_prefix(text, words[i][0]) &&
            g_str_has_suffix(text, words[i][1])) {
            size_t skip = strlen(words[i][0]);
            int len = strlen(text) - skip - strlen(words[i][1]);
            Error *other = NULL;

            error_setg(&other, "%s%.*s%s", words[i][2], len, text + skip,
                       words[i][3]);
            error_free(err);
            return other;
        }
    }
    return err;
}

static void free_object_options(void *qapi)
{
    qapi_free_ObjectOptions(qapi);
}

static bool opt_object(CliConfig *c, const char *arg, Error **errp)
{
    bool help = false, is_json = false;
    g_autoptr(QDict)
        opts = keyval_or_json_parse(arg, "qom-type", &help, &is_json, errp);
    ObjectOptions *options;
    Error *err = NULL;
    CliItem *item;
    Visitor *v;

    if (!opts) {
        return false;
    }
    if (help || g_strcmp0(qdict_get_try_str(opts, "qom-type"), "help") == 0) {
        if (!help) {
            qdict_del(opts, "qom-type");
        }
        return object_help(opts, errp);
    }
    v = is_json ? qobject_input_visitor_new(QOBJECT(opts))
                : qobject_input_visitor_new_keyval(QOBJECT(opts));
    visit_type_ObjectOptions(v, NULL, &options, &err);
    visit_free(v);
    if (!options) {
        error_propagate(errp, is_json ? err : legacy_object_error(err));
        return false;
    }
    if (!check_id(&c->objects, options->id, "object", errp)) {
        qapi_free_ObjectOptions(options);
        return false;
    }
    item = cli_item_new(&c->objects, "object", arg);
    item->opts = g_steal_pointer(&opts);
    item->from_json = is_json;
    item->qapi = options;
    item->qapi_free = free_object_options;
    return true;
}

/* --- -device --- */

static bool opt_device(CliConfig *c, const char *arg, Error **errp)
{
    bool help = false, is_json = arg[0] == '{';
    g_autoptr(QDict)
        opts = is_json ? keyval_or_json_parse(arg, NULL, NULL, &is_json, errp)
                       : opts_parse(arg, "driver", &help, errp);
    const char *driver;
    CliItem *item;

    if (!opts) {
        return false;
    }
    driver = qdict_get_try_str(opts, "driver");
    if (help || g_strcmp0(driver, "help") == 0 || g_strcmp0(driver, "?") == 0) {
        exit(qdev_device_help(help ? driver : NULL) && !driver);
    }
    if (!is_json &&
        !check_id(&c->devices, qdict_get_try_str(opts, "id"), "device", errp)) {
        return false;
    }
    item = cli_item_new(&c->devices, "device", arg);
    item->opts = g_steal_pointer(&opts);
    item->from_json = is_json;
    return true;
}

/* --- disks --- */

static void free_blockdev_options(void *qapi)
{
    qapi_free_BlockdevOptions(qapi);
}

static bool opt_blockdev(CliConfig *c, const char *arg, Error **errp)
{
    Visitor *v = qobject_input_visitor_new_str(arg, "driver", errp);
    BlockdevOptions *options;
    CliItem *item;

    if (!v) {
        return false;
    }
    visit_type_BlockdevOptions(v, NULL, &options, errp);
    visit_free(v);
    if (!options) {
        return false;
    }
    item = cli_item_new(&c->blockdevs, "blockdev", arg);
    item->qapi = options;
    item->qapi_free = free_blockdev_options;
    return true;
}

static bool opt_drive(CliConfig *c, const char *arg, Error **errp)
{
    cli_item_new(&c->drives, "drive", arg);
    return true;
}

static bool opt_snapshot(CliConfig *c, const char *arg, Error **errp)
{
    drive_set_snapshot();
    return true;
}

static bool opt_image(CliConfig *c, const char *arg, Error **errp)
{
    cli_item_new(&c->drives, "hda", arg);
    return true;
}

/* --- -set: change what an earlier option said --- */

static bool opt_set(CliConfig *c, const char *arg, Error **errp)
{
    char group[64], id[64], key[64];
    int value = 0;
    CliList *list;
    CliItem *item;

    if (sscanf(arg, "%63[^.].%63[^.].%63[^=]%n", group, id, key, &value) < 3 ||
        arg[value] != '=') {
        error_setg(errp, "can't parse: \"%s\"", arg);
        return false;
    }
    if (g_str_equal(group, "device")) {
        list = &c->devices;
    } else if (g_str_equal(group, "chardev")) {
        list = &c->chardevs;
    } else {
        error_setg(errp, "There is no option group '%s'", group);
        return false;
    }
    TAILQ_FOREACH(item, list, next) {
        const char *item_id = qdict_get_try_str(item->opts, "id");

        if (g_strcmp0(item_id, id) == 0) {
            qdict_put_str(item->opts, key, arg + value + 1);
            return true;
        }
    }
    error_setg(errp, "there is no %s \"%s\" defined", group, id);
    return false;
}

/* --- character devices and monitors --- */

static bool opt_chardev(CliConfig *c, const char *arg, Error **errp)
{
    bool help = false;
    g_autoptr(QDict) opts = opts_parse(arg, "backend", &help, errp);
    const char *backend;
    CliItem *item;

    if (!opts) {
        return false;
    }
    backend = qdict_get_try_str(opts, "backend");
    if (help || g_strcmp0(backend, "help") == 0) {
        qemu_chr_print_types();
        exit(0);
    }
    if (!check_id(&c->chardevs, qdict_get_try_str(opts, "id"), "chardev",
                  errp)) {
        return false;
    }
    item = cli_item_new(&c->chardevs, "chardev", arg);
    item->opts = g_steal_pointer(&opts);
    return true;
}

static bool opt_serial(CliConfig *c, const char *arg, Error **errp)
{
    cli_item_new(&c->serials, "serial", arg);
    c->has_serial = true;
    if (g_str_has_prefix(arg, "mon:")) {
        c->has_monitor = true;
    }
    return true;
}

static bool opt_debugcon(CliConfig *c, const char *arg, Error **errp)
{
    c->debugcon = g_str_equal(arg, "none") ? NULL : arg;
    return true;
}

static bool add_monitor(CliConfig *c, const char *name, const char *arg)
{
    cli_item_new(&c->monitors, name, arg);
    return true;
}

static bool opt_monitor(CliConfig *c, const char *arg, Error **errp)
{
    c->has_monitor = true;
    return g_str_equal(arg, "none") || add_monitor(c, "monitor", arg);
}

static bool opt_qmp(CliConfig *c, const char *arg, Error **errp)
{
    c->has_monitor = true;
    return add_monitor(c, "qmp", arg);
}

static bool opt_qmp_pretty(CliConfig *c, const char *arg, Error **errp)
{
    c->has_monitor = true;
    return add_monitor(c, "qmp-pretty", arg);
}

static bool opt_mon(CliConfig *c, const char *arg, Error **errp)
{
    c->has_monitor = true;
    return add_monitor(c, "mon", arg);
}

/* --- -add-fd: at once, so that -blockdev can name the set --- */

static bool take_fd_number(QDict *opts, const char *key, int64_t *value,
                           Error **errp)
{
    uint64_t number = UINT64_MAX;

    if (!bdrv_take_number(opts, key, &number, errp)) {
        return false;
    }
    if (number > INT_MAX) {
        error_setg(errp, "%s option is required and must be non-negative", key);
        return false;
    }
    *value = number;
    return true;
}

static bool opt_add_fd(CliConfig *c, const char *arg, Error **errp)
{
    g_autoptr(QDict) opts = opts_parse(arg, NULL, NULL, errp);
    g_autofree char *opaque = NULL;
    int64_t fd, set;
    int flags, copy;

    if (!opts || !take_fd_number(opts, "fd", &fd, errp)) {
        return false;
    }
    if (fd <= STDERR_FILENO) {
        error_setg(errp, "fd cannot be a standard I/O stream");
        return false;
    }
    /* What we have opened ourselves is closed on exec */
    flags = fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC)) {
        error_setg(errp, "fd is not valid or already in use");
        return false;
    }
    if (!take_fd_number(opts, "set", &set, errp)) {
        return false;
    }
    opaque = bdrv_take_str(opts, "opaque");
    if (qdict_size(opts)) {
        error_setg(errp, "Invalid parameter '%s'", qdict_first(opts)->key);
        return false;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        error_setg(errp, "error duplicating fd: %s", strerror(errno));
        return false;
    }
    fdset_add(copy, &set, opaque, &error_abort);
    return true;
}

const CliHandler cli_device_handlers[] = {
    { "add-fd", opt_add_fd },     { "object", opt_object },
    { "device", opt_device },     { "blockdev", opt_blockdev },
    { "drive", opt_drive },       { "snapshot", opt_snapshot },
    { "set", opt_set },           { "hda", opt_image },
    { "chardev", opt_chardev },   { "serial", opt_serial },
    { "debugcon", opt_debugcon }, { "monitor", opt_monitor },
    { "qmp", opt_qmp },           { "qmp-pretty", opt_qmp_pretty },
    { "mon", opt_mon },           { NULL, NULL },
};
