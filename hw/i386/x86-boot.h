/*
 * Entering a kernel directly, without firmware: where its parts and the boot
 * data go in guest memory, and the registers to begin with.
 *
 * Loading only reads files and makes blobs; x86_boot_place() copies them into
 * RAM, at the first start and after each reset.
 *
 * Kernel files are untrusted: every field is checked before it is used.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_X86_BOOT_H
#define HW_I386_X86_BOOT_H

#include "hw/core/accel.h"
#include "util/error.h"

/* Our use of the first 640 KiB; the e820 map calls all of it RAM. */
#define BOOT_GDT_ADDR     0x1000u
#define BOOT_PVH_ADDR     0x2000u /* hvm_start_info and its tables */
#define BOOT_PARAMS_ADDR  0x7000u /* Linux' zero page */
#define BOOT_STACK_TOP    0x8ff0u
#define BOOT_PAGING_ADDR  0x9000u  /* 6 pages: identity map of 4 GiB */
#define BOOT_CMDLINE_ADDR 0x20000u /* up to BOOT_CMDLINE_MAX bytes with NUL */
#define BOOT_CMDLINE_MAX  0x60000u
#define BOOT_KERNEL_ADDR  0x100000u

/* Types of the BIOS' memory map (ACPI 6.4, table 15.4). */
typedef enum E820Type {
    E820_RAM = 1,
    E820_RESERVED = 2,
    E820_ACPI = 3,
} E820Type;

typedef struct E820Entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} E820Entry;

/* What the machine knows. */
typedef struct X86BootInfo {
    const char *kernel_filename;
    const char *initrd_filename; /* or NULL */
    const char *cmdline;         /* or NULL */
    uint64_t low_ram_end;        /* usable RAM below 4 GiB ends here (the
                                  * ACPI tables lie above it) */
    uint64_t rsdp_addr;
    const E820Entry *e820;
    unsigned nr_e820;
} X86BootInfo;

/* Bytes to be at @addr of guest memory; @size >= those of @data: zeroes. */
typedef struct X86BootBlob {
    uint64_t addr;
    uint64_t size;
    GBytes *data;
} X86BootBlob;

typedef struct X86BootImage {
    GArray *blobs; /* of X86BootBlob */
    X86BootRegs regs;
} X86BootImage;

void x86_boot_image_init(X86BootImage *img);
void x86_boot_image_cleanup(X86BootImage *img);

/* Add a blob; takes @data (NULL: only zeroes). */
void x86_boot_add(X86BootImage *img, uint64_t addr, GBytes *data,
                  uint64_t size);

/* The same with a copy of @len bytes. */
void x86_boot_add_copy(X86BootImage *img, uint64_t addr, const void *data,
                       size_t len);

/*
 * Read the files named in @info and fill @img.  false with @errp in QEMU's
 * words; where QEMU prints "qemu: " in place of the program's name, the
 * message begins with that.
 */
bool x86_boot_load(X86BootImage *img, const X86BootInfo *info, Error **errp);

/* Copy all blobs to RAM.  BQL, vCPUs stopped. */
void x86_boot_place(const X86BootImage *img);

/* --- the formats, for x86_boot_load() and the unit test --------------------
 */

/* Linux' boot protocol: 64-bit entry, or 32-bit where that is all there is. */
bool bzimage_load(X86BootImage *img, const X86BootInfo *info, GBytes *kernel,
                  GBytes *initrd, Error **errp);

/* Is it an ELF file? */
bool pvh_probe(GBytes *kernel);

/* An ELF file with Xen's PVH entry note. */
bool pvh_load(X86BootImage *img, const X86BootInfo *info, GBytes *kernel,
              GBytes *initrd, Error **errp);

/*
 * Where an initrd of @size bytes goes: page aligned, as high as @limit (last
 * usable byte) and @info's RAM allow, not below @floor.  0 with @errp if there
 * is no room.
 */
uint64_t x86_boot_initrd_addr(const X86BootInfo *info, uint64_t size,
                              uint64_t floor, uint64_t limit, Error **errp);

/* Add GDT and command line; set the registers common to all entries. */
bool x86_boot_add_common(X86BootImage *img, const X86BootInfo *info,
                         bool long_mode, Error **errp);

#endif
