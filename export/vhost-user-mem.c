/*
 * A front end's memory.
 *
 * The SIGBUS handler
 *  1. guards[] holds the address ranges of all mappings; a slot is free while
 *     its @start is 0.  The main thread fills a slot with @start last and
 *     empties it with @start first, after the last access to the range.
 *  2. The handler only reads the slots, maps a page over the one that is gone,
 *     and schedules the owner's bottom half: all of it is safe in a signal
 *     handler.  A fault elsewhere goes to who handled SIGBUS before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/vhost-user-mem.h"
#include "util/atomic.h"

#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* --- guards --------------------------------------------------------------- */

typedef struct Guard {
    uintptr_t start, end; /* atomic */
    size_t page;
    QEMUBH *lost;
} Guard;

#define GUARDS_MAX 4096

static Guard guards[GUARDS_MAX];
static unsigned guards_used; /* atomic: slots above were never used */
static struct sigaction old_sigbus;

static bool map_over(uintptr_t addr, size_t size)
{
    return mmap((void *)(addr & ~(uintptr_t)(size - 1)), size,
                PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0) != MAP_FAILED;
}

static bool replace_page(uintptr_t addr)
{
    unsigned n = qatomic_load_acquire(&guards_used);

    for (unsigned i = 0; i < n; i++) {
        Guard *g = &guards[i];
        uintptr_t start = qatomic_load_acquire(&g->start);

        if (start && addr >= start && addr < qatomic_read(&g->end)) {
            if (!map_over(addr, g->page)) {
                return false;
            }
            qemu_bh_schedule(g->lost);
            aio_notify(qemu_get_aio_context());
            return true;
        }
    }
    return false;
}

static void sigbus(int sig, siginfo_t *info, void *uc)
{
    int saved = errno;

    if (info->si_code == BUS_ADRERR && replace_page((uintptr_t)info->si_addr)) {
        errno = saved;
        return;
    }
    /* Not ours: as if we were not here.  The access is made again. */
    sigaction(SIGBUS, &old_sigbus, NULL);
    errno = saved;
}

static void install_handler(void)
{
    static bool installed;
    struct sigaction sa = { .sa_sigaction = sigbus,
                            .sa_flags = SA_SIGINFO | SA_NODEFER };

    if (!installed) {
        sigaction(SIGBUS, &sa, &old_sigbus);
        installed = true;
    }
}

static int guard_add(void *start, size_t len, size_t page, QEMUBH *lost)
{
    install_handler();
    for (int i = 0; i < GUARDS_MAX; i++) {
        Guard *g = &guards[i];

        if (!g->start) {
            g->page = page;
            g->lost = lost;
            qatomic_set(&g->end, (uintptr_t)start + len);
            qatomic_store_release(&g->start, (uintptr_t)start);
            if ((unsigned)i >= guards_used) {
                qatomic_store_release(&guards_used, i + 1);
            }
            return i;
        }
    }
    return -1;
}

/* --- mappings ------------------------------------------------------------- */

static bool check_file(int fd, uint64_t end, size_t *page, Error **errp)
{
    struct statfs fs;
    struct stat st;

    *page = getpagesize();
    if (fd < 0 || fstat(fd, &st) < 0) {
        error_setg(errp, "no file descriptor for a memory region");
        return false;
    }
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
        error_setg(errp, "a memory region's descriptor is no memory");
        return false;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < end) {
        error_setg(errp, "a memory region ends behind its file's end");
        return false;
    }
    if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
        *page = fs.f_bsize;
    }
    return true;
}

bool vhost_user_map(VhostUserMapping *m, int fd, uint64_t offset, uint64_t size,
                    QEMUBH *lost, Error **errp)
{
    uint64_t start, len;
    size_t page;

    if (!size || offset > INT64_MAX || size > INT64_MAX - offset) {
        error_setg(errp,
                   "invalid memory region of 0x%" PRIx64 " bytes at 0x%" PRIx64,
                   size, offset);
        return false;
    }
    if (!check_file(fd, offset + size, &page, errp)) {
        return false;
    }
    /* Where the mapping begins must be a page of the file's */
    start = offset & ~(uint64_t)(page - 1);
    len = ROUND_UP(offset - start + size, page);
    m->base = mmap(NULL, len, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_NORESERVE, fd, start);
    if (m->base == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map a memory region");
        return false;
    }
    madvise(m->base, len, MADV_DONTDUMP);
    m->len = len;
    m->ptr = m->base + (offset - start);
    m->guard = guard_add(m->base, len, page, lost);
    if (m->guard < 0) {
        munmap(m->base, len);
        error_setg(errp, "too many memory regions");
        return false;
    }
    return true;
}

void vhost_user_unmap(VhostUserMapping *m)
{
    qatomic_store_release(&guards[m->guard].start, 0);
    munmap(m->base, m->len);
}

/* --- regions -------------------------------------------------------------- */

/* Counted (g_rc_box): by the list and by each table that has it. */
typedef struct Region {
    VhostUserMemRegion r;
    VhostUserMapping map;
} Region;

static void region_clear(void *opaque)
{
    Region *rg = opaque;

    vhost_user_unmap(&rg->map);
}

