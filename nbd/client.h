/*
 * The client's half of the NBD handshake: from a connected socket to an export
 * whose size and abilities are known.  Knows nothing of the block layer.
 *
 * Source: the NBD protocol, sections "Newstyle negotiation", "Option types",
 * "Metadata querying", "Oldstyle negotiation".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_CLIENT_H
#define NBD_CLIENT_H

#include "nbd/channel.h"
#include "nbd/message.h"
#include "util/error.h"

/* Zero it, set @name (and what is asked for), and nbd_server_export_clear() it
 * in the end. */
typedef struct NbdServerExport {
    char *name;
    /* A metadata context to ask for, or NULL. */
    const char *meta_context;
    bool want_block_sizes;
    TlsCreds *tls; /* NULL: none */
    const char *tls_hostname;

    /* the answers */
    NbdMode mode;
    uint64_t size;  /* bytes */
    uint16_t flags; /* NBD_FLAG_* */
    /* bytes; 0: the server did not say */
    uint32_t min_block, opt_block, max_block;
    bool has_context;
    uint32_t context_id;
    char *description; /* NULL: none; only of a list */
    char **contexts;   /* NULL: none; only of a list */
} NbdServerExport;

void nbd_server_export_clear(NbdServerExport *info);

/*
 * Choose @info->name on @ch, which is connected, and go over to the
 * transmission phase.  Asks for extended headers, structured replies and
 * @info->meta_context, and takes what it gets.  -errno and @errp; the
 * connection is of no use then.
 */
int coroutine_fn nbd_co_negotiate(NbdChannel *ch, NbdServerExport *info,
                                  Error **errp);

/* All exports of a server, with descriptions and contexts; their number, or
 * -errno and @errp.  Ends the connection in good order. */
int coroutine_fn nbd_co_list(NbdChannel *ch, TlsCreds *tls,
                             const char *tls_hostname, NbdServerExport **infos,
                             Error **errp);

#endif
