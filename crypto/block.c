/*
 * Encrypting sectors: initialization vectors, and a pool of ciphers, since
 * one serves one thread at a time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/block-int.h"
#include "crypto/hash.h"

/* --- one cipher --- */

struct SectorCipher {
    SectorCipherSpec spec;
    QCryptoCipher *data;
    QCryptoCipher *essiv; /* NULL unless that is how vectors are made */
};

static bool init_essiv(SectorCipher *c, const uint8_t *key, size_t nkey,
                       Error **errp)
{
    QCryptoCipherAlgo alg = c->spec.ivgen_cipher;
    uint8_t salt[QCRYPTO_MAX_DIGEST] = { 0 };

    if (!qcrypto_hash_two(c->spec.ivgen_hash, key, nkey, NULL, 0, salt, errp)) {
        return false;
    }
    c->essiv = qcrypto_cipher_new(alg, QCRYPTO_CIPHER_MODE_ECB, salt,
                                  qcrypto_cipher_key_len(alg), errp);
    qcrypto_wipe(salt, sizeof(salt));
    return c->essiv;
}

SectorCipher *sector_cipher_new(const SectorCipherSpec *spec,
                                const uint8_t *key, size_t nkey, Error **errp)
{
    g_autoptr(SectorCipher) c = g_new0(SectorCipher, 1);

    c->spec = *spec;
    c->data = qcrypto_cipher_new(spec->cipher, spec->mode, key, nkey, errp);
    if (!c->data) {
        return NULL;
    }
    if (spec->ivgen == QCRYPTO_IV_GEN_ALGO_ESSIV &&
        spec->mode != QCRYPTO_CIPHER_MODE_ECB &&
        !init_essiv(c, key, nkey, errp)) {
        return NULL;
    }
    return g_steal_pointer(&c);
}

void sector_cipher_free(SectorCipher *c)
{
    if (c) {
        qcrypto_cipher_free(c->data);
        qcrypto_cipher_free(c->essiv);
        g_free(c);
    }
}

/* The vector for @sector: its number, little-endian, zero behind it. */
static bool make_iv(SectorCipher *c, uint64_t sector, uint8_t *iv, Error **errp)
{
    size_t len = qcrypto_cipher_block_len(c->spec.cipher);
    uint64_t n = GUINT64_TO_LE(sector);

    if (c->spec.ivgen == QCRYPTO_IV_GEN_ALGO_PLAIN) {
        n = GUINT64_TO_LE(sector & UINT32_MAX);
    }
    memset(iv, 0, QCRYPTO_MAX_IV);
    memcpy(iv, &n, MIN(len, sizeof(n)));
    return !c->essiv ||
           qcrypto_cipher_encrypt(
               c->essiv, NULL, iv, iv,
               qcrypto_cipher_block_len(c->spec.ivgen_cipher), errp);
}

bool sector_cipher_run(SectorCipher *c, bool encrypt, uint64_t sector,
                       void *dst, const void *src, size_t len, Error **errp)
{
    uint8_t iv[QCRYPTO_MAX_IV];

    for (size_t pos = 0; pos < len; pos += QCRYPTO_SECTOR_SIZE, sector++) {
        char *to = (char *)dst + pos;
        const char *from = (const char *)src + pos;
        size_t n = MIN(len - pos, QCRYPTO_SECTOR_SIZE);

        if (!make_iv(c, sector, iv, errp) ||
            !(encrypt
                  ? qcrypto_cipher_encrypt(c->data, iv, to, from, n, errp)
                  : qcrypto_cipher_decrypt(c->data, iv, to, from, n, errp))) {
            return false;
        }
    }
    return true;
}

/* --- the disk --- */

static void free_cipher(gpointer c)
{
    sector_cipher_free(c);
}

