/*
 * Tests of virtio-blk-pci's properties: what the guest sees of them, and
 * QEMU's messages for those that are wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/unit/hw/block/pci-disk.h"

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
static void test_path(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");
    g_autofree char *id = NULL;

    setup((const char *const[]){ "drive=d0", NULL });
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

/* An IOThread is deleted, and its name given away, while a device uses it. */
static void test_mapping_renamed(void)
{
    BlockDriverState *bs = add_node("{'driver': 'null-co', 'node-name': 'd0'}");
    g_autoptr(QDict) no_props = qdict_new();
    Object *other;

    make_bus();
    dev = plug_mapped("[{'iothread':'t0'},{'iothread':'t1'}]", &error_abort);
    user_creatable_del("t0", &error_abort);
    other = user_creatable_add_type(TYPE_IOTHREAD, "t0", no_props, true,
                                    &error_abort);
    g_assert_cmpint(other->ref, ==, 1);
    qdev_unplug_now(&dev->qdev);
    g_assert_cmpint(other->ref, ==, 1);
    pci_root_bus_free(bus);
    bdrv_unref(bs);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    pci_disk_init();
    g_test_add_func("/virtio-blk-props/config", test_config);
    g_test_add_func("/virtio-blk-props/path", test_path);
    g_test_add_func("/virtio-blk-props/messages", test_messages);
    g_test_add_func("/virtio-blk-props/mapping", test_mapping);
    g_test_add_func("/virtio-blk-props/mapping-renamed", test_mapping_renamed);
    ret = g_test_run();
    pci_disk_cleanup();
    return ret;
}
