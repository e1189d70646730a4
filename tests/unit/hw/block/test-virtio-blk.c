/*
 * Tests of the whole virtio-blk-pci device on real block nodes, with queues
 * in real IOThreads and a file whose bytes are checked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/hw/block/pci-disk.h"

#include <signal.h>
#include <sys/resource.h>

/* --- contents ------------------------------------------------------------- */

static uint8_t pattern(unsigned chunk, unsigned round)
{
    return chunk * 7 + round * 31 + 1;
}

/*
 * Write or read and check the whole disk, DEPTH requests in flight in each
 * queue; odd chunks go to queue 1.
 */
static void whole_disk(bool write, unsigned round)
{
    const unsigned chunks = DISK_SIZE / CHUNK;
    int slot_of[QUEUES][128];
    int chunk_of[QUEUES][DEPTH];
    unsigned next = 0;
    unsigned done = 0;
    int64_t end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    memset(chunk_of, -1, sizeof(chunk_of));
    while (done < chunks) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        for (unsigned q = 0; q < QUEUES; q++) {
            FakeUsedElem e;

            for (unsigned i = 0; i < DEPTH && next < chunks && next % 2 == q;
                 i++) {
                int head;

                if (chunk_of[q][i] >= 0) {
                    continue;
                }
                head = offer(q, i, write, (uint64_t)next * CHUNK / 512, CHUNK);
                if (head < 0) {
                    break;
                }
                if (write) {
                    memset(req_at(q, i)->data, pattern(next, round), CHUNK);
                }
                slot_of[q][head] = i;
                chunk_of[q][i] = next++;
            }
            if (drv[q].avail_idx != drv[q].kicked_at) {
                kick(q);
            }
            while (fake_get_used(&drv[q], &e)) {
                unsigned i = slot_of[q][e.id];
                Req *r = req_at(q, i);

                g_assert_cmpuint(r->status, ==, 0);
                for (unsigned k = 0; !write && k < CHUNK; k++) {
                    g_assert_cmpuint(r->data[k], ==,
                                     pattern(chunk_of[q][i], round));
                }
                chunk_of[q][i] = -1;
                done++;
            }
        }
        main_loop_wait(true);
    }
}

static void check_file(unsigned round)
{
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(disk_path, &data, &len, NULL));
    g_assert_cmpuint(len, ==, DISK_SIZE);
    for (unsigned i = 0; i < DISK_SIZE; i++) {
        g_assert_cmpuint((uint8_t)data[i], ==, pattern(i / CHUNK, round));
    }
}

static const char *const one_thread[] = { "drive=d0", "iothread=t0",
                                          "num-queues=2", NULL };
static const char *const no_thread[] = { "drive=d0", "num-queues=2", NULL };
static const char *const no_ioeventfd[] = { "drive=d0", "num-queues=2",
                                            "ioeventfd=off", NULL };

static void test_contents(gconstpointer opaque)
{
    BlockDriverState *bs;

    make_disk(0);
    bs = add_node("{'driver': 'raw', 'node-name': 'd0', 'file': "
                  "{'driver': 'file', 'filename': '%s'}}",
                  disk_path);
    setup(opaque);
    for (unsigned round = 0; round < 3; round++) {
        driver_start(round == 1 ? 1ull << VIRTIO_F_RING_EVENT_IDX : 0);
        for (unsigned q = 0; q < QUEUES; q++) {
            drv[q].event_idx = round != 1;
        }
        whole_disk(true, round);
        g_assert_cmpuint(one(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), ==, 0);
        check_file(round);
        whole_disk(false, round);
        driver_stop();
    }
    teardown();
    bdrv_unref(bs);
}

static void test_zeroes(void)
{
    const uint32_t seg[] = { 8, 0, 16, 0 };
    BlockDriverState *bs;
    g_autofree char *data = NULL;

    make_disk(0xaa);
    bs = add_node("{'driver': 'file', 'node-name': 'd0', 'filename': '%s', "
                  "'discard': 'unmap'}",
                  disk_path);
    setup(one_thread);
    driver_start(0);
    g_assert_cmpuint(one(VIRTIO_BLK_T_WRITE_ZEROES, 0, seg, 16), ==, 0);
    g_assert_true(g_file_get_contents(disk_path, &data, NULL, NULL));
    for (unsigned i = 0; i < 64 * 512; i++) {
        uint8_t expect = i >= 8 * 512 && i < 24 * 512 ? 0 : 0xaa;

        g_assert_cmpuint((uint8_t)data[i], ==, expect);
    }
    g_assert_cmpuint(one(VIRTIO_BLK_T_DISCARD, 0, seg, 16), ==, 0);
    g_assert_cmpuint(one(VIRTIO_BLK_T_IN, DISK_SIZE / 512, NULL, 512), ==, 1);
    driver_stop();
    teardown();
    bdrv_unref(bs);
}

