/*
 * PCI: slots and their errors, configuration header, sizing and moving BARs,
 * capabilities, resources, INTx routing, and a guest that writes anything.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "tests/unit/hw/pci/pci-test-device.h"

/* --- slots ---------------------------------------------------------------- */

static void expect_error(Error *err, const char *text)
{
    g_assert_nonnull(err);
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
}

static void test_slots(void)
{
    PCIDevice *a = test_pci_add("a", "2", false, &error_abort);
    PCIDevice *b = test_pci_add(NULL, NULL, false, &error_abort);
    PCIDevice *c;
    g_autofree char *path = qdev_get_dev_path(&a->qdev);
    Error *err = NULL;

    g_assert_cmpint(a->devfn, ==, 0x10);
    g_assert_cmpint(b->devfn, ==, 0x18); /* the first free slot */
    g_assert_cmpstr(path, ==, "0000:00:02.0");
    g_assert_null(test_pci_add(NULL, "2.0", false, &err));
    expect_error(err, "PCI: slot 2 function 0 not available for test-pci,"
                      " in use by test-pci,id=a");
    err = NULL;
    g_assert_null(test_pci_add(NULL, "0x1", false, &err));
    expect_error(err, "PCI: slot 1 function 0 not available for test-pci,"
                      " in use by PIIX3,id=(null)");
    err = NULL;
    g_assert_null(test_pci_add(NULL, "2.1", false, &err));
    expect_error(err, "PCI: single function device can't be populated in"
                      " function 2.1");
    err = NULL;
    c = test_pci_add("c", "1f.7", false, &error_abort);
    g_assert_null(test_pci_add(NULL, "1f.0", false, &err));
    expect_error(err, "PCI: 1f.0 indicates single function, but 1f.7 is"
                      " already populated.");
    test_pci_del(b);
    b = test_pci_add(NULL, "1f.0", true, &error_abort);
    g_assert_cmphex(cfg_read(b, PCI_HEADER_TYPE, 1), ==, 0x80);
    test_pci_del(a);
    test_pci_del(b);
    test_pci_del(c);
}

static void test_addr_values(void)
{
    static const char *const bad[] = { "",     "x",  "20",
                                       "1.8",  "3.", ".",
                                       "3.0 ", "-1", "3.0.0",
                                       "0x",   " 3", "99999999999999999999" };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autofree char *text = g_strdup_printf(
            "Property 'test-pci.addr' doesn't take value '%s'", bad[i]);
        Error *err = NULL;

        g_assert_null(test_pci_add(NULL, bad[i], false, &err));
        expect_error(err, text);
    }
}

static void test_busnr(void)
{
    DeviceState *dev = qdev_new(TYPE_TEST_PCI);
    Error *err = NULL;

    g_assert_false(object_property_parse(dev, "busnr", "3", &err));
    expect_error(err, "Property 'test-pci.busnr' is not writable");
    object_unref(dev);
}

static void test_full_bus(void)
{
    PCIDevice *d[30];
    Error *err = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        d[i] = test_pci_add(NULL, NULL, false, &error_abort);
        g_assert_cmpint(d[i]->devfn, ==, (i + 2) << 3);
    }
    g_assert_null(test_pci_add(NULL, NULL, false, &err));
    expect_error(err, "PCI: no slot/function available for test-pci,"
                      " all in use or reserved");
    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        test_pci_del(d[i]);
    }
}

/* --- configuration space -------------------------------------------------- */

static void test_header(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);

    bus_cold_reset(sysbus_get_default());
    g_assert_cmphex(cfg_read(d, 0, 4), ==, 0x56781234);
    g_assert_cmphex(cfg_read(d, 2, 2), ==, 0x5678);
    g_assert_cmphex(cfg_read(d, 3, 1), ==, 0x56);
    g_assert_cmphex(cfg_read(d, 8, 1), ==, 7);
    g_assert_cmphex(cfg_read(d, PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0x11001af4);
    cfg_write(d, 0, 0, 4);
    g_assert_cmphex(cfg_read(d, 0, 4), ==, 0x56781234);
    cfg_write(d, PCI_COMMAND, 0xffff, 2);
    g_assert_cmphex(cfg_read(d, PCI_COMMAND, 2), ==, 0x0547);
    g_assert_true(pci_bus_master_enabled(d));
    cfg_write(d, PCI_INTERRUPT_LINE, 0xff07, 2); /* the pin is read-only */
    g_assert_cmphex(cfg_read(d, PCI_INTERRUPT_LINE, 2), ==, 0x0107);
    d->config[PCI_STATUS + 1] = 0xf9;
    cfg_write(d, PCI_STATUS, 0x8100, 2); /* write 1 to clear */
    g_assert_cmphex(cfg_read(d, PCI_STATUS + 1, 1), ==, 0x78);
    test_pci_del(d);
}

