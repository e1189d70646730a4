/*
 * What the parts of the tool qemu-io share; not for monitors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IO_TOOL_H
#define TOOLS_QEMU_IO_TOOL_H

#include "tools/qemu-io/qemu-io.h"

/* How to open an image; options of the tool and of its command "open". */
typedef struct OpenArgs {
    int flags; /* BDRV_O_* */
    bool writethrough, force_share;
    QDict *options; /* NULL: none */
} OpenArgs;

/* --- open.c --- */

extern const QemuIoCmd qemu_io_open_cmds[];
extern BlockBackend *qemu_io_image; /* NULL: none is open */
extern bool qemu_io_quitting;

/* One letter of those that "open" and the command line share; its argument
 * is in optarg. 0; -EINVAL after a message; -ENOENT: not one of them. */
int qemu_io_open_option(OpenArgs *args, int c);
/* Open @name (NULL: the options say it); takes @args->options over. Nonzero
 * after a message. */
int qemu_io_open(const char *name, OpenArgs *args);
void qemu_io_close(void);

/* --- session.c --- */

/* Commands from standard input; true if none failed. */
bool qemu_io_session(void);

#endif
