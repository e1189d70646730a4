/*
 * What the files about bitmaps in the image share. What the rest of the driver
 * calls is in qcow2.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_BITMAP_H
#define BLOCK_QCOW2_BITMAP_H

#include "block/qcow2/qcow2.h"

#define QCOW2_BITMAP_ENTRY_LEN       24 /* then the name, padded to 8 */
#define QCOW2_BITMAP_TYPE_DIRTY      1
#define QCOW2_BITMAP_MAX_COUNT       65535
#define QCOW2_BITMAP_MAX_DIR         (1024 * QCOW2_BITMAP_MAX_COUNT)
#define QCOW2_BITMAP_MAX_TABLE       0x8000000u  /* entries */
#define QCOW2_BITMAP_MAX_BYTES       0x20000000u /* of bits */
#define QCOW2_BITMAP_MIN_GRANULARITY 9u          /* log2 */
#define QCOW2_BITMAP_MAX_GRANULARITY 31u

/* Flags of an entry */
#define QCOW2_BITMAP_IN_USE UINT32_C(1) /* what is stored is not valid */
#define QCOW2_BITMAP_AUTO   UINT32_C(2) /* records writes */

/* Entries of a bitmap's table */
#define QCOW2_BITMAP_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define QCOW2_BITMAP_RESERVED    UINT64_C(0xff000000000001fe)
#define QCOW2_BITMAP_ALL_ONES    UINT64_C(1) /* without an offset */

/* An entry of the directory, as it is in the file. */
typedef struct Qcow2Bitmap {
    char *name;
    uint64_t table_offset;
    uint32_t table_size; /* entries of 8 bytes */
    uint32_t flags;
    uint8_t granularity_bits;
} Qcow2Bitmap;

GPtrArray *qcow2_bitmap_list_new(void);
Qcow2Bitmap *qcow2_find_bitmap(const GPtrArray *list, const char *name);
size_t qcow2_bitmap_entry_size(size_t name_len);
/* The directory's bytes, *@size of them; the caller frees them. */
uint8_t *qcow2_bitmap_build_dir(const GPtrArray *list, uint32_t more_flags,
                                size_t *size);
bool qcow2_bitmap_entry_ok(const Qcow2State *s, uint64_t entry);

#endif
