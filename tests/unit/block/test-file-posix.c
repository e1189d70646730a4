/*
 * file and raw over real files: tmpfs and whatever /var/tmp is on, buffered
 * and direct, by ring and by threads; errors, locks, sizes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"
#include "block/blk-int.h"
#include "block/file-posix.h"
#include "util/buffer.h"
#include "util/memalign.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *dir; /* of the test at hand */

static BlockBackend *open_file_blk(const char *path, const char *options)
{
    g_autofree char *file = g_strdup_printf(
        "{'driver':'file','node-name':'f','filename':'%s','discard':'unmap',"
        "%s}",
        path, options);

    make_node(file);
    return make_blk(make_node(
        "{'driver':'raw','node-name':'r','file':'f','discard':'unmap'}"));
}

static void close_file_blk(BlockBackend *blk)
{
    blk_unref(blk);
    del_node("r");
    del_node("f");
}

/* --- content --- */

#define SIZE (1 * MiB)

static uint8_t model[SIZE], data[SIZE + 4096], back[SIZE + 4096];

static void check_file(const char *path)
{
    g_autofree char *text = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    g_assert_cmpmem(text, len, model, SIZE);
}

/* By every path: fast or not, aligned memory or not, several elements. */
static void random_io(BlockBackend *blk, uint32_t align)
{
    static uint8_t *buf;
    struct iovec iov[3];
    int64_t offset, bytes;
    TestIo t;

    if (!buf) {
        buf = qemu_memalign(4096, SIZE + 4096);
    }
    offset = g_test_rand_int_range(0, SIZE / align) * align;
    bytes = g_test_rand_int_range(0, MIN(SIZE - offset, 100000) / align + 1) *
            (int64_t)align;
    test_io_init(&t, blk, g_test_rand_int_range(0, 5), offset, bytes,
                 buf + (g_test_rand_bit() ? 1 : 0));
    if (bytes > 16 && g_test_rand_bit()) {
        int64_t a = bytes / 3, b = bytes / 2;
        uint8_t *p = t.iov.iov_base;

        iov[0] = (struct iovec){ p, a };
        iov[1] = (struct iovec){ p + a, b - a };
        iov[2] = (struct iovec){ p + b, bytes - b };
        t.io.iov = iov;
        t.io.niov = 3;
    }
    if (t.io.type == BLK_IO_WRITE) {
        memset(t.iov.iov_base, g_test_rand_int(), bytes);
        memcpy(model + offset, t.iov.iov_base, bytes);
    } else if (t.io.type == BLK_IO_WRITE_ZEROES) {
        memset(model + offset, 0, bytes);
        t.io.flags = g_test_rand_bit() ? BDRV_REQ_MAY_UNMAP : 0;
    } else if (t.io.type == BLK_IO_DISCARD) {
        /* What it leaves there is zero or what was there */
        offset = QEMU_ALIGN_DOWN(offset, 4096);
        bytes = MIN(4096, SIZE - offset);
        t.io.offset = offset;
        t.io.bytes = bytes;
    }
    blk_io_submit(&t.io);
    g_assert_cmpint(test_io_wait(&t), ==, 0);
    if (t.io.type == BLK_IO_READ) {
        g_assert_cmpmem(t.iov.iov_base, bytes, model + offset, bytes);
    } else if (t.io.type == BLK_IO_DISCARD) {
        g_assert_cmpint(blk_pread(blk, offset, bytes, model + offset, 0), ==,
                        0);
    }
}

static void run_content(const char *base, const char *options, bool wce)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;

    dir = make_tmpdir(base);
    path = make_file(dir, "disk.raw", SIZE);
    memset(model, 0, SIZE);
    blk = open_file_blk(path, options);
    blk_set_enable_write_cache(blk, wce);
    g_assert_cmpint(blk_getlength(blk), ==, SIZE);
    for (int i = 0; i < 600; i++) {
        random_io(blk, i & 1 ? 512 : 1);
    }
    g_assert_cmpint(blk_flush(blk), ==, 0);
    g_assert_cmpint(blk_pread(blk, 0, SIZE, back, 0), ==, 0);
    g_assert_cmpmem(back, SIZE, model, SIZE);
    close_file_blk(blk);
    check_file(path);
    remove_tmpdir(dir);
}