static void test_ports(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);

    port_write(0xcf8, 0x80002000, 4);
    g_assert_cmphex(port_read(0xcf8, 4), ==, 0x80002000);
    port_write(0xcf8, 0, 2); /* not the address register's business */
    outb(0xcf8, 0);
    g_assert_cmphex(port_read(0xcfc, 4), ==, 0x56781234);
    port_write(0xcf8, 0x00002000, 4); /* not enabled */
    g_assert_cmphex(port_read(0xcfc, 4), ==, 0xffffffff);
    port_write(0xcf8, 0x80012000, 4); /* bus 1 */
    g_assert_cmphex(port_read(0xcfc, 4), ==, 0xffffffff);
    port_write(0xcf8, 0x80002800, 4); /* nobody there */
    g_assert_cmphex(port_read(0xcfc, 2), ==, 0xffff);
    port_write(0xcfc, 0, 4);
    g_assert_cmphex(cfg_read(pci_find_device(test_bus, 0), 0, 4), ==,
                    0x12378086);
    g_assert_cmphex(cfg_read(test_piix3, 0, 4), ==, 0x70008086);
    g_assert_cmphex(cfg_read(test_piix3, PCI_HEADER_TYPE, 1), ==, 0x80);
    test_pci_del(d);
}

/* --- BARs ----------------------------------------------------------------- */

static void test_sizing(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);

    bus_cold_reset(sysbus_get_default());
    for (unsigned i = 0; i < 6; i++) {
        cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * i, 0xffffffff, 4);
    }
    cfg_write(d, PCI_ROM_ADDRESS, 0xffffffff, 4);
    g_assert_cmphex(cfg_read(d, 0x10, 4), ==, 0xffffffe1);
    g_assert_cmphex(cfg_read(d, 0x14, 4), ==, 0xfffff000);
    g_assert_cmphex(cfg_read(d, 0x18, 4), ==, 0xfffff000);
    g_assert_cmphex(cfg_read(d, 0x1c, 4), ==, 0);
    g_assert_cmphex(cfg_read(d, 0x20, 4), ==, 0xffff000c);
    g_assert_cmphex(cfg_read(d, 0x24, 4), ==, 0xffffffff);
    g_assert_cmphex(cfg_read(d, PCI_ROM_ADDRESS, 4), ==, 0);
    /* All ones map nothing, even with decoding on. */
    cfg_write(d, PCI_COMMAND, 3, 2);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(pci_get_bar_addr(d, i), ==, PCI_BAR_UNMAPPED);
    }
    test_pci_del(d);
}

static void test_move(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);

    bus_cold_reset(sysbus_get_default());
    cfg_write(d, 0x10, 0xd000, 4);
    cfg_write(d, 0x14, 0xe0000000, 4);
    cfg_write(d, 0x24, 0x12, 4);
    cfg_write(d, 0x20, 0x34560000, 4);
    g_assert_cmphex(port_read(0xd004, 4), ==, 0xffffffff);
    g_assert_cmphex(mem_read(0xe0000004), ==, 0xffffffff);
    cfg_write(d, PCI_COMMAND, PCI_COMMAND_IO, 2);
    g_assert_cmphex(port_read(0xd004, 4), ==, 0x14);
    g_assert_cmphex(mem_read(0xe0000004), ==, 0xffffffff);
    cfg_write(d, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(mem_read(0xe0000004), ==, 0x24);
    g_assert_cmphex(mem_read(UINT64_C(0x1234560008)), ==, 0x48);
    g_assert_cmphex(pci_get_bar_addr(d, 4), ==, UINT64_C(0x1234560000));
    cfg_write(d, 0x16, 0xe100, 2); /* half a register is enough */
    g_assert_cmphex(mem_read(0xe0000004), ==, 0xffffffff);
    g_assert_cmphex(mem_read(0xe1000004), ==, 0x24);
    cfg_write(d, 0x10, 0x1d000, 4); /* beyond the ports */
    g_assert_cmphex(port_read(0xd004, 4), ==, 0xffffffff);
    cfg_write(d, 0x14, 0xfffff000, 4);
    g_assert_cmphex(pci_get_bar_addr(d, 1), ==, PCI_BAR_UNMAPPED);
    cfg_write(d, 0x14, 0, 4);
    g_assert_cmphex(pci_get_bar_addr(d, 1), ==, PCI_BAR_UNMAPPED);
    cfg_write(d, PCI_COMMAND, 0, 2);
    g_assert_cmphex(mem_read(UINT64_C(0x1234560008)), ==, 0xffffffff);
    test_pci_del(d);
}

