/*
 * Property tables: look-up, and setting and reading by name.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/qom-internal.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"
#include "qapi/visitor.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

static bool is_include(const Property *prop)
{
    return prop->info == &prop_info_include;
}

static void table_set_defaults(char *base, const Property *table)
{
    for (const Property *p = table; p && p->name; p++) {
        if (is_include(p)) {
            table_set_defaults(base + p->offset, p->include);
        } else if (p->has_default && p->info->set_default) {
            p->info->set_default(base + p->offset, p);
        }
    }
}

void property_table_set_defaults(Object *obj, const Property *table)
{
    table_set_defaults((char *)obj, table);
}

static void table_release(Object *obj, char *base, const Property *table)
{
    for (const Property *p = table; p && p->name; p++) {
        if (is_include(p)) {
            table_release(obj, base + p->offset, p->include);
        } else if (p->info->release) {
            p->info->release(obj, base + p->offset);
        }
    }
}

void property_table_release(Object *obj, const Property *table)
{
    table_release(obj, (char *)obj, table);
}

static const Property *table_find(const Property *table, const char *name,
                                  size_t *offset)
{
    for (const Property *p = table; p && p->name; p++) {
        if (is_include(p)) {
            const Property *found = table_find(p->include, name, offset);

            if (found) {
                *offset += p->offset;
                return found;
            }
        } else if (g_str_equal(p->name, name)) {
            *offset = p->offset;
            return p;
        }
    }
    return NULL;
}

const Property *type_property_find(const TypeInfo *type, const char *name,
                                   size_t *offset)
{
    for (; type; type = type_parent(type)) {
        const Property *prop = table_find(type->props, name, offset);

        if (prop) {
            return prop;
        }
    }
    return NULL;
}

const Property *object_property_find(const void *obj, const char *name)
{
    size_t offset;

    return type_property_find(((const Object *)obj)->type, name, &offset);
}

typedef struct ForeachState {
    const TypeInfo *type;
    void (*fn)(const Property *prop, void *opaque);
    void *opaque;
} ForeachState;

static void table_foreach(const ForeachState *s, const Property *table)
{
    for (const Property *p = table; p && p->name; p++) {
        size_t offset;

        if (is_include(p)) {
            table_foreach(s, p->include);
        } else if (type_property_find(s->type, p->name, &offset) == p) {
            s->fn(p, s->opaque);
        }
    }
}

void type_property_foreach(const TypeInfo *type,
                           void (*fn)(const Property *prop, void *opaque),
                           void *opaque)
{
    ForeachState s = { .type = type, .fn = fn, .opaque = opaque };

    for (; type; type = type_parent(type)) {
        table_foreach(&s, type->props);
    }
}

char *object_property_get_type(const void *opaque, const char *name)
{
    const Object *obj = opaque;
    const Property *prop = object_property_find(obj, name);
    Object *child;

    if (prop) {
        return property_type_name(prop);
    }
    child = object_get_child((Object *)obj, name);
    return child ? g_strdup_printf("child<%s>", object_get_typename(child))
                 : NULL;
}

static void error_no_property(Error **errp, const Object *obj, const char *name)
{
    error_setg(errp, "Property '%s.%s' not found", object_get_typename(obj),
               name);
}

static bool object_may_set(Object *obj, const Property *prop, Error **errp)
{
    for (const TypeInfo *t = obj->type; t; t = type_parent(t)) {
        if (t->check_set) {
            return t->check_set(obj, prop, errp);
        }
    }
    return true;
}

bool object_property_set(void *opaque, const char *name, Visitor *v,
                         Error **errp)
{
    Object *obj = opaque;
    size_t offset;
    const Property *prop = type_property_find(obj->type, name, &offset);

    if (!prop) {
        error_no_property(errp, obj, name);
        return false;
    }
    if (!prop->info->set) {
        error_setg(errp, "Property '%s.%s' is not writable",
                   object_get_typename(obj), name);
        return false;
    }
    if (!object_may_set(obj, prop, errp)) {
        return false;
    }
    return prop->info->set(obj, (char *)obj + offset, prop, v, errp);
}

/* A child reads as its path. */
static bool get_child(Object *obj, const char *name, Visitor *v, Error **errp)
{
    Object *child = object_get_child(obj, name);
    g_autofree char *path = NULL;

    if (!child) {
        error_no_property(errp, obj, name);
        return false;
    }
    path = object_get_canonical_path(child);
    if (!path) {
        path = g_strdup("");
    }
    return visit_type_str(v, name, &path, errp);
}

