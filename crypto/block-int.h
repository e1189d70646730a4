/*
 * The inside of QCryptoBlock, for crypto/ only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_BLOCK_INT_H
#define CRYPTO_BLOCK_INT_H

#include "crypto/block.h"
#include "crypto/cipher.h"
#include "crypto/luks-int.h"
#include "util/thread.h"

/* How sectors are encrypted; fixed. */
typedef struct SectorCipherSpec {
    QCryptoCipherAlgo cipher;
    QCryptoCipherMode mode;
    QCryptoIVGenAlgo ivgen;
    QCryptoHashAlgo ivgen_hash;     /* essiv */
    QCryptoCipherAlgo ivgen_cipher; /* essiv */
} SectorCipherSpec;

/* A key in use. One thread at a time. */
typedef struct SectorCipher SectorCipher;
SectorCipher *sector_cipher_new(const SectorCipherSpec *spec,
                                const uint8_t *key, size_t nkey, Error **errp);
void sector_cipher_free(SectorCipher *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SectorCipher, sector_cipher_free)
/* Whole sectors, the first one has the number @sector. */
bool sector_cipher_run(SectorCipher *c, bool encrypt, uint64_t sector,
                       void *dst, const void *src, size_t len, Error **errp);

struct QCryptoBlock {
    /* fixed */
    QCryptoBlockFormat format;
    SectorCipherSpec spec;
    uint8_t key[LUKS_MAX_KEY]; /* the master key */
    size_t key_len;            /* 0: none */
    bool detached;             /* LUKS: the data is in another file */

    LuksHeader luks; /* one thread */

    QemuMutex lock;
    GPtrArray *idle; /* lock: SectorCiphers that nobody uses */
};

/* @spec is copied. */
QCryptoBlock *qcrypto_block_new(QCryptoBlockFormat format);
/* From now on it can encrypt. */
bool qcrypto_block_set_key(QCryptoBlock *b, const uint8_t *key, size_t nkey,
                           Error **errp);

#endif
