/*
 * Encryption: LUKS, with its header in clusters of the image, and the legacy
 * AES format.
 *
 * Data clusters are encrypted sector by sector; metadata and compressed
 * clusters are not. The initialization vector of a sector comes from its
 * number, which is that of the file with LUKS and that of the disk with AES.
 * A cluster that is new in the file does not read as zero.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"

#include "backends/secret.h"
#include "block/crypto.h"
#include "block/opts.h"
#include "block/sync.h"
#include "util/error-report.h"
#include "util/memalign.h"

/* --- data --- */

static uint64_t vector_offset(const Qcow2State *s, uint64_t offset,
                              uint64_t host)
{
    return s->h.crypt == QCOW2_CRYPT_LUKS ? host : offset;
}

/* @buf has room for the last sector, also if @bytes ends inside of it. */
static int coroutine_fn read_encrypted(BlockDriverState *bs, uint64_t offset,
                                       uint64_t host, uint64_t bytes,
                                       uint8_t *buf)
{
    Qcow2State *s = bs->opaque;
    uint64_t whole = ROUND_UP(bytes, QCRYPTO_SECTOR_SIZE);
    int ret = bdrv_co_pread(s->data_file, host, whole, buf, 0);

    return ret < 0
               ? ret
               : bdrv_co_crypto_run(s->crypto, false,
                                    vector_offset(s, offset, host), buf, whole);
}

static int coroutine_fn write_encrypted(BlockDriverState *bs, uint64_t offset,
                                        uint64_t host, uint64_t bytes,
                                        uint8_t *buf)
{
    Qcow2State *s = bs->opaque;
    uint64_t whole = ROUND_UP(bytes, QCRYPTO_SECTOR_SIZE);
    int ret;

    /* Behind the end of the image */
    memset(buf + bytes, 0, whole - bytes);
    ret = bdrv_co_crypto_run(s->crypto, true, vector_offset(s, offset, host),
                             buf, whole);
    return ret < 0 ? ret : bdrv_co_pwrite(s->data_file, host, whole, buf, 0);
}

static int coroutine_fn run_pieces(BlockDriverState *bs, bool write,
                                   uint64_t offset, uint64_t host,
                                   uint64_t bytes, QEMUIOVector *qiov)
{
    uint64_t piece = MIN(bytes, BDRV_CRYPTO_MAX_PIECE);
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(
        bs, ROUND_UP(piece, QCRYPTO_SECTOR_SIZE));
    int ret = buf ? 0 : -ENOMEM;

    if (!QEMU_IS_ALIGNED(offset | host, QCRYPTO_SECTOR_SIZE)) {
        return -EINVAL;
    }
    for (uint64_t done = 0; ret >= 0 && done < bytes; done += piece) {
        piece = MIN(piece, bytes - done);
        if (write) {
            qemu_iovec_to_buf(qiov, done, buf, piece);
            ret = write_encrypted(bs, offset + done, host + done, piece, buf);
        } else {
            ret = read_encrypted(bs, offset + done, host + done, piece, buf);
            if (ret >= 0) {
                qemu_iovec_from_buf(qiov, done, buf, piece);
            }
        }
    }
    return ret;
}

int coroutine_fn qcow2_co_read_data(BlockDriverState *bs, uint64_t offset,
                                    uint64_t host, uint64_t bytes,
                                    QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;

    return s->crypto ? run_pieces(bs, false, offset, host, bytes, qiov)
                     : bdrv_co_preadv(s->data_file, host, bytes, qiov, 0);
}

int coroutine_fn qcow2_co_write_data(BlockDriverState *bs, uint64_t offset,
                                     uint64_t host, uint64_t bytes,
                                     QEMUIOVector *qiov)
{
    Qcow2State *s = bs->opaque;

    return s->crypto ? run_pieces(bs, true, offset, host, bytes, qiov)
                     : bdrv_co_pwritev(s->data_file, host, bytes, qiov, 0);
}

/* --- opening --- */

static const char *method_name(uint32_t crypt)
{
    return crypt == QCOW2_CRYPT_LUKS ? "luks" : "aes";
}

/* What the user says must fit what the header says. */
static bool check_method(const Qcow2State *s, const char *format, Error **errp)
{
    if (!format || (s->h.crypt && !strcmp(format, method_name(s->h.crypt)))) {
        return true;
    }
    if (!s->h.crypt) {
        error_setg(errp,
                   "No encryption in image header, but options specified "
                   "format '%s'",
                   format);
    } else {
        error_setg(errp,
                   "Header reported '%s' encryption format but options "
                   "specify '%s'",
                   method_name(s->h.crypt), format);
    }
    return false;
}

