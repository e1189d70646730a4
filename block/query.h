/*
 * Information about nodes, for QMP and tools.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QUERY_H
#define BLOCK_QUERY_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/error.h"

/* About @bs and (unless @flat) its backing chain. NULL and @errp on failure.
 * Main thread. */
ImageInfo *bdrv_query_image_info(BlockDriverState *bs, bool flat, Error **errp);

/* The same as a dictionary, with "children": a list of "name" and "info" of
 * all nodes directly below. Main thread. */
QDict *bdrv_query_graph_info(BlockDriverState *bs, Error **errp);

#endif
