/*
 * The types a property can have.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/property.h"
#include "qapi/qapi-types-common.h"
#include "qapi/visitor.h"

/* --- integers of every size --- */

static char *print_unsigned(const Property *prop)
{
    return g_strdup_printf("%" PRIu64, prop->def.u);
}

static char *print_signed(const Property *prop)
{
    return g_strdup_printf("%" PRId64, prop->def.i);
}

#define DEFINE_INTEGER_INFO(id, shown, ctype, visit, member, print)      \
    static bool get_##id(Object *obj, void *field, const Property *prop, \
                         Visitor *v, Error **errp)                       \
    {                                                                    \
        return visit(v, prop->name, (ctype *)field, errp);               \
    }                                                                    \
    static bool set_##id(Object *obj, void *field, const Property *prop, \
                         Visitor *v, Error **errp)                       \
    {                                                                    \
        ctype value;                                                     \
                                                                         \
        if (!visit(v, prop->name, &value, errp)) {                       \
            return false;                                                \
        }                                                                \
        *(ctype *)field = value;                                         \
        return true;                                                     \
    }                                                                    \
    static void set_default_##id(void *field, const Property *prop)      \
    {                                                                    \
        *(ctype *)field = prop->def.member;                              \
    }                                                                    \
    const PropertyInfo prop_info_##id = {                                \
        .type = shown,                                                   \
        .size = sizeof(ctype),                                           \
        .get = get_##id,                                                 \
        .set = set_##id,                                                 \
        .set_default = set_default_##id,                                 \
        .print_default = print,                                          \
    }

DEFINE_INTEGER_INFO(uint8, "uint8", uint8_t, visit_type_uint8, u,
                    print_unsigned);
DEFINE_INTEGER_INFO(uint16, "uint16", uint16_t, visit_type_uint16, u,
                    print_unsigned);
DEFINE_INTEGER_INFO(uint32, "uint32", uint32_t, visit_type_uint32, u,
                    print_unsigned);
DEFINE_INTEGER_INFO(uint64, "uint64", uint64_t, visit_type_uint64, u,
                    print_unsigned);
DEFINE_INTEGER_INFO(int32, "int32", int32_t, visit_type_int32, i, print_signed);
DEFINE_INTEGER_INFO(int64, "int64", int64_t, visit_type_int64, i, print_signed);
DEFINE_INTEGER_INFO(size, "size", uint64_t, visit_type_size, u, print_unsigned);

static bool get_size32(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    uint64_t value = *(uint32_t *)field;

    return visit_type_size(v, prop->name, &value, errp);
}

static bool set_size32(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    uint64_t value;

    if (!visit_type_size(v, prop->name, &value, errp)) {
        return false;
    }
    if (value > UINT32_MAX) {
        error_setg(
            errp, "Property %s.%s doesn't take value %" PRIu64 " (maximum: %u)",
            object_get_typename(obj), prop->name, value, UINT32_MAX);
        return false;
    }
    *(uint32_t *)field = value;
    return true;
}

const PropertyInfo prop_info_size32 = {
    .type = "size",
    .size = sizeof(uint32_t),
    .get = get_size32,
    .set = set_size32,
    .set_default = set_default_uint32,
    .print_default = print_unsigned,
};

/* --- booleans and bits --- */

static char *print_on_off(const Property *prop)
{
    return g_strdup(prop->def.u ? "on" : "off");
}

static bool get_bool(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    return visit_type_bool(v, prop->name, (bool *)field, errp);
}

static bool set_bool(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    return visit_type_bool(v, prop->name, (bool *)field, errp);
}

static void set_default_bool(void *field, const Property *prop)
{
    *(bool *)field = prop->def.u;
}

const PropertyInfo prop_info_bool = {
    .type = "bool",
    .description = "on/off",
    .size = sizeof(bool),
    .get = get_bool,
    .set = set_bool,
    .set_default = set_default_bool,
    .print_default = print_on_off,
};

