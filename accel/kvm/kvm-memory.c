/*
 * KVM follows the memory map: RAM becomes memory slots, eventfds become
 * ioeventfds, so that a queue's notify register never leaves the kernel.
 *
 * All under the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm-internal.h"
#include "hw/core/memory.h"
#include "util/error-report.h"

#define PAGE_SIZE 4096ull

typedef struct KVMSlot {
    struct kvm_userspace_memory_region region; /* memory_size 0: free */
    hwaddr range_addr;                         /* of the FlatRange */
} KVMSlot;

static GArray *slots; /* of KVMSlot; the index is the slot's number */

static void set_slot(KVMSlot *slot, const char *what)
{
    int ret = kvm_ioctl(kvm_state.vmfd, KVM_SET_USER_MEMORY_REGION,
                        &slot->region);

    if (ret < 0) {
        error_report("kvm: cannot %s memory slot %u at 0x%llx, 0x%llx bytes: "
                     "%s",
                     what, slot->region.slot, slot->region.guest_phys_addr,
                     slot->region.memory_size, strerror(-ret));
        abort();
    }
}

static KVMSlot *free_slot(void)
{
    KVMSlot none = { 0 };

    for (unsigned i = 0; i < slots->len; i++) {
        KVMSlot *slot = &g_array_index(slots, KVMSlot, i);

        if (!slot->region.memory_size) {
            return slot;
        }
    }
    none.region.slot = slots->len;
    g_array_append_val(slots, none);
    return &g_array_index(slots, KVMSlot, slots->len - 1);
}

static void kvm_region_add(MemoryListener *l, const FlatRange *fr)
{
    hwaddr start = ROUND_UP(fr->addr, PAGE_SIZE);
    hwaddr end = ROUND_DOWN(fr->addr + fr->size, PAGE_SIZE);
    bool readonly = fr->readonly && kvm_check_extension(KVM_CAP_READONLY_MEM);
    KVMSlot *slot;
    uint8_t *host;

    if (!fr->mr->is_ram || start >= end) {
        return;
    }
    host = fr->mr->ram_ptr + fr->offset_in_region + (start - fr->addr);
    if ((uintptr_t)host % PAGE_SIZE) {
        return; /* answered by the dispatch in user space */
    }
    slot = free_slot();
    slot->range_addr = fr->addr;
    slot->region.guest_phys_addr = start;
    slot->region.memory_size = end - start;
    slot->region.userspace_addr = (uintptr_t)host;
    slot->region.flags = readonly ? KVM_MEM_READONLY : 0;
    set_slot(slot, "set up");
}

static void kvm_region_del(MemoryListener *l, const FlatRange *fr)
{
    for (unsigned i = 0; i < slots->len; i++) {
        KVMSlot *slot = &g_array_index(slots, KVMSlot, i);

        if (slot->region.memory_size && slot->range_addr == fr->addr) {
            slot->region.memory_size = 0;
            set_slot(slot, "remove");
            return;
        }
    }
}

/* One KVM_IOEVENTFD call; 0 or -errno. */
static int set_ioeventfd(const MemoryRegionIoeventfd *fd, bool pio, bool assign)
{
    struct kvm_ioeventfd arg = {
        .datamatch = fd->match_data ? fd->data : 0,
        .addr = fd->addr,
        .len = fd->size,
        .fd = event_notifier_get_fd(fd->e),
    };

    if (fd->match_data) {
        arg.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
    }
    if (pio) {
        arg.flags |= KVM_IOEVENTFD_FLAG_PIO;
    }
    if (!assign) {
        arg.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
    }
    return kvm_ioctl(kvm_state.vmfd, KVM_IOEVENTFD, &arg);
}

static void kvm_eventfd_change(MemoryListener *l,
                               const MemoryRegionIoeventfd *fd, bool assign)
{
    bool pio = l->as == &address_space_io;
    int ret = set_ioeventfd(fd, pio, assign);

    /*
     * Not fatal: the dispatch in user space signals the eventfd itself when
     * the write arrives there.  Said once: a guest can make it happen often.
     */
    if (ret < 0 && assign) {
        warn_report_once("kvm: cannot set up ioeventfd at 0x%" PRIx64 ": %s",
                         fd->addr, strerror(-ret));
    }
}

static void kvm_eventfd_add(MemoryListener *l, const MemoryRegionIoeventfd *fd)
{
    kvm_eventfd_change(l, fd, true);
}

static void kvm_eventfd_del(MemoryListener *l, const MemoryRegionIoeventfd *fd)
{
    kvm_eventfd_change(l, fd, false);
}

static MemoryListener memory_listener = {
    .region_add = kvm_region_add,
    .region_del = kvm_region_del,
    .eventfd_add = kvm_eventfd_add,
    .eventfd_del = kvm_eventfd_del,
};

static MemoryListener io_listener = {
    .eventfd_add = kvm_eventfd_add,
    .eventfd_del = kvm_eventfd_del,
};

void kvm_memory_init(void)
{
    slots = g_array_new(false, true, sizeof(KVMSlot));
    memory_listener_register(&memory_listener, &address_space_memory);
    memory_listener_register(&io_listener, &address_space_io);
}

void kvm_memory_cleanup(void)
{
    if (!slots) {
        return;
    }
    memory_listener_unregister(&io_listener);
    memory_listener_unregister(&memory_listener);
    g_clear_pointer(&slots, g_array_unref);
}
