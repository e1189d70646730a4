/*
 * LUKS version 1: opening, making, and telling what is there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/luks.h"

#include "crypto/block-int.h"
#include "crypto/hash.h"

const QCryptoLuksOptions qcrypto_luks_defaults = {
    .cipher = QCRYPTO_CIPHER_ALGO_AES_256,
    .mode = QCRYPTO_CIPHER_MODE_XTS,
    .ivgen = QCRYPTO_IV_GEN_ALGO_PLAIN64,
    .ivgen_hash = QCRYPTO_HASH_ALGO_SHA256,
    .hash = QCRYPTO_HASH_ALGO_SHA256,
    .iter_time = QCRYPTO_LUKS_ITER_TIME,
};

bool qcrypto_luks_probe(const uint8_t *buf, size_t len)
{
    static const uint8_t begin[QCRYPTO_LUKS_MAGIC_LEN] = { 'L',  'U',  'K', 'S',
                                                           0xba, 0xbe, 0,   1 };

    return len >= sizeof(begin) && !memcmp(buf, begin, sizeof(begin));
}

/* --- opening --- */

QCryptoBlock *qcrypto_luks_open(const char *password, bool detached,
                                const QCryptoHeaderIO *io, Error **errp)
{
    g_autoptr(QCryptoBlock) b = qcrypto_block_new(QCRYPTO_BLOCK_FORMAT_LUKS);
    uint8_t buf[LUKS_HEADER_LEN], key[LUKS_MAX_KEY];
    bool ok;
    int ret;

    b->detached = detached;
    if (io->read(io->opaque, 0, buf, sizeof(buf), errp) < 0 ||
        !luks_header_parse(&b->luks, buf, detached, errp) ||
        !luks_parse_spec(&b->luks, &b->spec, errp)) {
        return NULL;
    }
    if (!password) {
        return g_steal_pointer(&b);
    }
    ret = luks_unlock(b, password, io, key, errp);
    if (ret <= 0) {
        if (ret == 0) {
            error_setg(errp, "Invalid password, cannot unlock any keyslot");
        }
        return NULL;
    }
    ok = qcrypto_block_set_key(b, key, b->luks.key_bytes, errp);
    qcrypto_wipe(key, sizeof(key));
    return ok ? g_steal_pointer(&b) : NULL;
}

/* --- making --- */

/* Slots one after the other, then the data; all aligned. */
static void lay_out(LuksHeader *h, bool detached)
{
    uint64_t len = luks_slot_sectors(h->key_bytes, LUKS_STRIPES);

    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        h->slots[i].key_offset = LUKS_FIRST_SLOT + i * len;
        h->slots[i].stripes = LUKS_STRIPES;
    }
    h->payload_offset = detached ? 0 : LUKS_FIRST_SLOT + LUKS_SLOTS * len;
}

/* The digest tells whether a password was the right one: it is computed for
 * each slot that is tried, so it gets less time than a slot. */
static bool make_digest(QCryptoBlock *b, uint64_t iter_time, Error **errp)
{
    LuksHeader *h = &b->luks;
    uint64_t rate = 0;

    if (!qcrypto_random_bytes(h->digest_salt, LUKS_SALT_LEN, errp)) {
        return false;
    }
    if (iter_time) {
        rate = qcrypto_pbkdf2_count_iters(h->hash, b->key, b->key_len,
                                          h->digest_salt, LUKS_SALT_LEN,
                                          LUKS_DIGEST_LEN, errp);
        if (!rate) {
            return false;
        }
    }
    h->digest_iterations = luks_iterations(rate, iter_time, 8, errp);
    return h->digest_iterations &&
           qcrypto_pbkdf2(h->hash, b->key, b->key_len, h->digest_salt,
                          LUKS_SALT_LEN, h->digest_iterations, h->digest,
                          LUKS_DIGEST_LEN, errp);
}

QCryptoBlock *qcrypto_luks_new(const QCryptoLuksOptions *o, Error **errp)
{
    g_autoptr(QCryptoBlock) b = qcrypto_block_new(QCRYPTO_BLOCK_FORMAT_LUKS);
    LuksHeader *h = &b->luks;
    uint8_t key[LUKS_MAX_KEY];
    g_autofree char *uuid = g_uuid_string_random();
    bool ok;

    b->detached = o->detached;
    b->spec = (SectorCipherSpec){
        .cipher = o->cipher,
        .mode = o->mode,
        .ivgen = o->ivgen,
        .ivgen_hash = o->ivgen_hash,
    };
    h->hash = o->hash;
    if (!luks_store_spec(h, &b->spec, errp)) {
        return NULL;
    }
    lay_out(h, o->detached);
    g_strlcpy(h->uuid, uuid, sizeof(h->uuid));
    ok = qcrypto_random_bytes(key, h->key_bytes, errp) &&
         qcrypto_block_set_key(b, key, h->key_bytes, errp) &&
         make_digest(b, o->iter_time, errp);
    qcrypto_wipe(key, sizeof(key));
    return ok ? g_steal_pointer(&b) : NULL;
}

bool qcrypto_luks_format(QCryptoBlock *b, const QCryptoLuksOptions *o,
                         const char *password, const QCryptoHeaderIO *io,
                         Error **errp)
{
    return luks_store_slot(b, 0, password, b->key, o->iter_time, io, errp);
}

uint64_t qcrypto_luks_header_size(const QCryptoLuksOptions *o, Error **errp)
{
    SectorCipherSpec spec = {
        .cipher = o->cipher,
        .mode = o->mode,
        .ivgen = o->ivgen,
        .ivgen_hash = o->ivgen_hash,
    };
    LuksHeader h = { .hash = o->hash };

    if (!luks_store_spec(&h, &spec, errp)) {
        return 0;
    }
    lay_out(&h, false);
    return (uint64_t)h.payload_offset * LUKS_SECTOR;
}

/* --- telling --- */

static QCryptoBlockInfoLUKSSlot *slot_info(const LuksSlot *s)
{
    QCryptoBlockInfoLUKSSlot *info = g_new0(QCryptoBlockInfoLUKSSlot, 1);

    info->active = s->active;
    info->key_offset = (int64_t)s->key_offset * LUKS_SECTOR;
    if (s->active) {
        info->has_iters = info->has_stripes = true;
        info->iters = s->iterations;
        info->stripes = s->stripes;
    }
    return info;
}

void qcrypto_luks_fill_info(const QCryptoBlock *b, QCryptoBlockInfoLUKS *info)
{
    const LuksHeader *h = &b->luks;

    info->cipher_alg = b->spec.cipher;
    info->cipher_mode = b->spec.mode;
    info->ivgen_alg = b->spec.ivgen;
    info->has_ivgen_hash_alg = b->spec.ivgen == QCRYPTO_IV_GEN_ALGO_ESSIV;
    info->ivgen_hash_alg = b->spec.ivgen_hash;
    info->hash_alg = h->hash;
    info->detached_header = b->detached;
    info->payload_offset = qcrypto_block_payload_offset(b);
    info->master_key_iters = h->digest_iterations;
    info->uuid = g_strdup(h->uuid);
    for (int i = LUKS_SLOTS - 1; i >= 0; i--) {
        QCryptoBlockInfoLUKSSlot *slot = slot_info(&h->slots[i]);

        QAPI_LIST_PREPEND(info->slots, slot);
    }
}

QCryptoBlockInfoLUKS *qcrypto_luks_info(const QCryptoBlock *b)
{
    QCryptoBlockInfoLUKS *info = g_new0(QCryptoBlockInfoLUKS, 1);

    qcrypto_luks_fill_info(b, info);
    return info;
}
