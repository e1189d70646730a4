/*
 * MSI-X: table, masks, pending bits, and what a device hears of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/unit/hw/pci/pci-test-device.h"

static PCIDevice *dev;
static uint64_t table, pba;
static uint8_t cap;

/* --- where messages and calls go ------------------------------------------ */

static unsigned sent;
static MSIMessage last_sent;

static int record_send(MSIMessage msg)
{
    sent++;
    last_sent = msg;
    return 0;
}

static const MSIRouteOps route_ops = { .send = record_send };

static unsigned unmasks[TEST_VECTORS], masks[TEST_VECTORS], polls;
static MSIMessage unmask_msg[TEST_VECTORS];
static int unmask_result;

static int vec_unmask(PCIDevice *d, unsigned vector, MSIMessage msg)
{
    unmasks[vector]++;
    unmask_msg[vector] = msg;
    return unmask_result;
}

static void vec_mask(PCIDevice *d, unsigned vector)
{
    masks[vector]++;
}

static void vec_poll(PCIDevice *d, unsigned first, unsigned end)
{
    polls++;
    g_assert_cmpuint(first, <=, end);
    g_assert_cmpuint(end, <=, TEST_VECTORS);
    if (first <= 40 && 40 < end) {
        msix_set_pending(d, 40);
    }
}

static const MSIXVectorOps vector_ops = { vec_unmask, vec_mask, vec_poll };

/* --- guest's side --------------------------------------------------------- */

static void set_flags(uint16_t flags)
{
    cfg_write(dev, cap + 2, flags, 2);
}

static void set_message(unsigned v, uint64_t addr, uint32_t data)
{
    mem_write(table + v * 16, addr);
    mem_write(table + v * 16 + 4, addr >> 32);
    mem_write(table + v * 16 + 8, data);
}

static void set_mask(unsigned v, bool masked)
{
    mem_write(table + v * 16 + 12, masked);
}

static void start(void)
{
    dev = test_pci_add(NULL, "4", false, &error_abort);
    test_pci_power_on();
    cap = pci_find_capability(dev, PCI_CAP_ID_MSIX);
    table = pci_get_bar_addr(dev, cfg_read(dev, cap + 4, 4) & 7) +
            (cfg_read(dev, cap + 4, 4) & ~7u);
    pba = pci_get_bar_addr(dev, cfg_read(dev, cap + 8, 4) & 7) +
          (cfg_read(dev, cap + 8, 4) & ~7u);
    sent = 0;
    polls = 0;
    unmask_result = 0;
    memset(unmasks, 0, sizeof(unmasks));
    memset(masks, 0, sizeof(masks));
}

static void stop(void)
{
    msix_set_vector_ops(dev, NULL);
    test_pci_del(dev);
}

/* --- tests ---------------------------------------------------------------- */

static void test_capability(void)
{
    start();
    g_assert_cmphex(cfg_read(dev, cap, 1), ==, 0x11);
    g_assert_cmphex(cfg_read(dev, cap + 2, 2), ==, TEST_VECTORS - 1);
    set_flags(0xffff);
    g_assert_cmphex(cfg_read(dev, cap + 2, 2), ==, 0xc000 | (TEST_VECTORS - 1));
    cfg_write(dev, cap + 4, 0, 4);
    g_assert_cmphex(cfg_read(dev, cap + 8, 4), ==, 0x802);
    g_assert_cmpuint(msix_nr_vectors(dev), ==, TEST_VECTORS);
    g_assert_true(msix_enabled(dev));
    for (unsigned v = 0; v < TEST_VECTORS; v++) {
        g_assert_cmphex(mem_read(table + v * 16 + 12), ==, 1);
    }
    g_assert_cmphex(mem_read(table + TEST_VECTORS * 16), ==, 0xffffffff);
    stop();
}

