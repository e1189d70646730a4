/*
 * What a virtio-blk driver sees of a device besides the rings: feature bits
 * and the configuration space (virtio 1.2 sections 5.2.3 and 5.2.4).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_VIRTIO_BLK_CONFIG_H
#define HW_BLOCK_VIRTIO_BLK_CONFIG_H

#include "util/osdep.h"

/* Feature bits, 5.2.3 */
enum {
    VIRTIO_BLK_F_SEG_MAX = 2,
    VIRTIO_BLK_F_GEOMETRY = 4,
    VIRTIO_BLK_F_RO = 5,
    VIRTIO_BLK_F_BLK_SIZE = 6,
    VIRTIO_BLK_F_FLUSH = 9,
    VIRTIO_BLK_F_TOPOLOGY = 10,
    VIRTIO_BLK_F_CONFIG_WCE = 11,
    VIRTIO_BLK_F_MQ = 12,
    VIRTIO_BLK_F_DISCARD = 13,
    VIRTIO_BLK_F_WRITE_ZEROES = 14,
};

/* The configuration space, 5.2.4, as far as write zeroes */
typedef struct QEMU_PACKED VirtIOBlkConfig {
    uint64_t capacity; /* sectors of 512 bytes */
    uint32_t size_max;
    uint32_t seg_max;
    uint16_t cylinders;
    uint8_t heads;
    uint8_t sectors;
    uint32_t blk_size;
    uint8_t physical_block_exp;
    uint8_t alignment_offset;
    uint16_t min_io_size; /* logical blocks */
    uint32_t opt_io_size; /* logical blocks */
    uint8_t wce;
    uint8_t unused;
    uint16_t num_queues;
    uint32_t max_discard_sectors;
    uint32_t max_discard_seg;
    uint32_t discard_sector_alignment;
    uint32_t max_write_zeroes_sectors;
    uint32_t max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap;
    uint8_t unused1[3];
} VirtIOBlkConfig;

QEMU_BUILD_BUG_ON(sizeof(VirtIOBlkConfig) != 60);

#endif
