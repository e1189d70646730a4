/*
 * Bitmaps with summaries. A word is 64 bits.
 *
 * Invariants: a bit of level k + 1 is set exactly when its word of level k is
 * not zero; bits behind the last granule are clear; bits_set counts level 0.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "util/hbitmap.h"

#define MAX_LEVELS 11 /* 64^11 > 2^64 */

struct HBitmap {
    uint64_t size; /* the caller's unit */
    uint64_t bits; /* granules */
    uint64_t bits_set;
    unsigned granularity;
    unsigned nb_levels; /* >= 1; the topmost has one word */
    uint64_t *level[MAX_LEVELS];
    uint64_t words[MAX_LEVELS];
};

/* --- life --- */

static uint64_t granules(uint64_t size, unsigned granularity)
{
    return (size >> granularity) +
           !!(size & ((UINT64_C(1) << granularity) - 1));
}

static void free_levels(HBitmap *hb)
{
    for (unsigned i = 0; i < hb->nb_levels; i++) {
        g_free(hb->level[i]);
    }
}

/* Pages that are never touched cost nothing. */
static bool alloc_levels(HBitmap *hb)
{
    uint64_t n = hb->bits;

    do {
        n = MAX((n >> 6) + !!(n & 63), 1);
        hb->words[hb->nb_levels] = n;
        hb->level[hb->nb_levels] = g_try_new0(uint64_t, n);
        if (!hb->level[hb->nb_levels++]) {
            return false;
        }
    } while (n > 1);
    return true;
}

HBitmap *hbitmap_new(uint64_t size, unsigned granularity)
{
    HBitmap *hb = g_new0(HBitmap, 1);

    assert(granularity < 64);
    hb->size = size;
    hb->granularity = granularity;
    hb->bits = granules(size, granularity);
    if (!alloc_levels(hb)) {
        hbitmap_free(hb);
        return NULL;
    }
    return hb;
}

void hbitmap_free(HBitmap *hb)
{
    if (hb) {
        free_levels(hb);
        g_free(hb);
    }
}

/* --- properties --- */

unsigned hbitmap_granularity(const HBitmap *hb)
{
    return hb->granularity;
}

uint64_t hbitmap_size(const HBitmap *hb)
{
    return hb->size;
}

uint64_t hbitmap_count(const HBitmap *hb)
{
    return hb->bits_set << hb->granularity;
}

bool hbitmap_empty(const HBitmap *hb)
{
    return !hb->bits_set;
}

static inline bool test(const HBitmap *hb, uint64_t bit)
{
    return hb->level[0][bit >> 6] >> (bit & 63) & 1;
}

bool hbitmap_get(const HBitmap *hb, uint64_t pos)
{
    assert(pos < hb->size);
    return test(hb, pos >> hb->granularity);
}

/* --- changing --- */

/* The word @w of level 0 becomes @value. */
static void put_word(HBitmap *hb, uint64_t w, uint64_t value)
{
    uint64_t old = hb->level[0][w];

    if (old == value) {
        return;
    }
    hb->bits_set += __builtin_popcountll(value);
    hb->bits_set -= __builtin_popcountll(old);
    hb->level[0][w] = value;
    for (unsigned k = 1; k < hb->nb_levels && !old != !value; k++) {
        uint64_t bit = UINT64_C(1) << (w & 63);

        w >>= 6;
        old = hb->level[k][w];
        value = value ? old | bit : old & ~bit;
        hb->level[k][w] = value;
    }
}

/* Bits [@first, @last] of one word. */
static inline uint64_t mask(unsigned first, unsigned last)
{
    return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}

static void put_bits(HBitmap *hb, uint64_t first, uint64_t last, bool on)
{
    for (uint64_t w = first >> 6; w <= last >> 6; w++) {
        uint64_t m = mask(w == first >> 6 ? first & 63 : 0,
                          w == last >> 6 ? last & 63 : 63);
        uint64_t old = hb->level[0][w];

        put_word(hb, w, on ? old | m : old & ~m);
    }
}

void hbitmap_set(HBitmap *hb, uint64_t start, uint64_t count)
{
    if (!count) {
        return;
    }
    assert(start < hb->size && count <= hb->size - start);
    put_bits(hb, start >> hb->granularity,
             (start + count - 1) >> hb->granularity, true);
}

void hbitmap_reset(HBitmap *hb, uint64_t start, uint64_t count)
{
    uint64_t granule = UINT64_C(1) << hb->granularity;

    if (!count) {
        return;
    }
    assert(start < hb->size && count <= hb->size - start);
    assert(!(start & (granule - 1)) &&
           (!(count & (granule - 1)) || start + count == hb->size));
    put_bits(hb, start >> hb->granularity,
             (start + count - 1) >> hb->granularity, false);
}

void hbitmap_reset_all(HBitmap *hb)
{
    int64_t pos;

    /* Only what is set is touched: untouched pages stay so */
    while ((pos = hbitmap_next_dirty(hb, 0, hb->size)) >= 0) {
        put_word(hb, (uint64_t)pos >> hb->granularity >> 6, 0);
    }
}

/* --- finding --- */

