/*
 * Loading a bzImage by Linux' boot protocol (Documentation/arch/x86/boot.rst
 * of the kernel): entry in 64-bit mode with identity-mapped memory where the
 * kernel offers that (XLF_KERNEL_64), else in flat 32-bit mode.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/i386/x86-boot.h"

/* Offsets in the setup header, which are the same in the zero page. */
enum {
    HDR_START = 0x1f1,
    HDR_SETUP_SECTS = 0x1f1,
    HDR_SYSSIZE = 0x1f4,
    HDR_JUMP = 0x201, /* its byte tells where the header ends */
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_TYPE_OF_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_CODE32_START = 0x214,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_RELOCATABLE = 0x234,
    HDR_XLOADFLAGS = 0x236,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_LIMIT = 0x290, /* the zero page has other things from here on */

    /* In the zero page only. */
    ZP_ACPI_RSDP = 0x070,
    ZP_E820_ENTRIES = 0x1e8,
    ZP_E820_TABLE = 0x2d0,
    ZP_SIZE = 4096,
};

#define E820_MAX_ENTRIES 128
#define E820_ENTRY_SIZE  20

#define HDRS_MAGIC      0x53726448u /* "HdrS" */
#define LOADFLAG_HIGH   0x01
#define XLF_KERNEL_64   0x01
#define XLF_ABOVE_4G    0x02
#define LOADER_UNKNOWN  0xff
#define INITRD_MAX_OLD  0x37ffffffu
#define ENTRY_64_OFFSET 0x200
#define MIN_FILE_SIZE   0x400

/* What we need of the header. */
typedef struct BzImage {
    const uint8_t *data;
    uint64_t size;       /* of the file */
    uint64_t setup_size; /* boot sector and setup code */
    unsigned version;    /* 0x020c = 2.12 */
    bool entry_64;
    uint64_t initrd_max; /* last byte an initrd may use */
    uint64_t end;        /* memory the kernel uses until it has the map */
} BzImage;

static uint16_t get16(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = v >> (8 * i);
    }
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, v);
    put32(p + 4, v >> 32);
}

/* Where the kernel works before it knows what memory there is. */
static bool find_end(BzImage *bz)
{
    uint64_t base = BOOT_KERNEL_ADDR, end;

    bz->end = BOOT_KERNEL_ADDR + (bz->size - bz->setup_size);
    if (bz->version >= 0x020a) {
        if (bz->data[HDR_RELOCATABLE]) {
            base = MAX(base, get64(bz->data + HDR_PREF_ADDRESS));
        }
        if (__builtin_add_overflow(base, get32(bz->data + HDR_INIT_SIZE),
                                   &end)) {
            return false;
        }
        bz->end = MAX(bz->end, end);
    }
    return true;
}

static bool parse(BzImage *bz, GBytes *kernel, Error **errp)
{
    gsize size;
    unsigned sectors, flags = 0;

    bz->data = g_bytes_get_data(kernel, &size);
    bz->size = size;
    if (size < MIN_FILE_SIZE || get32(bz->data + HDR_MAGIC) != HDRS_MAGIC) {
        goto invalid;
    }
    bz->version = get16(bz->data + HDR_VERSION);
    sectors = bz->data[HDR_SETUP_SECTS] ? bz->data[HDR_SETUP_SECTS] : 4;
    bz->setup_size = (sectors + 1) * 512;
    if (bz->version < 0x0202 || bz->setup_size >= size ||
        !(bz->data[HDR_LOADFLAGS] & LOADFLAG_HIGH)) {
        goto invalid;
    }
    /* From 2.04 on the header tells how long the rest is, in paragraphs. */
    if (bz->version >= 0x0204 && (uint64_t)get32(bz->data + HDR_SYSSIZE) * 16 >
                                     ROUND_UP(size - bz->setup_size, 16)) {
        goto invalid;
    }
    if (bz->version >= 0x020c) {
        flags = get16(bz->data + HDR_XLOADFLAGS);
    }
    bz->entry_64 = flags & XLF_KERNEL_64;
    if (flags & XLF_ABOVE_4G) {
        bz->initrd_max = UINT32_MAX;
    } else {
        bz->initrd_max = bz->version >= 0x0203
                             ? get32(bz->data + HDR_INITRD_ADDR_MAX)
                             : INITRD_MAX_OLD;
    }
    if (find_end(bz)) {
        return true;
    }
invalid:
    error_setg(errp, "qemu: invalid kernel header");
    return false;
}

