/*
 * Commands about the image as a whole: flush, length, truncate, alloc, map,
 * info; and those about no image: sleep, sigraise, abort.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "block/block-int.h"
#include "block/query.h"
#include "tools/lib/print-qobject.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"

#include <getopt.h>
#include <signal.h>

static int flush_f(BlockBackend *blk, int argc, char **argv)
{
    return blk_flush(blk);
}

static int length_f(BlockBackend *blk, int argc, char **argv)
{
    int64_t size = blk_getlength(blk);
    g_autofree char *text = NULL;

    if (size < 0) {
        printf("getlength: %s\n", strerror((int)-size));
        return (int)size;
    }
    text = qemu_io_size(size);
    printf("%s\n", text);
    return 0;
}

static bool parse_prealloc(const char *name, PreallocMode *mode)
{
    static const char *const names[] = { "off", "metadata", "falloc", "full" };

    for (int i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!strcmp(name, names[i])) {
            *mode = i;
            return true;
        }
    }
    error_report("Invalid preallocation mode '%s'", name);
    return false;
}

static int truncate_f(BlockBackend *blk, int argc, char **argv)
{
    PreallocMode prealloc = PREALLOC_MODE_OFF;
    Error *err = NULL;
    int64_t offset;
    uint64_t perm, shared;
    int c, ret;

    while ((c = getopt(argc, argv, "m:")) != -1) {
        if (c != 'm') {
            return qemu_io_usage(argv[0]);
        }
        if (!parse_prealloc(optarg, &prealloc)) {
            return -EINVAL;
        }
    }
    /* Without one (-m took it) the first word is looked at, and refused. */
    offset = qemu_io_number(argv[optind < argc ? optind : 1]);
    if (offset < 0) {
        return (int)offset;
    }
    blk_get_perm(blk, &perm, &shared);
    /* For the moment only: with it, writes behind the end would grow it. */
    ret = blk_set_perm(blk, perm | BLK_PERM_RESIZE, shared, &err);
    ret = ret < 0 ? ret : blk_truncate(blk, offset, false, prealloc, 0, &err);
    blk_set_perm(blk, perm, shared, NULL);
    if (ret < 0) {
        error_report_err(err);
    }
    return MIN(ret, 0);
}

/* Does @blk itself have what is at @offset? 1, 0 or -errno; the answer is for
 * the first *@pnum of @bytes. */
static int is_allocated(BlockBackend *blk, int64_t offset, int64_t bytes,
                        int64_t *pnum)
{
    int ret = bdrv_block_status(blk_bs(blk), offset, bytes, pnum, NULL, NULL);

    return ret < 0 ? ret : !!(ret & BDRV_BLOCK_ALLOCATED);
}

static int alloc_f(BlockBackend *blk, int argc, char **argv)
{
    int64_t offset = qemu_io_number(argv[1]);
    int64_t count = BDRV_SECTOR_SIZE, seen = 0, allocated = 0, n;
    g_autofree char *where = NULL;
    int ret;

    if (offset < 0) {
        return (int)offset;
    }
    if (argc == 3) {
        count = qemu_io_number(argv[2]);
        if (count < 0) {
            return (int)count;
        }
    }
    for (; seen < count; seen += n) {
        ret = is_allocated(blk, offset + seen, count - seen, &n);
        if (ret < 0) {
            printf("is_allocated failed: %s\n", strerror(-ret));
            return ret;
        }
        if (!n) {
            break; /* the end */
        }
        allocated += ret ? n : 0;
    }
    where = qemu_io_size(offset);
    printf("%" PRId64 "/%" PRId64 " bytes allocated at offset %s\n", allocated,
           seen, where);
    return 0;
}

static void print_piece(int64_t offset, int64_t bytes, bool allocated)
{
    g_autofree char *size = qemu_io_size(bytes);
    g_autofree char *where = qemu_io_size(offset);

    printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64
           ")\n",
           size, bytes, allocated ? "   " : "not", where, offset);
}

static int map_f(BlockBackend *blk, int argc, char **argv)
{
    int64_t size = blk_getlength(blk), begin = 0, n;
    int last = -1, ret;

    if (size < 0) {
        error_report("Failed to query image length: %s", strerror((int)-size));
        return (int)size;
    }
    for (int64_t offset = 0; offset < size; offset += n) {
        ret = is_allocated(blk, offset, size - offset, &n);
        if (ret < 0) {
            error_report("Failed to get allocation status: %s", strerror(-ret));
            return ret;
        }
        if (!n) {
            error_report("Unexpected end of image");
            return -EIO;
        }
        if (ret != last && offset) {
            print_piece(begin, offset - begin, last);
            begin = offset;
        }
        last = ret;
    }
    if (size) {
        print_piece(begin, size - begin, last);
    }
    return 0;
}

