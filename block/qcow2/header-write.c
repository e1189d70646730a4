/*
 * Writing the header's variable part anew: feature bits, extensions and the
 * name of the backing file, from s->h. Sizes and places of tables are not
 * touched: those who move a table write its field.
 *
 * Invariants, for the file after a power cut between or during any two writes:
 *
 *  1. The extensions can be read. When some are added behind the others, what
 *     stands where the old end mark was is written last, in one write that
 *     reaches at most to the end of its sector. (A change in the middle is one
 *     write, and as safe as the disk makes it.)
 *  2. The header's backing offset leads to a whole name, the old or the new:
 *     the new one is written elsewhere first, if the cluster has room.
 *  3. A feature bit that keeps others away (incompatible) is set before and
 *     cleared after what it stands for has changed; one that vouches for
 *     something (autoclear) the other way round.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/memalign.h"

/* --- composing --- */

typedef struct Image {
    uint8_t *p; /* a cluster */
    size_t size, pos;
} Image;

static bool add_ext(Image *im, uint32_t magic, const void *data, uint32_t len)
{
    /* Room for the end mark, too */
    if (im->pos + 8 + ROUND_UP((uint64_t)len, 8) + 8 > im->size) {
        return false;
    }
    qcow2_stl(im->p + im->pos, magic);
    qcow2_stl(im->p + im->pos + 4, len);
    memcpy(im->p + im->pos + 8, data, len);
    im->pos += 8 + ROUND_UP(len, 8);
    return true;
}

size_t qcow2_feature_names(uint8_t *table)
{
    static const struct {
        uint8_t type, bit;
        const char *name;
    } features[QCOW2_NB_FEATURE_NAMES] = {
        { 0, 0, "dirty bit" },
        { 0, 1, "corrupt bit" },
        { 0, 2, "external data file" },
        { 0, 3, "compression type" },
        { 0, 4, "extended L2 entries" },
        { 1, 0, "lazy refcounts" },
        { 2, 0, "bitmaps" },
        { 2, 1, "raw external data" },
    };

    memset(table, 0, sizeof(features) / sizeof(features[0]) * 48);
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        table[i * 48] = features[i].type;
        table[i * 48 + 1] = features[i].bit;
        memcpy(table + i * 48 + 2, features[i].name, strlen(features[i].name));
    }
    return ARRAY_SIZE(features) * 48;
}

