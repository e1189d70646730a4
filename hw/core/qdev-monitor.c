/*
 * Devices that users make: -device and device_add.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/qdev-internal.h"
#include "qobject/qdict.h"
#include "util/cutils.h"
#include "util/error-report.h"

#include <stdio.h>

typedef struct DeviceAlias {
    const char *alias;
    const char *typename;
} DeviceAlias;

static const DeviceAlias device_aliases[] = {
    { "virtio-blk", "virtio-blk-pci" },
    { "virtio-scsi", "virtio-scsi-pci" },
    { "virtio-serial", "virtio-serial-pci" },
    { "virtio-net", "virtio-net-pci" },
    { "virtio-rng", "virtio-rng-pci" },
};

/* The guest may have looked already: no bus of ours can tell it of more. */
static bool machine_ready;

void qdev_machine_ready(void)
{
    machine_ready = true;
}

static const TypeInfo *find_device_type(const char *driver)
{
    const TypeInfo *type = type_find(driver);

    for (size_t i = 0; !type && i < G_N_ELEMENTS(device_aliases); i++) {
        if (g_str_equal(device_aliases[i].alias, driver)) {
            type = type_find(device_aliases[i].typename);
        }
    }
    return type && type_is_a(type, TYPE_DEVICE) ? type : NULL;
}

/* What a type itself says; "user_creatable" is not inherited. */
static const DeviceOps *device_ops(const TypeInfo *type)
{
    static const DeviceOps none;

    return type->class_ops ? type->class_ops : &none;
}

static const TypeInfo *user_device_type(const char *driver, Error **errp)
{
    const TypeInfo *type = find_device_type(driver);

    if (!type) {
        error_setg(errp, "'%s' is not a valid device model name", driver);
    } else if (type->abstract) {
        error_setg(errp,
                   "Parameter 'driver' expects a non-abstract device type");
    } else if (!device_ops(type)->user_creatable) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type");
    } else {
        return type;
    }
    return NULL;
}

/* The first bus of the type from @bus down, one with room if there is one. */
static BusState *find_bus_of_type(BusState *bus, const char *type)
{
    BusState *full = NULL;
    DeviceState *dev;
    BusState *child;

    if (object_dynamic_cast(bus, type)) {
        if (!qbus_is_full(bus)) {
            return bus;
        }
        full = bus;
    }
    TAILQ_FOREACH(dev, &bus->children, bus_sibling) {
        TAILQ_FOREACH(child, &dev->child_bus, sibling) {
            BusState *found = find_bus_of_type(child, type);

            if (found && !qbus_is_full(found)) {
                return found;
            }
            if (found && !full) {
                full = found;
            }
        }
    }
    return full;
}

/* The bus for a device of @type, @path being the value of "bus=" or NULL. */
static BusState *find_bus(const TypeInfo *type, const char *path, Error **errp)
{
    const char *bus_type = device_type_bus(type);
    BusState *bus;

    if (!path) {
        bus = find_bus_of_type(sysbus_get_default(), bus_type);
        if (!bus || qbus_is_full(bus)) {
            error_setg(errp, "No '%s' bus found for device '%s'", bus_type,
                       type->name);
            return NULL;
        }
        return bus;
    }
    bus = qbus_find(path);
    if (!bus) {
        error_setg(errp, "Bus '%s' not found", path);
        return NULL;
    }
    if (!object_dynamic_cast(bus, bus_type)) {
        error_setg(errp, "Device '%s' can't go on %s bus", type->name,
                   object_get_typename(bus));
        return NULL;
    }
    if (qbus_is_full(bus)) {
        error_setg(errp, "Bus '%s' is full", path);
        return NULL;
    }
    return bus;
}

/* Name, properties and realize of a new device; false: it is out again. */
static bool device_setup(DeviceState *dev, BusState *bus, QDict *props,
                         const char *id, bool from_json, Error **errp)
{
    if (!qdev_set_id(dev, g_strdup(id), errp)) {
        return false;
    }
    if (object_set_properties_from_keyval(dev, props, from_json, errp) &&
        qdev_realize(dev, bus, errp)) {
        return true;
    }
    object_unparent(dev);
    return false;
}