static int info_f(BlockBackend *blk, int argc, char **argv)
{
    BlockDriverState *bs = blk_bs(blk);
    g_autofree char *cluster = NULL, *vmstate = NULL;
    g_autoptr(QDict) info = NULL;
    BlockDriverInfo bdi = { 0 };
    Error *err = NULL;
    const QDict *specific;
    int ret;

    printf("format name: %s\n", bdrv_get_format_name(bs));
    if (bs->drv->protocol_name) {
        printf("format name: %s\n", bs->drv->protocol_name);
    }
    ret = bdrv_get_info(bs, &bdi);
    if (ret < 0) {
        return ret;
    }
    cluster = qemu_io_size(bdi.cluster_size);
    vmstate = qemu_io_size(bdi.vm_state_offset);
    printf("cluster size: %s\nvm state offset: %s\n", cluster, vmstate);
    info = bdrv_query_graph_info(bs, &err);
    if (!info) {
        error_report_err(err);
        return -EIO;
    }
    specific = qdict_get_qdict(info, "format-specific");
    specific = specific ? qdict_get_qdict(specific, "data") : NULL;
    if (specific && qdict_size(specific)) {
        printf("Format specific information:\n");
        print_qdict(specific, 1);
    }
    return 0;
}

static void set_true(void *opaque)
{
    *(bool *)opaque = true;
}

static int sleep_f(BlockBackend *blk, int argc, char **argv)
{
    bool expired = false;
    QEMUTimer *timer;
    uint64_t ms;

    if (qemu_strtou64(argv[1], NULL, 0, &ms) < 0 || argv[1][0] == '-' ||
        ms > INT64_MAX / 1000000) {
        printf("%s is not a valid number\n", argv[1]);
        return -EINVAL;
    }
    timer = timer_new_ns(qemu_get_aio_context(), QEMU_CLOCK_REALTIME, set_true,
                         &expired);
    timer_mod_ns(timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + ms * 1000000);
    while (!expired) {
        main_loop_wait(false);
    }
    timer_free(timer);
    return 0;
}

static int sigraise_f(BlockBackend *blk, int argc, char **argv)
{
    int64_t sig = qemu_io_number(argv[1]);

    if (sig < 0) {
        return (int)sig;
    }
    if (sig > NSIG) {
        printf("signal argument '%s' is too large to be a valid signal\n",
               argv[1]);
        return -EINVAL;
    }
    /* What is buffered is for the one who reads our output. */
    fflush(stdout);
    raise((int)sig);
    return 0;
}

static int abort_f(BlockBackend *blk, int argc, char **argv)
{
    abort();
}

static const char sigraise_help[] =
    "\n"
    " raises the given signal\n"
    "\n"
    " Example:\n"
    " 'sigraise 15' - raises SIGTERM\n"
    "\n"
    " Invokes raise(signal), where \"signal\" is the mandatory integer "
    "argument\n"
    " given to sigraise.\n"
    "\n";

const QemuIoCmd qemu_io_image_cmds[] = {
    { "abort", NULL, abort_f, 0, 0, true, NULL,
      "simulate a program crash using abort(3)" },
    { "alloc", "a", alloc_f, 1, 2, false, "offset [count]",
      "checks if offset is allocated in the file" },
    { "flush", "f", flush_f, 0, 0, false, NULL,
      "flush all in-core file state to disk" },
    { "info", "i", info_f, 0, 0, false, NULL,
      "prints information about the current file" },
    { "length", "l", length_f, 0, 0, false, NULL,
      "gets the length of the current file" },
    { "map", NULL, map_f, 0, 0, false, "",
      "prints the allocated areas of a file" },
    { "sigraise", NULL, sigraise_f, 1, 1, true, "signal", "raises a signal", 0,
      sigraise_help },
    { "sleep", NULL, sleep_f, 1, 1, true, NULL,
      "waits for the given value in milliseconds" },
    { "truncate", "t", truncate_f, 1, 3, false, "[-m prealloc_mode] off",
      "truncates the current file at the given offset", BLK_PERM_WRITE },
    { 0 },
};
