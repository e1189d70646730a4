/*
 * preallocate: makes a file that grows longer than it has to be, in large
 * steps, so that the file system has less to do for each write behind the
 * end. The nodes above do not see that; the file gets its real length when it
 * is closed.
 *
 *        data                   taken in advance
 *   |-----------------|-------------------------------|
 *   0              data_end                        file_end
 *
 * Whoever leaves the node with the right to change the length takes that right
 * away from it; until the file has its real length the node keeps it for
 * itself, and others do not see the file.
 *
 * What lies between the two reads as zero (zero_tail), unless a write there
 * failed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-int.h"
#include "block/filters/filter.h"
#include "block/opts.h"
#include "block/reopen.h"
#include "block/sync.h"
#include "util/atomic.h"
#include "util/error-report.h"

#define DEFAULT_ALIGN (1 * MiB)
#define DEFAULT_SIZE  (128 * MiB)

typedef struct Options {
    uint64_t align, size;
} Options;

typedef struct PreallocateState {
    Options o; /* drained */
    CoMutex grow_lock;
    int64_t data_end; /* atomic */
    int64_t file_end; /* atomic, written under grow_lock */
    bool zero_tail;   /* atomic */
    QEMUBH *cut_bh;   /* main */
} PreallocateState;

static const char *const preallocate_mutable_opts[] = { "prealloc-align",
                                                        "prealloc-size", NULL };

/* --- writing --- */

/* Only those who may change its length make the file longer. */
static bool may_grow(const BlockDriverState *bs)
{
    uint64_t need = BLK_PERM_WRITE | BLK_PERM_RESIZE;

    return (qatomic_read(&bs->file->perm) & need) == need;
}

/* Data up to @end is about to come: take more than that. It is no error if
 * there is no room. */
static void coroutine_fn take_room(BlockDriverState *bs, int64_t end)
{
    PreallocateState *s = bs->opaque;
    uint64_t align = MAX(s->o.align, BDRV_SECTOR_SIZE), goal;
    int64_t from;

    if (end <= qatomic_read(&s->file_end) || !may_grow(bs)) {
        return;
    }
    qemu_co_mutex_lock(&s->grow_lock);
    from = s->file_end;
    goal = s->o.size > BDRV_MAX_LENGTH
               ? BDRV_MAX_LENGTH
               : QEMU_ALIGN_UP((uint64_t)end + s->o.size, align);
    if (end > from) {
        /* What is behind file_end nobody else writes to; if it cannot be taken
         * in advance, this write's part is taken for the others all the same */
        bool taken = goal <= BDRV_MAX_LENGTH &&
                     bdrv_co_pwrite_zeroes(bs->file, from, (int64_t)goal - from,
                                           BDRV_REQ_NO_FALLBACK) >= 0;

        qatomic_set(&s->file_end, taken ? (int64_t)goal : end);
    }
    qemu_co_mutex_unlock(&s->grow_lock);
}

static void coroutine_fn data_written(BlockDriverState *bs, int64_t end,
                                      int ret)
{
    PreallocateState *s = bs->opaque;
    int64_t old = qatomic_read(&s->data_end), seen;

    if (end > old && ret < 0) {
        qatomic_set(&s->zero_tail, false);
    }
    while (ret >= 0 && end > old) {
        seen = qatomic_cmpxchg(&s->data_end, old, end);
        if (seen == old) {
            break;
        }
        old = seen;
    }
}

static int coroutine_fn preallocate_co_pwritev(BlockDriverState *bs,
                                               int64_t offset, int64_t bytes,
                                               QEMUIOVector *qiov,
                                               BdrvRequestFlags flags)
{
    int ret;

    take_room(bs, offset + bytes);
    ret = bdrv_co_pwritev(bs->file, offset, bytes, qiov, flags);
    data_written(bs, offset + bytes, ret);
    return ret;
}

static int coroutine_fn preallocate_co_pwrite_zeroes(BlockDriverState *bs,
                                                     int64_t offset,
                                                     int64_t bytes,
                                                     BdrvRequestFlags flags)
{
    int ret;

    take_room(bs, offset + bytes);
    ret = bdrv_co_pwrite_zeroes(bs->file, offset, bytes, flags);
    data_written(bs, offset + bytes, ret);
    return ret;
}

