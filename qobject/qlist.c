/*
 * QList: an ordered list of values.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qbool.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qobject-internal.h"
#include "qobject/qstring.h"

QList *qlist_new(void)
{
    QList *qlist = g_new(QList, 1);

    qobject_init_(&qlist->base, QTYPE_QLIST);
    TAILQ_INIT(&qlist->head);
    return qlist;
}

void qlist_append_obj(QList *qlist, QObject *value)
{
    QListEntry *entry = g_new(QListEntry, 1);

    assert(value);
    entry->value = value;
    TAILQ_INSERT_TAIL(&qlist->head, entry, next);
}

void qlist_append_bool(QList *qlist, bool value)
{
    qlist_append(qlist, qbool_from_bool(value));
}

void qlist_append_int(QList *qlist, int64_t value)
{
    qlist_append(qlist, qnum_from_int(value));
}

void qlist_append_null(QList *qlist)
{
    qlist_append(qlist, qnull());
}

void qlist_append_str(QList *qlist, const char *value)
{
    qlist_append(qlist, qstring_from_str(value));
}

QObject *qlist_pop(QList *qlist)
{
    QListEntry *entry = TAILQ_FIRST(&qlist->head);
    QObject *value;

    if (!entry) {
        return NULL;
    }
    value = entry->value;
    TAILQ_REMOVE(&qlist->head, entry, next);
    g_free(entry);
    return value;
}

QObject *qlist_peek(const QList *qlist)
{
    const QListEntry *entry = qlist_first(qlist);

    return entry ? entry->value : NULL;
}

bool qlist_empty(const QList *qlist)
{
    return TAILQ_EMPTY(&qlist->head);
}

size_t qlist_size(const QList *qlist)
{
    const QListEntry *e;
    size_t n = 0;

    QLIST_FOREACH_ENTRY(qlist, e) {
        n++;
    }
    return n;
}

QList *qlist_copy(const QList *src)
{
    QList *dst = qlist_new();
    const QListEntry *e;

    QLIST_FOREACH_ENTRY(src, e) {
        qlist_append_obj(dst, qobject_ref(e->value));
    }
    return dst;
}

bool qlist_is_equal(const QObject *x, const QObject *y)
{
    const QListEntry *a = qlist_first(container_of(&x->base, QList, base));
    const QListEntry *b = qlist_first(container_of(&y->base, QList, base));

    while (a && b && qobject_is_equal(a->value, b->value)) {
        a = qlist_next(a);
        b = qlist_next(b);
    }
    return !a && !b;
}

void qlist_destroy(QObject *obj)
{
    QList *qlist = container_of(&obj->base, QList, base);
    QObject *value;

    while ((value = qlist_pop(qlist))) {
        qobject_unref(value);
    }
    g_free(qlist);
}
