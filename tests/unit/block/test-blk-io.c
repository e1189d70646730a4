/*
 * The hot path: what it costs, what it refuses, and that a drain stops it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"
#include "block/blk-int.h"

static char buf[64 * KiB] __attribute__((aligned(4096)));

static BlockBackend *raw_over_null(void)
{
    make_node("{'driver':'null-co','node-name':'n','size':1048576,"
              "'read-zeroes':true}");
    return make_blk(make_node("{'driver':'raw','node-name':'r','file':'n'}"));
}

static void drop_raw_over_null(BlockBackend *blk)
{
    blk_unref(blk);
    del_node("r");
    del_node("n");
}

static void test_basic(void)
{
    BlockBackend *blk = raw_over_null();
    BlkGateStats stats;

    memset(buf, 1, sizeof(buf));
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, 0);
    g_assert_cmpint(buf[0], ==, 0);
    g_assert_cmpint(buf[4095], ==, 0);
    g_assert_cmpint(buf[4096], ==, 1);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 4096, 4096, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_DISCARD, 0, 4096, NULL), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE_ZEROES, 0, 4096, NULL), ==, 0);
    blk_gates_stats(blk, &stats);
    g_assert_cmpint(stats.fast, ==, 2);
    g_assert_cmpint(stats.ops[BLK_IO_READ], ==, 1);
    g_assert_cmpint(stats.bytes[BLK_IO_WRITE], ==, 4096);
    drop_raw_over_null(blk);
}

/* Lengths and offsets that a guest could make up. */
static void test_hostile(void)
{
    static const struct {
        int64_t offset, bytes;
    } bad[] = {
        { -1, 512 },
        { -512, 1024 },
        { 0, -1 },
        { 1048576, 512 },
        { 1048064, 1024 },
        { INT64_MAX, 512 },
        { INT64_MAX, INT64_MAX },
        { INT64_MIN, 512 },
        { 0, INT64_MAX },
        { 0, 1048577 },
        { 512, INT64_MAX - 256 },
        { 1048577, 0 },
        { 0, INT64_MIN },
    };
    BlockBackend *blk = raw_over_null();

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        for (int type = BLK_IO_READ; type <= BLK_IO_WRITE_ZEROES; type++) {
            if (type != BLK_IO_FLUSH) {
                g_assert_cmpint(
                    do_io(blk, type, bad[i].offset, bad[i].bytes, buf), ==,
                    -EIO);
            }
        }
    }
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 1048576, 0, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 1048064, 512, buf), ==, 0);
    drop_raw_over_null(blk);
}

static void test_refusals(void)
{
    BlockBackend *blk = raw_over_null();

    blk_set_perm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL, &error_abort);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, -EPERM);
    g_assert_cmpint(do_io(blk, BLK_IO_DISCARD, 0, 512, buf), ==, -EPERM);
    blk_remove_bs(blk);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, -ENOMEDIUM);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, buf), ==, -ENOMEDIUM);
    drop_raw_over_null(blk);
}

/* --- cost --- */

typedef struct Many {
    TestIo t[32];
    int left;
} Many;

static Many many;

static void many_done(BlkIo *io, int ret)
{
    g_assert_cmpint(ret, ==, 0);
    if (many.left > 0) {
        many.left--;
        blk_io_submit(io);
    } else {
        many.left--;
    }
}

static void run_many(BlockBackend *blk, BlkIoType type, int n)
{
    int depth = ARRAY_SIZE(many.t);

    many.left = n - depth;
    for (int i = 0; i < depth; i++) {
        test_io_init(&many.t[i], blk, type, i * 512, 512, buf + i * 512);
        many.t[i].io.cb = many_done;
        blk_io_submit(&many.t[i].io);
    }
    while (many.left > -depth) {
        aio_poll(qemu_get_aio_context(), true);
    }
}

#if !CONFIG_ASAN && !CONFIG_TSAN
/* Every allocation of the program comes by here. */
static unsigned long mallocs;
extern void *__libc_malloc(size_t size);
void *counting_alloc(size_t size) __asm__("malloc");

void *counting_alloc(size_t size)
{
    mallocs++;
    return __libc_malloc(size);
}
#else
static const unsigned long mallocs;
#endif

