/*
 * Making images: an image of size 0 with three clusters (header, refcount
 * table, refcount block) is written; the driver itself makes it longer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/create.h"

#include "block/block-backend.h"
#include "block/crypto.h"
#include "block/opts.h"
#include "block/probe.h"
#include "block/qcow2/qcow2.h"

const BdrvCreateOpt qcow2_create_opts[] = {
    { "encryption", BDRV_OPT_BOOL,
      "Encrypt the image with format 'aes'. (Deprecated in favor of "
      "encrypt.format=aes)",
      NULL },
    { "encrypt.format", BDRV_OPT_STRING,
      "Encrypt the image, format choices: 'aes', 'luks'", NULL },
    BDRV_CRYPTO_CREATE_OPTS("encrypt.", "ID of secret providing qcow AES key "
                                        "or LUKS passphrase"),
    { "cluster_size", BDRV_OPT_SIZE, "qcow2 cluster size", "65536" },
    { "extended_l2", BDRV_OPT_BOOL, "Extended L2 tables", "off" },
    { "preallocation", BDRV_OPT_STRING,
      "Preallocation mode (allowed values: off, metadata, falloc, full)",
      NULL },
    { "compression_type", BDRV_OPT_STRING,
      "Compression method used for image cluster compression", "zlib" },
    { "size", BDRV_OPT_SIZE, "Virtual disk size", NULL },
    { "compat", BDRV_OPT_STRING, "Compatibility level (v2 [0.10] or v3 [1.1])",
      NULL },
    { "backing_file", BDRV_OPT_STRING, "File name of a base image", NULL },
    { "backing_fmt", BDRV_OPT_STRING, "Image format of the base image", NULL },
    { "data_file", BDRV_OPT_STRING, "File name of an external data file",
      NULL },
    { "data_file_raw", BDRV_OPT_BOOL,
      "The external data file must stay valid as a raw image", NULL },
    { "lazy_refcounts", BDRV_OPT_BOOL, "Postpone refcount updates", "off" },
    { "refcount_bits", BDRV_OPT_NUMBER,
      "Width of a reference count entry in bits", "16" },
    { NULL },
};

typedef struct CreateOptions {
    uint64_t size, cluster_size, refcount_bits;
    bool v2, lazy_refcounts, extended_l2, data_file_raw;
    PreallocMode prealloc;
    uint8_t compression;
    char *backing_file, *backing_fmt, *data_file;
    Qcow2CryptCreate crypt;
} CreateOptions;

static void create_options_cleanup(CreateOptions *o)
{
    g_free(o->backing_file);
    g_free(o->backing_fmt);
    g_free(o->data_file);
    qcow2_crypt_create_cleanup(&o->crypt);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CreateOptions, create_options_cleanup)

/* --- options --- */

/* An index into @names; errors name the parameter as the schema does. */
static int take_name(QDict *opts, const char *key, const char *param,
                     const char *const *names, int def, Error **errp)
{
    g_autofree char *text = bdrv_take_str(opts, key);

    if (!text) {
        return def;
    }
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            return i;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", param, text);
    return -1;
}

static bool take_options(QDict *opts, CreateOptions *o, Error **errp)
{
    static const char *const compats[] = { "0.10", "v2", "1.1", "v3", NULL };
    static const char *const modes[] = { "off", "metadata", "falloc", "full",
                                         NULL };
    static const char *const types[] = { "zlib", "zstd", NULL };
    int compat, mode, type;

    compat = take_name(opts, "compat", "version", compats, 3, errp);
    if (compat < 0) {
        return false;
    }
    mode = take_name(opts, "preallocation", "preallocation", modes, 0, errp);
    if (mode < 0) {
        return false;
    }
    type = take_name(opts, "compression_type", "compression-type", types, 0,
                     errp);
    if (type < 0) {
        return false;
    }
    o->v2 = compat < 2;
    o->prealloc = mode;
    o->compression = type;
    o->backing_file = bdrv_take_str(opts, "backing_file");
    o->backing_fmt = bdrv_take_str(opts, "backing_fmt");
    o->data_file = bdrv_take_str(opts, "data_file");
    if (o->backing_fmt && !bdrv_find_format(o->backing_fmt)) {
        error_setg(errp, "Parameter 'backing-fmt' does not accept value '%s'",
                   o->backing_fmt);
        return false;
    }
    return bdrv_take_size(opts, "size", &o->size, errp) &&
           bdrv_take_size(opts, "cluster_size", &o->cluster_size, errp) &&
           bdrv_take_number(opts, "refcount_bits", &o->refcount_bits, errp) &&
           bdrv_take_bool(opts, "lazy_refcounts", &o->lazy_refcounts, errp) &&
           bdrv_take_bool(opts, "extended_l2", &o->extended_l2, errp) &&
           bdrv_take_bool(opts, "data_file_raw", &o->data_file_raw, errp);
}

