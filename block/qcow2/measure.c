/*
 * How large an image would be: qemu-img measure.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/secret.h"
#include "block/create.h"
#include "block/crypto.h"
#include "block/dirty-bitmap.h"
#include "block/opts.h"
#include "block/qcow2/qcow2.h"
#include "block/sync.h"

typedef struct Shape {
    uint64_t cluster_size, refcount_bits;
    bool v2, extended_l2, has_backing;
    PreallocMode prealloc;
    uint64_t luks_bytes; /* of its header, whole clusters */
} Shape;

/* Those of legacy encryption take no room. */
static bool take_encryption(QDict *opts, Shape *sh, Error **errp)
{
    const char *format = qdict_get_try_str(opts, "encrypt.format");
    g_autofree char *id = NULL;
    QCryptoLuksOptions luks;
    uint64_t header;
    char *password;

    if (!format || strcmp(format, "luks")) {
        return true;
    }
    id = bdrv_take_str(opts, "encrypt.key-secret");
    if (!bdrv_crypto_take_luks_options(opts, "encrypt.", &luks, errp)) {
        return false;
    }
    password = bdrv_crypto_password(id, "encrypt.", errp);
    header = password ? qcrypto_luks_header_size(&luks, errp) : 0;
    qcrypto_secret_free_str(password);
    sh->luks_bytes = ROUND_UP(header, sh->cluster_size);
    return header;
}

/* The options that matter, a message for those that are wrong. */
static bool take_shape(QDict *opts, Shape *sh, Error **errp)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full",
                                         NULL };
    g_autofree char *compat = bdrv_take_str(opts, "compat");
    int mode;
    ERRP_GUARD();

    sh->v2 = compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2"));
    if (!bdrv_take_size(opts, "cluster_size", &sh->cluster_size, errp) ||
        !bdrv_take_bool(opts, "extended_l2", &sh->extended_l2, errp) ||
        !bdrv_take_number(opts, "refcount_bits", &sh->refcount_bits, errp)) {
        return false;
    }
    if (sh->cluster_size < 512 || sh->cluster_size > 2 * MiB ||
        !is_power_of_2(sh->cluster_size)) {
        error_setg(errp, "Cluster size must be a power of two between 512 and "
                         "2048k");
        return false;
    }
    if (sh->extended_l2 && sh->cluster_size < 16384) {
        error_setg(errp, "Extended L2 entries are only supported with cluster "
                         "sizes of at least 16384 bytes");
        return false;
    }
    mode = bdrv_take_enum(opts, "preallocation", modes, errp);
    if (*errp) {
        return false;
    }
    if (compat && !sh->v2 && strcmp(compat, "1.1") && strcmp(compat, "v3")) {
        error_setg(errp, "Invalid compatibility level: '%s'", compat);
        return false;
    }
    if (sh->refcount_bits > 64 || !is_power_of_2(sh->refcount_bits)) {
        error_setg(errp, "Refcount width must be a power of two and may not "
                         "exceed 64 bits");
        return false;
    }
    if (sh->v2 && sh->refcount_bits != 16) {
        error_setg(errp, "Different refcount widths than 16 bits require "
                         "compatibility level 1.1 or above (use compat=1.1 or "
                         "greater)");
        return false;
    }
    sh->prealloc = MAX(mode, 0);
    sh->has_backing = qdict_haskey(opts, "backing_file");
    return take_encryption(opts, sh, errp);
}

/* Bytes of the refcount table and blocks that count @clusters and themselves.
 */
static uint64_t refcount_bytes(uint64_t clusters, const Shape *sh)
{
    uint64_t per_block = sh->cluster_size * 8 / sh->refcount_bits;
    uint64_t blocks = 0, table = 0, before;

    do {
        before = blocks + table;
        blocks = DIV_ROUND_UP(clusters + table + blocks, per_block);
        table = DIV_ROUND_UP(blocks, sh->cluster_size / 8);
    } while (blocks + table != before);
    return (blocks + table) * sh->cluster_size;
}

/* Header, tables and data of a disk of @size bytes (whole clusters). */
static uint64_t full_size(uint64_t size, const Shape *sh)
{
    uint64_t entry = sh->extended_l2 ? 16 : 8, cs = sh->cluster_size;
    uint64_t l2 = ROUND_UP(size / cs, cs / entry) * entry;
    uint64_t l1 = ROUND_UP(l2 / cs, cs / 8) * 8;
    uint64_t rest = cs + l2 + l1;

    return size + rest + refcount_bytes((size + rest) / cs, sh);
}

