/*
 * "-o help" of the sub-commands that make images.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/create-help.h"

#include "block/block-driver.h"
#include "block/create.h"
#include "block/probe.h"
#include "util/error-report.h"

int img_print_create_help(const char *filename, const char *fmt)
{
    const BlockDriver *drv = bdrv_find_format(fmt), *proto = NULL;
    g_autofree BdrvCreateOpt *list = NULL;
    Error *err = NULL;

    if (!drv) {
        error_report("Unknown file format '%s'", fmt);
        return 1;
    }
    if (!drv->create_opts) {
        error_report("Format driver '%s' does not support image creation", fmt);
        return 1;
    }
    if (filename) {
        proto = bdrv_find_protocol(filename, true, &err);
        if (!proto) {
            error_report_err(err);
            return 1;
        }
        if (!proto->create_opts) {
            error_report("Protocol driver '%s' does not support image creation",
                         proto->format_name);
            return 1;
        }
    }
    list = bdrv_create_opts_merge(drv, proto);
    if (filename) {
        bdrv_create_opts_print_help(list, "Supported options");
    } else {
        g_autofree char *caption = g_strdup_printf("Supported %s options", fmt);

        bdrv_create_opts_print_help(list, caption);
        printf("\nThe protocol level may support further options.\n"
               "Specify the target filename to include those options.\n");
    }
    return 0;
}
