/*
 * What is known of ciphers and hash functions without having them, and what
 * is built on them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"

#include <sys/resource.h>

typedef struct CipherInfo {
    uint8_t key_len, block_len; /* bytes */
} CipherInfo;

static const CipherInfo ciphers[QCRYPTO_CIPHER_ALGO__MAX] = {
    [QCRYPTO_CIPHER_ALGO_AES_128] = { 16, 16 },
    [QCRYPTO_CIPHER_ALGO_AES_192] = { 24, 16 },
    [QCRYPTO_CIPHER_ALGO_AES_256] = { 32, 16 },
    [QCRYPTO_CIPHER_ALGO_DES] = { 8, 8 },
    [QCRYPTO_CIPHER_ALGO_3DES] = { 24, 8 },
    [QCRYPTO_CIPHER_ALGO_CAST5_128] = { 16, 8 },
    [QCRYPTO_CIPHER_ALGO_SERPENT_128] = { 16, 16 },
    [QCRYPTO_CIPHER_ALGO_SERPENT_192] = { 24, 16 },
    [QCRYPTO_CIPHER_ALGO_SERPENT_256] = { 32, 16 },
    [QCRYPTO_CIPHER_ALGO_TWOFISH_128] = { 16, 16 },
    [QCRYPTO_CIPHER_ALGO_TWOFISH_192] = { 24, 16 },
    [QCRYPTO_CIPHER_ALGO_TWOFISH_256] = { 32, 16 },
    [QCRYPTO_CIPHER_ALGO_SM4] = { 16, 16 },
};

size_t qcrypto_cipher_key_len(QCryptoCipherAlgo alg)
{
    return ciphers[alg].key_len;
}

size_t qcrypto_cipher_block_len(QCryptoCipherAlgo alg)
{
    return ciphers[alg].block_len;
}

size_t qcrypto_hash_digest_len(QCryptoHashAlgo alg)
{
    static const uint8_t lengths[QCRYPTO_HASH_ALGO__MAX] = {
        [QCRYPTO_HASH_ALGO_MD5] = 16,    [QCRYPTO_HASH_ALGO_SHA1] = 20,
        [QCRYPTO_HASH_ALGO_SHA224] = 28, [QCRYPTO_HASH_ALGO_SHA256] = 32,
        [QCRYPTO_HASH_ALGO_SHA384] = 48, [QCRYPTO_HASH_ALGO_SHA512] = 64,
        [QCRYPTO_HASH_ALGO_SM3] = 32,    [QCRYPTO_HASH_ALGO_RIPEMD160] = 20,
    };

    return lengths[alg];
}

void qcrypto_wipe(void *buf, size_t len)
{
    if (buf) {
        explicit_bzero(buf, len);
    }
}

static int64_t thread_cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

uint64_t qcrypto_pbkdf2_count_iters(QCryptoHashAlgo alg,
                                    const uint8_t *password, size_t npassword,
                                    const uint8_t *salt, size_t nsalt,
                                    size_t nout, Error **errp)
{
    const int64_t enough = 25 * 1000 * 1000;
    g_autofree uint8_t *out = g_malloc(nout);
    uint64_t iterations = 1 << 12;
    int64_t ns = 0;

    while (ns < enough) {
        int64_t start = thread_cpu_ns();

        /* Twice as many until it takes long enough to be measured */
        iterations *= 2;
        if (!qcrypto_pbkdf2(alg, password, npassword, salt, nsalt, iterations,
                            out, nout, errp)) {
            return 0;
        }
        ns = thread_cpu_ns() - start;
    }
    qcrypto_wipe(out, nout);
    return iterations * 1e9 / ns;
}
