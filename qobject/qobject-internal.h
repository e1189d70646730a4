/*
 * What each concrete type gives to qobject.c's table of types.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QOBJECT_INTERNAL_H
#define QOBJECT_QOBJECT_INTERNAL_H

#include "qobject/qobject.h"

bool qnum_is_equal(const QObject *x, const QObject *y);
void qstring_destroy(QObject *obj);
bool qstring_is_equal(const QObject *x, const QObject *y);
void qlist_destroy(QObject *obj);
bool qlist_is_equal(const QObject *x, const QObject *y);
void qdict_destroy(QObject *obj);
bool qdict_is_equal(const QObject *x, const QObject *y);

#endif
