/*
 * Checking an image, first part: count the references to each cluster.
 *
 * Messages go to stderr as things are found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/check.h"
#include "block/qcow2/snapshot.h"
#include "util/memalign.h"

void qcow2_check_corruption(Qcow2Check *ck, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    ck->res->corruptions++;
}

/* --- counting --- */

/* What the file's length does not account for */
#define MAX_GROWTH (32 * MiB)

bool qcow2_check_grow(Qcow2Check *ck, uint64_t nb)
{
    unsigned order = ck->s->refcount_order;
    uint64_t cap = MAX(nb, ck->capacity + ck->capacity / 4);
    uint64_t bytes = ((cap << order) >> 3) + 8;
    uint64_t old = ck->refs ? ((ck->capacity << order) >> 3) + 8 : 0;
    uint8_t *refs;

    if (nb <= ck->capacity && ck->refs) {
        ck->nb_clusters = MAX(ck->nb_clusters, nb);
        return true;
    }
    if (cap > UINT64_MAX >> 7 ||
        (ck->refs && bytes - old > MAX_GROWTH && bytes > 2 * old)) {
        return false;
    }
    refs = g_try_malloc0(bytes);
    if (!refs) {
        return false;
    }
    if (ck->refs) {
        memcpy(refs, ck->refs, old);
        g_free(ck->refs);
    }
    ck->refs = refs;
    ck->capacity = cap;
    ck->nb_clusters = MAX(ck->nb_clusters, nb);
    return true;
}

uint64_t qcow2_check_refs(const Qcow2Check *ck, uint64_t cluster)
{
    return cluster < ck->nb_clusters
               ? qcow2_refcount_read(ck->refs, cluster, ck->s->refcount_order)
               : 0;
}

void qcow2_check_add_ref(Qcow2Check *ck, uint64_t offset, uint64_t bytes)
{
    const Qcow2State *s = ck->s;
    uint64_t first = offset >> s->cluster_bits, last, n;

    if (!bytes) {
        return;
    }
    last = (offset + bytes - 1) >> s->cluster_bits;
    if (offset + bytes < offset ||
        (offset + bytes > ck->file_len &&
         offset + bytes - ck->file_len >= s->cluster_size)) {
        qcow2_check_corruption(
            ck,
            "ERROR: counting reference for region exceeding the end of the "
            "file by one cluster or more: offset 0x%" PRIx64 " size 0x%" PRIx64
            "\n",
            offset, bytes);
        return;
    }
    if (last >= ck->nb_clusters && !qcow2_check_grow(ck, last + 1)) {
        ck->res->check_errors++;
        return;
    }
    for (uint64_t i = first; i <= last; i++) {
        n = qcow2_refcount_read(ck->refs, i, s->refcount_order);
        if (n == s->refcount_max) {
            qcow2_check_corruption(
                ck,
                "ERROR: overflow cluster offset=0x%" PRIx64 "\n"
                "Use qemu-img amend to increase the refcount entry width or "
                "qemu-img convert to create a clean copy if the image cannot "
                "be opened for writing\n",
                i << s->cluster_bits);
            continue;
        }
        qcow2_refcount_write(ck->refs, i, s->refcount_order, n + 1);
    }
}

static void count_compressed(Qcow2Check *ck, uint32_t index, uint64_t entry,
                             uint64_t bits)
{
    uint64_t offset, bytes;

    qcow2_compressed_range(ck->s, entry, &offset, &bytes);
    if (entry & QCOW2_OFLAG_COPIED) {
        qcow2_check_corruption(
            ck,
            "ERROR: coffset=0x%" PRIx64
            ": copied flag must never be set for compressed clusters\n",
            offset);
    }
    if (ck->s->has_data_file || bits) {
        qcow2_check_corruption(
            ck, "ERROR compressed cluster %u with %s, entry=0x%" PRIx64 "\n",
            index,
            ck->s->has_data_file ? "data file"
                                 : "non-zero subcluster allocation bitmap",
            entry);
        return;
    }
    qcow2_check_add_ref(ck, offset, bytes);
    if (ck->active) {
        ck->res->bfi.allocated_clusters++;
        ck->res->bfi.compressed_clusters++;
        ck->res->bfi.fragmented_clusters++;
    }
}

