/*
 * Dictionaries and dotted keys: nested {"a": {"b": [1]}} and flat {"a.b.0": 1}
 * forms, and parts of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "util/error.h"

/* --- flatten ---------------------------------------------------------------
 */

static void flatten_value(QDict *target, const char *key, QObject *value);

static void flatten_dict(QDict *target, const char *prefix, const QDict *src)
{
    const QDictEntry *e;

    QDICT_FOREACH(src, e) {
        g_autofree char *key = g_strdup_printf("%s.%s", prefix,
                                               qdict_entry_key(e));

        flatten_value(target, key, qdict_entry_value(e));
    }
}

static void flatten_list(QDict *target, const char *prefix, const QList *src)
{
    const QListEntry *e;
    int i = 0;

    QLIST_FOREACH_ENTRY(src, e) {
        g_autofree char *key = g_strdup_printf("%s.%d", prefix, i++);

        flatten_value(target, key, qlist_entry_obj(e));
    }
}

/* Empty dictionaries and lists stay as they are: nothing else tells of them. */
static void flatten_value(QDict *target, const char *key, QObject *value)
{
    QDict *dict = qobject_to(QDict, value);
    QList *list = qobject_to(QList, value);

    if (dict && qdict_size(dict)) {
        flatten_dict(target, key, dict);
    } else if (list && !qlist_empty(list)) {
        flatten_list(target, key, list);
    } else {
        qdict_put_obj(target, key, qobject_ref(value));
    }
}

void qdict_flatten(QDict *qdict)
{
    g_autoptr(QDict) src = qdict_clone_shallow(qdict);
    const QDictEntry *e;

    QDICT_FOREACH(src, e) {
        QObject *value = qdict_entry_value(e);
        QType type = qobject_type(value);

        if (type == QTYPE_QDICT || type == QTYPE_QLIST) {
            qobject_ref(value);
            qdict_del(qdict, qdict_entry_key(e));
            flatten_value(qdict, qdict_entry_key(e), value);
            qobject_unref(value);
        }
    }
}

/* --- crumple ---------------------------------------------------------------
 */

/*
 * Split @key at its first single dot: the part before in *@prefix (with ".."
 * made "."), the part behind is returned, NULL when there is no such dot.
 */
static const char *split_key(const char *key, char **prefix)
{
    GString *out = g_string_new(NULL);

    for (; *key && (*key != '.' || key[1] == '.'); key++) {
        g_string_append_c(out, *key);
        if (*key == '.') {
            key++;
        }
    }
    *prefix = g_string_free(out, false);
    return *key ? key + 1 : NULL;
}

/* 1: all keys of @dict are list indexes without a gap; 0: none; -1: @errp. */
static int is_list(const QDict *dict, Error **errp)
{
    size_t n = 0, size = qdict_size(dict);
    const QDictEntry *e;

    QDICT_FOREACH(dict, e) {
        const char *key = qdict_entry_key(e);

        n += key[0] && key[strspn(key, "0123456789")] == '\0';
    }
    if (n == 0) {
        return 0;
    }
    if (n < size) {
        error_setg(errp, "Cannot mix list and non-list keys");
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        g_autofree char *key = g_strdup_printf("%zu", i);

        if (!qdict_haskey(dict, key)) {
            error_setg(errp, "List index '%zu' missing", i);
            return -1;
        }
    }
    return 1;
}

/* Put the flat entry @key = @value one level deep into @multi. */
static bool crumple_one(QDict *multi, const char *key, QObject *value,
                        Error **errp)
{
    g_autofree char *prefix = NULL;
    const char *suffix = split_key(key, &prefix);
    QObject *old = qdict_get(multi, prefix);
    QDict *sub = qobject_to(QDict, old);

    if (old && (!suffix || !sub)) {
        error_setg(errp, "Cannot mix scalar and non-scalar keys");
        return false;
    }
    if (!suffix) {
        qdict_put_obj(multi, prefix, qobject_ref(value));
        return true;
    }
    if (!sub) {
        sub = qdict_new();
        qdict_put(multi, prefix, sub);
    }
    qdict_put_obj(sub, suffix, qobject_ref(value));
    return true;
}

static QObject *dict_to_list(const QDict *dict)
{
    QList *list = qlist_new();

    for (size_t i = 0; i < qdict_size(dict); i++) {
        g_autofree char *key = g_strdup_printf("%zu", i);

        qlist_append_obj(list, qobject_ref(qdict_get(dict, key)));
    }
    return QOBJECT(list);
}

/* Whether @obj is a scalar or something empty. */
static bool is_leaf(const QObject *obj)
{
    const QDict *dict = qobject_to(QDict, obj);
    const QList *list = qobject_to(QList, obj);

    return dict ? !qdict_size(dict) : list ? qlist_empty(list) : true;
}

