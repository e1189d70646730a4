/*
 * throttle: limits, turns, drains, the object, and limits of BlockBackends.
 *
 * Rates are chosen so that a wait is far longer than anything else the test
 * does; what may not wait ends at once, whatever the machine's load is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "backends/iothread.h"
#include "backends/throttle-group.h"
#include "block/blk-throttle.h"
#include "qom/object.h"
#include "tests/unit/block/block-test.h"

static uint8_t buf[65536];

static void set_limits(const char *name, uint64_t iops_read, uint64_t max)
{
    ThrottleGroup *g = throttle_group_find_or_new(name);
    ThrottleConfig cfg;

    throttle_config_init(&cfg);
    cfg.limits[THROTTLE_OPS_READ].avg = iops_read;
    cfg.limits[THROTTLE_OPS_READ].max = max;
    g_assert_true(throttle_is_valid(&cfg, &error_abort));
    throttle_group_set_config(g, &cfg);
    throttle_group_unref(g);
}

static void test_arithmetic(void)
{
    ThrottleState ts;
    ThrottleConfig cfg;
    int64_t s = 1000000000;

    throttle_config_init(&cfg);
    cfg.limits[THROTTLE_BPS_TOTAL].avg = 1000;
    throttle_set_config(&ts, &cfg, 0);
    g_assert_cmpint(throttle_wait(&ts, false, 0), ==, 0);
    throttle_account(&ts, false, 1000);
    /* 1000 bytes, brim at 100: 0.9 seconds; the other direction too */
    g_assert_cmpint(throttle_wait(&ts, true, 0), ==, 900000001);
    g_assert_cmpint(throttle_wait(&ts, true, s), ==, 0);

    throttle_config_init(&cfg);
    cfg.limits[THROTTLE_OPS_WRITE] = (ThrottleLimit){ 10, 100, 2 };
    cfg.op_size = 4096;
    throttle_set_config(&ts, &cfg, 0);
    /* The burst of 100 a second: 10 at once, then it is spread */
    for (int i = 0; i < 11; i++) {
        g_assert_cmpint(throttle_wait(&ts, true, 0), ==, 0);
        throttle_account(&ts, true, 512);
    }
    g_assert_cmpint(throttle_wait(&ts, true, 0), ==, 10000001);
    g_assert_cmpint(throttle_wait(&ts, false, 0), ==, 0);
    /* A large request is several: 200 operations are the bucket */
    throttle_account(&ts, true, 4096 * 289);
    g_assert_cmpint(throttle_wait(&ts, true, 0) / s, ==, 10);
}

static void expect_invalid(const ThrottleConfig *cfg, const char *text)
{
    Error *err = NULL;

    g_assert_false(throttle_is_valid(cfg, &err));
    expect_error(&err, text);
}

static void test_validity(void)
{
    ThrottleConfig cfg;

    throttle_config_init(&cfg);
    g_assert_false(throttle_enabled(&cfg));
    cfg.op_size = 1;
    expect_invalid(&cfg, "iops size requires an iops value to be set");
    cfg.limits[THROTTLE_OPS_TOTAL].avg = 5;
    g_assert_true(throttle_is_valid(&cfg, &error_abort));
    cfg.limits[THROTTLE_OPS_READ].avg = 5;
    expect_invalid(&cfg, "bps/iops/max total values and read/write values "
                         "cannot be used at the same time");
    cfg.limits[THROTTLE_OPS_READ].avg = 0;
    cfg.limits[THROTTLE_OPS_TOTAL].max = 4;
    expect_invalid(&cfg, "bps_max/iops_max cannot be lower than bps/iops");
    cfg.limits[THROTTLE_OPS_TOTAL].max = 10;
    cfg.limits[THROTTLE_OPS_TOTAL].burst_length = UINT64_MAX;
    expect_invalid(&cfg, "burst length too high for this burst rate");
    cfg.limits[THROTTLE_OPS_TOTAL].avg = THROTTLE_VALUE_MAX + 1;
    expect_invalid(&cfg, "bps/iops/max values must be within "
                         "[0, 1000000000000000]");
}

#define NODE                                                            \
    "{'driver':'throttle','node-name':'n','throttle-group':'g','file':" \
    "{'driver':'null-co','size':1048576}}"

/* Requests that wait go on when the node is drained. */
static void test_drain(void)
{
    ThrottleGroup *g = throttle_group_find_or_new("g");
    BlockBackend *blk;
    TestIo io[4];

    set_limits("g", 1, 0);
    blk = make_blk(make_node(NODE));
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    for (int i = 0; i < 4; i++) {
        test_io_init(&io[i], blk, BLK_IO_READ, 0, 512, buf);
        blk_io_submit(&io[i].io);
        g_assert_false(io[i].done);
    }
    /* Writes have no limit */
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, 0);
    g_assert_false(io[0].done);
    blk_drain(blk);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(test_io_wait(&io[i]), ==, 0);
    }
    blk_unref(blk);
    del_node("n");
    throttle_group_unref(g);
}

