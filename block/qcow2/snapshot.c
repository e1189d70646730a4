/*
 * Internal snapshots: create, go back, delete, list, show.
 *
 * The node is drained: nobody else works on it. Each change has one moment
 * that makes it, a write of neighbouring header fields; what it needs is
 * stable before, and what nothing leads to any more is freed after it:
 *
 *   create   refcounts + 1 -> flags "ours alone" off -> flush ->
 *            the snapshot's L1, the table -> flush -> HEADER -> old table freed
 *   goto     refcounts + 1 -> a new L1 for the disk -> flush ->
 *            HEADER (size, L1) -> what the disk was is freed
 *   delete   a table without it -> flush -> HEADER ->
 *            refcounts - 1 (order.c) -> flags on where they are 1
 *
 * A power cut in between leaks clusters, or leaves a flag off where it could
 * be on, or a flag on at a cluster that is counted twice but used once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/snapshot.h"

#include "block/sync.h"
#include "util/atomic.h"
#include "util/cutils.h"
#include "util/error-report.h"

/* --- finding --- */

static int find(const Qcow2State *s, const char *id, const char *name)
{
    for (guint i = 0; s->snapshots && i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];

        if ((id || name) && (!id || !strcmp(sn->id, id)) &&
            (!name || !strcmp(sn->name, name))) {
            return i;
        }
    }
    return -1;
}

static int find_any(const Qcow2State *s, const char *id_or_name)
{
    int i = find(s, id_or_name, NULL);

    return i >= 0 ? i : find(s, NULL, id_or_name);
}

int qcow2_snapshot_list(BlockDriverState *bs, QEMUSnapshotInfo **list)
{
    const Qcow2State *s = bs->opaque;
    guint n = s->snapshots ? s->snapshots->len : 0;

    *list = g_new0(QEMUSnapshotInfo, MAX(n, 1));
    for (guint i = 0; i < n; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];
        QEMUSnapshotInfo *info = &(*list)[i];

        pstrcpy(info->id_str, sizeof(info->id_str), sn->id);
        pstrcpy(info->name, sizeof(info->name), sn->name);
        info->vm_state_size = sn->vm_state_size;
        info->date_sec = sn->date_sec;
        info->date_nsec = sn->date_nsec;
        info->vm_clock_nsec = sn->vm_clock_nsec;
        info->icount = sn->icount;
    }
    return n;
}

static int check_l1(const Qcow2State *s, const Qcow2Snapshot *sn, Error **errp)
{
    return qcow2_check_table(&s->h, sn->l1_offset, sn->l1_size,
                             QCOW2_MAX_L1_SIZE, "Snapshot L1 table", errp);
}

/* --- create --- */

static void new_id(const Qcow2State *s, char *id, size_t size)
{
    uint64_t max = 0;

    for (guint i = 0; i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = s->snapshots->pdata[i];

        max = MAX(max, strtoul(sn->id, NULL, 10));
    }
    snprintf(id, size, "%" PRIu64, max + 1);
}

static int coroutine_fn write_l1(BlockDriverState *bs, uint64_t offset,
                                 const uint64_t *l1, uint32_t size)
{
    g_autofree uint64_t *be = g_try_new(uint64_t, size);

    if (!be) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < size; i++) {
        be[i] = GUINT64_TO_BE(l1[i] & ~QCOW2_OFLAG_COPIED);
    }
    return bdrv_co_pwrite(bs->file, offset, size * UINT64_C(8), be, 0);
}

/* Clusters for an L1 table of @size; 0 for none. */
static int64_t coroutine_fn alloc_l1(BlockDriverState *bs, uint32_t size)
{
    Qcow2State *s = bs->opaque;
    int64_t offset;
    uint64_t nb;
    bool fresh;

    if (!size) {
        return 0;
    }
    qemu_mutex_lock(&s->lock);
    offset = qcow2_co_alloc(bs,
                            DIV_ROUND_UP(size * UINT64_C(8), s->cluster_size),
                            true, &nb, &fresh);
    qemu_mutex_unlock(&s->lock);
    return offset;
}

static void free_l1(Qcow2State *s, uint64_t offset, uint32_t size)
{
    if (size) {
        qemu_mutex_lock(&s->lock);
        qcow2_free_later(s, offset,
                         DIV_ROUND_UP(size * UINT64_C(8), s->cluster_size),
                         false);
        qemu_mutex_unlock(&s->lock);
    }
}

/* The references of a snapshot that is not to be after all. */
static void coroutine_fn undo_create(BlockDriverState *bs)
{
    Qcow2State *s = bs->opaque;

    if (qcow2_co_flush_metadata(bs) >= 0) {
        qcow2_co_tree_free(bs, 0, s->l1, s->l1_size);
        qcow2_co_flush_metadata(bs);
        qcow2_co_refresh_copied(bs, s->l1, s->l1_size);
        qcow2_co_flush_metadata(bs);
    }
}