static void test_send_and_pend(void)
{
    start();
    set_message(3, UINT64_C(0x1fee00000), 0x4021);
    set_mask(3, false);
    g_assert_cmpint(msix_vector_use(dev, 3), ==, 0);
    g_assert_cmpint(msix_vector_use(dev, TEST_VECTORS), ==, -EINVAL);
    msix_notify(dev, 3); /* not enabled: waits */
    g_assert_cmpuint(sent, ==, 0);
    g_assert_cmphex(mem_read(pba), ==, 1 << 3);
    set_flags(0x8000);
    g_assert_cmpuint(sent, ==, 1);
    g_assert_cmphex(last_sent.address, ==, UINT64_C(0x1fee00000));
    g_assert_cmphex(last_sent.data, ==, 0x4021);
    g_assert_cmphex(mem_read(pba), ==, 0);
    msix_notify(dev, 3);
    g_assert_cmpuint(sent, ==, 2);
    set_mask(3, true);
    msix_notify(dev, 3);
    msix_notify(dev, 3);
    g_assert_cmpuint(sent, ==, 2);
    mem_write(pba, 0); /* read-only */
    g_assert_cmphex(mem_read(pba), ==, 1 << 3);
    set_mask(3, false);
    g_assert_cmpuint(sent, ==, 3); /* once */
    set_flags(0xc000);             /* mask the function */
    msix_notify(dev, 3);
    g_assert_cmpuint(sent, ==, 3);
    set_flags(0x8000);
    g_assert_cmpuint(sent, ==, 4);
    msix_notify(dev, 4);            /* nobody uses it */
    msix_notify(dev, TEST_VECTORS); /* nor is this one there */
    msix_notify(dev, UINT_MAX);
    g_assert_cmpuint(sent, ==, 4);
    set_mask(3, true);
    msix_notify(dev, 3);
    msix_vector_unuse(dev, 3);
    g_assert_false(msix_is_pending(dev, 3));
    stop();
}

static void test_ops(void)
{
    start();
    msix_vector_use(dev, 1);
    msix_vector_use(dev, 2);
    g_assert_cmpint(msix_set_vector_ops(dev, &vector_ops), ==, 0);
    set_message(1, 0xfee01000, 0x31);
    set_mask(1, false);
    set_mask(5, false); /* not in use */
    g_assert_cmpuint(unmasks[1], ==, 0);
    set_flags(0x8000);
    g_assert_cmpuint(unmasks[1], ==, 1);
    g_assert_cmphex(unmask_msg[1].address, ==, 0xfee01000);
    g_assert_cmphex(unmask_msg[1].data, ==, 0x31);
    g_assert_cmpuint(unmasks[2], ==, 0);
    g_assert_cmpuint(unmasks[5], ==, 0);
    mem_write(table + 16 + 8, 0x32); /* another message, no mask around it */
    g_assert_cmpuint(unmasks[1], ==, 2);
    g_assert_cmphex(unmask_msg[1].data, ==, 0x32);
    mem_write(table + 16 + 8, 0x32); /* the same again is no news */
    g_assert_cmpuint(unmasks[1], ==, 2);
    set_flags(0xc000);
    g_assert_cmpuint(masks[1], ==, 1);
    set_mask(1, true);
    set_flags(0x8000);
    g_assert_cmpuint(masks[1], ==, 1);
    g_assert_cmpuint(unmasks[1], ==, 2);
    set_mask(1, false);
    g_assert_cmpuint(unmasks[1], ==, 3);
    set_flags(0);
    g_assert_cmpuint(masks[1], ==, 2);
    g_assert_cmpuint(masks[2] + masks[5], ==, 0);
    stop();
}

static void test_ops_late(void)
{
    start();
    set_mask(1, false);
    set_mask(2, false);
    set_flags(0x8000);
    msix_vector_use(dev, 1);
    msix_vector_use(dev, 2);
    g_assert_cmpint(msix_set_vector_ops(dev, &vector_ops), ==, 0);
    g_assert_cmpuint(unmasks[1] + unmasks[2], ==, 2);
    msix_set_vector_ops(dev, NULL);
    g_assert_cmpuint(masks[1] + masks[2], ==, 2);
    unmask_result = -ENOSPC;
    g_assert_cmpint(msix_set_vector_ops(dev, &vector_ops), ==, -ENOSPC);
    g_assert_cmpuint(unmasks[1], ==, 2);
    g_assert_cmpuint(unmasks[2], ==, 1); /* not tried */
    g_assert_cmpuint(masks[1], ==, 1);   /* and not undone */
    stop();
}

