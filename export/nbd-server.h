/*
 * The NBD server of a program, from its command line.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_NBD_SERVER_H
#define EXPORT_NBD_SERVER_H

#include "qapi/qapi-types-block-export.h"
#include "util/error.h"

/* --nbd-server: begin to listen; there is one server. */
void nbd_server_start_options(NbdServerOptions *arg, Error **errp);

/* Stop to listen, at the end of the program; its exports are still there. */
void nbd_server_close(void);

#endif
