/*
 * Snapshots inside an image: finding the node that has them, drain, lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/snapshot.h"

#include "block/block-int.h"
#include "block/dirty-bitmap.h"
#include "block/sync.h"
#include "qapi/util.h"
#include "util/cutils.h"

/* --- finding --- */

/* The node that keeps the snapshots of what @bs shows, or NULL. */
static BlockDriverState *snapshot_node(BlockDriverState *bs)
{
    while (bs && bs->drv && !bs->drv->bdrv_snapshot_list &&
           bs->drv->is_filter) {
        bs = bdrv_primary_bs(bs);
    }
    return bs && bs->drv && bs->drv->bdrv_snapshot_list ? bs : NULL;
}

bool bdrv_can_snapshot(BlockDriverState *bs)
{
    return bs && bdrv_is_inserted(bs) && !bdrv_is_read_only(bs) &&
           snapshot_node(bs);
}

int bdrv_snapshot_list(BlockDriverState *bs, QEMUSnapshotInfo **list)
{
    BlockDriverState *node = snapshot_node(bs);

    *list = NULL;
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    return node ? node->drv->bdrv_snapshot_list(node, list) : -ENOTSUP;
}

bool bdrv_snapshot_find_by_id_and_name(BlockDriverState *bs, const char *id,
                                       const char *name, QEMUSnapshotInfo *sn,
                                       Error **errp)
{
    g_autofree QEMUSnapshotInfo *list = NULL;
    int n = bdrv_snapshot_list(bs, &list);

    assert(id || name);
    if (n < 0) {
        error_setg_errno(errp, -n, "Failed to get a snapshot list");
        return false;
    }
    for (int i = 0; i < n; i++) {
        if ((!id || !strcmp(list[i].id_str, id)) &&
            (!name || !strcmp(list[i].name, name))) {
            *sn = list[i];
            return true;
        }
    }
    return false;
}

bool bdrv_snapshot_find(BlockDriverState *bs, QEMUSnapshotInfo *sn,
                        const char *name)
{
    return bdrv_snapshot_find_by_id_and_name(bs, NULL, name, sn, NULL);
}

/* --- changes --- */

int bdrv_snapshot_create(BlockDriverState *bs, QEMUSnapshotInfo *sn)
{
    BlockDriverState *node = snapshot_node(bs);
    int ret;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (!node || !node->drv->bdrv_snapshot_create) {
        return -ENOTSUP;
    }
    bdrv_drained_begin(node);
    ret = node->drv->bdrv_snapshot_create(node, sn);
    bdrv_drained_end(node);
    return ret;
}

int bdrv_snapshot_goto(BlockDriverState *bs, const char *id_or_name,
                       Error **errp)
{
    BlockDriverState *node = snapshot_node(bs);
    BdrvChild *c;
    int ret;

    if (!bs->drv) {
        error_setg(errp, "Block driver is closed");
        return -ENOMEDIUM;
    }
    if (!node || !node->drv->bdrv_snapshot_goto) {
        error_setg(errp, "Block driver does not support snapshots");
        return -ENOTSUP;
    }
    /* They do not know what changes */
    if (bdrv_has_dirty_bitmaps(bs) || bdrv_has_dirty_bitmaps(node)) {
        error_setg(errp, "Device has active dirty bitmaps");
        return -EBUSY;
    }
    bdrv_drained_begin(node);
    ret = node->drv->bdrv_snapshot_goto(node, id_or_name);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to load snapshot");
    } else {
        bdrv_refresh_length(node);
        LIST_FOREACH(c, &node->parents, next_parent) {
            if (c->klass->resize) {
                c->klass->resize(c);
            }
        }
    }
    bdrv_drained_end(node);
    return ret;
}

int bdrv_snapshot_delete(BlockDriverState *bs, const char *id, const char *name,
                         Error **errp)
{
    BlockDriverState *node = snapshot_node(bs);
    int ret;

    if (!bs->drv) {
        error_setg(errp, "Device '%s' has no medium", bdrv_get_device_name(bs));
        return -ENOMEDIUM;
    }
    if (!id && !name) {
        error_setg(errp, "snapshot_id and name are both NULL");
        return -EINVAL;
    }
    if (!node || !node->drv->bdrv_snapshot_delete) {
        error_setg(errp,
                   "Block format '%s' used by device '%s' does not support "
                   "internal snapshot deletion",
                   bdrv_get_format_name(bs), bdrv_get_device_name(bs));
        return -ENOTSUP;
    }
    bdrv_drained_begin(node);
    ret = node->drv->bdrv_snapshot_delete(node, id, name, errp);
    bdrv_drained_end(node);
    return ret;
}

int bdrv_snapshot_load_tmp(BlockDriverState *bs, const char *id,
                           const char *name, Error **errp)
{
    int ret;

    if (!bs->drv) {
        error_setg(errp, "Device '%s' has no medium", bdrv_get_device_name(bs));
        return -ENOMEDIUM;
    }
    if (!id && !name) {
        error_setg(errp, "snapshot_id and name are both NULL");
        return -EINVAL;
    }
    if (!bdrv_is_read_only(bs)) {
        error_setg(errp, "Device is not readonly");
        return -EINVAL;
    }
    if (!bs->drv->bdrv_snapshot_load_tmp) {
        error_setg(errp,
                   "Block format '%s' used by device '%s' does not support "
                   "temporarily loading internal snapshots",
                   bdrv_get_format_name(bs), bdrv_get_device_name(bs));
        return -ENOTSUP;
    }
    bdrv_drained_begin(bs);
    ret = bs->drv->bdrv_snapshot_load_tmp(bs, id, name, errp);
    bdrv_drained_end(bs);
    return ret;
}

