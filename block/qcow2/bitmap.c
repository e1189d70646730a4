/*
 * Dirty bitmaps in the image: the directory, and loading at open. Storing is
 * in bitmap-store.c.
 *
 * s->bitmaps mirrors the directory in the file. It is read by the first
 * request that writes (qcow2_co_bitmaps_mark, once) and changed in the main
 * thread: while nothing is in flight, or after that first write was prepared.
 *
 * All numbers in the directory and the tables are somebody else's: a table
 * must lie inside of the file before memory is taken for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/bitmap.h"

#include "block/dirty-bitmap.h"
#include "qapi/util.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/memalign.h"

/* --- entries of the directory --- */

static void bitmap_free(gpointer data)
{
    Qcow2Bitmap *bm = data;

    g_free(bm->name);
    g_free(bm);
}

GPtrArray *qcow2_bitmap_list_new(void)
{
    return g_ptr_array_new_with_free_func(bitmap_free);
}

Qcow2Bitmap *qcow2_find_bitmap(const GPtrArray *list, const char *name)
{
    for (guint i = 0; list && i < list->len; i++) {
        Qcow2Bitmap *bm = list->pdata[i];

        if (!strcmp(bm->name, name)) {
            return bm;
        }
    }
    return NULL;
}

size_t qcow2_bitmap_entry_size(size_t name_len)
{
    return ROUND_UP(QCOW2_BITMAP_ENTRY_LEN + name_len, 8);
}

uint8_t *qcow2_bitmap_build_dir(const GPtrArray *list, uint32_t more_flags,
                                size_t *size)
{
    uint8_t *dir, *p;

    *size = 0;
    for (guint i = 0; i < list->len; i++) {
        const Qcow2Bitmap *bm = list->pdata[i];

        *size += qcow2_bitmap_entry_size(strlen(bm->name));
    }
    p = dir = g_malloc0(MAX(*size, 1));
    for (guint i = 0; i < list->len; i++) {
        const Qcow2Bitmap *bm = list->pdata[i];
        size_t len = strlen(bm->name);

        qcow2_stq(p, bm->table_offset);
        qcow2_stl(p + 8, bm->table_size);
        qcow2_stl(p + 12, bm->flags | more_flags);
        p[16] = QCOW2_BITMAP_TYPE_DIRTY;
        p[17] = bm->granularity_bits;
        p[18] = len >> 8;
        p[19] = len;
        memcpy(p + QCOW2_BITMAP_ENTRY_LEN, bm->name, len);
        p += qcow2_bitmap_entry_size(len);
    }
    return dir;
}

/* The rules of the format, and of QEMU: the same are refused. */
static bool entry_is_sane(const Qcow2State *s, const uint8_t *e,
                          const Qcow2Bitmap *bm, size_t name_len)
{
    uint64_t bytes = (uint64_t)bm->table_size << s->cluster_bits;
    unsigned bits = bm->granularity_bits;

    if (!bm->table_size || !bm->table_offset ||
        qcow2_in_cluster(s, bm->table_offset) ||
        bm->table_size > QCOW2_BITMAP_MAX_TABLE ||
        bits < QCOW2_BITMAP_MIN_GRANULARITY ||
        bits > QCOW2_BITMAP_MAX_GRANULARITY ||
        (bm->flags & ~(QCOW2_BITMAP_IN_USE | QCOW2_BITMAP_AUTO)) || !name_len ||
        name_len > BDRV_BITMAP_MAX_NAME || e[16] != QCOW2_BITMAP_TYPE_DIRTY ||
        bytes > QCOW2_BITMAP_MAX_BYTES) {
        return false;
    }
    return (bm->flags & QCOW2_BITMAP_IN_USE) || s->h.size <= bytes * 8 << bits;
}

static bool parse_entry(const Qcow2State *s, const uint8_t *e, size_t room,
                        GPtrArray *list, size_t *used, Error **errp)
{
    size_t name_len = room < QCOW2_BITMAP_ENTRY_LEN ? 0 : e[18] << 8 | e[19];
    uint64_t extra = room < QCOW2_BITMAP_ENTRY_LEN ? 0 : qcow2_ldl(e + 20);
    Qcow2Bitmap *bm;

    *used = ROUND_UP(QCOW2_BITMAP_ENTRY_LEN + extra + name_len, 8);
    if (*used > room) {
        error_setg(errp, "Broken bitmap directory");
        return false;
    }
    if (list->len == s->h.nb_bitmaps) {
        error_setg(errp, "More bitmaps found than specified in header "
                         "extension");
        return false;
    }
    if (extra) {
        error_setg(errp, "Bitmap extra data is not supported");
        return false;
    }
    bm = g_new0(Qcow2Bitmap, 1);
    g_ptr_array_add(list, bm);
    bm->table_offset = qcow2_ldq(e);
    bm->table_size = qcow2_ldl(e + 8);
    bm->flags = qcow2_ldl(e + 12);
    bm->granularity_bits = e[17];
    bm->name = g_strndup((const char *)e + QCOW2_BITMAP_ENTRY_LEN, name_len);
    if (!entry_is_sane(s, e, bm, name_len)) {
        error_setg(errp, "Bitmap '%s' doesn't satisfy the constraints",
                   bm->name);
        return false;
    }
    return true;
}

