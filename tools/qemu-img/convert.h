/*
 * qemu-img convert: what the option parser (convert.c) and the copying
 * (convert-copy.c) share. commit copies with it as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TOOLS_QEMU_IMG_CONVERT_H
#define TOOLS_QEMU_IMG_CONVERT_H

#include "tools/qemu-img/common.h"

#define CONVERT_MAX_COROUTINES 16
/* Half of a processor's cache of second level: what was read is still there
 * when it is looked through and written. */
#define CONVERT_BUF_SIZE (512 * KiB)
/* For clusters or runs of zeroes that are longer */
#define CONVERT_MAX_BUF_SIZE (2 * MiB)

/* One of the images that are put one behind the other. */
typedef struct ConvertSource {
    const char *filename;
    BlockBackend *blk;
    /* Copy only what the chain above this image has; NULL: all. */
    BlockDriverState *base;
    int64_t begin, size; /* place in the target; whole sectors */
} ConvertSource;

typedef struct ConvertState {
    /* set by the caller; sizes in bytes */
    ConvertSource *src;
    int n_src;
    BlockBackend *target;
    int64_t total;      /* sum of the sources' sizes */
    int64_t min_sparse; /* shortest run of zeroes left out; 0: none */
    int64_t alignment;  /* runs of zeroes are whole blocks of this */
    int64_t buf_size;   /* of a piece */
    int64_t cluster;    /* compress, in clusters of this; 0: do not */
    int64_t rate_limit; /* per second, 0: none */
    int n_coroutines;
    bool has_zero_init; /* what is not written reads as zero */
    /* The target has a backing file of this size (-1: unknown) below it:
     * what the sources do not have is left to that. */
    bool target_has_backing;
    int64_t backing_size;
    bool out_of_order, salvage, quiet, progress, copy_range;
} ConvertState;

/* Copy it all. 0 or -errno after a message. */
int convert_copy(ConvertState *s);

#endif