static void test_read_only(void)
{
    BlockDriverState *bs;
    uint64_t features;

    make_disk(0x11);
    bs = add_node("{'driver': 'file', 'node-name': 'd0', 'filename': '%s', "
                  "'read-only': true}",
                  disk_path);
    setup(one_thread);
    features = driver_start(0);
    g_assert_true(virtio_has_feature(features, VIRTIO_BLK_F_RO));
    g_assert_cmpuint(one(VIRTIO_BLK_T_OUT, 0, NULL, 512), ==, 1);
    g_assert_cmpuint(one(VIRTIO_BLK_T_IN, 0, NULL, 512), ==, 0);
    g_assert_cmpuint(req_at(0, 0)->data[511], ==, 0x11);
    driver_stop();
    teardown();
    bdrv_unref(bs);
}

/* The driver switches the cache; a reset switches it back. */
static void test_wce(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");
    uint64_t wce;

    setup(one_thread);
    wce = bar4 + 0x2000 + 32;
    driver_start(0);
    g_assert_cmpuint(mem_read(wce, 1), ==, 1);
    mem_write(wce, 0, 1);
    g_assert_cmpuint(mem_read(wce, 1), ==, 0);
    g_assert_cmpuint(one(VIRTIO_BLK_T_OUT, 0, NULL, 512), ==, 0);
    driver_stop();
    g_assert_cmpuint(mem_read(wce, 1), ==, 1);
    /* A driver that knows neither CONFIG_WCE nor FLUSH: write-through */
    driver_start(1ull << VIRTIO_BLK_F_CONFIG_WCE | 1ull << VIRTIO_BLK_F_FLUSH);
    g_assert_cmpuint(mem_read(wce, 1), ==, 0);
    mem_write(wce, 1, 1);
    g_assert_cmpuint(mem_read(wce, 1), ==, 0);
    driver_stop();
    teardown();
    bdrv_unref(bs);
}

/* Reset, stop and start with requests in flight. */
static void test_stop(void)
{
    BlockDriverState *bs = add_node(
        "{'driver': 'null-co', 'node-name': 'd0', 'latency-ns': 300000}");
    FakeUsedElem e;

    setup(one_thread);
    for (unsigned i = 0; i < 40; i++) {
        driver_start(0);
        for (unsigned k = 0; k < 20; k++) {
            offer(0, k, VIRTIO_BLK_T_OUT, k, 4096);
        }
        kick(0);
        if (i & 1) {
            vm_state_notify(false, RUN_STATE_PAUSED);
            vm_state_notify(true, RUN_STATE_RUNNING);
            for (unsigned k = 0; k < 20; k++) {
                WAIT_FOR(fake_get_used(&drv[0], &e));
            }
        }
        driver_stop();
    }
    teardown();
    bdrv_unref(bs);
}

static void test_resize(void)
{
    BlockDriverState *bs;
    BlockBackend *blk;

    make_disk(0);
    bs = add_node("{'driver': 'file', 'node-name': 'd0', 'filename': '%s'}",
                  disk_path);
    setup(one_thread);
    driver_start(0);
    blk = blk_by_dev(dev);
    g_assert_nonnull(blk);
    g_assert_cmpint(intx_level, ==, 0);
    g_assert_cmpuint(one(VIRTIO_BLK_T_IN, DISK_SIZE / 512, NULL, 512), ==, 1);
    mem_read(bar4 + 0x1000, 1);
    blk_set_perm(blk, BLK_PERM_ALL, BLK_PERM_ALL, &error_abort);
    g_assert_cmpint(blk_truncate(blk, 2 * DISK_SIZE, false, PREALLOC_MODE_OFF,
                                 0, &error_abort),
                    ==, 0);
    WAIT_FOR(mem_read(bar4 + 0x2000, 8) == 2 * DISK_SIZE / 512);
    g_assert_cmpint(intx_level, ==, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x1000, 1) & 2, ==, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x15, 1), ==, 1);
    g_assert_cmpuint(one(VIRTIO_BLK_T_IN, DISK_SIZE / 512, NULL, 512), ==, 0);
    driver_stop();
    teardown();
    bdrv_unref(bs);
}

/* --- errors of the disk --------------------------------------------------- */

static RunState vmstop_state = RUN_STATE__MAX;

static void vmstop_request(RunState state)
{
    vmstop_state = state;
}

