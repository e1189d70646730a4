/*
 * The inside of the qcow2 driver: state and what its files call of each other.
 *
 * Threads: requests run in any AioContext, several at once. Lock order: none
 * is held while another is taken. s->lock is never held over I/O: code that
 * needs a table which is not in memory drops it, loads and looks again.
 *
 * Field rules: "open": fixed while the node is open; "lock": under s->lock;
 * "atomic": qatomic_*, written under s->lock, read by anyone; "main": main
 * thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_QCOW2_H
#define BLOCK_QCOW2_QCOW2_H

#include "block/block-int.h"
#include "block/create.h"
#include "block/qcow2/format.h"
#include "crypto/luks.h"

/* --- header.c --- */

/* A header extension that we only keep. */
typedef struct Qcow2Ext {
    uint32_t magic, len;
    uint8_t data[];
} Qcow2Ext;

typedef struct Qcow2Header {
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_len;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t crypt;
    uint32_t l1_size; /* entries */
    uint64_t l1_offset;
    uint64_t reftable_offset;
    uint32_t reftable_clusters;
    uint32_t nb_snapshots;
    uint64_t snapshots_offset;
    uint64_t incompat, compat, autoclear;
    uint32_t refcount_order;
    uint32_t header_len;
    uint8_t compression;
    /* from extensions */
    char *backing_file;   /* NULL: none */
    char *backing_format; /* NULL: not said */
    char *data_file;      /* NULL: not said */
    uint32_t nb_bitmaps;
    uint64_t bitmap_dir_size, bitmap_dir_offset;
    uint64_t crypto_offset, crypto_len; /* of the LUKS header; 0: none */
    bool has_feature_names;             /* the table of them is there */
    bool lost_bitmaps;     /* the extension is there, but not valid any more */
    GPtrArray *other_exts; /* Qcow2Ext; NULL: none */
} Qcow2Header;

/* Read and check the header with its extensions. @flags: BDRV_O_*. 0, or
 * -errno and @errp. Main. */
int qcow2_header_read(BdrvChild *file, Qcow2Header *h, int flags, Error **errp);
void qcow2_header_cleanup(Qcow2Header *h);
/* @entries of 8 bytes at @offset: may a table with at most @max bytes be
 * there? */
int qcow2_check_table(const Qcow2Header *h, uint64_t offset, uint64_t entries,
                      int64_t max, const char *name, Error **errp);
/* The header's pointer to the snapshot table. */
int qcow2_check_snapshot_table(const Qcow2Header *h, Error **errp);
/* L1 entries for a disk of @size bytes. @extended: L2 entries are. */
uint64_t qcow2_size_to_l1(uint64_t size, unsigned cluster_bits, bool extended);

/* --- header-write.c --- */

#define QCOW2_NB_FEATURE_NAMES 8
/* Fill the table of feature names, 48 bytes each; its bytes. */
size_t qcow2_feature_names(uint8_t *table);
/*
 * Write feature bits, extensions and the backing file's name as s->h has them
 * now, in an order that survives a power cut, and flush the file. -ENOSPC: the
 * cluster is too small; nothing was written. Not under s->lock. The caller
 * sees to it that nobody else changes these parts of s->h; what the header
 * says about tables may change meanwhile.
 */
int coroutine_fn qcow2_co_update_header(BlockDriverState *bs);
/* Write a header of another @version (2 or 3) from s->h; s->h.version and
 * _len change. What version 2 cannot say must not be there any more. As
 * above. */
int coroutine_fn qcow2_co_write_version(BlockDriverState *bs, uint32_t version);

/* --- cache.c: L2 tables and refcount blocks in memory --- */

typedef enum Qcow2TableState {
    QCOW2_TABLE_FREE,
    QCOW2_TABLE_LOADING,
    QCOW2_TABLE_VALID,
} Qcow2TableState;

/* Dirty bits are for blocks of this size, or the table if it is smaller. */
#define QCOW2_DIRTY_UNIT  4096
#define QCOW2_DIRTY_WORDS 8 /* 2 MiB / 4 KiB bits */