static void test_content(gconstpointer opaque)
{
    static const char *const bases[] = { "/dev/shm", "/var/tmp" };
    const char *options = opaque;

    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        run_content(bases[i], options, true);
        run_content(bases[i], options, false);
    }
}

/* --- the fast path is taken, and only when it can be --- */

static void test_fast_path(void)
{
    QEMU_AUTO_VFREE uint8_t *buf = qemu_memalign(4096, 8192);
    g_autofree char *path = NULL;
    BlkGateStats stats;
    BlockBackend *blk;
    uint32_t align;

    dir = make_tmpdir("/var/tmp");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring','cache':{'direct':true}");
    align = blk_get_request_alignment(blk);
    g_test_message("direct I/O: offsets %u, memory %zu", align,
                   bdrv_min_mem_align(blk_bs(blk)));
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 4096, 4096, buf), ==, 0);
    blk_gates_stats(blk, &stats);
    g_assert_cmpint(stats.fast, ==, 2);
    if (bdrv_min_mem_align(blk_bs(blk)) > 1) {
        g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf + 1), ==, 0);
        blk_gates_stats(blk, &stats);
        g_assert_cmpint(stats.fast, ==, 2);
    }
    /* One unaligned write: padded; from then on all writes are tracked */
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 1, 5, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, buf), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 4096, buf), ==, 0);
    blk_gates_stats(blk, &stats);
    g_assert_cmpint(stats.fast, ==, 3);
    /* A new size is written to by the fast path */
    blk_set_perm(blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(
        blk_truncate(blk, 2 * SIZE, true, PREALLOC_MODE_OFF, 0, &error_abort),
        ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, SIZE, 4096, buf), ==, 0);
    blk_gates_stats(blk, &stats);
    g_assert_cmpint(stats.fast, ==, 4);
    close_file_blk(blk);
    blk = open_file_blk(path, "'aio':'threads'");
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, buf), ==, 0);
    blk_gates_stats(blk, &stats);
    g_assert_cmpint(stats.fast, ==, 0);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

static void count_done(BlkIo *io, int ret)
{
    g_assert_cmpint(ret, ==, 0);
    container_of(io, TestIo, io)->done = true;
}

