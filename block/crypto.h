/*
 * What the drivers of encrypted images share: options, passwords, headers on
 * a node, and encryption that does not keep the event loop waiting.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_CRYPTO_H
#define BLOCK_CRYPTO_H

#include "block/block-backend.h"
#include "block/block-common.h"
#include "block/create.h"
#include "crypto/luks.h"
#include "util/coroutine.h"

/* Longest piece of a request that is encrypted at once, bytes. */
#define BDRV_CRYPTO_MAX_PIECE (1 * MiB)

/* --- I/O --- */

/* Encrypt or decrypt @bytes in place (whole sectors; @offset as in
 * crypto/block.h); long ones in a worker. 0 or -EIO. */
int coroutine_fn bdrv_co_crypto_run(QCryptoBlock *b, bool encrypt,
                                    uint64_t offset, void *buf, size_t bytes);

/* --- the rest: main thread, outside of coroutines --- */

/* A header that begins at @start of @child or, if that is NULL, @blk. The
 * result refers to @place. */
typedef struct BdrvCryptoHeader {
    BdrvChild *child;
    BlockBackend *blk;
    uint64_t start;
    uint64_t len; /* 0: nothing else comes behind it */
} BdrvCryptoHeader;
QCryptoHeaderIO bdrv_crypto_header_io(BdrvCryptoHeader *place);

/*
 * The password in the secret whose id is @id. NULL with @errp: there is none,
 * or @id is NULL ("Parameter 'PREFIXkey-secret' is required for cipher").
 * Free it with qcrypto_secret_free_str().
 */
char *bdrv_crypto_password(const char *id, const char *prefix, Error **errp);

/* Options of creation, each with its name in a driver's table. */
#define BDRV_CRYPTO_CREATE_OPTS(prefix, key_secret_help)             \
    { prefix "key-secret", BDRV_OPT_STRING, key_secret_help, NULL }, \
        { prefix "cipher-alg", BDRV_OPT_STRING,                      \
          "Name of encryption cipher algorithm", NULL },             \
        { prefix "cipher-mode", BDRV_OPT_STRING,                     \
          "Name of encryption cipher mode", NULL },                  \
        { prefix "ivgen-alg", BDRV_OPT_STRING,                       \
          "Name of IV generator algorithm", NULL },                  \
        { prefix "ivgen-hash-alg", BDRV_OPT_STRING,                  \
          "Name of IV generator hash algorithm", NULL },             \
        { prefix "hash-alg", BDRV_OPT_STRING,                        \
          "Name of encryption hash algorithm", NULL },               \
    {                                                                \
        prefix "iter-time", BDRV_OPT_NUMBER,                         \
            "Time to spend in PBKDF in milliseconds", NULL           \
    }
/* Take what that table has, but for the key-secret. */
bool bdrv_crypto_take_luks_options(QDict *opts, const char *prefix,
                                   QCryptoLuksOptions *o, Error **errp);

/* Options of amendment, the same way. */
#define BDRV_CRYPTO_AMEND_OPTS(prefix)                                         \
    { prefix "state", BDRV_OPT_STRING,                                         \
      "Select new state of affected keyslots (active/inactive)", NULL },       \
        { prefix "keyslot", BDRV_OPT_NUMBER,                                   \
          "Select a single keyslot to modify explicitly", NULL },              \
        { prefix "old-secret", BDRV_OPT_STRING,                                \
          "Select all keyslots that match this password", NULL },              \
        { prefix "new-secret", BDRV_OPT_STRING,                                \
          "New secret to set in the matching keyslots. Empty string to erase", \
          NULL },                                                              \
    {                                                                          \
        prefix "iter-time", BDRV_OPT_NUMBER,                                   \
            "Time to spend in PBKDF in milliseconds", NULL                     \
    }
/* Take them and do what they say. 0 or -errno. */
int bdrv_crypto_amend(QCryptoBlock *b, QDict *opts, const char *prefix,
                      bool force, const QCryptoHeaderIO *io, Error **errp);

/* Is any option of creation in @opts? Its name; NULL: none. */
const char *bdrv_crypto_find_luks_option(const QDict *opts, const char *prefix);

#endif
