/*
 * The inside of the check: counting (check.c), comparing (check-compare.c),
 * a new refcount structure (check-rebuild.c), all of it (check-run.c).
 *
 * Runs alone on the node, in one coroutine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_QCOW2_CHECK_H
#define BLOCK_QCOW2_CHECK_H

#include "block/qcow2/qcow2.h"

typedef struct Qcow2Check {
    BlockDriverState *bs;
    Qcow2State *s;
    BdrvCheckResult *res; /* changes when something is counted anew */
    BdrvCheckMode fix;
    bool rebuild; /* the refcounts are beyond repair by single ones */
    /* References, as wide as the image's refcounts; grows when something
     * leads a little behind the end of the file. */
    uint8_t *refs;
    uint64_t nb_clusters; /* that refs has */
    uint64_t capacity;    /* there is room for so many */
    uint64_t file_len;    /* bytes */
    uint64_t highest;     /* the last cluster that is counted or used */
    uint64_t next_contiguous;
    bool active; /* the L1 table at hand is the disk's own */
} Qcow2Check;

/* Tell of damage on stderr and count it. */
void qcow2_check_corruption(Qcow2Check *ck, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);
/* Room for @nb clusters. Fails if memory does not allow it, or when a few
 * bytes in the image ask for a lot of it. */
bool qcow2_check_grow(Qcow2Check *ck, uint64_t nb);
/* A reference to each cluster of a region. */
void qcow2_check_add_ref(Qcow2Check *ck, uint64_t offset, uint64_t bytes);
uint64_t qcow2_check_refs(const Qcow2Check *ck, uint64_t cluster);
/* The first entry from @i on of the table @l2 that is not all zero; the number
 * of entries if there is none. */
uint64_t qcow2_next_entry(const Qcow2State *s, const uint64_t *l2, uint64_t i);

/* Count everything; with ck->fix what can be put right on the way is. 0 or
 * -errno. */
int coroutine_fn qcow2_co_check_count(Qcow2Check *ck);
/* Refcount table and blocks; the last part of it. */
int coroutine_fn qcow2_co_check_count_refblocks(Qcow2Check *ck);

/* Refcounts against references; repairs what @fix allows. */
void coroutine_fn qcow2_co_check_compare(Qcow2Check *ck, BdrvCheckMode fix);
/* The flag "ours alone". */
int coroutine_fn qcow2_co_check_copied(Qcow2Check *ck);
/* New refcount blocks and a new table by ck->refs. 0 or -errno after a
 * message. */
int coroutine_fn qcow2_co_check_rebuild(Qcow2Check *ck);

#endif
