/*
 * A TLS session on a non-blocking socket.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/tls-int.h"

#include <gnutls/x509.h>
#include <sys/socket.h>

#include "util/iov.h"

#define RECORD_MAX 16384 /* bytes of one record, RFC 8446 section 5.1 */

struct TlsSession {
    TlsCreds *creds; /* fixed */
    gnutls_session_t handle;
    int fd;           /* fixed */
    char *hostname;   /* fixed; NULL: not checked */
    char *peer_name;  /* NULL: unknown */
    bool established; /* the handshake is over */
    /* A record on its way: gnutls wants to see the same again */
    uint8_t *record;
    size_t record_len;
};

static ssize_t push(gnutls_transport_ptr_t ptr, const void *buf, size_t len)
{
    TlsSession *s = ptr;

    return send(s->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buf, size_t len)
{
    TlsSession *s = ptr;

    return recv(s->fd, buf, len, MSG_DONTWAIT);
}

static int set_credentials(TlsSession *s)
{
    static const char *const more[] = {
        [TLS_CREDS_ANON] = ":+ANON-DH",
        [TLS_CREDS_PSK] = ":+ECDHE-PSK:+DHE-PSK:+PSK",
        [TLS_CREDS_X509] = "",
    };
    static const gnutls_credentials_type_t types[] = {
        [TLS_CREDS_ANON] = GNUTLS_CRD_ANON,
        [TLS_CREDS_PSK] = GNUTLS_CRD_PSK,
        [TLS_CREDS_X509] = GNUTLS_CRD_CERTIFICATE,
    };
    TlsCreds *c = s->creds;
    g_autofree char *priority = g_strconcat(c->priority ?: "NORMAL",
                                            more[c->kind], NULL);
    int ret = gnutls_priority_set_direct(s->handle, priority, NULL);

    if (ret == 0) {
        ret = gnutls_credentials_set(s->handle, types[c->kind],
                                     c->u.cert /* any: all are pointers */);
    }
    if (ret == 0 && c->kind == TLS_CREDS_X509 && c->server && c->verify_peer) {
        gnutls_certificate_server_set_request(s->handle, GNUTLS_CERT_REQUEST);
    }
    return ret;
}

TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname,
                            Error **errp)
{
    TlsSession *s = g_new0(TlsSession, 1);
    int ret;

    s->creds = creds;
    tls_creds_ref(creds);
    s->fd = fd;
    s->hostname = g_strdup(hostname);
    s->record = g_malloc(RECORD_MAX);
    ret = gnutls_init(&s->handle,
                      (creds->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
                          GNUTLS_NONBLOCK);
    if (ret == 0) {
        ret = set_credentials(s);
    }
    if (ret < 0) {
        error_setg(errp, "Failed to initialize TLS session: %s",
                   gnutls_strerror(ret));
        tls_session_free(s);
        return NULL;
    }
    gnutls_transport_set_ptr(s->handle, s);
    gnutls_transport_set_push_function(s->handle, push);
    gnutls_transport_set_pull_function(s->handle, pull);
    return s;
}

void tls_session_free(TlsSession *s)
{
    if (!s) {
        return;
    }
    if (s->handle) {
        gnutls_deinit(s->handle);
    }
    tls_creds_unref(s->creds);
    g_free(s->hostname);
    g_free(s->peer_name);
    g_free(s->record);
    g_free(s);
}

/* --- the peer's certificate --- */

static bool read_peer(TlsSession *s, const gnutls_datum_t *data, Error **errp)
{
    gnutls_x509_crt_t cert;
    size_t size = 0;
    bool ok = false;
    int ret;

    ret = gnutls_x509_crt_init(&cert);
    if (ret < 0) {
        error_setg(errp, "Cannot initialize certificate: %s",
                   gnutls_strerror(ret));
        return false;
    }
    ret = gnutls_x509_crt_import(cert, data, GNUTLS_X509_FMT_DER);
    if (ret < 0) {
        error_setg(errp, "Cannot import certificate: %s", gnutls_strerror(ret));
        goto out;
    }
    gnutls_x509_crt_get_dn(cert, NULL, &size);
    s->peer_name = g_malloc0(size + 1);
    ret = gnutls_x509_crt_get_dn(cert, s->peer_name, &size);
    if (ret < 0) {
        error_setg(errp, "Cannot get client distinguished name: %s",
                   gnutls_strerror(ret));
        goto out;
    }
    if (!s->creds->server && s->hostname &&
        !gnutls_x509_crt_check_hostname(cert, s->hostname)) {
        error_setg(errp, "Certificate does not match the hostname %s",
                   s->hostname);
        goto out;
    }
    ok = true;
out:
    gnutls_x509_crt_deinit(cert);
    return ok;
}

static bool check_peer(TlsSession *s, Error **errp)
{
    const gnutls_datum_t *certs;
    unsigned status = 0, n = 0;
    int ret;

    if (s->creds->kind != TLS_CREDS_X509 ||
        (s->creds->server && !s->creds->verify_peer)) {
        return true;
    }
    ret = gnutls_certificate_verify_peers2(s->handle, &status);
    if (ret < 0) {
        error_setg(errp, "Verify failed: %s", gnutls_strerror(ret));
        return false;
    }
    if (status) {
        error_setg(errp, status & GNUTLS_CERT_REVOKED
                             ? "The certificate has been revoked"
                         : status & GNUTLS_CERT_SIGNER_NOT_FOUND
                             ? "The certificate hasn't got a known issuer"
                         : status & GNUTLS_CERT_INSECURE_ALGORITHM
                             ? "The certificate uses an insecure algorithm"
                             : "The certificate is not trusted");
        return false;
    }
    certs = gnutls_certificate_get_peers(s->handle, &n);
    if (!certs || !n) {
        error_setg(errp, "No certificate was found");
        return false;
    }
    return read_peer(s, &certs[0], errp);
}

TlsHandshakeStatus tls_session_handshake(TlsSession *s, Error **errp)
{
    int ret = gnutls_handshake(s->handle);

    if (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_AGAIN) {
        return gnutls_record_get_direction(s->handle) ? TLS_HANDSHAKE_WRITING
                                                      : TLS_HANDSHAKE_READING;
    }
    if (ret < 0) {
        error_setg(errp, "TLS handshake failed: %s", gnutls_strerror(ret));
        return TLS_HANDSHAKE_FAILED;
    }
    if (!check_peer(s, errp)) {
        return TLS_HANDSHAKE_FAILED;
    }
    s->established = true;
    return TLS_HANDSHAKE_DONE;
}

const char *tls_session_peer_name(const TlsSession *s)
{
    return s->peer_name;
}

/* --- data --- */

static ssize_t to_errno(ssize_t ret)
{
    switch (ret) {
    case GNUTLS_E_AGAIN:
    case GNUTLS_E_INTERRUPTED:
        return -EAGAIN;
    case GNUTLS_E_PREMATURE_TERMINATION:
        return -ECONNABORTED;
    default:
        return -EIO;
    }
}

ssize_t tls_session_read(TlsSession *s, void *buf, size_t len)
{
    ssize_t ret = gnutls_record_recv(s->handle, buf, len);

    return ret < 0 ? to_errno(ret) : ret;
}

ssize_t tls_session_writev(TlsSession *s, const struct iovec *iov, int niov)
{
    ssize_t ret;

    if (!s->record_len) {
        s->record_len = iov_to_buf(iov, niov, 0, s->record, RECORD_MAX);
    }
    ret = gnutls_record_send(s->handle, s->record, s->record_len);
    if (ret < 0) {
        return to_errno(ret);
    }
    s->record_len = 0; /* what is left of it, if anything, comes again */
    return ret;
}

bool tls_session_pending(TlsSession *s)
{
    return gnutls_record_check_pending(s->handle) > 0;
}

void tls_session_bye(TlsSession *s)
{
    if (s->established) {
        gnutls_bye(s->handle, GNUTLS_SHUT_WR);
    }
}