/* The first thing that is wrong, or NULL. */
static const char *find_fault(const CreateOptions *o)
{
    if (o->cluster_size < 512 || o->cluster_size > 2 * MiB ||
        !is_power_of_2(o->cluster_size)) {
        return "Cluster size must be a power of two between 512 and 2048k";
    }
    if (o->v2 && o->extended_l2) {
        return "Extended L2 entries are only supported with compatibility "
               "level 1.1 and above (use version=v3 or greater)";
    }
    if (o->extended_l2 && o->cluster_size < 16384) {
        return "Extended L2 entries are only supported with cluster sizes of "
               "at least 16384 bytes";
    }
    if (o->backing_file && o->prealloc && !o->extended_l2) {
        return "Backing file and preallocation can only be used at the same "
               "time if extended_l2 is on";
    }
    if (o->backing_file && o->data_file_raw) {
        return "Backing file and data-file-raw cannot be used at the same "
               "time";
    }
    if (o->v2 && o->data_file) {
        return "External data files are only supported with compatibility "
               "level 1.1 and above (use version=v3 or greater)";
    }
    if (o->backing_fmt && !o->backing_file) {
        return "Backing format cannot be used without backing file";
    }
    if (o->v2 && o->lazy_refcounts) {
        return "Lazy refcounts only supported with compatibility level 1.1 "
               "and above (use version=v3 or greater)";
    }
    if (o->refcount_bits > 64 || !is_power_of_2(o->refcount_bits)) {
        return "Refcount width must be a power of two and may not exceed 64 "
               "bits";
    }
    if (o->v2 && o->refcount_bits != 16) {
        return "Different refcount widths than 16 bits require compatibility "
               "level 1.1 or above (use version=v3 or greater)";
    }
    if (o->data_file_raw && !o->data_file) {
        return "data-file-raw requires data-file";
    }
    if (o->v2 && o->compression) {
        return "Non-zlib compression type is only supported with "
               "compatibility level 1.1 and above (use version=v3 or greater)";
    }
    return NULL;
}

static bool check_options(const CreateOptions *o, Error **errp)
{
    const char *fault = find_fault(o);
    unsigned bits = __builtin_ctzll(MAX(o->cluster_size, 1));

    if (fault) {
        error_setg(errp, "%s", fault);
        return false;
    }
    if (o->backing_file && strlen(o->backing_file) > QCOW2_MAX_BACKING_NAME) {
        error_setg_errno(
            errp, EINVAL, "Could not assign backing file '%s' with format '%s'",
            o->backing_file, o->backing_fmt ? o->backing_fmt : "no format");
        return false;
    }
    if (o->size > INT64_MAX - 512 ||
        qcow2_size_to_l1(o->size, bits, o->extended_l2) >
            QCOW2_MAX_L1_SIZE / 8) {
        error_setg(errp, "The image size is too large for file format 'qcow2' "
                         "(try using a larger cluster size)");
        return false;
    }
    return true;
}

/* --- the first clusters --- */

static size_t add_ext(uint8_t *p, uint32_t magic, const void *data,
                      uint32_t len)
{
    qcow2_stl(p, magic);
    qcow2_stl(p + 4, len);
    memcpy(p + 8, data, len);
    return 8 + ROUND_UP(len, 8);
}

/* The names of features, for those who do not know them. */
static size_t add_feature_names(uint8_t *p)
{
    uint8_t table[QCOW2_NB_FEATURE_NAMES * 48];
    size_t len = qcow2_feature_names(table);

    return add_ext(p, QCOW2_EXT_FEATURE_TABLE, table, len);
}

