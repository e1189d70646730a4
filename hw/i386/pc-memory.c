/*
 * Memory of the "pc" machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/i386/pc-memory.h"
#include "virtio/guest-memory.h"

/*
 * RAM that fits below this stays there in one piece; otherwise the split is
 * at a gigabyte boundary, for huge pages.
 */
#define MAX_LOW_RAM   0xe0000000ull
#define SPLIT_LOW_RAM 0xc0000000ull
#define FOUR_GIB      0x100000000ull

#define MMIO64_SIZE (16 * GiB)

static void add_e820(PCMemory *m, uint64_t addr, uint64_t size, E820Type type)
{
    assert(m->nr_e820 < PC_MAX_E820);
    m->e820[m->nr_e820++] = (E820Entry){ addr, size, type };
}

void pc_memory_layout(PCMemory *m, uint64_t ram_size)
{
    uint64_t mmio;

    m->below_4g = ram_size >= MAX_LOW_RAM ? SPLIT_LOW_RAM : ram_size;
    m->above_4g = ram_size - m->below_4g;

    m->nr_e820 = 0;
    add_e820(m, 0, PC_EBDA, E820_RAM);
    add_e820(m, PC_EBDA, PC_VGA_HOLE - PC_EBDA, E820_RESERVED);
    add_e820(m, PC_FIRMWARE_AREA, PC_FIRMWARE_SIZE, E820_RESERVED);
    add_e820(m, MiB, m->below_4g - MiB, E820_RAM);
    /* Pages that the accelerator may keep for itself. */
    add_e820(m, 0xfeffc000, 0x4000, E820_RESERVED);
    if (m->above_4g) {
        add_e820(m, FOUR_GIB, m->above_4g, E820_RAM);
    }

    mmio = m->below_4g <= SPLIT_LOW_RAM ? SPLIT_LOW_RAM : MAX_LOW_RAM;
    m->windows = (PCIWindows){
        .io = { 0xc000, 0x4000 },
        .mmio32 = { mmio, PC_IOAPIC_ADDR - mmio },
        .mmio64 = { ROUND_UP(FOUR_GIB + m->above_4g, GiB), MMIO64_SIZE },
    };
}

static bool publish(PCMemory *m, Error **errp)
{
    uint8_t *ram = memory_region_get_ram_ptr(&m->ram);
    GuestMemoryRegion regions[] = {
        { 0, PC_VGA_HOLE, ram },
        { PC_VGA_HOLE_END, m->below_4g - PC_VGA_HOLE_END,
          ram + PC_VGA_HOLE_END },
        { FOUR_GIB, m->above_4g, ram + m->below_4g },
    };
    g_autoptr(GuestMemory)
        gm = guest_memory_new(regions, m->above_4g ? 3 : 2, errp);

    if (!gm) {
        return false;
    }
    guest_memory_set_system(gm);
    return true;
}

bool pc_memory_init(PCMemory *m, uint64_t ram_size, bool share, Error **errp)
{
    MemoryRegion *sys = get_system_memory();

    if (ram_size < 2 * MiB) {
        error_setg(errp, "machine 'pc' needs at least 2 MiB of RAM");
        return false;
    }
    ram_size = ROUND_DOWN(ram_size, 4096);
    pc_memory_layout(m, ram_size);
    if (!memory_region_init_ram(&m->ram, "pc.ram", ram_size, share, errp)) {
        return false;
    }
    memory_region_init_alias(&m->low, "ram-below-640k", &m->ram, 0,
                             PC_VGA_HOLE);
    memory_region_init_alias(&m->mid, "ram-below-4g", &m->ram, PC_VGA_HOLE_END,
                             m->below_4g - PC_VGA_HOLE_END);
    memory_region_init(&m->pci, "pci", UINT64_MAX);

    memory_region_transaction_begin();
    memory_region_add_subregion(sys, 0, &m->low);
    memory_region_add_subregion(sys, PC_VGA_HOLE_END, &m->mid);
    if (m->above_4g) {
        memory_region_init_alias(&m->high, "ram-above-4g", &m->ram, m->below_4g,
                                 m->above_4g);
        memory_region_add_subregion(sys, FOUR_GIB, &m->high);
    }
    /* A BAR cannot hide RAM. */
    memory_region_add_subregion_overlap(sys, 0, &m->pci, -1);
    memory_region_transaction_commit();
    return publish(m, errp);
}
