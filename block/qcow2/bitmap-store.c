/*
 * Dirty bitmaps' way into the image.
 *
 * Invariants, for the file after a power cut that loses any subset of the
 * writes since the last flush:
 *
 *  1. A bitmap that the file vouches for (not IN_USE, and the autoclear bit
 *     is set) is as the disk is: IN_USE is stable before the first write to
 *     the disk, or change of a bitmap, that is not in what is stored.
 *  2. The directory that the header leads to is whole, and so are the tables
 *     and bits that it leads to: new ones are written to new clusters and are
 *     stable, refcounts included, before the header changes.
 *  3. While the header's extension changes the autoclear bit is clear: a torn
 *     extension counts for nothing.
 *  4. Clusters are given back after the header no longer leads to them.
 *
 *    first write -> mark IN_USE in place -> file flush               (1)
 *    close -> [bits] [tables] [directory] -> refcounts, file flush   (2)
 *          -> autoclear off -> extension -> autoclear on             (3)
 *          -> free the old ones                                      (4)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/bitmap.h"

#include "block/dirty-bitmap.h"
#include "block/sync.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/memalign.h"

/* --- before the first write --- */

int coroutine_fn qcow2_co_bitmaps_mark(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    g_autofree uint8_t *dir = NULL;
    size_t size;
    int ret;

    if (!s->bitmaps || !s->bitmaps->len) {
        return 0;
    }
    dir = qcow2_bitmap_build_dir(s->bitmaps, QCOW2_BITMAP_IN_USE, &size);
    /* Only flags differ, each within a sector: torn is as good as late */
    ret = bdrv_co_pwrite(bs->file, s->h.bitmap_dir_offset, size, dir, 0);
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    for (guint i = 0; ret >= 0 && i < s->bitmaps->len; i++) {
        Qcow2Bitmap *bm = s->bitmaps->pdata[i];

        bm->flags |= QCOW2_BITMAP_IN_USE;
    }
    s->bitmaps_marked |= ret >= 0;
    return ret;
}

/* --- clusters --- */

static void free_clusters(Qcow2State *s, uint64_t offset, uint64_t bytes)
{
    QEMU_LOCK_GUARD(&s->lock);
    if (bytes) {
        qcow2_free_later(s, offset, DIV_ROUND_UP(bytes, s->cluster_size),
                         false);
    }
}

static int64_t coroutine_fn alloc_clusters(BlockDriverState *bs, uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    int64_t offset;
    uint64_t nb;
    bool fresh;

    qemu_mutex_lock(&s->lock);
    offset = qcow2_co_alloc(bs, DIV_ROUND_UP(bytes, s->cluster_size), true, &nb,
                            &fresh);
    qemu_mutex_unlock(&s->lock);
    return offset;
}

/* New clusters with @bytes of @buf; *@offset. */
static int coroutine_fn write_new(BlockDriverState *bs, const void *buf,
                                  uint64_t bytes, uint64_t *offset)
{
    int64_t place = alloc_clusters(bs, bytes);
    int ret;

    if (place < 0) {
        return place;
    }
    ret = bdrv_co_pwrite(bs->file, place, bytes, buf, 0);
    if (ret < 0) {
        free_clusters(bs->opaque, place, bytes);
        return ret;
    }
    *offset = place;
    return 0;
}

/* @table: in the file's byte order. */
static void free_bits(Qcow2State *s, const uint64_t *table, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t entry = GUINT64_FROM_BE(table[i]);
        uint64_t offset = entry & QCOW2_BITMAP_OFFSET_MASK;

        if (offset && qcow2_bitmap_entry_ok(s, entry)) {
            free_clusters(s, offset, s->cluster_size);
        }
    }
}

/* What an entry that is no longer in the directory led to. What cannot be
 * read is leaked. */
static void coroutine_fn free_table(BlockDriverState *bs, uint64_t offset,
                                    uint32_t n)
{
    Qcow2State *s = bs->opaque;
    uint64_t bytes = n * UINT64_C(8);
    int64_t len = bdrv_getlength(bs->file->bs);
    g_autofree uint64_t *table = NULL;

    if (len < 0 || offset > (uint64_t)len || bytes > len - offset) {
        return;
    }
    table = g_try_malloc(bytes);
    if (!table || bdrv_co_pread(bs->file, offset, bytes, table, 0) < 0) {
        return;
    }
    free_bits(s, table, n);
    free_clusters(s, offset, bytes);
}

