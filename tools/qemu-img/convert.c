/*
 * qemu-img convert: options, sources and target. The copying is in
 * convert-copy.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/convert.h"
#include "tools/qemu-img/create-help.h"

#include "block/block-driver.h"
#include "block/create.h"
#include "block/dirty-bitmap.h"
#include "block/probe.h"
#include "util/cutils.h"

enum {
    OPT_TARGET_IMAGE_OPTS = OPT_FIRST_FREE,
    OPT_TARGET_IS_ZERO,
    OPT_SALVAGE,
    OPT_BITMAPS,
    OPT_SKIP_BROKEN,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "target-image-opts", no_argument, 0, OPT_TARGET_IMAGE_OPTS },
    { "target-is-zero", no_argument, 0, OPT_TARGET_IS_ZERO },
    { "salvage", no_argument, 0, OPT_SALVAGE },
    { "bitmaps", no_argument, 0, OPT_BITMAPS },
    { "skip-broken-bitmaps", no_argument, 0, OPT_SKIP_BROKEN },
    { "rate-limit", required_argument, 0, 'r' },
    { "source-format", required_argument, 0, 'f' },
    { "source-cache", required_argument, 0, 'T' },
    { "snapshot", required_argument, 0, 'l' },
    { "sparse-size", required_argument, 0, 'S' },
    { "target-format", required_argument, 0, 'O' },
    { "target-cache", required_argument, 0, 't' },
    { "backing", required_argument, 0, 'B' },
    { "backing-format", required_argument, 0, 'F' },
    { "no-create", no_argument, 0, 'n' },
    { "options", required_argument, 0, 'o' },
    { "compress", no_argument, 0, 'c' },
    { "copy-range-offloading", no_argument, 0, 'C' },
    { "parallel", required_argument, 0, 'm' },
    { "oob", no_argument, 0, 'W' },
    { "progress", no_argument, 0, 'p' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

typedef struct Convert {
    ConvertState state;
    const char *fmt, *out_fmt, *out, *snapshot, *base, *base_fmt;
    const char *cache, *src_cache;
    char *options;
    bool image_opts, target_image_opts, target_is_zero, force_share;
    bool skip_create, compress, offload, bitmaps, skip_broken, progress;
    bool explicit_sparse;
} Convert;

/* --- options --- */

static bool parse_sparse(Convert *cv)
{
    const int64_t max = 16 * 1024 * 1024;
    uint64_t value;
    int ret = qemu_strtosz(optarg, NULL, &value);

    if (ret < 0) {
        error_report("Invalid buffer size for sparse output specified: '%s'.",
                     optarg);
        return false;
    }
    if (value > (uint64_t)max || value % BDRV_SECTOR_SIZE) {
        error_report("Invalid buffer size for sparse output specified. Valid "
                     "sizes are multiples of %d up to %" PRId64
                     ". Select 0 to disable sparse detection (fully allocates "
                     "output).",
                     BDRV_SECTOR_SIZE, max);
        return false;
    }
    cv->state.min_sparse = value;
    cv->explicit_sparse = true;
    return true;
}

static bool parse_coroutines(Convert *cv)
{
    unsigned long value;

    if (qemu_strtoul(optarg, NULL, 0, &value) < 0) {
        error_report("Invalid number of coroutines specified: '%s'.", optarg);
        return false;
    }
    if (value < 1 || value > CONVERT_MAX_COROUTINES) {
        error_report("Invalid number of coroutines specified. Must be between "
                     "1 and %d.",
                     CONVERT_MAX_COROUTINES);
        return false;
    }
    cv->state.n_coroutines = value;
    return true;
}

static bool parse_flag(Convert *cv, int c)
{
    switch (c) {
    case 'C':
        cv->offload = cv->state.copy_range = true;
        break;
    case 'c':
        cv->compress = true;
        break;
    case 'n':
        cv->skip_create = true;
        break;
    case 'p':
        cv->progress = true;
        break;
    case 'q':
        cv->state.quiet = true;
        break;
    case 'U':
        cv->force_share = true;
        break;
    case 'W':
        cv->state.out_of_order = true;
        break;
    case OPT_IMAGE_OPTS:
        cv->image_opts = true;
        break;
    case OPT_TARGET_IMAGE_OPTS:
        cv->target_image_opts = true;
        break;
    case OPT_TARGET_IS_ZERO:
        cv->target_is_zero = true;
        break;
    case OPT_SALVAGE:
        cv->state.salvage = true;
        break;
    case OPT_BITMAPS:
        cv->bitmaps = true;
        break;
    case OPT_SKIP_BROKEN:
        cv->skip_broken = true;
        break;
    default:
        return false;
    }
    return true;
}

