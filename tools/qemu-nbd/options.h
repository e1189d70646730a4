/*
 * The command line of qemu-nbd.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_NBD_OPTIONS_H
#define TOOLS_QEMU_NBD_OPTIONS_H

#include "tools/qemu-nbd/qemu-nbd.h"

/* Fill @config; optind is that of the first file. What is wrong ends the
 * program, as --help and --version do. */
void nbd_tool_parse(NbdToolConfig *config, int argc, char **argv);
/* Make the objects of --object: after a fork, since some have threads. */
void nbd_tool_make_objects(void);

#endif
