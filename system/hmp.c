/*
 * HMP: what the machine is made of.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/hmp.h"
#include "hw/core/boards.h"
#include "hw/core/memory.h"
#include "hw/core/qdev.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-qom.h"
#include "qobject/qbool.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "util/cutils.h"

/* --- info qtree --- */

typedef struct TreePrinter {
    Monitor *mon;
    DeviceState *dev;
    int indent;
} TreePrinter;

static void print_bus(Monitor *mon, BusState *bus, int indent);

static char *property_text(const Property *prop, QObject *value)
{
    switch (qobject_type(value)) {
    case QTYPE_QBOOL:
        return g_strdup(qbool_get_bool(qobject_to(QBool, value)) ? "true"
                                                                 : "false");
    case QTYPE_QNUM: {
        uint64_t n = 0;

        if (!qnum_get_try_uint(qobject_to(QNum, value), &n)) {
            n = qnum_get_int(qobject_to(QNum, value));
        }
        if (g_str_equal(prop->info->type, "size")) {
            g_autofree char *size = size_to_str(n);

            return g_strdup_printf("%" PRIu64 " (%s)", n, size);
        }
        return g_strdup_printf("%" PRId64 " (0x%" PRIx64 ")", (int64_t)n, n);
    }
    case QTYPE_QSTRING:
        return g_strdup_printf("\"%s\"",
                               qstring_get_str(qobject_to(QString, value)));
    default:
        return g_strdup("<structure>");
    }
}

static void print_property(const Property *prop, void *opaque)
{
    const TreePrinter *t = opaque;
    QObject *value;
    g_autofree char *text = NULL;

    if (!prop->info->set || !prop->info->get) {
        return;
    }
    value = object_property_get_qobject(t->dev, prop->name, NULL);
    if (!value) {
        return;
    }
    text = property_text(prop, value);
    monitor_printf(t->mon, "%*s%s = %s\n", t->indent, "", prop->name, text);
    qobject_unref(value);
}

static void print_device(Monitor *mon, DeviceState *dev, int indent)
{
    TreePrinter t = { .mon = mon, .dev = dev, .indent = indent + 2 };
    BusState *bus;

    monitor_printf(mon, "%*sdev: %s, id \"%s\"\n", indent, "",
                   object_get_typename(dev), dev->id ? dev->id : "");
    type_property_foreach(OBJECT(dev)->type, print_property, &t);
    TAILQ_FOREACH(bus, &dev->child_bus, sibling) {
        print_bus(mon, bus, indent + 2);
    }
}

static void print_bus(Monitor *mon, BusState *bus, int indent)
{
    DeviceState *dev;

    monitor_printf(mon, "%*sbus: %s\n", indent, "", bus->name);
    monitor_printf(mon, "%*stype %s\n", indent + 2, "",
                   object_get_typename(bus));
    TAILQ_FOREACH(dev, &bus->children, bus_sibling) {
        print_device(mon, dev, indent + 2);
    }
}

static void info_qtree(Monitor *mon, const char *rest)
{
    print_bus(mon, sysbus_get_default(), 0);
}

/* --- info qom-tree --- */

static void print_object(Monitor *mon, Object *obj, const char *name,
                         int indent)
{
    Object *child;

    monitor_printf(mon, "%*s/%s (%s)\n", indent, "", name,
                   object_get_typename(obj));
    TAILQ_FOREACH(child, &obj->children, sibling) {
        print_object(mon, child, child->name, indent + 2);
    }
}

static void info_qom_tree(Monitor *mon, const char *rest)
{
    const char *path = *rest ? rest : "/machine";
    bool ambiguous;
    Object *obj = object_resolve_path(path, &ambiguous);

    if (!obj) {
        monitor_printf(mon, "%s '%s' %s.\n",
                       ambiguous ? "Warning: Path" : "Path", path,
                       ambiguous ? "is ambiguous" : "could not be resolved");
        return;
    }
    print_object(mon, obj, path[0] == '/' ? path + 1 : path, 0);
}

/* --- the rest --- */

static void info_cpus(Monitor *mon, const char *rest)
{
    CpuInfoFastList *list = qmp_query_cpus_fast(NULL);

    for (CpuInfoFastList *l = list; l; l = l->next) {
        monitor_printf(mon, "%c CPU #%" PRId64 ": thread_id=%" PRId64 "\n",
                       l == list ? '*' : ' ', l->value->cpu_index,
                       l->value->thread_id);
    }
    qapi_free_CpuInfoFastList(list);
}

static void info_mtree(Monitor *mon, const char *rest)
{
    GString *text = g_string_new(NULL);

    address_space_dump(&address_space_memory, text);
    address_space_dump(&address_space_io, text);
    monitor_puts(mon, text->str);
    g_string_free(text, true);
}

static const HMPCommand info_commands[] = {
    { "cpus", "", "show infos for each CPU", info_cpus },
    { "mtree", "[-f]", "show memory tree (flat view)", info_mtree },
    { "qom-tree", "[path]", "show QOM composition tree", info_qom_tree },
    { "qtree", "", "show device tree", info_qtree },
    { NULL, NULL, NULL, NULL },
};

void system_register_hmp(void)
{
    monitor_register_hmp_info(info_commands);
    system_register_hmp_block();
}
