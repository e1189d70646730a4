/*
 * Memory map: flattening, listeners, eventfds, dispatch.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/memory.h"

/* A device that remembers its accesses. */
typedef struct Device {
    MemoryRegion mr;
    unsigned reads, writes;
    hwaddr last_addr;
    unsigned last_size;
    uint64_t last_data;
} Device;

static uint64_t device_read(void *opaque, hwaddr addr, unsigned size)
{
    Device *d = opaque;

    d->reads++;
    d->last_addr = addr;
    d->last_size = size;
    return 0x1122334455667788ull;
}

static void device_write(void *opaque, hwaddr addr, uint64_t data,
                         unsigned size)
{
    Device *d = opaque;

    d->writes++;
    d->last_addr = addr;
    d->last_size = size;
    d->last_data = data;
}

static const MemoryRegionOps ops_any = {
    .read = device_read,
    .write = device_write,
    .max_access_size = 8,
};

static const MemoryRegionOps ops_byte = {
    .read = device_read,
    .write = device_write,
    .max_access_size = 1,
};

static const MemoryRegionOps ops_long = {
    .read = device_read,
    .write = device_write,
    .min_access_size = 4,
    .max_access_size = 4,
};

/* A listener that keeps a copy of the map by its callbacks alone. */
typedef struct Watcher {
    MemoryListener l;
    unsigned adds, dels, fd_adds, fd_dels, commits;
    uint64_t bytes;
    hwaddr fd_addr;
} Watcher;

static void watch_add(MemoryListener *l, const FlatRange *fr)
{
    Watcher *w = container_of(l, Watcher, l);

    w->adds++;
    w->bytes += fr->size;
}

static void watch_del(MemoryListener *l, const FlatRange *fr)
{
    Watcher *w = container_of(l, Watcher, l);

    w->dels++;
    w->bytes -= fr->size;
}

static void watch_fd_add(MemoryListener *l, const MemoryRegionIoeventfd *fd)
{
    Watcher *w = container_of(l, Watcher, l);

    w->fd_adds++;
    w->fd_addr = fd->addr;
}

static void watch_fd_del(MemoryListener *l, const MemoryRegionIoeventfd *fd)
{
    container_of(l, Watcher, l)->fd_dels++;
}

static void watch_commit(MemoryListener *l)
{
    container_of(l, Watcher, l)->commits++;
}

static void watch(Watcher *w)
{
    *w = (Watcher){ .l = { .region_add = watch_add,
                           .region_del = watch_del,
                           .eventfd_add = watch_fd_add,
                           .eventfd_del = watch_fd_del,
                           .commit = watch_commit } };
    memory_listener_register(&w->l, &address_space_memory);
}

static void device_map(Device *d, const MemoryRegionOps *ops, hwaddr addr,
                       uint64_t size, int priority)
{
    *d = (Device){ .last_addr = UINT64_MAX };
    memory_region_init_io(&d->mr, ops, d, "device", size);
    memory_region_add_subregion_overlap(get_system_memory(), addr, &d->mr,
                                        priority);
}

static void device_unmap(Device *d)
{
    memory_region_del_subregion(get_system_memory(), &d->mr);
    memory_region_destroy(&d->mr);
}

static MemoryRegion *region_at(hwaddr addr)
{
    const FlatRange *fr = address_space_lookup(&address_space_memory, addr);

    return fr ? fr->mr : NULL;
}

static void test_unassigned(void)
{
    uint8_t buf[16] = { 0 };

    get_system_memory();
    g_assert_false(
        address_space_rw(&address_space_memory, 0x1000, buf, 16, false));
    for (int i = 0; i < 16; i++) {
        g_assert_cmpuint(buf[i], ==, 0xff);
    }
    g_assert_false(
        address_space_rw(&address_space_memory, UINT64_MAX - 7, buf, 8, true));
    g_assert_false(address_space_rw(&address_space_io, 0xffff, buf, 4, false));
}

static void test_priority(void)
{
    Device a, b, c;

    device_map(&a, &ops_any, 0x1000, 0x3000, 0);
    device_map(&b, &ops_any, 0x2000, 0x1000, 1);
    device_map(&c, &ops_any, 0x0, 0x10000, -1);
    g_assert_true(region_at(0x0) == &c.mr);
    g_assert_true(region_at(0x1fff) == &a.mr);
    g_assert_true(region_at(0x2000) == &b.mr);
    g_assert_true(region_at(0x3000) == &a.mr);
    g_assert_true(region_at(0xffff) == &c.mr);
    g_assert_null(region_at(0x10000));
    memory_region_set_enabled(&b.mr, false);
    g_assert_true(region_at(0x2000) == &a.mr);
    memory_region_set_address(&a.mr, 0x8000);
    g_assert_true(region_at(0x1000) == &c.mr);
    g_assert_true(region_at(0x8000) == &a.mr);
    device_unmap(&a);
    device_unmap(&b);
    device_unmap(&c);
    g_assert_null(region_at(0x0));
}