static void test_cost(void)
{
    AioContextStats before, after;
    unsigned long heap;
    BlockBackend *blk = raw_over_null();
    gint64 t0;

    run_many(blk, BLK_IO_READ, 1000);
    aio_context_get_stats(qemu_get_aio_context(), &before);
    heap = mallocs;
    t0 = g_get_monotonic_time();
    run_many(blk, BLK_IO_READ, 1000000);
    g_assert_cmpint(mallocs, ==, heap);
    g_test_message("null: %.0f ns per request",
                   (g_get_monotonic_time() - t0) * 1000.0 / 1000000);
    aio_context_get_stats(qemu_get_aio_context(), &after);
    g_test_message("system calls: %" PRIu64 " turns: %" PRIu64,
                   after.syscalls - before.syscalls,
                   after.turns - before.turns);
    g_assert_cmpint(after.syscalls - before.syscalls, <=, 1000000 / 32);
    drop_raw_over_null(blk);
}

/* --- drain --- */

typedef struct Worker {
    TestThread *thread;
    BlockBackend *blk;
    TestIo t[16];
    bool stop;          /* atomic */
    unsigned in_flight; /* atomic */
    uint64_t done;      /* atomic */
} Worker;

static bool closed; /* atomic: nothing may be running */

static void worker_done(BlkIo *io, int ret)
{
    TestIo *t = container_of(io, TestIo, io);
    Worker *w = (Worker *)t->iov.iov_base;

    g_assert_cmpint(ret, ==, 0);
    g_assert_false(qatomic_mb_read(&closed));
    qatomic_inc(&w->done);
    if (qatomic_read(&w->stop)) {
        qatomic_dec(&w->in_flight);
        aio_wait_kick();
        return;
    }
    blk_io_submit(io);
}

static void worker_start(void *opaque)
{
    Worker *w = opaque;

    for (size_t i = 0; i < ARRAY_SIZE(w->t); i++) {
        test_io_init(&w->t[i], w->blk, i % 3 ? BLK_IO_WRITE : BLK_IO_READ,
                     i * 512, 512, w);
        if (i % 5 == 4) {
            w->t[i].io.type = BLK_IO_WRITE_ZEROES; /* slow path */
        }
        w->t[i].io.cb = worker_done;
        qatomic_inc(&w->in_flight);
        blk_io_submit(&w->t[i].io);
    }
}

static void run_drain(BlockBackend *blk, BlockDriverState *leaf, int rounds)
{
    Worker w[2] = { { 0 }, { 0 } };

    for (int i = 0; i < 2; i++) {
        w[i].thread = test_thread_new();
        w[i].blk = blk;
        aio_bh_schedule_oneshot(w[i].thread->ctx, worker_start, &w[i]);
    }
    for (int round = 0; round < rounds; round++) {
        uint64_t seen = qatomic_read(&w[0].done) + qatomic_read(&w[1].done);

        bdrv_drained_begin(leaf);
        qatomic_mb_set(&closed, true);
        for (int i = 0; i < 100; i++) {
            sched_yield();
        }
        qatomic_mb_set(&closed, false);
        bdrv_drained_end(leaf);
        /* They go on */
        while (qatomic_read(&w[0].done) + qatomic_read(&w[1].done) < seen + 4) {
            sched_yield();
        }
    }
    for (int i = 0; i < 2; i++) {
        qatomic_set(&w[i].stop, true);
    }
    for (int i = 0; i < 2; i++) {
        AIO_WAIT_WHILE(NULL, qatomic_read(&w[i].in_flight));
        g_assert_cmpint(w[i].done, >, 0);
    }
    blk_drain(blk);
    for (int i = 0; i < 2; i++) {
        test_thread_free(w[i].thread);
    }
}

static void test_drain_two_contexts(void)
{
    BlockBackend *blk;
    BlockDriverState *n;

    /* Writes come from the Worker itself: any memory will do */
    n = make_node("{'driver':'null-co','node-name':'n','size':1048576}");
    blk = make_blk(make_node("{'driver':'raw','node-name':'r','file':'n'}"));
    run_drain(blk, n, 300);
    drop_raw_over_null(blk);
    /* The same with requests that take their time, all on the slow path */
    n = make_node("{'driver':'null-co','node-name':'n','size':1048576,"
                  "'latency-ns':20000}");
    blk = make_blk(make_node("{'driver':'raw','node-name':'r','file':'n'}"));
    run_drain(blk, n, 50);
    drop_raw_over_null(blk);
}

