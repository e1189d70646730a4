/*
 * Snapshots inside an image: what all formats that have them share.
 *
 * A snapshot has an id (a number, unique) and a name (the user's, need not be
 * unique). Thread: main, outside of coroutines, unless a function says
 * otherwise. Each change drains the node for itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_SNAPSHOT_H
#define BLOCK_SNAPSHOT_H

#include "block/block-common.h"
#include "util/coroutine.h"
#include "util/error.h"
#include "util/iov.h"

struct QEMUSnapshotInfo {
    char id_str[128]; /* cut off if it is longer */
    char name[256];   /* the same */
    uint64_t vm_state_size;
    uint32_t date_sec; /* UTC, since the epoch */
    uint32_t date_nsec;
    uint64_t vm_clock_nsec; /* since the machine started */
    uint64_t icount;        /* instructions; UINT64_MAX: not counted */
};

/* Can snapshots be made on @bs now? */
bool bdrv_can_snapshot(BlockDriverState *bs);
/* The number of snapshots and a new array of them (g_free), or -errno
 * (-ENOTSUP: the format has none). */
int bdrv_snapshot_list(BlockDriverState *bs, QEMUSnapshotInfo **list);
/* The one named @name. */
bool bdrv_snapshot_find(BlockDriverState *bs, QEMUSnapshotInfo *sn,
                        const char *name);
/* The one with both, where both are not NULL; one of them must not be. False
 * without @errp: there is none. */
bool bdrv_snapshot_find_by_id_and_name(BlockDriverState *bs, const char *id,
                                       const char *name, QEMUSnapshotInfo *sn,
                                       Error **errp);

/* Make one of the disk as it is; @sn->id_str is filled in. 0 or -errno. */
int bdrv_snapshot_create(BlockDriverState *bs, QEMUSnapshotInfo *sn);
/* Let the disk be as it was; what it is now is lost. */
int bdrv_snapshot_goto(BlockDriverState *bs, const char *id_or_name,
                       Error **errp);
/* @id and @name as for _find_by_id_and_name. */
int bdrv_snapshot_delete(BlockDriverState *bs, const char *id, const char *name,
                         Error **errp);
/* A read-only node shows the snapshot from now on; its size stays. */
int bdrv_snapshot_load_tmp(BlockDriverState *bs, const char *id,
                           const char *name, Error **errp);
/* The same; the text is an id or else a name. */
int bdrv_snapshot_load_tmp_by_id_or_name(BlockDriverState *bs,
                                         const char *id_or_name, Error **errp);

/* The lines of a list: the head for @sn NULL. No newline at the end. */
void bdrv_snapshot_dump(const QEMUSnapshotInfo *sn);
/* For query-block and its like; -ENOTSUP or another error in @errp. */
int bdrv_query_snapshot_info_list(BlockDriverState *bs, SnapshotInfoList **list,
                                  Error **errp);

/* --- the state of a machine, kept beside the disk --- */

/* I/O; at @pos of the state. 0 or -errno (-ENOTSUP: there is no such place;
 * -ENOMEDIUM). */
int coroutine_fn bdrv_co_readv_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos);
int coroutine_fn bdrv_co_writev_vmstate(BlockDriverState *bs,
                                        QEMUIOVector *qiov, int64_t pos);
/* Main, waiting: @size bytes, or -errno. */
int bdrv_save_vmstate(BlockDriverState *bs, const void *buf, int64_t pos,
                      int size);
int bdrv_load_vmstate(BlockDriverState *bs, void *buf, int64_t pos, int size);

#endif
