/*
 * Dirty bitmaps of nodes. Storing them is the format's affair (qcow2).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/dirty-bitmap.h"

#include "block/block-int.h"
#include "block/sync.h"
#include "qapi/util.h"
#include "util/atomic.h"

struct BdrvDirtyBitmap {
    BlockDriverState *bs;
    char *name;    /* NULL: nobody finds it */
    HBitmap *bits; /* bs->bitmaps_lock */
    uint32_t granularity;
    bool disabled; /* main writes under bs->bitmaps_lock */
    bool modified; /* bs->bitmaps_lock: by a request, since it was stored */
    bool busy, persistent, readonly, inconsistent; /* main */
    LIST_ENTRY(BdrvDirtyBitmap) list;
};

/* Under the lock: must writes of @bs be looked at? */
static void update_recording(BlockDriverState *bs)
{
    const BdrvDirtyBitmap *b;
    bool on = qatomic_read(&bs->write_threshold);

    LIST_FOREACH(b, &bs->dirty_bitmaps, list) {
        on |= !b->disabled;
    }
    qatomic_set(&bs->record_writes, on);
}

void bdrv_update_recording(BlockDriverState *bs)
{
    QEMU_LOCK_GUARD(&bs->bitmaps_lock);
    update_recording(bs);
}

/* --- life (whoever begins to record, drains: see enable) --- */

BdrvDirtyBitmap *bdrv_create_dirty_bitmap(BlockDriverState *bs,
                                          uint32_t granularity,
                                          const char *name, Error **errp)
{
    int64_t size = bdrv_getlength(bs);
    BdrvDirtyBitmap *b;
    HBitmap *bits;

    assert(is_power_of_2(granularity) && granularity >= BDRV_SECTOR_SIZE);
    if (name && bdrv_find_dirty_bitmap(bs, name)) {
        error_setg(errp, "Bitmap already exists: %s", name);
        return NULL;
    }
    if (name && strlen(name) > BDRV_BITMAP_MAX_NAME) {
        error_setg(errp, "Bitmap name too long: %s", name);
        return NULL;
    }
    if (size < 0) {
        error_setg_errno(errp, -size, "could not get length of device");
        return NULL;
    }
    bits = hbitmap_new(size, __builtin_ctz(granularity));
    if (!bits) {
        error_setg(errp, "Could not allocate memory for the bitmap");
        return NULL;
    }
    b = g_new0(BdrvDirtyBitmap, 1);
    b->bs = bs;
    b->name = g_strdup(name);
    b->bits = bits;
    b->granularity = granularity;
    bdrv_drained_begin(bs);
    qemu_mutex_lock(&bs->bitmaps_lock);
    LIST_INSERT_HEAD(&bs->dirty_bitmaps, b, list);
    update_recording(bs);
    qemu_mutex_unlock(&bs->bitmaps_lock);
    bdrv_drained_end(bs);
    return b;
}

void bdrv_release_dirty_bitmap(BdrvDirtyBitmap *b)
{
    BlockDriverState *bs = b->bs;

    qemu_mutex_lock(&bs->bitmaps_lock);
    LIST_REMOVE(b, list);
    update_recording(bs);
    qemu_mutex_unlock(&bs->bitmaps_lock);
    hbitmap_free(b->bits);
    g_free(b->name);
    g_free(b);
}

void bdrv_release_dirty_bitmaps(BlockDriverState *bs)
{
    BdrvDirtyBitmap *b;

    while ((b = LIST_FIRST(&bs->dirty_bitmaps))) {
        bdrv_release_dirty_bitmap(b);
    }
}

BdrvDirtyBitmap *bdrv_find_dirty_bitmap(BlockDriverState *bs, const char *name)
{
    BdrvDirtyBitmap *b;

    LIST_FOREACH(b, &bs->dirty_bitmaps, list) {
        if (b->name && !strcmp(b->name, name)) {
            return b;
        }
    }
    return NULL;
}

BdrvDirtyBitmap *bdrv_dirty_bitmap_next(BlockDriverState *bs,
                                        BdrvDirtyBitmap *b)
{
    return b ? LIST_NEXT(b, list) : LIST_FIRST(&bs->dirty_bitmaps);
}

bool bdrv_has_dirty_bitmaps(const BlockDriverState *bs)
{
    return !LIST_EMPTY(&bs->dirty_bitmaps);
}

