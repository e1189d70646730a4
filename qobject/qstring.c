/*
 * QString: an immutable string value.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qobject-internal.h"
#include "qobject/qstring.h"

QString *qstring_from_take(char *str)
{
    QString *qs = g_new(QString, 1);

    assert(str);
    qobject_init_(&qs->base, QTYPE_QSTRING);
    qs->string = str;
    return qs;
}

QString *qstring_new(void)
{
    return qstring_from_str("");
}

QString *qstring_from_str(const char *str)
{
    return qstring_from_take(g_strdup(str));
}

QString *qstring_from_substr(const char *str, size_t start, size_t end)
{
    assert(start <= end);
    return qstring_from_take(g_strndup(str + start, end - start));
}

QString *qstring_from_gstring(GString *gstr)
{
    return qstring_from_take(g_string_free(gstr, false));
}

const char *qstring_get_str(const QString *qs)
{
    return qs->string;
}

bool qstring_is_equal(const QObject *x, const QObject *y)
{
    return g_str_equal(container_of(&x->base, QString, base)->string,
                       container_of(&y->base, QString, base)->string);
}

void qstring_destroy(QObject *obj)
{
    QString *qs = container_of(&obj->base, QString, base);

    g_free(qs->string);
    g_free(qs);
}
