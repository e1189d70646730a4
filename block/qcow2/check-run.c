/*
 * Checking an image, all of it:
 *
 *   snapshot table read -> everything counted -> refcounts compared
 *     | with repair, where single refcounts can be put right: compared again
 *     | where not: new refcount blocks, counted again
 *     v
 *   flags -> snapshot table written -> flush -> dirty and corrupt bits off
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/check.h"
#include "block/qcow2/snapshot.h"
#include "util/atomic.h"
#include "util/error-report.h"

/* --- the snapshot table --- */

static int coroutine_fn write_nb_snapshots(BlockDriverState *bs, uint32_t nb)
{
    uint8_t buf[4];

    qcow2_stl(buf, nb);
    return bdrv_co_pwrite(bs->file, QCOW2_H_NB_SNAPSHOTS, sizeof(buf), buf, 0);
}

/* The header's pointer to the table, and how many it says there are. */
static int coroutine_fn check_table_pointer(BlockDriverState *bs,
                                            BdrvCheckResult *res,
                                            BdrvCheckMode fix)
{
    Qcow2State *s = bs->opaque;
    uint32_t over = s->h.nb_snapshots -
                    MIN(s->h.nb_snapshots, QCOW2_MAX_SNAPSHOTS);
    int ret = 0;

    if (s->h.snapshots_offset & (s->cluster_size - 1) ||
        s->h.snapshots_offset > INT64_MAX - QCOW2_MAX_SNAPSHOT_TABLE) {
        res->check_errors++;
        error_report("ERROR snapshot table offset invalid");
        return -EINVAL;
    }
    if (!over) {
        return 0;
    }
    if (!(fix & BDRV_FIX_ERRORS)) {
        res->check_errors++;
        error_report("ERROR snapshot table too large");
        error_printf("You can force-remove all %u overhanging snapshots with "
                     "qemu-img check -r all\n",
                     over);
        return -EFBIG;
    }
    fprintf(stderr, "Discarding %u overhanging snapshots\n", over);
    ret = write_nb_snapshots(bs, QCOW2_MAX_SNAPSHOTS);
    if (ret < 0) {
        res->check_errors++;
        fprintf(stderr,
                "ERROR failed to update the snapshot count in the image "
                "header: %s\n",
                strerror(-ret));
        return ret;
    }
    s->h.nb_snapshots = QCOW2_MAX_SNAPSHOTS;
    res->corruptions_fixed += over;
    return 0;
}

static int coroutine_fn read_snapshots(BlockDriverState *bs,
                                       BdrvCheckResult *res, BdrvCheckMode fix)
{
    Qcow2State *s = bs->opaque;
    Qcow2SnapshotLoss loss = { 0 };
    Error *err = NULL;
    int ret = check_table_pointer(bs, res, fix);

    if (ret >= 0) {
        ret = qcow2_co_snapshots_read(bs, fix & BDRV_FIX_ERRORS ? &loss : NULL,
                                      &err);
        if (ret < 0) {
            res->check_errors++;
            error_reportf_err(err, "ERROR failed to read the snapshot table: ");
        }
    }
    if (ret < 0) {
        return ret;
    }
    res->corruptions += loss.extra + loss.overhang;
    /* Version 3 demands the large VM state size and the disk size */
    for (guint i = 0; s->h.version >= 3 && i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];

        if (sn->extra_len < QCOW2_SNAP_MIN_EXTRA) {
            res->corruptions++;
            fprintf(stderr, "%s snapshot table entry %i is incomplete\n",
                    fix & BDRV_FIX_ERRORS ? "Repairing" : "ERROR", (int)i);
        }
    }
    return 0;
}

static int coroutine_fn fix_snapshots(BlockDriverState *bs,
                                      BdrvCheckResult *res, BdrvCheckMode fix)
{
    Qcow2State *s = bs->opaque;
    int ret;

    if (!res->corruptions || !(fix & BDRV_FIX_ERRORS)) {
        return 0;
    }
    ret = qcow2_co_snapshots_write(bs);
    if (ret < 0) {
        res->check_errors++;
        fprintf(stderr, "ERROR failed to update snapshot table: %s\n",
                strerror(-ret));
        return ret;
    }
    for (guint i = 0; i < s->snapshots->len; i++) {
        Qcow2Snapshot *sn = s->snapshots->pdata[i];

        sn->extra_len = QCOW2_SNAP_KNOWN_EXTRA + sn->more_len;
    }
    res->corruptions_fixed += res->corruptions;
    res->corruptions = 0;
    return 0;
}

/* --- refcounts --- */