/* Is the range inside of the file? Nobody gets memory for what is not. */
static bool inside_file(BlockDriverState *bs, uint64_t offset, uint64_t bytes)
{
    int64_t len = bdrv_getlength(bs->file->bs);

    return len >= 0 && offset <= (uint64_t)len && bytes <= len - offset;
}

static bool read_dir(BlockDriverState *bs, GPtrArray *list, Error **errp)
{
    Qcow2State *s = bs->opaque;
    size_t size = s->h.bitmap_dir_size, pos = 0, used;
    g_autofree uint8_t *dir = NULL;
    int ret = -EINVAL;

    if (!size) {
        error_setg(errp, "Requested bitmap directory size is zero");
        return false;
    }
    if (inside_file(bs, s->h.bitmap_dir_offset, size)) {
        dir = g_try_malloc(size);
        ret = dir ? bdrv_pread(bs->file, s->h.bitmap_dir_offset, size, dir, 0)
                  : -ENOMEM;
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to read bitmap directory");
        return false;
    }
    for (; pos < size; pos += used) {
        if (!parse_entry(s, dir + pos, size - pos, list, &used, errp)) {
            return false;
        }
    }
    if (list->len != s->h.nb_bitmaps) {
        error_setg(errp, "Less bitmaps found than specified in header "
                         "extension");
        return false;
    }
    return true;
}

/* --- content --- */

bool qcow2_bitmap_entry_ok(const Qcow2State *s, uint64_t entry)
{
    uint64_t offset = entry & QCOW2_BITMAP_OFFSET_MASK;

    return !(entry & QCOW2_BITMAP_RESERVED) &&
           (!offset ||
            (!(entry & QCOW2_BITMAP_ALL_ONES) && !qcow2_in_cluster(s, offset)));
}

static int read_table(BlockDriverState *bs, const Qcow2Bitmap *bm,
                      uint64_t **table)
{
    uint64_t bytes = bm->table_size * UINT64_C(8);
    int ret;

    if (!inside_file(bs, bm->table_offset, bytes)) {
        return -EINVAL;
    }
    *table = g_try_malloc(bytes);
    if (!*table) {
        return -ENOMEM;
    }
    ret = bdrv_pread(bs->file, bm->table_offset, bytes, *table, 0);
    for (uint32_t i = 0; ret >= 0 && i < bm->table_size; i++) {
        (*table)[i] = GUINT64_FROM_BE((*table)[i]);
        if (!qcow2_bitmap_entry_ok(bs->opaque, (*table)[i])) {
            ret = -EINVAL;
        }
    }
    return ret;
}

static int read_bits(BlockDriverState *bs, const uint64_t *table, uint32_t n,
                     BdrvDirtyBitmap *b)
{
    Qcow2State *s = bs->opaque;
    QEMU_AUTO_VFREE uint8_t *buf = bdrv_try_blockalign(bs, s->cluster_size);
    uint64_t total = bdrv_dirty_bitmap_bytes(b);
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    if (n != DIV_ROUND_UP(total, s->cluster_size)) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < n && ret >= 0; i++) {
        uint64_t offset = table[i] & QCOW2_BITMAP_OFFSET_MASK;
        uint64_t pos = (uint64_t)i << s->cluster_bits;
        uint64_t bytes = MIN(s->cluster_size, total - pos);

        if (!offset) {
            if (table[i] & QCOW2_BITMAP_ALL_ONES) {
                bdrv_dirty_bitmap_write_bytes(b, pos, bytes, NULL);
            }
            continue;
        }
        if (!inside_file(bs, offset, 1)) {
            return -EINVAL;
        }
        ret = bdrv_pread(bs->file, offset, bytes, buf, 0);
        if (ret >= 0) {
            bdrv_dirty_bitmap_write_bytes(b, pos, bytes, buf);
        }
    }
    return ret;
}

static bool load_content(BlockDriverState *bs, const Qcow2Bitmap *bm,
                         BdrvDirtyBitmap *b, Error **errp)
{
    g_autofree uint64_t *table = NULL;
    int ret = read_table(bs, bm, &table);

    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Could not read bitmap_table table from image for "
                         "bitmap '%s'",
                         bm->name);
        return false;
    }
    ret = read_bits(bs, table, bm->table_size, b);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read bitmap '%s' from image",
                         bm->name);
    }
    return ret >= 0;
}

