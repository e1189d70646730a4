/*
 * Aligned memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/memalign.h"

void *qemu_try_memalign(size_t alignment, size_t size)
{
    void *ptr;

    assert(is_power_of_2(alignment));
    alignment = MAX(alignment, sizeof(void *));
    return posix_memalign(&ptr, alignment, MAX(size, 1)) ? NULL : ptr;
}

void *qemu_memalign(size_t alignment, size_t size)
{
    void *ptr = qemu_try_memalign(alignment, size);

    if (!ptr) {
        fprintf(stderr, "qemu: failed to allocate %zu bytes aligned to %zu\n",
                size, alignment);
        abort();
    }
    return ptr;
}

void qemu_vfree(void *ptr)
{
    free(ptr);
}

static size_t cached_page_size; /* atomic; every writer writes the same */

size_t qemu_real_host_page_size(void)
{
    size_t page_size = __atomic_load_n(&cached_page_size, __ATOMIC_RELAXED);

    if (!page_size) {
        page_size = sysconf(_SC_PAGESIZE);
        __atomic_store_n(&cached_page_size, page_size, __ATOMIC_RELAXED);
    }
    return page_size;
}
