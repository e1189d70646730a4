/*
 * QBool: JSON's true and false.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QBOOL_H
#define QOBJECT_QBOOL_H

#include "qobject/qobject.h"

struct QBool {
    QObjectBase base;
    bool value;
};

QBool *qbool_from_bool(bool value);
bool qbool_get_bool(const QBool *qb);

static inline void qbool_autoptr_free_(QBool *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QBool, qbool_autoptr_free_)

#endif
