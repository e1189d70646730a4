/*
 * The freestanding guest: drives a virtio-blk disk the right way and then in
 * every wrong way, printing a line per check to the first serial port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "virtio-blk.h"

#define SECTOR     512u
#define BATCH      16u
#define CHUNK      4096u
#define F_INDIRECT (1u << 28)

const char *guest_cmdline = "";

static uint8_t buffers[BATCH][CHUNK] __attribute__((aligned(4096)));
static Request requests[BATCH];
static uint8_t statuses[BATCH];
static Desc table[8];

/* The pattern of 32-bit word @i of chunk @chunk: checked by the host too. */
static uint32_t pattern(uint32_t chunk, uint32_t i)
{
    return (chunk * 2654435761u) ^ (i * 40503u + 0x5eed);
}

static void fill(uint32_t *p, uint32_t chunk)
{
    for (uint32_t i = 0; i < CHUNK / 4; i++) {
        p[i] = pattern(chunk, i);
    }
}

static bool matches(const uint32_t *p, uint32_t chunk)
{
    for (uint32_t i = 0; i < CHUNK / 4; i++) {
        if (p[i] != pattern(chunk, i)) {
            return false;
        }
    }
    return true;
}

/* Chunks first..first+n-1, all in flight at once. */
static bool batch(uint32_t type, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        requests[i] = (Request){ .type = type,
                                 .sector = (first + i) * (CHUNK / SECTOR) };
        statuses[i] = 0xff;
        ring_request(i * 3, &requests[i], buffers[i], CHUNK, &statuses[i]);
        ring_offer(i * 3);
    }
    ring_kick();
    if (!ring_wait(n)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (*(volatile uint8_t *)&statuses[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_data(uint32_t chunks)
{
    bool ok = true;

    for (uint32_t c = 0; c < chunks; c += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            fill((uint32_t *)buffers[i], c + i);
        }
        ok = ok && batch(BLK_OUT, c, BATCH);
    }
    check(ok, "write patterns");
    check(disk_request(BLK_FLUSH, 0, NULL, 0) == 0, "flush");
    for (uint32_t c = 0; c < chunks && ok; c += BATCH) {
        memset(buffers, 0, sizeof(buffers));
        ok = batch(BLK_IN, c, BATCH);
        for (uint32_t i = 0; i < BATCH && ok; i++) {
            ok = matches((uint32_t *)buffers[i], c + i);
        }
    }
    check(ok, "read them back");
}

static void test_requests(uint32_t sectors)
{
    static char id[20];

    check(disk_request(BLK_GET_ID, 0, id, sizeof(id)) == 0, "serial number");
    check(disk_request(BLK_IN, sectors, buffers[0], CHUNK) == 1,
          "read behind the end is an I/O error");
    check(disk_request(BLK_IN, sectors - 1, buffers[0], CHUNK) == 1,
          "read across the end is an I/O error");
    check(disk_request(BLK_IN, 0xffffffff, buffers[0], SECTOR) == 1,
          "read far behind the end is an I/O error");
    check(disk_request(BLK_IN, 0, buffers[0], 100) == 1,
          "read of part of a sector is an I/O error");
    check(disk_request(77, 0, buffers[0], SECTOR) == 2,
          "unknown request type is unsupported");
    check(disk_request(BLK_IN, 0, buffers[0], CHUNK) == 0 &&
              !(disk_status() & STATUS_NEEDS_RESET),
          "device still works");
}

static void test_indirect(void)
{
    static Request req = { .type = BLK_IN };
    static uint8_t status;

    if (!disk_start(F_INDIRECT)) {
        check(false, "indirect descriptors: start");
        return;
    }
    ring_request(0, &req, buffers[0], CHUNK, &status);
    memcpy(table, (const void *)desc, 3 * sizeof(Desc));
    status = 0xff;
    memset(buffers[0], 0, CHUNK);
    desc[5] = (Desc){ (uint32_t)table, 3 * sizeof(Desc), DESC_F_INDIRECT, 0 };
    ring_offer(5);
    ring_kick();
    check(ring_wait(1) && *(volatile uint8_t *)&status == 0 &&
              matches((uint32_t *)buffers[0], 0),
          "indirect descriptors");
}

/* --- malformed rings -------------------------------------------------------
 */

static Request hostile_req = { .type = BLK_IN };
static uint8_t hostile_status;

static void well_formed(void)
{
    ring_request(0, &hostile_req, buffers[0], CHUNK, &hostile_status);
}

static void make_loop(void)
{
    desc[2].flags |= DESC_F_NEXT;
    desc[2].next = 0;
}

static void make_self_loop(void)
{
    desc[0].next = 0;
}

static void make_next_out_of_range(void)
{
    desc[1].next = QUEUE_SIZE;
}

static void make_address_out_of_range(void)
{
    desc[1].addr = 0xfffffff0000ull;
}

static void make_address_mmio(void)
{
    desc[1].addr = 0xfec00000u;
}

static void make_length_beyond_ram(void)
{
    desc[1].len = 0xfffff000u;
}

static void make_address_wrap(void)
{
    desc[1].addr = 0xfffffffffffff000ull;
    desc[1].len = 0x2000;
}

static void make_write_before_read(void)
{
    desc[0].flags |= DESC_F_WRITE;
    desc[1].flags &= ~DESC_F_WRITE;
}

static void make_header_short(void)
{
    desc[0].len = 4;
}

static void make_no_status(void)
{
    desc[1].flags = 0;
}

static void make_indirect_odd_length(void)
{
    desc[0] = (Desc){ (uint32_t)table, 17, DESC_F_INDIRECT, 0 };
}

static void make_indirect_empty(void)
{
    desc[0] = (Desc){ (uint32_t)table, 0, DESC_F_INDIRECT, 0 };
}

static void make_indirect_nested(void)
{
    table[0] = (Desc){ (uint32_t)table, 16, DESC_F_INDIRECT, 0 };
    desc[0] = (Desc){ (uint32_t)table, 16, DESC_F_INDIRECT, 0 };
}

static void make_indirect_loop(void)
{
    table[0] = (Desc){ (uint32_t)buffers[0], 512, DESC_F_NEXT, 0 };
    desc[0] = (Desc){ (uint32_t)table, 16, DESC_F_INDIRECT, 0 };
}

static void make_indirect_huge(void)
{
    desc[0] = (Desc){ (uint32_t)table, 0xfffffff0u, DESC_F_INDIRECT, 0 };
}

static void make_avail_jump(void)
{
    avail.idx += QUEUE_SIZE + 5;
}

static void make_head_out_of_range(void)
{
    avail.ring[avail.idx % QUEUE_SIZE] = 0x7fff;
    avail.idx++;
}

static const struct {
    const char *name;
    void (*make)(void);
} hostile[] = {
    { "chain that loops", make_loop },
    { "descriptor that is its own next", make_self_loop },
    { "next out of range", make_next_out_of_range },
    { "address where there is no RAM", make_address_out_of_range },
    { "address of a device register", make_address_mmio },
    { "length beyond RAM", make_length_beyond_ram },
    { "address that wraps around", make_address_wrap },
    { "device-writable before device-readable", make_write_before_read },
    { "header too short", make_header_short },
    { "no status byte", make_no_status },
    { "indirect table of odd length", make_indirect_odd_length },
    { "indirect table of no length", make_indirect_empty },
    { "indirect table in an indirect table", make_indirect_nested },
    { "indirect table that loops", make_indirect_loop },
    { "indirect table beyond RAM", make_indirect_huge },
    { "available index that jumps", make_avail_jump },
    { "head out of range", make_head_out_of_range },
};

static void test_hostile(void)
{
    for (unsigned i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        bool broken;

        if (!disk_start(F_INDIRECT)) {
            check(false, hostile[i].name);
            continue;
        }
        well_formed();
        hostile[i].make();
        if (hostile[i].make != make_avail_jump &&
            hostile[i].make != make_head_out_of_range) {
            ring_offer(0);
        }
        ring_kick();
        ring_wait(1);
        broken = disk_status() & STATUS_NEEDS_RESET;
        check(broken, hostile[i].name);
    }
    check(disk_start(0) && disk_request(BLK_IN, 0, buffers[0], CHUNK) == 0 &&
              matches((uint32_t *)buffers[0], 0),
          "after a reset the disk works again");
}

void guest_main(const uint32_t *start_info);

void guest_main(const uint32_t *start_info)
{
    uint32_t chunks;

    guest_cmdline = (const char *)start_info[6];
    chunks = option("chunks", 64);
    print("guest: start\n");
    if (!disk_find()) {
        print("guest: no disk\n");
        power_off();
    }
    check(disk_start(0), "start the device");
    print("guest: %u sectors\n", disk_sectors());
    test_data(chunks);
    test_requests(disk_sectors());
    test_indirect();
    test_hostile();
    print("guest: end\n");
    power_off();
}
