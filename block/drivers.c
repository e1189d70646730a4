/*
 * The drivers of this program.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/blk-int.h"
#include "block/block-int.h"

extern const BlockDriver bdrv_blkdebug;
extern const BlockDriver bdrv_file;
extern const BlockDriver bdrv_host_device;
extern const BlockDriver bdrv_luks;
extern const BlockDriver bdrv_null_aio;
extern const BlockDriver bdrv_null_co;
extern const BlockDriver bdrv_qcow2;
extern const BlockDriver bdrv_raw;

/* In the order of their names: so they are listed. */
const BlockDriver *const bdrv_drivers[] = {
    &bdrv_blkdebug, &bdrv_file,  &bdrv_host_device, &bdrv_luks, &bdrv_null_aio,
    &bdrv_null_co,  &bdrv_qcow2, &bdrv_raw,         NULL,
};

void bdrv_init(void)
{
    blk_io_init();
}

void bdrv_iterate_format(void (*it)(void *opaque, const char *name),
                         void *opaque, bool read_only)
{
    for (int i = 0; bdrv_drivers[i]; i++) {
        it(opaque, bdrv_drivers[i]->format_name);
    }
}
