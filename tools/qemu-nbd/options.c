/*
 * The options of qemu-nbd, one by one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-nbd/options.h"

#include "config-host.h"
#include "block/block.h"
#include "block/options.h"
#include "export/nbd.h"
#include "qobject/keyval.h"
#include "qom/object.h"
#include "tools/lib/trace-option.h"
#include "tools/qemu-nbd/qemu-nbd-options.h"
#include "util/cutils.h"
#include "util/error-report.h"

#include <getopt.h>

/* Options without a letter. */
enum {
    OPTION_OBJECT = 256,
    OPTION_TLS_CREDS,
    OPTION_TLS_AUTHZ,
    OPTION_TLS_HOSTNAME,
    OPTION_FORK,
    OPTION_PID_FILE,
    OPTION_SELINUX_LABEL,
    OPTION_CACHE,
    OPTION_AIO,
    OPTION_DISCARD,
    OPTION_DETECT_ZEROES,
    OPTION_IMAGE_OPTS,
    OPTION_HANDSHAKE_LIMIT,
};

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { "port", required_argument, NULL, 'p' },
    { "bind", required_argument, NULL, 'b' },
    { "socket", required_argument, NULL, 'k' },
    { "shared", required_argument, NULL, 'e' },
    { "persistent", no_argument, NULL, 't' },
    { "verbose", no_argument, NULL, 'v' },
    { "export-name", required_argument, NULL, 'x' },
    { "description", required_argument, NULL, 'D' },
    { "handshake-limit", required_argument, NULL, OPTION_HANDSHAKE_LIMIT },
    { "offset", required_argument, NULL, 'o' },
    { "allocation-depth", no_argument, NULL, 'A' },
    { "bitmap", required_argument, NULL, 'B' },
    { "list", no_argument, NULL, 'L' },
    { "object", required_argument, NULL, OPTION_OBJECT },
    { "tls-creds", required_argument, NULL, OPTION_TLS_CREDS },
    { "tls-authz", required_argument, NULL, OPTION_TLS_AUTHZ },
    { "tls-hostname", required_argument, NULL, OPTION_TLS_HOSTNAME },
    { "trace", required_argument, NULL, 'T' },
    { "fork", no_argument, NULL, OPTION_FORK },
    { "pid-file", required_argument, NULL, OPTION_PID_FILE },
    { "selinux-label", required_argument, NULL, OPTION_SELINUX_LABEL },
    { "connect", required_argument, NULL, 'c' },
    { "disconnect", no_argument, NULL, 'd' },
    { "format", required_argument, NULL, 'f' },
    { "read-only", no_argument, NULL, 'r' },
    { "snapshot", no_argument, NULL, 's' },
    { "load-snapshot", required_argument, NULL, 'l' },
    { "nocache", no_argument, NULL, 'n' },
    { "cache", required_argument, NULL, OPTION_CACHE },
    { "aio", required_argument, NULL, OPTION_AIO },
    { "discard", required_argument, NULL, OPTION_DISCARD },
    { "detect-zeroes", required_argument, NULL, OPTION_DETECT_ZEROES },
    { "image-opts", no_argument, NULL, OPTION_IMAGE_OPTS },
    { 0 },
};

static void G_GNUC_NORETURN die(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vreport(fmt, ap);
    va_end(ap);
    exit(EXIT_FAILURE);
}

static void usage(void)
{
    const char *name = error_get_progname();

    printf("Usage: %s [OPTIONS] FILE\n"
           "  or:  %s -L [OPTIONS]\n"
           "QEMU Disk Network Block Device Utility\n"
           "\n"
           "%s"
           "See <https://qemu.org/contribute/report-a-bug> for how to report "
           "bugs.\n"
           "More information on the QEMU project at <https://qemu.org>.\n",
           name, name, qemu_nbd_options_help);
}

