/*
 * BlockBackend: what a device, an export or a tool holds of the block layer.
 *
 * It carries the owner's permissions on the root node, the cache mode the
 * guest sees and the error policy, and it is the gate that a drain closes:
 * while the graph below is drained, requests wait here.
 *
 * Threads: "main" is the main thread; "I/O" is the home thread of any
 * AioContext, several at once on one BlockBackend.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_BACKEND_H
#define BLOCK_BLOCK_BACKEND_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/aio.h"
#include "util/coroutine.h"
#include "util/iov.h"
#include "util/notify.h"

typedef struct BlockBackend BlockBackend;

/* --- requests of a device: the hot path (block/blk-io.c) --- */

typedef enum BlkIoType {
    BLK_IO_READ,
    BLK_IO_WRITE,
    BLK_IO_FLUSH,        /* offset, bytes and iov are not used */
    BLK_IO_DISCARD,      /* iov is not used */
    BLK_IO_WRITE_ZEROES, /* iov is not used */
} BlkIoType;

struct BlkGate;
typedef struct BlkIo BlkIo;

/* A request. Embedded in the owner's slot and zeroed once; it belongs to the
 * block layer from blk_io_submit() to @cb. */
struct BlkIo {
    CqeHandler cqe; /* the block layer's; first for the leaf driver's sake */

    /* Set by the owner for each submission (and not changed by us) */
    BlockBackend *blk;
    AioContext *ctx;
    BlkIoType type;
    BdrvRequestFlags flags; /* BDRV_REQ_FUA, _MAY_UNMAP, _NO_FALLBACK */
    int64_t offset, bytes;
    struct iovec *iov; /* sums up to @bytes */
    int niov;
    /* @ret: 0 or -errno. Runs in the home thread of @ctx, from its loop and
     * never inside blk_io_submit(). May submit @io again. */
    void (*cb)(BlkIo *io, int ret);

    /* The block layer's */
    int ret;
    BdrvRequestFlags leaf_flags;
    bool counted; /* as a fast write of the root node */
    BlockDriverState *root, *leaf;
    BlockDriverState *mapped;   /* wants to know of the end */
    int map_token;              /* of that node */
    BlockDriverState *recorder; /* its bitmaps record this write */
    int64_t recorder_offset;
    int64_t leaf_offset;
    struct BlkGate *gate;
    STAILQ_ENTRY(BlkIo) next;
};

/*
 * Start @io; thread: home of @io->ctx. Nothing is allocated, locked or asked
 * of the kernel here when every layer maps the request: it goes to the
 * kernel with the others of this turn of the loop. Otherwise a coroutine
 * carries it. A drained @blk keeps it back. Bad offsets and lengths end in
 * @cb with an error.
 */
void blk_io_submit(BlkIo *io);

/* --- life (main) --- */

/* A BlockBackend with one reference and no root node. @perm, @shared_perm:
 * BLK_PERM_* it will ask for on its root. @ctx: where the owner says that
 * most requests come from (any other context may submit as well). */
BlockBackend *blk_new(AioContext *ctx, uint64_t perm, uint64_t shared_perm);
/* The same with @bs (one more reference to it) as its root. */
BlockBackend *blk_new_with_bs(BlockDriverState *bs, uint64_t perm,
                              uint64_t shared_perm, Error **errp);
/* Open @filename/@reference/@options (taken over) below a new one. */
BlockBackend *blk_new_open(const char *filename, const char *reference,
                           QDict *options, int flags, Error **errp);
void blk_ref(BlockBackend *blk);
void blk_unref(BlockBackend *blk); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockBackend, blk_unref)

/* The monitor's name space (-drive id=): "" means none. */
bool blk_add_monitor(BlockBackend *blk, const char *name, Error **errp);
void blk_remove_monitor(BlockBackend *blk);
const char *blk_name(const BlockBackend *blk); /* "" without one */
BlockBackend *blk_by_name(const char *name);
/* The monitor's, and all. @blk NULL: the first. */
BlockBackend *blk_next(BlockBackend *blk);
BlockBackend *blk_all_next(BlockBackend *blk);
/* Let go of all root nodes; the end of the program. */
void blk_remove_all_bs(void);

