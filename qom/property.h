/*
 * Property tables: what can be set on objects of a type, declared once per
 * type, typed and const.
 *
 *     static const Property foo_props[] = {
 *         DEFINE_PROP_UINT16("num-queues", Foo, num_queues, 1),
 *         DEFINE_PROP_STRING("serial", Foo, serial),
 *         DEFINE_PROP_LINK("iothread", Foo, iothread, TYPE_IOTHREAD,
 *                          IOThread *),
 *         DEFINE_PROP_INCLUDE(Foo, conf, block_conf_props),
 *         DEFINE_PROP_END,
 *     };
 *
 * Values come and go through a Visitor, so that JSON and command line strings
 * are checked by one piece of code.  -device X,help prints the tables.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_PROPERTY_H
#define QOM_PROPERTY_H

#include "qom/object.h"

struct QEnumLookup;

/* A property's type; static const.  All callbacks: main thread (BQL). */
typedef struct PropertyInfo {
    const char *type;        /* as qom-list and help show it: "uint16" */
    const char *description; /* for help; may be NULL */
    const struct QEnumLookup *enum_table; /* for enumerations */
    size_t size;                          /* of the field, for checks */
    bool realized_set_allowed; /* devices: may change after realize */

    /*
     * @field points to the field in @obj.  Either may be NULL: not readable,
     * not writable.  Return false with @errp set.
     */
    bool (*get)(Object *obj, void *field, const Property *prop, Visitor *v,
                Error **errp);
    bool (*set)(Object *obj, void *field, const Property *prop, Visitor *v,
                Error **errp);
    /* Put prop->def into the field.  Optional. */
    void (*set_default)(void *field, const Property *prop);
    /* Free what the field holds.  Optional. */
    void (*release)(Object *obj, void *field);
    /* The default as help shows it, or NULL for none; g_free().  Optional. */
    char *(*print_default)(const Property *prop);
} PropertyInfo;

struct Property {
    const char *name; /* NULL ends a table */
    const PropertyInfo *info;
    size_t offset;    /* of the field in the instance structure */
    uint8_t bitnr;    /* for bits */
    bool has_default; /* help shows the default */
    union {
        int64_t i;
        uint64_t u;
        const char *s;
    } def;
    const char *link_type;   /* for links: the type they point to */
    const char *description; /* in place of info->description */
    const Property *include; /* DEFINE_PROP_INCLUDE: the other table */
};

extern const PropertyInfo prop_info_bool;
extern const PropertyInfo prop_info_bit;   /* one bit of a uint32_t */
extern const PropertyInfo prop_info_bit64; /* one bit of a uint64_t */
extern const PropertyInfo prop_info_uint8;
extern const PropertyInfo prop_info_uint16;
extern const PropertyInfo prop_info_uint32;
extern const PropertyInfo prop_info_int32;
extern const PropertyInfo prop_info_uint64;
extern const PropertyInfo prop_info_int64;
extern const PropertyInfo prop_info_size;   /* uint64_t, takes suffixes */
extern const PropertyInfo prop_info_size32; /* uint32_t, takes suffixes */
extern const PropertyInfo prop_info_string; /* char *, owned by the object */
extern const PropertyInfo prop_info_link;   /* T *, holds a reference */
extern const PropertyInfo prop_info_on_off_auto; /* OnOffAuto */
extern const PropertyInfo prop_info_include;

/* For PropertyInfos of enumerations: fields are ints (C enums). */
bool property_get_enum(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp);
bool property_set_enum(Object *obj, void *field, const Property *prop,
                       Visitor *v, Error **errp);
void property_set_default_enum(void *field, const Property *prop);
char *property_print_default_enum(const Property *prop);

/* Initializer of a PropertyInfo for the QAPI enumeration @Enum. */
#define PROPERTY_INFO_ENUM(type_name, desc, lookup)                         \
    {                                                                       \
        .type = (type_name), .description = (desc), .enum_table = (lookup), \
        .size = sizeof(int), .get = property_get_enum,                      \
        .set = property_set_enum, .set_default = property_set_default_enum, \
        .print_default = property_print_default_enum,                       \
    }

#define PROP_FIELD_(T, f, ctype) \
    (offsetof(T, f) + 0 * sizeof((ctype *)0 == &((T *)0)->f)) /* type check */