/* --- one bitmap --- */

/* Write what is set; @table gets its entries. */
static int coroutine_fn write_bits(BlockDriverState *bs, BdrvDirtyBitmap *b,
                                   uint64_t *table)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(bs, s->cluster_size);
    int64_t pos = 0;
    uint64_t offset = 0;
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    while (ret >= 0 && (pos = bdrv_dirty_bitmap_next_byte(b, pos)) >= 0) {
        uint64_t i = (uint64_t)pos >> s->cluster_bits;

        bdrv_dirty_bitmap_read_bytes(b, i << s->cluster_bits, s->cluster_size,
                                     buf);
        ret = write_new(bs, buf, s->cluster_size, &offset);
        if (ret >= 0) {
            table[i] = GUINT64_TO_BE(offset);
        }
        pos = (i + 1) << s->cluster_bits;
    }
    return ret;
}

/* Bits and table into new clusters; @bm leads to them. */
static int coroutine_fn store_one(BlockDriverState *bs, BdrvDirtyBitmap *b,
                                  Qcow2Bitmap *bm, Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t n = DIV_ROUND_UP(bdrv_dirty_bitmap_bytes(b), s->cluster_size);
    g_autofree uint64_t *table = g_try_new0(uint64_t, n);
    uint64_t offset = 0;
    int ret = table ? write_bits(bs, b, table) : -ENOMEM;

    if (ret >= 0) {
        ret = write_new(bs, table, n * 8, &offset);
    }
    if (ret < 0) {
        if (table) {
            free_bits(s, table, n);
        }
        error_setg_errno(errp, -ret, "Failed to write bitmap '%s' to file",
                         bm->name);
        return ret;
    }
    bm->table_offset = offset;
    bm->table_size = n;
    bm->flags = bdrv_dirty_bitmap_enabled(b) ? QCOW2_BITMAP_AUTO : 0;
    bm->granularity_bits = __builtin_ctz(bdrv_dirty_bitmap_granularity(b));
    return 0;
}

/* --- the directory --- */

static int coroutine_fn switch_header(BlockDriverState *bs, uint32_t nb,
                                      uint64_t offset, uint64_t size)
{
    Qcow2State *s = bs->opaque;
    int ret;

    s->h.autoclear &= ~QCOW2_AUTOCLEAR_BITMAPS;
    ret = qcow2_co_update_header(bs);
    if (ret < 0) {
        return ret;
    }
    s->h.nb_bitmaps = nb;
    s->h.bitmap_dir_offset = offset;
    s->h.bitmap_dir_size = size;
    s->h.lost_bitmaps = false;
    if (nb) {
        s->h.autoclear |= QCOW2_AUTOCLEAR_BITMAPS;
        s->autoclear_kept |= QCOW2_AUTOCLEAR_BITMAPS;
    }
    return qcow2_co_update_header(bs);
}

/* Let the header lead to @list, which becomes s->bitmaps (also on failure: of
 * the header nothing is known then, and the autoclear bit is off). */
static int coroutine_fn switch_dir(BlockDriverState *bs, GPtrArray *list,
                                   Error **errp)
{
    Qcow2State *s = bs->opaque;
    uint64_t old_offset = s->h.bitmap_dir_offset, offset = 0;
    uint64_t old_size = s->h.nb_bitmaps ? s->h.bitmap_dir_size : 0;
    g_autofree uint8_t *dir = NULL;
    size_t size;
    int ret = 0;

    dir = qcow2_bitmap_build_dir(list, 0, &size);
    if (size) {
        ret = write_new(bs, dir, size, &offset);
    }
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    if (ret < 0) {
        free_clusters(s, offset, offset ? size : 0);
        error_setg_errno(errp, -ret, "Failed to update bitmap extension");
        return ret;
    }
    ret = switch_header(bs, list->len, offset, size);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to update bitmap extension");
        return ret;
    }
    free_clusters(s, old_offset, old_size);
    return 0;
}

/* --- storing all --- */

static bool must_store(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    BdrvDirtyBitmap *b = NULL;

    if (s->bitmaps_marked) {
        return true;
    }
    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        if (bdrv_dirty_bitmap_persistent(b) && !bdrv_dirty_bitmap_readonly(b) &&
            (bdrv_dirty_bitmap_take_modified(b, false) ||
             !qcow2_find_bitmap(s->bitmaps, bdrv_dirty_bitmap_name(b)))) {
            return true;
        }
    }
    return false;
}

