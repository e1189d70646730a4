/*
 * Lists: the C library's <sys/queue.h>, plus the walks that survive removal
 * of the element at hand, which glibc leaves out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_QUEUE_H
#define UTIL_QUEUE_H

#include <sys/queue.h>

#ifndef LIST_FOREACH_SAFE
#define LIST_FOREACH_SAFE(var, head, field, tvar) \
    for ((var) = LIST_FIRST(head);                \
         (var) && ((tvar) = LIST_NEXT(var, field), 1); (var) = (tvar))
#endif

#ifndef SLIST_FOREACH_SAFE
#define SLIST_FOREACH_SAFE(var, head, field, tvar) \
    for ((var) = SLIST_FIRST(head);                \
         (var) && ((tvar) = SLIST_NEXT(var, field), 1); (var) = (tvar))
#endif

#ifndef STAILQ_FOREACH_SAFE
#define STAILQ_FOREACH_SAFE(var, head, field, tvar) \
    for ((var) = STAILQ_FIRST(head);                \
         (var) && ((tvar) = STAILQ_NEXT(var, field), 1); (var) = (tvar))
#endif

#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, tvar) \
    for ((var) = TAILQ_FIRST(head);                \
         (var) && ((tvar) = TAILQ_NEXT(var, field), 1); (var) = (tvar))
#endif

#endif
