/*
 * qemu-img rebase: let an image stand on another backing file. In safe mode
 * what the two backing files have differently is copied into the image first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "block/create.h"
#include "block/probe.h"
#include "util/memalign.h"

#define REBASE_BUF_SIZE (2 * 1024 * 1024)

static const struct option long_options[] = {
    { "help", no_argument, 0, 'h' },
    { "object", required_argument, 0, OPT_OBJECT },
    { "image-opts", no_argument, 0, OPT_IMAGE_OPTS },
    { "force-share", no_argument, 0, 'U' },
    { "format", required_argument, 0, 'f' },
    { "cache", required_argument, 0, 't' },
    { "compress", no_argument, 0, 'c' },
    { "backing", required_argument, 0, 'b' },
    { "backing-format", required_argument, 0, 'F' },
    { "backing-unsafe", no_argument, 0, 'u' },
    { "source-cache", required_argument, 0, 'T' },
    { "progress", no_argument, 0, 'p' },
    { "quiet", no_argument, 0, 'q' },
    { 0 },
};

/* One of the backing files. */
typedef struct Below {
    BlockBackend *blk; /* NULL: there is none */
    int64_t size;
    char *buf;
} Below;

typedef struct Rebase {
    const char *filename, *fmt, *new_name, *new_fmt, *cache, *src_cache;
    bool image_opts, force_share, unsafe, compress, progress, quiet;
    int flags, src_flags;
    bool writethrough, src_writethrough;
    BlockBackend *blk;
    int64_t size, align; /* of the image and of its clusters */
    Below old, new;
    /* The new backing file if it is in the chain below the old one. */
    BlockDriverState *in_chain;
} Rebase;

/* --- opening --- */

static bool get_size(BlockBackend *blk, const char *name, int64_t *size)
{
    *size = blk_getlength(blk);
    if (*size < 0) {
        error_report("Could not get size of '%s': %s", name, strerror(-*size));
    }
    return *size >= 0;
}

static bool open_old(Rebase *rb)
{
    BlockDriverState *bs = bdrv_cow_bs(blk_bs(rb->blk));
    Error *err = NULL;

    if (!bs) {
        return true;
    }
    rb->old.blk = blk_new_with_bs(bs, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL,
                                  &err);
    if (!rb->old.blk) {
        error_reportf_err(
            err, "Could not reuse old backing file '%s': ", bdrv_filename(bs));
        return false;
    }
    return get_size(rb->old.blk, bdrv_filename(bs), &rb->old.size);
}

static bool open_new(Rebase *rb)
{
    g_autofree char *path = NULL;
    QDict *options;
    Error *err = NULL;

    if (!*rb->new_name) {
        return true;
    }
    path = bdrv_backing_path(bdrv_filename(blk_bs(rb->blk)), rb->new_name,
                             &err);
    if (!path) {
        error_reportf_err(err, "Could not resolve backing filename: ");
        return false;
    }
    rb->in_chain = bdrv_find_backing_image(blk_bs(rb->blk), path);
    if (rb->in_chain) {
        rb->new.blk = blk_new_with_bs(rb->in_chain, BLK_PERM_CONSISTENT_READ,
                                      BLK_PERM_ALL, &err);
        if (!rb->new.blk) {
            error_reportf_err(
                err, "Could not reuse backing file '%s': ", rb->new_name);
            return false;
        }
    } else {
        options = qdict_new();
        if (rb->new_fmt) {
            qdict_put_str(options, "driver", rb->new_fmt);
        }
        if (rb->force_share) {
            qdict_put_bool(options, "force-share", true);
        }
        rb->new.blk = blk_new_open(path, NULL, options, rb->src_flags, &err);
        if (!rb->new.blk) {
            error_reportf_err(
                err, "Could not open new backing file '%s': ", rb->new_name);
            return false;
        }
        blk_set_enable_write_cache(rb->new.blk, !rb->src_writethrough);
    }
    return get_size(rb->new.blk, rb->new_name, &rb->new.size);
}

/* --- copying --- */

/* What the backing file shows; behind its end zeroes. False after a message. */
static bool read_below(const Below *b, int64_t offset, int64_t bytes,
                       const char *which)
{
    int64_t n = offset < b->size ? MIN(bytes, b->size - offset) : 0;
    int ret = n ? blk_pread(b->blk, offset, n, b->buf, 0) : 0;

    memset(b->buf + n, 0, bytes - n);
    if (ret < 0) {
        error_report("error while reading from %s backing file", which);
    }
    return ret >= 0;
}