typedef struct Qcow2Table {
    /* atomic; odd: not valid. cache.c, invariant 2 */
    unsigned seq;
    uint32_t index;      /* atomic: its place in the upper table */
    void *data;          /* open; big-endian, elements are atomic */
    uint8_t entry_shift; /* open; log2 of the words per L2 entry */
    /* lock */
    Qcow2TableState state;
    uint64_t offset;  /* in the file */
    unsigned writing; /* copies of it are on their way to the file */
    bool used;        /* atomic; since the clock's hand or a cleaning passed */
    bool dirty;
    bool is_new; /* nothing in the file points to it yet */
    uint64_t dirty_map[QCOW2_DIRTY_WORDS];
    TAILQ_ENTRY(Qcow2Table) dirty_next;
} Qcow2Table;

typedef struct Qcow2Cache {
    /* open */
    size_t table_size;
    uint8_t entry_shift; /* of its tables */
    unsigned max_tables; /* lock; may be exceeded by dirty ones */
    /* atomic: by index in the upper table */
    Qcow2Table **map;
    uint32_t map_size;
    /* lock */
    GPtrArray *tables;
    GPtrArray *old_maps; /* readers may still look at them */
    unsigned hand;
    unsigned nb_dirty;
    unsigned nb_cleaned; /* at most so many tables have given up memory */
    TAILQ_HEAD(, Qcow2Table) dirty;
    CoQueue load_queue;
} Qcow2Cache;

struct Qcow2State;

void qcow2_cache_init(Qcow2Cache *c, size_t table_size, unsigned max_tables,
                      uint32_t map_size);
void qcow2_cache_cleanup(Qcow2Cache *c);
/* Room for indices below @map_size; under s->lock. */
void qcow2_cache_grow_map(Qcow2Cache *c, uint32_t map_size);
/* In memory already? Under s->lock. */
Qcow2Table *qcow2_cache_lookup(Qcow2Cache *c, uint32_t index);
/*
 * The table @index, read from @offset if need be. s->lock is held on entry
 * and return, but may be dropped meanwhile (*@dropped is set then).
 */
int coroutine_fn qcow2_co_cache_get(BlockDriverState *bs, Qcow2Cache *c,
                                    uint32_t index, uint64_t offset,
                                    Qcow2Table **table, bool *dropped);
/* A new table of zeroes that will be at @offset; under s->lock. */
Qcow2Table *qcow2_cache_new(BlockDriverState *bs, Qcow2Cache *c, uint32_t index,
                            uint64_t offset);
/* The bytes at @pos were changed; under s->lock. */
void qcow2_cache_mark(Qcow2Cache *c, Qcow2Table *t, size_t pos, size_t len);
/* Give back the memory of tables that nobody has used since the last call, or
 * since they were read. How many. Under s->lock. */
unsigned qcow2_cache_clean(Qcow2Cache *c);
/* Forget @index; nothing of it is dirty or on its way. Under s->lock. */
void qcow2_cache_drop(Qcow2Cache *c, uint32_t index);

/* --- state --- */

/* An allocating write on its way (s->lock). */
typedef struct Qcow2Alloc {
    uint64_t guest_offset; /* of the first cluster */
    uint64_t host_offset;
    unsigned nb_clusters;
    CoQueue waiters;
    LIST_ENTRY(Qcow2Alloc) next;
} Qcow2Alloc;

/* Clusters that nothing points to any more, but whose refcount may only be
 * lowered when the file says so too (order.c). */
typedef struct Qcow2Free {
    uint64_t offset;
    uint64_t nb_clusters;
    bool discard; /* give the space back to the host */
    STAILQ_ENTRY(Qcow2Free) next;
} Qcow2Free;
typedef STAILQ_HEAD(Qcow2FreeList, Qcow2Free) Qcow2FreeList;

#define QCOW2_EPOCHS 2

/* Are there clusters in use that the file has no blocks for, as after
 * preallocation of metadata? Only then is it worth asking the file. */
typedef enum Qcow2Holes {
    QCOW2_HOLES_UNKNOWN,
    QCOW2_HOLES_NO,
    QCOW2_HOLES_YES,
} Qcow2Holes;

