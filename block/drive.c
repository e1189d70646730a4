/*
 * -drive: its own options, and what it hands to the node below.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/drive.h"

#include "block/blk-throttle.h"
#include "block/block-int.h"
#include "block/options.h"
#include "block/opts.h"
#include "qobject/keyval.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"

static bool snapshot_default;
static TAILQ_HEAD(, DriveInfo) drives = TAILQ_HEAD_INITIALIZER(drives);

static const char *const if_names[IF_COUNT + 1] = {
    [IF_NONE] = "none",     [IF_IDE] = "ide",       [IF_SCSI] = "scsi",
    [IF_FLOPPY] = "floppy", [IF_PFLASH] = "pflash", [IF_MTD] = "mtd",
    [IF_SD] = "sd",         [IF_VIRTIO] = "virtio", [IF_XEN] = "xen",
};

/* How many units a bus of the interface has; 0: there is one bus. */
static const int if_max_devs[IF_COUNT] = { [IF_IDE] = 2, [IF_SCSI] = 7 };

/* What one -drive says besides what the node is told. */
typedef struct DriveOpts {
    char *id, *file;
    BlockInterfaceType type;
    int bus, unit, index; /* -1: not given */
    bool media_cd, read_only, writethrough;
    BlockdevOnError on_read, on_write;
    int detect_zeroes; /* -1: not given */
    int flags;         /* of aio= and discard= */
    ThrottleConfig limits;
    char *group; /* of throttling; NULL: the drive's id */
} DriveOpts;

static void drive_opts_clear(DriveOpts *o)
{
    g_free(o->id);
    g_free(o->file);
    g_free(o->group);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DriveOpts, drive_opts_clear)

/* --- options of old times --- */

static bool take_cache(QDict *opts, DriveOpts *o, Error **errp)
{
    g_autofree char *mode = bdrv_take_str(opts, "cache");
    bool writeback = true;
    int flags = 0;

    if (mode) {
        if (bdrv_parse_cache_mode(mode, &flags, &o->writethrough) < 0) {
            error_setg(errp, "invalid cache option");
            return false;
        }
        writeback = !o->writethrough;
        bdrv_default_bool(opts, "cache.direct", flags & BDRV_O_NOCACHE);
        bdrv_default_bool(opts, "cache.no-flush", flags & BDRV_O_NO_FLUSH);
    }
    if (!bdrv_take_bool(opts, "cache.writeback", &writeback, errp)) {
        return false;
    }
    o->writethrough = !writeback;
    bdrv_default_bool(opts, "cache.direct", false);
    bdrv_default_bool(opts, "cache.no-flush", false);
    return true;
}

static bool take_media(QDict *opts, DriveOpts *o, Error **errp)
{
    g_autofree char *media = bdrv_take_str(opts, "media");

    if (!media || !strcmp(media, "disk")) {
        return true;
    }
    if (strcmp(media, "cdrom")) {
        error_setg(errp, "'%s' invalid media", media);
        return false;
    }
    o->media_cd = o->read_only = true;
    return true;
}

static bool take_interface(QDict *opts, DriveOpts *o, Error **errp)
{
    g_autofree char *name = bdrv_take_str(opts, "if");

    for (int i = 0; name && i < IF_COUNT; i++) {
        if (!strcmp(name, if_names[i])) {
            o->type = i;
            return true;
        }
    }
    if (name) {
        error_setg(errp, "unsupported bus type '%s'", name);
    }
    return !name;
}

static bool take_int(QDict *opts, const char *key, int *value, Error **errp)
{
    uint64_t n = 0;

    if (!qdict_haskey(opts, key)) {
        return true;
    }
    if (!bdrv_take_number(opts, key, &n, errp)) {
        return false;
    }
    *value = MIN(n, INT_MAX);
    return true;
}

static DriveInfo *find_drive(BlockInterfaceType type, int bus, int unit)
{
    DriveInfo *d;

    TAILQ_FOREACH(d, &drives, next) {
        if (d->type == type && d->bus == bus && d->unit == unit) {
            return d;
        }
    }
    return NULL;
}

