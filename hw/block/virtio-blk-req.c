/*
 * Parsing of virtio-blk requests.
 *
 * A chain that cannot be answered (no room for a header or a status byte) is
 * the driver's bug and breaks the device.  Anything else gets a status.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/block/virtio-blk-req.h"
#include "util/atomic.h"
#include "util/iov.h"

/* 5.2.6; little-endian as the hosts that we run on */
typedef struct VirtioBlkOutHdr {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
} VirtioBlkOutHdr;

typedef struct VirtioBlkDwzSegment {
    uint64_t sector;
    uint32_t num_sectors;
    uint32_t flags;
} VirtioBlkDwzSegment;

enum { DWZ_FLAG_UNMAP = 1 };

/* The driver's view of the chain without header and status byte. */
typedef struct ReqView {
    struct iovec *out;
    unsigned out_num;
    uint64_t out_len;
    struct iovec *in;
    unsigned in_num;
    uint64_t in_len;
} ReqView;

static VirtioBlkParse done(VirtioBlkReq *req, uint8_t status)
{
    *req->status = status;
    return VIRTIO_BLK_PARSE_DONE;
}

void virtio_blk_req_set_status(VirtioBlkReq *req, int ret)
{
    uint8_t status = VIRTIO_BLK_S_OK;

    if (unlikely(ret < 0)) {
        status = ret == -ENOTSUP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
    }
    *req->status = status;
}

/* Is [@sector, +@bytes) on the disk and aligned to its logical blocks? */
static bool range_ok(const VirtioBlkParams *p, uint64_t sector, uint64_t bytes)
{
    uint64_t capacity = qatomic_read(&p->capacity);
    uint64_t sectors = bytes / VIRTIO_BLK_SECTOR_SIZE;

    if (bytes % p->logical_block_size || sectors > capacity ||
        sector > capacity - sectors) {
        return false;
    }
    return sector % (p->logical_block_size / VIRTIO_BLK_SECTOR_SIZE) == 0;
}

static VirtioBlkParse parse_rw(VirtioBlkReq *req, const VirtioBlkParams *p,
                               ReqView *v, uint64_t sector, bool is_write)
{
    uint64_t bytes = is_write ? v->out_len : v->in_len;
    BlkIo *io = &req->io;

    if (unlikely(bytes > INT32_MAX || !range_ok(p, sector, bytes) ||
                 (is_write && p->read_only))) {
        return done(req, VIRTIO_BLK_S_IOERR);
    }
    if (unlikely(!bytes)) {
        return done(req, VIRTIO_BLK_S_OK);
    }
    io->type = is_write ? BLK_IO_WRITE : BLK_IO_READ;
    io->flags = 0;
    io->offset = sector * VIRTIO_BLK_SECTOR_SIZE;
    io->bytes = bytes;
    io->iov = is_write ? v->out : v->in;
    io->niov = is_write ? v->out_num : v->in_num;
    return VIRTIO_BLK_PARSE_SUBMIT;
}

static VirtioBlkParse parse_flush(VirtioBlkReq *req)
{
    req->io.type = BLK_IO_FLUSH;
    req->io.flags = 0;
    req->io.offset = req->io.bytes = 0;
    req->io.iov = NULL;
    req->io.niov = 0;
    return VIRTIO_BLK_PARSE_SUBMIT;
}

static VirtioBlkParse parse_get_id(VirtioBlkReq *req, const VirtioBlkParams *p,
                                   ReqView *v)
{
    size_t size = MIN(strlen(p->serial) + 1, VIRTIO_BLK_ID_BYTES);

    iov_from_buf(v->in, v->in_num, 0, p->serial, MIN(size, v->in_len));
    return done(req, VIRTIO_BLK_S_OK);
}

