/*
 * The end of the file under an image: what lies behind it, where it moves to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/unit/block/qcow2/qcow2-test.h"

#include <sys/stat.h>

static char buf[64 * KiB] __attribute__((aligned(4096)));
static char *dir, *path;

static Image *new_image(const char *options, int64_t size)
{
    bdrv_img_create(path, "qcow2", NULL, NULL, options, size, 0, true,
                    &error_abort);
    return image_open(path);
}

static void write_at(Image *img, int64_t offset, int64_t bytes, char pattern)
{
    memset(buf, pattern, bytes);
    g_assert_cmpint(do_io(img->blk, BLK_IO_WRITE, offset, bytes, buf), ==, 0);
}

/* Both ways of reading. */
static void expect_at(Image *img, int64_t offset, int64_t bytes, char pattern)
{
    memset(buf, ~pattern, bytes);
    g_assert_cmpint(do_io(img->blk, BLK_IO_READ, offset, bytes, buf), ==, 0);
    g_assert_cmpint(buf[0], ==, pattern);
    g_assert_cmpint(buf[bytes - 1], ==, pattern);
    memset(buf, ~pattern, bytes);
    g_assert_cmpint(blk_pread(img->blk, offset, bytes, buf, 0), ==, 0);
    g_assert_cmpint(buf[0], ==, pattern);
    g_assert_cmpint(buf[bytes - 1], ==, pattern);
}

/* The file ends in the middle of its last cluster, and a write in place, which
 * takes the fast path, moves the end. */
static void test_fast_write_behind_end(void)
{
    Image *img = new_image(NULL, 1 * MiB);

    write_at(img, 0, 4 * KiB, 1);
    write_at(img, 32 * KiB, 4 * KiB, 2);
    expect_at(img, 0, 4 * KiB, 1);
    expect_at(img, 4 * KiB, 28 * KiB, 0);
    expect_at(img, 32 * KiB, 4 * KiB, 2);
    image_close(img);
    img = image_open(path);
    expect_at(img, 32 * KiB, 4 * KiB, 2);
    image_close(img);
}

static int64_t file_size(void)
{
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    return st.st_size;
}

#define CLUSTERS 100

/* The file grows ahead of the clusters that are taken, and ends with the last
 * of them when the image is closed. */
static void test_room(void)
{
    const int64_t cs = 64 * KiB;
    Image *img = new_image(NULL, (CLUSTERS + 1) * cs);
    int64_t before = file_size();

    for (int i = 0; i < CLUSTERS; i++) {
        write_at(img, i * cs + 4 * KiB, 4 * KiB, i + 1);
    }
    blk_drain(img->blk);
    /* Where there is no fallocate() it is not longer */
    g_assert_cmpint(file_size(), >=, before + (CLUSTERS - 1) * cs + 8 * KiB);
    g_assert_cmpint(file_size() % (4 * KiB), ==, 0);
    for (int i = 0; i < CLUSTERS; i++) {
        expect_at(img, i * cs, 4 * KiB, 0);
        expect_at(img, i * cs + 4 * KiB, 4 * KiB, i + 1);
        expect_at(img, i * cs + 8 * KiB, 56 * KiB, 0);
    }
    image_close(img);
    g_assert_cmpint(file_size(), <=, before + (CLUSTERS + 3) * cs);
    img = image_open(path);
    for (int i = 0; i < CLUSTERS; i++) {
        expect_at(img, i * cs + 4 * KiB, 4 * KiB, i + 1);
        expect_at(img, i * cs + 8 * KiB, 56 * KiB, 0);
    }
    image_close(img);
}

/* As room is made, and again after a resize or a flush. */
static void test_room_and_truncate(void)
{
    Image *img = new_image(NULL, 64 * MiB);
    int64_t size;

    write_at(img, 0, 64 * KiB, 1);
    blk_drain(img->blk);
    g_assert_cmpint(blk_truncate(img->blk, 128 * MiB, false,
                                 PREALLOC_MODE_FALLOC, 0, &error_abort),
                    ==, 0);
    expect_at(img, 0, 64 * KiB, 1);
    write_at(img, 127 * MiB, 64 * KiB, 2);
    write_at(img, 1 * MiB, 64 * KiB, 3);
    blk_drain(img->blk);
    expect_at(img, 127 * MiB, 64 * KiB, 2);
    image_close(img);
    size = file_size();
    img = image_open(path);
    expect_at(img, 0, 64 * KiB, 1);
    expect_at(img, 1 * MiB, 64 * KiB, 3);
    expect_at(img, 127 * MiB, 64 * KiB, 2);
    image_close(img);
    g_assert_cmpint(file_size(), ==, size);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    dir = make_tmpdir("/var/tmp");
    path = g_strdup_printf("%s/t.qcow2", dir);
    g_test_add_func("/qcow2/growth/fast-write-behind-end",
                    test_fast_write_behind_end);
    g_test_add_func("/qcow2/growth/room", test_room);
    g_test_add_func("/qcow2/growth/room-and-truncate", test_room_and_truncate);
    ret = g_test_run();
    block_test_cleanup();
    remove_tmpdir(dir);
    g_free(path);
    return ret;
}
