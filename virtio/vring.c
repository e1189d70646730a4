/*
 * The device's side of one split virtqueue.
 *
 * Invariants:
 *  1. A field of the ring is read once, into a local, and only the local is
 *     checked and used: the driver may change the memory at any time.
 *  2. A walk over descriptors ends after as many steps as its table has
 *     entries, and after VRING_MAX_SEGS segments.
 *  3. At most @num chains are in flight, so callers may have that many slots.
 *  4. A used entry is written before the used index that covers it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "virtio/vring.h"
#include "util/atomic.h"

#include <sys/mman.h>

/* The layout of virtio 1.2 sections 2.7.5, 2.7.6 and 2.7.8.  Little-endian
 * on the wire; the hosts that we run on are little-endian. */
QEMU_BUILD_BUG_ON(__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__);

enum { DESC_F_NEXT = 1, DESC_F_WRITE = 2, DESC_F_INDIRECT = 4 };
enum { AVAIL_F_NO_INTERRUPT = 1 };
enum { USED_F_NO_NOTIFY = 1 };

typedef struct vring_desc_split {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
} VringDesc;

typedef struct vring_avail_split {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[]; /* num entries, then used_event */
} VringAvail;

typedef struct VringUsedElem {
    uint32_t id;
    uint32_t len;
} VringUsedElem;

typedef struct vring_used_split {
    uint16_t flags;
    uint16_t idx;
    VringUsedElem ring[]; /* num entries, then avail_event */
} VringUsed;

#define RING_READ(p)       __atomic_load_n((p), __ATOMIC_RELAXED)
#define RING_WRITE(p, val) __atomic_store_n((p), (val), __ATOMIC_RELAXED)

/* Where the driver says which used entry shall interrupt it, 2.7.10 */
static uint16_t *used_event(const Vring *vr)
{
    return &vr->avail->ring[vr->num];
}

/* Where we say which available entry shall kick us, 2.7.10 */
static uint16_t *avail_event(const Vring *vr)
{
    return (uint16_t *)&vr->used->ring[vr->num];
}

/* --- set-up --------------------------------------------------------------- */

static void *map_part(GuestMemory *mem, const char *name, uint64_t addr,
                      uint64_t size, unsigned align, Error **errp)
{
    void *p;

    if (!QEMU_IS_ALIGNED(addr, align)) {
        error_setg(errp, "virtqueue %s ring at 0x%" PRIx64 " is misaligned",
                   name, addr);
        return NULL;
    }
    p = guest_memory_map_exact(mem, addr, size);
    if (!p || !QEMU_PTR_IS_ALIGNED(p, align)) {
        error_setg(errp, "Cannot map virtqueue %s ring at 0x%" PRIx64, name,
                   addr);
        return NULL;
    }
    return p;
}

bool vring_init(Vring *vr, GuestMemory *mem, const VringConfig *cfg,
                Error **errp)
{
    *vr = (Vring){
        .num = cfg->num,
        .indirect = cfg->indirect,
        .event_idx = cfg->event_idx,
        .last_avail = cfg->last_avail,
        .shadow_avail = cfg->last_avail,
        .notify_on = true,
    };

    if (!is_power_of_2(cfg->num) || cfg->num > VRING_MAX_SIZE) {
        error_setg(errp, "Invalid virtqueue size %u", cfg->num);
        return false;
    }
    if (!mem) {
        error_setg(errp, "There is no guest memory");
        return false;
    }
    vr->desc = map_part(mem, "descriptor", cfg->desc,
                        sizeof(VringDesc) * cfg->num, 16, errp);
    if (!vr->desc) {
        return false;
    }
    vr->avail = map_part(mem, "available", cfg->avail,
                         sizeof(VringAvail) + 2 * (cfg->num + 1u), 2, errp);
    if (!vr->avail) {
        return false;
    }
    vr->used = map_part(
        mem, "used", cfg->used,
        sizeof(VringUsed) + sizeof(VringUsedElem) * cfg->num + 2, 4, errp);
    if (!vr->used) {
        return false;
    }
    vr->used_idx = vr->published = RING_READ(&vr->used->idx);
    vr->mem = guest_memory_ref(mem);
    return true;
}

