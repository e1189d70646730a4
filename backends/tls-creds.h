/*
 * -object tls-creds-anon, -psk, -x509: credentials, referred to by id.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_TLS_CREDS_H
#define BACKENDS_TLS_CREDS_H

#include "crypto/tls-session.h"
#include "qom/object.h"

/* The credentials of the object @id, with a reference; @server: the end they
 * must be for. NULL and @errp. */
TlsCreds *tls_creds_lookup(const char *id, bool server, Error **errp);

extern const TypeInfo tls_creds_type;
extern const TypeInfo tls_creds_anon_type;
extern const TypeInfo tls_creds_psk_type;
extern const TypeInfo tls_creds_x509_type;

#endif