static void test_container(void)
{
    MemoryRegion box;
    Device d = { 0 };
    uint32_t v;

    memory_region_init(&box, "box", 0x1000);
    memory_region_init_io(&d.mr, &ops_any, &d, "inner", 0x2000);
    memory_region_add_subregion(&box, 0x800, &d.mr);
    memory_region_add_subregion(get_system_memory(), 0x10000, &box);
    g_assert_null(region_at(0x107ff));
    g_assert_true(region_at(0x10800) == &d.mr);
    /* The box is smaller than what is in it. */
    g_assert_null(region_at(0x11000));
    address_space_rw(&address_space_memory, 0x10810, &v, 4, false);
    g_assert_cmphex(d.last_addr, ==, 0x10);
    /* Addresses a guest may choose: the box ends behind the last byte. */
    memory_region_set_address(&box, UINT64_MAX - 0x7ff);
    memory_region_set_address(&box, UINT64_MAX);
    g_assert_null(region_at(0x10800));
    memory_region_del_subregion(get_system_memory(), &box);
    memory_region_del_subregion(&box, &d.mr);
    memory_region_destroy(&d.mr);
    memory_region_destroy(&box);
}

static void test_ram_alias(void)
{
    MemoryRegion ram, low, high;
    Error *err = NULL;
    uint8_t data[0x3000];
    Watcher w;

    watch(&w);
    g_assert_true(memory_region_init_ram(&ram, "ram", 0x4000, false, &err));
    memory_region_init_alias(&low, "low", &ram, 0, 0x1000);
    memory_region_init_alias(&high, "high", &ram, 0x1000, 0x3000);
    memory_region_add_subregion(get_system_memory(), 0, &low);
    memory_region_add_subregion(get_system_memory(), 0x100000, &high);
    g_assert_cmpuint(w.bytes, ==, 0x4000);
    memset(data, 0x5a, sizeof(data));
    g_assert_true(address_space_rw(&address_space_memory, 0x100000, data,
                                   sizeof(data), true));
    g_assert_cmphex(ram.ram_ptr[0x1000], ==, 0x5a);
    g_assert_cmphex(ram.ram_ptr[0xfff], ==, 0);
    g_assert_true(address_space_ram_ptr(&address_space_memory, 0x100000,
                                        0x3000) == ram.ram_ptr + 0x1000);
    g_assert_null(
        address_space_ram_ptr(&address_space_memory, 0x100000, 0x3001));
    g_assert_null(
        address_space_ram_ptr(&address_space_memory, 0x100000, UINT64_MAX));
    /* Neighbours that continue each other are one range. */
    memory_region_set_address(&high, 0x1000);
    g_assert_true(address_space_lookup(&address_space_memory, 0)->size ==
                  0x4000);
    g_assert_cmpuint(w.bytes, ==, 0x4000);
    memory_region_del_subregion(get_system_memory(), &low);
    memory_region_del_subregion(get_system_memory(), &high);
    g_assert_cmpuint(w.bytes, ==, 0);
    g_assert_cmpuint(w.adds, ==, w.dels);
    memory_listener_unregister(&w.l);
    memory_region_destroy(&low);
    memory_region_destroy(&high);
    memory_region_destroy(&ram);
}

static void test_readonly(void)
{
    MemoryRegion rom;
    uint32_t v = 1;

    g_assert_true(memory_region_init_ram(&rom, "rom", 0x1000, true, NULL));
    g_assert_cmpint(rom.ram_fd, >=, 0);
    memory_region_set_readonly(&rom, true);
    memory_region_add_subregion(get_system_memory(), 0x5000, &rom);
    address_space_rw(&address_space_memory, 0x5000, &v, 4, true);
    address_space_rw(&address_space_memory, 0x5000, &v, 4, false);
    g_assert_cmpuint(v, ==, 0);
    memory_region_del_subregion(get_system_memory(), &rom);
    memory_region_destroy(&rom);
}