/* Of any PropertyInfo, without and with a default. */
#define DEFINE_PROP(n, T, f, inf, ctype)                                \
    {                                                                   \
        .name = (n), .info = &(inf), .offset = PROP_FIELD_(T, f, ctype) \
    }
#define DEFINE_PROP_SIGNED(n, T, f, d, inf, ctype)                       \
    {                                                                    \
        .name = (n), .info = &(inf), .offset = PROP_FIELD_(T, f, ctype), \
        .has_default = true, .def.i = (d)                                \
    }
#define DEFINE_PROP_UNSIGNED(n, T, f, d, inf, ctype)                     \
    {                                                                    \
        .name = (n), .info = &(inf), .offset = PROP_FIELD_(T, f, ctype), \
        .has_default = true, .def.u = (d)                                \
    }

#define DEFINE_PROP_BOOL(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_bool, bool)
#define DEFINE_PROP_BIT(n, T, f, bit, d)                       \
    {                                                          \
        .name = (n), .info = &prop_info_bit,                   \
        .offset = PROP_FIELD_(T, f, uint32_t), .bitnr = (bit), \
        .has_default = true, .def.u = (d)                      \
    }
#define DEFINE_PROP_BIT64(n, T, f, bit, d)                     \
    {                                                          \
        .name = (n), .info = &prop_info_bit64,                 \
        .offset = PROP_FIELD_(T, f, uint64_t), .bitnr = (bit), \
        .has_default = true, .def.u = (d)                      \
    }
#define DEFINE_PROP_UINT8(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_uint8, uint8_t)
#define DEFINE_PROP_UINT16(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_uint16, uint16_t)
#define DEFINE_PROP_UINT32(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_uint32, uint32_t)
#define DEFINE_PROP_INT32(n, T, f, d) \
    DEFINE_PROP_SIGNED(n, T, f, d, prop_info_int32, int32_t)
#define DEFINE_PROP_UINT64(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_uint64, uint64_t)
#define DEFINE_PROP_INT64(n, T, f, d) \
    DEFINE_PROP_SIGNED(n, T, f, d, prop_info_int64, int64_t)
#define DEFINE_PROP_SIZE(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_size, uint64_t)
#define DEFINE_PROP_SIZE32(n, T, f, d) \
    DEFINE_PROP_UNSIGNED(n, T, f, d, prop_info_size32, uint32_t)
#define DEFINE_PROP_STRING(n, T, f) \
    DEFINE_PROP(n, T, f, prop_info_string, char *)
#define DEFINE_PROP_ON_OFF_AUTO(n, T, f, d) \
    DEFINE_PROP_SIGNED(n, T, f, d, prop_info_on_off_auto, OnOffAuto)
/* @inf: a PropertyInfo made with PROPERTY_INFO_ENUM. */
#define DEFINE_PROP_ENUM(n, T, f, d, inf, ctype) \
    DEFINE_PROP_SIGNED(n, T, f, d, inf, ctype)
/* The object of type @typename with a given path or id; a reference is held
 * until the object is finalized. */
#define DEFINE_PROP_LINK(n, T, f, typename, ctype)                  \
    {                                                               \
        .name = (n), .info = &prop_info_link,                       \
        .offset = PROP_FIELD_(T, f, ctype), .link_type = (typename) \
    }
/* All properties of @table, whose offsets are relative to the member @f. */
#define DEFINE_PROP_INCLUDE(T, f, table)                                  \
    {                                                                     \
        .name = "", .info = &prop_info_include, .offset = offsetof(T, f), \
        .include = (table)                                                \
    }
#define DEFINE_PROP_END \
    {                   \
        .name = NULL    \
    }

/*
 * Call @fn for each property of @type, the most derived type's first, in
 * table order; a name that a derived type has again appears once.
 */
void type_property_foreach(const TypeInfo *type,
                           void (*fn)(const Property *prop, void *opaque),
                           void *opaque);

/* One line as in "-device X,help", without the two spaces before it:
 * "num-queues=<uint16>    -  (default: 65535)".  g_free(). */
char *property_help_line(const Property *prop);

/* "uint16", "link<iothread>"; g_free(). */
char *property_type_name(const Property *prop);
const char *property_description(const Property *prop); /* or NULL */
/* A new reference, or NULL for a property without a default. */
struct QObject *property_default_qobject(const Property *prop);
/* "TYPE options:" and the lines of all writable properties, on stdout. */
void type_print_help(const TypeInfo *type);

#endif