static QObject *crumple(const QDict *src, int depth, Error **errp)
{
    g_autoptr(QDict) multi = qdict_new();
    g_autoptr(QDict) dst = qdict_new();
    const QDictEntry *e;
    int list;

    if (depth > JSON_MAX_NESTING) {
        error_setg(errp, "Keys are nested too deeply");
        return NULL;
    }
    QDICT_FOREACH(src, e) {
        if (!is_leaf(qdict_entry_value(e))) {
            error_setg(errp, "Value for key '%s' is not a scalar",
                       qdict_entry_key(e));
            return NULL;
        }
        if (!crumple_one(multi, qdict_entry_key(e), qdict_entry_value(e),
                         errp)) {
            return NULL;
        }
    }

    QDICT_FOREACH(multi, e) {
        QDict *sub = qobject_to(QDict, qdict_entry_value(e));
        QObject *child;

        child = sub && qdict_size(sub) ? crumple(sub, depth + 1, errp)
                                       : qobject_ref(qdict_entry_value(e));
        if (!child) {
            return NULL;
        }
        qdict_put_obj(dst, qdict_entry_key(e), child);
    }

    list = is_list(dst, errp);
    if (list < 0) {
        return NULL;
    }
    return list ? dict_to_list(dst) : QOBJECT(g_steal_pointer(&dst));
}

QObject *qdict_crumple(const QDict *src, Error **errp)
{
    return crumple(src, 1, errp);
}

/* --- parts -----------------------------------------------------------------
 */

void qdict_extract_subqdict(QDict *src, QDict **dst, const char *start)
{
    const QDictEntry *e, *next;

    if (dst) {
        *dst = qdict_new();
    }
    for (e = qdict_first(src); e; e = next) {
        const char *key = qdict_entry_key(e);

        next = qdict_next(src, e);
        if (g_str_has_prefix(key, start)) {
            if (dst) {
                qdict_put_obj(*dst, key + strlen(start),
                              qobject_ref(qdict_entry_value(e)));
            }
            qdict_del(src, key);
        }
    }
}

static int count_prefixed(const QDict *src, const char *start)
{
    const QDictEntry *e;
    int n = 0;

    QDICT_FOREACH(src, e) {
        n += g_str_has_prefix(qdict_entry_key(e), start);
    }
    return n;
}

int qdict_array_entries(QDict *src, const char *subqdict)
{
    int found = 0, i;

    for (i = 0; i < INT_MAX; i++) {
        g_autofree char *exact = g_strdup_printf("%s%d", subqdict, i);
        g_autofree char *prefix = g_strdup_printf("%s%d.", subqdict, i);
        int n = count_prefixed(src, prefix);

        if (qdict_haskey(src, exact)) {
            if (n) {
                return -EINVAL;
            }
            n = 1;
        }
        if (!n) {
            break;
        }
        found += n;
    }
    /* Anything below the prefix that is not an element spoils it */
    return found == count_prefixed(src, subqdict) ? i : -EINVAL;
}

void qdict_array_split(QDict *src, QList **dst)
{
    *dst = qlist_new();
    for (int i = 0; i < INT_MAX; i++) {
        g_autofree char *exact = g_strdup_printf("%d", i);
        g_autofree char *prefix = g_strdup_printf("%d.", i);
        QObject *value = qdict_get(src, exact);
        int n = count_prefixed(src, prefix);

        if (!value == !n) {
            /* neither of them, or both */
            return;
        }
        if (value) {
            qlist_append_obj(*dst, qobject_ref(value));
            qdict_del(src, exact);
        } else {
            QDict *sub;

            qdict_extract_subqdict(src, &sub, prefix);
            qlist_append(*dst, sub);
        }
    }
}

void qdict_join(QDict *dest, QDict *src, bool overwrite)
{
    const QDictEntry *e, *next;

    for (e = qdict_first(src); e; e = next) {
        next = qdict_next(src, e);
        if (overwrite || !qdict_haskey(dest, qdict_entry_key(e))) {
            qdict_put_obj(dest, qdict_entry_key(e),
                          qobject_ref(qdict_entry_value(e)));
            qdict_del(src, qdict_entry_key(e));
        }
    }
}

bool qdict_rename_keys(QDict *qdict, const QDictRenames *renames, Error **errp)
{
    for (; renames->from; renames++) {
        QObject *value = qdict_get(qdict, renames->from);

        if (!value) {
            continue;
        }
        if (qdict_haskey(qdict, renames->to)) {
            error_setg(errp,
                       "'%s' and its alias '%s' can't be used at the "
                       "same time",
                       renames->to, renames->from);
            return false;
        }
        qdict_put_obj(qdict, renames->to, qobject_ref(value));
        qdict_del(qdict, renames->from);
    }
    return true;
}
