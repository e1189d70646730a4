/*
 * Tests of the whole virtio-blk-pci device on real block nodes: a driver that
 * sets the device up through its registers, queues in real IOThreads, a file
 * whose bytes are checked; and the messages for properties that are wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "block/block.h"
#include "hw/block/virtio-blk.h"
#include "hw/virtio/virtio-pci.h"
#include "qobject/json.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/main-loop.h"

#include <signal.h>
#include <sys/resource.h>

#define DEVFN     (4 << 3)
#define DISK_SIZE (4 * MiB)
#define QUEUES    2
#define DEPTH     32
#define CHUNK     16384

/* --- block nodes ---------------------------------------------------------- */

static char *disk_path;

static BlockDriverState *G_GNUC_QEMU_PRINTF(1, 2) add_node(const char *fmt, ...)
{
    g_autofree char *json = NULL;
    BlockDriverState *bs;
    QObject *obj;
    QDict *flat;
    va_list ap;

    va_start(ap, fmt);
    json = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    obj = qobject_from_json(json, &error_abort);
    flat = qobject_to(QDict, obj);
    qdict_flatten(flat);
    bs = bdrv_open(NULL, NULL, flat, BDRV_O_RDWR, &error_abort);
    return bs;
}

static void make_disk(uint8_t byte)
{
    g_autofree char *data = g_malloc(DISK_SIZE);

    memset(data, byte, DISK_SIZE);
    g_assert_true(g_file_set_contents(disk_path, data, DISK_SIZE, NULL));
}

/* --- the machine ---------------------------------------------------------- */

static PCIBus *bus;
static PCIDevice *dev;
static uint64_t bar4;
static FakeDriver drv[QUEUES]; /* memory of drv[0] holds all */
static int intx_level;

static void set_intx(void *opaque, int irq, int level)
{
    intx_level = level;
}

static int map_intx(PCIDevice *d, int pin)
{
    return pin;
}

static void make_bus(void)
{
    bus = pci_root_bus_new(NULL, "pci.0", get_system_memory(), get_system_io(),
                           1);
    pci_bus_irqs(bus, set_intx, map_intx, NULL, 4);
}

/* A device with "name=value" properties, NULL and @errp if one is wrong. */
static PCIDevice *plug(const char *const *props, Error **errp)
{
    DeviceState *d = qdev_new("virtio-blk-pci");

    for (; *props; props++) {
        g_auto(GStrv) kv = g_strsplit(*props, "=", 2);

        if (!object_property_parse(d, kv[0], kv[1], errp)) {
            object_unref(d);
            return NULL;
        }
    }
    qdev_set_id(d, g_strdup("disk0"), &error_abort);
    return qdev_realize_and_unref(d, BUS(bus), errp) ? PCI_DEVICE(d) : NULL;
}

static uint64_t mem_read(uint64_t addr, unsigned size)
{
    uint64_t val = 0;

    address_space_rw(&address_space_memory, addr, &val, size, false);
    return val;
}

static void mem_write(uint64_t addr, uint64_t val, unsigned size)
{
    address_space_rw(&address_space_memory, addr, &val, size, true);
}