static bool load_bitmap(BlockDriverState *bs, const Qcow2Bitmap *bm,
                        Error **errp)
{
    BdrvDirtyBitmap *b = bdrv_create_dirty_bitmap(
        bs, UINT32_C(1) << bm->granularity_bits, bm->name, errp);

    if (!b) {
        return false;
    }
    bdrv_dirty_bitmap_set_persistence(b, true);
    if (bm->flags & QCOW2_BITMAP_IN_USE) {
        bdrv_dirty_bitmap_set_inconsistent(b);
    } else {
        if (!load_content(bs, bm, b, errp)) {
            return false;
        }
        if (!(bm->flags & QCOW2_BITMAP_AUTO)) {
            bdrv_disable_dirty_bitmap(b);
        }
    }
    bdrv_dirty_bitmap_set_readonly(b, !bdrv_is_writable(bs));
    return true;
}

static void warn_lost(const Qcow2State *s)
{
    if (s->h.version < 3) {
        warn_report("This qcow2 v2 image contains bitmaps, but they may have "
                    "been modified by a program without persistent bitmap "
                    "support; so now they must all be considered inconsistent");
    } else {
        warn_report("a program lacking bitmap support modified this file, so "
                    "all bitmaps are now considered inconsistent");
    }
}

int qcow2_load_bitmaps(BlockDriverState *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;
    bool ok = true;

    if (s->h.lost_bitmaps) {
        warn_lost(s);
        qatomic_set(&s->write_ready, false);
    }
    if (!s->h.nb_bitmaps || (bs->open_flags & BDRV_O_INACTIVE)) {
        return 0;
    }
    s->bitmaps = qcow2_bitmap_list_new();
    ok = read_dir(bs, s->bitmaps, errp);
    for (guint i = 0; ok && i < s->bitmaps->len; i++) {
        ok = load_bitmap(bs, s->bitmaps->pdata[i], errp);
    }
    if (!ok) {
        bdrv_release_dirty_bitmaps(bs);
        return -EINVAL;
    }
    s->autoclear_kept |= QCOW2_AUTOCLEAR_BITMAPS;
    qatomic_set(&s->write_ready, false);
    return 0;
}

/* --- what is said of them --- */

Qcow2BitmapInfoList *qcow2_bitmap_info(const Qcow2State *s)
{
    Qcow2BitmapInfoList *list = NULL, **tail = &list;

    for (guint i = 0; s->bitmaps && i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *bm = s->bitmaps->pdata[i];
        Qcow2BitmapInfo *info = g_new0(Qcow2BitmapInfo, 1);
        Qcow2BitmapInfoFlagsList **flags = &info->flags;

        info->name = g_strdup(bm->name);
        info->granularity = UINT32_C(1) << bm->granularity_bits;
        if (bm->flags & QCOW2_BITMAP_IN_USE) {
            QAPI_LIST_APPEND(flags, QCOW2_BITMAP_INFO_FLAGS_IN_USE);
        }
        if (bm->flags & QCOW2_BITMAP_AUTO) {
            QAPI_LIST_APPEND(flags, QCOW2_BITMAP_INFO_FLAGS_AUTO);
        }
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

bool qcow2_bitmaps_allow_resize(BlockDriverState *bs, Error **errp)
{
    Qcow2State *s = bs->opaque;

    for (guint i = 0; s->bitmaps && i < s->bitmaps->len; i++) {
        const Qcow2Bitmap *bm = s->bitmaps->pdata[i];
        BdrvDirtyBitmap *b = bdrv_find_dirty_bitmap(bs, bm->name);

        if (!b) {
            error_setg(errp, "Cannot resize qcow2 with persistent bitmaps that "
                             "were not loaded into memory");
            return false;
        }
        if (!bdrv_dirty_bitmap_check(b, BDRV_BITMAP_DEFAULT, errp)) {
            return false;
        }
    }
    return true;
}

void qcow2_bitmaps_set_readonly(BlockDriverState *bs, bool on)
{
    Qcow2State *s = bs->opaque;
    BdrvDirtyBitmap *b = NULL;

    while ((b = bdrv_dirty_bitmap_next(bs, b))) {
        if (bdrv_dirty_bitmap_persistent(b) &&
            qcow2_find_bitmap(s->bitmaps, bdrv_dirty_bitmap_name(b))) {
            bdrv_dirty_bitmap_set_readonly(b, on);
        }
    }
}

void qcow2_bitmaps_cleanup(Qcow2State *s)
{
    g_clear_pointer(&s->bitmaps, g_ptr_array_unref);
}
