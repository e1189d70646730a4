/*
 * Checking an image: count the references to each cluster and compare them
 * with what the refcount blocks say.
 *
 * Runs alone on the node, in a coroutine. Messages go to stderr as they are
 * found.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"
#include "util/memalign.h"

typedef struct Check {
    BlockDriverState *bs;
    Qcow2State *s;
    BdrvCheckResult *res;
    BdrvCheckMode fix;
    /* References, as wide as the image's refcounts */
    uint8_t *refs;
    uint64_t nb_clusters; /* in the file */
    uint64_t next_contiguous;
    bool active; /* the L1 table at hand is the disk's own */
} Check;

static void G_GNUC_PRINTF(2, 3) corruption(Check *ck, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    ck->res->corruptions++;
}

/* --- counting --- */

static void add_ref(Check *ck, uint64_t offset, uint64_t bytes)
{
    const Qcow2State *s = ck->s;
    uint64_t first = offset >> s->cluster_bits, last, n;

    if (!bytes) {
        return;
    }
    last = (offset + bytes - 1) >> s->cluster_bits;
    if (offset + bytes < offset || last >= ck->nb_clusters) {
        corruption(ck,
                   "ERROR: counting reference for region exceeding the end of "
                   "the file by one cluster or more: offset 0x%" PRIx64
                   " size 0x%" PRIx64 "\n",
                   offset, bytes);
        return;
    }
    for (uint64_t i = first; i <= last; i++) {
        n = qcow2_refcount_read(ck->refs, i, s->refcount_order);
        if (n == s->refcount_max) {
            corruption(ck,
                       "ERROR: overflow cluster offset=0x%" PRIx64 "\n"
                       "Use qemu-img amend to increase the refcount entry "
                       "width or qemu-img convert to create a clean copy if "
                       "the image cannot be opened for writing\n",
                       i << s->cluster_bits);
            continue;
        }
        qcow2_refcount_write(ck->refs, i, s->refcount_order, n + 1);
    }
}

static void count_compressed(Check *ck, uint32_t index, uint64_t entry,
                             uint64_t bits)
{
    uint64_t offset, bytes;

    qcow2_compressed_range(ck->s, entry, &offset, &bytes);
    if (entry & QCOW2_OFLAG_COPIED) {
        corruption(ck,
                   "ERROR: coffset=0x%" PRIx64
                   ": copied flag must never be set for compressed clusters\n",
                   offset);
    }
    if (ck->s->has_data_file || bits) {
        corruption(
            ck, "ERROR compressed cluster %u with %s, entry=0x%" PRIx64 "\n",
            index,
            ck->s->has_data_file ? "data file"
                                 : "non-zero subcluster allocation bitmap",
            entry);
        return;
    }
    /* The last sector may be behind the end of the file */
    if ((offset + bytes - 1) >> ck->s->cluster_bits == ck->nb_clusters &&
        offset >> ck->s->cluster_bits < ck->nb_clusters) {
        bytes = (ck->nb_clusters << ck->s->cluster_bits) - offset;
    }
    add_ref(ck, offset, bytes);
    if (ck->active) {
        ck->res->bfi.allocated_clusters++;
        ck->res->bfi.compressed_clusters++;
        ck->res->bfi.fragmented_clusters++;
    }
}

/* @index: in its L2 table */
static void count_entry(Check *ck, uint32_t index, uint64_t entry,
                        uint64_t bits)
{
    const Qcow2State *s = ck->s;
    uint64_t host = entry & QCOW2_L2_OFFSET_MASK;

    if (entry & QCOW2_OFLAG_COMPRESSED) {
        count_compressed(ck, index, entry, bits);
        return;
    }
    switch (qcow2_entry_type(s, entry)) {
    case QCOW2_CLUSTER_INVALID:
        corruption(ck,
                   "ERROR offset=%" PRIx64
                   ": Cluster is not properly aligned; L2 entry corrupted.\n",
                   host);
        break;
    case QCOW2_CLUSTER_UNALLOCATED:
        if (bits & QCOW2_L2_BITMAP_ALL_ALLOC) {
            corruption(ck, "ERROR: Unallocated cluster has non-zero "
                           "subcluster allocation map\n");
        }
        break;
    case QCOW2_CLUSTER_NORMAL:
    case QCOW2_CLUSTER_ZERO_ALLOC:
        if (bits >> 32 & bits) {
            corruption(ck,
                       "ERROR offset=%" PRIx64 ": Allocated cluster has "
                       "corrupted subcluster allocation bitmap\n",
                       host);
        }
        if (ck->active) {
            ck->res->bfi.allocated_clusters++;
            if (ck->next_contiguous && host != ck->next_contiguous) {
                ck->res->bfi.fragmented_clusters++;
            }
            ck->next_contiguous = host + s->cluster_size;
        }
        if (!s->has_data_file) {
            add_ref(ck, host, s->cluster_size);
        }
        break;
    default:
        break;
    }
}

