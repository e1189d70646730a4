/*
 * "key=value,..." strings with dotted keys.
 *
 *   key-vals = [ key-val { ',' key-val } [ ',' ] ]
 *   key-val  = key '=' value | value-of-the-implied-key | "help" | "?"
 *   key      = fragment { '.' fragment }
 *   fragment = a QAPI name, or (not as the first one) a list index
 *
 * Lists are first parsed as dictionaries with numbers as keys and converted
 * when all is read.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/keyval.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "util/error.h"

#define MAX_FRAGMENT 127
#define MAX_DEPTH    JSON_MAX_NESTING /* fragments of a key */

/* The length of the QAPI name that @s begins with; 0: none. */
static size_t qapi_name_length(const char *s)
{
    const char *p = s;

    if (g_str_has_prefix(p, "__")) {
        /* a downstream name: __RFQDN_name */
        p += 2;
        p += strspn(p, G_CSET_A_2_Z G_CSET_a_2_z "0123456789-.");
        if (p == s + 2 || *p != '_') {
            return 0;
        }
        p++;
    }
    if (!g_ascii_isalpha(*p)) {
        return 0;
    }
    p += strspn(p, G_CSET_A_2_Z G_CSET_a_2_z "0123456789-_");
    return p - s;
}

/* The length of the list index that @s begins with; 0: none. */
static size_t index_length(const char *s)
{
    return strspn(s, "0123456789");
}

/*
 * The length of the key at the beginning of @params, up to '=', ',' or the end.
 */
static size_t key_length(const char *params)
{
    return strcspn(params, "=,");
}

/*
 * Store @value (whose reference is taken over), or make sure of a dictionary
 * when it is NULL, at @name in @cur, where @path_len characters of @key lead.
 * Returns the dictionary stored there, or NULL.
 */
static QDict *keyval_put(QDict *cur, const char *name, QString *value,
                         const char *key, size_t path_len, Error **errp)
{
    QObject *old = qdict_get(cur, name);
    bool inconsistent = old && (qobject_type(old) == QTYPE_QDICT) == !!value;

    if (inconsistent) {
        error_setg(errp, "Parameters '%.*s.*' used inconsistently",
                   (int)path_len, key);
        qobject_unref(value);
        return NULL;
    }
    if (value) {
        qdict_put(cur, name, value);
        return NULL;
    }
    if (!old) {
        old = QOBJECT(qdict_new());
        qdict_put_obj(cur, name, old);
    }
    return qobject_to(QDict, old);
}

/*
 * Check the fragment of @key (@len characters long) at @s; its length, or 0
 * and @errp.
 */
static size_t check_fragment(const char *key, size_t len, const char *s,
                             Error **errp)
{
    bool first = s == key;
    size_t n = qapi_name_length(s);
    const char *end;

    if (!n && !first) {
        n = index_length(s);
    }
    end = s + n;
    if (!n || (end < key + len && *end != '.')) {
        error_setg(errp, "Invalid parameter '%.*s'", (int)len, key);
        return 0;
    }
    if (n > MAX_FRAGMENT) {
        error_setg(errp, "Parameter%s '%.*s' is too long",
                   first && end == key + len ? "" : " fragment", (int)n, s);
        return 0;
    }
    return n;
}

/* Put @value at the dotted @key of @len characters; takes @value over. */
static bool keyval_put_dotted(QDict *qdict, const char *key, size_t len,
                              QString *value, Error **errp)
{
    ERRP_GUARD();
    QDict *cur = qdict;
    const char *s = key;

    for (int depth = 1;; depth++) {
        g_autofree char *name = NULL;
        size_t n = check_fragment(key, len, s, errp);
        bool last = s + n == key + len;

        if (n && depth > MAX_DEPTH) {
            error_setg(errp, "Parameter '%.32s...' is nested too deeply", key);
            n = 0;
        }
        if (!n) {
            qobject_unref(value);
            return false;
        }
        name = g_strndup(s, n);
        s += n;
        if (last) {
            keyval_put(cur, name, value, key, s - key, errp);
            return !*errp;
        }
        cur = keyval_put(cur, name, NULL, key, s - key, errp);
        if (!cur) {
            qobject_unref(value);
            return false;
        }
        s++;
    }
}

/*
 * One key=value at the beginning of @params; returns what is behind it, or
 * NULL and @errp.
 */
static const char *keyval_parse_one(QDict *qdict, const char *params,
                                    const char *implied_key, bool *help,
                                    Error **errp)
{
    size_t len = key_length(params);
    const char *key = params, *s;
    char *value;

    if (params[len] == '=') {
        s = params + len + 1;
    } else if (len &&
               ((len == 4 && !strncmp(params, "help", 4)) ||
                (len == 1 && params[0] == '?')) &&
               help) {
        *help = true;
        return params + len + (params[len] == ',');
    } else if (implied_key && len) {
        key = implied_key;
        len = strlen(implied_key);
        s = params;
    } else {
        if (!len) {
            error_setg(errp, "Invalid parameter ''");
        } else {
            error_setg(errp, "Expected '=' after parameter '%.*s'", (int)len,
                       params);
        }
        return NULL;
    }

    s = get_opt_value(s, &value);
    s += *s == ',';
    return keyval_put_dotted(qdict, key, len, qstring_from_take(value), errp)
               ? s
               : NULL;
}

