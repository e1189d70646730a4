/*
 * break, remove_break, resume, wait_break: breakpoints of a blkdebug node;
 * and the commands of zoned devices, which no driver here is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/qemu-io/qemu-io.h"

#include "block/debug.h"

static int break_f(BlockBackend *blk, int argc, char **argv)
{
    int ret = bdrv_debug_breakpoint(blk_bs(blk), argv[1], argv[2]);

    if (ret < 0) {
        printf("Could not set breakpoint: %s\n", strerror(-ret));
    }
    return MIN(ret, 0);
}

static int remove_break_f(BlockBackend *blk, int argc, char **argv)
{
    int ret = bdrv_debug_remove_breakpoint(blk_bs(blk), argv[1]);

    if (ret < 0) {
        printf("Could not remove breakpoint %s: %s\n", argv[1], strerror(-ret));
    }
    return MIN(ret, 0);
}

static int resume_f(BlockBackend *blk, int argc, char **argv)
{
    int ret = bdrv_debug_resume(blk_bs(blk), argv[1]);

    if (ret < 0) {
        printf("Could not resume request: %s\n", strerror(-ret));
    }
    return MIN(ret, 0);
}

static int wait_break_f(BlockBackend *blk, int argc, char **argv)
{
    while (!bdrv_debug_is_suspended(blk_bs(blk), argv[1])) {
        aio_poll(qemu_get_aio_context(), true);
    }
    return 0;
}

/* Two numbers, and then the answer; @verb: what failed. */
static int zone_op(int argc, char **argv, const char *verb)
{
    for (int i = 1; i < argc; i++) {
        int64_t value = qemu_io_number(argv[i]);

        if (value < 0) {
            return (int)value;
        }
    }
    printf("zone %s failed: %s\n", verb, strerror(ENOTSUP));
    return -ENOTSUP;
}

static int zone_report_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "report");
}

static int zone_open_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "open");
}

static int zone_close_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "close");
}

static int zone_finish_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "finish");
}

static int zone_reset_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "reset");
}

static int zone_append_f(BlockBackend *blk, int argc, char **argv)
{
    return zone_op(argc, argv, "append");
}

const QemuIoCmd qemu_io_debug_cmds[] = {
    { "break", NULL, break_f, 2, 2, false, "event tag",
      "sets a breakpoint on event and tags the stopped request as tag" },
    { "remove_break", NULL, remove_break_f, 1, 1, false, "tag",
      "remove a breakpoint by tag" },
    { "resume", NULL, resume_f, 1, 1, false, "tag",
      "resumes the request tagged as tag" },
    { "wait_break", NULL, wait_break_f, 1, 1, false, "tag",
      "waits for the suspension of a request" },
    { "zone_append", "zap", zone_append_f, 3, 4, false, "offset len [len..]",
      "append write a number of bytes at a specified offset" },
    { "zone_close", "zc", zone_close_f, 2, 2, false, "offset len",
      "close a range of zones in zone block device" },
    { "zone_finish", "zf", zone_finish_f, 2, 2, false, "offset len",
      "finish a range of zones in zone block device" },
    { "zone_open", "zo", zone_open_f, 2, 2, false, "offset len",
      "explicit open a range of zones in zone block device" },
    { "zone_report", "zrp", zone_report_f, 2, 2, false, "offset number",
      "report zone information" },
    { "zone_reset", "zrs", zone_reset_f, 2, 2, false, "offset len",
      "reset a zone write pointer in zone block device" },
    { 0 },
};
