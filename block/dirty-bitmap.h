/*
 * Dirty bitmaps: which parts of a node were written since a point in time.
 *
 * A bitmap belongs to a node. While it records, every write, zeroing and
 * discard of the node sets its bits when it is over, whether it succeeded or
 * not. A node without recording bitmaps pays one look at a flag that the fast
 * path has at hand anyway.
 *
 * Thread: main, but for bdrv_set_dirty(), which any thread calls. The bits
 * are under bs->bitmaps_lock; all else changes in the main thread only, under
 * the lock where bdrv_set_dirty() reads it.
 *
 * Sizes and positions in bytes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_DIRTY_BITMAP_H
#define BLOCK_DIRTY_BITMAP_H

#include "block/block-common.h"
#include "util/error.h"
#include "util/hbitmap.h"

#define BDRV_BITMAP_MAX_NAME 1023

typedef struct BdrvDirtyBitmap BdrvDirtyBitmap;

/* What to ask of a bitmap before using it; a set. */
typedef enum {
    BDRV_BITMAP_BUSY = 1 << 0,         /* no job uses it */
    BDRV_BITMAP_RO = 1 << 1,           /* it may be changed */
    BDRV_BITMAP_INCONSISTENT = 1 << 2, /* it means something */

    BDRV_BITMAP_DEFAULT = 7,
    BDRV_BITMAP_ALLOW_RO = BDRV_BITMAP_BUSY | BDRV_BITMAP_INCONSISTENT,
} BdrvBitmapCheck;

/* --- life --- */

/* @granularity: a power of 2, at least 512. @name NULL: nobody finds it. It
 * records. NULL and @errp on failure. */
BdrvDirtyBitmap *bdrv_create_dirty_bitmap(BlockDriverState *bs,
                                          uint32_t granularity,
                                          const char *name, Error **errp);
void bdrv_release_dirty_bitmap(BdrvDirtyBitmap *b);
/* All of them; the node is being closed. */
void bdrv_release_dirty_bitmaps(BlockDriverState *bs);
BdrvDirtyBitmap *bdrv_find_dirty_bitmap(BlockDriverState *bs, const char *name);
/* @b NULL: the first; newest first. */
BdrvDirtyBitmap *bdrv_dirty_bitmap_next(BlockDriverState *bs,
                                        BdrvDirtyBitmap *b);
bool bdrv_has_dirty_bitmaps(const BlockDriverState *bs);
/* By the cluster size, within 4 KiB and 64 KiB. */
uint32_t bdrv_default_bitmap_granularity(BlockDriverState *bs);

/* --- properties --- */

const char *bdrv_dirty_bitmap_name(const BdrvDirtyBitmap *b);
uint32_t bdrv_dirty_bitmap_granularity(const BdrvDirtyBitmap *b);
int64_t bdrv_dirty_bitmap_size(const BdrvDirtyBitmap *b);
int64_t bdrv_get_dirty_count(BdrvDirtyBitmap *b);
bool bdrv_dirty_bitmap_enabled(const BdrvDirtyBitmap *b);
bool bdrv_dirty_bitmap_persistent(const BdrvDirtyBitmap *b);
bool bdrv_dirty_bitmap_readonly(const BdrvDirtyBitmap *b);
bool bdrv_dirty_bitmap_inconsistent(const BdrvDirtyBitmap *b);
/* Stored in the image when the node is closed. */
void bdrv_dirty_bitmap_set_persistence(BdrvDirtyBitmap *b, bool on);
/* It is in a file that cannot be written: it must not change. */
void bdrv_dirty_bitmap_set_readonly(BdrvDirtyBitmap *b, bool on);
/* It was not stored properly; only removing it is of use. Does not record. */
void bdrv_dirty_bitmap_set_inconsistent(BdrvDirtyBitmap *b);
/* A job uses it. */
void bdrv_dirty_bitmap_set_busy(BdrvDirtyBitmap *b, bool on);
bool bdrv_dirty_bitmap_check(const BdrvDirtyBitmap *b, BdrvBitmapCheck what,
                             Error **errp);
