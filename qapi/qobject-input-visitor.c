/*
 * Input visitors: QObjects to QAPI values.
 *
 * A stack of frames holds the dictionaries and lists that are being visited.
 * A dictionary's frame keeps the members not yet visited, so that the end of
 * the visit can complain about what is left. The keyval variant takes strings
 * for all scalars.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qobject-input-visitor.h"
#include "qapi/visitor-impl.h"
#include "qobject/json.h"
#include "qobject/keyval.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "util/cutils.h"

typedef struct Frame {
    const char *name; /* of this container in the one around it */
    QObject *obj;
    QDict *rest;             /* of a dictionary: members not visited */
    const QListEntry *entry; /* of a list: the next element */
    unsigned index;          /* of the current element; see visit_name() */
} Frame;

typedef struct QObjectInputVisitor {
    Visitor visitor;
    QObject *root;
    bool keyval;
    GArray *stack; /* of Frame, innermost last */
} QObjectInputVisitor;

static QObjectInputVisitor *to_qiv(Visitor *v)
{
    return container_of(v, QObjectInputVisitor, visitor);
}

static Frame *top_frame(const QObjectInputVisitor *qiv)
{
    return qiv->stack->len
               ? &g_array_index(qiv->stack, Frame, qiv->stack->len - 1)
               : NULL;
}

/* The full name of member @name of the innermost @n frames' last one. */
static char *full_name_at(const QObjectInputVisitor *qiv, unsigned n,
                          const char *name)
{
    GString *path = g_string_new(NULL);

    for (unsigned i = 0; i <= n; i++) {
        const Frame *outer = i ? &g_array_index(qiv->stack, Frame, i - 1)
                               : NULL;
        const char *part = i < n ? g_array_index(qiv->stack, Frame, i).name
                                 : name;

        if (outer && qobject_type(outer->obj) == QTYPE_QLIST) {
            g_string_append_printf(path, qiv->keyval ? ".%u" : "[%u]",
                                   outer->index);
        } else if (part) {
            g_string_append_printf(path, "%s%s", path->len ? "." : "", part);
        }
    }
    if (!path->len) {
        g_string_append(path, name ? name : "<anonymous>");
    }
    return g_string_free(path, false);
}

static char *full_name(const QObjectInputVisitor *qiv, const char *name)
{
    return full_name_at(qiv, qiv->stack->len, name);
}

/* The value of @name here, or NULL; @consume: it counts as visited. */
static QObject *find_value(QObjectInputVisitor *qiv, const char *name,
                           bool consume)
{
    Frame *frame = top_frame(qiv);

    if (!frame) {
        return qiv->root;
    }
    if (qobject_type(frame->obj) == QTYPE_QDICT) {
        QObject *value = qdict_get(container_of(&frame->obj->base, QDict, base),
                                   name);

        if (value && consume) {
            qdict_del(frame->rest, name);
        }
        return value;
    }
    if (!frame->entry) {
        return NULL;
    }
    return qlist_entry_obj(frame->entry);
}

static QObject *get_value(QObjectInputVisitor *qiv, const char *name,
                          Error **errp)
{
    QObject *value = find_value(qiv, name, true);

    if (!value) {
        g_autofree char *path = full_name(qiv, name);

        error_setg(errp, "Parameter '%s' is missing", path);
    }
    return value;
}

static bool type_error(QObjectInputVisitor *qiv, const char *name,
                       const char *expected, Error **errp)
{
    g_autofree char *path = full_name(qiv, name);

    error_setg(errp, "Invalid parameter type for '%s', expected: %s", path,
               expected);
    return false;
}

static bool value_error(QObjectInputVisitor *qiv, const char *name,
                        const char *expected, Error **errp)
{
    g_autofree char *path = full_name(qiv, name);

    error_setg(errp, "Parameter '%s' expects %s", path, expected);
    return false;
}