typedef struct Qcow2State {
    BlockDriverState *bs;
    Qcow2Header h; /* open, but for those named below */

    /* open */
    unsigned cluster_bits;
    uint64_t cluster_size;
    bool extended_l2;
    unsigned sub_bits; /* log2 of what an L2 entry tells apart: a subcluster, or
                          a cluster if there are none */
    unsigned l2_bits;  /* log2 of entries per L2 table */
    unsigned refcount_order;
    unsigned refblock_bits; /* log2 of entries per refcount block */
    uint64_t refcount_max;
    bool discard_request, discard_snapshot, discard_other;
    bool discard_no_unref;
    BdrvChild *data_file; /* bs->file, or NULL: opened without I/O */
    bool has_data_file, data_file_raw;
    QCryptoBlock *crypto;    /* NULL: not encrypted */
    uint64_t autoclear_kept; /* of h.autoclear: what writing keeps true */

    QemuMutex lock;

    /* L1: elements and pointer atomic, size under lock and main */
    uint64_t *l1;     /* host byte order */
    uint32_t l1_size; /* atomic */
    uint64_t l1_offset;
    uint64_t *l1_dirty; /* lock: bitmap; entries the file does not have */
    bool l1_any_dirty;
    GPtrArray *old_l1;

    Qcow2Cache l2_cache;
    Qcow2Cache refblock_cache;

    /* lock */
    uint64_t *reftable; /* host byte order */
    uint32_t reftable_size;
    uint64_t reftable_offset;
    uint32_t reftable_clusters;
    bool reftable_any_dirty;
    uint64_t *reftable_dirty;
    uint64_t free_hint;  /* cluster index: all before it are taken */
    uint64_t fresh_from; /* byte offset: nothing was ever written behind it */
    uint64_t room_end;   /* the file was or is made this long for what comes */
    bool making_room, no_room;
    bool growing_reftable;
    CoQueue grow_queue;

    LIST_HEAD(, Qcow2Alloc) allocs; /* lock */

    /* main; changed while drained (snapshot.h) */
    QEMUTimer *clean_timer;  /* NULL: none */
    uint32_t clean_interval; /* seconds */
    GPtrArray *snapshots;    /* of Qcow2Snapshot; NULL: not read (check) */
    uint64_t snap_bytes;     /* length of the table in the file */

    /* compressed clusters share host clusters (lock) */
    uint64_t free_byte_offset;

    /* order.c */
    Qcow2FreeList frees;                /* lock: since the last flush began */
    Qcow2Free *last_free;               /* lock: of s->frees, to add to */
    uint64_t nb_frees;                  /* lock */
    bool flushing;                      /* lock */
    CoQueue flush_queue;                /* lock */
    uint64_t flush_started, flush_done; /* lock: counters */
    int flush_result;                   /* lock */
    bool writeback_scheduled;           /* lock */
    unsigned overlap_check;             /* lock: a set (overlap.c) */
    GArray *inactive_l2; /* lock: offsets, rising; NULL: not known */
    bool lazy;           /* lock: refcounts may wait until the close */
    bool dirty_marked;   /* the flush that runs: the header says so */
    int metadata_error;  /* lock: -errno of a write-back that failed */

    /* Writes in place that are on their way, by epoch (order.c). */
    unsigned epoch; /* atomic */
    struct {
        unsigned n; /* atomic */
        char pad[60];
    } writers[QCOW2_EPOCHS];
    CoQueue epoch_queue; /* lock */

    /* bitmap.c: the directory in the file; NULL: none */
    GPtrArray *bitmaps;  /* Qcow2Bitmap; see there who may touch it */
    bool bitmaps_marked; /* main, prepare: IN_USE is in the file */

    /* atomic: nothing has to be done before a write (header flags) */
    bool write_ready;
    bool preparing; /* lock */
    CoQueue prepare_queue;

    int holes_below;     /* atomic: Qcow2Holes */
    bool corrupt;        /* atomic: marked as such; no more writes */
    bool signaled;       /* lock */
    int compress_active; /* lock: workers that compress */
    CoQueue compress_queue;
    bool packing; /* lock: somebody finds room for streams (compress.c) */
    CoQueue pack_queue;
} Qcow2State;

static inline uint64_t qcow2_in_cluster(const Qcow2State *s, uint64_t offset)
{
    return offset & (s->cluster_size - 1);
}

static inline uint64_t qcow2_in_subcluster(const Qcow2State *s, uint64_t offset)
{
    return offset & ((UINT64_C(1) << s->sub_bits) - 1);
}

static inline uint32_t qcow2_l1_index(const Qcow2State *s, uint64_t offset)
{
    return offset >> (s->cluster_bits + s->l2_bits);
}