static bool parse_value(Convert *cv, int c)
{
    switch (c) {
    case 'f':
        cv->fmt = optarg;
        break;
    case 'O':
        cv->out_fmt = optarg;
        break;
    case 'B':
        cv->base = optarg;
        break;
    case 'F':
        cv->base_fmt = optarg;
        break;
    case 'o':
        return img_add_options(&cv->options, optarg);
    case 'l':
        cv->snapshot = optarg;
        break;
    case 'S':
        return parse_sparse(cv);
    case 't':
        cv->cache = optarg;
        break;
    case 'T':
        cv->src_cache = optarg;
        break;
    case 'm':
        return parse_coroutines(cv);
    case 'r':
        cv->state.rate_limit = img_cvtnum("rate limit", optarg);
        return cv->state.rate_limit >= 0;
    case OPT_OBJECT:
        img_object_add(optarg);
        break;
    }
    return true;
}

/* A message for options that contradict each other, or NULL. */
static const char *find_conflict(const Convert *cv)
{
    if (cv->skip_broken && !cv->bitmaps) {
        return "Use of --skip-broken-bitmaps requires --bitmaps";
    }
    if (cv->offload && cv->compress) {
        return "Cannot enable copy offloading when -c is used";
    }
    if (cv->offload && cv->explicit_sparse) {
        return "Cannot enable copy offloading when -S is used";
    }
    if (cv->offload && cv->state.salvage) {
        return "Cannot use copy offloading in salvaging mode";
    }
    if (cv->target_image_opts && !cv->skip_create) {
        return "--target-image-opts requires use of -n flag";
    }
    if (cv->skip_create && cv->options) {
        return "-o has no effect when skipping image creation";
    }
    if (cv->target_is_zero && !cv->skip_create) {
        return "--target-is-zero requires use of -n flag";
    }
    return NULL;
}

/* --- sources --- */

static bool open_sources(Convert *cv, char **names, int n)
{
    ConvertState *s = &cv->state;
    bool writethrough;
    /* Nobody may write to it meanwhile, this program neither: so it cannot be
     * the target as well */
    int flags = cv->force_share ? 0 : BDRV_O_NO_SHARE;

    if (bdrv_parse_cache_mode(cv->src_cache, &flags, &writethrough) < 0) {
        error_report("Invalid source cache option: %s", cv->src_cache);
        return false;
    }
    flags |= BDRV_O_ONE_PASS;
    s->src = g_new0(ConvertSource, n);
    s->n_src = n;
    for (int i = 0; i < n; i++) {
        ConvertSource *src = &s->src[i];

        src->filename = names[i];
        src->blk = img_open(cv->image_opts, names[i], cv->fmt, flags,
                            writethrough, cv->force_share);
        if (!src->blk) {
            return false;
        }
        src->begin = s->total;
        src->size = blk_getlength(src->blk);
        if (src->size < 0) {
            error_report("Could not get size of %s: %s", names[i],
                         strerror(-src->size));
            return false;
        }
        s->total += src->size;
    }
    s->progress = cv->progress && !s->quiet;
    if (cv->snapshot && n > 1) {
        error_report("No support for concatenating multiple snapshot");
        return false;
    }
    if (cv->snapshot && !img_load_snapshot(s->src[0].blk, cv->snapshot)) {
        return false;
    }
    return true;
}

/* --- target --- */

static bool has_opt(const BdrvCreateOpt *list, const char *name)
{
    for (; list->name; list++) {
        if (!strcmp(list->name, name)) {
            return true;
        }
    }
    return false;
}

/* Options of the target, checked; NULL after a message. */
static QDict *target_options(const Convert *cv, const BlockDriver *drv)
{
    const BlockDriver *proto;
    g_autofree BdrvCreateOpt *list = NULL;
    g_autoptr(QDict) opts = qdict_new();
    Error *err = NULL;

    proto = bdrv_find_protocol(cv->out, true, &err);
    if (!proto) {
        error_report_err(err);
        return NULL;
    }
    if (!drv->create_opts || !proto->create_opts) {
        error_report("%s driver '%s' does not support image creation",
                     drv->create_opts ? "Protocol" : "Format",
                     drv->create_opts ? proto->format_name : drv->format_name);
        return NULL;
    }
    list = bdrv_create_opts_merge(drv, proto);
    if (cv->options && !bdrv_create_opts_parse(opts, cv->options, list, &err)) {
        error_report_err(err);
        return NULL;
    }
    if (cv->base && !has_opt(list, "backing_file")) {
        error_report("Backing file not supported for file format '%s'",
                     cv->out_fmt);
        return NULL;
    }
    if (cv->base_fmt && !has_opt(list, "backing_fmt")) {
        error_report("Backing file format not supported for file format '%s'",
                     cv->out_fmt);
        return NULL;
    }
    if (cv->base) {
        qdict_put_str(opts, "backing_file", cv->base);
    }
    if (cv->base_fmt) {
        qdict_put_str(opts, "backing_fmt", cv->base_fmt);
    }
    g_autofree char *size = g_strdup_printf("%" PRId64, cv->state.total);

    /* Whatever -o says: it is a copy */
    qdict_put_str(opts, "size", size);
    return g_steal_pointer(&opts);
}

