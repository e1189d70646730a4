/*
 * A bitmap with summaries: level 0 has a bit per granule, each level above a
 * bit for each word of the one below that is not zero, up to a single word.
 * Finding the next set bit looks at a word per level, however sparse it is.
 *
 * Positions and lengths are in the caller's unit (bytes, say); a bit stands
 * for 2^granularity of them. No locks of its own.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_HBITMAP_H
#define UTIL_HBITMAP_H

typedef struct HBitmap HBitmap;

/* All clear. @granularity: log2, below 64. NULL: memory is short. */
HBitmap *hbitmap_new(uint64_t size, unsigned granularity);
void hbitmap_free(HBitmap *hb); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HBitmap, hbitmap_free)

unsigned hbitmap_granularity(const HBitmap *hb);
uint64_t hbitmap_size(const HBitmap *hb);
/* Set bits, times the granularity: may exceed the size. */
uint64_t hbitmap_count(const HBitmap *hb);
bool hbitmap_empty(const HBitmap *hb);
bool hbitmap_get(const HBitmap *hb, uint64_t pos);

/* All bits that the range touches; it lies inside. */
void hbitmap_set(HBitmap *hb, uint64_t start, uint64_t count);
/* The same, to 0: the range begins and ends at whole granules or the end. */
void hbitmap_reset(HBitmap *hb, uint64_t start, uint64_t count);
void hbitmap_reset_all(HBitmap *hb);

/* The first position in [@start, @end) whose bit is set (clear), or -1. Not
 * before @start itself. */
int64_t hbitmap_next_dirty(const HBitmap *hb, uint64_t start, uint64_t end);
int64_t hbitmap_next_zero(const HBitmap *hb, uint64_t start, uint64_t end);
/* The first run of set bits in [@start, @end): its part inside. */
bool hbitmap_next_dirty_area(const HBitmap *hb, uint64_t start, uint64_t end,
                             uint64_t *area_start, uint64_t *area_count);

/* Add @src, of the same size but any granularity. */
void hbitmap_merge(HBitmap *dst, const HBitmap *src);
/* What is new is clear. False: memory is short, and nothing has changed. */
bool hbitmap_truncate(HBitmap *hb, uint64_t size);

/* --- as bytes: bit n of the bitmap is bit n % 8 of byte n / 8 --- */

/* Bytes of level 0, a multiple of 8. */
uint64_t hbitmap_bytes(const HBitmap *hb);
/* Bytes [@start, @start + @count) into @buf; behind the end: zeroes. */
void hbitmap_read_bytes(const HBitmap *hb, uint64_t start, uint64_t count,
                        void *buf);
/* The other way; bits behind the end are ignored. NULL: all ones. */
void hbitmap_write_bytes(HBitmap *hb, uint64_t start, uint64_t count,
                         const void *buf);
/* SHA-256 of all bytes, as hex; the caller frees it. */
char *hbitmap_sha256(const HBitmap *hb);

#endif