/* Fill @p, a cluster of zeroes. False: it does not fit. */
static bool make_header(const CreateOptions *o, uint8_t *p)
{
    size_t pos = o->v2 ? QCOW2_V2_HEADER_LEN : QCOW2_V3_HEADER_LEN;
    size_t name_len = o->backing_file ? strlen(o->backing_file) : 0;
    size_t data_len = o->data_file ? strlen(o->data_file) : 0;

    qcow2_stl(p + QCOW2_H_MAGIC, QCOW2_MAGIC);
    qcow2_stl(p + QCOW2_H_VERSION, o->v2 ? 2 : 3);
    qcow2_stl(p + QCOW2_H_CLUSTER_BITS, __builtin_ctzll(o->cluster_size));
    qcow2_stq(p + QCOW2_H_REFTABLE_OFFSET, o->cluster_size);
    qcow2_stl(p + QCOW2_H_REFTABLE_CLUSTERS, 1);
    if (!o->v2) {
        qcow2_stq(p + QCOW2_H_INCOMPAT,
                  (o->compression ? QCOW2_INCOMPAT_COMPRESSION : 0) |
                      (o->data_file ? QCOW2_INCOMPAT_DATA_FILE : 0) |
                      (o->extended_l2 ? QCOW2_INCOMPAT_EXTL2 : 0));
        qcow2_stq(p + QCOW2_H_AUTOCLEAR,
                  o->data_file_raw ? QCOW2_AUTOCLEAR_DATA_RAW : 0);
        qcow2_stq(p + QCOW2_H_COMPAT,
                  o->lazy_refcounts ? QCOW2_COMPAT_LAZY : 0);
        qcow2_stl(p + QCOW2_H_REFCOUNT_ORDER,
                  __builtin_ctzll(o->refcount_bits));
        qcow2_stl(p + QCOW2_H_HEADER_LEN, QCOW2_V3_HEADER_LEN);
        p[QCOW2_H_COMPRESSION] = o->compression;
    }
    if (o->backing_fmt) {
        pos += add_ext(p + pos, QCOW2_EXT_BACKING_FORMAT, o->backing_fmt,
                       MIN(strlen(o->backing_fmt), 15));
    }
    if (pos + 8 + ROUND_UP(data_len, 8) > o->cluster_size) {
        return false;
    }
    if (o->data_file) {
        pos += add_ext(p + pos, QCOW2_EXT_DATA_FILE, o->data_file, data_len);
    }
    /* A help for the reader only: left out where there is no room */
    if (!o->v2 && pos + 8 + 8 * 48 + 8 + name_len <= o->cluster_size) {
        pos += add_feature_names(p + pos);
    }
    pos += 8;
    if (pos + name_len > o->cluster_size) {
        return false;
    }
    if (name_len) {
        qcow2_stq(p + QCOW2_H_BACKING_OFFSET, pos);
        qcow2_stl(p + QCOW2_H_BACKING_LEN, name_len);
        memcpy(p + pos, o->backing_file, name_len);
    }
    return true;
}

/* What is in @blk's file behind them stays. */
static int write_clusters(BlockBackend *blk, const CreateOptions *o,
                          Error **errp)
{
    g_autofree uint8_t *buf = g_malloc0(3 * o->cluster_size + 512);
    int ret = 0;

    if (!make_header(o, buf)) {
        error_setg(errp, "Could not write qcow2 header: Backing file name too "
                         "long for the cluster size");
        return -EINVAL;
    }
    qcow2_stq(buf + o->cluster_size, 2 * o->cluster_size);
    for (int i = 0; i < 3; i++) {
        qcow2_refcount_write(buf + 2 * o->cluster_size, i,
                             __builtin_ctzll(o->refcount_bits), 1);
    }
    blk_set_allow_resize(blk, true);
    if (blk_getlength(blk) < 3 * (int64_t)o->cluster_size) {
        ret = blk_truncate(blk, 3 * o->cluster_size, false, PREALLOC_MODE_OFF,
                           0, errp);
    }
    if (ret < 0) {
        return ret;
    }
    ret = blk_pwrite(blk, 0, 3 * o->cluster_size, buf, 0);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not write qcow2 header");
    }
    return ret;
}