/* Two members wait; without limits both go at once. */
static void test_limits_change(void)
{
    ThrottleGroup *g = throttle_group_find_or_new("g");
    BlockBackend *blk, *blk2;
    TestIo a, b, c;

    set_limits("g", 1, 0);
    blk = make_blk(make_node(NODE));
    blk2 = make_blk(make_node(
        "{'driver':'throttle','node-name':'m','throttle-group':'g','file':"
        "{'driver':'null-co','size':1048576}}"));
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    test_io_init(&a, blk, BLK_IO_READ, 0, 512, buf);
    test_io_init(&b, blk, BLK_IO_READ, 0, 512, buf);
    test_io_init(&c, blk2, BLK_IO_READ, 0, 512, buf);
    blk_io_submit(&a.io);
    blk_io_submit(&b.io);
    blk_io_submit(&c.io);
    /* The other member's drain is not ours */
    blk_drain(blk2);
    g_assert_true(c.done);
    g_assert_false(a.done || b.done);
    set_limits("g", 0, 0);
    g_assert_cmpint(test_io_wait(&a), ==, 0);
    g_assert_cmpint(test_io_wait(&b), ==, 0);
    blk_unref(blk);
    blk_unref(blk2);
    del_node("n");
    del_node("m");
    throttle_group_unref(g);
}

/* Members in several threads: nobody is forgotten, and the rate holds. */
static void test_threads(void)
{
    ThrottleGroup *g = throttle_group_find_or_new("g");
    TestThread *t[3];
    BlockBackend *blk;
    TestIo io[60];
    int64_t start;

    set_limits("g", 200, 0);
    blk = make_blk(make_node(NODE));
    for (int i = 0; i < 3; i++) {
        t[i] = test_thread_new();
    }
    start = g_get_monotonic_time();
    for (int i = 0; i < 60; i++) {
        test_io_init(&io[i], blk, BLK_IO_READ, 0, 512, buf);
        io[i].io.ctx = t[i % 3]->ctx;
        aio_bh_schedule_oneshot(io[i].io.ctx, (QEMUBHFunc *)blk_io_submit,
                                &io[i].io);
    }
    for (int i = 0; i < 60; i++) {
        while (!qatomic_load_acquire(&io[i].done)) {
            g_usleep(1000);
        }
        g_assert_cmpint(io[i].ret, ==, 0);
    }
    /* 20 are the bucket, 1 may overflow it, the rest take 5 ms each */
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 190000);
    blk_unref(blk);
    del_node("n");
    for (int i = 0; i < 3; i++) {
        test_thread_free(t[i]);
    }
    throttle_group_unref(g);
}

static void test_blk(void)
{
    BlockBackend *blk = make_blk(
        make_node("{'driver':'null-co','node-name':'n'}"));
    ThrottleConfig cfg, seen;
    TestIo a;

    throttle_config_init(&cfg);
    cfg.limits[THROTTLE_OPS_TOTAL].avg = 1;
    g_assert_null(blk_get_io_limits(blk, &seen));
    blk_set_io_limits(blk, "one", &cfg);
    g_assert_cmpstr(blk_get_io_limits(blk, &seen), ==, "one");
    g_assert_cmpint(seen.limits[THROTTLE_OPS_TOTAL].avg, ==, 1);
    g_assert_cmpint(blk_pwrite(blk, 0, 512, buf, 0), ==, 0);
    test_io_init(&a, blk, BLK_IO_READ, 0, 512, buf);
    blk_io_submit(&a.io);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, 0);
    g_assert_false(a.done);
    /* Into another group, out of all of them; groups go when they are empty */
    blk_set_io_limits(blk, "two", &cfg);
    g_assert_true(a.done);
    g_assert_null(throttle_group_find("one"));
    cfg.limits[THROTTLE_OPS_TOTAL].avg = 0;
    blk_set_io_limits(blk, "two", &cfg);
    g_assert_null(blk_get_io_limits(blk, &seen));
    g_assert_null(throttle_group_find("two"));
    for (int i = 0; i < 10; i++) {
        g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    }
    blk_unref(blk);
    del_node("n");
}

static void test_open_errors(void)
{
    Error *err = NULL;

    g_assert_null(try_node(NODE, &err));
    expect_error(&err, "Throttle group 'g' does not exist");
    g_assert_null(try_node("{'driver':'throttle','node-name':'n','file':"
                           "{'driver':'null-co'}}",
                           &err));
    expect_error(&err, "Please specify a throttle group");
}

int main(int argc, char **argv)
{
    int ret;

    block_test_init();
    type_register_table(qom_types);
    type_register_table(backends_types);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filters/throttle/arithmetic", test_arithmetic);
    g_test_add_func("/filters/throttle/validity", test_validity);
    g_test_add_func("/filters/throttle/drain", test_drain);
    g_test_add_func("/filters/throttle/limits-change", test_limits_change);
    g_test_add_func("/filters/throttle/threads", test_threads);
    g_test_add_func("/filters/throttle/blk", test_blk);
    g_test_add_func("/filters/throttle/open-errors", test_open_errors);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
