/*
 * PCI devices and their bus: configuration space with write masks, base
 * addresses that map memory regions, the capability list, INTx lines.
 *
 * A device type embeds PCIDevice first and gives its class a PCIDeviceOps,
 * whose first member's realize, unrealize, reset and bus_type stay NULL
 * (TYPE_PCI_DEVICE has them):
 *
 *     static const PCIDeviceOps foo_ops = {
 *         .dev = { .desc = "...", .user_creatable = true },
 *         .realize = foo_realize, .vendor_id = ..., .class_id = ...,
 *     };
 *     TypeInfo foo = { .parent = TYPE_PCI_DEVICE, .class_ops = &foo_ops, ... };
 *
 * Everything here runs under the BQL, in the main thread or (configuration
 * accesses) in a vCPU thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/memory.h"
#include "hw/core/qdev.h"
#include "hw/pci/pci-regs.h"

#define TYPE_PCI_DEVICE "pci-device"
#define TYPE_PCI_BUS    "PCI"

#define PCI_NUM_BARS     6
#define PCI_ROM_SLOT     6
#define PCI_NUM_REGIONS  7
#define PCI_NUM_PINS     4
#define PCI_BAR_UNMAPPED UINT64_MAX

typedef struct PCIDevice PCIDevice;
typedef struct PCIBus PCIBus;
typedef struct MSIXState MSIXState;

/*
 * What a device type is.  All callbacks are optional.  @config_read and
 * @config_write see an access that lies inside the 256 bytes and does not
 * cross a 4-byte boundary (@len 1, 2 or 4); they normally begin with
 * pci_default_read_config() / pci_default_write_config().
 */
typedef struct PCIDeviceOps {
    DeviceOps dev; /* first */
    bool (*realize)(PCIDevice *d, Error **errp);
    void (*exit)(PCIDevice *d);
    void (*reset)(PCIDevice *d); /* after the configuration header's reset */
    uint32_t (*config_read)(PCIDevice *d, unsigned addr, unsigned len);
    void (*config_write)(PCIDevice *d, unsigned addr, uint32_t val,
                         unsigned len);
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t class_id;
    uint8_t revision;
    uint16_t subsystem_vendor_id; /* 0, 0: 1af4:1100 */
    uint16_t subsystem_id;
    bool multifunction; /* without the property */
} PCIDeviceOps;

/* One base address register and what it shows. */
typedef struct PCIIORegion {
    MemoryRegion *mr; /* NULL: the BAR does not exist */
    uint64_t size;    /* a power of two */
    uint64_t addr;    /* where it is mapped, or PCI_BAR_UNMAPPED */
    uint8_t type;     /* PCI_BASE_ADDRESS_* flags */
} PCIIORegion;

struct PCIDevice {
    DeviceState qdev; /* first */

    /* properties, fixed at realize */
    int32_t devfn; /* "addr"; -1 until the bus has chosen one */
    bool multifunction;
    char *romfile;
    uint32_t romsize;
    int32_t rombar;
    char *failover_pair_id;          /* this and the next three: taken for */
    uint32_t acpi_index;             /* command lines that have them; there */
    uint32_t compat;                 /* is no failover, no hotplug port and */
    uint64_t max_bounce_buffer_size; /* no PCI Express to use them */

    PCIBus *bus; /* NULL until realized */
    uint8_t config[PCI_CONFIG_SPACE_SIZE];
    uint8_t wmask[PCI_CONFIG_SPACE_SIZE];   /* bits the guest can write */
    uint8_t w1cmask[PCI_CONFIG_SPACE_SIZE]; /* bits it clears by writing 1 */
    uint8_t used[PCI_CONFIG_SPACE_SIZE];    /* taken by a capability */
    PCIIORegion io_regions[PCI_NUM_REGIONS];
    uint8_t irq_level; /* of its INTx pin, before INTX_DISABLE */
    bool irq_asserted; /* what the bus was told */
    MSIXState *msix;   /* NULL: no MSI-X capability */
    MemoryRegion rom;  /* what romfile gave */
    bool has_rom;
};

/* Which windows pci_assign_resources() may use; size 0: absent. */
typedef struct PCIWindow {
    uint64_t base;
    uint64_t size;
} PCIWindow;

typedef struct PCIWindows {
    PCIWindow io;
    PCIWindow mmio32;
    PCIWindow mmio64;
} PCIWindows;

/* PCI, ISA, the chipset; for type_register_table(). */
extern const TypeInfo *const pci_types[];

OBJECT_DECLARE_TYPE(PCIDevice, PCI_DEVICE, TYPE_PCI_DEVICE)

/* --- for devices --- */

