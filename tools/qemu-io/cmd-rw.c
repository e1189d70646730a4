/*
 * read, write, discard: requests that are timed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "block/block-io.h"
#include "util/cutils.h"
#include "util/memalign.h"

#include <getopt.h>

typedef struct Request {
    bool machine, quiet, dump, zero, has_pattern;
    int pattern;
    int64_t vstart, vlen; /* of the verification; -1: not given */
    int64_t offset, bytes;
    BdrvRequestFlags flags;
} Request;

static void report(const char *op, const Request *r, gint64 usec)
{
    double sec = usec / 1e6;
    unsigned whole = usec / G_USEC_PER_SEC;
    unsigned part = usec % G_USEC_PER_SEC / 10000;
    g_autofree char *size = qemu_io_size(r->bytes);
    g_autofree char *rate = qemu_io_size(sec > 0 ? r->bytes / sec : 0);
    g_autofree char *time = NULL;

    if (r->machine) {
        printf("%" PRId64 ",1,%u:%02u:%02u.%02u,%.3f,%.3f\n", r->bytes,
               whole / 3600, whole / 60 % 60, whole % 60, part,
               sec > 0 ? r->bytes / sec : 0, sec > 0 ? 1 / sec : 0);
        return;
    }
    if (whole >= 3600) {
        time = g_strdup_printf("%u:%02u:%02u.%02u", whole / 3600,
                               whole / 60 % 60, whole % 60, part);
    } else if (whole >= 60) {
        time = g_strdup_printf("%02u:%02u.%02u", whole / 60, whole % 60, part);
    } else {
        time = g_strdup_printf("%02u.%02u sec", whole, part);
    }
    printf("%s %" PRId64 "/%" PRId64 " bytes at offset %" PRId64 "\n", op,
           r->bytes, r->bytes, r->offset);
    printf("%s, 1 ops; %s (%s/sec and %.4f ops/sec)\n", size, time, rate,
           sec > 0 ? 1 / sec : 0);
}

static void hexdump(const uint8_t *buf, int64_t offset, int64_t len)
{
    for (int64_t i = 0; i < len; i += 16) {
        int64_t n = MIN(16, len - i);

        printf("%08" PRIx64 ":  ", offset + i);
        for (int64_t j = 0; j < n; j++) {
            printf("%02x ", buf[i + j]);
        }
        putchar(' ');
        for (int64_t j = 0; j < n; j++) {
            putchar(g_ascii_isprint(buf[i + j]) ? buf[i + j] : '.');
        }
        putchar('\n');
    }
}

static int parse_pattern(Request *r, const char *arg)
{
    unsigned value;

    if (qemu_strtoui(arg, NULL, 0, &value) < 0 || value > 0xff) {
        printf("%s is not a valid pattern byte\n", arg);
        return -EINVAL;
    }
    r->pattern = (int)value;
    r->has_pattern = true;
    return 0;
}

static int parse_number(const char *arg, int64_t *value)
{
    *value = qemu_io_number(arg);
    if (*value < 0) {
        qemu_io_number_error(*value, arg);
        return (int)*value;
    }
    return 0;
}

/* The offset and length, the last arguments. */
static int parse_range(Request *r, int argc, char **argv, bool any_length)
{
    if (optind != argc - 2) {
        qemu_io_usage(qemu_io_find(argv[0]));
        return -EINVAL;
    }
    if (parse_number(argv[optind], &r->offset) < 0 ||
        parse_number(argv[optind + 1], &r->bytes) < 0) {
        return -EINVAL;
    }
    if (!any_length && r->bytes > BDRV_REQUEST_MAX_BYTES) {
        printf("length cannot exceed %" PRId64 "%s, given %s\n",
               BDRV_REQUEST_MAX_BYTES,
               !strcmp(argv[0], "write") ? " without -n" : "",
               argv[optind + 1]);
        return -EINVAL;
    }
    return 0;
}

static int parse_flag(Request *r, int c, char **argv)
{
    switch (c) {
    case 'C':
        r->machine = true;
        return 0;
    case 'q':
        r->quiet = true;
        return 0;
    case 'v':
        r->dump = true;
        return 0;
    case 'p':
    case 'r':
        return 0;
    case 'P':
        return parse_pattern(r, optarg);
    case 's':
        return parse_number(optarg, &r->vstart);
    case 'l':
        return parse_number(optarg, &r->vlen);
    case 'z':
        r->zero = true;
        return 0;
    case 'u':
        r->flags |= BDRV_REQ_MAY_UNMAP;
        return 0;
    case 'n':
        r->flags |= BDRV_REQ_NO_FALLBACK;
        return 0;
    case 'f':
        r->flags |= BDRV_REQ_FUA;
        return 0;
    default:
        qemu_io_usage(qemu_io_find(argv[0]));
        return -EINVAL;
    }
}