/* Take the list back to what it was, for a table that was not written. */
static void forget_last(Qcow2State *s)
{
    g_ptr_array_remove_index(s->snapshots, s->snapshots->len - 1);
}

static void coroutine_fn forget_vmstate(BlockDriverState *bs, uint64_t bytes)
{
    Qcow2State *s = bs->opaque;
    uint64_t begin = qcow2_vmstate_offset(s);
    uint64_t end = (uint64_t)s->l1_size << (s->cluster_bits + s->l2_bits);

    if (begin < end) {
        qcow2_co_forget(
            bs, begin,
            MIN(end - begin, ROUND_UP(MIN(bytes, end), s->cluster_size)));
    }
}

static int coroutine_fn co_create(BdrvSyncCall *c)
{
    BlockDriverState *bs = c->target;
    Qcow2State *s = bs->opaque;
    Qcow2Snapshot *sn = c->buf;
    bool counted = false;
    int ret = qcow2_co_prepare_write(bs);

    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret < 0) {
        qcow2_snapshot_free(sn);
        return ret;
    }
    sn->l1_size = s->l1_size;
    sn->l1_offset = alloc_l1(bs, s->l1_size);
    if ((int64_t)sn->l1_offset < 0) {
        ret = (int64_t)sn->l1_offset;
        qcow2_snapshot_free(sn);
        return ret;
    }
    ret = qcow2_co_tree_ref(bs, s->l1, s->l1_size);
    if (ret >= 0) {
        counted = true;
        ret = qcow2_co_refresh_copied(bs, s->l1, s->l1_size);
    }
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret >= 0 && s->l1_size) {
        ret = write_l1(bs, sn->l1_offset, s->l1, s->l1_size);
    }
    g_ptr_array_add(s->snapshots, sn);
    if (ret >= 0) {
        ret = qcow2_co_snapshots_write(bs);
    }
    if (ret < 0) {
        if (counted) {
            undo_create(bs);
        }
        free_l1(s, sn->l1_offset, sn->l1_size);
        forget_last(s);
        qcow2_co_flush_metadata(bs);
        return ret;
    }
    /* In the disk's own tables it would only be copied once more */
    if (sn->vm_state_size) {
        forget_vmstate(bs, sn->vm_state_size);
    }
    return qcow2_co_flush_metadata(bs);
}

int qcow2_snapshot_create(BlockDriverState *bs, QEMUSnapshotInfo *info)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall c = { .co_fn = co_create, .target = bs };
    Qcow2Snapshot *sn;

    /* What is in the data file cannot be kept */
    if (s->has_data_file) {
        return -ENOTSUP;
    }
    if (bs->read_only || !s->snapshots) {
        return -EACCES;
    }
    if (s->snapshots->len >= QCOW2_MAX_SNAPSHOTS) {
        return -EFBIG;
    }
    new_id(s, info->id_str, sizeof(info->id_str));
    sn = g_new0(Qcow2Snapshot, 1);
    sn->id = g_strdup(info->id_str);
    sn->name = g_strdup(info->name);
    sn->disk_size = s->h.size;
    sn->vm_state_size = info->vm_state_size;
    sn->date_sec = info->date_sec;
    sn->date_nsec = info->date_nsec;
    sn->vm_clock_nsec = info->vm_clock_nsec;
    sn->icount = info->icount;
    sn->extra_len = QCOW2_SNAP_KNOWN_EXTRA;
    c.buf = sn;
    return bdrv_run_sync(&c);
}

/* --- another L1 table in memory --- */

/* The cache is keyed by the place in L1; all of it is clean. */
static void drop_l2_cache(Qcow2State *s)
{
    for (uint32_t i = 0; i < s->l2_cache.map_size; i++) {
        qcow2_cache_drop(&s->l2_cache, i);
    }
}

/* Takes over @l1. */
static void switch_l1(Qcow2State *s, uint64_t *l1, uint64_t offset,
                      uint32_t size)
{
    qemu_mutex_lock(&s->lock);
    drop_l2_cache(s);
    qcow2_cache_grow_map(&s->l2_cache, size);
    g_ptr_array_add(s->old_l1, s->l1);
    g_free(s->l1_dirty);
    s->l1_dirty = g_new0(uint64_t, DIV_ROUND_UP(size, 64) + 1);
    s->l1_any_dirty = false;
    s->l1_offset = offset;
    qatomic_store_release(&s->l1, l1);
    qatomic_store_release(&s->l1_size, size);
    qemu_mutex_unlock(&s->lock);
}

