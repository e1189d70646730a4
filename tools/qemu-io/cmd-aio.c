/*
 * aio_read, aio_write, aio_flush: requests that the command does not wait
 * for. What becomes of them is printed when they end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/request.h"

#include "block/block-int.h"
#include "tools/qemu-io/qemu-io.h"

#include <getopt.h>

typedef struct AioRequest {
    BlkIo io;
    Request r;
} AioRequest;

static AioRequest *aio_request_new(BlockBackend *blk)
{
    AioRequest *a = g_new0(AioRequest, 1);

    a->io.blk = blk;
    a->io.ctx = qemu_get_aio_context();
    return a;
}

static void aio_request_free(AioRequest *a)
{
    request_cleanup(&a->r);
    g_free(a);
}

static void write_done(BlkIo *io, int ret)
{
    AioRequest *a = container_of(io, AioRequest, io);

    request_end(&a->r);
    if (ret < 0) {
        printf("aio_write failed: %s\n", strerror(-ret));
    } else if (!a->r.quiet) {
        request_report(&a->r, "wrote");
    }
    aio_request_free(a);
}

static void read_done(BlkIo *io, int ret)
{
    AioRequest *a = container_of(io, AioRequest, io);
    Request *r = &a->r;

    request_end(r);
    if (ret < 0) {
        printf("readv failed: %s\n", strerror(-ret));
        aio_request_free(a);
        return;
    }
    if (r->has_pattern) {
        r->vlen = r->bytes;
        request_verify(r);
    }
    if (!r->quiet) {
        if (r->dump) {
            request_dump(r);
        }
        request_report(r, "read");
    }
    aio_request_free(a);
}

static int parse_options(Request *r, int argc, char **argv, const char *letters)
{
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, letters)) != -1) {
        ret = request_parse_option(r, c, argv[0]);
    }
    if (ret == 0 && optind > argc - 2) {
        return qemu_io_usage(argv[0]);
    }
    return ret;
}

static void submit(AioRequest *a, BlkIoType type, void (*cb)(BlkIo *, int))
{
    a->io.type = type;
    a->io.flags = a->r.flags;
    a->io.offset = a->r.offset;
    a->io.bytes = a->r.bytes;
    a->io.iov = a->r.iov;
    a->io.niov = a->r.niov;
    a->io.cb = cb;
    request_begin(&a->r);
    blk_io_submit(&a->io);
}

static int start_read(AioRequest *a, int argc, char **argv)
{
    Request *r = &a->r;
    int ret = parse_options(r, argc, argv, "CiP:qrv");

    if (ret == 0 && r->invalid) {
        printf("injecting invalid read request\n");
        aio_request_free(a);
        return 0;
    }
    ret = ret < 0 ? ret : request_parse_number(argv[optind], &r->offset);
    ret = ret < 0 ? ret
                  : request_alloc_vectors(r, a->io.blk, argc - optind - 1,
                                          argv + optind + 1, 0xab);
    if (ret == 0) {
        submit(a, BLK_IO_READ, read_done);
    }
    return ret;
}

static int start_write_zeroes(AioRequest *a, char **argv)
{
    int ret = request_parse_number(argv[optind], &a->r.offset);

    ret = ret < 0 ? ret : request_parse_number(argv[optind + 1], &a->r.bytes);
    if (ret == 0) {
        submit(a, BLK_IO_WRITE_ZEROES, write_done);
    }
    return ret;
}

static int start_write(AioRequest *a, int argc, char **argv)
{
    Request *r = &a->r;
    int ret;

    r->pattern = 0xcd;
    ret = parse_options(r, argc, argv, "CfiP:qruz");
    if (ret < 0) {
        return ret;
    }
    if ((r->flags & BDRV_REQ_MAY_UNMAP) && !r->zero) {
        printf("-u requires -z to be specified\n");
        return -EINVAL;
    }
    if (r->invalid) {
        printf("injecting invalid write request\n");
        aio_request_free(a);
        return 0;
    }
    if (r->zero && optind != argc - 2) {
        printf("-z supports only a single length parameter\n");
        return -EINVAL;
    }
    if (r->zero) {
        return start_write_zeroes(a, argv);
    }
    ret = request_parse_number(argv[optind], &r->offset);
    ret = ret < 0 ? ret
                  : request_alloc_vectors(r, a->io.blk, argc - optind - 1,
                                          argv + optind + 1, r->pattern);
    if (ret == 0) {
        submit(a, BLK_IO_WRITE, write_done);
    }
    return ret;
}

static int aio_read_f(BlockBackend *blk, int argc, char **argv)
{
    AioRequest *a = aio_request_new(blk);
    int ret = start_read(a, argc, argv);

    if (ret < 0) {
        aio_request_free(a);
    }
    return ret;
}

static int aio_write_f(BlockBackend *blk, int argc, char **argv)
{
    AioRequest *a = aio_request_new(blk);
    int ret = start_write(a, argc, argv);

    if (ret < 0) {
        aio_request_free(a);
    }
    return ret;
}

static int aio_flush_f(BlockBackend *blk, int argc, char **argv)
{
    blk_drain_all();
    return 0;
}

static const char aio_read_help[] =
    "\n"
    " asynchronously reads a range of bytes from the given offset\n"
    "\n"
    " Example:\n"
    " 'aio_read -v 512 1k 1k ' - dumps 2 kilobytes read from 512 bytes into "
    "the file\n"
    "\n"
    " Reads a segment of the currently open file, optionally dumping it to "
    "the\n"
    " standard output stream (with -v option) for subsequent inspection.\n"
    " The read is performed asynchronously and the aio_flush command must be\n"
    " used to ensure all outstanding aio requests have been completed.\n"
    " Note that due to its asynchronous nature, this command will be\n"
    " considered successful once the request is submitted, independently\n"
    " of potential I/O errors or pattern mismatches.\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -i, -- treat request as invalid, for exercising stats\n"
    " -P, -- use a pattern to verify read data\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    " -v, -- dump buffer to standard output\n"
    "\n";

static const char aio_write_help[] =
    "\n"
    " asynchronously writes a range of bytes from the given offset source\n"
    " from multiple buffers\n"
    "\n"
    " Example:\n"
    " 'aio_write 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open "
    "file\n"
    "\n"
    " Writes into a segment of the currently open file, using a buffer\n"
    " filled with a set pattern (0xcdcdcdcd).\n"
    " The write is performed asynchronously and the aio_flush command must "
    "be\n"
    " used to ensure all outstanding aio requests have been completed.\n"
    " Note that due to its asynchronous nature, this command will be\n"
    " considered successful once the request is submitted, independently\n"
    " of potential I/O errors or pattern mismatches.\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -f, -- use Force Unit Access semantics\n"
    " -i, -- treat request as invalid, for exercising stats\n"
    " -P, -- use different pattern to fill file\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    " -u, -- with -z, allow unmapping\n"
    " -z, -- write zeroes using blk_aio_pwrite_zeroes\n"
    "\n";

const QemuIoCmd qemu_io_aio_cmds[] = {
    { "aio_flush", NULL, aio_flush_f, 0, 0, false, NULL,
      "completes all outstanding aio requests" },
    { "aio_read", NULL, aio_read_f, 2, -1, false,
      "[-Ciqrv] [-P pattern] off len [len..]",
      "asynchronously reads a number of bytes", 0, aio_read_help },
    { "aio_write", NULL, aio_write_f, 2, -1, false,
      "[-Cfiqruz] [-P pattern] off len [len..]",
      "asynchronously writes a number of bytes", BLK_PERM_WRITE,
      aio_write_help },
    { 0 },
};
