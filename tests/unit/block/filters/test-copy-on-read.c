/*
 * copy-on-read, compress, blkverify, and what is put on top of a node.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-backend.h"
#include "block/create.h"
#include "tests/unit/block/block-test.h"

static char *dir;
static uint8_t buf[256 * KiB], zero[256 * KiB];

static char *make_image(const char *name, const char *base)
{
    char *path = g_strdup_printf("%s/%s", dir, name);

    bdrv_img_create(path, "qcow2", base, base ? "qcow2" : NULL, NULL, MiB, 0,
                    true, &error_abort);
    return path;
}

static BlockBackend *open_path(const char *path, int flags)
{
    QDict *options = qdict_new();

    qdict_put_str(options, "driver", "qcow2");
    return blk_new_open(path, NULL, options, flags, &error_abort);
}

static void fill(const char *path, int c)
{
    BlockBackend *blk = open_path(path, BDRV_O_RDWR);

    memset(buf, c, sizeof(buf));
    g_assert_cmpint(blk_pwrite(blk, 0, sizeof(buf), buf, 0), ==, 0);
    blk_unref(blk);
}

static void expect(BlockBackend *blk, int64_t offset, size_t len, int c)
{
    memset(buf, ~c, len);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, offset, len, buf), ==, 0);
    for (size_t i = 0; i < len; i++) {
        g_assert_cmpint(buf[i], ==, c);
    }
}

static bool is_allocated(BlockBackend *blk, int64_t offset)
{
    int64_t n;
    int ret = bdrv_block_status(bdrv_skip_filters(blk_bs(blk)), offset, 512, &n,
                                NULL, NULL);

    g_assert_cmpint(ret, >=, 0);
    return ret & BDRV_BLOCK_ALLOCATED;
}

static void test_copy(void)
{
    g_autofree char *base = make_image("base", NULL);
    g_autofree char *top = make_image("top", base);
    BlockBackend *blk;

    fill(base, 7);
    blk = open_path(top, BDRV_O_RDWR | BDRV_O_COPY_ON_READ);
    expect(blk, 70000, 10, 7);
    g_assert_false(is_allocated(blk, 0));
    g_assert_true(is_allocated(blk, 64 * KiB));
    g_assert_true(is_allocated(blk, 127 * KiB));
    g_assert_false(is_allocated(blk, 128 * KiB));
    /* Data, a hole, and a longer range than is copied at once */
    expect(blk, 0, 256 * KiB, 7);
    expect(blk, 256 * KiB, 256 * KiB, 0);
    g_assert_true(is_allocated(blk, 0));
    blk_unref(blk);
    unlink(base);
    unlink(top);
}

/* A write while a read copies the same cluster is not undone by the copy. */
static void test_copy_race(void)
{
    g_autofree char *base = make_image("base", NULL);
    g_autofree char *top = make_image("top", base);
    BlockBackend *blk;
    uint8_t data[512];
    TestIo r[4], w;

    fill(base, 7);
    blk = open_path(top, BDRV_O_RDWR | BDRV_O_COPY_ON_READ);
    memset(data, 9, sizeof(data));
    for (int i = 0; i < 4; i++) {
        int64_t pos = i * 64 * KiB;

        test_io_init(&r[0], blk, BLK_IO_READ, pos, 4096, buf);
        test_io_init(&r[1], blk, BLK_IO_READ, pos + 8192, 4096, buf + 8192);
        test_io_init(&w, blk, BLK_IO_WRITE, pos + 20480, 512, data);
        blk_io_submit(&r[0].io);
        blk_io_submit(&w.io);
        blk_io_submit(&r[1].io);
        g_assert_cmpint(test_io_wait(&r[0]), ==, 0);
        g_assert_cmpint(test_io_wait(&r[1]), ==, 0);
        g_assert_cmpint(test_io_wait(&w), ==, 0);
        expect(blk, pos + 20480, 512, 9);
        expect(blk, pos + 20480 + 512, 512, 7);
    }
    blk_unref(blk);
    unlink(base);
    unlink(top);
}

static void test_snapshot(void)
{
    g_autofree char *path = make_image("base", NULL);
    g_autofree char *overlay = NULL;
    BlockBackend *blk;

    g_setenv("TMPDIR", dir, true);
    fill(path, 7);
    blk = open_path(path, BDRV_O_RDWR | BDRV_O_SNAPSHOT);
    overlay = g_strdup(blk_bs(blk)->file->bs->filename);
    g_assert_true(g_file_test(overlay, G_FILE_TEST_EXISTS));
    expect(blk, 0, 64 * KiB, 7);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 64 * KiB, zero), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, 0);
    expect(blk, 0, 64 * KiB, 0);
    expect(blk, 64 * KiB, 64 * KiB, 7);
    blk_unref(blk);
    g_assert_false(g_file_test(overlay, G_FILE_TEST_EXISTS));
    blk = open_path(path, 0);
    expect(blk, 0, 64 * KiB, 7);
    blk_unref(blk);
    unlink(path);
}

static void test_compress(void)
{
    g_autofree char *path = make_image("z", NULL);
    g_autofree char *json = g_strdup_printf(
        "{'driver':'compress','node-name':'n','file':{'driver':'qcow2','file':"
        "{'driver':'file','filename':'%s'}}}",
        path);
    BlockBackend *blk = make_blk(make_node(json));
    Error *err = NULL;
    int64_t n;

    memset(buf, 3, sizeof(buf));
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 64 * KiB, buf), ==, 0);
    /* A part of a new cluster: the rest is zeroes */
    memset(buf, 4, 512);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 64 * KiB + 512, 512, buf), ==, 0);
    expect(blk, 64 * KiB, 512, 0);
    expect(blk, 64 * KiB + 512, 512, 4);
    expect(blk, 65 * KiB, 63 * KiB, 0);
    /* A stream is written once */
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 512, 512, buf), ==, -EIO);
    expect(blk, 0, 64 * KiB, 3);
    g_assert_true(bdrv_block_status(blk_bs(blk), 0, 512, &n, NULL, NULL) &
                  BDRV_BLOCK_COMPRESSED);
    blk_unref(blk);
    del_node("n");
    unlink(path);
    g_assert_null(try_node("{'driver':'compress','node-name':'n','file':"
                           "{'driver':'null-co'}}",
                           &err));
    expect_error(&err, "Compression is not supported for underlying format: "
                       "null-co");
}

static void test_verify(void)
{
    BlockBackend *blk;

    blk = make_blk(make_node(
        "{'driver':'blkverify','node-name':'n',"
        "'raw':{'driver':'null-co','size':1048576,'read-zeroes':true},"
        "'test':{'driver':'null-co','size':1048576,'read-zeroes':true}}"));
    expect(blk, 0, 512, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE_ZEROES, 0, 512, NULL), ==, 0);
    blk_unref(blk);
    del_node("n");
}

int main(int argc, char **argv)
{
    int ret;

    block_test_init();
    g_test_init(&argc, &argv, NULL);
    dir = make_tmpdir(g_get_tmp_dir());
    g_test_add_func("/filters/copy-on-read/copy", test_copy);
    g_test_add_func("/filters/copy-on-read/race", test_copy_race);
    g_test_add_func("/filters/snapshot", test_snapshot);
    g_test_add_func("/filters/compress", test_compress);
    g_test_add_func("/filters/blkverify", test_verify);
    ret = g_test_run();
    block_test_cleanup();
    remove_tmpdir(dir);
    return ret;
}
