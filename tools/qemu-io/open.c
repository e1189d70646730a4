/*
 * open, close, quit: commands of the tool, which has one image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/tool.h"

#include "block/block.h"
#include "qobject/keyval.h"
#include "util/error-report.h"

#include <getopt.h>

BlockBackend *qemu_io_image;
bool qemu_io_quitting;

static int parse_aio(int *flags, const char *mode)
{
    *flags &= ~(BDRV_O_NATIVE_AIO | BDRV_O_IO_URING | BDRV_O_AIO_THREADS);
    if (!strcmp(mode, "native")) {
        *flags |= BDRV_O_NATIVE_AIO;
    } else if (!strcmp(mode, "io_uring")) {
        *flags |= BDRV_O_IO_URING;
    } else if (!strcmp(mode, "threads")) {
        *flags |= BDRV_O_AIO_THREADS;
    } else {
        error_report("Invalid aio option: %s", mode);
        return -EINVAL;
    }
    return 0;
}

static int parse_discard(int *flags, const char *mode)
{
    *flags &= ~BDRV_O_UNMAP;
    if (!strcmp(mode, "on") || !strcmp(mode, "unmap")) {
        *flags |= BDRV_O_UNMAP;
    } else if (strcmp(mode, "off") && strcmp(mode, "ignore")) {
        error_report("Invalid discard option: %s", mode);
        return -EINVAL;
    }
    return 0;
}

int qemu_io_open_option(OpenArgs *args, int c)
{
    switch (c) {
    case 'C':
        args->flags |= BDRV_O_COPY_ON_READ;
        return 0;
    case 'd':
        return parse_discard(&args->flags, optarg);
    case 'i':
        return parse_aio(&args->flags, optarg);
    case 'k':
        args->flags |= BDRV_O_NATIVE_AIO;
        return 0;
    case 'n':
        args->flags |= BDRV_O_NOCACHE;
        args->writethrough = false;
        return 0;
    case 'r':
        args->flags &= ~BDRV_O_RDWR;
        return 0;
    case 's':
        args->flags |= BDRV_O_SNAPSHOT;
        return 0;
    case 't':
        if (bdrv_parse_cache_mode(optarg, &args->flags, &args->writethrough) <
            0) {
            error_report("Invalid cache option: %s", optarg);
            return -EINVAL;
        }
        return 0;
    case 'U':
        args->force_share = true;
        return 0;
    }
    return -ENOENT;
}

int qemu_io_open(const char *name, OpenArgs *args)
{
    QDict *options = g_steal_pointer(&args->options);
    Error *err = NULL;

    if (qemu_io_image) {
        error_report("file open already, try 'help close'");
        qobject_unref(options);
        return 1;
    }
    options = options ? options : qdict_new();
    if (args->force_share) {
        if (qdict_haskey(options, "force-share") &&
            strcmp(qdict_get_try_str(options, "force-share") ?: "", "on")) {
            error_report("-U conflicts with image options");
            qobject_unref(options);
            return 1;
        }
        qdict_put_bool(options, "force-share", true);
    }
    qemu_io_image = blk_new_open(name, NULL, options, args->flags, &err);
    if (!qemu_io_image) {
        error_reportf_err(err, "can't open%s%s: ", name ? " device " : "",
                          name ? name : "");
        return 1;
    }
    blk_set_enable_write_cache(qemu_io_image, !args->writethrough);
    return 0;
}

void qemu_io_close(void)
{
    if (qemu_io_image) {
        blk_drain(qemu_io_image); /* what is in flight prints its end */
    }
    blk_unref(qemu_io_image);
    qemu_io_image = NULL;
}

static int open_f(BlockBackend *blk, int argc, char **argv)
{
    OpenArgs args = { .flags = BDRV_O_UNMAP | BDRV_O_RDWR,
                      .writethrough = true };
    Error *err = NULL;
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, "snCro:ki:t:d:U")) != -1) {
        if (c == 'o') {
            QDict *more = opts_parse(optarg, NULL, NULL, &err);

            if (!more) {
                error_report_err(err);
                ret = -EINVAL;
                break;
            }
            args.options = args.options ? args.options : qdict_new();
            qdict_join(args.options, more, true);
            qobject_unref(more);
            continue;
        }
        ret = qemu_io_open_option(&args, c);
    }
    if (ret == -ENOENT) {
        ret = qemu_io_usage(argv[0]);
    }
    if (ret == 0 && optind == argc - 1) {
        return qemu_io_open(argv[optind], &args) ? -EINVAL : 0;
    }
    if (ret == 0 && optind == argc) {
        return qemu_io_open(NULL, &args) ? -EINVAL : 0;
    }
    qobject_unref(args.options);
    return ret < 0 ? ret : qemu_io_usage(argv[0]);
}

static int close_f(BlockBackend *blk, int argc, char **argv)
{
    qemu_io_close();
    return 0;
}

static int quit_f(BlockBackend *blk, int argc, char **argv)
{
    qemu_io_quitting = true;
    return 0;
}

static const char open_help[] =
    "\n"
    " opens a new file in the requested mode\n"
    "\n"
    " Example:\n"
    " 'open -n -o driver=raw /tmp/data' - opens raw data file read-write, "
    "uncached\n"
    "\n"
    " Opens a file for subsequent use by all of the other qemu-io commands.\n"
    " -r, -- open file read-only\n"
    " -s, -- use snapshot file\n"
    " -C, -- use copy-on-read\n"
    " -n, -- disable host cache, short for -t none\n"
    " -U, -- force shared permissions\n"
    " -k, -- use kernel AIO implementation (Linux only, prefer use of -i)\n"
    " -i, -- use AIO mode (threads, native or io_uring)\n"
    " -t, -- use the given cache mode for the image\n"
    " -d, -- use the given discard mode for the image\n"
    " -o, -- options to be given to the block driver"
    "\n";

const QemuIoCmd qemu_io_open_cmds[] = {
    { "close", "c", close_f, 0, 0, false, NULL, "close the current open file" },
    { "open", "o", open_f, 1, -1, true,
      "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]",
      "open the file specified by path", 0, open_help },
    { "quit", "q", quit_f, 0, 0, true, NULL, "exit the program" },
    { 0 },
};
