/*
 * The connection of an nbd node: many requests at once from any threads, and
 * another try when the server goes away.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_NBD_CLIENT_H
#define BLOCK_NBD_CLIENT_H

#include "nbd/client.h"
#include "util/iov.h"

typedef struct SocketAddress SocketAddress;
typedef struct NbdClient NbdClient;

/* Requests that may be on the way at once; more of them wait. */
#define NBD_CLIENT_SLOTS 64

typedef struct NbdClientOptions {
    const SocketAddress *addr;
    const char *export_name;
    const char *meta_context;
    TlsCreds *tls; /* NULL: none */
    const char *tls_hostname;
    uint64_t reconnect_delay; /* seconds that requests wait */
    uint64_t open_timeout;    /* seconds to try; 0: once */
} NbdClientOptions;

/* A request and its answer, on the caller's stack. */
typedef struct NbdCall {
    NbdRequest req;     /* the cookie is ours */
    QEMUIOVector *qiov; /* data of a read or write: req.len bytes */

    /* block status: the first extent; length 0: there was none */
    uint64_t extent_len, extent_flags;

    /* the connection's */
    Coroutine *co;
    uint8_t head[NBD_EXT_REQUEST_LEN];
    uint64_t data_bytes; /* receiver: so much of a read has come */
    int error;           /* receiver: 0 or -errno of the first bad chunk */
    unsigned slot;
    /* lock */
    int ret;
    bool sent;     /* the sender does not look at it any more */
    bool finished; /* answered (or lost) */
    bool lost;     /* the connection broke first */
    bool waiting;  /* the coroutine is about to yield, or has */
    bool promoted; /* woken to be the receiver */
    STAILQ_ENTRY(NbdCall) send_next;
    TAILQ_ENTRY(NbdCall) next;
} NbdCall;

/*
 * Connect and negotiate.  NULL and @errp.  @opts must live as long as the
 * connection.  Main thread, outside of coroutines; turns the loop.
 */
NbdClient *nbd_client_open(const NbdClientOptions *opts, Error **errp);
/* What the server offers.  Main thread, before the first call. */
const NbdServerExport *nbd_client_info(const NbdClient *c);
/*
 * Send @call and wait for its answer; 0 or -errno (the server's, or -EIO when
 * the connection is lost).  A call that was on its way when the connection
 * broke is sent again if it comes back in time.  Any home thread.
 */
int coroutine_fn nbd_co_client_call(NbdClient *c, NbdCall *call);
/* Say good-bye.  No call is in flight.  Main thread; turns the loop. */
void nbd_client_close(NbdClient *c);

#endif
