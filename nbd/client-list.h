/*
 * A client that only asks: which exports does a server have, and what are they
 * like? It waits for the server.
 *
 * Thread: any.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_CLIENT_LIST_H
#define NBD_CLIENT_LIST_H

#include "crypto/tls-session.h"
#include "nbd/message.h"

typedef struct NbdListed {
    char *name;
    char *description; /* NULL: none */
    bool has_info;     /* the server told the rest */
    uint64_t size;
    uint16_t flags;
    uint32_t min_block, opt_block, max_block; /* 0: not told */
    NbdMode mode;                             /* of the connection */
    GPtrArray *contexts;                      /* names */
} NbdListed;

/* An array of NbdListed, or NULL and @errp. @fd is a connected, blocking socket
 * and stays the caller's. @creds (NULL: no TLS) and @hostname are for TLS. */
GPtrArray *nbd_client_list(int fd, TlsCreds *creds, const char *hostname,
                           Error **errp);

#endif
