/*
 * qemu-io: exercises an image from the command line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/tool.h"

#include "config-host.h"
#include "backends/iothread.h"
#include "block/block.h"
#include "qobject/keyval.h"
#include "qom/object.h"
#include "util/error-report.h"
#include "util/main-loop.h"

#include <getopt.h>
#include <signal.h>

/* Options without a letter. */
enum {
    OPTION_OBJECT = 256,
    OPTION_IMAGE_OPTS,
};

typedef struct ToolArgs {
    OpenArgs open;
    GPtrArray *cmds;
    const char *format;
    bool image_opts;
} ToolArgs;

static const char version_text[] =
    "qemu-io version " QEMU_VERSION
    "\nCopyright (c) 2003-2025 Fabrice Bellard and the QEMU Project "
    "developers\n";

static void usage(void)
{
    printf(
        "Usage: qemu-io [OPTIONS]... [-c STRING]... [file]\n"
        "QEMU Disk exerciser\n"
        "\n"
        "  --object OBJECTDEF   define an object such as 'secret' for\n"
        "                       passwords and/or encryption keys\n"
        "  --image-opts         treat file as option string\n"
        "  -c, --cmd STRING     execute command with its arguments\n"
        "                       from the given string\n"
        "  -f, --format FMT     specifies the block driver to use\n"
        "  -r, --read-only      export read-only\n"
        "  -s, --snapshot       use snapshot file\n"
        "  -n, --nocache        disable host cache, short for -t none\n"
        "  -C, --copy-on-read   enable copy-on-read\n"
        "  -m, --misalign       misalign allocations for O_DIRECT\n"
        "  -k, --native-aio     use kernel AIO implementation\n"
        "                       (Linux only, prefer use of -i)\n"
        "  -i, --aio=MODE       use AIO mode (threads, native or io_uring)\n"
        "  -t, --cache=MODE     use the given cache mode for the image\n"
        "  -d, --discard=MODE   use the given discard mode for the image\n"
        "  -T, --trace [[enable=]<pattern>][,events=<file>][,file=<file>]\n"
        "                       specify tracing options\n"
        "                       see qemu-img(1) man page for full description\n"
        "  -U, --force-share    force shared permissions\n"
        "  -h, --help           display this help and exit\n"
        "  -V, --version        output version information and exit\n"
        "\n"
        "See 'qemu-io -c help' for information on available commands.\n"
        "\n"
        "See <https://qemu.org/contribute/report-a-bug> for how to report "
        "bugs.\n"
        "More information on the QEMU project at <https://qemu.org>.\n");
}

/* No event can be traced; whoever names one is told so. */
static void parse_trace(const char *arg)
{
    if (!strcmp(arg, "help")) {
        exit(0);
    }
    arg = g_str_has_prefix(arg, "enable=") ? arg + strlen("enable=") : arg;
    if (!strpbrk(arg, "*?=")) {
        warn_report("trace event '%.*s' does not exist", (int)strcspn(arg, ","),
                    arg);
    }
}

static void parse_option(ToolArgs *args, int c)
{
    switch (c) {
    case 'c':
        g_ptr_array_add(args->cmds, optarg);
        break;
    case 'f':
        args->format = optarg;
        break;
    case 'h':
        usage();
        exit(0);
    case 'm':
        qemu_io_misalign = true;
        break;
    case 'T':
        parse_trace(optarg);
        break;
    case 'V':
        printf("%s", version_text);
        exit(0);
    case OPTION_IMAGE_OPTS:
        args->image_opts = true;
        break;
    case OPTION_OBJECT:
        user_creatable_process_cmdline(optarg);
        break;
    default:
        switch (qemu_io_open_option(&args->open, c)) {
        case -ENOENT:
            usage();
            exit(1);
        case 0:
            break;
        default:
            exit(1);
        }
    }
}

static void parse_options(ToolArgs *args, int argc, char **argv)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "cmd", required_argument, NULL, 'c' },
        { "format", required_argument, NULL, 'f' },
        { "read-only", no_argument, NULL, 'r' },
        { "snapshot", no_argument, NULL, 's' },
        { "nocache", no_argument, NULL, 'n' },
        { "copy-on-read", no_argument, NULL, 'C' },
        { "misalign", no_argument, NULL, 'm' },
        { "native-aio", no_argument, NULL, 'k' },
        { "aio", required_argument, NULL, 'i' },
        { "discard", required_argument, NULL, 'd' },
        { "cache", required_argument, NULL, 't' },
        { "trace", required_argument, NULL, 'T' },
        { "force-share", no_argument, NULL, 'U' },
        { "object", required_argument, NULL, OPTION_OBJECT },
        { "image-opts", no_argument, NULL, OPTION_IMAGE_OPTS },
        { 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "hVc:d:f:rsnCmki:t:T:U", longs,
                            NULL)) != -1) {
        parse_option(args, c);
    }
    if (argc - optind > 1) {
        usage();
        exit(1);
    }
    if (args->format && args->image_opts) {
        error_report("--image-opts and -f are mutually exclusive");
        exit(1);
    }
}

static int open_image(ToolArgs *args, const char *name)
{
    Error *err = NULL;

    if (args->image_opts) {
        args->open.options = opts_parse(name, NULL, NULL, &err);
        if (!args->open.options) {
            error_report_err(err);
            return 1;
        }
        return qemu_io_open(NULL, &args->open);
    }
    if (args->format) {
        args->open.options = qdict_new();
        qdict_put_str(args->open.options, "driver", args->format);
    }
    return qemu_io_open(name, &args->open);
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) cmds = g_ptr_array_new();
    ToolArgs args = {
        .open.flags = BDRV_O_UNMAP | BDRV_O_RDWR,
        .open.writethrough = true,
        .cmds = cmds,
    };
    Error *err = NULL;
    bool ok = true;

    signal(SIGPIPE, SIG_IGN);
    error_init(argv[0]);
    qemu_io_tool_cmds = qemu_io_open_cmds;
    if (!qemu_init_main_loop(&err)) {
        error_report_err(err);
        return 1;
    }
    type_register_table(qom_types);
    type_register_table(backends_types);
    bdrv_init();
    parse_options(&args, argc, argv);
    if (optind < argc && open_image(&args, argv[optind])) {
        return 1;
    }
    for (guint i = 0; i < cmds->len && !qemu_io_quitting; i++) {
        if (qemu_io_command(qemu_io_image, cmds->pdata[i]) < 0) {
            ok = false;
        }
    }
    if (!cmds->len) {
        ok = qemu_io_session();
    }
    qemu_io_close();
    bdrv_close_all();
    user_creatable_cleanup();
    return ok ? 0 : 1;
}