uint64_t qcow2_next_entry(const Qcow2State *s, const uint64_t *l2, uint64_t i)
{
    uint64_t n = UINT64_C(1) << (s->l2_bits + s->extended_l2);

    i <<= s->extended_l2;
    while (i + 8 <= n && !(l2[i] | l2[i + 1] | l2[i + 2] | l2[i + 3] |
                           l2[i + 4] | l2[i + 5] | l2[i + 6] | l2[i + 7])) {
        i += 8;
    }
    while (i < n && !l2[i]) {
        i++;
    }
    return i >> s->extended_l2;
}

/* An L2 table at hand. */
typedef struct L2 {
    uint64_t *data; /* big-endian */
    uint64_t host;
    bool readable;
} L2;

/* Make an entry that leads nowhere sensible read as zeroes, which is what it
 * stands for. */
static bool coroutine_fn fix_by_zero(Qcow2Check *ck, L2 *l2, uint32_t index)
{
    Qcow2State *s = ck->s;
    size_t width = 8 << s->extended_l2;
    uint8_t e[16] = { 0 };

    if (s->extended_l2) {
        qcow2_stq(e + 8, QCOW2_L2_BITMAP_ALL_ALLOC << 32);
    } else {
        qcow2_stq(e, QCOW2_OFLAG_ZERO);
    }
    if (bdrv_co_pwrite(ck->bs->file, l2->host + index * width, width, e, 0) <
        0) {
        ck->res->check_errors++;
        return false;
    }
    memcpy((uint8_t *)l2->data + index * width, e, width);
    return true;
}

/* False: it was put right, and stands for no cluster any more. */
static bool coroutine_fn check_alignment(Qcow2Check *ck, L2 *l2, uint32_t index,
                                         uint64_t entry, uint64_t bits)
{
    const Qcow2State *s = ck->s;
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;
    bool data = s->extended_l2 ? bits & QCOW2_L2_BITMAP_ALL_ALLOC
                               : !(entry & QCOW2_OFLAG_ZERO);
    bool fix = ck->fix & BDRV_FIX_ERRORS;

    if (!(host & (s->cluster_size - 1))) {
        return true;
    }
    if (data) {
        qcow2_check_corruption(ck,
                               "ERROR offset=%" PRIx64
                               ": Data cluster is not properly aligned; L2 "
                               "entry corrupted.\n",
                               host);
        return true;
    }
    qcow2_check_corruption(ck,
                           "%s offset=%" PRIx64
                           ": Preallocated cluster is not properly aligned; L2 "
                           "entry corrupted.\n",
                           fix ? "Repairing" : "ERROR", host);
    if (fix && fix_by_zero(ck, l2, index)) {
        ck->res->corruptions--;
        ck->res->corruptions_fixed++;
        return false;
    }
    return true;
}

static void coroutine_fn count_cluster(Qcow2Check *ck, L2 *l2, uint32_t index,
                                       uint64_t entry, uint64_t bits)
{
    const Qcow2State *s = ck->s;
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;

    if (bits >> 32 & bits) {
        qcow2_check_corruption(
            ck,
            "ERROR offset=%" PRIx64
            ": Allocated cluster has corrupted subcluster allocation bitmap\n",
            host);
    }
    if (!check_alignment(ck, l2, index, entry, bits)) {
        return;
    }
    if (ck->active) {
        ck->res->bfi.allocated_clusters++;
        if (ck->next_contiguous && host != ck->next_contiguous) {
            ck->res->bfi.fragmented_clusters++;
        }
        ck->next_contiguous = host + s->cluster_size;
    }
    if (!s->has_data_file) {
        qcow2_check_add_ref(ck, host, s->cluster_size);
    }
}

