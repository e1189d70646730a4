/*
 * Changing the options of open nodes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"

#include "block/create.h"
#include "block/probe.h"
#include "block/reopen.h"
#include "util/memalign.h"

static char *dir;

static char *make_qcow2(const char *name, const char *backing)
{
    g_autoptr(QDict) opts = qdict_new();
    char *path = g_strdup_printf("%s/%s", dir, name);

    qdict_put_str(opts, "size", "1048576");
    if (backing) {
        qdict_put_str(opts, "backing_file", backing);
        qdict_put_str(opts, "backing_fmt", "raw");
    }
    g_assert_cmpint(bdrv_find_format("qcow2")->bdrv_create(
                        bdrv_find_format("qcow2"), path, opts, &error_abort),
                    ==, 0);
    return path;
}

static int reopen(const char *json, Error **errp)
{
    g_autofree char *text = g_strdelimit(g_strdup(json), "'", '"');
    QDict *dict = qobject_to(QDict, qobject_from_json(text, &error_abort));

    qdict_flatten(dict);
    return bdrv_reopen(bdrv_find_node(qdict_get_str(dict, "node-name")), dict,
                       false, errp);
}

/* Write @byte to the first sector by a user that comes and goes. */
static void write_byte(BlockDriverState *bs, uint8_t byte)
{
    QEMU_AUTO_VFREE uint8_t *buf = qemu_memalign(4096, 4096);
    BlockBackend *blk = make_blk(bs);

    memset(buf, byte, 4096);
    g_assert_cmpint(blk_pwrite(blk, 0, 4096, buf, 0), ==, 0);
    blk_unref(blk);
}

static uint8_t read_byte(BlockDriverState *bs)
{
    QEMU_AUTO_VFREE uint8_t *buf = qemu_memalign(4096, 4096);
    BlockBackend *blk = blk_new_with_bs(bs, BLK_PERM_CONSISTENT_READ,
                                        BLK_PERM_ALL, &error_abort);

    g_assert_cmpint(blk_pread(blk, 0, 4096, buf, 0), ==, 0);
    blk_unref(blk);
    return buf[0];
}

/* Down and up again, with all that is below; a user who writes forbids it. */
static void test_read_only(void)
{
    g_autofree char *path = make_qcow2("a.qcow2", NULL);
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q',"
        "'file':{'driver':'file','node-name':'f','filename':'%s'}}",
        path);
    BlockDriverState *q = make_node(json), *f = bdrv_find_node("f");
    g_autoptr(Error) err = NULL;
    BlockBackend *blk;

    write_byte(q, 1);
    g_assert_cmpint(bdrv_reopen_set_read_only(q, true, &error_abort), ==, 0);
    g_assert_true(bdrv_is_read_only(q) && bdrv_is_read_only(f));
    g_assert_null(blk_new_with_bs(q, BLK_PERM_WRITE, BLK_PERM_ALL, &err));
    expect_error(&err, "Block node is read-only");
    g_assert_cmpint(read_byte(q), ==, 1);

    g_assert_cmpint(bdrv_reopen_set_read_only(q, false, &error_abort), ==, 0);
    g_assert_true(bdrv_is_writable(q) && bdrv_is_writable(f));
    write_byte(q, 2);
    blk = make_blk(q);
    g_assert_cmpint(bdrv_reopen_set_read_only(q, true, &err), ==, -EPERM);
    expect_error(&err, "Read-only block node 'q' cannot support read-write "
                       "users");
    g_assert_true(bdrv_is_writable(q) && bdrv_is_writable(f));
    blk_unref(blk);
    g_assert_cmpint(read_byte(q), ==, 2);
    del_node("q");
}

/* The number of the descriptor stays, its flags and the alignment change. */
static void test_cache_mode(void)
{
    g_autofree char *path = make_qcow2("c.qcow2", NULL);
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q','cache':{'direct':true},"
        "'file':{'driver':'file','filename':'%s'}}",
        path);
    g_autofree char *plain = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q',"
        "'file':{'driver':'file','filename':'%s'}}",
        path);
    BlockDriverState *q = make_node(plain);
    g_autoptr(Error) err = NULL;

    write_byte(q, 3);
    if (reopen(json, &err) < 0) {
        g_test_skip("no O_DIRECT here");
    } else {
        g_assert_true(q->file->bs->open_flags & BDRV_O_NOCACHE);
        g_assert_cmpint(q->file->bs->bl.request_alignment, >, 1);
        g_assert_cmpint(read_byte(q), ==, 3);
        write_byte(q, 4);
        g_assert_cmpint(reopen(plain, &error_abort), ==, 0);
        g_assert_false(q->file->bs->open_flags & BDRV_O_NOCACHE);
        g_assert_cmpint(q->file->bs->bl.request_alignment, ==, 1);
        g_assert_cmpint(read_byte(q), ==, 4);
    }
    del_node("q");
}

