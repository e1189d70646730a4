/*
 * QNum: a JSON number. It keeps what it was made from: a signed 64-bit
 * integer, an unsigned one (parsed integers above INT64_MAX) or a double.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QNUM_H
#define QOBJECT_QNUM_H

#include "qobject/qobject.h"

typedef enum QNumKind { QNUM_I64, QNUM_U64, QNUM_DOUBLE } QNumKind;

struct QNum {
    QObjectBase base;
    QNumKind kind;
    union {
        int64_t i64;
        uint64_t u64;
        double dbl;
    } u;
};

QNum *qnum_from_int(int64_t value);
QNum *qnum_from_uint(uint64_t value);
QNum *qnum_from_double(double value);

/* Whether @qn is an integer in the type's range; then stores it. */
bool qnum_get_try_int(const QNum *qn, int64_t *value);
bool qnum_get_try_uint(const QNum *qn, uint64_t *value);

/* The caller knows that the value fits. */
int64_t qnum_get_int(const QNum *qn);
uint64_t qnum_get_uint(const QNum *qn);

/* Any number as a double, rounded where need be. */
double qnum_get_double(const QNum *qn);

/* As JSON prints it; free with g_free(). */
char *qnum_to_string(const QNum *qn);

static inline void qnum_autoptr_free_(QNum *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QNum, qnum_autoptr_free_)

#endif
