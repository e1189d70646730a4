/*
 * The NBD server: not there yet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/nbd-server.h"

void nbd_server_start_options(NbdServerOptions *arg, Error **errp)
{
    error_setg(errp, "this build has no NBD server");
}
