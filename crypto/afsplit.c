/*
 * Anti-forensic splitting: a key becomes many pieces, and a single lost piece
 * makes it unreadable, which is easier to bring about on a disk than erasing
 * all of it for sure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "crypto/luks-int.h"

/* Every digest-sized part of @block becomes the hash of its number and it;
 * the last part as much of that as there is room. */
static bool diffuse(QCryptoHashAlgo hash, uint8_t *block, size_t n,
                    Error **errp)
{
    size_t len = qcrypto_hash_digest_len(hash);
    uint8_t digest[QCRYPTO_MAX_DIGEST];

    for (uint32_t i = 0; i * len < n; i++) {
        uint32_t number = GUINT32_TO_BE(i);
        size_t part = MIN(len, n - i * len);

        if (!qcrypto_hash_two(hash, &number, sizeof(number), block + i * len,
                              part, digest, errp)) {
            return false;
        }
        memcpy(block + i * len, digest, part);
    }
    return true;
}

static void xor_into(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] ^= src[i];
    }
}

/* All pieces but the last of @pieces into @sum. */
static bool accumulate(QCryptoHashAlgo hash, size_t n, uint32_t stripes,
                       const uint8_t *pieces, uint8_t *sum, Error **errp)
{
    memset(sum, 0, n);
    for (uint32_t i = 0; i + 1 < stripes; i++) {
        xor_into(sum, pieces + i * n, n);
        if (!diffuse(hash, sum, n, errp)) {
            return false;
        }
    }
    return true;
}

bool luks_af_split(QCryptoHashAlgo hash, size_t n, uint32_t stripes,
                   const uint8_t *key, uint8_t *out, Error **errp)
{
    uint8_t *last = out + (stripes - 1) * n;

    if (!qcrypto_random_bytes(out, (stripes - 1) * n, errp) ||
        !accumulate(hash, n, stripes, out, last, errp)) {
        return false;
    }
    xor_into(last, key, n);
    return true;
}

bool luks_af_merge(QCryptoHashAlgo hash, size_t n, uint32_t stripes,
                   const uint8_t *in, uint8_t *key, Error **errp)
{
    if (!accumulate(hash, n, stripes, in, key, errp)) {
        return false;
    }
    xor_into(key, in + (stripes - 1) * n, n);
    return true;
}
