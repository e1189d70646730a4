/*
 * Notifier lists: callbacks that somebody added and somebody else runs.
 *
 * Not thread safe; the list's owner says which thread or lock it belongs to.
 * A notifier may remove itself while it runs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_NOTIFY_H
#define UTIL_NOTIFY_H

#include "util/queue.h"

typedef struct Notifier Notifier;
struct Notifier {
    void (*notify)(Notifier *notifier, void *data);
    TAILQ_ENTRY(Notifier) node;
    bool added;
};

typedef struct NotifierList {
    TAILQ_HEAD(, Notifier) notifiers;
} NotifierList;

#define NOTIFIER_LIST_INITIALIZER(head)          \
    {                                            \
        TAILQ_HEAD_INITIALIZER((head).notifiers) \
    }

void notifier_list_init(NotifierList *list);
void notifier_list_add(NotifierList *list, Notifier *notifier);
void notifier_remove(NotifierList *list, Notifier *notifier);
/* Run all, newest first. */
void notifier_list_notify(NotifierList *list, void *data);
bool notifier_list_empty(const NotifierList *list);

#endif
