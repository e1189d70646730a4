/*
 * The block graph: nodes (BlockDriverState) and edges (BdrvChild), their
 * options, names, permissions and drain.
 *
 * Thread: main, unless a function says otherwise. I/O paths read the graph
 * while they count as in flight; whoever changes an edge first drains it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "block/block-common.h"
#include "qobject/qdict.h"
#include "util/error.h"

/* Register the drivers of this program. Once, before anything else. */
void bdrv_init(void);
/* Set by programs that run guests: what is only good for being read once more
 * is refused. */
extern bool bdrv_serves_guests;
/* Close all; the end of the program. */
void bdrv_close_all(void);

/* --- nodes (block/open.c, block/graph.c) --- */

/*
 * Open a node. @reference names a node that exists (all else is NULL then:
 * one more reference to it); otherwise @filename (may be NULL; "json:{...}"
 * and "protocol:..." are understood) and @options (flat, strings or typed
 * values; taken over in any case; may be NULL). @flags: BDRV_O_*.
 * NULL and @errp on failure.
 */
BlockDriverState *bdrv_open(const char *filename, const char *reference,
                            QDict *options, int flags, Error **errp);
/* As blockdev-add does: @options say everything; the monitor owns it. */
BlockDriverState *bdrv_open_blockdev(QDict *options, Error **errp);

void bdrv_ref(BlockDriverState *bs);
void bdrv_unref(BlockDriverState *bs); /* NULL is fine */

BlockDriverState *bdrv_find_node(const char *node_name);
/* The root of backend @device, or node @node_name; either may be NULL. */
BlockDriverState *bdrv_lookup_bs(const char *device, const char *node_name,
                                 Error **errp);
/* All with a name; @bs NULL: the first. */
BlockDriverState *bdrv_next_node(BlockDriverState *bs);
/* Those that the monitor made with blockdev-add. */
BlockDriverState *bdrv_next_monitor_owned(BlockDriverState *bs);
/* Undo bdrv_open_blockdev(); fails while the node is in use. */
bool bdrv_delete_blockdev(const char *node_name, Error **errp);
void bdrv_close_all_monitor_owned(void);

const char *bdrv_get_node_name(const BlockDriverState *bs);
/* Name of the backend on top, or "". */
const char *bdrv_get_device_name(const BlockDriverState *bs);
const char *bdrv_get_device_or_node_name(const BlockDriverState *bs);
const char *bdrv_get_format_name(const BlockDriverState *bs);
const char *bdrv_filename(const BlockDriverState *bs);
bool bdrv_is_read_only(const BlockDriverState *bs); /* any thread */
bool bdrv_is_writable(const BlockDriverState *bs);
bool bdrv_is_inserted(const BlockDriverState *bs);
int bdrv_get_flags(const BlockDriverState *bs);

/* The child of a filter that shows it as it is, or NULL. */
BlockDriverState *bdrv_filter_bs(const BlockDriverState *bs);
/* What a filter shows, or the backing image; NULL: neither. */
BlockDriverState *bdrv_filter_or_cow_bs(const BlockDriverState *bs);
/* @bs, or the first below it that is no filter. */
BlockDriverState *bdrv_skip_filters(BlockDriverState *bs);
/* The next image of a backing chain, without the filters around it. */
BlockDriverState *bdrv_backing_chain_next(BlockDriverState *bs);
BlockDriverState *bdrv_cow_bs(const BlockDriverState *bs);
/* The child that defines it (the file of a format); NULL: a leaf. */
BlockDriverState *bdrv_primary_bs(const BlockDriverState *bs);

/* Visible size in bytes or -errno; I/O: the size that is known. */
int64_t bdrv_getlength(BlockDriverState *bs);
/* Bytes taken on the host, or -errno. */
int64_t bdrv_get_allocated_file_size(BlockDriverState *bs);
int bdrv_probe_blocksizes(BlockDriverState *bs, BlockSizes *bsz);
int bdrv_probe_geometry(BlockDriverState *bs, HDGeometry *geo);
int bdrv_get_info(BlockDriverState *bs, BlockDriverInfo *bdi);
/* Does the image, just created, read as zero? */
bool bdrv_has_zero_init(BlockDriverState *bs);
/* Filters pass compressed writes on to what is below them. */
bool bdrv_supports_compressed_writes(const BlockDriverState *bs);
/* Bring limits and file name up to date after a change below. */
void bdrv_refresh_limits(BlockDriverState *bs, Error **errp);
void bdrv_refresh_filename(BlockDriverState *bs);

