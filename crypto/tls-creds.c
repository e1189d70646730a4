/*
 * Credentials for TLS: the files of a directory, read once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/tls-int.h"

#include <gnutls/x509.h>

#include "util/atomic.h"

#define FILE_CA_CERT     "ca-cert.pem"
#define FILE_CA_CRL      "ca-crl.pem"
#define FILE_SERVER_CERT "server-cert.pem"
#define FILE_SERVER_KEY  "server-key.pem"
#define FILE_CLIENT_CERT "client-cert.pem"
#define FILE_CLIENT_KEY  "client-key.pem"
#define FILE_PSK         "keys.psk"

static bool failed(int ret, Error **errp, const char *what)
{
    if (ret < 0) {
        error_setg(errp, "%s: %s", what, gnutls_strerror(ret));
    }
    return ret < 0;
}

/* The file @name below the directory; NULL without error if it is missing and
 * not @required. */
static char *find_file(const TlsCredsConfig *config, const char *name,
                       bool required, Error **errp)
{
    g_autofree char *path = NULL;

    if (!config->dir) {
        if (required) {
            error_setg(errp, "Missing 'dir' property value");
        }
        return NULL;
    }
    path = g_strdup_printf("%s/%s", config->dir, name);
    if (access(path, R_OK) < 0) {
        if (required || errno != ENOENT) {
            error_setg_errno(errp, errno, "Unable to access credentials %s",
                             path);
        }
        return NULL;
    }
    return g_steal_pointer(&path);
}

/* --- anonymous: encryption without knowing whom one talks to --- */

static bool load_anon(TlsCreds *c, Error **errp)
{
    int ret = c->server
                  ? gnutls_anon_allocate_server_credentials(&c->u.anon_server)
                  : gnutls_anon_allocate_client_credentials(&c->u.anon_client);

    if (failed(ret, errp, "Cannot allocate credentials")) {
        return false;
    }
    return !c->server || !failed(gnutls_anon_set_server_known_dh_params(
                                     c->u.anon_server, GNUTLS_SEC_PARAM_MEDIUM),
                                 errp, "Unable to set DH parameters");
}

/* --- keys shared before --- */

/* The key that @path has for @user: a line "user:hexkey". */
static char *find_psk(const char *path, const char *user, Error **errp)
{
    g_autofree char *content = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) gerr = NULL;
    size_t len = strlen(user);

    if (!g_file_get_contents(path, &content, NULL, &gerr)) {
        error_setg(errp, "Cannot read PSK file %s: %s", path, gerr->message);
        return NULL;
    }
    lines = g_strsplit(content, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (!strncmp(*line, user, len) && (*line)[len] == ':') {
            return g_strdup(g_strchomp(*line + len + 1));
        }
    }
    error_setg(errp, "Username %s not found in PSK file %s", user, path);
    return NULL;
}

static bool load_psk_server(TlsCreds *c, const TlsCredsConfig *config,
                            Error **errp)
{
    g_autofree char *path = find_file(config, FILE_PSK, true, errp);

    return path &&
           !failed(gnutls_psk_allocate_server_credentials(&c->u.psk_server),
                   errp, "Cannot allocate credentials") &&
           !failed(
               gnutls_psk_set_server_credentials_file(c->u.psk_server, path),
               errp, "Cannot set PSK server credentials") &&
           !failed(gnutls_psk_set_server_known_dh_params(
                       c->u.psk_server, GNUTLS_SEC_PARAM_MEDIUM),
                   errp, "Unable to set DH parameters");
}

static bool load_psk_client(TlsCreds *c, const TlsCredsConfig *config,
                            Error **errp)
{
    g_autofree char *path = find_file(config, FILE_PSK, true, errp);
    const char *user = config->username ?: "qemu";
    g_autofree char *key = path ? find_psk(path, user, errp) : NULL;
    gnutls_datum_t datum;

    if (!key) {
        return false;
    }
    datum.data = (unsigned char *)key;
    datum.size = strlen(key);
    return !failed(gnutls_psk_allocate_client_credentials(&c->u.psk_client),
                   errp, "Cannot allocate credentials") &&
           !failed(gnutls_psk_set_client_credentials(
                       c->u.psk_client, user, &datum, GNUTLS_PSK_KEY_HEX),
                   errp, "Failed to set credentials");
}

/* --- certificates --- */

static bool check_times(gnutls_x509_crt_t cert, const char *path, bool is_ca,
                        Error **errp)
{
    time_t now = time(NULL);
    const char *what = is_ca ? "The CA certificate" : "The certificate";

    if (gnutls_x509_crt_get_expiration_time(cert) < now) {
        error_setg(errp, "%s %s has expired", what, path);
        return false;
    }
    if (gnutls_x509_crt_get_activation_time(cert) > now) {
        error_setg(errp, "%s %s is not yet active", what, path);
        return false;
    }
    return true;
}