/* Whether all keys are numbers; a mixture is an error. @path: for messages. */
static bool keys_are_indexes(const QDict *dict, const char *path, Error **errp)
{
    const QDictEntry *e;
    size_t n = 0;

    QDICT_FOREACH(dict, e) {
        const char *key = qdict_entry_key(e);

        n += key[index_length(key)] == '\0';
    }
    if (n && n < qdict_size(dict)) {
        error_setg(errp, "Parameters '%s*' used inconsistently", path);
    }
    return n;
}

/* The list made from @dict, whose keys are all numbers. */
static QList *listify_indexes(const QDict *dict, const char *path, Error **errp)
{
    g_autoptr(QList) list = qlist_new();
    size_t size = qdict_size(dict);
    g_autofree QObject **elt = g_new0(QObject *, size);
    const QDictEntry *e;

    QDICT_FOREACH(dict, e) {
        const char *key = qdict_entry_key(e);
        uint64_t index = g_ascii_strtoull(key, NULL, 10);

        if (index < size) {
            /* "1" and "01" collide: the gap shows below */
            elt[index] = qdict_entry_value(e);
        }
    }
    for (size_t i = 0; i < size; i++) {
        if (!elt[i]) {
            error_setg(errp, "Parameter '%s%zu' missing", path, i);
            return NULL;
        }
        qlist_append_obj(list, qobject_ref(elt[i]));
    }
    return g_steal_pointer(&list);
}

/*
 * The value of @cur with its dictionaries of numbers made lists, recursively;
 * NULL and @errp on error. @path ends with a dot or is empty.
 */
static QObject *keyval_listify(QDict *cur, const char *path, Error **errp)
{
    ERRP_GUARD();
    const QDictEntry *e, *next;
    bool indexes;

    for (e = qdict_first(cur); e; e = next) {
        QDict *sub = qobject_to(QDict, qdict_entry_value(e));
        g_autofree char *subpath = g_strdup_printf("%s%s.", path,
                                                   qdict_entry_key(e));
        QObject *value;

        next = qdict_next(cur, e);
        if (!sub) {
            continue;
        }
        value = keyval_listify(sub, subpath, errp);
        if (!value) {
            return NULL;
        }
        qdict_put_obj(cur, qdict_entry_key(e), value);
    }

    indexes = keys_are_indexes(cur, path, errp);
    if (*errp) {
        return NULL;
    }
    return indexes ? QOBJECT(listify_indexes(cur, path, errp))
                   : QOBJECT(qobject_ref(cur));
}

QDict *keyval_parse_into(QDict *qdict, const char *params,
                         const char *implied_key, bool *help, Error **errp)
{
    QObject *listified;
    bool found_help = false;
    const char *s = params;

    while (s && *s) {
        s = keyval_parse_one(qdict, s, implied_key, &found_help, errp);
        implied_key = NULL;
    }
    if (!s) {
        return NULL;
    }
    if (help) {
        *help = found_help;
    } else if (found_help) {
        error_setg(errp, "Help is not available for this option");
        return NULL;
    }

    listified = keyval_listify(qdict, "", errp);
    if (!listified) {
        return NULL;
    }
    /* No key begins with a number, so the top is no list */
    assert(listified == QOBJECT(qdict));
    qobject_unref(listified);
    return qdict;
}

QDict *keyval_parse(const char *params, const char *implied_key, bool *help,
                    Error **errp)
{
    g_autoptr(QDict) qdict = qdict_new();

    if (!keyval_parse_into(qdict, params, implied_key, help, errp)) {
        return NULL;
    }
    return g_steal_pointer(&qdict);
}

static void keyval_do_merge(QDict *dest, const QDict *merged, GString *path,
                            Error **errp)
{
    ERRP_GUARD();
    const QDictEntry *e;
    size_t path_len = path->len;

    QDICT_FOREACH(merged, e) {
        const char *key = qdict_entry_key(e);
        QObject *new = qdict_entry_value(e);
        QObject *old = qdict_get(dest, key);

        if (!old) {
            qdict_put_obj(dest, key, qobject_ref(new));
        } else if (qobject_type(old) != qobject_type(new)) {
            error_setg(errp, "Parameter '%s%s' used inconsistently", path->str,
                       key);
        } else if (qobject_type(old) == QTYPE_QDICT) {
            g_string_append_printf(path, "%s.", key);
            keyval_do_merge(qobject_to(QDict, old), qobject_to(QDict, new),
                            path, errp);
            g_string_truncate(path, path_len);
        } else if (qobject_type(old) == QTYPE_QLIST) {
            const QListEntry *elt;

            QLIST_FOREACH_ENTRY(qobject_to(QList, new), elt) {
                qlist_append_obj(qobject_to(QList, old),
                                 qobject_ref(elt->value));
            }
        } else {
            qdict_put_obj(dest, key, qobject_ref(new));
        }
        if (*errp) {
            return;
        }
    }
}

void keyval_merge(QDict *dest, const QDict *merged, Error **errp)
{
    g_autoptr(GString) path = g_string_new(NULL);

    keyval_do_merge(dest, merged, path, errp);
}

QDict *keyval_or_json_parse(const char *params, const char *implied_key,
                            bool *help, bool *is_json, Error **errp)
{
    g_autoptr(QObject) obj = NULL;

    if (is_json) {
        *is_json = params[0] == '{';
    }
    if (params[0] != '{') {
        return keyval_parse(params, implied_key, help, errp);
    }
    if (help) {
        *help = false;
    }
    obj = qobject_from_json(params, errp);
    /* What begins with a brace and is valid is an object */
    return qobject_ref(qobject_to(QDict, obj));
}
