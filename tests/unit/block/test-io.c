/*
 * The choke point: padding, splitting, limits, zeroes and flushes, against a
 * driver that keeps its data in memory and is particular about what it gets.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"
#include "block/sync.h"

#define SIZE (256 * KiB)

/* --- the driver --- */

static struct {
    uint8_t data[SIZE];
    /* limits */
    uint32_t align, max_transfer, zero_align;
    int max_iov;
    bool can_zero, can_fua, yields;
    /* figures */
    unsigned reads, writes, zeroes, flushes, discards, fast;
    unsigned in_driver;
    int fail; /* errno for writes */
} mem;

static void mem_reset(uint32_t align)
{
    memset(&mem, 0, sizeof(mem));
    mem.align = align;
}

/* Let others run in the middle of the request. */
static void coroutine_fn dally(void)
{
    if (mem.yields) {
        aio_co_schedule(qemu_get_current_aio_context(), qemu_coroutine_self());
        qemu_coroutine_yield();
    }
}

static void check_limits(int64_t offset, int64_t bytes,
                         const QEMUIOVector *qiov)
{
    g_assert_cmpint(offset % mem.align, ==, 0);
    g_assert_cmpint(bytes % mem.align, ==, 0);
    g_assert_cmpint(offset + bytes, <=, SIZE);
    g_assert_cmpint(bytes, >, 0);
    if (qiov) {
        g_assert_cmpint(qiov->size, ==, bytes);
        g_assert_true(!mem.max_transfer || bytes <= mem.max_transfer);
        g_assert_true(!mem.max_iov || qiov->niov <= mem.max_iov);
    }
}

static int mem_open(BlockDriverState *bs, QDict *options, int flags,
                    Error **errp)
{
    bs->supported_write_flags = mem.can_fua ? BDRV_REQ_FUA : 0;
    bs->supported_zero_flags = BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK;
    return 0;
}

static int64_t mem_getlength(BlockDriverState *bs)
{
    return SIZE;
}

static void mem_refresh_limits(BlockDriverState *bs, Error **errp)
{
    bs->bl.request_alignment = mem.align;
    bs->bl.max_transfer = mem.max_transfer;
    bs->bl.max_iov = mem.max_iov;
    bs->bl.pwrite_zeroes_alignment = mem.zero_align;
}

static int coroutine_fn mem_co_preadv(BlockDriverState *bs, int64_t offset,
                                      int64_t bytes, QEMUIOVector *qiov,
                                      BdrvRequestFlags flags)
{
    check_limits(offset, bytes, qiov);
    mem.reads++;
    dally();
    qemu_iovec_from_buf(qiov, 0, mem.data + offset, bytes);
    dally();
    return 0;
}

static int coroutine_fn mem_co_pwritev(BlockDriverState *bs, int64_t offset,
                                       int64_t bytes, QEMUIOVector *qiov,
                                       BdrvRequestFlags flags)
{
    check_limits(offset, bytes, qiov);
    g_assert_true(mem.can_fua || !(flags & BDRV_REQ_FUA));
    mem.writes++;
    dally();
    if (mem.fail) {
        return -mem.fail;
    }
    qemu_iovec_to_buf(qiov, 0, mem.data + offset, bytes);
    dally();
    return 0;
}

static int coroutine_fn mem_co_pwrite_zeroes(BlockDriverState *bs,
                                             int64_t offset, int64_t bytes,
                                             BdrvRequestFlags flags)
{
    check_limits(offset, bytes, NULL);
    if (!mem.can_zero ||
        (mem.zero_align && (offset | bytes) % mem.zero_align)) {
        return -ENOTSUP;
    }
    mem.zeroes++;
    dally();
    memset(mem.data + offset, 0, bytes);
    return 0;
}

static int coroutine_fn mem_co_pdiscard(BlockDriverState *bs, int64_t offset,
                                        int64_t bytes)
{
    check_limits(offset, bytes, NULL);
    mem.discards++;
    return -ENOTSUP;
}

static int coroutine_fn mem_co_flush(BlockDriverState *bs)
{
    g_assert_cmpint(mem.in_driver, ==, 0); /* one at a time */
    mem.in_driver++;
    mem.flushes++;
    dally();
    mem.in_driver--;
    return 0;
}

typedef struct FastReq {
    BlkIo *io;
} FastReq;

static void mem_fast_bh(void *opaque)
{
    BlkIo *io = opaque;

    if (io->type == BLK_IO_WRITE) {
        iov_to_buf(io->iov, io->niov, 0, mem.data + io->leaf_offset, io->bytes);
    } else {
        iov_from_buf(io->iov, io->niov, 0, mem.data + io->leaf_offset,
                     io->bytes);
    }
    blk_io_complete(io, 0);
}

