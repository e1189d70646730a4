/*
 * The objects with credentials for TLS. Their files are read by complete().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/tls-creds.h"

#include "backends/secret.h"
#include "qapi/qapi-types-crypto.h"
#include "qom/property.h"

#define TYPE_TLS_CREDS      "tls-creds"
#define TYPE_TLS_CREDS_ANON "tls-creds-anon"
#define TYPE_TLS_CREDS_PSK  "tls-creds-psk"
#define TYPE_TLS_CREDS_X509 "tls-creds-x509"

typedef struct TlsCredsObject {
    Object parent_obj;
    /* main */
    bool verify_peer;
    char *dir, *priority;
    int endpoint; /* QCryptoTLSCredsEndpoint */
    char *username;
    bool sanity_check;
    char *passwordid;
    TlsCreds *creds; /* once complete */
} TlsCredsObject;

OBJECT_DECLARE_TYPE(TlsCredsObject, TLS_CREDS, TYPE_TLS_CREDS)

TlsCreds *tls_creds_lookup(const char *id, bool server, Error **errp)
{
    Object *obj = object_get_child(object_get_objects_root(), id);
    TlsCredsObject *s;

    if (!obj) {
        error_setg(errp, "No TLS credentials with id '%s'", id);
        return NULL;
    }
    s = object_dynamic_cast(obj, TYPE_TLS_CREDS);
    if (!s) {
        error_setg(errp, "Object with id '%s' is not TLS credentials", id);
        return NULL;
    }
    if (tls_creds_is_server(s->creds) != server) {
        error_setg(errp, "Expected TLS credentials for a %s endpoint",
                   server ? "server" : "client");
        return NULL;
    }
    tls_creds_ref(s->creds);
    return s->creds;
}

static TlsCredsKind kind_of(const Object *obj)
{
    if (object_dynamic_cast(obj, TYPE_TLS_CREDS_ANON)) {
        return TLS_CREDS_ANON;
    }
    return object_dynamic_cast(obj, TYPE_TLS_CREDS_PSK) ? TLS_CREDS_PSK
                                                        : TLS_CREDS_X509;
}

static bool creds_complete(Object *obj, Error **errp)
{
    TlsCredsObject *s = TLS_CREDS(obj);
    char *password = NULL;
    TlsCredsConfig config = {
        .kind = kind_of(obj),
        .server = s->endpoint == QCRYPTO_TLS_CREDS_ENDPOINT_SERVER,
        .dir = s->dir,
        .priority = s->priority,
        .verify_peer = s->verify_peer,
        .sanity_check = s->sanity_check,
        .username = s->username,
    };

    if (s->passwordid) {
        password = qcrypto_secret_lookup_as_utf8(s->passwordid, errp);
        if (!password) {
            return false;
        }
    }
    config.password = password;
    s->creds = tls_creds_new(&config, errp);
    qcrypto_secret_free_str(password);
    return s->creds;
}

static void creds_finalize(Object *obj)
{
    tls_creds_unref(TLS_CREDS(obj)->creds);
}

static const PropertyInfo endpoint_info = PROPERTY_INFO_ENUM(
    "QCryptoTLSCredsEndpoint", NULL, &QCryptoTLSCredsEndpoint_lookup);

static const Property creds_props[] = {
    DEFINE_PROP_STRING("dir", TlsCredsObject, dir),
    { .name = "endpoint",
      .info = &endpoint_info,
      .offset = offsetof(TlsCredsObject, endpoint),
      .def.i = QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT },
    DEFINE_PROP_STRING("priority", TlsCredsObject, priority),
    DEFINE_PROP_BOOL("verify-peer", TlsCredsObject, verify_peer, true),
    DEFINE_PROP_END,
};

static const Property psk_props[] = {
    DEFINE_PROP_STRING("username", TlsCredsObject, username),
    DEFINE_PROP_END,
};

static const Property x509_props[] = {
    DEFINE_PROP_STRING("passwordid", TlsCredsObject, passwordid),
    DEFINE_PROP_BOOL("sanity-check", TlsCredsObject, sanity_check, true),
    DEFINE_PROP_END,
};

static const UserCreatableOps creds_ops = {
    .complete = creds_complete,
};

const TypeInfo tls_creds_type = {
    .name = TYPE_TLS_CREDS,
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(TlsCredsObject),
    .abstract = true,
    .props = creds_props,
    .class_ops = &creds_ops,
    .instance_finalize = creds_finalize,
};

const TypeInfo tls_creds_anon_type = {
    .name = TYPE_TLS_CREDS_ANON,
    .parent = TYPE_TLS_CREDS,
};

const TypeInfo tls_creds_psk_type = {
    .name = TYPE_TLS_CREDS_PSK,
    .parent = TYPE_TLS_CREDS,
    .props = psk_props,
};

const TypeInfo tls_creds_x509_type = {
    .name = TYPE_TLS_CREDS_X509,
    .parent = TYPE_TLS_CREDS,
    .props = x509_props,
};
