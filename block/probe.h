/*
 * Which driver is meant: by name, by file name, by the image's first bytes.
 *
 * Thread: main, but for bdrv_probe_all().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_PROBE_H
#define BLOCK_PROBE_H

#include "block/block-common.h"
#include "util/error.h"

#define BLOCK_PROBE_BUF_SIZE 512

/* NULL when there is none of that name. */
const BlockDriver *bdrv_find_format(const char *format_name);
/* The driver for a file name: of its "proto:" prefix (if that may be one), of
 * a host device, or "file". NULL and @errp for an unknown protocol. */
const BlockDriver *bdrv_find_protocol(const char *filename,
                                      bool allow_protocol_prefix, Error **errp);
/* Does the name begin with "proto:"? */
bool path_has_protocol(const char *path);

/* The format that these first bytes look most like. Any thread. */
const BlockDriver *bdrv_probe_all(const uint8_t *buf, int buf_size,
                                  const char *filename);
/* Read the first bytes of @file and do that. NULL and @errp on I/O error. */
const BlockDriver *bdrv_probe_image(BlockDriverState *file, Error **errp);
/* Tell the user that raw was guessed for the image in @file. */
void bdrv_warn_probed_raw(BlockDriverState *file);

#endif
