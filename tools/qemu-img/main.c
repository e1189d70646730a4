/*
 * qemu-img: work on disk images without a machine. This file has the table of
 * the sub-commands; each is a file of its own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tools/qemu-img/common.h"

#include "config-host.h"
#include "backends/iothread.h"
#include "qom/object.h"
#include "util/main-loop.h"

#include <signal.h>

static const ImgCmd commands[] = {
    { "amend", img_amend,
      "[--object objectdef] [--image-opts] [-p] [-q] [-f fmt] [-t cache] "
      "[--force] -o options filename" },
    { "bench", img_bench,
      "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] "
      "[-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] "
      "[-s buffer_size] [-S step_size] [-t cache] [-w] [-U] filename" },
    { "bitmap", img_bitmap,
      "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... "
      "[-b source_file [-F source_fmt]] [-g granularity] [--object objectdef] "
      "[--image-opts | -f fmt] filename bitmap" },
    { "check", img_check,
      "[--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] "
      "[-r [leaks | all]] [-T src_cache] [-U] filename" },
    { "commit", img_commit,
      "[--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] [-b base] "
      "[-r rate_limit] [-d] [-p] filename" },
    { "compare", img_compare,
      "[--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] "
      "[-p] [-q] [-s] [-U] filename1 filename2" },
    { "convert", img_convert,
      "[--object objectdef] [--image-opts] [--target-image-opts] "
      "[--target-is-zero] [-U] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] "
      "[-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] "
      "[-o options] [-S sparse_size] "
      "[-r rate_limit] [-m num_coroutines] [-W] [--salvage] filename "
      "[filename2 [...]] output_filename" },
    { "create", img_create,
      "[--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] "
      "[-u] [-o options] filename [size]" },
    { "dd", img_dd,
      "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] "
      "[count=blocks] [skip=blocks] if=input of=output" },
    { "info", img_info,
      "[--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] "
      "[--backing-chain] [-U] filename" },
    { "map", img_map,
      "[--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] "
      "[--max-length=len] [--output=ofmt] [-U] filename" },
    { "measure", img_measure,
      "[--output=ofmt] [-O output_fmt] [-o options] [--size N | "
      "[--object objectdef] [--image-opts] [-f fmt] filename]" },
    { "rebase", img_rebase,
      "[--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] "
      "[-T src_cache] [-p] [-u] [-c] -b backing_file [-F backing_fmt] "
      "filename" },
    { "resize", img_resize,
      "[--object objectdef] [--image-opts] [-f fmt] "
      "[--preallocation=prealloc] [-q] [--shrink] filename [+ | -]size" },
    { "snapshot", img_snapshot,
      "[--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | "
      "-c snapshot | -d snapshot] filename" },
    { NULL },
};

static const char version_text[] =
    "qemu-img version " QEMU_VERSION
    "\nCopyright (c) 2003-2025 Fabrice Bellard and the QEMU Project "
    "developers\n";

static void print_format(void *opaque, const char *name)
{
    printf(" %s", name);
}

void img_help(void)
{
    printf("%susage: qemu-img [standard options] command [command options]\n"
           "QEMU disk image utility\n\n"
           "    '-h', '--help'       display this help and exit\n"
           "    '-V', '--version'    output version information and exit\n"
           "    '-T', '--trace'      "
           "[[enable=]<pattern>][,events=<file>][,file=<file>]\n"
           "                         specify tracing options\n\n"
           "Command syntax:\n",
           version_text);
    for (const ImgCmd *cmd = commands; cmd->name; cmd++) {
        if (cmd->run) {
            printf("  %s %s\n", cmd->name, cmd->usage);
        }
    }
    printf("\nSupported formats:");
    bdrv_iterate_format(print_format, NULL, false);
    printf("\n\nSee <https://qemu.org/contribute/report-a-bug> for how to "
           "report bugs.\n"
           "More information on the QEMU project at <https://qemu.org>.\n");
    exit(0);
}

void img_usage_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vreport(fmt, ap);
    va_end(ap);
    error_printf("Try 'qemu-img --help' for more information\n");
    exit(1);
}

static int run_command(int argc, char **argv)
{
    const char *name = argv[0];

    for (const ImgCmd *cmd = commands; cmd->name; cmd++) {
        if (strcmp(cmd->name, name)) {
            continue;
        }
        if (!cmd->run) {
            error_report("%s: not in this build yet", name);
            return 1;
        }
        optind = 0; /* getopt begins anew */
        return cmd->run(argc, argv);
    }
    img_usage_error("Command not found: %s", name);
}

static void parse_standard_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "help", no_argument, 0, 'h' },
        { "version", no_argument, 0, 'V' },
        { "trace", required_argument, NULL, 'T' },
        { 0 },
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "+:hVT:", options, NULL)) != -1) {
        switch (c) {
        case ':':
            img_usage_error("missing argument for option '%s'",
                            argv[optind - 1]);
        case '?':
            img_usage_error("unrecognized option '%s'", argv[optind - 1]);
        case 'h':
            img_help();
        case 'V':
            printf("%s", version_text);
            exit(0);
        case 'T': /* no trace points yet: nothing to enable */
            break;
        }
    }
}

int main(int argc, char **argv)
{
    Error *err = NULL;
    int status;

    signal(SIGPIPE, SIG_IGN);
    error_init(argv[0]);
    if (!qemu_init_main_loop(&err)) {
        error_report_err(err);
        return 1;
    }
    type_register_table(qom_types);
    type_register_table(backends_types);
    bdrv_init();
    if (argc < 2) {
        img_usage_error("Not enough arguments");
    }
    parse_standard_options(argc, argv);
    if (optind >= argc) {
        img_usage_error("Not enough arguments");
    }
    status = run_command(argc - optind, argv + optind);
    bdrv_close_all();
    user_creatable_cleanup();
    return status;
}