/* The table of @sn, with room for @min entries; *@size is what it has. */
static uint64_t *coroutine_fn load_l1(BlockDriverState *bs,
                                      const Qcow2Snapshot *sn, uint32_t min,
                                      uint32_t *size, int *ret)
{
    g_autofree uint64_t *l1 = qcow2_co_read_l1(bs, sn->l1_offset, sn->l1_size,
                                               ret);
    uint64_t *all;

    if (!l1) {
        return NULL;
    }
    *size = MAX(sn->l1_size, min);
    all = g_try_new0(uint64_t, MAX(*size, 1));
    if (!all) {
        *ret = -ENOMEM;
        return NULL;
    }
    for (uint32_t i = 0; i < sn->l1_size; i++) {
        all[i] = l1[i] & ~QCOW2_OFLAG_COPIED;
    }
    return all;
}

/* --- go back --- */

/* Size and L1 table of the disk in one write. */
static int coroutine_fn write_header(BlockDriverState *bs, uint64_t disk_size,
                                     uint64_t offset, uint32_t l1_size)
{
    const Qcow2State *s = bs->opaque;
    uint8_t h[QCOW2_H_REFTABLE_OFFSET - QCOW2_H_SIZE];
    int ret = bdrv_co_flush(bs->file->bs);

    qcow2_stq(h, disk_size);
    qcow2_stl(h + QCOW2_H_CRYPT - QCOW2_H_SIZE, s->h.crypt);
    qcow2_stl(h + QCOW2_H_L1_SIZE - QCOW2_H_SIZE, l1_size);
    qcow2_stq(h + QCOW2_H_L1_OFFSET - QCOW2_H_SIZE, offset);
    if (ret >= 0) {
        ret = bdrv_co_pwrite(bs->file, QCOW2_H_SIZE, sizeof(h), h, 0);
    }
    return ret < 0 ? ret : bdrv_co_flush(bs->file->bs);
}

typedef struct Goto {
    const Qcow2Snapshot *sn;
    uint64_t *l1; /* the new one */
    uint32_t size;
    int64_t offset;
} Goto;

/* Until nothing but the header is missing. */
static int coroutine_fn prepare_goto(BlockDriverState *bs, Goto *g)
{
    Qcow2State *s = bs->opaque;
    int ret = qcow2_co_prepare_write(bs);

    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret < 0) {
        return ret;
    }
    /* It never gets smaller, as little as by resizing */
    g->l1 = load_l1(
        bs, g->sn,
        MAX(s->l1_size, qcow2_size_to_l1(g->sn->disk_size, s->cluster_bits,
                                         s->extended_l2)),
        &g->size, &ret);
    if (!g->l1) {
        return ret;
    }
    g->offset = alloc_l1(bs, g->size);
    if (g->offset < 0) {
        return g->offset;
    }
    ret = qcow2_co_tree_ref(bs, g->l1, g->sn->l1_size);
    if (ret < 0) {
        free_l1(s, g->offset, g->size);
        qcow2_co_flush_metadata(bs);
        return ret;
    }
    ret = qcow2_co_flush_metadata(bs);
    if (ret >= 0 && g->size) {
        ret = write_l1(bs, g->offset, g->l1, g->size);
    }
    return ret; /* on failure there are leaks, and a device that fails */
}

static int coroutine_fn co_goto(BdrvSyncCall *c)
{
    BlockDriverState *bs = c->target;
    Qcow2State *s = bs->opaque;
    Goto g = { .sn = c->buf };
    g_autofree uint64_t *old = NULL;
    uint64_t old_offset = s->l1_offset;
    uint32_t old_size = s->l1_size;
    int ret = prepare_goto(bs, &g);

    if (ret >= 0) {
        ret = write_header(bs, g.sn->disk_size, g.offset, g.size);
    }
    if (ret < 0) {
        g_free(g.l1);
        return ret;
    }
    old = g_memdup2(s->l1, old_size * sizeof(*old));
    switch_l1(s, g.l1, g.offset, g.size);
    qatomic_set(&s->h.size, g.sn->disk_size);
    ret = qcow2_co_tree_free(bs, old_offset, old, old_size);
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret >= 0) {
        ret = qcow2_co_refresh_copied(bs, s->l1, s->l1_size);
    }
    return ret < 0 ? ret : qcow2_co_flush_metadata(bs);
}