/* All of a queue or none: the second node refuses, the first stays. */
static void test_all_or_none(void)
{
    BlockDriverState *a, *b;
    g_autoptr(Error) err = NULL;
    BlockReopenQueue *queue;
    QDict *opts = qdict_new();

    a = make_node("{'driver':'raw','node-name':'a','file':"
                  "{'driver':'null-co','size':65536}}");
    b = make_node("{'driver':'null-co','node-name':'b','size':65536}");
    qdict_put_int(opts, "offset", 512);
    queue = bdrv_reopen_queue(NULL, a, opts, true);
    opts = qdict_new();
    qdict_put_int(opts, "size", 4096);
    queue = bdrv_reopen_queue(queue, b, opts, true);
    g_assert_cmpint(bdrv_reopen_multiple(queue, &err), ==, -EINVAL);
    expect_error(&err, "Cannot change the option 'size'");
    g_assert_cmpint(bdrv_getlength(a), ==, 65536);

    opts = qdict_new();
    qdict_put_int(opts, "offset", 512);
    g_assert_cmpint(bdrv_reopen(a, opts, true, &error_abort), ==, 0);
    g_assert_cmpint(bdrv_getlength(a), ==, 65024);
    del_node("a");
    del_node("b");
}

static void test_backing(void)
{
    g_autofree char *base = make_file(dir, "base.raw", 1 * MiB);
    g_autofree char *other = make_file(dir, "other.raw", 1 * MiB);
    g_autofree char *path = make_qcow2("o.qcow2", base);
    g_autofree char *head = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q',"
        "'file':{'driver':'file','filename':'%s'}",
        path);
    g_autofree char *plain = g_strconcat(head, "}", NULL);
    g_autofree char *none = g_strconcat(head, ",'backing':null}", NULL);
    g_autofree char *named = g_strconcat(head, ",'backing':'o'}", NULL);
    g_autofree char *node = g_strdup_printf(
        "{'driver':'raw','node-name':'o',"
        "'file':{'driver':'file','filename':'%s'}}",
        other);
    BlockDriverState *q = make_node(plain), *o = make_node(node);
    g_autoptr(Error) err = NULL;

    write_byte(o, 9);
    g_assert_cmpint(read_byte(q), ==, 0);
    g_assert_cmpint(reopen(plain, &err), ==, -EINVAL);
    expect_error(&err, "backing is missing for 'q'");
    g_assert_cmpint(reopen(named, &error_abort), ==, 0);
    g_assert_true(q->backing->bs == o);
    g_assert_cmpint(read_byte(q), ==, 9);
    g_assert_cmpint(reopen(none, &error_abort), ==, 0);
    g_assert_null(q->backing);
    g_assert_cmpint(read_byte(q), ==, 0);
    write_byte(o, 10);
    del_node("o");
    del_node("q");
}

/* A backing file that would be written to by another keeps all as it was. */
static void test_backing_refused(void)
{
    g_autofree char *path = make_qcow2("r.qcow2", NULL);
    g_autofree char *head = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q',"
        "'file':{'driver':'file','filename':'%s'}",
        path);
    g_autofree char *plain = g_strconcat(head, "}", NULL);
    g_autofree char *named = g_strconcat(head, ",'backing':'o'}", NULL);
    BlockDriverState *q = make_node(plain), *o;
    g_autoptr(Error) err = NULL;
    BlockBackend *blk, *other;

    o = make_node("{'driver':'null-co','node-name':'o','size':65536}");
    blk = make_blk(o);
    other = blk_new_with_bs(q, BLK_PERM_CONSISTENT_READ,
                            BLK_PERM_CONSISTENT_READ, &error_abort);
    g_assert_cmpint(reopen(named, &err), ==, -EPERM);
    error_free(err);
    err = NULL;
    g_assert_null(q->backing);
    blk_unref(blk);
    g_assert_cmpint(reopen(named, &error_abort), ==, 0);
    g_assert_true(q->backing->bs == o);
    blk_unref(other);
    del_node("q");
    del_node("o");
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    dir = make_tmpdir(g_get_tmp_dir());
    g_test_add_func("/reopen/read-only", test_read_only);
    g_test_add_func("/reopen/cache-mode", test_cache_mode);
    g_test_add_func("/reopen/all-or-none", test_all_or_none);
    g_test_add_func("/reopen/backing", test_backing);
    g_test_add_func("/reopen/backing-refused", test_backing_refused);
    ret = g_test_run();
    block_test_cleanup();
    remove_tmpdir(dir);
    return ret;
}
