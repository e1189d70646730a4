/*
 * nbd: an export of an NBD server.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/nbd.h"
#include "block/reopen.h"
#include "util/cutils.h"

static const char *const nbd_strong_runtime_opts[] = {
    "path",      "host",         "port",    "export",
    "tls-creds", "tls-hostname", "server.", NULL,
};

/* --- opening --- */

/* Use read-only what the user lets us and the server wants so. */
static int check_read_only(BlockDriverState *bs, const NbdState *s)
{
    if (!(s->flags & NBD_FLAG_READ_ONLY) || bs->read_only) {
        return 0;
    }
    if (bs->open_flags & BDRV_O_AUTO_RDONLY) {
        bs->open_flags &= ~BDRV_O_RDWR;
        bs->read_only = true;
        return 0;
    }
    return -EACCES;
}

static int nbd_open(BlockDriverState *bs, QDict *options, int flags,
                    Error **errp)
{
    NbdState *s = bs->opaque;
    const NbdServerExport *info;
    int ret = -EINVAL;

    if (!nbd_take_options(s, options, errp)) {
        goto fail;
    }
    s->conn = nbd_client_open(&s->options, errp);
    if (!s->conn) {
        goto fail;
    }
    info = nbd_client_info(s->conn);
    s->size = info->size;
    s->flags = info->flags;
    s->min_block = info->min_block;
    s->opt_block = info->opt_block;
    s->max_block = info->max_block;
    s->has_context = info->has_context;
    s->extended = info->mode == NBD_MODE_EXTENDED;
    if (s->dirty_bitmap && !s->has_context) {
        goto fail;
    }
    if (s->size > INT64_MAX) {
        error_setg(errp, "The export is too large");
        ret = -EFBIG;
        goto fail;
    }
    ret = check_read_only(bs, s);
    if (ret < 0) {
        goto fail;
    }
    if (s->flags & NBD_FLAG_SEND_FUA) {
        bs->supported_write_flags = BDRV_REQ_FUA;
        bs->supported_zero_flags |= BDRV_REQ_FUA;
    }
    if (s->flags & NBD_FLAG_SEND_WRITE_ZEROES) {
        bs->supported_zero_flags |= BDRV_REQ_MAY_UNMAP;
        if (s->flags & NBD_FLAG_SEND_FAST_ZERO) {
            bs->supported_zero_flags |= BDRV_REQ_NO_FALLBACK;
        }
    }
    return 0;
fail:
    if (s->conn) {
        nbd_client_close(s->conn);
    }
    nbd_free_options(s);
    return ret;
}

static void nbd_close(BlockDriverState *bs)
{
    NbdState *s = bs->opaque;

    nbd_client_close(s->conn);
    nbd_free_options(s);
}

static void nbd_refresh_limits(BlockDriverState *bs, Error **errp)
{
    const NbdState *s = bs->opaque;
    uint32_t min = s->min_block;
    uint32_t max = MIN(NBD_MAX_BUFFER, s->max_block ?: NBD_MAX_BUFFER);

    if (!min) {
        /* A server that says nothing; old ones take sectors only */
        min = s->size % BDRV_SECTOR_SIZE ? 1 : BDRV_SECTOR_SIZE;
    }
    bs->bl.request_alignment = min;
    bs->bl.max_pdiscard = s->extended ? QEMU_ALIGN_DOWN(INT64_MAX, min)
                                      : QEMU_ALIGN_DOWN(INT_MAX, min);
    bs->bl.max_pwrite_zeroes = bs->bl.max_pdiscard;
    bs->bl.max_transfer = QEMU_ALIGN_DOWN(max, min);
    if (s->opt_block && s->opt_block > bs->bl.opt_transfer) {
        bs->bl.opt_transfer = s->opt_block;
    }
}

static int64_t nbd_getlength(BlockDriverState *bs)
{
    const NbdState *s = bs->opaque;

    return s->size;
}

static int coroutine_fn nbd_co_truncate(BlockDriverState *bs, int64_t offset,
                                        bool exact, PreallocMode prealloc,
                                        BdrvRequestFlags flags, Error **errp)
{
    const NbdState *s = bs->opaque;

    if (offset != s->size && exact) {
        error_setg(errp, "Cannot resize NBD nodes");
        return -ENOTSUP;
    }
    if (offset > s->size) {
        error_setg(errp, "Cannot grow NBD nodes");
        return -EINVAL;
    }
    return 0;
}

/* --- requests --- */

static int coroutine_fn transfer(BlockDriverState *bs, NbdCmd type,
                                 int64_t offset, int64_t bytes,
                                 QEMUIOVector *qiov, uint16_t flags)
{
    const NbdState *s = bs->opaque;
    NbdCall call = {
        .req = { .type = type, .flags = flags, .from = offset, .len = bytes },
        .qiov = qiov,
    };

    if (!bytes) {
        return 0;
    }
    if (type == NBD_CMD_WRITE && s->extended) {
        call.req.flags |= NBD_CMD_FLAG_PAYLOAD_LEN;
    }
    return nbd_co_client_call(s->conn, &call);
}

static int coroutine_fn nbd_co_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    return transfer(bs, NBD_CMD_READ, offset, bytes, qiov, 0);
}

static int coroutine_fn nbd_co_pwritev(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    return transfer(bs, NBD_CMD_WRITE, offset, bytes, qiov,
                    flags & BDRV_REQ_FUA ? NBD_CMD_FLAG_FUA : 0);
}

