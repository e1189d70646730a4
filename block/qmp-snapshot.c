/*
 * QMP: blockdev-snapshot-internal-sync, also as an action of a transaction,
 * and blockdev-snapshot-delete-internal-sync.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"
#include "block/snapshot.h"
#include "block/transaction.h"
#include "qapi/qapi-commands-block-core.h"
#include "util/error-report.h"
#include "util/timer.h"

/* The node of a disk, which nobody stands on but a device. */
static BlockDriverState *find_root(const char *name, Error **errp)
{
    BlockDriverState *bs = bdrv_lookup_bs(name, name, errp);
    const BdrvChild *c;

    if (!bs) {
        return NULL;
    }
    LIST_FOREACH(c, &bs->parents, next_parent) {
        if (c->klass == &child_of_bds) {
            error_setg(errp, "Need a root block node");
            return NULL;
        }
    }
    if (!bdrv_is_inserted(bs)) {
        error_setg(errp, "Device has no medium");
        return NULL;
    }
    return bs;
}

static BlockDriverState *create(const BlockdevSnapshotInternal *a,
                                QEMUSnapshotInfo *sn, Error **errp)
{
    BlockDriverState *bs = find_root(a->device, errp);
    int64_t now = g_get_real_time();
    int ret;

    if (!bs) {
        return NULL;
    }
    if (bdrv_is_read_only(bs)) {
        error_setg(errp, "Device '%s' is read only", a->device);
        return NULL;
    }
    if (!bdrv_can_snapshot(bs)) {
        error_setg(errp,
                   "Block format '%s' used by device '%s' does not support "
                   "internal snapshots",
                   bdrv_get_format_name(bs), a->device);
        return NULL;
    }
    if (!a->name[0]) {
        error_setg(errp, "Name is empty");
        return NULL;
    }
    if (bdrv_snapshot_find(bs, sn, a->name)) {
        error_setg(errp,
                   "Snapshot with name '%s' already exists on device "
                   "'%s'",
                   a->name, a->device);
        return NULL;
    }
    *sn = (QEMUSnapshotInfo){ .date_sec = now / 1000000,
                              .date_nsec = now % 1000000 * 1000,
                              .icount = UINT64_MAX };
    g_strlcpy(sn->name, a->name, sizeof(sn->name));
    sn->vm_clock_nsec = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    ret = bdrv_snapshot_create(bs, sn);
    if (ret < 0) {
        error_setg_errno(errp, -ret,
                         "Failed to create snapshot '%s' on device '%s'",
                         a->name, a->device);
        return NULL;
    }
    return bs;
}

void qmp_blockdev_snapshot_internal_sync(BlockdevSnapshotInternal *arg,
                                         Error **errp)
{
    QEMUSnapshotInfo sn;

    create(arg, &sn, errp);
}

SnapshotInfo *qmp_blockdev_snapshot_delete_internal_sync(const char *device,
                                                         const char *id,
                                                         const char *name,
                                                         Error **errp)
{
    BlockDriverState *bs = find_root(device, errp);
    QEMUSnapshotInfo sn;
    SnapshotInfo *info;
    ERRP_GUARD();

    if (!bs) {
        return NULL;
    }
    if (!id && !name) {
        error_setg(errp, "Name or id must be provided");
        return NULL;
    }
    if (!bdrv_snapshot_find_by_id_and_name(bs, id, name, &sn, errp)) {
        if (!*errp) {
            error_setg(errp,
                       "Snapshot with id '%s' and name '%s' does not exist on "
                       "device '%s'",
                       id ? id : "null", name ? name : "null", device);
        }
        return NULL;
    }
    if (bdrv_snapshot_delete(bs, id, name, errp) < 0) {
        return NULL;
    }
    info = g_new0(SnapshotInfo, 1);
    info->id = g_strdup(sn.id_str);
    info->name = g_strdup(sn.name);
    info->vm_state_size = sn.vm_state_size;
    info->date_sec = sn.date_sec;
    info->date_nsec = sn.date_nsec;
    info->vm_clock_sec = sn.vm_clock_nsec / NANOSECONDS_PER_SECOND;
    info->vm_clock_nsec = sn.vm_clock_nsec % NANOSECONDS_PER_SECOND;
    info->has_icount = sn.icount != UINT64_MAX;
    info->icount = sn.icount;
    return info;
}

/* --- the action --- */

typedef struct State {
    BlockDriverState *bs;
    QEMUSnapshotInfo sn;
} State;

static bool prepare_internal(TransactionAction *action, void *state,
                             Error **errp)
{
    State *s = state;

    s->bs = create(action->u.blockdev_snapshot_internal_sync.data, &s->sn,
                   errp);
    return s->bs;
}

static void abort_internal(void *state)
{
    State *s = state;
    Error *local_err = NULL;

    if (bdrv_snapshot_delete(s->bs, s->sn.id_str, s->sn.name, &local_err) < 0) {
        error_reportf_err(local_err,
                          "Failed to delete snapshot with id '%s' and name "
                          "'%s' on device '%s' in abort: ",
                          s->sn.id_str, s->sn.name, s->bs->node_name);
    }
}

const BdrvActionOps bdrv_action_snapshot_internal = {
    .state_size = sizeof(State),
    .prepare = prepare_internal,
    .abort = abort_internal,
};
