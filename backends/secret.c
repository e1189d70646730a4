/*
 * -object secret: passwords and keys, given as they are or in a file, plain,
 * in base64, or encrypted with another secret (AES-256-CBC, PKCS#7 padding).
 *
 * The plain data lives from complete() to finalize() and is wiped then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/secret.h"

#include "crypto/cipher.h"
#include "qom/property.h"

#define KEY_LEN 32 /* of the secret that encrypts another */

typedef struct Secret {
    Object parent_obj;

    /* main */
    char *data, *file, *keyid, *iv;
    int format; /* QCryptoSecretFormat */
    uint8_t *raw;
    size_t raw_len;
} Secret;

OBJECT_DECLARE_TYPE(Secret, SECRET, TYPE_SECRET_COMMON)

/* --- from what was given to what is meant --- */

/* Text of @len bytes into new memory; its length in *@out_len. */
static uint8_t *decode_base64(const char *text, size_t len, size_t *out_len,
                              Error **errp)
{
    static const char valid[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"
                                "0123456789+/=\n";

    if (memchr(text, '\0', len)) {
        error_setg(errp, "Base64 data contains embedded NUL characters");
        return NULL;
    }
    if (strspn(text, valid) != len) {
        error_setg(errp, "Base64 data contains invalid characters");
        return NULL;
    }
    return g_base64_decode(text, out_len);
}

static uint8_t *read_input(const Secret *s, size_t *len, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    char *content = NULL;

    if (s->file && s->data) {
        error_setg(errp, "'file' and 'data' are mutually exclusive");
        return NULL;
    }
    if (s->file) {
        if (!g_file_get_contents(s->file, &content, len, &gerr)) {
            error_setg(errp, "Unable to read %s: %s", s->file, gerr->message);
        }
        return (uint8_t *)content;
    }
    if (s->data) {
        *len = strlen(s->data);
        return (uint8_t *)g_strdup(s->data);
    }
    error_setg(errp, "Either 'file' or 'data' must be provided");
    return NULL;
}

static bool get_iv(const Secret *s, uint8_t *iv, Error **errp)
{
    g_autofree uint8_t *decoded = NULL;
    size_t len;

    if (!s->iv) {
        error_setg(errp, "IV is required to decrypt secret");
        return false;
    }
    decoded = decode_base64(s->iv, strlen(s->iv), &len, errp);
    if (!decoded) {
        return false;
    }
    if (len != QCRYPTO_MAX_IV) {
        error_setg(errp, "IV should be %d bytes in length not %zu",
                   QCRYPTO_MAX_IV, len);
        return false;
    }
    memcpy(iv, decoded, len);
    return true;
}

/* Decrypt @buf in place; *@len loses the padding. */
static bool decrypt_with(const Secret *s, const uint8_t *key, uint8_t *buf,
                         size_t *len, Error **errp)
{
    g_autoptr(QCryptoCipher) cipher = NULL;
    uint8_t iv[QCRYPTO_MAX_IV];
    uint8_t pad;

    if (!get_iv(s, iv, errp)) {
        return false;
    }
    cipher = qcrypto_cipher_new(QCRYPTO_CIPHER_ALGO_AES_256,
                                QCRYPTO_CIPHER_MODE_CBC, key, KEY_LEN, errp);
    if (!cipher || !qcrypto_cipher_decrypt(cipher, iv, buf, buf, *len, errp)) {
        return false;
    }
    pad = *len ? buf[*len - 1] : 0;
    if (!*len || pad > *len) {
        error_setg(errp,
                   "Incorrect number of padding bytes (%u) found on "
                   "decrypted data",
                   pad);
        return false;
    }
    *len -= pad;
    return true;
}

static bool decrypt(const Secret *s, uint8_t **buf, size_t *len, Error **errp)
{
    uint8_t *key, *bin;
    size_t key_len, bin_len;
    bool ok;

    if (!qcrypto_secret_lookup(s->keyid, &key, &key_len, errp)) {
        return false;
    }
    ok = key_len == KEY_LEN;
    if (!ok) {
        error_setg(errp, "Key should be %d bytes in length", KEY_LEN);
    }
    /* What is in base64 is the encrypted form */
    if (ok && s->format == QCRYPTO_SECRET_FORMAT_BASE64) {
        bin = decode_base64((char *)*buf, *len, &bin_len, errp);
        ok = bin;
        if (ok) {
            g_free(*buf);
            *buf = bin;
            *len = bin_len;
        }
    }
    ok = ok && decrypt_with(s, key, *buf, len, errp);
    qcrypto_secret_free(key, key_len);
    return ok;
}

static bool secret_complete(Object *obj, Error **errp)
{
    Secret *s = SECRET(obj);
    uint8_t *buf, *plain = NULL;
    size_t len = 0, plain_len = 0;

    buf = read_input(s, &len, errp);
    if (!buf) {
        return false;
    }
    if (s->keyid) {
        if (decrypt(s, &buf, &len, errp)) {
            plain = g_memdup2(buf, len + 1);
            plain_len = len;
        }
    } else if (s->format == QCRYPTO_SECRET_FORMAT_BASE64) {
        plain = decode_base64((char *)buf, len, &plain_len, errp);
    } else {
        plain = g_steal_pointer(&buf);
        plain_len = len;
    }
    qcrypto_secret_free(buf, buf ? len : 0);
    if (plain) {
        s->raw = g_malloc(plain_len + 1);
        memcpy(s->raw, plain, plain_len);
        s->raw[plain_len] = '\0';
        s->raw_len = plain_len;
        qcrypto_secret_free(plain, plain_len);
    }
    return plain;
}

static void secret_finalize(Object *obj)
{
    Secret *s = SECRET(obj);

    qcrypto_secret_free(s->raw, s->raw_len);
    if (s->data) {
        qcrypto_wipe(s->data, strlen(s->data));
    }
}

/* --- the type --- */

/* A string, which help calls by another name than those of devices. */
static bool get_text(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    return prop_info_string.get(obj, field, prop, v, errp);
}

static bool set_text(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    return prop_info_string.set(obj, field, prop, v, errp);
}

static void release_text(Object *obj, void *field)
{
    g_clear_pointer((char **)field, g_free);
}

static const PropertyInfo secret_text = {
    .type = "string",
    .size = sizeof(char *),
    .get = get_text,
    .set = set_text,
    .release = release_text,
};

#define SECRET_TEXT(name, field) \
    DEFINE_PROP(name, Secret, field, secret_text, char *)

static const PropertyInfo secret_format = PROPERTY_INFO_ENUM(
    "QCryptoSecretFormat", NULL, &QCryptoSecretFormat_lookup);

static const Property secret_props[] = {
    SECRET_TEXT("data", data),
    SECRET_TEXT("file", file),
    { .name = "format",
      .info = &secret_format,
      .offset = offsetof(Secret, format),
      .def.i = QCRYPTO_SECRET_FORMAT_RAW },
    SECRET_TEXT("iv", iv),
    SECRET_TEXT("keyid", keyid),
    DEFINE_PROP_END,
};

static const UserCreatableOps secret_ops = {
    .complete = secret_complete,
};

const TypeInfo qcrypto_secret_common_type = {
    .name = TYPE_SECRET_COMMON,
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(Object),
    .abstract = true,
};

const TypeInfo qcrypto_secret_type = {
    .name = TYPE_SECRET,
    .parent = TYPE_SECRET_COMMON,
    .instance_size = sizeof(Secret),
    .props = secret_props,
    .class_ops = &secret_ops,
    .instance_finalize = secret_finalize,
};

/* --- for users --- */

bool qcrypto_secret_lookup(const char *id, uint8_t **data, size_t *len,
                           Error **errp)
{
    Object *obj = object_get_child(object_get_objects_root(), id);
    Secret *s;

    if (!obj) {
        error_setg(errp, "No secret with id '%s'", id);
        return false;
    }
    s = object_dynamic_cast(obj, TYPE_SECRET);
    if (!s) {
        error_setg(errp, "Object with id '%s' is not a secret", id);
        return false;
    }
    if (!s->raw) {
        error_setg(errp, "Secret with id '%s' has no data", id);
        return false;
    }
    *data = g_memdup2(s->raw, s->raw_len + 1);
    *len = s->raw_len;
    return true;
}

char *qcrypto_secret_lookup_as_utf8(const char *id, Error **errp)
{
    uint8_t *data;
    size_t len;

    if (!qcrypto_secret_lookup(id, &data, &len, errp)) {
        return NULL;
    }
    if (!g_utf8_validate((char *)data, len, NULL)) {
        error_setg(errp, "Data from secret %s is not valid UTF-8", id);
        qcrypto_secret_free(data, len);
        return NULL;
    }
    return (char *)data;
}

void qcrypto_secret_free(void *data, size_t len)
{
    qcrypto_wipe(data, len);
    g_free(data);
}

void qcrypto_secret_free_str(char *text)
{
    qcrypto_secret_free(text, text ? strlen(text) : 0);
}
