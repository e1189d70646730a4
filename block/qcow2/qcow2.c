/*
 * qcow2: the driver table, opening, closing and properties.
 *
 *   format.h     constants of the format       header.c    reading the header
 *   map.c        guest to host offsets         cache.c     tables in memory
 *   read.c write.c zero.c compress.c           requests
 *   refcount.c   taking and counting clusters  order.c     metadata's way to
 *   create.c resize.c check.c                              the file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "block/qcow2/snapshot.h"

#include "block/block-backend.h"
#include "block/opts.h"
#include "block/reopen.h"
#include "block/sync.h"
#include "qobject/qnull.h"
#include "util/atomic.h"
#include "util/error-report.h"

/* Hidden until there is more to say: 32 MiB hold the L2 tables of 256 GiB
 * with clusters of 64 KiB. */
#define DEFAULT_L2_CACHE (32 * MiB)
/* of who walks through the disk and does not come back */
#define ONE_PASS_L2_CACHE (4 * MiB)
#define MIN_TABLES        8

#define DEFAULT_CLEAN_INTERVAL 600 /* seconds */

static const char *const qcow2_strong_runtime_opts[] = { "encrypt.key-secret",
                                                         NULL };

/* Reopening can change all options. */
static const char *const qcow2_mutable_opts[] = {
    "lazy-refcounts",
    "pass-discard-request",
    "pass-discard-snapshot",
    "pass-discard-other",
    "discard-no-unref",
    "overlap-check",
    "overlap-check.template",
    "overlap-check.main-header",
    "overlap-check.active-l1",
    "overlap-check.active-l2",
    "overlap-check.refcount-table",
    "overlap-check.refcount-block",
    "overlap-check.snapshot-table",
    "overlap-check.inactive-l1",
    "overlap-check.inactive-l2",
    "overlap-check.bitmap-directory",
    "cache-size",
    "l2-cache-size",
    "l2-cache-entry-size",
    "refcount-cache-size",
    "cache-clean-interval",
    NULL,
};

static int qcow2_probe(const uint8_t *buf, int buf_size, const char *filename)
{
    uint32_t version;

    if (buf_size < 8 || qcow2_ldl(buf) != QCOW2_MAGIC) {
        return 0;
    }
    version = qcow2_ldl(buf + QCOW2_H_VERSION);
    return version >= 2 ? 100 : 0;
}

/* --- options --- */

typedef struct Options {
    bool lazy_refcounts;
    unsigned overlap_check;
    bool discard_request, discard_snapshot, discard_other, discard_no_unref;
    uint64_t cache_size, l2_cache_size, l2_entry_size, refcount_cache_size;
    uint64_t clean_interval; /* seconds */
    bool have_cache, have_l2, have_refcount;
} Options;

static bool take_size(QDict *options, const char *key, uint64_t *value,
                      bool *have, Error **errp)
{
    *have = qdict_haskey(options, key);
    return bdrv_take_size(options, key, value, errp);
}

