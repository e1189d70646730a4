/*
 * Kernel loader: what it makes of good, truncated and hostile files.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/i386/x86-boot.h"

#include <elf.h>

#define RAM_END (64 * MiB)

static const E820Entry e820[] = {
    { 0, 0x9fc00, E820_RAM },
    { 0x100000, RAM_END - 0x100000, E820_RAM },
};

static X86BootInfo boot_info(void)
{
    return (X86BootInfo){
        .cmdline = "console=ttyS0",
        .low_ram_end = RAM_END,
        .rsdp_addr = 0xe0000,
        .e820 = e820,
        .nr_e820 = ARRAY_SIZE(e820),
    };
}

static void put(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        p[i] = v >> (8 * i);
    }
}

#define BZ_SIZE (5 * 512 + 8192)

/* A well-formed bzImage of protocol 2.15 with a 64-bit entry. */
static void make_bzimage(uint8_t *d)
{
    memset(d, 0, BZ_SIZE);
    d[0x1f1] = 4;                 /* setup sectors */
    put(d + 0x1f4, 8192 / 16, 4); /* rest, in paragraphs */
    put(d + 0x1fe, 0xaa55, 2);
    d[0x201] = 0x66; /* header ends at 0x268 */
    memcpy(d + 0x202, "HdrS", 4);
    put(d + 0x206, 0x020f, 2);
    d[0x211] = 1;                  /* loaded high */
    put(d + 0x22c, 0x7fffffff, 4); /* initrd below 2 GiB */
    d[0x234] = 1;                  /* relocatable */
    put(d + 0x236, 3, 2);          /* 64-bit entry, above 4 GiB */
    put(d + 0x258, 0x1000000, 8);  /* preferred address */
    put(d + 0x260, 0x800000, 4);   /* init_size */
    memset(d + 5 * 512, 0xcc, 8192);
}

/* Every blob lies in RAM. */
static void check_blobs(const X86BootImage *img)
{
    for (unsigned i = 0; i < img->blobs->len; i++) {
        const X86BootBlob *b = &g_array_index(img->blobs, X86BootBlob, i);

        g_assert_cmpuint(b->addr, <, RAM_END);
        g_assert_cmpuint(b->size, <=, RAM_END - b->addr);
        if (b->data) {
            g_assert_cmpuint(g_bytes_get_size(b->data), <=, b->size);
        }
    }
}

static const X86BootBlob *blob_at(const X86BootImage *img, uint64_t addr)
{
    for (unsigned i = 0; i < img->blobs->len; i++) {
        const X86BootBlob *b = &g_array_index(img->blobs, X86BootBlob, i);

        if (b->addr == addr) {
            return b;
        }
    }
    return NULL;
}

typedef bool LoadFn(X86BootImage *img, const X86BootInfo *info, GBytes *kernel,
                    GBytes *initrd, Error **errp);

/* Load @len bytes; the message of a failure, or NULL. */
static char *try_load(LoadFn *load, const void *data, size_t len,
                      size_t initrd_size)
{
    g_autoptr(GBytes) kernel = g_bytes_new(data, len);
    g_autoptr(GBytes) initrd = NULL;
    X86BootInfo info = boot_info();
    X86BootImage img;
    Error *err = NULL;
    char *message = NULL;

    if (initrd_size) {
        initrd = g_bytes_new_take(g_malloc0(initrd_size), initrd_size);
    }
    x86_boot_image_init(&img);
    if (load(&img, &info, kernel, initrd, &err)) {
        check_blobs(&img);
    } else {
        message = g_strdup(error_get_pretty(err));
        error_free(err);
    }
    x86_boot_image_cleanup(&img);
    return message;
}

