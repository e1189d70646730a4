/*
 * A record, in memory that outlives this process, of the chains that were
 * taken from a ring and not yet given back: what a back end that is started
 * again needs to finish them (vhost-user specification, "Inflight I/O
 * tracking", the region of a split virtqueue).
 *
 * The memory is shared with the front end, so nothing read from it is
 * trusted; while a ring runs it is written only.
 *
 * Thread: as the ring's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef VIRTIO_VRING_INFLIGHT_H
#define VIRTIO_VRING_INFLIGHT_H

#include "util/osdep.h"

struct VringInflightRegion;

typedef struct VringInflight {
    struct VringInflightRegion *shm;
    uint16_t num;     /* descriptors of the ring */
    uint64_t counter; /* of the next chain */

    /* Chains pushed and not yet published. */
    uint16_t nbatch;
    uint16_t *batch; /* num */

    /* Found by vring_inflight_recover(): chains to do again, the oldest
     * first. */
    uint16_t *again; /* num */
    uint16_t nagain;
} VringInflight;

/* Bytes of the region of a ring of @num descriptors. */
size_t vring_inflight_size(uint16_t num);

/*
 * Use the region at @shm for a ring of @num descriptors whose used index is
 * @used_idx, and find out what a former life left.  Returns whether there was
 * one; then *@last_avail is where the ring goes on.
 */
bool vring_inflight_open(VringInflight *f, void *shm, uint16_t num,
                         uint16_t used_idx, uint16_t *last_avail);
void vring_inflight_close(VringInflight *f);

/* The chain @head was taken. */
void vring_inflight_take(VringInflight *f, uint16_t head);
/* It is in the used ring. */
void vring_inflight_push(VringInflight *f, uint16_t head);
/* The used index is @used_idx and shows all that were pushed. */
void vring_inflight_publish(VringInflight *f, uint16_t used_idx);

#endif
