/*
 * What the files of TLS share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_TLS_INT_H
#define CRYPTO_TLS_INT_H

#include <gnutls/gnutls.h>

#include "crypto/tls-session.h"

struct TlsCreds {
    unsigned ref; /* atomic */
    /* fixed */
    TlsCredsKind kind;
    bool server;
    bool verify_peer;
    char *priority;
    union {
        gnutls_anon_server_credentials_t anon_server;
        gnutls_anon_client_credentials_t anon_client;
        gnutls_psk_server_credentials_t psk_server;
        gnutls_psk_client_credentials_t psk_client;
        gnutls_certificate_credentials_t cert;
    } u;
};

#endif