void vring_cleanup(Vring *vr)
{
    guest_memory_unref(vr->mem);
    *vr = (Vring){ .last_avail = vr->last_avail };
}

uint16_t vring_last_avail(const Vring *vr)
{
    return vr->last_avail;
}

void vring_set_last_avail(Vring *vr, uint16_t last_avail)
{
    vr->last_avail = vr->shadow_avail = last_avail;
}

uint16_t vring_used_idx(const Vring *vr)
{
    return RING_READ(&vr->used->idx);
}

void vring_set_inflight_log(Vring *vr, VringInflight *log)
{
    vr->inflight_log = log;
    vr->again = 0;
}

static size_t iov_area_size(unsigned n)
{
    return (size_t)n * VRING_MAX_SEGS * sizeof(struct iovec);
}

struct iovec *vring_iov_area_new(unsigned n)
{
    void *p = mmap(NULL, iov_area_size(n), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

struct iovec *vring_iov_area_slot(struct iovec *area, unsigned i)
{
    return area + (size_t)i * VRING_MAX_SEGS;
}

void vring_iov_area_free(struct iovec *area, unsigned n)
{
    if (area) {
        munmap(area, iov_area_size(n));
    }
}

void vring_element_init(VringElement *e, struct iovec *big)
{
    memset(e, 0, sizeof(*e));
    e->iov = e->local;
    e->big = big;
}

/* --- taking chains -------------------------------------------------------- */

static int G_GNUC_QEMU_PRINTF(2, 3) QEMU_COLD
    ring_broken(Vring *vr, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(vr->error, sizeof(vr->error), fmt, ap);
    va_end(ap);
    vr->broken = true;
    return -EINVAL;
}

const char *vring_error(const Vring *vr)
{
    return vr->broken ? vr->error : NULL;
}

/*
 * Copy a descriptor by two loads (invariant 1).  An indirect table may stand
 * at any address, so the loads do not assume alignment.
 */
static VringDesc read_desc(const VringDesc *p)
{
    typedef uint64_t unaligned_u64 __attribute__((aligned(1), may_alias));
    const volatile unaligned_u64 *raw = (const volatile unaligned_u64 *)p;
    uint64_t addr = raw[0];
    uint64_t rest = raw[1];

    return (VringDesc){
        .addr = addr,
        .len = (uint32_t)rest,
        .flags = (uint16_t)(rest >> 32),
        .next = (uint16_t)(rest >> 48),
    };
}

/* Room for segment @n of @e: when @local is full, all move to @big. */
static struct iovec *next_segment(VringElement *e, unsigned n)
{
    if (likely(n < VRING_LOCAL_SEGS)) {
        return &e->local[n];
    }
    if (n >= VRING_MAX_SEGS || !e->big) {
        return NULL;
    }
    if (n == VRING_LOCAL_SEGS) {
        memcpy(e->big, e->local, sizeof(e->local));
        e->iov = e->big;
    }
    return &e->big[n];
}

/* Add the buffer @d to @e: one segment, more where regions meet. */
static int add_buffer(Vring *vr, VringElement *e, const VringDesc *d)
{
    bool in = d->flags & DESC_F_WRITE;
    uint64_t addr = d->addr;
    uint64_t left = d->len;

    if (unlikely(!left)) {
        return ring_broken(vr, "virtio: zero sized buffers are not allowed");
    }
    if (unlikely(!in && e->in_num)) {
        return ring_broken(vr, "Incorrect order for descriptors");
    }
    if (unlikely(left - 1 > UINT64_MAX - addr)) {
        return ring_broken(vr, "virtio: bogus descriptor or out of resources");
    }
    *(in ? &e->in_len : &e->out_len) += left;
    while (left) {
        struct iovec *seg = next_segment(e, e->out_num + e->in_num);
        uint64_t len = left;
        void *p;

        if (unlikely(!seg)) {
            return ring_broken(vr,
                               "virtio: too many %s descriptors in "
                               "indirect table",
                               in ? "write" : "read");
        }
        p = guest_memory_map(vr->mem, addr, &len);
        if (unlikely(!p)) {
            return ring_broken(vr,
                               "virtio: bogus descriptor or out of resources");
        }
        *seg = (struct iovec){ .iov_base = p, .iov_len = len };
        *(in ? &e->in_num : &e->out_num) += 1;
        addr += len;
        left -= len;
    }
    return 0;
}

/* Check an indirect descriptor and find its table; *max entries. */
static const VringDesc *indirect_table(Vring *vr, const VringDesc *d,
                                       unsigned *max)
{
    const VringDesc *table;

    if (!vr->indirect || (d->flags & DESC_F_NEXT)) {
        ring_broken(vr, "virtio: indirect descriptor not allowed here");
        return NULL;
    }
    if (!d->len || d->len % sizeof(VringDesc)) {
        ring_broken(vr, "Invalid size for indirect buffer table");
        return NULL;
    }
    table = guest_memory_map_exact(vr->mem, d->addr, d->len);
    if (!table) {
        ring_broken(vr, "Cannot map indirect buffer");
        return NULL;
    }
    *max = d->len / sizeof(VringDesc);
    return table;
}

/* Collect the chain that begins at e->head. */
static int walk_chain(Vring *vr, VringElement *e)
{
    const VringDesc *table = vr->desc;
    unsigned max = vr->num;
    unsigned steps = 0;
    bool nested = false;
    VringDesc d = read_desc(&table[e->head]);

    for (;;) {
        if (unlikely(d.flags & DESC_F_INDIRECT)) {
            if (unlikely(nested)) {
                return ring_broken(vr, "virtio: nested indirect descriptor");
            }
            table = indirect_table(vr, &d, &max);
            if (unlikely(!table)) {
                return -EINVAL;
            }
            nested = true;
            steps = 0;
            d = read_desc(&table[0]);
            continue;
        }
        if (unlikely(add_buffer(vr, e, &d) < 0)) {
            return -EINVAL;
        }
        if (!(d.flags & DESC_F_NEXT)) {
            return 0;
        }
        if (unlikely(++steps >= max)) {
            return ring_broken(vr, "Looped descriptor");
        }
        if (unlikely(d.next >= max)) {
            return ring_broken(vr, "Desc next is %u", d.next);
        }
        d = read_desc(&table[d.next]);
    }
}

/* Read the available index; false when there is nothing new. */
static int refresh_avail(Vring *vr)
{
    /* ACQUIRE: pairs with the driver's barrier between filling an entry and
     * moving the index, 2.7.13.3. */
    uint16_t idx = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);

    if (unlikely((uint16_t)(idx - vr->last_avail) > vr->num)) {
        return ring_broken(vr, "Guest moved used index from %u to %u",
                           vr->last_avail, idx);
    }
    vr->shadow_avail = idx;
    return idx != vr->last_avail;
}

/* Collect the chain @head into @e. */
static int take_chain(Vring *vr, VringElement *e, uint16_t head)
{
    e->head = head;
    e->out_num = e->in_num = 0;
    e->out_len = e->in_len = 0;
    e->iov = e->local;
    if (unlikely(walk_chain(vr, e) < 0)) {
        return -EINVAL;
    }
    vr->inflight++;
    return 0;
}

/* A chain that a former life had taken; it is marked already. */
static int QEMU_COLD pop_again(Vring *vr, VringElement *e)
{
    uint16_t head = vr->inflight_log->again[vr->again++];

    return take_chain(vr, e, head) < 0 ? -EINVAL : 1;
}

int vring_pop(Vring *vr, VringElement *e)
{
    uint16_t head;

    if (unlikely(vr->broken)) {
        return -EINVAL;
    }
    if (unlikely(vr->inflight_log && vr->again < vr->inflight_log->nagain)) {
        return pop_again(vr, e);
    }
    if (vr->last_avail == vr->shadow_avail) {
        int ret = refresh_avail(vr);

        if (ret <= 0) {
            return ret;
        }
    }
    if (unlikely(vr->inflight >= vr->num)) {
        return ring_broken(vr, "Virtqueue size exceeded");
    }
    head = RING_READ(&vr->avail->ring[vr->last_avail & (vr->num - 1)]);
    if (unlikely(head >= vr->num)) {
        return ring_broken(vr, "Guest says index %u is available", head);
    }

    if (unlikely(take_chain(vr, e, head) < 0)) {
        return -EINVAL;
    }
    vr->last_avail++;
    if (vr->inflight_log) {
        vring_inflight_take(vr->inflight_log, head);
    }
    if (vr->last_avail != vr->shadow_avail) {
        uint16_t next = RING_READ(
            &vr->avail->ring[vr->last_avail & (vr->num - 1)]);

        __builtin_prefetch(&vr->desc[next & (vr->num - 1)]);
    }
    return 1;
}

bool vring_has_work(const Vring *vr)
{
    return !vr->broken && __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE) !=
                              RING_READ(&vr->last_avail);
}