/* How long from @pos on blocks of @align bytes are all the same or not. */
static int64_t compare_run(const Rebase *rb, int64_t offset, int64_t pos,
                           int64_t bytes, bool *differs)
{
    int64_t begin = pos;

    while (pos < bytes) {
        int64_t end = QEMU_ALIGN_DOWN(offset + pos, rb->align) + rb->align;
        int64_t len = MIN(end - offset, bytes) - pos;
        bool d = memcmp(rb->old.buf + pos, rb->new.buf + pos, len);

        if (pos == begin) {
            *differs = d;
        } else if (d != *differs) {
            break;
        }
        pos += len;
    }
    return pos - begin;
}

static bool write_back(const Rebase *rb, int64_t offset, const char *buf,
                       int64_t bytes)
{
    int ret;

    if (img_buffer_is_zero(buf, bytes)) {
        ret = blk_pwrite_zeroes(rb->blk, offset, bytes, 0);
    } else {
        ret = blk_pwrite(rb->blk, offset, bytes, buf,
                         rb->compress ? BDRV_REQ_WRITE_COMPRESSED : 0);
    }
    if (ret < 0) {
        error_report("Error while writing to COW image: %s", strerror(-ret));
    }
    return ret >= 0;
}

/* @bytes that the image itself does not have. */
static bool copy_range(const Rebase *rb, int64_t offset, int64_t bytes)
{
    int64_t pos = 0, len;
    bool differs = false;

    if (!read_below(&rb->old, offset, bytes, "old") ||
        !read_below(&rb->new, offset, bytes, "new")) {
        return false;
    }
    for (; pos < bytes; pos += len) {
        len = compare_run(rb, offset, pos, bytes, &differs);
        if (differs && !write_back(rb, offset + pos, rb->old.buf + pos, len)) {
            return false;
        }
    }
    return true;
}

/* Does the image's old chain have something at @offset that the new one does
 * not have as well? *@num: for how long. -errno. */
static int may_differ(const Rebase *rb, int64_t offset, int64_t bytes,
                      int64_t *num)
{
    BlockDriverState *bs = blk_bs(rb->blk);
    int64_t total = bytes;
    int ret = bdrv_block_status(bs, offset, bytes, num, NULL, NULL);

    if (ret < 0 || (ret & BDRV_BLOCK_ALLOCATED)) {
        return MIN(ret, 0);
    }
    /* Above the new backing file the old chain has to have it */
    for (bs = rb->in_chain ? bdrv_cow_bs(bs) : NULL; bs && bs != rb->in_chain;
         bs = bdrv_cow_bs(bs)) {
        int64_t n = 0;

        ret = bdrv_block_status(bs, offset, *num, &n, NULL, NULL);
        if (ret < 0) {
            return ret;
        }
        if (!n || (ret & BDRV_BLOCK_ALLOCATED)) {
            /* Behind a shorter image's end zeroes hide what is below */
            *num = n ? n : *num;
            return 1;
        }
        *num = n;
    }
    *num = MIN(*num, total);
    return !rb->in_chain;
}

static bool copy_differences(Rebase *rb)
{
    float per_byte = rb->size ? 100.0f / (float)rb->size : 0;
    int64_t offset = 0, num;

    rb->old.buf = qemu_memalign(4096, REBASE_BUF_SIZE);
    rb->new.buf = qemu_memalign(4096, REBASE_BUF_SIZE);
    for (; offset < rb->size; offset += num) {
        /* Pieces end with clusters, or the next one would begin within */
        int64_t end = QEMU_ALIGN_DOWN(offset + REBASE_BUF_SIZE, rb->align);
        int64_t old_end = ROUND_UP(rb->old.size, rb->align);
        int64_t bytes = MIN(end, rb->size) - offset;
        int ret;

        /* Behind the old backing file's end are zeroes, to be seen as such */
        if (offset < old_end) {
            bytes = MIN(bytes, old_end - offset);
        }
        ret = may_differ(rb, offset, bytes, &num);

        if (ret < 0) {
            error_report("error while reading image metadata: %s",
                         strerror(-ret));
            return false;
        }
        if (ret) {
            /* All of a cluster is written at once: what of it is only partly
             * in question has to be read anyway */
            num = MIN(ROUND_UP(offset + num, rb->align), rb->size) - offset;
            num = MIN(num, bytes);
        }
        if (ret && !copy_range(rb, offset, num)) {
            return false;
        }
        img_progress_print((float)num * per_byte, 100);
    }
    return true;
}

/* --- all of it --- */

