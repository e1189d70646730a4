/*
 * read, write, discard: one buffer, and the command waits for the end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/request.h"

#include "block/block.h"
#include "block/snapshot.h"
#include "tools/qemu-io/qemu-io.h"

#include <getopt.h>

/* The offset and length, the last arguments. @limit: the length has one;
 * @hint says how to go without. */
static int parse_range(Request *r, int argc, char **argv, bool limit,
                       const char *hint)
{
    if (optind != argc - 2) {
        return qemu_io_usage(argv[0]);
    }
    if (request_parse_number(argv[optind], &r->offset) < 0 ||
        request_parse_number(argv[optind + 1], &r->bytes) < 0) {
        return -EINVAL;
    }
    if (limit && r->bytes > BDRV_REQUEST_MAX_BYTES) {
        printf("length cannot exceed %" PRIu64 "%s, given %s\n",
               (uint64_t)BDRV_REQUEST_MAX_BYTES, hint, argv[optind + 1]);
        return -EINVAL;
    }
    return 0;
}

/* The VM state and compressed data go by sectors. */
static int check_sectors(const Request *r)
{
    const char *what = r->offset % BDRV_SECTOR_SIZE  ? "offset"
                       : r->bytes % BDRV_SECTOR_SIZE ? "count"
                                                     : NULL;

    if (!what) {
        return 0;
    }
    printf("%" PRId64 " is not a sector-aligned value for '%s'\n",
           what[0] == 'o' ? r->offset : r->bytes, what);
    return -EINVAL;
}

static int parse_read(Request *r, int argc, char **argv)
{
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, "bCl:pP:qrs:v")) != -1) {
        if (c == 's') {
            r->has_vstart = true;
            ret = request_parse_number(optarg, &r->vstart);
        } else {
            ret = request_parse_option(r, c, argv[0]);
        }
    }
    ret = ret < 0 ? ret : parse_range(r, argc, argv, true, "");
    if (ret < 0) {
        return ret;
    }
    if (!r->has_pattern && (r->has_vlen || r->has_vstart)) {
        return qemu_io_usage(argv[0]);
    }
    if (!r->has_vlen) {
        r->vlen = r->bytes - r->vstart;
    }
    if (r->vlen < 0 || r->vlen > r->bytes - r->vstart) {
        printf("pattern verification range exceeds end of read data\n");
        return -EINVAL;
    }
    return r->vmstate ? check_sectors(r) : 0;
}

static int read_vmstate(BlockBackend *blk, const Request *r)
{
    return bdrv_load_vmstate(blk_bs(blk), r->buf, r->offset, (int)r->bytes);
}

static int write_vmstate(BlockBackend *blk, const Request *r)
{
    return bdrv_save_vmstate(blk_bs(blk), r->buf, r->offset, (int)r->bytes);
}

static int read_f(BlockBackend *blk, int argc, char **argv)
{
    g_auto(Request) r = { 0 };
    int ret = parse_read(&r, argc, argv);

    ret = ret < 0 ? ret : request_alloc(&r, blk, argv[0], 0xab);
    if (ret < 0) {
        return ret;
    }
    request_begin(&r);
    ret = r.vmstate ? read_vmstate(blk, &r)
                    : blk_pread(blk, r.offset, r.bytes, r.buf, 0);
    request_end(&r);
    if (ret < 0) {
        printf("read failed: %s\n", strerror(-ret));
        return ret;
    }
    if (r.has_pattern) {
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

static int check_write_options(const Request *r)
{
    if (r->vmstate && r->zero) {
        printf("-b and -z cannot be specified at the same time\n");
    } else if ((r->flags & BDRV_REQ_FUA) && (r->vmstate || r->compressed)) {
        printf("-f and -b or -c cannot be specified at the same time\n");
    } else if (!r->zero && (r->flags & BDRV_REQ_NO_FALLBACK)) {
        printf("-n requires -z to be specified\n");
    } else if (!r->zero && (r->flags & BDRV_REQ_MAY_UNMAP)) {
        printf("-u requires -z to be specified\n");
    } else if (r->zero + r->has_pattern + !!r->source > 1) {
        printf("Only one of -z, -P, and -s can be specified at the same "
               "time\n");
    } else {
        return 0;
    }
    return -EINVAL;
}

static int parse_write(Request *r, int argc, char **argv)
{
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, "bcCfnpP:qrs:uz")) != -1) {
        if (c == 's') {
            r->source = optarg;
        } else {
            ret = request_parse_option(r, c, argv[0]);
        }
    }
    if (ret == 0 && optind != argc - 2) {
        return qemu_io_usage(argv[0]);
    }
    ret = ret < 0 ? ret : check_write_options(r);
    if (ret < 0) {
        return ret;
    }
    ret = parse_range(r, argc, argv, !(r->flags & BDRV_REQ_NO_FALLBACK),
                      " without -n");
    if (ret < 0 || !(r->vmstate || r->compressed)) {
        return ret;
    }
    return check_sectors(r);
}

