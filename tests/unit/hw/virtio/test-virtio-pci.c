/*
 * Tests of the PCI transport through a real bus: capabilities, registers with
 * right and wrong widths, the configuration window, kicks, MSI-X by irqfd and
 * with masked vectors, INTx.
 *
 * The device under it answers each chain with 0 bytes, in the main loop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/virtio/virtio-pci.h"
#include "tests/unit/virtio/fake-driver.h"
#include "util/main-loop.h"

#define QUEUES 3
#define DEVFN  (4 << 3)

/* --- a device ------------------------------------------------------------- */

typedef struct TestPCI {
    VirtIOPCIProxy proxy;
    VirtIODevice vdev;
    uint8_t config[16];
} TestPCI;

static TestPCI *T;
static unsigned served;

static void get_config(VirtIODevice *vdev, uint8_t *config)
{
    memcpy(config, T->config, sizeof(T->config));
}

static void set_config(VirtIODevice *vdev, const uint8_t *config)
{
    memcpy(T->config, config, sizeof(T->config));
}

static bool queue_start(VirtIODevice *vdev, VirtQueue *vq, Error **errp)
{
    return true;
}

static void queue_nothing(VirtIODevice *vdev, VirtQueue *vq)
{
}

static void queue_handle(VirtIODevice *vdev, VirtQueue *vq)
{
    VringElement e;

    vring_element_init(&e, NULL);
    while (vring_pop(&vq->vring, &e) == 1) {
        vring_push(&vq->vring, &e, 0);
        vring_publish(&vq->vring);
        virtio_notify(vq);
        served++;
    }
}

static bool queue_has_work(VirtIODevice *vdev, VirtQueue *vq)
{
    return vring_has_work(&vq->vring);
}

static void queue_set_polling(VirtIODevice *vdev, VirtQueue *vq, bool on)
{
}

static const VirtIODeviceOps device_ops = {
    .get_config = get_config,
    .set_config = set_config,
    .queue_start = queue_start,
    .queue_stop = queue_nothing,
    .queue_resume = queue_handle,
    .queue_pause = queue_nothing,
    .queue_drain = queue_nothing,
    .queue_handle = queue_handle,
    .queue_has_work = queue_has_work,
    .queue_set_polling = queue_set_polling,
};

static bool test_realize(PCIDevice *d, Error **errp)
{
    T = (TestPCI *)d;
    virtio_init(&T->vdev, "virtio-test", 42, sizeof(T->config), QUEUES,
                &device_ops);
    T->vdev.host_features |= 5;
    T->vdev.vm_running = true;
    T->proxy.ioeventfd = true;
    T->proxy.nvectors = UINT32_MAX;
    for (unsigned i = 0; i < QUEUES; i++) {
        virtio_add_queue(&T->vdev, 128, qemu_get_aio_context(), &error_abort);
    }
    return virtio_pci_realize(&T->proxy, &T->vdev, errp);
}

static void test_exit(PCIDevice *d)
{
    virtio_pci_exit(&T->proxy);
    virtio_cleanup(&T->vdev);
}

static const PCIDeviceOps test_ops = {
    .realize = test_realize,
    .exit = test_exit,
    .reset = virtio_pci_reset,
    .config_read = virtio_pci_config_read,
    .config_write = virtio_pci_config_write,
    .vendor_id = VIRTIO_PCI_VENDOR_ID,
    .device_id = 0x106a,
    .class_id = PCI_CLASS_STORAGE_SCSI,
    .revision = 1,
};

static const TypeInfo test_type = {
    .name = "test-virtio-pci",
    .parent = TYPE_VIRTIO_PCI,
    .instance_size = sizeof(TestPCI),
    .class_ops = &test_ops,
};
static const TypeInfo *const test_types[] = { &test_type, NULL };

/* --- an accelerator that only remembers ----------------------------------- */

static EventNotifier *irqfds[16];
static MSIMessage routes[16];
static unsigned nroutes, sent;
static MSIMessage last_sent;

static int route_add(MSIMessage msg)
{
    routes[nroutes] = msg;
    return nroutes++;
}

static int route_update(int virq, MSIMessage msg)
{
    routes[virq] = msg;
    return 0;
}

static void route_release(int virq)
{
    g_assert_null(irqfds[virq]);
}

static int attach_irqfd(int virq, EventNotifier *e)
{
    g_assert_null(irqfds[virq]);
    irqfds[virq] = e;
    return 0;
}