/* What the target will stand on; looks only, nothing is made yet. */
static bool check_backing(Convert *cv, const QDict *opts)
{
    const char *base = qdict_get_try_str(opts, "backing_file");
    Error *err = NULL;
    QDict *options;
    BlockDriverState *bs;
    g_autofree char *path = NULL;

    if (!base) {
        return true;
    }
    if (cv->state.n_src > 1) {
        error_report("Having a backing file for the target makes no sense "
                     "when concatenating multiple input images");
        return false;
    }
    if (!qdict_haskey(opts, "backing_fmt")) {
        error_report("Use of backing file requires explicit backing format");
        return false;
    }
    cv->state.target_has_backing = true;
    path = bdrv_backing_path(cv->out, base, &err);
    if (!path) {
        error_report_err(err);
        return false;
    }
    options = qdict_new();
    qdict_put_str(options, "driver", qdict_get_str(opts, "backing_fmt"));
    /* For its size only: a target can be made without looking */
    bs = bdrv_open(path, NULL, options, BDRV_O_NO_IO, NULL);
    cv->state.backing_size = bs ? bdrv_getlength(bs) : -1;
    bdrv_unref(bs);
    return true;
}

static bool check_compression(const BlockDriver *drv, const QDict *opts)
{
    const char *prealloc = qdict_get_try_str(opts, "preallocation");
    const char *encryption = qdict_get_try_str(opts, "encryption");

    if (qdict_haskey(opts, "encrypt.format") ||
        (encryption && !strcmp(encryption, "on"))) {
        error_report("Compression and encryption not supported at the same "
                     "time");
        return false;
    }
    if (prealloc && strcmp(prealloc, "off")) {
        error_report("Compression and preallocation not supported at the same "
                     "time");
        return false;
    }
    if (!drv->supports_compressed_writes) {
        error_report("Compression not supported for this file format");
        return false;
    }
    return true;
}

static bool create_target(Convert *cv)
{
    const BlockDriver *drv = bdrv_find_format(cv->out_fmt);
    g_autoptr(QDict) opts = NULL;
    Error *err = NULL;

    if (!drv) {
        error_report("Unknown file format '%s'", cv->out_fmt);
        return false;
    }
    opts = target_options(cv, drv);
    if (!opts || !check_backing(cv, opts) ||
        (cv->compress && !check_compression(drv, opts))) {
        return false;
    }
    if (bdrv_create(drv, cv->out, opts, &err) < 0) {
        error_reportf_err(err, "%s: error while converting %s: ", cv->out,
                          cv->out_fmt);
        return false;
    }
    cv->state.has_zero_init = !cv->state.target_has_backing;
    return true;
}

/* How the target likes to be written to. */
static bool fit_target(Convert *cv)
{
    ConvertState *s = &cv->state;
    BlockDriverState *bs = blk_bs(s->target);
    int64_t align = blk_get_request_alignment(s->target);
    BlockDriverInfo info;
    int ret = bdrv_get_info(bs, &info);

    s->alignment = BDRV_SECTOR_SIZE;
    while (s->alignment * 2 <= s->min_sparse) {
        s->alignment *= 2;
    }
    s->alignment = MAX(s->alignment, align);
    s->buf_size = s->min_sparse > 4096 || s->copy_range ? CONVERT_MAX_BUF_SIZE
                                                        : CONVERT_BUF_SIZE;
    if (ret < 0 && cv->compress) {
        error_report("could not get block driver info");
        return false;
    }
    if (ret == 0 && (cv->compress || info.needs_compressed_writes)) {
        s->cluster = info.cluster_size;
        if (s->cluster <= 0 || s->cluster > CONVERT_MAX_BUF_SIZE) {
            error_report("invalid cluster size");
            return false;
        }
        /* A few clusters at once, for each processor and for the one that is
         * read or written meanwhile: more would take memory, but no less time
         */
        s->buf_size = MAX(s->cluster, MIN(s->buf_size, 4 * s->cluster));
        s->n_coroutines = MIN(s->n_coroutines, (int)g_get_num_processors() + 1);
    } else if (ret == 0) {
        /* Not several requests for one cluster of the target */
        s->buf_size = MIN(MAX(s->buf_size, info.cluster_size),
                          CONVERT_MAX_BUF_SIZE);
    }
    return true;
}

