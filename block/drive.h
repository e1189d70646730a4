/*
 * -drive: a BlockBackend with a name, and for some interfaces a device.
 *
 * Thread: main.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include "block/block-backend.h"
#include "qobject/qdict.h"
#include "util/error.h"

typedef enum BlockInterfaceType {
    IF_NONE,
    IF_IDE,
    IF_SCSI,
    IF_FLOPPY,
    IF_PFLASH,
    IF_MTD,
    IF_SD,
    IF_VIRTIO,
    IF_XEN,
    IF_COUNT,
} BlockInterfaceType;

typedef struct DriveInfo DriveInfo;
struct DriveInfo {
    BlockInterfaceType type;
    int bus, unit;
    char *id;
    bool media_cd;
    BlockBackend *blk;
    /* if=virtio: what -device would be given, with "driver" and "drive" */
    QDict *device_opts;
    bool claimed; /* a device has been made of it */
    TAILQ_ENTRY(DriveInfo) next;
};

/*
 * Take one -drive argument. @default_if: the machine's interface. With
 * *@help set (format=help) a list was printed to stdout and NULL is returned
 * without an error. NULL and @errp on failure.
 */
DriveInfo *drive_add(const char *optstr, BlockInterfaceType default_if,
                     bool *help, Error **errp);
/* -snapshot: the default of snapshot= in drives that come. */
void drive_set_snapshot(void);
/* All, in their order; NULL: the first. */
DriveInfo *drive_next(DriveInfo *dinfo);
/* The next one for @type that is not claimed; NULL: none is left. */
DriveInfo *drive_get_next(BlockInterfaceType type);
DriveInfo *drive_by_blk(const BlockBackend *blk);
/* Tell of drives that want a device (other than if=none) and have none; @err
 * for the first, NULL when there are none. */
bool drive_check_orphaned(Error **errp);
/* Forget them all, at the end of the program. */
void drive_del_all(void);

#endif
