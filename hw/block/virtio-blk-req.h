/*
 * One virtio-blk request: from a descriptor chain to a block-layer request,
 * and from its result to the status byte (virtio 1.2 section 5.2.6).
 *
 * No device and no transport here: virtio-blk and the vhost-user-blk export
 * share this code.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_VIRTIO_BLK_REQ_H
#define HW_BLOCK_VIRTIO_BLK_REQ_H

#include "util/osdep.h"
#include "util/queue.h"
#include "block/block-backend.h"
#include "virtio/vring.h"

enum {
    VIRTIO_BLK_T_IN = 0,
    VIRTIO_BLK_T_OUT = 1,
    VIRTIO_BLK_T_SCSI_CMD = 2,
    VIRTIO_BLK_T_FLUSH = 4,
    VIRTIO_BLK_T_GET_ID = 8,
    VIRTIO_BLK_T_DISCARD = 11,
    VIRTIO_BLK_T_WRITE_ZEROES = 13,
    VIRTIO_BLK_T_BARRIER = 0x80000000u, /* of old drivers; ignored */
};

enum {
    VIRTIO_BLK_S_OK = 0,
    VIRTIO_BLK_S_IOERR = 1,
    VIRTIO_BLK_S_UNSUPP = 2,
};

#define VIRTIO_BLK_ID_BYTES    20
#define VIRTIO_BLK_SECTOR_SIZE 512
/* The longest discard or write-zeroes segment, in sectors: what fits into
 * one block-layer request. */
#define VIRTIO_BLK_MAX_DWZ_SECTORS (INT32_MAX / VIRTIO_BLK_SECTOR_SIZE)

/* What a request is checked against. */
typedef struct VirtioBlkParams {
    /* Fixed while queues run */
    uint32_t logical_block_size; /* bytes */
    uint32_t max_discard_sectors;
    uint32_t max_write_zeroes_sectors;
    bool discard, write_zeroes; /* offered to the driver */
    bool read_only;
    char serial[VIRTIO_BLK_ID_BYTES + 1];
    /* Atomic; the main thread changes it when the medium is resized */
    uint64_t capacity; /* sectors of 512 bytes */
} VirtioBlkParams;

struct VirtioBlkQueue;

/* A slot of a queue; home thread of the queue. */
typedef struct VirtioBlkReq {
    BlkIo io;
    struct VirtioBlkQueue *queue; /* fixed */
    uint8_t *status;              /* where the status byte goes */
    uint32_t in_len;              /* bytes the driver finds written */
    STAILQ_ENTRY(VirtioBlkReq) next;
    VringElement elem;
} VirtioBlkReq;

typedef enum VirtioBlkParse {
    VIRTIO_BLK_PARSE_SUBMIT, /* req->io is ready to submit */
    VIRTIO_BLK_PARSE_DONE,   /* finished: the status byte is written */
    VIRTIO_BLK_PARSE_BROKEN, /* not a request: *@why says what is wrong */
} VirtioBlkParse;

/*
 * Look at the chain in req->elem.  For _SUBMIT type, flags, offset, bytes,
 * iov and niov of req->io are set; iov points into req->elem, whose segments
 * may have been changed.  Never blocks, never trusts a byte.
 */
VirtioBlkParse virtio_blk_req_parse(VirtioBlkReq *req, const VirtioBlkParams *p,
                                    const char **why);

/* Write the status byte for @ret, 0 or -errno. */
void virtio_blk_req_set_status(VirtioBlkReq *req, int ret);

#endif
