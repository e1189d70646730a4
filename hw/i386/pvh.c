/*
 * Loading an ELF kernel by Xen's PVH boot protocol (xen/include/public/arch-
 * x86/hvm/start_info.h): flat 32-bit mode, EBX points to hvm_start_info.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/i386/x86-boot.h"

#include <elf.h>

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define START_INFO_MAGIC         0x336ec578u
#define MAX_PROGRAM_HEADERS      128
#define MAX_MEMMAP               128

typedef struct HvmStartInfo {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t nr_modules;
    uint64_t modlist_paddr;
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr;
    uint32_t memmap_entries;
    uint32_t reserved;
} HvmStartInfo;

typedef struct HvmModule {
    uint64_t paddr;
    uint64_t size;
    uint64_t cmdline_paddr;
    uint64_t reserved;
} HvmModule;

typedef struct HvmMemmapEntry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
} HvmMemmapEntry;

/* A program header of either class. */
typedef struct Segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz, align;
} Segment;

typedef struct ElfFile {
    GBytes *bytes;
    const uint8_t *data;
    uint64_t size;
    bool is_64;
    uint64_t phoff;
    unsigned phnum, phentsize;
    uint64_t entry; /* from the note */
    bool has_entry;
    uint64_t end; /* of the highest segment in memory */
} ElfFile;

bool pvh_probe(GBytes *kernel)
{
    gsize size;
    const uint8_t *data = g_bytes_get_data(kernel, &size);

    return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

static bool in_file(const ElfFile *elf, uint64_t offset, uint64_t len)
{
    return offset <= elf->size && len <= elf->size - offset;
}

static bool parse_header(ElfFile *elf)
{
    if (elf->size < sizeof(Elf64_Ehdr) || elf->data[EI_DATA] != ELFDATA2LSB) {
        return false;
    }
    elf->is_64 = elf->data[EI_CLASS] == ELFCLASS64;
    if (elf->is_64) {
        Elf64_Ehdr h;

        memcpy(&h, elf->data, sizeof(h));
        elf->phoff = h.e_phoff;
        elf->phnum = h.e_phnum;
        elf->phentsize = h.e_phentsize;
        if (h.e_machine != EM_X86_64 || h.e_phentsize < sizeof(Elf64_Phdr)) {
            return false;
        }
    } else {
        Elf32_Ehdr h;

        memcpy(&h, elf->data, sizeof(h));
        elf->phoff = h.e_phoff;
        elf->phnum = h.e_phnum;
        elf->phentsize = h.e_phentsize;
        if (h.e_machine != EM_386 || h.e_phentsize < sizeof(Elf32_Phdr)) {
            return false;
        }
    }
    return elf->phnum && elf->phnum <= MAX_PROGRAM_HEADERS &&
           in_file(elf, elf->phoff, (uint64_t)elf->phnum * elf->phentsize);
}

static Segment get_segment(const ElfFile *elf, unsigned i)
{
    const uint8_t *p = elf->data + elf->phoff + (uint64_t)i * elf->phentsize;

    if (elf->is_64) {
        Elf64_Phdr h;

        memcpy(&h, p, sizeof(h));
        return (Segment){ h.p_type,   h.p_offset, h.p_paddr,
                          h.p_filesz, h.p_memsz,  h.p_align };
    } else {
        Elf32_Phdr h;

        memcpy(&h, p, sizeof(h));
        return (Segment){ h.p_type,   h.p_offset, h.p_paddr,
                          h.p_filesz, h.p_memsz,  h.p_align };
    }
}

/* Look for the entry note among those in @seg; false if they are malformed. */
static bool parse_notes(ElfFile *elf, const Segment *seg)
{
    uint64_t align = seg->align == 8 ? 8 : 4;
    uint64_t pos = 0;

    while (seg->filesz - pos >= sizeof(Elf32_Nhdr)) {
        const uint8_t *p = elf->data + seg->offset + pos;
        uint64_t name, desc, next;
        Elf32_Nhdr n;

        memcpy(&n, p, sizeof(n));
        name = sizeof(n);
        desc = ROUND_UP(name + n.n_namesz, align);
        next = ROUND_UP(desc + n.n_descsz, align);
        if (desc + n.n_descsz > seg->filesz - pos) {
            return false;
        }
        if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
            !memcmp(p + name, "Xen", 4) &&
            (n.n_descsz == 4 || n.n_descsz == 8)) {
            elf->entry = 0;
            memcpy(&elf->entry, p + desc, n.n_descsz);
            elf->has_entry = true;
        }
        pos += MIN(next, seg->filesz - pos);
    }
    return true;
}