static void test_queued_while_drained(void)
{
    BlockBackend *blk = raw_over_null();
    TestIo a, b;

    test_io_init(&a, blk, BLK_IO_READ, 0, 512, buf);
    test_io_init(&b, blk, BLK_IO_READ, 0, 512, buf);
    blk_drained_begin(blk);
    blk_io_submit(&a.io);
    blk_drained_begin(blk);
    blk_io_submit(&b.io);
    while (aio_poll(qemu_get_aio_context(), false)) {
    }
    blk_drained_end(blk);
    while (aio_poll(qemu_get_aio_context(), false)) {
    }
    g_assert_false(a.done || b.done);
    blk_drained_end(blk);
    g_assert_cmpint(test_io_wait(&a), ==, 0);
    g_assert_cmpint(test_io_wait(&b), ==, 0);

    /* All nodes, and a backend whose medium goes while it is queued */
    a.done = false;
    bdrv_drain_all_begin();
    blk_io_submit(&a.io);
    bdrv_drain_all_end();
    g_assert_cmpint(test_io_wait(&a), ==, 0);
    a.done = false;
    bdrv_drained_begin(blk_bs(blk));
    BlockDriverState *bs = blk_bs(blk);
    blk_io_submit(&a.io);
    blk_remove_bs(blk);
    bdrv_drained_end(bs);
    g_assert_cmpint(test_io_wait(&a), ==, -ENOMEDIUM);
    drop_raw_over_null(blk);
}

/* --- device callbacks --- */

static int begins, ends, resizes;

static void dev_begin(void *opaque)
{
    begins++;
}

static void dev_end(void *opaque)
{
    ends++;
}

static void dev_resize(void *opaque)
{
    resizes++;
}

static const BlockDevOps dev_ops = {
    .drained_begin = dev_begin,
    .drained_end = dev_end,
    .resize_cb = dev_resize,
};

static void test_device(void)
{
    BlockBackend *blk = raw_over_null();
    int dev;

    g_assert_cmpint(blk_attach_dev(blk, &dev), ==, 0);
    g_assert_cmpint(blk_attach_dev(blk, &ends), ==, -EBUSY);
    blk_set_dev_ops(blk, &dev_ops, NULL);
    bdrv_drained_begin(bdrv_find_node("n"));
    bdrv_drained_begin(bdrv_find_node("r"));
    g_assert_cmpint(begins, ==, 1);
    bdrv_drained_end(bdrv_find_node("n"));
    g_assert_cmpint(ends, ==, 0);
    bdrv_drained_end(bdrv_find_node("r"));
    g_assert_cmpint(ends, ==, 1);
    blk_detach_dev(blk, &dev);
    drop_raw_over_null(blk);
}

static void test_error_policy(void)
{
    BlockBackend *blk = raw_over_null();

    g_assert_cmpint(blk_get_error_action(blk, false, ENOSPC), ==,
                    BLOCK_ERROR_ACTION_STOP);
    g_assert_cmpint(blk_get_error_action(blk, false, EIO), ==,
                    BLOCK_ERROR_ACTION_REPORT);
    g_assert_cmpint(blk_get_error_action(blk, true, EIO), ==,
                    BLOCK_ERROR_ACTION_REPORT);
    blk_set_on_error(blk, BLOCKDEV_ON_ERROR_STOP, BLOCKDEV_ON_ERROR_IGNORE);
    g_assert_cmpint(blk_get_error_action(blk, true, EIO), ==,
                    BLOCK_ERROR_ACTION_STOP);
    g_assert_cmpint(blk_get_error_action(blk, false, EIO), ==,
                    BLOCK_ERROR_ACTION_IGNORE);
    blk_iostatus_enable(blk);
    blk_error_action(blk, BLOCK_ERROR_ACTION_STOP, true, EIO);
    g_assert_cmpint(blk_iostatus(blk), ==, BLOCK_DEVICE_IO_STATUS_FAILED);
    blk_error_action(blk, BLOCK_ERROR_ACTION_STOP, false, ENOSPC);
    g_assert_cmpint(blk_iostatus(blk), ==, BLOCK_DEVICE_IO_STATUS_FAILED);
    blk_iostatus_reset(blk);
    g_assert_cmpint(blk_iostatus(blk), ==, BLOCK_DEVICE_IO_STATUS_OK);
    drop_raw_over_null(blk);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    g_test_add_func("/blk-io/basic", test_basic);
    g_test_add_func("/blk-io/hostile", test_hostile);
    g_test_add_func("/blk-io/refusals", test_refusals);
    g_test_add_func("/blk-io/cost", test_cost);
    g_test_add_func("/blk-io/queued-while-drained", test_queued_while_drained);
    g_test_add_func("/blk-io/drain-two-contexts", test_drain_two_contexts);
    g_test_add_func("/blk-io/device", test_device);
    g_test_add_func("/blk-io/error-policy", test_error_policy);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
