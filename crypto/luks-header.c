/*
 * The header of LUKS: from bytes, which are somebody else's, and back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/block-int.h"
#include "crypto/hash.h"
#include "qapi/util.h"

static const uint8_t magic[6] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };

/* Where the fields stand; numbers are big-endian. */
enum {
    H_VERSION = 6,
    H_CIPHER_NAME = 8,
    H_CIPHER_MODE = 40,
    H_HASH_SPEC = 72,
    H_PAYLOAD_OFFSET = 104,
    H_KEY_BYTES = 108,
    H_DIGEST = 112,
    H_DIGEST_SALT = 132,
    H_DIGEST_ITERATIONS = 164,
    H_UUID = 168,
    H_SLOTS = 208,

    SLOT_LEN = 48,
    SLOT_STATE = 0,
    SLOT_ITERATIONS = 4,
    SLOT_SALT = 8,
    SLOT_KEY_OFFSET = 40,
    SLOT_STRIPES = 44,
};

#define SLOT_ACTIVE   0x00ac71f3u
#define SLOT_INACTIVE 0x0000deadu

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

uint64_t luks_slot_sectors(uint32_t key_bytes, uint32_t stripes)
{
    uint64_t bytes = (uint64_t)key_bytes * stripes;

    return ROUND_UP(DIV_ROUND_UP(bytes, LUKS_SECTOR), LUKS_ALIGN);
}

/* --- reading --- */

static bool get_name(char *dst, const uint8_t *src, const char *what,
                     Error **errp)
{
    memcpy(dst, src, LUKS_NAME_LEN);
    dst[LUKS_NAME_LEN] = '\0';
    if (!memchr(src, '\0', LUKS_NAME_LEN)) {
        error_setg(errp, "LUKS header %s is not NUL terminated", what);
        return false;
    }
    return true;
}

static bool parse_slot(LuksHeader *h, unsigned i, const uint8_t *p,
                       Error **errp)
{
    LuksSlot *s = &h->slots[i];
    uint32_t state = get32(p + SLOT_STATE);

    s->iterations = get32(p + SLOT_ITERATIONS);
    memcpy(s->salt, p + SLOT_SALT, LUKS_SALT_LEN);
    s->key_offset = get32(p + SLOT_KEY_OFFSET);
    s->stripes = get32(p + SLOT_STRIPES);
    s->active = state == SLOT_ACTIVE;
    if (s->stripes != LUKS_STRIPES) {
        error_setg(errp, "Keyslot %u is corrupted (stripes %d != %d)", i,
                   (int)s->stripes, LUKS_STRIPES);
        return false;
    }
    if (state != SLOT_ACTIVE && state != SLOT_INACTIVE) {
        error_setg(errp, "Keyslot %u state (active/disable) is corrupted", i);
        return false;
    }
    if (s->active && !s->iterations) {
        error_setg(errp, "Keyslot %u iteration count is zero", i);
        return false;
    }
    return true;
}

/* Slots must not share a sector with anything else. */
static bool check_slot_place(const LuksHeader *h, unsigned i, bool detached,
                             Error **errp)
{
    uint64_t len = luks_slot_sectors(h->key_bytes, h->slots[i].stripes);
    uint64_t start = h->slots[i].key_offset;

    if (start < LUKS_FIRST_SLOT) {
        error_setg(errp, "Keyslot %u is overlapping with the LUKS header", i);
        return false;
    }
    if (!detached && start + len > h->payload_offset) {
        error_setg(errp, "Keyslot %u is overlapping with the encrypted payload",
                   i);
        return false;
    }
    for (unsigned j = i + 1; j < LUKS_SLOTS; j++) {
        uint64_t len2 = luks_slot_sectors(h->key_bytes, h->slots[j].stripes);
        uint64_t start2 = h->slots[j].key_offset;

        if (start + len > start2 && start2 + len2 > start) {
            error_setg(errp, "Keyslots %u and %u are overlapping in the header",
                       i, j);
            return false;
        }
    }
    return true;
}