static int detach_irqfd(int virq, EventNotifier *e)
{
    g_assert_true(irqfds[virq] == e);
    irqfds[virq] = NULL;
    return 0;
}

static int send(MSIMessage msg)
{
    last_sent = msg;
    sent++;
    return 0;
}

static const MSIRouteOps route_ops = {
    .add = route_add,
    .update = route_update,
    .release = route_release,
    .attach_irqfd = attach_irqfd,
    .detach_irqfd = detach_irqfd,
    .send = send,
};

/* --- the guest ------------------------------------------------------------ */

static PCIBus *bus;
static PCIDevice *dev;
static FakeDriver drv;
static uint64_t bar4, bar1;
static int intx_level;

static void set_intx(void *opaque, int irq, int level)
{
    intx_level = level;
}

static int map_intx(PCIDevice *d, int pin)
{
    return pin;
}

static uint32_t cfg_read(unsigned reg, unsigned len)
{
    return pci_data_read(bus, DEVFN << 8 | reg, len);
}

static void cfg_write(unsigned reg, uint32_t val, unsigned len)
{
    pci_data_write(bus, DEVFN << 8 | reg, val, len);
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

/* What firmware does. */
static void place_bars(void)
{
    const PCIWindows w = { { 0xc000, 0x1000 },
                           { 0xe0000000, 0x10000000 },
                           { 0x800000000, 0x10000000 } };

    g_assert_true(pci_assign_resources(bus, &w, NULL, &error_abort));
    cfg_write(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static void setup(bool with_routes)
{
    msi_route_register_ops(with_routes ? &route_ops : NULL);
    nroutes = sent = served = 0;
    intx_level = 0;
    memset(irqfds, 0, sizeof(irqfds));
    bus = pci_root_bus_new(NULL, "pci.0", get_system_memory(), get_system_io(),
                           1);
    pci_bus_irqs(bus, set_intx, map_intx, NULL, 4);
    dev = pci_create_simple(bus, DEVFN, "test-virtio-pci", &error_abort);
    place_bars();
    bar4 = pci_get_bar_addr(dev, 4);
    bar1 = pci_get_bar_addr(dev, 1);
    g_assert_cmpuint(bar4, !=, PCI_BAR_UNMAPPED);
    g_assert_cmpuint(bar1, !=, PCI_BAR_UNMAPPED);
    fake_driver_init(&drv, 128, false, false, 0);
    guest_memory_set_system(drv.mem);
}

static void teardown(void)
{
    pci_root_bus_free(bus);
    fake_driver_cleanup(&drv);
    guest_memory_set_system(NULL);
    msi_route_register_ops(NULL);
}

/* Enable MSI-X and give vector @v the message data @data. */
static void set_vector(unsigned v, uint32_t data, bool masked)
{
    mem_write(bar1 + v * 16, 0xfee00000, 4);
    mem_write(bar1 + v * 16 + 4, 0, 4);
    mem_write(bar1 + v * 16 + 8, data, 4);
    mem_write(bar1 + v * 16 + 12, masked, 4);
}

static void enable_msix(bool on)
{
    cfg_write(pci_find_capability(dev, PCI_CAP_ID_MSIX) + 2, on ? 0x8000 : 0,
              2);
}

/* Bring the device up with queue 0 on @vector, as a driver does. */
static void start_device(uint16_t vector)
{
    mem_write(bar4 + 0x14, 1, 1);
    mem_write(bar4 + 0x14, 3, 1);
    mem_write(bar4 + 0x08, 1, 4);
    mem_write(bar4 + 0x0c, 1, 4); /* VERSION_1 */
    mem_write(bar4 + 0x14, 11, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 11);
    mem_write(bar4 + 0x16, 0, 2);
    mem_write(bar4 + 0x1a, vector, 2);
    mem_write(bar4 + 0x20, drv.cfg.desc, 8);
    mem_write(bar4 + 0x28, drv.cfg.avail, 4);
    mem_write(bar4 + 0x30, drv.cfg.used, 8);
    mem_write(bar4 + 0x1c, 1, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x1c, 2), ==, 1);
    mem_write(bar4 + 0x14, 15, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 15);
}

#define WAIT_FOR(cond)                                               \
    do {                                                             \
        int64_t end_ = g_get_monotonic_time() + 20 * G_USEC_PER_SEC; \
        while (!(cond)) {                                            \
            g_assert_cmpint(g_get_monotonic_time(), <, end_);        \
            main_loop_wait(true);                                    \
        }                                                            \
    } while (0)

/* One chain; returns when it has been used. */
static void one_request(void)
{
    FakeDesc d = { FAKE_GPA + 4 * MiB, 64, 0, 0 };
    FakeUsedElem e;

    fake_add(&drv, &d, 1, 0);
    fake_publish(&drv);
    mem_write(bar4 + 0x3000, 0, 2);
    WAIT_FOR(fake_get_used(&drv, &e));
    main_loop_wait(true);
    main_loop_wait(true);
}

/* --- tests ---------------------------------------------------------------- */

static void test_capabilities(void)
{
    static const struct {
        uint8_t pos, type;
        uint32_t offset, length;
    } expect[] = { { 0x40, 1, 0x0000, 0x1000 },
                   { 0x50, 3, 0x1000, 0x1000 },
                   { 0x60, 4, 0x2000, 0x1000 },
                   { 0x70, 2, 0x3000, 0x1000 } };

    setup(false);
    for (unsigned i = 0; i < ARRAY_SIZE(expect); i++) {
        uint8_t pos = expect[i].pos;

        g_assert_cmphex(cfg_read(pos, 1), ==, PCI_CAP_ID_VENDOR);
        g_assert_cmphex(cfg_read(pos + 3, 1), ==, expect[i].type);
        g_assert_cmphex(cfg_read(pos + 4, 1), ==, 4);
        g_assert_cmphex(cfg_read(pos + 8, 4), ==, expect[i].offset);
        g_assert_cmphex(cfg_read(pos + 12, 4), ==, expect[i].length);
    }
    g_assert_cmphex(cfg_read(0x80, 4), ==, 4); /* the multiplier */
    g_assert_cmphex(cfg_read(0x87, 1), ==, 5);
    g_assert_cmphex(cfg_read(0x98, 1), ==, PCI_CAP_ID_MSIX);
    g_assert_cmphex(cfg_read(0x9a, 2), ==, QUEUES); /* vectors - 1 */
    g_assert_cmphex(cfg_read(PCI_INTERRUPT_PIN, 1), ==, 1);
    teardown();
}

static void test_registers(void)
{
    setup(false);
    g_assert_cmphex(mem_read(bar4 + 0x04, 4), ==, 5);
    mem_write(bar4, 1, 4);
    g_assert_cmphex(mem_read(bar4 + 0x04, 4), ==, 1);
    mem_write(bar4, 2, 4);
    g_assert_cmphex(mem_read(bar4 + 0x04, 4), ==, 0);
    g_assert_cmpuint(mem_read(bar4 + 0x12, 2), ==, QUEUES);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 128);

    /* The wrong width does nothing */
    mem_write(bar4 + 0x14, 3, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 0);
    g_assert_cmpuint(mem_read(bar4 + 0x12, 1), ==, 0);
    g_assert_cmpuint(mem_read(bar4 + 0x13, 1), ==, 0);
    mem_write(bar4 + 0x16, 0x0101, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x16, 2), ==, 0);
    for (unsigned off = 0; off < 0x1000; off += 2) {
        mem_write(bar4 + 0x40 + off % 0xf00, 0xffff, 2);
        mem_read(bar4 + off, 2);
    }

    /* Queue sizes: powers of two up to what is offered */
    mem_write(bar4 + 0x18, 256, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 128);
    mem_write(bar4 + 0x18, 48, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 128);
    mem_write(bar4 + 0x18, 0, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 128);
    mem_write(bar4 + 0x18, 16, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 16);

    /* A queue that is not there */
    mem_write(bar4 + 0x16, QUEUES, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x18, 2), ==, 0);
    mem_write(bar4 + 0x1c, 1, 2);
    mem_write(bar4 + 0x20, UINT64_MAX, 8);
    mem_write(bar4 + 0x1a, 0, 2);
    mem_write(bar4 + 0x3a, 1, 2);
    mem_write(bar4 + 0x16, 0xffff, 2);
    mem_write(bar4 + 0x1c, 1, 2);
    mem_write(bar4 + 0x16, 0, 2);

    /* Vectors that are not there */
    mem_write(bar4 + 0x10, QUEUES + 1, 2);
    g_assert_cmphex(mem_read(bar4 + 0x10, 2), ==, 0xffff);
    mem_write(bar4 + 0x10, QUEUES, 2);
    g_assert_cmphex(mem_read(bar4 + 0x10, 2), ==, QUEUES);
    mem_write(bar4 + 0x1a, 99, 2);
    g_assert_cmphex(mem_read(bar4 + 0x1a, 2), ==, 0xffff);

    /* The device's own space */
    T->config[3] = 0xab;
    g_assert_cmphex(mem_read(bar4 + 0x2000, 4), ==, 0xab000000);
    mem_write(bar4 + 0x2002, 0x1234, 2);
    g_assert_cmphex(mem_read(bar4 + 0x2000, 4), ==, 0x12340000);
    g_assert_cmphex(mem_read(bar4 + 0x2010, 1), ==, 0xff);

    mem_write(bar4 + 0x1c, 7, 2); /* queue_enable must be 1 */
    WAIT_FOR(mem_read(bar4 + 0x14, 1) & 0x40);
    mem_write(bar4 + 0x14, 0, 1);
    g_assert_cmphex(mem_read(bar4 + 0x14, 1), ==, 0);
    g_assert_cmphex(mem_read(bar4 + 0x10, 2), ==, 0xffff);
    teardown();
}

