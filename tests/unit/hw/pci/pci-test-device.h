/*
 * A PCI function for tests: I/O, 32-bit and 64-bit BARs with registers, MSI-X,
 * INTA, on a bus of the pc chipset.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_HW_PCI_TEST_DEVICE_H
#define TESTS_UNIT_HW_PCI_TEST_DEVICE_H

#include "hw/pci/i440fx.h"
#include "hw/pci/msix.h"
#include "tests/unit/hw/port-io.h"

#define TYPE_TEST_PCI "test-pci"
#define TEST_VECTORS  70

typedef struct TestPCI {
    PCIDevice pci;
    MemoryRegion io, mem32, mem64;
} TestPCI;

static uint64_t test_mr_read(void *opaque, hwaddr addr, unsigned size)
{
    return GPOINTER_TO_UINT(opaque) + addr;
}

static const MemoryRegionOps test_mr_ops = { .read = test_mr_read };

static bool test_pci_realize(PCIDevice *d, Error **errp)
{
    TestPCI *t = (TestPCI *)d;

    memory_region_init_io(&t->io, &test_mr_ops, GUINT_TO_POINTER(0x10), "io",
                          32);
    memory_region_init_io(&t->mem32, &test_mr_ops, GUINT_TO_POINTER(0x20),
                          "mem32", 4 * KiB);
    memory_region_init_io(&t->mem64, &test_mr_ops, GUINT_TO_POINTER(0x40),
                          "mem64", 64 * KiB);
    pci_register_bar(d, 0, PCI_BASE_ADDRESS_SPACE_IO, &t->io);
    pci_register_bar(d, 1, 0, &t->mem32);
    pci_register_bar(
        d, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
        &t->mem64);
    d->config[PCI_INTERRUPT_PIN] = 1;
    return msix_init_exclusive_bar(d, TEST_VECTORS, 2, errp);
}

static void test_pci_exit(PCIDevice *d)
{
    TestPCI *t = (TestPCI *)d;

    memory_region_destroy(&t->io);
    memory_region_destroy(&t->mem32);
    memory_region_destroy(&t->mem64);
}

static const PCIDeviceOps test_pci_ops = {
    .realize = test_pci_realize,
    .exit = test_pci_exit,
    .vendor_id = 0x1234,
    .device_id = 0x5678,
    .class_id = PCI_CLASS_OTHERS,
    .revision = 7,
};

static const TypeInfo test_pci_type = {
    .name = TYPE_TEST_PCI,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(TestPCI),
    .class_ops = &test_pci_ops,
};

static const TypeInfo *const test_pci_types[] = { &test_pci_type, NULL };

static PCIBus *test_bus;
static PCIDevice *test_piix3;
static int test_isa_level[16];

static const PCIWindows test_windows = {
    .io = { 0xc000, 0x4000 },
    .mmio32 = { 0xc0000000, 0x3ec00000 },
    .mmio64 = { UINT64_C(0x8000000000), UINT64_C(0x8000000000) },
};

static inline void test_pci_init(void)
{
    static qemu_irq *irqs; /* to the end of the test */

    irqs = qemu_allocate_irqs(test_irq_set, test_isa_level, 16);
    type_register_table(qom_types);
    type_register_table(qdev_types);
    type_register_table(pci_types);
    type_register_table(test_pci_types);
    test_bus = i440fx_init(get_system_memory(), get_system_io(), &error_abort);
    test_piix3 = piix3_init(test_bus, irqs, &error_abort);
}

static inline void test_pci_power_on(void)
{
    bus_cold_reset(sysbus_get_default());
    piix3_set_default_routing(test_piix3);
    pci_assign_resources(test_bus, &test_windows, piix3_irq_line, &error_abort);
}

/* A device with "addr" and id; NULL: defaults. */
static inline PCIDevice *test_pci_add(const char *id, const char *addr,
                                      bool multifunction, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_TEST_PCI);

    if (id) {
        qdev_set_id(dev, g_strdup(id), &error_abort);
    }
    if ((addr && !object_property_parse(dev, "addr", addr, errp)) ||
        (multifunction &&
         !object_property_set_bool(dev, "multifunction", true, errp))) {
        object_unref(dev);
        return NULL;
    }
    if (!qdev_realize_and_unref(dev, test_piix3->qdev.parent_bus, errp)) {
        return NULL;
    }
    return (PCIDevice *)dev;
}

static inline void test_pci_del(PCIDevice *d)
{
    qdev_unplug_now(&d->qdev);
}

static inline uint32_t cfg_read(PCIDevice *d, unsigned reg, unsigned size)
{
    port_write(0xcf8, 0x80000000u | d->devfn << 8 | (reg & 0xfc), 4);
    return port_read(0xcfc + (reg & 3), size);
}

static inline void cfg_write(PCIDevice *d, unsigned reg, uint32_t val,
                             unsigned size)
{
    port_write(0xcf8, 0x80000000u | d->devfn << 8 | (reg & 0xfc), 4);
    port_write(0xcfc + (reg & 3), val, size);
}

static inline uint32_t mem_read(uint64_t addr)
{
    uint8_t b[4];

    address_space_rw(&address_space_memory, addr, b, 4, false);
    return pci_get_long(b);
}

static inline void mem_write(uint64_t addr, uint32_t val)
{
    uint8_t b[4];

    pci_set_long(b, val);
    address_space_rw(&address_space_memory, addr, b, 4, true);
}

#endif