static int take_options(const BlockDriverState *bs, QDict *options, int flags,
                        Options *o, Error **errp)
{
    const Qcow2State *s = bs->opaque;
    bool have;

    o->discard_request = flags & BDRV_O_UNMAP;
    o->discard_snapshot = true;
    o->clean_interval = DEFAULT_CLEAN_INTERVAL;
    o->lazy_refcounts = s->h.compat & QCOW2_COMPAT_LAZY;
    if (!bdrv_take_bool(options, "lazy-refcounts", &o->lazy_refcounts, errp) ||
        !bdrv_take_bool(options, "pass-discard-request", &o->discard_request,
                        errp) ||
        !bdrv_take_bool(options, "pass-discard-snapshot", &o->discard_snapshot,
                        errp) ||
        !bdrv_take_bool(options, "pass-discard-other", &o->discard_other,
                        errp) ||
        !bdrv_take_bool(options, "discard-no-unref", &o->discard_no_unref,
                        errp) ||
        !take_size(options, "cache-size", &o->cache_size, &o->have_cache,
                   errp) ||
        !take_size(options, "l2-cache-size", &o->l2_cache_size, &o->have_l2,
                   errp) ||
        !take_size(options, "refcount-cache-size", &o->refcount_cache_size,
                   &o->have_refcount, errp) ||
        !take_size(options, "l2-cache-entry-size", &o->l2_entry_size, &have,
                   errp) ||
        !bdrv_take_number(options, "cache-clean-interval", &o->clean_interval,
                          errp) ||
        !qcow2_overlap_take_options(options, &o->overlap_check, errp)) {
        return -EINVAL;
    }
    if (o->have_cache && o->have_l2 && o->have_refcount) {
        error_setg(errp, "cache-size, l2-cache-size and refcount-cache-size "
                         "may not be set at the same time");
        return -EINVAL;
    }
    if (o->have_cache && o->have_l2 && o->l2_cache_size > o->cache_size) {
        error_setg(errp, "l2-cache-size may not exceed cache-size");
        return -EINVAL;
    }
    if (o->have_cache && o->have_refcount &&
        o->refcount_cache_size > o->cache_size) {
        error_setg(errp, "refcount-cache-size may not exceed cache-size");
        return -EINVAL;
    }
    if (have && (o->l2_entry_size < 512 || o->l2_entry_size > s->cluster_size ||
                 !is_power_of_2(o->l2_entry_size))) {
        error_setg(errp,
                   "L2 cache entry size must be a power of two between %d "
                   "and the cluster size (%" PRIu64 ")",
                   512, s->cluster_size);
        return -EINVAL;
    }
    if (o->clean_interval > UINT_MAX) {
        error_setg(errp, "Cache clean interval too big");
        return -EINVAL;
    }
    if (o->discard_no_unref && s->h.version < 3) {
        error_setg(errp, "discard-no-unref is only supported since qcow2 "
                         "version 3");
        return -EINVAL;
    }
    if (o->lazy_refcounts && s->h.version < 3) {
        error_setg(errp, "Lazy refcounts require a qcow2 image with at least "
                         "qemu 1.1 compatibility level");
        return -EINVAL;
    }
    return 0;
}

static void apply_options(Qcow2State *s, const Options *o)
{
    s->discard_request = o->discard_request;
    s->discard_snapshot = o->discard_snapshot;
    s->discard_other = o->discard_other;
    s->discard_no_unref = o->discard_no_unref;
    s->lazy = o->lazy_refcounts;
    s->overlap_check = o->overlap_check;
}

/* --- tables that nobody uses any more --- */

static void clean_caches(void *opaque)
{
    Qcow2State *s = opaque;

    qemu_mutex_lock(&s->lock);
    qcow2_cache_clean(&s->l2_cache);
    qcow2_cache_clean(&s->refblock_cache);
    qemu_mutex_unlock(&s->lock);
    timer_mod_ns(s->clean_timer,
                 qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                     s->clean_interval * NANOSECONDS_PER_SECOND);
}

/* Main; 0: never. */
static void set_clean_interval(Qcow2State *s, uint32_t seconds)
{
    if (seconds == s->clean_interval) {
        return;
    }
    g_clear_pointer(&s->clean_timer, timer_free);
    s->clean_interval = seconds;
    if (seconds) {
        s->clean_timer = timer_new_ns(qemu_get_aio_context(),
                                      QEMU_CLOCK_VIRTUAL, clean_caches, s);
        timer_mod_ns(s->clean_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                         seconds * NANOSECONDS_PER_SECOND);
    }
}