BlockDirtyInfoList *bdrv_query_dirty_bitmaps(BlockDriverState *bs);
char *bdrv_dirty_bitmap_sha256(BdrvDirtyBitmap *b);

/* --- changing --- */

void bdrv_enable_dirty_bitmap(BdrvDirtyBitmap *b);
void bdrv_disable_dirty_bitmap(BdrvDirtyBitmap *b);
void bdrv_set_dirty_bitmap(BdrvDirtyBitmap *b, int64_t offset, int64_t bytes);
/* Whole granules, or up to the end. */
void bdrv_reset_dirty_bitmap(BdrvDirtyBitmap *b, int64_t offset, int64_t bytes);
/* All clear; *@backup (may be NULL) gets the bits. False: no memory. */
bool bdrv_clear_dirty_bitmap(BdrvDirtyBitmap *b, HBitmap **backup);
/* Undo: @backup is taken over. */
void bdrv_restore_dirty_bitmap(BdrvDirtyBitmap *b, HBitmap *backup);
/* Add @src's bits. *@backup (may be NULL) gets what was there before. */
bool bdrv_merge_dirty_bitmap(BdrvDirtyBitmap *dst, BdrvDirtyBitmap *src,
                             HBitmap **backup, Error **errp);

/* --- reading --- */

/* The first run of dirty bytes in [@offset, @end). */
bool bdrv_dirty_bitmap_next_area(BdrvDirtyBitmap *b, int64_t offset,
                                 int64_t end, int64_t *start, int64_t *count);
/* Level 0 as hbitmap_bytes(), _read_bytes(), _write_bytes() have it. */
uint64_t bdrv_dirty_bitmap_bytes(const BdrvDirtyBitmap *b);
void bdrv_dirty_bitmap_read_bytes(BdrvDirtyBitmap *b, uint64_t start,
                                  uint64_t count, void *buf);
void bdrv_dirty_bitmap_write_bytes(BdrvDirtyBitmap *b, uint64_t start,
                                   uint64_t count, const void *buf);
/* The first byte of level 0 from @start on that is not 0; -1: none. */
int64_t bdrv_dirty_bitmap_next_byte(BdrvDirtyBitmap *b, uint64_t start);

/* --- what requests do (any thread) --- */

/* @bs has a write threshold or none any more. Main, drained. */
void bdrv_update_recording(BlockDriverState *bs);
/* Something was written up to @end: is that beyond the threshold? */
void bdrv_write_threshold_check(BlockDriverState *bs, int64_t end);
/* See bdrv_set_dirty() in block/io-int.h. */
void bdrv_set_dirty_slow(BlockDriverState *bs, int64_t offset, int64_t bytes);
/* The node has another size now. */
void bdrv_dirty_bitmap_truncate(BlockDriverState *bs);

/* --- those that are stored in the image --- */

/* Did a request set bits since this was last asked with @reset? (A request
 * that finds nothing to do sets bits, too.) */
bool bdrv_dirty_bitmap_take_modified(BdrvDirtyBitmap *b, bool reset);
bool bdrv_supports_persistent_dirty_bitmap(BlockDriverState *bs);
bool bdrv_can_store_dirty_bitmap(BlockDriverState *bs, const char *name,
                                 uint32_t granularity, Error **errp);
/* Out of the image; the bitmap itself stays. 0 or -errno. */
int bdrv_remove_persistent_dirty_bitmap(BdrvDirtyBitmap *b, Error **errp);
/* Before a change other than by a write: the image no longer vouches for what
 * it has stored. Nothing to do for others than persistent ones. */
bool bdrv_dirty_bitmap_will_change(BdrvDirtyBitmap *b, Error **errp);

/* --- for QMP and tools: by names (block/qmp-bitmap.c) --- */

BdrvDirtyBitmap *bdrv_lookup_dirty_bitmap(const char *node, const char *name,
                                          BlockDriverState **pbs, Error **errp);

#endif