static Qcow2Bitmap *copy_entry(const Qcow2Bitmap *bm)
{
    Qcow2Bitmap *copy = g_memdup2(bm, sizeof(*bm));

    copy->name = g_strdup(bm->name);
    return copy;
}

/* The entry of @list for @b, a new one if there is none. */
static Qcow2Bitmap *entry_for(GPtrArray *list, BdrvDirtyBitmap *b)
{
    Qcow2Bitmap *bm = qcow2_find_bitmap(list, bdrv_dirty_bitmap_name(b));

    if (!bm) {
        bm = g_new0(Qcow2Bitmap, 1);
        bm->name = g_strdup(bdrv_dirty_bitmap_name(b));
        g_ptr_array_add(list, bm);
    }
    return bm;
}

static int check_constraints(BlockDriverState *bs, const char *name,
                             uint32_t granularity, Error **errp)
{
    Qcow2State *s = bs->opaque;
    unsigned bits = __builtin_ctz(granularity);
    uint64_t needed = DIV_ROUND_UP(
        ((s->h.size >> bits) + !!(s->h.size & (granularity - 1))), 8);

    if (!name[0]) {
        error_setg(errp, "Bitmap name is empty");
        return -EINVAL;
    }
    if (strlen(name) > BDRV_BITMAP_MAX_NAME) {
        error_setg(errp, "Name length exceeds maximum (%u characters)",
                   BDRV_BITMAP_MAX_NAME);
        return -EINVAL;
    }
    if (bits < QCOW2_BITMAP_MIN_GRANULARITY) {
        error_setg(errp, "Granularity is under minimum (%llu bytes)",
                   1ull << QCOW2_BITMAP_MIN_GRANULARITY);
        return -EINVAL;
    }
    if (needed > QCOW2_BITMAP_MAX_BYTES) {
        error_setg(errp, "Too much space will be occupied by the bitmap. Use "
                         "larger granularity");
        return -EINVAL;
    }
    return 0;
}

/* All persistent bitmaps into @list; entries of it that are not valid and of
 * which nothing is known stay as they are. */
static int coroutine_fn store_into(BlockDriverState *bs, GPtrArray *list,
                                   Error **errp)
{
    GPtrArray *order = g_ptr_array_new();
    BdrvDirtyBitmap *b = NULL;
    int ret = 0;
    ERRP_GUARD();

    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        if (bdrv_dirty_bitmap_persistent(b) && !bdrv_dirty_bitmap_readonly(b) &&
            !bdrv_dirty_bitmap_inconsistent(b)) {
            g_ptr_array_add(order, b);
        }
    }
    for (guint i = 0; i < order->len && ret >= 0; i++) {
        Qcow2Bitmap *bm;

        b = order->pdata[i];
        ret = check_constraints(bs, bdrv_dirty_bitmap_name(b),
                                bdrv_dirty_bitmap_granularity(b), errp);
        if (ret < 0) {
            error_prepend(errp, "Bitmap '%s' doesn't satisfy the constraints: ",
                          bdrv_dirty_bitmap_name(b));
            break;
        }
        bm = entry_for(list, b);
        ret = store_one(bs, b, bm, errp);
        bdrv_dirty_bitmap_take_modified(b, true);
    }
    g_ptr_array_unref(order);
    return ret;
}

/* The tables in @list that @other does not lead to. */
static void coroutine_fn free_unlike(BlockDriverState *bs,
                                     const GPtrArray *list,
                                     const GPtrArray *other)
{
    for (guint i = 0; list && i < list->len; i++) {
        const Qcow2Bitmap *bm = list->pdata[i], *o;

        o = qcow2_find_bitmap(other, bm->name);
        if (bm->table_offset && (!o || o->table_offset != bm->table_offset)) {
            free_table(bs, bm->table_offset, bm->table_size);
        }
    }
}

static int coroutine_fn co_store(BdrvSyncCall *call)
{
    BlockDriverState *bs = call->target;
    Qcow2State *s = bs->opaque;
    g_autoptr(GPtrArray) list = qcow2_bitmap_list_new();
    int ret;

    for (guint i = 0; s->bitmaps && i < s->bitmaps->len; i++) {
        g_ptr_array_add(list, copy_entry(s->bitmaps->pdata[i]));
    }
    ret = qcow2_co_prepare_write(bs);
    if (ret < 0) {
        error_setg_errno(call->errp, -ret, "Could not write to the image");
        return ret;
    }
    ret = store_into(bs, list, call->errp);
    if (ret >= 0) {
        ret = switch_dir(bs, list, call->errp);
    }
    if (ret < 0) {
        free_unlike(bs, list, s->bitmaps);
        return ret;
    }
    free_unlike(bs, s->bitmaps, list);
    if (s->bitmaps) {
        g_ptr_array_unref(s->bitmaps);
    }
    s->bitmaps = g_steal_pointer(&list);
    /* The next write marks them again */
    s->bitmaps_marked = false;
    qatomic_set(&s->write_ready, false);
    return qcow2_co_flush_metadata(bs);
}