/* Keyval: the string of scalar @name; NULL and @errp. */
static const char *get_keyval(QObjectInputVisitor *qiv, const char *name,
                              Error **errp)
{
    QObject *value = get_value(qiv, name, errp);

    if (!value) {
        return NULL;
    }
    if (qobject_type(value) != QTYPE_QSTRING) {
        g_autofree char *path = full_name(qiv, name);

        error_setg(errp, "Parameters '%s.*' are unexpected", path);
        return NULL;
    }
    return qstring_get_str(qobject_to(QString, value));
}

static void push_frame(QObjectInputVisitor *qiv, const char *name, QObject *obj)
{
    Frame frame = { .name = name, .obj = obj };

    if (qobject_type(obj) == QTYPE_QDICT) {
        frame.rest = qdict_clone_shallow(qobject_to(QDict, obj));
    } else {
        frame.entry = qlist_first(qobject_to(QList, obj));
    }
    g_array_append_val(qiv->stack, frame);
}

static void pop_frame(QObjectInputVisitor *qiv)
{
    qobject_unref(top_frame(qiv)->rest);
    g_array_set_size(qiv->stack, qiv->stack->len - 1);
}

static bool input_start_struct(Visitor *v, const char *name, void **obj,
                               size_t size, Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    QObject *value = get_value(qiv, name, errp);

    if (obj) {
        *obj = NULL;
    }
    if (!value) {
        return false;
    }
    if (qobject_type(value) != QTYPE_QDICT) {
        return type_error(qiv, name, "object", errp);
    }
    push_frame(qiv, name, value);
    if (obj) {
        *obj = g_malloc0(size);
    }
    return true;
}

static bool input_check_struct(Visitor *v, Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    const QDictEntry *e = qdict_first(top_frame(qiv)->rest);
    g_autofree char *path = NULL;

    if (!e) {
        return true;
    }
    path = full_name(qiv, qdict_entry_key(e));
    error_setg(errp, "Parameter '%s' is unexpected", path);
    return false;
}

static void input_end_struct(Visitor *v, void **obj)
{
    pop_frame(to_qiv(v));
}

static bool input_start_list(Visitor *v, const char *name, GenericList **list,
                             size_t size, Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    QObject *value = get_value(qiv, name, errp);

    if (list) {
        *list = NULL;
    }
    if (!value) {
        return false;
    }
    if (qobject_type(value) != QTYPE_QLIST) {
        return type_error(qiv, name, "array", errp);
    }
    push_frame(qiv, name, value);
    if (list && top_frame(qiv)->entry) {
        *list = g_malloc0(size);
    }
    return true;
}

static GenericList *input_next_list(Visitor *v, GenericList *tail, size_t size)
{
    Frame *frame = top_frame(to_qiv(v));

    frame->entry = qlist_next(frame->entry);
    frame->index++;
    if (!frame->entry) {
        return NULL;
    }
    tail->next = g_malloc0(size);
    return tail->next;
}

static bool input_check_list(Visitor *v, Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    Frame *frame = top_frame(qiv);

    if (frame->entry) {
        g_autofree char *path = full_name_at(qiv, qiv->stack->len - 1,
                                             frame->name);

        error_setg(errp, "Only %u list elements expected in %s",
                   frame->index + 1, path);
        return false;
    }
    return true;
}

static void input_end_list(Visitor *v, void **list)
{
    pop_frame(to_qiv(v));
}

static bool input_start_alternate(Visitor *v, const char *name,
                                  GenericAlternate **obj, size_t size,
                                  Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    QObject *value = find_value(qiv, name, false);

    *obj = NULL;
    if (!value) {
        get_value(qiv, name, errp);
        return false;
    }
    *obj = g_malloc0(size);
    (*obj)->type = qobject_type(value);
    return true;
}

static void input_optional(Visitor *v, const char *name, bool *present)
{
    *present = find_value(to_qiv(v), name, false);
}

static bool input_int64(Visitor *v, const char *name, int64_t *obj,
                        Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    QObject *value = get_value(qiv, name, errp);
    const QNum *num = qobject_to(QNum, value);

    if (!value) {
        return false;
    }
    if (!num || !qnum_get_try_int(num, obj)) {
        return type_error(qiv, name, "integer", errp);
    }
    return true;
}

