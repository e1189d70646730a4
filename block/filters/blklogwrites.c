/*
 * blklogwrites: passes requests on and writes what changes the image to a log,
 * in the format of Linux's dm-log-writes, so that every state that the image
 * went through can be made again.
 *
 * The log, little-endian, in sectors of log-sector-size bytes: a superblock,
 * then for each entry a sector that describes it and the sectors of its data.
 *
 * Invariants
 *  1. The place of an entry says what came before what: a write gets its place
 *     when the image has it, a flush when it begins. So a flush's entry comes
 *     after those of all writes that it covers, and before those it may not.
 *  2. The superblock counts entries only when they and all before them are in
 *     the log.
 *  3. When an entry cannot be written, the log ends before it: later changes
 *     fail.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/filters/filter.h"
#include "block/opts.h"
#include "block/sync.h"
#include "util/memalign.h"

#define LOG_MAGIC   UINT64_C(0x6a736677736872)
#define LOG_VERSION 1

/* Flags of an entry; a write with data has none of the first and third */
enum {
    LOG_FLUSH = 1 << 0,
    LOG_FUA = 1 << 1,
    LOG_DISCARD = 1 << 2,
    LOG_MARK = 1 << 3,
    LOG_ALL_FLAGS = LOG_FLUSH | LOG_FUA | LOG_DISCARD | LOG_MARK,
};

#define MAX_SECTOR_SIZE (UINT64_C(1) << 24) /* exclusive */

typedef struct LogSuper {
    uint64_t magic, version, nr_entries;
    uint32_t sector_size;
} QEMU_PACKED LogSuper;

typedef struct LogEntry {
    uint64_t sector, nr_sectors;
    uint64_t flags;
    uint64_t data_len; /* of a mark, behind the entry in its sector */
} LogEntry;

/* An entry on its way to the log. */
typedef struct Pending {
    uint64_t index;
    TAILQ_ENTRY(Pending) next;
} Pending;

typedef struct LogState {
    BdrvChild *log; /* drained */
    /* fixed at open */
    uint32_t sector_size;
    unsigned sector_bits;
    uint64_t update_interval; /* entries */

    QemuMutex lock;
    /* lock */
    uint64_t next_sector, nr_entries;
    TAILQ_HEAD(, Pending) pending; /* by index */
    CoQueue queue;                 /* for the first to be done */
    uint64_t limit; /* the first entry that could not be written */
    int error;      /* why */

    CoMutex super_lock;
    uint64_t super_entries; /* super_lock: what the log says */
} LogState;

/* --- entries --- */

static uint64_t complete_entries(const LogState *s)
{
    const Pending *p = TAILQ_FIRST(&s->pending);

    return MIN(p ? p->index : s->nr_entries, s->limit);
}

static int coroutine_fn write_super(BlockDriverState *bs, bool flush)
{
    LogState *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(s->log->bs,
                                                       s->sector_size);
    LogSuper super = { .magic = GUINT64_TO_LE(LOG_MAGIC),
                       .version = GUINT64_TO_LE(LOG_VERSION),
                       .sector_size = GUINT32_TO_LE(s->sector_size) };
    uint64_t n;
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    memset(buf, 0, s->sector_size);
    qemu_co_mutex_lock(&s->super_lock);
    qemu_mutex_lock(&s->lock);
    n = complete_entries(s);
    qemu_mutex_unlock(&s->lock);
    if (n != s->super_entries) {
        super.nr_entries = GUINT64_TO_LE(n);
        memcpy(buf, &super, sizeof(super));
        ret = bdrv_co_pwrite(s->log, 0, s->sector_size, buf, 0);
        s->super_entries = ret < 0 ? s->super_entries : n;
    }
    qemu_co_mutex_unlock(&s->super_lock);
    return ret < 0 || !flush ? ret : bdrv_co_flush(s->log->bs);
}

/* Take a place in the log; its first sector. */
static uint64_t begin_entry(LogState *s, Pending *p, uint64_t sectors)
{
    uint64_t at;

    qemu_mutex_lock(&s->lock);
    at = s->next_sector;
    s->next_sector += 1 + sectors;
    p->index = s->nr_entries++;
    TAILQ_INSERT_TAIL(&s->pending, p, next);
    qemu_mutex_unlock(&s->lock);
    return at;
}