static inline uint32_t qcow2_l2_index(const Qcow2State *s, uint64_t offset)
{
    return (offset >> s->cluster_bits) & ((UINT64_C(1) << s->l2_bits) - 1);
}

/* --- map.c: guest offset to host offset --- */

typedef enum Qcow2ClusterType {
    QCOW2_CLUSTER_UNALLOCATED, /* the backing image's, or zero */
    QCOW2_CLUSTER_ZERO_PLAIN,
    QCOW2_CLUSTER_ZERO_ALLOC, /* zero, with a host cluster in reserve */
    QCOW2_CLUSTER_NORMAL,
    QCOW2_CLUSTER_COMPRESSED,
    QCOW2_CLUSTER_INVALID, /* breaks the format */
} Qcow2ClusterType;

typedef struct Qcow2Mapping {
    Qcow2ClusterType type; /* of the subclusters, where there are any */
    bool has_host;         /* also UNALLOCATED subclusters may have one */
    bool copied;           /* all of it is ours alone */
    uint64_t host;         /* of @offset itself, if there is a host cluster */
    uint64_t bytes;        /* for how long this holds */
    uint64_t entry;        /* the first L2 entry, as it is */
    uint64_t bitmap;
} Qcow2Mapping;

/* Of the cluster; UNALLOCATED and NORMAL say nothing of its subclusters. */
Qcow2ClusterType qcow2_entry_type(const Qcow2State *s, uint64_t entry);
/* Without lock or I/O: false if the table is not in memory. */
bool qcow2_map_cached(Qcow2State *s, uint64_t offset, uint64_t bytes,
                      Qcow2Mapping *m);
/* The same, reading what is missing. 0 or -errno. */
int coroutine_fn qcow2_co_map(BlockDriverState *bs, uint64_t offset,
                              uint64_t bytes, Qcow2Mapping *m);
/* Map within @t; under s->lock or by cached's rules. */
void qcow2_map_table(const Qcow2State *s, const Qcow2Table *t, uint64_t offset,
                     uint64_t bytes, Qcow2Mapping *m);
/*
 * The L2 table for @offset, pinned against nothing: s->lock is held and may
 * have been dropped (*@dropped). With @alloc a missing or shared one is made;
 * without, *@table may be NULL.
 */
int coroutine_fn qcow2_co_get_l2(BlockDriverState *bs, uint64_t offset,
                                 bool alloc, Qcow2Table **table, bool *dropped);
static inline uint64_t qcow2_l2_entry(const Qcow2Table *t, uint32_t i)
{
    return GUINT64_FROM_BE(__atomic_load_n((const uint64_t *)t->data +
                                               ((size_t)i << t->entry_shift),
                                           __ATOMIC_RELAXED));
}
/* The bits for subclusters; 0 without. */
static inline uint64_t qcow2_l2_bitmap(const Qcow2Table *t, uint32_t i)
{
    return t->entry_shift ? GUINT64_FROM_BE(__atomic_load_n(
                                (const uint64_t *)t->data + (size_t)i * 2 + 1,
                                __ATOMIC_RELAXED))
                          : 0;
}
/* Under s->lock. Both at once, for those who look without it. */
void qcow2_set_l2(Qcow2State *s, Qcow2Table *t, uint32_t i, uint64_t entry,
                  uint64_t bitmap);
/* Under s->lock; the bits for subclusters stay. */
void qcow2_set_l2_entry(Qcow2State *s, Qcow2Table *t, uint32_t i,
                        uint64_t entry);
int coroutine_fn qcow2_co_block_status(BlockDriverState *bs, bool want_zero,
                                       int64_t offset, int64_t bytes,
                                       int64_t *pnum, int64_t *map,
                                       BlockDriverState **file);
BdrvChild *qcow2_map_fast(BlockDriverState *bs, struct BlkIo *io,
                          int64_t *offset);
void qcow2_fast_done(BlockDriverState *bs, struct BlkIo *io);

/* --- corrupt.c --- */

/* The image breaks the format: say so once and let nobody write any more;
 * -EIO. Not under s->lock. */
