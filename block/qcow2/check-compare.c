/*
 * Checking an image, second part: what the refcount blocks say against the
 * references, the flag "ours alone" against the refcounts; with repair.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/check.h"
#include "util/atomic.h"
#include "util/buffer.h"
#include "util/memalign.h"

/* --- the refcount table and its blocks --- */

/* A block behind the end of the file: let the file have it, as zeroes, so
 * that nothing else will. */
static bool coroutine_fn lengthen_file(Qcow2Check *ck, uint64_t offset)
{
    uint64_t len = offset + ck->s->cluster_size;
    Error *err = NULL;
    int64_t now;

    if (offset > INT64_MAX - ck->s->cluster_size ||
        !qcow2_check_grow(ck, len >> ck->s->cluster_bits)) {
        error_setg(&err, "%s", strerror(EFBIG));
    } else {
        bdrv_co_truncate(ck->bs->file, len, false, PREALLOC_MODE_OFF, 0, &err);
    }
    if (err) {
        fprintf(stderr, "ERROR could not resize image: %s\n",
                error_get_pretty(err));
        error_free(err);
        ck->rebuild = true;
        return false;
    }
    now = qatomic_read(&ck->bs->file->bs->total_bytes);
    ck->file_len = MAX(ck->file_len, (uint64_t)now);
    return true;
}

static void coroutine_fn outside_file(Qcow2Check *ck, uint32_t i,
                                      uint64_t offset)
{
    bool fix = ck->fix & BDRV_FIX_ERRORS;

    qcow2_check_corruption(ck,
                           "%s refcount block %" PRIu32 " is outside image\n",
                           fix ? "Repairing" : "ERROR", i);
    if (fix && lengthen_file(ck, offset)) {
        ck->res->corruptions--;
        ck->res->corruptions_fixed++;
        qcow2_check_add_ref(ck, offset, ck->s->cluster_size);
    }
}

int coroutine_fn qcow2_co_check_count_refblocks(Qcow2Check *ck)
{
    const Qcow2State *s = ck->s;

    for (uint32_t i = 0; i < s->reftable_size; i++) {
        uint64_t entry = s->reftable[i];
        uint64_t offset = entry & QCOW2_REFT_OFFSET_MASK, cluster;

        cluster = offset >> s->cluster_bits;
        if (entry & ~QCOW2_REFT_OFFSET_MASK) {
            qcow2_check_corruption(ck,
                                   "ERROR refcount table entry %" PRIu32
                                   " has reserved bits set\n",
                                   i);
            ck->rebuild = true;
            continue;
        }
        if (offset & (s->cluster_size - 1)) {
            qcow2_check_corruption(ck,
                                   "ERROR refcount block %" PRIu32
                                   " is not cluster aligned; refcount table "
                                   "entry corrupted\n",
                                   i);
            ck->rebuild = true;
            continue;
        }
        if (cluster >= ck->nb_clusters) {
            outside_file(ck, i, offset);
            continue;
        }
        if (!offset) {
            continue;
        }
        qcow2_check_add_ref(ck, offset, s->cluster_size);
        if (qcow2_check_refs(ck, cluster) != 1) {
            qcow2_check_corruption(
                ck, "ERROR refcount block %" PRIu32 " refcount=%" PRIu64 "\n",
                i, qcow2_check_refs(ck, cluster));
            ck->rebuild = true;
        }
    }
    qcow2_check_add_ref(ck, s->reftable_offset,
                        (uint64_t)s->reftable_clusters << s->cluster_bits);
    return 0;
}

/* --- comparing --- */

static int coroutine_fn stored_refcount(Qcow2Check *ck, uint64_t cluster,
                                        uint64_t *n)
{
    int ret;

    qemu_mutex_lock(&ck->s->lock);
    ret = qcow2_co_refcount_get(ck->bs, cluster, n);
    qemu_mutex_unlock(&ck->s->lock);
    return ret;
}

/* Make the stored refcount @want; whether that worked. */
static bool coroutine_fn repair_refcount(Qcow2Check *ck, uint64_t cluster,
                                         uint64_t want)
{
    int ret;

    qemu_mutex_lock(&ck->s->lock);
    ret = qcow2_co_refcount_set(ck->bs, cluster, want);
    qemu_mutex_unlock(&ck->s->lock);
    if (ret >= 0 && !want) {
        /* It belongs to nobody, and we are alone */
        bdrv_co_pdiscard(ck->bs->file, cluster << ck->s->cluster_bits,
                         ck->s->cluster_size);
    }
    return ret >= 0;
}

