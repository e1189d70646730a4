/*
 * Types and constants that all of the block layer and its users share.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_COMMON_H
#define BLOCK_BLOCK_COMMON_H

#include "qapi/qapi-types-block-core.h"

typedef struct BlockDriverState BlockDriverState; /* a node */
typedef struct BdrvChild BdrvChild;               /* an edge */
typedef struct BdrvChildClass BdrvChildClass;
typedef struct BlockDriver BlockDriver;
typedef struct QEMUSnapshotInfo QEMUSnapshotInfo; /* block/snapshot.h */
/* @offset of @total of the work is done. Main thread; may be in a coroutine. */
typedef void BdrvAmendStatusCB(BlockDriverState *bs, int64_t offset,
                               int64_t total, void *opaque);

/* Of requests. */
typedef enum {
    /* Write zeroes: read back as zero, but the space may be freed. */
    BDRV_REQ_MAY_UNMAP = 1 << 2,
    /* Write: on stable storage when it completes. */
    BDRV_REQ_FUA = 1 << 4,
    BDRV_REQ_WRITE_COMPRESSED = 1 << 5,
    /* Does not change the visible content (needs only WRITE_UNCHANGED). */
    BDRV_REQ_WRITE_UNCHANGED = 1 << 6,
    /* Wait for overlapping requests and let later ones wait. */
    BDRV_REQ_SERIALISING = 1 << 7,
    /* Write zeroes: fail with -ENOTSUP rather than be slow. */
    BDRV_REQ_NO_FALLBACK = 1 << 8,
    BDRV_REQ_PREFETCH = 1 << 9,
    /* With _SERIALISING: fail with -EBUSY rather than wait. */
    BDRV_REQ_NO_WAIT = 1 << 10,
    /* Internal: the buffers may be used as they are, registered memory. */
    BDRV_REQ_REGISTERED_BUF = 1 << 11,

    BDRV_REQ_MASK = 0xff4,
} BdrvRequestFlags;

/* What a parent does to a child, and lets the child's other parents do. */
enum {
    BLK_PERM_CONSISTENT_READ = 1 << 0, /* reads mean something */
    BLK_PERM_WRITE = 1 << 1,
    BLK_PERM_WRITE_UNCHANGED = 1 << 2, /* writes of what is there already */
    BLK_PERM_RESIZE = 1 << 3,

    BLK_PERM_ALL = 0x0f,
    DEFAULT_PERM_PASSTHROUGH = BLK_PERM_ALL,
};

/* What a child is to its parent; a set. */
typedef enum {
    BDRV_CHILD_DATA = 1 << 0,     /* guest data */
    BDRV_CHILD_METADATA = 1 << 1, /* the format's own data */
    BDRV_CHILD_FILTERED = 1 << 2, /* shows exactly what the child has */
    BDRV_CHILD_COW = 1 << 3,      /* backing: what the parent does not have */
    BDRV_CHILD_PRIMARY = 1 << 4,  /* the one that defines it */

    BDRV_CHILD_IMAGE = BDRV_CHILD_DATA | BDRV_CHILD_METADATA,
} BdrvChildRole;

/* Of nodes, as they are opened. */
enum {
    BDRV_O_NO_SHARE = 0x0001, /* force-share is off and stays it */
    BDRV_O_RDWR = 0x0002,
    BDRV_O_RESIZE = 0x0004, /* the user may change the size */
    BDRV_O_SNAPSHOT = 0x0008,
    BDRV_O_TEMPORARY = 0x0010,
    BDRV_O_NOCACHE = 0x0020, /* cache.direct */
    BDRV_O_NO_BACKING = 0x0100,
    BDRV_O_NO_FLUSH = 0x0200, /* cache.no-flush */
    BDRV_O_COPY_ON_READ = 0x0400,
    BDRV_O_INACTIVE = 0x0800,
    BDRV_O_CHECK = 0x1000,
    BDRV_O_ALLOW_RDWR = 0x2000, /* may become writable */
    BDRV_O_UNMAP = 0x4000,      /* discard=unmap */
    BDRV_O_PROTOCOL = 0x8000,   /* no format is looked for */
    BDRV_O_NO_IO = 0x10000,     /* metadata only: open without data */
    BDRV_O_AUTO_RDONLY = 0x20000,
    BDRV_O_IO_URING = 0x40000,
    BDRV_O_NATIVE_AIO = 0x80000,
    BDRV_O_CBW_EXTERNAL = 0x100000, /* -drive named cache.writeback itself */
    BDRV_O_AIO_THREADS = 0x200000,  /* without _IO_URING, _NATIVE_AIO: any */
    BDRV_O_ONE_PASS = 0x400000, /* from front to back once: little is cached */

