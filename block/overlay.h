/*
 * What is put on top of a node as it is opened.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_OVERLAY_H
#define BLOCK_OVERLAY_H

#include "block/block.h"

/* bdrv_open() for @flags with BDRV_O_SNAPSHOT (the image is read-only, and
 * writes go to an overlay in a temporary file, which goes with it) or
 * BDRV_O_COPY_ON_READ. Main thread. */
BlockDriverState *bdrv_open_layers(const char *filename, QDict *options,
                                   int flags, Error **errp);

#endif