static void coroutine_fn compare_one(Qcow2Check *ck, uint64_t i,
                                     BdrvCheckMode fix)
{
    uint64_t has, want = qcow2_check_refs(ck, i);
    bool repair = false;
    int ret = stored_refcount(ck, i, &has);

    if (ret < 0) {
        fprintf(stderr, "Can't get refcount for cluster %" PRIu64 ": %s\n", i,
                strerror(-ret));
        ck->res->check_errors++;
        return;
    }
    if (has || want) {
        ck->highest = i;
    }
    if (has == want) {
        return;
    }
    if (!has) {
        ck->rebuild = true;
    } else {
        repair = fix & (has > want ? BDRV_FIX_LEAKS : BDRV_FIX_ERRORS);
    }
    fprintf(stderr,
            "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64
            "\n",
            repair       ? "Repairing"
            : has < want ? "ERROR"
                         : "Leaked",
            i, has, want);
    if (repair && repair_refcount(ck, i, want)) {
        if (has > want) {
            ck->res->leaks_fixed++;
        } else {
            ck->res->corruptions_fixed++;
        }
    } else if (has > want) {
        ck->res->leaks++;
    } else {
        ck->res->corruptions++;
    }
}

/* Whether the refcounts of clusters @i to before @end, which one block has, are
 * all as they should be: both are kept in the same form. */
static bool coroutine_fn block_is_right(Qcow2Check *ck, uint64_t i,
                                        uint64_t end)
{
    const Qcow2State *s = ck->s;
    const uint8_t *refs = ck->refs + (i << s->refcount_order) / 8;
    size_t len = ((end - i) << s->refcount_order) / 8;
    int ret;

    qemu_mutex_lock(&ck->s->lock);
    ret = qcow2_co_refcounts_equal(ck->bs, i, refs, len);
    qemu_mutex_unlock(&ck->s->lock);
    if (ret > 0 && !buffer_is_zero(refs, len)) {
        while (!qcow2_check_refs(ck, --end)) {
        }
        ck->highest = end;
    }
    return ret > 0;
}

void coroutine_fn qcow2_co_check_compare(Qcow2Check *ck, BdrvCheckMode fix)
{
    uint64_t per_block = UINT64_C(1) << ck->s->refblock_bits, end;

    for (uint64_t i = 0; i < ck->nb_clusters; i = end) {
        uint64_t n = MIN(per_block - (i & (per_block - 1)),
                         ck->nb_clusters - i);
        /* Whole bytes of it, where several refcounts are in one */
        uint64_t whole = ck->s->refcount_order < 3 ? n & ~7 : n;

        if (whole && block_is_right(ck, i, i + whole)) {
            end = i + whole;
            continue;
        }
        end = i + n;
        for (uint64_t j = i; j < end; j++) {
            compare_one(ck, j, fix);
        }
    }
}

/* --- the flag that a cluster is ours alone --- */

typedef struct Copied {
    Qcow2Check *ck;
    bool repair;
    uint8_t *l2;
    bool changed;
} Copied;

/* Count what is wrong, or put right. */
static void count_flag(Copied *c)
{
    if (c->repair) {
        c->ck->res->corruptions_fixed++;
        c->changed = true;
    } else {
        c->ck->res->corruptions++;
    }
}

static uint64_t with_flag(uint64_t entry, bool alone)
{
    return alone ? entry | QCOW2_OFLAG_COPIED : entry & ~QCOW2_OFLAG_COPIED;
}

static void coroutine_fn check_l1_entry(Copied *c, uint32_t i)
{
    Qcow2State *s = c->ck->s;
    uint64_t e = s->l1[i], refs;

    if (stored_refcount(c->ck, (e & QCOW2_L1_OFFSET_MASK) >> s->cluster_bits,
                        &refs) < 0 ||
        (refs == 1) == !!(e & QCOW2_OFLAG_COPIED)) {
        return;
    }
    fprintf(stderr,
            "%s OFLAG_COPIED L2 cluster: l1_index=%" PRIu32 " l1_entry=%" PRIx64
            " refcount=%" PRIu64 "\n",
            c->repair ? "Repairing" : "ERROR", i, e, refs);
    count_flag(c);
    if (c->repair) {
        qemu_mutex_lock(&s->lock);
        qatomic_store_release(&s->l1[i], with_flag(e, refs == 1));
        s->l1_dirty[i / 64] |= UINT64_C(1) << (i % 64);
        s->l1_any_dirty = true;
        qemu_mutex_unlock(&s->lock);
    }
}

