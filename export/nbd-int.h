/*
 * The inside of the NBD server, for export/nbd-*.c.
 *
 * A connection (NbdConn) begins in the main thread with the negotiation and
 * moves to its export's AioContext for the transmission. Its end goes the
 * other way: a shutdown of the socket makes all that is under way end, the
 * last of it tells the main thread, which frees the connection.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_NBD_INT_H
#define EXPORT_NBD_INT_H

#include "block/block-backend.h"
#include "block/dirty-bitmap.h"
#include "export/export.h"
#include "export/nbd.h"
#include "io/stream.h"
#include "nbd/server-handshake.h"
#include "util/queue.h"

typedef struct NbdConn NbdConn;

/* Requests of one connection that are under way at once. */
#define NBD_SLOTS 128
/* Bytes of their data, over which no further request is taken (but one that is
 * alone). Much is read ahead of what the client takes: it then finds the next
 * data whenever it comes to look. */
#define NBD_IN_FLIGHT_MAX (32 * 1024 * 1024)
/* A slot keeps a buffer up to this for the next request. */
#define NBD_KEPT_BUFFER (256 * 1024)
/* Bytes that are received at once. */
#define NBD_RX_SIZE (256 * 1024)
/* Longest piece of a request that the block layer gets. */
#define NBD_PIECE (1024 * 1024 * 1024)

/* Each connection that has chosen it holds a reference to the BlockExport. */
typedef struct NbdExport {
    BlockExport common;
    /* fixed while it is in the list */
    char *name, *description;
    NbdExportInfo info;
    GPtrArray *contexts; /* of names, as info.contexts */
    bool has_depth;
    BdrvDirtyBitmap **bitmaps;
    unsigned n_bitmaps;

    /* main */
    TAILQ_HEAD(, NbdConn) conns;
    TAILQ_ENTRY(NbdExport) next;
} NbdExport;

/* Main: by name, and the first (NULL) or next one. */
NbdExport *nbd_export_find(const char *name);
NbdExport *nbd_export_next(NbdExport *exp);

/* What a meta context of an export is; its id is the index of its name. */
typedef enum NbdContextKind {
    NBD_CONTEXT_ALLOCATION,
    NBD_CONTEXT_DEPTH,
    NBD_CONTEXT_BITMAP,
} NbdContextKind;
NbdContextKind nbd_export_context(const NbdExport *exp, uint32_t id,
                                  BdrvDirtyBitmap **bitmap);

/* A request, from its last byte in to its reply's last byte out. */
typedef struct NbdSlot NbdSlot;
struct NbdSlot {
    BlkIo io;
    NbdConn *conn; /* fixed */
    NbdRequest rq;
    uint8_t head[NBD_HEAD_MAX];
    size_t head_len;
    uint8_t *buf; /* data */
    size_t buf_size;
    size_t charged; /* against NBD_IN_FLIGHT_MAX */
    struct iovec iov;
    const void *out; /* what follows the head */
    size_t out_len;
    GByteArray *extra; /* instead of head and data; NULL: none */
    uint64_t done;     /* bytes of a request that goes in pieces */
    bool syncing;      /* the flush behind a trim with FUA */
    STAILQ_ENTRY(NbdSlot) next;
};

typedef STAILQ_HEAD(NbdSlotList, NbdSlot) NbdSlotList;

struct NbdConn {
    IoStream stream;      /* home: main, then exp->common.ctx */
    bool counted;         /* main: holds a place of the server's */
    bool closing;         /* home: nothing is read or sent any more */
    bool leaving;         /* home: no more requests, but the replies are sent */
    bool gone;            /* home: the main thread was told */
    bool was_established; /* main */
    NbdExport *exp;       /* main; fixed in transmission; NULL before */
    TAILQ_ENTRY(NbdConn) next; /* of the export, or of those negotiating */

    /* negotiation: main */
    NbdHandshake hs;
    NbdHandshakeResult result; /* what to do when hs.out is sent */
    QEMUTimer *limit;
    struct iovec hs_iov;
    TlsCreds *tls_creds;
    char *tls_authz;
    NbdConnDone *on_done; /* main */
    void *on_done_opaque;

    /* transmission: home */
    NbdMode mode;
    uint16_t flags;     /* of the export, as the client knows them */
    uint32_t alignment; /* what the client keeps to; 1: nothing */
    uint32_t *context_ids;
    unsigned n_context_ids;
    uint8_t *rx;
    size_t rx_pos, rx_end;
    NbdSlot *incoming; /* its payload is being received */
    size_t incoming_got;
    uint64_t skip; /* bytes of a payload that nobody wants */
    NbdSlot *slots;
    NbdSlotList free, ready, sending;
    unsigned in_flight; /* slots that are not free */
    size_t bytes_in_flight;
    bool stalled; /* a request waits for a slot or for memory */
    struct iovec tx_iov[IO_STREAM_MAX_IOV];
    AioDeferred flush;
};

/* Home: begin with @early, bytes that came behind the negotiation. */
void nbd_transmit_start(NbdConn *c, const uint8_t *early, size_t len);
/* Home: what transmission has allocated. */
void nbd_transmit_cleanup(NbdConn *c);
/* Home: look whether the connection is over. */
void nbd_conn_maybe_gone(NbdConn *c);
/* Home: give up. */
void nbd_conn_close(NbdConn *c);

/* Home: the reply of @slot, which is complete. */
void nbd_reply_done(NbdSlot *slot, int ret, const char *message);
/* Home: slot->extra is the reply. */
void nbd_reply_extra(NbdSlot *slot);
/* Home: answer a BLOCK_STATUS request. @ids: contexts, copied. */
void nbd_block_status(NbdSlot *slot, uint64_t from, uint64_t len,
                      const uint32_t *ids, unsigned n_ids);
/* In the middle of an answer of several chunks. */
void nbd_append_error(NbdSlot *slot, GByteArray *to, int error,
                      const char *message);

#endif