static bool change_backing(const Rebase *rb)
{
    const char *name = rb->new_name && *rb->new_name ? rb->new_name : NULL;
    int ret = bdrv_change_backing_file(blk_bs(rb->blk), name,
                                       name ? rb->new_fmt : NULL, name);

    if (ret == -ENOSPC) {
        error_report("Could not change the backing file to '%s': No space left "
                     "in the file header",
                     rb->new_name);
    } else if (ret == -EINVAL && name && !rb->new_fmt) {
        error_report("Could not change the backing file to '%s': backing "
                     "format must be specified",
                     rb->new_name);
    } else if (ret < 0) {
        error_report("Could not change the backing file to '%s': %s",
                     rb->new_name ? rb->new_name : "", strerror(-ret));
    }
    return ret == 0;
}

static bool open_image(Rebase *rb)
{
    BlockDriverInfo info;

    rb->blk = img_open(rb->image_opts, rb->filename, rb->fmt, rb->flags,
                       rb->writethrough, false);
    if (!rb->blk) {
        return false;
    }
    if (rb->new_fmt && !bdrv_find_format(rb->new_fmt)) {
        error_report("Invalid format name: '%s'", rb->new_fmt);
        return false;
    }
    if (rb->compress && !bdrv_supports_compressed_writes(blk_bs(rb->blk))) {
        error_report("Compression not supported for this file format");
        return false;
    }
    rb->align = blk_get_request_alignment(rb->blk);
    if (bdrv_get_info(blk_bs(rb->blk), &info) == 0) {
        rb->align = MAX(rb->align, rb->compress ? info.cluster_size
                                                : info.subcluster_size);
    }
    rb->align = MAX(rb->align, BDRV_SECTOR_SIZE);
    return get_size(rb->blk, rb->filename, &rb->size);
}

static bool rebase(Rebase *rb)
{
    bool ok = open_image(rb);

    if (ok && !rb->unsafe) {
        ok = open_old(rb) && open_new(rb) && copy_differences(rb);
    }
    if (ok && !rb->unsafe) {
        /* The data comes before the header that relies on it */
        int ret = blk_flush(rb->blk);

        if (ret < 0) {
            error_report("Error while writing to COW image: %s",
                         strerror(-ret));
            ok = false;
        }
    }
    ok = ok && change_backing(rb);
    if (ok) {
        img_progress_print(100, 0);
    }
    return ok;
}

static int run(Rebase *rb)
{
    bool ok;

    rb->flags = BDRV_O_RDWR | (rb->unsafe ? BDRV_O_NO_BACKING : 0);
    if (bdrv_parse_cache_mode(rb->cache, &rb->flags, &rb->writethrough) < 0) {
        error_report("Invalid cache option: %s", rb->cache);
        return 1;
    }
    if (bdrv_parse_cache_mode(rb->src_cache, &rb->src_flags,
                              &rb->src_writethrough) < 0) {
        error_report("Invalid source cache option: %s", rb->src_cache);
        return 1;
    }
    img_progress_init(rb->progress, 1);
    img_progress_print(0, 100);
    ok = rebase(rb);
    img_progress_end();
    blk_unref(rb->new.blk);
    blk_unref(rb->old.blk);
    blk_unref(rb->blk);
    qemu_vfree(rb->old.buf);
    qemu_vfree(rb->new.buf);
    return ok ? 0 : 1;
}

int img_rebase(int argc, char **argv)
{
    Rebase rb = { .cache = IMG_DEFAULT_CACHE, .src_cache = IMG_DEFAULT_CACHE };
    int c;

    while ((c = img_getopt(argc, argv, ":hf:F:b:upt:T:qUc", long_options)) !=
           -1) {
        switch (c) {
        case 'f':
            rb.fmt = optarg;
            break;
        case 'F':
            rb.new_fmt = optarg;
            break;
        case 'b':
            rb.new_name = optarg;
            break;
        case 'u':
            rb.unsafe = true;
            break;
        case 'p':
            rb.progress = true;
            break;
        case 't':
            rb.cache = optarg;
            break;
        case 'T':
            rb.src_cache = optarg;
            break;
        case 'q':
            rb.quiet = true;
            break;
        case 'U':
            rb.force_share = true;
            break;
        case 'c':
            rb.compress = true;
            break;
        case OPT_OBJECT:
            img_object_add(optarg);
            break;
        case OPT_IMAGE_OPTS:
            rb.image_opts = true;
            break;
        }
    }
    rb.progress = rb.progress && !rb.quiet;
    if (optind != argc - 1) {
        img_usage_error("Expecting one image file name");
    }
    if (!rb.unsafe && !rb.new_name) {
        img_usage_error("Must specify backing file (-b) or use simple rebase "
                        "mode (-u)");
    }
    rb.filename = argv[optind];
    return run(&rb);
}
