/*
 * QDict: a dictionary with string keys in a fixed, visible order.
 *
 * All entries are in one list that is kept in iteration order: ascending
 * bucket, newest first within a bucket. A small dictionary is searched through
 * the list; a larger one has a table with the first entry of each bucket.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qobject-internal.h"
#include "qobject/qstring.h"

/* A dictionary of more entries than this has the table of buckets. */
#define QDICT_SMALL 16

/* The hash that defines the order; 32-bit arithmetic. */
static uint32_t qdict_hash(const char *key)
{
    uint32_t h = UINT32_C(0x238F13AF) * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++) {
        h += (uint32_t)(unsigned char)key[i] << (5 * i % 24);
    }
    return UINT32_C(1103515243) * h + 12345;
}

static unsigned bucket_of(const QDictEntry *entry)
{
    return entry->hash % QDICT_BUCKETS;
}

QDict *qdict_new(void)
{
    QDict *qdict = g_new0(QDict, 1);

    qobject_init_(&qdict->base, QTYPE_QDICT);
    TAILQ_INIT(&qdict->entries);
    return qdict;
}

size_t qdict_size(const QDict *qdict)
{
    return qdict->size;
}

/* The first entry whose bucket is @bucket or later; NULL: there is none. */
static QDictEntry *qdict_seek(const QDict *qdict, unsigned bucket)
{
    QDictEntry *e;

    if (qdict->bucket) {
        while (bucket < QDICT_BUCKETS && !qdict->bucket[bucket]) {
            bucket++;
        }
        return bucket < QDICT_BUCKETS ? qdict->bucket[bucket] : NULL;
    }
    TAILQ_FOREACH(e, &qdict->entries, next) {
        if (bucket_of(e) >= bucket) {
            return e;
        }
    }
    return NULL;
}

static QDictEntry *qdict_find(const QDict *qdict, const char *key,
                              uint32_t hash)
{
    unsigned bucket = hash % QDICT_BUCKETS;
    QDictEntry *e = qdict->bucket ? qdict->bucket[bucket]
                                  : qdict_seek(qdict, bucket);

    for (; e && bucket_of(e) == bucket; e = TAILQ_NEXT(e, next)) {
        if (e->hash == hash && g_str_equal(e->key, key)) {
            return e;
        }
    }
    return NULL;
}

static void qdict_make_table(QDict *qdict)
{
    QDictEntry *e;

    qdict->bucket = g_new0(QDictEntry *, QDICT_BUCKETS);
    TAILQ_FOREACH(e, &qdict->entries, next) {
        if (!qdict->bucket[bucket_of(e)]) {
            qdict->bucket[bucket_of(e)] = e;
        }
    }
}

void qdict_put_obj(QDict *qdict, const char *key, QObject *value)
{
    uint32_t hash = qdict_hash(key);
    QDictEntry *e = qdict_find(qdict, key, hash);
    QDictEntry *after;

    assert(value);
    if (e) {
        qobject_unref(e->value);
        e->value = value;
        return;
    }

    after = qdict_seek(qdict, hash % QDICT_BUCKETS);
    e = g_new0(QDictEntry, 1);
    e->key = g_strdup(key);
    e->value = value;
    e->hash = hash;
    if (after) {
        TAILQ_INSERT_BEFORE(after, e, next);
    } else {
        TAILQ_INSERT_TAIL(&qdict->entries, e, next);
    }
    if (qdict->bucket) {
        qdict->bucket[bucket_of(e)] = e;
    }
    if (++qdict->size > QDICT_SMALL && !qdict->bucket) {
        qdict_make_table(qdict);
    }
}

static void qdict_remove(QDict *qdict, QDictEntry *e)
{
    if (qdict->bucket && qdict->bucket[bucket_of(e)] == e) {
        QDictEntry *next = TAILQ_NEXT(e, next);
        bool same = next && bucket_of(next) == bucket_of(e);

        qdict->bucket[bucket_of(e)] = same ? next : NULL;
    }
    TAILQ_REMOVE(&qdict->entries, e, next);
    qdict->size--;
    qobject_unref(e->value);
    g_free(e->key);
    g_free(e);
}

void qdict_del(QDict *qdict, const char *key)
{
    QDictEntry *e = qdict_find(qdict, key, qdict_hash(key));

    if (e) {
        qdict_remove(qdict, e);
    }
}

QObject *qdict_get(const QDict *qdict, const char *key)
{
    QDictEntry *e = qdict_find(qdict, key, qdict_hash(key));

    return e ? e->value : NULL;
}