/* System calls for a batch of 32: one to submit and wait, if at all more. */
static void test_syscalls(void)
{
    AioContext *ctx = qemu_get_aio_context();
    AioContextStats before, after;
    g_autofree char *path = NULL;
    BlockBackend *blk;
    TestIo t[32];

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring'");
    g_assert_cmpint(blk_pwrite(blk, 0, SIZE, data, 0), ==, 0);
    aio_context_get_stats(ctx, &before);
    for (int round = 0; round < 100; round++) {
        int left;

        for (int i = 0; i < 32; i++) {
            test_io_init(&t[i], blk, BLK_IO_READ, i * 4096, 4096,
                         back + i * 4096);
            t[i].io.cb = count_done;
            blk_io_submit(&t[i].io);
        }
        do {
            left = 0;
            for (int i = 0; i < 32; i++) {
                left += !t[i].done;
            }
        } while (left && (aio_poll(ctx, true), true));
    }
    aio_context_get_stats(ctx, &after);
    g_test_message("%.3f system calls per request, %" PRIu64 " entries",
                   (after.syscalls - before.syscalls) / 3200.0,
                   after.sqes - before.sqes);
    g_assert_cmpint(after.sqes - before.sqes, <=, 3200 + 100);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* --- ends of files --- */

static void test_odd_size(void)
{
    static const char *const options[] = {
        "'aio':'io_uring'", "'aio':'threads'",
        "'aio':'io_uring','cache':{'direct':true}"
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        g_autofree char *path = NULL;
        BlockBackend *blk;

        dir = make_tmpdir("/var/tmp");
        path = make_file(dir, "disk.raw", 0);
        memset(data, 0x5a, 5000);
        g_assert_true(g_file_set_contents(path, (char *)data, 5000, NULL));
        if (strstr(options[i], "direct")) {
            /* Writable is refused there: the last block cannot be written */
            g_autofree char *json = g_strdup_printf(
                "{'driver':'file','node-name':'f','read-only':true,"
                "'filename':'%s',%s}",
                path, options[i]);

            blk = blk_new_with_bs(make_node(json), BLK_PERM_CONSISTENT_READ,
                                  BLK_PERM_ALL, &error_abort);
        } else {
            blk = open_file_blk(path, options[i]);
        }
        g_assert_cmpint(blk_getlength(blk), ==, 5120);
        memset(back, 1, 8192);
        g_assert_cmpint(do_io(blk, BLK_IO_READ, 4608, 512, back), ==, 0);
        g_assert_cmpint(back[391], ==, 0x5a);
        g_assert_cmpint(back[392], ==, 0);
        g_assert_cmpint(back[511], ==, 0);
        g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 5120, back), ==, 0);
        g_assert_cmpint(back[4999], ==, 0x5a);
        g_assert_cmpint(back[5000], ==, 0);
        /* Somebody makes it shorter below us */
        g_assert_cmpint(truncate(path, 100), ==, 0);
        g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 5120, back), ==, 0);
        g_assert_cmpint(back[99], ==, 0x5a);
        g_assert_cmpint(back[100], ==, 0);
        g_assert_cmpint(back[5000], ==, 0);
        blk_unref(blk);
        if (bdrv_find_node("r")) {
            del_node("r");
        }
        del_node("f");
        remove_tmpdir(dir);
    }
}

static void test_raw_window(void)
{
    g_autofree char *path = NULL;
    g_autofree char *json = NULL;
    g_autoptr(Error) err = NULL;
    BlockBackend *blk;
    BlockDriverState *f;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", 8192);
    json = g_strdup_printf("{'driver':'raw','node-name':'r','offset':1024,"
                           "'size':2048,'file':{'driver':'file',"
                           "'node-name':'f','filename':'%s'}}",
                           path);
    blk = make_blk(make_node(json));
    f = bdrv_find_node("f");
    g_assert_cmpint(blk_getlength(blk), ==, 2048);
    memset(data, 7, 2048);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 2048, data), ==, 0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 1536, 1024, data), ==, -EIO);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE_ZEROES, 512, 512, NULL), ==, 0);
    g_assert_cmpint(blk_truncate(blk, 4096, false, PREALLOC_MODE_OFF, 0, &err),
                    <, 0);
    g_clear_pointer(&err, error_free);
    blk_set_perm(blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(blk_truncate(blk, 4096, false, PREALLOC_MODE_OFF, 0, &err),
                    ==, -ENOTSUP);
    expect_error(&err, "Cannot resize fixed-size raw disks");
    g_assert_cmpint(blk_pwrite(blk, 1536, 1024, data, 0), ==, -EIO);
    blk_unref(blk);
    blk = make_blk(f);
    g_assert_cmpint(blk_pread(blk, 0, 8192, back, 0), ==, 0);
    for (int i = 0; i < 8192; i++) {
        bool in = i >= 1024 && i < 3072 && !(i >= 1536 && i < 2048);

        g_assert_cmpint(back[i], ==, in ? 7 : 0);
    }
    blk_unref(blk);
    del_node("r");
    remove_tmpdir(dir);
}

