/*
 * Dirty bitmaps: what every kind of request marks, against a model with one
 * bool per granule.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/block/block-test.h"

#include "block/dirty-bitmap.h"

#define SIZE        (1024 * KiB)
#define GRANULARITY 4096
#define GRANULES    (SIZE / GRANULARITY)

typedef struct Model {
    bool dirty[2 * GRANULES];
    bool off;
} Model;

static void model_mark(Model *m, int64_t offset, int64_t bytes)
{
    if (bytes && !m->off) {
        for (int64_t g = offset / GRANULARITY;
             g <= (offset + bytes - 1) / GRANULARITY; g++) {
            m->dirty[g] = true;
        }
    }
}

static void check(BdrvDirtyBitmap *b, const Model *m)
{
    int64_t size = bdrv_dirty_bitmap_size(b), pos = 0, n, count = 0;
    bool dirty[2 * GRANULES] = { false };

    while (bdrv_dirty_bitmap_next_area(b, pos, size, &pos, &n)) {
        for (int64_t g = pos / GRANULARITY; g * GRANULARITY < pos + n; g++) {
            dirty[g] = true;
        }
        pos += n;
    }
    for (int64_t g = 0; g * GRANULARITY < size; g++) {
        g_assert_cmpint(dirty[g], ==, m->dirty[g]);
        count += dirty[g];
    }
    g_assert_cmpint(bdrv_get_dirty_count(b), ==, count * GRANULARITY);
}

static BdrvDirtyBitmap *new_bitmap(BlockDriverState *bs, const char *name)
{
    return bdrv_create_dirty_bitmap(bs, GRANULARITY, name, &error_abort);
}

/* A request of @blk, and what it does to the models of the bitmaps. */
static void one_request(GRand *r, BlockBackend *blk, uint8_t *buf, Model *m)
{
    static const BlkIoType types[] = { BLK_IO_READ,    BLK_IO_WRITE,
                                       BLK_IO_WRITE,   BLK_IO_WRITE_ZEROES,
                                       BLK_IO_DISCARD, BLK_IO_FLUSH };
    BlkIoType type = types[g_rand_int_range(r, 0, ARRAY_SIZE(types))];
    int64_t offset = g_rand_int_range(r, 0, SIZE);
    int64_t bytes = g_rand_int_range(r, 0, MIN(SIZE - offset, 40000) + 1);

    if (g_rand_boolean(r)) {
        offset &= ~511;
        bytes &= ~511;
    }
    if (type == BLK_IO_FLUSH) {
        offset = bytes = 0;
    }
    g_assert_cmpint(do_io(blk, type, offset, bytes, buf), ==, 0);
    if (type != BLK_IO_READ && type != BLK_IO_FLUSH) {
        model_mark(&m[0], offset, bytes);
        model_mark(&m[1], offset, bytes);
    }
}

static void test_requests(const void *opaque)
{
    char *dir = make_tmpdir("/tmp");
    g_autofree char *file = make_file(dir, "a.raw", SIZE);
    g_autofree char *json = g_strdup_printf(
        "{'node-name':'n','driver':'raw','discard':'unmap',"
        "'detect-zeroes':'%s','file':{'driver':'file','discard':'unmap',"
        "'filename':'%s'}}",
        (const char *)opaque, file);
    g_autofree uint8_t *buf = g_malloc0(SIZE);
    BlockDriverState *bs = make_node(json);
    BlockBackend *blk = make_blk(bs);
    BdrvDirtyBitmap *a = new_bitmap(bs, "a"), *b = new_bitmap(bs, "b");
    BdrvDirtyBitmap *below = new_bitmap(bs->file->bs, "below");
    GRand *r = g_rand_new_with_seed(3);
    Model m[2] = { 0 };

    for (int i = 0; i < 600; i++) {
        one_request(r, blk, buf, m);
        if (i % 10 == 0) {
            check(a, &m[0]);
            check(b, &m[1]);
        }
        if (i % 50 == 25) {
            bdrv_clear_dirty_bitmap(a, NULL);
            memset(m[0].dirty, 0, sizeof(m[0].dirty));
        }
        if (i % 50 == 40) {
            m[1].off = !m[1].off;
            (m[1].off ? bdrv_disable_dirty_bitmap
                      : bdrv_enable_dirty_bitmap)(b);
        }
    }
    g_assert_cmpint(bdrv_get_dirty_count(below), >, 0);
    bdrv_release_dirty_bitmap(a);
    bdrv_disable_dirty_bitmap(b);
    g_assert_false(bs->record_writes);
    g_assert_true(bs->file->bs->record_writes);
    g_rand_free(r);
    blk_unref(blk);
    del_node("n");
    remove_tmpdir(dir);
}