QCryptoBlock *qcrypto_block_new(QCryptoBlockFormat format)
{
    QCryptoBlock *b = g_new0(QCryptoBlock, 1);

    b->format = format;
    qemu_mutex_init(&b->lock);
    b->idle = g_ptr_array_new_with_free_func(free_cipher);
    return b;
}

void qcrypto_block_free(QCryptoBlock *b)
{
    if (b) {
        g_ptr_array_unref(b->idle);
        qemu_mutex_destroy(&b->lock);
        qcrypto_wipe(b, sizeof(*b));
        g_free(b);
    }
}

static SectorCipher *take_cipher(QCryptoBlock *b, Error **errp)
{
    SectorCipher *c = NULL;

    qemu_mutex_lock(&b->lock);
    if (b->idle->len) {
        c = g_ptr_array_steal_index_fast(b->idle, b->idle->len - 1);
    }
    qemu_mutex_unlock(&b->lock);
    return c ? c : sector_cipher_new(&b->spec, b->key, b->key_len, errp);
}

static void return_cipher(QCryptoBlock *b, SectorCipher *c)
{
    qemu_mutex_lock(&b->lock);
    g_ptr_array_add(b->idle, c);
    qemu_mutex_unlock(&b->lock);
}

bool qcrypto_block_set_key(QCryptoBlock *b, const uint8_t *key, size_t nkey,
                           Error **errp)
{
    SectorCipher *c;

    memcpy(b->key, key, nkey);
    b->key_len = nkey;
    /* The first one also shows that it can be done */
    c = take_cipher(b, errp);
    if (c) {
        return_cipher(b, c);
    }
    return c;
}

static int run(QCryptoBlock *b, bool encrypt, uint64_t offset, void *dst,
               const void *src, size_t len, Error **errp)
{
    SectorCipher *c;
    bool ok;

    if (!b->key_len) {
        error_setg(errp, "The image was opened without its key");
        return -EIO;
    }
    c = take_cipher(b, errp);
    if (!c) {
        return -EIO;
    }
    ok = sector_cipher_run(c, encrypt, offset / QCRYPTO_SECTOR_SIZE, dst, src,
                           len, errp);
    return_cipher(b, c);
    return ok ? 0 : -EIO;
}

int qcrypto_block_encrypt(QCryptoBlock *b, uint64_t offset, void *dst,
                          const void *src, size_t len, Error **errp)
{
    return run(b, true, offset, dst, src, len, errp);
}

int qcrypto_block_decrypt(QCryptoBlock *b, uint64_t offset, void *dst,
                          const void *src, size_t len, Error **errp)
{
    return run(b, false, offset, dst, src, len, errp);
}

QCryptoBlockFormat qcrypto_block_format(const QCryptoBlock *b)
{
    return b->format;
}

uint64_t qcrypto_block_payload_offset(const QCryptoBlock *b)
{
    return (uint64_t)b->luks.payload_offset * QCRYPTO_SECTOR_SIZE;
}

bool qcrypto_block_has_key(const QCryptoBlock *b)
{
    return b->key_len;
}

/* --- AES of qcow2 --- */

QCryptoBlock *qcrypto_block_open_aes(const char *password, Error **errp)
{
    g_autoptr(QCryptoBlock) b = qcrypto_block_new(QCRYPTO_BLOCK_FORMAT_QCOW);
    uint8_t key[16] = { 0 };
    bool ok = true;

    b->spec = (SectorCipherSpec){
        .cipher = QCRYPTO_CIPHER_ALGO_AES_128,
        .mode = QCRYPTO_CIPHER_MODE_CBC,
        .ivgen = QCRYPTO_IV_GEN_ALGO_PLAIN64,
    };
    if (password) {
        memcpy(key, password, MIN(strlen(password), sizeof(key)));
        ok = qcrypto_block_set_key(b, key, sizeof(key), errp);
        qcrypto_wipe(key, sizeof(key));
    }
    return ok ? g_steal_pointer(&b) : NULL;
}