/* It is there, or not (@ret); those before it may still be on their way. */
static void end_entry(LogState *s, Pending *p, int ret)
{
    qemu_mutex_lock(&s->lock);
    if (ret < 0) {
        s->error = s->error ? s->error : ret;
        s->limit = MIN(s->limit, p->index);
    }
    TAILQ_REMOVE(&s->pending, p, next);
    qemu_co_queue_restart_all(&s->queue);
    qemu_mutex_unlock(&s->lock);
}

static void coroutine_fn wait_for_earlier(LogState *s, const Pending *p)
{
    qemu_mutex_lock(&s->lock);
    while (TAILQ_FIRST(&s->pending) != p) {
        qemu_co_queue_wait(&s->queue, &s->lock);
    }
    qemu_mutex_unlock(&s->lock);
}

static int log_error(LogState *s)
{
    QEMU_LOCK_GUARD(&s->lock);

    return s->error;
}

/* The sector that describes an entry, at @at, and @qiov (may be NULL) behind
 * it. */
static int coroutine_fn write_entry(BlockDriverState *bs, uint64_t at,
                                    const LogEntry *e, QEMUIOVector *qiov)
{
    LogState *s = bs->opaque;
    QEMU_AUTO_VFREE void *buf = bdrv_try_blockalign(s->log->bs, s->sector_size);
    g_auto(QEMUIOVector) all = { 0 };

    if (!buf) {
        return -ENOMEM;
    }
    memset(buf, 0, s->sector_size);
    memcpy(buf, e, sizeof(*e));
    qemu_iovec_init(&all, 1 + (qiov ? qiov->niov : 0));
    qemu_iovec_add(&all, buf, s->sector_size);
    if (qiov) {
        qemu_iovec_concat(&all, qiov, 0, qiov->size);
    }
    return bdrv_co_pwritev(s->log, at << s->sector_bits, all.size, &all, 0);
}

/* A change of [offset, offset + bytes) that the image has. Without @qiov and
 * LOG_DISCARD its data are zeroes. */
static int coroutine_fn log_change(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes, QEMUIOVector *qiov,
                                   uint64_t flags)
{
    LogState *s = bs->opaque;
    uint64_t sectors = (uint64_t)bytes >> s->sector_bits, at;
    LogEntry e = { .sector = GUINT64_TO_LE((uint64_t)offset >> s->sector_bits),
                   .nr_sectors = GUINT64_TO_LE(sectors),
                   .flags = GUINT64_TO_LE(flags) };
    Pending p;
    int ret = log_error(s);

    if (ret < 0) {
        return ret;
    }
    at = begin_entry(s, &p, flags & LOG_DISCARD ? 0 : sectors);
    ret = write_entry(bs, at, &e, qiov);
    if (ret >= 0 && !qiov && !(flags & LOG_DISCARD)) {
        ret = bdrv_co_pwrite_zeroes(s->log, (at + 1) << s->sector_bits, bytes,
                                    0);
    }
    end_entry(s, &p, ret);
    if (ret >= 0 && (p.index + 1) % s->update_interval == 0) {
        ret = write_super(bs, true);
    }
    return ret;
}

/* --- requests --- */

static int coroutine_fn blklogwrites_co_pwritev(BlockDriverState *bs,
                                                int64_t offset, int64_t bytes,
                                                QEMUIOVector *qiov,
                                                BdrvRequestFlags flags)
{
    int ret = bdrv_co_pwritev(bs->file, offset, bytes, qiov, flags);

    return ret < 0 ? ret
                   : log_change(bs, offset, bytes, qiov,
                                flags & BDRV_REQ_FUA ? LOG_FUA : 0);
}

static int coroutine_fn blklogwrites_co_pwrite_zeroes(BlockDriverState *bs,
                                                      int64_t offset,
                                                      int64_t bytes,
                                                      BdrvRequestFlags flags)
{
    int ret = bdrv_co_pwrite_zeroes(bs->file, offset, bytes, flags);

    return ret < 0 ? ret
                   : log_change(bs, offset, bytes, NULL,
                                flags & BDRV_REQ_FUA ? LOG_FUA : 0);
}