bool luks_header_parse(LuksHeader *h, const uint8_t *buf, bool detached,
                       Error **errp)
{
    uint16_t version = buf[H_VERSION] << 8 | buf[H_VERSION + 1];

    if (memcmp(buf, magic, sizeof(magic))) {
        error_setg(errp, "Volume is not in LUKS format");
        return false;
    }
    if (version != 1) {
        error_setg(errp, "LUKS version %u is not supported", version);
        return false;
    }
    if (!get_name(h->cipher_name, buf + H_CIPHER_NAME, "cipher name", errp) ||
        !get_name(h->cipher_mode, buf + H_CIPHER_MODE, "cipher mode", errp) ||
        !get_name(h->hash_spec, buf + H_HASH_SPEC, "hash spec", errp)) {
        return false;
    }
    h->payload_offset = get32(buf + H_PAYLOAD_OFFSET);
    h->key_bytes = get32(buf + H_KEY_BYTES);
    memcpy(h->digest, buf + H_DIGEST, LUKS_DIGEST_LEN);
    memcpy(h->digest_salt, buf + H_DIGEST_SALT, LUKS_SALT_LEN);
    h->digest_iterations = get32(buf + H_DIGEST_ITERATIONS);
    memcpy(h->uuid, buf + H_UUID, LUKS_UUID_LEN);
    h->uuid[LUKS_UUID_LEN] = '\0';
    if (!detached && h->payload_offset < LUKS_FIRST_SLOT) {
        error_setg(errp, "LUKS payload is overlapping with the header");
        return false;
    }
    if (!h->digest_iterations) {
        error_setg(errp, "LUKS key iteration count is zero");
        return false;
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (!parse_slot(h, i, buf + H_SLOTS + i * SLOT_LEN, errp)) {
            return false;
        }
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (!check_slot_place(h, i, detached, errp)) {
            return false;
        }
    }
    return true;
}

void luks_header_store(const LuksHeader *h, uint8_t *buf)
{
    memset(buf, 0, LUKS_HEADER_LEN);
    memcpy(buf, magic, sizeof(magic));
    buf[H_VERSION + 1] = 1;
    memcpy(buf + H_CIPHER_NAME, h->cipher_name, LUKS_NAME_LEN);
    memcpy(buf + H_CIPHER_MODE, h->cipher_mode, LUKS_NAME_LEN);
    memcpy(buf + H_HASH_SPEC, h->hash_spec, LUKS_NAME_LEN);
    put32(buf + H_PAYLOAD_OFFSET, h->payload_offset);
    put32(buf + H_KEY_BYTES, h->key_bytes);
    memcpy(buf + H_DIGEST, h->digest, LUKS_DIGEST_LEN);
    memcpy(buf + H_DIGEST_SALT, h->digest_salt, LUKS_SALT_LEN);
    put32(buf + H_DIGEST_ITERATIONS, h->digest_iterations);
    memcpy(buf + H_UUID, h->uuid, LUKS_UUID_LEN);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        uint8_t *p = buf + H_SLOTS + i * SLOT_LEN;
        const LuksSlot *s = &h->slots[i];

        put32(p + SLOT_STATE, s->active ? SLOT_ACTIVE : SLOT_INACTIVE);
        put32(p + SLOT_ITERATIONS, s->iterations);
        memcpy(p + SLOT_SALT, s->salt, LUKS_SALT_LEN);
        put32(p + SLOT_KEY_OFFSET, s->key_offset);
        put32(p + SLOT_STRIPES, s->stripes);
    }
}

/* --- names of ciphers --- */

typedef struct CipherName {
    const char *name, *family; /* in the header, in messages */
    QCryptoCipherAlgo algs[4];
    int nb;
} CipherName;

static const CipherName cipher_names[] = {
    { "aes",
      "AES",
      { QCRYPTO_CIPHER_ALGO_AES_128, QCRYPTO_CIPHER_ALGO_AES_192,
        QCRYPTO_CIPHER_ALGO_AES_256 },
      3 },
    { "cast5", "CAST5", { QCRYPTO_CIPHER_ALGO_CAST5_128 }, 1 },
    { "serpent",
      "Serpent",
      { QCRYPTO_CIPHER_ALGO_SERPENT_128, QCRYPTO_CIPHER_ALGO_SERPENT_192,
        QCRYPTO_CIPHER_ALGO_SERPENT_256 },
      3 },
    { "twofish",
      "Twofish",
      { QCRYPTO_CIPHER_ALGO_TWOFISH_128, QCRYPTO_CIPHER_ALGO_TWOFISH_192,
        QCRYPTO_CIPHER_ALGO_TWOFISH_256 },
      3 },
};

/* Its family's member with keys of @len bytes, or -1. */
static int with_key_len(const CipherName *n, size_t len)
{
    for (int i = 0; i < n->nb; i++) {
        if (qcrypto_cipher_key_len(n->algs[i]) == len) {
            return n->algs[i];
        }
    }
    return -1;
}

static const CipherName *family_of(QCryptoCipherAlgo alg)
{
    for (size_t i = 0; i < ARRAY_SIZE(cipher_names); i++) {
        for (int j = 0; j < cipher_names[i].nb; j++) {
            if (cipher_names[i].algs[j] == alg) {
                return &cipher_names[i];
            }
        }
    }
    return NULL;
}

