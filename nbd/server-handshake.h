/*
 * The server's side of the negotiation, without sockets: bytes in, bytes out.
 *
 *     nbd_handshake_init(&h, &ops, opaque);      h.out is the greeting
 *     loop: send h.out, receive, nbd_handshake_feed()
 *
 * What the client sends is bounded before it is stored: an option of more than
 * NBD_OPTION_KEPT bytes is skipped and refused, one of more than
 * NBD_MAX_BUFFER ends the connection, and so does flooding with options.
 *
 * Thread: one at a time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_SERVER_HANDSHAKE_H
#define NBD_SERVER_HANDSHAKE_H

#include "nbd/message.h"
#include "util/error.h"

/* The longest option that is looked at. */
#define NBD_OPTION_KEPT (128 * 1024)
/* A client that needs more options than this before it is done wants harm. */
#define NBD_MAX_OPTIONS 4096

/* An export as the negotiation sees it; what the pointers point to must stay
 * until the callback's caller returns to the loop. */
typedef struct NbdExportInfo {
    const char *name;
    const char *description; /* NULL: none */
    uint64_t size;
    uint16_t flags; /* NBD_FLAG_*, but for _SEND_DF, _BLOCK_STAT_PAYLOAD */
    uint32_t min_block, pref_block, max_block;
    /* Names of meta contexts; the index is the context's id. */
    const char *const *contexts;
    unsigned n_contexts;
} NbdExportInfo;

typedef struct NbdHandshakeOps {
    /* The export called @name (no NUL inside), or NULL. */
    const NbdExportInfo *(*find)(void *opaque, const char *name);
    /* The first (@prev NULL) or next one for LIST, or NULL. */
    const NbdExportInfo *(*next)(void *opaque, const NbdExportInfo *prev);
} NbdHandshakeOps;

typedef enum NbdTlsState {
    NBD_TLS_NONE,     /* not configured */
    NBD_TLS_REQUIRED, /* nothing else before STARTTLS */
    NBD_TLS_ON,
} NbdTlsState;

typedef enum NbdHandshakeResult {
    NBD_HANDSHAKE_MORE,     /* send what is in out, and go on */
    NBD_HANDSHAKE_STARTTLS, /* send it, begin TLS, nbd_handshake_tls_done() */
    NBD_HANDSHAKE_GO,       /* send it, then transmission with @chosen */
    NBD_HANDSHAKE_ABORT,    /* send it and close: the client wants to leave */
    NBD_HANDSHAKE_ERROR,    /* close; @errp says why */
} NbdHandshakeResult;

typedef struct NbdHandshake {
    const NbdHandshakeOps *ops;
    void *opaque;
    GByteArray *out; /* the caller empties it */

    /* the result */
    NbdMode mode;
    char *chosen; /* name of the export */
    /* Ids of @chosen's contexts that the client asked for, ascending. */
    uint32_t *context_ids;
    unsigned n_context_ids;
    uint16_t sent_flags; /* of the export, as the client was told */
    bool check_align;    /* the client knows the export's block size */

    /* private */
    enum { NBD_HS_FLAGS, NBD_HS_OPTION, NBD_HS_DATA, NBD_HS_SKIP } state;
    NbdTlsState tls;
    bool fixed, no_zeroes;
    GByteArray *in; /* less than one option */
    uint32_t opt, len;
    uint64_t skip;
    unsigned options;
    char *context_export; /* what context_ids belong to */
} NbdHandshake;

void nbd_handshake_init(NbdHandshake *h, NbdTlsState tls,
                        const NbdHandshakeOps *ops, void *opaque);
void nbd_handshake_cleanup(NbdHandshake *h);
void nbd_handshake_tls_done(NbdHandshake *h);
/*
 * Take bytes from @data up to the end of one option; *@used of them were. With
 * NBD_HANDSHAKE_MORE the caller sends what is in out before it goes on.
 */
NbdHandshakeResult nbd_handshake_feed(NbdHandshake *h, const uint8_t *data,
                                      size_t len, size_t *used, Error **errp);

/* --- between the files of the handshake --- */

void nbd_handshake_reply(NbdHandshake *h, uint32_t type, const void *data,
                         size_t len);
void nbd_handshake_refuse(NbdHandshake *h, uint32_t type, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* The payload of an option, read from the front. */
typedef struct NbdReader {
    const uint8_t *p;
    size_t left;
    bool bad; /* ran over the end */
} NbdReader;

uint16_t nbd_read16(NbdReader *r);
uint32_t nbd_read32(NbdReader *r);
/* A string of @len bytes; NULL if there are not so many or one is NUL. */
char *nbd_read_string(NbdReader *r, size_t len);
void nbd_read_skip(NbdReader *r, size_t len);

/* False: the message is on its way. *@name is the caller's. */
bool nbd_option_name(NbdHandshake *h, NbdReader *r, char **name);
void nbd_option_inconsistent(NbdHandshake *h);
/* One option (state NBD_HS_DATA). */
NbdHandshakeResult nbd_handshake_option(NbdHandshake *h, const uint8_t *data,
                                        Error **errp);
/* LIST_ and SET_META_CONTEXT. */
void nbd_handshake_meta(NbdHandshake *h, NbdReader *r);
void nbd_handshake_forget_contexts(NbdHandshake *h);

#endif