/* How many tables the caches may hold. */
static void cache_limits(const Qcow2State *s, const Options *o, bool one_pass,
                         unsigned *l2_tables, unsigned *refblocks)
{
    uint64_t l2 = one_pass ? ONE_PASS_L2_CACHE : DEFAULT_L2_CACHE, ref;

    if (o->have_l2) {
        l2 = o->l2_cache_size;
    } else if (o->have_cache) {
        l2 = o->have_refcount ? o->cache_size - o->refcount_cache_size
                              : o->cache_size;
    }
    ref = o->have_refcount ? o->refcount_cache_size : l2 / 4;
    *l2_tables = MAX(MIN(l2 >> s->cluster_bits, MAX(s->l1_size, 16)),
                     MIN_TABLES);
    *refblocks = MAX(MIN(ref >> s->cluster_bits, INT_MAX), MIN_TABLES);
}

static void init_caches(Qcow2State *s, const Options *o, bool one_pass)
{
    unsigned l2_tables, refblocks;

    cache_limits(s, o, one_pass, &l2_tables, &refblocks);
    qcow2_cache_init(&s->l2_cache, s->cluster_size, l2_tables, s->l1_size);
    s->l2_cache.entry_shift = s->extended_l2;
    qcow2_cache_init(&s->refblock_cache, s->cluster_size, refblocks,
                     s->reftable_size);
}

/* --- opening --- */

static void init_state(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    const Qcow2Header *h = &s->h;

    s->bs = bs;
    s->cluster_bits = h->cluster_bits;
    s->cluster_size = UINT64_C(1) << h->cluster_bits;
    s->extended_l2 = h->incompat & QCOW2_INCOMPAT_EXTL2;
    s->sub_bits = h->cluster_bits -
                  (s->extended_l2 ? QCOW2_SUBCLUSTER_BITS : 0);
    s->l2_bits = h->cluster_bits - (s->extended_l2 ? 4 : 3);
    s->refcount_order = h->refcount_order;
    s->refblock_bits = h->cluster_bits + 3 - h->refcount_order;
    s->refcount_max = h->refcount_order == 6
                          ? INT64_MAX
                          : (UINT64_C(1) << (1 << h->refcount_order)) - 1;
    s->l1_size = h->l1_size;
    s->l1_offset = h->l1_offset;
    s->reftable_offset = h->reftable_offset;
    s->reftable_clusters = h->reftable_clusters;
    s->reftable_size = h->reftable_clusters << (h->cluster_bits - 3);
    if (h->incompat & QCOW2_INCOMPAT_DATA_FILE) {
        s->autoclear_kept |= QCOW2_AUTOCLEAR_DATA_RAW;
    }
    s->write_ready = !(h->autoclear & ~s->autoclear_kept);
    qemu_mutex_init(&s->lock);
    qemu_co_queue_init(&s->grow_queue);
    qemu_co_queue_init(&s->compress_queue);
    qemu_co_queue_init(&s->pack_queue);
    qemu_co_queue_init(&s->flush_queue);
    qemu_co_queue_init(&s->epoch_queue);
    qemu_co_queue_init(&s->prepare_queue);
    LIST_INIT(&s->allocs);
    STAILQ_INIT(&s->frees);
    s->old_l1 = g_ptr_array_new();
}

static uint64_t *read_array(BdrvChild *file, uint64_t offset, uint64_t entries,
                            Error **errp, const char *what)
{
    uint64_t *table = g_try_new0(uint64_t, MAX(entries, 1));
    int ret;

    if (!table) {
        error_setg(errp, "Could not allocate %s", what);
        return NULL;
    }
    ret = entries ? bdrv_pread(file, offset, entries * 8, table, 0) : 0;
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read %s", what);
        g_free(table);
        return NULL;
    }
    for (uint64_t i = 0; i < entries; i++) {
        table[i] = GUINT64_FROM_BE(table[i]);
    }
    return table;
}

