/*
 * qemu-img bitmap: add, remove and change persistent dirty bitmaps.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "qapi/qapi-commands-block-core.h"

enum {
    OPT_ADD = OPT_FIRST_FREE,
    OPT_REMOVE,
    OPT_CLEAR,
    OPT_ENABLE,
    OPT_DISABLE,
    OPT_MERGE,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "add", no_argument, 0, OPT_ADD },
    { "granularity", required_argument, 0, 'g' },
    { "remove", no_argument, 0, OPT_REMOVE },
    { "clear", no_argument, 0, OPT_CLEAR },
    { "enable", no_argument, 0, OPT_ENABLE },
    { "disable", no_argument, 0, OPT_DISABLE },
    { "merge", required_argument, 0, OPT_MERGE },
    { "source-file", required_argument, 0, 'b' },
    { "source-format", required_argument, 0, 'F' },
    { "format", required_argument, 0, 'f' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { 0 },
};

/* One of the things to do, in their order on the command line. */
typedef struct BitmapStep {
    int what; /* OPT_* */
    const char *source;
} BitmapStep;

typedef struct BitmapCmd {
    const char *filename, *fmt, *name;
    const char *src_filename, *src_fmt;
    bool image_opts;
    int64_t granularity; /* 0: default */
    GArray *steps;
} BitmapCmd;

static void add_bitmap(const BitmapCmd *o, const char *node, Error **errp)
{
    BlockDirtyBitmapAdd a = {
        .node = (char *)node,
        .name = (char *)o->name,
        .has_granularity = o->granularity,
        .granularity = o->granularity,
        .has_persistent = true,
        .persistent = true,
    };

    qmp_block_dirty_bitmap_add(&a, errp);
}

static void merge_bitmap(const BitmapCmd *o, const char *node,
                         const char *src_node, const char *src, Error **errp)
{
    BlockDirtyBitmapOrStr from = {
        .type = QTYPE_QDICT,
        .u.external.node = (char *)src_node,
        .u.external.name = (char *)src,
    };
    BlockDirtyBitmapOrStrList list = { .value = &from };
    BlockDirtyBitmapMerge m = {
        .node = (char *)node,
        .target = (char *)o->name,
        .bitmaps = &list,
    };

    qmp_block_dirty_bitmap_merge(&m, errp);
}

/* What failed, for the message. */
static const char *run_step(const BitmapCmd *o, const BitmapStep *step,
                            const char *node, const char *src_node,
                            Error **errp)
{
    BlockDirtyBitmap b = { .node = (char *)node, .name = (char *)o->name };

    switch (step->what) {
    case OPT_ADD:
        add_bitmap(o, node, errp);
        return "add";
    case OPT_REMOVE:
        qmp_block_dirty_bitmap_remove(&b, errp);
        return "remove";
    case OPT_CLEAR:
        qmp_block_dirty_bitmap_clear(&b, errp);
        return "clear";
    case OPT_ENABLE:
        qmp_block_dirty_bitmap_enable(&b, errp);
        return "enable";
    case OPT_DISABLE:
        qmp_block_dirty_bitmap_disable(&b, errp);
        return "disable";
    default:
        merge_bitmap(o, node, src_node, step->source, errp);
        return "merge";
    }
}

static int run_steps(const BitmapCmd *o)
{
    g_autoptr(BlockBackend) blk = NULL, src = NULL;
    const char *node, *src_node;

    blk = img_open(o->image_opts, o->filename, o->fmt, BDRV_O_RDWR, false,
                   false);
    if (!blk) {
        return 1;
    }
    node = src_node = bdrv_get_node_name(blk_bs(blk));
    if (o->src_filename) {
        src = img_open(false, o->src_filename, o->src_fmt, 0, false, false);
        if (!src) {
            return 1;
        }
        src_node = bdrv_get_node_name(blk_bs(src));
    }
    for (guint i = 0; i < o->steps->len; i++) {
        Error *err = NULL;
        const char *op = run_step(o, &g_array_index(o->steps, BitmapStep, i),
                                  node, src_node, &err);

        if (err) {
            error_reportf_err(err, "Operation %s on bitmap %s failed: ", op,
                              o->name);
            return 1;
        }
    }
    return 0;
}

static bool has_step(const BitmapCmd *o, int what)
{
    for (guint i = 0; i < o->steps->len; i++) {
        if (g_array_index(o->steps, BitmapStep, i).what == what) {
            return true;
        }
    }
    return false;
}

/* @nb_args: what is left behind the options. */
static bool check_arguments(const BitmapCmd *o, int nb_args)
{
    if (!o->steps->len) {
        error_report("Need at least one of --add, --remove, --clear, "
                     "--enable, --disable, or --merge");
        return false;
    }
    if (nb_args != 2) {
        error_report("Expecting filename and bitmap name");
        return false;
    }
    if (o->granularity && !has_step(o, OPT_ADD)) {
        error_report("granularity only supported with --add");
        return false;
    }
    if (o->src_fmt && !o->src_filename) {
        error_report("-F only supported with -b");
        return false;
    }
    if (o->src_filename && !has_step(o, OPT_MERGE)) {
        error_report("Merge bitmap source file only supported with --merge");
        return false;
    }
    return true;
}

static bool take_option(BitmapCmd *o, int c)
{
    BitmapStep step = { .what = c };

    switch (c) {
    case 'b':
        o->src_filename = optarg;
        break;
    case 'f':
        o->fmt = optarg;
        break;
    case 'F':
        o->src_fmt = optarg;
        break;
    case 'g':
        o->granularity = img_cvtnum("granularity", optarg);
        return o->granularity >= 0;
    case OPT_OBJECT:
        img_object_add(optarg);
        break;
    case OPT_IMAGE_OPTS:
        o->image_opts = true;
        break;
    default:
        step.source = c == OPT_MERGE ? optarg : NULL;
        g_array_append_val(o->steps, step);
    }
    return true;
}

int img_bitmap(int argc, char **argv)
{
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(BitmapStep));
    BitmapCmd o = { .steps = steps };
    int c;

    while ((c = img_getopt(argc, argv, ":hb:f:F:g:", long_options)) != -1) {
        if (!take_option(&o, c)) {
            return 1;
        }
    }
    if (!check_arguments(&o, argc - optind)) {
        return 1;
    }
    o.filename = argv[optind];
    o.name = argv[optind + 1];
    return run_steps(&o);
}