uint32_t bdrv_default_bitmap_granularity(BlockDriverState *bs)
{
    BlockDriverInfo bdi;

    if (bdrv_get_info(bs, &bdi) < 0 || bdi.cluster_size <= 0) {
        return 64 * KiB;
    }
    return MIN(MAX(bdi.cluster_size, 4 * (int)KiB), 64 * (int)KiB);
}

/* --- properties --- */

const char *bdrv_dirty_bitmap_name(const BdrvDirtyBitmap *b)
{
    return b->name;
}

uint32_t bdrv_dirty_bitmap_granularity(const BdrvDirtyBitmap *b)
{
    return b->granularity;
}

int64_t bdrv_dirty_bitmap_size(const BdrvDirtyBitmap *b)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    return hbitmap_size(b->bits);
}

int64_t bdrv_get_dirty_count(BdrvDirtyBitmap *b)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    return hbitmap_count(b->bits);
}

bool bdrv_dirty_bitmap_enabled(const BdrvDirtyBitmap *b)
{
    return !b->disabled;
}

bool bdrv_dirty_bitmap_persistent(const BdrvDirtyBitmap *b)
{
    return b->persistent;
}

bool bdrv_dirty_bitmap_readonly(const BdrvDirtyBitmap *b)
{
    return b->readonly;
}

bool bdrv_dirty_bitmap_inconsistent(const BdrvDirtyBitmap *b)
{
    return b->inconsistent;
}

void bdrv_dirty_bitmap_set_persistence(BdrvDirtyBitmap *b, bool on)
{
    b->persistent = on;
}

void bdrv_dirty_bitmap_set_readonly(BdrvDirtyBitmap *b, bool on)
{
    b->readonly = on;
}

void bdrv_dirty_bitmap_set_inconsistent(BdrvDirtyBitmap *b)
{
    bdrv_disable_dirty_bitmap(b);
    b->inconsistent = true;
}

void bdrv_dirty_bitmap_set_busy(BdrvDirtyBitmap *b, bool on)
{
    b->busy = on;
}

bool bdrv_dirty_bitmap_check(const BdrvDirtyBitmap *b, BdrvBitmapCheck what,
                             Error **errp)
{
    ERRP_GUARD();

    if ((what & BDRV_BITMAP_BUSY) && b->busy) {
        error_setg(errp,
                   "Bitmap '%s' is currently in use by another operation and "
                   "cannot be used",
                   b->name);
        return false;
    }
    if ((what & BDRV_BITMAP_RO) && b->readonly) {
        error_setg(errp, "Bitmap '%s' is readonly and cannot be modified",
                   b->name);
        return false;
    }
    if ((what & BDRV_BITMAP_INCONSISTENT) && b->inconsistent) {
        error_setg(errp, "Bitmap '%s' is inconsistent and cannot be used",
                   b->name);
        error_append_hint(errp, "Try block-dirty-bitmap-remove to delete this "
                                "bitmap from disk\n");
        return false;
    }
    return true;
}

BlockDirtyInfoList *bdrv_query_dirty_bitmaps(BlockDriverState *bs)
{
    BlockDirtyInfoList *list = NULL, **tail = &list;
    BdrvDirtyBitmap *b;

    LIST_FOREACH(b, &bs->dirty_bitmaps, list) {
        BlockDirtyInfo *info = g_new0(BlockDirtyInfo, 1);

        info->name = g_strdup(b->name);
        info->count = bdrv_get_dirty_count(b);
        info->granularity = b->granularity;
        info->recording = !b->disabled;
        info->busy = b->busy;
        info->persistent = b->persistent;
        info->has_inconsistent = b->inconsistent;
        info->inconsistent = b->inconsistent;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

char *bdrv_dirty_bitmap_sha256(BdrvDirtyBitmap *b)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    return hbitmap_sha256(b->bits);
}

/* --- changing --- */

static void set_disabled(BdrvDirtyBitmap *b, bool disabled)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    b->disabled = disabled;
    update_recording(b->bs);
}

void bdrv_enable_dirty_bitmap(BdrvDirtyBitmap *b)
{
    /* A fast write decides when it starts whether it records */
    bdrv_drained_begin(b->bs);
    set_disabled(b, false);
    bdrv_drained_end(b->bs);
}