static void test_truncate(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;

    dir = make_tmpdir("/var/tmp");
    path = make_file(dir, "disk.raw", 4096);
    blk = open_file_blk(path, "'aio':'io_uring'");
    blk_set_perm(blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(
        blk_truncate(blk, SIZE, true, PREALLOC_MODE_FALLOC, 0, &error_abort),
        ==, 0);
    g_assert_cmpint(blk_getlength(blk), ==, SIZE);
    g_assert_cmpint(bdrv_get_allocated_file_size(blk_bs(blk)), >=, SIZE - 4096);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, SIZE - 512, 512, data), ==, 0);
    g_assert_cmpint(
        blk_truncate(blk, 1024, true, PREALLOC_MODE_OFF, 0, &error_abort), ==,
        0);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 1024, 512, data), ==, -EIO);
    g_assert_cmpint(
        blk_truncate(blk, 2048, true, PREALLOC_MODE_FULL, 0, &error_abort), ==,
        0);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* Writing does not make a disk longer, not even for who may resize it. A file
 * may change its size below a format. */
static void test_resize(void)
{
    BlockBackend *blk, *below;
    g_autofree char *path = NULL;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'threads'");
    blk_set_perm(blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(blk_pwrite(blk, SIZE - 512, 1024, data, 0), ==, -EIO);
    g_assert_cmpint(blk_pwrite_zeroes(blk, SIZE, 512, 0), ==, -EIO);
    g_assert_cmpint(blk_pdiscard(blk, SIZE, 512), ==, -EIO);
    g_assert_cmpint(blk_getlength(blk), ==, SIZE);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, SIZE, 512, data), ==, -EIO);

    below = blk_new_with_bs(bdrv_find_node("f"), BLK_PERM_RESIZE, BLK_PERM_ALL,
                            &error_abort);
    g_assert_cmpint(
        blk_truncate(below, SIZE / 2, true, PREALLOC_MODE_OFF, 0, &error_abort),
        ==, 0);
    /* The node above keeps its size, as in QEMU; what is missing is zero */
    g_assert_cmpint(blk_getlength(blk), ==, SIZE);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, SIZE / 2, 512, back), ==, 0);
    g_assert_true(buffer_is_zero(back, 512));
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, SIZE - 512, 512, data), ==, 0);
    g_assert_cmpint(
        blk_truncate(below, SIZE, true, PREALLOC_MODE_OFF, 0, &error_abort), ==,
        0);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, SIZE / 2, 512, back), ==, 0);
    blk_unref(below);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

static void test_block_status(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;
    BlockDriverState *file, *bs;
    int64_t pnum, map;
    int ret;

    dir = make_tmpdir("/var/tmp");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring'");
    bs = blk_bs(blk);
    memset(data, 1, 65536);
    g_assert_cmpint(blk_pwrite(blk, 65536, 65536, data, 0), ==, 0);
    ret = bdrv_block_status(bs, 0, SIZE, &pnum, &map, &file);
    g_assert_cmphex(ret & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO), ==,
                    BDRV_BLOCK_ZERO);
    g_assert_cmpint(pnum, ==, 65536);
    ret = bdrv_block_status(bs, 65536, SIZE, &pnum, &map, &file);
    g_assert_cmphex(ret & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO), ==,
                    BDRV_BLOCK_DATA);
    g_assert_cmpint(pnum, ==, 65536);
    g_assert_cmpint(map, ==, 65536);
    g_assert_true(file == bdrv_find_node("f"));
    ret = bdrv_block_status(bs, 131072, SIZE, &pnum, &map, &file);
    g_assert_true((ret & BDRV_BLOCK_ZERO) && (ret & BDRV_BLOCK_EOF));
    g_assert_cmpint(pnum, ==, SIZE - 131072);
    g_assert_cmpint(bdrv_block_status(bs, SIZE, 1, &pnum, NULL, NULL), ==,
                    BDRV_BLOCK_EOF);
    g_assert_cmpint(bdrv_block_status(bs, -1, 1, &pnum, NULL, NULL), ==, -EIO);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* Its parent does not know that a file has become shorter: the range that is
 * gone has a length all the same, or loops over a disk would hang. */