static int coroutine_fn blklogwrites_co_pdiscard(BlockDriverState *bs,
                                                 int64_t offset, int64_t bytes)
{
    int ret = bdrv_co_pdiscard(bs->file, offset, bytes);

    return ret < 0 ? ret : log_change(bs, offset, bytes, NULL, LOG_DISCARD);
}

static int coroutine_fn blklogwrites_co_flush_to_disk(BlockDriverState *bs)
{
    LogState *s = bs->opaque;
    LogEntry e = { 0 };
    Pending p;
    uint64_t at;
    int ret = log_error(s), file_ret;

    if (ret < 0) {
        return ret;
    }
    at = begin_entry(s, &p, 0);
    file_ret = bdrv_co_flush(bs->file->bs);
    /* If it failed, the place is that of a write of nothing */
    e.flags = GUINT64_TO_LE(file_ret < 0 ? 0 : LOG_FLUSH);
    ret = write_entry(bs, at, &e, NULL);
    wait_for_earlier(s, &p);
    end_entry(s, &p, ret);
    if (ret >= 0) {
        ret = log_error(s);
    }
    if (ret >= 0) {
        ret = write_super(bs, true);
    }
    return file_ret < 0 ? file_ret : ret;
}

/* --- opening --- */

static bool check_sector_size(uint64_t size, Error **errp)
{
    if (size < sizeof(LogEntry) || size >= MAX_SECTOR_SIZE ||
        !is_power_of_2(size)) {
        error_setg(errp, "Invalid log sector size %" PRIu64, size);
        return false;
    }
    return true;
}

static void set_sector_size(LogState *s, uint64_t size)
{
    s->sector_size = size;
    s->sector_bits = __builtin_ctzll(size);
}

/* Find the place behind the last entry. */
static int find_end(LogState *s, Error **errp)
{
    int64_t len = bdrv_getlength(s->log->bs);
    LogEntry e;

    for (uint64_t i = 0; i < s->nr_entries; i++) {
        uint64_t flags, nr;
        int ret;

        if (len < 0 || s->next_sector >= (uint64_t)len >> s->sector_bits) {
            error_setg_errno(errp, EINVAL, "Failed to read log entry %" PRIu64,
                             i);
            return -EINVAL;
        }
        ret = bdrv_pread(s->log, s->next_sector << s->sector_bits, sizeof(e),
                         &e, 0);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to read log entry %" PRIu64,
                             i);
            return ret;
        }
        flags = GUINT64_FROM_LE(e.flags);
        nr = GUINT64_FROM_LE(e.nr_sectors);
        if (flags & ~(uint64_t)LOG_ALL_FLAGS) {
            error_setg(errp,
                       "Invalid flags 0x%" PRIx64 " in log entry %" PRIu64,
                       flags, i);
            return -EINVAL;
        }
        s->next_sector++;
        if (!(flags & LOG_DISCARD)) {
            if (nr > ((uint64_t)INT64_MAX >> s->sector_bits) - s->next_sector) {
                error_setg(errp, "Log entry %" PRIu64 " is too long", i);
                return -EINVAL;
            }
            s->next_sector += nr;
        }
    }
    return 0;
}

static int open_old_log(LogState *s, Error **errp)
{
    LogSuper super;
    int ret = bdrv_pread(s->log, 0, sizeof(super), &super, 0);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read log superblock");
        return ret;
    }
    if (GUINT64_FROM_LE(super.magic) != LOG_MAGIC) {
        error_setg(errp, "Invalid log superblock magic");
        return -EINVAL;
    }
    if (GUINT64_FROM_LE(super.version) != LOG_VERSION) {
        error_setg(errp, "Unsupported log version %" PRIu64,
                   GUINT64_FROM_LE(super.version));
        return -EINVAL;
    }
    if (!check_sector_size(GUINT32_FROM_LE(super.sector_size), errp)) {
        return -EINVAL;
    }
    set_sector_size(s, GUINT32_FROM_LE(super.sector_size));
    s->nr_entries = s->super_entries = GUINT64_FROM_LE(super.nr_entries);
    return find_end(s, errp);
}