static int read_tables(BlockDriverState *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    int64_t len;

    s->reftable = read_array(bs->file, s->reftable_offset, s->reftable_size,
                             errp, "refcount table");
    s->l1 = s->reftable ? read_array(bs->file, s->l1_offset, s->l1_size, errp,
                                     "L1 table")
                        : NULL;
    if (!s->l1) {
        return -EIO;
    }
    s->reftable_dirty = g_new0(uint64_t,
                               DIV_ROUND_UP(s->reftable_size, 64) + 1);
    s->l1_dirty = g_new0(uint64_t, DIV_ROUND_UP(s->l1_size, 64) + 1);
    len = bdrv_getlength(bs->file->bs);
    if (len < 0) {
        error_setg_errno(errp, -len, "Could not get image size");
        return len;
    }
    s->fresh_from = ROUND_UP((uint64_t)len, s->cluster_size);
    return 0;
}

static void free_state(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    Qcow2Free *f;

    while ((f = STAILQ_FIRST(&s->frees))) {
        STAILQ_REMOVE_HEAD(&s->frees, next);
        g_free(f);
    }
    qcow2_cache_cleanup(&s->l2_cache);
    qcow2_cache_cleanup(&s->refblock_cache);
    for (guint i = 0; s->old_l1 && i < s->old_l1->len; i++) {
        g_free(s->old_l1->pdata[i]);
    }
    g_clear_pointer(&s->old_l1, g_ptr_array_unref);
    g_clear_pointer(&s->l1, g_free);
    g_clear_pointer(&s->l1_dirty, g_free);
    g_clear_pointer(&s->reftable, g_free);
    g_clear_pointer(&s->reftable_dirty, g_free);
    g_clear_pointer(&s->inactive_l2, g_array_unref);
    g_clear_pointer(&s->clean_timer, timer_free);
    g_clear_pointer(&s->snapshots, g_ptr_array_unref);
    qcow2_bitmaps_cleanup(s);
    g_clear_pointer(&s->crypto, qcrypto_block_free);
    qcow2_header_cleanup(&s->h);
    qemu_mutex_destroy(&s->lock);
}

/* bs->backing: what the options say, else what the image says. */
static int open_backing(BlockDriverState *bs, QDict *options, Error **errp)
{
    Qcow2State *s = bs->opaque;
    QObject *opt = qdict_get(options, "backing");
    g_autofree char *path = NULL;
    bool has_options = false;
    const QDictEntry *e;
    Error *local_err = NULL;

    if (opt && (qobject_type(opt) == QTYPE_QNULL ||
                (qobject_type(opt) == QTYPE_QSTRING &&
                 !*qdict_get_str(options, "backing")))) {
        qdict_del(options, "backing");
        return 0;
    }
    if (bs->open_flags & BDRV_O_NO_BACKING) {
        return 0;
    }
    QDICT_FOREACH(options, e) {
        has_options |= g_str_has_prefix(qdict_entry_key(e), "backing.");
    }
    if (!opt && !s->h.backing_file && !has_options) {
        return 0;
    }
    if (!opt && s->h.backing_file &&
        !qdict_haskey(options, "backing.file.filename") &&
        !qdict_haskey(options, "backing.file")) {
        path = bdrv_backing_path(bs->file->bs->filename, s->h.backing_file,
                                 errp);
        if (!path) {
            return -EINVAL;
        }
    }
    if (!opt && s->h.backing_format &&
        !qdict_haskey(options, "backing.driver")) {
        qdict_put_str(options, "backing.driver", s->h.backing_format);
    }
    bs->backing = bdrv_open_child(path, options, "backing", bs, &child_of_bds,
                                  BDRV_CHILD_COW, false, &local_err);
    if (!bs->backing) {
        error_prepend(&local_err, "Could not open backing file: ");
        error_propagate(errp, local_err);
        return -EINVAL;
    }
    return 0;
}

static int coroutine_fn co_repair(BdrvSyncCall *c)
{
    return qcow2_co_check(c->target, c->buf, BDRV_FIX_ERRORS | BDRV_FIX_LEAKS);
}

/* Its refcounts may be behind: whoever was to write them did not get there. */
static int repair_dirty(BlockDriverState *bs, Error **errp)
{
    BdrvCheckResult res;
    BdrvSyncCall c = { .co_fn = co_repair, .target = bs, .buf = &res };
    int ret = bdrv_run_sync(&c);

    if (ret < 0 || res.check_errors) {
        ret = ret < 0 ? ret : -EIO;
        error_setg_errno(errp, -ret, "Could not repair dirty image");
    }
    return ret;
}

