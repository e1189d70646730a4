/*
 * NBD: the export type, and connections of clients.
 *
 * Exports are found by name, by clients of any listener. The program's NBD
 * server is export/nbd-server.h; qemu-nbd listens by itself.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_NBD_H
#define EXPORT_NBD_H

#include "crypto/tls-session.h"
#include "export/export.h"

#define NBD_DEFAULT_HANDSHAKE_LIMIT 10 /* seconds */
#define NBD_DEFAULT_MAX_CONNECTIONS 100

extern const BlockExportDriver blk_exp_nbd;

/*
 * Must be known before there are exports: whether anybody takes clients, and
 * how many at a time. One client sees its own writes; where there may be
 * several (@max other than 1; 0: any number), they are told that what one has
 * flushed the others see (NBD_FLAG_CAN_MULTI_CONN).
 */
void nbd_exports_enable(bool enabled, uint32_t max);
bool nbd_exports_enabled(void);

/* The connection has ended; @established: it got as far as transmission. */
typedef void NbdConnDone(void *opaque, bool established);

typedef struct NbdConnConfig {
    int handshake_limit; /* seconds; 0: none */
    TlsCreds *tls_creds; /* NULL: no TLS; a reference is taken */
    const char *tls_authz;
    NbdConnDone *on_done;
    void *opaque;
} NbdConnConfig;

/* Serve @fd, which is taken over. */
void nbd_conn_new(int fd, const NbdConnConfig *config);
/* Hang up on those that have chosen no export yet. */
void nbd_conns_stop(void);

#endif
