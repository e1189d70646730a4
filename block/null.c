/*
 * null-co and null-aio: a disk of which nothing is kept, and the example of
 * a driver (docs/devel/writing-a-block-driver.md).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/opts.h"
#include "util/cutils.h"

typedef struct NullState {
    /* open */
    int64_t length; /* bytes */
    int64_t latency_ns;
    bool read_zeroes;
} NullState;

static const char *const null_strong_runtime_opts[] = { "size", "read-zeroes",
                                                        NULL };

static void null_co_parse_filename(const char *filename, QDict *options,
                                   Error **errp)
{
    if (strcmp(filename, "null-co://")) {
        error_setg(errp, "The only allowed filename for this driver is "
                         "'null-co://'");
    }
}

static void null_aio_parse_filename(const char *filename, QDict *options,
                                    Error **errp)
{
    if (strcmp(filename, "null-aio://")) {
        error_setg(errp, "The only allowed filename for this driver is "
                         "'null-aio://'");
    }
}

static int null_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp)
{
    NullState *s = bs->opaque;
    uint64_t length = GiB, latency = 0;

    if (!bdrv_take_size(options, "size", &length, errp) ||
        !bdrv_take_number(options, "latency-ns", &latency, errp) ||
        !bdrv_take_bool(options, "read-zeroes", &s->read_zeroes, errp)) {
        return -EINVAL;
    }
    if (latency > INT64_MAX) {
        error_setg(errp, "latency-ns is invalid");
        return -EINVAL;
    }
    s->latency_ns = latency;
    s->length = length > INT64_MAX ? -1 : (int64_t)length;
    bs->supported_write_flags = BDRV_REQ_FUA;
    bs->supported_zero_flags = BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP |
                               BDRV_REQ_NO_FALLBACK;
    return 0;
}

/* Nothing of it can change but what every node has. */
static int null_reopen_prepare(struct BDRVReopenState *state,
                               struct BlockReopenQueue *queue, Error **errp)
{
    return 0;
}

static int64_t null_getlength(BlockDriverState *bs)
{
    NullState *s = bs->opaque;

    return s->length < 0 ? -EFBIG : s->length;
}

static int64_t null_get_allocated_file_size(BlockDriverState *bs)
{
    return 0;
}

static void null_refresh_filename(BlockDriverState *bs)
{
    const QDictEntry *e;

    /* A plain name says it all when there is nothing but the driver */
    QDICT_FOREACH(bs->full_open_options, e) {
        if (strcmp(qdict_entry_key(e), "driver")) {
            return;
        }
    }
    g_free(bs->exact_filename);
    bs->exact_filename = g_strdup_printf("%s://", bs->drv->format_name);
}

static int coroutine_fn wait_latency(BlockDriverState *bs)
{
    NullState *s = bs->opaque;

    if (s->latency_ns) {
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, s->latency_ns);
    }
    return 0;
}

static int coroutine_fn null_co_preadv(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    NullState *s = bs->opaque;

    if (s->read_zeroes) {
        qemu_iovec_memset(qiov, 0, 0, bytes);
    }
    return wait_latency(bs);
}

static int coroutine_fn null_co_pwritev(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes, QEMUIOVector *qiov,
                                        BdrvRequestFlags flags)
{
    return wait_latency(bs);
}

static int coroutine_fn null_co_pwrite_zeroes(BlockDriverState *bs,
                                              int64_t offset, int64_t bytes,
                                              BdrvRequestFlags flags)
{
    return wait_latency(bs);
}

static int coroutine_fn null_co_flush(BlockDriverState *bs)
{
    return wait_latency(bs);
}

static int coroutine_fn null_co_block_status(BlockDriverState *bs,
                                             bool want_zero, int64_t offset,
                                             int64_t bytes, int64_t *pnum,
                                             int64_t *map,
                                             BlockDriverState **file)
{
    NullState *s = bs->opaque;

    *pnum = bytes;
    *map = offset;
    *file = bs;
    return BDRV_BLOCK_OFFSET_VALID | (s->read_zeroes ? BDRV_BLOCK_ZERO : 0);
}

static bool null_submit_fast(BlockDriverState *bs, struct BlkIo *io)
{
    NullState *s = bs->opaque;

    if (s->latency_ns) {
        return false;
    }
    if (io->type == BLK_IO_READ && s->read_zeroes) {
        iov_memset(io->iov, io->niov, 0, 0, io->bytes);
    }
    blk_io_complete_soon(io, 0);
    return true;
}

const BlockDriver bdrv_null_co = {
    .format_name = "null-co",
    .protocol_name = "null-co",
    .instance_size = sizeof(NullState),
    .strong_runtime_opts = null_strong_runtime_opts,
    .bdrv_parse_filename = null_co_parse_filename,
    .bdrv_open = null_open,
    .bdrv_reopen_prepare = null_reopen_prepare,
    .bdrv_refresh_filename = null_refresh_filename,
    .bdrv_getlength = null_getlength,
    .bdrv_get_allocated_file_size = null_get_allocated_file_size,
    .bdrv_co_preadv = null_co_preadv,
    .bdrv_co_pwritev = null_co_pwritev,
    .bdrv_co_pwrite_zeroes = null_co_pwrite_zeroes,
    .bdrv_co_flush_to_disk = null_co_flush,
    .bdrv_co_block_status = null_co_block_status,
    .bdrv_submit_fast = null_submit_fast,
};

/* The same by another name: both complete from the event loop here. */
const BlockDriver bdrv_null_aio = {
    .format_name = "null-aio",
    .protocol_name = "null-aio",
    .instance_size = sizeof(NullState),
    .strong_runtime_opts = null_strong_runtime_opts,
    .bdrv_parse_filename = null_aio_parse_filename,
    .bdrv_open = null_open,
    .bdrv_reopen_prepare = null_reopen_prepare,
    .bdrv_refresh_filename = null_refresh_filename,
    .bdrv_getlength = null_getlength,
    .bdrv_get_allocated_file_size = null_get_allocated_file_size,
    .bdrv_co_preadv = null_co_preadv,
    .bdrv_co_pwritev = null_co_pwritev,
    .bdrv_co_pwrite_zeroes = null_co_pwrite_zeroes,
    .bdrv_co_flush_to_disk = null_co_flush,
    .bdrv_co_block_status = null_co_block_status,
    .bdrv_submit_fast = null_submit_fast,
};