/* @names: the table of feature names, too, if it was there. */
static bool add_known_exts(const Qcow2Header *h, Image *im, bool names)
{
    uint8_t table[QCOW2_NB_FEATURE_NAMES * 48], bitmaps[24] = { 0 };
    size_t len;

    if (h->backing_format &&
        !add_ext(im, QCOW2_EXT_BACKING_FORMAT, h->backing_format,
                 strlen(h->backing_format))) {
        return false;
    }
    if (h->data_file &&
        !add_ext(im, QCOW2_EXT_DATA_FILE, h->data_file, strlen(h->data_file))) {
        return false;
    }
    len = qcow2_feature_names(table);
    if (names && h->has_feature_names && h->version >= 3 &&
        !add_ext(im, QCOW2_EXT_FEATURE_TABLE, table, len)) {
        return false;
    }
    if (h->nb_bitmaps) {
        qcow2_stl(bitmaps, h->nb_bitmaps);
        qcow2_stq(bitmaps + 8, h->bitmap_dir_size);
        qcow2_stq(bitmaps + 16, h->bitmap_dir_offset);
        return add_ext(im, QCOW2_EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    return true;
}

/* The extensions and the end mark; im->pos is behind it. */
static bool compose_exts(const Qcow2Header *h, Image *im, bool names)
{
    im->pos = h->header_len;
    if (!add_known_exts(h, im, names)) {
        return false;
    }
    for (guint i = 0; h->other_exts && i < h->other_exts->len; i++) {
        const Qcow2Ext *e = h->other_exts->pdata[i];

        if (!add_ext(im, e->magic, e->data, e->len)) {
            return false;
        }
    }
    memset(im->p + im->pos, 0, 8);
    im->pos += 8;
    return true;
}

/* The names of features are a help for the reader: they go where there is no
 * room for them. */
static bool compose(const Qcow2Header *h, Image *im)
{
    size_t name = h->backing_file ? strlen(h->backing_file) : 0;

    return (compose_exts(h, im, true) && im->pos + name <= im->size) ||
           compose_exts(h, im, false);
}

/* Where the backing name goes: not over the old one, if that can be. */
static bool place_name(const Qcow2Header *h, const Image *im,
                       const uint8_t *old, size_t len, size_t *place)
{
    size_t end = h->backing_offset + qcow2_ldl(old + QCOW2_H_BACKING_LEN);

    *place = im->pos;
    if (*place == h->backing_offset &&
        len == qcow2_ldl(old + QCOW2_H_BACKING_LEN) &&
        *place + len <= im->size &&
        !memcmp(old + *place, h->backing_file, len)) {
        return true;
    }
    if (h->backing_offset && *place<end && * place + len> h->backing_offset &&
        ROUND_UP(end, 8) + len <= im->size) {
        *place = MAX(*place, ROUND_UP(end, 8));
    }
    return *place + len <= im->size;
}

/* --- writing --- */

static int coroutine_fn write_and_flush(BlockDriverState *bs, size_t offset,
                                        size_t bytes, const void *buf)
{
    int ret = bdrv_co_pwrite(bs->file, offset, bytes, buf, 0);

    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

/* @old: what the file has; changed to what it has then. */
static int coroutine_fn write_features(BlockDriverState *bs, uint8_t *old,
                                       uint64_t incompat, uint64_t compat,
                                       uint64_t autoclear)
{
    Qcow2State *s = bs->opaque;
    uint8_t buf[24];

    qcow2_stq(buf, incompat);
    qcow2_stq(buf + 8, compat);
    qcow2_stq(buf + 16, autoclear);
    if (s->h.version < 3 || !memcmp(old + QCOW2_H_INCOMPAT, buf, sizeof(buf))) {
        return 0;
    }
    memcpy(old + QCOW2_H_INCOMPAT, buf, sizeof(buf));
    return write_and_flush(bs, QCOW2_H_INCOMPAT, sizeof(buf), buf);
}

static int coroutine_fn write_name(BlockDriverState *bs, const uint8_t *old,
                                   uint8_t *new, size_t place, size_t len)
{
    uint8_t field[12];
    int ret = 0;

    qcow2_stq(field, len ? place : 0);
    qcow2_stl(field + 8, len);
    if (len && memcmp(old + place, new + place, len)) {
        ret = write_and_flush(bs, place, len, new + place);
    }
    if (ret >= 0 &&
        memcmp(old + QCOW2_H_BACKING_OFFSET, field, sizeof(field))) {
        ret = write_and_flush(bs, QCOW2_H_BACKING_OFFSET, sizeof(field), field);
    }
    return ret;
}

/* Where the end mark of the extensions stands. */
static size_t end_mark(const uint8_t *header, size_t pos, size_t size)
{
    while (pos + 8 <= size && qcow2_ldl(header + pos) != QCOW2_EXT_END) {
        pos += 8 + ROUND_UP((uint64_t)qcow2_ldl(header + pos + 4), 8);
    }
    return MIN(pos, size);
}

/* The bytes [@begin, @end) of @new; invariant 1. */
static int coroutine_fn write_exts(BlockDriverState *bs, const uint8_t *old,
                                   const uint8_t *new, size_t begin, size_t end)
{
    Qcow2State *s = bs->opaque;
    size_t sector = end, mark = end_mark(old, begin, s->cluster_size);
    int ret = 0;

    while (begin < end && old[begin] == new[begin]) {
        begin++;
    }
    if (begin >= mark) {
        sector = MIN(end, ROUND_UP(begin + 1, 512));
    }
    if (end > sector && memcmp(old + sector, new + sector, end - sector)) {
        ret = write_and_flush(bs, sector, end - sector, new + sector);
    }
    if (ret >= 0 && begin < end) {
        ret = write_and_flush(bs, begin, sector - begin, new + begin);
    }
    return ret;
}

int coroutine_fn qcow2_co_update_header(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;
    Qcow2Header *h = &s->h;
    QEMU_AUTO_VFREE uint8_t *old = bdrv_try_blockalign(bs, s->cluster_size);
    g_autofree uint8_t *new = g_try_malloc(s->cluster_size);
    Image im = { .p = new, .size = s->cluster_size };
    size_t len = h->backing_file ? strlen(h->backing_file) : 0, place = 0;
    int ret;

    if (!old || !new) {
        return -ENOMEM;
    }
    ret = bdrv_co_pread(bs->file, 0, s->cluster_size, old, 0);
    if (ret < 0) {
        return ret;
    }
    memcpy(new, old, s->cluster_size);
    if (!compose(h, &im) || (len && !place_name(h, &im, old, len, &place))) {
        return -ENOSPC;
    }
    memcpy(new + place, len ? h->backing_file : (char *)new, len);

    ret = write_features(
        bs, old, h->incompat | qcow2_ldq(old + QCOW2_H_INCOMPAT), h->compat,
        h->autoclear & qcow2_ldq(old + QCOW2_H_AUTOCLEAR));
    if (ret >= 0) {
        ret = write_name(bs, old, new, place, len);
    }
    if (ret >= 0) {
        h->backing_offset = place;
        h->backing_len = len;
        ret = write_exts(bs, old, new, h->header_len, im.pos);
    }
    if (ret >= 0) {
        ret = write_features(bs, old, h->incompat, h->compat, h->autoclear);
    }
    return ret;
}

/* --- another version --- */

/* The fixed part behind what both versions have. */
static void compose_fixed(const Qcow2Header *h, uint8_t *p)
{
    qcow2_stl(p + QCOW2_H_VERSION, h->version);
    if (h->version < 3) {
        return;
    }
    memset(p + QCOW2_V2_HEADER_LEN, 0, h->header_len - QCOW2_V2_HEADER_LEN);
    qcow2_stq(p + QCOW2_H_INCOMPAT, h->incompat);
    qcow2_stq(p + QCOW2_H_COMPAT, h->compat);
    qcow2_stq(p + QCOW2_H_AUTOCLEAR, h->autoclear);
    qcow2_stl(p + QCOW2_H_REFCOUNT_ORDER, h->refcount_order);
    qcow2_stl(p + QCOW2_H_HEADER_LEN, h->header_len);
    p[QCOW2_H_COMPRESSION] = h->compression;
}

int coroutine_fn qcow2_co_write_version(BlockDriverState *bs, uint32_t version)
{
    Qcow2State *s = bs->opaque;
    Qcow2Header *h = &s->h;
    QEMU_AUTO_VFREE uint8_t *old = bdrv_try_blockalign(bs, s->cluster_size);
    g_autofree uint8_t *new = g_try_malloc(s->cluster_size);
    Image im = { .p = new, .size = s->cluster_size };
    size_t len = h->backing_file ? strlen(h->backing_file) : 0, place, end;
    uint32_t old_version = h->version, old_len = h->header_len;
    int ret = old && new ? 0 : -ENOMEM;

    if (ret == 0) {
        ret = bdrv_co_pread(bs->file, 0, s->cluster_size, old, 0);
    }
    if (ret < 0) {
        return ret;
    }
    memcpy(new, old, s->cluster_size);
    h->version = version;
    h->header_len = version < 3 ? QCOW2_V2_HEADER_LEN : QCOW2_V3_HEADER_LEN;
    compose_fixed(h, new);
    if (!compose(h, &im) || im.pos + len > im.size) {
        h->version = old_version;
        h->header_len = old_len;
        return -ENOSPC;
    }
    /* Not where something is that the old header leads to, if there is room */
    place = MAX(end_mark(old, old_len, s->cluster_size) + 8,
                h->backing_offset + h->backing_len);
    place = MAX(im.pos, ROUND_UP(place, 8));
    place = place + len <= im.size ? place : im.pos;
    memcpy(new + place, len ? h->backing_file : (char *)new, len);
    qcow2_stq(new + QCOW2_H_BACKING_OFFSET, len ? place : 0);
    qcow2_stl(new + QCOW2_H_BACKING_LEN, len);
    end = len ? place + len : im.pos;
    /* The first sector is what makes the difference */
    if (end > 512) {
        ret = write_and_flush(bs, 512, end - 512, new + 512);
    }
    if (ret >= 0) {
        ret = write_and_flush(bs, 0, 512, new);
    }
    if (ret >= 0) {
        h->backing_offset = len ? place : 0;
        h->backing_len = len;
    }
    return ret;
}
