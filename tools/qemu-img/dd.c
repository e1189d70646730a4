/*
 * qemu-img dd: copy blocks between images.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/block-driver.h"
#include "block/create.h"
#include "block/probe.h"
#include "util/memalign.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "format", required_argument, 0, 'f' },
    { "output-format", required_argument, 0, 'O' },
    { 0 },
};

typedef struct Dd {
    const char *in, *out, *fmt, *out_fmt;
    bool image_opts, force_share, has_count;
    int64_t bs, count, skip;
} Dd;

/* A plain number of blocks: no suffix. */
static bool parse_blocks(const char *name, const char *text, int64_t *value)
{
    if (*text && strspn(text, "-0123456789xXabcdefABCDEF") != strlen(text)) {
        error_report("Invalid %s specified: '%s'.", name, text);
        return false;
    }
    *value = img_cvtnum(name, text);
    return *value >= 0;
}

static bool parse_operand(Dd *dd, const char *arg)
{
    const char *eq = strchr(arg, '=');
    g_autofree char *name = g_strndup(arg, eq ? eq - arg : (int)strlen(arg));
    const char *value = eq ? eq + 1 : "";

    if (eq && !strcmp(name, "if")) {
        dd->in = value;
        return true;
    }
    if (eq && !strcmp(name, "of")) {
        dd->out = value;
        return true;
    }
    if (eq && !strcmp(name, "bs")) {
        dd->bs = img_cvtnum_full("bs", value, 1, INT_MAX);
        return dd->bs > 0;
    }
    if (eq && !strcmp(name, "count")) {
        dd->has_count = true;
        return parse_blocks("count", value, &dd->count);
    }
    if (eq && !strcmp(name, "skip")) {
        return parse_blocks("skip", value, &dd->skip);
    }
    error_report("unrecognized operand %s", name);
    return false;
}

static int copy(const Dd *dd, BlockBackend *in, BlockBackend *out, int64_t from,
                int64_t end)
{
    char *buf = qemu_memalign(4096, dd->bs);
    int64_t to = 0;
    int ret = 0;

    while (from < end && ret == 0) {
        int64_t n = MIN(dd->bs, end - from);

        ret = blk_pread(in, from, n, buf, 0);
        if (ret < 0) {
            error_report("error while reading from input image file: %s",
                         strerror(-ret));
            break;
        }
        ret = blk_pwrite(out, to, n, buf, 0);
        if (ret < 0) {
            error_report("error while writing to output image file: %s",
                         strerror(-ret));
        }
        from += n;
        to += n;
    }
    qemu_vfree(buf);
    return ret < 0;
}

static bool can_create(const Dd *dd, Error **errp)
{
    const BlockDriver *drv = bdrv_find_format(dd->out_fmt), *proto;

    if (!drv) {
        error_report("Unknown file format");
        return false;
    }
    proto = bdrv_find_protocol(dd->out, true, errp);
    if (!proto) {
        error_report_err(*errp);
        *errp = NULL;
        return false;
    }
    if (!drv->create_opts || !proto->create_opts) {
        const BlockDriver *bad = drv->create_opts ? proto : drv;

        error_report("%s driver '%s' does not support image creation",
                     bad == drv ? "Format" : "Protocol", bad->format_name);
        return false;
    }
    return true;
}

/* Where the input ends in bytes, with count= applied. */
static int64_t input_end(const Dd *dd, int64_t size)
{
    /* As QEMU counts: from the beginning of the input, what is skipped
     * included */
    if (dd->has_count && dd->count <= INT64_MAX / dd->bs) {
        return MIN(size, dd->count * dd->bs);
    }
    return size;
}

static int run(const Dd *dd)
{
    g_autoptr(BlockBackend) in = NULL;
    g_autoptr(BlockBackend) out = NULL;
    g_autoptr(QDict) opts = qdict_new();
    g_autofree char *size_text = NULL;
    int64_t size, end, from;
    Error *err = NULL;

    in = img_open(dd->image_opts, dd->in, dd->fmt, 0, false, dd->force_share);
    if (!in || !can_create(dd, &err)) {
        return 1;
    }
    size = blk_getlength(in);
    if (size < 0) {
        error_report("Failed to get size for '%s'", dd->in);
        return 1;
    }
    end = input_end(dd, size);
    from = dd->skip > INT64_MAX / dd->bs ? INT64_MAX : dd->skip * dd->bs;
    size_text = g_strdup_printf("%" PRId64, MAX(end - MIN(from, end), 0));
    qdict_put_str(opts, "size", size_text);
    if (bdrv_create(bdrv_find_format(dd->out_fmt), dd->out, opts, &err) < 0) {
        error_reportf_err(err,
                          "%s: error while creating output image: ", dd->out);
        return 1;
    }
    out = img_open_file(dd->out, NULL, dd->out_fmt, BDRV_O_RDWR, false, false);
    if (!out) {
        return 1;
    }
    if (from > end) {
        /* As dd(1) does: nothing is copied, and that is no failure */
        error_report("%s: cannot skip to specified offset", dd->in);
        return 0;
    }
    return copy(dd, in, out, from, end);
}

int img_dd(int argc, char **argv)
{
    Dd dd = { .bs = 512, .out_fmt = "raw" };
    int c;

    while ((c = img_getopt(argc, argv, ":f:O:hU", long_options)) != -1) {
        switch (c) {
        case 'f':
            dd.fmt = optarg;
            break;
        case 'O':
            dd.out_fmt = optarg;
            break;
        case 'U':
            dd.force_share = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            dd.image_opts = true;
            break;
        }
    }
    for (; optind < argc; optind++) {
        if (!parse_operand(&dd, argv[optind])) {
            return 1;
        }
    }
    if (!dd.in || !dd.out) {
        error_report("Must specify both input and output files");
        return 1;
    }
    return run(&dd);
}
