/*
 * Entering a kernel directly: what all kernel formats share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/memory.h"
#include "hw/i386/x86-boot.h"

#include <sys/stat.h>

#define BOOT_CS 0x10 /* Linux' __BOOT_CS and __BOOT_DS */
#define BOOT_DS 0x18

static void blob_clear(void *p)
{
    X86BootBlob *blob = p;

    if (blob->data) {
        g_bytes_unref(blob->data);
    }
}

void x86_boot_image_init(X86BootImage *img)
{
    *img = (X86BootImage){ 0 };
    img->blobs = g_array_new(false, false, sizeof(X86BootBlob));
    g_array_set_clear_func(img->blobs, blob_clear);
}

void x86_boot_image_cleanup(X86BootImage *img)
{
    g_clear_pointer(&img->blobs, g_array_unref);
}

void x86_boot_add(X86BootImage *img, uint64_t addr, GBytes *data, uint64_t size)
{
    X86BootBlob blob = { .addr = addr, .size = size, .data = data };

    assert(!data || g_bytes_get_size(data) <= size);
    g_array_append_val(img->blobs, blob);
}

void x86_boot_add_copy(X86BootImage *img, uint64_t addr, const void *data,
                       size_t len)
{
    x86_boot_add(img, addr, g_bytes_new(data, len), len);
}

void x86_boot_place(const X86BootImage *img)
{
    for (unsigned i = 0; i < img->blobs->len; i++) {
        const X86BootBlob *blob = &g_array_index(img->blobs, X86BootBlob, i);
        uint8_t *ram = address_space_ram_ptr(&address_space_memory, blob->addr,
                                             blob->size);
        gsize len = 0;
        const void *data = blob->data ? g_bytes_get_data(blob->data, &len)
                                      : NULL;

        /* Loading checked all against the size of RAM. */
        assert(ram || !blob->size);
        if (len) {
            memcpy(ram, data, len);
        }
        if (blob->size > len) {
            memset(ram + len, 0, blob->size - len);
        }
    }
}

uint64_t x86_boot_initrd_addr(const X86BootInfo *info, uint64_t size,
                              uint64_t floor, uint64_t limit, Error **errp)
{
    uint64_t max = MIN(limit, info->low_ram_end - 1);
    uint64_t addr;

    if (size < max) {
        addr = ROUND_DOWN(max - size, 4096);
        if (addr >= floor) {
            return addr;
        }
    }
    error_setg(errp,
               "qemu: initrd is too large, cannot support.(max: %" PRIu64
               ", need %" PRIu64 ")",
               max, size);
    return 0;
}

bool x86_boot_add_common(X86BootImage *img, const X86BootInfo *info,
                         bool long_mode, Error **errp)
{
    const uint64_t gdt[] = {
        0, 0,
        long_mode ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull, /* BOOT_CS */
        0x00cf93000000ffffull,                                     /* BOOT_DS */
    };
    const char *cmdline = info->cmdline ? info->cmdline : "";
    size_t len = strlen(cmdline) + 1;

    if (len > BOOT_CMDLINE_MAX) {
        error_setg(errp,
                   "qemu: kernel command line is too long (max: %u bytes)",
                   BOOT_CMDLINE_MAX - 1);
        return false;
    }
    x86_boot_add_copy(img, BOOT_GDT_ADDR, gdt, sizeof(gdt));
    x86_boot_add_copy(img, BOOT_CMDLINE_ADDR, cmdline, len);
    img->regs.gdt_base = BOOT_GDT_ADDR;
    img->regs.gdt_limit = sizeof(gdt) - 1;
    img->regs.cs = BOOT_CS;
    img->regs.ds = BOOT_DS;
    img->regs.rsp = BOOT_STACK_TOP;
    return true;
}

/* --- files -----------------------------------------------------------------
 */

/* The whole file; a kernel is small enough to be read. */
static GBytes *read_kernel(const char *filename, uint64_t max, Error **errp)
{
    int fd = RETRY_ON_EINTR(open(filename, O_RDONLY | O_CLOEXEC));
    g_autofree uint8_t *buf = NULL;
    size_t done = 0;
    struct stat st;
    GBytes *bytes = NULL;

    if (fd < 0) {
        error_setg(errp, "qemu: could not open kernel file '%s': %s", filename,
                   strerror(errno));
        return NULL;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        error_setg(errp, "qemu: could not load kernel '%s': %s", filename,
                   strerror(S_ISDIR(st.st_mode) ? EISDIR : EINVAL));
        goto out;
    }
    if ((uint64_t)st.st_size > max) {
        error_setg(errp, "qemu: could not load kernel '%s': %s", filename,
                   strerror(EFBIG));
        goto out;
    }
    buf = g_malloc(st.st_size);
    while (done < (size_t)st.st_size) {
        ssize_t n = RETRY_ON_EINTR(
            read(fd, buf + done, (size_t)st.st_size - done));

        if (n <= 0) {
            error_setg(errp, "qemu: could not load kernel '%s': %s", filename,
                       strerror(n < 0 ? errno : EIO));
            goto out;
        }
        done += n;
    }
    bytes = g_bytes_new_take(g_steal_pointer(&buf), done);
out:
    close(fd);
    return bytes;
}

static GBytes *map_initrd(const char *filename, Error **errp)
{
    g_autoptr(GError) gerr = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(filename, false, &gerr);

    if (!file) {
        error_setg(errp, "qemu: error reading initrd %s: %s", filename,
                   gerr->message);
        return NULL;
    }
    return g_mapped_file_get_bytes(file);
}

bool x86_boot_load(X86BootImage *img, const X86BootInfo *info, Error **errp)
{
    g_autoptr(GBytes)
        kernel = read_kernel(info->kernel_filename, info->low_ram_end, errp);
    g_autoptr(GBytes) initrd = NULL;

    if (!kernel) {
        return false;
    }
    if (info->initrd_filename) {
        initrd = map_initrd(info->initrd_filename, errp);
        if (!initrd) {
            return false;
        }
    }
    return pvh_probe(kernel) ? pvh_load(img, info, kernel, initrd, errp)
                             : bzimage_load(img, info, kernel, initrd, errp);
}
