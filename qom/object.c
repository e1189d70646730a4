/*
 * Types and the life of objects.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/qom-internal.h"
#include "util/atomic.h"

static const TypeInfo type_object = {
    .name = TYPE_OBJECT,
    .instance_size = sizeof(Object),
    .abstract = true,
};

static const TypeInfo type_container = {
    .name = TYPE_CONTAINER,
    .instance_size = sizeof(Object),
};

static const TypeInfo type_user_creatable = {
    .name = TYPE_USER_CREATABLE,
    .instance_size = sizeof(Object),
    .abstract = true,
};

const TypeInfo *const qom_types[] = {
    &type_object,
    &type_container,
    &type_user_creatable,
    NULL,
};

/* name -> TypeInfo; written while the program starts, read-only afterwards. */
static GHashTable *type_table;

void type_register_table(const TypeInfo *const *table)
{
    if (!type_table) {
        type_table = g_hash_table_new(g_str_hash, g_str_equal);
    }
    for (; *table; table++) {
        const TypeInfo *type = *table;
        const TypeInfo *old = g_hash_table_lookup(type_table, type->name);

        assert(!old || old == type);
        g_hash_table_insert(type_table, (gpointer)type->name, (gpointer)type);
    }
}

const TypeInfo *type_find(const char *name)
{
    return type_table ? g_hash_table_lookup(type_table, name) : NULL;
}

const TypeInfo *type_parent(const TypeInfo *type)
{
    const TypeInfo *parent;

    if (type == &type_object) {
        return NULL;
    }
    if (!type->parent) {
        return &type_object;
    }
    parent = type_find(type->parent);
    assert(parent);
    return parent;
}

bool type_is_a(const TypeInfo *type, const char *name)
{
    for (; type; type = type_parent(type)) {
        if (g_str_equal(type->name, name)) {
            return true;
        }
    }
    return false;
}

static gint compare_type_names(gconstpointer a, gconstpointer b)
{
    const TypeInfo *ta = *(const TypeInfo *const *)a;
    const TypeInfo *tb = *(const TypeInfo *const *)b;

    return g_ascii_strcasecmp(ta->name, tb->name);
}

GPtrArray *type_list(const char *base, bool with_abstract)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    if (!type_table) {
        return list;
    }
    g_hash_table_iter_init(&iter, type_table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const TypeInfo *type = value;

        if ((with_abstract || !type->abstract) &&
            (!base || type_is_a(type, base))) {
            g_ptr_array_add(list, value);
        }
    }
    g_ptr_array_sort(list, compare_type_names);
    return list;
}

const void *type_find_op_(const TypeInfo *type, const char *base, size_t offset)
{
    static const void *const none;

    for (; type; type = type_parent(type)) {
        if (type->class_ops) {
            const void *slot = (const char *)type->class_ops + offset;

            if (*(const void *const *)slot) {
                return slot;
            }
        }
        if (g_str_equal(type->name, base)) {
            break;
        }
    }
    return &none;
}

static size_t type_instance_size(const TypeInfo *type)
{
    while (type && !type->instance_size) {
        type = type_parent(type);
    }
    return type ? type->instance_size : sizeof(Object);
}

static void object_init_level(Object *obj, const TypeInfo *type)
{
    const TypeInfo *parent = type_parent(type);

    if (parent) {
        object_init_level(obj, parent);
    }
    property_table_set_defaults(obj, type->props);
    if (type->instance_init) {
        type->instance_init(obj);
    }
}

static void object_init(Object *obj, const TypeInfo *type, bool embedded)
{
    assert(!type->abstract);
    obj->type = type;
    obj->ref = 1;
    obj->embedded = embedded;
    TAILQ_INIT(&obj->children);
    object_init_level(obj, type);
}

Object *object_new(const char *typename)
{
    const TypeInfo *type = type_find(typename);
    Object *obj;

    assert(type);
    obj = g_malloc0(type_instance_size(type));
    object_init(obj, type, false);
    return obj;
}

void object_initialize(void *mem, size_t size, const char *typename)
{
    const TypeInfo *type = type_find(typename);

    assert(type && size >= type_instance_size(type));
    object_init(mem, type, true);
}

static void object_finalize(Object *obj)
{
    assert(!obj->parent);
    while (!TAILQ_EMPTY(&obj->children)) {
        object_unparent(TAILQ_FIRST(&obj->children));
    }
    for (const TypeInfo *t = obj->type; t; t = type_parent(t)) {
        if (t->instance_finalize) {
            t->instance_finalize(obj);
        }
        property_table_release(obj, t->props);
    }
    if (!obj->embedded) {
        g_free(obj);
    }
}

void *object_ref(void *obj)
{
    if (obj) {
        uint32_t old = qatomic_fetch_add(&OBJECT(obj)->ref, 1);

        assert(old > 0 && old < UINT32_MAX);
    }
    return obj;
}

void object_unref(void *obj)
{
    if (obj && qatomic_fetch_sub(&OBJECT(obj)->ref, 1) == 1) {
        object_finalize(obj);
    }
}

void *object_dynamic_cast(const void *obj, const char *typename)
{
    if (obj && type_is_a(((const Object *)obj)->type, typename)) {
        return (void *)obj;
    }
    return NULL;
}

void *object_check_cast(const void *obj, const char *typename)
{
    assert(!obj || type_is_a(((const Object *)obj)->type, typename));
    return (void *)obj;
}
