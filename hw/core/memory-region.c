/*
 * Life of a memory region: device registers, containers, aliases and RAM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/memory.h"

#include <sys/mman.h>

#define HUGE_PAGE_SIZE (2 * MiB)

void memory_region_init(MemoryRegion *mr, const char *name, uint64_t size)
{
    *mr = (MemoryRegion){
        .name = g_strdup(name),
        .size = size,
        .enabled = true,
        .ram_fd = -1,
    };
    TAILQ_INIT(&mr->subregions);
}

void memory_region_init_io(MemoryRegion *mr, const MemoryRegionOps *ops,
                           void *opaque, const char *name, uint64_t size)
{
    memory_region_init(mr, name, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

void memory_region_init_ram_ptr(MemoryRegion *mr, const char *name,
                                uint64_t size, void *ptr)
{
    memory_region_init(mr, name, size);
    mr->is_ram = true;
    mr->ram_ptr = ptr;
}

void memory_region_init_alias(MemoryRegion *mr, const char *name,
                              MemoryRegion *orig, hwaddr offset, uint64_t size)
{
    /* An alias shows a leaf, so that flattening need not follow chains. */
    assert(orig->is_ram || orig->ops);
    assert(offset <= orig->size && size <= orig->size - offset);
    memory_region_init(mr, name, size);
    mr->alias = orig;
    mr->alias_offset = offset;
}

/* Anonymous memory aligned so that the kernel can use huge pages. */
static void *ram_map_anonymous(uint64_t size)
{
    size_t align = size >= HUGE_PAGE_SIZE ? HUGE_PAGE_SIZE : 4096;
    size_t total;
    uint8_t *p, *aligned;

    if (__builtin_add_overflow(size, align, &total)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    p = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        return p;
    }
    aligned = (uint8_t *)ROUND_UP((uintptr_t)p, align);
    if (aligned > p) {
        munmap(p, aligned - p);
    }
    if (aligned + size < p + total) {
        munmap(aligned + size, p + total - (aligned + size));
    }
    return aligned;
}

static void *ram_map_memfd(const char *name, uint64_t size, int *fd)
{
    void *p;

    *fd = memfd_create(name, MFD_CLOEXEC);
    if (*fd < 0) {
        return MAP_FAILED;
    }
    if (ftruncate(*fd, size) == 0) {
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
        if (p != MAP_FAILED) {
            return p;
        }
    }
    {
        int saved = errno;

        close(*fd);
        *fd = -1;
        errno = saved;
    }
    return MAP_FAILED;
}

bool memory_region_init_ram(MemoryRegion *mr, const char *name, uint64_t size,
                            bool share, Error **errp)
{
    int fd = -1;
    void *p = share ? ram_map_memfd(name, size, &fd) : ram_map_anonymous(size);

    if (p == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot set up guest memory '%s'", name);
        return false;
    }
    /* Hints: their failure costs speed, not function. */
    madvise(p, size, MADV_HUGEPAGE);
    madvise(p, size, MADV_DONTFORK);
    memory_region_init_ram_ptr(mr, name, size, p);
    mr->ram_owned = true;
    mr->ram_fd = fd;
    return true;
}

void memory_region_destroy(MemoryRegion *mr)
{
    if (!mr->name) {
        return;
    }
    assert(!mr->container && TAILQ_EMPTY(&mr->subregions));
    if (mr->ram_owned) {
        munmap(mr->ram_ptr, mr->size);
    }
    if (mr->ram_fd >= 0) {
        close(mr->ram_fd);
    }
    g_clear_pointer(&mr->ioeventfds, g_array_unref);
    g_free((char *)mr->name);
    *mr = (MemoryRegion){ .ram_fd = -1 };
}