static void test_bzimage(void)
{
    g_autofree uint8_t *d = g_malloc(BZ_SIZE);
    g_autoptr(GBytes) kernel = NULL;
    g_autoptr(GBytes) initrd = g_bytes_new_take(g_malloc0(5000), 5000);
    X86BootInfo info = boot_info();
    const X86BootBlob *zp;
    const uint8_t *page;
    X86BootImage img;
    Error *err = NULL;
    gsize size;

    make_bzimage(d);
    kernel = g_bytes_new(d, BZ_SIZE);
    x86_boot_image_init(&img);
    g_assert_true(bzimage_load(&img, &info, kernel, initrd, &err));
    check_blobs(&img);
    g_assert_cmpint(img.regs.mode, ==, X86_BOOT_LONG64);
    g_assert_cmphex(img.regs.rip, ==, 0x100200);
    g_assert_cmpuint(blob_at(&img, 0x100000)->size, ==, 8192);
    zp = blob_at(&img, BOOT_PARAMS_ADDR);
    g_assert_nonnull(zp);
    g_assert_cmphex(img.regs.rsi, ==, BOOT_PARAMS_ADDR);
    page = g_bytes_get_data(zp->data, &size);
    g_assert_cmpuint(size, ==, 4096);
    g_assert_cmpuint(page[0x1e8], ==, ARRAY_SIZE(e820));
    g_assert_cmphex(page[0x210], ==, 0xff);
    g_assert_true(!memcmp(page + 0x202, "HdrS", 4));
    /* The initrd: page aligned at the end of RAM. */
    g_assert_nonnull(blob_at(&img, RAM_END - 8192));
    x86_boot_image_cleanup(&img);
}

static void test_bzimage_32(void)
{
    g_autofree uint8_t *d = g_malloc(BZ_SIZE);
    g_autoptr(GBytes) kernel = NULL;
    X86BootInfo info = boot_info();
    X86BootImage img;

    make_bzimage(d);
    put(d + 0x236, 0, 2);
    kernel = g_bytes_new(d, BZ_SIZE);
    x86_boot_image_init(&img);
    g_assert_true(bzimage_load(&img, &info, kernel, NULL, NULL));
    g_assert_cmpint(img.regs.mode, ==, X86_BOOT_PROTECTED32);
    g_assert_cmphex(img.regs.rip, ==, 0x100000);
    x86_boot_image_cleanup(&img);
}

static void test_bzimage_truncated(void)
{
    g_autofree uint8_t *d = g_malloc(BZ_SIZE);

    make_bzimage(d);
    for (size_t len = 0; len < BZ_SIZE - 15; len += 13) {
        g_autofree char *message = try_load(bzimage_load, d, len, 0);

        g_assert_cmpstr(message, ==, "qemu: invalid kernel header");
    }
}

static void test_bzimage_too_big(void)
{
    g_autofree uint8_t *d = g_malloc(BZ_SIZE);
    g_autofree char *message = NULL, *message2 = NULL;

    make_bzimage(d);
    message = try_load(bzimage_load, d, BZ_SIZE, RAM_END);
    g_assert_true(g_str_has_prefix(
        message, "qemu: initrd is too large, cannot support.(max: "));
    put(d + 0x260, 0x80000000u, 4);
    message2 = try_load(bzimage_load, d, BZ_SIZE, 0);
    g_assert_true(g_str_has_prefix(message2, "qemu: kernel needs"));
}

static void test_bzimage_mutations(void)
{
    g_autofree uint8_t *d = g_malloc(BZ_SIZE);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(1);

    for (int i = 0; i < 20000; i++) {
        make_bzimage(d);
        for (int j = g_rand_int_range(rnd, 1, 6); j; j--) {
            d[g_rand_int_range(rnd, 0x1f0, 0x270)] = g_rand_int(rnd);
        }
        g_free(try_load(bzimage_load, d, BZ_SIZE,
                        g_rand_int_range(rnd, 0, 2) * 100));
    }
}

#define ELF_SIZE 0x300

/* A 32-bit ELF file with one segment and the PVH note. */
static void make_elf(uint8_t *d)
{
    Elf32_Ehdr h = {
        .e_type = ET_EXEC,
        .e_machine = EM_386,
        .e_version = 1,
        .e_entry = 0x100000,
        .e_phoff = sizeof(h),
        .e_ehsize = sizeof(h),
        .e_phentsize = sizeof(Elf32_Phdr),
        .e_phnum = 2,
    };
    Elf32_Phdr ph[2] = {
        { .p_type = PT_LOAD,
          .p_offset = 0x100,
          .p_paddr = 0x100000,
          .p_filesz = 0x100,
          .p_memsz = 0x2000 },
        { .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 20, .p_align = 4 },
    };
    const uint32_t note[] = { 4, 4, 18, 0x006e6558 /* "Xen" */, 0x100000 };

    memset(d, 0, ELF_SIZE);
    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS32;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    memcpy(d, &h, sizeof(h));
    memcpy(d + sizeof(h), ph, sizeof(ph));
    memcpy(d + 0x200, note, sizeof(note));
}