static int coroutine_fn count_l1(Check *ck, uint64_t offset, const uint64_t *l1,
                                 uint32_t size)
{
    const Qcow2State *s = ck->s;
    QEMU_AUTO_VFREE uint64_t *l2 = bdrv_try_blockalign(ck->bs, s->cluster_size);
    int ret;

    if (!l2) {
        ck->res->check_errors++;
        return -ENOMEM;
    }
    add_ref(ck, offset, size * UINT64_C(8));
    for (uint32_t i = 0; i < size; i++) {
        uint64_t host = l1[i] & QCOW2_L1_OFFSET_MASK;

        if (!host) {
            continue;
        }
        add_ref(ck, host, s->cluster_size);
        if (host & (s->cluster_size - 1)) {
            corruption(ck,
                       "ERROR L2 offset=%" PRIx64
                       ": Table is not cluster aligned; L1 entry corrupted\n",
                       host);
            continue;
        }
        ret = bdrv_co_pread(ck->bs->file, host, s->cluster_size, l2, 0);
        if (ret < 0) {
            fprintf(stderr, "ERROR: I/O error in check_refcounts_l2\n");
            ck->res->check_errors++;
            return ret;
        }
        for (uint64_t j = 0; j < UINT64_C(1) << s->l2_bits; j++) {
            uint64_t e = GUINT64_FROM_BE(l2[j << s->extended_l2]), bits = 0;

            if (s->extended_l2) {
                bits = GUINT64_FROM_BE(l2[j * 2 + 1]);
            }
            if (e || bits) {
                count_entry(ck, j, e, bits);
            }
        }
    }
    return 0;
}

/* --- snapshots --- */

static int coroutine_fn count_snapshot(Check *ck, uint64_t l1_offset,
                                       uint32_t l1_size)
{
    g_autofree uint64_t *l1 = NULL;
    int ret;

    if (l1_size > QCOW2_MAX_L1_SIZE / 8 ||
        qcow2_check_table(&ck->s->h, l1_offset, l1_size, QCOW2_MAX_L1_SIZE,
                          "Snapshot L1 table", NULL) < 0) {
        corruption(ck,
                   "ERROR snapshot L1 table offset=%" PRIx64 " is not valid\n",
                   l1_offset);
        return 0;
    }
    l1 = g_try_new0(uint64_t, MAX(l1_size, 1));
    if (!l1) {
        ck->res->check_errors++;
        return -ENOMEM;
    }
    ret = l1_size ? bdrv_co_pread(ck->bs->file, l1_offset,
                                  l1_size * UINT64_C(8), l1, 0)
                  : 0;
    if (ret < 0) {
        ck->res->check_errors++;
        return ret;
    }
    for (uint32_t i = 0; i < l1_size; i++) {
        l1[i] = GUINT64_FROM_BE(l1[i]);
    }
    return count_l1(ck, l1_offset, l1, l1_size);
}

static int coroutine_fn count_snapshots(Check *ck)
{
    const Qcow2Header *h = &ck->s->h;
    uint64_t pos = h->snapshots_offset, begin = pos, len;
    uint8_t e[40];
    int ret = 0;

    for (uint32_t i = 0; i < h->nb_snapshots && ret >= 0; i++) {
        pos = ROUND_UP(pos, 8);
        ret = bdrv_co_pread(ck->bs->file, pos, sizeof(e), e, 0);
        if (ret < 0) {
            ck->res->check_errors++;
            return ret;
        }
        len = sizeof(e) + (uint64_t)qcow2_ldl(e + 36) + (e[12] << 8 | e[13]) +
              (e[14] << 8 | e[15]);
        pos += len;
        if (pos - begin > QCOW2_MAX_SNAPSHOT_TABLE) {
            corruption(ck, "ERROR snapshot table is too large\n");
            return 0;
        }
        ret = count_snapshot(ck, qcow2_ldq(e), qcow2_ldl(e + 8));
    }
    add_ref(ck, begin, pos - begin);
    return ret;
}

/* --- bitmaps --- */

static int coroutine_fn count_bitmap_table(Check *ck, uint64_t offset,
                                           uint32_t size)
{
    g_autofree uint64_t *table = NULL;
    int ret;

    if (!size || size > 8 * MiB / 8) {
        return 0;
    }
    add_ref(ck, offset, size * UINT64_C(8));
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
            add_ref(ck, host, ck->s->cluster_size);
        }
    }
    return 0;
}