/* --- length --- */

static int64_t preallocate_getlength(BlockDriverState *bs)
{
    const PreallocateState *s = bs->opaque;

    return qatomic_read(&s->data_end);
}

static int coroutine_fn preallocate_co_truncate(BlockDriverState *bs,
                                                int64_t offset, bool exact,
                                                PreallocMode prealloc,
                                                BdrvRequestFlags flags,
                                                Error **errp)
{
    PreallocateState *s = bs->opaque;
    int ret = 0;

    qemu_co_mutex_lock(&s->grow_lock);
    if (prealloc != PREALLOC_MODE_OFF || !qatomic_read(&s->zero_tail) ||
        offset < qatomic_read(&s->data_end) || offset > s->file_end) {
        ret = bdrv_co_truncate(bs->file, offset, exact, prealloc, flags, errp);
        if (ret >= 0) {
            qatomic_set(&s->file_end, offset);
            qatomic_set(&s->zero_tail, true);
        }
    }
    if (ret >= 0) {
        qatomic_set(&s->data_end, offset);
    }
    qemu_co_mutex_unlock(&s->grow_lock);
    return ret;
}

static int coroutine_fn co_cut(BdrvSyncCall *call)
{
    BlockDriverState *bs = call->target;
    PreallocateState *s = bs->opaque;
    int ret = bdrv_co_truncate(bs->file, s->data_end, true, PREALLOC_MODE_OFF,
                               0, call->errp);

    if (ret >= 0) {
        s->file_end = s->data_end;
        s->zero_tail = true;
    }
    return ret;
}

/* Main, drained: the real length. */
static int cut_file(BlockDriverState *bs, Error **errp)
{
    PreallocateState *s = bs->opaque;
    BdrvSyncCall call = { .co_fn = co_cut, .target = bs, .errp = errp };

    return s->file_end > s->data_end ? bdrv_run_sync(&call) : 0;
}

static void cut_and_tell(BlockDriverState *bs)
{
    Error *local_err = NULL;

    if (may_grow(bs) && cut_file(bs, &local_err) < 0) {
        warn_reportf_err(local_err, "Failed to truncate preallocated space: ");
    }
}

static void preallocate_inactivate(BlockDriverState *bs)
{
    cut_and_tell(bs);
}

/* Nobody above can make the file longer any more. */
static void cut_unused(void *opaque)
{
    BlockDriverState *bs = opaque;
    uint64_t perm, shared;

    bdrv_get_cumulative_perm(bs, &perm, &shared);
    if (!(perm & BLK_PERM_RESIZE)) {
        bdrv_drained_begin(bs);
        cut_and_tell(bs);
        bdrv_refresh_perms(bs, NULL);
        bdrv_drained_end(bs);
    }
}

static void preallocate_set_perm(BlockDriverState *bs, uint64_t perm,
                                 uint64_t shared)
{
    PreallocateState *s = bs->opaque;

    if (s->cut_bh && !(perm & BLK_PERM_RESIZE) && s->file_end > s->data_end) {
        qemu_bh_schedule(s->cut_bh);
    }
}

static void preallocate_close(BlockDriverState *bs)
{
    PreallocateState *s = bs->opaque;

    qemu_bh_delete(s->cut_bh);
}

/* --- opening --- */

static bool take_options(const BlockDriverState *bs, QDict *options, Options *o,
                         Error **errp)
{
    uint32_t below = bs->file->bs->bl.request_alignment;

    *o = (Options){ .align = DEFAULT_ALIGN, .size = DEFAULT_SIZE };
    if (!bdrv_take_size(options, "prealloc-align", &o->align, errp) ||
        !bdrv_take_size(options, "prealloc-size", &o->size, errp)) {
        return false;
    }
    if (o->align % BDRV_SECTOR_SIZE) {
        error_setg(errp,
                   "prealloc-align parameter of preallocate filter is not "
                   "aligned to %u",
                   BDRV_SECTOR_SIZE);
        return false;
    }
    if (below && o->align % below) {
        error_setg(errp,
                   "prealloc-align parameter of preallocate filter is not "
                   "aligned to underlying node request alignment (%" PRIu32 ")",
                   below);
        return false;
    }
    return true;
}

