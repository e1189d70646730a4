/*
 * The process: signals that end it, going to the background.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_PROCESS_H
#define UTIL_PROCESS_H

#include "util/error.h"

/*
 * SIGINT, SIGHUP and SIGTERM call @killed (with the signal and the sender's
 * id, 0 if unknown) in signal context: it makes the main loop end.  SIGPIPE is
 * ignored.
 */
void process_setup_signals(void (*killed)(int signal, int pid));

/*
 * -daemonize: from here on this is a child without a terminal; the parent
 * waits for process_daemon_ready() and exits with 0 then, with 1 if the child
 * ends before.  Call before threads are made.
 */
void process_daemonize(void);
/*
 * -D @filename ("%d" in it is the process's id): make the file.  Nothing is
 * logged to it.
 */
bool process_create_logfile(const char *filename, Error **errp);
/* Set-up is complete: let the parent go, leave its directory and its
 * standard streams.  A no-op without process_daemonize(). */
void process_daemon_ready(void);

#endif
