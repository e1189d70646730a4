/*
 * The graph: names, options, permissions, errors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"

static void test_names(void)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(try_node("{'driver':'null-co'}", &err));
    expect_error(&err, "'node-name' must be specified for the root node");
    g_assert_null(try_node("{'driver':'null-co','node-name':'1x'}", &err));
    expect_error(&err, "Invalid node-name: '1x'");
    g_assert_null(try_node("{'driver':'null-co','node-name':"
                           "'a23456789012345678901234567890123'}",
                           &err));
    expect_error(&err, "Node name too long");
    make_node("{'driver':'null-co','node-name':'n0'}");
    g_assert_null(try_node("{'driver':'null-co','node-name':'n0'}", &err));
    expect_error(&err, "Duplicate nodes with node-name='n0'");
    g_assert_nonnull(bdrv_find_node("n0"));
    g_assert_null(bdrv_lookup_bs("x", "y", &err));
    expect_error(&err, "Cannot find device='x' nor node-name='y'");
    del_node("n0");
    g_assert_false(bdrv_delete_blockdev("n0", &err));
    expect_error(&err, "Failed to find node with node-name='n0'");
}

static void test_driver_errors(void)
{
    static const struct {
        const char *json, *error;
    } cases[] = {
        { "{'driver':'foo','node-name':'n'}", "Unknown driver 'foo'" },
        { "{'driver':'raw','node-name':'n'}",
          "A block device must be specified for \"file\"" },
        { "{'driver':'raw','node-name':'n','file':'nope'}",
          "Cannot find device='nope' nor node-name='nope'" },
        { "{'driver':'null-co','node-name':'n','foo':1}",
          "Block protocol 'null-co' doesn't support the option 'foo'" },
        { "{'driver':'raw','node-name':'n','file':{'driver':'null-co'},"
          "'foo':1}",
          "Block format 'raw' does not support the option 'foo'" },
        { "{'driver':'raw','node-name':'n','size':513,"
          "'file':{'driver':'null-co'}}",
          "Specified size is not multiple of 512" },
        { "{'driver':'raw','node-name':'n','size':1024,'offset':512,"
          "'file':{'driver':'null-co','size':1024}}",
          "The sum of offset (512) and size (1024) has to be smaller or equal "
          "to the  actual size of the containing file (1024)" },
        { "{'driver':'raw','node-name':'n','offset':2147483648,"
          "'file':{'driver':'null-co'}}",
          "Offset (2147483648) cannot be greater than size of the containing "
          "file (1073741824)" },
        { "{'driver':'raw','node-name':'n','offset':-1,"
          "'file':{'driver':'null-co'}}",
          "Value '-1' is out of range for parameter 'offset'" },
        { "{'driver':'null-co','node-name':'n','force-share':true}",
          "force-share=on can only be used with read-only images" },
        { "{'driver':'null-co','node-name':'n','detect-zeroes':'unmap'}",
          "setting detect-zeroes to unmap is not allowed without setting "
          "discard operation to unmap" },
        { "{'driver':'null-co','node-name':'n','read-only':'maybe'}",
          "Parameter 'read-only' expects 'on' or 'off'" },
        { "{'driver':'file','node-name':'n','filename':'/nope'}",
          "Could not open '/nope': No such file or directory" },
        { "{'driver':'file','node-name':'n','filename':''}",
          "The 'file' block driver requires a file name" },
        { "{'driver':'file','node-name':'n','filename':'/dev/null'}",
          "'file' driver requires '/dev/null' to be a regular file" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_null(try_node(cases[i].json, &err));
        expect_error(&err, cases[i].error);
        g_assert_null(bdrv_find_node("n"));
    }
}

static void test_in_use(void)
{
    g_autoptr(Error) err = NULL;
    BlockBackend *blk;

    make_node("{'driver':'null-co','node-name':'n'}");
    make_node("{'driver':'raw','node-name':'r','file':'n'}");
    g_assert_false(bdrv_delete_blockdev("n", &err));
    expect_error(&err, "Block device n is in use");
    blk = make_blk(bdrv_find_node("r"));
    g_assert_false(bdrv_delete_blockdev("r", &err));
    expect_error(&err, "Node r is in use");
    blk_unref(blk);
    del_node("r");
    del_node("n");
}

static void test_permissions(void)
{
    g_autoptr(Error) err = NULL;
    BlockDriverState *r, *n;
    BlockBackend *a, *b;
    uint64_t perm, shared;

    n = make_node("{'driver':'null-co','node-name':'n'}");
    r = make_node("{'driver':'raw','node-name':'r','file':'n'}");
    a = blk_new_with_bs(r, ALL_IO_PERMS, BLK_PERM_CONSISTENT_READ, &err);
    g_assert_nonnull(a);
    /* They reach the leaf as they are: raw is a filter here */
    bdrv_get_cumulative_perm(n, &perm, &shared);
    g_assert_cmphex(perm, ==, ALL_IO_PERMS);
    g_assert_cmphex(shared, ==, BLK_PERM_CONSISTENT_READ);
    blk_add_monitor(a, "blk0", &error_abort);

    g_assert_null(blk_new_with_bs(r, BLK_PERM_WRITE, BLK_PERM_ALL, &err));
    expect_error(&err,
                 "Permission conflict on node 'r': permissions 'write' are "
                 "both required by an unnamed block device (uses node 'r' as "
                 "'root' child) and unshared by block device 'blk0' (uses "
                 "node 'r' as 'root' child).");
    g_assert_null(blk_new_with_bs(n, BLK_PERM_WRITE | BLK_PERM_RESIZE,
                                  BLK_PERM_ALL, &err));
    expect_error(&err,
                 "Permission conflict on node 'n': permissions 'write, "
                 "resize' are both required by an unnamed block device (uses "
                 "node 'n' as 'root' child) and unshared by node 'r' (uses "
                 "node 'n' as 'file' child).");
    /* A reader may come, and stays one */
    b = blk_new_with_bs(r, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL, &err);
    g_assert_nonnull(b);
    g_assert_cmpint(blk_set_perm(b, ALL_IO_PERMS, BLK_PERM_ALL, &err), <, 0);
    g_clear_pointer(&err, error_free);
    blk_get_perm(b, &perm, &shared);
    g_assert_cmphex(perm, ==, BLK_PERM_CONSISTENT_READ);
    /* Until the writer goes */
    blk_remove_monitor(a);
    blk_unref(a);
    g_assert_cmpint(blk_set_perm(b, ALL_IO_PERMS, BLK_PERM_ALL, &err), ==, 0);
    blk_unref(b);
    bdrv_get_cumulative_perm(n, &perm, &shared);
    g_assert_cmphex(perm, ==, 0);
    del_node("r");
    del_node("n");
}