static void test_window(void)
{
    setup(false);
    cfg_write(0x84 + 4, 4, 1);
    cfg_write(0x84 + 8, 0x12, 4);
    cfg_write(0x84 + 12, 2, 4);
    g_assert_cmphex(cfg_read(0x84 + 16, 2), ==, QUEUES);
    cfg_write(0x84 + 8, 0x14, 4);
    cfg_write(0x84 + 12, 1, 4);
    cfg_write(0x84 + 16, 3, 1);
    g_assert_cmphex(mem_read(bar4 + 0x14, 1), ==, 3);
    g_assert_cmphex(cfg_read(0x84 + 16, 1), ==, 3);
    /* Nonsense */
    for (unsigned len = 0; len < 9; len++) {
        static const uint32_t offsets[] = { 1,      0x13,       0x3fff,
                                            0x4000, 0xfffffffc, 0xffffffff,
                                            0x3ffe };

        for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
            cfg_write(0x84 + 8, offsets[i], 4);
            cfg_write(0x84 + 12, len, 4);
            cfg_write(0x84 + 16, 0xffffffff, 4);
            cfg_read(0x84 + 16, 4);
        }
    }
    cfg_write(0x84 + 4, 1, 1); /* the wrong BAR */
    cfg_write(0x84 + 8, 0, 4);
    cfg_write(0x84 + 12, 4, 4);
    cfg_write(0x84 + 16, 0, 4);
    cfg_read(0x84 + 16, 4);
    g_assert_cmphex(mem_read(bar4 + 0x14, 1), ==, 3);
    teardown();
}