static bool mem_submit_fast(BlockDriverState *bs, struct BlkIo *io)
{
    mem.fast++;
    aio_bh_schedule_oneshot(io->ctx, mem_fast_bh, io);
    return true;
}

static const BlockDriver mem_driver = {
    .format_name = "mem",
    .protocol_name = "mem",
    .bdrv_open = mem_open,
    .bdrv_getlength = mem_getlength,
    .bdrv_refresh_limits = mem_refresh_limits,
    .bdrv_co_preadv = mem_co_preadv,
    .bdrv_co_pwritev = mem_co_pwritev,
    .bdrv_co_pwrite_zeroes = mem_co_pwrite_zeroes,
    .bdrv_co_pdiscard = mem_co_pdiscard,
    .bdrv_co_flush_to_disk = mem_co_flush,
    .bdrv_submit_fast = mem_submit_fast,
};

static BlockBackend *open_mem(void)
{
    BlockDriverState *bs = bdrv_new_open_driver(
        &mem_driver, NULL, BDRV_O_RDWR | BDRV_O_UNMAP, &error_abort);
    BlockBackend *blk = make_blk(bs);

    bdrv_unref(bs);
    return blk;
}

/* --- a random sequence against a model --- */

static uint8_t model[SIZE], data[SIZE], back[SIZE];

static void fill_random(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = g_test_rand_int();
    }
}

static void random_range(int64_t *offset, int64_t *bytes)
{
    int64_t most = g_test_rand_bit() ? 5000 : 70000;

    *offset = g_test_rand_int_range(0, SIZE);
    *bytes = g_test_rand_int_range(0, MIN(SIZE - *offset, most) + 1);
}

static void one_step(BlockBackend *blk)
{
    int64_t offset, bytes;

    random_range(&offset, &bytes);
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        fill_random(data, MIN(bytes, 64));
        memset(data + MIN(bytes, 64), data[0], MAX(bytes - 64, 0));
        memcpy(model + offset, data, bytes);
        g_assert_cmpint(blk_pwrite(blk, offset, bytes, data,
                                   g_test_rand_bit() ? BDRV_REQ_FUA : 0),
                        ==, 0);
        break;
    case 1:
        memset(model + offset, 0, bytes);
        g_assert_cmpint(
            blk_pwrite_zeroes(blk, offset, bytes,
                              g_test_rand_bit() ? BDRV_REQ_MAY_UNMAP : 0),
            ==, 0);
        break;
    case 2:
        g_assert_cmpint(blk_pdiscard(blk, offset, bytes), ==, 0);
        break;
    default:
        memset(back, 0xee, bytes);
        g_assert_cmpint(blk_pread(blk, offset, bytes, back, 0), ==, 0);
        g_assert_cmpmem(back, bytes, model + offset, bytes);
        break;
    }
}

static void test_model(void)
{
    static const uint32_t aligns[] = { 1, 512, 4096 };

    for (size_t i = 0; i < ARRAY_SIZE(aligns); i++) {
        for (int variant = 0; variant < 4; variant++) {
            BlockBackend *blk;

            mem_reset(aligns[i]);
            mem.can_zero = variant & 1;
            mem.zero_align = variant & 1 ? 8192 : 0;
            mem.max_transfer = variant & 2 ? 8192 : 0;
            mem.max_iov = variant & 2 ? 1 : 0;
            mem.can_fua = variant & 2;
            memset(model, 0, SIZE);
            blk = open_mem();
            for (int step = 0; step < 1500; step++) {
                one_step(blk);
            }
            g_assert_cmpmem(mem.data, SIZE, model, SIZE);
            blk_unref(blk);
        }
    }
}

/* --- many writers in the same blocks --- */

#define LANES      8
#define LANE_BYTES 700 /* crosses blocks, shares them with its neighbours */

typedef struct Lane {
    BlockBackend *blk;
    int no, steps;
    bool done;
} Lane;

