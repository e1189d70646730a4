/*
 * Making objects, character devices, monitors, disks and devices from the
 * options that were collected.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/devices.h"
#include "block/block.h"
#include "block/drive.h"
#include "chardev/char.h"
#include "hw/core/qdev.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-block-core.h"
#include "qapi/qapi-commands-qom.h"
#include "util/error-report.h"

#include <stdlib.h>

/* Call @make for each item of @list with its place on the command line. */
static bool make_all(CliConfig *config, CliList *list,
                     bool (*make)(CliConfig *config, CliItem *item,
                                  Error **errp))
{
    CliItem *item;

    TAILQ_FOREACH(item, list, next) {
        Error *err = NULL;
        bool ok;

        loc_push_restore(&item->loc);
        ok = make(config, item, &err);
        if (err) {
            error_report_err(err);
        }
        loc_pop(&item->loc);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* A default, made as if it had been on the command line. */
static void add_default(CliList *list, const char *name, const char *arg)
{
    Location loc;

    loc_push_none(&loc);
    cli_item_new(list, name, arg);
    loc_pop(&loc);
}

void create_default_devices(CliConfig *config)
{
    bool serial = !config->has_serial && !config->nodefaults;
    bool monitor = !config->has_monitor && !config->nodefaults;

    if (config->nographic && serial && monitor) {
        add_default(&config->serials, "serial", "mon:stdio");
    } else if (config->nographic && serial) {
        add_default(&config->serials, "serial", "stdio");
    } else if (config->nographic && monitor) {
        add_default(&config->monitors, "monitor", "stdio");
    } else if (serial) {
        add_default(&config->serials, "serial", "vc");
    }
}

/* --- objects: like QEMU, messages do not name the option --- */

bool create_objects(CliConfig *config)
{
    CliItem *item;

    TAILQ_FOREACH(item, &config->objects, next) {
        Error *err = NULL;

        qmp_object_add(item->qapi, &err);
        qapi_free_ObjectOptions(item->qapi);
        item->qapi = NULL;
        if (err) {
            error_report_err(err);
            return false;
        }
    }
    return true;
}

/* --- character devices, monitors --- */

static bool make_chardev(CliConfig *config, CliItem *item, Error **errp)
{
    return qemu_chr_new_from_opts(item->opts, errp) != NULL;
}

bool create_chardevs(CliConfig *config)
{
    return make_all(config, &config->chardevs, make_chardev);
}

static bool make_monitor(CliConfig *config, CliItem *item, Error **errp)
{
    static int index; /* of compat_monitorN */
    bool hmp = g_str_equal(item->name, "monitor");

    if (g_str_equal(item->name, "mon")) {
        return monitor_init_opts(item->arg, errp);
    }
    return monitor_parse(item->arg, hmp ? "readline" : "control",
                         g_str_equal(item->name, "qmp-pretty"), index++, errp);
}

bool create_monitors(CliConfig *config)
{
    return make_all(config, &config->monitors, make_monitor);
}

/* --- disks --- */

static bool make_blockdev(CliConfig *config, CliItem *item, Error **errp)
{
    ERRP_GUARD();

    qmp_blockdev_add(item->qapi, errp);
    qapi_free_BlockdevOptions(item->qapi);
    item->qapi = NULL;
    return !*errp;
}

/* A disk image without an option, or -hda: @filename with its commas. */
static char *image_optstr(const char *filename)
{
    g_auto(GStrv) parts = g_strsplit(filename, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    return g_strdup_printf("index=0,media=disk,file=%s", escaped);
}

/* A -device that a -drive if=virtio stands for; its messages name -drive. */
static void add_drive_device(CliConfig *config, DriveInfo *dinfo)
{
    CliItem *device = cli_item_new(&config->devices, "device", NULL);

    device->opts = qobject_ref(dinfo->device_opts);
    dinfo->claimed = true;
}

static bool make_drive(CliConfig *config, CliItem *item, Error **errp)
{
    g_autofree char *optstr = g_str_equal(item->name, "drive")
                                  ? g_strdup(item->arg)
                                  : image_optstr(item->arg);
    BlockInterfaceType type = current_machine()->mc->default_cpu_model
                                  ? IF_IDE
                                  : IF_NONE;
    bool help = false;
    DriveInfo *dinfo = drive_add(optstr, type, &help, errp);

    if (help) {
        exit(0);
    }
    if (!dinfo) {
        return false;
    }
    if (dinfo->device_opts) {
        add_drive_device(config, dinfo);
    }
    return true;
}

bool create_disks(CliConfig *config)
{
    return make_all(config, &config->blockdevs, make_blockdev) &&
           make_all(config, &config->drives, make_drive);
}

/* --- devices --- */

static bool make_device(CliConfig *config, CliItem *item, Error **errp)
{
    return qdev_device_add_from_qdict(item->opts, item->from_json, errp) !=
           NULL;
}

bool create_devices(CliConfig *config)
{
    Error *err = NULL;

    if (!make_all(config, &config->devices, make_device)) {
        return false;
    }
    if (!drive_check_orphaned(&err)) {
        if (err) {
            error_report_err(err);
        }
        return false;
    }
    return true;
}
