/*
 * The header of a qcow2 image: every number in it is somebody else's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"

uint64_t qcow2_size_to_l1(uint64_t size, unsigned cluster_bits, bool extended)
{
    unsigned shift = cluster_bits + cluster_bits - (extended ? 4 : 3);

    return (size >> shift) + !!(size & ((UINT64_C(1) << shift) - 1));
}

int qcow2_check_table(const Qcow2Header *h, uint64_t offset, uint64_t entries,
                      int64_t max, const char *name, Error **errp)
{
    uint64_t bytes;

    if (entries > max / 8) {
        error_setg(errp, "%s too large", name);
        return -EFBIG;
    }
    bytes = entries * 8;
    if (offset > INT64_MAX - bytes ||
        offset & ((UINT64_C(1) << h->cluster_bits) - 1)) {
        error_setg(errp, "%s offset invalid", name);
        return -EINVAL;
    }
    return 0;
}

int qcow2_check_snapshot_table(const Qcow2Header *h, Error **errp)
{
    if (h->nb_snapshots > QCOW2_MAX_SNAPSHOTS) {
        error_setg(errp, "Snapshot table too large");
        return -EFBIG;
    }
    /* How long it is only its entries say */
    return qcow2_check_table(h, h->snapshots_offset, h->nb_snapshots,
                             QCOW2_MAX_SNAPSHOT_TABLE, "Snapshot table", errp);
}

static void parse_fixed(Qcow2Header *h, const uint8_t *b)
{
    h->backing_offset = qcow2_ldq(b + QCOW2_H_BACKING_OFFSET);
    h->backing_len = qcow2_ldl(b + QCOW2_H_BACKING_LEN);
    h->cluster_bits = qcow2_ldl(b + QCOW2_H_CLUSTER_BITS);
    h->size = qcow2_ldq(b + QCOW2_H_SIZE);
    h->crypt = qcow2_ldl(b + QCOW2_H_CRYPT);
    h->l1_size = qcow2_ldl(b + QCOW2_H_L1_SIZE);
    h->l1_offset = qcow2_ldq(b + QCOW2_H_L1_OFFSET);
    h->reftable_offset = qcow2_ldq(b + QCOW2_H_REFTABLE_OFFSET);
    h->reftable_clusters = qcow2_ldl(b + QCOW2_H_REFTABLE_CLUSTERS);
    h->nb_snapshots = qcow2_ldl(b + QCOW2_H_NB_SNAPSHOTS);
    h->snapshots_offset = qcow2_ldq(b + QCOW2_H_SNAPSHOTS_OFFSET);
    h->refcount_order = 4;
    h->header_len = QCOW2_V2_HEADER_LEN;
    if (h->version >= 3) {
        h->incompat = qcow2_ldq(b + QCOW2_H_INCOMPAT);
        h->compat = qcow2_ldq(b + QCOW2_H_COMPAT);
        h->autoclear = qcow2_ldq(b + QCOW2_H_AUTOCLEAR);
        h->refcount_order = qcow2_ldl(b + QCOW2_H_REFCOUNT_ORDER);
        h->header_len = qcow2_ldl(b + QCOW2_H_HEADER_LEN);
        if (h->header_len > QCOW2_H_COMPRESSION) {
            h->compression = b[QCOW2_H_COMPRESSION];
        }
    }
}

static int check_identity(Qcow2Header *h, const uint8_t *b, Error **errp)
{
    uint32_t len;

    if (qcow2_ldl(b) != QCOW2_MAGIC) {
        error_setg(errp, "Image is not in qcow2 format");
        return -EINVAL;
    }
    h->version = qcow2_ldl(b + QCOW2_H_VERSION);
    if (h->version < 2 || h->version > 3) {
        error_setg(errp, "Unsupported qcow2 version %" PRIu32, h->version);
        return -ENOTSUP;
    }
    h->cluster_bits = qcow2_ldl(b + QCOW2_H_CLUSTER_BITS);
    if (h->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
        h->cluster_bits > QCOW2_MAX_CLUSTER_BITS) {
        error_setg(errp, "Unsupported cluster size: 2^%" PRIu32,
                   h->cluster_bits);
        return -EINVAL;
    }
    if (h->version >= 3) {
        len = qcow2_ldl(b + QCOW2_H_HEADER_LEN);
        if (len < QCOW2_V3_MIN_HEADER_LEN) {
            error_setg(errp, "qcow2 header too short");
            return -EINVAL;
        }
        if (len > UINT32_C(1) << h->cluster_bits) {
            error_setg(errp, "qcow2 header exceeds cluster size");
            return -EINVAL;
        }
    }
    return 0;
}

