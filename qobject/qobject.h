/*
 * QObject: the base of the reference-counted JSON-like values (QNull, QBool,
 * QNum, QString, QList, QDict).
 *
 * Threads: a value belongs to one thread at a time; it may be handed over, but
 * the reference count is a plain integer and takes no concurrent use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOBJECT_QOBJECT_H
#define QOBJECT_QOBJECT_H

/* The type of a value; the names are part of QAPI's "alternate" handling. */
typedef enum QType {
    QTYPE_NONE,
    QTYPE_QNULL,
    QTYPE_QNUM,
    QTYPE_QSTRING,
    QTYPE_QDICT,
    QTYPE_QLIST,
    QTYPE_QBOOL,
    QTYPE__MAX,
} QType;

typedef struct QObjectBase {
    QType type;
    size_t refcnt;
} QObjectBase;

/* Any value. Each concrete type also has a first member "base" of this kind. */
typedef struct QObject {
    QObjectBase base;
} QObject;

typedef struct QNull QNull;
typedef struct QBool QBool;
typedef struct QNum QNum;
typedef struct QString QString;
typedef struct QList QList;
typedef struct QDict QDict;

/* @x, a pointer to any concrete value or NULL, as QObject *. */
#define QOBJECT(x) ((QObject *)((void)sizeof((x)->base), (void *)(x)))

/* One more reference to @x (which may be NULL); its value is @x. */
#define qobject_ref(x)                      \
    (__extension__({                        \
        __typeof__(x) qobject_ref_x_ = (x); \
        if (qobject_ref_x_) {               \
            qobject_ref_x_->base.refcnt++;  \
        }                                   \
        qobject_ref_x_;                     \
    }))

/* Drop a reference; the last one frees the value and all it contains. */
#define qobject_unref(x) qobject_unref_(QOBJECT(x))
void qobject_unref_(QObject *obj);

/*
 * @obj as a @type *, or NULL when it is NULL or of another type:
 * qobject_to(QDict, obj).
 */
#define qobject_to(type, obj) \
    ((type *)qobject_check_type_((QObject *)QOBJECT(obj), QTYPE_##type))

#define QTYPE_QNull   QTYPE_QNULL
#define QTYPE_QNum    QTYPE_QNUM
#define QTYPE_QString QTYPE_QSTRING
#define QTYPE_QDict   QTYPE_QDICT
#define QTYPE_QList   QTYPE_QLIST
#define QTYPE_QBool   QTYPE_QBOOL

static inline QType qobject_type(const QObject *obj)
{
    assert(obj->base.type > QTYPE_NONE && obj->base.type < QTYPE__MAX);
    return obj->base.type;
}

static inline QObject *qobject_check_type_(QObject *obj, QType type)
{
    return obj && qobject_type(obj) == type ? obj : NULL;
}

/*
 * Deep comparison. Numbers are equal when they are the same integer, whichever
 * of the integer kinds holds it; an integer never equals a double.
 */
bool qobject_is_equal(const QObject *x, const QObject *y);

/* For the constructors of concrete types. */
static inline void qobject_init_(QObjectBase *base, QType type)
{
    base->type = type;
    base->refcnt = 1;
}

static inline void qobject_autoptr_free_(QObject *obj)
{
    qobject_unref_(obj);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QObject, qobject_autoptr_free_)

#endif
