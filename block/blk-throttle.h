/*
 * Limits of a BlockBackend: it is a member of a throttle group.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLK_THROTTLE_H
#define BLOCK_BLK_THROTTLE_H

#include "block/block-backend.h"
#include "qobject/qdict.h"
#include "util/throttle.h"

/* Limit @blk by @cfg as a member of @group; without any limit in @cfg it
 * leaves its group. */
void blk_set_io_limits(BlockBackend *blk, const char *group,
                       const ThrottleConfig *cfg);
/* The group's name, NULL: none; its limits. */
const char *blk_get_io_limits(const BlockBackend *blk, ThrottleConfig *cfg);
/* Remove -drive's "throttling.*" from @opts. *@group: g_free(). */
bool blk_take_io_limits(QDict *opts, ThrottleConfig *cfg, char **group,
                        Error **errp);
/* Put them into what query-block shows. */
void blk_query_io_limits(const BlockBackend *blk, BlockDeviceInfo *info);

#endif