static int read_f(BlockBackend *blk, int argc, char **argv)
{
    Request r = { .vstart = -1, .vlen = -1 };
    QEMU_AUTO_VFREE uint8_t *buf = NULL;
    gint64 start;
    int c, ret;

    while ((c = getopt(argc, argv, "Cl:pP:qrs:v")) != -1) {
        if (parse_flag(&r, c, argv) < 0) {
            return -EINVAL;
        }
    }
    ret = parse_range(&r, argc, argv, false);
    if (ret < 0) {
        return ret;
    }
    if (!r.has_pattern && (r.vstart >= 0 || r.vlen >= 0)) {
        qemu_io_usage(qemu_io_find(argv[0]));
        return -EINVAL;
    }
    r.vstart = MAX(r.vstart, 0);
    if (r.vstart > r.bytes || (r.vlen >= 0 && r.vlen > r.bytes - r.vstart)) {
        printf("pattern verification range exceeds end of read data\n");
        return -EINVAL;
    }
    r.vlen = r.vlen < 0 ? r.bytes - r.vstart : r.vlen;
    buf = bdrv_try_blockalign(blk_bs(blk), r.bytes);
    if (!buf) {
        printf("%s failed: %s\n", argv[0], strerror(ENOMEM));
        return -ENOMEM;
    }
    memset(buf, 0xab, r.bytes);
    start = g_get_monotonic_time();
    ret = blk_pread(blk, r.offset, r.bytes, buf, 0);
    start = g_get_monotonic_time() - start;
    if (ret < 0) {
        printf("read failed: %s\n", strerror(-ret));
        return ret;
    }
    for (int64_t i = 0; r.has_pattern && i < r.vlen; i++) {
        if (buf[r.vstart + i] != r.pattern) {
            printf("Pattern verification failed at offset %" PRId64 ", %" PRId64
                   " bytes\n",
                   r.offset + r.vstart, r.vlen);
            ret = -EINVAL;
            break;
        }
    }
    if (!r.quiet) {
        if (r.dump) {
            hexdump(buf, r.offset, r.bytes);
        }
        report("read", &r, start);
    }
    return MIN(ret, 0);
}

static int write_f(BlockBackend *blk, int argc, char **argv)
{
    Request r = { .pattern = 0xcd };
    QEMU_AUTO_VFREE uint8_t *buf = NULL;
    gint64 start;
    int c, ret;

    while ((c = getopt(argc, argv, "CfnpP:qruz")) != -1) {
        if (parse_flag(&r, c, argv) < 0) {
            return -EINVAL;
        }
    }
    if (r.zero && r.has_pattern) {
        printf("Only one of -z, -P, and -s can be specified at the same "
               "time\n");
        return -EINVAL;
    }
    if (!r.zero && (r.flags & (BDRV_REQ_NO_FALLBACK | BDRV_REQ_MAY_UNMAP))) {
        printf("-%c requires -z to be specified\n",
               r.flags & BDRV_REQ_NO_FALLBACK ? 'n' : 'u');
        return -EINVAL;
    }
    ret = parse_range(&r, argc, argv, r.flags & BDRV_REQ_NO_FALLBACK);
    if (ret < 0) {
        return ret;
    }
    if (!r.zero) {
        buf = bdrv_try_blockalign(blk_bs(blk), r.bytes);
        if (!buf) {
            printf("%s failed: %s\n", argv[0], strerror(ENOMEM));
            return -ENOMEM;
        }
        memset(buf, r.pattern, r.bytes);
    }
    start = g_get_monotonic_time();
    ret = r.zero ? blk_pwrite_zeroes(blk, r.offset, r.bytes, r.flags)
                 : blk_pwrite(blk, r.offset, r.bytes, buf, r.flags);
    start = g_get_monotonic_time() - start;
    if (ret < 0) {
        printf("write failed: %s\n", strerror(-ret));
        return ret;
    }
    if (!r.quiet) {
        report("wrote", &r, start);
    }
    return 0;
}

static int discard_f(BlockBackend *blk, int argc, char **argv)
{
    Request r = { 0 };
    gint64 start;
    int c, ret;

    while ((c = getopt(argc, argv, "Cq")) != -1) {
        if (parse_flag(&r, c, argv) < 0) {
            return -EINVAL;
        }
    }
    ret = parse_range(&r, argc, argv, false);
    if (ret < 0) {
        return ret;
    }
    start = g_get_monotonic_time();
    ret = blk_pdiscard(blk, r.offset, r.bytes);
    start = g_get_monotonic_time() - start;
    if (ret < 0) {
        printf("discard failed: %s\n", strerror(-ret));
        return ret;
    }
    if (!r.quiet) {
        report("discard", &r, start);
    }
    return 0;
}

const QemuIoCmd qemu_io_rw_cmds[] = {
    { "read", "r", read_f, 2, -1, false,
      "[-abCqrv] [-P pattern [-s off] [-l len]] off len",
      "reads a number of bytes at a specified offset" },
    { "write", "w", write_f, 2, -1, false,
      "[-bcCfnqruz] [-P pattern | -s source_file] off len",
      "writes a number of bytes at a specified offset", true },
    { "discard", "d", discard_f, 2, -1, false, "[-Cq] off len",
      "discards a number of bytes at a specified offset", true },
    { 0 },
};