static void put_e820(uint8_t *zp, const X86BootInfo *info)
{
    unsigned n = MIN(info->nr_e820, E820_MAX_ENTRIES);

    zp[ZP_E820_ENTRIES] = n;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *entry = zp + ZP_E820_TABLE + i * E820_ENTRY_SIZE;

        put64(entry, info->e820[i].addr);
        put64(entry + 8, info->e820[i].size);
        put32(entry + 16, info->e820[i].type);
    }
}

static void add_zero_page(X86BootImage *img, const X86BootInfo *info,
                          const BzImage *bz, uint64_t initrd_addr,
                          uint64_t initrd_size)
{
    uint8_t zp[ZP_SIZE] = { 0 };
    unsigned end = HDR_MAGIC + bz->data[HDR_JUMP];

    end = MIN(end, HDR_LIMIT);
    if (end > HDR_START) {
        memcpy(zp + HDR_START, bz->data + HDR_START, end - HDR_START);
    }
    zp[HDR_TYPE_OF_LOADER] = LOADER_UNKNOWN;
    put32(zp + HDR_CODE32_START, BOOT_KERNEL_ADDR);
    put32(zp + HDR_CMD_LINE_PTR, BOOT_CMDLINE_ADDR);
    put32(zp + HDR_RAMDISK_IMAGE, initrd_addr);
    put32(zp + HDR_RAMDISK_SIZE, initrd_size);
    put64(zp + ZP_ACPI_RSDP, info->rsdp_addr);
    put_e820(zp, info);
    x86_boot_add_copy(img, BOOT_PARAMS_ADDR, zp, sizeof(zp));
}

/* The first 4 GiB, one to one, in pages of 2 MiB. */
static void add_page_tables(X86BootImage *img)
{
    g_autofree uint64_t *t = g_new0(uint64_t, 6 * 512);

    t[0] = (BOOT_PAGING_ADDR + 0x1000) | 3;
    for (unsigned i = 0; i < 4; i++) {
        t[512 + i] = (BOOT_PAGING_ADDR + 0x2000 + i * 0x1000) | 3;
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        t[1024 + i] = i << 21 | 0x83;
    }
    x86_boot_add_copy(img, BOOT_PAGING_ADDR, t, 6 * 4096);
    img->regs.cr3 = BOOT_PAGING_ADDR;
}

bool bzimage_load(X86BootImage *img, const X86BootInfo *info, GBytes *kernel,
                  GBytes *initrd, Error **errp)
{
    uint64_t initrd_size = initrd ? g_bytes_get_size(initrd) : 0;
    uint64_t initrd_addr = 0;
    BzImage bz = { 0 };

    if (!parse(&bz, kernel, errp)) {
        return false;
    }
    if (bz.end > info->low_ram_end) {
        error_setg(errp,
                   "qemu: kernel needs %" PRIu64 " MiB of memory, there are "
                   "%" PRIu64,
                   DIV_ROUND_UP(bz.end, MiB), info->low_ram_end / MiB);
        return false;
    }
    if (initrd_size) {
        initrd_addr = x86_boot_initrd_addr(info, initrd_size, bz.end,
                                           bz.initrd_max, errp);
        if (!initrd_addr) {
            return false;
        }
        x86_boot_add(img, initrd_addr, g_bytes_ref(initrd), initrd_size);
    }
    if (!x86_boot_add_common(img, info, bz.entry_64, errp)) {
        return false;
    }
    x86_boot_add(
        img, BOOT_KERNEL_ADDR,
        g_bytes_new_from_bytes(kernel, bz.setup_size, bz.size - bz.setup_size),
        bz.size - bz.setup_size);
    add_zero_page(img, info, &bz, initrd_addr, initrd_size);
    img->regs.rsi = BOOT_PARAMS_ADDR;
    if (bz.entry_64) {
        add_page_tables(img);
        img->regs.mode = X86_BOOT_LONG64;
        img->regs.rip = BOOT_KERNEL_ADDR + ENTRY_64_OFFSET;
    } else {
        img->regs.mode = X86_BOOT_PROTECTED32;
        img->regs.rip = BOOT_KERNEL_ADDR;
    }
    return true;
}