/* --- extensions --- */

typedef struct Ext {
    uint32_t magic, len;
    const uint8_t *data;
} Ext;

/* The next one at *@pos, before @end; false at the end of them. */
static bool next_ext(const uint8_t *cluster, uint64_t *pos, uint64_t end,
                     Ext *ext, Error **errp)
{
    if (end - *pos < 8) {
        return false;
    }
    ext->magic = qcow2_ldl(cluster + *pos);
    ext->len = qcow2_ldl(cluster + *pos + 4);
    *pos += 8;
    if (ext->magic == QCOW2_EXT_END) {
        return false;
    }
    if (ext->len > end - *pos) {
        error_setg(errp, "Header extension too large");
        return false;
    }
    ext->data = cluster + *pos;
    *pos += MIN(ROUND_UP((uint64_t)ext->len, 8), end - *pos);
    return true;
}

static bool parse_bitmaps(Qcow2Header *h, const Ext *ext, Error **errp)
{
    if (h->version < 3 || !(h->autoclear & QCOW2_AUTOCLEAR_BITMAPS)) {
        /* Somebody wrote who did not know of them: not consistent */
        h->lost_bitmaps = true;
        return true;
    }
    if (ext->len != 24) {
        error_setg(errp, "bitmaps_ext: Invalid extension length");
        return false;
    }
    if (qcow2_ldl(ext->data + 4)) {
        error_setg(errp, "bitmaps_ext: Reserved field is not zero");
        return false;
    }
    h->nb_bitmaps = qcow2_ldl(ext->data);
    h->bitmap_dir_size = qcow2_ldq(ext->data + 8);
    h->bitmap_dir_offset = qcow2_ldq(ext->data + 16);
    if (h->nb_bitmaps > 65535) {
        error_setg(errp,
                   "bitmaps_ext: image has %" PRIu32
                   " bitmaps, exceeding the QEMU supported maximum of %d",
                   h->nb_bitmaps, 65535);
        return false;
    }
    if (!h->nb_bitmaps) {
        error_setg(errp, "found bitmaps extension with zero bitmaps");
        return false;
    }
    if (h->bitmap_dir_offset & ((UINT64_C(1) << h->cluster_bits) - 1)) {
        error_setg(errp, "bitmaps_ext: invalid bitmap directory offset");
        return false;
    }
    if (h->bitmap_dir_size > UINT64_C(1024) * 65535) {
        error_setg(errp,
                   "bitmaps_ext: bitmap directory size (%" PRIu64
                   ") exceeds the maximum supported size (%d)",
                   h->bitmap_dir_size, 1024 * 65535);
        return false;
    }
    return true;
}