int coroutine_fn qcow2_co_corrupt(BlockDriverState *bs, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* --- refcount.c --- */

uint64_t qcow2_refcount_read(const void *block, uint64_t i, unsigned order);
void qcow2_refcount_write(void *block, uint64_t i, unsigned order, uint64_t v);
/*
 * Take up to @nb_clusters clusters in a row, at least one; their refcount is 1
 * in memory. The first one's byte offset, or -errno. *@nb: how many. s->lock
 * is held and may be dropped meanwhile. *@fresh: they read as zero.
 * @contiguous: all or nothing.
 */
int64_t coroutine_fn qcow2_co_alloc(BlockDriverState *bs, uint64_t nb_clusters,
                                    bool contiguous, uint64_t *nb, bool *fresh);
/* Add @delta to the refcount of each; s->lock as above. */
int coroutine_fn qcow2_co_refcount_add(BlockDriverState *bs, uint64_t offset,
                                       uint64_t nb_clusters, int delta);
/* Let the file grow ahead of the clusters that are taken: a write that moves
 * its end keeps others from the file and is waited for by the kernel. Does not
 * wait. Not under s->lock. */
void coroutine_fn qcow2_co_make_room(BlockDriverState *bs);
/* For repair: make the refcount of a cluster that has a block @refcount. */
int coroutine_fn qcow2_co_refcount_set(BlockDriverState *bs, uint64_t cluster,
                                       uint64_t refcount);
/* The refcount of a cluster; s->lock as above. */
int coroutine_fn qcow2_co_refcount_get(BlockDriverState *bs, uint64_t cluster,
                                       uint64_t *refcount);
/* Whether the refcounts from @cluster on are the @len bytes at @refs, which
 * are in the image's form; all of one block, and whole bytes of it. 1, 0 or
 * -errno; s->lock as above. */
int coroutine_fn qcow2_co_refcounts_equal(BlockDriverState *bs,
                                          uint64_t cluster, const void *refs,
                                          size_t len);

/* --- refcount-width.c --- */

/* Refcounts of 1 << @order bits from now on; version 3 only. Nothing else uses
 * the node. 0, or -errno and @errp: as before then. */
int coroutine_fn qcow2_co_change_refcount_order(BlockDriverState *bs,
                                                unsigned order,
                                                BdrvAmendStatusCB *cb,
                                                void *cb_opaque, Error **errp);

/* --- amend.c --- */

extern const BdrvCreateOpt qcow2_amend_opts[];
int qcow2_amend_options(BlockDriverState *bs, QDict *opts,
                        BdrvAmendStatusCB *cb, void *cb_opaque, bool force,
                        Error **errp);

/* --- order.c --- */

/* Nothing will point to these clusters once the L2 entries changed under this
 * hold of s->lock are in the file. */
void qcow2_free_later(Qcow2State *s, uint64_t offset, uint64_t nb_clusters,
                      bool discard);
/* The same for the host cluster(s) that @entry pointed to. */
void qcow2_free_entry(Qcow2State *s, uint64_t entry, bool discard);
int coroutine_fn qcow2_co_flush_metadata(BlockDriverState *bs);
/* Write back, and let no other flush begin: L1 and the refcount table change
 * in memory only until the end. _end() in any case, with what a flush that
 * waited shall return. */
int coroutine_fn qcow2_co_exclusive_begin(BlockDriverState *bs);
void coroutine_fn qcow2_co_exclusive_end(BlockDriverState *bs, int ret);
/* The end of lazy refcounts: they reach the file, and the header does not say
 * any more that they have not. 0 or -errno. Main. */
int qcow2_lazy_finish(BlockDriverState *bs);
/* Write back soon if much has gathered. Not under s->lock. */
void coroutine_fn qcow2_co_maybe_writeback(BlockDriverState *bs);
unsigned qcow2_writer_begin(Qcow2State *s);
void qcow2_writer_end(Qcow2State *s, unsigned epoch);
/* Called before a request changes anything: clears header flags that would
 * become wrong. */
int coroutine_fn qcow2_co_prepare_write(BlockDriverState *bs);

/* --- read.c, compress.c, write.c, zero.c --- */

int coroutine_fn qcow2_co_preadv(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags);
/* What a range would read as if it were unallocated. */
int coroutine_fn qcow2_co_read_backing(BlockDriverState *bs, uint64_t offset,
                                       uint64_t bytes, QEMUIOVector *qiov);
/* Read the cluster that compressed @entry stands for into @buf. */
int coroutine_fn qcow2_co_read_compressed(BlockDriverState *bs, uint64_t entry,
                                          void *buf);
/* Where the stream of @entry lies. */
void qcow2_compressed_range(const Qcow2State *s, uint64_t entry,
                            uint64_t *offset, uint64_t *bytes);
int coroutine_fn qcow2_co_write_compressed(BlockDriverState *bs, int64_t offset,
                                           int64_t bytes, QEMUIOVector *qiov);
int coroutine_fn qcow2_co_pwritev(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, QEMUIOVector *qiov,
                                  BdrvRequestFlags flags);
/* Under s->lock: wait (dropping it) while an allocating write is on its way
 * in the range; true if it had to. */
bool coroutine_fn qcow2_co_wait_allocs(Qcow2State *s, uint64_t offset,
                                       uint64_t bytes);
int coroutine_fn qcow2_co_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, BdrvRequestFlags flags);
int coroutine_fn qcow2_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes);
/* Whole clusters (also behind the end) read as zero; version 3 only. */
int coroutine_fn qcow2_co_zero_clusters(BlockDriverState *bs, uint64_t offset,
                                        uint64_t bytes);
