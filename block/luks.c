/*
 * luks: an encrypted image. The header (LUKS version 1) comes first, or is in
 * a file of its own ("header"); each sector of the data is encrypted by
 * itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/secret.h"
#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/create.h"
#include "block/crypto.h"
#include "block/opts.h"
#include "util/memalign.h"

typedef struct LuksState {
    /* open */
    QCryptoBlock *crypto;
    BdrvChild *header; /* NULL: at the beginning of bs->file */
    uint64_t payload;  /* where the data begins in bs->file */
} LuksState;

static const char *const luks_strong_runtime_opts[] = { "key-secret", NULL };

static int luks_probe(const uint8_t *buf, int buf_size, const char *filename)
{
    return qcrypto_luks_probe(buf, buf_size) ? 100 : 0;
}

/* --- opening --- */

static int luks_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp)
{
    LuksState *s = bs->opaque;
    g_autofree char *id = bdrv_take_str(options, "key-secret");
    Error *local_err = NULL;
    BdrvCryptoHeader place;
    QCryptoHeaderIO io;
    char *password = NULL;
    int ret = bdrv_open_file_child(NULL, options, "file", bs, errp);

    if (ret < 0) {
        return ret;
    }
    s->header = bdrv_open_child(NULL, options, "header", bs, &child_of_bds,
                                BDRV_CHILD_METADATA, true, &local_err);
    if (local_err) {
        error_propagate(errp, local_err);
        return -EINVAL;
    }
    if (!(flags & BDRV_O_NO_IO)) {
        password = bdrv_crypto_password(id, "", errp);
        if (!password) {
            return -EINVAL;
        }
    }
    place = (BdrvCryptoHeader){ .child = s->header ? s->header : bs->file };
    io = bdrv_crypto_header_io(&place);
    s->crypto = qcrypto_luks_open(password, s->header, &io, errp);
    qcrypto_secret_free_str(password);
    if (!s->crypto) {
        return -EIO;
    }
    s->payload = qcrypto_block_payload_offset(s->crypto);
    bs->encrypted = true;
    bs->supported_write_flags = BDRV_REQ_FUA &
                                bs->file->bs->supported_write_flags;
    return 0;
}

static void luks_close(BlockDriverState *bs)
{
    LuksState *s = bs->opaque;

    qcrypto_block_free(s->crypto);
}

/* --- properties --- */

static void luks_refresh_limits(BlockDriverState *bs, Error **errp)
{
    bs->bl.request_alignment = MAX(bs->bl.request_alignment,
                                   QCRYPTO_SECTOR_SIZE);
}

static int64_t luks_getlength(BlockDriverState *bs)
{
    LuksState *s = bs->opaque;
    int64_t len = bdrv_getlength(bs->file->bs);

    if (len < 0) {
        return len;
    }
    return (uint64_t)len < s->payload ? -EINVAL : len - (int64_t)s->payload;
}

static int luks_get_info(BlockDriverState *bs, BlockDriverInfo *bdi)
{
    return bdrv_get_info(bs->file->bs, bdi);
}

/* Zeroes in the file are noise when they are decrypted. */
static bool luks_has_zero_init(BlockDriverState *bs)
{
    return false;
}

static ImageInfoSpecific *luks_get_specific_info(BlockDriverState *bs,
                                                 Error **errp)
{
    LuksState *s = bs->opaque;
    ImageInfoSpecific *info = g_new0(ImageInfoSpecific, 1);

    info->type = IMAGE_INFO_SPECIFIC_KIND_LUKS;
    info->u.luks.data = qcrypto_luks_info(s->crypto);
    return info;
}

/* --- requests --- */

static int coroutine_fn luks_co_preadv(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    LuksState *s = bs->opaque;
    size_t piece = MIN(bytes, BDRV_CRYPTO_MAX_PIECE);
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(bs->file->bs, piece);
    int ret = buf ? 0 : -ENOMEM;

    for (int64_t done = 0; ret >= 0 && done < bytes; done += piece) {
        piece = MIN(piece, (uint64_t)(bytes - done));
        ret = bdrv_co_pread(bs->file, s->payload + offset + done, piece, buf,
                            0);
        if (ret >= 0) {
            ret = bdrv_co_crypto_run(s->crypto, false, offset + done, buf,
                                     piece);
        }
        if (ret >= 0) {
            qemu_iovec_from_buf(qiov, done, buf, piece);
        }
    }
    return ret;
}

