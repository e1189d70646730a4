/*
 * -pidfile: a file with our process id, locked as long as we live.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_PIDFILE_H
#define UTIL_PIDFILE_H

#include "util/error.h"

/*
 * Create or take over @path, lock it, write our id and a newline.  The lock
 * is held until the process ends (the descriptor stays open on purpose).
 * Callers print the error after "cannot create PID file: ".
 */
bool qemu_write_pidfile(const char *path, Error **errp);

/* Remove the file that qemu_write_pidfile() made, if it is still that one. */
void qemu_unlink_pidfile(void);

/* Both, for a program that was given @path (NULL: none): ends it with a message
 * if the file cannot be had, and removes the file when it ends. Main, once. */
void qemu_pidfile_for_program(const char *path);

#endif