/* Let whole clusters be as if they had never been written. */
int coroutine_fn qcow2_co_forget(BlockDriverState *bs, uint64_t offset,
                                 uint64_t bytes);
int coroutine_fn qcow2_co_truncate(BlockDriverState *bs, int64_t offset,
                                   bool exact, PreallocMode prealloc,
                                   BdrvRequestFlags flags, Error **errp);
/* Let the L1 table have at least @size entries; 0 or -errno. */
int coroutine_fn qcow2_co_need_l1(BlockDriverState *bs, uint64_t size);

/* --- overlap.c --- */

/* Take "overlap-check" and what belongs to it: *@mask. False and @errp. Main.
 */
bool qcow2_overlap_take_options(QDict *options, unsigned *mask, Error **errp);
/* Does the set say that the L2 tables of snapshots are looked at? */
bool qcow2_overlap_wants_inactive_l2(unsigned mask);
/* Find them anew: after opening, and when the snapshots have changed. 0 or
 * -errno. Nothing else changes the snapshots. */
int coroutine_fn qcow2_co_load_inactive_l2(BlockDriverState *bs);
/* The same outside of coroutines, if the set @mask wants them. Main. */
int qcow2_load_inactive_l2(BlockDriverState *bs, unsigned mask, Error **errp);
/* The name of the metadata that the region hits, or NULL. Under s->lock. */
const char *qcow2_overlap_find(const Qcow2State *s, uint64_t offset,
                               uint64_t bytes);

/* --- vmstate.c --- */

/* The guest offset of the first byte behind all that the disk may be. */
uint64_t qcow2_vmstate_offset(const Qcow2State *s);

/* --- data-file.c --- */

/* Set s->data_file. 0 or -errno. Main. */
int qcow2_open_data_file(BlockDriverState *bs, QDict *options, int flags,
                         Error **errp);
/* Before the tables say that a range is zero (@unmap: its space may go): what
 * has to be done to an external data file. Whole (sub)clusters. */
int coroutine_fn qcow2_co_data_zero(BlockDriverState *bs, uint64_t offset,
                                    uint64_t bytes, bool unmap);
/* Does the data file read as zero there? False if it is not known. */
bool coroutine_fn qcow2_co_data_is_zero(BlockDriverState *bs, uint64_t offset,
                                        uint64_t bytes);

/* Make the data file fit a disk of @new bytes, which are more than @old; the
 * new part reads as zero where the data file will be seen as it is. */
int coroutine_fn qcow2_co_data_grow(BlockDriverState *bs, uint64_t old,
                                    uint64_t new, bool exact, bool prealloc,
                                    Error **errp);
/* --- measure.c --- */

bool qcow2_measure(QDict *opts, BlockDriverState *in_bs, int64_t size,
                   struct BdrvMeasureInfo *info, Error **errp);

/* --- backing.c --- */

int qcow2_change_backing_file(BlockDriverState *bs, const char *backing_file,
                              const char *backing_fmt);
int coroutine_fn qcow2_co_make_empty(BlockDriverState *bs);
/* Let go of the L2 tables of [@from, @to) in L1, which have no entries left
 * and belong to nobody else. Nothing else uses the node. 0 or -errno. */
int coroutine_fn qcow2_co_drop_l2_tables(BlockDriverState *bs, uint32_t from,
                                         uint32_t to);