static void version(void)
{
    printf("%s " QEMU_VERSION "\n"
           "Written by Anthony Liguori.\n"
           "\n"
           "Copyright (c) 2003-2025 Fabrice Bellard and the QEMU Project "
           "developers\n"
           "This is free software; see the source for copying conditions.  "
           "There is NO\n"
           "warranty; not even for MERCHANTABILITY or FITNESS FOR A "
           "PARTICULAR PURPOSE.\n",
           error_get_progname());
}

/* --- objects --- */

static GPtrArray *objects; /* of the texts of --object */

void nbd_tool_make_objects(void)
{
    for (guint i = 0; objects && i < objects->len; i++) {
        user_creatable_process_cmdline(objects->pdata[i]);
    }
}

static void remember_object(const char *text)
{
    if (!objects) {
        objects = g_ptr_array_new();
    }
    g_ptr_array_add(objects, (char *)text);
}

/* --- options of the image --- */

static void parse_cache(NbdToolConfig *c, const char *mode)
{
    if (c->seen_cache) {
        die("-n and --cache can only be specified once");
    }
    c->seen_cache = true;
    if (bdrv_parse_cache_mode(mode, &c->flags, &c->writethrough) < 0) {
        die("Invalid cache mode `%s'", mode);
    }
}

static void parse_aio(NbdToolConfig *c, const char *mode)
{
    if (c->seen_aio) {
        die("--aio can only be specified once");
    }
    c->seen_aio = true;
    if (!strcmp(mode, "native")) {
        c->flags |= BDRV_O_NATIVE_AIO;
    } else if (!strcmp(mode, "io_uring")) {
        c->flags |= BDRV_O_IO_URING;
    } else if (!strcmp(mode, "threads")) {
        c->flags |= BDRV_O_AIO_THREADS;
    } else {
        die("Invalid aio mode '%s'", mode);
    }
}

static void parse_discard(NbdToolConfig *c, const char *mode)
{
    if (c->seen_discard) {
        die("--discard can only be specified once");
    }
    c->seen_discard = true;
    if (!bdrv_parse_discard(mode, &c->flags)) {
        die("Invalid discard mode `%s'", mode);
    }
}

static void parse_detect_zeroes(NbdToolConfig *c, const char *mode)
{
    for (int i = 0; bdrv_detect_zeroes_names[i]; i++) {
        if (!strcmp(bdrv_detect_zeroes_names[i], mode)) {
            c->detect_zeroes = i;
            if (!strcmp(mode, "unmap") && !(c->flags & BDRV_O_UNMAP)) {
                die("setting detect-zeroes to unmap is not allowed without "
                    "setting discard operation to unmap");
            }
            return;
        }
    }
    die("Failed to parse detect_zeroes mode: invalid parameter value: %s",
        mode);
}

static void parse_snapshot(NbdToolConfig *c, const char *param)
{
    Error *err = NULL;

    if (!g_str_has_prefix(param, "snapshot.")) {
        c->snapshot = param;
    } else {
        c->snapshot_param = opts_parse(param, NULL, NULL, &err);
        if (c->snapshot_param) {
            const QDictEntry *e;

            for (e = qdict_first(c->snapshot_param); e && !err;
                 e = qdict_next(c->snapshot_param, e)) {
                const char *key = qdict_entry_key(e);

                if (strcmp(key, "snapshot.id") &&
                    strcmp(key, "snapshot.name")) {
                    error_setg(&err, "Invalid parameter '%s'", key);
                }
            }
        }
        if (err) {
            error_report_err(err);
            die("Failed in parsing snapshot param `%s'", param);
        }
    }
    c->read_only = true;
    c->flags &= ~BDRV_O_RDWR;
}

static void add_bitmap(NbdToolConfig *c, const char *name)
{
    BlockDirtyBitmapOrStrList *l = g_new0(BlockDirtyBitmapOrStrList, 1);

    l->value = g_new0(BlockDirtyBitmapOrStr, 1);
    l->value->type = QTYPE_QSTRING;
    l->value->u.local = g_strdup(name);
    l->next = c->bitmaps;
    c->bitmaps = l;
}

