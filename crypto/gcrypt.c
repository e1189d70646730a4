/*
 * Ciphers, hash functions, PBKDF2 and random bytes of libgcrypt.
 *
 * Nothing else in this tree knows the library; crypto/no-gcrypt.c stands in
 * for this file where it is missing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"

#include <gcrypt.h>

struct QCryptoCipher {
    gcry_cipher_hd_t handle;
    QCryptoCipherMode mode;
    size_t block_len;
};

static gpointer init_library(gpointer unused)
{
    /* Keys are wiped when they are freed; locked memory is scarce for users
     * that are not root, and the guest's data is not in it anyway. */
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    return NULL;
}

static void init_once(void)
{
    static GOnce once = G_ONCE_INIT;

    g_once(&once, init_library, NULL);
}

/* --- ciphers --- */

static const int cipher_ids[QCRYPTO_CIPHER_ALGO__MAX] = {
    [QCRYPTO_CIPHER_ALGO_AES_128] = GCRY_CIPHER_AES128,
    [QCRYPTO_CIPHER_ALGO_AES_192] = GCRY_CIPHER_AES192,
    [QCRYPTO_CIPHER_ALGO_AES_256] = GCRY_CIPHER_AES256,
    [QCRYPTO_CIPHER_ALGO_DES] = GCRY_CIPHER_DES,
    [QCRYPTO_CIPHER_ALGO_3DES] = GCRY_CIPHER_3DES,
    [QCRYPTO_CIPHER_ALGO_CAST5_128] = GCRY_CIPHER_CAST5,
    [QCRYPTO_CIPHER_ALGO_SERPENT_128] = GCRY_CIPHER_SERPENT128,
    [QCRYPTO_CIPHER_ALGO_SERPENT_192] = GCRY_CIPHER_SERPENT192,
    [QCRYPTO_CIPHER_ALGO_SERPENT_256] = GCRY_CIPHER_SERPENT256,
    [QCRYPTO_CIPHER_ALGO_TWOFISH_128] = GCRY_CIPHER_TWOFISH128,
    [QCRYPTO_CIPHER_ALGO_TWOFISH_256] = GCRY_CIPHER_TWOFISH,
    /* The library has no Twofish with 192 bits */
};

static const int mode_ids[QCRYPTO_CIPHER_MODE__MAX] = {
    [QCRYPTO_CIPHER_MODE_ECB] = GCRY_CIPHER_MODE_ECB,
    [QCRYPTO_CIPHER_MODE_CBC] = GCRY_CIPHER_MODE_CBC,
    [QCRYPTO_CIPHER_MODE_XTS] = GCRY_CIPHER_MODE_XTS,
    [QCRYPTO_CIPHER_MODE_CTR] = GCRY_CIPHER_MODE_CTR,
};

bool qcrypto_cipher_supports(QCryptoCipherAlgo alg, QCryptoCipherMode mode)
{
    init_once();
    return cipher_ids[alg] &&
           gcry_cipher_algo_info(cipher_ids[alg], GCRYCTL_TEST_ALGO, NULL,
                                 NULL) == 0 &&
           (mode != QCRYPTO_CIPHER_MODE_XTS ||
            qcrypto_cipher_block_len(alg) == 16);
}

static bool fail(Error **errp, gcry_error_t err, const char *what)
{
    if (err) {
        error_setg(errp, "%s: %s", what, gcry_strerror(err));
    }
    return !err;
}

QCryptoCipher *qcrypto_cipher_new(QCryptoCipherAlgo alg, QCryptoCipherMode mode,
                                  const uint8_t *key, size_t nkey, Error **errp)
{
    size_t want = qcrypto_cipher_key_len(alg) *
                  (mode == QCRYPTO_CIPHER_MODE_XTS ? 2 : 1);
    g_autoptr(QCryptoCipher) c = NULL;

    if (!qcrypto_cipher_supports(alg, mode)) {
        if (cipher_ids[alg]) {
            error_setg(errp, "Unsupported cipher mode %s",
                       QCryptoCipherMode_str(mode));
        } else {
            error_setg(errp, "Unsupported cipher algorithm %s",
                       QCryptoCipherAlgo_str(alg));
        }
        return NULL;
    }
    if (nkey != want) {
        error_setg(errp, "Cipher key length %zu should be %zu", nkey, want);
        return NULL;
    }
    c = g_new0(QCryptoCipher, 1);
    c->mode = mode;
    c->block_len = qcrypto_cipher_block_len(alg);
    if (!fail(errp,
              gcry_cipher_open(&c->handle, cipher_ids[alg], mode_ids[mode], 0),
              "Could not initialize cipher") ||
        !fail(errp, gcry_cipher_setkey(c->handle, key, nkey),
              "Could not set the cipher's key")) {
        return NULL;
    }
    return g_steal_pointer(&c);
}

