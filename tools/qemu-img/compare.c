/*
 * qemu-img compare: do two images show the same?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "util/memalign.h"

#define COMPARE_BUF_SIZE (2 * 1024 * 1024)

/* Exit statuses */
enum {
    COMPARE_SAME = 0,
    COMPARE_DIFFERENT = 1,
    COMPARE_OPEN_FAILED = 2,
    COMPARE_STATUS_FAILED = 3,
    COMPARE_READ_FAILED = 4,
};

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "a-format", required_argument, 0, 'f' },
    { "b-format", required_argument, 0, 'F' },
    { "cache", required_argument, 0, 'T' },
    { "strict", no_argument, 0, 's' },
    { "progress", no_argument, 0, 'p' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

typedef struct Side {
    const char *filename, *fmt;
    BlockBackend *blk;
    int64_t size;
    char *buf;
} Side;

typedef struct Compare {
    Side a, b;
    bool strict, quiet, progress, image_opts, force_share, writethrough;
    int flags;
} Compare;

static void report_mismatch(const Compare *cmp, int64_t offset)
{
    if (!cmp->quiet) {
        printf("Content mismatch at offset %" PRId64 "!\n", offset);
    }
}

/* Offset of the first sector that differs from @b (NULL: zeroes), or -1. */
static int64_t first_difference(const char *a, const char *b, int64_t bytes)
{
    for (int64_t pos = 0; pos < bytes; pos += BDRV_SECTOR_SIZE) {
        size_t len = MIN(bytes - pos, BDRV_SECTOR_SIZE);

        if (b ? memcmp(a + pos, b + pos, len)
              : !img_buffer_is_zero(a + pos, len)) {
            return pos;
        }
    }
    return -1;
}

static bool coroutine_fn read_side(Side *side, int64_t offset, int64_t bytes)
{
    int ret = blk_co_pread(side->blk, offset, bytes, side->buf, 0);

    if (ret < 0) {
        error_report("Error while reading offset %" PRId64 " of %s: %s", offset,
                     side->filename, strerror(-ret));
    }
    return ret >= 0;
}

/* Compare @bytes at @offset; @b NULL: with zeroes. */
static int coroutine_fn compare_data(const Compare *cmp, Side *a, Side *b,
                                     int64_t offset, int64_t bytes)
{
    int64_t pos;

    bytes = MIN(bytes, COMPARE_BUF_SIZE);
    if (!read_side(a, offset, bytes) || (b && !read_side(b, offset, bytes))) {
        return COMPARE_READ_FAILED;
    }
    pos = first_difference(a->buf, b ? b->buf : NULL, bytes);
    if (pos < 0) {
        return COMPARE_SAME;
    }
    report_mismatch(cmp, offset + pos);
    return COMPARE_DIFFERENT;
}

/* BDRV_BLOCK_* of @side, at most *@chunk bytes (which may get smaller). */
static int coroutine_fn side_status(Side *side, int64_t offset, int64_t *chunk)
{
    int64_t num;
    int ret = img_co_block_status(blk_bs(side->blk), offset, *chunk, &num, NULL,
                                  NULL, NULL);

    if (ret < 0) {
        error_report("Sector allocation test failed for %s", side->filename);
        return ret;
    }
    *chunk = MIN(*chunk, num);
    return ret;
}

/* What nobody has reads as zero as well. */
static bool status_is_zero(int status)
{
    return !(status & BDRV_BLOCK_ALLOCATED) || (status & BDRV_BLOCK_ZERO);
}

/* The part that both have. */
static int coroutine_fn compare_common(Compare *cmp, int64_t size,
                                       int64_t progress_base)
{
    int64_t offset = 0;

    while (offset < size) {
        int64_t chunk = size - offset;
        int status_a = side_status(&cmp->a, offset, &chunk);
        int status_b = status_a < 0 ? 0 : side_status(&cmp->b, offset, &chunk);
        bool zero_a = status_is_zero(status_a);
        bool zero_b = status_is_zero(status_b);
        int ret = COMPARE_SAME;

        if (status_a < 0 || status_b < 0 || !chunk) {
            return COMPARE_STATUS_FAILED;
        }
        if (cmp->strict && status_a != status_b) {
            if (!cmp->quiet) {
                printf("Strict mode: Offset %" PRId64
                       " block status mismatch!\n",
                       offset);
            }
            return COMPARE_DIFFERENT;
        }
        if (!zero_a || !zero_b) {
            chunk = MIN(chunk, COMPARE_BUF_SIZE);
            ret = compare_data(cmp, zero_a ? &cmp->b : &cmp->a,
                               zero_a || zero_b ? NULL : &cmp->b, offset,
                               chunk);
        }
        if (ret != COMPARE_SAME) {
            return ret;
        }
        offset += chunk;
        img_progress_print((float)chunk / progress_base * 100, 100);
    }
    return COMPARE_SAME;
}

/* What only the longer one has must be zero. */
static int coroutine_fn compare_rest(Compare *cmp, int64_t from,
                                     int64_t progress_base)
{
    Side *over = cmp->a.size > cmp->b.size ? &cmp->a : &cmp->b;
    int64_t offset = from;

    if (!cmp->quiet) {
        printf("Warning: Image size mismatch!\n");
    }
    while (offset < over->size) {
        int64_t chunk = over->size - offset;
        int status = side_status(over, offset, &chunk);
        int ret = COMPARE_SAME;

        if (status < 0 || !chunk) {
            return COMPARE_STATUS_FAILED;
        }
        if (!status_is_zero(status)) {
            chunk = MIN(chunk, COMPARE_BUF_SIZE);
            ret = compare_data(cmp, over, NULL, offset, chunk);
        }
        if (ret != COMPARE_SAME) {
            return ret;
        }
        offset += chunk;
        img_progress_print((float)chunk / progress_base * 100, 100);
    }
    return COMPARE_SAME;
}

static bool open_side(const Compare *cmp, Side *side)
{
    side->blk = img_open(cmp->image_opts, side->filename, side->fmt, cmp->flags,
                         cmp->writethrough, cmp->force_share);
    if (!side->blk) {
        return false;
    }
    side->size = blk_getlength(side->blk);
    if (side->size < 0) {
        error_report("Can't get size of %s: %s", side->filename,
                     strerror(-side->size));
        return false;
    }
    side->buf = qemu_memalign(4096, COMPARE_BUF_SIZE);
    return true;
}

static void close_side(Side *side)
{
    blk_unref(side->blk);
    qemu_vfree(side->buf);
}

static int coroutine_fn compare_sides(void *opaque)
{
    Compare *cmp = opaque;
    int64_t common = MIN(cmp->a.size, cmp->b.size);
    int64_t base = MAX(cmp->a.size, cmp->b.size);
    int ret = compare_common(cmp, common, base);

    return ret == COMPARE_SAME && cmp->a.size != cmp->b.size
               ? compare_rest(cmp, common, base)
               : ret;
}

static int compare(Compare *cmp)
{
    int ret;

    if (!open_side(cmp, &cmp->a) || !open_side(cmp, &cmp->b)) {
        return COMPARE_OPEN_FAILED;
    }
    img_progress_print(0, 100);
    if (cmp->strict && cmp->a.size != cmp->b.size) {
        if (!cmp->quiet) {
            printf("Strict mode: Image size mismatch!\n");
        }
        return COMPARE_DIFFERENT;
    }
    ret = img_run_co(compare_sides, cmp);
    if (ret == COMPARE_SAME && !cmp->quiet) {
        printf("Images are identical.\n");
    }
    return ret;
}

int img_compare(int argc, char **argv)
{
    Compare cmp = { 0 };
    const char *cache = IMG_DEFAULT_CACHE;
    int c, ret;

    while ((c = img_getopt(argc, argv, ":hf:F:T:pqsU", long_options)) != -1) {
        switch (c) {
        case 'f':
            cmp.a.fmt = optarg;
            break;
        case 'F':
            cmp.b.fmt = optarg;
            break;
        case 'T':
            cache = optarg;
            break;
        case 'p':
            cmp.progress = true;
            break;
        case 'q':
            cmp.quiet = true;
            break;
        case 's':
            cmp.strict = true;
            break;
        case 'U':
            cmp.force_share = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            cmp.image_opts = true;
            break;
        }
    }
    if (optind != argc - 2) {
        img_usage_error("Expecting two image file names");
    }
    cmp.a.filename = argv[optind];
    cmp.b.filename = argv[optind + 1];
    if (bdrv_parse_cache_mode(cache, &cmp.flags, &cmp.writethrough) < 0) {
        error_report("Invalid source cache option: %s", cache);
        return COMPARE_OPEN_FAILED;
    }
    cmp.flags |= BDRV_O_ONE_PASS;
    img_progress_init(cmp.progress && !cmp.quiet, 2);
    ret = compare(&cmp);
    img_progress_end();
    close_side(&cmp.a);
    close_side(&cmp.b);
    return ret;
}