/* --- giving chains back --------------------------------------------------- */

void vring_push(Vring *vr, const VringElement *e, uint32_t len)
{
    VringUsedElem *u = &vr->used->ring[vr->used_idx & (vr->num - 1)];

    RING_WRITE(&u->id, e->head);
    RING_WRITE(&u->len, len);
    vr->used_idx++;
    vr->inflight--;
    if (vr->inflight_log) {
        vring_inflight_push(vr->inflight_log, e->head);
    }
}

bool vring_publish(Vring *vr)
{
    uint16_t old = vr->published;
    uint16_t now = vr->used_idx;
    bool first = !vr->signalled_valid;

    if (old == now) {
        return false;
    }
    /* RELEASE: pairs with the driver's barrier between reading the used
     * index and the entries (invariant 4). */
    __atomic_store_n(&vr->used->idx, now, __ATOMIC_RELEASE);
    vr->published = now;
    if (vr->inflight_log) {
        vring_inflight_publish(vr->inflight_log, now);
    }

    /* Pairs with the driver's full barrier between asking for interrupts
     * and looking at the used index once more: one of us sees the other. */
    smp_mb();
    if (!vr->event_idx) {
        return !(RING_READ(&vr->avail->flags) & AVAIL_F_NO_INTERRUPT);
    }
    vr->signalled_valid = true;
    return first || (uint16_t)(now - RING_READ(used_event(vr)) - 1) <
                        (uint16_t)(now - old);
}