DeviceState *qdev_device_add_from_qdict(const QDict *opts, bool from_json,
                                        Error **errp)
{
    const char *driver = qdict_get_try_str(opts, "driver");
    const char *id = qdict_get_try_str(opts, "id");
    const TypeInfo *type;
    BusState *bus = NULL;
    DeviceState *dev;
    g_autoptr(QDict) props = NULL;
    bool ok;

    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    type = user_device_type(driver, errp);
    if (!type) {
        return NULL;
    }
    if (device_type_bus(type)) {
        bus = find_bus(type, qdict_get_try_str(opts, "bus"), errp);
        if (!bus) {
            return NULL;
        }
        if (machine_ready) {
            error_setg(errp, "Bus '%s' does not support hotplugging",
                       bus->name);
            return NULL;
        }
    }
    dev = qdev_try_new(type->name, errp);
    if (!dev) {
        return NULL;
    }
    dev->opts = qdict_clone_shallow(opts);
    props = qdict_clone_shallow(opts);
    qdict_del(props, "driver");
    qdict_del(props, "id");
    qdict_del(props, "bus");
    ok = device_setup(dev, bus, props, id, from_json, errp);
    object_unref(dev);
    return ok ? dev : NULL;
}

/* --- help --- */

static const char *const category_titles[DEVICE_CATEGORY__MAX] = {
    [DEVICE_CATEGORY_NONE] = "Uncategorized",
    [DEVICE_CATEGORY_BRIDGE] = "Controller/Bridge/Hub",
    [DEVICE_CATEGORY_USB] = "USB",
    [DEVICE_CATEGORY_STORAGE] = "Storage",
    [DEVICE_CATEGORY_NETWORK] = "Network",
    [DEVICE_CATEGORY_INPUT] = "Input",
    [DEVICE_CATEGORY_DISPLAY] = "Display",
    [DEVICE_CATEGORY_SOUND] = "Sound",
    [DEVICE_CATEGORY_MISC] = "Misc",
    [DEVICE_CATEGORY_CPU] = "CPU",
    [DEVICE_CATEGORY_WATCHDOG] = "Watchdog",
};

static void print_device(const TypeInfo *type)
{
    const char *bus = device_type_bus(type);
    const char *desc = device_type_desc(type);

    printf("name \"%s\"", type->name);
    if (bus) {
        printf(", bus %s", bus);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(device_aliases); i++) {
        if (g_str_equal(device_aliases[i].typename, type->name)) {
            printf(", alias \"%s\"", device_aliases[i].alias);
        }
    }
    if (desc) {
        printf(", desc \"%s\"", desc);
    }
    printf("\n");
}

static void print_category(GPtrArray *types, DeviceCategory category,
                           bool *first)
{
    bool title = false;

    for (guint i = 0; i < types->len; i++) {
        const TypeInfo *type = types->pdata[i];
        const DeviceOps *ops = device_ops(type);

        if (!ops->user_creatable || ops->category != category) {
            continue;
        }
        if (!title) {
            printf("%s%s devices:\n", *first ? "" : "\n",
                   category_titles[category]);
            title = true;
            *first = false;
        }
        print_device(type);
    }
}

int qdev_device_help(const char *driver)
{
    if (!driver) {
        g_autoptr(GPtrArray) types = type_list(TYPE_DEVICE, false);
        bool first = true;

        for (int c = 1; c < DEVICE_CATEGORY__MAX; c++) {
            print_category(types, c, &first);
        }
        print_category(types, DEVICE_CATEGORY_NONE, &first);
        return 0;
    } else {
        const TypeInfo *type = find_device_type(driver);

        if (!type) {
            error_report("Device '%s' not found", driver);
            return 1;
        }
        type_print_help(type);
        return 0;
    }
}