/* bus, unit and index into a free place. */
static bool find_place(DriveOpts *o, Error **errp)
{
    int max = if_max_devs[o->type];

    if (o->index >= 0) {
        if (o->bus > 0 || o->unit >= 0) {
            error_setg(errp, "index cannot be used with bus and unit");
            return false;
        }
        o->bus = max ? o->index / max : 0;
        o->unit = max ? o->index % max : o->index;
    }
    o->bus = MAX(o->bus, 0);
    if (o->unit < 0) {
        o->unit = 0;
        while (find_drive(o->type, o->bus, o->unit)) {
            o->unit++;
            if (max && o->unit >= max) {
                o->unit -= max;
                o->bus++;
            }
        }
    }
    if (max && o->unit >= max) {
        error_setg(errp, "unit %d too big (max is %d)", o->unit, max - 1);
        return false;
    }
    if (find_drive(o->type, o->bus, o->unit)) {
        error_setg(errp, "drive with bus=%d, unit=%d (index=%d) exists", o->bus,
                   o->unit, o->index);
        return false;
    }
    return true;
}

/* --- options of the BlockBackend --- */

static bool parse_error_action(const char *buf, bool is_read,
                               BlockdevOnError *action, Error **errp)
{
    if (!strcmp(buf, "ignore")) {
        *action = BLOCKDEV_ON_ERROR_IGNORE;
    } else if (!is_read && !strcmp(buf, "enospc")) {
        *action = BLOCKDEV_ON_ERROR_ENOSPC;
    } else if (!strcmp(buf, "stop")) {
        *action = BLOCKDEV_ON_ERROR_STOP;
    } else if (!strcmp(buf, "report")) {
        *action = BLOCKDEV_ON_ERROR_REPORT;
    } else {
        error_setg(errp, "'%s' invalid %s error action", buf,
                   is_read ? "read" : "write");
        return false;
    }
    return true;
}

static bool has_error_policy(BlockInterfaceType type)
{
    return type == IF_IDE || type == IF_SCSI || type == IF_VIRTIO ||
           type == IF_NONE;
}

static bool take_error_policy(QDict *opts, DriveOpts *o, Error **errp)
{
    g_autofree char *werror = bdrv_take_str(opts, "werror");
    g_autofree char *rerror = bdrv_take_str(opts, "rerror");

    o->on_write = BLOCKDEV_ON_ERROR_ENOSPC;
    o->on_read = BLOCKDEV_ON_ERROR_REPORT;
    if ((werror || rerror) && !has_error_policy(o->type)) {
        error_setg(errp, "%s is not supported by this bus type",
                   werror ? "werror" : "rerror");
        return false;
    }
    return (!werror || parse_error_action(werror, false, &o->on_write, errp)) &&
           (!rerror || parse_error_action(rerror, true, &o->on_read, errp));
}

/* -drive accepts detect-zeroes=unmap without discard=unmap; a node does not. */
static bool take_detect_zeroes(QDict *opts, DriveOpts *o, Error **errp)
{
    ERRP_GUARD();

    o->detect_zeroes = bdrv_take_enum(opts, "detect-zeroes",
                                      bdrv_detect_zeroes_names, errp);
    return !*errp;
}

static bool take_flags(QDict *opts, DriveOpts *o, Error **errp)
{
    g_autofree char *discard = bdrv_take_str(opts, "discard");
    g_autofree char *aio = bdrv_take_str(opts, "aio");

    if (discard && !bdrv_parse_discard(discard, &o->flags)) {
        error_setg(errp, "Invalid discard option");
        return false;
    }
    if (aio && !strcmp(aio, "native")) {
        o->flags |= BDRV_O_NATIVE_AIO;
    } else if (aio && !strcmp(aio, "io_uring")) {
        o->flags |= BDRV_O_IO_URING;
    } else if (aio && !strcmp(aio, "threads")) {
        o->flags |= BDRV_O_AIO_THREADS;
    } else if (aio) {
        error_setg(errp, "invalid aio option");
        return false;
    }
    /* The node's own option, as -blockdev has it */
    if (discard) {
        qdict_put_str(opts, "discard",
                      o->flags & BDRV_O_UNMAP ? "unmap" : "ignore");
    }
    return true;
}

static bool take_format(QDict *opts, Error **errp)
{
    g_autofree char *format = bdrv_take_str(opts, "format");

    if (!format) {
        return true;
    }
    if (qdict_haskey(opts, "driver")) {
        error_setg(errp, "Cannot specify both 'driver' and 'format'");
        return false;
    }
    qdict_put_str(opts, "driver", format);
    return true;
}

