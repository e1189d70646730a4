/*
 * The drivers of this program. Nothing else is in this file, so that a test can
 * have its own table.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/block-int.h"

extern const BlockDriver bdrv_blkdebug;
extern const BlockDriver bdrv_blklogwrites;
extern const BlockDriver bdrv_blkverify;
extern const BlockDriver bdrv_compress;
extern const BlockDriver bdrv_copy_on_read;
extern const BlockDriver bdrv_file;
extern const BlockDriver bdrv_host_device;
extern const BlockDriver bdrv_luks;
extern const BlockDriver bdrv_nbd;
extern const BlockDriver bdrv_nbd_tcp;
extern const BlockDriver bdrv_nbd_unix;
extern const BlockDriver bdrv_null_aio;
extern const BlockDriver bdrv_null_co;
extern const BlockDriver bdrv_preallocate;
extern const BlockDriver bdrv_qcow2;
extern const BlockDriver bdrv_quorum;
extern const BlockDriver bdrv_raw;
extern const BlockDriver bdrv_throttle;

/* In the order of their names: so they are listed. */
const BlockDriver *const bdrv_drivers[] = {
    &bdrv_blkdebug,
    &bdrv_blklogwrites,
    &bdrv_blkverify,
    &bdrv_compress,
    &bdrv_copy_on_read,
    &bdrv_file,
    &bdrv_host_device,
    &bdrv_luks,
    &bdrv_nbd,
    &bdrv_nbd_tcp,
    &bdrv_nbd_unix,
    &bdrv_null_aio,
    &bdrv_null_co,
    &bdrv_preallocate,
    &bdrv_qcow2,
    &bdrv_quorum,
    &bdrv_raw,
    &bdrv_throttle,
    NULL,
};