unsigned vring_unseen(const Vring *vr)
{
    uint16_t n;

    if (!vr->event_idx || vr->broken) {
        return 0;
    }
    /* A driver that wants no interrupts says anything here */
    n = vr->published - RING_READ(used_event(vr));
    return n <= vr->num ? n : 0;
}

unsigned vring_pending(const Vring *vr)
{
    /* ACQUIRE: as in vring_has_work(). */
    uint16_t idx = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);

    return vr->broken ? 0 : (uint16_t)(idx - RING_READ(&vr->last_avail));
}

bool vring_notify_after(Vring *vr, unsigned count)
{
    if (!vr->event_idx || count <= 1) {
        return vring_set_notification(vr, true);
    }
    vr->notify_on = true;
    RING_WRITE(avail_event(vr), vr->last_avail + count - 1);
    /* Pairs as in vring_set_notification(). */
    smp_mb();
    return vring_pending(vr) >= count;
}

bool vring_set_notification(Vring *vr, bool on)
{
    vr->notify_on = on;
    if (!on) {
        if (!vr->event_idx) {
            RING_WRITE(&vr->used->flags, USED_F_NO_NOTIFY);
        }
        /* With EVENT_IDX the event stays behind: no kick until it is moved */
        return false;
    }
    if (vr->event_idx) {
        RING_WRITE(avail_event(vr), vr->last_avail);
    } else {
        RING_WRITE(&vr->used->flags, 0);
    }
    /* Pairs with the driver's full barrier between moving the available
     * index and reading our wish: one of us sees the other, 2.7.10. */
    smp_mb();
    return vring_has_work(vr);
}
