/*
 * QNum: conversions between the kinds of number, and their text.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qnum.h"
#include "qobject/qobject-internal.h"

static QNum *qnum_new(QNumKind kind)
{
    QNum *qn = g_new(QNum, 1);

    qobject_init_(&qn->base, QTYPE_QNUM);
    qn->kind = kind;
    return qn;
}

QNum *qnum_from_int(int64_t value)
{
    QNum *qn = qnum_new(QNUM_I64);

    qn->u.i64 = value;
    return qn;
}

QNum *qnum_from_uint(uint64_t value)
{
    QNum *qn = qnum_new(QNUM_U64);

    qn->u.u64 = value;
    return qn;
}

QNum *qnum_from_double(double value)
{
    QNum *qn = qnum_new(QNUM_DOUBLE);

    qn->u.dbl = value;
    return qn;
}

bool qnum_get_try_int(const QNum *qn, int64_t *value)
{
    switch (qn->kind) {
    case QNUM_I64:
        *value = qn->u.i64;
        return true;
    case QNUM_U64:
        *value = qn->u.u64;
        return qn->u.u64 <= INT64_MAX;
    case QNUM_DOUBLE:
        break;
    }
    return false;
}

bool qnum_get_try_uint(const QNum *qn, uint64_t *value)
{
    switch (qn->kind) {
    case QNUM_I64:
        *value = qn->u.i64;
        return qn->u.i64 >= 0;
    case QNUM_U64:
        *value = qn->u.u64;
        return true;
    case QNUM_DOUBLE:
        break;
    }
    return false;
}

int64_t qnum_get_int(const QNum *qn)
{
    int64_t value = 0;
    bool ok = qnum_get_try_int(qn, &value);

    assert(ok);
    return value;
}

uint64_t qnum_get_uint(const QNum *qn)
{
    uint64_t value = 0;
    bool ok = qnum_get_try_uint(qn, &value);

    assert(ok);
    return value;
}

double qnum_get_double(const QNum *qn)
{
    switch (qn->kind) {
    case QNUM_I64:
        return qn->u.i64;
    case QNUM_U64:
        return qn->u.u64;
    case QNUM_DOUBLE:
        return qn->u.dbl;
    }
    g_assert_not_reached();
}

char *qnum_to_string(const QNum *qn)
{
    switch (qn->kind) {
    case QNUM_I64:
        return g_strdup_printf("%" PRId64, qn->u.i64);
    case QNUM_U64:
        return g_strdup_printf("%" PRIu64, qn->u.u64);
    case QNUM_DOUBLE:
        /* 17 digits are enough to read the same double back */
        return g_strdup_printf("%.17g", qn->u.dbl);
    }
    g_assert_not_reached();
}

bool qnum_is_equal(const QObject *x, const QObject *y)
{
    const QNum *a = container_of(&x->base, QNum, base);
    const QNum *b = container_of(&y->base, QNum, base);
    int64_t ia, ib;
    uint64_t ua, ub;

    if (a->kind == QNUM_DOUBLE || b->kind == QNUM_DOUBLE) {
        return a->kind == b->kind && a->u.dbl == b->u.dbl;
    }
    if (qnum_get_try_int(a, &ia) && qnum_get_try_int(b, &ib)) {
        return ia == ib;
    }
    return qnum_get_try_uint(a, &ua) && qnum_get_try_uint(b, &ub) && ua == ub;
}
