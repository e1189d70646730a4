/*
 * qemu-img measure: how much space an image would take.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/create.h"
#include "block/block-driver.h"
#include "block/probe.h"

enum {
    OPT_SIZE = OPT_FIRST_FREE,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "object", required_argument, 0, OPT_OBJECT },
    { "output", required_argument, 0, OPT_OUTPUT },
    { "size", required_argument, 0, OPT_SIZE },
    { "force-share", no_argument, 0, 'U' },
    { "format", required_argument, 0, 'f' },
    { "target-format", required_argument, 0, 'O' },
    { "options", required_argument, 0, 'o' },
    { "snapshot", required_argument, 0, 'l' },
    { 0 },
};

typedef struct MeasureOpts {
    const char *fmt, *out_fmt, *snapshot, *filename;
    char *options;
    bool image_opts, force_share, json;
    int64_t size;
} MeasureOpts;

/* The target's options, checked; NULL after a message. */
static QDict *target_options(const MeasureOpts *o, const BlockDriver *drv)
{
    g_autofree BdrvCreateOpt *list = NULL;
    QDict *opts = qdict_new();
    Error *err = NULL;

    list = bdrv_create_opts_merge(drv, bdrv_find_format("file"));
    if (o->options && !bdrv_create_opts_parse(opts, o->options, list, &err)) {
        error_report_err(err);
        error_report("Invalid options for file format '%s'", o->out_fmt);
        qobject_unref(opts);
        return NULL;
    }
    return opts;
}

static void print_info(const BdrvMeasureInfo *info, bool json)
{
    if (!json) {
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64
               "\n",
               info->required, info->fully_allocated);
        if (info->has_bitmaps) {
            printf("bitmaps size: %" PRIu64 "\n", info->bitmaps);
        }
        return;
    }
    printf("{\n");
    if (info->has_bitmaps) {
        printf("    \"bitmaps\": %" PRIu64 ",\n", info->bitmaps);
    }
    printf("    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64
           "\n}\n",
           info->required, info->fully_allocated);
}

static int measure(const MeasureOpts *o)
{
    const BlockDriver *drv = bdrv_find_format(o->out_fmt);
    g_autoptr(BlockBackend) blk = NULL;
    g_autoptr(QDict) opts = NULL;
    BdrvMeasureInfo info = { 0 };
    int64_t size = o->size;
    Error *err = NULL;

    if (o->filename) {
        blk = img_open(o->image_opts, o->filename, o->fmt, BDRV_O_ONE_PASS,
                       false, o->force_share);
        if (!blk || (o->snapshot && !img_load_snapshot(blk, o->snapshot))) {
            return 1;
        }
    }
    if (!drv) {
        error_report("Unknown file format '%s'", o->out_fmt);
        return 1;
    }
    if (!drv->create_opts) {
        error_report("Format driver '%s' does not support image creation",
                     o->out_fmt);
        return 1;
    }
    opts = target_options(o, drv);
    if (!opts) {
        return 1;
    }
    if (!drv->bdrv_measure) {
        error_report("Block driver '%s' does not support size measurement",
                     o->out_fmt);
        return 1;
    }
    size = QEMU_ALIGN_UP(blk ? blk_getlength(blk) : size, BDRV_SECTOR_SIZE);
    if (!drv->bdrv_measure(opts, blk ? blk_bs(blk) : NULL, size, &info, &err)) {
        error_report_err(err);
        return 1;
    }
    print_info(&info, o->json);
    return 0;
}

static int check_arguments(const MeasureOpts *o)
{
    if (!o->filename && (o->image_opts || o->fmt || o->snapshot)) {
        error_report("--image-opts, -f, and -l require a filename argument.");
        return 1;
    }
    if (!o->filename && o->size == -1) {
        error_report("Either --size N or one filename must be specified.");
        return 1;
    }
    if (o->filename && o->size != -1) {
        error_report("--size N cannot be used together with a filename.");
        return 1;
    }
    return 0;
}

static int parse_and_measure(MeasureOpts *o, int argc, char **argv)
{
    int c;

    while ((c = img_getopt(argc, argv, ":hf:l:o:O:U", long_options)) != -1) {
        switch (c) {
        case 'f':
            o->fmt = optarg;
            break;
        case 'l':
            o->snapshot = optarg;
            break;
        case 'o':
            if (!img_add_options(&o->options, optarg)) {
                return 1;
            }
            break;
        case 'O':
            o->out_fmt = optarg;
            break;
        case 'U':
            o->force_share = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            o->image_opts = true;
            break;
        case OPT_OUTPUT:
            o->json = img_output_is_json(optarg);
            break;
        case OPT_SIZE:
            o->size = img_cvtnum("image size", optarg);
            if (o->size < 0) {
                return 1;
            }
            break;
        }
    }
    if (argc - optind > 1) {
        error_report("At most one filename argument is allowed.");
        return 1;
    }
    o->filename = optind < argc ? argv[optind] : NULL;
    return check_arguments(o) || measure(o);
}

int img_measure(int argc, char **argv)
{
    MeasureOpts o = { .out_fmt = "raw", .size = -1 };
    int ret = parse_and_measure(&o, argc, argv);

    g_free(o.options);
    return ret;
}
