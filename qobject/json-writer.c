/*
 * Values to JSON text.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json-internal.h"
#include "qobject/json.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

typedef struct JSONWriter {
    GString *out;
    bool pretty;
    int depth;
} JSONWriter;

static void write_codepoint(GString *out, int cp)
{
    static const char letter[] = "btn?fr"; /* for 8 to 13 */

    if (cp == '"' || cp == '\\') {
        g_string_append_c(out, '\\');
        g_string_append_c(out, cp);
    } else if (cp >= 8 && cp <= 13 && cp != 11) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, letter[cp - 8]);
    } else if (cp >= 0x20 && cp < 0x7f) {
        g_string_append_c(out, cp);
    } else if (cp > 0xffff) {
        cp -= 0x10000;
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + (cp >> 10),
                               0xdc00 + (cp & 0x3ff));
    } else {
        g_string_append_printf(out, "\\u%04X", cp < 0 ? 0xfffd : cp);
    }
}

static void write_string(GString *out, const char *str)
{
    const char *end = str + strlen(str);

    g_string_append_c(out, '"');
    while (str < end) {
        write_codepoint(out, json_utf8_next(&str, end));
    }
    g_string_append_c(out, '"');
}

static void write_newline(JSONWriter *w)
{
    if (w->pretty) {
        g_string_append_printf(w->out, "\n%*s", 4 * w->depth, "");
    }
}

static void write_separator(JSONWriter *w, bool first)
{
    if (!first) {
        g_string_append(w->out, w->pretty ? "," : ", ");
    }
    write_newline(w);
}

static void write_value(JSONWriter *w, const QObject *obj);

static void write_dict(JSONWriter *w, const QDict *qdict)
{
    const QDictEntry *e;

    g_string_append_c(w->out, '{');
    w->depth++;
    QDICT_FOREACH(qdict, e) {
        write_separator(w, e == qdict_first(qdict));
        write_string(w->out, qdict_entry_key(e));
        g_string_append(w->out, ": ");
        write_value(w, qdict_entry_value(e));
    }
    w->depth--;
    write_newline(w);
    g_string_append_c(w->out, '}');
}

static void write_list(JSONWriter *w, const QList *qlist)
{
    const QListEntry *e;

    g_string_append_c(w->out, '[');
    w->depth++;
    QLIST_FOREACH_ENTRY(qlist, e) {
        write_separator(w, e == qlist_first(qlist));
        write_value(w, qlist_entry_obj(e));
    }
    w->depth--;
    write_newline(w);
    g_string_append_c(w->out, ']');
}

static void write_value(JSONWriter *w, const QObject *obj)
{
    switch (qobject_type(obj)) {
    case QTYPE_QNULL:
        g_string_append(w->out, "null");
        break;
    case QTYPE_QBOOL: {
        const QBool *qb = qobject_to(QBool, obj);

        g_string_append(w->out, qbool_get_bool(qb) ? "true" : "false");
        break;
    }
    case QTYPE_QNUM: {
        g_autofree char *text = qnum_to_string(qobject_to(QNum, obj));

        g_string_append(w->out, text);
        break;
    }
    case QTYPE_QSTRING:
        write_string(w->out, qstring_get_str(qobject_to(QString, obj)));
        break;
    case QTYPE_QDICT:
        write_dict(w, qobject_to(QDict, obj));
        break;
    case QTYPE_QLIST:
        write_list(w, qobject_to(QList, obj));
        break;
    case QTYPE_NONE:
    case QTYPE__MAX:
        g_assert_not_reached();
    }
}

GString *qobject_to_json_pretty(const QObject *obj, bool pretty)
{
    JSONWriter w = { .out = g_string_new(NULL), .pretty = pretty };

    write_value(&w, obj);
    return w.out;
}

GString *qobject_to_json(const QObject *obj)
{
    return qobject_to_json_pretty(obj, false);
}
