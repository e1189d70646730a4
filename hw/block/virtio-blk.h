/*
 * The virtio-blk device: its state and properties.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_VIRTIO_BLK_H
#define HW_BLOCK_VIRTIO_BLK_H

#include "backends/iothread.h"
#include "hw/block/block-props.h"
#include "hw/block/virtio-blk-config.h"
#include "hw/block/virtio-blk-queue.h"
#include "hw/core/vm-state.h"
#include "hw/virtio/iothread-vq-mapping.h"
#include "hw/virtio/virtio.h"

#define TYPE_VIRTIO_BLK     "virtio-blk-device"
#define TYPE_VIRTIO_BLK_PCI "virtio-blk-pci"

#define VIRTIO_ID_BLOCK            2
#define VIRTIO_BLK_AUTO_NUM_QUEUES UINT16_MAX

/* Properties; fixed at realize. */
typedef struct VirtIOBlkConf {
    BlockConf conf;
    IOThread *iothread;
    IOThreadVQMappingList *vq_mapping;
    char *serial;
    uint16_t num_queues;
    uint16_t queue_size;
    uint32_t max_discard_sectors;
    uint32_t max_write_zeroes_sectors;
    uint64_t features; /* that properties switch, both device and ring */
    bool request_merging;
    bool seg_max_adjust;
    bool report_discard_granularity;
    bool enable_wce_if_config_wce;
} VirtIOBlkConf;

typedef struct VirtIOBlock {
    VirtIODevice parent_obj;
    VirtIOBlkConf conf;

    /* main */
    BlockBackend *blk;
    VirtioBlkQueue *queues; /* conf.num_queues */
    AioContext **vq_ctx;    /* conf.num_queues */
    VMChangeStateEntry *change;
    bool original_wce; /* what a reset goes back to */
    bool realized;

    VirtioBlkParams params; /* see there */
} VirtIOBlock;

OBJECT_DECLARE_TYPE(VirtIOBlock, VIRTIO_BLK, TYPE_VIRTIO_BLK)

/* Properties of VirtIOBlock, for DEFINE_PROP_INCLUDE. */
extern const Property virtio_blk_props[];

/* For the transport: make the queues, before they are shown. main. */
bool virtio_blk_realize(VirtIOBlock *s, bool ioeventfd, Error **errp);
void virtio_blk_unrealize(VirtIOBlock *s);

/* The folder's types, for type_register_table(). */
extern const TypeInfo *const hw_block_types[];

#endif
