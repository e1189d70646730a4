/*
 * The FUSE export: a node as a regular file of the host.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_FUSE_H
#define EXPORT_FUSE_H

#include "export/export.h"

/* Where libfuse3 was found. */
extern const BlockExportDriver blk_exp_fuse;

#endif