/* Whether c->l2 was changed. */
static bool coroutine_fn check_l2_entries(Copied *c)
{
    Qcow2State *s = c->ck->s;
    bool dirty = false;

    qemu_mutex_lock(&s->lock);
    for (uint64_t i = 0; (i = qcow2_next_entry(s, (const uint64_t *)c->l2, i)) <
                         UINT64_C(1) << s->l2_bits;
         i++) {
        uint8_t *p = c->l2 + (i << (3 + s->extended_l2));
        uint64_t e = qcow2_ldq(p), refs = 1;
        Qcow2ClusterType type = qcow2_entry_type(s, e);

        if ((e & QCOW2_OFLAG_COMPRESSED) ||
            (type != QCOW2_CLUSTER_NORMAL &&
             type != QCOW2_CLUSTER_ZERO_ALLOC)) {
            continue;
        }
        if (!s->has_data_file &&
            qcow2_co_refcount_get(c->ck->bs,
                                  (e & QCOW2_L2_OFFSET_MASK) >> s->cluster_bits,
                                  &refs) < 0) {
            continue;
        }
        if ((refs == 1) == !!(e & QCOW2_OFLAG_COPIED)) {
            continue;
        }
        fprintf(stderr,
                "%s OFLAG_COPIED data cluster: l2_entry=%" PRIx64
                " refcount=%" PRIu64 "\n",
                c->repair ? "Repairing" : "ERROR", e, refs);
        count_flag(c);
        if (c->repair) {
            qcow2_stq(p, with_flag(e, refs == 1));
            dirty = true;
        }
    }
    qemu_mutex_unlock(&s->lock);
    return dirty;
}

static int coroutine_fn check_copied_all(Copied *c)
{
    Qcow2Check *ck = c->ck;
    Qcow2State *s = ck->s;
    int ret = 0;

    for (uint32_t i = 0; i < s->l1_size && ret >= 0; i++) {
        uint64_t host = s->l1[i] & QCOW2_L1_OFFSET_MASK;

        if (!host) {
            continue;
        }
        check_l1_entry(c, i);
        ret = bdrv_co_pread(ck->bs->file, host, s->cluster_size, c->l2, 0);
        if (ret < 0) {
            fprintf(stderr, "ERROR: I/O error in check_oflag_copied: %s\n",
                    strerror(-ret));
            ck->res->check_errors++;
        } else if (check_l2_entries(c)) {
            ret = bdrv_co_pwrite(ck->bs->file, host, s->cluster_size, c->l2, 0);
            if (ret < 0) {
                fprintf(stderr, "ERROR: Could not write L2 table: %s\n",
                        strerror(-ret));
                ck->res->check_errors++;
            }
        }
    }
    return ret;
}

int coroutine_fn qcow2_co_check_copied(Qcow2Check *ck)
{
    Qcow2State *s = ck->s;
    const BdrvCheckResult *r = ck->res;
    Copied c = { .ck = ck };
    int ret = 0;

    if (ck->fix & BDRV_FIX_ERRORS) {
        c.repair = true;
    } else if (ck->fix) {
        /* The refcounts are right: so it is the flags that are not */
        c.repair = !r->check_errors && !r->corruptions && !r->leaks;
    }
    if (c.repair) {
        /* The flags go past the cache, and after the refcounts */
        ret = qcow2_co_flush_metadata(ck->bs);
        if (ret >= 0) {
            ret = bdrv_co_flush(ck->bs->file->bs);
        }
    }
    c.l2 = bdrv_try_blockalign(ck->bs, s->cluster_size);
    if (ret < 0 || !c.l2) {
        ck->res->check_errors++;
        qemu_vfree(c.l2);
        return ret < 0 ? ret : -ENOMEM;
    }
    ret = check_copied_all(&c);
    qemu_vfree(c.l2);
    if (c.changed) {
        qemu_mutex_lock(&s->lock);
        for (uint32_t i = 0; i < s->l2_cache.map_size; i++) {
            qcow2_cache_drop(&s->l2_cache, i);
        }
        qemu_mutex_unlock(&s->lock);
    }
    return ret;
}
