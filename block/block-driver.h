/*
 * What a block driver is: one static const BlockDriver and a line in the
 * table of block/drivers.c. docs/devel/writing-a-block-driver.md is the
 * guide; block/null.c the smallest example.
 *
 * The rules for all callbacks: they return 0 (or what is said) or -errno,
 * with @errp set where there is one. "main": called in the main thread, may
 * block. "I/O": in the home thread of any AioContext, several at once on one
 * node; a coroutine_fn may yield. Requests have passed block/io.c: they lie
 * inside the node, fit its BlockLimits and carry only supported flags.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_DRIVER_H
#define BLOCK_BLOCK_DRIVER_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/coroutine.h"
#include "util/error.h"
#include "util/iov.h"

struct BlkIo;
struct BDRVReopenState;
struct BdrvMeasureInfo;
struct BlockReopenQueue;

struct BlockDriver {
    const char *format_name;
    size_t instance_size; /* of bs->opaque, zeroed */
    /* "xyz" makes file names "xyz:..." ours; NULL for formats */
    const char *protocol_name;
    bool is_filter;      /* shows its one child as it is */
    bool is_format;      /* stands on a child named "file" */
    bool needs_filename; /* a protocol with a "filename" option */
    bool supports_backing;
    bool flushes_children; /* bdrv_co_flush_to_os() has seen to them */
    bool supports_compressed_writes; /* BDRV_REQ_WRITE_COMPRESSED */
    /* What the block status says is in a file can be taken from there without
     * asking this driver (block/copy-range.c). */
    bool shows_data_as_is;
    /* The options that make two nodes show different data; for the name that
     * tells how to open the node again. "a." stands for all that begin so.
     * NULL-terminated. */
    const char *const *strong_runtime_opts;
    /* The options of the driver that reopening can put back to their defaults.
     * NULL-terminated; NULL: none. */
    const char *const *mutable_opts;
    /* Names of all options, for the error about unknown ones. */

    /* --- opening (main) --- */

    /* Formats: how sure are we (0..100) that the image that begins with
     * these bytes is ours? Required for formats that are probed. */
    int (*bdrv_probe)(const uint8_t *buf, int buf_size, const char *filename);
    /* Protocols: the same for a host device's name. */
    int (*bdrv_probe_device)(const char *filename);
    /* Protocols, optional: turn @filename into options. */
    void (*bdrv_parse_filename)(const char *filename, QDict *options,
                                Error **errp);
    /* Required. Take the known options out of @options; formats open their
     * children. bs->open_flags say the rest. */
    int (*bdrv_open)(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp);
    /* Optional. No request is in flight; children are still there. */
    void (*bdrv_close)(BlockDriverState *bs);
    /* Optional, main: the last chance to write, before bdrv_close() of a node
     * that can be written. Not in a coroutine, may turn the loop; nothing else
     * is in flight. Reports its errors itself: the node goes anyway. */
    void (*bdrv_inactivate)(BlockDriverState *bs);
    /* Optional: bs->exact_filename, if a plain name says it all. */
    void (*bdrv_refresh_filename)(BlockDriverState *bs);

    /* --- reopening (main; block/reopen.h) --- */

    /*
     * Optional: without, the node cannot be reopened. The node is drained and
     * flushed, still in its old state and may be written to; check the options
     * in state->rest and take out what can change. Then exactly one of _commit
     * and _abort, also if another node fails. May block.
     */
    int (*bdrv_reopen_prepare)(struct BDRVReopenState *state,
                               struct BlockReopenQueue *queue, Error **errp);
    /* Optional: flags and permissions are the new ones. Must not fail. */
    void (*bdrv_reopen_commit)(struct BDRVReopenState *state);
    /* Optional: the whole queue has been committed; may write. */
    void (*bdrv_reopen_commit_post)(struct BDRVReopenState *state);
    /* Optional: undo _prepare. */
    void (*bdrv_reopen_abort)(struct BDRVReopenState *state);

    /* --- creating (main) --- */

    /* Both or none (block/create.h). The options that bdrv_create knows. */
    const struct BdrvCreateOpt *create_opts;
    /* Make an image. @opts: strings that fit the tables of this driver and of
     * the protocol; take out what is yours and give the rest to
     * bdrv_create_file(). May block; not in a coroutine. */
    int (*bdrv_create)(const BlockDriver *drv, const char *filename,
                       QDict *opts, Error **errp);
    /* Optional, formats: the same (blockdev-create) on the node @file, which
     * may have other users, without options of the protocol. @data_file:
     * what "data-file" says, or NULL. */
    int (*bdrv_create_on)(BlockDriverState *file, BlockDriverState *data_file,
                          QDict *opts, Error **errp);

    /* --- backing files --- */

    /* Optional (main, may block): write another backing file into the image;
     * NULL: none. */
    int (*bdrv_change_backing_file)(BlockDriverState *bs,
                                    const char *backing_file,
                                    const char *backing_fmt);
    /* Optional (I/O, may yield; no other request is there): let everything be
     * as if it had never been written. */
    int coroutine_fn (*bdrv_co_make_empty)(BlockDriverState *bs);

    /* --- amending (main) --- */

    /* Both or none: the options of an image that can be changed. */
    const struct BdrvCreateOpt *amend_opts;
    /* Change them; outside of coroutines, may block. @opts: strings that fit
     * amend_opts. @status_cb may be NULL. What is half done at an error must
     * leave an image that can be used. */
    int (*bdrv_amend_options)(BlockDriverState *bs, QDict *opts,
                              BdrvAmendStatusCB *status_cb, void *cb_opaque,
                              bool force, Error **errp);

    /* --- measuring --- */

    /* Optional (main, may block): how large would an image be that is made with
     * @opts (strings; may be changed) and holds @size bytes, those of @in_bs if
     * it is not NULL? */
    bool (*bdrv_measure)(QDict *opts, BlockDriverState *in_bs, int64_t size,
                         struct BdrvMeasureInfo *info, Error **errp);

    /* --- properties (main) --- */

    /* Optional: change bs->bl, which holds the children's limits. Required
     * for leaves that need any. */
    void (*bdrv_refresh_limits)(BlockDriverState *bs, Error **errp);
    /* Length in bytes. Leaves: required. Formats without: fixed at open. */
    int64_t (*bdrv_getlength)(BlockDriverState *bs);
    /* Optional (formats: the sum of the children). */
    int64_t (*bdrv_get_allocated_file_size)(BlockDriverState *bs);
    /* Optional (filters and formats with one child may pass it on). */
    int (*bdrv_get_info)(BlockDriverState *bs, BlockDriverInfo *bdi);
    /* Optional (without: yes): does an image that was just created read as
     * zero? */
    bool (*bdrv_has_zero_init)(BlockDriverState *bs);
    int (*bdrv_probe_blocksizes)(BlockDriverState *bs, BlockSizes *bsz);
    int (*bdrv_probe_geometry)(BlockDriverState *bs, HDGeometry *geo);
    /* Optional: driver specific part of query-block; the caller frees it. */
    struct ImageInfoSpecific *(*bdrv_get_specific_info)(BlockDriverState *bs,
                                                        Error **errp);
    struct BlockStatsSpecific *(*bdrv_get_specific_stats)(BlockDriverState *bs);

    /* --- permissions (main) --- */

    /* Optional (else by role): what we need of @c (NULL: of a child to be)
     * when our parents use and share @perm and @shared. */
    void (*bdrv_child_perm)(BlockDriverState *bs, BdrvChild *c,
                            BdrvChildRole role, uint64_t perm, uint64_t shared,
                            uint64_t *nperm, uint64_t *nshared);
    /* Leaves, optional: a change comes; refuse or prepare it, then exactly
     * one of set and abort. */
    int (*bdrv_check_perm)(BlockDriverState *bs, uint64_t perm, uint64_t shared,
                           Error **errp);
    void (*bdrv_set_perm)(BlockDriverState *bs, uint64_t perm, uint64_t shared);
    void (*bdrv_abort_perm_update)(BlockDriverState *bs);

    /* --- dirty bitmaps in the image (main; all or none) --- */

    /* Required. Could a new bitmap of this name be stored? Changes nothing. */
    int coroutine_fn (*bdrv_co_can_store_bitmap)(BlockDriverState *bs,
                                                 const char *name,
                                                 uint32_t granularity,
                                                 Error **errp);
    /* Required. Let the image forget a bitmap; 0 also if it has none. */
    int coroutine_fn (*bdrv_co_remove_bitmap)(BlockDriverState *bs,
                                              const char *name, Error **errp);
    /* Optional: does this image take any? Default: yes. */
    bool (*bdrv_supports_bitmaps)(BlockDriverState *bs);
    /* Required. A persistent bitmap is about to change without a write: what
     * is stored of it must not be trusted after a crash. */
    int coroutine_fn (*bdrv_co_bitmaps_will_change)(BlockDriverState *bs);

    /* --- requests (I/O) --- */

    /* Required. Data at qiov_offset of @qiov, @bytes of it. */
    int coroutine_fn (*bdrv_co_preadv)(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags);
    /* Required unless always read-only. bs->supported_write_flags. */
    int coroutine_fn (*bdrv_co_pwritev)(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags);
    /* Optional; bs->supported_zero_flags. -ENOTSUP: zeroes are written. */
    int coroutine_fn (*bdrv_co_pwrite_zeroes)(BlockDriverState *bs,
                                              int64_t offset, int64_t bytes,
                                              BdrvRequestFlags flags);
    /* Optional. -ENOTSUP is no error for the caller. */
    int coroutine_fn (*bdrv_co_pdiscard)(BlockDriverState *bs, int64_t offset,
                                         int64_t bytes);
    /* Optional. _to_os: our caches reach the children. _to_disk: leaves:
     * stable storage; one at a time, and only when something was written. */
    int coroutine_fn (*bdrv_co_flush_to_os)(BlockDriverState *bs);
    int coroutine_fn (*bdrv_co_flush_to_disk)(BlockDriverState *bs);
    /* Optional: let the kernel copy from @file, a leaf, at byte @from; aligned
     * as a write. -ENOTSUP: the caller reads and writes. After any error the
     * range may have been written in part. */
    int coroutine_fn (*bdrv_co_copy_range_to)(BlockDriverState *bs,
                                              int64_t offset,
                                              BlockDriverState *file,
                                              int64_t from, int64_t bytes);
    /* Optional: without, all is data. Sets *@pnum > 0, at most @bytes
     * rounded up to the alignment; *@map and *@file with _OFFSET_VALID.
     * @want_zero: false: only allocation matters. */
    int coroutine_fn (*bdrv_co_block_status)(BlockDriverState *bs,
                                             bool want_zero, int64_t offset,
                                             int64_t bytes, int64_t *pnum,
                                             int64_t *map,
                                             BlockDriverState **file);
    /* Optional; drained by the caller. */
    int coroutine_fn (*bdrv_co_truncate)(BlockDriverState *bs, int64_t offset,
                                         bool exact, PreallocMode prealloc,
                                         BdrvRequestFlags flags, Error **errp);

    /* Optional, beside any requests: the owner goes on to write up to @end,
     * which is behind the end of the file. It may be made that long at once,
     * by what never makes it shorter nor changes data; nobody waits for it.
     * The node's length stays, and is the file's again when the node is closed
     * or not written any more. */
    int coroutine_fn (*bdrv_co_make_room)(BlockDriverState *bs, int64_t end);

    /* Optional: look for damage, telling of it on stderr, and repair what
     * @fix allows. Nothing else uses the node. */
    int coroutine_fn (*bdrv_co_check)(BlockDriverState *bs,
                                      BdrvCheckResult *res, BdrvCheckMode fix);

    /* --- snapshots inside the image (main; all or none) --- */

    /* The node is drained by the caller (block/snapshot.c) for these. Make
     * one; @sn->id_str is filled in. */
    int (*bdrv_snapshot_create)(BlockDriverState *bs, QEMUSnapshotInfo *sn);
    /* Go back to the one with that id, or else that name. */
    int (*bdrv_snapshot_goto)(BlockDriverState *bs, const char *id_or_name);
    /* The one that has both, where they are not NULL. */
    int (*bdrv_snapshot_delete)(BlockDriverState *bs, const char *id,
                                const char *name, Error **errp);
    /* A new array and its length. Not drained. */
    int (*bdrv_snapshot_list)(BlockDriverState *bs, QEMUSnapshotInfo **list);
    /* Show it from now on; only for read-only nodes. */
    int (*bdrv_snapshot_load_tmp)(BlockDriverState *bs, const char *id,
                                  const char *name, Error **errp);
    /* The machine's state at byte @pos (I/O, may yield); both or none. What
     * was never written reads as zero. */
    int coroutine_fn (*bdrv_co_save_vmstate)(BlockDriverState *bs,
                                             QEMUIOVector *qiov, int64_t pos);
    int coroutine_fn (*bdrv_co_load_vmstate)(BlockDriverState *bs,
                                             QEMUIOVector *qiov, int64_t pos);

    /* --- the fast path (I/O; block/blk-io.c) --- */

    /*
     * Formats and filters, optional: where is this range, if it is in one
     * piece of a child and nothing but the transfer is to be done? Changes
     * *@offset and returns the child; NULL: the slow path shall see to it.
     * No lock that is held over I/O, no allocation, no yield.
     */
    BdrvChild *(*bdrv_map_fast)(BlockDriverState *bs, struct BlkIo *io,
                                int64_t *offset);
    /*
     * Optional: the request that bdrv_map_fast() let through is over, or goes
     * the slow way. io->map_token is as bdrv_map_fast() left it. Any thread
     * with a loop, outside of coroutines; does not yield.
     */
    void (*bdrv_fast_done)(BlockDriverState *bs, struct BlkIo *io);
    /*
     * Leaves, optional: start io->leaf_offset, _flags; blk_io_complete() or
     * blk_io_complete_soon() ends it. False: nothing was done, the slow path
     * shall. Not for types that it does not know.
     */
    bool (*bdrv_submit_fast)(BlockDriverState *bs, struct BlkIo *io);

    /* --- events and breakpoints (block/debug.h); all or none --- */

    /* I/O; may yield / may not. Run the rules that wait for @event. */
    void coroutine_fn (*bdrv_co_debug_event)(BlockDriverState *bs,
                                             BlkdebugEvent event);
    void (*bdrv_debug_event)(BlockDriverState *bs, BlkdebugEvent event);
    /* Main. As the functions of the same names. */
    int (*bdrv_debug_breakpoint)(BlockDriverState *bs, const char *event,
                                 const char *tag);
    int (*bdrv_debug_remove_breakpoint)(BlockDriverState *bs, const char *tag);
    int (*bdrv_debug_resume)(BlockDriverState *bs, const char *tag);
    bool (*bdrv_debug_is_suspended)(BlockDriverState *bs, const char *tag);

    /* --- drain (main) --- */

    /* Optional: stop and restart activity of the node's own. */
    void (*bdrv_drain_begin)(BlockDriverState *bs);
    void (*bdrv_drain_end)(BlockDriverState *bs);
};

/* The drivers of this program, ended by NULL (block/drivers.c). */
extern const BlockDriver *const bdrv_drivers[];

/* --- for leaf drivers with a fast path --- */

/* The request ends with @ret (0 or -errno), from the loop: runs io->cb. */
void blk_io_complete(struct BlkIo *io, int ret);
/* The same for a driver that has not left bdrv_submit_fast() yet: io->cb runs
 * in this or the next turn of the loop, with others of its kind. */
void blk_io_complete_soon(struct BlkIo *io, int ret);
/* From the loop: start again by the slow path what the fast path could not
 * finish (short transfers, -EAGAIN). */
void blk_io_restart_slow(struct BlkIo *io);

#endif