    BDRV_O_CACHE_MASK = BDRV_O_NOCACHE | BDRV_O_NO_FLUSH,
};

/* Of bdrv_co_block_status(). */
enum {
    BDRV_BLOCK_DATA = 0x01,         /* allocated and readable */
    BDRV_BLOCK_ZERO = 0x02,         /* reads as zero */
    BDRV_BLOCK_OFFSET_VALID = 0x04, /* *map in *file is where it is */
    BDRV_BLOCK_RAW = 0x08,          /* of a driver: ask *file at *map */
    BDRV_BLOCK_ALLOCATED = 0x10,    /* this node, not its backing, has it */
    BDRV_BLOCK_EOF = 0x20,          /* the range ends the node */
    BDRV_BLOCK_RECURSE = 0x40,      /* of a driver: see what *file has */
    BDRV_BLOCK_COMPRESSED = 0x80,
};

#define BDRV_SECTOR_BITS 9
#define BDRV_SECTOR_SIZE (1 << BDRV_SECTOR_BITS)
/* The longest image and the longest request. */
#define BDRV_MAX_ALIGNMENT (1L << 30)
#define BDRV_MAX_LENGTH \
    (QEMU_ALIGN_DOWN(INT64_MAX, (int64_t)BDRV_MAX_ALIGNMENT))
#define BDRV_REQUEST_MAX_BYTES ((int64_t)(INT32_MAX & ~(BDRV_SECTOR_SIZE - 1)))

typedef struct BlockSizes {
    uint32_t phys;
    uint32_t log;
} BlockSizes;

typedef struct HDGeometry {
    uint32_t heads, sectors, cylinders;
} HDGeometry;

/* What a node can do; sizes in bytes, 0: no limit unless said otherwise. */
typedef struct BlockLimits {
    uint32_t request_alignment; /* of offsets and lengths; power of 2, >= 1 */
    int64_t max_pdiscard;       /* longest */
    uint32_t pdiscard_alignment;
    int64_t max_pwrite_zeroes;
    uint32_t pwrite_zeroes_alignment;
    uint32_t opt_transfer;
    uint32_t max_transfer;    /* of a read or write */
    uint64_t max_hw_transfer; /* what the hardware below takes, for guests */
    int max_hw_iov;
    size_t min_mem_alignment; /* of buffers */
    size_t opt_mem_alignment;
    int max_iov;              /* elements */
    bool has_variable_length; /* ask the driver each time */
} BlockLimits;

typedef struct BlockDriverInfo {
    int cluster_size; /* bytes; 0: none */
    int subcluster_size;
    int64_t vm_state_offset;
    bool is_dirty;
    bool needs_compressed_writes;
    /* As the image names them; the driver's; NULL: none */
    const char *backing_file, *backing_format;
} BlockDriverInfo;

/* What a check of an image found. */
typedef struct BlockFragInfo {
    uint64_t allocated_clusters;
    uint64_t total_clusters;
    uint64_t fragmented_clusters;
    uint64_t compressed_clusters;
} BlockFragInfo;

typedef struct BdrvCheckResult {
    int corruptions;
    int leaks;
    int check_errors;
    int corruptions_fixed;
    int leaks_fixed;
    int64_t image_end_offset; /* bytes; behind the last cluster in use */
    BlockFragInfo bfi;
} BdrvCheckResult;

/* What a check may repair; a set. */
typedef enum {
    BDRV_FIX_LEAKS = 1,
    BDRV_FIX_ERRORS = 2,
} BdrvCheckMode;

#endif
