/*
 * MSI-X (PCI 3.0, section 6.8.2): the capability, and the table and pending
 * bits in a BAR.
 *
 * The device learns through MSIXVectorOps when a vector it uses can be sent
 * and with which message, so that it can keep an irqfd route for it; while a
 * vector cannot be sent, msix_notify() only sets its pending bit, and the
 * interrupt follows when the guest unmasks.
 *
 * All under the BQL; a device that completes in an IOThread signals an
 * eventfd and never calls msix_notify() from there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/core/msi-route.h"
#include "hw/pci/pci.h"

#define PCI_MSIX_ENTRY_SIZE 16
#define PCI_MSIX_MAX        2048

/*
 * Called for vectors with a use count only, under the BQL.
 * @unmask: the vector became deliverable with @msg, or its message changed
 *   while deliverable.  0 or -errno, which is reported and otherwise ignored.
 * @mask: it no longer is (masked, function masked or MSI-X disabled).
 * @poll: the guest reads the pending bits of vectors [first, end): call
 *   msix_set_pending() for what a masked vector's eventfd holds.  Optional.
 */
typedef struct MSIXVectorOps {
    int (*unmask)(PCIDevice *d, unsigned vector, MSIMessage msg);
    void (*mask)(PCIDevice *d, unsigned vector);
    void (*poll)(PCIDevice *d, unsigned first, unsigned end);
} MSIXVectorOps;

/*
 * From realize: @nentries (1..2048) vectors, table at @table_offset of
 * @table_bar (BAR @table_nr), pending bits likewise; capability at @cap_pos (0:
 * anywhere).  Offsets are multiples of 8 and the parts must fit and not
 * overlap.  false with @errp.
 */
bool msix_init(PCIDevice *d, unsigned nentries, MemoryRegion *table_bar,
               uint8_t table_nr, uint32_t table_offset, MemoryRegion *pba_bar,
               uint8_t pba_nr, uint32_t pba_offset, uint8_t cap_pos,
               Error **errp);

/* The same with a BAR of its own at @bar_nr (4 KiB, or what is needed). */
bool msix_init_exclusive_bar(PCIDevice *d, unsigned nentries, uint8_t bar_nr,
                             Error **errp);

/* From exit; fine without msix_init(). */
void msix_uninit(PCIDevice *d);

bool msix_present(const PCIDevice *d);
bool msix_enabled(const PCIDevice *d);        /* by the guest */
unsigned msix_nr_vectors(const PCIDevice *d); /* 0 without MSI-X */

/* Out of range counts as masked. */
bool msix_is_masked(const PCIDevice *d, unsigned vector);
MSIMessage msix_get_message(const PCIDevice *d, unsigned vector);

/* Send the vector's message, or set its pending bit while it is masked. */
void msix_notify(PCIDevice *d, unsigned vector);

bool msix_is_pending(const PCIDevice *d, unsigned vector);
void msix_set_pending(PCIDevice *d, unsigned vector);
void msix_clr_pending(PCIDevice *d, unsigned vector);

/*
 * Count uses of a vector; only used vectors can be sent and reach the ops.
 * -EINVAL if there is no such vector.  The last unuse clears its pending bit.
 * Neither calls an op: whoever starts using looks at msix_is_masked() itself.
 */
int msix_vector_use(PCIDevice *d, unsigned vector);
void msix_vector_unuse(PCIDevice *d, unsigned vector);
void msix_unuse_all_vectors(PCIDevice *d);

/*
 * Register @ops and call unmask for each used vector that is deliverable now;
 * NULL: mask those and forget the ops.  -errno of the first failing unmask,
 * after masking the earlier ones again.
 */
int msix_set_vector_ops(PCIDevice *d, const MSIXVectorOps *ops);

/* --- for pci.c --- */
void msix_reset(PCIDevice *d);
void msix_write_config(PCIDevice *d, unsigned addr, unsigned len);

#endif
