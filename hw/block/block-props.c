/*
 * Properties of block devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/block/block-props.h"
#include "block/block.h"
#include "block/drive.h"
#include "qapi/visitor.h"

#define MIN_BLOCK_SIZE 512
#define MAX_BLOCK_SIZE (2 * MiB)

/* --- drive ---------------------------------------------------------------- */

static bool get_drive(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    BlockBackend *blk = *(BlockBackend **)field;
    const char *name = "";
    g_autofree char *copy = NULL;

    if (blk) {
        name = blk_name(blk);
        if (!*name && blk_bs(blk)) {
            name = bdrv_get_node_name(blk_bs(blk));
        }
    }
    copy = g_strdup(name);
    return visit_type_str(v, prop->name, &copy, errp);
}

/* Messages name the type that does the work, not its transport. */
static const char *worker_type(Object *obj)
{
    Object *backend = object_get_child(obj, "virtio-backend");

    return object_get_typename(backend ?: obj);
}

/* The back end called @str: a -drive, or a new one for a node. */
static BlockBackend *find_drive(Object *obj, const char *str, Error **errp)
{
    BlockBackend *blk = blk_by_name(str);
    BlockDriverState *bs;

    if (blk) {
        blk_ref(blk);
        return blk;
    }
    bs = bdrv_lookup_bs(NULL, str, NULL);
    if (!bs) {
        error_setg(errp, "Property '%s.drive' can't find value '%s'",
                   worker_type(obj), str);
        return NULL;
    }
    blk = blk_new(qemu_get_aio_context(), 0, BLK_PERM_ALL);
    if (blk_insert_bs(blk, bs, errp) < 0) {
        blk_unref(blk);
        return NULL;
    }
    return blk;
}

static void release_drive(Object *obj, void *field)
{
    BlockBackend **blk = field;

    if (*blk) {
        blk_detach_dev(*blk, obj);
        blk_unref(*blk);
        *blk = NULL;
    }
}

static bool set_drive(Object *obj, void *field, const Property *prop,
                      Visitor *v, Error **errp)
{
    g_autofree char *str = NULL;
    BlockBackend *blk;

    if (!visit_type_str(v, prop->name, &str, errp)) {
        return false;
    }
    release_drive(obj, field);
    if (!*str) {
        return true;
    }
    blk = find_drive(obj, str, errp);
    if (!blk) {
        return false;
    }
    if (blk_attach_dev(blk, obj) < 0) {
        DriveInfo *dinfo = drive_by_blk(blk);

        if (dinfo && dinfo->type != IF_NONE) {
            error_setg(errp,
                       "Drive '%s' is already in use because it has been "
                       "automatically connected to another device (did you "
                       "need 'if=none' in the drive options?)",
                       str);
        } else {
            error_setg(errp, "Drive '%s' is already in use by another device",
                       str);
        }
        blk_unref(blk);
        return false;
    }
    *(BlockBackend **)field = blk;
    return true;
}

static const PropertyInfo prop_info_drive = {
    .type = "str",
    .description = "Node name or ID of a block device to use as a backend",
    .size = sizeof(BlockBackend *),
    .get = get_drive,
    .set = set_drive,
    .release = release_drive,
};

/* --- sizes and policies --------------------------------------------------- */

static bool set_blocksize(Object *obj, void *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    uint64_t value;

    if (!visit_type_size(v, prop->name, &value, errp)) {
        return false;
    }
    if (value && (value < MIN_BLOCK_SIZE || value > MAX_BLOCK_SIZE ||
                  !is_power_of_2(value))) {
        error_setg(errp,
                   "parameter %s must be a power of 2 between %d and %" PRId64,
                   prop->name, MIN_BLOCK_SIZE, (int64_t)MAX_BLOCK_SIZE);
        return false;
    }
    *(uint32_t *)field = value;
    return true;
}

static bool get_blocksize(Object *obj, void *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    uint64_t value = *(uint32_t *)field;

    return visit_type_size(v, prop->name, &value, errp);
}

static char *print_zero(const Property *prop)
{
    return g_strdup_printf("%" PRIu64, prop->def.u);
}

static void set_default_blocksize(void *field, const Property *prop)
{
    *(uint32_t *)field = prop->def.u;
}