/* Discard and write zeroes: one segment per request (max_*_seg is 1). */
static VirtioBlkParse parse_dwz(VirtioBlkReq *req, const VirtioBlkParams *p,
                                ReqView *v, bool is_wz, const char **why)
{
    uint32_t max = is_wz ? p->max_write_zeroes_sectors : p->max_discard_sectors;
    VirtioBlkDwzSegment seg;
    BlkIo *io = &req->io;
    uint64_t bytes;

    if (!(is_wz ? p->write_zeroes : p->discard) || v->out_len > sizeof(seg)) {
        return done(req, VIRTIO_BLK_S_UNSUPP);
    }
    if (iov_to_buf(v->out, v->out_num, 0, &seg, sizeof(seg)) != sizeof(seg)) {
        *why = "virtio-blk discard/write_zeroes header too short";
        return VIRTIO_BLK_PARSE_BROKEN;
    }
    /* 5.2.6.2: unknown flags, and unmap for discard, are not supported */
    if ((seg.flags & ~DWZ_FLAG_UNMAP) ||
        (!is_wz && (seg.flags & DWZ_FLAG_UNMAP))) {
        return done(req, VIRTIO_BLK_S_UNSUPP);
    }
    bytes = (uint64_t)seg.num_sectors * VIRTIO_BLK_SECTOR_SIZE;
    if (seg.num_sectors > max || !range_ok(p, seg.sector, bytes) ||
        p->read_only) {
        return done(req, VIRTIO_BLK_S_IOERR);
    }
    if (!bytes) {
        return done(req, VIRTIO_BLK_S_OK);
    }
    io->type = is_wz ? BLK_IO_WRITE_ZEROES : BLK_IO_DISCARD;
    io->flags = seg.flags & DWZ_FLAG_UNMAP ? BDRV_REQ_MAY_UNMAP : 0;
    io->offset = seg.sector * VIRTIO_BLK_SECTOR_SIZE;
    io->bytes = bytes;
    io->iov = NULL;
    io->niov = 0;
    return VIRTIO_BLK_PARSE_SUBMIT;
}

/* Cut the header off the front and the status byte off the end. */
static const char *open_chain(VirtioBlkReq *req, ReqView *v,
                              VirtioBlkOutHdr *hdr)
{
    VringElement *e = &req->elem;
    struct iovec *last;

    if (unlikely(!e->out_num || !e->in_num)) {
        return "virtio-blk missing headers";
    }
    *v = (ReqView){ e->iov, e->out_num, e->out_len - sizeof(*hdr),
                    NULL,   e->in_num,  e->in_len - 1 };
    v->in = e->iov + e->out_num;
    if (likely(v->out[0].iov_len == sizeof(*hdr))) {
        memcpy(hdr, v->out[0].iov_base, sizeof(*hdr));
        /* The compiler shall not go back to memory that the guest changes */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        v->out++;
        v->out_num--;
    } else {
        if (iov_to_buf(v->out, v->out_num, 0, hdr, sizeof(*hdr)) !=
            sizeof(*hdr)) {
            return "virtio-blk request outhdr too short";
        }
        iov_discard_front(&v->out, &v->out_num, sizeof(*hdr));
    }
    last = &v->in[v->in_num - 1];
    req->status = (uint8_t *)last->iov_base + last->iov_len - 1;
    req->in_len = MIN(e->in_len, UINT32_MAX);
    if (--last->iov_len == 0) {
        v->in_num--;
    }
    return NULL;
}

VirtioBlkParse virtio_blk_req_parse(VirtioBlkReq *req, const VirtioBlkParams *p,
                                    const char **why)
{
    VirtioBlkOutHdr hdr;
    ReqView v;

    *why = open_chain(req, &v, &hdr);
    if (unlikely(*why)) {
        return VIRTIO_BLK_PARSE_BROKEN;
    }
    switch (hdr.type & ~VIRTIO_BLK_T_BARRIER) {
    case VIRTIO_BLK_T_IN:
        return parse_rw(req, p, &v, hdr.sector, false);
    case VIRTIO_BLK_T_OUT:
        return parse_rw(req, p, &v, hdr.sector, true);
    case VIRTIO_BLK_T_FLUSH:
        return parse_flush(req);
    case VIRTIO_BLK_T_GET_ID:
        return parse_get_id(req, p, &v);
    case VIRTIO_BLK_T_DISCARD:
        return parse_dwz(req, p, &v, false, why);
    case VIRTIO_BLK_T_WRITE_ZEROES:
        return parse_dwz(req, p, &v, true, why);
    default:
        return done(req, VIRTIO_BLK_S_UNSUPP);
    }
}
