/*
 * Objects that users make: -object, object-add and object-del.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/object.h"
#include "qobject/qdict.h"
#include "util/cutils.h"

static const TypeInfo *creatable_type(const char *name, Error **errp)
{
    const TypeInfo *type = type_find(name);

    if (!type) {
        error_setg(errp, "invalid object type: %s", name);
    } else if (!type_is_a(type, TYPE_USER_CREATABLE)) {
        error_setg(errp, "object type '%s' isn't supported by object-add",
                   name);
    } else if (type->abstract) {
        error_setg(errp, "object type '%s' is abstract", name);
    } else {
        return type;
    }
    return NULL;
}

Object *user_creatable_add_type(const char *typename, const char *id,
                                const QDict *props, bool from_json,
                                Error **errp)
{
    ERRP_GUARD();
    bool (*complete)(Object * obj, Error * *errp);
    g_autoptr(Object) obj = NULL;

    if (id && !id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, "
                                "'-', '.', '_', starting with a letter.\n");
        return NULL;
    }
    if (!creatable_type(typename, errp)) {
        return NULL;
    }
    obj = object_new(typename);
    if (!object_set_properties_from_keyval(obj, props, from_json, errp)) {
        return NULL;
    }
    if (id && !object_property_try_add_child(object_get_objects_root(), id, obj,
                                             errp)) {
        return NULL;
    }
    complete = OBJECT_FIND_OP(obj, TYPE_USER_CREATABLE, UserCreatableOps,
                              complete);
    if (complete && !complete(obj, errp)) {
        object_unparent(obj);
        return NULL;
    }
    /* The tree's reference, or without an id the caller's, keeps it. */
    return id ? obj : g_steal_pointer(&obj);
}

Object *user_creatable_add_qdict(QDict *qdict, bool from_json, Error **errp)
{
    g_autofree char *type = qdict_take_str(qdict, "qom-type");
    g_autofree char *id = NULL;

    if (!type) {
        error_setg(errp, "Parameter 'qom-type' is missing");
        return NULL;
    }
    id = qdict_take_str(qdict, "id");
    if (!id) {
        error_setg(errp, "Parameter 'id' is missing");
        return NULL;
    }
    return user_creatable_add_type(type, id, qdict, from_json, errp);
}

static bool can_be_deleted(Object *obj)
{
    bool (*op)(Object * obj) = OBJECT_FIND_OP(obj, TYPE_USER_CREATABLE,
                                              UserCreatableOps, can_be_deleted);

    return !op || op(obj);
}

bool user_creatable_del(const char *id, Error **errp)
{
    Object *obj = object_get_child(object_get_objects_root(), id);

    if (!obj) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (!can_be_deleted(obj)) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    object_unparent(obj);
    return true;
}

void user_creatable_cleanup(void)
{
    Object *objects = object_get_objects_root();

    while (!TAILQ_EMPTY(&objects->children)) {
        object_unparent(TAILQ_FIRST(&objects->children));
    }
}
