/*
 * One image used from several threads at once: each thread writes, zeroes,
 * discards and reads sectors of its own, which share clusters with those of
 * the others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/unit/block/qcow2/qcow2-test.h"

#define THREADS 3
#define DEPTH   8
#define STEPS   2000
#define SIZE    (8 * MiB)
#define UNIT    4096

typedef struct Worker Worker;

typedef struct Slot {
    BlkIo io;
    struct iovec iov;
    Worker *w;
    size_t offset;
    uint8_t *buf;
    bool busy;
} Slot;

struct Worker {
    TestThread *thread;
    BlockBackend *blk;
    uint8_t *model;
    int index, left, running;
    bool cluster_ops;
    GRand *rand;
    Slot slots[DEPTH];
    bool done; /* atomic */
};

static void next(Slot *s);

static void io_done(BlkIo *io, int ret)
{
    Slot *s = container_of(io, Slot, io);
    Worker *w = s->w;

    g_assert_cmpint(ret, ==, 0);
    if (io->type == BLK_IO_READ) {
        g_assert_cmpmem(s->buf, io->bytes, w->model + s->offset, io->bytes);
    }
    s->busy = false;
    w->running--;
    next(s);
    if (!w->running) {
        qatomic_store_release(&w->done, true);
        aio_wait_kick();
    }
}

static bool is_busy(Worker *w, size_t offset)
{
    for (int i = 0; i < DEPTH; i++) {
        if (w->slots[i].busy && w->slots[i].offset == offset) {
            return true;
        }
    }
    return false;
}

/* The units of a thread are those with its remainder. */
static void next(Slot *s)
{
    Worker *w = s->w;
    int op = g_rand_int_range(w->rand, 0, 20);
    BlkIoType type = op < 10   ? BLK_IO_WRITE
                     : op < 17 ? BLK_IO_READ
                     : op < 18 ? BLK_IO_WRITE_ZEROES
                     : op < 19 ? BLK_IO_DISCARD
                               : BLK_IO_FLUSH;
    bool flush = type == BLK_IO_FLUSH;

    if (w->left-- <= 0) {
        return;
    }
    do {
        s->offset = (g_rand_int_range(w->rand, 0, SIZE / UNIT / THREADS) *
                         THREADS +
                     w->index) *
                    UNIT;
    } while (is_busy(w, s->offset));
    if (type == BLK_IO_WRITE) {
        memset(w->model + s->offset, g_rand_int_range(w->rand, 0, 256), UNIT);
        memcpy(s->buf, w->model + s->offset, UNIT);
    } else if (type == BLK_IO_WRITE_ZEROES ||
               (type == BLK_IO_DISCARD && w->cluster_ops)) {
        memset(w->model + s->offset, 0, UNIT);
    }
    s->iov = (struct iovec){ s->buf, UNIT };
    s->io.blk = w->blk;
    s->io.ctx = w->thread->ctx;
    s->io.type = type;
    s->io.flags = g_rand_int_range(w->rand, 0, 8) || flush ? 0 : BDRV_REQ_FUA;
    s->io.offset = flush ? 0 : s->offset;
    s->io.bytes = flush ? 0 : UNIT;
    s->io.iov = &s->iov;
    s->io.niov = 1;
    s->io.cb = io_done;
    s->busy = true;
    w->running++;
    blk_io_submit(&s->io);
}

static void start(void *opaque)
{
    Worker *w = opaque;

    for (int i = 0; i < DEPTH; i++) {
        w->slots[i].w = w;
        w->slots[i].buf = g_malloc(UNIT);
        next(&w->slots[i]);
    }
}

static bool all_done(Worker *w)
{
    for (int i = 0; i < THREADS; i++) {
        if (!qatomic_load_acquire(&w[i].done)) {
            return false;
        }
    }
    return true;
}

static void test_threads(const void *opaque)
{
    const char *options = opaque;
    bool cluster_ops = strstr(options, "cluster_size=4k");
    char *dir = make_tmpdir("/tmp");
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    g_autofree char *base = g_strdup_printf("%s/base", dir);
    g_autofree uint8_t *model = g_malloc0(SIZE), *buf = g_malloc(SIZE);
    g_autofree Worker *w = g_new0(Worker, THREADS);
    bool backing = !cluster_ops;
    Image *img;

    block_test_init();
    if (backing) {
        for (size_t i = 0; i < SIZE; i++) {
            model[i] = i * 7 + i / 4096;
        }
        put_file(base, model, SIZE);
    }
    bdrv_img_create(path, "qcow2", backing ? base : NULL,
                    backing ? "raw" : NULL, options, SIZE, 0, true,
                    &error_abort);
    img = image_open_flags(path, "'l2-cache-size':65536",
                           BDRV_O_RDWR | BDRV_O_UNMAP, &error_abort);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (Worker){ .blk = img->blk,
                         .model = model,
                         .index = i,
                         .left = STEPS,
                         .cluster_ops = cluster_ops,
                         .rand = g_rand_new_with_seed(g_test_rand_int()) };
        w[i].thread = test_thread_new();
        aio_bh_schedule_oneshot(w[i].thread->ctx, start, &w[i]);
    }
    AIO_WAIT_WHILE(NULL, !all_done(w));
    for (int i = 0; i < THREADS; i++) {
        test_thread_free(w[i].thread);
        g_rand_free(w[i].rand);
        for (int j = 0; j < DEPTH; j++) {
            g_free(w[i].slots[j].buf);
        }
    }
    g_assert_cmpint(blk_pread(img->blk, 0, SIZE, buf, 0), ==, 0);
    for (size_t i = 0; i < SIZE; i++) {
        if (buf[i] != model[i]) {
            g_error("byte %zu is %02x, not %02x", i, buf[i], model[i]);
        }
    }
    image_close(img);
    judge(path, model, SIZE);
    block_test_cleanup();
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/qcow2/threads/backing", "cluster_size=64k",
                         test_threads);
    g_test_add_data_func("/qcow2/threads/small", "cluster_size=4k",
                         test_threads);
    /* Subclusters of half a unit, one unit, two units */
    g_test_add_data_func("/qcow2/threads/extended",
                         "cluster_size=64k,extended_l2=on", test_threads);
    g_test_add_data_func("/qcow2/threads/extended-unit",
                         "cluster_size=128k,extended_l2=on", test_threads);
    g_test_add_data_func("/qcow2/threads/extended-copy",
                         "cluster_size=256k,extended_l2=on", test_threads);
    return g_test_run();
}