/* A request without data. */
static int coroutine_fn command(BlockDriverState *bs, NbdCmd type,
                                uint16_t flags, int64_t offset, int64_t bytes)
{
    const NbdState *s = bs->opaque;
    NbdCall call = {
        .req = { .type = type, .flags = flags, .from = offset, .len = bytes },
    };

    return nbd_co_client_call(s->conn, &call);
}

static int coroutine_fn nbd_co_pwrite_zeroes(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes,
                                             BdrvRequestFlags flags)
{
    const NbdState *s = bs->opaque;
    uint16_t nbd_flags = 0;

    if (!(s->flags & NBD_FLAG_SEND_WRITE_ZEROES)) {
        return -ENOTSUP;
    }
    if (flags & BDRV_REQ_FUA) {
        nbd_flags |= NBD_CMD_FLAG_FUA;
    }
    if (!(flags & BDRV_REQ_MAY_UNMAP)) {
        nbd_flags |= NBD_CMD_FLAG_NO_HOLE;
    }
    if (flags & BDRV_REQ_NO_FALLBACK) {
        nbd_flags |= NBD_CMD_FLAG_FAST_ZERO;
    }
    return bytes ? command(bs, NBD_CMD_WRITE_ZEROES, nbd_flags, offset, bytes)
                 : 0;
}

static int coroutine_fn nbd_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes)
{
    const NbdState *s = bs->opaque;

    if (!(s->flags & NBD_FLAG_SEND_TRIM) || !bytes) {
        return 0;
    }
    return command(bs, NBD_CMD_TRIM, 0, offset, bytes);
}

static int coroutine_fn nbd_co_flush(BlockDriverState *bs)
{
    const NbdState *s = bs->opaque;

    if (!(s->flags & NBD_FLAG_SEND_FLUSH)) {
        return 0;
    }
    return command(bs, NBD_CMD_FLUSH, 0, 0, 0);
}

static int coroutine_fn nbd_co_block_status(BlockDriverState *bs,
                                            bool want_zero, int64_t offset,
                                            int64_t bytes, int64_t *pnum,
                                            int64_t *map,
                                            BlockDriverState **file)
{
    const NbdState *s = bs->opaque;
    uint32_t min = bs->bl.request_alignment;
    int64_t most = s->extended ? INT64_MAX : INT_MAX;
    NbdCall call = {
        .req = { .type = NBD_CMD_BLOCK_STATUS,
                 .flags = NBD_CMD_FLAG_REQ_ONE,
                 .from = offset,
                 .len = MIN(QEMU_ALIGN_DOWN(most, min),
                            MIN(bytes, (int64_t)s->size - offset)) },
    };
    int ret;

    *pnum = bytes;
    *map = offset;
    *file = bs;
    if (!s->has_context) {
        return BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID;
    }
    ret = nbd_co_client_call(s->conn, &call);
    if (ret < 0) {
        return ret;
    }
    /* An extent that ends within a block counts for what is whole of it, and
     * as data where nothing is */
    *pnum = MIN(call.req.len, call.extent_len);
    if (*pnum < call.req.len) {
        *pnum = QEMU_ALIGN_DOWN(*pnum, min);
    }
    if (!*pnum) {
        *pnum = MIN(min, call.req.len);
        return BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID;
    }
    return (call.extent_flags & NBD_STATE_HOLE ? 0 : BDRV_BLOCK_DATA) |
           (call.extent_flags & NBD_STATE_ZERO ? BDRV_BLOCK_ZERO : 0) |
           BDRV_BLOCK_OFFSET_VALID;
}

/* Nothing but the access mode can change; the server has its say in that. */
static int nbd_reopen_prepare(struct BDRVReopenState *state,
                              struct BlockReopenQueue *queue, Error **errp)
{
    const NbdState *s = state->bs->opaque;

    if ((state->flags & BDRV_O_RDWR) && (s->flags & NBD_FLAG_READ_ONLY)) {
        error_setg(errp, "Can't reopen read-only NBD mount as read/write");
        return -EACCES;
    }
    return 0;
}

/* One driver under the three names that begin a file name of its. */
#define NBD_DRIVER(protocol)                                                \
    {                                                                       \
        .format_name = "nbd", .protocol_name = protocol,                    \
        .instance_size = sizeof(NbdState),                                  \
        .strong_runtime_opts = nbd_strong_runtime_opts,                     \
        .bdrv_parse_filename = nbd_parse_filename, .bdrv_open = nbd_open,   \
        .bdrv_close = nbd_close, .bdrv_reopen_prepare = nbd_reopen_prepare, \
        .bdrv_refresh_filename = nbd_refresh_filename,                      \
        .bdrv_refresh_limits = nbd_refresh_limits,                          \
        .bdrv_getlength = nbd_getlength, .bdrv_co_preadv = nbd_co_preadv,   \
        .bdrv_co_pwritev = nbd_co_pwritev,                                  \
        .bdrv_co_pwrite_zeroes = nbd_co_pwrite_zeroes,                      \
        .bdrv_co_pdiscard = nbd_co_pdiscard,                                \
        .bdrv_co_flush_to_disk = nbd_co_flush,                              \
        .bdrv_co_block_status = nbd_co_block_status,                        \
        .bdrv_co_truncate = nbd_co_truncate,                                \
    }

const BlockDriver bdrv_nbd = NBD_DRIVER("nbd");
const BlockDriver bdrv_nbd_tcp = NBD_DRIVER("nbd+tcp");
const BlockDriver bdrv_nbd_unix = NBD_DRIVER("nbd+unix");
