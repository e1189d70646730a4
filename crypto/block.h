/*
 * Encrypted disks: what sits between the sectors that a user sees and those
 * that are stored. Sectors have 512 bytes.
 *
 * A QCryptoBlock is made and changed by one thread; encrypt and decrypt may be
 * called by any number of threads at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_BLOCK_H
#define CRYPTO_BLOCK_H

#include "qapi/qapi-types-crypto.h"
#include "util/error.h"

#define QCRYPTO_SECTOR_SIZE 512

typedef struct QCryptoBlock QCryptoBlock;

/* How the format's header is read and written; offsets in bytes from its
 * first byte on. 0 or -errno and @errp. */
typedef struct QCryptoHeaderIO {
    int (*read)(void *opaque, uint64_t offset, void *buf, size_t len,
                Error **errp);
    int (*write)(void *opaque, uint64_t offset, const void *buf, size_t len,
                 Error **errp);
    void *opaque;
} QCryptoHeaderIO;

/* Legacy AES of qcow2: AES-128-CBC, the key is the password. NULL: only
 * metadata is wanted; then there is nothing to encrypt with. */
QCryptoBlock *qcrypto_block_open_aes(const char *password, Error **errp);
void qcrypto_block_free(QCryptoBlock *b); /* wipes keys; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QCryptoBlock, qcrypto_block_free)

QCryptoBlockFormat qcrypto_block_format(const QCryptoBlock *b);
/* Where the data begins, in bytes from the header on; AES: 0. */
uint64_t qcrypto_block_payload_offset(const QCryptoBlock *b);
/* Was it opened with a key? */
bool qcrypto_block_has_key(const QCryptoBlock *b);

/* @offset (bytes from the beginning of the data) and @len are multiples of
 * a sector; @dst may be @src. 0 or -EIO. */
int qcrypto_block_encrypt(QCryptoBlock *b, uint64_t offset, void *dst,
                          const void *src, size_t len, Error **errp);
int qcrypto_block_decrypt(QCryptoBlock *b, uint64_t offset, void *dst,
                          const void *src, size_t len, Error **errp);

#endif
