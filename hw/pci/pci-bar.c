/*
 * Base address registers: sizes, where the guest has put them, expansion ROM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/pci/pci-internal.h"

#include <sys/stat.h>

#define ROM_MAX_SIZE (16 * MiB)

unsigned pci_bar_offset(int n)
{
    return n == PCI_ROM_SLOT ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * n;
}

static bool bar_is_64(const PCIIORegion *r)
{
    return !(r->type & PCI_BASE_ADDRESS_SPACE_IO) &&
           (r->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
}

void pci_register_bar(PCIDevice *d, int n, uint8_t type, MemoryRegion *mr)
{
    PCIIORegion *r = &d->io_regions[n];
    unsigned off = pci_bar_offset(n);
    uint64_t mask;

    assert(n >= 0 && n < PCI_NUM_REGIONS && !r->mr);
    assert(is_power_of_2(memory_region_size(mr)) &&
           memory_region_size(mr) >= 4);
    *r = (PCIIORegion){
        .mr = mr,
        .size = memory_region_size(mr),
        .addr = PCI_BAR_UNMAPPED,
        .type = type,
    };
    mask = ~(r->size - 1);
    if (n == PCI_ROM_SLOT) {
        mask |= PCI_ROM_ADDRESS_ENABLE;
    }
    pci_set_long(d->wmask + off, mask);
    pci_set_long(d->config + off, type);
    if (bar_is_64(r)) {
        assert(n < PCI_NUM_BARS - 1 && !d->io_regions[n + 1].mr);
        pci_set_long(d->wmask + off + 4, mask >> 32);
        pci_set_long(d->config + off + 4, 0);
    } else {
        assert(r->size <= 2 * GiB);
    }
}

uint64_t pci_get_bar_addr(const PCIDevice *d, int n)
{
    if (n < 0 || n >= PCI_NUM_REGIONS || !d->io_regions[n].mr) {
        return PCI_BAR_UNMAPPED;
    }
    return d->io_regions[n].addr;
}

/*
 * Where the registers say that region @n is, or PCI_BAR_UNMAPPED: decoding is
 * off, it has no address yet, the guest is asking for its size (all ones), or
 * it would not fit.
 */
static uint64_t bar_address(const PCIDevice *d, int n)
{
    const PCIIORegion *r = &d->io_regions[n];
    const uint8_t *reg = d->config + pci_bar_offset(n);
    uint16_t command = pci_get_word(d->config + PCI_COMMAND);
    uint64_t addr, last;

    if (r->type & PCI_BASE_ADDRESS_SPACE_IO) {
        addr = pci_get_long(reg) & ~(r->size - 1);
        last = addr + (r->size - 1);
        if (!(command & PCI_COMMAND_IO) || !addr || last > UINT16_MAX) {
            return PCI_BAR_UNMAPPED;
        }
        return addr;
    }

    if (!(command & PCI_COMMAND_MEMORY)) {
        return PCI_BAR_UNMAPPED;
    }
    if (n == PCI_ROM_SLOT && !(pci_get_long(reg) & PCI_ROM_ADDRESS_ENABLE)) {
        return PCI_BAR_UNMAPPED;
    }
    addr = bar_is_64(r) ? pci_get_quad(reg) : pci_get_long(reg);
    addr &= ~(r->size - 1);
    if (!addr || __builtin_add_overflow(addr, r->size - 1, &last) ||
        last == UINT64_MAX || (!bar_is_64(r) && last >= UINT32_MAX)) {
        return PCI_BAR_UNMAPPED;
    }
    return addr;
}

static void map_bar(PCIDevice *d, PCIIORegion *r, uint64_t addr)
{
    MemoryRegion *container = r->type & PCI_BASE_ADDRESS_SPACE_IO
                                  ? d->bus->io
                                  : &d->bus->mem;

    if (r->addr == addr) {
        return;
    }
    if (r->addr != PCI_BAR_UNMAPPED) {
        memory_region_del_subregion(container, r->mr);
    }
    r->addr = addr;
    if (addr != PCI_BAR_UNMAPPED) {
        memory_region_add_subregion_overlap(container, addr, r->mr, 1);
    }
}