static void test_poll(void)
{
    start();
    msix_vector_use(dev, 40);
    msix_set_vector_ops(dev, &vector_ops);
    g_assert_cmphex(mem_read(pba), ==, 0);
    g_assert_cmphex(mem_read(pba + 4), ==, 1 << (40 - 32));
    g_assert_cmphex(mem_read(pba + 12), ==, 0); /* beyond the last vector */
    g_assert_cmpuint(polls, ==, 3);
    stop();
}

static void test_reset(void)
{
    start();
    msix_vector_use(dev, 1);
    msix_set_vector_ops(dev, &vector_ops);
    set_message(1, 0xfee00000, 1);
    set_mask(1, false);
    set_flags(0x8000);
    msix_notify(dev, 1);
    g_assert_cmpuint(sent, ==, 1);
    bus_cold_reset(sysbus_get_default());
    g_assert_cmpuint(masks[1], ==, 1);
    g_assert_false(msix_enabled(dev));
    g_assert_true(msix_is_masked(dev, 1));
    g_assert_cmphex(msix_get_message(dev, 1).address, ==, 0);
    stop();
}

/* INTx goes away when MSI-X comes. */
static void test_intx(void)
{
    start();
    pci_set_irq(dev, 1);
    g_assert_cmpint(test_isa_level[11], ==, 1);
    set_flags(0x8000);
    g_assert_cmpint(test_isa_level[11], ==, 0);
    stop();
}

static void test_layout_errors(void)
{
    MemoryRegion bar;
    Error *err = NULL;

    start();
    bus_cold_reset(sysbus_get_default());
    msix_uninit(dev);
    dev->io_regions[2].mr = NULL;
    memory_region_init(&bar, "bar", 4096);
    for (unsigned i = 0; i < 5; i++) {
        static const struct {
            unsigned n;
            uint32_t table, pba;
        } bad[] = { { 0, 0, 2048 },
                    { 2049, 0, 2048 },
                    { 16, 0, 128 },
                    { 16, 4000, 0 },
                    { 16, 4, 2048 } };

        g_assert_false(msix_init(dev, bad[i].n, &bar, 3, bad[i].table, &bar, 3,
                                 bad[i].pba, 0, &err));
        error_free_or_abort(&err);
        g_assert_false(msix_present(dev));
    }
    memory_region_destroy(&bar);
    test_pci_del(dev);
}

static void test_random(void)
{
    start();
    msix_set_vector_ops(dev, &vector_ops);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t addr = table + (g_test_rand_int() & 0xffc);

        switch (g_test_rand_int_range(0, 6)) {
        case 0:
            set_flags(g_test_rand_int());
            break;
        case 1:
            mem_write(addr + g_test_rand_int_range(0, 4), g_test_rand_int());
            break;
        case 2:
            mem_read(addr + g_test_rand_int_range(0, 4));
            break;
        case 3:
            msix_notify(dev, g_test_rand_int_range(0, TEST_VECTORS + 2));
            break;
        case 4:
            msix_vector_use(dev, g_test_rand_int_range(0, TEST_VECTORS + 2));
            break;
        default:
            msix_vector_unuse(dev, g_test_rand_int_range(0, TEST_VECTORS + 2));
            break;
        }
    }
    stop();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    test_pci_init();
    msi_route_register_ops(&route_ops);
    g_test_add_func("/msix/capability", test_capability);
    g_test_add_func("/msix/send-and-pend", test_send_and_pend);
    g_test_add_func("/msix/ops", test_ops);
    g_test_add_func("/msix/ops-late", test_ops_late);
    g_test_add_func("/msix/poll", test_poll);
    g_test_add_func("/msix/reset", test_reset);
    g_test_add_func("/msix/intx", test_intx);
    g_test_add_func("/msix/layout-errors", test_layout_errors);
    g_test_add_func("/msix/random", test_random);
    return g_test_run();
}