static void test_block_status_shorter(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk, *file_blk;
    int64_t pnum;
    int ret;

    dir = make_tmpdir("/var/tmp");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring'");
    file_blk = make_blk(bdrv_find_node("f"));
    blk_set_perm(file_blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(
        blk_truncate(file_blk, 4096, true, PREALLOC_MODE_OFF, 0, &error_abort),
        ==, 0);
    g_assert_cmpint(bdrv_block_status(blk_bs(blk), 0, SIZE, &pnum, NULL, NULL),
                    >=, 0);
    g_assert_cmpint(pnum, ==, 4096);
    ret = bdrv_block_status(blk_bs(blk), 65536, 4096, &pnum, NULL, NULL);
    g_assert_cmphex(ret & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO), ==,
                    BDRV_BLOCK_ZERO);
    g_assert_cmpint(pnum, ==, 4096);
    blk_unref(file_blk);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* --- errors of the host --- */

/* All of it is written, whatever the file's alignment is. */
static void test_full_preallocation(void)
{
    g_autofree char *path = NULL;
    struct stat st;
    BlockBackend *blk;

    dir = make_tmpdir("/var/tmp");
    path = make_file(dir, "disk.raw", 4096 + 512);
    blk = open_file_blk(path, "'cache':{'direct':true}");
    blk_set_perm(blk, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                 &error_abort);
    g_assert_cmpint(blk_truncate(blk, MiB + 1024, true, PREALLOC_MODE_FULL, 0,
                                 &error_abort),
                    ==, 0);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, MiB + 1024);
    g_assert_cmpint(st.st_blocks, >=, MiB / 512 - 8);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* RLIMIT_FSIZE stands for a full file system: a write behind it fails, and
 * one across it is cut short. */
static void run_no_space(const char *options)
{
    struct rlimit old, small = { 64 * KiB, RLIM_INFINITY };
    g_autofree char *path = NULL;
    BlockBackend *blk;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, options);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    memset(data, 3, 65536);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 65536, 4096, data), ==, -EFBIG);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 65536 - 2048, 4096, data), ==,
                    -EFBIG);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 4096, data), ==, 0);
    setrlimit(RLIMIT_FSIZE, &old);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 65536, 4096, data), ==, 0);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

static void test_no_space(void)
{
    run_no_space("'aio':'threads'");
}

/* /dev/full: every write fails for want of space. */
static void test_enospc(void)
{
    g_autoptr(Error) err = NULL;
    BlockDriverState *bs;
    BlockBackend *blk;

    bs = try_node("{'driver':'host_device','node-name':'f',"
                  "'filename':'/dev/full','aio':'io_uring'}",
                  &err);
    if (!bs) {
        g_test_skip(error_get_pretty(err));
        return;
    }
    blk = blk_new_with_bs(bs, ALL_IO_PERMS | BLK_PERM_RESIZE, BLK_PERM_ALL,
                          &error_abort);
    g_assert_cmpint(bdrv_pwrite(blk->root, 0, 512, data, 0), ==, -ENOSPC);
    blk_unref(blk);
    del_node("f");
}

/* What another process left of our file descriptor: reads of /proc/self/mem
 * fail with EIO. */
static void test_eio(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;
    FileState *s;
    int fd;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring'");
    s = bdrv_find_node("f")->opaque;
    fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, back), ==, -EIO);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, data), ==, -EIO);
    /* It has no fsync: the flush fails, and so do all after it */
    g_assert_cmpint(blk_flush(blk), ==, -EINVAL);
    fd = open(path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, back), ==, 0);
    g_assert_cmpint(blk_flush(blk), ==, -EINVAL);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* An error of a write with FUA may be that of a write-back: no later flush may
 * say that all is well. */
