/*
 * The inside of nodes and edges, for block/ only.
 *
 * Field rules: "open": fixed while the node is open; "main": main thread only;
 * "drained": written by main while the node is drained, read by I/O;
 * "atomic": qatomic_*; "x_lock": under that lock.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include "block/block-driver.h"
#include "block/block-io.h"
#include "block/block.h"
#include "util/aio.h"
#include "util/thread.h"

#define BDRV_NODE_NAME_MAX 31

/* What the parent on an edge is and how it is told things. All main. */
struct BdrvChildClass {
    bool parent_is_bds;
    /* The flags and options that a child inherits. NULL: it does not open
     * children by options. */
    void (*inherit_options)(BdrvChildRole role, bool parent_is_format,
                            int *child_flags, QDict *child_options,
                            int parent_flags, QDict *parent_options);
    /* Required: "node 'x'", "block device 'x'"; the caller frees it. */
    char *(*get_parent_desc)(BdrvChild *child);
    const char *(*get_name)(BdrvChild *child);
    /* The edge has a new bs / is about to lose its bs. */
    void (*attach)(BdrvChild *child);
    void (*detach)(BdrvChild *child);
    /* Stop to make requests; poll: are some still going on?; go on. */
    void (*drained_begin)(BdrvChild *child);
    bool (*drained_poll)(BdrvChild *child);
    void (*drained_end)(BdrvChild *child);
    void (*resize)(BdrvChild *child);
};

extern const BdrvChildClass child_of_bds;

struct BdrvChild {
    BlockDriverState *bs; /* drained */
    char *name;           /* open */
    const BdrvChildClass *klass;
    BdrvChildRole role;
    void *opaque; /* the parent */
    /* main; requests are checked against perm: drained */
    uint64_t perm, shared_perm;
    uint64_t old_perm, old_shared; /* main: during an update */
    bool in_update;                /* main */
    /* main: has the parent been told to be quiet for this edge? */
    bool quiesced_parent;
    LIST_ENTRY(BdrvChild) next;        /* of the parent's children */
    LIST_ENTRY(BdrvChild) next_parent; /* of bs's parents */
};

/* A write-like request that others may have to wait for (reqs_lock). */
typedef struct BdrvTrackedRequest {
    BlockDriverState *bs;
    int64_t offset, bytes;
    int64_t overlap_offset, overlap_bytes;
    bool serialising;
    Coroutine *co;
    struct BdrvTrackedRequest *waiting_for;
    LIST_ENTRY(BdrvTrackedRequest) list;
    CoQueue wait_queue;
} BdrvTrackedRequest;

/* One counter per slot of threads, each in a cache line of its own. */
#define BDRV_SHARDS 16
typedef struct BdrvShardedCount {
    struct {
        unsigned n; /* atomic */
        char pad[64 - sizeof(unsigned)];
    } s[BDRV_SHARDS];
} BdrvShardedCount;

struct BlockDriverState {
    /* open */
    const BlockDriver *drv; /* NULL: could not be opened or is closed */
    void *opaque;
    int open_flags; /* main writes; BDRV_O_* */
    bool read_only; /* drained */
    bool force_share;
    bool probed; /* the format was guessed */
    bool implicit;
    bool encrypted; /* its data is stored so */
    char node_name[BDRV_NODE_NAME_MAX + 1];
    BdrvRequestFlags supported_read_flags;
    BdrvRequestFlags supported_write_flags;
    BdrvRequestFlags supported_zero_flags;

    /* drained */
    BlockLimits bl;
    BdrvChild *file;    /* formats */
    BdrvChild *backing; /* images that have one */
    LIST_HEAD(, BdrvChild) children;
    LIST_HEAD(, BdrvChild) parents;
    BlockdevDetectZeroesOptions detect_zeroes;
    /* atomic; written under bitmaps_lock: a dirty bitmap records */
    bool record_writes;
    uint64_t write_threshold; /* atomic; 0: none */

    /* main */
    int refcnt;
    bool monitor_owned;
    bool was_writable; /* before the reopening that is going on */
    /* The node that opened this one as a part of it: reopening goes on to
     * here. NULL: somebody named it. */
    BlockDriverState *inherits_from;
    QDict *options;          /* as opened, children included */
    QDict *explicit_options; /* those that the user gave */
    QDict *full_open_options;
    char *filename;       /* a name that opens it again; never NULL */
    char *exact_filename; /* the same without json:, or "" */
    int all_quiesced;     /* by bdrv_drain_all_begin() */
    unsigned visit;       /* graph walks */
    TAILQ_ENTRY(BlockDriverState) node_list;
    TAILQ_ENTRY(BlockDriverState) bs_list;
    TAILQ_ENTRY(BlockDriverState) monitor_list;