static int qcow2_open(BlockDriverState *bs, QDict *options, int flags,
                      Error **errp)
{
    Qcow2State *s = bs->opaque;
    Options o = { 0 };
    int ret = bdrv_open_file_child(NULL, options, "file", bs, errp);

    if (ret < 0) {
        return ret;
    }
    ret = qcow2_header_read(bs->file, &s->h, flags, errp);
    if (ret < 0) {
        qcow2_header_cleanup(&s->h);
        return ret;
    }
    init_state(bs);
    ret = take_options(bs, options, bs->open_flags, &o, errp);
    apply_options(s, &o);
    if (ret == 0) {
        ret = qcow2_crypt_open(bs, options, flags, errp);
    }
    if (ret == 0) {
        ret = qcow2_open_data_file(bs, options, flags, errp);
    }
    if (ret == 0) {
        ret = read_tables(bs, errp);
    }
    if (ret == 0 && !(flags & BDRV_O_CHECK)) {
        ret = qcow2_snapshots_read(bs, errp);
    }
    if (ret == 0 && !(flags & BDRV_O_CHECK)) {
        ret = qcow2_load_inactive_l2(bs, o.overlap_check, errp);
    }
    if (ret == 0) {
        init_caches(s, &o, flags & BDRV_O_ONE_PASS);
        ret = open_backing(bs, options, errp);
    }
    if (ret == 0 && (s->h.incompat & QCOW2_INCOMPAT_DIRTY) &&
        (flags & BDRV_O_RDWR) && !(flags & (BDRV_O_CHECK | BDRV_O_INACTIVE))) {
        ret = repair_dirty(bs, errp);
    }
    if (ret < 0) {
        free_state(bs);
        return ret;
    }
    bs->supported_zero_flags = s->h.version >= 3
                                   ? BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK
                                   : 0;
    bs->supported_write_flags = BDRV_REQ_WRITE_COMPRESSED |
                                BDRV_REQ_WRITE_UNCHANGED;
    bdrv_set_total_bytes(bs, s->h.size);
    ret = qcow2_load_bitmaps(bs, errp);
    if (ret < 0) {
        free_state(bs);
    } else {
        set_clean_interval(s, o.clean_interval);
    }
    return ret;
}

/* The last writes of the node. What fails now has nobody else to tell. */
static void qcow2_finish(BlockDriverState *bs)
{
    int ret;

    qcow2_inactivate(bs);
    ret = bdrv_flush(bs);
    if (ret < 0) {
        error_report("Failed to flush the L2 table cache: %s", strerror(-ret));
        error_report("Failed to flush the refcount block cache: %s",
                     strerror(-ret));
    }
}

static void qcow2_close(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    /* On failure the image stays dirty, and is repaired next time */
    if (s->dirty_marked && !bs->read_only && !qatomic_read(&s->corrupt)) {
        qcow2_lazy_finish(bs);
    }
    free_state(bs);
}

/* --- reopening --- */

