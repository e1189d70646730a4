/*
 * Values for people to read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tools/lib/print-qobject.h"

#include "qobject/qbool.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

static void print_value(const QObject *obj, int depth);

/* "compression-type" reads better as "compression type". */
static void print_key(const char *key)
{
    for (; *key; key++) {
        putchar(*key == '-' ? ' ' : *key);
    }
}

static bool is_composite(const QObject *obj)
{
    QType type = qobject_type(obj);

    return type == QTYPE_QDICT || type == QTYPE_QLIST;
}

void print_qdict(const QDict *dict, int depth)
{
    for (const QDictEntry *e = qdict_first(dict); e; e = qdict_next(dict, e)) {
        QObject *value = qdict_entry_value(e);
        bool composite = is_composite(value);

        printf("%*s", depth * 4, "");
        print_key(qdict_entry_key(e));
        printf(composite ? ":\n" : ": ");
        print_value(value, depth + 1);
        if (!composite) {
            printf("\n");
        }
    }
}

static void print_list(const QList *list, int depth)
{
    const QListEntry *e;
    int i = 0;

    QLIST_FOREACH_ENTRY(list, e) {
        QObject *value = qlist_entry_obj(e);
        bool composite = is_composite(value);

        printf("%*s[%d]:%c", depth * 4, "", i++, composite ? '\n' : ' ');
        print_value(value, depth + 1);
        if (!composite) {
            printf("\n");
        }
    }
}

static void print_value(const QObject *obj, int depth)
{
    g_autofree char *number = NULL;

    switch (qobject_type(obj)) {
    case QTYPE_QDICT:
        print_qdict(qobject_to(QDict, obj), depth);
        break;
    case QTYPE_QLIST:
        print_list(qobject_to(QList, obj), depth);
        break;
    case QTYPE_QSTRING:
        printf("%s", qstring_get_str(qobject_to(QString, obj)));
        break;
    case QTYPE_QBOOL:
        printf(qbool_get_bool(qobject_to(QBool, obj)) ? "true" : "false");
        break;
    case QTYPE_QNUM:
        number = qnum_to_string(qobject_to(QNum, obj));
        printf("%s", number);
        break;
    default:
        break;
    }
}