static bool take_id(QDict *opts, DriveOpts *o, Error **errp)
{
    const DriveInfo *d;
    ERRP_GUARD();

    o->id = bdrv_take_str(opts, "id");
    if (!o->id) {
        return true;
    }
    if (!id_wellformed(o->id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, "
                                "'-', '.', '_', starting with a letter.\n");
        return false;
    }
    TAILQ_FOREACH(d, &drives, next) {
        if (!strcmp(d->id, o->id)) {
            error_setg(errp, "Duplicate ID '%s' for drive", o->id);
            return false;
        }
    }
    return true;
}

static char *make_id(const DriveOpts *o)
{
    const char *media = o->type == IF_IDE || o->type == IF_SCSI
                            ? (o->media_cd ? "-cd" : "-hd")
                            : "";

    return if_max_devs[o->type]
               ? g_strdup_printf("%s%d%s%d", if_names[o->type], o->bus, media,
                                 o->unit)
               : g_strdup_printf("%s%s%d", if_names[o->type], media, o->unit);
}

static bool take_options(QDict *opts, DriveOpts *o, Error **errp)
{
    static const QDictRenames aliases[] = {
        { "readonly", "read-only" },
        { "iops", "throttling.iops-total" },
        { "iops_rd", "throttling.iops-read" },
        { "iops_wr", "throttling.iops-write" },
        { "bps", "throttling.bps-total" },
        { "bps_rd", "throttling.bps-read" },
        { "bps_wr", "throttling.bps-write" },
        { "iops_max", "throttling.iops-total-max" },
        { "iops_rd_max", "throttling.iops-read-max" },
        { "iops_wr_max", "throttling.iops-write-max" },
        { "bps_max", "throttling.bps-total-max" },
        { "bps_rd_max", "throttling.bps-read-max" },
        { "bps_wr_max", "throttling.bps-write-max" },
        { "iops_size", "throttling.iops-size" },
        { "group", "throttling.group" },
        { NULL, NULL },
    };
    bool copy_on_read = false, snapshot = snapshot_default;

    if (!take_id(opts, o, errp) || !qdict_rename_keys(opts, aliases, errp) ||
        !blk_take_io_limits(opts, &o->limits, &o->group, errp) ||
        !take_cache(opts, o, errp) || !take_media(opts, o, errp) ||
        !take_interface(opts, o, errp) ||
        !bdrv_take_bool(opts, "read-only", &o->read_only, errp) ||
        !bdrv_take_bool(opts, "copy-on-read", &copy_on_read, errp) ||
        !bdrv_take_bool(opts, "snapshot", &snapshot, errp) ||
        !take_int(opts, "bus", &o->bus, errp) ||
        !take_int(opts, "unit", &o->unit, errp) ||
        !take_int(opts, "index", &o->index, errp) || !find_place(o, errp) ||
        !take_error_policy(opts, o, errp)) {
        return false;
    }
    if (copy_on_read && o->read_only) {
        warn_report("disabling copy-on-read on read-only drive");
        copy_on_read = false;
    }
    o->flags |= (copy_on_read ? BDRV_O_COPY_ON_READ : 0) |
                (snapshot ? BDRV_O_SNAPSHOT : 0);
    if (!o->id) {
        o->id = make_id(o);
    }
    o->file = bdrv_take_str(opts, "file");
    if (!take_flags(opts, o, errp) || !take_format(opts, errp) ||
        !take_detect_zeroes(opts, o, errp)) {
        return false;
    }
    bdrv_default_bool(opts, "read-only", o->read_only);
    bdrv_default_bool(opts, "auto-read-only", true);
    return true;
}

/* --- making it --- */

/* Is there anything but defaults, or is the drive empty? */
static bool has_medium(const DriveOpts *o, const QDict *opts)
{
    static const char *const defaults[] = { "cache.direct", "cache.no-flush",
                                            "read-only", "auto-read-only",
                                            NULL };
    size_t n = qdict_size(opts);

    for (int i = 0; defaults[i]; i++) {
        n -= qdict_haskey(opts, defaults[i]);
    }
    return (o->file && *o->file) || n;
}