static int qcow2_reopen_prepare(BDRVReopenState *state, BlockReopenQueue *queue,
                                Error **errp)
{
    const Qcow2State *s = state->bs->opaque;
    g_autofree Options *o = g_new0(Options, 1);
    bool becomes_writable = (state->flags & BDRV_O_RDWR) &&
                            state->bs->read_only;
    int ret = take_options(state->bs, state->rest, state->flags, o, errp);

    if (ret < 0) {
        return ret;
    }
    if (becomes_writable && !(state->flags & BDRV_O_CHECK) &&
        (s->h.incompat & QCOW2_INCOMPAT_CORRUPT)) {
        error_setg(errp, "qcow2: Image is corrupt; cannot be opened "
                         "read/write");
        return -EACCES;
    }
    if (becomes_writable && (s->h.incompat & QCOW2_INCOMPAT_DIRTY)) {
        error_setg(errp, "qcow2: Image was not closed cleanly; open it "
                         "read/write from the beginning to have its refcounts "
                         "repaired");
        return -EBUSY;
    }
    if (!(state->flags & BDRV_O_RDWR) && bdrv_is_writable(state->bs) &&
        !qcow2_store_bitmaps(state->bs, errp)) {
        return -EINVAL;
    }
    ret = qcow2_load_inactive_l2(state->bs, o->overlap_check, errp);
    if (ret < 0) {
        return ret;
    }
    if (s->dirty_marked &&
        (!o->lazy_refcounts || !(state->flags & BDRV_O_RDWR))) {
        ret = qcow2_lazy_finish(state->bs);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Failed to disable lazy refcounts");
            return ret;
        }
    }
    state->opaque = g_steal_pointer(&o);
    return 0;
}

static void qcow2_reopen_commit(BDRVReopenState *state)
{
    Qcow2State *s = state->bs->opaque;
    const Options *o = state->opaque;

    qemu_mutex_lock(&s->lock);
    apply_options(s, o);
    cache_limits(s, o, state->flags & BDRV_O_ONE_PASS, &s->l2_cache.max_tables,
                 &s->refblock_cache.max_tables);
    qemu_mutex_unlock(&s->lock);
    set_clean_interval(s, o->clean_interval);
    qcow2_bitmaps_set_readonly(state->bs, !(state->flags & BDRV_O_RDWR));
    g_free(state->opaque);
}

static void qcow2_reopen_abort(BDRVReopenState *state)
{
    g_free(state->opaque);
}

/* --- properties --- */

static void qcow2_refresh_limits(BlockDriverState *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;

    if (s->crypto) {
        bs->bl.request_alignment = MAX(bs->bl.request_alignment,
                                       QCRYPTO_SECTOR_SIZE);
    }
    bs->bl.pwrite_zeroes_alignment = UINT64_C(1) << s->sub_bits;
    bs->bl.pdiscard_alignment = s->cluster_size;
}

/* Clusters that were preallocated hold noise if they are encrypted. */
static bool qcow2_has_zero_init(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    return !s->crypto || !s->l1_size || !(s->l1[0] & QCOW2_L1_OFFSET_MASK);
}

static int64_t qcow2_getlength(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    return qatomic_read(&s->h.size);
}

static int qcow2_get_info(BlockDriverState *bs, BlockDriverInfo *bdi)
{
    Qcow2State *s = bs->opaque;
    uint64_t l1 = qcow2_size_to_l1(s->h.size, s->cluster_bits, s->extended_l2);

    *bdi = (BlockDriverInfo){
        .cluster_size = s->cluster_size,
        .subcluster_size = UINT64_C(1) << s->sub_bits,
        .vm_state_offset = l1 << (s->cluster_bits + s->l2_bits),
        .is_dirty = s->h.incompat & QCOW2_INCOMPAT_DIRTY,
        .backing_file = s->h.backing_file,
        .backing_format = s->h.backing_format,
    };
    return 0;
}

static ImageInfoSpecific *qcow2_get_specific_info(BlockDriverState *bs,
                                                  Error **errp)
{
    Qcow2State *s = bs->opaque;
    ImageInfoSpecific *info = g_new0(ImageInfoSpecific, 1);
    ImageInfoSpecificQCow2 *q = g_new0(ImageInfoSpecificQCow2, 1);

    info->type = IMAGE_INFO_SPECIFIC_KIND_QCOW2;
    info->u.qcow2.data = q;
    q->compat = g_strdup(s->h.version < 3 ? "0.10" : "1.1");
    q->refcount_bits = 1 << s->refcount_order;
    q->compression_type = s->h.compression == QCOW2_COMPRESSION_ZSTD
                              ? QCOW2_COMPRESSION_TYPE_ZSTD
                              : QCOW2_COMPRESSION_TYPE_ZLIB;
    if (s->h.version >= 3) {
        q->has_lazy_refcounts = q->has_corrupt = q->has_extended_l2 = true;
        q->lazy_refcounts = s->h.compat & QCOW2_COMPAT_LAZY;
        q->bitmaps = qcow2_bitmap_info(s);
        q->corrupt = s->h.incompat & QCOW2_INCOMPAT_CORRUPT;
        q->extended_l2 = s->extended_l2;
        q->data_file = g_strdup(s->h.data_file);
        q->has_data_file_raw = s->has_data_file;
        q->data_file_raw = s->data_file_raw;
    }
    q->encrypt = qcow2_crypt_info(bs);
    return info;
}