static void test_read_only(void)
{
    g_autoptr(Error) err = NULL;
    BlockDriverState *n, *r;

    n = make_node("{'driver':'null-co','node-name':'n','read-only':true}");
    r = make_node("{'driver':'raw','node-name':'r','file':'n'}");
    g_assert_true(bdrv_is_read_only(n));
    g_assert_false(bdrv_is_read_only(r));
    g_assert_null(blk_new_with_bs(n, BLK_PERM_WRITE, BLK_PERM_ALL, &err));
    expect_error(&err, "Block node is read-only");
    g_assert_null(blk_new_with_bs(r, BLK_PERM_WRITE, BLK_PERM_ALL, &err));
    expect_error(&err, "Block node is read-only");
    del_node("r");
    del_node("n");
}

static void test_cycle_and_replace(void)
{
    g_autoptr(Error) err = NULL;
    BlockDriverState *n, *m, *r;
    BlockBackend *blk;

    n = make_node("{'driver':'null-co','node-name':'n','size':4096}");
    m = make_node("{'driver':'null-co','node-name':'m','size':8192}");
    r = make_node("{'driver':'raw','node-name':'r','file':'n'}");
    bdrv_ref(r);
    g_assert_null(
        bdrv_attach_child(n, r, "loop", &child_of_bds, BDRV_CHILD_DATA, &err));
    expect_error(&err, "Making 'r' a loop child of 'n' would create a cycle");

    blk = make_blk(r);
    g_assert_cmpint(bdrv_replace_node(n, m, &error_abort), ==, 0);
    g_assert_true(r->file->bs == m);
    g_assert_cmpint(n->refcnt, ==, 1);
    g_assert_cmpint(m->refcnt, ==, 2);
    g_assert_cmpint(bdrv_getlength(r), ==, 4096); /* known from before */
    g_assert_cmpint(bdrv_refresh_length(r), ==, 0);
    g_assert_cmpint(bdrv_getlength(r), ==, 8192);
    blk_unref(blk);
    del_node("r");
    del_node("n");
    del_node("m");
}

static void test_filename(void)
{
    BlockDriverState *r;

    r = make_node("{'driver':'raw','node-name':'r',"
                  "'file':{'driver':'null-co'}}");
    g_assert_cmpstr(bdrv_filename(r), ==, "null-co://");
    del_node("r");
    r = make_node("{'driver':'raw','node-name':'r','offset':512,"
                  "'file':{'driver':'null-co','size':4096}}");
    g_assert_cmpstr(bdrv_filename(r), ==,
                    "json:{\"offset\": 512, \"driver\": \"raw\", \"file\": "
                    "{\"driver\": \"null-co\", \"size\": 4096}}");
    del_node("r");
    r = bdrv_open("json:{\"driver\":\"raw\",\"file.driver\":\"null-co\"}", NULL,
                  NULL, 0, &error_abort);
    g_assert_cmpstr(bdrv_get_format_name(r), ==, "raw");
    bdrv_unref(r);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    g_test_add_func("/graph/names", test_names);
    g_test_add_func("/graph/driver-errors", test_driver_errors);
    g_test_add_func("/graph/in-use", test_in_use);
    g_test_add_func("/graph/permissions", test_permissions);
    g_test_add_func("/graph/read-only", test_read_only);
    g_test_add_func("/graph/cycle-and-replace", test_cycle_and_replace);
    g_test_add_func("/graph/filename", test_filename);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