static int preallocate_open(BlockDriverState *bs, QDict *options, int flags,
                            Error **errp)
{
    PreallocateState *s = bs->opaque;
    int ret = bdrv_filter_open(bs, options, "file", errp);
    int64_t len;

    if (ret < 0) {
        return ret;
    }
    if (!take_options(bs, options, &s->o, errp)) {
        return -EINVAL;
    }
    len = bdrv_getlength(bs->file->bs);
    if (len < 0) {
        error_setg_errno(errp, -len, "Failed to get the file length");
        return len;
    }
    qemu_co_mutex_init(&s->grow_lock);
    s->data_end = s->file_end = len;
    s->zero_tail = true;
    s->cut_bh = aio_bh_new(qemu_get_aio_context(), cut_unused, bs);
    return 0;
}

static int preallocate_reopen_prepare(BDRVReopenState *state,
                                      BlockReopenQueue *queue, Error **errp)
{
    g_autofree Options *o = g_new0(Options, 1);

    if (!take_options(state->bs, state->rest, o, errp)) {
        return -EINVAL;
    }
    if (!(state->flags & BDRV_O_RDWR) && may_grow(state->bs)) {
        int ret = cut_file(state->bs, errp);

        if (ret < 0) {
            return ret;
        }
    }
    state->opaque = g_steal_pointer(&o);
    return 0;
}

static void preallocate_reopen_commit(BDRVReopenState *state)
{
    PreallocateState *s = state->bs->opaque;

    s->o = *(const Options *)state->opaque;
    g_free(state->opaque);
}

static void preallocate_reopen_abort(BDRVReopenState *state)
{
    g_free(state->opaque);
}

/* Nobody else may look at the file's length, or change it. */
static void preallocate_child_perm(BlockDriverState *bs, BdrvChild *c,
                                   BdrvChildRole role, uint64_t perm,
                                   uint64_t shared, uint64_t *nperm,
                                   uint64_t *nshared)
{
    const PreallocateState *s = bs->opaque;
    uint64_t both = BLK_PERM_WRITE | BLK_PERM_RESIZE;

    bdrv_default_perms(bs, c, role, perm, shared, nperm, nshared);
    if (c && s->file_end > s->data_end && bdrv_is_writable(bs)) {
        *nperm |= both;
    }
    if ((*nperm & both) == both) {
        *nshared &= ~both;
    }
}

static BdrvChild *preallocate_map_fast(BlockDriverState *bs, struct BlkIo *io,
                                       int64_t *offset)
{
    const PreallocateState *s = bs->opaque;

    return io->type == BLK_IO_READ ||
                   *offset + io->bytes <= qatomic_read(&s->data_end)
               ? bs->file
               : NULL;
}

const BlockDriver bdrv_preallocate = {
    .format_name = "preallocate",
    .instance_size = sizeof(PreallocateState),
    .is_filter = true,
    .mutable_opts = preallocate_mutable_opts,
    .bdrv_open = preallocate_open,
    .bdrv_inactivate = preallocate_inactivate,
    .bdrv_close = preallocate_close,
    .bdrv_set_perm = preallocate_set_perm,
    .bdrv_reopen_prepare = preallocate_reopen_prepare,
    .bdrv_reopen_commit = preallocate_reopen_commit,
    .bdrv_reopen_abort = preallocate_reopen_abort,
    .bdrv_child_perm = preallocate_child_perm,
    .bdrv_getlength = preallocate_getlength,
    .bdrv_co_preadv = bdrv_filter_co_preadv,
    .bdrv_co_pwritev = preallocate_co_pwritev,
    .bdrv_co_pwrite_zeroes = preallocate_co_pwrite_zeroes,
    .bdrv_co_pdiscard = bdrv_filter_co_pdiscard,
    .bdrv_co_block_status = bdrv_filter_co_block_status,
    .bdrv_co_truncate = preallocate_co_truncate,
    .bdrv_map_fast = preallocate_map_fast,
};