static bool get_type(Object *obj, Visitor *v, Error **errp)
{
    char *type = g_strdup(object_get_typename(obj));
    bool ok = visit_type_str(v, "type", &type, errp);

    g_free(type);
    return ok;
}

bool object_property_get(void *opaque, const char *name, Visitor *v,
                         Error **errp)
{
    Object *obj = opaque;
    size_t offset;
    const Property *prop = type_property_find(obj->type, name, &offset);

    if (!prop) {
        return g_str_equal(name, "type") ? get_type(obj, v, errp)
                                         : get_child(obj, name, v, errp);
    }
    if (!prop->info->get) {
        error_setg(errp, "Property '%s.%s' is not readable",
                   object_get_typename(obj), name);
        return false;
    }
    return prop->info->get(obj, (char *)obj + offset, prop, v, errp);
}

bool object_property_set_qobject(void *obj, const char *name, QObject *value,
                                 Error **errp)
{
    Visitor *v = qobject_input_visitor_new(value);
    bool ok = object_property_set(obj, name, v, errp);

    visit_free(v);
    return ok;
}

QObject *object_property_get_qobject(void *obj, const char *name, Error **errp)
{
    QObject *ret = NULL;
    Visitor *v = qobject_output_visitor_new(&ret);

    if (object_property_get(obj, name, v, errp)) {
        visit_complete(v, &ret);
    }
    visit_free(v);
    return ret;
}

/* Set from @value, whose reference is given up. */
static bool set_and_unref(void *obj, const char *name, QObject *value,
                          Error **errp)
{
    bool ok = object_property_set_qobject(obj, name, value, errp);

    qobject_unref(value);
    return ok;
}

bool object_property_set_str(void *obj, const char *name, const char *value,
                             Error **errp)
{
    return set_and_unref(obj, name, QOBJECT(qstring_from_str(value)), errp);
}

bool object_property_set_bool(void *obj, const char *name, bool value,
                              Error **errp)
{
    return set_and_unref(obj, name, QOBJECT(qbool_from_bool(value)), errp);
}

bool object_property_set_int(void *obj, const char *name, int64_t value,
                             Error **errp)
{
    return set_and_unref(obj, name, QOBJECT(qnum_from_int(value)), errp);
}

bool object_property_set_uint(void *obj, const char *name, uint64_t value,
                              Error **errp)
{
    return set_and_unref(obj, name, QOBJECT(qnum_from_uint(value)), errp);
}

bool object_property_set_link(void *obj, const char *name, void *value,
                              Error **errp)
{
    g_autofree char *path = value ? object_get_canonical_path(value) : NULL;

    return object_property_set_str(obj, name, path ? path : "", errp);
}

bool object_property_parse(void *obj, const char *name, const char *string,
                           Error **errp)
{
    QString *qstr = qstring_from_str(string);
    Visitor *v = qobject_input_visitor_new_keyval(QOBJECT(qstr));
    bool ok = object_property_set(obj, name, v, errp);

    visit_free(v);
    qobject_unref(qstr);
    return ok;
}

bool object_set_properties_from_keyval(void *obj, const QDict *props,
                                       bool from_json, Error **errp)
{
    const QDictEntry *e;
    QDict *copy = qdict_clone_shallow(props);
    Visitor *v = from_json ? qobject_input_visitor_new(QOBJECT(copy))
                           : qobject_input_visitor_new_keyval(QOBJECT(copy));
    bool ok = visit_start_struct(v, NULL, NULL, 0, errp);

    if (ok) {
        QDICT_FOREACH(props, e) {
            ok = object_property_set(obj, qdict_entry_key(e), v, errp);
            if (!ok) {
                break;
            }
        }
        visit_end_struct(v, NULL);
    }
    visit_free(v);
    qobject_unref(copy);
    return ok;
}
