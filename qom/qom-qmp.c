/*
 * QMP: the object tree and the objects that users make.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/property.h"
#include "qom/qom-internal.h"
#include "qapi/qapi-commands-qom.h"
#include "qapi/qapi-visit-qom.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/keyval.h"
#include "qobject/qdict.h"
#include "util/error-report.h"

static Object *resolve_for_qmp(const char *path, Error **errp)
{
    bool ambiguous = false;
    Object *obj = object_resolve_path(path, &ambiguous);

    if (obj) {
        return obj;
    }
    if (ambiguous) {
        error_setg(errp, "Path '%s' is ambiguous", path);
    } else {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  path);
    }
    return NULL;
}

/* An entry of the list at **@tail, which moves on; takes @type over. */
static void append_info(ObjectPropertyInfoList ***tail, const char *name,
                        char *type)
{
    ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

    info->name = g_strdup(name);
    info->type = type;
    QAPI_LIST_APPEND(*tail, info);
}

static void append_property(const Property *prop, void *opaque)
{
    append_info(opaque, prop->name, property_type_name(prop));
}

ObjectPropertyInfoList *qmp_qom_list(const char *path, Error **errp)
{
    Object *obj = resolve_for_qmp(path, errp);
    ObjectPropertyInfoList *list = NULL;
    ObjectPropertyInfoList **tail = &list;
    Object *child;

    if (!obj) {
        return NULL;
    }
    append_info(&tail, "type", g_strdup("string"));
    type_property_foreach(obj->type, append_property, &tail);
    TAILQ_FOREACH(child, &obj->children, sibling) {
        append_info(&tail, child->name,
                    g_strdup_printf("child<%s>", object_get_typename(child)));
    }
    return list;
}

QObject *qmp_qom_get(const char *path, const char *property, Error **errp)
{
    Object *obj = resolve_for_qmp(path, errp);

    return obj ? object_property_get_qobject(obj, property, errp) : NULL;
}

void qmp_qom_set(const char *path, const char *property, QObject *value,
                 Error **errp)
{
    Object *obj = resolve_for_qmp(path, errp);

    if (obj) {
        object_property_set_qobject(obj, property, value, errp);
    }
}

/* To users "user-creatable" is an interface and nothing's parent. */
static const TypeInfo *shown_parent(const TypeInfo *type)
{
    const TypeInfo *parent = type_parent(type);

    if (parent && g_str_equal(parent->name, TYPE_USER_CREATABLE)) {
        return type_parent(parent);
    }
    return parent;
}

ObjectTypeInfoList *qmp_qom_list_types(const char *implements,
                                       bool has_abstract, bool abstract,
                                       Error **errp)
{
    ObjectTypeInfoList *list = NULL;
    ObjectTypeInfoList **tail = &list;
    g_autoptr(GPtrArray)
        types = type_list(implements, has_abstract && abstract);

    for (guint i = 0; i < types->len; i++) {
        const TypeInfo *type = types->pdata[i];
        const TypeInfo *parent = shown_parent(type);
        ObjectTypeInfo *info = g_new0(ObjectTypeInfo, 1);

        info->name = g_strdup(type->name);
        info->has_abstract = info->abstract = type->abstract;
        info->parent = parent ? g_strdup(parent->name) : NULL;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

ObjectPropertyInfoList *qmp_qom_list_properties(const char *typename,
                                                Error **errp)
{
    const TypeInfo *type = type_find(typename);
    ObjectPropertyInfoList *list = NULL;
    ObjectPropertyInfoList **tail = &list;

    if (!type) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found",
                  typename);
        return NULL;
    }
    append_info(&tail, "type", g_strdup("string"));
    type_property_foreach(type, append_property, &tail);
    return list;
}

void qmp_object_add(ObjectOptions *options, Error **errp)
{
    QObject *obj = NULL;
    Visitor *v = qobject_output_visitor_new(&obj);
    QDict *props;

    visit_type_ObjectOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    props = qobject_to(QDict, obj);
    qdict_del(props, "qom-type");
    qdict_del(props, "id");
    user_creatable_add_type(ObjectType_str(options->qom_type), options->id,
                            props, true, errp);
    qobject_unref(props);
}

void user_creatable_process_cmdline(const char *cmdline)
{
    bool help = false, is_json;
    ObjectOptions *options = NULL;
    Error *err = NULL;
    g_autoptr(QDict)
        args = keyval_or_json_parse(cmdline, "qom-type", &help, &is_json, &err);
    Visitor *v;

    if (args && help) {
        const char *type = qdict_get_try_str(args, "qom-type");

        if (!user_creatable_print_help(type)) {
            user_creatable_print_help(NULL);
        }
        exit(0);
    }
    if (args) {
        v = is_json ? qobject_input_visitor_new(QOBJECT(args))
                    : qobject_input_visitor_new_keyval(QOBJECT(args));
        if (visit_type_ObjectOptions(v, NULL, &options, &err)) {
            qmp_object_add(options, &err);
        }
        visit_free(v);
        qapi_free_ObjectOptions(options);
    }
    if (err) {
        error_report_err(err);
        exit(1);
    }
}

void qmp_object_del(const char *id, Error **errp)
{
    user_creatable_del(id, errp);
}
