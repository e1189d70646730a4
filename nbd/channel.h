/*
 * A byte stream to an NBD server: a connected socket that does not block, used
 * from coroutines.
 *
 * One coroutine may read and another write at the same time, in any threads;
 * that there are no two of a kind is their business.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef NBD_CHANNEL_H
#define NBD_CHANNEL_H

#include "crypto/tls-session.h"
#include "util/coroutine.h"
#include "util/error.h"

typedef struct NbdChannel {
    int fd;
    /* The same socket again: the loop takes one handler for a descriptor, and
     * reader and writer wait in their own. */
    int write_fd;
    TlsSession *tls;    /* NULL: plain */
    QemuMutex tls_lock; /* a session takes one thread at a time */
} NbdChannel;

/* Takes @fd over, also on failure (-errno). */
int nbd_channel_init(NbdChannel *ch, int fd);
/* Go on with TLS: shakes hands with the server, whose certificate must be
 * @hostname's (x509). -errno and @errp. */
int coroutine_fn nbd_co_channel_start_tls(NbdChannel *ch, TlsCreds *creds,
                                          const char *hostname, Error **errp);
/* Reads and writes that wait return; any thread. */
void nbd_channel_shutdown(NbdChannel *ch);
/* Nobody uses it any more. Nothing, if it is closed or zeroed with fd -1. */
void nbd_channel_close(NbdChannel *ch);

/* What is there, at most @len bytes and at least one: waits for it. 0: the
 * other side has closed; or -errno. */
ssize_t coroutine_fn nbd_co_channel_readv(NbdChannel *ch,
                                          const struct iovec *iov, int niov);
/* All of it; 0 or -errno. @iov is changed. */
int coroutine_fn nbd_co_channel_writev(NbdChannel *ch, struct iovec *iov,
                                       int niov);
/* If it can go at once, it does.  Outside of coroutines. */
void nbd_channel_try_write(NbdChannel *ch, const void *buf, size_t len);

/* Exactly @len bytes for the handshake; -errno and @errp. */
int coroutine_fn nbd_co_read(NbdChannel *ch, void *buf, size_t len,
                             Error **errp);
int coroutine_fn nbd_co_write(NbdChannel *ch, const void *buf, size_t len,
                              Error **errp);

#endif
