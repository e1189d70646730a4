/*
 * A cluster that is not marked as ours alone, though nobody else has it (as a
 * power cut while a snapshot is made may leave it), moves when a part of it is
 * written. Who reads another part meanwhile must not see what a new owner of
 * the old place writes there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/crash/mem-disk.h"
#include "tests/unit/block/qcow2/qcow2-test.h"

extern const BlockDriver bdrv_file;
extern const BlockDriver bdrv_qcow2;
extern const BlockDriver bdrv_raw;

/* In place of block/drivers.c's. */
const BlockDriver *const bdrv_drivers[] = { &bdrv_file, &bdrv_mem_disk,
                                            &bdrv_qcow2, &bdrv_raw, NULL };

#define CLUSTER  4096
#define CLUSTERS 16
#define HALF     (CLUSTER / 2)

static BlockBackend *blk;
static int running;

static BlockBackend *open_image(void)
{
    QDict *dict = qdict_new();

    qdict_put_str(dict, "driver", "qcow2");
    qdict_put_str(dict, "discard", "unmap");
    qdict_put_str(dict, "file.driver", "mem-disk");
    qdict_put_str(dict, "file.index", "0");
    return blk_new_open(NULL, NULL, dict, BDRV_O_RDWR | BDRV_O_UNMAP,
                        &error_abort);
}

/* Each cluster is full of its number, and no flag says that it is ours. */
static void make_image(const char *dir)
{
    g_autofree char *path = g_strdup_printf("%s/t.qcow2", dir);
    g_autofree uint8_t *content = g_malloc(CLUSTERS * CLUSTER);
    g_autofree char *data = NULL;
    uint64_t l1, l2;
    uint8_t *p;
    size_t len;

    bdrv_img_create(path, "qcow2", NULL, NULL, "cluster_size=4k",
                    CLUSTERS * CLUSTER, 0, true, &error_abort);
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    unlink(path);
    mem_disk_set(&mem_disks[0], data, len);
    blk = open_image();
    for (int i = 0; i < CLUSTERS; i++) {
        memset(content + i * CLUSTER, i + 1, CLUSTER);
    }
    g_assert_cmpint(blk_pwrite(blk, 0, CLUSTERS * CLUSTER, content, 0), ==, 0);
    blk_unref(blk);
    p = mem_disks[0].content->data;
    memcpy(&l1, p + 40, 8);
    memcpy(&l2, p + GUINT64_FROM_BE(l1), 8);
    for (int i = 0; i < CLUSTERS; i++) {
        p[(GUINT64_FROM_BE(l2) & ~(UINT64_C(1) << 63)) + i * 8] &= 0x7f;
    }
}

/* The second half of a cluster is never written. */
static void coroutine_fn reader(void *opaque)
{
    uint8_t buf[HALF];

    for (int i = 0; i < 20; i++) {
        int c = GPOINTER_TO_INT(opaque);

        g_assert_cmpint(blk_co_pread(blk, c * CLUSTER + HALF, HALF, buf, 0), ==,
                        0);
        for (int j = 0; j < HALF; j++) {
            g_assert_cmpint(buf[j], ==, c + 1);
        }
    }
    running--;
}

static void coroutine_fn writer(void *opaque)
{
    uint8_t buf[HALF];

    for (int c = 0; c < CLUSTERS; c++) {
        memset(buf, 99, HALF);
        g_assert_cmpint(blk_co_pwrite(blk, c * CLUSTER, HALF, buf, 0), ==, 0);
        g_assert_cmpint(blk_co_flush(blk), ==, 0);
    }
    running--;
}

static void test_reader(void)
{
    char *dir = make_tmpdir("/tmp");

    block_test_init();
    for (int seed = 0; seed < 100; seed++) {
        mem_rand = g_rand_new_with_seed(seed);
        make_image(dir);
        blk = open_image();
        running = CLUSTERS + 1;
        for (int c = 0; c < CLUSTERS; c++) {
            qemu_coroutine_enter(
                qemu_coroutine_create(reader, GINT_TO_POINTER(c)));
        }
        qemu_coroutine_enter(qemu_coroutine_create(writer, NULL));
        while (running) {
            aio_poll(qemu_get_aio_context(), true);
        }
        blk_unref(blk);
        mem_disk_reset(&mem_disks[0]);
        g_rand_free(mem_rand);
    }
    block_test_cleanup();
    remove_tmpdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2/shared-reader", test_reader);
    return g_test_run();
}