static void test_resize(void)
{
    char *dir = make_tmpdir("/tmp");
    g_autofree char *file = make_file(dir, "a.raw", SIZE);
    g_autofree char *json = g_strdup_printf(
        "{'node-name':'n','driver':'raw','file':{'driver':'file',"
        "'filename':'%s'}}",
        file);
    uint8_t buf[8192] = { 1 };
    BlockDriverState *bs = make_node(json);
    BlockBackend *blk = blk_new_with_bs(bs, ALL_IO_PERMS | BLK_PERM_RESIZE,
                                        BLK_PERM_ALL, &error_abort);
    BdrvDirtyBitmap *a = new_bitmap(bs, "a");
    Model m = { 0 };

    blk_set_allow_resize(blk, true);
    do_io(blk, BLK_IO_WRITE, SIZE - 8192, 8192, buf);
    model_mark(&m, SIZE - 8192, 8192);
    blk_truncate(blk, 2 * SIZE, true, PREALLOC_MODE_OFF, 0, &error_abort);
    g_assert_cmpint(bdrv_dirty_bitmap_size(a), ==, 2 * SIZE);
    check(a, &m);
    do_io(blk, BLK_IO_WRITE, 2 * SIZE - 512, 512, buf);
    model_mark(&m, 2 * SIZE - 512, 512);
    check(a, &m);
    blk_truncate(blk, SIZE - 4096, true, PREALLOC_MODE_OFF, 0, &error_abort);
    g_assert_cmpint(bdrv_dirty_bitmap_size(a), ==, SIZE - 4096);
    check(a, &m);
    blk_truncate(blk, SIZE, true, PREALLOC_MODE_OFF, 0, &error_abort);
    m.dirty[GRANULES - 1] = false; /* forgotten with the space */
    check(a, &m);
    blk_unref(blk);
    del_node("n");
    remove_tmpdir(dir);
}

/* --- writers in threads while bitmaps come, record, and go --- */

#define WRITES 3000

typedef struct Writer {
    TestIo t;
    TestThread *thread;
    uint8_t buf[512];
    int64_t base; /* its own half */
    int n;
    unsigned written; /* atomic */
} Writer;

static void next_write(Writer *w)
{
    w->t.io.offset = w->base + (int64_t)(w->n % 500) * 512;
    blk_io_submit(&w->t.io);
}

static void write_done(BlkIo *io, int ret)
{
    Writer *w = container_of(container_of(io, TestIo, io), Writer, t);

    g_assert_cmpint(ret, ==, 0);
    w->n++;
    qatomic_store_release(&w->written, w->n);
    if (w->n < WRITES) {
        next_write(w);
    }
}

static void start_writer(void *opaque)
{
    Writer *w = opaque;

    next_write(w);
}

static void test_threads(void)
{
    BlockDriverState *bs = make_node(
        "{'node-name':'n','driver':'null-co','size':1048576}");
    BlockBackend *blk = make_blk(bs);
    BdrvDirtyBitmap *all = new_bitmap(bs, "all"), *b;
    Writer w[2] = { 0 };

    for (int i = 0; i < 2; i++) {
        w[i].thread = test_thread_new();
        test_io_init(&w[i].t, blk, BLK_IO_WRITE, 0, 512, w[i].buf);
        w[i].t.io.ctx = w[i].thread->ctx;
        w[i].t.io.cb = write_done;
        w[i].base = i * (SIZE / 2);
        aio_bh_schedule_oneshot(w[i].thread->ctx, start_writer, &w[i]);
    }
    while (qatomic_load_acquire(&w[0].written) < WRITES ||
           qatomic_load_acquire(&w[1].written) < WRITES) {
        unsigned before = qatomic_load_acquire(&w[0].written), after;

        b = new_bitmap(bs, "b");
        after = qatomic_load_acquire(&w[0].written);
        while (after < WRITES - 2 &&
               qatomic_load_acquire(&w[0].written) <= after + 2) {
            aio_poll(qemu_get_aio_context(), false);
        }
        if (after < WRITES - 3) {
            /* What ended after it was made is in it */
            g_assert_cmpint(bdrv_get_dirty_count(b), >, 0);
        }
        g_assert_cmpint(before, <=, after);
        bdrv_release_dirty_bitmap(b);
    }
    for (int i = 0; i < 2; i++) {
        test_thread_free(w[i].thread);
    }
    /* 500 sectors of each half */
    g_assert_cmpint(bdrv_get_dirty_count(all), ==,
                    2 * ROUND_UP(500 * 512, GRANULARITY));
    blk_unref(blk);
    del_node("n");
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    block_test_init();
    g_test_add_data_func("/dirty-bitmap/requests", "off", test_requests);
    g_test_add_data_func("/dirty-bitmap/detect-zeroes", "unmap", test_requests);
    g_test_add_func("/dirty-bitmap/resize", test_resize);
    g_test_add_func("/dirty-bitmap/threads", test_threads);
    ret = g_test_run();
    block_test_cleanup();
    return ret;
}
