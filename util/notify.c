/*
 * Notifier lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/notify.h"

void notifier_list_init(NotifierList *list)
{
    TAILQ_INIT(&list->notifiers);
}

void notifier_list_add(NotifierList *list, Notifier *notifier)
{
    assert(!notifier->added);
    notifier->added = true;
    TAILQ_INSERT_HEAD(&list->notifiers, notifier, node);
}

void notifier_remove(NotifierList *list, Notifier *notifier)
{
    if (notifier->added) {
        notifier->added = false;
        TAILQ_REMOVE(&list->notifiers, notifier, node);
    }
}

void notifier_list_notify(NotifierList *list, void *data)
{
    Notifier *notifier, *next;

    TAILQ_FOREACH_SAFE(notifier, &list->notifiers, node, next) {
        notifier->notify(notifier, data);
    }
}

bool notifier_list_empty(const NotifierList *list)
{
    return TAILQ_EMPTY(&list->notifiers);
}