/* May the first certificate of @path be used for what it is meant for? */
static bool check_cert(const char *path, bool is_ca, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) gerr = NULL;
    gnutls_x509_crt_t cert;
    gnutls_datum_t datum;
    gsize len;
    bool ok;
    int ret;

    if (!g_file_get_contents(path, &content, &len, &gerr)) {
        error_setg(errp, "Cannot load certificates from %s: %s", path,
                   gerr->message);
        return false;
    }
    if (failed(gnutls_x509_crt_init(&cert), errp,
               "Unable to initialize certificate")) {
        return false;
    }
    datum.data = (unsigned char *)content;
    datum.size = len;
    ret = gnutls_x509_crt_import(cert, &datum, GNUTLS_X509_FMT_PEM);
    if (ret < 0) {
        error_setg(errp, "Unable to import certificate %s: %s", path,
                   gnutls_strerror(ret));
        ok = false;
    } else {
        ok = check_times(cert, path, is_ca, errp);
    }
    if (ok && is_ca) {
        ret = gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL);
        if (ret == 0) {
            error_setg(errp,
                       "The certificate %s basic constraints do not show a CA",
                       path);
            ok = false;
        }
    }
    gnutls_x509_crt_deinit(cert);
    return ok;
}

static bool load_ca(TlsCreds *c, const TlsCredsConfig *config, Error **errp)
{
    ERRP_GUARD();
    g_autofree char *ca = find_file(config, FILE_CA_CERT, true, errp);
    g_autofree char *crl = NULL;
    int ret;

    if (!ca || (config->sanity_check && !check_cert(ca, true, errp))) {
        return false;
    }
    ret = gnutls_certificate_set_x509_trust_file(c->u.cert, ca,
                                                 GNUTLS_X509_FMT_PEM);
    if (ret < 0) {
        error_setg(errp, "Cannot load CA certificate '%s': %s", ca,
                   gnutls_strerror(ret));
        return false;
    }
    crl = find_file(config, FILE_CA_CRL, false, errp);
    if (*errp) {
        return false;
    }
    if (crl) {
        ret = gnutls_certificate_set_x509_crl_file(c->u.cert, crl,
                                                   GNUTLS_X509_FMT_PEM);
        if (ret < 0) {
            error_setg(errp, "Cannot load CRL '%s': %s", crl,
                       gnutls_strerror(ret));
            return false;
        }
    }
    return true;
}

static bool load_x509(TlsCreds *c, const TlsCredsConfig *config, Error **errp)
{
    ERRP_GUARD();
    g_autofree char *cert = NULL, *key = NULL;
    int ret;

    if (failed(gnutls_certificate_allocate_credentials(&c->u.cert), errp,
               "Cannot allocate credentials") ||
        !load_ca(c, config, errp)) {
        return false;
    }
    /* A client may come without a certificate of its own */
    cert = find_file(config, c->server ? FILE_SERVER_CERT : FILE_CLIENT_CERT,
                     c->server, errp);
    if (*errp) {
        return false;
    }
    key = find_file(config, c->server ? FILE_SERVER_KEY : FILE_CLIENT_KEY,
                    c->server, errp);
    if (*errp ||
        (cert && config->sanity_check && !check_cert(cert, false, errp))) {
        return false;
    }
    if (cert && key) {
        ret = gnutls_certificate_set_x509_key_file2(
            c->u.cert, cert, key, GNUTLS_X509_FMT_PEM, config->password, 0);
        if (ret < 0) {
            error_setg(errp, "Cannot load certificate '%s' & key '%s': %s",
                       cert, key, gnutls_strerror(ret));
            return false;
        }
    }
    return !c->server || !failed(gnutls_certificate_set_known_dh_params(
                                     c->u.cert, GNUTLS_SEC_PARAM_MEDIUM),
                                 errp, "Unable to set DH parameters");
}

/* --- all of them --- */

static bool load(TlsCreds *c, const TlsCredsConfig *config, Error **errp)
{
    switch (c->kind) {
    case TLS_CREDS_ANON:
        return load_anon(c, errp);
    case TLS_CREDS_PSK:
        return c->server ? load_psk_server(c, config, errp)
                         : load_psk_client(c, config, errp);
    case TLS_CREDS_X509:
        return load_x509(c, config, errp);
    }
    g_assert_not_reached();
}

TlsCreds *tls_creds_new(const TlsCredsConfig *config, Error **errp)
{
    TlsCreds *c = g_new0(TlsCreds, 1);

    c->ref = 1;
    c->kind = config->kind;
    c->server = config->server;
    c->verify_peer = config->verify_peer;
    c->priority = g_strdup(config->priority);
    if (!load(c, config, errp)) {
        g_clear_pointer(&c, tls_creds_unref);
    }
    return c;
}

void tls_creds_ref(TlsCreds *c)
{
    qatomic_inc(&c->ref);
}

static void free_handles(TlsCreds *c)
{
    switch (c->kind) {
    case TLS_CREDS_ANON:
        if (c->server) {
            gnutls_anon_free_server_credentials(c->u.anon_server);
        } else {
            gnutls_anon_free_client_credentials(c->u.anon_client);
        }
        break;
    case TLS_CREDS_PSK:
        if (c->server) {
            gnutls_psk_free_server_credentials(c->u.psk_server);
        } else {
            gnutls_psk_free_client_credentials(c->u.psk_client);
        }
        break;
    case TLS_CREDS_X509:
        gnutls_certificate_free_credentials(c->u.cert);
        break;
    }
}

void tls_creds_unref(TlsCreds *c)
{
    if (!c || qatomic_fetch_dec(&c->ref) > 1) {
        return;
    }
    if (c->u.cert) { /* any of the union: all are pointers */
        free_handles(c);
    }
    g_free(c->priority);
    g_free(c);
}

bool tls_creds_is_server(const TlsCreds *c)
{
    return c->server;
}
