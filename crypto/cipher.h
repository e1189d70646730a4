/*
 * Ciphers, over a library that crypto/gcrypt.c alone knows.
 *
 * A QCryptoCipher belongs to one thread at a time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include "qapi/qapi-types-crypto.h"
#include "util/error.h"

#define QCRYPTO_MAX_IV 16 /* bytes; also of a cipher's block */

typedef struct QCryptoCipher QCryptoCipher;

/* Length of @alg's key (one of the two that XTS has) and block, bytes. */
size_t qcrypto_cipher_key_len(QCryptoCipherAlgo alg);
size_t qcrypto_cipher_block_len(QCryptoCipherAlgo alg);

/* Does the library have it? Without one: nothing is supported. */
bool qcrypto_cipher_supports(QCryptoCipherAlgo alg, QCryptoCipherMode mode);

/* @key has @nkey bytes. NULL and @errp: not supported, or wrong length. */
QCryptoCipher *qcrypto_cipher_new(QCryptoCipherAlgo alg, QCryptoCipherMode mode,
                                  const uint8_t *key, size_t nkey,
                                  Error **errp);
void qcrypto_cipher_free(QCryptoCipher *c); /* wipes the key */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QCryptoCipher, qcrypto_cipher_free)

/* @len bytes, a multiple of the block, from @src to @dst, which may be the
 * same. @iv: as many bytes as a block has (ECB: NULL). */
bool qcrypto_cipher_encrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp);
bool qcrypto_cipher_decrypt(QCryptoCipher *c, const uint8_t *iv, void *dst,
                            const void *src, size_t len, Error **errp);

/* Overwrite what was secret, whatever the compiler thinks of it. */
void qcrypto_wipe(void *buf, size_t len);

#endif
