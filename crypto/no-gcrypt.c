/*
 * What stands in for crypto/gcrypt.c where the library is missing: everything
 * is refused with one line that says why.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"

static void refuse(Error **errp)
{
    error_setg(errp, "No encryption in this program: libgcrypt was not there "
                     "when it was built");
}

bool qcrypto_cipher_supports(QCryptoCipherAlgo alg, QCryptoCipherMode mode)
{
    return false;
}

QCryptoCipher *qcrypto_cipher_new(QCryptoCipherAlgo alg, QCryptoCipherMode mode,
                                  const uint8_t *key, size_t nkey, Error **errp)
{
    refuse(errp);
    return NULL;
}

void qcrypto_cipher_free(QCryptoCipher *c)
{
}

bool qcrypto_cipher_encrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp)
{
    refuse(errp);
    return false;
}

bool qcrypto_cipher_decrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp)
{
    refuse(errp);
    return false;
}

bool qcrypto_hash_supports(QCryptoHashAlgo alg)
{
    return false;
}

bool qcrypto_hash_two(QCryptoHashAlgo alg, const void *a, size_t na,
                      const void *b, size_t nb, uint8_t *digest, Error **errp)
{
    refuse(errp);
    return false;
}

bool qcrypto_pbkdf2(QCryptoHashAlgo alg, const uint8_t *password,
                    size_t npassword, const uint8_t *salt, size_t nsalt,
                    uint64_t iterations, uint8_t *out, size_t nout,
                    Error **errp)
{
    refuse(errp);
    return false;
}

bool qcrypto_random_bytes(void *buf, size_t len, Error **errp)
{
    refuse(errp);
    return false;
}
