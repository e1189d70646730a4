/*
 * The vhost-user-blk export: a node as the disk of another process's guest.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_VHOST_USER_BLK_H
#define EXPORT_VHOST_USER_BLK_H

#include "export/export.h"

extern const BlockExportDriver blk_exp_vhost_user_blk;

#endif
