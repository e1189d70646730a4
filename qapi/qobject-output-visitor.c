/*
 * Output visitor: QAPI values to QObjects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/qobject-output-visitor.h"
#include "qapi/visitor-impl.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

typedef struct QObjectOutputVisitor {
    Visitor visitor;
    QObject **result;
    QObject *root;
    GPtrArray *stack; /* containers being filled; each belongs to the one
                         around it */
} QObjectOutputVisitor;

static QObjectOutputVisitor *to_qov(Visitor *v)
{
    return container_of(v, QObjectOutputVisitor, visitor);
}

/* Put @value, with its reference, where the visit is. */
static bool add_value(QObjectOutputVisitor *qov, const char *name,
                      QObject *value)
{
    QObject *top = qov->stack->len ? qov->stack->pdata[qov->stack->len - 1]
                                   : NULL;

    if (!top) {
        assert(!qov->root);
        qov->root = value;
    } else if (qobject_type(top) == QTYPE_QDICT) {
        qdict_put_obj(qobject_to(QDict, top), name, value);
    } else {
        qlist_append_obj(qobject_to(QList, top), value);
    }
    return true;
}

static bool add_container(QObjectOutputVisitor *qov, const char *name,
                          QObject *container)
{
    add_value(qov, name, container);
    g_ptr_array_add(qov->stack, container);
    return true;
}

static bool output_start_struct(Visitor *v, const char *name, void **obj,
                                size_t size, Error **errp)
{
    return add_container(to_qov(v), name, QOBJECT(qdict_new()));
}

static bool output_start_list(Visitor *v, const char *name, GenericList **list,
                              size_t size, Error **errp)
{
    return add_container(to_qov(v), name, QOBJECT(qlist_new()));
}

static GenericList *output_next_list(Visitor *v, GenericList *tail, size_t size)
{
    return tail->next;
}

static void output_end(Visitor *v, void **obj)
{
    QObjectOutputVisitor *qov = to_qov(v);

    g_ptr_array_set_size(qov->stack, qov->stack->len - 1);
}

static bool output_int64(Visitor *v, const char *name, int64_t *obj,
                         Error **errp)
{
    return add_value(to_qov(v), name, QOBJECT(qnum_from_int(*obj)));
}

static bool output_uint64(Visitor *v, const char *name, uint64_t *obj,
                          Error **errp)
{
    return add_value(to_qov(v), name, QOBJECT(qnum_from_uint(*obj)));
}

static bool output_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    return add_value(to_qov(v), name, QOBJECT(qbool_from_bool(*obj)));
}

/* NULL comes out as the empty string. */
static bool output_str(Visitor *v, const char *name, char **obj, Error **errp)
{
    return add_value(to_qov(v), name,
                     QOBJECT(qstring_from_str(*obj ? *obj : "")));
}

static bool output_number(Visitor *v, const char *name, double *obj,
                          Error **errp)
{
    return add_value(to_qov(v), name, QOBJECT(qnum_from_double(*obj)));
}

static bool output_any(Visitor *v, const char *name, QObject **obj,
                       Error **errp)
{
    return add_value(to_qov(v), name, qobject_ref(*obj));
}

static bool output_null(Visitor *v, const char *name, QNull **obj, Error **errp)
{
    return add_value(to_qov(v), name, QOBJECT(qnull()));
}

static void output_complete(Visitor *v, void *opaque)
{
    QObjectOutputVisitor *qov = to_qov(v);

    assert(opaque == qov->result && !qov->stack->len);
    *qov->result = g_steal_pointer(&qov->root);
}

static void output_free(Visitor *v)
{
    QObjectOutputVisitor *qov = to_qov(v);

    qobject_unref(qov->root);
    g_ptr_array_free(qov->stack, true);
    g_free(qov);
}

static const VisitorOps qobject_output_ops = {
    .kind = VISITOR_OUTPUT,
    .start_struct = output_start_struct,
    .end_struct = output_end,
    .start_list = output_start_list,
    .next_list = output_next_list,
    .end_list = output_end,
    .type_int64 = output_int64,
    .type_uint64 = output_uint64,
    .type_bool = output_bool,
    .type_str = output_str,
    .type_number = output_number,
    .type_any = output_any,
    .type_null = output_null,
    .complete = output_complete,
    .free = output_free,
};

Visitor *qobject_output_visitor_new(QObject **result)
{
    QObjectOutputVisitor *qov = g_new0(QObjectOutputVisitor, 1);

    qov->visitor.ops = &qobject_output_ops;
    qov->result = result;
    qov->stack = g_ptr_array_new();
    *result = NULL;
    return &qov->visitor;
}