static BlockBackend *make_blk(DriveOpts *o, QDict *opts, Error **errp)
{
    const char *file = o->file && *o->file ? o->file : NULL;
    BlockBackend *blk;

    if (has_medium(o, opts)) {
        /* No permissions until a device has it */
        blk = blk_new_open(file, NULL, qobject_ref(opts),
                           o->flags & ~BDRV_O_UNMAP, errp);
        if (!blk) {
            return NULL;
        }
        blk_set_perm(blk, 0, BLK_PERM_ALL, &error_abort);
        if (o->detect_zeroes >= 0) {
            blk_bs(blk)->detect_zeroes = o->detect_zeroes;
        }
    } else {
        blk = blk_new(qemu_get_aio_context(), 0, BLK_PERM_ALL);
    }
    blk_set_enable_write_cache(blk, !o->writethrough);
    blk_set_on_error(blk, o->on_read, o->on_write);
    if (!blk_add_monitor(blk, o->id, errp)) {
        blk_unref(blk);
        return NULL;
    }
    blk_set_io_limits(blk, o->group ? o->group : o->id, &o->limits);
    return blk;
}

static void print_format(void *opaque, const char *name)
{
    printf(" %s", name);
}

static void print_formats(void)
{
    printf("Supported formats:");
    bdrv_iterate_format(print_format, NULL, false);
    printf("\nSupported formats (read-only):");
    bdrv_iterate_format(print_format, NULL, true);
    printf("\n");
}

static bool wants_format_help(const QDict *opts)
{
    const char *format = qdict_get_try_str(opts, "format");

    return format && (!strcmp(format, "help") || !strcmp(format, "?"));
}

DriveInfo *drive_add(const char *optstr, BlockInterfaceType default_if,
                     bool *help, Error **errp)
{
    g_autoptr(QDict) opts = opts_parse(optstr, NULL, NULL, errp);
    g_auto(DriveOpts)
        o = { .type = default_if, .bus = -1, .unit = -1, .index = -1 };
    BlockBackend *blk;
    DriveInfo *d;

    *help = false;
    if (!opts) {
        return NULL;
    }
    if (wants_format_help(opts)) {
        print_formats();
        *help = true;
        return NULL;
    }
    if (!take_options(opts, &o, errp)) {
        return NULL;
    }
    blk = make_blk(&o, opts, errp);
    if (!blk) {
        return NULL;
    }
    d = g_new0(DriveInfo, 1);
    *d = (DriveInfo){ .type = o.type,
                      .bus = o.bus,
                      .unit = o.unit,
                      .id = g_strdup(o.id),
                      .media_cd = o.media_cd,
                      .blk = blk };
    if (d->type == IF_VIRTIO) {
        d->device_opts = qdict_new();
        qdict_put_str(d->device_opts, "driver", "virtio-blk-pci");
        qdict_put_str(d->device_opts, "drive", d->id);
    }
    TAILQ_INSERT_TAIL(&drives, d, next);
    return d;
}

void drive_set_snapshot(void)
{
    snapshot_default = true;
}

/* --- looking --- */

DriveInfo *drive_next(DriveInfo *dinfo)
{
    return dinfo ? TAILQ_NEXT(dinfo, next) : TAILQ_FIRST(&drives);
}

DriveInfo *drive_get_next(BlockInterfaceType type)
{
    DriveInfo *d;

    TAILQ_FOREACH(d, &drives, next) {
        if (d->type == type && !d->claimed) {
            d->claimed = true;
            return d;
        }
    }
    return NULL;
}

DriveInfo *drive_by_blk(const BlockBackend *blk)
{
    DriveInfo *d;

    TAILQ_FOREACH(d, &drives, next) {
        if (d->blk == blk) {
            return d;
        }
    }
    return NULL;
}

bool drive_check_orphaned(Error **errp)
{
    DriveInfo *d;

    TAILQ_FOREACH(d, &drives, next) {
        if (d->type != IF_NONE && !d->claimed &&
            !blk_get_attached_dev(d->blk)) {
            error_setg(errp,
                       "machine type does not support if=%s,bus=%d,unit=%d",
                       if_names[d->type], d->bus, d->unit);
            return false;
        }
    }
    return true;
}

void drive_del_all(void)
{
    DriveInfo *d, *next;

    TAILQ_FOREACH_SAFE(d, &drives, next, next) {
        TAILQ_REMOVE(&drives, d, next);
        blk_remove_monitor(d->blk);
        blk_unref(d->blk);
        qobject_unref(d->device_opts);
        g_free(d->id);
        g_free(d);
    }
}