static void region_unref(void *opaque)
{
    g_rc_box_release_full(opaque, region_clear);
}

static void table_release(GuestMemory *gm)
{
    g_ptr_array_unref(gm->opaque);
}

static bool overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a < b ? alen > b - a : blen > a - b;
}

static bool region_ok(const VhostUserMem *m, const VhostUserMemRegion *r,
                      Error **errp)
{
    if (!r->size || r->size - 1 > UINT64_MAX - r->gpa ||
        r->size - 1 > UINT64_MAX - r->uaddr) {
        error_setg(errp,
                   "Invalid memory region at 0x%" PRIx64 " of size 0x%" PRIx64,
                   r->gpa, r->size);
        return false;
    }
    for (unsigned i = 0; i < m->regions->len; i++) {
        const Region *o = g_ptr_array_index(m->regions, i);

        if (overlaps(r->gpa, r->size, o->r.gpa, o->r.size) ||
            overlaps(r->uaddr, r->size, o->r.uaddr, o->r.size)) {
            error_setg(errp, "Memory regions overlap at 0x%" PRIx64, r->gpa);
            return false;
        }
    }
    return true;
}

/* Map @r and put it into the list. */
static bool append_region(VhostUserMem *m, const VhostUserMemRegion *r, int fd,
                          Error **errp)
{
    VhostUserMapping map;
    Region *rg;

    if (m->regions->len >= VHOST_USER_MEM_SLOTS) {
        error_setg(errp, "Too many memory regions (%u)", m->regions->len + 1);
        return false;
    }
    if (!region_ok(m, r, errp) ||
        !vhost_user_map(&map, fd, r->offset, r->size, m->lost, errp)) {
        return false;
    }
    rg = g_rc_box_new(Region);
    rg->r = *r;
    rg->map = map;
    g_ptr_array_add(m->regions, rg);
    return true;
}

/* A new table of the regions that there are now. */
static void make_table(VhostUserMem *m)
{
    g_autofree GuestMemoryRegion *list = g_new(GuestMemoryRegion,
                                               m->regions->len + 1);
    GPtrArray *keep = g_ptr_array_new_with_free_func(region_unref);

    for (unsigned i = 0; i < m->regions->len; i++) {
        Region *rg = g_ptr_array_index(m->regions, i);

        list[i] = (GuestMemoryRegion){ rg->r.gpa, rg->r.size, rg->map.ptr };
        g_ptr_array_add(keep, g_rc_box_acquire(rg));
    }
    guest_memory_unref(m->table);
    m->table = guest_memory_new(list, m->regions->len, &error_abort);
    m->table->release = table_release;
    m->table->opaque = keep;
}

void vhost_user_mem_init(VhostUserMem *m, QEMUBH *lost)
{
    *m = (VhostUserMem){
        .regions = g_ptr_array_new_with_free_func(region_unref),
        .lost = lost,
    };
}

void vhost_user_mem_clear(VhostUserMem *m)
{
    g_ptr_array_set_size(m->regions, 0);
    guest_memory_unref(m->table);
    m->table = NULL;
}

void vhost_user_mem_cleanup(VhostUserMem *m)
{
    vhost_user_mem_clear(m);
    g_ptr_array_unref(m->regions);
}

bool vhost_user_mem_set(VhostUserMem *m, const VhostUserMemTable *t,
                        const int *fds, int nfds, Error **errp)
{
    vhost_user_mem_clear(m);
    if (t->nregions > VHOST_USER_TABLE_REGIONS ||
        (uint32_t)nfds != t->nregions) {
        error_setg(errp, "SET_MEM_TABLE of %u regions with %d descriptors",
                   t->nregions, nfds);
        return false;
    }
    for (uint32_t i = 0; i < t->nregions; i++) {
        if (!append_region(m, &t->regions[i], fds[i], errp)) {
            vhost_user_mem_clear(m);
            return false;
        }
    }
    make_table(m);
    return true;
}

bool vhost_user_mem_add(VhostUserMem *m, const VhostUserMemRegion *r, int fd,
                        Error **errp)
{
    if (!append_region(m, r, fd, errp)) {
        return false;
    }
    make_table(m);
    return true;
}

bool vhost_user_mem_remove(VhostUserMem *m, const VhostUserMemRegion *r,
                           Error **errp)
{
    for (unsigned i = 0; i < m->regions->len; i++) {
        const Region *o = g_ptr_array_index(m->regions, i);

        if (o->r.gpa == r->gpa && o->r.uaddr == r->uaddr &&
            o->r.size == r->size) {
            g_ptr_array_remove_index(m->regions, i);
            make_table(m);
            return true;
        }
    }
    error_setg(errp, "there is no memory region at 0x%" PRIx64 " to remove",
               r->gpa);
    return false;
}

bool vhost_user_mem_to_gpa(const VhostUserMem *m, uint64_t uaddr, uint64_t *gpa)
{
    for (unsigned i = 0; i < m->regions->len; i++) {
        const Region *o = g_ptr_array_index(m->regions, i);

        if (uaddr >= o->r.uaddr && uaddr - o->r.uaddr < o->r.size) {
            *gpa = o->r.gpa + (uaddr - o->r.uaddr);
            return true;
        }
    }
    return false;
}