    /* atomic; the main thread writes */
    int quiesce_counter;
    int64_t total_bytes;

    /* atomic */
    unsigned in_flight;        /* requests of io.c on this node */
    bool dirty;                /* written since the last flush began */
    int64_t wr_highest_offset; /* end of the highest write */
    /* A request is being padded: fast writes take the slow path. Pairs with
     * fast_writes as blk-io.c says. */
    bool has_serialising;
    unsigned nb_serialising;       /* reqs_lock: of bs->tracked */
    BdrvShardedCount *fast_writes; /* open; NULL if alignment is 1 */

    /* main writes under the lock (block/dirty-bitmap.h) */
    QemuMutex bitmaps_lock;
    LIST_HEAD(, BdrvDirtyBitmap) dirty_bitmaps;

    QemuMutex reqs_lock;
    LIST_HEAD(, BdrvTrackedRequest) tracked; /* reqs_lock */
    CoQueue fast_queue;  /* reqs_lock: waits for fast_writes to be 0 */
    CoQueue flush_queue; /* reqs_lock */
    bool flush_active;   /* reqs_lock */
};

/* Every node, also those without a name the user knows. */
extern TAILQ_HEAD(BdrvAllStates, BlockDriverState) bdrv_all_states;

/* A new node that is not open. */
BlockDriverState *bdrv_new(void);
/* A node of a driver that need not be in the table, without options. */
BlockDriverState *bdrv_new_open_driver(const BlockDriver *drv,
                                       const char *node_name, int flags,
                                       Error **errp);
bool bdrv_assign_node_name(BlockDriverState *bs, const char *node_name,
                           Error **errp);
void bdrv_set_total_bytes(BlockDriverState *bs, int64_t bytes);
/* Ask the driver for the length and set it; 0 or -errno. */
int bdrv_refresh_length(BlockDriverState *bs);

/* Open the child @key from "@key.*" or "@key": in @options. */
BdrvChild *bdrv_open_child(const char *filename, QDict *options,
                           const char *key, BlockDriverState *parent,
                           const BdrvChildClass *klass, BdrvChildRole role,
                           bool allow_none, Error **errp);
/* The same for bs->file. */
int bdrv_open_file_child(const char *filename, QDict *options, const char *key,
                         BlockDriverState *parent, Error **errp);

void bdrv_inc_in_flight(BlockDriverState *bs);
void bdrv_dec_in_flight(BlockDriverState *bs);

/* Parents' side of drain; for graph changes under drain (block/drain.c). */
void bdrv_parent_drained_begin_single(BdrvChild *c);
void bdrv_parent_drained_end_single(BdrvChild *c);
bool bdrv_parent_drained_poll_single(BdrvChild *c);

/* As bdrv_refresh_perms() for both at once; either may be NULL. */
int bdrv_refresh_perms2(BlockDriverState *a, BlockDriverState *b, Error **errp);
/* The same for @n of them. */
int bdrv_refresh_perms_n(BlockDriverState *const *bs, int n, Error **errp);
/* Is @on part of what is below @bs (or the same)? */
bool bdrv_depends_on(const BlockDriverState *bs, const BlockDriverState *on);
/*
 * Edges for callers that find the permissions anew afterwards and count
 * references themselves; all nodes concerned are drained. @new_bs may be
 * NULL; only an edge without a node can be freed.
 */
void bdrv_replace_child_noperm(BdrvChild *c, BlockDriverState *new_bs);
BdrvChild *bdrv_attach_child_noperm(BlockDriverState *parent_bs,
                                    BlockDriverState *child_bs,
                                    const char *name, BdrvChildRole role);
void bdrv_free_child_noperm(BdrvChild *c);
/* Flags and options that a node gives to its children (block/options.c). */
void bdrv_inherited_options(BdrvChildRole role, bool parent_is_format,
                            int *child_flags, QDict *child_options,
                            int parent_flags, QDict *parent_options);
/* get_name() of child_of_bds: the backend's on top. */
const char *bdrv_child_device_name(BdrvChild *c);

/* Default permissions by role, for drivers that add to them. */
void bdrv_default_perms(BlockDriverState *bs, BdrvChild *c, BdrvChildRole role,
                        uint64_t perm, uint64_t shared, uint64_t *nperm,
                        uint64_t *nshared);

#endif