static bool open_target(Convert *cv)
{
    ConvertState *s = &cv->state;
    bool writethrough;
    /* The last block may reach behind the end, where blocks are large */
    int flags = BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP;
    int64_t size;

    if (!cv->skip_create && !create_target(cv)) {
        return false;
    }
    if (bdrv_parse_cache_mode(cv->cache, &flags, &writethrough) < 0) {
        error_report("Invalid cache option: %s", cv->cache);
        return false;
    }
    s->target = cv->target_image_opts
                    ? img_open(true, cv->out, NULL, flags, writethrough, false)
                    : img_open_file(cv->out, img_key_secrets(cv->options),
                                    cv->out_fmt, flags, writethrough, false);
    if (!s->target) {
        return false;
    }
    s->has_zero_init &= bdrv_has_zero_init(blk_bs(s->target));
    s->has_zero_init |= cv->target_is_zero;
    if (cv->compress && !bdrv_supports_compressed_writes(blk_bs(s->target))) {
        error_report("Compression not supported for this file format");
        return false;
    }
    size = blk_getlength(s->target);
    if (size < 0) {
        error_report("unable to get output image length: %s", strerror(-size));
        return false;
    }
    if (size < s->total) {
        error_report("output file is smaller than input file");
        return false;
    }
    return fit_target(cv);
}

/* --- all of it --- */

static bool check_source_bitmaps(const Convert *cv)
{
    if (!cv->bitmaps) {
        return true;
    }
    if (cv->state.n_src > 1) {
        error_report("Copying bitmaps only possible with single source");
        return false;
    }
    return img_check_bitmaps(blk_bs(cv->state.src[0].blk), cv->skip_broken);
}

static bool check_target_bitmaps(const Convert *cv)
{
    BlockDriverState *bs = blk_bs(cv->state.target);

    if (cv->bitmaps && !bdrv_supports_persistent_dirty_bitmap(bs)) {
        error_report("Format driver '%s' does not support bitmaps",
                     bdrv_get_format_name(bs));
        return false;
    }
    return true;
}

static bool run(Convert *cv)
{
    int ret;

    if (!check_source_bitmaps(cv) || !open_target(cv) ||
        !check_target_bitmaps(cv)) {
        return false;
    }
    if (cv->state.target_has_backing) {
        /* The other layers are in the target's backing file already */
        cv->state.src[0].base = bdrv_cow_bs(blk_bs(cv->state.src[0].blk));
    }
    ret = convert_copy(&cv->state);
    if (ret == 0 && cv->bitmaps &&
        !img_copy_bitmaps(blk_bs(cv->state.src[0].blk),
                          blk_bs(cv->state.target), cv->skip_broken)) {
        return false;
    }
    if (ret == 0) {
        ret = blk_flush(cv->state.target);
        if (ret < 0) {
            error_report("error while writing: %s", strerror(-ret));
        }
    }
    if (ret == 0) {
        img_progress_print(100, 0);
    }
    return ret == 0;
}

static void close_all(Convert *cv)
{
    blk_unref(cv->state.target);
    for (int i = 0; i < cv->state.n_src; i++) {
        blk_unref(cv->state.src[i].blk);
    }
    g_free(cv->state.src);
    g_free(cv->options);
}

int img_convert(int argc, char **argv)
{
    Convert cv = {
        .out_fmt = "raw",
        .cache = "unsafe",
        .src_cache = IMG_DEFAULT_CACHE,
        .state = { .min_sparse = 4096, .n_coroutines = 8 },
    };
    const char *conflict;
    bool ok = true;
    int c, n;

    while (ok && (c = img_getopt(argc, argv, ":hf:O:B:CcF:o:l:S:pt:T:nm:WUr:q",
                                 long_options)) != -1) {
        ok = parse_flag(&cv, c) || parse_value(&cv, c);
    }
    if (!ok) {
        close_all(&cv);
        return 1;
    }
    n = argc - optind - 1;
    cv.out = n >= 0 ? argv[argc - 1] : NULL;
    if (cv.options && img_has_help_option(cv.options)) {
        close_all(&cv);
        return img_print_create_help(cv.out, cv.out_fmt);
    }
    conflict = find_conflict(&cv);
    if (!conflict && n < 1) {
        conflict = "Must specify image file name";
    }
    if (conflict) {
        error_report("%s", conflict);
        close_all(&cv);
        return 1;
    }
    img_progress_init(cv.progress && !cv.state.quiet, 1);
    img_progress_print(0, 100);
    ok = open_sources(&cv, argv + optind, n) && run(&cv);
    if (ok || cv.state.target) {
        img_progress_end();
    }
    close_all(&cv);
    return ok ? 0 : 1;
}