static int coroutine_fn luks_co_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags)
{
    LuksState *s = bs->opaque;
    size_t piece = MIN(bytes, BDRV_CRYPTO_MAX_PIECE);
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(bs->file->bs, piece);
    int ret = buf ? 0 : -ENOMEM;

    for (int64_t done = 0; ret >= 0 && done < bytes; done += piece) {
        piece = MIN(piece, (uint64_t)(bytes - done));
        qemu_iovec_to_buf(qiov, done, buf, piece);
        ret = bdrv_co_crypto_run(s->crypto, true, offset + done, buf, piece);
        if (ret >= 0) {
            ret = bdrv_co_pwrite(bs->file, s->payload + offset + done, piece,
                                 buf, flags & BDRV_REQ_FUA);
        }
    }
    return ret;
}

static int coroutine_fn luks_co_truncate(BlockDriverState *bs, int64_t offset,
                                         bool exact, PreallocMode prealloc,
                                         BdrvRequestFlags flags, Error **errp)
{
    LuksState *s = bs->opaque;

    if (s->payload > (uint64_t)(INT64_MAX - offset)) {
        error_setg(errp, "The requested file size is too large");
        return -EFBIG;
    }
    return bdrv_co_truncate(bs->file, offset + s->payload, exact, prealloc, 0,
                            errp);
}

/* --- creating --- */

static const BdrvCreateOpt luks_create_opts[] = {
    { "size", BDRV_OPT_SIZE, "Virtual disk size", NULL },
    BDRV_CRYPTO_CREATE_OPTS("", "ID of the secret that provides the keyslot "
                                "passphrase"),
    { "detached-header", BDRV_OPT_BOOL, "Create a detached LUKS header", NULL },
    { NULL },
};

/* A file with room for the header and the data. */
static int format_file(BlockBackend *blk, QCryptoBlock *b,
                       const QCryptoLuksOptions *o, const char *password,
                       uint64_t size, PreallocMode prealloc, Error **errp)
{
    BdrvCryptoHeader place;
    QCryptoHeaderIO io;
    int ret;

    blk_set_allow_resize(blk, true);
    ret = blk_truncate(blk, qcrypto_block_payload_offset(b) + size, false,
                       prealloc, 0, errp);
    if (ret < 0) {
        return ret;
    }
    place = (BdrvCryptoHeader){ .blk = blk };
    io = bdrv_crypto_header_io(&place);
    return qcrypto_luks_format(b, o, password, &io, errp) ? 0 : -EIO;
}

static bool take_prealloc(QDict *opts, PreallocMode *mode, Error **errp)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full",
                                         NULL };
    int found = bdrv_take_enum(opts, "preallocation", modes, errp);

    /* All metadata is there anyway */
    *mode = found <= PREALLOC_MODE_METADATA ? PREALLOC_MODE_OFF
                                            : (PreallocMode)found;
    return !*errp;
}

