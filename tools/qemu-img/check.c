/*
 * qemu-img check: look for damage in an image's metadata.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "qobject/json.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "format", required_argument, 0, 'f' },
    { "repair", required_argument, 0, 'r' },
    { "output", required_argument, 0, OPT_OUTPUT },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "cache", required_argument, 0, 'T' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

static void print_problems(const BdrvCheckResult *r)
{
    if (!r->corruptions && !r->leaks && !r->check_errors) {
        printf("No errors were found on the image.\n");
        return;
    }
    if (r->corruptions) {
        printf("\n%d errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may "
               "corrupt it.\n",
               r->corruptions);
    }
    if (r->leaks) {
        printf("\n%d leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               r->leaks);
    }
    if (r->check_errors) {
        printf("\n%d internal errors have occurred during the check.\n",
               r->check_errors);
    }
}

static void print_human(const BdrvCheckResult *r)
{
    const BlockFragInfo *bfi = &r->bfi;

    print_problems(r);
    if (bfi->total_clusters && bfi->allocated_clusters) {
        printf("%" PRId64 "/%" PRId64 " = %0.2f%% allocated, %0.2f%% "
               "fragmented, %0.2f%% compressed clusters\n",
               (int64_t)bfi->allocated_clusters, (int64_t)bfi->total_clusters,
               bfi->allocated_clusters * 100.0 / bfi->total_clusters,
               bfi->fragmented_clusters * 100.0 / bfi->allocated_clusters,
               bfi->compressed_clusters * 100.0 / bfi->allocated_clusters);
    }
    if (r->image_end_offset > 0) {
        printf("Image end offset: %" PRId64 "\n", r->image_end_offset);
    }
}

static void put_unless_zero(QDict *dict, const char *key, int64_t value)
{
    if (value) {
        qdict_put_int(dict, key, value);
    }
}

static void print_json(const BdrvCheckResult *r, BlockDriverState *bs,
                       const char *filename)
{
    g_autoptr(QDict) d = qdict_new();
    GString *text;

    qdict_put_str(d, "filename", filename);
    qdict_put_str(d, "format", bdrv_get_format_name(bs));
    qdict_put_int(d, "check-errors", r->check_errors);
    put_unless_zero(d, "image-end-offset", r->image_end_offset);
    put_unless_zero(d, "corruptions", r->corruptions);
    put_unless_zero(d, "leaks", r->leaks);
    put_unless_zero(d, "corruptions-fixed", r->corruptions_fixed);
    put_unless_zero(d, "leaks-fixed", r->leaks_fixed);
    put_unless_zero(d, "total-clusters", r->bfi.total_clusters);
    put_unless_zero(d, "allocated-clusters", r->bfi.allocated_clusters);
    put_unless_zero(d, "fragmented-clusters", r->bfi.fragmented_clusters);
    put_unless_zero(d, "compressed-clusters", r->bfi.compressed_clusters);
    text = qobject_to_json_pretty(QOBJECT(d), true);
    printf("%s\n", text->str);
    g_string_free(text, true);
}

/* After a repair: look again, without one; what was repaired stays said. */
static int check_again(BlockDriverState *bs, BdrvCheckResult *r, bool quiet)
{
    BdrvCheckResult first = *r;
    int ret;

    if (!quiet) {
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %d leaked clusters\n    %d corruptions\n\n"
               "Double checking the fixed image now...\n",
               first.leaks_fixed, first.corruptions_fixed);
    }
    ret = bdrv_check(bs, r, 0);
    r->leaks_fixed = first.leaks_fixed;
    r->corruptions_fixed = first.corruptions_fixed;
    return ret;
}

/* Check @blk and print what was found; the exit status. */
static int check(BlockBackend *blk, const char *filename, BdrvCheckMode fix,
                 bool json, bool quiet)
{
    BdrvCheckResult r = { 0 };
    int ret = bdrv_check(blk_bs(blk), &r, fix);

    if (ret == -ENOTSUP) {
        error_report("This image format does not support checks");
        return 63;
    }
    if (ret >= 0 && (r.corruptions_fixed || r.leaks_fixed)) {
        ret = check_again(blk_bs(blk), &r, quiet || json);
    }
    if (ret >= 0 && json) {
        print_json(&r, blk_bs(blk), filename);
    } else if (ret >= 0 && !quiet) {
        print_human(&r);
    }
    if (ret < 0) {
        error_report("Check failed: %s", strerror(-ret));
        return 1;
    }
    if (r.check_errors) {
        error_report("Check failed");
        return 1;
    }
    return r.corruptions ? 2 : r.leaks ? 3 : 0;
}

int img_check(int argc, char **argv)
{
    const char *filename, *cache = IMG_DEFAULT_CACHE;
    ImgSource src = { 0 };
    bool quiet = false;
    BdrvCheckMode fix = 0;
    int flags = BDRV_O_CHECK, c;
    g_autoptr(BlockBackend) blk = NULL;
    bool writethrough;

    while ((c = img_getopt(argc, argv, ":hf:r:T:qU", long_options)) != -1) {
        switch (c) {
        case 'r':
            flags |= BDRV_O_RDWR;
            if (!strcmp(optarg, "leaks")) {
                fix = BDRV_FIX_LEAKS;
            } else if (!strcmp(optarg, "all")) {
                fix = BDRV_FIX_LEAKS | BDRV_FIX_ERRORS;
            } else {
                img_usage_error("-r expects 'leaks' or 'all' as argument");
            }
            break;
        case 'q':
            quiet = true;
            break;
        case 'T':
            cache = optarg;
            break;
        default:
            img_source_option(&src, c);
            break;
        }
    }
    filename = img_only_filename(argc, argv);
    if (bdrv_parse_cache_mode(cache, &flags, &writethrough) < 0) {
        error_report("Invalid source cache option: %s", cache);
        return 1;
    }
    blk = img_open(src.image_opts, filename, src.fmt, flags, writethrough,
                   src.force_share);
    if (!blk) {
        return 1;
    }
    if (fix && src.force_share) {
        error_report("-r and -U are mutually exclusive");
        return 1;
    }
    return check(blk, filename, fix, src.json, quiet);
}