/* @index: in its L2 table */
static void coroutine_fn count_entry(Qcow2Check *ck, L2 *l2, uint32_t index,
                                     uint64_t entry, uint64_t bits)
{
    const Qcow2State *s = ck->s;

    if (entry & QCOW2_OFLAG_COMPRESSED) {
        count_compressed(ck, index, entry, bits);
        return;
    }
    if (entry & QCOW2_L2_RESERVED) {
        qcow2_check_corruption(
            ck, "ERROR found l2 entry with reserved bits set: %" PRIx64 "\n",
            entry);
    }
    switch (qcow2_entry_type(s, entry)) {
    case QCOW2_CLUSTER_UNALLOCATED:
        if (bits & QCOW2_L2_BITMAP_ALL_ALLOC) {
            qcow2_check_corruption(ck, "ERROR: Unallocated cluster has "
                                       "non-zero subcluster allocation map\n");
        }
        break;
    case QCOW2_CLUSTER_INVALID:
    case QCOW2_CLUSTER_NORMAL:
    case QCOW2_CLUSTER_ZERO_ALLOC:
        count_cluster(ck, l2, index, entry, bits);
        break;
    default:
        break;
    }
}

static int coroutine_fn count_l2(Qcow2Check *ck, L2 *l2)
{
    const Qcow2State *s = ck->s;
    int ret = bdrv_co_pread(ck->bs->file, l2->host, s->cluster_size, l2->data,
                            0);

    /* A table's first cluster continues nothing: so it is in QEMU's figure */
    ck->next_contiguous = 0;

    if (ret < 0) {
        fprintf(stderr, "ERROR: I/O error in check_refcounts_l2\n");
        ck->res->check_errors++;
        return ret;
    }
    for (uint64_t j = 0;
         (j = qcow2_next_entry(s, l2->data, j)) < UINT64_C(1) << s->l2_bits;
         j++) {
        uint64_t e = GUINT64_FROM_BE(l2->data[j << s->extended_l2]), bits = 0;

        if (s->extended_l2) {
            bits = GUINT64_FROM_BE(l2->data[j * 2 + 1]);
        }
        count_entry(ck, l2, j, e, bits);
    }
    return 0;
}

static int coroutine_fn count_l1(Qcow2Check *ck, uint64_t offset,
                                 const uint64_t *l1, uint32_t size)
{
    const Qcow2State *s = ck->s;
    QEMU_AUTO_VFREE uint64_t *buf = bdrv_try_blockalign(ck->bs,
                                                        s->cluster_size);
    L2 l2 = { .data = buf };
    int ret = 0;

    if (!buf) {
        ck->res->check_errors++;
        return -ENOMEM;
    }
    qcow2_check_add_ref(ck, offset, size * UINT64_C(8));
    for (uint32_t i = 0; i < size && ret >= 0; i++) {
        if (!l1[i]) {
            continue;
        }
        if (l1[i] & QCOW2_L1_RESERVED) {
            qcow2_check_corruption(
                ck,
                "ERROR found L1 entry with reserved bits set: %" PRIx64 "\n",
                l1[i]);
        }
        l2.host = l1[i] & QCOW2_L1_OFFSET_MASK;
        qcow2_check_add_ref(ck, l2.host, s->cluster_size);
        if (l2.host & (s->cluster_size - 1)) {
            qcow2_check_corruption(ck,
                                   "ERROR l2_offset=%" PRIx64
                                   ": Table is not cluster aligned; L1 entry "
                                   "corrupted\n",
                                   l2.host);
        }
        ret = count_l2(ck, &l2);
    }
    return ret;
}

/* --- snapshots --- */