typedef struct Count {
    uint64_t cluster_size, bytes;
} Count;

/* Bytes of the clusters in which @bs, or what is below it, has data. */
static int coroutine_fn co_count(BdrvSyncCall *call)
{
    BlockDriverState *bs = call->target;
    Count *c = call->buf;
    int64_t size = call->bytes, offset = 0, num;

    while (offset < size) {
        int ret = bdrv_co_block_status_above(bs, NULL, offset, size - offset,
                                             &num);

        if (ret < 0) {
            return ret;
        }
        if (!num) {
            break;
        }
        if (!(ret & BDRV_BLOCK_ZERO) && (ret & BDRV_BLOCK_DATA) &&
            (ret & BDRV_BLOCK_ALLOCATED)) {
            /* All of its last cluster is counted with it */
            num = ROUND_UP(offset + num, c->cluster_size) - offset;
            c->bytes += (offset & (c->cluster_size - 1)) + num;
        }
        offset += num;
    }
    return 0;
}

static bool count_source(BlockDriverState *in_bs, int64_t size, const Shape *sh,
                         uint64_t *required, Error **errp)
{
    Count c = { .cluster_size = sh->cluster_size };
    BdrvSyncCall call = {
        .co_fn = co_count, .target = in_bs, .buf = &c, .bytes = size
    };
    int ret = bdrv_run_sync(&call);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Unable to get block status");
    }
    *required = c.bytes;
    return ret == 0;
}

/* What the stored bitmaps of @bs would take, all of their bits allocated. */
static uint64_t bitmaps_size(BlockDriverState *bs, const Shape *sh)
{
    uint64_t cs = sh->cluster_size, dir = 0, sum = 0;
    BdrvDirtyBitmap *b = NULL;

    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        uint64_t bits, clusters;

        if (!bdrv_dirty_bitmap_persistent(b) ||
            bdrv_dirty_bitmap_inconsistent(b)) {
            continue;
        }
        bits = DIV_ROUND_UP(bdrv_dirty_bitmap_size(b),
                            bdrv_dirty_bitmap_granularity(b));
        clusters = DIV_ROUND_UP(DIV_ROUND_UP(bits, 8), cs);
        sum += clusters * cs + ROUND_UP(clusters * 8, cs);
        dir += ROUND_UP(24 + strlen(bdrv_dirty_bitmap_name(b)), 8);
    }
    return sum + ROUND_UP(dir, cs);
}

static bool measure(QDict *opts, BlockDriverState *in_bs, int64_t size,
                    Shape *sh, BdrvMeasureInfo *info, Error **errp)
{
    uint64_t virtual_size, required = 0, l2_bytes, l1;

    if (!take_shape(opts, sh, errp)) {
        return false;
    }
    virtual_size = ROUND_UP((uint64_t)size, sh->cluster_size);
    l2_bytes = ROUND_UP(virtual_size / sh->cluster_size,
                        sh->cluster_size / (sh->extended_l2 ? 16 : 8)) *
               (sh->extended_l2 ? 16 : 8);
    l1 = l2_bytes / sh->cluster_size;
    if (l1 > QCOW2_MAX_L1_SIZE / 8) {
        error_setg(errp, "The image size is too large (try using a larger "
                         "cluster size)");
        return false;
    }
    if (in_bs && sh->has_backing) {
        /* How much the two backing files share is not known */
        required = virtual_size;
    } else if (in_bs && !count_source(in_bs, size, sh, &required, errp)) {
        return false;
    }
    if (sh->prealloc == PREALLOC_MODE_FULL ||
        sh->prealloc == PREALLOC_MODE_FALLOC) {
        required = virtual_size;
    }
    info->fully_allocated = full_size(virtual_size, sh) + sh->luks_bytes;
    info->required = info->fully_allocated - virtual_size + required;
    info->has_bitmaps = in_bs && !sh->v2 &&
                        bdrv_supports_persistent_dirty_bitmap(in_bs);
    info->bitmaps = info->has_bitmaps ? bitmaps_size(in_bs, sh) : 0;
    return true;
}

bool qcow2_measure(QDict *opts, BlockDriverState *in_bs, int64_t size,
                   BdrvMeasureInfo *info, Error **errp)
{
    Shape sh = { .cluster_size = 65536, .refcount_bits = 16 };

    return measure(opts, in_bs, size, &sh, info, errp);
}