static void setup(const char *const *props)
{
    const PCIWindows w = { { 0xc000, 0x1000 },
                           { 0xe0000000, 0x10000000 },
                           { 0x800000000, 0x10000000 } };

    make_bus();
    dev = plug(props, &error_abort);
    g_assert_true(pci_assign_resources(bus, &w, NULL, &error_abort));
    pci_data_write(bus, dev->devfn << 8 | PCI_COMMAND,
                   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    bar4 = pci_get_bar_addr(dev, 4);
    vm_state_notify(true, RUN_STATE_RUNNING);
}

static void teardown(void)
{
    vm_state_notify(false, RUN_STATE_PAUSED);
    qdev_unplug_now(&dev->qdev);
    pci_root_bus_free(bus);
}

/* --- the driver ----------------------------------------------------------- */

typedef struct Req {
    uint32_t type, reserved;
    uint64_t sector;
    uint8_t status;
    uint8_t pad[4096 - 17];
    uint8_t data[CHUNK];
} Req;

static Req *req_at(unsigned queue, unsigned i)
{
    return (Req *)(drv[0].ram + 2 * MiB + (queue * DEPTH + i) * 32768);
}

static uint64_t gpa(void *p)
{
    return FAKE_GPA + ((uint8_t *)p - drv[0].ram);
}

/* Offer all that the device offers, but for @without, and go. */
static uint64_t driver_start(uint64_t without)
{
    uint64_t features;

    for (unsigned i = 0; i < QUEUES; i++) {
        fake_driver_init(&drv[i], 128, true, true, 0);
        if (i) {
            /* Its rings are in the first driver's memory */
            g_free(drv[i].ram);
            drv[i].ram = drv[0].ram;
            drv[i].desc = (FakeDesc *)(drv[0].ram + i * MiB);
            drv[i].avail = (uint16_t *)(drv[0].ram + i * MiB + 128 * 16);
            drv[i].used = (uint16_t *)(drv[0].ram + i * MiB + 8192);
            for (unsigned k = 0; k < 128; k++) {
                drv[i].desc[k].next = k + 1;
            }
        }
    }
    guest_memory_set_system(drv[0].mem);
    mem_write(bar4 + 0x14, 0, 1);
    mem_write(bar4 + 0x14, 3, 1);
    mem_write(bar4 + 0x00, 0, 4);
    features = mem_read(bar4 + 0x04, 4);
    mem_write(bar4 + 0x00, 1, 4);
    features |= mem_read(bar4 + 0x04, 4) << 32;
    features &= ~without;
    mem_write(bar4 + 0x08, 0, 4);
    mem_write(bar4 + 0x0c, (uint32_t)features, 4);
    mem_write(bar4 + 0x08, 1, 4);
    mem_write(bar4 + 0x0c, features >> 32, 4);
    mem_write(bar4 + 0x14, 11, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 11);
    for (unsigned i = 0; i < mem_read(bar4 + 0x12, 2) && i < QUEUES; i++) {
        mem_write(bar4 + 0x16, i, 2);
        mem_write(bar4 + 0x18, 128, 2);
        mem_write(bar4 + 0x20, gpa(drv[i].desc), 8);
        mem_write(bar4 + 0x28, gpa(drv[i].avail), 8);
        mem_write(bar4 + 0x30, gpa(drv[i].used), 8);
        mem_write(bar4 + 0x1c, 1, 2);
    }
    mem_write(bar4 + 0x14, 15, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 15);
    return features;
}

static void driver_stop(void)
{
    mem_write(bar4 + 0x14, 0, 1);
    for (unsigned i = QUEUES; i-- > 0;) {
        if (i) {
            drv[i].ram = NULL;
        }
        fake_driver_cleanup(&drv[i]);
    }
    guest_memory_set_system(NULL);
}

static int offer(unsigned queue, unsigned i, uint32_t type, uint64_t sector,
                 uint32_t len)
{
    Req *r = req_at(queue, i);
    unsigned pieces = len > 4096 ? len / 4096 : 1;
    FakeDesc d[8];
    unsigned n = 0;

    *r = (Req){ .type = type, .sector = sector, .status = 0xff };
    d[n++] = (FakeDesc){ gpa(r), 16, 0, 0 };
    for (unsigned k = 0; len && k < pieces; k++) {
        d[n++] = (FakeDesc){ gpa(r->data) + k * (len / pieces), len / pieces,
                             type & 1 ? 0 : FD_WRITE, 0 };
    }
    d[n++] = (FakeDesc){ gpa(&r->status), 1, FD_WRITE, 0 };
    return fake_add(&drv[queue], d, n, i & 1 ? gpa(r->data + CHUNK) : 0);
}

static void kick(unsigned queue)
{
    if (fake_publish(&drv[queue])) {
        mem_write(bar4 + 0x3000 + 4 * queue, queue, 2);
    }
}

#define WAIT_FOR(cond)                                               \
    do {                                                             \
        int64_t end_ = g_get_monotonic_time() + 20 * G_USEC_PER_SEC; \
        while (!(cond)) {                                            \
            g_assert_cmpint(g_get_monotonic_time(), <, end_);        \
            main_loop_wait(true);                                    \
        }                                                            \
    } while (0)

static uint8_t one(uint32_t type, uint64_t sector, const void *data,
                   uint32_t len)
{
    Req *r = req_at(0, 0);
    FakeUsedElem e;

    offer(0, 0, type, sector, len);
    if (data) {
        memcpy(r->data, data, len);
    }
    kick(0);
    WAIT_FOR(fake_get_used(&drv[0], &e));
    return r->status;
}

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

static void test_config(void)
{
    BlockDriverState *bs = add_node(
        "{'driver': 'null-co', 'node-name': 'd0', 'size': 1048576}");
    const char *const props[] = { "drive=d0",
                                  "num-queues=2",
                                  "queue-size=64",
                                  "logical_block_size=4096",
                                  "serial=abc",
                                  "physical_block_size=16384",
                                  "min_io_size=8192",
                                  "opt_io_size=65536",
                                  "iothread=t0",
                                  "discard_granularity=32768",
                                  NULL };
    uint64_t c;
    uint64_t features;

    setup(props);
    c = bar4 + 0x2000;
    g_assert_cmpuint(mem_read(c, 8), ==, 2048);
    g_assert_cmpuint(mem_read(c + 12, 4), ==, 62);
    g_assert_cmpuint(mem_read(c + 20, 4), ==, 4096);
    g_assert_cmpuint(mem_read(c + 24, 1), ==, 2);
    g_assert_cmpuint(mem_read(c + 26, 2), ==, 2);
    g_assert_cmpuint(mem_read(c + 28, 4), ==, 16);
    g_assert_cmpuint(mem_read(c + 34, 2), ==, 2);
    g_assert_cmpuint(mem_read(c + 36, 4), ==, 4194303);
    g_assert_cmpuint(mem_read(c + 40, 4), ==, 1);
    g_assert_cmpuint(mem_read(c + 44, 4), ==, 64);
    g_assert_cmpuint(mem_read(c + 56, 1), ==, 1);
    g_assert_cmphex(mem_read(c + 60, 4), ==, UINT32_MAX);
    mem_write(bar4 + 0x16, 0, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 64);
    features = driver_start(0);
    driver_stop();
    g_assert_cmphex(features, ==,
                    1ull << 2 | 1ull << 4 | 1ull << 6 | 1ull << 9 | 1ull << 10 |
                        1ull << 11 | 1ull << 12 | 1ull << 13 | 1ull << 14 |
                        1ull << 28 | 1ull << 29 | 1ull << 32 | 1ull << 40);
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

static void test_path(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");
    g_autofree char *id = NULL;

    setup(one_thread);
    id = blk_get_attached_dev_id(blk_by_dev(dev));
    g_assert_cmpstr(id, ==, "/machine/peripheral/disk0/virtio-backend");
    teardown();
    bdrv_unref(bs);
}

/* --- messages ------------------------------------------------------------- */

typedef struct BadProps {
    const char *props; /* separated by ',' */
    const char *message;
} BadProps;

static const BadProps bad_props[] = {
    { "", "drive property not set" },
    { "drive=x", "Property 'virtio-blk-device.drive' can't find value 'x'" },
    { "drive=d0,iothread=zz", "Device 'zz' not found" },
    { "drive=d0,num-queues=0", "num-queues property must be larger than 0" },
    { "drive=d0,queue-size=2", "invalid queue-size property (2), must be > 2" },
    { "drive=d0,queue-size=100",
      "invalid queue-size property (100), must be a power of 2 (max 1024)" },
    { "drive=d0,queue-size=2048",
      "invalid queue-size property (2048), must be a power of 2 (max 1024)" },
    { "drive=d0,logical_block_size=100",
      "parameter logical_block_size must be a power of 2 between 512 and "
      "2097152" },
    { "drive=d0,logical_block_size=4194304",
      "parameter logical_block_size must be a power of 2 between 512 and "
      "2097152" },
    { "drive=d0,logical_block_size=4096,physical_block_size=512",
      "logical_block_size > physical_block_size not supported" },
    { "drive=d0,min_io_size=100",
      "min_io_size must be a multiple of logical_block_size" },
    { "drive=d0,min_io_size=33554432",
      "min_io_size must not exceed 65535 logical blocks" },
    { "drive=d0,opt_io_size=100",
      "opt_io_size must be a multiple of logical_block_size" },
    { "drive=d0,discard_granularity=100",
      "discard_granularity must be a multiple of logical_block_size" },
    { "drive=d0,max-discard-sectors=0",
      "invalid max-discard-sectors property (0), must be between 1 and "
      "4194303" },
    { "drive=d0,max-write-zeroes-sectors=4194304",
      "invalid max-write-zeroes-sectors property (4194304), must be between 1 "
      "and 4194303" },
    { "drive=d0,cyls=100000,heads=1,secs=1",
      "cyls must be between 1 and 65535" },
    { "drive=d0,cyls=100", "heads must be between 1 and 255" },
    { "drive=d0,iothread=t0,ioeventfd=off",
      "ioeventfd is required for iothread" },
    { "drive=d0,werror=foo", "Parameter 'werror' does not accept value 'foo'" },
    { "drive=d0,write-cache=foo",
      "Parameter 'write-cache' does not accept value 'foo'" },
    { "drive=d0,disable-legacy=on,disable-modern=on",
      "device cannot work as neither modern nor legacy mode is enabled" },
};

static void test_messages(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");

    make_bus();
    for (unsigned i = 0; i < ARRAY_SIZE(bad_props); i++) {
        g_auto(GStrv) props = g_strsplit(bad_props[i].props, ",", 0);
        Error *err = NULL;

        g_assert_null(plug((const char *const *)props, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, bad_props[i].message);
        error_free(err);
    }
    pci_root_bus_free(bus);
    bdrv_unref(bs);
}

/* --- iothread-vq-mapping -------------------------------------------------- */

typedef struct BadMapping {
    const char *json;
    const char *message;
} BadMapping;

static const BadMapping bad_mappings[] = {
    { "[{'iothread':'zz'}]", "IOThread \"zz\" object does not exist" },
    { "[{'iothread':'t0'},{'iothread':'t0'}]",
      "duplicate IOThread name \"t0\" in iothread-vq-mapping" },
    { "[{'iothread':'t0'},{'iothread':'t1','vqs':[0]}]",
      "either all items in iothread-vq-mapping must have vqs or none of them "
      "must have it" },
    { "[{'iothread':'t0','vqs':[0]},{'iothread':'t1','vqs':[0]}]",
      "cannot assign vq 0 to IOThread \"t1\" because it is already assigned" },
    { "[{'iothread':'t0','vqs':[0]},{'iothread':'t1','vqs':[5]}]",
      "vq index 5 for IOThread \"t1\" must be less than num_queues 2 in "
      "iothread-vq-mapping" },
    { "[{'iothread':'t0','vqs':[0]}]",
      "missing vq 1 IOThread assignment in iothread-vq-mapping" },
    { "[{'vqs':[0]}]",
      "Parameter 'iothread-vq-mapping[0].iothread' is missing" },
};

/* A device with that mapping and two queues. */
static PCIDevice *plug_mapped(const char *json, Error **errp)
{
    DeviceState *d = qdev_new("virtio-blk-pci");
    QObject *list = qobject_from_json(json, &error_abort);
    bool ok = object_property_parse(d, "drive", "d0", errp) &&
              object_property_parse(d, "num-queues", "2", errp) &&
              object_property_set_qobject(d, "iothread-vq-mapping", list, errp);

    qobject_unref(list);
    if (!ok) {
        object_unref(d);
        return NULL;
    }
    qdev_set_id(d, g_strdup("disk0"), &error_abort);
    return qdev_realize_and_unref(d, BUS(bus), errp) ? PCI_DEVICE(d) : NULL;
}

static void test_mapping(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");
    static const char *const good[] = {
        "[{'iothread':'t0'},{'iothread':'t1'}]",
        "[{'iothread':'t1','vqs':[1]},{'iothread':'t0','vqs':[0]}]",
    };
    AioContext *t0 = iothread_get_aio_context(iothread_by_id("t0"));
    AioContext *t1 = iothread_get_aio_context(iothread_by_id("t1"));

    make_bus();
    for (unsigned i = 0; i < ARRAY_SIZE(bad_mappings); i++) {
        Error *err = NULL;

        g_assert_null(plug_mapped(bad_mappings[i].json, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, bad_mappings[i].message);
        error_free(err);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        VirtIOPCIProxy *p;

        dev = plug_mapped(good[i], &error_abort);
        p = (VirtIOPCIProxy *)dev;
        g_assert_true(p->vdev->vq[0].ctx == t0);
        g_assert_true(p->vdev->vq[1].ctx == t1);
        qdev_unplug_now(&dev->qdev);
    }
    pci_root_bus_free(bus);
    bdrv_unref(bs);
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

static void make_iothread(const char *id)
{
    QDict *empty = qdict_new();

    g_assert_nonnull(
        user_creatable_add_type(TYPE_IOTHREAD, id, empty, true, &error_abort));
    qobject_unref(empty);
}

int main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("test-virtio-blk-XXXXXX", NULL);
    int ret;

    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    bdrv_init();
    type_register_table(qom_types);
    type_register_table(backends_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(virtio_pci_types);
    type_register_table(hw_block_types);
    disk_path = g_build_filename(dir, "disk.raw", NULL);
    make_iothread("t0");
    make_iothread("t1");
    g_test_add_data_func("/virtio-blk/contents/main-loop", no_thread,
                         test_contents);
    g_test_add_data_func("/virtio-blk/contents/no-ioeventfd", no_ioeventfd,
                         test_contents);
    g_test_add_data_func("/virtio-blk/contents/iothread", one_thread,
                         test_contents);
    g_test_add_func("/virtio-blk/contents/two-iothreads", test_two_threads);
    g_test_add_func("/virtio-blk/zeroes", test_zeroes);
    g_test_add_func("/virtio-blk/read-only", test_read_only);
    g_test_add_func("/virtio-blk/config", test_config);
    g_test_add_func("/virtio-blk/wce", test_wce);
    g_test_add_func("/virtio-blk/stop", test_stop);
    g_test_add_func("/virtio-blk/resize", test_resize);
    g_test_add_func("/virtio-blk/werror", test_werror);
    g_test_add_func("/virtio-blk/path", test_path);
    g_test_add_func("/virtio-blk/messages", test_messages);
    g_test_add_func("/virtio-blk/mapping", test_mapping);
    ret = g_test_run();
    user_creatable_cleanup();
    unlink(disk_path);
    rmdir(dir);
    g_free(disk_path);
    return ret;
}
