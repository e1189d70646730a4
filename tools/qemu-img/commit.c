/*
 * qemu-img commit: write what an image has into one below it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/convert.h"

#include "block/reopen.h"

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "format", required_argument, 0, 'f' },
    { "cache", required_argument, 0, 't' },
    { "drop", no_argument, 0, 'd' },
    { "base", required_argument, 0, 'b' },
    { "rate-limit", required_argument, 0, 'r' },
    { "progress", no_argument, 0, 'p' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

typedef struct Commit {
    const char *filename, *fmt, *base, *cache;
    bool image_opts, drop, progress, quiet;
    int64_t rate_limit;
} Commit;

/* The image to commit into; NULL after a message. */
static BlockDriverState *find_base(const Commit *cm, BlockDriverState *bs)
{
    BlockDriverState *base = cm->base ? bdrv_find_backing_image(bs, cm->base)
                                      : bdrv_cow_bs(bs);

    if (!base && cm->base) {
        error_report("Did not find '%s' in the backing chain of '%s'", cm->base,
                     cm->filename);
    } else if (!base) {
        error_report("Image does not have a backing file");
    }
    return base;
}

/* A base that is shorter than the image gets its size. */
static bool fit_size(BlockBackend *target, int64_t size)
{
    int64_t base_size = blk_getlength(target);
    Error *err = NULL;

    if (base_size < 0) {
        error_report("Could not get size of the backing file: %s",
                     strerror(-base_size));
        return false;
    }
    if (base_size < size) {
        blk_set_allow_resize(target, true);
        if (blk_truncate(target, size, false, PREALLOC_MODE_OFF, 0, &err) < 0) {
            error_report_err(err);
            return false;
        }
    }
    return true;
}

static bool copy_down(const Commit *cm, BlockBackend *blk,
                      BlockDriverState *base, BlockBackend *target)
{
    ConvertSource src = { .filename = cm->filename,
                          .blk = blk,
                          .base = base,
                          .size = blk_getlength(blk) };
    ConvertState s = {
        .src = &src,
        .n_src = 1,
        .target = target,
        .total = src.size,
        /* Data stays data, whatever is in it */
        .min_sparse = INT64_MAX,
        .alignment = BDRV_SECTOR_SIZE,
        .buf_size = CONVERT_BUF_SIZE,
        .rate_limit = cm->rate_limit,
        .n_coroutines = 8,
        /* What nobody above the base has is the base's */
        .target_has_backing = true,
        .backing_size = -1,
        .progress = cm->progress,
    };
    int ret;

    if (src.size < 0) {
        error_report("Could not get size of '%s': %s", cm->filename,
                     strerror(-src.size));
        return false;
    }
    if (!fit_size(target, src.size) || convert_copy(&s) < 0) {
        return false;
    }
    ret = blk_flush(target);
    if (ret < 0) {
        error_report("error while writing: %s", strerror(-ret));
    }
    return ret == 0;
}

/* Copy into @base, which is writable only for that time. */
static bool commit_into(const Commit *cm, BlockBackend *blk,
                        BlockDriverState *base)
{
    bool was_read_only = bdrv_is_read_only(base), ok;
    BlockBackend *target;
    Error *err = NULL;

    if (was_read_only && bdrv_reopen_set_read_only(base, false, &err) < 0) {
        error_report_err(err);
        return false;
    }
    target = blk_new_with_bs(
        base, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE | BLK_PERM_RESIZE,
        BLK_PERM_ALL, &err);
    if (target) {
        ok = copy_down(cm, blk, base, target);
        blk_unref(target);
    } else {
        error_report_err(err);
        ok = false;
    }
    if (was_read_only && bdrv_reopen_set_read_only(base, true, &err) < 0) {
        error_report_err(err);
        ok = false;
    }
    return ok;
}

static int commit(const Commit *cm)
{
    int flags = BDRV_O_RDWR | BDRV_O_UNMAP;
    g_autoptr(BlockBackend) blk = NULL;
    BlockDriverState *base;
    bool writethrough;
    Error *err = NULL;

    if (bdrv_parse_cache_mode(cm->cache, &flags, &writethrough) < 0) {
        error_report("Invalid cache option: %s", cm->cache);
        return 1;
    }
    blk = img_open(cm->image_opts, cm->filename, cm->fmt, flags, writethrough,
                   false);
    if (!blk) {
        return 1;
    }
    img_progress_init(cm->progress, 1);
    img_progress_print(0, 100);
    base = find_base(cm, blk_bs(blk));
    if (!base || !commit_into(cm, blk, base)) {
        img_progress_end();
        return 1;
    }
    /* Only now that the data is safe below */
    if (!cm->drop && blk_make_empty(blk, &err) < 0) {
        error_reportf_err(err, "Could not empty %s: ", cm->filename);
        img_progress_end();
        return 1;
    }
    img_progress_print(100, 0);
    img_progress_end();
    if (!cm->quiet) {
        printf("Image committed.\n");
    }
    return 0;
}

int img_commit(int argc, char **argv)
{
    Commit cm = { .cache = IMG_DEFAULT_CACHE };
    int c;

    while ((c = img_getopt(argc, argv, ":f:ht:b:dpqr:", long_options)) != -1) {
        switch (c) {
        case 'f':
            cm.fmt = optarg;
            break;
        case 't':
            cm.cache = optarg;
            break;
        case 'b':
            cm.base = optarg;
            /* The images between would hide what was committed */
            cm.drop = true;
            break;
        case 'd':
            cm.drop = true;
            break;
        case 'p':
            cm.progress = true;
            break;
        case 'q':
            cm.quiet = true;
            break;
        case 'r':
            cm.rate_limit = img_cvtnum("rate limit", optarg);
            if (cm.rate_limit < 0) {
                return 1;
            }
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            cm.image_opts = true;
            break;
        }
    }
    /* Progress is no output for those who want none */
    cm.progress = cm.progress && !cm.quiet;
    if (optind != argc - 1) {
        img_usage_error("Expecting one image file name");
    }
    cm.filename = argv[optind];
    return commit(&cm);
}