static int coroutine_fn count_snapshot(Qcow2Check *ck, const Qcow2Snapshot *sn)
{
    g_autofree uint64_t *l1 = NULL;
    int ret;

    if (sn->l1_offset & (ck->s->cluster_size - 1)) {
        qcow2_check_corruption(ck,
                               "ERROR snapshot %s (%s) l1_offset=%#" PRIx64
                               ": L1 table is not cluster aligned; snapshot "
                               "table entry corrupted\n",
                               sn->id, sn->name, sn->l1_offset);
        return 0;
    }
    if (sn->l1_size > QCOW2_MAX_L1_SIZE / 8) {
        qcow2_check_corruption(ck,
                               "ERROR snapshot %s (%s) l1_size=%#" PRIx32
                               ": L1 table is too large; snapshot table entry "
                               "corrupted\n",
                               sn->id, sn->name, sn->l1_size);
        return 0;
    }
    l1 = qcow2_co_read_l1(ck->bs, sn->l1_offset, sn->l1_size, &ret);
    if (!l1) {
        fprintf(stderr, "ERROR: I/O error in check_refcounts_l1\n");
        ck->res->check_errors++;
        return ret;
    }
    return count_l1(ck, sn->l1_offset, l1, sn->l1_size);
}

static int coroutine_fn count_snapshots(Qcow2Check *ck)
{
    const Qcow2State *s = ck->s;
    int ret = 0;

    if (s->has_data_file && s->snapshots->len) {
        qcow2_check_corruption(ck,
                               "ERROR %d snapshots in image with data file\n",
                               (int)s->snapshots->len);
    }
    for (guint i = 0; i < s->snapshots->len && ret >= 0; i++) {
        ret = count_snapshot(ck, s->snapshots->pdata[i]);
    }
    qcow2_check_add_ref(ck, s->h.snapshots_offset, s->snap_bytes);
    return ret;
}

/* --- bitmaps --- */

static int coroutine_fn count_bitmap_table(Qcow2Check *ck, uint64_t offset,
                                           uint32_t size)
{
    g_autofree uint64_t *table = NULL;
    int ret;

    if (!size || size > 8 * MiB / 8) {
        return 0;
    }
    qcow2_check_add_ref(ck, offset, size * UINT64_C(8));
    table = g_try_new0(uint64_t, size);
    ret = table ? bdrv_co_pread(ck->bs->file, offset, size * UINT64_C(8), table,
                                0)
                : -ENOMEM;
    if (ret < 0) {
        ck->res->check_errors++;
        return ret;
    }
    for (uint32_t i = 0; i < size; i++) {
        uint64_t host = GUINT64_FROM_BE(table[i]) &
                        UINT64_C(0x00fffffffffffe00);

        if (host) {
            qcow2_check_add_ref(ck, host, ck->s->cluster_size);
        }
    }
    return 0;
}

static int coroutine_fn count_bitmaps(Qcow2Check *ck)
{
    const Qcow2Header *h = &ck->s->h;
    uint64_t pos = h->bitmap_dir_offset;
    uint64_t end = pos + h->bitmap_dir_size;
    uint8_t e[24];
    int ret = 0;

    if (!h->nb_bitmaps) {
        return 0;
    }
    qcow2_check_add_ref(ck, pos, h->bitmap_dir_size);
    for (uint32_t i = 0; i < h->nb_bitmaps && ret >= 0 && pos + 24 <= end;
         i++) {
        ret = bdrv_co_pread(ck->bs->file, pos, sizeof(e), e, 0);
        if (ret < 0) {
            ck->res->check_errors++;
            return ret;
        }
        ret = count_bitmap_table(ck, qcow2_ldq(e), qcow2_ldl(e + 8));
        pos += ROUND_UP(24 + (uint64_t)(e[18] << 8 | e[19]) + qcow2_ldl(e + 20),
                        8);
    }
    return ret;
}

/* --- all but the refcounts' own --- */

int coroutine_fn qcow2_co_check_count(Qcow2Check *ck)
{
    const Qcow2State *s = ck->s;
    int ret;

    /* The header */
    qcow2_check_add_ref(ck, 0, s->cluster_size);
    ck->active = true;
    ret = count_l1(ck, s->l1_offset, s->l1, s->l1_size);
    ck->active = false;
    if (ret >= 0) {
        ret = count_snapshots(ck);
    }
    qcow2_check_add_ref(ck, s->h.crypto_offset, s->h.crypto_len);
    if (ret >= 0) {
        ret = count_bitmaps(ck);
    }
    return ret < 0 ? ret : qcow2_co_check_count_refblocks(ck);
}
