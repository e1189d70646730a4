/*
 * Tests of guest memory tables.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "virtio/guest-memory.h"

static uint8_t low[0x1000], high[0x2000], top[0x1000];

static GuestMemory *sample(void)
{
    const GuestMemoryRegion r[] = {
        { 0x100000000ull, sizeof(high), high },
        { 0, sizeof(low), low },
        { UINT64_MAX - 0xfff, sizeof(top), top },
    };

    return guest_memory_new(r, ARRAY_SIZE(r), &error_abort);
}

static void test_map(void)
{
    g_autoptr(GuestMemory) gm = sample();
    uint64_t len = 16;

    g_assert_true(guest_memory_map(gm, 0, &len) == low);
    g_assert_cmpuint(len, ==, 16);
    len = 16;
    g_assert_true(guest_memory_map(gm, 0xff8, &len) == low + 0xff8);
    g_assert_cmpuint(len, ==, 8);
    len = 1;
    g_assert_null(guest_memory_map(gm, 0x1000, &len));
    g_assert_cmpuint(len, ==, 0);
    len = 1;
    g_assert_null(guest_memory_map(gm, 0xffffffffull, &len));
    len = UINT64_MAX;
    g_assert_true(guest_memory_map(gm, 0x100000001ull, &len) == high + 1);
    g_assert_cmpuint(len, ==, 0x1fff);
    len = UINT64_MAX;
    g_assert_true(guest_memory_map(gm, UINT64_MAX, &len) == top + 0xfff);
    g_assert_cmpuint(len, ==, 1);
    len = 0;
    g_assert_true(guest_memory_map(gm, 0, &len) == low);
    g_assert_cmpuint(len, ==, 0);
}

static void test_exact(void)
{
    g_autoptr(GuestMemory) gm = sample();

    g_assert_true(guest_memory_map_exact(gm, 8, 0xff8) == low + 8);
    g_assert_null(guest_memory_map_exact(gm, 8, 0xff9));
    g_assert_null(guest_memory_map_exact(gm, UINT64_MAX, 2));
    g_assert_null(guest_memory_map_exact(gm, 0x100002000ull, 1));
}

static void test_reject(void)
{
    const GuestMemoryRegion overlap[] = { { 0x1000, 0x1000, low },
                                          { 0x800, 0x801, low } };
    const GuestMemoryRegion empty[] = { { 0x1000, 0, low } };
    const GuestMemoryRegion wrap[] = { { UINT64_MAX, 2, low } };
    g_autofree GuestMemoryRegion *many = g_new0(GuestMemoryRegion, 513);
    Error *err = NULL;

    g_assert_null(guest_memory_new(overlap, 2, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Memory regions overlap at 0x1000");
    error_free(err);
    g_assert_null(guest_memory_new(empty, 1, NULL));
    g_assert_null(guest_memory_new(wrap, 1, NULL));
    g_assert_null(guest_memory_new(many, 513, NULL));
}

static void test_empty(void)
{
    g_autoptr(GuestMemory) gm = guest_memory_new(NULL, 0, &error_abort);
    uint64_t len = 1;

    g_assert_null(guest_memory_map(gm, 0, &len));
}

static void test_system(void)
{
    GuestMemory *gm = sample();
    GuestMemory *got;

    g_assert_null(guest_memory_system());
    guest_memory_set_system(gm);
    guest_memory_unref(gm);
    got = guest_memory_system();
    g_assert_true(got == gm);
    guest_memory_set_system(NULL);
    g_assert_null(guest_memory_system());
    g_assert_cmpint(got->refcount, ==, 1);
    guest_memory_unref(got);
    guest_memory_unref(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guest-memory/map", test_map);
    g_test_add_func("/guest-memory/map-exact", test_exact);
    g_test_add_func("/guest-memory/reject", test_reject);
    g_test_add_func("/guest-memory/empty", test_empty);
    g_test_add_func("/guest-memory/system", test_system);
    return g_test_run();
}
