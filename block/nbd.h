/*
 * The parts of the nbd driver share this.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_NBD_H
#define BLOCK_NBD_H

#include "block/block-int.h"
#include "block/nbd-client.h"
#include "block/opts.h"

/* All fields: fixed while the node is open. */
typedef struct NbdState {
    SocketAddress *addr;
    char *export_name;  /* "": the default one */
    char *dirty_bitmap; /* the context to show as block status, or NULL */
    char *tls_creds, *tls_hostname;
    NbdClientOptions options; /* refers to the above */

    NbdClient *conn;
    /* what the server offers */
    uint64_t size;
    uint16_t flags;
    uint32_t min_block, opt_block, max_block;
    bool has_context;
    bool extended;
} NbdState;

/* --- nbd-options.c (main) --- */

void nbd_parse_filename(const char *filename, QDict *options, Error **errp);
void nbd_refresh_filename(BlockDriverState *bs);
/* False and @errp; what was taken is freed by nbd_free_options() all the
 * same. */
bool nbd_take_options(NbdState *s, QDict *options, Error **errp);
void nbd_free_options(NbdState *s);

#endif
