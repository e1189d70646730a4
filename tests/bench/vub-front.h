/*
 * A vhost-user-blk front end that is fast enough to measure back ends with:
 * one connection, some split rings, a fixed number of request slots each.
 *
 * A slot has an indirect table of three descriptors made once; a request only
 * changes the header and the length.  Not hardened: the back end is trusted.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_BENCH_VUB_FRONT_H
#define TESTS_BENCH_VUB_FRONT_H

#include "util/osdep.h"
#include "hw/block/virtio-blk-config.h"
#include "hw/block/virtio-blk-req.h"

typedef struct VubOutHdr {
    uint32_t type, reserved;
    uint64_t sector;
} VubOutHdr;

typedef struct VubSlot {
    VubOutHdr *hdr;
    uint8_t *status;
    uint8_t *buf;
    struct VubDesc *table;
    uint64_t start_ns; /* the caller's */
    uint64_t block;    /* the caller's */
    uint32_t type;
} VubSlot;

typedef struct VubQueue {
    unsigned index, num, depth;
    struct VubDesc *desc;
    struct VubAvail *avail;
    struct VubUsed *used;
    uint16_t avail_idx, shown_idx, used_idx;
    int kick, call;
    VubSlot *slots; /* depth */
    unsigned *free; /* indices of slots */
    unsigned nfree;
    uint64_t kicks, batches;
} VubQueue;

typedef struct VubFront {
    int sock;
    uint64_t features, protocol;
    VirtIOBlkConfig config;
    uint8_t *mem;
    size_t mem_size, mem_used;
    int memfd;
    unsigned nqueues;
    VubQueue *queues;
    bool no_acks; /* the server does not do REPLY_ACK */
} VubFront;

/* Connect to @path and set up @nqueues rings with @depth slots of @bs bytes.
 * Exits with a message when something goes wrong. */
void vub_open(VubFront *f, const char *path, unsigned nqueues, unsigned depth,
              size_t bs);
void vub_close(VubFront *f);

/* Fill slot @s (taken by vub_take()) and put it into the ring. */
VubSlot *vub_take(VubQueue *q); /* NULL: all are in flight */
void vub_submit(VubQueue *q, VubSlot *s, uint32_t type, uint64_t sector,
                uint32_t len);
/* Show the server what was submitted, and kick it if it wants that. */
void vub_show(VubQueue *q);
/* The next finished slot, to be given back by vub_put(); or NULL. */
VubSlot *vub_reap(VubQueue *q);
void vub_put(VubQueue *q, VubSlot *s);
/* Ask for an interrupt for the next result; true: there is one already. */
bool vub_arm(VubQueue *q);

#endif
