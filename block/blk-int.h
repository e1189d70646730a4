/*
 * The inside of a BlockBackend, for block/ only. Field rules as in
 * block-int.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLK_INT_H
#define BLOCK_BLK_INT_H

#include "block/block-backend.h"
#include "block/block-int.h"

/* Figures of one gate; its home thread writes. */
typedef struct BlkGateStats {
    uint64_t bytes[BLK_IO_WRITE_ZEROES + 1];
    uint64_t ops[BLK_IO_WRITE_ZEROES + 1];
    uint64_t failed[BLK_IO_WRITE_ZEROES + 1];
    uint64_t fast; /* requests that took the fast path */
} BlkGateStats;

/*
 * The entry of one context's requests into one BlockBackend. Made when the
 * first request comes by, freed with the BlockBackend.
 */
typedef struct BlkGate BlkGate;
struct BlkGate {
    BlockBackend *blk; /* fixed */
    AioContext *ctx;   /* fixed; a reference */
    BlkGate *next;     /* fixed; same hash */
    unsigned shard;    /* fixed */
    QEMUBH *bh;        /* fixed */

    /* The bottom half will run, and runs (atomic): blk_gates_quiet(). */
    bool bh_scheduled;
    bool bh_running; /* home writes */

    /* Requests that have passed. Written by home, read by main; the barrier
     * pair with blk->quiesce_counter is explained in blk-io.c. */
    unsigned in_flight;

    /* home */
    STAILQ_HEAD(, BlkIo) done;   /* their callbacks are to be called */
    STAILQ_HEAD(, BlkIo) queued; /* came while the gate was closed */
    CoQueue co_queued;
    BlkGateStats stats;
} __attribute__((aligned(64)));

#define BLK_GATE_BUCKETS 16

struct BlockBackend {
    /* main */
    char *name; /* monitor's, or NULL */
    int refcnt;
    AioContext *ctx;
    uint64_t perm, shared_perm;
    bool allow_resize;
    void *dev;
    const BlockDevOps *dev_ops;
    void *dev_opaque;
    bool iostatus_enabled;
    TAILQ_ENTRY(BlockBackend) link;         /* all */
    TAILQ_ENTRY(BlockBackend) monitor_link; /* those with a name */

    /* drained */
    BdrvChild *root;
    struct ThrottleMember *throttle; /* NULL: it has no limits */
    bool disable_queuing;

    /* atomic */
    BlockdevOnError on_read_error, on_write_error;
    bool enable_write_cache;
    int iostatus;
    unsigned notes;      /* errors on their way to the main thread */
    int quiesce_counter; /* main writes */
    BlkGate *gates[BLK_GATE_BUCKETS]; /* append only, under gates_lock */
    QemuMutex gates_lock;
};

/* blk-io.c */
BlkGate *blk_gate(BlockBackend *blk, AioContext *ctx); /* home of @ctx */
bool blk_gate_enter(BlkGate *gate);
void blk_gate_leave(BlkGate *gate);
void blk_gates_close(BlockBackend *blk); /* main */
void blk_gates_open(BlockBackend *blk);  /* main */
bool blk_gates_busy(BlockBackend *blk);  /* main */
/* No bottom half of a gate runs or will run. Main, after the last request. */
bool blk_gates_quiet(BlockBackend *blk);
void blk_gates_free(BlockBackend *blk);                       /* main */
void blk_gates_stats(BlockBackend *blk, BlkGateStats *stats); /* main */
void blk_io_init(void);
/* 0 or why a request of this range cannot be. */
int blk_check_range(const BlockDriverState *bs, int64_t offset, int64_t bytes);

#endif