/* A BAR over RAM: the guest keeps seeing its RAM. */
static void test_bar_over_ram(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);
    MemoryRegion ram;

    memory_region_init_ram(&ram, "ram", MiB, false, &error_abort);
    memory_region_add_subregion(get_system_memory(), 0, &ram);
    bus_cold_reset(sysbus_get_default());
    cfg_write(d, 0x14, 0x10000, 4);
    cfg_write(d, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    mem_write(0x10000, 0x55aa55aa);
    g_assert_cmphex(mem_read(0x10000), ==, 0x55aa55aa);
    test_pci_del(d);
    memory_region_del_subregion(get_system_memory(), &ram);
    memory_region_destroy(&ram);
}

static void test_assign(void)
{
    PCIDevice *d[10];
    Error *err = NULL;
    PCIWindows tight = test_windows;

    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        d[i] = test_pci_add(NULL, NULL, false, &error_abort);
    }
    test_pci_power_on();
    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        uint16_t io = pci_get_bar_addr(d[i], 0);
        uint64_t mem = pci_get_bar_addr(d[i], 1);
        uint64_t pref = pci_get_bar_addr(d[i], 4);

        g_assert_cmphex(port_read(io + 4, 4), ==, 0x14);
        g_assert_cmphex(mem_read(mem + 4), ==, 0x24);
        g_assert_cmphex(mem_read(pref + 4), ==, 0x44);
        g_assert_cmphex(pref & 0xffff, ==, 0);
        g_assert_false(pci_bus_master_enabled(d[i]));
        g_assert_cmpuint(cfg_read(d[i], PCI_INTERRUPT_LINE, 1), ==,
                         piix3_slot_pirq(i + 2, 0) < 2 ? 10 : 11);
    }
    /* Too little below 4 GiB: 64-bit BARs go up, then it is an error. */
    bus_cold_reset(sysbus_get_default());
    tight.mmio32.size = 128 * KiB;
    g_assert_true(pci_assign_resources(test_bus, &tight, NULL, &err));
    g_assert_cmphex(pci_get_bar_addr(d[9], 4), >=, tight.mmio64.base);
    bus_cold_reset(sysbus_get_default());
    tight.mmio64.size = 0;
    g_assert_false(pci_assign_resources(test_bus, &tight, NULL, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "PCI: no room for BAR 4"));
    error_free(err);
    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        test_pci_del(d[i]);
    }
}

static void test_rom(void)
{
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("test-pci-XXXXXX", &file, NULL);
    DeviceState *dev = qdev_new(TYPE_TEST_PCI);
    PCIDevice *d = (PCIDevice *)dev;
    Error *err = NULL;
    char rom[5000] = "\x55\xaa rom";

    g_assert_cmpint(write(fd, rom, sizeof(rom)), ==, sizeof(rom));
    object_property_set_str(dev, "romfile", file, &error_abort);
    g_assert_true(
        qdev_realize_and_unref(dev, test_piix3->qdev.parent_bus, &error_abort));
    test_pci_power_on();
    cfg_write(d, PCI_ROM_ADDRESS, 0xd0000001, 4);
    g_assert_cmphex(mem_read(0xd0000000), ==, 0x7220aa55);
    mem_write(0xd0000000, 0);
    g_assert_cmphex(mem_read(0xd0000000), ==, 0x7220aa55);
    g_assert_cmphex(mem_read(0xd0001ffc), ==, 0);
    g_assert_cmphex(mem_read(0xd0002000), ==, 0xffffffff);
    test_pci_del(d);

    unlink(file);
    close(fd);
    dev = qdev_new(TYPE_TEST_PCI);
    object_property_set_str(dev, "romfile", "nofile", &error_abort);
    g_assert_false(
        qdev_realize_and_unref(dev, test_piix3->qdev.parent_bus, &err));
    expect_error(err, "failed to find romfile \"nofile\"");
}

/* --- capabilities --------------------------------------------------------- */

static void test_capabilities(void)
{
    PCIDevice *d = test_pci_add(NULL, "4", false, &error_abort);
    Error *err = NULL;
    int pos = pci_add_capability(d, PCI_CAP_ID_VENDOR, 0, 0x14, &error_abort);
    unsigned total = 0;

    g_assert_cmpint(pos, >=, 0x40);
    g_assert_cmphex(cfg_read(d, PCI_CAPABILITY_LIST, 1), ==, pos);
    g_assert_cmphex(cfg_read(d, PCI_STATUS, 1) & 0x10, ==, 0x10);
    g_assert_cmpint(pci_find_capability(d, PCI_CAP_ID_VENDOR), ==, pos);
    g_assert_cmpint(pci_find_capability(d, PCI_CAP_ID_MSIX), !=, 0);
    g_assert_cmpint(pci_find_capability(d, 0x77), ==, 0);
    g_assert_cmpint(pci_add_capability(d, 9, pos + 4, 8, &err), ==, -1);
    error_free_or_abort(&err);
    g_assert_cmpint(pci_add_capability(d, 9, 0xfc, 8, &err), ==, -1);
    error_free_or_abort(&err);
    g_assert_cmpint(pci_add_capability(d, 9, 0x10, 8, &err), ==, -1);
    error_free_or_abort(&err);
    while (pci_add_capability(d, 9, 0, 16, &err) > 0) {
        g_assert_cmpuint(++total, <, 13);
    }
    error_free_or_abort(&err);
    test_pci_del(d);
}

