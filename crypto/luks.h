/*
 * LUKS version 1: opening, making and changing. See crypto/block.h for what
 * is done with it then.
 *
 * Thread: one at a time. Everything here may take seconds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_LUKS_H
#define CRYPTO_LUKS_H

#include "crypto/block.h"

#define QCRYPTO_LUKS_ITER_TIME 2000 /* default, milliseconds */
#define QCRYPTO_LUKS_MAGIC_LEN 8

/* Does @buf (of @len bytes) begin like a header of version 1? */
bool qcrypto_luks_probe(const uint8_t *buf, size_t len);

/* @password NULL: metadata only. @detached: the data is in another file. */
QCryptoBlock *qcrypto_luks_open(const char *password, bool detached,
                                const QCryptoHeaderIO *io, Error **errp);

typedef struct QCryptoLuksOptions {
    QCryptoCipherAlgo cipher;
    QCryptoCipherMode mode;
    QCryptoIVGenAlgo ivgen;
    QCryptoHashAlgo ivgen_hash;
    QCryptoHashAlgo hash;
    uint64_t iter_time; /* milliseconds of PBKDF */
    bool detached;
} QCryptoLuksOptions;

extern const QCryptoLuksOptions qcrypto_luks_defaults;

/* Check @o and make everything but the slots; nothing is written. From then
 * on qcrypto_block_payload_offset() says how much room the header takes. */
QCryptoBlock *qcrypto_luks_new(const QCryptoLuksOptions *o, Error **errp);
/* Write it, with @password in the first slot. */
bool qcrypto_luks_format(QCryptoBlock *b, const QCryptoLuksOptions *o,
                         const char *password, const QCryptoHeaderIO *io,
                         Error **errp);
/* Bytes that the header of an image made with @o takes; 0 and @errp. */
uint64_t qcrypto_luks_header_size(const QCryptoLuksOptions *o, Error **errp);

typedef struct QCryptoLuksAmend {
    QCryptoBlockLUKSKeyslotState state;
    bool has_keyslot, has_iter_time, force;
    uint64_t keyslot, iter_time;
    /* Passwords; NULL: not given */
    const char *new_password, *old_password;
} QCryptoLuksAmend;

/* Add (with the key that @b was opened with) or erase key slots; QEMU's rules
 * and messages. */
bool qcrypto_luks_amend(QCryptoBlock *b, const QCryptoLuksAmend *o,
                        const QCryptoHeaderIO *io, Error **errp);

/* What is in the header. */
QCryptoBlockInfoLUKS *qcrypto_luks_info(const QCryptoBlock *b);
/* The same into zeroed members, as the qcow2 driver's information has them. */
void qcrypto_luks_fill_info(const QCryptoBlock *b, QCryptoBlockInfoLUKS *info);

#endif
