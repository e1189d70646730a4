/*
 * blkdebug: rules, states, breakpoints, limits, names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/debug.h"
#include "tests/unit/block/block-test.h"

static uint8_t buf[65536];

static BlockBackend *open_blk(const char *json)
{
    BlockDriverState *bs = make_node(json);
    BlockBackend *blk = make_blk(bs);

    return blk;
}

static void close_blk(BlockBackend *blk)
{
    g_autofree char *name = g_strdup(blk_bs(blk)->node_name);

    blk_unref(blk);
    del_node(name);
}

#define NULL_CO "'image':{'driver':'null-co','size':1048576}"

static void test_inject(void)
{
    BlockBackend *blk = open_blk(
        "{'driver':'raw','node-name':'n','file':{'driver':'blkdebug'," NULL_CO
        ",'inject-error':[{'event':'read_aio','errno':28,'sector':3}]}}");

    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 1536, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 1536, 512, buf), ==, -ENOSPC);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, -ENOSPC);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 2048, 512, buf), ==, 0);
    close_blk(blk);
}

/* What lies on the way is not left out because a fast path exists. */
static void test_once_and_types(void)
{
    BlockBackend *blk = open_blk(
        "{'driver':'raw','node-name':'n','file':{'driver':'blkdebug'," NULL_CO
        ",'inject-error':[{'event':'none','iotype':'write','once':true,"
        "'immediately':true},{'event':'none','iotype':'flush','errno':28}]}}");

    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, -EIO);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, -ENOSPC);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, -ENOSPC);
    close_blk(blk);
}

static void test_state(void)
{
    BlockBackend *blk = open_blk(
        "{'driver':'raw','node-name':'n','file':{'driver':'blkdebug'," NULL_CO
        ",'set-state':[{'event':'write_aio','state':1,'new_state':2},"
        "{'event':'write_aio','state':2,'new_state':3}],"
        "'inject-error':[{'event':'read_aio','state':3}]}}");

    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, -EIO);
    close_blk(blk);
}

static void test_breakpoint(void)
{
    BlockBackend *blk = open_blk("{'driver':'raw','node-name':'n',"
                                 "'file':{'driver':'blkdebug'," NULL_CO "}}");
    BlockDriverState *bs = blk_bs(blk);
    TestIo a, b;

    g_assert_cmpint(bdrv_debug_breakpoint(bs, "bogus", "A"), ==, -ENOENT);
    g_assert_cmpint(bdrv_debug_resume(bs, "A"), ==, -ENOENT);
    g_assert_cmpint(bdrv_debug_breakpoint(bs, "write_aio", "A"), ==, 0);
    test_io_init(&a, blk, BLK_IO_WRITE, 0, 512, buf);
    test_io_init(&b, blk, BLK_IO_WRITE, 512, 512, buf);
    g_assert_false(bdrv_debug_is_suspended(bs, "A"));
    blk_io_submit(&a.io);
    g_assert_true(bdrv_debug_is_suspended(bs, "A"));
    /* A breakpoint holds one request */
    blk_io_submit(&b.io);
    g_assert_cmpint(test_io_wait(&b), ==, 0);
    g_assert_false(a.done);
    g_assert_cmpint(bdrv_debug_resume(bs, "A"), ==, 0);
    g_assert_cmpint(test_io_wait(&a), ==, 0);

    g_assert_cmpint(bdrv_debug_breakpoint(bs, "read_aio", "B"), ==, 0);
    g_assert_cmpint(bdrv_debug_remove_breakpoint(bs, "B"), ==, 0);
    g_assert_cmpint(bdrv_debug_remove_breakpoint(bs, "B"), ==, -ENOENT);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, buf), ==, 0);
    close_blk(blk);

    blk = open_blk("{'driver':'null-co','node-name':'n'}");
    g_assert_cmpint(bdrv_debug_breakpoint(blk_bs(blk), "write_aio", "A"), ==,
                    -ENOTSUP);
    close_blk(blk);
}

/* A request of another thread is held and goes on there. */
static void test_breakpoint_thread(void)
{
    BlockBackend *blk = open_blk("{'driver':'raw','node-name':'n',"
                                 "'file':{'driver':'blkdebug'," NULL_CO "}}");
    TestThread *t = test_thread_new();
    TestIo a;

    g_assert_cmpint(bdrv_debug_breakpoint(blk_bs(blk), "pwritev", "A"), ==, 0);
    test_io_init(&a, blk, BLK_IO_WRITE, 0, 512, buf);
    a.io.ctx = t->ctx;
    aio_bh_schedule_oneshot(t->ctx, (QEMUBHFunc *)blk_io_submit, &a.io);
    while (!bdrv_debug_is_suspended(blk_bs(blk), "A")) {
        g_thread_yield();
    }
    g_assert_false(qatomic_read(&a.done));
    /* The rule is gone already, and the request goes on */
    g_assert_cmpint(bdrv_debug_remove_breakpoint(blk_bs(blk), "A"), ==,
                    -ENOENT);
    while (!qatomic_load_acquire(&a.done)) {
        g_thread_yield();
    }
    g_assert_cmpint(a.ret, ==, 0);
    close_blk(blk);
    test_thread_free(t);
}

static void test_limits(void)
{
    Error *err = NULL;
    BlockBackend *blk = open_blk(
        "{'driver':'blkdebug','node-name':'n'," NULL_CO
        ",'align':4096,'max-transfer':8192,'opt-write-zero':8192,"
        "'inject-error':[{'event':'pwritev_rmw_head','iotype':'read'}]}");

    g_assert_cmpint(blk_bs(blk)->bl.request_alignment, ==, 4096);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 65536, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE_ZEROES, 4096, 65536, NULL), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 512, 512, buf), ==, -EIO);
    close_blk(blk);

    g_assert_null(try_node(
        "{'driver':'blkdebug','node-name':'n'," NULL_CO ",'align':3}", &err));
    expect_error(&err, "Cannot meet constraints with align 3");
    g_assert_null(try_node("{'driver':'blkdebug','node-name':'n'," NULL_CO
                           ",'inject-error':[{'errno':3}]}",
                           &err));
    expect_error(&err, "Missing event name for rule");
    g_assert_null(try_node("{'driver':'blkdebug','node-name':'n'}", &err));
    expect_error(&err, "A block device must be specified for \"image\"");
}

static void test_names(void)
{
    BlockDriverState *bs = make_node("{'driver':'blkdebug','node-name':'n',"
                                     "'image':{'driver':'null-co'}}");

    g_assert_cmpstr(bdrv_filename(bs), ==, "blkdebug::null-co://");
    g_assert_true(bdrv_skip_filters(bs) == bs->file->bs);
    g_assert_null(bdrv_backing_chain_next(bs));
    del_node("n");
    bs = make_node("{'driver':'blkdebug','node-name':'n',"
                   "'image':{'driver':'null-co'},'align':512}");
    g_assert_true(g_str_has_prefix(bdrv_filename(bs), "json:{"));
    del_node("n");
}

int main(int argc, char **argv)
{
    int ret;

    block_test_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filters/blkdebug/inject", test_inject);
    g_test_add_func("/filters/blkdebug/once-and-types", test_once_and_types);
    g_test_add_func("/filters/blkdebug/state", test_state);
    g_test_add_func("/filters/blkdebug/breakpoint", test_breakpoint);
    g_test_add_func("/filters/blkdebug/breakpoint-thread",
                    test_breakpoint_thread);
    g_test_add_func("/filters/blkdebug/limits", test_limits);
    g_test_add_func("/filters/blkdebug/names", test_names);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