bool qcow2_store_bitmaps(BlockDriverState *bs, Error **errp)
{
    BdrvSyncCall call = { .co_fn = co_store, .target = bs, .errp = errp };
    Qcow2State *s = bs->opaque;

    if (qatomic_read(&s->corrupt) || !must_store(bs)) {
        return true;
    }
    return bdrv_run_sync(&call) >= 0;
}

void qcow2_inactivate(BlockDriverState *bs)
{
    Error *err = NULL;

    if (!qcow2_store_bitmaps(bs, &err)) {
        error_reportf_err(err,
                          "Lost persistent bitmaps during inactivation of "
                          "node '%s': ",
                          bdrv_get_device_or_node_name(bs));
    }
}

/* --- adding and removing --- */

bool qcow2_supports_bitmaps(BlockDriverState *bs)
{
    const Qcow2State *s = bs->opaque;

    return s->h.version >= 3;
}

uint64_t qcow2_measure_bitmaps(BlockDriverState *bs, uint64_t cluster_size)
{
    uint64_t sum = 0, dir = 0;
    BdrvDirtyBitmap *b = NULL;

    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        if (bdrv_dirty_bitmap_persistent(b)) {
            uint64_t n = DIV_ROUND_UP(bdrv_dirty_bitmap_bytes(b), cluster_size);

            sum += n * cluster_size + ROUND_UP(n * 8, cluster_size);
            dir += qcow2_bitmap_entry_size(strlen(bdrv_dirty_bitmap_name(b)));
        }
    }
    return sum + ROUND_UP(dir, cluster_size);
}

int coroutine_fn qcow2_co_can_store_bitmap(BlockDriverState *bs,
                                           const char *name,
                                           uint32_t granularity, Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvDirtyBitmap *b = NULL;
    size_t size = qcow2_bitmap_entry_size(strlen(name));
    unsigned count = 1;
    ERRP_GUARD();

    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        if (bdrv_dirty_bitmap_persistent(b)) {
            count++;
            size += qcow2_bitmap_entry_size(strlen(bdrv_dirty_bitmap_name(b)));
        }
    }
    if (s->h.version < 3) {
        error_setg(errp, "Cannot store dirty bitmaps in qcow2 v2 files");
    } else if (bdrv_find_dirty_bitmap(bs, name)) {
        return 0; /* refused when it is made */
    } else if (check_constraints(bs, name, granularity, errp) == 0) {
        if (count > QCOW2_BITMAP_MAX_COUNT) {
            error_setg(errp, "Maximum number of persistent bitmaps is already "
                             "reached");
        } else if (size > QCOW2_BITMAP_MAX_DIR) {
            error_setg(errp, "Not enough space in the bitmap directory");
        }
    }
    if (!*errp) {
        return 0;
    }
    error_prepend(errp, "Can't make bitmap '%s' persistent in '%s': ", name,
                  bdrv_get_device_or_node_name(bs));
    return -EINVAL;
}

int coroutine_fn qcow2_co_remove_bitmap(BlockDriverState *bs, const char *name,
                                        Error **errp)
{
    Qcow2State *s = bs->opaque;
    GPtrArray *list;
    int ret;

    if (!qcow2_find_bitmap(s->bitmaps, name)) {
        return 0;
    }
    ret = qcow2_co_prepare_write(bs);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to update bitmap extension");
        return ret;
    }
    list = qcow2_bitmap_list_new();
    for (guint i = 0; i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *bm = s->bitmaps->pdata[i];

        if (strcmp(bm->name, name)) {
            g_ptr_array_add(list, copy_entry(bm));
        }
    }
    ret = switch_dir(bs, list, errp);
    if (ret < 0) {
        g_ptr_array_unref(list);
        return ret;
    }
    free_unlike(bs, s->bitmaps, list);
    g_ptr_array_unref(s->bitmaps);
    s->bitmaps = list;
    return 0;
}
