/*
 * QNull: JSON's null.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QNULL_H
#define QOBJECT_QNULL_H

#include "qobject/qobject.h"

struct QNull {
    QObjectBase base;
};

/* A new reference to a null value. */
QNull *qnull(void);

static inline void qnull_autoptr_free_(QNull *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QNull, qnull_autoptr_free_)

#endif