/* On the node @file or, if that is NULL, in a new file @filename. */
static int create_image(BlockDriverState *file, const char *filename,
                        QDict *opts, Error **errp)
{
    g_autoptr(BlockBackend) blk = NULL;
    g_autofree char *id = bdrv_take_str(opts, "key-secret");
    g_autoptr(QCryptoBlock) b = NULL;
    QCryptoLuksOptions o;
    PreallocMode prealloc;
    uint64_t size = 0;
    char *password;
    int ret = -EINVAL;
    ERRP_GUARD();

    if (!bdrv_take_size(opts, "size", &size, errp) ||
        !take_prealloc(opts, &prealloc, errp) ||
        !bdrv_crypto_take_luks_options(opts, "", &o, errp)) {
        return -EINVAL;
    }
    if (qdict_haskey(opts, "detached-header")) {
        error_setg(errp, "Parameter 'detached-header' is unexpected");
        return -EINVAL;
    }
    password = bdrv_crypto_password(id, "", errp);
    b = password ? qcrypto_luks_new(&o, errp) : NULL;
    size = ROUND_UP(size, BDRV_SECTOR_SIZE);
    if (b && size > INT64_MAX - qcrypto_block_payload_offset(b)) {
        error_setg(errp, "The requested file size is too large");
        ret = -EFBIG;
    } else if (b) {
        ret = file ? 0 : bdrv_create_file(filename, opts, errp);
        if (ret >= 0) {
            blk = file ? blk_new_with_bs(file, BLK_PERM_WRITE | BLK_PERM_RESIZE,
                                         BLK_PERM_ALL, errp)
                       : blk_new_open(filename, NULL, NULL,
                                      BDRV_O_RDWR | BDRV_O_RESIZE |
                                          BDRV_O_PROTOCOL,
                                      errp);
            ret = blk ? format_file(blk, b, &o, password, size, prealloc, errp)
                      : -EIO;
        }
    }
    qcrypto_secret_free_str(password);
    return ret;
}

static int luks_create(const BlockDriver *drv, const char *filename,
                       QDict *opts, Error **errp)
{
    return create_image(NULL, filename, opts, errp);
}

static int luks_create_on(BlockDriverState *file, BlockDriverState *data_file,
                          QDict *opts, Error **errp)
{
    return create_image(file, NULL, opts, errp);
}

/* All options are checked as they are when the image is made. */
static bool luks_measure(QDict *opts, BlockDriverState *in_bs, int64_t size,
                         struct BdrvMeasureInfo *info, Error **errp)
{
    g_autofree char *id = bdrv_take_str(opts, "key-secret");
    QCryptoLuksOptions o;
    uint64_t header;
    char *password;

    if (!bdrv_crypto_take_luks_options(opts, "", &o, errp)) {
        return false;
    }
    if (qdict_haskey(opts, "detached-header")) {
        error_setg(errp, "Parameter 'detached-header' is unexpected");
        return false;
    }
    password = bdrv_crypto_password(id, "", errp);
    header = password ? qcrypto_luks_header_size(&o, errp) : 0;
    qcrypto_secret_free_str(password);
    info->required = info->fully_allocated = header + size;
    return header;
}

/* --- amending --- */

static const BdrvCreateOpt luks_amend_opts[] = {
    BDRV_CRYPTO_AMEND_OPTS(""),
    { NULL },
};

static int luks_amend_options(BlockDriverState *bs, QDict *opts,
                              BdrvAmendStatusCB *status_cb, void *cb_opaque,
                              bool force, Error **errp)
{
    LuksState *s = bs->opaque;
    BdrvCryptoHeader place = { .child = s->header ? s->header : bs->file };
    QCryptoHeaderIO io = bdrv_crypto_header_io(&place);

    return bdrv_crypto_amend(s->crypto, opts, "", force, &io, errp);
}

const BlockDriver bdrv_luks = {
    .format_name = "luks",
    .instance_size = sizeof(LuksState),
    .is_format = true,
    .strong_runtime_opts = luks_strong_runtime_opts,
    .bdrv_probe = luks_probe,
    .bdrv_open = luks_open,
    .bdrv_close = luks_close,
    .create_opts = luks_create_opts,
    .bdrv_create = luks_create,
    .bdrv_create_on = luks_create_on,
    .bdrv_measure = luks_measure,
    .amend_opts = luks_amend_opts,
    .bdrv_amend_options = luks_amend_options,
    .bdrv_refresh_limits = luks_refresh_limits,
    .bdrv_getlength = luks_getlength,
    .bdrv_get_info = luks_get_info,
    .bdrv_has_zero_init = luks_has_zero_init,
    .bdrv_get_specific_info = luks_get_specific_info,
    .bdrv_co_preadv = luks_co_preadv,
    .bdrv_co_pwritev = luks_co_pwritev,
    .bdrv_co_truncate = luks_co_truncate,
};