static bool image_option(NbdToolConfig *c, int opt)
{
    switch (opt) {
    case 'f':
        c->format = optarg;
        return true;
    case 'r':
        c->read_only = true;
        c->flags &= ~BDRV_O_RDWR;
        return true;
    case 's':
        c->flags |= BDRV_O_SNAPSHOT;
        return true;
    case 'l':
        parse_snapshot(c, optarg);
        return true;
    case 'n':
        parse_cache(c, "none");
        return true;
    case OPTION_CACHE:
        parse_cache(c, optarg);
        return true;
    case OPTION_AIO:
        parse_aio(c, optarg);
        return true;
    case OPTION_DISCARD:
        parse_discard(c, optarg);
        return true;
    case OPTION_DETECT_ZEROES:
        parse_detect_zeroes(c, optarg);
        return true;
    case OPTION_IMAGE_OPTS:
        c->image_opts = true;
        return true;
    case 'o':
        if (qemu_strtou64(optarg, NULL, 0, &c->offset) < 0) {
            die("Invalid offset '%s'", optarg);
        }
        return true;
    case 'A':
        c->allocation_depth = true;
        return true;
    case 'B':
        add_bitmap(c, optarg);
        return true;
    }
    return false;
}

/* --- all others --- */

static bool connection_option(NbdToolConfig *c, int opt)
{
    switch (opt) {
    case 'p':
        c->port = optarg;
        return true;
    case 'b':
        c->bind = optarg;
        return true;
    case 'k':
        c->socket = optarg;
        return true;
    case 'e':
        if (qemu_strtoi(optarg, NULL, 0, &c->shared) < 0 || c->shared < 0) {
            die("Invalid shared device number '%s'", optarg);
        }
        return true;
    case 't':
        c->persistent = true;
        return true;
    case 'x':
        c->name = optarg;
        return true;
    case 'D':
        c->description = optarg;
        return true;
    case OPTION_HANDSHAKE_LIMIT:
        if (qemu_strtoi(optarg, NULL, 0, &c->handshake_limit) < 0 ||
            c->handshake_limit < 0) {
            die("Invalid handshake limit '%s'", optarg);
        }
        return true;
    case OPTION_TLS_CREDS:
        c->tls_creds_id = optarg;
        return true;
    case OPTION_TLS_AUTHZ:
        c->tls_authz = optarg;
        return true;
    case OPTION_TLS_HOSTNAME:
        c->tls_hostname = optarg;
        return true;
    }
    return false;
}

static void other_option(NbdToolConfig *c, int opt)
{
    switch (opt) {
    case 'v':
        c->verbose = true;
        break;
    case 'L':
        c->list = true;
        break;
    case 'c':
        c->device = optarg;
        break;
    case 'd':
        c->disconnect = true;
        break;
    case 'T':
        trace_option_handle(optarg);
        break;
    case OPTION_OBJECT:
        remember_object(optarg);
        break;
    case OPTION_FORK:
        c->fork = true;
        break;
    case OPTION_PID_FILE:
        c->pid_file = optarg;
        break;
    case OPTION_SELINUX_LABEL:
        c->selinux_label = optarg;
        break;
    case 'h':
        usage();
        exit(EXIT_SUCCESS);
    case 'V':
        version();
        exit(EXIT_SUCCESS);
    default:
        die("Try `%s --help' for more information.", error_get_progname());
    }
}

void nbd_tool_parse(NbdToolConfig *c, int argc, char **argv)
{
    int opt;

    *c = (NbdToolConfig){
        .flags = BDRV_O_RDWR,
        .shared = 1,
        .handshake_limit = NBD_DEFAULT_HANDSHAKE_LIMIT,
        .detect_zeroes = -1,
        .writethrough = false,
    };
    while ((opt = getopt_long(argc, argv, "hVb:o:p:rsnc:dvk:e:f:tl:x:T:D:AB:L",
                              long_options, NULL)) != -1) {
        if (!image_option(c, opt) && !connection_option(c, opt)) {
            other_option(c, opt);
        }
    }
    if (c->image_opts && c->format) {
        die("--image-opts and -f are mutually exclusive");
    }
}
