/*
 * Where the "pc" machine puts RAM and what it says of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/i386/pc-memory.h"
#include "virtio/guest-memory.h"

static const struct {
    uint64_t ram, below, above, mmio;
} cases[] = {
    { 2 * MiB, 2 * MiB, 0, 0xc0000000 },
    { 512 * MiB, 512 * MiB, 0, 0xc0000000 },
    { 3 * GiB, 3 * GiB, 0, 0xc0000000 },
    { 3 * GiB + 256 * MiB, 3 * GiB + 256 * MiB, 0, 0xe0000000 },
    { 3 * GiB + 512 * MiB, 3 * GiB, 512 * MiB, 0xc0000000 },
    { 16 * GiB, 3 * GiB, 13 * GiB, 0xc0000000 },
};

static void test_layout(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t ram = 0, end = 0;
        PCMemory m = { 0 };

        pc_memory_layout(&m, cases[i].ram);
        g_assert_cmphex(m.below_4g, ==, cases[i].below);
        g_assert_cmphex(m.above_4g, ==, cases[i].above);
        g_assert_cmphex(m.windows.mmio32.base, ==, cases[i].mmio);
        g_assert_cmphex(m.windows.mmio32.base, >=, m.below_4g);
        g_assert_cmphex(m.windows.mmio64.base, >=, 4 * GiB + m.above_4g);
        for (unsigned j = 0; j < m.nr_e820; j++) {
            /* Ascending, without overlap. */
            g_assert_cmphex(m.e820[j].addr, >=, end);
            end = m.e820[j].addr + m.e820[j].size;
            ram += m.e820[j].type == E820_RAM ? m.e820[j].size : 0;
        }
        /* All of it but the first megabyte's holes. */
        g_assert_cmphex(ram, ==, cases[i].ram - MiB + PC_EBDA);
    }
}

static void test_init(void)
{
    g_autoptr(GuestMemory) gm = NULL;
    static PCMemory m; /* stays mapped */
    Error *err = NULL;
    uint64_t len = 8192;

    g_assert_false(pc_memory_init(&m, MiB, false, &err));
    error_free(err);
    g_assert_true(pc_memory_init(&m, 16 * MiB, false, &error_abort));
    gm = guest_memory_system();
    g_assert_true(guest_memory_map(gm, 0x9f000, &len) ==
                  m.ram.ram_ptr + 0x9f000);
    g_assert_cmpuint(len, ==, 4096);
    g_assert_null(guest_memory_map_exact(gm, PC_VGA_HOLE, 1));
    g_assert_null(guest_memory_map_exact(gm, 16 * MiB - 1, 2));
    g_assert_true(address_space_ram_ptr(&address_space_memory, MiB, MiB) ==
                  m.ram.ram_ptr + MiB);
    guest_memory_set_system(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pc-memory/layout", test_layout);
    g_test_add_func("/pc-memory/init", test_init);
    return g_test_run();
}
