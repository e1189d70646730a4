/*
 * A disk in memory that remembers: every write and flush with the time it began
 * and ended, so that the disk can be rebuilt as a power cut at any moment may
 * leave it.
 *
 * The driver is "mem-disk", its option "index" says which of mem_disks[]. All
 * of it belongs to the main thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_CRASH_MEM_DISK_H
#define TESTS_CRASH_MEM_DISK_H

#include "block/block-driver.h"

#define MEM_DISK_SECTOR 512

typedef enum MemEventType {
    MEM_WRITE,
    MEM_ZERO,
    MEM_DISCARD, /* the content is anything afterwards */
    MEM_TRUNCATE,
    MEM_FLUSH,
} MemEventType;

typedef struct MemEvent {
    MemEventType type;
    int64_t offset, bytes; /* MEM_TRUNCATE: the new length in @offset */
    uint8_t *data;         /* MEM_WRITE */
    /* Ticks of mem_now; UINT64_MAX: on its way. */
    uint64_t begin, end;
} MemEvent;

typedef struct MemDisk {
    GByteArray *content;
    GByteArray *start; /* NULL: nothing is recorded; else the first content */
    GPtrArray *events; /* in the order of their beginnings */
} MemDisk;

extern MemDisk mem_disks[5];
extern uint64_t mem_now;
/* For the delays; the test's. */
extern GRand *mem_rand;
extern const BlockDriver bdrv_mem_disk;

void mem_disk_set(MemDisk *d, const void *content, size_t len);
void mem_disk_record(MemDisk *d);
void mem_disk_reset(MemDisk *d);

/* What a power cut at @when loses of what no flush has made stable. */
typedef enum MemLoss {
    MEM_LOSE_ALL,
    MEM_LOSE_NONE,
    MEM_LOSE_SOME,
    MEM_LOSE_ONE,
    MEM_LOSE_ALL_BUT_ONE,
    MEM_LOSE_SECTORS, /* some, and of others some sectors */
    MEM_LOSS__MAX,
} MemLoss;

/* The content after such a cut; the caller frees it. */
GByteArray *mem_disk_rebuild(const MemDisk *d, uint64_t when, MemLoss loss);

#endif