static void test_irqfd(void)
{
    EventNotifier *e;

    setup(true);
    set_vector(1, 0x41, false);
    enable_msix(true);
    start_device(1);
    g_assert_cmpuint(nroutes, ==, 1);
    g_assert_cmphex(routes[0].data, ==, 0x41);
    e = irqfds[0];
    g_assert_nonnull(e);
    one_request();
    g_assert_true(event_notifier_test_and_clear(e));

    /* Masked: pending, and sent when unmasked */
    mem_write(bar1 + 16 + 12, 1, 4);
    g_assert_null(irqfds[0]);
    one_request();
    WAIT_FOR(msix_is_pending(dev, 1));
    g_assert_cmpuint(sent, ==, 0);
    set_vector(1, 0x42, false);
    g_assert_cmpuint(sent, ==, 1);
    g_assert_cmphex(last_sent.data, ==, 0x42);
    g_assert_true(irqfds[0] == e);
    g_assert_cmphex(routes[0].data, ==, 0x42);
    g_assert_false(msix_is_pending(dev, 1));
    one_request();
    g_assert_true(event_notifier_test_and_clear(e));
    g_assert_cmpuint(sent, ==, 1);

    /* The message changes without a mask; the function mask; MSI-X off */
    mem_write(bar1 + 16 + 8, 0x43, 4);
    g_assert_cmphex(routes[0].data, ==, 0x43);
    cfg_write(0x9a, 0xc000, 2);
    g_assert_null(irqfds[0]);
    cfg_write(0x9a, 0x8000, 2);
    g_assert_nonnull(irqfds[0]);
    enable_msix(false);
    g_assert_null(irqfds[0]);
    enable_msix(true);
    g_assert_nonnull(irqfds[0]);

    mem_write(bar4 + 0x14, 0, 1);
    g_assert_null(irqfds[0]);
    g_assert_cmphex(mem_read(bar4 + 0x1a, 2), ==, 0xffff);
    g_assert_cmpuint(mem_read(bar4 + 0x1c, 2), ==, 0);
    teardown();
}