static int start_log(LogState *s, QDict *options, Error **errp)
{
    bool has_size = qdict_haskey(options, "log-sector-size"), append = false;
    uint64_t size = BDRV_SECTOR_SIZE;

    if (!bdrv_take_bool(options, "log-append", &append, errp) ||
        !bdrv_take_size(options, "log-sector-size", &size, errp) ||
        !bdrv_take_number(options, "log-super-update-interval",
                          &s->update_interval, errp)) {
        return -EINVAL;
    }
    if (append && has_size) {
        error_setg(errp, "log-append and log-sector-size are mutually "
                         "exclusive");
        return -EINVAL;
    }
    s->next_sector = 1;
    if (append) {
        int ret = open_old_log(s, errp);

        if (ret < 0) {
            return ret;
        }
    } else if (check_sector_size(size, errp)) {
        set_sector_size(s, size);
        s->super_entries = UINT64_MAX; /* nothing is there yet */
    } else {
        return -EINVAL;
    }
    if (!s->update_interval) {
        error_setg(errp, "Invalid log superblock update interval %" PRIu64,
                   s->update_interval);
        return -EINVAL;
    }
    return 0;
}

static int blklogwrites_open(BlockDriverState *bs, QDict *options, int flags,
                             Error **errp)
{
    LogState *s = bs->opaque;
    int ret = bdrv_open_file_child(NULL, options, "file", bs, errp);

    if (ret < 0) {
        return ret;
    }
    s->log = bdrv_open_child(NULL, options, "log", bs, &child_of_bds,
                             BDRV_CHILD_METADATA, false, errp);
    if (!s->log) {
        return -EINVAL;
    }
    s->update_interval = 4096;
    s->limit = UINT64_MAX;
    ret = start_log(s, options, errp);
    if (ret < 0) {
        return ret;
    }
    qemu_mutex_init(&s->lock);
    qemu_co_mutex_init(&s->super_lock);
    qemu_co_queue_init(&s->queue);
    TAILQ_INIT(&s->pending);
    bdrv_filter_set_flags(bs);
    return 0;
}

static int coroutine_fn co_last_super(BdrvSyncCall *call)
{
    return write_super(call->target, false);
}

/* Without flushes (cache=unsafe) nobody else has told how much there is. */
static void blklogwrites_inactivate(BlockDriverState *bs)
{
    LogState *s = bs->opaque;
    BdrvSyncCall call = { .co_fn = co_last_super, .target = bs };

    if (s->nr_entries && s->nr_entries != s->super_entries) {
        bdrv_run_sync(&call);
    }
}

static void blklogwrites_close(BlockDriverState *bs)
{
    LogState *s = bs->opaque;

    qemu_mutex_destroy(&s->lock);
}

static void blklogwrites_refresh_limits(BlockDriverState *bs, Error **errp)
{
    const LogState *s = bs->opaque;

    bs->bl.request_alignment = MAX(bs->bl.request_alignment, s->sector_size);
}

static BdrvChild *blklogwrites_map_fast(BlockDriverState *bs, struct BlkIo *io,
                                        int64_t *offset)
{
    return io->type == BLK_IO_READ ? bs->file : NULL;
}

static const char *const blklogwrites_strong_runtime_opts[] = {
    "log-append",
    "log-sector-size",
    NULL,
};

const BlockDriver bdrv_blklogwrites = {
    .format_name = "blklogwrites",
    .instance_size = sizeof(LogState),
    .is_filter = true,
    .flushes_children = true,
    .strong_runtime_opts = blklogwrites_strong_runtime_opts,
    .bdrv_open = blklogwrites_open,
    .bdrv_inactivate = blklogwrites_inactivate,
    .bdrv_close = blklogwrites_close,
    .bdrv_refresh_limits = blklogwrites_refresh_limits,
    .bdrv_getlength = bdrv_filter_getlength,
    .bdrv_co_preadv = bdrv_filter_co_preadv,
    .bdrv_co_pwritev = blklogwrites_co_pwritev,
    .bdrv_co_pwrite_zeroes = blklogwrites_co_pwrite_zeroes,
    .bdrv_co_pdiscard = blklogwrites_co_pdiscard,
    .bdrv_co_flush_to_disk = blklogwrites_co_flush_to_disk,
    .bdrv_co_block_status = bdrv_filter_co_block_status,
    .bdrv_map_fast = blklogwrites_map_fast,
};