/* For the day the header is written again. */
static void keep_ext(Qcow2Header *h, const Ext *ext)
{
    Qcow2Ext *e = g_malloc(sizeof(*e) + ext->len);

    e->magic = ext->magic;
    e->len = ext->len;
    memcpy(e->data, ext->data, ext->len);
    if (!h->other_exts) {
        h->other_exts = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(h->other_exts, e);
}

static bool parse_crypto(Qcow2Header *h, const Ext *ext, Error **errp)
{
    if (h->crypt != QCOW2_CRYPT_LUKS) {
        error_setg(errp, "CRYPTO header extension only expected with LUKS "
                         "encryption method");
        return false;
    }
    if (ext->len != QCOW2_CRYPTO_EXT_LEN) {
        error_setg(errp,
                   "CRYPTO header extension size %u, but expected size %u",
                   ext->len, QCOW2_CRYPTO_EXT_LEN);
        return false;
    }
    h->crypto_offset = qcow2_ldq(ext->data);
    h->crypto_len = qcow2_ldq(ext->data + 8);
    if (h->crypto_offset & ((UINT64_C(1) << h->cluster_bits) - 1)) {
        error_setg(errp,
                   "Encryption header offset '%" PRIu64
                   "' is not a multiple of cluster size '%u'",
                   h->crypto_offset, 1u << h->cluster_bits);
        return false;
    }
    if (!h->crypto_offset || h->crypto_offset > INT64_MAX - h->crypto_len ||
        h->crypto_len > INT64_MAX) {
        error_setg(errp, "Encryption header is out of bounds");
        return false;
    }
    return true;
}

/* Strike from *@missing the incompatible features that have a name. */
static void name_features(const Ext *ext, uint64_t *missing, GString *features)
{
    for (uint32_t i = 0; i + 48 <= ext->len; i += 48) {
        const uint8_t *e = ext->data + i;

        if (e[0] == 0 && e[1] < 64 && (*missing >> e[1] & 1)) {
            g_string_append_printf(features, "%s%.46s",
                                   features->len ? ", " : "",
                                   (const char *)e + 2);
            *missing &= ~(UINT64_C(1) << e[1]);
        }
    }
}

static int parse_exts(Qcow2Header *h, const uint8_t *cluster, uint64_t end,
                      GString *features, Error **errp)
{
    uint64_t pos = h->header_len, missing;
    Ext ext;
    ERRP_GUARD();

    missing = h->incompat & ~(uint64_t)QCOW2_INCOMPAT_KNOWN;
    while (next_ext(cluster, &pos, end, &ext, errp)) {
        if (ext.magic == QCOW2_EXT_BACKING_FORMAT) {
            if (ext.len >= 16) {
                error_setg(errp,
                           "ERROR: ext_backing_format: len=%" PRIu32
                           " too large (>=%d)",
                           ext.len, 16);
                return -EINVAL;
            }
            g_free(h->backing_format);
            h->backing_format = g_strndup((const char *)ext.data, ext.len);
        } else if (ext.magic == QCOW2_EXT_DATA_FILE) {
            g_free(h->data_file);
            h->data_file = g_strndup((const char *)ext.data, ext.len);
        } else if (ext.magic == QCOW2_EXT_BITMAPS) {
            if (!parse_bitmaps(h, &ext, errp)) {
                return -EINVAL;
            }
        } else if (ext.magic == QCOW2_EXT_FEATURE_TABLE) {
            h->has_feature_names = true;
            name_features(&ext, &missing, features);
        } else {
            if (ext.magic == QCOW2_EXT_CRYPTO && !parse_crypto(h, &ext, errp)) {
                return -EINVAL;
            }
            keep_ext(h, &ext);
        }
    }
    if (missing && !*errp) {
        g_string_append_printf(features,
                               "%sUnknown incompatible feature: %" PRIx64,
                               features->len ? ", " : "", missing);
    }
    return *errp ? -EINVAL : 0;
}

/* --- what we can do --- */

static int check_features(const Qcow2Header *h, const GString *unknown,
                          int flags, Error **errp)
{
    if (unknown->len) {
        error_setg(errp, "Unsupported qcow2 feature(s): %s", unknown->str);
        return -ENOTSUP;
    }
    if ((h->incompat & QCOW2_INCOMPAT_CORRUPT) && (flags & BDRV_O_RDWR) &&
        !(flags & BDRV_O_CHECK)) {
        error_setg(errp, "qcow2: Image is corrupt; cannot be opened "
                         "read/write");
        return -EACCES;
    }
    if ((h->incompat & QCOW2_INCOMPAT_EXTL2) &&
        UINT32_C(1) << h->cluster_bits <
            QCOW2_SUBCLUSTERS * QCOW2_MIN_SUBCLUSTER) {
        error_setg(errp, "Unsupported subcluster size: %d",
                   (1 << h->cluster_bits) / QCOW2_SUBCLUSTERS);
        return -EINVAL;
    }
    if (h->incompat & QCOW2_INCOMPAT_COMPRESSION) {
        if (h->compression == QCOW2_COMPRESSION_ZLIB) {
            error_setg(errp, "qcow2: Compression type incompatible feature "
                             "bit must not be set");
            return -EINVAL;
        }
        if (h->compression > QCOW2_COMPRESSION_ZSTD) {
            error_setg(errp, "qcow2: unknown compression type: %u",
                       h->compression);
            return -ENOTSUP;
        }
    } else if (h->compression != QCOW2_COMPRESSION_ZLIB) {
        error_setg(errp, "qcow2: Compression type incompatible feature bit "
                         "must be set");
        return -EINVAL;
    }
    if (h->refcount_order > 6) {
        error_setg(errp, "Reference count entry width too large; may not "
                         "exceed 64 bits");
        return -EINVAL;
    }
    if (h->crypt > 2) {
        error_setg(errp, "Unsupported encryption method %d", (int)h->crypt);
        return -EINVAL;
    }
    if (h->crypt == QCOW2_CRYPT_LUKS && !h->crypto_len) {
        error_setg(errp, "Missing CRYPTO header for crypt method %" PRIu32,
                   h->crypt);
        return -EINVAL;
    }
    return 0;
}

static int check_tables(const Qcow2Header *h, int flags, Error **errp)
{
    uint64_t l1_needed;
    int ret;

    if (!h->reftable_clusters && !(flags & BDRV_O_CHECK)) {
        error_setg(errp, "Image does not contain a reference count table");
        return -EINVAL;
    }
    ret = qcow2_check_table(
        h, h->reftable_offset,
        (uint64_t)h->reftable_clusters << (h->cluster_bits - 3),
        QCOW2_MAX_REFTABLE_SIZE, "Reference count table", errp);
    if (ret < 0) {
        return ret;
    }
    if (!(flags & BDRV_O_CHECK)) {
        ret = qcow2_check_snapshot_table(h, errp);
        if (ret < 0) {
            return ret;
        }
    }
    ret = qcow2_check_table(h, h->l1_offset, h->l1_size, QCOW2_MAX_L1_SIZE,
                            "Active L1 table", errp);
    if (ret < 0) {
        return ret;
    }
    l1_needed = qcow2_size_to_l1(h->size, h->cluster_bits,
                                 h->incompat & QCOW2_INCOMPAT_EXTL2);
    if (l1_needed > INT_MAX || h->size > INT64_MAX) {
        error_setg(errp, "Image is too big");
        return -EFBIG;
    }
    if (h->l1_size < l1_needed) {
        error_setg(errp, "L1 table is too small");
        return -EINVAL;
    }
    return 0;
}

static int read_backing_name(BdrvChild *file, Qcow2Header *h, Error **errp)
{
    uint64_t room = (UINT64_C(1) << h->cluster_bits) - h->backing_offset;
    int ret;

    if (!h->backing_offset) {
        return 0;
    }
    if (h->backing_len > MIN(QCOW2_MAX_BACKING_NAME, room)) {
        error_setg(errp, "Backing file name too long");
        return -EINVAL;
    }
    h->backing_file = g_malloc0(h->backing_len + 1);
    ret = bdrv_pread(file, h->backing_offset, h->backing_len, h->backing_file,
                     0);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read backing file name");
        return ret;
    }
    if (!h->backing_file[0]) {
        g_clear_pointer(&h->backing_file, g_free);
    }
    return 0;
}

