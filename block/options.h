/*
 * The options that every node has (block/options.c).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_OPTIONS_H
#define BLOCK_OPTIONS_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/error.h"

/* Set cache.*, read-only and auto-read-only where they are not set. */
void bdrv_options_from_flags(QDict *options, int flags);
/* The other way round, leaving the options where they are. */
bool bdrv_flags_from_options(int *flags, QDict *options, Error **errp);
/* "unmap"/"on" or "ignore"/"off" into *@flags; false for anything else. */
bool bdrv_parse_discard(const char *mode, int *flags);
/* Values of detect-zeroes, as in BlockdevDetectZeroesOptions; ends with NULL.
 */
extern const char *const bdrv_detect_zeroes_names[];
/* Remove the options of every node from @options and obey them. */
bool bdrv_take_common_options(BlockDriverState *bs, QDict *options,
                              Error **errp);

#endif
