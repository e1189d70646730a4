/*
 * What the drivers of encrypted images share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/crypto.h"

#include "backends/secret.h"
#include "block/block-int.h"
#include "block/opts.h"
#include "qapi/util.h"
#include "util/thread-pool.h"

/* Shorter pieces are done before a worker would have woken up. */
#define INLINE_MAX (8 * KiB)

/* --- I/O --- */

typedef struct CryptoWork {
    QCryptoBlock *b;
    bool encrypt;
    uint64_t offset;
    void *buf;
    size_t bytes;
} CryptoWork;

static int crypto_work(void *opaque)
{
    CryptoWork *w = opaque;

    return w->encrypt ? qcrypto_block_encrypt(w->b, w->offset, w->buf, w->buf,
                                              w->bytes, NULL)
                      : qcrypto_block_decrypt(w->b, w->offset, w->buf, w->buf,
                                              w->bytes, NULL);
}

int coroutine_fn bdrv_co_crypto_run(QCryptoBlock *b, bool encrypt,
                                    uint64_t offset, void *buf, size_t bytes)
{
    CryptoWork w = { b, encrypt, offset, buf, bytes };

    return bytes <= INLINE_MAX ? crypto_work(&w)
                               : thread_pool_submit_co(crypto_work, &w);
}

/* --- headers --- */

static bool inside(const BdrvCryptoHeader *p, uint64_t offset, size_t len,
                   Error **errp)
{
    if (p->len && (offset > p->len || len > p->len - offset)) {
        error_setg(errp, "Request for data outside of extension header");
        return false;
    }
    return true;
}

static int header_read(void *opaque, uint64_t offset, void *buf, size_t len,
                       Error **errp)
{
    BdrvCryptoHeader *p = opaque;
    int ret;

    if (!inside(p, offset, len, errp)) {
        return -EINVAL;
    }
    ret = p->child ? bdrv_pread(p->child, p->start + offset, len, buf, 0)
                   : blk_pread(p->blk, p->start + offset, len, buf, 0);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to read encryption header");
    }
    return ret;
}

static int header_write(void *opaque, uint64_t offset, const void *buf,
                        size_t len, Error **errp)
{
    BdrvCryptoHeader *p = opaque;
    int ret;

    if (!inside(p, offset, len, errp)) {
        return -EINVAL;
    }
    ret = p->child ? bdrv_pwrite(p->child, p->start + offset, len, buf, 0)
                   : blk_pwrite(p->blk, p->start + offset, len, buf, 0);

    /* Key slots are written in an order, and overwritten many times */
    if (ret >= 0) {
        ret = p->child ? bdrv_flush(p->child->bs) : blk_flush(p->blk);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to write encryption header");
    }
    return ret;
}

QCryptoHeaderIO bdrv_crypto_header_io(BdrvCryptoHeader *place)
{
    return (QCryptoHeaderIO){
        .read = header_read,
        .write = header_write,
        .opaque = place,
    };
}

/* --- options --- */

char *bdrv_crypto_password(const char *id, const char *prefix, Error **errp)
{
    if (!id) {
        error_setg(errp, "Parameter '%skey-secret' is required for cipher",
                   prefix);
        return NULL;
    }
    return qcrypto_secret_lookup_as_utf8(id, errp);
}

/* An enum's value; *@value stays when the option is absent. */
static bool take_enum(QDict *opts, const char *prefix, const char *name,
                      const QEnumLookup *lookup, unsigned *value, Error **errp)
{
    g_autofree char *key = g_strconcat(prefix, name, NULL);
    g_autofree char *text = bdrv_take_str(opts, key);
    int found;

    if (!text) {
        return true;
    }
    found = qapi_enum_parse(lookup, text, -1, NULL);
    if (found < 0) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'", name,
                   text);
        return false;
    }
    *value = found;
    return true;
}

bool bdrv_crypto_take_luks_options(QDict *opts, const char *prefix,
                                   QCryptoLuksOptions *o, Error **errp)
{
    g_autofree char *iter = g_strconcat(prefix, "iter-time", NULL);

    *o = qcrypto_luks_defaults;
    return take_enum(opts, prefix, "cipher-alg", &QCryptoCipherAlgo_lookup,
                     &o->cipher, errp) &&
           take_enum(opts, prefix, "cipher-mode", &QCryptoCipherMode_lookup,
                     &o->mode, errp) &&
           take_enum(opts, prefix, "ivgen-alg", &QCryptoIVGenAlgo_lookup,
                     &o->ivgen, errp) &&
           take_enum(opts, prefix, "ivgen-hash-alg", &QCryptoHashAlgo_lookup,
                     &o->ivgen_hash, errp) &&
           take_enum(opts, prefix, "hash-alg", &QCryptoHashAlgo_lookup,
                     &o->hash, errp) &&
           bdrv_take_number(opts, iter, &o->iter_time, errp);
}

const char *bdrv_crypto_find_luks_option(const QDict *opts, const char *prefix)
{
    static const BdrvCreateOpt names[] = { BDRV_CRYPTO_CREATE_OPTS("", NULL) };

    for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
        g_autofree char *key = g_strconcat(prefix, names[i].name, NULL);

        if (qdict_haskey(opts, key)) {
            return names[i].name;
        }
    }
    return NULL;
}

/* --- amending --- */

/* A password by the id of its secret; *@password NULL: no such option. */
static bool take_password(QDict *opts, const char *prefix, const char *name,
                          char **password, Error **errp)
{
    g_autofree char *key = g_strconcat(prefix, name, NULL);
    g_autofree char *id = bdrv_take_str(opts, key);

    *password = id ? qcrypto_secret_lookup_as_utf8(id, errp) : NULL;
    return !id || *password;
}

static bool take_number(QDict *opts, const char *prefix, const char *name,
                        bool *have, uint64_t *value, Error **errp)
{
    g_autofree char *key = g_strconcat(prefix, name, NULL);

    *have = qdict_haskey(opts, key);
    return bdrv_take_number(opts, key, value, errp);
}

int bdrv_crypto_amend(QCryptoBlock *b, QDict *opts, const char *prefix,
                      bool force, const QCryptoHeaderIO *io, Error **errp)
{
    QCryptoLuksAmend o = { .force = force };
    char *new_password = NULL, *old_password = NULL;
    unsigned state = QCRYPTO_BLOCK_LUKS_KEYSLOT_STATE__MAX;
    bool ok = take_enum(opts, prefix, "state",
                        &QCryptoBlockLUKSKeyslotState_lookup, &state, errp);

    if (ok && state == QCRYPTO_BLOCK_LUKS_KEYSLOT_STATE__MAX) {
        error_setg(errp, "Parameter 'state' is missing");
        ok = false;
    }
    ok = ok &&
         take_number(opts, prefix, "keyslot", &o.has_keyslot, &o.keyslot,
                     errp) &&
         take_number(opts, prefix, "iter-time", &o.has_iter_time, &o.iter_time,
                     errp) &&
         take_password(opts, prefix, "new-secret", &new_password, errp) &&
         take_password(opts, prefix, "old-secret", &old_password, errp);
    if (ok) {
        o.state = state;
        o.new_password = new_password;
        o.old_password = old_password;
        ok = qcrypto_luks_amend(b, &o, io, errp);
    }
    qcrypto_secret_free_str(new_password);
    qcrypto_secret_free_str(old_password);
    return ok ? 0 : -EINVAL;
}