int qcow2_header_read(BdrvChild *file, Qcow2Header *h, int flags, Error **errp)
{
    uint8_t buf[QCOW2_V3_HEADER_LEN] = { 0 };
    g_autoptr(GString) features = g_string_new(NULL);
    g_autofree uint8_t *cluster = NULL;
    uint64_t ext_end;
    int ret = bdrv_pread(file, 0, sizeof(buf), buf, 0);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return ret;
    }
    ret = check_identity(h, buf, errp);
    if (ret < 0) {
        return ret;
    }
    parse_fixed(h, buf);
    if (h->backing_offset > UINT64_C(1) << h->cluster_bits) {
        error_setg(errp, "Invalid backing file offset");
        return -EINVAL;
    }
    ext_end = h->backing_offset ? h->backing_offset
                                : UINT64_C(1) << h->cluster_bits;
    if (ext_end < h->header_len) {
        ext_end = h->header_len;
    }
    cluster = g_malloc0(UINT64_C(1) << h->cluster_bits);
    ret = bdrv_pread(file, 0, UINT64_C(1) << h->cluster_bits, cluster, 0);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return ret;
    }
    ret = parse_exts(h, cluster, ext_end, features, errp);
    if (ret == 0) {
        ret = check_features(h, features, flags, errp);
    }
    if (ret == 0) {
        ret = check_tables(h, flags, errp);
    }
    return ret < 0 ? ret : read_backing_name(file, h, errp);
}

void qcow2_header_cleanup(Qcow2Header *h)
{
    g_clear_pointer(&h->backing_file, g_free);
    g_clear_pointer(&h->backing_format, g_free);
    g_clear_pointer(&h->other_exts, g_ptr_array_unref);
    g_clear_pointer(&h->data_file, g_free);
}
