/*
 * The freestanding guest's virtio-blk driver.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "virtio-blk.h"

/* virtio 1.2, 4.1.4: structures of the modern PCI transport. */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_DEVICE = 4 };

enum {
    C_DEVICE_FEATURE_SELECT = 0x00,
    C_DEVICE_FEATURE = 0x04,
    C_DRIVER_FEATURE_SELECT = 0x08,
    C_DRIVER_FEATURE = 0x0c,
    C_DEVICE_STATUS = 0x14,
    C_QUEUE_SELECT = 0x16,
    C_QUEUE_SIZE = 0x18,
    C_QUEUE_ENABLE = 0x1c,
    C_QUEUE_NOTIFY_OFF = 0x1e,
    C_QUEUE_DESC = 0x20,
    C_QUEUE_DRIVER = 0x28,
    C_QUEUE_DEVICE = 0x30,
};

enum { S_ACKNOWLEDGE = 1, S_DRIVER = 2, S_DRIVER_OK = 4, S_FEATURES_OK = 8 };

#define F_VERSION_1_HIGH (1u << (32 - 32))
#define MMIO_BASE        0xd0000000u
#define WAIT_TURNS       20000000u

volatile Desc desc[QUEUE_SIZE] __attribute__((aligned(4096)));
volatile Avail avail __attribute__((aligned(4096)));
volatile Used used __attribute__((aligned(4096)));

static uint32_t common, device, notify, notify_multiplier, queue_notify;
static uint16_t last_used;

/* Put memory BAR @bar where 32-bit code can reach it. */
static uint32_t place_bar(uint8_t devfn, uint8_t bar)
{
    uint8_t reg = 0x10 + 4 * bar;
    uint32_t addr = MMIO_BASE + 0x100000u * bar;

    pci_write32(devfn, reg, addr);
    if ((pci_read32(devfn, reg) & 6) == 4) {
        pci_write32(devfn, reg + 4, 0);
    }
    return addr;
}

bool disk_find(void)
{
    int devfn = pci_find(0x1af4, 0x1042);
    uint8_t cap;

    if (devfn < 0) {
        devfn = pci_find(0x1af4, 0x1001);
    }
    if (devfn < 0) {
        return false;
    }
    pci_write16(devfn, 4, 0); /* decode nothing while BARs move */
    for (cap = pci_read8(devfn, 0x34); cap; cap = pci_read8(devfn, cap + 1)) {
        uint32_t addr;

        if (pci_read8(devfn, cap) != 9) {
            continue;
        }
        switch (pci_read8(devfn, cap + 3)) {
        case CAP_COMMON:
        case CAP_NOTIFY:
        case CAP_DEVICE:
            addr = place_bar(devfn, pci_read8(devfn, cap + 4)) +
                   pci_read32(devfn, cap + 8);
            break;
        default:
            continue;
        }
        switch (pci_read8(devfn, cap + 3)) {
        case CAP_COMMON:
            common = addr;
            break;
        case CAP_NOTIFY:
            notify = addr;
            notify_multiplier = pci_read32(devfn, cap + 16);
            break;
        default:
            device = addr;
            break;
        }
    }
    pci_write16(devfn, 4, 6); /* memory, bus master */
    return common && notify && device;
}

uint64_t disk_features(void)
{
    uint64_t f;

    mmio_write32(common + C_DEVICE_FEATURE_SELECT, 1);
    f = (uint64_t)mmio_read32(common + C_DEVICE_FEATURE) << 32;
    mmio_write32(common + C_DEVICE_FEATURE_SELECT, 0);
    return f | mmio_read32(common + C_DEVICE_FEATURE);
}

static void set_address(unsigned reg, const volatile void *p)
{
    mmio_write32(common + reg, (uint32_t)p);
    mmio_write32(common + reg + 4, 0);
}

bool disk_start(uint64_t features)
{
    mmio_write8(common + C_DEVICE_STATUS, 0);
    while (mmio_read8(common + C_DEVICE_STATUS)) {
    }
    mmio_write8(common + C_DEVICE_STATUS, S_ACKNOWLEDGE | S_DRIVER);
    mmio_write32(common + C_DRIVER_FEATURE_SELECT, 0);
    mmio_write32(common + C_DRIVER_FEATURE, features);
    mmio_write32(common + C_DRIVER_FEATURE_SELECT, 1);
    mmio_write32(common + C_DRIVER_FEATURE,
                 (features >> 32) | F_VERSION_1_HIGH);
    mmio_write8(common + C_DEVICE_STATUS,
                S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    if (!(mmio_read8(common + C_DEVICE_STATUS) & S_FEATURES_OK)) {
        return false;
    }

    memset((void *)desc, 0, sizeof(desc));
    memset((void *)&avail, 0, sizeof(avail));
    memset((void *)&used, 0, sizeof(used));
    last_used = 0;
    mmio_write16(common + C_QUEUE_SELECT, 0);
    if (mmio_read16(common + C_QUEUE_SIZE) < QUEUE_SIZE) {
        return false;
    }
    mmio_write16(common + C_QUEUE_SIZE, QUEUE_SIZE);
    set_address(C_QUEUE_DESC, desc);
    set_address(C_QUEUE_DRIVER, &avail);
    set_address(C_QUEUE_DEVICE, &used);
    queue_notify = notify +
                   notify_multiplier * mmio_read16(common + C_QUEUE_NOTIFY_OFF);
    mmio_write16(common + C_QUEUE_ENABLE, 1);
    mmio_write8(common + C_DEVICE_STATUS,
                S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
    return true;
}

uint32_t disk_sectors(void)
{
    return mmio_read32(device);
}

uint8_t disk_status(void)
{
    return mmio_read8(common + C_DEVICE_STATUS);
}

void ring_offer(uint16_t head)
{
    avail.ring[avail.idx % QUEUE_SIZE] = head;
    __asm__ volatile("" : : : "memory"); /* x86 keeps stores in order */
    avail.idx++;
}

void ring_kick(void)
{
    __asm__ volatile("lock; addl $0, (%%esp)" : : : "memory");
    mmio_write16(queue_notify, 0);
}

bool ring_wait(uint16_t n)
{
    uint16_t target = last_used + n;

    for (uint32_t turn = 0; turn < WAIT_TURNS; turn++) {
        if ((uint16_t)(used.idx - target) < 0x8000) {
            last_used = target;
            return true;
        }
        if (turn % 256 == 0 && (disk_status() & STATUS_NEEDS_RESET)) {
            return false;
        }
        __asm__ volatile("pause");
    }
    return false;
}

void ring_request(uint16_t head, Request *req, void *data, uint32_t len,
                  uint8_t *status)
{
    unsigned i = head;

    desc[i] = (Desc){ (uint32_t)req, sizeof(*req), DESC_F_NEXT, i + 1 };
    i++;
    if (len) {
        desc[i] = (Desc){ (uint32_t)data, len,
                          DESC_F_NEXT |
                              (req->type == BLK_OUT ? 0 : DESC_F_WRITE),
                          i + 1 };
        i++;
    }
    desc[i] = (Desc){ (uint32_t)status, 1, DESC_F_WRITE, 0 };
}

uint8_t disk_request(uint32_t type, uint32_t sector, void *data, uint32_t len)
{
    static Request req;
    static uint8_t status;

    req = (Request){ .type = type, .sector = sector };
    status = 0xff;
    ring_request(0, &req, data, len, &status);
    ring_offer(0);
    ring_kick();
    return ring_wait(1) ? *(volatile uint8_t *)&status : 0xff;
}