static BdrvCryptoHeader header_place(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    return (BdrvCryptoHeader){
        .child = bs->file,
        .start = s->h.crypto_offset,
        .len = s->h.crypto_len,
    };
}

static bool open_method(BlockDriverState *bs, const char *password,
                        Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvCryptoHeader place = header_place(bs);
    QCryptoHeaderIO io = bdrv_crypto_header_io(&place);

    s->crypto = s->h.crypt == QCOW2_CRYPT_LUKS
                    ? qcrypto_luks_open(password, false, &io, errp)
                    : qcrypto_block_open_aes(password, errp);
    bs->encrypted = true;
    return s->crypto;
}

static bool aes_is_allowed(const Qcow2State *s, Error **errp)
{
    ERRP_GUARD();

    if (s->h.crypt != QCOW2_CRYPT_AES || !bdrv_serves_guests) {
        return true;
    }
    error_setg(errp, "Use of AES-CBC encrypted qcow2 images is no longer "
                     "supported in system emulators");
    error_append_hint(errp,
                      "You can use 'qemu-img convert' to convert your image to "
                      "an alternative supported format, such as unencrypted "
                      "qcow2, or raw with the LUKS format instead.\n");
    return false;
}

int qcow2_crypt_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp)
{
    Qcow2State *s = bs->opaque;
    g_autofree char *format = bdrv_take_str(options, "encrypt.format");
    g_autofree char *id = bdrv_take_str(options, "encrypt.key-secret");
    g_autoptr(QDict) rest = NULL;
    char *password = NULL;
    bool ok;

    qdict_extract_subqdict(options, &rest, "encrypt.");
    if (!check_method(s, format, errp)) {
        return -EINVAL;
    }
    if (!s->h.crypt) {
        return 0;
    }
    if (qdict_size(rest)) {
        error_setg(errp, "Parameter '%s' is unexpected",
                   qdict_entry_key(qdict_first(rest)));
        return -EINVAL;
    }
    if (!aes_is_allowed(s, errp)) {
        return -ENOSYS;
    }
    if (!(flags & BDRV_O_NO_IO)) {
        password = bdrv_crypto_password(id, "encrypt.", errp);
        if (!password) {
            return -EINVAL;
        }
    }
    ok = open_method(bs, password, errp);
    qcrypto_secret_free_str(password);
    return ok ? 0 : -EINVAL;
}

ImageInfoSpecificQCow2Encryption *qcow2_crypt_info(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    ImageInfoSpecificQCow2Encryption *info;

    if (!s->crypto) {
        return NULL;
    }
    info = g_new0(ImageInfoSpecificQCow2Encryption, 1);
    if (s->h.crypt == QCOW2_CRYPT_LUKS) {
        info->format = BLOCKDEV_QCOW2_ENCRYPTION_FORMAT_LUKS;
        qcrypto_luks_fill_info(s->crypto, &info->u.luks);
    } else {
        info->format = BLOCKDEV_QCOW2_ENCRYPTION_FORMAT_AES;
    }
    return info;
}

int qcow2_crypt_amend(BlockDriverState *bs, QDict *opts, bool force,
                      Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvCryptoHeader place = header_place(bs);
    QCryptoHeaderIO io = bdrv_crypto_header_io(&place);

    return bdrv_crypto_amend(s->crypto, opts, "encrypt.", force, &io, errp);
}

/* --- creating --- */

/* Clusters for a header of @s->bytes; their place. */
static int coroutine_fn co_make_room(BdrvSyncCall *call)
{
    BlockDriverState *bs = call->target;
    Qcow2State *s = bs->opaque;
    uint64_t want = DIV_ROUND_UP((uint64_t)call->bytes, s->cluster_size), nb;
    int64_t host;
    bool fresh;
    int ret;

    qemu_mutex_lock(&s->lock);
    host = qcow2_co_alloc(bs, want, true, &nb, &fresh);
    qemu_mutex_unlock(&s->lock);
    if (host < 0) {
        return host;
    }
    call->offset = host;
    /* The refcounts are in the file before anything points there */
    ret = qcow2_co_flush_metadata(bs);
    return ret < 0 ? ret
                   : bdrv_co_pwrite_zeroes(bs->file, host,
                                           want << s->cluster_bits, 0);
}