void bdrv_disable_dirty_bitmap(BdrvDirtyBitmap *b)
{
    set_disabled(b, true);
}

void bdrv_set_dirty_bitmap(BdrvDirtyBitmap *b, int64_t offset, int64_t bytes)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    hbitmap_set(b->bits, offset, bytes);
}

void bdrv_reset_dirty_bitmap(BdrvDirtyBitmap *b, int64_t offset, int64_t bytes)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    hbitmap_reset(b->bits, offset, bytes);
}

bool bdrv_clear_dirty_bitmap(BdrvDirtyBitmap *b, HBitmap **backup)
{
    HBitmap *new;

    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    if (!backup) {
        hbitmap_reset_all(b->bits);
        return true;
    }
    new = hbitmap_new(hbitmap_size(b->bits), hbitmap_granularity(b->bits));
    if (!new) {
        return false;
    }
    *backup = b->bits;
    b->bits = new;
    return true;
}

void bdrv_restore_dirty_bitmap(BdrvDirtyBitmap *b, HBitmap *backup)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    hbitmap_free(b->bits);
    b->bits = backup;
}

/* A copy of @src's bits, or NULL. */
static HBitmap *copy_bits(BdrvDirtyBitmap *src)
{
    HBitmap *copy;

    QEMU_LOCK_GUARD(&src->bs->bitmaps_lock);
    copy = hbitmap_new(hbitmap_size(src->bits), hbitmap_granularity(src->bits));
    if (copy) {
        hbitmap_merge(copy, src->bits);
    }
    return copy;
}

bool bdrv_merge_dirty_bitmap(BdrvDirtyBitmap *dst, BdrvDirtyBitmap *src,
                             HBitmap **backup, Error **errp)
{
    g_autoptr(HBitmap) bits = NULL, old = NULL;
    int64_t dst_size = bdrv_dirty_bitmap_size(dst);
    int64_t src_size = bdrv_dirty_bitmap_size(src);

    if (!bdrv_dirty_bitmap_check(dst, BDRV_BITMAP_DEFAULT, errp) ||
        !bdrv_dirty_bitmap_check(src, BDRV_BITMAP_ALLOW_RO, errp)) {
        return false;
    }
    if (dst_size != src_size) {
        error_setg(errp,
                   "Bitmaps are of different sizes (destination size is "
                   "%" PRId64 ", source size is %" PRId64
                   ") and can't be merged",
                   dst_size, src_size);
        return false;
    }
    /* A copy, so that no two locks are held at a time */
    bits = copy_bits(src);
    old = bits && backup ? copy_bits(dst) : NULL;
    if (!bits || (backup && !old)) {
        error_setg(errp, "Could not allocate memory for the bitmap");
        return false;
    }
    QEMU_LOCK_GUARD(&dst->bs->bitmaps_lock);
    if (hbitmap_size(dst->bits) == hbitmap_size(bits)) {
        hbitmap_merge(dst->bits, bits);
    }
    if (backup) {
        *backup = g_steal_pointer(&old);
    }
    return true;
}

/* --- reading --- */

bool bdrv_dirty_bitmap_next_area(BdrvDirtyBitmap *b, int64_t offset,
                                 int64_t end, int64_t *start, int64_t *count)
{
    uint64_t pos = 0, n = 0;
    bool found;

    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    found = hbitmap_next_dirty_area(b->bits, offset, end, &pos, &n);
    *start = pos;
    *count = n;
    return found;
}

uint64_t bdrv_dirty_bitmap_bytes(const BdrvDirtyBitmap *b)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    return hbitmap_bytes(b->bits);
}

void bdrv_dirty_bitmap_read_bytes(BdrvDirtyBitmap *b, uint64_t start,
                                  uint64_t count, void *buf)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    hbitmap_read_bytes(b->bits, start, count, buf);
}

void bdrv_dirty_bitmap_write_bytes(BdrvDirtyBitmap *b, uint64_t start,
                                   uint64_t count, const void *buf)
{
    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    hbitmap_write_bytes(b->bits, start, count, buf);
}

int64_t bdrv_dirty_bitmap_next_byte(BdrvDirtyBitmap *b, uint64_t start)
{
    unsigned shift = __builtin_ctz(b->granularity) + 3;
    int64_t pos;

    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    if (start > (uint64_t)INT64_MAX >> shift) {
        return -1;
    }
    pos = hbitmap_next_dirty(b->bits, start << shift, UINT64_MAX);
    return pos < 0 ? -1 : pos >> shift;
}