static bool keyval_int64(Visitor *v, const char *name, int64_t *obj,
                         Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    if (!str) {
        return false;
    }
    if (qemu_strtoi64(str, NULL, 0, obj) < 0) {
        return value_error(to_qiv(v), name, "integer", errp);
    }
    return true;
}

/* A negative integer wraps around, for clients that think in int64. */
static bool input_uint64(Visitor *v, const char *name, uint64_t *obj,
                         Error **errp)
{
    QObjectInputVisitor *qiv = to_qiv(v);
    QObject *value = get_value(qiv, name, errp);
    const QNum *num = qobject_to(QNum, value);
    int64_t i;

    if (!value) {
        return false;
    }
    if (num && qnum_get_try_uint(num, obj)) {
        return true;
    }
    if (num && qnum_get_try_int(num, &i)) {
        *obj = i;
        return true;
    }
    return value_error(qiv, name, "uint64", errp);
}

static bool keyval_uint64(Visitor *v, const char *name, uint64_t *obj,
                          Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    if (!str) {
        return false;
    }
    if (qemu_strtou64(str, NULL, 0, obj) < 0) {
        return value_error(to_qiv(v), name, "integer", errp);
    }
    return true;
}

static bool keyval_size(Visitor *v, const char *name, uint64_t *obj,
                        Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    if (!str) {
        return false;
    }
    if (qemu_strtosz(str, NULL, obj) < 0) {
        return value_error(to_qiv(v), name, "a size value", errp);
    }
    return true;
}

static bool input_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    QObject *value = get_value(to_qiv(v), name, errp);
    const QBool *qb = qobject_to(QBool, value);

    if (!value) {
        return false;
    }
    if (!qb) {
        return type_error(to_qiv(v), name, "boolean", errp);
    }
    *obj = qbool_get_bool(qb);
    return true;
}

static bool keyval_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    if (!str) {
        return false;
    }
    if (!parse_on_off(str, obj)) {
        return value_error(to_qiv(v), name, "'on' or 'off'", errp);
    }
    return true;
}

static bool input_str(Visitor *v, const char *name, char **obj, Error **errp)
{
    QObject *value = get_value(to_qiv(v), name, errp);
    const QString *qs = qobject_to(QString, value);

    *obj = NULL;
    if (!value) {
        return false;
    }
    if (!qs) {
        return type_error(to_qiv(v), name, "string", errp);
    }
    *obj = g_strdup(qstring_get_str(qs));
    return true;
}

static bool keyval_str(Visitor *v, const char *name, char **obj, Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    *obj = g_strdup(str);
    return str;
}

static bool input_number(Visitor *v, const char *name, double *obj,
                         Error **errp)
{
    QObject *value = get_value(to_qiv(v), name, errp);
    const QNum *num = qobject_to(QNum, value);

    if (!value) {
        return false;
    }
    if (!num) {
        return type_error(to_qiv(v), name, "number", errp);
    }
    *obj = qnum_get_double(num);
    return true;
}

static bool keyval_number(Visitor *v, const char *name, double *obj,
                          Error **errp)
{
    const char *str = get_keyval(to_qiv(v), name, errp);

    if (!str) {
        return false;
    }
    if (qemu_strtod_finite(str, NULL, obj) < 0) {
        return type_error(to_qiv(v), name, "number", errp);
    }
    return true;
}

static bool input_any(Visitor *v, const char *name, QObject **obj, Error **errp)
{
    *obj = qobject_ref(get_value(to_qiv(v), name, errp));
    return *obj;
}

static bool input_null(Visitor *v, const char *name, QNull **obj, Error **errp)
{
    QObject *value = get_value(to_qiv(v), name, errp);

    *obj = NULL;
    if (!value) {
        return false;
    }
    if (qobject_type(value) != QTYPE_QNULL) {
        return type_error(to_qiv(v), name, "null", errp);
    }
    *obj = qnull();
    return true;
}

