/*
 * QObject: destruction and comparison by type, and the small scalar types.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qobject-internal.h"
#include "qobject/qstring.h"

/* QOBJECT() relies on it */
QEMU_BUILD_BUG_ON(offsetof(QNull, base) || offsetof(QBool, base) ||
                  offsetof(QNum, base) || offsetof(QString, base) ||
                  offsetof(QList, base) || offsetof(QDict, base));

static void scalar_destroy(QObject *obj)
{
    g_free(obj);
}

static bool null_is_equal(const QObject *x, const QObject *y)
{
    return true;
}

static bool bool_is_equal(const QObject *x, const QObject *y)
{
    return container_of(&x->base, QBool, base)->value ==
           container_of(&y->base, QBool, base)->value;
}

/* What a type must be able to do; both required. */
typedef struct QTypeOps {
    void (*destroy)(QObject *obj);
    bool (*is_equal)(const QObject *x, const QObject *y);
} QTypeOps;

static const QTypeOps qtype_ops[QTYPE__MAX] = {
    [QTYPE_QNULL] = { scalar_destroy, null_is_equal },
    [QTYPE_QBOOL] = { scalar_destroy, bool_is_equal },
    [QTYPE_QNUM] = { scalar_destroy, qnum_is_equal },
    [QTYPE_QSTRING] = { qstring_destroy, qstring_is_equal },
    [QTYPE_QLIST] = { qlist_destroy, qlist_is_equal },
    [QTYPE_QDICT] = { qdict_destroy, qdict_is_equal },
};

void qobject_unref_(QObject *obj)
{
    if (!obj) {
        return;
    }
    assert(obj->base.refcnt);
    if (--obj->base.refcnt == 0) {
        qtype_ops[qobject_type(obj)].destroy(obj);
    }
}

bool qobject_is_equal(const QObject *x, const QObject *y)
{
    if (!x || !y) {
        return x == y;
    }
    if (x == y) {
        return true;
    }
    return qobject_type(x) == qobject_type(y) &&
           qtype_ops[qobject_type(x)].is_equal(x, y);
}

QNull *qnull(void)
{
    QNull *qn = g_new(QNull, 1);

    qobject_init_(&qn->base, QTYPE_QNULL);
    return qn;
}

QBool *qbool_from_bool(bool value)
{
    QBool *qb = g_new(QBool, 1);

    qobject_init_(&qb->base, QTYPE_QBOOL);
    qb->value = value;
    return qb;
}

bool qbool_get_bool(const QBool *qb)
{
    return qb->value;
}
