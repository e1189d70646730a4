/*
 * Devices: creation, realize, place in the tree, reset.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/qdev-internal.h"
#include "qobject/qdict.h"

#define DEVICE_OP(type, member) \
    TYPE_FIND_OP((type), TYPE_DEVICE, DeviceOps, member)

const char *device_type_bus(const TypeInfo *type)
{
    return DEVICE_OP(type, bus_type);
}

const char *device_type_desc(const TypeInfo *type)
{
    return DEVICE_OP(type, desc);
}

/* --- -global --- */

typedef struct GlobalProperty {
    char *driver;
    char *name;
    char *value;
} GlobalProperty;

static GPtrArray *globals; /* of GlobalProperty, in command line order */

void qdev_register_global(const char *driver, const char *name,
                          const char *value)
{
    GlobalProperty *g = g_new0(GlobalProperty, 1);

    g->driver = g_strdup(driver);
    g->name = g_strdup(name);
    g->value = g_strdup(value);
    if (!globals) {
        globals = g_ptr_array_new();
    }
    g_ptr_array_add(globals, g);
}

static bool apply_globals(DeviceState *dev, Error **errp)
{
    ERRP_GUARD();

    for (guint i = 0; globals && i < globals->len; i++) {
        const GlobalProperty *g = globals->pdata[i];

        if (type_is_a(OBJECT(dev)->type, g->driver) &&
            !object_property_parse(dev, g->name, g->value, errp)) {
            error_prepend(errp, "can't apply global %s.%s=%s: ", g->driver,
                          g->name, g->value);
            return false;
        }
    }
    return true;
}

/* --- life --- */

DeviceState *qdev_try_new(const char *typename, Error **errp)
{
    DeviceState *dev = DEVICE(object_new(typename));

    if (!apply_globals(dev, errp)) {
        object_unref(dev);
        return NULL;
    }
    return dev;
}

DeviceState *qdev_new(const char *typename)
{
    return qdev_try_new(typename, &error_fatal);
}

/* A device needs a place in the tree before others can refer to it. */
static void ensure_parent(DeviceState *dev)
{
    if (!OBJECT(dev)->parent) {
        object_property_add_child(object_get_container("/machine/unattached"),
                                  "device[*]", dev);
    }
}

bool qdev_realize(DeviceState *dev, BusState *bus, Error **errp)
{
    const TypeInfo *type = OBJECT(dev)->type;
    const char *bus_type = device_type_bus(type);
    bool (*realize)(DeviceState * dev, Error * *errp) = DEVICE_OP(type,
                                                                  realize);

    assert(!dev->realized && !dev->parent_bus);
    if (!bus && bus_type && g_str_equal(bus_type, TYPE_SYSTEM_BUS)) {
        bus = sysbus_get_default();
    }
    assert(!bus == !bus_type);
    if (bus && !qbus_attach(bus, dev, errp)) {
        return false;
    }
    ensure_parent(dev);
    if (realize && !realize(dev, errp)) {
        qbus_detach(dev);
        return false;
    }
    dev->realized = true;
    if (dev->hotplugged) {
        device_cold_reset(dev);
    }
    return true;
}

bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, Error **errp)
{
    bool ok = qdev_realize(dev, bus, errp);

    if (!ok) {
        object_unparent(dev);
    }
    object_unref(dev);
    return ok;
}

static void device_unrealize(DeviceState *dev)
{
    void (*unrealize)(DeviceState * dev) = DEVICE_OP(OBJECT(dev)->type,
                                                     unrealize);

    if (!dev->realized) {
        return;
    }
    while (!TAILQ_EMPTY(&dev->child_bus)) {
        qbus_unparent(TAILQ_FIRST(&dev->child_bus));
    }
    dev->realized = false;
    if (unrealize) {
        unrealize(dev);
    }
}

void qdev_unplug_now(DeviceState *dev)
{
    object_ref(dev);
    device_unrealize(dev);
    qbus_detach(dev);
    object_unparent(dev);
    object_unref(dev);
}