/* Cut off what is behind the last cluster in use. All is flushed, nothing else
 * uses the node. */
int coroutine_fn qcow2_co_cut_file(BlockDriverState *bs, Error **errp);

/* --- bitmap.c, bitmap-store.c: dirty bitmaps in the image --- */

/* Main, at open: make those of the image bitmaps of the node. */
int qcow2_load_bitmaps(BlockDriverState *bs, Error **errp);
void qcow2_bitmaps_cleanup(Qcow2State *s);
struct Qcow2BitmapInfoList *qcow2_bitmap_info(const Qcow2State *s);
/* Main: those of the image may (not) be changed from now on. */
void qcow2_bitmaps_set_readonly(BlockDriverState *bs, bool on);
/* Main: they can follow a change of the size. */
bool qcow2_bitmaps_allow_resize(BlockDriverState *bs, Error **errp);
/* Before the first write: what is stored is not valid any more. Flushes. */
int coroutine_fn qcow2_co_bitmaps_mark(BlockDriverState *bs);
/* Main, drained, outside of coroutines: bring all persistent ones into the
 * file, if anything of them is not there. */
bool qcow2_store_bitmaps(BlockDriverState *bs, Error **errp);
void qcow2_inactivate(BlockDriverState *bs);
bool qcow2_supports_bitmaps(BlockDriverState *bs);
/* Bytes that the persistent bitmaps of @bs, of any format, take in an image
 * with such clusters. For measuring. */
uint64_t qcow2_measure_bitmaps(BlockDriverState *bs, uint64_t cluster_size);
int coroutine_fn qcow2_co_can_store_bitmap(BlockDriverState *bs,
                                           const char *name,
                                           uint32_t granularity, Error **errp);
int coroutine_fn qcow2_co_remove_bitmap(BlockDriverState *bs, const char *name,
                                        Error **errp);

/* --- crypt.c --- */

/* Where data is, @host, for @offset of the guest: encrypted if the image is.
 * In one piece on both sides. */
int coroutine_fn qcow2_co_read_data(BlockDriverState *bs, uint64_t offset,
                                    uint64_t host, uint64_t bytes,
                                    QEMUIOVector *qiov);
int coroutine_fn qcow2_co_write_data(BlockDriverState *bs, uint64_t offset,
                                     uint64_t host, uint64_t bytes,
                                     QEMUIOVector *qiov);

/* Take "encrypt.*" and get ready; the header has been read. Main. */
int qcow2_crypt_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp);
/* NULL: not encrypted. */
ImageInfoSpecificQCow2Encryption *qcow2_crypt_info(BlockDriverState *bs);

/* Key slots of a LUKS image: take "encrypt.*". Main. */
int qcow2_crypt_amend(BlockDriverState *bs, QDict *opts, bool force,
                      Error **errp);

/* Options of creation; zeroed before. */
typedef struct Qcow2CryptCreate {
    uint32_t method; /* QCOW2_CRYPT_*; 0: none */
    QCryptoLuksOptions luks;
    char *password;
    QCryptoBlock *luks_block; /* ready to be written */
} Qcow2CryptCreate;

/* Take "encryption" and "encrypt.*" out of @opts and check them. Main. */
bool qcow2_crypt_take_create(QDict *opts, Qcow2CryptCreate *o, Error **errp);
void qcow2_crypt_create_cleanup(Qcow2CryptCreate *o);
/* Make the new image @bs, which has no data yet, an encrypted one; it has to
 * be opened anew. Main. */
int qcow2_crypt_create(BlockDriverState *bs, const Qcow2CryptCreate *o,
                       Error **errp);

/* --- check-run.c --- */

/* Write the feature bits to the header, and flush. 0 or -errno. */
int coroutine_fn qcow2_co_write_incompat(BlockDriverState *bs, uint64_t bits);
int coroutine_fn qcow2_co_check(BlockDriverState *bs, BdrvCheckResult *res,
                                BdrvCheckMode fix);

/* --- create.c --- */

extern const BdrvCreateOpt qcow2_create_opts[];
int qcow2_create(const BlockDriver *drv, const char *filename, QDict *opts,
                 Error **errp);
int qcow2_create_on(BlockDriverState *file, BlockDriverState *data_file,
                    QDict *opts, Error **errp);

#endif
