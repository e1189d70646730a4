/*
 * Buses: what devices plug into.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "hw/core/qdev-internal.h"
#include "hw/core/reset.h"

/* max_dev stands alone: 0 means "no limit", not "as the parent". */
static unsigned bus_max_dev(const BusState *bus)
{
    const BusOps *ops = OBJECT(bus)->type->class_ops;

    return ops ? ops->max_dev : 0;
}

bool qbus_is_full(const BusState *bus)
{
    unsigned max = bus_max_dev(bus);

    return bus->full || (max && bus->num_children >= max);
}

bool qbus_attach(BusState *bus, DeviceState *dev, Error **errp)
{
    bool (*check)(BusState * bus, DeviceState * dev, Error * *errp) =
        OBJECT_FIND_OP(bus, TYPE_BUS, BusOps, check_address);

    if (check && !check(bus, dev, errp)) {
        return false;
    }
    dev->parent_bus = bus;
    object_ref(bus);
    TAILQ_INSERT_HEAD(&bus->children, dev, bus_sibling);
    bus->num_children++;
    return true;
}

void qbus_detach(DeviceState *dev)
{
    BusState *bus = dev->parent_bus;

    if (!bus) {
        return;
    }
    TAILQ_REMOVE(&bus->children, dev, bus_sibling);
    bus->num_children--;
    dev->parent_bus = NULL;
    object_unref(bus);
}

/* QEMU's rule: the device's id and a number, or the type in small letters. */
static char *default_bus_name(BusState *bus)
{
    if (bus->parent && bus->parent->id) {
        unsigned n = 0;
        BusState *b;

        TAILQ_FOREACH(b, &bus->parent->child_bus, sibling) {
            n++;
        }
        return g_strdup_printf("%s.%u", bus->parent->id, n);
    } else {
        g_autofree char *lower = g_ascii_strdown(object_get_typename(bus), -1);
        unsigned n = 0;
        g_autofree char *name = g_strdup_printf("%s.%u", lower, n);

        while (qbus_find(name)) {
            g_free(name);
            name = g_strdup_printf("%s.%u", lower, ++n);
        }
        return g_steal_pointer(&name);
    }
}

/* The creator's reference becomes that of the parent's list of buses. */
static void bus_place(BusState *bus, DeviceState *parent, const char *name)
{
    bus->parent = parent;
    bus->name = name ? g_strdup(name) : default_bus_name(bus);
    if (parent) {
        TAILQ_INSERT_TAIL(&parent->child_bus, bus, sibling);
        object_property_add_child(OBJECT(parent), bus->name, bus);
    }
}

BusState *qbus_new(const char *typename, DeviceState *parent, const char *name)
{
    BusState *bus = BUS(object_new(typename));

    bus_place(bus, parent, name);
    return bus;
}

void qbus_init(void *bus, size_t size, const char *typename,
               DeviceState *parent, const char *name)
{
    object_initialize(bus, size, typename);
    bus_place(bus, parent, name);
}

void qbus_unparent(BusState *bus)
{
    object_ref(bus);
    while (!TAILQ_EMPTY(&bus->children)) {
        qdev_unplug_now(TAILQ_FIRST(&bus->children));
    }
    if (bus->parent) {
        TAILQ_REMOVE(&bus->parent->child_bus, bus, sibling);
        bus->parent = NULL;
        object_unparent(bus);
        object_unref(bus);
    }
    object_unref(bus);
}

BusState *sysbus_get_default(void)
{
    static BusState *bus; /* lives as long as the program */

    if (!bus) {
        bus = qbus_new(TYPE_SYSTEM_BUS, NULL, "main-system-bus");
    }
    return bus;
}

static BusState *find_below(BusState *bus, const char *name)
{
    DeviceState *dev;
    BusState *child;

    if (g_str_equal(bus->name, name)) {
        return bus;
    }
    TAILQ_FOREACH(dev, &bus->children, bus_sibling) {
        TAILQ_FOREACH(child, &dev->child_bus, sibling) {
            BusState *found = find_below(child, name);

            if (found) {
                return found;
            }
        }
    }
    return NULL;
}

BusState *qbus_find(const char *name)
{
    return find_below(sysbus_get_default(), name);
}

int qbus_foreach_device(BusState *bus, int (*fn)(DeviceState *, void *),
                        void *opaque)
{
    DeviceState *dev, *next;
    BusState *child;

    TAILQ_FOREACH_SAFE(dev, &bus->children, bus_sibling, next) {
        int ret = fn(dev, opaque);

        if (ret) {
            return ret;
        }
        TAILQ_FOREACH(child, &dev->child_bus, sibling) {
            ret = qbus_foreach_device(child, fn, opaque);
            if (ret) {
                return ret;
            }
        }
    }
    return 0;
}

void bus_cold_reset(BusState *bus)
{
    void (*reset)(BusState * bus) = OBJECT_FIND_OP(bus, TYPE_BUS, BusOps,
                                                   reset);
    DeviceState *dev;

    TAILQ_FOREACH(dev, &bus->children, bus_sibling) {
        device_cold_reset(dev);
    }
    if (reset) {
        reset(bus);
    }
}

static void bus_instance_init(Object *obj)
{
    TAILQ_INIT(&BUS(obj)->children);
}

static void bus_instance_finalize(Object *obj)
{
    g_free(BUS(obj)->name);
}

const TypeInfo bus_type_info = {
    .name = TYPE_BUS,
    .instance_size = sizeof(BusState),
    .abstract = true,
    .instance_init = bus_instance_init,
    .instance_finalize = bus_instance_finalize,
};

const TypeInfo system_bus_type_info = {
    .name = TYPE_SYSTEM_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(BusState),
};
