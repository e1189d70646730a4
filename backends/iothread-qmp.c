/*
 * QMP: query-iothreads.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "backends/iothread.h"
#include "qapi/qapi-commands-misc.h"

/* In the order of creation, as the tree has them. */
IOThreadInfoList *qmp_query_iothreads(Error **errp)
{
    IOThreadInfoList *list = NULL;
    IOThreadInfoList **tail = &list;
    Object *child;

    TAILQ_FOREACH(child, &object_get_objects_root()->children, sibling) {
        IOThread *t = object_dynamic_cast(child, TYPE_IOTHREAD);
        IOThreadParams params;
        IOThreadInfo *info;

        if (!t) {
            continue;
        }
        iothread_get_params(t, &params);
        info = g_new0(IOThreadInfo, 1);
        info->id = g_strdup(iothread_get_id(t));
        info->thread_id = iothread_get_thread_id(t);
        info->poll_max_ns = params.poll_max_ns;
        info->poll_grow = params.poll_grow;
        info->poll_shrink = params.poll_shrink;
        info->aio_max_batch = params.aio_max_batch;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}
