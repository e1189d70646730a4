/*
 * What disks have in common as devices: the properties that name and shape
 * the block back end ("drive", block sizes, error policy, ...), and their
 * checks with QEMU's messages.
 *
 * Main thread (BQL).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_BLOCK_PROPS_H
#define HW_BLOCK_BLOCK_PROPS_H

#include "block/block-backend.h"
#include "qapi/qapi-types-common.h"
#include "qom/property.h"

typedef struct BlockConf {
    BlockBackend *blk; /* "drive"; attached to the device */
    uint32_t physical_block_size;
    uint32_t logical_block_size;
    uint32_t min_io_size;
    uint32_t opt_io_size;
    uint32_t discard_granularity; /* UINT32_MAX: the logical block size */
    int32_t bootindex;            /* -1: none */
    uint32_t cyls, heads, secs;
    uint32_t lcyls, lheads, lsecs;
    OnOffAuto wce; /* "write-cache" */
    OnOffAuto backend_defaults;
    OnOffAuto account_invalid, account_failed; /* accepted */
    BlockdevOnError rerror, werror;
    bool share_rw;
} BlockConf;

/* For DEFINE_PROP_INCLUDE. */
extern const Property block_conf_props[];

/* In the device type's instance_init: what a table cannot say. */
void blkconf_init(BlockConf *conf);

/*
 * Fill in sizes that were not given and check all. logical_block_size and
 * physical_block_size are set afterwards.
 */
bool blkconf_blocksizes(BlockConf *conf, Error **errp);

/* Make up a geometry where none was given, within these limits. */
bool blkconf_geometry(BlockConf *conf, unsigned cyls_max, unsigned heads_max,
                      unsigned secs_max, Error **errp);

/*
 * Take the permissions that a disk needs, and set cache mode and error
 * policy. @resizable: the device can tell its guest of a new size.
 */
bool blkconf_apply_backend_options(BlockConf *conf, bool readonly,
                                   bool resizable, Error **errp);

#endif
