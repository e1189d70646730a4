/*
 * Adding and erasing key slots of LUKS.
 *
 * Erasing the last key is losing all data, so it is done only by force.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/luks.h"

#include "crypto/block-int.h"

static unsigned count_active(const QCryptoBlock *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        n += b->luks.slots[i].active;
    }
    return n;
}

/* --- adding --- */

/* A slot's number, or -1. */
static int choose_slot(const QCryptoBlock *b, const QCryptoLuksAmend *o,
                       Error **errp)
{
    if (!o->has_keyslot) {
        for (int i = 0; i < LUKS_SLOTS; i++) {
            if (!b->luks.slots[i].active) {
                return i;
            }
        }
        error_setg(errp, "Can't add a keyslot - all keyslots are in use");
        return -1;
    }
    if (o->keyslot >= LUKS_SLOTS) {
        error_setg(errp,
                   "Invalid keyslot %u specified, must be between 0 and %u",
                   (unsigned)o->keyslot, LUKS_SLOTS - 1);
        return -1;
    }
    if (b->luks.slots[o->keyslot].active && !o->force) {
        error_setg(errp,
                   "Refusing to overwrite active keyslot %i - please erase it "
                   "first",
                   (int)o->keyslot);
        return -1;
    }
    return o->keyslot;
}

static bool add_slot(QCryptoBlock *b, const QCryptoLuksAmend *o,
                     const QCryptoHeaderIO *io, Error **errp)
{
    uint64_t iter_time = o->has_iter_time ? o->iter_time
                                          : QCRYPTO_LUKS_ITER_TIME;
    Error *local_err = NULL;
    int slot;
    bool ok;

    if (!o->new_password) {
        error_setg(errp, "'new-secret' is required to activate a keyslot");
        return false;
    }
    if (o->old_password) {
        error_setg(errp,
                   "'old-secret' must not be given when activating keyslots");
        return false;
    }
    slot = choose_slot(b, o, errp);
    if (slot < 0) {
        return false;
    }
    if (!b->key_len) {
        error_setg(errp, "Failed to retrieve the master key");
        return false;
    }
    ok = luks_store_slot(b, slot, o->new_password, b->key, iter_time, io,
                         &local_err);
    if (!ok) {
        error_propagate_prepend(errp, local_err,
                                "Failed to write to keyslot %i: ", slot);
    }
    return ok;
}

/* --- erasing --- */

static bool erase_one(QCryptoBlock *b, const QCryptoLuksAmend *o,
                      const QCryptoHeaderIO *io, Error **errp)
{
    int slot = o->keyslot;
    uint8_t key[LUKS_MAX_KEY];
    int ret;

    if (o->keyslot >= LUKS_SLOTS) {
        error_setg(errp,
                   "Invalid keyslot %i specified, must be between 0 and %i",
                   slot, LUKS_SLOTS - 1);
        return false;
    }
    if (o->old_password) {
        ret = luks_unlock_slot(b, slot, o->old_password, io, key, errp);
        qcrypto_wipe(key, sizeof(key));
        if (ret < 0) {
            return false;
        }
        if (!ret) {
            error_setg(errp,
                       "Given keyslot %i doesn't contain the given old "
                       "password for erase operation",
                       slot);
            return false;
        }
    }
    if (!o->force && !b->luks.slots[slot].active) {
        error_setg(errp, "Given keyslot %i is already erased (inactive) ",
                   slot);
        return false;
    }
    if (!o->force && count_active(b) == 1) {
        error_setg(errp,
                   "Attempt to erase the only active keyslot %i which will "
                   "erase all the data in the image irreversibly - refusing "
                   "operation",
                   slot);
        return false;
    }
    if (!luks_erase_slot(b, slot, io, errp)) {
        error_prepend(errp, "Failed to erase keyslot %i: ", slot);
        return false;
    }
    return true;
}

/* All slots that @o's old password opens. */
static bool erase_matching(QCryptoBlock *b, const QCryptoLuksAmend *o,
                           const QCryptoHeaderIO *io, Error **errp)
{
    bool match[LUKS_SLOTS] = { false };
    uint8_t key[LUKS_MAX_KEY];
    unsigned n = 0;

    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        int ret = luks_unlock_slot(b, i, o->old_password, io, key, errp);

        qcrypto_wipe(key, sizeof(key));
        if (ret < 0) {
            return false;
        }
        match[i] = ret;
        n += ret;
    }
    if (!n) {
        error_setg(errp, "No keyslots match given (old) password for erase "
                         "operation");
        return false;
    }
    if (!o->force && n == count_active(b)) {
        error_setg(errp, "All the active keyslots match the (old) password "
                         "that was given and erasing them will erase all the "
                         "data in the image irreversibly - refusing operation");
        return false;
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (match[i] && !luks_erase_slot(b, i, io, errp)) {
            error_prepend(errp, "Failed to erase keyslot %u: ", i);
            return false;
        }
    }
    return true;
}

static bool erase_slots(QCryptoBlock *b, const QCryptoLuksAmend *o,
                        const QCryptoHeaderIO *io, Error **errp)
{
    if (o->new_password) {
        error_setg(errp,
                   "'new-secret' must not be given when erasing keyslots");
        return false;
    }
    if (o->has_iter_time) {
        error_setg(errp, "'iter-time' must not be given when erasing keyslots");
        return false;
    }
    if (o->has_keyslot) {
        return erase_one(b, o, io, errp);
    }
    if (o->old_password) {
        return erase_matching(b, o, io, errp);
    }
    error_setg(errp, "To erase keyslot(s), either explicit keyslot index or "
                     "the password currently contained in them must be given");
    return false;
}

bool qcrypto_luks_amend(QCryptoBlock *b, const QCryptoLuksAmend *o,
                        const QCryptoHeaderIO *io, Error **errp)
{
    ERRP_GUARD();

    return o->state == QCRYPTO_BLOCK_LUKS_KEYSLOT_STATE_ACTIVE
               ? add_slot(b, o, io, errp)
               : erase_slots(b, o, io, errp);
}