static RunState get_paused(void)
{
    return RUN_STATE_PAUSED;
}

/* Writes of this process behind @bytes of any file fail with EFBIG. */
static void limit_files(rlim_t bytes)
{
    struct rlimit r = { bytes, RLIM_INFINITY };

    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &r), ==, 0);
}

static const char *const stop_on_error[] = { "drive=d0", "iothread=t0",
                                             "num-queues=2", "werror=stop",
                                             NULL };
static const char *const ignore_errors[] = { "drive=d0", "iothread=t0",
                                             "num-queues=2", "werror=ignore",
                                             NULL };

static void test_werror(void)
{
    static const RunstateOps ops = { .vmstop_request = vmstop_request,
                                     .get = get_paused };
    const char *const *props[] = { one_thread, ignore_errors, stop_on_error };
    const uint64_t sector = DISK_SIZE / 512 - 8;
    g_autofree uint8_t *data = g_malloc(4096);

    runstate_set_ops(&ops);
    signal(SIGXFSZ, SIG_IGN);
    memset(data, 0x42, 4096);
    for (unsigned i = 0; i < ARRAY_SIZE(props); i++) {
        g_autofree char *content = NULL;
        BlockDriverState *bs;
        FakeUsedElem e;

        make_disk(0);
        bs = add_node("{'driver': 'file', 'node-name': 'd0', 'filename': "
                      "'%s'}",
                      disk_path);
        setup(props[i]);
        driver_start(0);
        limit_files(1 * MiB);
        if (props[i] != stop_on_error) {
            g_assert_cmpuint(one(VIRTIO_BLK_T_OUT, sector, data, 4096), ==,
                             props[i] == one_thread);
            limit_files(RLIM_INFINITY);
        } else {
            offer(0, 0, VIRTIO_BLK_T_OUT, sector, 4096);
            memcpy(req_at(0, 0)->data, data, 4096);
            kick(0);
            WAIT_FOR(vmstop_state == RUN_STATE_IO_ERROR);
            vm_state_notify(false, RUN_STATE_IO_ERROR);
            g_assert_false(fake_get_used(&drv[0], &e));
            limit_files(RLIM_INFINITY);
            vm_state_notify(true, RUN_STATE_RUNNING);
            WAIT_FOR(fake_get_used(&drv[0], &e));
            g_assert_cmpuint(req_at(0, 0)->status, ==, 0);
            g_assert_true(g_file_get_contents(disk_path, &content, NULL, NULL));
            g_assert_cmpmem(content + sector * 512, 4096, data, 4096);
        }
        driver_stop();
        teardown();
        bdrv_unref(bs);
    }
    runstate_set_ops(NULL);
}

/* Both queues, each in its own thread. */
static void test_two_threads(void)
{
    const PCIWindows w = { { 0xc000, 0x1000 },
                           { 0xe0000000, 0x10000000 },
                           { 0x800000000, 0x10000000 } };
    BlockDriverState *bs;

    make_disk(0);
    bs = add_node("{'driver': 'file', 'node-name': 'd0', 'filename': '%s'}",
                  disk_path);
    make_bus();
    dev = plug_mapped("[{'iothread':'t0'},{'iothread':'t1'}]", &error_abort);
    g_assert_true(pci_assign_resources(bus, &w, NULL, &error_abort));
    pci_data_write(bus, dev->devfn << 8 | PCI_COMMAND,
                   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    bar4 = pci_get_bar_addr(dev, 4);
    vm_state_notify(true, RUN_STATE_RUNNING);
    driver_start(0);
    whole_disk(true, 5);
    check_file(5);
    whole_disk(false, 5);
    driver_stop();
    teardown();
    bdrv_unref(bs);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    pci_disk_init();
    g_test_add_data_func("/virtio-blk/contents/main-loop", no_thread,
                         test_contents);
    g_test_add_data_func("/virtio-blk/contents/no-ioeventfd", no_ioeventfd,
                         test_contents);
    g_test_add_data_func("/virtio-blk/contents/iothread", one_thread,
                         test_contents);
    g_test_add_func("/virtio-blk/contents/two-iothreads", test_two_threads);
    g_test_add_func("/virtio-blk/zeroes", test_zeroes);
    g_test_add_func("/virtio-blk/read-only", test_read_only);
    g_test_add_func("/virtio-blk/wce", test_wce);
    g_test_add_func("/virtio-blk/stop", test_stop);
    g_test_add_func("/virtio-blk/resize", test_resize);
    g_test_add_func("/virtio-blk/werror", test_werror);
    ret = g_test_run();
    pci_disk_cleanup();
    return ret;
}
