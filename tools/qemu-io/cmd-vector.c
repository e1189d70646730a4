/*
 * readv, writev: several buffers, and the command waits for the end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/request.h"

#include "block/sync.h"
#include "tools/qemu-io/qemu-io.h"

#include <getopt.h>

/* Options, offset, lengths; then there is memory. */
static int parse(Request *r, BlockBackend *blk, int argc, char **argv,
                 const char *letters, int fill)
{
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, letters)) != -1) {
        ret = request_parse_option(r, c, argv[0]);
    }
    if (ret == 0 && optind > argc - 2) {
        return qemu_io_usage(argv[0]);
    }
    ret = ret < 0 ? ret : request_parse_number(argv[optind], &r->offset);
    if (ret < 0) {
        return ret;
    }
    if (fill >= 0 && r->has_pattern) {
        fill = r->pattern;
    }
    return request_alloc_vectors(r, blk, argc - optind - 1, argv + optind + 1,
                                 fill >= 0 ? fill : 0xab);
}

static int coroutine_fn vector_co(BdrvSyncCall *s)
{
    const Request *r = s->buf;
    QEMUIOVector qiov;

    qemu_iovec_init_external(&qiov, r->iov, r->niov);
    return s->exact
               ? blk_co_pwritev(s->target, r->offset, r->bytes, &qiov, r->flags)
               : blk_co_preadv(s->target, r->offset, r->bytes, &qiov, 0);
}

static int do_request(BlockBackend *blk, Request *r, bool write)
{
    BdrvSyncCall s = {
        .co_fn = vector_co, .target = blk, .buf = r, .exact = write
    };
    int ret;

    request_begin(r);
    ret = bdrv_run_sync(&s);
    request_end(r);
    return ret;
}

static int readv_f(BlockBackend *blk, int argc, char **argv)
{
    g_auto(Request) r = { 0 };
    int ret = parse(&r, blk, argc, argv, "CP:qrv", -1);

    if (ret < 0) {
        return ret;
    }
    ret = do_request(blk, &r, false);
    if (ret < 0) {
        printf("readv failed: %s\n", strerror(-ret));
        return ret;
    }
    if (r.has_pattern) {
        r.vlen = r.bytes;
        ret = request_verify(&r);
    }
    if (r.dump && !r.quiet) {
        request_dump(&r);
    }
    if (!r.quiet) {
        request_report(&r, "read");
    }
    return ret;
}

static int writev_f(BlockBackend *blk, int argc, char **argv)
{
    g_auto(Request) r = { 0 };
    int ret = parse(&r, blk, argc, argv, "CfP:qr", 0xcd);

    if (ret < 0) {
        return ret;
    }
    ret = do_request(blk, &r, true);
    if (ret < 0) {
        printf("writev failed: %s\n", strerror(-ret));
        return ret;
    }
    if (!r.quiet) {
        request_report(&r, "wrote");
    }
    return 0;
}

static const char readv_help[] =
    "\n"
    " reads a range of bytes from the given offset into multiple buffers\n"
    "\n"
    " Example:\n"
    " 'readv -v 512 1k 1k ' - dumps 2 kilobytes read from 512 bytes into the "
    "file\n"
    "\n"
    " Reads a segment of the currently open file, optionally dumping it to "
    "the\n"
    " standard output stream (with -v option) for subsequent inspection.\n"
    " Uses multiple iovec buffers if more than one byte range is specified.\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -P, -- use a pattern to verify read data\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    " -v, -- dump buffer to standard output\n"
    "\n";

static const char writev_help[] =
    "\n"
    " writes a range of bytes from the given offset source from multiple "
    "buffers\n"
    "\n"
    " Example:\n"
    " 'writev 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open "
    "file\n"
    "\n"
    " Writes into a segment of the currently open file, using a buffer\n"
    " filled with a set pattern (0xcdcdcdcd).\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -f, -- use Force Unit Access semantics\n"
    " -P, -- use different pattern to fill file\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    "\n";

const QemuIoCmd qemu_io_vector_cmds[] = {
    { "readv", NULL, readv_f, 2, -1, false,
      "[-Cqrv] [-P pattern] off len [len..]",
      "reads a number of bytes at a specified offset", 0, readv_help },
    { "writev", NULL, writev_f, 2, -1, false,
      "[-Cfqr] [-P pattern] off len [len..]",
      "writes a number of bytes at a specified offset", BLK_PERM_WRITE,
      writev_help },
    { 0 },
};
