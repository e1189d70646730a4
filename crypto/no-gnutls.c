/*
 * TLS in a build without gnutls: there is none, and who asks is told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/tls-session.h"

TlsCreds *tls_creds_new(const TlsCredsConfig *config, Error **errp)
{
    error_setg(errp, "TLS credentials support requires GNUTLS");
    return NULL;
}

/* There are no credentials, so that nobody gets to the rest. */

void tls_creds_ref(TlsCreds *creds)
{
    g_assert_not_reached();
}

void tls_creds_unref(TlsCreds *creds)
{
    assert(!creds);
}

bool tls_creds_is_server(const TlsCreds *creds)
{
    g_assert_not_reached();
}

TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname,
                            Error **errp)
{
    error_setg(errp, "TLS requires GNUTLS support");
    return NULL;
}

void tls_session_free(TlsSession *s)
{
}

TlsHandshakeStatus tls_session_handshake(TlsSession *s, Error **errp)
{
    g_assert_not_reached();
}

const char *tls_session_peer_name(const TlsSession *s)
{
    return NULL;
}

ssize_t tls_session_read(TlsSession *s, void *buf, size_t len)
{
    return -ENOTSUP;
}

ssize_t tls_session_writev(TlsSession *s, const struct iovec *iov, int niov)
{
    return -ENOTSUP;
}

bool tls_session_pending(TlsSession *s)
{
    return false;
}

void tls_session_bye(TlsSession *s)
{
}