static bool load_segment(X86BootImage *img, const X86BootInfo *info,
                         ElfFile *elf, const Segment *seg)
{
    uint64_t end;

    if (seg->memsz < seg->filesz ||
        __builtin_add_overflow(seg->paddr, seg->memsz, &end) ||
        seg->paddr < BOOT_KERNEL_ADDR || end > info->low_ram_end) {
        return false;
    }
    x86_boot_add(img, seg->paddr,
                 g_bytes_new_from_bytes(elf->bytes, seg->offset, seg->filesz),
                 seg->memsz);
    elf->end = MAX(elf->end, end);
    return true;
}

/* Read all notes; false if a segment that we need is not all in the file. */
static bool find_entry(ElfFile *elf)
{
    for (unsigned i = 0; i < elf->phnum; i++) {
        Segment seg = get_segment(elf, i);

        if (seg.type != PT_LOAD && seg.type != PT_NOTE) {
            continue;
        }
        if (!in_file(elf, seg.offset, seg.filesz) ||
            (seg.type == PT_NOTE && !parse_notes(elf, &seg))) {
            return false;
        }
    }
    return true;
}

static bool load_segments(X86BootImage *img, const X86BootInfo *info,
                          ElfFile *elf)
{
    for (unsigned i = 0; i < elf->phnum; i++) {
        Segment seg = get_segment(elf, i);

        if (seg.type == PT_LOAD && seg.memsz &&
            !load_segment(img, info, elf, &seg)) {
            return false;
        }
    }
    return elf->end != 0;
}

static void add_start_info(X86BootImage *img, const X86BootInfo *info,
                           uint64_t initrd_addr, uint64_t initrd_size)
{
    struct {
        HvmStartInfo info;
        HvmModule module;
        HvmMemmapEntry map[MAX_MEMMAP];
    } block = { 0 };
    unsigned n = MIN(info->nr_e820, MAX_MEMMAP);

    block.info = (HvmStartInfo){
        .magic = START_INFO_MAGIC,
        .version = 1,
        .nr_modules = initrd_size ? 1 : 0,
        .modlist_paddr = initrd_size ? BOOT_PVH_ADDR + sizeof(block.info) : 0,
        .cmdline_paddr = BOOT_CMDLINE_ADDR,
        .rsdp_paddr = info->rsdp_addr,
        .memmap_paddr = BOOT_PVH_ADDR + sizeof(block.info) +
                        sizeof(block.module),
        .memmap_entries = n,
    };
    block.module.paddr = initrd_addr;
    block.module.size = initrd_size;
    for (unsigned i = 0; i < n; i++) {
        block.map[i].addr = info->e820[i].addr;
        block.map[i].size = info->e820[i].size;
        block.map[i].type = info->e820[i].type;
    }
    x86_boot_add_copy(img, BOOT_PVH_ADDR, &block, sizeof(block));
}

bool pvh_load(X86BootImage *img, const X86BootInfo *info, GBytes *kernel,
              GBytes *initrd, Error **errp)
{
    uint64_t initrd_size = initrd ? g_bytes_get_size(initrd) : 0;
    uint64_t initrd_addr = 0;
    ElfFile elf = { .bytes = kernel };
    gsize size;

    elf.data = g_bytes_get_data(kernel, &size);
    elf.size = size;
    if (!parse_header(&elf) || !find_entry(&elf)) {
        error_setg(errp, "Error while loading elf kernel");
        return false;
    }
    if (!elf.has_entry || elf.entry > UINT32_MAX) {
        error_setg(errp,
                   "Error loading uncompressed kernel without PVH ELF Note");
        return false;
    }
    if (!load_segments(img, info, &elf)) {
        error_setg(errp, "Error while loading elf kernel");
        return false;
    }
    if (initrd_size) {
        initrd_addr = x86_boot_initrd_addr(info, initrd_size, elf.end,
                                           UINT32_MAX, errp);
        if (!initrd_addr) {
            return false;
        }
        x86_boot_add(img, initrd_addr, g_bytes_ref(initrd), initrd_size);
    }
    if (!x86_boot_add_common(img, info, false, errp)) {
        return false;
    }
    add_start_info(img, info, initrd_addr, initrd_size);
    img->regs.mode = X86_BOOT_PROTECTED32;
    img->regs.rip = elf.entry;
    img->regs.rbx = BOOT_PVH_ADDR;
    return true;
}