/* --- what requests do --- */

void bdrv_set_dirty_slow(BlockDriverState *bs, int64_t offset, int64_t bytes)
{
    BdrvDirtyBitmap *b;

    bdrv_write_threshold_check(bs, offset + bytes);
    QEMU_LOCK_GUARD(&bs->bitmaps_lock);
    LIST_FOREACH(b, &bs->dirty_bitmaps, list) {
        int64_t size = hbitmap_size(b->bits);

        if (!b->disabled && offset < size) {
            hbitmap_set(b->bits, offset, MIN(bytes, size - offset));
            b->modified = true;
        }
    }
}

void bdrv_dirty_bitmap_truncate(BlockDriverState *bs)
{
    BdrvDirtyBitmap *b;
    int64_t bytes;

    QEMU_LOCK_GUARD(&bs->bitmaps_lock);
    /* Under the lock: of several who make it longer the last one is right */
    bytes = qatomic_read(&bs->total_bytes);
    LIST_FOREACH(b, &bs->dirty_bitmaps, list) {
        if (hbitmap_size(b->bits) != (uint64_t)bytes &&
            !hbitmap_truncate(b->bits, bytes)) {
            /* No memory: it says nothing about the new part */
            b->disabled = b->inconsistent = true;
        }
    }
    update_recording(bs);
}

/* --- those that are stored in the image --- */

bool bdrv_dirty_bitmap_take_modified(BdrvDirtyBitmap *b, bool reset)
{
    bool modified;

    QEMU_LOCK_GUARD(&b->bs->bitmaps_lock);
    modified = b->modified;
    b->modified = modified && !reset;
    return modified;
}

bool bdrv_supports_persistent_dirty_bitmap(BlockDriverState *bs)
{
    return bs->drv && bs->drv->bdrv_co_can_store_bitmap &&
           (!bs->drv->bdrv_supports_bitmaps ||
            bs->drv->bdrv_supports_bitmaps(bs));
}

static int coroutine_fn co_can_store(BdrvSyncCall *s)
{
    BlockDriverState *bs = s->target;

    return bs->drv->bdrv_co_can_store_bitmap(bs, s->buf, s->bytes, s->errp);
}

bool bdrv_can_store_dirty_bitmap(BlockDriverState *bs, const char *name,
                                 uint32_t granularity, Error **errp)
{
    BdrvSyncCall s = { .co_fn = co_can_store,
                       .target = bs,
                       .buf = (char *)name,
                       .bytes = granularity,
                       .errp = errp };

    if (!bs->drv || !bs->drv->bdrv_co_can_store_bitmap) {
        error_setg_errno(errp, ENOTSUP, "Can't store persistent bitmaps to %s",
                         bdrv_get_device_or_node_name(bs));
        return false;
    }
    return bdrv_run_sync(&s) == 0;
}

static int coroutine_fn co_remove(BdrvSyncCall *s)
{
    BlockDriverState *bs = s->target;

    return bs->drv->bdrv_co_remove_bitmap(bs, s->buf, s->errp);
}

int bdrv_remove_persistent_dirty_bitmap(BdrvDirtyBitmap *b, Error **errp)
{
    BdrvSyncCall s = {
        .co_fn = co_remove, .target = b->bs, .buf = b->name, .errp = errp
    };

    if (!bdrv_supports_persistent_dirty_bitmap(b->bs)) {
        return 0;
    }
    return bdrv_run_sync(&s);
}

static int coroutine_fn co_will_change(BdrvSyncCall *s)
{
    BlockDriverState *bs = s->target;

    return bs->drv->bdrv_co_bitmaps_will_change(bs);
}

bool bdrv_dirty_bitmap_will_change(BdrvDirtyBitmap *b, Error **errp)
{
    BdrvSyncCall s = { .co_fn = co_will_change, .target = b->bs };
    int ret;

    if (!b->persistent || !bdrv_is_writable(b->bs) ||
        !bdrv_supports_persistent_dirty_bitmap(b->bs)) {
        return true;
    }
    ret = bdrv_run_sync(&s);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Can't update bitmap directory");
    }
    return ret >= 0;
}
