/*
 * What the sub-commands of qemu-img share: options, opening images, numbers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/block-io.h"
#include "block/snapshot.h"
#include "qobject/keyval.h"
#include "qom/object.h"
#include "util/buffer.h"
#include "util/cutils.h"
#include "util/main-loop.h"

/* --- options --- */

int img_getopt(int argc, char **argv, const char *shortopts,
               const struct option *longopts)
{
    int c;

    opterr = 0;
    c = getopt_long(argc, argv, shortopts, longopts, NULL);
    switch (c) {
    case ':':
        img_usage_error("missing argument for option '%s'", argv[optind - 1]);
    case '?':
        img_usage_error("unrecognized option '%s'", argv[optind - 1]);
    case 'h':
        img_help();
    default:
        return c;
    }
}

void img_object_add(const char *optarg_text)
{
    user_creatable_process_cmdline(optarg_text);
}

bool img_output_is_json(const char *text)
{
    if (!strcmp(text, "json")) {
        return true;
    }
    if (!strcmp(text, "human")) {
        return false;
    }
    img_usage_error("--output must be used with human or json as argument.");
}

bool img_source_option(ImgSource *src, int c)
{
    switch (c) {
    case 'f':
        src->fmt = optarg;
        return true;
    case 'U':
        src->force_share = true;
        return true;
    case OPT_IMAGE_OPTS:
        src->image_opts = true;
        return true;
    case OPT_OBJECT:
        img_object_add(optarg);
        return true;
    case OPT_OUTPUT:
        src->json = img_output_is_json(optarg);
        return true;
    default:
        return false;
    }
}

const char *img_only_filename(int argc, char **argv)
{
    if (optind != argc - 1) {
        img_usage_error("Expecting one image file name");
    }
    return argv[optind];
}

/* Nothing may be left open at either end, or lists could not be joined. */
static bool is_list(const char *text)
{
    size_t len = strlen(text), commas = 0;

    if (len && text[0] == ',') {
        return false;
    }
    while (commas < len && text[len - 1 - commas] == ',') {
        commas++;
    }
    return !(commas & 1) && len;
}

bool img_add_options(char **options, const char *more)
{
    char *joined;

    if (!is_list(more)) {
        error_report("Invalid option list: %s", more);
        return false;
    }
    joined = *options ? g_strdup_printf("%s,%s", *options, more)
                      : g_strdup(more);
    g_free(*options);
    *options = joined;
    return true;
}

bool img_has_help_option(const char *options)
{
    const char *p = options;

    while (p && *p) {
        g_autofree char *value = NULL;

        p = get_opt_value(p, &value);
        if (!strcmp(value, "help") || !strcmp(value, "?")) {
            return true;
        }
        if (*p == ',') {
            p++;
        }
    }
    return false;
}

QDict *img_key_secrets(const char *options)
{
    QDict *dict = qdict_new();
    const char *p = options;

    while (p && *p) {
        g_autofree char *piece = NULL;
        char *value;

        p = get_opt_value(p, &piece);
        value = strchr(piece, '=');
        if (value) {
            *value++ = '\0';
            if (g_str_has_suffix(piece, "key-secret")) {
                qdict_put_str(dict, piece, value);
            }
        }
        if (*p == ',') {
            p++;
        }
    }
    return dict;
}

/* --- numbers --- */

int64_t img_cvtnum_full(const char *name, const char *text, int64_t min,
                        int64_t max)
{
    uint64_t value;
    int ret = qemu_strtosz(text, NULL, &value);

    if (ret < 0 && ret != -ERANGE) {
        error_report("Invalid %s specified: '%s'.", name, text);
        return ret;
    }
    if (ret == -ERANGE || value > (uint64_t)max || (int64_t)value < min) {
        error_report("Invalid %s specified. Must be between %" PRId64
                     " and %" PRId64 ".",
                     name, min, max);
        return -ERANGE;
    }
    return value;
}

int64_t img_cvtnum(const char *name, const char *text)
{
    return img_cvtnum_full(name, text, 0, INT64_MAX);
}

/* --- opening --- */

static BlockBackend *open_with(const char *filename, const char *open_name,
                               QDict *options, int flags, bool writethrough)
{
    Error *err = NULL;
    BlockBackend *blk = blk_new_open(open_name, NULL, options, flags, &err);

    if (!blk) {
        error_reportf_err(err, "Could not open '%s': ", filename);
        return NULL;
    }
    blk_set_enable_write_cache(blk, !writethrough);
    return blk;
}

