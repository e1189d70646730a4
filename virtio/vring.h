/*
 * The device's side of one split virtqueue (virtio 1.2 section 2.7): taking
 * descriptor chains out of the available ring, putting buffers into the used
 * ring, and the decisions who must be notified.
 *
 * There is no device and no transport here: the virtio-blk device and the
 * vhost-user-blk export run the same code.  Everything read from the ring is
 * hostile.  A violation makes the ring "broken": vring_pop() returns
 * -EINVAL, vring_error() says why in one line, and nothing is read any more.
 *
 * Except where noted, a ring is used by one thread at a time: the home
 * thread of the AioContext that serves it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VIRTIO_VRING_H
#define VIRTIO_VRING_H

#include "util/osdep.h"
#include "util/error.h"
#include "virtio/guest-memory.h"
#include "virtio/vring-inflight.h"

#define VRING_MAX_SIZE 32768 /* descriptors in a ring, 2.7 */
#define VRING_MAX_SEGS 1024  /* host segments in one chain: the IOV_MAX */

/* Segments that an element holds in itself: 64 KiB in pages, with the header
 * and the status byte of a block request. */
#define VRING_LOCAL_SEGS 18

/* What the driver has set up; guest addresses. */
typedef struct VringConfig {
    uint16_t num; /* ring size, a power of two */
    uint64_t desc, avail, used;
    bool indirect;       /* VIRTIO_RING_F_INDIRECT_DESC negotiated */
    bool event_idx;      /* VIRTIO_RING_F_EVENT_IDX negotiated */
    uint16_t last_avail; /* where to go on in the available ring */
} VringConfig;

/*
 * One descriptor chain taken from the ring.  The buffers that the device
 * reads come first, then those it writes:
 * iov[0 .. out_num) and iov[out_num .. out_num + in_num).
 */
typedef struct VringElement {
    uint16_t head;    /* the chain's name for the driver */
    uint16_t out_num; /* segments to read */
    uint16_t in_num;  /* segments to write */
    uint64_t out_len; /* bytes to read */
    uint64_t in_len;  /* bytes to write */
    struct iovec *iov;
    /* Private: room for the segments.  @big is used when @local is full. */
    struct iovec *big;
    struct iovec local[VRING_LOCAL_SEGS];
} VringElement;

struct vring_desc_split;
struct vring_avail_split;
struct vring_used_split;

typedef struct Vring {
    /* Fixed by vring_init() */
    GuestMemory *mem;
    struct vring_desc_split *desc;
    struct vring_avail_split *avail;
    struct vring_used_split *used;
    uint16_t num;
    bool indirect;
    bool event_idx;
    VringInflight *inflight_log; /* or NULL; vring_set_inflight_log() */

    /* Home thread only */
    uint16_t again;        /* chains of inflight_log that were taken again */
    uint16_t last_avail;   /* next entry of the available ring to take */
    uint16_t shadow_avail; /* available index as last read */
    uint16_t used_idx;     /* next entry of the used ring to fill */
    uint16_t published;    /* used index as the driver sees it */
    uint16_t inflight;     /* chains taken and not yet pushed */
    bool signalled_valid;  /* the driver was told of @published once */
    bool notify_on;        /* kicks are asked for */
    bool broken;
    char error[96];
} Vring;

/*
 * Map a ring and go on at cfg->last_avail; the used index is read from the
 * ring.  False and @errp when a part is not in guest RAM, is misaligned
 * (2.7: 16, 2 and 4 bytes) or the size is no power of two.  Takes its own
 * reference on @mem.  Kicks are on.  Any thread while nobody uses @vr.
 */
bool vring_init(Vring *vr, GuestMemory *mem, const VringConfig *cfg,
                Error **errp);
void vring_cleanup(Vring *vr);

/*
 * Record what is taken and given back in @log, which stays the caller's, and
 * let vring_pop() first give out the chains that it found to do again.  Before
 * the first vring_pop().
 */
void vring_set_inflight_log(Vring *vr, VringInflight *log);

/* The used index as it is in guest memory. */
uint16_t vring_used_idx(const Vring *vr);

/* Go on at @last_avail in the available ring.  Before the first vring_pop(). */
void vring_set_last_avail(Vring *vr, uint16_t last_avail);

/*
 * Room for @n elements' chains that do not fit into the element itself: one
 * area whose pages cost nothing until such a chain comes.  The @i-th element
 * uses vring_iov_area_slot(area, i).  NULL when there is no memory.
 */
struct iovec *vring_iov_area_new(unsigned n);
struct iovec *vring_iov_area_slot(struct iovec *area, unsigned i);
void vring_iov_area_free(struct iovec *area, unsigned n);

/* Make @e ready for use with @big (VRING_MAX_SEGS segments or NULL). */
void vring_element_init(VringElement *e, struct iovec *big);

/*
 * Take the next chain.  1 with @e filled in; 0 when there is none; -EINVAL
 * when the ring is broken.  Never reads a descriptor twice.
 */
int vring_pop(Vring *vr, VringElement *e);

/* Why the ring is broken, or NULL. */
const char *vring_error(const Vring *vr);

/* Are there chains to take?  Reads only; any thread (a polling hook). */
bool vring_has_work(const Vring *vr);

/*
 * Return a chain of which @len bytes were written.  The driver sees it when
 * vring_publish() is called.
 */
void vring_push(Vring *vr, const VringElement *e, uint32_t len);

/*
 * Show the driver everything pushed since the last time.  True when it wants
 * an interrupt for it (2.7.7.2, 2.7.10): call it once per batch.
 */
bool vring_publish(Vring *vr);

/*
 * Ask the driver for kicks, or spare it (a hint, 2.7.10).  After turning them
 * on, true means that chains have arrived meanwhile, for which no kick may
 * come: pop again.
 */
bool vring_set_notification(Vring *vr, bool on);

/*
 * Ask for one kick when @count (>= 1) chains are there that have not been
 * taken, and none before; without EVENT_IDX for each.  True means that so many
 * are there already.
 */
bool vring_notify_after(Vring *vr, unsigned count);

/* How many chains are there to take.  Reads only. */
unsigned vring_pending(const Vring *vr);

/*
 * How many returned chains the driver has not looked at yet, as far as it says
 * (EVENT_IDX, 2.7.10; else 0): a hint, at most the ring's size.
 */
unsigned vring_unseen(const Vring *vr);

/* Where the next vring_init() of this queue must go on. */
uint16_t vring_last_avail(const Vring *vr);

#endif
