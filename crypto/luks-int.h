/*
 * LUKS version 1: the header ("LUKS On-Disk Format Specification", 1.2.3) in
 * memory, and what its parts are made of. For crypto/ only.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CRYPTO_LUKS_INT_H
#define CRYPTO_LUKS_INT_H

#include "qapi/qapi-types-crypto.h"
#include "util/error.h"

#define LUKS_HEADER_LEN 592 /* as it is stored */
#define LUKS_SLOTS      8
#define LUKS_STRIPES    4000
#define LUKS_DIGEST_LEN 20
#define LUKS_SALT_LEN   32
#define LUKS_MAX_KEY    64 /* two keys of 256 bits, for XTS */
#define LUKS_SECTOR     512
#define LUKS_ALIGN      8 /* sectors: slots and data begin at multiples */
#define LUKS_FIRST_SLOT 8 /* sector: the header ends before it */
#define LUKS_NAME_LEN   32
#define LUKS_UUID_LEN   40
#define LUKS_MIN_ITERS  1000

/* Numbers in host byte order; offsets in sectors from the header on. */
typedef struct LuksSlot {
    bool active;
    uint32_t iterations;
    uint8_t salt[LUKS_SALT_LEN];
    uint32_t key_offset;
    uint32_t stripes;
} LuksSlot;

typedef struct LuksHeader {
    char cipher_name[LUKS_NAME_LEN + 1];
    char cipher_mode[LUKS_NAME_LEN + 1];
    char hash_spec[LUKS_NAME_LEN + 1];
    uint32_t payload_offset;
    uint32_t key_bytes;
    uint8_t digest[LUKS_DIGEST_LEN]; /* of the master key */
    uint8_t digest_salt[LUKS_SALT_LEN];
    uint32_t digest_iterations;
    char uuid[LUKS_UUID_LEN + 1];
    LuksSlot slots[LUKS_SLOTS];
    QCryptoHashAlgo hash; /* what hash_spec means */
} LuksHeader;

struct QCryptoBlock;
struct QCryptoHeaderIO;
struct SectorCipherSpec;

/* --- luks-header.c --- */

/* Bytes to header, checked: an error is QEMU's. @detached: the data is not
 * behind the header. */
bool luks_header_parse(LuksHeader *h, const uint8_t *buf, bool detached,
                       Error **errp);
void luks_header_store(const LuksHeader *h, uint8_t *buf);
/* What cipher_name, cipher_mode, hash_spec and key_bytes mean. */
bool luks_parse_spec(LuksHeader *h, struct SectorCipherSpec *spec,
                     Error **errp);
/* The other way round; @spec's ivgen_cipher is filled in. */
bool luks_store_spec(LuksHeader *h, struct SectorCipherSpec *spec,
                     Error **errp);
/* Sectors that the key in a slot takes, split. */
uint64_t luks_slot_sectors(uint32_t key_bytes, uint32_t stripes);

/* --- luks-slot.c --- */

/* The master key out of slot @i, into @key. 1; 0: not with this password;
 * -1 and @errp. */
int luks_unlock_slot(struct QCryptoBlock *b, unsigned i, const char *password,
                     const struct QCryptoHeaderIO *io, uint8_t *key,
                     Error **errp);
/* The same out of any slot. */
int luks_unlock(struct QCryptoBlock *b, const char *password,
                const struct QCryptoHeaderIO *io, uint8_t *key, Error **errp);
/* Put the master key into slot @i and write the header. */
bool luks_store_slot(struct QCryptoBlock *b, unsigned i, const char *password,
                     const uint8_t *key, uint64_t iter_time,
                     const struct QCryptoHeaderIO *io, Error **errp);
/* Nobody shall find a key there again. Writes the header. */
bool luks_erase_slot(struct QCryptoBlock *b, unsigned i,
                     const struct QCryptoHeaderIO *io, Error **errp);
bool luks_write_header(struct QCryptoBlock *b, const struct QCryptoHeaderIO *io,
                       Error **errp);
/* Iterations that take @iter_time milliseconds, when a second does @rate. 0
 * and @errp: too many. */
uint32_t luks_iterations(uint64_t rate, uint64_t iter_time, unsigned divisor,
                         Error **errp);

/* --- afsplit.c --- */

/* A key of @n bytes in @stripes pieces, all of which are needed to get it
 * back. */
bool luks_af_split(QCryptoHashAlgo hash, size_t n, uint32_t stripes,
                   const uint8_t *key, uint8_t *out, Error **errp);
bool luks_af_merge(QCryptoHashAlgo hash, size_t n, uint32_t stripes,
                   const uint8_t *in, uint8_t *key, Error **errp);

#endif
