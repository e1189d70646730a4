/*
 * -object iothread: a thread that runs an AioContext, for devices' queues.
 *
 * A device holds a reference (DEFINE_PROP_LINK does): object-del takes the
 * object out of the tree, and the thread ends with the last reference.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef BACKENDS_IOTHREAD_H
#define BACKENDS_IOTHREAD_H

#include "qom/object.h"
#include "util/aio.h"

#define TYPE_IOTHREAD "iothread"

typedef struct IOThread IOThread;
OBJECT_DECLARE_TYPE(IOThread, IOTHREAD, TYPE_IOTHREAD)

/* Valid as long as a reference to the IOThread is held.  Any thread. */
AioContext *iothread_get_aio_context(IOThread *iothread);
/* Its id; valid while it is in the tree. */
const char *iothread_get_id(IOThread *iothread);
/* NULL if there is none; no reference.  Main thread. */
IOThread *iothread_by_id(const char *id);
/* One that is not in the tree (tests); stop with object_unref(). */
IOThread *iothread_new(Error **errp);
/* Kernel thread id. */
int iothread_get_thread_id(IOThread *iothread);

/* Its present parameters.  Main thread. */
typedef struct IOThreadParams {
    int64_t poll_max_ns;
    int64_t poll_grow;
    int64_t poll_shrink;
    int64_t aio_max_batch;
} IOThreadParams;
void iothread_get_params(IOThread *iothread, IOThreadParams *params);

/* For type_register_table(): the IOThread, which qemu-img and qemu-io do not
 * have, and the folder's other types. */
extern const TypeInfo *const iothread_types[];
extern const TypeInfo *const backends_types[];

#endif