/*
 * Show @mr (a power of two of at least 16 bytes, or 4 for I/O) at BAR @n, from
 * realize.  @type: PCI_BASE_ADDRESS_*; a 64-bit BAR takes @n and @n + 1.  The
 * region stays the device's, which destroys it in its exit().
 */
void pci_register_bar(PCIDevice *d, int n, uint8_t type, MemoryRegion *mr);

/* Where the guest has put BAR @n, or PCI_BAR_UNMAPPED. */
uint64_t pci_get_bar_addr(const PCIDevice *d, int n);

/*
 * Add a capability of @size bytes (its first two are filled in) at @offset, or
 * where there is room with @offset 0.  Returns its offset, or -1 with @errp.
 * The body is read-only to the guest until the caller sets wmask.
 */
int pci_add_capability(PCIDevice *d, uint8_t cap_id, uint8_t offset,
                       uint8_t size, Error **errp);
/* Offset of the first capability @cap_id, or 0. */
uint8_t pci_find_capability(const PCIDevice *d, uint8_t cap_id);

uint32_t pci_default_read_config(PCIDevice *d, unsigned addr, unsigned len);
void pci_default_write_config(PCIDevice *d, unsigned addr, uint32_t val,
                              unsigned len);

/* Drive the device's INTx pin (config[PCI_INTERRUPT_PIN], set by realize). */
void pci_set_irq(PCIDevice *d, int level);

/* May it read and write guest memory (command register)? */
bool pci_bus_master_enabled(const PCIDevice *d);

/* --- for boards --- */

/*
 * A root bus with 32 slots below @parent (NULL: top), whose name is @name
 * ("pci.0").  BARs appear in @io, and in @mem with priority -1: where the
 * guest puts one over RAM or the APICs it sees those.  Devices without addr=
 * go to the first free slot >= @slot_min.
 */
PCIBus *pci_root_bus_new(DeviceState *parent, const char *name,
                         MemoryRegion *mem, MemoryRegion *io,
                         unsigned slot_min);
void pci_root_bus_free(PCIBus *bus); /* tests */

/*
 * Pin @pin (0 = INTA) of @d goes to input @map_irq(d, pin) of @nirq inputs,
 * whose level is the OR of its pins; @set_irq hears of changes.
 */
typedef int (*pci_map_irq_fn)(PCIDevice *d, int pin);
typedef void (*pci_set_irq_fn)(void *opaque, int irq, int level);
void pci_bus_irqs(PCIBus *bus, pci_set_irq_fn set_irq, pci_map_irq_fn map_irq,
                  void *opaque, int nirq);
int pci_bus_get_irq_level(PCIBus *bus, int irq);

/* Create, place at @devfn and realize a device of the chipset. */
PCIDevice *pci_create_simple(PCIBus *bus, int devfn, const char *type,
                             Error **errp);
PCIDevice *pci_find_device(PCIBus *bus, uint8_t devfn); /* NULL: none */
/* The next function at or after @devfn (0..256), or NULL. */
PCIDevice *pci_next_device(PCIBus *bus, unsigned devfn);

/*
 * What firmware would do: an address in @w for every BAR, largest first, and
 * decoding of the kinds of space each function got enabled; the interrupt
 * line register from @irq_line(d, pin 0..3) (may be NULL).  Call after each
 * reset.  false: @errp names the first device that did not fit (all others
 * are placed).
 */
bool pci_assign_resources(PCIBus *bus, const PCIWindows *w,
                          int (*irq_line)(PCIDevice *d, int pin), Error **errp);

/* Configuration access by bus:devfn.reg, as the host bridge does it. */
uint32_t pci_data_read(PCIBus *bus, uint32_t addr, unsigned len);
void pci_data_write(PCIBus *bus, uint32_t addr, uint32_t val, unsigned len);

/* --- little-endian access to configuration bytes --- */

static inline uint16_t pci_get_word(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static inline uint32_t pci_get_long(const uint8_t *p)
{
    return pci_get_word(p) | (uint32_t)pci_get_word(p + 2) << 16;
}

static inline uint64_t pci_get_quad(const uint8_t *p)
{
    return pci_get_long(p) | (uint64_t)pci_get_long(p + 4) << 32;
}

static inline void pci_set_word(uint8_t *p, uint16_t v)
{
    p[0] = v;
    p[1] = v >> 8;
}

static inline void pci_set_long(uint8_t *p, uint32_t v)
{
    pci_set_word(p, v);
    pci_set_word(p + 2, v >> 16);
}

static inline void pci_set_quad(uint8_t *p, uint64_t v)
{
    pci_set_long(p, v);
    pci_set_long(p + 4, v >> 32);
}

#endif
