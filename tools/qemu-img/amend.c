/*
 * qemu-img amend: change the options of an image that is there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/block-driver.h"
#include "block/create.h"
#include "block/probe.h"

enum {
    OPT_FORCE = OPT_FIRST_FREE,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force", no_argument, 0, OPT_FORCE },
    { 0 },
};

typedef struct Amend {
    char *options;
    const char *fmt, *cache;
    bool image_opts, progress, quiet, force;
} Amend;

static int no_amendment(const char *fmt)
{
    error_report("Format driver '%s' does not support option amendment", fmt);
    return 1;
}

static int print_help(const char *fmt)
{
    g_autofree char *caption = g_strdup_printf("Amend options for '%s'", fmt);
    const BlockDriver *drv = bdrv_find_format(fmt);

    if (!drv) {
        error_report("Unknown file format '%s'", fmt);
        return 1;
    }
    if (!drv->bdrv_amend_options) {
        return no_amendment(fmt);
    }
    bdrv_create_opts_print_help(drv->amend_opts, caption);
    return 0;
}

static void show_status(BlockDriverState *bs, int64_t offset, int64_t total,
                        void *opaque)
{
    img_progress_print(100.f * offset / MAX(total, 1), 0);
}

static bool parse_options(const BlockDriver *drv, const char *text, QDict *opts)
{
    g_autofree BdrvCreateOpt *create = bdrv_create_opts_merge(drv, NULL);
    g_autoptr(QDict) other = qdict_new();
    Error *err = NULL;

    if (bdrv_create_opts_parse(opts, text, drv->amend_opts, &err)) {
        return true;
    }
    if (bdrv_create_opts_parse(other, text, create, NULL)) {
        error_append_hint(&err,
                          "This option is only supported for image creation\n");
    }
    error_report_err(err);
    return false;
}

static int amend_image(const Amend *a, BlockBackend *blk)
{
    BlockDriverState *bs = blk_bs(blk);
    const BlockDriver *drv = bdrv_find_format(bdrv_get_format_name(bs));
    g_autoptr(QDict) opts = qdict_new();
    Error *err = NULL;
    int ret;

    if (img_has_help_option(a->options)) {
        return print_help(bdrv_get_format_name(bs));
    }
    if (!drv || !drv->bdrv_amend_options) {
        return no_amendment(bdrv_get_format_name(bs));
    }
    if (!parse_options(drv, a->options, opts)) {
        return 1;
    }
    img_progress_print(0, 0);
    ret = bdrv_amend_options(bs, opts, show_status, NULL, a->force, &err);
    img_progress_print(100, 0);
    if (ret < 0) {
        error_report_err(err);
        return 1;
    }
    return 0;
}

static int amend_file(const Amend *a, const char *filename)
{
    g_autoptr(BlockBackend) blk = NULL;
    int flags = BDRV_O_RDWR | BDRV_O_RESIZE;
    bool writethrough;
    int status = 1;

    if (bdrv_parse_cache_mode(a->cache, &flags, &writethrough) < 0) {
        error_report("Invalid cache option: %s", a->cache);
        return 1;
    }
    img_progress_init(a->progress && !a->quiet, 1.0);
    blk = img_open(a->image_opts, filename, a->fmt, flags, writethrough, false);
    if (blk) {
        status = amend_image(a, blk);
    }
    img_progress_end();
    return status;
}

int img_amend(int argc, char **argv)
{
    Amend a = { .cache = IMG_DEFAULT_CACHE };
    int c, status;

    while ((c = img_getopt(argc, argv, ":ho:f:t:pq", long_options)) != -1) {
        switch (c) {
        case 'h':
            img_help();
        case 'o':
            if (!img_add_options(&a.options, optarg)) {
                return 1;
            }
            break;
        case 'f':
            a.fmt = optarg;
            break;
        case 't':
            a.cache = optarg;
            break;
        case 'p':
            a.progress = true;
            break;
        case 'q':
            a.quiet = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            a.image_opts = true;
            break;
        case OPT_FORCE:
            a.force = true;
            break;
        }
    }
    if (!a.options) {
        img_usage_error("Must specify options (-o)");
    }
    if (a.fmt && img_has_help_option(a.options)) {
        /* No image is needed for that */
        status = print_help(a.fmt);
    } else if (optind != argc - 1) {
        error_report("Expecting one image file name");
        status = 1;
    } else {
        status = amend_file(&a, argv[optind]);
    }
    g_free(a.options);
    return status;
}
