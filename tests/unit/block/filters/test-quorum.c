/*
 * quorum: votes, errors, rewriting, names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/unit/block/block-test.h"

#define ZERO  "{'driver':'null-co','size':1048576,'read-zeroes':true}"
#define ERR28 "'inject-error':[{'event':'none','errno':28}]"
#define BAD   "{'driver':'blkdebug','image':" ZERO "," ERR28 "}"

static char *dir;
static uint8_t buf[4096];

static BlockBackend *open_quorum(const char *options)
{
    g_autofree char *json = g_strdup_printf(
        "{'driver':'quorum','node-name':'n',%s}", options);

    return make_blk(make_node(json));
}

static void close_blk(BlockBackend *blk)
{
    blk_unref(blk);
    del_node("n");
}

static void test_threshold(void)
{
    BlockBackend *blk = open_quorum("'vote-threshold':2,'children':[" BAD
                                    "," ZERO "," ZERO "]");

    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE_ZEROES, 0, 4096, NULL), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, 0);
    close_blk(blk);
    blk = open_quorum("'vote-threshold':2,'children':[" BAD "," ZERO "]");
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, -ENOSPC);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, buf), ==, -ENOSPC);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, -ENOSPC);
    close_blk(blk);
}

static void write_byte(const char *path, char c)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    g_assert_cmpint(pwrite(fd, &c, 1, 700), ==, 1);
    close(fd);
}

static char read_byte(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char c = 0;

    g_assert_cmpint(pread(fd, &c, 1, 700), ==, 1);
    close(fd);
    return c;
}

static void test_vote(void)
{
    g_autofree char *one = make_file(dir, "one", MiB);
    g_autofree char *two = make_file(dir, "two", MiB);
    g_autofree char *three = make_file(dir, "three", MiB);
    g_autofree char *options = g_strdup_printf(
        "'vote-threshold':2,'rewrite-corrupted':true,'children':["
        "{'driver':'file','filename':'%s'},{'driver':'file','filename':'%s'},"
        "{'driver':'file','filename':'%s'}]",
        one, two, three);
    BlockBackend *blk;

    write_byte(two, 'x');
    blk = open_quorum(options);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, 0);
    g_assert_cmpint(buf[700], ==, 0);
    g_assert_cmpint(read_byte(two), ==, 0);
    /* No two agree: an error, and nothing is rewritten */
    write_byte(two, 'x');
    write_byte(three, 'y');
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, -EIO);
    g_assert_cmpint(read_byte(two), ==, 'x');
    g_assert_cmpint(read_byte(three), ==, 'y');
    close_blk(blk);
}

static void test_fifo(void)
{
    BlockBackend *blk = open_quorum(
        "'vote-threshold':1,'read-pattern':'fifo','children':[" BAD "," ZERO
        "]");

    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, 0);
    close_blk(blk);
}

static void refuse(const char *options, const char *text)
{
    g_autofree char *json = g_strdup_printf(
        "{'driver':'quorum','node-name':'n',%s}", options);
    Error *err = NULL;

    g_assert_null(try_node(json, &err));
    expect_error(&err, text);
}

static void test_errors(void)
{
    refuse("'vote-threshold':1", "Number of provided children must be 1 or "
                                 "more");
    refuse("'vote-threshold':0,'children':[" ZERO "]",
           "Parameter 'vote-threshold' expects a value >= 1");
    refuse("'vote-threshold':2,'children':[" ZERO "]",
           "threshold may not exceed children count");
    refuse("'vote-threshold':1,'blkverify':true,'children':[" ZERO "]",
           "blkverify=on can only be set if there are exactly two files and "
           "vote-threshold is 2");
    refuse("'vote-threshold':1,'children':[" ZERO
           ",{'driver':'null-co','size':512}]",
           "Could not refresh total sector count: Input/output error");
}

int main(int argc, char **argv)
{
    int ret;

    block_test_init();
    g_test_init(&argc, &argv, NULL);
    dir = make_tmpdir(g_get_tmp_dir());
    g_test_add_func("/filters/quorum/threshold", test_threshold);
    g_test_add_func("/filters/quorum/vote", test_vote);
    g_test_add_func("/filters/quorum/fifo", test_fifo);
    g_test_add_func("/filters/quorum/errors", test_errors);
    ret = g_test_run();
    block_test_cleanup();
    remove_tmpdir(dir);
    return ret;
}