bool qdict_haskey(const QDict *qdict, const char *key)
{
    return qdict_get(qdict, key);
}

const QDictEntry *qdict_first(const QDict *qdict)
{
    return TAILQ_FIRST(&qdict->entries);
}

const QDictEntry *qdict_next(const QDict *qdict, const QDictEntry *entry)
{
    return TAILQ_NEXT(entry, next);
}

void qdict_put_bool(QDict *qdict, const char *key, bool value)
{
    qdict_put(qdict, key, qbool_from_bool(value));
}

void qdict_put_int(QDict *qdict, const char *key, int64_t value)
{
    qdict_put(qdict, key, qnum_from_int(value));
}

void qdict_put_uint(QDict *qdict, const char *key, uint64_t value)
{
    qdict_put(qdict, key, qnum_from_uint(value));
}

void qdict_put_null(QDict *qdict, const char *key)
{
    qdict_put(qdict, key, qnull());
}

void qdict_put_str(QDict *qdict, const char *key, const char *value)
{
    qdict_put(qdict, key, qstring_from_str(value));
}

void qdict_set_default_str(QDict *qdict, const char *key, const char *value)
{
    if (!qdict_haskey(qdict, key)) {
        qdict_put_str(qdict, key, value);
    }
}

bool qdict_get_bool(const QDict *qdict, const char *key)
{
    return qbool_get_bool(qobject_to(QBool, qdict_get(qdict, key)));
}

int64_t qdict_get_int(const QDict *qdict, const char *key)
{
    return qnum_get_int(qobject_to(QNum, qdict_get(qdict, key)));
}

uint64_t qdict_get_uint(const QDict *qdict, const char *key)
{
    return qnum_get_uint(qobject_to(QNum, qdict_get(qdict, key)));
}

double qdict_get_double(const QDict *qdict, const char *key)
{
    return qnum_get_double(qobject_to(QNum, qdict_get(qdict, key)));
}

const char *qdict_get_str(const QDict *qdict, const char *key)
{
    return qstring_get_str(qobject_to(QString, qdict_get(qdict, key)));
}

QDict *qdict_get_qdict(const QDict *qdict, const char *key)
{
    return qobject_to(QDict, qdict_get(qdict, key));
}

QList *qdict_get_qlist(const QDict *qdict, const char *key)
{
    return qobject_to(QList, qdict_get(qdict, key));
}

bool qdict_get_try_bool(const QDict *qdict, const char *key, bool def)
{
    const QBool *qb = qobject_to(QBool, qdict_get(qdict, key));

    return qb ? qbool_get_bool(qb) : def;
}

int64_t qdict_get_try_int(const QDict *qdict, const char *key, int64_t def)
{
    const QNum *qn = qobject_to(QNum, qdict_get(qdict, key));
    int64_t value;

    return qn && qnum_get_try_int(qn, &value) ? value : def;
}

const char *qdict_get_try_str(const QDict *qdict, const char *key)
{
    const QString *qs = qobject_to(QString, qdict_get(qdict, key));

    return qs ? qstring_get_str(qs) : NULL;
}

char *qdict_take_str(QDict *qdict, const char *key)
{
    char *str = g_strdup(qdict_get_try_str(qdict, key));

    if (str) {
        qdict_del(qdict, key);
    }
    return str;
}

QDict *qdict_clone_shallow(const QDict *src)
{
    QDict *dst = qdict_new();
    QDictEntry *e;

    /* From the end, so that the order within a bucket stays */
    TAILQ_FOREACH_REVERSE(e, &src->entries, QDictHead, next)
    {
        qdict_put_obj(dst, e->key, qobject_ref(e->value));
    }
    return dst;
}

bool qdict_is_equal(const QObject *x, const QObject *y)
{
    const QDict *a = container_of(&x->base, QDict, base);
    const QDict *b = container_of(&y->base, QDict, base);
    const QDictEntry *e;

    if (qdict_size(a) != qdict_size(b)) {
        return false;
    }
    QDICT_FOREACH(a, e) {
        if (!qobject_is_equal(e->value, qdict_get(b, e->key))) {
            return false;
        }
    }
    return true;
}

void qdict_destroy(QObject *obj)
{
    QDict *qdict = container_of(&obj->base, QDict, base);
    QDictEntry *e;

    while ((e = TAILQ_FIRST(&qdict->entries))) {
        qdict_remove(qdict, e);
    }
    g_free(qdict->bucket);
    g_free(qdict);
}