/* --- root node (main) --- */

int blk_insert_bs(BlockBackend *blk, BlockDriverState *bs, Error **errp);
void blk_remove_bs(BlockBackend *blk);
/* Any thread while a request or the main thread holds the graph still. */
BlockDriverState *blk_bs(const BlockBackend *blk);
bool blk_is_available(const BlockBackend *blk);
int blk_set_perm(BlockBackend *blk, uint64_t perm, uint64_t shared_perm,
                 Error **errp);
void blk_get_perm(const BlockBackend *blk, uint64_t *perm,
                  uint64_t *shared_perm);
/* A user that may write needs this before its realize ends ("Block node is
 * read-only"). */
bool blk_supports_write_perm(const BlockBackend *blk);

/* As bdrv_make_empty() of the root (main, may block). */
int blk_make_empty(BlockBackend *blk, Error **errp);

/* --- device (main) --- */

/* What the block layer calls in the device; all optional and in the main
 * thread. */
typedef struct BlockDevOps {
    /* The size has changed. */
    void (*resize_cb)(void *opaque);
    /* Stop to submit requests of one's own accord (those that arrive are
     * kept back anyway); go on. Calls nest. */
    void (*drained_begin)(void *opaque);
    void (*drained_end)(void *opaque);
    /* Is something of the device still going on? With aio_wait_kick(). */
    bool (*drained_poll)(void *opaque);
    /* Id, or QOM path if it has none, and QOM path; the caller frees it. */
    char *(*get_id)(void *opaque);
    char *(*get_path)(void *opaque);
} BlockDevOps;

/* 0, or -EBUSY when another device has it. */
int blk_attach_dev(BlockBackend *blk, void *dev);
void blk_detach_dev(BlockBackend *blk, void *dev);
void *blk_get_attached_dev(const BlockBackend *blk);
char *blk_get_attached_dev_id(const BlockBackend *blk); /* "" without one */
void blk_set_dev_ops(BlockBackend *blk, const BlockDevOps *ops, void *opaque);
BlockBackend *blk_by_dev(void *dev);
/* The backend whose device answers @id to get_id(). */
BlockBackend *blk_by_qdev_id(const char *id, Error **errp);

/* Fails for a context that cannot be. */
int blk_set_aio_context(BlockBackend *blk, AioContext *ctx, Error **errp);
AioContext *blk_get_aio_context(const BlockBackend *blk);

/* --- properties (main; the getters of limits I/O too) --- */

int64_t blk_getlength(const BlockBackend *blk); /* bytes or -errno */
void blk_get_geometry(const BlockBackend *blk, uint64_t *sectors);
uint32_t blk_get_request_alignment(const BlockBackend *blk);
uint64_t blk_get_max_transfer(const BlockBackend *blk); /* bytes, never 0 */
int blk_get_max_iov(const BlockBackend *blk);
bool blk_is_writable(const BlockBackend *blk);
bool blk_is_inserted(const BlockBackend *blk);
bool blk_enable_write_cache(const BlockBackend *blk);         /* I/O */
void blk_set_enable_write_cache(BlockBackend *blk, bool wce); /* any */
/* Physical and logical block size of what is below; -ENOTSUP if unknown. */
int blk_probe_blocksizes(BlockBackend *blk, BlockSizes *bsz);
int blk_probe_geometry(BlockBackend *blk, HDGeometry *geo);
/* Forbid (allow: for a device that can tell its guest) changes of size. */
void blk_set_allow_resize(BlockBackend *blk, bool allow);
/* An owner (job, export) that cannot have its requests kept back. */
void blk_set_disable_request_queuing(BlockBackend *blk, bool disable);

/* --- errors --- */

/* Main. */
void blk_set_on_error(BlockBackend *blk, BlockdevOnError on_read_error,
                      BlockdevOnError on_write_error);
