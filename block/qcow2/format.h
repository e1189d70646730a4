/*
 * qcow2 on disk: constants of the format (docs/interop: "qcow2 image format",
 * versions 2 and 3). All numbers in the file are big-endian.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_FORMAT_H
#define BLOCK_QCOW2_FORMAT_H

#define QCOW2_MAGIC 0x514649fbu /* "QFI" 0xfb */

#define QCOW2_MIN_CLUSTER_BITS   9
#define QCOW2_MAX_CLUSTER_BITS   21
#define QCOW2_V2_HEADER_LEN      72
#define QCOW2_V3_MIN_HEADER_LEN  104
#define QCOW2_V3_HEADER_LEN      112 /* what we write */
#define QCOW2_MAX_REFTABLE_SIZE  (8 * MiB)
#define QCOW2_MAX_L1_SIZE        (32 * MiB)
#define QCOW2_MAX_SNAPSHOTS      65536
#define QCOW2_MAX_SNAPSHOT_TABLE (1024 * (int64_t)QCOW2_MAX_SNAPSHOTS)
#define QCOW2_MAX_BACKING_NAME   1023

/* Where the header's fields stand */
enum {
    QCOW2_H_MAGIC = 0,
    QCOW2_H_VERSION = 4,
    QCOW2_H_BACKING_OFFSET = 8,
    QCOW2_H_BACKING_LEN = 16,
    QCOW2_H_CLUSTER_BITS = 20,
    QCOW2_H_SIZE = 24,
    QCOW2_H_CRYPT = 32,
    QCOW2_H_L1_SIZE = 36,
    QCOW2_H_L1_OFFSET = 40,
    QCOW2_H_REFTABLE_OFFSET = 48,
    QCOW2_H_REFTABLE_CLUSTERS = 56,
    QCOW2_H_NB_SNAPSHOTS = 60,
    QCOW2_H_SNAPSHOTS_OFFSET = 64,
    /* from version 3 on */
    QCOW2_H_INCOMPAT = 72,
    QCOW2_H_COMPAT = 80,
    QCOW2_H_AUTOCLEAR = 88,
    QCOW2_H_REFCOUNT_ORDER = 96,
    QCOW2_H_HEADER_LEN = 100,
    QCOW2_H_COMPRESSION = 104,
};

/* Feature bits */
#define QCOW2_INCOMPAT_DIRTY       (UINT64_C(1) << 0)
#define QCOW2_INCOMPAT_CORRUPT     (UINT64_C(1) << 1)
#define QCOW2_INCOMPAT_DATA_FILE   (UINT64_C(1) << 2)
#define QCOW2_INCOMPAT_COMPRESSION (UINT64_C(1) << 3)
#define QCOW2_INCOMPAT_EXTL2       (UINT64_C(1) << 4)
#define QCOW2_INCOMPAT_KNOWN       0x1f
#define QCOW2_COMPAT_LAZY          (UINT64_C(1) << 0)
#define QCOW2_AUTOCLEAR_BITMAPS    (UINT64_C(1) << 0)
#define QCOW2_AUTOCLEAR_DATA_RAW   (UINT64_C(1) << 1)

/* Encryption methods */
#define QCOW2_CRYPT_AES  1
#define QCOW2_CRYPT_LUKS 2

/* Header extensions */
#define QCOW2_EXT_END            0u
#define QCOW2_EXT_BACKING_FORMAT 0xe2792acau
#define QCOW2_EXT_FEATURE_TABLE  0x6803f857u
#define QCOW2_EXT_BITMAPS        0x23852875u
#define QCOW2_CRYPTO_EXT_LEN     16 /* offset, length */
#define QCOW2_EXT_CRYPTO         0x0537be77u
#define QCOW2_EXT_DATA_FILE      0x44415441u

/* Entries of L1 and L2 tables */
#define QCOW2_OFLAG_COPIED     (UINT64_C(1) << 63) /* refcount is 1 */
#define QCOW2_OFLAG_COMPRESSED (UINT64_C(1) << 62)
#define QCOW2_OFLAG_ZERO       (UINT64_C(1) << 0) /* L2, version 3 */
#define QCOW2_L1_OFFSET_MASK   UINT64_C(0x00fffffffffffe00)
#define QCOW2_L2_OFFSET_MASK   UINT64_C(0x00fffffffffffe00)
#define QCOW2_L1_RESERVED      UINT64_C(0x7f000000000001ff)
#define QCOW2_L2_RESERVED      UINT64_C(0x3f000000000001fe)
#define QCOW2_REFT_OFFSET_MASK UINT64_C(0xfffffffffffffe00)

/* Extended L2 entries: the entry and 64 bits, for 32 subclusters each whether
 * it is in the host cluster, and (above) whether it reads as zero */
#define QCOW2_SUBCLUSTERS         32
#define QCOW2_SUBCLUSTER_BITS     5
#define QCOW2_MIN_SUBCLUSTER      512
#define QCOW2_L2_BITMAP_ALL_ALLOC UINT64_C(0x00000000ffffffff)
#define QCOW2_L2_BITMAP_ALL_ZERO  UINT64_C(0xffffffff00000000)

typedef enum Qcow2CompressionKind {
    QCOW2_COMPRESSION_ZLIB = 0,
    QCOW2_COMPRESSION_ZSTD = 1,
} Qcow2CompressionKind;

/* Big-endian numbers at any address */
static inline uint32_t qcow2_ldl(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return GUINT32_FROM_BE(v);
}

static inline uint64_t qcow2_ldq(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return GUINT64_FROM_BE(v);
}

static inline void qcow2_stl(void *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

static inline void qcow2_stq(void *p, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

#endif