static void test_fua_eio(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;
    FileState *s;
    TestIo t;
    int fd;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", SIZE);
    blk = open_file_blk(path, "'aio':'io_uring'");
    s = bdrv_find_node("f")->opaque;
    fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    test_io_init(&t, blk, BLK_IO_WRITE, 0, 512, data);
    blk_io_submit(&t.io);
    g_assert_cmpint(test_io_wait(&t), ==, -EIO);
    fd = open(path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    g_assert_cmpint(s->flush_error, ==, 0);

    fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    test_io_init(&t, blk, BLK_IO_WRITE, 0, 512, data);
    t.io.flags = BDRV_REQ_FUA;
    blk_io_submit(&t.io);
    g_assert_cmpint(test_io_wait(&t), ==, -EIO);
    fd = open(path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(dup3(fd, s->fd, O_CLOEXEC), >=, 0);
    close(fd);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, data), ==, 0);
    g_assert_cmpint(blk_flush(blk), ==, -EIO);
    g_assert_cmpint(do_io(blk, BLK_IO_FLUSH, 0, 0, NULL), ==, -EIO);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

static void test_open_errors(void)
{
    g_autoptr(Error) err = NULL;
    g_autofree char *path = NULL;
    g_autofree char *json = NULL, *text = NULL;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", 512);
    json = g_strdup_printf("{'driver':'host_device','node-name':'f',"
                           "'filename':'%s'}",
                           path);
    text = g_strdup_printf("'host_device' driver requires '%s' to be either a "
                           "character or block device",
                           path);
    g_assert_null(try_node(json, &err));
    expect_error(&err, text);
    g_assert_null(try_node("{'driver':'file','node-name':'f','filename':'/x',"
                           "'aio':'native'}",
                           &err));
    expect_error(&err, "aio=native was specified, but it requires "
                       "cache.direct=on, which was not specified.");
    g_assert_null(try_node("{'driver':'file','node-name':'f',"
                           "'filename':'/dev'}",
                           &err));
    expect_error(&err, "Could not open '/dev': Is a directory");
    remove_tmpdir(dir);
}

/* --- access mode --- */

static int access_mode(BlockDriverState *f)
{
    FileState *s = f->opaque;

    return fcntl(s->fd, F_GETFL) & O_ACCMODE;
}

static void test_auto_read_only(void)
{
    g_autofree char *path = NULL;
    BlockBackend *blk;
    BlockDriverState *f;
    int fd;

    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", 4096);
    blk = open_file_blk(path, "'auto-read-only':true,'aio':'io_uring'");
    f = bdrv_find_node("f");
    fd = ((FileState *)f->opaque)->fd;
    g_assert_cmpint(access_mode(f), ==, O_RDWR);
    g_assert_cmpint(do_io(blk, BLK_IO_WRITE, 0, 512, data), ==, 0);
    blk_set_perm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL, &error_abort);
    g_assert_cmpint(access_mode(f), ==, O_RDONLY);
    g_assert_cmpint(((FileState *)f->opaque)->fd, ==, fd);
    g_assert_cmpint(do_io(blk, BLK_IO_READ, 0, 512, back), ==, 0);
    g_assert_cmpint(chmod(path, 0400), ==, 0);
    close_file_blk(blk);
    remove_tmpdir(dir);
}

/* --- locks --- */

/* In a child process: can it be opened so? 0: yes; else a message is sent. */
static char *open_in_child(const char *path, const char *options, uint64_t perm,
                           uint64_t shared)
{
    char text[512] = "";
    int pipe_fd[2], status;
    pid_t pid;
    ssize_t n;

    g_assert_cmpint(pipe(pipe_fd), ==, 0);
    pid = fork();
    if (!pid) {
        /* The parent's event loop is not ours: only plain opening here */
        g_autofree char *json = g_strdup_printf(
            "{'driver':'file','node-name':'child','filename':'%s'%s}", path,
            options);
        Error *err = NULL;
        BlockDriverState *bs = try_node(json, &err);

        if (bs) {
            blk_new_with_bs(bs, perm, shared, &err);
        }
        if (err) {
            const char *msg = error_get_pretty(err);

            n = write(pipe_fd[1], msg, strlen(msg));
        }
        _exit(0);
    }
    close(pipe_fd[1]);
    n = read(pipe_fd[0], text, sizeof(text) - 1);
    g_assert_cmpint(n, >=, 0);
    close(pipe_fd[0]);
    waitpid(pid, &status, 0);
    g_assert_cmpint(status, ==, 0);
    return g_strdup(text);
}