static int write_clusters_of(const char *filename, const CreateOptions *o,
                             Error **errp)
{
    g_autoptr(BlockBackend)
        blk = blk_new_open(filename, NULL, NULL,
                           BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_PROTOCOL, errp);

    return blk ? write_clusters(blk, o, errp) : -EIO;
}

/* Give the empty image its size and what belongs to it. */
static int complete_image(BlockBackend *blk, CreateOptions *o, Error **errp)
{
    int ret;

    blk_set_allow_resize(blk, true);
    ret = blk_truncate(blk, o->size, false, o->prealloc, 0, errp);
    if (ret == 0 && o->crypt.method) {
        ret = qcow2_crypt_create(blk_bs(blk), &o->crypt, errp);
    }
    if (ret == 0) {
        ret = blk_flush(blk);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Could not flush the image");
        }
    }
    return ret;
}

/* @opts into @o, checked. */
static bool take_all(QDict *opts, CreateOptions *o, Error **errp)
{
    if (!take_options(opts, o, errp) || !check_options(o, errp) ||
        !qcow2_crypt_take_create(opts, &o->crypt, errp)) {
        return false;
    }
    if (o->data_file_raw && o->prealloc == PREALLOC_MODE_OFF) {
        /* Each cluster of the data file shall be in use from the start */
        o->prealloc = PREALLOC_MODE_METADATA;
    }
    return true;
}

int qcow2_create_on(BlockDriverState *file, BlockDriverState *data_file,
                    QDict *opts, Error **errp)
{
    g_auto(CreateOptions) o = { .cluster_size = 65536, .refcount_bits = 16 };
    g_autoptr(BlockBackend) blk = NULL;
    QDict *options;
    int ret;

    if (data_file) {
        qdict_put_str(opts, "data_file", bdrv_filename(data_file));
    }
    if (!take_all(opts, &o, errp)) {
        return -EINVAL;
    }
    if (o.size % BDRV_SECTOR_SIZE) {
        error_setg(errp, "Image size must be a multiple of %d bytes",
                   (int)BDRV_SECTOR_SIZE);
        return -EINVAL;
    }
    blk = blk_new_with_bs(file, BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL,
                          errp);
    if (!blk) {
        return -EPERM;
    }
    ret = write_clusters(blk, &o, errp);
    if (ret < 0) {
        return ret;
    }
    blk_unref(g_steal_pointer(&blk));
    options = qdict_new();
    qdict_put_str(options, "driver", "qcow2");
    qdict_put_str(options, "file", bdrv_get_node_name(file));
    if (data_file) {
        qdict_put_str(options, "data-file", bdrv_get_node_name(data_file));
    }
    blk = blk_new_open(NULL, NULL, options,
                       BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_NO_BACKING, errp);
    return blk ? complete_image(blk, &o, errp) : -EIO;
}

int qcow2_create(const BlockDriver *drv, const char *filename, QDict *opts,
                 Error **errp)
{
    g_auto(CreateOptions) o = { .cluster_size = 65536, .refcount_bits = 16 };
    g_autoptr(BlockBackend) blk = NULL;
    g_autoptr(QDict) data_opts = NULL;
    QDict *options;
    int ret = 0;

    if (!take_all(opts, &o, errp)) {
        return -EINVAL;
    }
    o.size = ROUND_UP(o.size, BDRV_SECTOR_SIZE);
    if (o.data_file) {
        data_opts = qdict_clone_shallow(opts);
        ret = bdrv_create_file(o.data_file, data_opts, errp);
    }
    if (ret >= 0) {
        ret = bdrv_create_file(filename, opts, errp);
    }
    if (ret >= 0) {
        ret = write_clusters_of(filename, &o, errp);
    }
    if (ret < 0) {
        return ret;
    }
    /* The backing file matters only when there is something to hide of it,
     * and nothing is */
    options = qdict_new();
    qdict_put_str(options, "driver", "qcow2");
    blk = blk_new_open(filename, NULL, options,
                       BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_NO_BACKING, errp);
    return blk ? complete_image(blk, &o, errp) : -EIO;
}
