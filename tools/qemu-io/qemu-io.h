/*
 * qemu-io's commands: tables, usable from the tool and from a monitor.
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
    /* Returns 0 or -errno; @blk is NULL only with nofile_ok. getopt()
     * begins anew before each call. */
    int (*fn)(BlockBackend *blk, int argc, char **argv);
    int argmin, argmax; /* argmax -1: any number */
    bool nofile_ok;
    const char *args, *oneline;
    /* What it needs on the image, BLK_PERM_*; "Block node is read-only" is
     * the answer where writing is not possible. */
    uint64_t perm;
    const char *help; /* more text for "help COMMAND"; NULL: none */
} QemuIoCmd;

/* Tables ended by a NULL name. */
extern const QemuIoCmd qemu_io_rw_cmds[];     /* cmd-rw.c */
extern const QemuIoCmd qemu_io_vector_cmds[]; /* cmd-vector.c */
extern const QemuIoCmd qemu_io_aio_cmds[];    /* cmd-aio.c */
extern const QemuIoCmd qemu_io_image_cmds[];  /* cmd-image.c */
extern const QemuIoCmd qemu_io_debug_cmds[];  /* cmd-debug.c */
extern const QemuIoCmd qemu_io_reopen_cmds[]; /* cmd-reopen.c */
/* Of the tool alone: open, close, quit; NULL elsewhere. */
extern const QemuIoCmd *qemu_io_tool_cmds;
/* Memory for requests does not begin where O_DIRECT wants it (-m). */
extern bool qemu_io_misalign;

/* --- command.c --- */

/* Run one line; 0 or -errno, messages are printed. */
int qemu_io_command(BlockBackend *blk, const char *line);
/* Print the usage of the command argv[0]; returns -EINVAL. */
int qemu_io_usage(const char *name);

/* A number with a suffix, or -errno after a message about @s. */
int64_t qemu_io_number(const char *s);
/* "4 KiB", "866.377 KiB"; the caller frees it. */
char *qemu_io_size(double value);

#endif