static const PropertyInfo prop_info_blocksize = {
    .type = "size",
    .description = "A power of two between 512 B and 2 MiB",
    .size = sizeof(uint32_t),
    .get = get_blocksize,
    .set = set_blocksize,
    .set_default = set_default_blocksize,
    .print_default = print_zero,
};

static const PropertyInfo prop_info_blockdev_on_error = PROPERTY_INFO_ENUM(
    "BlockdevOnError", "Error handling policy (report/ignore/enospc/stop/auto)",
    &BlockdevOnError_lookup);

/* Boot order: no two devices may have the same number. */
static GHashTable *bootindexes;

static void release_bootindex(Object *obj, void *field)
{
    if (bootindexes) {
        g_hash_table_remove(bootindexes, field);
    }
}

static bool bootindex_taken(int32_t value, const void *self)
{
    GHashTableIter iter;
    gpointer field;

    g_hash_table_iter_init(&iter, bootindexes);
    while (g_hash_table_iter_next(&iter, &field, NULL)) {
        if (field != self && *(int32_t *)field == value) {
            return true;
        }
    }
    return false;
}

static bool set_bootindex(Object *obj, void *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    int32_t value;

    if (!visit_type_int32(v, prop->name, &value, errp)) {
        return false;
    }
    if (!bootindexes) {
        bootindexes = g_hash_table_new(g_direct_hash, g_direct_equal);
    }
    if (value >= 0 && bootindex_taken(value, field)) {
        error_setg(errp, "The bootindex %d has already been used", value);
        return false;
    }
    *(int32_t *)field = value;
    g_hash_table_add(bootindexes, field);
    return true;
}

static bool get_bootindex(Object *obj, void *field, const Property *prop,
                          Visitor *v, Error **errp)
{
    return visit_type_int32(v, prop->name, field, errp);
}

static const PropertyInfo prop_info_bootindex = {
    .type = "int32",
    .size = sizeof(int32_t),
    .get = get_bootindex,
    .set = set_bootindex,
    .release = release_bootindex,
};