static void device_instance_init(Object *obj)
{
    TAILQ_INIT(&DEVICE(obj)->child_bus);
}

static void device_instance_finalize(Object *obj)
{
    DeviceState *dev = DEVICE(obj);

    device_unrealize(dev);
    while (!TAILQ_EMPTY(&dev->child_bus)) {
        qbus_unparent(TAILQ_FIRST(&dev->child_bus));
    }
    qbus_detach(dev);
    g_free(dev->id);
    qobject_unref(dev->opts);
}

/* --- names --- */

const char *qdev_set_id(DeviceState *dev, char *id, Error **errp)
{
    Object *where = object_get_container(id ? "/machine/peripheral"
                                            : "/machine/peripheral-anon");
    const char *name = id ? id : "device[*]";

    if (!object_property_try_add_child(where, name, dev, NULL)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        g_free(id);
        return NULL;
    }
    dev->id = id;
    return object_get_canonical_path_component(dev);
}

DeviceState *qdev_find_by_id(const char *id)
{
    Object *obj = object_get_child(object_get_container("/machine/peripheral"),
                                   id);

    return object_dynamic_cast(obj, TYPE_DEVICE);
}

char *qdev_get_dev_path(DeviceState *dev)
{
    char *(*get)(DeviceState * dev);

    if (!dev->parent_bus) {
        return NULL;
    }
    get = OBJECT_FIND_OP(dev->parent_bus, TYPE_BUS, BusOps, get_dev_path);
    return get ? get(dev) : NULL;
}

char *qdev_get_human_name(DeviceState *dev)
{
    return dev->id ? g_strdup(dev->id) : object_get_canonical_path(dev);
}

/* --- properties --- */

bool qdev_prop_allow_set(DeviceState *dev, const char *name, Error **errp)
{
    if (!dev->realized) {
        return true;
    }
    if (dev->id) {
        error_setg(errp,
                   "Attempt to set property '%s' on device '%s' (type '%s') "
                   "after it was realized",
                   name, dev->id, object_get_typename(dev));
    } else {
        error_setg(errp,
                   "Attempt to set property '%s' on anonymous device "
                   "(type '%s') after it was realized",
                   name, object_get_typename(dev));
    }
    return false;
}

static bool device_check_set(Object *obj, const Property *prop, Error **errp)
{
    return prop->info->realized_set_allowed ||
           qdev_prop_allow_set(DEVICE(obj), prop->name, errp);
}

/* --- reset --- */

void device_cold_reset(DeviceState *dev)
{
    void (*reset)(DeviceState * dev) = DEVICE_OP(OBJECT(dev)->type, reset);
    BusState *bus;

    TAILQ_FOREACH(bus, &dev->child_bus, sibling) {
        bus_cold_reset(bus);
    }
    if (reset) {
        reset(dev);
    }
}

/* --- types --- */

static bool prop_get_realized(Object *obj, void *field, const Property *prop,
                              Visitor *v, Error **errp)
{
    return prop_info_bool.get(obj, field, prop, v, errp);
}

/* Read-only for users: unplugging is device_del's business. */
static const PropertyInfo prop_info_state = {
    .type = "bool",
    .size = sizeof(bool),
    .get = prop_get_realized,
};

static const Property device_props[] = {
    DEFINE_PROP("realized", DeviceState, realized, prop_info_state, bool),
    DEFINE_PROP("hotplugged", DeviceState, hotplugged, prop_info_state, bool),
    DEFINE_PROP_END,
};

static const TypeInfo device_type = {
    .name = TYPE_DEVICE,
    .instance_size = sizeof(DeviceState),
    .abstract = true,
    .props = device_props,
    .instance_init = device_instance_init,
    .instance_finalize = device_instance_finalize,
    .check_set = device_check_set,
};

const TypeInfo *const qdev_types[] = {
    &device_type,
    &bus_type_info,
    &system_bus_type_info,
    NULL,
};