/* The first set bit from @bit on, or UINT64_MAX. */
static uint64_t find_set(const HBitmap *hb, uint64_t bit)
{
    unsigned k = 0;
    uint64_t word;

    /* Up, until a word has something at or behind the place... */
    for (;;) {
        if (k >= hb->nb_levels || bit >> 6 >= hb->words[k]) {
            return UINT64_MAX;
        }
        word = hb->level[k][bit >> 6] & (UINT64_MAX << (bit & 63));
        if (word) {
            break;
        }
        bit = (bit >> 6) + 1;
        k++;
    }
    /* ... and down again */
    bit = (bit & ~UINT64_C(63)) + __builtin_ctzll(word);
    while (k-- > 0) {
        bit = (bit << 6) + __builtin_ctzll(hb->level[k][bit]);
    }
    return bit;
}

static uint64_t find_clear(const HBitmap *hb, uint64_t bit)
{
    uint64_t w = bit >> 6, word;

    for (; w < hb->words[0]; w++) {
        word = ~hb->level[0][w];
        if (w == bit >> 6) {
            word &= UINT64_MAX << (bit & 63);
        }
        if (word) {
            return (w << 6) + __builtin_ctzll(word);
        }
    }
    return UINT64_MAX;
}

static int64_t to_pos(const HBitmap *hb, uint64_t bit, uint64_t start,
                      uint64_t end)
{
    if (bit >= hb->bits || bit << hb->granularity >= end) {
        return -1;
    }
    return MAX(bit << hb->granularity, start);
}

int64_t hbitmap_next_dirty(const HBitmap *hb, uint64_t start, uint64_t end)
{
    end = MIN(end, hb->size);
    return start >= end
               ? -1
               : to_pos(hb, find_set(hb, start >> hb->granularity), start, end);
}

int64_t hbitmap_next_zero(const HBitmap *hb, uint64_t start, uint64_t end)
{
    end = MIN(end, hb->size);
    return start >= end ? -1
                        : to_pos(hb, find_clear(hb, start >> hb->granularity),
                                 start, end);
}

bool hbitmap_next_dirty_area(const HBitmap *hb, uint64_t start, uint64_t end,
                             uint64_t *area_start, uint64_t *area_count)
{
    int64_t first, last;

    end = MIN(end, hb->size);
    first = hbitmap_next_dirty(hb, start, end);
    if (first < 0) {
        return false;
    }
    last = hbitmap_next_zero(hb, first, end);
    *area_start = first;
    *area_count = (last < 0 ? end : (uint64_t)last) - first;
    return true;
}

/* --- whole bitmaps --- */

void hbitmap_merge(HBitmap *dst, const HBitmap *src)
{
    uint64_t pos = 0, n;

    assert(dst->size == src->size);
    if (dst->granularity != src->granularity) {
        while (hbitmap_next_dirty_area(src, pos, src->size, &pos, &n)) {
            hbitmap_set(dst, pos, n);
            pos += n;
        }
        return;
    }
    while ((pos = find_set(src, pos)) != UINT64_MAX) {
        put_word(dst, pos >> 6,
                 dst->level[0][pos >> 6] | src->level[0][pos >> 6]);
        pos = (pos | 63) + 1;
    }
}

bool hbitmap_truncate(HBitmap *hb, uint64_t size)
{
    HBitmap *new = hbitmap_new(size, hb->granularity);
    uint64_t pos = 0, w;

    if (!new) {
        return false;
    }
    while ((pos = find_set(hb, pos)) != UINT64_MAX && pos < new->bits) {
        w = pos >> 6;
        put_word(new, w,
                 hb->level[0][w] & (w == new->bits >> 6
                                        ? (UINT64_C(1) << (new->bits & 63)) - 1
                                        : UINT64_MAX));
        pos = (pos | 63) + 1;
    }
    free_levels(hb);
    *hb = *new;
    g_free(new);
    return true;
}

/* --- as bytes --- */

uint64_t hbitmap_bytes(const HBitmap *hb)
{
    return hb->words[0] * 8;
}

void hbitmap_read_bytes(const HBitmap *hb, uint64_t start, uint64_t count,
                        void *buf)
{
    uint8_t *p = buf;

    memset(p, 0, count);
    while (count && start < hbitmap_bytes(hb)) {
        uint64_t le = GUINT64_TO_LE(hb->level[0][start >> 3]);
        size_t skip = start & 7, n = MIN(8 - skip, count);

        memcpy(p, (uint8_t *)&le + skip, n);
        p += n;
        start += n;
        count -= n;
    }
}

void hbitmap_write_bytes(HBitmap *hb, uint64_t start, uint64_t count,
                         const void *buf)
{
    const uint8_t *p = buf;

    while (count && start < hbitmap_bytes(hb)) {
        uint64_t w = start >> 3, le = GUINT64_TO_LE(hb->level[0][w]), v;
        size_t skip = start & 7, n = MIN(8 - skip, count);

        if (p) {
            memcpy((uint8_t *)&le + skip, p, n);
            p += n;
        } else {
            memset((uint8_t *)&le + skip, 0xff, n);
        }
        v = GUINT64_FROM_LE(le);
        if (w >= hb->bits >> 6) {
            v &= w == hb->bits >> 6 ? (UINT64_C(1) << (hb->bits & 63)) - 1 : 0;
        }
        put_word(hb, w, v);
        start += n;
        count -= n;
    }
}

char *hbitmap_sha256(const HBitmap *hb)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    uint64_t total = hbitmap_bytes(hb);
    uint8_t buf[4096];

    for (uint64_t pos = 0; pos < total; pos += sizeof(buf)) {
        uint64_t n = MIN(total - pos, sizeof(buf));

        hbitmap_read_bytes(hb, pos, n, buf);
        g_checksum_update(sum, buf, n);
    }
    return g_strdup(g_checksum_get_string(sum));
}