#define DEFINE_BIT_INFO(id, ctype)                                        \
    static bool get_##id(Object *obj, void *field, const Property *prop,  \
                         Visitor *v, Error **errp)                        \
    {                                                                     \
        bool value = *(ctype *)field >> prop->bitnr & 1;                  \
                                                                          \
        return visit_type_bool(v, prop->name, &value, errp);              \
    }                                                                     \
    static void put_##id(void *field, const Property *prop, bool value)   \
    {                                                                     \
        ctype mask = (ctype)1 << prop->bitnr;                             \
                                                                          \
        *(ctype *)field = (*(ctype *)field & ~mask) | (value ? mask : 0); \
    }                                                                     \
    static bool set_##id(Object *obj, void *field, const Property *prop,  \
                         Visitor *v, Error **errp)                        \
    {                                                                     \
        bool value;                                                       \
                                                                          \
        if (!visit_type_bool(v, prop->name, &value, errp)) {              \
            return false;                                                 \
        }                                                                 \
        put_##id(field, prop, value);                                     \
        return true;                                                      \
    }                                                                     \
    static void set_default_##id(void *field, const Property *prop)       \
    {                                                                     \
        put_##id(field, prop, prop->def.u);                               \
    }                                                                     \
    const PropertyInfo prop_info_##id = {                                 \
        .type = "bool",                                                   \
        .description = "on/off",                                          \
        .size = sizeof(ctype),                                            \
        .get = get_##id,                                                  \
        .set = set_##id,                                                  \
        .set_default = set_default_##id,                                  \
        .print_default = print_on_off,                                    \
    }

DEFINE_BIT_INFO(bit, uint32_t);
DEFINE_BIT_INFO(bit64, uint64_t);

/* --- strings --- */

static bool get_string(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    char *value = g_strdup(*(char **)field ? *(char **)field : "");
    bool ok = visit_type_str(v, prop->name, &value, errp);

    g_free(value);
    return ok;
}

static bool set_string(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    char *value;

    if (!visit_type_str(v, prop->name, &value, errp)) {
        return false;
    }
    g_free(*(char **)field);
    *(char **)field = value;
    return true;
}

static void release_string(Object *obj, void *field)
{
    g_clear_pointer((char **)field, g_free);
}

static void set_default_string(void *field, const Property *prop)
{
    *(char **)field = g_strdup(prop->def.s);
}

const PropertyInfo prop_info_string = {
    .type = "str",
    .size = sizeof(char *),
    .get = get_string,
    .set = set_string,
    .set_default = set_default_string,
    .release = release_string,
};

/* --- links to other objects --- */

static bool get_link(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    Object *target = *(Object **)field;
    char *path = target ? object_get_canonical_path(target) : NULL;
    bool ok;

    if (!path) {
        path = g_strdup("");
    }
    ok = visit_type_str(v, prop->name, &path, errp);
    g_free(path);
    return ok;
}

/* The object that @path means; NULL with @errp set. */
static Object *resolve_link(const Property *prop, const char *path,
                            Error **errp)
{
    bool ambiguous;
    Object *target = object_resolve_path_type(path, prop->link_type,
                                              &ambiguous);

    if (target) {
        return target;
    }
    if (ambiguous) {
        error_setg(errp, "Path '%s' does not uniquely identify an object",
                   path);
    } else if (object_resolve_path(path, &ambiguous) || ambiguous) {
        error_setg(errp, "Invalid parameter type for '%s', expected: %s",
                   prop->name, prop->link_type);
    } else {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  path);
    }
    return NULL;
}

static bool set_link(Object *obj, void *field, const Property *prop, Visitor *v,
                     Error **errp)
{
    g_autofree char *path = NULL;
    Object *target = NULL;
    Object *old = *(Object **)field;

    if (!visit_type_str(v, prop->name, &path, errp)) {
        return false;
    }
    if (*path) {
        target = resolve_link(prop, path, errp);
        if (!target) {
            return false;
        }
    }
    *(Object **)field = object_ref(target);
    object_unref(old);
    return true;
}

static void release_link(Object *obj, void *field)
{
    object_unref(*(Object **)field);
    *(Object **)field = NULL;
}

const PropertyInfo prop_info_link = {
    .type = "link",
    .size = sizeof(Object *),
    .get = get_link,
    .set = set_link,
    .release = release_link,
};

/* --- enumerations --- */

bool property_get_enum(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    int value = *(int *)field;

    return visit_type_enum(v, prop->name, &value, prop->info->enum_table, errp);
}

bool property_set_enum(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp)
{
    int value;

    if (!visit_type_enum(v, prop->name, &value, prop->info->enum_table, errp)) {
        return false;
    }
    *(int *)field = value;
    return true;
}

void property_set_default_enum(void *field, const Property *prop)
{
    *(int *)field = prop->def.i;
}

char *property_print_default_enum(const Property *prop)
{
    return g_strdup(qapi_enum_lookup(prop->info->enum_table, prop->def.i));
}

const PropertyInfo prop_info_on_off_auto = PROPERTY_INFO_ENUM(
    "OnOffAuto", "on/off/auto", &OnOffAuto_lookup);

/* --- another table --- */

const PropertyInfo prop_info_include = {
    .type = "include",
};