static void input_free(Visitor *v)
{
    QObjectInputVisitor *qiv = to_qiv(v);

    while (qiv->stack->len) {
        pop_frame(qiv);
    }
    g_array_free(qiv->stack, true);
    qobject_unref(qiv->root);
    g_free(qiv);
}

#define INPUT_CONTAINERS                                                  \
    .kind = VISITOR_INPUT, .start_struct = input_start_struct,            \
    .check_struct = input_check_struct, .end_struct = input_end_struct,   \
    .start_list = input_start_list, .next_list = input_next_list,         \
    .check_list = input_check_list, .end_list = input_end_list,           \
    .start_alternate = input_start_alternate, .optional = input_optional, \
    .type_any = input_any, .type_null = input_null, .free = input_free

static const VisitorOps qobject_input_ops = {
    INPUT_CONTAINERS,
    .type_int64 = input_int64,
    .type_uint64 = input_uint64,
    .type_bool = input_bool,
    .type_str = input_str,
    .type_number = input_number,
};

static const VisitorOps keyval_input_ops = {
    INPUT_CONTAINERS,
    .type_int64 = keyval_int64,
    .type_uint64 = keyval_uint64,
    .type_size = keyval_size,
    .type_bool = keyval_bool,
    .type_str = keyval_str,
    .type_number = keyval_number,
};

static Visitor *input_visitor_new(QObject *obj, bool keyval)
{
    QObjectInputVisitor *qiv = g_new0(QObjectInputVisitor, 1);

    assert(obj);
    qiv->visitor.ops = keyval ? &keyval_input_ops : &qobject_input_ops;
    qiv->root = qobject_ref(obj);
    qiv->keyval = keyval;
    qiv->stack = g_array_new(false, false, sizeof(Frame));
    return &qiv->visitor;
}

Visitor *qobject_input_visitor_new(QObject *obj)
{
    return input_visitor_new(obj, false);
}

Visitor *qobject_input_visitor_new_keyval(QObject *obj)
{
    return input_visitor_new(obj, true);
}

Visitor *qobject_input_visitor_new_str(const char *str, const char *implied_key,
                                       Error **errp)
{
    bool is_json;
    g_autoptr(QDict)
        args = keyval_or_json_parse(str, implied_key, NULL, &is_json, errp);

    return args ? input_visitor_new(QOBJECT(args), !is_json) : NULL;
}

/* Make the scalars below @obj strings; true when @obj itself was replaced. */
static QObject *stringify(QObject *obj)
{
    QDict *dict = qobject_to(QDict, obj);
    QList *list = qobject_to(QList, obj);
    const QDictEntry *e;
    const QListEntry *le;

    if (dict) {
        QDict *copy = qdict_new();

        QDICT_FOREACH(dict, e) {
            qdict_put_obj(copy, qdict_entry_key(e),
                          stringify(qdict_entry_value(e)));
        }
        return QOBJECT(copy);
    }
    if (list) {
        QList *copy = qlist_new();

        QLIST_FOREACH_ENTRY(list, le) {
            qlist_append_obj(copy, stringify(qlist_entry_obj(le)));
        }
        return QOBJECT(copy);
    }
    if (qobject_type(obj) == QTYPE_QBOOL) {
        bool value = qbool_get_bool(qobject_to(QBool, obj));

        return QOBJECT(qstring_from_str(value ? "on" : "off"));
    }
    if (qobject_type(obj) == QTYPE_QNUM) {
        return QOBJECT(
            qstring_from_take(qnum_to_string(qobject_to(QNum, obj))));
    }
    return qobject_ref(obj);
}

Visitor *qobject_input_visitor_new_flat_confused(QDict *qdict, Error **errp)
{
    g_autoptr(QObject) crumpled = qdict_crumple(qdict, errp);
    g_autoptr(QObject) strings = NULL;

    if (!crumpled) {
        return NULL;
    }
    strings = stringify(crumpled);
    return input_visitor_new(strings, true);
}
