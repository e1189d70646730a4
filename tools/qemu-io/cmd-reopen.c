/*
 * reopen: other options for an open image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "block/block.h"
#include "block/reopen.h"
#include "qobject/keyval.h"
#include "util/error-report.h"

#include <getopt.h>

typedef struct ReopenArgs {
    int flags;
    bool writethrough, has_rw, has_cache;
    QDict *options;
} ReopenArgs;

static int parse_option(ReopenArgs *a, int c, const char *name)
{
    Error *err = NULL;

    switch (c) {
    case 'c':
        if (bdrv_parse_cache_mode(optarg, &a->flags, &a->writethrough) < 0) {
            error_report("Invalid cache option: %s", optarg);
            return -EINVAL;
        }
        a->has_cache = true;
        return 0;
    case 'o':
        qobject_unref(a->options);
        a->options = opts_parse(optarg, NULL, NULL, &err);
        if (!a->options) {
            error_report_err(err);
            return -EINVAL;
        }
        return 0;
    case 'r':
    case 'w':
        if (a->has_rw) {
            error_report("Only one -r/-w option may be given");
            return -EINVAL;
        }
        a->flags = c == 'w' ? a->flags | BDRV_O_RDWR : a->flags & ~BDRV_O_RDWR;
        a->has_rw = true;
        return 0;
    }
    return qemu_io_usage(name);
}

/* What the flags say becomes options; contradictions are refused. */
static int flags_to_options(const ReopenArgs *a, const BlockBackend *blk)
{
    bool changes_rw = !(a->flags & BDRV_O_RDWR) == blk_is_writable(blk);

    if (qdict_haskey(a->options, "read-only")) {
        if (a->has_rw) {
            error_report("Cannot set both -r/-w and 'read-only'");
            return -EINVAL;
        }
    } else if (changes_rw || a->has_rw) {
        qdict_put_bool(a->options, "read-only", !(a->flags & BDRV_O_RDWR));
    }
    if (qdict_haskey(a->options, "cache.direct") ||
        qdict_haskey(a->options, "cache.no-flush")) {
        if (a->has_cache) {
            error_report("Cannot set both -c and the cache options");
            return -EINVAL;
        }
    } else if (a->has_cache) {
        qdict_put_bool(a->options, "cache.direct",
                       !!(a->flags & BDRV_O_NOCACHE));
        qdict_put_bool(a->options, "cache.no-flush",
                       !!(a->flags & BDRV_O_NO_FLUSH));
    }
    return 0;
}

static int do_reopen(BlockBackend *blk, ReopenArgs *a)
{
    Error *err = NULL;
    uint64_t perm, shared;
    int ret;

    blk_get_perm(blk, &perm, &shared);
    if (a->has_rw && !(a->flags & BDRV_O_RDWR) && (perm & BLK_PERM_WRITE)) {
        /* As long as somebody wants to write it cannot become read-only */
        blk_drain(blk);
        ret = blk_set_perm(blk, perm & ~(BLK_PERM_WRITE | BLK_PERM_RESIZE),
                           shared, &err);
        if (ret < 0) {
            error_report_err(err);
            return ret;
        }
    }
    ret = bdrv_reopen(blk_bs(blk), g_steal_pointer(&a->options), true, &err);
    if (ret < 0) {
        error_report_err(err);
        return ret;
    }
    if (a->has_cache) {
        blk_set_enable_write_cache(blk, !a->writethrough);
    }
    return 0;
}

static int reopen_f(BlockBackend *blk, int argc, char **argv)
{
    ReopenArgs a = {
        .flags = bdrv_get_flags(blk_bs(blk)),
        .writethrough = !blk_enable_write_cache(blk),
    };
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, "c:o:rw")) != -1) {
        ret = parse_option(&a, c, argv[0]);
    }
    if (ret == 0 && optind != argc) {
        ret = qemu_io_usage(argv[0]);
    }
    if (ret == 0) {
        a.options = a.options ? a.options : qdict_new();
        ret = flags_to_options(&a, blk);
    }
    ret = ret < 0 ? ret : do_reopen(blk, &a);
    qobject_unref(a.options);
    return ret;
}

static const char reopen_help[] =
    "\n"
    " Changes the open options of an already opened image\n"
    "\n"
    " Example:\n"
    " 'reopen -o lazy-refcounts=on' - activates lazy refcount writeback on a "
    "qcow2 image\n"
    "\n"
    " -r, -- Reopen the image read-only\n"
    " -w, -- Reopen the image read-write\n"
    " -c, -- Change the cache mode to the given value\n"
    " -o, -- Changes block driver options (cf. 'open' command)\n"
    "\n";

const QemuIoCmd qemu_io_reopen_cmds[] = {
    { "reopen", NULL, reopen_f, 0, -1, false,
      "[(-r|-w)] [-c cache] [-o options]", "reopens an image with new options",
      0, reopen_help },
    { 0 },
};