/* I/O and main */
BlockdevOnError blk_get_on_error(const BlockBackend *blk, bool is_read);
/* What to do about errno @error (> 0). */
BlockErrorAction blk_get_error_action(const BlockBackend *blk, bool is_read,
                                      int error);
/* Do it: send BLOCK_IO_ERROR, set the I/O status and stop the VM for
 * _STOP (soon, in the main thread). */
void blk_error_action(BlockBackend *blk, BlockErrorAction action, bool is_read,
                      int error);
/* Main: reports the I/O status in query-block once enabled. */
void blk_iostatus_enable(BlockBackend *blk);
void blk_iostatus_disable(BlockBackend *blk);
void blk_iostatus_reset(BlockBackend *blk);
bool blk_iostatus_is_enabled(const BlockBackend *blk);
BlockDeviceIoStatus blk_iostatus(const BlockBackend *blk);
/* system/ registers how the VM is stopped for an I/O error. */
void blk_set_vmstop_hook(void (*hook)(void));

/* --- drain (main) --- */

/* Afterwards no request is in flight on the nodes below and none starts
 * until the matching end. Calls nest. */
void blk_drained_begin(BlockBackend *blk);
void blk_drained_end(BlockBackend *blk);
void blk_drain(BlockBackend *blk);
void blk_drain_all(void);
/* Requests in flight or kept back. */
bool blk_in_drained_section(const BlockBackend *blk);

/* --- requests of coroutines (I/O) --- */

int coroutine_fn blk_co_preadv(BlockBackend *blk, int64_t offset, int64_t bytes,
                               QEMUIOVector *qiov, BdrvRequestFlags flags);
int coroutine_fn blk_co_pwritev(BlockBackend *blk, int64_t offset,
                                int64_t bytes, QEMUIOVector *qiov,
                                BdrvRequestFlags flags);
int coroutine_fn blk_co_pread(BlockBackend *blk, int64_t offset, int64_t bytes,
                              void *buf, BdrvRequestFlags flags);
int coroutine_fn blk_co_pwrite(BlockBackend *blk, int64_t offset, int64_t bytes,
                               const void *buf, BdrvRequestFlags flags);
int coroutine_fn blk_co_pwrite_zeroes(BlockBackend *blk, int64_t offset,
                                      int64_t bytes, BdrvRequestFlags flags);
int coroutine_fn blk_co_pdiscard(BlockBackend *blk, int64_t offset,
                                 int64_t bytes);
/* As bdrv_co_copy_range(), from @src to @dst. */
int coroutine_fn blk_co_copy_range(BlockBackend *src, int64_t from,
                                   BlockBackend *dst, int64_t offset,
                                   int64_t bytes);
int coroutine_fn blk_co_flush(BlockBackend *blk);
/* As bdrv_co_block_status_above() of the whole chain. */
int coroutine_fn blk_co_block_status(BlockBackend *blk, int64_t offset,
                                     int64_t bytes, int64_t *pnum);
/* As bdrv_co_allocation_depth(). */
int coroutine_fn blk_co_allocation_depth(BlockBackend *blk, int64_t offset,
                                         int64_t bytes, int64_t *pnum);
int coroutine_fn blk_co_truncate(BlockBackend *blk, int64_t offset, bool exact,
                                 PreallocMode prealloc, BdrvRequestFlags flags,
                                 Error **errp);

/* --- the same for callers that can wait (main, outside of coroutines) --- */

int blk_pread(BlockBackend *blk, int64_t offset, int64_t bytes, void *buf,
              BdrvRequestFlags flags);
int blk_pwrite(BlockBackend *blk, int64_t offset, int64_t bytes,
               const void *buf, BdrvRequestFlags flags);
int blk_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes,
                      BdrvRequestFlags flags);
int blk_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes);
int blk_flush(BlockBackend *blk);
int blk_truncate(BlockBackend *blk, int64_t offset, bool exact,
                 PreallocMode prealloc, BdrvRequestFlags flags, Error **errp);

#endif