static int coroutine_fn count_bitmaps(Check *ck)
{
    const Qcow2Header *h = &ck->s->h;
    uint64_t pos = h->bitmap_dir_offset;
    uint64_t end = pos + h->bitmap_dir_size;
    uint8_t e[24];
    int ret = 0;

    if (!h->nb_bitmaps) {
        return 0;
    }
    add_ref(ck, pos, h->bitmap_dir_size);
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

/* --- comparing --- */

static void count_refblocks(Check *ck)
{
    const Qcow2State *s = ck->s;

    add_ref(ck, s->reftable_offset,
            (uint64_t)s->reftable_clusters << s->cluster_bits);
    for (uint32_t i = 0; i < s->reftable_size; i++) {
        uint64_t offset = s->reftable[i] & QCOW2_REFT_OFFSET_MASK;

        if (!offset) {
            continue;
        }
        if (offset & (s->cluster_size - 1)) {
            corruption(ck,
                       "ERROR refcount block %" PRIu32
                       " is not cluster aligned; refcount table entry "
                       "corrupted\n",
                       i);
        } else if (offset >> s->cluster_bits >= ck->nb_clusters) {
            corruption(
                ck, "ERROR refcount block %" PRIu32 " is outside image\n", i);
        } else {
            add_ref(ck, offset, s->cluster_size);
        }
    }
}

static uint64_t coroutine_fn stored_refcount(Check *ck, uint64_t cluster)
{
    uint64_t v = 0;

    qemu_mutex_lock(&ck->s->lock);
    if (qcow2_co_refcount_get(ck->bs, cluster, &v) < 0) {
        ck->res->check_errors++;
    }
    qemu_mutex_unlock(&ck->s->lock);
    return v;
}

/* Make the stored refcount @want; whether that worked. */
static bool coroutine_fn repair_refcount(Check *ck, uint64_t cluster,
                                         uint64_t has, uint64_t want)
{
    uint64_t offset = cluster << ck->s->cluster_bits;
    int ret = 0;

    qemu_mutex_lock(&ck->s->lock);
    for (; has > want && ret >= 0; has--) {
        ret = qcow2_co_refcount_add(ck->bs, offset, 1, -1);
    }
    for (; has < want && ret >= 0; has++) {
        ret = qcow2_co_refcount_add(ck->bs, offset, 1, 1);
    }
    qemu_mutex_unlock(&ck->s->lock);
    return ret >= 0;
}

static void coroutine_fn compare_refcounts(Check *ck)
{
    const Qcow2State *s = ck->s;
    uint64_t counted = (uint64_t)s->reftable_size << s->refblock_bits;
    uint64_t n = MIN(counted, ck->nb_clusters), highest = 0;

    for (uint64_t i = 0; i < MAX(n, ck->nb_clusters); i++) {
        uint64_t has = i < counted ? stored_refcount(ck, i) : 0;
        uint64_t want = qcow2_refcount_read(ck->refs, i, s->refcount_order);
        bool leak = has > want, fix;

        if (has || want) {
            highest = i + 1;
        }
        if (has == want) {
            continue;
        }
        fix = ck->fix & (leak ? BDRV_FIX_LEAKS : BDRV_FIX_ERRORS);
        fprintf(stderr,
                "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64
                "\n",
                fix    ? "Repairing"
                : leak ? "Leaked"
                       : "ERROR",
                i, has, want);
        if (fix && repair_refcount(ck, i, has, want)) {
            if (leak) {
                ck->res->leaks_fixed++;
            } else {
                ck->res->corruptions_fixed++;
            }
        } else if (leak) {
            ck->res->leaks++;
        } else {
            ck->res->corruptions++;
        }
    }
    ck->res->image_end_offset = highest << s->cluster_bits;
}

/* --- the flag that a cluster is ours alone --- */

static uint64_t refs_of(const Check *ck, uint64_t host)
{
    uint64_t cluster = host >> ck->s->cluster_bits;

    return cluster < ck->nb_clusters
               ? qcow2_refcount_read(ck->refs, cluster, ck->s->refcount_order)
               : 0;
}

static void coroutine_fn check_copied_l2(Check *ck, uint32_t l1_index)
{
    Qcow2State *s = ck->s;
    uint64_t offset = (uint64_t)l1_index << (s->cluster_bits + s->l2_bits);
    bool dropped, fix = ck->fix & BDRV_FIX_ERRORS;
    Qcow2Table *t;

    qemu_mutex_lock(&s->lock);
    if (qcow2_co_get_l2(ck->bs, offset, false, &t, &dropped) < 0 || !t) {
        qemu_mutex_unlock(&s->lock);
        ck->res->check_errors++;
        return;
    }
    for (uint32_t i = 0; i < UINT32_C(1) << s->l2_bits; i++) {
        uint64_t e = qcow2_l2_entry(t, i), refs;
        Qcow2ClusterType type = qcow2_entry_type(s, e);

        if (type != QCOW2_CLUSTER_NORMAL && type != QCOW2_CLUSTER_ZERO_ALLOC) {
            continue;
        }
        refs = s->has_data_file ? 1 : refs_of(ck, e & QCOW2_L2_OFFSET_MASK);
        if ((refs == 1) == !!(e & QCOW2_OFLAG_COPIED)) {
            continue;
        }
        fprintf(stderr,
                "%s OFLAG_COPIED data cluster: l2_entry=%" PRIx64
                " refcount=%" PRIu64 "\n",
                fix ? "Repairing" : "ERROR", e, refs);
        if (fix) {
            qcow2_set_l2_entry(s, t, i,
                               refs == 1 ? e | QCOW2_OFLAG_COPIED
                                         : e & ~QCOW2_OFLAG_COPIED);
            ck->res->corruptions_fixed++;
        } else {
            ck->res->corruptions++;
        }
    }
    qemu_mutex_unlock(&s->lock);
}

static void coroutine_fn check_copied(Check *ck)
{
    Qcow2State *s = ck->s;

    for (uint32_t i = 0; i < s->l1_size; i++) {
        uint64_t e = s->l1[i], host = e & QCOW2_L1_OFFSET_MASK, refs;

        if (!host || (host & (s->cluster_size - 1))) {
            continue;
        }
        refs = refs_of(ck, host);
        if ((refs == 1) != !!(e & QCOW2_OFLAG_COPIED)) {
            bool fix = ck->fix & BDRV_FIX_ERRORS;

            fprintf(stderr,
                    "%s OFLAG_COPIED L2 cluster: l1_index=%" PRIu32
                    " l1_entry=%" PRIx64 " refcount=%" PRIu64 "\n",
                    fix ? "Repairing" : "ERROR", i, e, refs);
            if (fix) {
                qemu_mutex_lock(&s->lock);
                s->l1[i] = refs == 1 ? e | QCOW2_OFLAG_COPIED
                                     : e & ~QCOW2_OFLAG_COPIED;
                s->l1_dirty[i / 64] |= UINT64_C(1) << (i % 64);
                s->l1_any_dirty = true;
                qemu_mutex_unlock(&s->lock);
                ck->res->corruptions_fixed++;
            } else {
                ck->res->corruptions++;
            }
        }
        check_copied_l2(ck, i);
    }
}

/* --- all --- */

/* After a repair that left nothing: the header need not warn any more. */
static int coroutine_fn clear_marks(Check *ck)
{
    Qcow2State *s = ck->s;
    uint64_t marks = QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT;
    uint8_t buf[8];
    int ret = qcow2_co_flush_metadata(ck->bs);

    if (ret >= 0) {
        ret = bdrv_co_flush(ck->bs->file->bs);
    }
    if (ret < 0 || !(ck->fix & BDRV_FIX_ERRORS) || ck->res->corruptions ||
        ck->res->check_errors || !(s->h.incompat & marks)) {
        return ret;
    }
    s->h.incompat &= ~marks;
    qcow2_stq(buf, s->h.incompat);
    return bdrv_co_pwrite(ck->bs->file, QCOW2_H_INCOMPAT, 8, buf, 0);
}

int coroutine_fn qcow2_co_check(BlockDriverState *bs, BdrvCheckResult *res,
                                BdrvCheckMode fix)
{
    Qcow2State *s = bs->opaque;
    Check ck = { .bs = bs, .s = s, .res = res, .fix = fix, .active = true };
    int64_t len = bdrv_getlength(bs->file->bs);
    int ret = fix ? qcow2_co_prepare_write(bs) : 0;

    memset(res, 0, sizeof(*res));
    if (len < 0 || ret < 0) {
        res->check_errors++;
        return len < 0 ? (int)len : ret;
    }
    ck.nb_clusters = DIV_ROUND_UP((uint64_t)len, s->cluster_size);
    ck.refs = g_try_malloc0(((ck.nb_clusters << s->refcount_order) >> 3) + 8);
    if (!ck.refs) {
        res->check_errors++;
        return -ENOMEM;
    }
    res->bfi.total_clusters = DIV_ROUND_UP(s->h.size, s->cluster_size);
    add_ref(&ck, 0, s->cluster_size);
    if (s->h.crypto_len) {
        add_ref(&ck, s->h.crypto_offset, s->h.crypto_len);
    }
    ret = count_l1(&ck, s->l1_offset, s->l1, s->l1_size);
    ck.active = false;
    if (ret >= 0) {
        ret = count_snapshots(&ck);
    }
    if (ret >= 0) {
        ret = count_bitmaps(&ck);
    }
    if (ret >= 0) {
        count_refblocks(&ck);
        compare_refcounts(&ck);
        check_copied(&ck);
    }
    if (ret >= 0 && fix) {
        ret = clear_marks(&ck);
    }
    g_free(ck.refs);
    return ret;
}