const Property block_conf_props[] = {
    DEFINE_PROP("drive", BlockConf, blk, prop_info_drive, BlockBackend *),
    DEFINE_PROP_UNSIGNED("logical_block_size", BlockConf, logical_block_size, 0,
                         prop_info_blocksize, uint32_t),
    DEFINE_PROP_UNSIGNED("physical_block_size", BlockConf, physical_block_size,
                         0, prop_info_blocksize, uint32_t),
    DEFINE_PROP_SIZE32("min_io_size", BlockConf, min_io_size, 0),
    DEFINE_PROP_SIZE32("opt_io_size", BlockConf, opt_io_size, 0),
    DEFINE_PROP_SIZE32("discard_granularity", BlockConf, discard_granularity,
                       UINT32_MAX),
    DEFINE_PROP_ON_OFF_AUTO("write-cache", BlockConf, wce, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_BOOL("share-rw", BlockConf, share_rw, false),
    DEFINE_PROP_ON_OFF_AUTO("backend_defaults", BlockConf, backend_defaults,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("account-invalid", BlockConf, account_invalid,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("account-failed", BlockConf, account_failed,
                            ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ENUM("rerror", BlockConf, rerror, BLOCKDEV_ON_ERROR_AUTO,
                     prop_info_blockdev_on_error, BlockdevOnError),
    DEFINE_PROP_ENUM("werror", BlockConf, werror, BLOCKDEV_ON_ERROR_AUTO,
                     prop_info_blockdev_on_error, BlockdevOnError),
    DEFINE_PROP_UINT32("cyls", BlockConf, cyls, 0),
    DEFINE_PROP_UINT32("heads", BlockConf, heads, 0),
    DEFINE_PROP_UINT32("secs", BlockConf, secs, 0),
    DEFINE_PROP_UINT32("lcyls", BlockConf, lcyls, 0),
    DEFINE_PROP_UINT32("lheads", BlockConf, lheads, 0),
    DEFINE_PROP_UINT32("lsecs", BlockConf, lsecs, 0),
    DEFINE_PROP("bootindex", BlockConf, bootindex, prop_info_bootindex,
                int32_t),
    DEFINE_PROP_END,
};

/* --- checks --------------------------------------------------------------- */

void blkconf_init(BlockConf *conf)
{
    conf->bootindex = -1;
}

static bool check_multiple(uint32_t value, uint32_t unit, const char *name,
                           Error **errp)
{
    if (value % unit) {
        error_setg(errp, "%s must be a multiple of logical_block_size", name);
        return false;
    }
    return true;
}

bool blkconf_blocksizes(BlockConf *conf, Error **errp)
{
    BlockSizes sizes = { BDRV_SECTOR_SIZE, BDRV_SECTOR_SIZE };

    if (conf->backend_defaults == ON_OFF_AUTO_OFF ||
        blk_probe_blocksizes(conf->blk, &sizes) < 0) {
        sizes = (BlockSizes){ BDRV_SECTOR_SIZE, BDRV_SECTOR_SIZE };
    }
    if (!conf->physical_block_size) {
        conf->physical_block_size = sizes.phys;
    }
    if (!conf->logical_block_size) {
        conf->logical_block_size = sizes.log;
    }
    if (conf->logical_block_size > conf->physical_block_size) {
        error_setg(errp,
                   "logical_block_size > physical_block_size not supported");
        return false;
    }
    if (!check_multiple(conf->min_io_size, conf->logical_block_size,
                        "min_io_size", errp)) {
        return false;
    }
    if (conf->min_io_size / conf->logical_block_size > UINT16_MAX) {
        error_setg(errp, "min_io_size must not exceed %u logical blocks",
                   UINT16_MAX);
        return false;
    }
    return check_multiple(conf->opt_io_size, conf->logical_block_size,
                          "opt_io_size", errp) &&
           (conf->discard_granularity == UINT32_MAX ||
            check_multiple(conf->discard_granularity, conf->logical_block_size,
                           "discard_granularity", errp));
}

/* As large disks are told to old firmware: 16 heads of 63 sectors. */
static void guess_geometry(BlockConf *conf)
{
    uint64_t sectors;
    HDGeometry geo;

    if (blk_probe_geometry(conf->blk, &geo) == 0) {
        conf->cyls = geo.cylinders;
        conf->heads = geo.heads;
        conf->secs = geo.sectors;
        return;
    }
    blk_get_geometry(conf->blk, &sectors);
    conf->cyls = MIN(MAX(sectors / (16 * 63), 2), 16383);
    conf->heads = 16;
    conf->secs = 63;
}

bool blkconf_geometry(BlockConf *conf, unsigned cyls_max, unsigned heads_max,
                      unsigned secs_max, Error **errp)
{
    if (!conf->cyls && !conf->heads && !conf->secs) {
        guess_geometry(conf);
    }
    if (conf->cyls < 1 || conf->cyls > cyls_max) {
        error_setg(errp, "cyls must be between 1 and %u", cyls_max);
        return false;
    }
    if (conf->heads < 1 || conf->heads > heads_max) {
        error_setg(errp, "heads must be between 1 and %u", heads_max);
        return false;
    }
    if (conf->secs < 1 || conf->secs > secs_max) {
        error_setg(errp, "secs must be between 1 and %u", secs_max);
        return false;
    }
    return true;
}

bool blkconf_apply_backend_options(BlockConf *conf, bool readonly,
                                   bool resizable, Error **errp)
{
    BlockBackend *blk = conf->blk;
    uint64_t perm = BLK_PERM_CONSISTENT_READ;
    uint64_t shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
    bool wce;

    perm |= readonly ? 0 : BLK_PERM_WRITE;
    shared |= resizable ? BLK_PERM_RESIZE : 0;
    shared |= conf->share_rw ? BLK_PERM_WRITE : 0;
    if (blk_set_perm(blk, perm, shared, errp) < 0) {
        return false;
    }
    wce = conf->wce == ON_OFF_AUTO_AUTO ? blk_enable_write_cache(blk)
                                        : conf->wce == ON_OFF_AUTO_ON;
    if (conf->rerror == BLOCKDEV_ON_ERROR_AUTO) {
        conf->rerror = blk_get_on_error(blk, true);
    }
    if (conf->werror == BLOCKDEV_ON_ERROR_AUTO) {
        conf->werror = blk_get_on_error(blk, false);
    }
    blk_set_enable_write_cache(blk, wce);
    blk_set_on_error(blk, conf->rerror, conf->werror);
    return true;
}
