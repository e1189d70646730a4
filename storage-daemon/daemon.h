/*
 * qemu-storage-daemon: what its files share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef STORAGE_DAEMON_DAEMON_H
#define STORAGE_DAEMON_DAEMON_H

#include <stdbool.h>

typedef struct DaemonConfig {
    bool daemonize;
    const char *pidfile; /* the last --pidfile, or NULL */
} DaemonConfig;

/*
 * The first look at the command line: --help and --version (which end the
 * program), --daemonize, and what getopt does not know.  Errors are reported
 * and end the program with 1, here and below.
 */
void daemon_options_early(DaemonConfig *config, int argc, char **argv);
/* The second: everything else, in the order in which it stands there. */
void daemon_options(DaemonConfig *config, int argc, char **argv);

void daemon_print_help(void);
void daemon_print_version(void);

#endif
