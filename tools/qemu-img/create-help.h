/*
 * "-o help" of the sub-commands that make images.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IMG_CREATE_HELP_H
#define TOOLS_QEMU_IMG_CREATE_HELP_H

/* The options for images of format @fmt, with those of @filename's protocol
 * (NULL: the format's only). The exit status. */
int img_print_create_help(const char *filename, const char *fmt);

#endif