int bdrv_snapshot_load_tmp_by_id_or_name(BlockDriverState *bs,
                                         const char *id_or_name, Error **errp)
{
    Error *local_err = NULL;
    int ret = bdrv_snapshot_load_tmp(bs, id_or_name, NULL, &local_err);

    if (ret == -ENOENT || ret == -EINVAL) {
        error_free(local_err);
        local_err = NULL;
        ret = bdrv_snapshot_load_tmp(bs, NULL, id_or_name, &local_err);
    }
    error_propagate(errp, local_err);
    return ret;
}

/* --- showing --- */

void bdrv_snapshot_dump(const QEMUSnapshotInfo *sn)
{
    g_autofree char *size = NULL, *date = NULL;
    g_autoptr(GDateTime) t = NULL;
    char clock[64], icount[32] = "--";
    uint64_t secs;

    if (!sn) {
        printf("%-7s %-16s %8s %19s %15s %10s", "ID", "TAG", "VM_SIZE", "DATE",
               "VM_CLOCK", "ICOUNT");
        return;
    }
    t = g_date_time_new_from_unix_local(sn->date_sec);
    date = t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S") : g_strdup("");
    secs = sn->vm_clock_nsec / 1000000000;
    snprintf(clock, sizeof(clock), "%04d:%02d:%02d.%03d", (int)(secs / 3600),
             (int)((secs / 60) % 60), (int)(secs % 60),
             (int)((sn->vm_clock_nsec / 1000000) % 1000));
    if (sn->icount != UINT64_MAX) {
        snprintf(icount, sizeof(icount), "%" PRId64, (int64_t)sn->icount);
    }
    size = size_to_str(sn->vm_state_size);
    printf("%-7s %-16s %8s %19s %15s %10s", sn->id_str, sn->name, size, date,
           clock, icount);
}

int bdrv_query_snapshot_info_list(BlockDriverState *bs, SnapshotInfoList **list,
                                  Error **errp)
{
    g_autofree QEMUSnapshotInfo *sn = NULL;
    SnapshotInfoList *head = NULL, **tail = &head;
    int n = bdrv_snapshot_list(bs, &sn);

    if (n == -ENOMEDIUM) {
        error_setg(errp, "Device '%s' has no medium", bdrv_get_device_name(bs));
        return n;
    }
    if (n == -ENOTSUP) {
        error_setg(errp, "Device '%s' does not support internal snapshots",
                   bdrv_get_device_name(bs));
        return n;
    }
    if (n < 0) {
        error_setg_errno(errp, -n, "Can't list snapshots of device '%s'",
                         bdrv_get_device_name(bs));
        return n;
    }
    for (int i = 0; i < n; i++) {
        SnapshotInfo *info = g_new0(SnapshotInfo, 1);

        info->id = g_strdup(sn[i].id_str);
        info->name = g_strdup(sn[i].name);
        info->vm_state_size = sn[i].vm_state_size;
        info->date_sec = sn[i].date_sec;
        info->date_nsec = sn[i].date_nsec;
        info->vm_clock_sec = sn[i].vm_clock_nsec / 1000000000;
        info->vm_clock_nsec = sn[i].vm_clock_nsec % 1000000000;
        info->has_icount = sn[i].icount != UINT64_MAX;
        info->icount = sn[i].icount;
        QAPI_LIST_APPEND(tail, info);
    }
    *list = head;
    return 0;
}

/* --- the state of a machine --- */

static BlockDriverState *vmstate_node(BlockDriverState *bs)
{
    while (bs && bs->drv && !bs->drv->bdrv_co_load_vmstate) {
        bs = bdrv_primary_bs(bs);
    }
    return bs && bs->drv ? bs : NULL;
}

static int coroutine_fn co_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                   int64_t pos, bool save)
{
    BlockDriverState *node = vmstate_node(bs);
    int ret;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (pos < 0 || qiov->size > BDRV_REQUEST_MAX_BYTES) {
        return -EIO;
    }
    if (!node) {
        return -ENOTSUP;
    }
    if (save && node->read_only) {
        return -EPERM;
    }
    bdrv_inc_in_flight(node);
    ret = save ? node->drv->bdrv_co_save_vmstate(node, qiov, pos)
               : node->drv->bdrv_co_load_vmstate(node, qiov, pos);
    bdrv_dec_in_flight(node);
    return ret;
}

int coroutine_fn bdrv_co_readv_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos)
{
    return co_vmstate(bs, qiov, pos, false);
}

int coroutine_fn bdrv_co_writev_vmstate(BlockDriverState *bs,
                                        QEMUIOVector *qiov, int64_t pos)
{
    return co_vmstate(bs, qiov, pos, true);
}

static int coroutine_fn co_vmstate_buf(BdrvSyncCall *s)
{
    QEMUIOVector qiov;

    qemu_iovec_init_buf(&qiov, s->buf, s->bytes);
    return co_vmstate(s->target, &qiov, s->offset, s->exact);
}

static int vmstate(BlockDriverState *bs, void *buf, int64_t pos, int size,
                   bool save)
{
    BdrvSyncCall s = { .co_fn = co_vmstate_buf,
                       .target = bs,
                       .offset = pos,
                       .bytes = size,
                       .buf = buf,
                       .exact = save };
    int ret = bdrv_run_sync(&s);

    return ret < 0 ? ret : size;
}

int bdrv_save_vmstate(BlockDriverState *bs, const void *buf, int64_t pos,
                      int size)
{
    return vmstate(bs, (void *)buf, pos, size, true);
}

int bdrv_load_vmstate(BlockDriverState *bs, void *buf, int64_t pos, int size)
{
    return vmstate(bs, buf, pos, size, false);
}