static void coroutine_fn lane_entry(void *opaque)
{
    Lane *l = opaque;

    for (int i = 0; i < l->steps; i++) {
        int64_t base = (int64_t)g_test_rand_int_range(0, 16) * LANES *
                           LANE_BYTES +
                       l->no * LANE_BYTES;
        int64_t off = g_test_rand_int_range(0, LANE_BYTES);
        int64_t len = g_test_rand_int_range(1, LANE_BYTES - off + 1);
        uint8_t buf[LANE_BYTES], got[LANE_BYTES];
        int ret;

        if (g_test_rand_int_range(0, 4)) {
            fill_random(buf, len);
            ret = blk_co_pwrite(l->blk, base + off, len, buf, 0);
        } else {
            memset(buf, 0, len);
            ret = blk_co_pwrite_zeroes(l->blk, base + off, len, 0);
        }
        g_assert_cmpint(ret, ==, 0);
        memcpy(model + base + off, buf, len);
        ret = blk_co_pread(l->blk, base + off, len, got, 0);
        g_assert_cmpint(ret, ==, 0);
        g_assert_cmpmem(got, len, buf, len);
    }
    l->done = true;
}

/* Fast writes to whole blocks above those of the lanes, and into them. */
typedef struct FastWriter {
    TestIo t;
    uint8_t buf[512];
    int left;
} FastWriter;

static void fast_writer_done(BlkIo *io, int ret)
{
    TestIo *t = container_of(io, TestIo, io);
    FastWriter *w = container_of(t, FastWriter, t);

    g_assert_cmpint(ret, ==, 0);
    memcpy(model + io->offset, w->buf, 512);
    if (--w->left > 0) {
        fill_random(w->buf, 4);
        io->offset = SIZE / 2 + 512 * (int64_t)g_test_rand_int_range(0, 8);
        blk_io_submit(io);
    } else {
        t->done = true;
    }
}

static bool any_lane_runs(const Lane *lanes)
{
    for (int i = 0; i < LANES; i++) {
        if (!lanes[i].done) {
            return true;
        }
    }
    return false;
}

static void test_shared_blocks(void)
{
    BlockBackend *blk;
    Lane lanes[LANES];
    FastWriter w = { .left = 2000 };

    mem_reset(512);
    mem.yields = mem.can_zero = true;
    memset(model, 0, SIZE);
    blk = open_mem();
    test_io_init(&w.t, blk, BLK_IO_WRITE, SIZE / 2, 512, w.buf);
    w.t.io.cb = fast_writer_done;
    blk_io_submit(&w.t.io);
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (Lane){ blk, i, 300, false };
        qemu_coroutine_enter(qemu_coroutine_create(lane_entry, &lanes[i]));
    }
    AIO_WAIT_WHILE(NULL, any_lane_runs(lanes) || !w.t.done);
    g_assert_cmpmem(mem.data, SIZE, model, SIZE);
    blk_unref(blk);
}

/* A padded write and a fast write to the other half of its block. */
static void coroutine_fn half_entry(void *opaque)
{
    Lane *l = opaque;
    uint8_t half[256];

    memset(half, 0x11, sizeof(half));
    for (int i = 0; i < l->steps; i++) {
        g_assert_cmpint(blk_co_pwrite(l->blk, 512, 256, half, 0), ==, 0);
    }
    l->done = true;
}

static void test_padded_against_fast(void)
{
    for (int round = 0; round < 50; round++) {
        BlockBackend *blk;
        Lane l = { NULL, 0, 1, false };
        uint8_t buf[4096];
        TestIo t;

        mem_reset(512);
        mem.yields = true;
        blk = l.blk = open_mem();
        memset(buf, 0x22, sizeof(buf));
        test_io_init(&t, blk, BLK_IO_WRITE, 0, 4096, buf);
        if (round & 1) {
            blk_io_submit(&t.io);
        }
        qemu_coroutine_enter(qemu_coroutine_create(half_entry, &l));
        for (int i = 0; i < round / 2 % 5; i++) {
            aio_poll(qemu_get_aio_context(), false);
        }
        if (!(round & 1)) {
            blk_io_submit(&t.io);
        }
        AIO_WAIT_WHILE(NULL, !t.done || !l.done);
        /* Whoever came last: the rest of the block has the fast write's */
        g_assert_cmphex(mem.data[768], ==, 0x22);
        g_assert_cmphex(mem.data[1023], ==, 0x22);
        blk_unref(blk);
    }
}

/* --- flush --- */

static void test_flush(void)
{
    BlockBackend *blk;

    mem_reset(1);
    blk = open_mem();
    g_assert_cmpint(blk_flush(blk), ==, 0);
    g_assert_cmpint(mem.flushes, ==, 0); /* nothing was written */
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, data), ==, 0);
    g_assert_cmpint(mem.fast, ==, 1);
    g_assert_cmpint(blk_flush(blk), ==, 0);
    g_assert_cmpint(blk_flush(blk), ==, 0);
    g_assert_cmpint(mem.flushes, ==, 1);
    /* No write cache, and a driver that cannot do it at once */
    blk_set_enable_write_cache(blk, false);
    g_assert_cmpint(blk_pwrite(blk, 0, 512, data, 0), ==, 0);
    g_assert_cmpint(mem.flushes, ==, 2);
    g_assert_cmpint(blk_pwrite_zeroes(blk, 0, 512, 0), ==, 0);
    g_assert_cmpint(mem.flushes, ==, 3);
    blk_unref(blk);
}