static bool find_cipher(const LuksHeader *h, SectorCipherSpec *spec,
                        Error **errp)
{
    uint32_t bytes = h->key_bytes;

    if (spec->mode == QCRYPTO_CIPHER_MODE_XTS) {
        if (bytes % 2) {
            error_setg(errp, "XTS cipher key length should be a multiple of 2");
            return false;
        }
        bytes /= 2;
    }
    for (size_t i = 0; i < ARRAY_SIZE(cipher_names); i++) {
        if (!strcmp(cipher_names[i].name, h->cipher_name)) {
            int alg = with_key_len(&cipher_names[i], bytes);

            if (alg >= 0) {
                spec->cipher = alg;
                return true;
            }
        }
    }
    error_setg(errp, "Algorithm '%s' with key size %d bytes not supported",
               h->cipher_name, (int)bytes);
    return false;
}

/* ESSIV encrypts the vectors with a hash as its key. */
static bool find_essiv_cipher(SectorCipherSpec *spec, Error **errp)
{
    const CipherName *n = family_of(spec->cipher);
    size_t len = qcrypto_hash_digest_len(spec->ivgen_hash);
    int alg;

    if (spec->ivgen != QCRYPTO_IV_GEN_ALGO_ESSIV) {
        return true;
    }
    if (n->nb == 1) {
        error_setg(errp, "Cipher %s not supported with essiv",
                   QCryptoCipherAlgo_str(spec->cipher));
        return false;
    }
    alg = with_key_len(n, len);
    if (alg < 0) {
        error_setg(errp, "No %s cipher with key size %zu available", n->family,
                   len);
        return false;
    }
    spec->ivgen_cipher = alg;
    return true;
}

/* --- names of everything --- */

static int find_name(const QEnumLookup *lookup, const char *name,
                     const char *what, Error **errp)
{
    int value = qapi_enum_parse(lookup, name, -1, NULL);

    if (value < 0) {
        error_setg(errp, "%s '%s' not supported", what, name);
    }
    return value;
}

bool luks_parse_spec(LuksHeader *h, SectorCipherSpec *spec, Error **errp)
{
    g_autofree char *mode = g_strdup(h->cipher_mode);
    char *ivgen = strchr(mode, '-'), *hash;
    int value;

    if (!ivgen) {
        error_setg(errp, "Unexpected cipher mode string format '%s'", mode);
        return false;
    }
    *ivgen++ = '\0';
    hash = strchr(ivgen, ':');
    if (hash) {
        *hash++ = '\0';
        value = find_name(&QCryptoHashAlgo_lookup, hash, "Hash algorithm",
                          errp);
        if (value < 0) {
            return false;
        }
        spec->ivgen_hash = value;
    }
    value = find_name(&QCryptoCipherMode_lookup, mode, "Cipher mode", errp);
    if (value < 0) {
        return false;
    }
    spec->mode = value;
    if (!find_cipher(h, spec, errp)) {
        return false;
    }
    value = find_name(&QCryptoHashAlgo_lookup, h->hash_spec, "Hash algorithm",
                      errp);
    if (value < 0) {
        return false;
    }
    h->hash = value;
    value = find_name(&QCryptoIVGenAlgo_lookup, ivgen, "IV generator", errp);
    if (value < 0) {
        return false;
    }
    spec->ivgen = value;
    if (spec->ivgen == QCRYPTO_IV_GEN_ALGO_ESSIV && !hash) {
        error_setg(errp, "Missing IV generator hash specification");
        return false;
    }
    return find_essiv_cipher(spec, errp);
}

bool luks_store_spec(LuksHeader *h, SectorCipherSpec *spec, Error **errp)
{
    const CipherName *n = family_of(spec->cipher);
    bool essiv = spec->ivgen == QCRYPTO_IV_GEN_ALGO_ESSIV;

    if (!n) {
        error_setg(errp, "Algorithm '%s' not supported",
                   QCryptoCipherAlgo_str(spec->cipher));
        return false;
    }
    if (!find_essiv_cipher(spec, errp)) {
        return false;
    }
    /* All names are short enough */
    g_strlcpy(h->cipher_name, n->name, sizeof(h->cipher_name));
    snprintf(h->cipher_mode, sizeof(h->cipher_mode), "%s-%s%s%s",
             QCryptoCipherMode_str(spec->mode),
             QCryptoIVGenAlgo_str(spec->ivgen), essiv ? ":" : "",
             essiv ? QCryptoHashAlgo_str(spec->ivgen_hash) : "");
    g_strlcpy(h->hash_spec, QCryptoHashAlgo_str(h->hash), sizeof(h->hash_spec));
    h->key_bytes = qcrypto_cipher_key_len(spec->cipher) *
                   (spec->mode == QCRYPTO_CIPHER_MODE_XTS ? 2 : 1);
    return true;
}