/* --- interrupts ----------------------------------------------------------- */

static void test_intx(void)
{
    PCIDevice *a = test_pci_add(NULL, "4", false, &error_abort); /* PIRQD */
    PCIDevice *b = test_pci_add(NULL, "8", false, &error_abort); /* PIRQD */
    PCIDevice *c = test_pci_add(NULL, "5", false, &error_abort); /* PIRQA */

    test_pci_power_on();
    pci_set_irq(a, 1);
    g_assert_cmpint(test_isa_level[11], ==, 1);
    g_assert_cmphex(cfg_read(a, PCI_STATUS, 1) & 8, ==, 8);
    pci_set_irq(b, 1);
    pci_set_irq(a, 0);
    g_assert_cmpint(test_isa_level[11], ==, 1); /* shared */
    cfg_write(b, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpint(test_isa_level[11], ==, 0);
    g_assert_cmphex(cfg_read(b, PCI_STATUS, 1) & 8, ==, 8);
    cfg_write(b, PCI_COMMAND, 0, 2);
    g_assert_cmpint(test_isa_level[11], ==, 1);
    cfg_write(test_piix3, 0x63, 0x05, 1); /* the guest routes PIRQD to 5 */
    g_assert_cmpint(test_isa_level[11], ==, 0);
    g_assert_cmpint(test_isa_level[5], ==, 1);
    cfg_write(test_piix3, 0x60, 0x05, 1);
    pci_set_irq(c, 1);
    pci_set_irq(b, 0);
    g_assert_cmpint(test_isa_level[5], ==, 1); /* two PIRQs on one input */
    cfg_write(test_piix3, 0x60, 0x80808080, 4);
    g_assert_cmpint(test_isa_level[5], ==, 0);
    cfg_write(test_piix3, 0x60, 0x00, 1); /* not an input it can have */
    g_assert_cmpint(test_isa_level[0], ==, 0);
    cfg_write(test_piix3, 0x60, 0x0a, 1);
    g_assert_cmpint(test_isa_level[10], ==, 1);
    test_pci_del(c); /* takes its level along */
    g_assert_cmpint(test_isa_level[10], ==, 0);
    test_pci_del(a);
    test_pci_del(b);
}

/* --- a guest that writes anything ----------------------------------------- */

static void test_random(void)
{
    PCIDevice *d[3];

    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        d[i] = test_pci_add(NULL, NULL, false, &error_abort);
    }
    test_pci_power_on();
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1 << g_test_rand_int_range(0, 3);
        uint32_t addr = 0x80000000u | g_test_rand_int_range(0, 6) << 11 |
                        (g_test_rand_bit() ? g_test_rand_int_range(0, 256)
                                           : 0x10 + 4 * (i & 7));

        port_write(0xcf8, addr & ~0x80u, 4);
        if (g_test_rand_bit()) {
            port_write(0xcfc + g_test_rand_int_range(0, 4), g_test_rand_int(),
                       size);
        } else {
            port_read(0xcfc + g_test_rand_int_range(0, 4), size);
        }
        if (i % 50 == 0) {
            pci_set_irq(d[i % 3], g_test_rand_bit());
        }
    }
    test_pci_power_on();
    for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
        g_assert_cmphex(mem_read(pci_get_bar_addr(d[i], 4)), ==, 0x40);
        test_pci_del(d[i]);
    }
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpint(test_isa_level[i], ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    test_pci_init();
    g_test_add_func("/pci/slots", test_slots);
    g_test_add_func("/pci/addr-values", test_addr_values);
    g_test_add_func("/pci/busnr", test_busnr);
    g_test_add_func("/pci/full-bus", test_full_bus);
    g_test_add_func("/pci/header", test_header);
    g_test_add_func("/pci/ports", test_ports);
    g_test_add_func("/pci/sizing", test_sizing);
    g_test_add_func("/pci/move", test_move);
    g_test_add_func("/pci/bar-over-ram", test_bar_over_ram);
    g_test_add_func("/pci/assign", test_assign);
    g_test_add_func("/pci/rom", test_rom);
    g_test_add_func("/pci/capabilities", test_capabilities);
    g_test_add_func("/pci/intx", test_intx);
    g_test_add_func("/pci/random", test_random);
    return g_test_run();
}
