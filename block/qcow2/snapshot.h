/*
 * Internal snapshots of qcow2: the table in memory and what check needs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_SNAPSHOT_H
#define BLOCK_QCOW2_SNAPSHOT_H

#include "block/qcow2/qcow2.h"
#include "block/snapshot.h"

#define QCOW2_SNAP_HEADER_LEN  40
#define QCOW2_SNAP_KNOWN_EXTRA 24 /* VM state size, disk size, icount */
#define QCOW2_SNAP_MIN_EXTRA   16 /* what version 3 demands */
#define QCOW2_SNAP_MAX_EXTRA   1024

/* An entry of the snapshot table (main; changed while drained). */
typedef struct Qcow2Snapshot {
    uint64_t l1_offset;
    uint32_t l1_size; /* entries */
    char *id, *name;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_nsec;
    uint64_t vm_state_size;
    uint64_t disk_size; /* bytes */
    uint64_t icount;    /* UINT64_MAX: not said */
    uint32_t extra_len; /* as it is in the file; 0: a new one */
    uint8_t *more;      /* extra data that we do not know, */
    uint32_t more_len;  /* kept as it is */
} Qcow2Snapshot;

void qcow2_snapshot_free(Qcow2Snapshot *sn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qcow2Snapshot, qcow2_snapshot_free)
GPtrArray *qcow2_snapshots_new(void);

/* What reading a damaged table for repair threw away. */
typedef struct Qcow2SnapshotLoss {
    uint32_t extra;    /* entries with too much extra data */
    uint32_t overhang; /* entries behind the largest table */
} Qcow2SnapshotLoss;

/*
 * Read the table that the header names into s->snapshots; s->snap_bytes is
 * its length. @loss not NULL: drop what is too much and go on, telling of it
 * on stderr. 0, or -errno and @errp.
 */
int coroutine_fn qcow2_co_snapshots_read(BlockDriverState *bs,
                                         Qcow2SnapshotLoss *loss, Error **errp);
/* The same at open, outside of coroutines. */
int qcow2_snapshots_read(BlockDriverState *bs, Error **errp);
/* Write s->snapshots to a new place, let the header lead to it and free the
 * old one. On return it is in the file. 0 or -errno: then all is as before. */
int coroutine_fn qcow2_co_snapshots_write(BlockDriverState *bs);

/* --- whole trees of tables (snapshot-refs.c) --- */

/* Read an L1 table: a new array in host byte order, NULL with *@ret. */
uint64_t *coroutine_fn qcow2_co_read_l1(BlockDriverState *bs, uint64_t offset,
                                        uint32_t size, int *ret);
/* One more reference to all that a table leads to. Tables are read past the
 * cache, so nothing may be dirty. On failure nothing is counted. */
int coroutine_fn qcow2_co_tree_ref(BlockDriverState *bs, const uint64_t *l1,
                                   uint32_t size);
/* One less, when nothing leads there any more; tables are read past the
 * cache. The table's own clusters are @offset's. */
int coroutine_fn qcow2_co_tree_free(BlockDriverState *bs, uint64_t offset,
                                    const uint64_t *l1, uint32_t size);
/* Set the flags "ours alone" of the disk to what the refcounts are now, where
 * @l1 has something. */
int coroutine_fn qcow2_co_refresh_copied(BlockDriverState *bs,
                                         const uint64_t *l1, uint32_t size);

/* --- callbacks (snapshot.c, vmstate.c) --- */

int qcow2_snapshot_create(BlockDriverState *bs, QEMUSnapshotInfo *sn);
int qcow2_snapshot_goto(BlockDriverState *bs, const char *id_or_name);
int qcow2_snapshot_delete(BlockDriverState *bs, const char *id,
                          const char *name, Error **errp);
int qcow2_snapshot_list(BlockDriverState *bs, QEMUSnapshotInfo **list);
int qcow2_snapshot_load_tmp(BlockDriverState *bs, const char *id,
                            const char *name, Error **errp);
int coroutine_fn qcow2_co_save_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos);
int coroutine_fn qcow2_co_load_vmstate(BlockDriverState *bs, QEMUIOVector *qiov,
                                       int64_t pos);

#endif