static void test_queue_reset(void)
{
    setup(true);
    set_vector(1, 0x41, false);
    enable_msix(true);
    start_device(1);
    g_assert_nonnull(irqfds[0]);
    mem_write(bar4 + 0x3a, 1, 2); /* not negotiated */
    g_assert_cmpuint(mem_read(bar4 + 0x1a, 2), ==, 1);
    g_assert_cmpuint(mem_read(bar4 + 0x1c, 2), ==, 1);

    T->vdev.guest_features |= 1ull << VIRTIO_F_RING_RESET;
    mem_write(bar4 + 0x3a, 1, 2);
    g_assert_cmpuint(mem_read(bar4 + 0x1c, 2), ==, 0);
    g_assert_cmphex(mem_read(bar4 + 0x1a, 2), ==, 0xffff);
    g_assert_null(irqfds[0]);
    teardown();
}

static void test_config_interrupt(void)
{
    setup(true);
    set_vector(2, 0x55, false);
    enable_msix(true);
    mem_write(bar4 + 0x10, 2, 2);
    start_device(0xffff);
    g_assert_cmpuint(mem_read(bar4 + 0x15, 1), ==, 0);
    virtio_notify_config(&T->vdev);
    g_assert_cmpuint(sent, ==, 1);
    g_assert_cmphex(last_sent.data, ==, 0x55);
    g_assert_cmpuint(mem_read(bar4 + 0x15, 1), ==, 1);
    one_request(); /* no vector: no interrupt */
    g_assert_cmpuint(sent, ==, 1);
    teardown();
}

static void test_intx(void)
{
    setup(false);
    start_device(0xffff);
    g_assert_cmpint(intx_level, ==, 0);
    one_request();
    WAIT_FOR(intx_level);
    g_assert_cmphex(mem_read(bar4 + 0x1000, 1), ==, 1);
    g_assert_cmpint(intx_level, ==, 0);
    g_assert_cmphex(mem_read(bar4 + 0x1000, 1), ==, 0);
    virtio_notify_config(&T->vdev);
    one_request();
    WAIT_FOR(intx_level);
    g_assert_cmphex(mem_read(bar4 + 0x1000, 1), ==, 3);
    /* A reset takes the level away */
    one_request();
    WAIT_FOR(intx_level);
    mem_write(bar4 + 0x14, 0, 1);
    g_assert_cmpint(intx_level, ==, 0);
    teardown();
}

static void test_bus_master(void)
{
    setup(true);
    start_device(0xffff);
    one_request();
    cfg_write(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_false(T->vdev.vq[0].started);
    g_assert_cmpuint(mem_read(bar4 + 0x14, 1), ==, 11);
    teardown();
}

static void test_reset(void)
{
    setup(true);
    for (unsigned i = 0; i < 20; i++) {
        fake_driver_cleanup(&drv);
        fake_driver_init(&drv, 128, false, false, 0);
        guest_memory_set_system(drv.mem);
        set_vector(0, 0x30 + i, false);
        enable_msix(true);
        start_device(0);
        one_request();
        device_cold_reset(&dev->qdev);
        g_assert_cmpuint(T->vdev.status, ==, 0);
        for (unsigned k = 0; k < nroutes; k++) {
            g_assert_null(irqfds[k]);
        }
        nroutes = 0;
        place_bars();
    }
    teardown();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(virtio_pci_types);
    type_register_table(test_types);
    g_test_add_func("/virtio-pci/capabilities", test_capabilities);
    g_test_add_func("/virtio-pci/registers", test_registers);
    g_test_add_func("/virtio-pci/window", test_window);
    g_test_add_func("/virtio-pci/irqfd", test_irqfd);
    g_test_add_func("/virtio-pci/queue-reset", test_queue_reset);
    g_test_add_func("/virtio-pci/config-interrupt", test_config_interrupt);
    g_test_add_func("/virtio-pci/intx", test_intx);
    g_test_add_func("/virtio-pci/bus-master", test_bus_master);
    g_test_add_func("/virtio-pci/reset", test_reset);
    return g_test_run();
}