static void check_lock(const char *path, const char *options, uint64_t perm,
                       uint64_t shared, const char *expected)
{
    g_autofree char *text = open_in_child(path, options, perm, shared);

    g_assert_cmpstr(text, ==, expected);
}

static void test_locks(void)
{
    uint64_t readers = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
    g_autofree char *path = NULL;
    BlockBackend *blk;

    if (!file_has_ofd_locks()) {
        g_test_skip("no OFD locks here");
        return;
    }
    dir = make_tmpdir("/dev/shm");
    path = make_file(dir, "disk.raw", 4096);
    blk = open_file_blk(path, "'aio':'io_uring'");
    blk_set_perm(blk, ALL_IO_PERMS, readers, &error_abort);
    check_lock(path, "", ALL_IO_PERMS, readers, "Failed to get \"write\" lock");
    check_lock(path, "", BLK_PERM_CONSISTENT_READ, readers,
               "Failed to get shared \"write\" lock");
    check_lock(path, "", BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL, "");
    check_lock(path, ",'locking':'off'", ALL_IO_PERMS, readers, "");
    /* Readers beside readers */
    blk_set_perm(blk, BLK_PERM_CONSISTENT_READ, readers, &error_abort);
    check_lock(path, "", BLK_PERM_CONSISTENT_READ, readers, "");
    check_lock(path, "", ALL_IO_PERMS, BLK_PERM_ALL,
               "Failed to get \"write\" lock");
    blk_set_perm(blk, 0, BLK_PERM_ALL, &error_abort);
    check_lock(path, "", ALL_IO_PERMS, readers, "");
    close_file_blk(blk);
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *options;
    } kinds[] = {
        { "ring", "'aio':'io_uring'" },
        { "threads", "'aio':'threads'" },
        { "ring-direct", "'aio':'io_uring','cache':{'direct':true}" },
        { "threads-direct", "'aio':'threads','cache':{'direct':true}" },
        { "native", "'aio':'native','cache':{'direct':true}" },
        { "native-batch",
          "'aio':'native','aio-max-batch':1,'cache':{'direct':true}" },
        { "ring-no-flush", "'aio':'io_uring','cache':{'no-flush':true}" },
        { "ring-detect-zeroes", "'aio':'io_uring','detect-zeroes':'unmap'" },
    };
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        g_autofree char *name = g_strdup_printf("/file-posix/content/%s",
                                                kinds[i].name);

        g_test_add_data_func(name, kinds[i].options, test_content);
    }
    if (aio_context_has_ring(qemu_get_aio_context())) {
        g_test_add_func("/file-posix/fast-path", test_fast_path);
        g_test_add_func("/file-posix/syscalls", test_syscalls);
        g_test_add_func("/file-posix/fua-eio", test_fua_eio);
    }
    g_test_add_func("/file-posix/odd-size", test_odd_size);
    g_test_add_func("/file-posix/raw-window", test_raw_window);
    g_test_add_func("/file-posix/truncate", test_truncate);
    g_test_add_func("/file-posix/resize", test_resize);
    g_test_add_func("/file-posix/full-preallocation", test_full_preallocation);
    g_test_add_func("/file-posix/block-status", test_block_status);
    g_test_add_func("/file-posix/block-status/shorter",
                    test_block_status_shorter);
    g_test_add_func("/file-posix/no-space", test_no_space);
    g_test_add_func("/file-posix/enospc", test_enospc);
    g_test_add_func("/file-posix/eio", test_eio);
    g_test_add_func("/file-posix/open-errors", test_open_errors);
    g_test_add_func("/file-posix/auto-read-only", test_auto_read_only);
    g_test_add_func("/file-posix/locks", test_locks);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
