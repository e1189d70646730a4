/*
 * Key slots of LUKS: the master key, encrypted with what a password gives.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/block-int.h"
#include "crypto/hash.h"

/* How often a slot's bytes are overwritten before it counts as erased. */
#define ERASE_ROUNDS 40

static size_t split_len(const QCryptoBlock *b)
{
    return (size_t)b->luks.key_bytes * LUKS_STRIPES;
}

static uint64_t slot_pos(const LuksSlot *s)
{
    return (uint64_t)s->key_offset * LUKS_SECTOR;
}

static bool derive(const QCryptoBlock *b, const LuksSlot *s,
                   const char *password, uint8_t *key, Error **errp)
{
    return qcrypto_pbkdf2(b->luks.hash, (const uint8_t *)password,
                          strlen(password), s->salt, LUKS_SALT_LEN,
                          s->iterations, key, b->luks.key_bytes, errp);
}

static bool digest_of(const QCryptoBlock *b, const uint8_t *key,
                      uint8_t *digest, Error **errp)
{
    const LuksHeader *h = &b->luks;

    return qcrypto_pbkdf2(h->hash, key, h->key_bytes, h->digest_salt,
                          LUKS_SALT_LEN, h->digest_iterations, digest,
                          LUKS_DIGEST_LEN, errp);
}

/* --- reading --- */

/* @split: memory for the split key. */
static int unlock_with(QCryptoBlock *b, const LuksSlot *s, const char *password,
                       const QCryptoHeaderIO *io, uint8_t *split, uint8_t *key,
                       Error **errp)
{
    g_autoptr(SectorCipher) cipher = NULL;
    uint8_t slot_key[LUKS_MAX_KEY], digest[LUKS_DIGEST_LEN];
    size_t len = split_len(b);
    bool ok;

    if (!derive(b, s, password, slot_key, errp) ||
        io->read(io->opaque, slot_pos(s), split, len, errp) < 0) {
        return -1;
    }
    cipher = sector_cipher_new(&b->spec, slot_key, b->luks.key_bytes, errp);
    qcrypto_wipe(slot_key, sizeof(slot_key));
    ok = cipher &&
         sector_cipher_run(cipher, false, 0, split, split, len, errp) &&
         luks_af_merge(b->luks.hash, b->luks.key_bytes, s->stripes, split, key,
                       errp) &&
         digest_of(b, key, digest, errp);
    if (!ok) {
        return -1;
    }
    return !memcmp(digest, b->luks.digest, LUKS_DIGEST_LEN);
}

int luks_unlock_slot(QCryptoBlock *b, unsigned i, const char *password,
                     const QCryptoHeaderIO *io, uint8_t *key, Error **errp)
{
    const LuksSlot *s = &b->luks.slots[i];
    uint8_t *split;
    int ret;

    if (!s->active) {
        return 0;
    }
    split = g_malloc(split_len(b));
    ret = unlock_with(b, s, password, io, split, key, errp);
    qcrypto_wipe(split, split_len(b));
    g_free(split);
    if (ret != 1) {
        qcrypto_wipe(key, LUKS_MAX_KEY);
    }
    return ret;
}

int luks_unlock(QCryptoBlock *b, const char *password,
                const QCryptoHeaderIO *io, uint8_t *key, Error **errp)
{
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        int ret = luks_unlock_slot(b, i, password, io, key, errp);

        if (ret) {
            return ret;
        }
    }
    return 0;
}

/* --- writing --- */

bool luks_write_header(QCryptoBlock *b, const QCryptoHeaderIO *io, Error **errp)
{
    uint8_t buf[LUKS_HEADER_LEN];

    luks_header_store(&b->luks, buf);
    return io->write(io->opaque, 0, buf, sizeof(buf), errp) >= 0;
}

uint32_t luks_iterations(uint64_t rate, uint64_t iter_time, unsigned divisor,
                         Error **errp)
{
    uint64_t n;

    if (iter_time && rate > UINT64_MAX / iter_time) {
        error_setg_errno(errp, ERANGE,
                         "PBKDF iterations %" PRIu64 " too large to scale",
                         rate);
        return 0;
    }
    n = rate * iter_time / 1000 / divisor;
    if (n > UINT32_MAX) {
        error_setg_errno(errp, ERANGE,
                         "PBKDF iterations %" PRIu64 " larger than %u", n,
                         UINT32_MAX);
        return 0;
    }
    return MAX(n, LUKS_MIN_ITERS);
}

static bool fill_slot(QCryptoBlock *b, LuksSlot *s, const char *password,
                      const uint8_t *key, uint64_t iter_time, uint8_t *split,
                      Error **errp)
{
    g_autoptr(SectorCipher) cipher = NULL;
    uint8_t slot_key[LUKS_MAX_KEY];
    uint64_t rate = 0;

    if (!qcrypto_random_bytes(s->salt, LUKS_SALT_LEN, errp)) {
        return false;
    }
    if (iter_time) {
        rate = qcrypto_pbkdf2_count_iters(
            b->luks.hash, (const uint8_t *)password, strlen(password), s->salt,
            LUKS_SALT_LEN, b->luks.key_bytes, errp);
        if (!rate) {
            return false;
        }
    }
    s->iterations = luks_iterations(rate, iter_time, 1, errp);
    if (!s->iterations || !derive(b, s, password, slot_key, errp)) {
        return false;
    }
    cipher = sector_cipher_new(&b->spec, slot_key, b->luks.key_bytes, errp);
    qcrypto_wipe(slot_key, sizeof(slot_key));
    return cipher &&
           luks_af_split(b->luks.hash, b->luks.key_bytes, s->stripes, key,
                         split, errp) &&
           sector_cipher_run(cipher, true, 0, split, split, split_len(b), errp);
}

bool luks_store_slot(QCryptoBlock *b, unsigned i, const char *password,
                     const uint8_t *key, uint64_t iter_time,
                     const QCryptoHeaderIO *io, Error **errp)
{
    LuksSlot slot = b->luks.slots[i];
    uint8_t *split = g_malloc(split_len(b));
    bool ok;

    /* The key is there before the header says so */
    ok = fill_slot(b, &slot, password, key, iter_time, split, errp) &&
         io->write(io->opaque, slot_pos(&slot), split, split_len(b), errp) >= 0;
    qcrypto_wipe(split, split_len(b));
    g_free(split);
    if (!ok) {
        return false;
    }
    slot.active = true;
    b->luks.slots[i] = slot;
    return luks_write_header(b, io, errp);
}

bool luks_erase_slot(QCryptoBlock *b, unsigned i, const QCryptoHeaderIO *io,
                     Error **errp)
{
    LuksSlot *s = &b->luks.slots[i];
    g_autofree uint8_t *garbage = g_malloc(split_len(b));

    s->active = false;
    s->iterations = 0;
    memset(s->salt, 0, LUKS_SALT_LEN);
    if (!luks_write_header(b, io, errp)) {
        return false;
    }
    for (int round = 0; round < ERASE_ROUNDS; round++) {
        if (!qcrypto_random_bytes(garbage, split_len(b), errp) ||
            io->write(io->opaque, slot_pos(s), garbage, split_len(b), errp) <
                0) {
            return false;
        }
    }
    return true;
}
