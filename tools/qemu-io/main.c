/*
 * qemu-io: exercises an image from the command line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "block/block.h"
#include "qobject/keyval.h"
#include "util/error-report.h"
#include "util/main-loop.h"

#include <getopt.h>

static BlockBackend *image;
static bool quitting;

static int quit_f(BlockBackend *blk, int argc, char **argv)
{
    quitting = true;
    return 0;
}

static int close_f(BlockBackend *blk, int argc, char **argv)
{
    blk_unref(image);
    image = NULL;
    return 0;
}

static int sigraise_f(BlockBackend *blk, int argc, char **argv)
{
    int64_t sig = qemu_io_number(argv[1]);

    if (sig < 0) {
        qemu_io_number_error(sig, argv[1]);
        return (int)sig;
    }
    /* What is buffered is for the one who reads our output. */
    fflush(stdout);
    raise((int)MIN(sig, NSIG));
    return 0;
}

static int abort_f(BlockBackend *blk, int argc, char **argv)
{
    abort();
}

static const QemuIoCmd tool_cmds[] = {
    { "quit", "q", quit_f, 0, 0, true, NULL, "exit the program" },
    { "close", "c", close_f, 0, 0, false, NULL, "close the current open file" },
    { "sigraise", NULL, sigraise_f, 1, 1, true, "signal", "raises a signal" },
    { "abort", NULL, abort_f, 0, 0, true, NULL,
      "simulate a program crash using abort(3)" },
    { 0 },
};

static void run_stdin(int *ret)
{
    g_autofree char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while (!quitting) {
        printf("qemu-io> ");
        fflush(stdout);
        n = getline(&line, &size, stdin);
        if (n < 0) {
            break;
        }
        g_strchomp(line);
        /* Errors of a session do not count for the exit status. */
        qemu_io_command(image, line);
    }
    *ret = 0;
}

static QDict *open_options(const char *name, const char *format,
                           bool image_opts, bool force_share)
{
    QDict *opts = NULL;
    Error *err = NULL;

    if (image_opts) {
        opts = opts_parse(name, NULL, NULL, &err);
        if (!opts) {
            error_report_err(err);
            exit(1);
        }
    } else {
        opts = qdict_new();
        if (format) {
            qdict_put_str(opts, "driver", format);
        }
    }
    if (force_share) {
        qdict_put_bool(opts, "force-share", true);
    }
    return opts;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "cmd", 1, NULL, 'c' },         { "format", 1, NULL, 'f' },
        { "read-only", 0, NULL, 'r' },   { "nocache", 0, NULL, 'n' },
        { "native-aio", 0, NULL, 'k' },  { "aio", 1, NULL, 'i' },
        { "cache", 1, NULL, 't' },       { "discard", 1, NULL, 'd' },
        { "force-share", 0, NULL, 'U' }, { "image-opts", 0, NULL, 256 },
        { "version", 0, NULL, 'V' },     { 0 },
    };
    g_autoptr(GPtrArray) cmds = g_ptr_array_new();
    const char *format = NULL;
    bool image_opts = false, writethrough = false, share = false;
    int flags = BDRV_O_UNMAP | BDRV_O_RDWR;
    Error *err = NULL;
    int c, ret = 0;

    error_init(argv[0]);
    qemu_io_tool_cmds = tool_cmds;
    while ((c = getopt_long(argc, argv, "c:f:rnki:t:d:UV", longs, NULL)) !=
           -1) {
        switch (c) {
        case 'c':
            g_ptr_array_add(cmds, optarg);
            break;
        case 'f':
            format = optarg;
            break;
        case 'r':
            flags &= ~BDRV_O_RDWR;
            break;
        case 'n':
            flags |= BDRV_O_NOCACHE;
            break;
        case 'k':
            flags |= BDRV_O_NATIVE_AIO;
            break;
        case 'i':
            if (!strcmp(optarg, "native")) {
                flags |= BDRV_O_NATIVE_AIO;
            } else if (!strcmp(optarg, "io_uring")) {
                flags |= BDRV_O_IO_URING;
            } else if (strcmp(optarg, "threads")) {
                error_report("Invalid aio option: %s", optarg);
                return 1;
            }
            break;
        case 't':
            if (bdrv_parse_cache_mode(optarg, &flags, &writethrough) < 0) {
                error_report("Invalid cache option: %s", optarg);
                return 1;
            }
            break;
        case 'd':
            if (!strcmp(optarg, "off") || !strcmp(optarg, "ignore")) {
                flags &= ~BDRV_O_UNMAP;
            } else if (strcmp(optarg, "on") && strcmp(optarg, "unmap")) {
                error_report("Invalid discard option: %s", optarg);
                return 1;
            }
            break;
        case 'U':
            share = true;
            break;
        case 256:
            image_opts = true;
            break;
        case 'V':
            printf("qemu-io version " QEMU_VERSION "\n");
            return 0;
        default:
            return 1;
        }
    }
    if (argc - optind > 1) {
        error_report("Only one file can be opened");
        return 1;
    }
    if (!qemu_init_main_loop(&err)) {
        error_report_err(err);
        return 1;
    }
    bdrv_init();
    if (optind < argc) {
        const char *name = argv[optind];

        image = blk_new_open(image_opts ? NULL : name, NULL,
                             open_options(name, format, image_opts, share),
                             flags, &err);
        if (!image) {
            error_reportf_err(err,
                              "can't open%s%s: ", image_opts ? "" : " device ",
                              image_opts ? "" : name);
            return 1;
        }
        blk_set_enable_write_cache(image, !writethrough);
    }
    for (guint i = 0; i < cmds->len && !quitting; i++) {
        if (qemu_io_command(image, cmds->pdata[i]) < 0) {
            ret = 1;
        }
    }
    if (!cmds->len) {
        run_stdin(&ret);
    }
    blk_unref(image);
    bdrv_close_all();
    return ret;
}
