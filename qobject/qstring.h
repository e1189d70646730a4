/*
 * QString: an immutable string value.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QSTRING_H
#define QOBJECT_QSTRING_H

#include "qobject/qobject.h"

struct QString {
    QObjectBase base;
    char *string;
};

QString *qstring_new(void);
QString *qstring_from_str(const char *str);
/* The bytes @start to @end, the latter not included. */
QString *qstring_from_substr(const char *str, size_t start, size_t end);
/* Takes the buffer over. */
QString *qstring_from_gstring(GString *gstr);
QString *qstring_from_take(char *str);

/* Valid as long as @qs is. */
const char *qstring_get_str(const QString *qs);

static inline void qstring_autoptr_free_(QString *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QString, qstring_autoptr_free_)

#endif
