/*
 * The parts of the file and host_device drivers share this.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_FILE_POSIX_H
#define BLOCK_FILE_POSIX_H

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/create.h"

typedef enum FileEngine {
    FILE_ENGINE_THREADS,
    FILE_ENGINE_NATIVE,
    FILE_ENGINE_IO_URING,
} FileEngine;

/* Field rules as in block-int.h. */
typedef struct FileState {
    /* open */
    FileEngine engine;
    bool is_device;     /* host_device */
    bool is_block;      /* a block device of the kernel */
    uint64_t max_batch; /* aio-max-batch; 0: the context's */

    /* drained. The number stays the same while the node is open: a change of
     * access mode puts another file behind it. */
    int fd;
    int open_flags;       /* of open(2) */
    bool needs_alignment; /* O_DIRECT */
    /* The data are in memory, but the ring hands each request to a worker,
     * since the file system does not say so (tmpfs). */
    bool serve_inline;

    /* main: of a permission update between check and set or abort */
    int perm_fd; /* -1: none */
    int perm_open_flags;

    /* main: image locks (file-posix-lock.c) */
    bool use_lock;
    int lock_fd;
    uint64_t perm, shared;                 /* as set last */
    uint64_t locked_perm, locked_unshared; /* what is locked */

    /* atomic: what the file system has refused is not tried again */
    bool no_discard, no_zero_range, no_fallocate, no_dsync, no_copy_range;
    /* atomic: the engine cannot be had in some context, and we said so */
    bool told_fallback;
    /* atomic: errno of a flush that failed; pages may have been dropped, and
     * a later flush that works would lie */
    int flush_error;
    /* atomic: the file was made this long for writes to come; 0: it was not */
    int64_t room_end;
    uint64_t discard_nb_ok, discard_nb_failed, discard_bytes_ok;

    /*
     * status_lock: a part of the file that was all data ([0]) or all hole ([1])
     * when we looked, so that it need not be asked for again. Data is forgotten
     * when we make a hole; if others make one, it is no error to call it data.
     * A hole is remembered only while nobody may write, us included.
     */
    QemuMutex status_lock;
    struct {
        int64_t begin, end;
    } known[2];
    unsigned forgotten; /* how often */
} FileState;

/* --- file-posix-limits.c (main) --- */

void file_refresh_limits(BlockDriverState *bs, Error **errp);
int64_t file_getlength(BlockDriverState *bs);
int64_t file_get_allocated_file_size(BlockDriverState *bs);

/* --- file-posix-lock.c (main) --- */

bool file_has_ofd_locks(void);
/* Take the locks for @perm and @shared besides those that are held, and look
 * whether others' locks forbid them. On failure all is as before. */
int file_lock_prepare(BlockDriverState *bs, uint64_t perm, uint64_t shared,
                      Error **errp);
/* Give up what @perm and @shared do not need. */
void file_lock_finish(BlockDriverState *bs, uint64_t perm, uint64_t shared);

/* --- file-posix-rw.c (I/O) --- */

int coroutine_fn file_co_preadv(BlockDriverState *bs, int64_t offset,
                                int64_t bytes, QEMUIOVector *qiov,
                                BdrvRequestFlags flags);
int coroutine_fn file_co_pwritev(BlockDriverState *bs, int64_t offset,
                                 int64_t bytes, QEMUIOVector *qiov,
                                 BdrvRequestFlags flags);
bool file_submit_fast(BlockDriverState *bs, struct BlkIo *io);

/* --- file-posix-space.c (I/O) --- */

/* Holes may have come, or somebody writes now. */
void file_forget_extents(FileState *s);

int coroutine_fn file_co_flush(BlockDriverState *bs);
int coroutine_fn file_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes);
int coroutine_fn file_co_copy_range_to(BlockDriverState *bs, int64_t offset,
                                       BlockDriverState *file, int64_t from,
                                       int64_t bytes);
int coroutine_fn file_co_pwrite_zeroes(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, BdrvRequestFlags flags);
int coroutine_fn file_co_block_status(BlockDriverState *bs, bool want_zero,
                                      int64_t offset, int64_t bytes,
                                      int64_t *pnum, int64_t *map,
                                      BlockDriverState **file);
int coroutine_fn file_co_truncate(BlockDriverState *bs, int64_t offset,
                                  bool exact, PreallocMode prealloc,
                                  BdrvRequestFlags flags, Error **errp);

int coroutine_fn file_co_make_room(BlockDriverState *bs, int64_t end);
/* The file ends with what was written. Main, drained, before the descriptor
 * is closed or cannot be written to any more. */
void file_trim_room(BlockDriverState *bs);

/* --- file-posix-create.c (main) --- */

extern const BdrvCreateOpt file_create_opts[];
int file_create(const BlockDriver *drv, const char *filename, QDict *opts,
                Error **errp);

/* --- the ring (I/O) --- */

/* A coroutine's request to the ring. */
typedef struct FileRingReq {
    CqeHandler cqe;
    Coroutine *co;
    int res;
} FileRingReq;

/* aio=io_uring, and @ctx has a ring? Worker threads do it otherwise. */
bool file_uses_ring(FileState *s, AioContext *ctx);
/* An entry to fill in; then file_co_ring_wait() gives its result. */
struct io_uring_sqe *file_ring_get(FileRingReq *req);
int coroutine_fn file_co_ring_wait(FileRingReq *req);

#endif
