/*
 * A virtio-blk-pci disk on a bus of its own, and the driver that sets it up
 * through its registers, for the tests of the whole device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_HW_BLOCK_PCI_DISK_H
#define TESTS_UNIT_HW_BLOCK_PCI_DISK_H

#include "util/osdep.h"
#include "block/block.h"
#include "hw/block/virtio-blk.h"
#include "hw/virtio/virtio-pci.h"
#include "qobject/json.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/main-loop.h"

#define DEVFN     (4 << 3)
#define DISK_SIZE (4 * MiB)
#define QUEUES    2
#define DEPTH     32
#define CHUNK     16384

/* --- block nodes ---------------------------------------------------------- */

static char *disk_path;

static inline BlockDriverState *G_GNUC_QEMU_PRINTF(1, 2)
    add_node(const char *fmt, ...)
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

static inline void make_disk(uint8_t byte)
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

static inline void set_intx(void *opaque, int irq, int level)
{
    intx_level = level;
}

static inline int map_intx(PCIDevice *d, int pin)
{
    return pin;
}

static inline void make_bus(void)
{
    bus = pci_root_bus_new(NULL, "pci.0", get_system_memory(), get_system_io(),
                           1);
    pci_bus_irqs(bus, set_intx, map_intx, NULL, 4);
}

/* A device with "name=value" properties, NULL and @errp if one is wrong. */
static inline PCIDevice *plug(const char *const *props, Error **errp)
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

static inline uint64_t mem_read(uint64_t addr, unsigned size)
{
    uint64_t val = 0;

    address_space_rw(&address_space_memory, addr, &val, size, false);
    return val;
}

static inline void mem_write(uint64_t addr, uint64_t val, unsigned size)
{
    address_space_rw(&address_space_memory, addr, &val, size, true);
}

static inline void setup(const char *const *props)
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

static inline void teardown(void)
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

static inline Req *req_at(unsigned queue, unsigned i)
{
    return (Req *)(drv[0].ram + 2 * MiB + (queue * DEPTH + i) * 32768);
}

static inline uint64_t gpa(void *p)
{
    return FAKE_GPA + ((uint8_t *)p - drv[0].ram);
}

/* Offer all that the device offers, but for @without, and go. */
static inline uint64_t driver_start(uint64_t without)
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

static inline void driver_stop(void)
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

static inline int offer(unsigned queue, unsigned i, uint32_t type,
                        uint64_t sector, uint32_t len)
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

static inline void kick(unsigned queue)
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

static inline uint8_t one(uint32_t type, uint64_t sector, const void *data,
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
static inline PCIDevice *plug_mapped(const char *json, Error **errp)
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

static inline void make_iothread(const char *id)
{
    QDict *empty = qdict_new();

    g_assert_nonnull(
        user_creatable_add_type(TYPE_IOTHREAD, id, empty, true, &error_abort));
    qobject_unref(empty);
}

static char *disk_dir;

/* Types, IOThreads t0 and t1, a place for the image; first in main(). */
static inline void pci_disk_init(void)
{
    qemu_init_main_loop(&error_abort);
    bdrv_init();
    type_register_table(qom_types);
    type_register_table(iothread_types);
    type_register_table(backends_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(virtio_pci_types);
    type_register_table(hw_block_types);
    disk_dir = g_dir_make_tmp("test-virtio-blk-XXXXXX", NULL);
    disk_path = g_build_filename(disk_dir, "disk.raw", NULL);
    make_iothread("t0");
    make_iothread("t1");
}

static inline void pci_disk_cleanup(void)
{
    user_creatable_cleanup();
    unlink(disk_path);
    rmdir(disk_dir);
    g_free(disk_path);
    g_free(disk_dir);
}

#endif