void pci_update_mappings(PCIDevice *d)
{
    if (!d->bus) {
        return;
    }
    memory_region_transaction_begin();
    for (int n = 0; n < PCI_NUM_REGIONS; n++) {
        if (d->io_regions[n].mr) {
            map_bar(d, &d->io_regions[n], bar_address(d, n));
        }
    }
    memory_region_transaction_commit();
}

void pci_unmap_bars(PCIDevice *d)
{
    memory_region_transaction_begin();
    for (int n = 0; n < PCI_NUM_REGIONS; n++) {
        if (d->io_regions[n].mr) {
            map_bar(d, &d->io_regions[n], PCI_BAR_UNMAPPED);
        }
    }
    memory_region_transaction_commit();
}

void pci_reset_bars(PCIDevice *d)
{
    for (int n = 0; n < PCI_NUM_REGIONS; n++) {
        PCIIORegion *r = &d->io_regions[n];
        unsigned off = pci_bar_offset(n);

        if (!r->mr) {
            continue;
        }
        pci_set_long(d->config + off, r->type);
        if (bar_is_64(r)) {
            pci_set_long(d->config + off + 4, 0);
        }
    }
}

/* --- expansion ROM -------------------------------------------------------- */

static bool load_rom(PCIDevice *d, int fd, Error **errp)
{
    struct stat st;
    uint64_t size = 2 * KiB; /* what an address register can tell apart */
    uint64_t done = 0;

    if (fstat(fd, &st) < 0 || st.st_size < 0) {
        error_setg(errp, "failed to find romfile \"%s\"", d->romfile);
        return false;
    }
    if (st.st_size == 0) {
        error_setg(errp, "romfile \"%s\" is empty", d->romfile);
        return false;
    }
    if (st.st_size > ROM_MAX_SIZE) {
        error_setg(errp, "romfile \"%s\" too large (size cannot exceed 2 GiB)",
                   d->romfile);
        return false;
    }
    if (d->romsize != UINT32_MAX) {
        if (st.st_size > d->romsize) {
            error_setg(errp,
                       "romfile \"%s\" (%u bytes) is too large for"
                       " ROM size %u",
                       d->romfile, (uint32_t)st.st_size, d->romsize);
            return false;
        }
        size = MAX(size, d->romsize);
    }
    while (size < (uint64_t)st.st_size || size < 4 * KiB) {
        size *= 2;
    }
    if (!memory_region_init_ram(&d->rom, "rom", size, false, errp)) {
        return false;
    }
    while (done < (uint64_t)st.st_size) {
        uint8_t *ptr = memory_region_get_ram_ptr(&d->rom);
        ssize_t n = RETRY_ON_EINTR(read(fd, ptr + done, st.st_size - done));

        if (n <= 0) {
            memory_region_destroy(&d->rom);
            error_setg(errp, "failed to load romfile \"%s\"", d->romfile);
            return false;
        }
        done += n;
    }
    memory_region_set_readonly(&d->rom, true);
    return true;
}

bool pci_add_rom(PCIDevice *d, Error **errp)
{
    int fd;

    if (!d->romfile || !d->romfile[0] || !d->rombar) {
        return true;
    }
    fd = open(d->romfile, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_setg(errp, "failed to find romfile \"%s\"", d->romfile);
        return false;
    }
    d->has_rom = load_rom(d, fd, errp);
    close(fd);
    if (d->has_rom) {
        pci_register_bar(d, PCI_ROM_SLOT, 0, &d->rom);
    }
    return d->has_rom;
}

void pci_del_rom(PCIDevice *d)
{
    if (d->has_rom) {
        memory_region_destroy(&d->rom);
        d->io_regions[PCI_ROM_SLOT].mr = NULL;
        d->has_rom = false;
    }
}