static void test_sizes(void)
{
    uint8_t buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    Device any, byte, word;

    device_map(&any, &ops_any, 0x1000, 0x100, 0);
    device_map(&byte, &ops_byte, 0x2000, 0x100, 0);
    device_map(&word, &ops_long, 0x3000, 0x100, 0);

    address_space_rw(&address_space_memory, 0x1008, buf, 8, true);
    g_assert_cmpuint(any.writes, ==, 1);
    g_assert_cmphex(any.last_data, ==, 0x0807060504030201ull);
    /* Not aligned: in naturally aligned pieces. */
    address_space_rw(&address_space_memory, 0x1003, buf, 8, true);
    g_assert_cmpuint(any.writes, ==, 1 + 4);

    address_space_rw(&address_space_memory, 0x2000, buf, 4, true);
    g_assert_cmpuint(byte.writes, ==, 4);
    g_assert_cmpuint(byte.last_size, ==, 1);
    g_assert_cmphex(byte.last_data, ==, 4);

    address_space_rw(&address_space_memory, 0x3000, buf, 8, true);
    g_assert_cmpuint(word.writes, ==, 2);
    address_space_rw(&address_space_memory, 0x3000, buf, 2, true);
    g_assert_cmpuint(word.writes, ==, 2);
    address_space_rw(&address_space_memory, 0x3000, buf, 2, false);
    g_assert_cmphex(buf[0], ==, 0xff);
    g_assert_cmpuint(word.reads, ==, 0);

    /* Across the end of a region. */
    g_assert_false(
        address_space_rw(&address_space_memory, 0x10fc, buf, 8, false));
    g_assert_cmphex(buf[0], ==, 0x88);
    g_assert_cmphex(buf[4], ==, 0xff);
    device_unmap(&any);
    device_unmap(&byte);
    device_unmap(&word);
}

static void test_eventfd(void)
{
    uint16_t v = 0;
    EventNotifier e, wild;
    Device d;
    Watcher w;

    g_assert_cmpint(event_notifier_init(&e, false), ==, 0);
    g_assert_cmpint(event_notifier_init(&wild, false), ==, 0);
    device_map(&d, &ops_any, 0x7000, 0x100, 0);
    memory_region_add_eventfd(&d.mr, 0x10, 2, true, 3, &e);
    watch(&w);
    g_assert_cmpuint(w.fd_adds, ==, 1);
    g_assert_cmphex(w.fd_addr, ==, 0x7010);
    memory_region_add_eventfd(&d.mr, 0x20, 0, false, 0, &wild);
    g_assert_cmpuint(w.fd_adds, ==, 2);

    v = 4;
    address_space_rw(&address_space_memory, 0x7010, &v, 2, true);
    g_assert_cmpuint(d.writes, ==, 1);
    g_assert_false(event_notifier_test_and_clear(&e));
    v = 3;
    address_space_rw(&address_space_memory, 0x7010, &v, 2, true);
    g_assert_cmpuint(d.writes, ==, 1);
    g_assert_true(event_notifier_test_and_clear(&e));
    address_space_rw(&address_space_memory, 0x7020, &v, 1, true);
    g_assert_true(event_notifier_test_and_clear(&wild));
    g_assert_cmpuint(d.writes, ==, 1);

    /* The region moves: its eventfds with it. */
    memory_region_set_address(&d.mr, 0x9000);
    g_assert_cmpuint(w.fd_dels, ==, 2);
    g_assert_cmpuint(w.fd_adds, ==, 4);
    g_assert_cmphex(w.fd_addr, ==, 0x9020);
    memory_region_del_eventfd(&d.mr, 0x10, 2, true, 3, &e);
    memory_region_del_eventfd(&d.mr, 0x20, 0, false, 0, &wild);
    g_assert_cmpuint(w.fd_dels, ==, 4);
    memory_listener_unregister(&w.l);
    device_unmap(&d);
    event_notifier_cleanup(&e);
    event_notifier_cleanup(&wild);
}

static void test_transaction(void)
{
    Device a, b;
    Watcher w;

    watch(&w);
    w.commits = 0;
    memory_region_transaction_begin();
    memory_region_transaction_begin();
    device_map(&a, &ops_any, 0x1000, 0x1000, 0);
    device_map(&b, &ops_any, 0x4000, 0x1000, 0);
    memory_region_transaction_commit();
    g_assert_cmpuint(w.adds, ==, 0);
    memory_region_transaction_commit();
    g_assert_cmpuint(w.adds, ==, 2);
    g_assert_cmpuint(w.commits, ==, 1);
    /* What did not change is not announced. */
    memory_region_set_address(&b.mr, 0x6000);
    g_assert_cmpuint(w.adds, ==, 3);
    g_assert_cmpuint(w.dels, ==, 1);
    memory_listener_unregister(&w.l);
    device_unmap(&a);
    device_unmap(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/unassigned", test_unassigned);
    g_test_add_func("/memory/priority", test_priority);
    g_test_add_func("/memory/container", test_container);
    g_test_add_func("/memory/ram-alias", test_ram_alias);
    g_test_add_func("/memory/readonly", test_readonly);
    g_test_add_func("/memory/sizes", test_sizes);
    g_test_add_func("/memory/eventfd", test_eventfd);
    g_test_add_func("/memory/transaction", test_transaction);
    return g_test_run();
}