/* A new structure, and what is wrong with the image by that. */
static int coroutine_fn rebuild(Qcow2Check *ck)
{
    BdrvCheckResult *res = ck->res, old = *res, ignored = { 0 };
    int ret;

    fprintf(stderr, "Rebuilding refcount structure\n");
    ret = qcow2_co_check_rebuild(ck);
    if (ret < 0) {
        return ret;
    }
    res->corruptions = 0;
    res->leaks = 0;
    ck->rebuild = false;
    memset(ck->refs, 0, ((ck->nb_clusters << ck->s->refcount_order) >> 3) + 1);
    memset(&res->bfi, 0, sizeof(res->bfi));
    res->bfi.total_clusters = old.bfi.total_clusters;
    ret = qcow2_co_check_count(ck);
    if (ret < 0) {
        return ret;
    }
    if (ck->fix & BDRV_FIX_LEAKS) {
        /* Those of the old structure are our own doing */
        ck->res = &ignored;
        qcow2_co_check_compare(ck, BDRV_FIX_LEAKS);
        ck->res = res;
        if (ck->rebuild) {
            fprintf(stderr,
                    "ERROR rebuilt refcount structure is still broken\n");
        }
    }
    if (res->corruptions < old.corruptions) {
        res->corruptions_fixed += old.corruptions - res->corruptions;
    }
    if (res->leaks < old.leaks) {
        res->leaks_fixed += old.leaks - res->leaks;
    }
    return 0;
}

static int coroutine_fn check_refcounts(Qcow2Check *ck)
{
    BdrvCheckResult *res = ck->res, before;
    int ret = qcow2_co_check_count(ck);

    if (ret < 0) {
        return ret;
    }
    before = *res;
    qcow2_co_check_compare(ck, 0);
    if (ck->rebuild && (ck->fix & BDRV_FIX_ERRORS)) {
        ret = rebuild(ck);
    } else if (ck->rebuild && ck->fix) {
        fprintf(stderr, "ERROR need to rebuild refcount structures\n");
        ret = -EIO;
    } else if (ck->fix && (res->leaks || res->corruptions)) {
        *res = before;
        qcow2_co_check_compare(ck, ck->fix);
    }
    if (ret >= 0) {
        ret = qcow2_co_check_copied(ck);
    }
    if (ret >= 0) {
        res->image_end_offset = (ck->highest + 1) << ck->s->cluster_bits;
    }
    return ret;
}

/* --- all --- */

int coroutine_fn qcow2_co_write_incompat(BlockDriverState *bs, uint64_t bits)
{
    Qcow2State *s = bs->opaque;
    uint8_t buf[8];
    int ret;

    if (s->h.version < 3) {
        return 0;
    }
    qcow2_stq(buf, bits);
    ret = bdrv_co_pwrite(bs->file, QCOW2_H_INCOMPAT, sizeof(buf), buf, 0);
    if (ret >= 0) {
        s->h.incompat = bits;
        ret = bdrv_co_flush(bs->file->bs);
    }
    return ret;
}

/* What was put right is in the file; the header need not warn any more. */
static int coroutine_fn finish_repair(BlockDriverState *bs,
                                      const BdrvCheckResult *res)
{
    Qcow2State *s = bs->opaque;
    uint64_t marks = QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT;
    int ret = qcow2_co_flush_metadata(bs);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file->bs);
    }
    if (ret < 0 || res->corruptions || res->check_errors) {
        return ret;
    }
    if (s->h.incompat & marks) {
        ret = qcow2_co_write_incompat(bs, s->h.incompat & ~marks);
        if (ret >= 0) {
            s->dirty_marked = false;
        }
    }
    return ret;
}

static void add_result(BdrvCheckResult *to, const BdrvCheckResult *from)
{
    to->corruptions += from->corruptions;
    to->leaks += from->leaks;
    to->check_errors += from->check_errors;
    to->corruptions_fixed += from->corruptions_fixed;
    to->leaks_fixed += from->leaks_fixed;
}

static int coroutine_fn begin_check(Qcow2Check *ck)
{
    int64_t len = bdrv_getlength(ck->bs->file->bs);
    int ret = 0;

    if (ck->fix) {
        ret = qcow2_co_prepare_write(ck->bs);
        /* Some things are put right past the cache */
        if (ret >= 0) {
            ret = qcow2_co_flush_metadata(ck->bs);
        }
    }
    if (len < 0 || ret < 0) {
        return len < 0 ? (int)len : ret;
    }
    ck->file_len = len;
    ck->res->bfi.total_clusters = DIV_ROUND_UP(ck->s->h.size,
                                               ck->s->cluster_size);
    return qcow2_check_grow(ck,
                            DIV_ROUND_UP((uint64_t)len, ck->s->cluster_size))
               ? 0
               : -ENOMEM;
}

int coroutine_fn qcow2_co_check(BlockDriverState *bs, BdrvCheckResult *res,
                                BdrvCheckMode fix)
{
    Qcow2State *s = bs->opaque;
    BdrvCheckResult snap = { 0 }, refs = { 0 };
    bool lazy = s->lazy;
    Qcow2Check ck = { .bs = bs, .s = bs->opaque, .res = &refs, .fix = fix };
    int ret;

    memset(res, 0, sizeof(*res));
    ret = read_snapshots(bs, &snap, fix);
    if (ret < 0) {
        add_result(res, &snap);
        return ret;
    }
    /* What is put right is to be in the file */
    s->lazy = lazy && !fix;
    ret = begin_check(&ck);
    if (ret < 0) {
        refs.check_errors++;
    } else {
        ret = check_refcounts(&ck);
    }
    g_free(ck.refs);
    *res = refs;
    if (ret >= 0) {
        ret = fix_snapshots(bs, &snap, fix);
    }
    add_result(res, &snap);
    if (ret >= 0 && fix) {
        ret = finish_repair(bs, res);
    }
    s->lazy = lazy;
    return ret;
}