void qcrypto_cipher_free(QCryptoCipher *c)
{
    if (c) {
        gcry_cipher_close(c->handle);
        g_free(c);
    }
}

static bool prepare(QCryptoCipher *c, const uint8_t *iv, size_t len,
                    Error **errp)
{
    gcry_error_t err = 0;

    if (len % c->block_len) {
        error_setg(errp, "Length %zu must be a multiple of block size %zu", len,
                   c->block_len);
        return false;
    }
    if (c->mode == QCRYPTO_CIPHER_MODE_CTR) {
        err = gcry_cipher_setctr(c->handle, iv, c->block_len);
    } else if (c->mode != QCRYPTO_CIPHER_MODE_ECB) {
        err = gcry_cipher_setiv(c->handle, iv, c->block_len);
    }
    return fail(errp, err, "Could not set the initialization vector");
}

/* The library takes NULL as "in place" */
bool qcrypto_cipher_encrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp)
{
    const void *in = src == dst ? NULL : src;

    return prepare(c, iv, len, errp) &&
           fail(errp,
                gcry_cipher_encrypt(c->handle, dst, len, in, in ? len : 0),
                "Could not encrypt data");
}

bool qcrypto_cipher_decrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp)
{
    const void *in = src == dst ? NULL : src;

    return prepare(c, iv, len, errp) &&
           fail(errp,
                gcry_cipher_decrypt(c->handle, dst, len, in, in ? len : 0),
                "Could not decrypt data");
}

/* --- hash functions --- */

static const int hash_ids[QCRYPTO_HASH_ALGO__MAX] = {
    [QCRYPTO_HASH_ALGO_MD5] = GCRY_MD_MD5,
    [QCRYPTO_HASH_ALGO_SHA1] = GCRY_MD_SHA1,
    [QCRYPTO_HASH_ALGO_SHA224] = GCRY_MD_SHA224,
    [QCRYPTO_HASH_ALGO_SHA256] = GCRY_MD_SHA256,
    [QCRYPTO_HASH_ALGO_SHA384] = GCRY_MD_SHA384,
    [QCRYPTO_HASH_ALGO_SHA512] = GCRY_MD_SHA512,
    [QCRYPTO_HASH_ALGO_RIPEMD160] = GCRY_MD_RMD160,
    [QCRYPTO_HASH_ALGO_SM3] = GCRY_MD_SM3,
};

bool qcrypto_hash_supports(QCryptoHashAlgo alg)
{
    init_once();
    return gcry_md_test_algo(hash_ids[alg]) == 0;
}

static bool check_hash(QCryptoHashAlgo alg, Error **errp)
{
    if (!qcrypto_hash_supports(alg)) {
        error_setg(errp, "Unsupported hash algorithm %s",
                   QCryptoHashAlgo_str(alg));
        return false;
    }
    return true;
}

bool qcrypto_hash_two(QCryptoHashAlgo alg, const void *a, size_t na,
                      const void *b, size_t nb, uint8_t *digest, Error **errp)
{
    gcry_buffer_t parts[] = {
        { .data = (void *)a, .len = na },
        { .data = (void *)b, .len = nb },
    };

    return check_hash(alg, errp) &&
           fail(errp,
                gcry_md_hash_buffers(hash_ids[alg], 0, digest, parts,
                                     nb ? 2 : 1),
                "Could not compute the hash");
}

bool qcrypto_pbkdf2(QCryptoHashAlgo alg, const uint8_t *password,
                    size_t npassword, const uint8_t *salt, size_t nsalt,
                    uint64_t iterations, uint8_t *out, size_t nout,
                    Error **errp)
{
    if (!check_hash(alg, errp)) {
        return false;
    }
    if (iterations > ULONG_MAX) {
        error_setg(errp, "PBKDF iterations %" PRIu64 " must be less than %lu",
                   iterations, ULONG_MAX);
        return false;
    }
    return fail(errp,
                gcry_kdf_derive(password, npassword, GCRY_KDF_PBKDF2,
                                hash_ids[alg], salt, nsalt, iterations, nout,
                                out),
                "Could not derive key from passphrase");
}

bool qcrypto_random_bytes(void *buf, size_t len, Error **errp)
{
    init_once();
    gcry_randomize(buf, len, GCRY_STRONG_RANDOM);
    return true;
}
