/*
 * Options, memory, verification and report of a request.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/request.h"

#include "block/block-io.h"
#include "tools/qemu-io/qemu-io.h"
#include "util/cutils.h"
#include "util/memalign.h"

#include <getopt.h>
#include <time.h>

/* With -m memory begins this many bytes behind an aligned address. */
#define MISALIGN_OFFSET 16

bool qemu_io_misalign;

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

int request_parse_number(const char *arg, int64_t *value)
{
    *value = qemu_io_number(arg);
    return *value < 0 ? (int)*value : 0;
}

int request_parse_option(Request *r, int c, const char *name)
{
    switch (c) {
    case 'b':
        r->vmstate = true;
        return 0;
    case 'C':
        r->machine = true;
        return 0;
    case 'c':
        r->compressed = true;
        return 0;
    case 'f':
        r->flags |= BDRV_REQ_FUA;
        return 0;
    case 'i':
        r->invalid = true;
        return 0;
    case 'l':
        r->has_vlen = true;
        return request_parse_number(optarg, &r->vlen);
    case 'n':
        r->flags |= BDRV_REQ_NO_FALLBACK;
        return 0;
    case 'p': /* was another way to read */
        return 0;
    case 'P':
        return parse_pattern(r, optarg);
    case 'q':
        r->quiet = true;
        return 0;
    case 'r': /* memory is registered where that helps */
        return 0;
    case 'u':
        r->flags |= BDRV_REQ_MAY_UNMAP;
        return 0;
    case 'v':
        r->dump = true;
        return 0;
    case 'z':
        r->zero = true;
        return 0;
    }
    return qemu_io_usage(name);
}

int request_alloc(Request *r, BlockBackend *blk, const char *name, int fill)
{
    size_t extra = qemu_io_misalign ? MISALIGN_OFFSET : 0;

    r->buf = bdrv_try_blockalign(blk_bs(blk), r->bytes + extra);
    if (!r->buf) {
        printf("%s failed: %s\n", name, strerror(ENOMEM));
        return -ENOMEM;
    }
    r->buf += extra;
    memset(r->buf, fill, r->bytes);
    return 0;
}

int request_alloc_from_file(Request *r, BlockBackend *blk, const char *name)
{
    FILE *f = fopen(r->source, "r");
    size_t len;
    int ret;

    if (!f) {
        ret = -errno;
        fprintf(stderr, "%s: %s\n", r->source, strerror(-ret));
        return ret;
    }
    ret = request_alloc(r, blk, name, 0);
    if (ret < 0) {
        fclose(f);
        return ret;
    }
    len = fread(r->buf, 1, r->bytes, f);
    ret = ferror(f) ? -errno : 0;
    fclose(f);
    if (ret < 0) {
        printf("%s: %s\n", r->source, strerror(-ret));
        return ret;
    }
    if (!len && r->bytes) {
        fprintf(stderr, "%s: file is empty\n", r->source);
        return -EINVAL;
    }
    for (int64_t i = len; i < r->bytes; i++) {
        r->buf[i] = r->buf[i - len];
    }
    return 0;
}

int request_alloc_vectors(Request *r, BlockBackend *blk, int argc, char **argv,
                          int fill)
{
    uint8_t *p;
    int ret;

    r->iov = g_new0(struct iovec, argc);
    r->niov = argc;
    for (int i = 0; i < argc; i++) {
        int64_t len = qemu_io_number(argv[i]);

        if (len < 0) {
            return (int)len;
        }
        if (len > BDRV_REQUEST_MAX_BYTES ||
            r->bytes > BDRV_REQUEST_MAX_BYTES - len) {
            if (len > BDRV_REQUEST_MAX_BYTES) {
                printf("Argument '%s' exceeds maximum size %" PRIu64 "\n",
                       argv[i], (uint64_t)BDRV_REQUEST_MAX_BYTES);
            } else {
                printf("The total number of bytes exceed the maximum size "
                       "%" PRIu64 "\n",
                       (uint64_t)BDRV_REQUEST_MAX_BYTES);
            }
            return -EINVAL;
        }
        r->iov[i].iov_len = len;
        r->bytes += len;
    }
    ret = request_alloc(r, blk, "allocation", fill);
    p = r->buf;
    for (int i = 0; ret == 0 && i < argc; i++) {
        r->iov[i].iov_base = p;
        p += r->iov[i].iov_len;
    }
    return ret;
}

void request_cleanup(Request *r)
{
    if (r->buf) {
        qemu_vfree(r->buf - (qemu_io_misalign ? MISALIGN_OFFSET : 0));
    }
    g_free(r->iov);
    r->buf = NULL;
    r->iov = NULL;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void request_begin(Request *r)
{
    r->began = now_ns();
}

void request_end(Request *r)
{
    r->took = MAX(now_ns() - r->began, 1);
}

void request_dump(const Request *r)
{
    for (int64_t i = 0; i < r->bytes; i += 16) {
        int64_t n = MIN(16, r->bytes - i);

        printf("%08" PRIx64 ":  ", r->offset + i);
        for (int64_t j = 0; j < n; j++) {
            printf("%02x ", r->buf[i + j]);
        }
        putchar(' ');
        for (int64_t j = 0; j < n; j++) {
            uint8_t c = r->buf[i + j];

            putchar(g_ascii_isprint(c) ? c : '.');
        }
        putchar('\n');
    }
}

void request_report(const Request *r, const char *op)
{
    int64_t ns = r->took;
    double sec = ns / 1e9;
    unsigned whole = ns / 1000000000;
    unsigned part = ns / 10000000 % 100;
    g_autofree char *size = qemu_io_size(r->bytes);
    g_autofree char *rate = qemu_io_size(r->bytes / sec);
    g_autofree char *time = NULL;

    if (r->machine) {
        printf("%" PRId64 ",1,%u:%02u:%02u.%02u,%.3f,%.3f\n", r->bytes,
               whole / 3600, whole / 60 % 60, whole % 60, part, r->bytes / sec,
               1 / sec);
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
           1 / sec);
}

int request_verify(const Request *r)
{
    for (int64_t i = 0; i < r->vlen; i++) {
        if (r->buf[r->vstart + i] != r->pattern) {
            printf("Pattern verification failed at offset %" PRId64 ", %" PRId64
                   " bytes\n",
                   r->offset + r->vstart, r->vlen);
            return -EINVAL;
        }
    }
    return 0;
}