static void coroutine_fn flush_entry(void *opaque)
{
    Lane *l = opaque;

    g_assert_cmpint(blk_co_pwrite(l->blk, l->no * 512, 512, data, 0), ==, 0);
    g_assert_cmpint(blk_co_flush(l->blk), ==, 0);
    l->done = true;
}

static void test_flush_together(void)
{
    BlockBackend *blk;
    Lane lanes[LANES];

    mem_reset(1);
    mem.yields = true;
    blk = open_mem();
    for (int i = 0; i < LANES; i++) {
        lanes[i] = (Lane){ blk, i, 1, false };
        qemu_coroutine_enter(qemu_coroutine_create(flush_entry, &lanes[i]));
    }
    AIO_WAIT_WHILE(NULL, any_lane_runs(lanes));
    g_assert_cmpint(mem.flushes, <=, 2); /* one, and one for those after it */
    g_assert_cmpint(mem.flushes, >=, 1);
    blk_unref(blk);
}

/* --- other --- */

static void test_detect_zeroes(void)
{
    BlockBackend *blk;

    mem_reset(512);
    mem.can_zero = true;
    blk = open_mem();
    blk_bs(blk)->detect_zeroes = BLOCKDEV_DETECT_ZEROES_OPTIONS_ON;
    memset(data, 0, 4096);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, data), ==, 0);
    g_assert_cmpint(mem.zeroes, ==, 1);
    g_assert_cmpint(mem.writes, ==, 0);
    data[4095] = 1;
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, data), ==, 0);
    g_assert_cmpint(mem.writes, ==, 1);
    blk_unref(blk);
}

static void test_no_fallback(void)
{
    BlockBackend *blk;

    mem_reset(512);
    blk = open_mem();
    g_assert_cmpint(blk_pwrite_zeroes(blk, 0, 4096, BDRV_REQ_NO_FALLBACK), ==,
                    -ENOTSUP);
    g_assert_cmpint(mem.writes, ==, 0);
    g_assert_cmpint(blk_pwrite_zeroes(blk, 0, 4096, 0), ==, 0);
    g_assert_cmpint(mem.writes, ==, 1);
    blk_unref(blk);
}

static void test_write_error(void)
{
    BlockBackend *blk;

    mem_reset(512);
    blk = open_mem();
    mem.fail = EIO;
    g_assert_cmpint(blk_pwrite(blk, 0, 4096, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite(blk, 1, 5, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite_zeroes(blk, 1, 4096, 0), ==, -EIO);
    mem.fail = ENOSPC;
    g_assert_cmpint(blk_pwrite(blk, 0, 4096, data, 0), ==, -ENOSPC);
    blk_unref(blk);
}

static void test_bounds(void)
{
    BlockBackend *blk;

    mem_reset(512);
    blk = open_mem();
    g_assert_cmpint(blk_pread(blk, -1, 512, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pread(blk, 0, -1, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pread(blk, SIZE, 1, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite(blk, SIZE - 1, 2, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite(blk, INT64_MAX - 10, 512, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite_zeroes(blk, INT64_MAX, 512, 0), ==, -EIO);
    g_assert_cmpint(blk_pdiscard(blk, SIZE - 512, 1024), ==, -EIO);
    g_assert_cmpint(bdrv_check_request(BDRV_MAX_LENGTH, 1, NULL), ==, -EIO);
    g_assert_cmpint(bdrv_check_request(0, BDRV_MAX_LENGTH, NULL), ==, 0);
    blk_unref(blk);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    g_test_add_func("/io/model", test_model);
    g_test_add_func("/io/shared-blocks", test_shared_blocks);
    g_test_add_func("/io/padded-against-fast", test_padded_against_fast);
    g_test_add_func("/io/flush", test_flush);
    g_test_add_func("/io/flush-together", test_flush_together);
    g_test_add_func("/io/detect-zeroes", test_detect_zeroes);
    g_test_add_func("/io/no-fallback", test_no_fallback);
    g_test_add_func("/io/write-error", test_write_error);
    g_test_add_func("/io/bounds", test_bounds);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
