/*
 * The front of all visitors: what does not depend on the kind of visitor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/visitor-impl.h"
#include "qapi/visitor.h"

void visit_complete(Visitor *v, void *opaque)
{
    if (v->ops->complete) {
        v->ops->complete(v, opaque);
    }
}

void visit_free(Visitor *v)
{
    if (v) {
        v->ops->free(v);
    }
}

bool visit_is_input(const Visitor *v)
{
    return v->ops->kind == VISITOR_INPUT;
}

bool visit_is_dealloc(const Visitor *v)
{
    return v->ops->kind == VISITOR_DEALLOC;
}

bool visit_start_struct(Visitor *v, const char *name, void **obj, size_t size,
                        Error **errp)
{
    return v->ops->start_struct(v, name, obj, size, errp);
}

bool visit_check_struct(Visitor *v, Error **errp)
{
    return !v->ops->check_struct || v->ops->check_struct(v, errp);
}

void visit_end_struct(Visitor *v, void **obj)
{
    v->ops->end_struct(v, obj);
}

bool visit_start_list(Visitor *v, const char *name, GenericList **list,
                      size_t size, Error **errp)
{
    return v->ops->start_list(v, name, list, size, errp);
}

GenericList *visit_next_list(Visitor *v, GenericList *tail, size_t size)
{
    return v->ops->next_list(v, tail, size);
}

bool visit_check_list(Visitor *v, Error **errp)
{
    return !v->ops->check_list || v->ops->check_list(v, errp);
}

void visit_end_list(Visitor *v, void **list)
{
    v->ops->end_list(v, list);
}

bool visit_start_alternate(Visitor *v, const char *name, GenericAlternate **obj,
                           size_t size, Error **errp)
{
    return !v->ops->start_alternate ||
           v->ops->start_alternate(v, name, obj, size, errp);
}

void visit_end_alternate(Visitor *v, void **obj)
{
    if (v->ops->end_alternate) {
        v->ops->end_alternate(v, obj);
    }
}

bool visit_optional(Visitor *v, const char *name, bool *present)
{
    if (v->ops->optional) {
        v->ops->optional(v, name, present);
    }
    return *present;
}

bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp)
{
    return v->ops->type_int64(v, name, obj, errp);
}

bool visit_type_int64(Visitor *v, const char *name, int64_t *obj, Error **errp)
{
    return v->ops->type_int64(v, name, obj, errp);
}

bool visit_type_uint64(Visitor *v, const char *name, uint64_t *obj,
                       Error **errp)
{
    return v->ops->type_uint64(v, name, obj, errp);
}

bool visit_type_size(Visitor *v, const char *name, uint64_t *obj, Error **errp)
{
    return v->ops->type_size ? v->ops->type_size(v, name, obj, errp)
                             : v->ops->type_uint64(v, name, obj, errp);
}

static bool visit_narrow_int(Visitor *v, const char *name, int64_t *obj,
                             int64_t min, int64_t max, const char *type,
                             Error **errp)
{
    if (!visit_type_int64(v, name, obj, errp)) {
        return false;
    }
    if (*obj < min || *obj > max) {
        error_setg(errp, "Parameter '%s' expects %s", name ? name : "null",
                   type);
        return false;
    }
    return true;
}

static bool visit_narrow_uint(Visitor *v, const char *name, uint64_t *obj,
                              uint64_t max, const char *type, Error **errp)
{
    if (!visit_type_uint64(v, name, obj, errp)) {
        return false;
    }
    if (*obj > max) {
        error_setg(errp, "Parameter '%s' expects %s", name ? name : "null",
                   type);
        return false;
    }
    return true;
}

bool visit_type_int8(Visitor *v, const char *name, int8_t *obj, Error **errp)
{
    int64_t value = *obj;
    bool ok = visit_narrow_int(v, name, &value, INT8_MIN, INT8_MAX, "int8_t",
                               errp);

    *obj = value;
    return ok;
}

bool visit_type_int16(Visitor *v, const char *name, int16_t *obj, Error **errp)
{
    int64_t value = *obj;
    bool ok = visit_narrow_int(v, name, &value, INT16_MIN, INT16_MAX, "int16_t",
                               errp);

    *obj = value;
    return ok;
}

bool visit_type_int32(Visitor *v, const char *name, int32_t *obj, Error **errp)
{
    int64_t value = *obj;
    bool ok = visit_narrow_int(v, name, &value, INT32_MIN, INT32_MAX, "int32_t",
                               errp);

    *obj = value;
    return ok;
}

bool visit_type_uint8(Visitor *v, const char *name, uint8_t *obj, Error **errp)
{
    uint64_t value = *obj;
    bool ok = visit_narrow_uint(v, name, &value, UINT8_MAX, "uint8_t", errp);

    *obj = value;
    return ok;
}

bool visit_type_uint16(Visitor *v, const char *name, uint16_t *obj,
                       Error **errp)
{
    uint64_t value = *obj;
    bool ok = visit_narrow_uint(v, name, &value, UINT16_MAX, "uint16_t", errp);

    *obj = value;
    return ok;
}

bool visit_type_uint32(Visitor *v, const char *name, uint32_t *obj,
                       Error **errp)
{
    uint64_t value = *obj;
    bool ok = visit_narrow_uint(v, name, &value, UINT32_MAX, "uint32_t", errp);

    *obj = value;
    return ok;
}

bool visit_type_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    return v->ops->type_bool(v, name, obj, errp);
}

bool visit_type_str(Visitor *v, const char *name, char **obj, Error **errp)
{
    return v->ops->type_str(v, name, obj, errp);
}

bool visit_type_number(Visitor *v, const char *name, double *obj, Error **errp)
{
    return v->ops->type_number(v, name, obj, errp);
}

bool visit_type_any(Visitor *v, const char *name, QObject **obj, Error **errp)
{
    return v->ops->type_any(v, name, obj, errp);
}

bool visit_type_null(Visitor *v, const char *name, QNull **obj, Error **errp)
{
    return v->ops->type_null(v, name, obj, errp);
}

bool visit_type_enum(Visitor *v, const char *name, int *obj,
                     const QEnumLookup *lookup, Error **errp)
{
    g_autofree char *input = NULL;
    char *output;

    switch (v->ops->kind) {
    case VISITOR_INPUT:
        if (!visit_type_str(v, name, &input, errp)) {
            return false;
        }
        *obj = qapi_enum_parse(lookup, input, -1, NULL);
        if (*obj < 0) {
            error_setg(errp, "Parameter '%s' does not accept value '%s'",
                       name ? name : "null", input);
            *obj = 0;
            return false;
        }
        return true;
    case VISITOR_OUTPUT:
        output = (char *)qapi_enum_lookup(lookup, *obj);
        return visit_type_str(v, name, &output, errp);
    case VISITOR_DEALLOC:
        return true;
    }
    g_assert_not_reached();
}