static int write_compressed(BlockBackend *blk, const Request *r)
{
    int64_t size = blk_getlength(blk);

    if (!bdrv_supports_compressed_writes(blk_bs(blk))) {
        return r->bytes > size || r->offset > size - r->bytes ? -EIO : -ENOTSUP;
    }
    return blk_pwrite(blk, r->offset, r->bytes, r->buf,
                      BDRV_REQ_WRITE_COMPRESSED);
}

static int do_write(BlockBackend *blk, const Request *r)
{
    if (r->vmstate) {
        return write_vmstate(blk, r);
    }
    if (r->zero) {
        return blk_pwrite_zeroes(blk, r->offset, r->bytes, r->flags);
    }
    if (r->compressed) {
        return write_compressed(blk, r);
    }
    return blk_pwrite(blk, r->offset, r->bytes, r->buf, r->flags);
}

static int write_f(BlockBackend *blk, int argc, char **argv)
{
    g_auto(Request) r = { .pattern = 0xcd };
    int ret = parse_write(&r, argc, argv);

    if (ret == 0 && r.source) {
        ret = request_alloc_from_file(&r, blk, argv[0]);
    } else if (ret == 0 && !r.zero) {
        ret = request_alloc(&r, blk, argv[0], r.pattern);
    }
    if (ret < 0) {
        return ret;
    }
    request_begin(&r);
    ret = do_write(blk, &r);
    request_end(&r);
    if (ret < 0) {
        printf("write failed: %s\n", strerror(-ret));
        return ret;
    }
    if (!r.quiet) {
        request_report(&r, "wrote");
    }
    return 0;
}

static int discard_f(BlockBackend *blk, int argc, char **argv)
{
    g_auto(Request) r = { 0 };
    int c, ret = 0;

    while (ret == 0 && (c = getopt(argc, argv, "Cq")) != -1) {
        ret = request_parse_option(&r, c, argv[0]);
    }
    ret = ret < 0 ? ret : parse_range(&r, argc, argv, true, "");
    if (ret < 0) {
        return ret;
    }
    request_begin(&r);
    ret = blk_pdiscard(blk, r.offset, r.bytes);
    request_end(&r);
    if (ret < 0) {
        printf("discard failed: %s\n", strerror(-ret));
        return ret;
    }
    if (!r.quiet) {
        request_report(&r, "discard");
    }
    return 0;
}

static const char read_help[] =
    "\n"
    " reads a range of bytes from the given offset\n"
    "\n"
    " Example:\n"
    " 'read -v 512 1k' - dumps 1 kilobyte read from 512 bytes into the file\n"
    "\n"
    " Reads a segment of the currently open file, optionally dumping it to "
    "the\n"
    " standard output stream (with -v option) for subsequent inspection.\n"
    " -b, -- read from the VM state rather than the virtual disk\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -l, -- length for pattern verification (only with -P)\n"
    " -p, -- ignored for backwards compatibility\n"
    " -P, -- use a pattern to verify read data\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    " -s, -- start offset for pattern verification (only with -P)\n"
    " -v, -- dump buffer to standard output\n"
    "\n";

static const char write_help[] =
    "\n"
    " writes a range of bytes from the given offset\n"
    "\n"
    " Example:\n"
    " 'write 512 1k' - writes 1 kilobyte at 512 bytes into the open file\n"
    "\n"
    " Writes into a segment of the currently open file, using a buffer\n"
    " filled with a set pattern (0xcdcdcdcd).\n"
    " -b, -- write to the VM state rather than the virtual disk\n"
    " -c, -- write compressed data with blk_write_compressed\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -f, -- use Force Unit Access semantics\n"
    " -n, -- with -z, don't allow slow fallback\n"
    " -p, -- ignored for backwards compatibility\n"
    " -P, -- use different pattern to fill file\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    " -r, -- register I/O buffer\n"
    " -s, -- use a pattern file to fill the write buffer\n"
    " -u, -- with -z, allow unmapping\n"
    " -z, -- write zeroes using blk_pwrite_zeroes\n"
    "\n";

static const char discard_help[] =
    "\n"
    " discards a range of bytes from the given offset\n"
    "\n"
    " Example:\n"
    " 'discard 512 1k' - discards 1 kilobyte from 512 bytes into the file\n"
    "\n"
    " Discards a segment of the currently open file.\n"
    " -C, -- report statistics in a machine parsable format\n"
    " -q, -- quiet mode, do not show I/O statistics\n"
    "\n";

const QemuIoCmd qemu_io_rw_cmds[] = {
    { "read", "r", read_f, 2, -1, false,
      "[-abCqrv] [-P pattern [-s off] [-l len]] off len",
      "reads a number of bytes at a specified offset", 0, read_help },
    { "write", "w", write_f, 2, -1, false,
      "[-bcCfnqruz] [-P pattern | -s source_file] off len",
      "writes a number of bytes at a specified offset", BLK_PERM_WRITE,
      write_help },
    { "discard", "d", discard_f, 2, -1, false, "[-Cq] off len",
      "discards a number of bytes at a specified offset", BLK_PERM_WRITE,
      discard_help },
    { 0 },
};
