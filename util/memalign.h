/*
 * Aligned memory for I/O buffers, and the host's page size.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_MEMALIGN_H
#define UTIL_MEMALIGN_H

/* @size bytes (0: a valid pointer, too) aligned to @alignment, a power of
 * two; NULL when memory is short.  Freed by qemu_vfree(). */
void *qemu_try_memalign(size_t alignment, size_t size);
/* The same; ends the program when memory is short. */
void *qemu_memalign(size_t alignment, size_t size);
void qemu_vfree(void *ptr); /* NULL is fine */

size_t qemu_real_host_page_size(void);

static inline void qemu_vfree_cleanup_(void *p)
{
    qemu_vfree(*(void **)p);
}

/* A pointer that is freed by qemu_vfree() at the end of its scope. */
#define QEMU_AUTO_VFREE __attribute__((cleanup(qemu_vfree_cleanup_)))

#endif
