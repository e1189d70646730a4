/*
 * The types of exports that the emulator and the daemon have.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "export/export.h"
#include "export/fuse.h"
#include "export/nbd.h"
#include "export/vhost-user-blk.h"

const BlockExportDriver *const block_export_drivers[] = {
    &blk_exp_nbd,
#if CONFIG_FUSE
    &blk_exp_fuse,
#endif
    &blk_exp_vhost_user_blk,
    NULL,
};
