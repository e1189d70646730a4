/*
 * QDict: a dictionary with string keys.
 *
 * Its iteration order is visible to everybody who reads our JSON and is
 * therefore fixed: by the key's bucket of 512, and within a bucket the newest
 * key first. Replacing the value of a key leaves its place as it is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QDICT_H
#define QOBJECT_QDICT_H

#include "qobject/qobject.h"

#include <sys/queue.h>

#include "util/error.h"

#define QDICT_BUCKETS 512

typedef struct QDictEntry {
    char *key;
    QObject *value;
    uint32_t hash;
    TAILQ_ENTRY(QDictEntry) next;
} QDictEntry;

/* The members are private to qdict.c. */
struct QDict {
    QObjectBase base;
    size_t size;
    /* All entries in iteration order. */
    TAILQ_HEAD(QDictHead, QDictEntry) entries;
    /* Once there are many: the first entry of each bucket, or NULL. */
    QDictEntry **bucket;
};

QDict *qdict_new(void);
size_t qdict_size(const QDict *qdict);

/* Set @key; the dictionary takes the reference to @value over. */
void qdict_put_obj(QDict *qdict, const char *key, QObject *value);
#define qdict_put(qdict, key, x) qdict_put_obj(qdict, key, QOBJECT(x))
void qdict_put_bool(QDict *qdict, const char *key, bool value);
void qdict_put_int(QDict *qdict, const char *key, int64_t value);
void qdict_put_uint(QDict *qdict, const char *key, uint64_t value);
void qdict_put_null(QDict *qdict, const char *key);
void qdict_put_str(QDict *qdict, const char *key, const char *value);
/* Set unless the key is there already. */
void qdict_set_default_str(QDict *qdict, const char *key, const char *value);

bool qdict_haskey(const QDict *qdict, const char *key);
/* Remove @key if it is there. */
void qdict_del(QDict *qdict, const char *key);

/* The value without a reference of the caller's; NULL when @key is absent. */
QObject *qdict_get(const QDict *qdict, const char *key);

/* The caller knows that @key is there and has this type. */
bool qdict_get_bool(const QDict *qdict, const char *key);
int64_t qdict_get_int(const QDict *qdict, const char *key);
uint64_t qdict_get_uint(const QDict *qdict, const char *key);
double qdict_get_double(const QDict *qdict, const char *key);
const char *qdict_get_str(const QDict *qdict, const char *key);

/* NULL, or the default, when @key is absent or of another type. */
QDict *qdict_get_qdict(const QDict *qdict, const char *key);
QList *qdict_get_qlist(const QDict *qdict, const char *key);
bool qdict_get_try_bool(const QDict *qdict, const char *key, bool def);
int64_t qdict_get_try_int(const QDict *qdict, const char *key, int64_t def);
const char *qdict_get_try_str(const QDict *qdict, const char *key);

/* A key that is present and a plain string, removed: the caller frees it. */
char *qdict_take_str(QDict *qdict, const char *key);

/*
 * Iteration. During it only the current entry may be deleted, after the next
 * one was fetched.
 */
const QDictEntry *qdict_first(const QDict *qdict);
const QDictEntry *qdict_next(const QDict *qdict, const QDictEntry *entry);

static inline const char *qdict_entry_key(const QDictEntry *entry)
{
    return entry->key;
}

static inline QObject *qdict_entry_value(const QDictEntry *entry)
{
    return entry->value;
}

/* Over const QDictEntry *@e of @qdict, which must not change. */
#define QDICT_FOREACH(qdict, e) \
    for ((e) = qdict_first(qdict); (e); (e) = qdict_next(qdict, (e)))

/* A new dictionary with the same values (one more reference each). */
QDict *qdict_clone_shallow(const QDict *src);

/* --- dotted keys (qdict-dotted.c) ----------------------------------------- */

/* Nested dictionaries and lists become "a.b" and "a.0" keys, in place. */
void qdict_flatten(QDict *qdict);

/*
 * The inverse: a new nested dictionary (or, when every key is a list index,
 * list) from the flat @src, whose values must be scalars. NULL and @errp when
 * the keys contradict each other. ".." in a key stands for a literal dot.
 */
QObject *qdict_crumple(const QDict *src, Error **errp);

/* Move the keys that begin with @start to *@dst (new), without the prefix. */
void qdict_extract_subqdict(QDict *src, QDict **dst, const char *start);

/* Number of elements if the keys below @subqdict. form a list, else -EINVAL. */
int qdict_array_entries(QDict *src, const char *subqdict);

/* Move the elements "0.x", "1" ... of @src to *@dst, as values or QDicts. */
void qdict_array_split(QDict *src, QList **dst);

/* Move what @src has to @dest; keys that @dest has stay unless @overwrite. */
void qdict_join(QDict *dest, QDict *src, bool overwrite);

typedef struct QDictRenames {
    const char *from; /* NULL ends the table */
    const char *to;
} QDictRenames;

/* False and @errp when both names of a pair are present. */
bool qdict_rename_keys(QDict *qdict, const QDictRenames *renames, Error **errp);

static inline void qdict_autoptr_free_(QDict *x)
{
    qobject_unref(x);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QDict, qdict_autoptr_free_)

#endif