static BlockBackend *open_opts(const char *text, int flags, bool writethrough,
                               bool force_share)
{
    Error *err = NULL;
    QDict *options = opts_parse(text, "file", NULL, &err);

    if (!options) {
        error_report_err(err);
        return NULL;
    }
    if (force_share) {
        const char *value = qdict_get_try_str(options, "force-share");
        bool on = true;

        if (value && parse_on_off(value, &on) && !on) {
            error_report("--force-share/-U conflicts with image options");
            qobject_unref(options);
            return NULL;
        }
        qdict_put_str(options, "force-share", "on");
    }
    return open_with(text, NULL, options, flags, writethrough);
}

BlockBackend *img_open_file(const char *filename, QDict *options,
                            const char *fmt, int flags, bool writethrough,
                            bool force_share)
{
    options = options ? options : qdict_new();
    if (fmt) {
        qdict_put_str(options, "driver", fmt);
    }
    if (force_share) {
        qdict_put_bool(options, "force-share", true);
    }
    return open_with(filename, filename, options, flags, writethrough);
}

BlockBackend *img_open(bool image_opts, const char *filename, const char *fmt,
                       int flags, bool writethrough, bool force_share)
{
    if (!image_opts) {
        return img_open_file(filename, NULL, fmt, flags, writethrough,
                             force_share);
    }
    if (fmt) {
        error_report("--image-opts and --format are mutually exclusive");
        return NULL;
    }
    return open_opts(filename, flags, writethrough, force_share);
}

/* --- what is where --- */

/* The image below @bs in the chain, if @ret says that it must be asked. */
static BlockDriverState *next_in_chain(BlockDriverState *bs, int ret)
{
    const int known = BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO;

    return ret < 0 || (ret & known) ? NULL : bdrv_backing_chain_next(bs);
}

int coroutine_fn img_co_block_status(BlockDriverState *bs, int64_t offset,
                                     int64_t bytes, int64_t *pnum, int64_t *map,
                                     BlockDriverState **file, int *depth)
{
    BlockDriverState *next;
    int levels = 0;
    int ret = bdrv_co_block_status(bs, offset, bytes, pnum, map, file);

    while ((next = next_in_chain(bs, ret))) {
        int64_t n = *pnum;

        bs = next;
        levels++;
        ret = bdrv_co_block_status(bs, offset, n, pnum, map, file);
        if (ret >= 0 && *pnum == 0) {
            /* Behind the end of a shorter backing file */
            *pnum = n;
            ret = BDRV_BLOCK_ZERO;
            break;
        }
    }
    if (depth) {
        *depth = levels;
    }
    return ret;
}

typedef struct Run {
    ImgCoEntry *entry;
    void *opaque;
    int ret;
    bool done;
} Run;

static void coroutine_fn run_entry(void *opaque)
{
    Run *r = opaque;

    r->ret = r->entry(r->opaque);
    r->done = true;
}

int img_run_co(ImgCoEntry *entry, void *opaque)
{
    Run r = { .entry = entry, .opaque = opaque };

    qemu_coroutine_enter(qemu_coroutine_create(run_entry, &r));
    while (!r.done) {
        main_loop_wait(false);
    }
    return r.ret;
}

bool img_load_snapshot(BlockBackend *blk, const char *text)
{
    static const char base[] = "snapshot.";
    g_autoptr(QDict) opts = NULL;
    const QDictEntry *e;
    Error *err = NULL;
    int ret;

    if (!g_str_has_prefix(text, base)) {
        ret = bdrv_snapshot_load_tmp_by_id_or_name(blk_bs(blk), text, &err);
    } else {
        opts = opts_parse(text, NULL, NULL, &err);
        QDICT_FOREACH(opts, e) {
            if (strcmp(qdict_entry_key(e), "snapshot.id") &&
                strcmp(qdict_entry_key(e), "snapshot.name")) {
                error_setg(&err, "Invalid parameter '%s'", qdict_entry_key(e));
                break;
            }
        }
        if (err) {
            error_report_err(err);
            error_report("Failed in parsing snapshot param '%s'", text);
            return false;
        }
        ret = bdrv_snapshot_load_tmp(
            blk_bs(blk), qdict_get_try_str(opts, "snapshot.id"),
            qdict_get_try_str(opts, "snapshot.name"), &err);
    }
    if (ret < 0) {
        error_reportf_err(err, "Failed to load snapshot: ");
    }
    return ret >= 0;
}

bool img_buffer_is_zero(const void *buf, size_t len)
{
    return buffer_is_zero(buf, len);
}