int qcow2_snapshot_goto(BlockDriverState *bs, const char *id_or_name)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall c = { .co_fn = co_goto, .target = bs };
    Error *err = NULL;
    const Qcow2Snapshot *sn;
    int i = find_any(s, id_or_name), ret;

    if (s->has_data_file) {
        return -ENOTSUP;
    }
    if (i < 0) {
        return -ENOENT;
    }
    if (bs->read_only) {
        return -EACCES;
    }
    sn = s->snapshots->pdata[i];
    ret = check_l1(s, sn, &err);
    if (ret >= 0 && (sn->disk_size & (BDRV_SECTOR_SIZE - 1))) {
        error_setg(&err, "The new size must be a multiple of %u",
                   BDRV_SECTOR_SIZE);
        ret = -EINVAL;
    }
    if (ret >= 0 &&
        (sn->disk_size > INT64_MAX ||
         qcow2_size_to_l1(sn->disk_size, s->cluster_bits, s->extended_l2) >
             QCOW2_MAX_L1_SIZE / 8)) {
        error_setg(&err, "Failed to grow the L1 table: %s", strerror(EFBIG));
        ret = -EFBIG;
    }
    if (ret < 0) {
        error_report_err(err);
        return ret;
    }
    c.buf = (void *)sn;
    return bdrv_run_sync(&c);
}

/* --- delete --- */

static int coroutine_fn co_delete(BdrvSyncCall *c)
{
    BlockDriverState *bs = c->target;
    Qcow2State *s = bs->opaque;
    guint i = c->offset;
    Qcow2Snapshot *sn = s->snapshots->pdata[i];
    g_autofree uint64_t *l1 = NULL;
    int ret = qcow2_co_prepare_write(bs);

    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret >= 0) {
        l1 = qcow2_co_read_l1(bs, sn->l1_offset, sn->l1_size, &ret);
    }
    if (ret < 0) {
        error_setg_errno(c->errp, -ret, "Failed to read l1 table for snapshot");
        return ret;
    }
    g_ptr_array_steal_index(s->snapshots, i);
    ret = qcow2_co_snapshots_write(bs);
    if (ret < 0) {
        g_ptr_array_insert(s->snapshots, i, sn);
        error_setg_errno(c->errp, -ret,
                         "Failed to remove snapshot from snapshot list");
        return ret;
    }
    ret = qcow2_co_tree_free(bs, sn->l1_offset, l1, sn->l1_size);
    if (ret >= 0) {
        ret = qcow2_co_flush_metadata(bs);
    }
    if (ret < 0) {
        error_setg_errno(c->errp, -ret,
                         "Failed to free the cluster and L1 table");
    } else {
        ret = qcow2_co_refresh_copied(bs, l1, sn->l1_size);
        if (ret >= 0) {
            ret = qcow2_co_flush_metadata(bs);
        }
        if (ret < 0) {
            error_setg_errno(c->errp, -ret,
                             "Failed to update snapshot status in disk");
        }
    }
    qcow2_snapshot_free(sn);
    return ret;
}

int qcow2_snapshot_delete(BlockDriverState *bs, const char *id,
                          const char *name, Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall c = { .co_fn = co_delete, .target = bs, .errp = errp };
    int i = find(s, id, name), ret;

    if (s->has_data_file) {
        error_setg(errp, "Operation not supported");
        return -ENOTSUP;
    }
    if (i < 0) {
        error_setg(errp, "Can't find the snapshot");
        return -ENOENT;
    }
    if (bs->read_only) {
        error_setg(errp, "Image is read-only");
        return -EACCES;
    }
    ret = check_l1(s, s->snapshots->pdata[i], errp);
    if (ret < 0) {
        return ret;
    }
    c.offset = i;
    return bdrv_run_sync(&c);
}

/* --- show --- */

static int coroutine_fn co_load_tmp(BdrvSyncCall *c)
{
    BlockDriverState *bs = c->target;
    Qcow2State *s = bs->opaque;
    const Qcow2Snapshot *sn = c->buf;
    uint32_t size;
    int ret;
    uint64_t *l1 = load_l1(bs, sn, s->l1_size, &size, &ret);

    if (!l1) {
        error_setg(c->errp, "Failed to read l1 table for snapshot");
        return ret;
    }
    switch_l1(s, l1, sn->l1_offset, size);
    return 0;
}

int qcow2_snapshot_load_tmp(BlockDriverState *bs, const char *id,
                            const char *name, Error **errp)
{
    Qcow2State *s = bs->opaque;
    BdrvSyncCall c = { .co_fn = co_load_tmp, .target = bs, .errp = errp };
    int i = find(s, id, name), ret;

    assert(bs->read_only);
    if (i < 0) {
        error_setg(errp, "Can't find snapshot");
        return -ENOENT;
    }
    ret = check_l1(s, s->snapshots->pdata[i], errp);
    if (ret < 0) {
        return ret;
    }
    c.buf = s->snapshots->pdata[i];
    return bdrv_run_sync(&c);
}
