/*
 * TLS over a connected socket (gnutls), and the credentials for it.
 *
 * The socket is non-blocking and stays the caller's. Nothing here waits.
 *
 * Thread: credentials: main. A session: one at a time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_TLS_SESSION_H
#define CRYPTO_TLS_SESSION_H

#include "util/error.h"

typedef struct TlsCreds TlsCreds;
typedef struct TlsSession TlsSession;

typedef enum TlsCredsKind {
    TLS_CREDS_ANON,
    TLS_CREDS_PSK,
    TLS_CREDS_X509,
} TlsCredsKind;

/* What the properties of a tls-creds-* object say. */
typedef struct TlsCredsConfig {
    TlsCredsKind kind;
    bool server;
    const char *dir;      /* of the files; may be NULL for anon */
    const char *priority; /* NULL: "NORMAL" */
    bool verify_peer;     /* x509: of the client's certificate too */
    bool sanity_check;    /* x509 */
    const char *username; /* psk, client; NULL: "qemu" */
    const char *password; /* x509: of the private key; or NULL */
} TlsCredsConfig;

/* Reads the files; one reference. NULL and @errp, also where gnutls is
 * missing. */
TlsCreds *tls_creds_new(const TlsCredsConfig *config, Error **errp);
void tls_creds_ref(TlsCreds *creds);
void tls_creds_unref(TlsCreds *creds); /* any thread; NULL is fine */
bool tls_creds_is_server(const TlsCreds *creds);

/* Takes a reference to @creds. @hostname: clients with x509 check it. */
TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname,
                            Error **errp);
void tls_session_free(TlsSession *s); /* NULL is fine */

typedef enum TlsHandshakeStatus {
    TLS_HANDSHAKE_FAILED,
    TLS_HANDSHAKE_DONE,
    TLS_HANDSHAKE_READING, /* call again when the socket is readable */
    TLS_HANDSHAKE_WRITING,
} TlsHandshakeStatus;

/* The peer's certificate is checked before it says DONE. */
TlsHandshakeStatus tls_session_handshake(TlsSession *s, Error **errp);
/* The distinguished name of the peer's certificate; x509 after the
 * handshake, else NULL. */
const char *tls_session_peer_name(const TlsSession *s);

/* As recv() and sendmsg(): 0 is the end, -EAGAIN waits for the socket. After
 * it, a write is repeated with the same bytes at the front. */
ssize_t tls_session_read(TlsSession *s, void *buf, size_t len);
ssize_t tls_session_writev(TlsSession *s, const struct iovec *iov, int niov);
/* Is there something to read that the socket will not announce? */
bool tls_session_pending(TlsSession *s);
/* Tell the peer that nothing more comes. Does not wait. */
void tls_session_bye(TlsSession *s);

#endif
