/*
 * Exports: a block node offered to programs outside by some protocol.
 *
 * This is what all types have in common: ids, options, life time, the
 * BlockBackend, the IOThread.  A type is a BlockExportDriver in the program's
 * table (export/drivers.c).
 *
 * Life: create() -> clients come and go, each with a reference -> somebody
 * calls blk_exp_request_shutdown(), once -> the driver lets its clients go ->
 * the last reference goes -> delete(), BLOCK_EXPORT_DELETED, memory freed.
 * An export that was added and nobody asked to end holds one reference.
 *
 * Thread: main, unless a function says otherwise.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "backends/iothread.h"
#include "block/block-backend.h"
#include "qapi/qapi-types-block-export.h"
#include "util/queue.h"

typedef struct BlockExport BlockExport;

/* A type of exports. Callbacks are required where nothing else is said and
 * run in the main thread. */
typedef struct BlockExportDriver {
    BlockExportType type;
    /* Of the driver's struct, which begins with a BlockExport. */
    size_t instance_size;
    /* Can it live on a node that is not active (allow-inactive)? */
    bool supports_inactive;

    /*
     * Begin to serve. All fields of @exp are set and the rest of the struct
     * is zeroed; @opts is of this type, and writable, writethrough and
     * allow-inactive in it have their defaults. False and @errp: nothing is
     * left of it, delete() is not called.
     */
    bool (*create)(BlockExport *exp, BlockExportOptions *opts, Error **errp);
    /* Take no more clients and let those that are there go, in time: the
     * references go with them. Once per export. */
    void (*request_shutdown)(BlockExport *exp);
    /* Free what create() made, but for the struct and what the core owns. */
    void (*delete)(BlockExport *exp);

    /*
     * Optional, both or none: the export can move to another context. The
     * BlockBackend is drained around both; afterwards requests are submitted
     * in exp->ctx only, which changes between the two. A driver without them
     * stays where it was created.
     */
    void (*aio_detach)(BlockExport *exp);
    void (*aio_attach)(BlockExport *exp);
} BlockExportDriver;

struct BlockExport {
    const BlockExportDriver *drv;
    char *id; /* unique among the exports */

    /* References; any thread. */
    int refcount;
    /* No shutdown was requested yet: the user can see it and end it. */
    bool user_owned;
    /* @ctx is the one that "iothread" named and must not change. */
    bool fixed_iothread;

    /* Where its requests go and where its clients are served. */
    AioContext *ctx;
    IOThread *iothread; /* with a reference, or NULL: the main thread */
    /* With the permissions for "writable" and the cache mode set. */
    BlockBackend *blk;

    LIST_ENTRY(BlockExport) next;
};

/* The types of this program, ended by NULL (export/drivers.c; a program with
 * less links its own). */
extern const BlockExportDriver *const block_export_drivers[];

/* block-export-add; the export with a reference that belongs to its user_owned
 * state (not the caller's), or NULL and @errp. */
BlockExport *blk_exp_add(BlockExportOptions *opts, Error **errp);
BlockExport *blk_exp_find(const char *id);

/* Any thread, in a coroutine too. The last one deletes, soon, in the main
 * thread. */
void blk_exp_ref(BlockExport *exp);
void blk_exp_unref(BlockExport *exp);

/* Does nothing if it was requested before. */
void blk_exp_request_shutdown(BlockExport *exp);
/* End all, or all of @type, and wait until they are gone. */
void blk_exp_close_all(void);
void blk_exp_close_all_type(BlockExportType type);
/* Is there any? With @type BLOCK_EXPORT_TYPE__MAX: of whatever type. */
bool blk_exp_has_type(BlockExportType type);

/*
 * Move to @iothread (NULL: the main thread); clients may be busy. False and
 * @errp: the export cannot move.
 */
bool blk_exp_set_iothread(BlockExport *exp, IOThread *iothread, Error **errp);
/* The same for all exports of @bs that can move; those that cannot stay. */
void blk_exp_set_node_iothread(BlockDriverState *bs, IOThread *iothread);

#endif
