/*
 * qemu-io's commands: a table, usable from the tool and from a monitor.
 *
 * Thread: main, outside of coroutines.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IO_H
#define TOOLS_QEMU_IO_H

#include "block/block-backend.h"

typedef struct QemuIoCmd {
    const char *name, *altname; /* altname may be NULL */
    /* Returns 0 or -errno; @blk is NULL only for CMD_NOFILE_OK. */
    int (*fn)(BlockBackend *blk, int argc, char **argv);
    int argmin, argmax; /* argmax -1: any number */
    bool nofile_ok;
    const char *args, *oneline;
    bool writes; /* refused on a read-only image */
} QemuIoCmd;

/* Tables ended by a NULL name. */
extern const QemuIoCmd qemu_io_rw_cmds[];
extern const QemuIoCmd qemu_io_image_cmds[];
/* Of the tool alone: open, close, quit, ... */
extern const QemuIoCmd *qemu_io_tool_cmds;

/* Run one line; 0 or -errno, messages are printed. */
int qemu_io_command(BlockBackend *blk, const char *line);
void qemu_io_usage(const QemuIoCmd *cmd); /* its one line */
const QemuIoCmd *qemu_io_find(const char *name);

/* A number with a suffix, or -errno; qemu_io_print_number_error() says why. */
int64_t qemu_io_number(const char *s);
void qemu_io_number_error(int64_t rc, const char *arg);
/* "4 KiB", "866.377 KiB"; the caller frees it. */
char *qemu_io_size(double value);

#endif
