/*
 * What the files of the memory core share: the address space itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_MEMORY_INTERNAL_H
#define HW_CORE_MEMORY_INTERNAL_H

#include "hw/core/memory.h"

/* BQL. */
struct AddressSpace {
    const char *name;
    MemoryRegion root;
    GArray *ranges;    /* of FlatRange, sorted by address */
    GArray *eventfds;  /* of MemoryRegionIoeventfd, absolute addresses */
    unsigned last_hit; /* index where the last look-up ended */
    TAILQ_HEAD(, MemoryListener) listeners;
};

#endif