/* The alignment (bytes) that buffers need / work best with. Any thread. */
size_t bdrv_min_mem_align(const BlockDriverState *bs);
size_t bdrv_opt_mem_align(const BlockDriverState *bs);

/* "none", "writeback", ... into flags and writethrough; -1 if unknown. */
int bdrv_parse_cache_mode(const char *mode, int *flags, bool *writethrough);

/* Call @it with each driver's name, sorted. */
void bdrv_iterate_format(void (*it)(void *opaque, const char *name),
                         void *opaque, bool read_only);

/* --- edges and permissions (block/graph.c, block/perm.c) --- */

/* Make @child_bs (the caller's reference is taken over, also on failure) a
 * child; permissions are found and checked. NULL and @errp on failure. */
BdrvChild *bdrv_attach_child(BlockDriverState *parent_bs,
                             BlockDriverState *child_bs, const char *name,
                             const BdrvChildClass *child_class,
                             BdrvChildRole role, Error **errp);
/* The same for a parent that is no node. */
BdrvChild *bdrv_root_attach_child(BlockDriverState *child_bs,
                                  const char *child_name,
                                  const BdrvChildClass *child_class,
                                  BdrvChildRole role, uint64_t perm,
                                  uint64_t shared_perm, void *opaque,
                                  Error **errp);
void bdrv_root_unref_child(BdrvChild *child);
void bdrv_unref_child(BlockDriverState *parent, BdrvChild *child);
/* Let @child point to @new_bs, if the permissions allow it. */
int bdrv_replace_child_bs(BdrvChild *child, BlockDriverState *new_bs,
                          Error **errp);
/* Let all parents of @from have @to instead (but for @to itself). */
int bdrv_replace_node(BlockDriverState *from, BlockDriverState *to,
                      Error **errp);

/* Ask for other permissions on an edge of a parent that is no node. */
int bdrv_child_try_set_perm(BdrvChild *c, uint64_t perm, uint64_t shared,
                            Error **errp);
/* Find the permissions on all edges below @bs anew. */
int bdrv_refresh_perms(BlockDriverState *bs, Error **errp);
void bdrv_get_cumulative_perm(const BlockDriverState *bs, uint64_t *perm,
                              uint64_t *shared_perm);
char *bdrv_perm_names(uint64_t perm);

/* --- backing chains (block/backing.c) --- */

/* The image below @bs that @name, as in its overlay's header or as a path,
 * stands for; NULL: none. */
BlockDriverState *bdrv_find_backing_image(BlockDriverState *bs,
                                          const char *name);
/*
 * Write another backing file into the image (NULL: none); what is attached
 * stays. @require: a format must be given with it. -EINVAL without, -ENOTSUP,
 * -ENOSPC: no room in the header.
 */
int bdrv_change_backing_file(BlockDriverState *bs, const char *backing_file,
                             const char *backing_fmt, bool require);
/* Let the image at @c (written to by its parent) have nothing of its own. */
int bdrv_make_empty(BdrvChild *c, Error **errp);

/* --- drain (block/drain.c) --- */

/*
 * After _begin no request is in flight on @bs, nor on its parents' way to
 * it, and none starts until _end. _subtree: also on all nodes below, for a
 * change of what is below. Calls nest.
 */
void bdrv_drained_begin(BlockDriverState *bs);
void bdrv_drained_end(BlockDriverState *bs);
void bdrv_drain_all_begin(void);
void bdrv_drain_all_end(void);
void bdrv_drain_all(void);
/* Flush all; the first error. */
int bdrv_flush_all(void);

/* --- blocking helpers (main, outside of coroutines; block/sync.c) --- */

int bdrv_pread(BdrvChild *child, int64_t offset, int64_t bytes, void *buf,
               BdrvRequestFlags flags);
int bdrv_pwrite(BdrvChild *child, int64_t offset, int64_t bytes,
                const void *buf, BdrvRequestFlags flags);
int bdrv_flush(BlockDriverState *bs);
int bdrv_truncate(BdrvChild *child, int64_t offset, bool exact,
                  PreallocMode prealloc, BdrvRequestFlags flags, Error **errp);
/* -ENOTSUP: the format has no check. */
int bdrv_check(BlockDriverState *bs, BdrvCheckResult *res, BdrvCheckMode fix);
int bdrv_block_status(BlockDriverState *bs, int64_t offset, int64_t bytes,
                      int64_t *pnum, int64_t *map, BlockDriverState **file);

#endif