static int coroutine_fn qcow2_co_flush_to_os(BlockDriverState *bs)
{
    return qcow2_co_flush_metadata(bs);
}

const BlockDriver bdrv_qcow2 = {
    .format_name = "qcow2",
    .instance_size = sizeof(Qcow2State),
    .is_format = true,
    .supports_backing = true,
    .shows_data_as_is = true,
    .supports_compressed_writes = true,
    .strong_runtime_opts = qcow2_strong_runtime_opts,
    .bdrv_probe = qcow2_probe,
    .bdrv_open = qcow2_open,
    .bdrv_close = qcow2_close,
    .bdrv_inactivate = qcow2_finish,
    .bdrv_supports_bitmaps = qcow2_supports_bitmaps,
    .bdrv_co_can_store_bitmap = qcow2_co_can_store_bitmap,
    .bdrv_co_remove_bitmap = qcow2_co_remove_bitmap,
    .bdrv_co_bitmaps_will_change = qcow2_co_prepare_write,
    .mutable_opts = qcow2_mutable_opts,
    .bdrv_reopen_prepare = qcow2_reopen_prepare,
    .bdrv_reopen_commit = qcow2_reopen_commit,
    .bdrv_reopen_abort = qcow2_reopen_abort,
    .create_opts = qcow2_create_opts,
    .amend_opts = qcow2_amend_opts,
    .bdrv_amend_options = qcow2_amend_options,
    .bdrv_create = qcow2_create,
    .bdrv_create_on = qcow2_create_on,
    .bdrv_measure = qcow2_measure,
    .bdrv_change_backing_file = qcow2_change_backing_file,
    .bdrv_co_make_empty = qcow2_co_make_empty,
    .bdrv_refresh_limits = qcow2_refresh_limits,
    .bdrv_getlength = qcow2_getlength,
    .bdrv_get_info = qcow2_get_info,
    .bdrv_has_zero_init = qcow2_has_zero_init,
    .bdrv_get_specific_info = qcow2_get_specific_info,
    .bdrv_co_preadv = qcow2_co_preadv,
    .bdrv_co_pwritev = qcow2_co_pwritev,
    .bdrv_co_pwrite_zeroes = qcow2_co_pwrite_zeroes,
    .bdrv_co_pdiscard = qcow2_co_pdiscard,
    .bdrv_co_truncate = qcow2_co_truncate,
    .bdrv_co_check = qcow2_co_check,
    .bdrv_snapshot_create = qcow2_snapshot_create,
    .bdrv_snapshot_goto = qcow2_snapshot_goto,
    .bdrv_snapshot_delete = qcow2_snapshot_delete,
    .bdrv_snapshot_list = qcow2_snapshot_list,
    .bdrv_snapshot_load_tmp = qcow2_snapshot_load_tmp,
    .bdrv_co_save_vmstate = qcow2_co_save_vmstate,
    .bdrv_co_load_vmstate = qcow2_co_load_vmstate,
    .bdrv_co_flush_to_os = qcow2_co_flush_to_os,
    .bdrv_co_block_status = qcow2_co_block_status,
    .bdrv_map_fast = qcow2_map_fast,
    .bdrv_fast_done = qcow2_fast_done,
};
