/*
 * Hash functions, PBKDF2 and random bytes. Any thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "qapi/qapi-types-crypto.h"
#include "util/error.h"

#define QCRYPTO_MAX_DIGEST 64 /* bytes */

/* Length of @alg's digest in bytes. */
size_t qcrypto_hash_digest_len(QCryptoHashAlgo alg);
bool qcrypto_hash_supports(QCryptoHashAlgo alg);

/* The digest of @a followed by @b (may be empty) into @digest. */
bool qcrypto_hash_two(QCryptoHashAlgo alg, const void *a, size_t na,
                      const void *b, size_t nb, uint8_t *digest, Error **errp);

/* PBKDF2 with HMAC of @alg: @nout bytes from password and salt. */
bool qcrypto_pbkdf2(QCryptoHashAlgo alg, const uint8_t *password,
                    size_t npassword, const uint8_t *salt, size_t nsalt,
                    uint64_t iterations, uint8_t *out, size_t nout,
                    Error **errp);
/* How many iterations this machine does in a second of processor time, for
 * these arguments. Takes some hundredths of a second. 0 and @errp on error. */
uint64_t qcrypto_pbkdf2_count_iters(QCryptoHashAlgo alg,
                                    const uint8_t *password, size_t npassword,
                                    const uint8_t *salt, size_t nsalt,
                                    size_t nout, Error **errp);

/* Fit for keys. */
bool qcrypto_random_bytes(void *buf, size_t len, Error **errp);

#endif
