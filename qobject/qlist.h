/*
 * QList: an ordered list of values.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QLIST_H
#define QOBJECT_QLIST_H

#include "qobject/qobject.h"

#include <sys/queue.h>

typedef struct QListEntry {
    QObject *value;
    TAILQ_ENTRY(QListEntry) next;
} QListEntry;

struct QList {
    QObjectBase base;
    TAILQ_HEAD(QListHead, QListEntry) head;
};

QList *qlist_new(void);

/* Append a value; the list takes the caller's reference over. */
void qlist_append_obj(QList *qlist, QObject *value);
#define qlist_append(qlist, x) qlist_append_obj(qlist, QOBJECT(x))
void qlist_append_bool(QList *qlist, bool value);
void qlist_append_int(QList *qlist, int64_t value);
void qlist_append_null(QList *qlist);
void qlist_append_str(QList *qlist, const char *value);

/* Remove the first value and return it with its reference; NULL when empty. */
QObject *qlist_pop(QList *qlist);
/* The first value without a reference; NULL when empty. */
QObject *qlist_peek(const QList *qlist);
bool qlist_empty(const QList *qlist);
size_t qlist_size(const QList *qlist);

/* A new list of the same values (which get one more reference each). */
QList *qlist_copy(const QList *src);

static inline const QListEntry *qlist_first(const QList *qlist)
{
    return TAILQ_FIRST(&qlist->head);
}

static inline const QListEntry *qlist_next(const QListEntry *entry)
{
    return TAILQ_NEXT(entry, next);
}

static inline QObject *qlist_entry_obj(const QListEntry *entry)
{
    return entry->value;
}

/* for (const QListEntry *@e ...) over @qlist, which must not change. */
#define QLIST_FOREACH_ENTRY(qlist, e) \
    for ((e) = qlist_first(qlist); (e); (e) = qlist_next(e))

static inline void qlist_autoptr_free_(QList *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QList, qlist_autoptr_free_)

#endif
