/*
 * Recursive descent over the tokens of one JSON value. The stream has checked
 * the nesting depth.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json-internal.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

typedef struct JSONParser {
    const char *pos; /* the next token */
    const char *end;
    Error *err;
} JSONParser;

static void G_GNUC_PRINTF(2, 3) parse_error(JSONParser *p, const char *fmt, ...)
{
    g_autofree char *msg = NULL;
    va_list ap;

    if (p->err) {
        return;
    }
    va_start(ap, fmt);
    msg = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(&p->err, "JSON parse error, %s", msg);
}

/* The type of the next token, which stays. */
static int peek_token(const JSONParser *p)
{
    return p->pos < p->end ? *p->pos : JSON_END;
}

/* Step over the next token; its text. */
static const char *next_token(JSONParser *p)
{
    const char *text = p->pos + 1;

    p->pos = text + strlen(text) + 1;
    return text;
}

static QObject *parse_value(JSONParser *p);

bool json_codepoint_valid(int cp)
{
    return cp >= 0 && cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff) &&
           !(cp >= 0xfdd0 && cp <= 0xfdef) && (cp & 0xfffe) != 0xfffe;
}

int json_utf8_next(const char **str, const char *end)
{
    static const int min_by_length[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *s = (const unsigned char *)*str;
    int length = s[0] < 0x80   ? 1
                 : s[0] < 0xc0 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                 : s[0] < 0xf8 ? 4
                               : 0;
    int i, cp;

    if (length < 2) {
        (*str)++;
        return length == 1 ? s[0] : -1;
    }
    cp = s[0] & (0x7f >> length);
    for (i = 1; i < length && *str + i < end && (s[i] & 0xc0) == 0x80; i++) {
        cp = cp << 6 | (s[i] & 0x3f);
    }
    *str += i;
    if (i < length) {
        return -1;
    }
    if (cp == 0 && length == 2) {
        return 0;
    }
    return cp >= min_by_length[length] && json_codepoint_valid(cp) ? cp : -1;
}

static void append_codepoint(GString *out, int cp)
{
    if (cp == 0) {
        /* A C string cannot hold the plain form */
        g_string_append(out, "\xc0\x80");
    } else {
        g_string_append_unichar(out, cp);
    }
}

/* Four hexadecimal digits at @s as a number; -1 when they are not. */
static int parse_hex4(const char *s)
{
    int cp = 0;

    for (int i = 0; i < 4; i++) {
        if (!g_ascii_isxdigit(s[i])) {
            return -1;
        }
        cp = cp << 4 | g_ascii_xdigit_value(s[i]);
    }
    return cp;
}

/* @s is behind "\u". Returns the place behind the escape; NULL on error. */
static const char *parse_unicode_escape(JSONParser *p, const char *s,
                                        GString *out)
{
    const char *begin = s;
    int cp = parse_hex4(s);

    if (cp >= 0) {
        s += 4;
    }
    if (cp >= 0xd800 && cp <= 0xdbff && s[0] == '\\' && s[1] == 'u') {
        int trailing = parse_hex4(s + 2);

        if (trailing >= 0xdc00 && trailing <= 0xdfff) {
            cp = 0x10000 + ((cp & 0x3ff) << 10 | (trailing & 0x3ff));
            s += 6;
        }
    }
    if (!json_codepoint_valid(cp)) {
        parse_error(p, "\\u%.4s is not a valid Unicode character", begin);
        return NULL;
    }
    append_codepoint(out, cp);
    return s;
}

/* @s is behind a backslash. As above. */
static const char *parse_escape(JSONParser *p, const char *s, GString *out)
{
    static const char names[] = "\"'\\/bfnrt";
    static const char values[] = "\"'\\/\b\f\n\r\t";
    const char *name = strchr(names, *s);

    if (*s == 'u') {
        return parse_unicode_escape(p, s + 1, out);
    }
    if (!name) {
        parse_error(p, "invalid escape sequence in string");
        return NULL;
    }
    g_string_append_c(out, values[name - names]);
    return s + 1;
}

/* @text: with its quotes. */
static QObject *parse_string(JSONParser *p, const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const char *end = text + strlen(text) - 1;
    const char *s = text + 1;

    while (s < end) {
        if (*s == '\\') {
            s = parse_escape(p, s + 1, out);
            if (!s) {
                return NULL;
            }
        } else {
            int cp = json_utf8_next(&s, end);

            if (cp < 0) {
                parse_error(p, "invalid UTF-8 sequence in string");
                return NULL;
            }
            append_codepoint(out, cp);
        }
    }
    return QOBJECT(qstring_from_gstring(g_steal_pointer(&out)));
}

/* Integers that fit neither 64-bit type become doubles. */
static QObject *parse_integer(const char *text)
{
    int64_t i;
    uint64_t u;

    errno = 0;
    i = strtoll(text, NULL, 10);
    if (errno != ERANGE) {
        return QOBJECT(qnum_from_int(i));
    }
    if (text[0] != '-') {
        errno = 0;
        u = strtoull(text, NULL, 10);
        if (errno != ERANGE) {
            return QOBJECT(qnum_from_uint(u));
        }
    }
    return QOBJECT(qnum_from_double(g_ascii_strtod(text, NULL)));
}

static QObject *parse_keyword(JSONParser *p, const char *text)
{
    if (g_str_equal(text, "true")) {
        return QOBJECT(qbool_from_bool(true));
    }
    if (g_str_equal(text, "false")) {
        return QOBJECT(qbool_from_bool(false));
    }
    if (g_str_equal(text, "null")) {
        return QOBJECT(qnull());
    }
    parse_error(p, "invalid keyword '%s'", text);
    return NULL;
}

/*
 * The separator ',' (more follows: true) or @close (false); errors are in
 * p->err.
 */
static bool parse_separator(JSONParser *p, int close, const char *where)
{
    int type = peek_token(p);

    if (type == JSON_END) {
        parse_error(p, "premature EOI");
        return false;
    }
    if (type != ',' && type != close) {
        parse_error(p, "expected separator in %s", where);
        return false;
    }
    next_token(p);
    return type == ',';
}

static void parse_pair(JSONParser *p, QDict *dict)
{
    g_autoptr(QObject) key = parse_value(p);
    QObject *value;
    const char *name;

    if (!key) {
        return;
    }
    if (qobject_type(key) != QTYPE_QSTRING) {
        parse_error(p, "key is not a string in object");
        return;
    }
    if (peek_token(p) != ':') {
        parse_error(p, peek_token(p) == JSON_END ? "premature EOI"
                                                 : "missing : in object pair");
        return;
    }
    next_token(p);
    value = parse_value(p);
    if (!value) {
        return;
    }
    name = qstring_get_str(qobject_to(QString, key));
    if (qdict_haskey(dict, name)) {
        parse_error(p, "duplicate key");
        qobject_unref(value);
        return;
    }
    qdict_put_obj(dict, name, value);
}

static QObject *parse_object(JSONParser *p)
{
    g_autoptr(QDict) dict = qdict_new();

    if (peek_token(p) == '}') {
        next_token(p);
        return QOBJECT(g_steal_pointer(&dict));
    }
    do {
        parse_pair(p, dict);
    } while (!p->err && parse_separator(p, '}', "dict"));
    return p->err ? NULL : QOBJECT(g_steal_pointer(&dict));
}

static QObject *parse_array(JSONParser *p)
{
    g_autoptr(QList) list = qlist_new();

    if (peek_token(p) == ']') {
        next_token(p);
        return QOBJECT(g_steal_pointer(&list));
    }
    do {
        QObject *value = parse_value(p);

        if (value) {
            qlist_append_obj(list, value);
        }
    } while (!p->err && parse_separator(p, ']', "list"));
    return p->err ? NULL : QOBJECT(g_steal_pointer(&list));
}

static QObject *parse_value(JSONParser *p)
{
    int type = peek_token(p);
    const char *text;

    if (type == JSON_END) {
        parse_error(p, "premature EOI");
        return NULL;
    }
    text = next_token(p);
    switch (type) {
    case '{':
        return parse_object(p);
    case '[':
        return parse_array(p);
    case JSON_STRING:
        return parse_string(p, text);
    case JSON_INTEGER:
        return parse_integer(text);
    case JSON_FLOAT:
        return QOBJECT(qnum_from_double(g_ascii_strtod(text, NULL)));
    case JSON_KEYWORD:
        return parse_keyword(p, text);
    default:
        parse_error(p, "expecting value");
        return NULL;
    }
}

QObject *json_parse_tokens(const char *tokens, const char *end, Error **errp)
{
    JSONParser p = { .pos = tokens, .end = end };
    QObject *result = parse_value(&p);

    error_propagate(errp, p.err);
    return result;
}