/* s->h says how the image is encrypted: the file, too. */
static int coroutine_fn co_announce(BdrvSyncCall *call)
{
    BlockDriverState *bs = call->target;
    Qcow2State *s = bs->opaque;
    uint8_t method[4];
    int ret = qcow2_co_update_header(bs);

    qcow2_stl(method, s->h.crypt);
    if (ret >= 0) {
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_CRYPT, sizeof(method), method,
                             0);
    }
    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

static void add_extension(Qcow2Header *h)
{
    Qcow2Ext *e = g_malloc(sizeof(*e) + QCOW2_CRYPTO_EXT_LEN);

    e->magic = QCOW2_EXT_CRYPTO;
    e->len = QCOW2_CRYPTO_EXT_LEN;
    qcow2_stq(e->data, h->crypto_offset);
    qcow2_stq(e->data + 8, h->crypto_len);
    if (!h->other_exts) {
        h->other_exts = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(h->other_exts, e);
}

static int format_luks(BlockDriverState *bs, QCryptoBlock *b,
                       const Qcow2CryptCreate *o, Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall room = { .co_fn = co_make_room,
                          .target = bs,
                          .bytes = qcrypto_block_payload_offset(b) };
    int ret = bdrv_run_sync(&room);
    BdrvCryptoHeader place;
    QCryptoHeaderIO io;

    if (ret < 0) {
        error_setg_errno(
            errp, -ret, "Cannot allocate cluster for LUKS header size %" PRIu64,
            room.bytes);
        return ret;
    }
    s->h.crypto_offset = room.offset;
    s->h.crypto_len = room.bytes;
    add_extension(&s->h);
    place = header_place(bs);
    io = bdrv_crypto_header_io(&place);
    return qcrypto_luks_format(b, &o->luks, o->password, &io, errp) ? 0 : -EIO;
}

int qcow2_crypt_create(BlockDriverState *bs, const Qcow2CryptCreate *o,
                       Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall announce = { .co_fn = co_announce, .target = bs };
    int ret = 0;

    if (o->luks_block) {
        ret = format_luks(bs, o->luks_block, o, errp);
    }
    if (ret < 0) {
        return ret;
    }
    s->h.crypt = o->method;
    ret = bdrv_run_sync(&announce);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write qcow2 header");
    }
    return ret;
}

static bool take_method(QDict *opts, Qcow2CryptCreate *o, Error **errp)
{
    g_autofree char *format = bdrv_take_str(opts, "encrypt.format");
    bool legacy = false;

    if (qdict_haskey(opts, "encryption") && format) {
        error_setg(errp, "'encrypt.format' and its alias 'encryption' can't "
                         "be used at the same time");
        return false;
    }
    if (!bdrv_take_bool(opts, "encryption", &legacy, errp)) {
        return false;
    }
    if (legacy || (format && (!strcmp(format, "aes") ||
                              /* what it was called in between */
                              !strcmp(format, "qcow")))) {
        o->method = QCOW2_CRYPT_AES;
    } else if (format && !strcmp(format, "luks")) {
        o->method = QCOW2_CRYPT_LUKS;
    } else if (format) {
        error_setg(errp, "Parameter 'format' does not accept value '%s'",
                   format);
        return false;
    }
    return true;
}

bool qcow2_crypt_take_create(QDict *opts, Qcow2CryptCreate *o, Error **errp)
{
    g_autofree char *id = NULL;
    const char *name;

    if (!take_method(opts, o, errp)) {
        return false;
    }
    id = bdrv_take_str(opts, "encrypt.key-secret");
    name = bdrv_crypto_find_luks_option(opts, "encrypt.");
    if (!o->method && (id || name)) {
        error_setg(errp, "Parameter 'encrypt.format' is missing");
        return false;
    }
    if (o->method == QCOW2_CRYPT_AES && name) {
        error_setg(errp, "Parameter 'encrypt.%s' is unexpected", name);
        return false;
    }
    if (!bdrv_crypto_take_luks_options(opts, "encrypt.", &o->luks, errp)) {
        return false;
    }
    if (o->method) {
        o->password = bdrv_crypto_password(id, "encrypt.", errp);
        if (!o->password) {
            return false;
        }
    }
    if (o->method == QCOW2_CRYPT_LUKS) {
        o->luks_block = qcrypto_luks_new(&o->luks, errp);
        return o->luks_block;
    }
    return true;
}

void qcow2_crypt_create_cleanup(Qcow2CryptCreate *o)
{
    qcrypto_block_free(g_steal_pointer(&o->luks_block));
    qcrypto_secret_free_str(g_steal_pointer(&o->password));
}
