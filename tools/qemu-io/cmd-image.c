/*
 * Commands about the image as a whole: flush, length, truncate.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "util/error-report.h"

#include <getopt.h>

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
        if (c != 'm' || !parse_prealloc(optarg, &prealloc)) {
            if (c == 'm') {
                error_report("Invalid preallocation mode '%s'", optarg);
            } else {
                qemu_io_usage(qemu_io_find(argv[0]));
            }
            return -EINVAL;
        }
    }
    offset = qemu_io_number(argv[optind]);
    if (offset < 0) {
        qemu_io_number_error(offset, argv[optind]);
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

const QemuIoCmd qemu_io_image_cmds[] = {
    { "flush", "f", flush_f, 0, 0, false, NULL,
      "flush all in-core file state to disk" },
    { "length", "l", length_f, 0, 0, false, NULL,
      "gets the length of the current file" },
    { "truncate", "t", truncate_f, 1, 3, false, "[-m prealloc_mode] off",
      "truncates the current file at the given offset", true },
    { 0 },
};
