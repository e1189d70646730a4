/*
 * The texts of "-device X,help" and "-object X,help".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/property.h"
#include "qobject/qbool.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

#include <stdio.h>

char *property_type_name(const Property *prop)
{
    return prop->link_type ? g_strdup_printf("link<%s>", prop->link_type)
                           : g_strdup(prop->info->type);
}

const char *property_description(const Property *prop)
{
    return prop->description ? prop->description : prop->info->description;
}

QObject *property_default_qobject(const Property *prop)
{
    g_autofree char *text = NULL;

    if (!prop->has_default || !prop->info->print_default) {
        return NULL;
    }
    if (prop->info->enum_table) {
        text = prop->info->print_default(prop);
        return QOBJECT(qstring_from_str(text));
    }
    if (g_str_equal(prop->info->type, "bool")) {
        return QOBJECT(qbool_from_bool(prop->def.u));
    }
    return QOBJECT(qnum_from_int(prop->def.i));
}

char *property_help_line(const Property *prop)
{
    g_autofree char *type = property_type_name(prop);
    g_autofree char *head = g_strdup_printf("%s=<%s>", prop->name, type);
    g_autofree char *def = NULL;
    const char *desc = property_description(prop);

    if (prop->has_default && prop->info->print_default) {
        def = prop->info->print_default(prop);
    }
    if (!desc && !def) {
        return g_steal_pointer(&head);
    }
    if (!def) {
        return g_strdup_printf("%-22s - %s", head, desc);
    }
    return g_strdup_printf("%-22s - %s (default: %s)", head, desc ? desc : "",
                           def);
}

static void add_help_line(const Property *prop, void *opaque)
{
    if (prop->info->set) {
        g_ptr_array_add(opaque, property_help_line(prop));
    }
}

static gint compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void type_print_help(const TypeInfo *type)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    type_property_foreach(type, add_help_line, lines);
    g_ptr_array_sort(lines, compare_lines);
    if (lines->len) {
        printf("%s options:\n", type->name);
    } else {
        printf("There are no options for %s.\n", type->name);
    }
    for (guint i = 0; i < lines->len; i++) {
        printf("  %s\n", (const char *)lines->pdata[i]);
    }
}

bool user_creatable_print_help(const char *name)
{
    const TypeInfo *type;
    g_autoptr(GPtrArray) list = NULL;

    if (name) {
        type = type_find(name);
        if (!type || !type_is_a(type, TYPE_USER_CREATABLE)) {
            return false;
        }
        type_print_help(type);
        return true;
    }
    printf("List of user creatable objects:\n");
    list = type_list(TYPE_USER_CREATABLE, false);
    for (guint i = 0; i < list->len; i++) {
        printf("  %s\n", ((const TypeInfo *)list->pdata[i])->name);
    }
    return true;
}
