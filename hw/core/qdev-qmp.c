/*
 * QMP: devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/qdev.h"
#include "qapi/qapi-commands-qdev.h"
#include "qobject/qdict.h"
#include "util/cutils.h"

static void append_property(const Property *prop, void *opaque)
{
    ObjectPropertyInfoList ***tail = opaque;
    ObjectPropertyInfo *info;

    if (!prop->info->set) {
        return;
    }
    info = g_new0(ObjectPropertyInfo, 1);
    info->name = g_strdup(prop->name);
    info->type = property_type_name(prop);
    info->description = g_strdup(property_description(prop));
    info->default_value = property_default_qobject(prop);
    QAPI_LIST_APPEND(*tail, info);
}

ObjectPropertyInfoList *qmp_device_list_properties(const char *typename,
                                                   Error **errp)
{
    const TypeInfo *type = type_find(typename);
    ObjectPropertyInfoList *list = NULL;
    ObjectPropertyInfoList **tail = &list;

    if (!type) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  typename);
        return NULL;
    }
    if (!type_is_a(type, TYPE_DEVICE) || type->abstract) {
        error_setg(errp,
                   "Parameter 'typename' expects a non-abstract device type");
        return NULL;
    }
    type_property_foreach(type, append_property, &tail);
    return list;
}

void qmp_device_add(QDict *args, QObject **ret, Error **errp)
{
    ERRP_GUARD();
    const char *id = qdict_get_try_str(args, "id");

    if (id && !id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        return;
    }
    qdev_device_add_from_qdict(args, true, errp);
}

void qmp_device_del(const char *id, Error **errp)
{
    DeviceState *dev = qdev_find_by_id(id);

    if (!dev) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  id);
    } else if (dev->parent_bus) {
        error_setg(errp, "Bus '%s' does not support hotplugging",
                   dev->parent_bus->name);
    } else {
        error_setg(errp, "Device '%s' does not support hotplugging",
                   object_get_typename(dev));
    }
}
