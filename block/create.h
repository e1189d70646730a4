/*
 * Making images: the options that a driver knows and what is done with them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_CREATE_H
#define BLOCK_CREATE_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/error.h"

typedef enum BdrvOptType {
    BDRV_OPT_STRING,
    BDRV_OPT_BOOL,
    BDRV_OPT_NUMBER,
    BDRV_OPT_SIZE,
} BdrvOptType;

/* An option of image creation. A table ends with a NULL name; its order is
 * that of the "Formatting ..." line. */
typedef struct BdrvCreateOpt {
    const char *name;
    BdrvOptType type;
    const char *help;
    const char *def; /* what is used when it is not given; may be NULL */
} BdrvCreateOpt;

/* Bytes that an image would take. */
typedef struct BdrvMeasureInfo {
    uint64_t required;        /* for the data that there is */
    uint64_t fully_allocated; /* when all is written */
    bool has_bitmaps;
    uint64_t bitmaps; /* to take the source's bitmaps along */
} BdrvMeasureInfo;

/* All functions here: main thread, outside of coroutines. */

/* The options of @drv and of @proto_drv (may be NULL) that @drv does not have
 * itself. The caller g_free()s the table. */
BdrvCreateOpt *bdrv_create_opts_merge(const BlockDriver *drv,
                                      const BlockDriver *proto_drv);
/* The lines of "-o help", sorted by name. @caption may be NULL. */
void bdrv_create_opts_print_help(const BdrvCreateOpt *list,
                                 const char *caption);
/* Parse "key=value,..." into @opts (strings) and check it against @list. */
bool bdrv_create_opts_parse(QDict *opts, const char *params,
                            const BdrvCreateOpt *list, Error **errp);

/*
 * Create an image of format @fmt as qemu-img create does: check everything,
 * print the "Formatting" line (unless @quiet), and call the driver.
 * @img_size: bytes or -1 (from the options or the backing file). @base,
 * @base_fmt, @options may be NULL. @flags: BDRV_O_NO_BACKING: do not look at
 * the backing file.
 */
bool bdrv_img_create(const char *filename, const char *fmt, const char *base,
                     const char *base_fmt, const char *options,
                     int64_t img_size, int flags, bool quiet, Error **errp);
/* Call @drv's bdrv_create() with @opts (parsed; gets the defaults). 0 or
 * -errno. */
int bdrv_create(const BlockDriver *drv, const char *filename, QDict *opts,
                Error **errp);
/* The protocol's part: an empty file, or one of @opts' "size". Takes its
 * options out of @opts. 0 or -errno. */
int bdrv_create_file(const char *filename, QDict *opts, Error **errp);

/* Change what @opts (strings that fit drv->amend_opts; taken out) say of the
 * image. @status_cb (may be NULL) hears how far it is. @force: also what may
 * lose data. 0 or -errno. */
int bdrv_amend_options(BlockDriverState *bs, QDict *opts,
                       BdrvAmendStatusCB *status_cb, void *cb_opaque,
                       bool force, Error **errp);

/* The name to open for @backing as it stands in @filename: relative names
 * begin where @filename is. The caller frees it. */
char *bdrv_backing_path(const char *filename, const char *backing,
                        Error **errp);

#endif