static void test_pvh(void)
{
    uint8_t d[ELF_SIZE];
    g_autoptr(GBytes) kernel = NULL;
    X86BootInfo info = boot_info();
    X86BootImage img;

    make_elf(d);
    kernel = g_bytes_new(d, sizeof(d));
    g_assert_true(pvh_probe(kernel));
    x86_boot_image_init(&img);
    g_assert_true(pvh_load(&img, &info, kernel, NULL, NULL));
    check_blobs(&img);
    g_assert_cmpint(img.regs.mode, ==, X86_BOOT_PROTECTED32);
    g_assert_cmphex(img.regs.rip, ==, 0x100000);
    g_assert_cmphex(img.regs.rbx, ==, BOOT_PVH_ADDR);
    g_assert_cmpuint(blob_at(&img, 0x100000)->size, ==, 0x2000);
    x86_boot_image_cleanup(&img);
}

static void test_pvh_truncated(void)
{
    uint8_t d[ELF_SIZE];

    make_elf(d);
    for (size_t len = 4; len < 0x200 + 20; len++) {
        g_autofree char *message = try_load(pvh_load, d, len, 0);

        g_assert_cmpstr(message, ==, "Error while loading elf kernel");
    }
}

static void test_pvh_no_note(void)
{
    uint8_t d[ELF_SIZE];
    g_autofree char *message = NULL;

    make_elf(d);
    d[0x208] = 17;
    message = try_load(pvh_load, d, sizeof(d), 0);
    g_assert_cmpstr(message, ==,
                    "Error loading uncompressed kernel without PVH ELF Note");
}

static void test_pvh_mutations(void)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(2);
    uint8_t d[ELF_SIZE];

    for (int i = 0; i < 50000; i++) {
        make_elf(d);
        for (int j = g_rand_int_range(rnd, 1, 5); j; j--) {
            int at = g_rand_boolean(rnd) ? g_rand_int_range(rnd, 4, 0x80)
                                         : g_rand_int_range(rnd, 0x200, 0x214);

            d[at] = g_rand_boolean(rnd) ? 0xff : g_rand_int(rnd);
        }
        g_free(try_load(pvh_load, d, sizeof(d), 0));
    }
}

static void test_files(void)
{
    g_autofree char *dir = g_dir_make_tmp("boot-XXXXXX", NULL);
    g_autofree char *empty = g_build_filename(dir, "empty", NULL);
    X86BootInfo info = boot_info();
    X86BootImage img;
    Error *err = NULL;

    x86_boot_image_init(&img);
    info.kernel_filename = "/nonexistent/kernel";
    g_assert_false(x86_boot_load(&img, &info, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "qemu: could not open kernel file '/nonexistent/kernel': "
                    "No such file or directory");
    error_free(err);
    err = NULL;

    g_file_set_contents(empty, "", 0, NULL);
    info.kernel_filename = empty;
    g_assert_false(x86_boot_load(&img, &info, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err),
                                   "qemu: could not load kernel '"));
    error_free(err);
    err = NULL;

    info.kernel_filename = dir;
    g_assert_false(x86_boot_load(&img, &info, &err));
    error_free(err);
    err = NULL;

    g_file_set_contents(empty, "x", 1, NULL);
    info.kernel_filename = empty;
    info.initrd_filename = "/nonexistent/initrd";
    g_assert_false(x86_boot_load(&img, &info, &err));
    g_assert_true(
        g_str_has_prefix(error_get_pretty(err),
                         "qemu: error reading initrd /nonexistent/initrd: "
                         "Failed to open file"));
    error_free(err);
    x86_boot_image_cleanup(&img);
    unlink(empty);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-boot/bzimage/load", test_bzimage);
    g_test_add_func("/x86-boot/bzimage/32-bit", test_bzimage_32);
    g_test_add_func("/x86-boot/bzimage/truncated", test_bzimage_truncated);
    g_test_add_func("/x86-boot/bzimage/too-big", test_bzimage_too_big);
    g_test_add_func("/x86-boot/bzimage/mutations", test_bzimage_mutations);
    g_test_add_func("/x86-boot/pvh/load", test_pvh);
    g_test_add_func("/x86-boot/pvh/truncated", test_pvh_truncated);
    g_test_add_func("/x86-boot/pvh/no-note", test_pvh_no_note);
    g_test_add_func("/x86-boot/pvh/mutations", test_pvh_mutations);
    g_test_add_func("/x86-boot/files", test_files);
    return g_test_run();
}
