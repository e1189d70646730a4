/*
 * The tree of named objects and the paths through it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/object.h"

/* Never freed: the tree lives as long as the program. */
static Object *root;

Object *object_get_root(void)
{
    if (!root) {
        root = object_new(TYPE_CONTAINER);
    }
    return root;
}

Object *object_get_container(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    Object *obj = object_get_root();

    for (char **part = parts; *part; part++) {
        Object *child;

        if (!**part) {
            continue;
        }
        child = object_get_child(obj, *part);
        if (!child) {
            child = object_new(TYPE_CONTAINER);
            object_property_add_child(obj, *part, child);
            object_unref(child);
        }
        obj = child;
    }
    return obj;
}

Object *object_get_objects_root(void)
{
    return object_get_container("/objects");
}

Object *object_get_child(Object *parent, const char *name)
{
    Object *child;

    TAILQ_FOREACH(child, &parent->children, sibling) {
        if (g_str_equal(child->name, name)) {
            return child;
        }
    }
    return NULL;
}

/* "device[*]" -> "device[N]" with the first N that is free. */
static char *child_name(Object *parent, const char *name)
{
    size_t len = strlen(name);

    if (len < 3 || !g_str_equal(name + len - 3, "[*]")) {
        return g_strdup(name);
    }
    for (unsigned i = 0;; i++) {
        g_autofree char *full = g_strdup_printf("%.*s[%u]", (int)(len - 3),
                                                name, i);

        if (!object_get_child(parent, full)) {
            return g_steal_pointer(&full);
        }
    }
}

bool object_property_try_add_child(Object *parent, const char *name,
                                   void *child, Error **errp)
{
    Object *obj = child;
    g_autofree char *full = child_name(parent, name);

    assert(!obj->parent);
    if (object_get_child(parent, full) || object_property_find(parent, full)) {
        error_setg(errp,
                   "attempt to add duplicate property '%s' to object "
                   "(type '%s')",
                   full, object_get_typename(parent));
        return false;
    }
    obj->parent = parent;
    obj->name = g_steal_pointer(&full);
    TAILQ_INSERT_TAIL(&parent->children, obj, sibling);
    object_ref(obj);
    return true;
}

void object_property_add_child(Object *parent, const char *name, void *child)
{
    object_property_try_add_child(parent, name, child, &error_abort);
}

void object_unparent(void *opaque)
{
    Object *obj = opaque;

    if (!obj->parent) {
        return;
    }
    TAILQ_REMOVE(&obj->parent->children, obj, sibling);
    obj->parent = NULL;
    g_clear_pointer(&obj->name, g_free);
    object_unref(obj);
}

const char *object_get_canonical_path_component(const void *opaque)
{
    return ((const Object *)opaque)->name;
}

char *object_get_canonical_path(const void *opaque)
{
    const Object *obj = opaque;
    g_autofree char *path = NULL;

    if (obj == root) {
        return g_strdup("/");
    }
    for (; obj->parent; obj = obj->parent) {
        char *longer = g_strconcat("/", obj->name, path, NULL);

        g_free(path);
        path = longer;
    }
    return obj == root ? g_steal_pointer(&path) : NULL;
}

/* Follow @parts from @obj downwards. */
static Object *resolve_abs(Object *obj, char **parts, const char *typename)
{
    for (; obj && *parts; parts++) {
        if (**parts) {
            obj = object_get_child(obj, *parts);
        }
    }
    return typename ? object_dynamic_cast(obj, typename) : obj;
}

/* Find @parts below any object from @obj down. */
static Object *resolve_partial(Object *obj, char **parts, const char *typename,
                               bool *ambiguous)
{
    Object *found = resolve_abs(obj, parts, typename);
    Object *child;

    TAILQ_FOREACH(child, &obj->children, sibling) {
        Object *below = resolve_partial(child, parts, typename, ambiguous);

        if (*ambiguous) {
            return NULL;
        }
        if (below && found && below != found) {
            *ambiguous = true;
            return NULL;
        }
        if (below) {
            found = below;
        }
    }
    return found;
}

Object *object_resolve_path_type(const char *path, const char *typename,
                                 bool *ambiguous)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    bool several = false;
    Object *obj;

    if (*path == '\0') {
        obj = NULL;
    } else if (*path == '/') {
        obj = resolve_abs(object_get_root(), parts, typename);
    } else {
        obj = resolve_partial(object_get_root(), parts, typename, &several);
    }
    if (ambiguous) {
        *ambiguous = several;
    }
    return obj;
}

Object *object_resolve_path(const char *path, bool *ambiguous)
{
    return object_resolve_path_type(path, NULL, ambiguous);
}

int object_child_foreach_recursive(Object *obj,
                                   int (*fn)(Object *child, void *opaque),
                                   void *opaque)
{
    Object *child, *next;

    TAILQ_FOREACH_SAFE(child, &obj->children, sibling, next) {
        int ret = fn(child, opaque);

        if (!ret) {
            ret = object_child_foreach_recursive(child, fn, opaque);
        }
        if (ret) {
            return ret;
        }
    }
    return 0;
}
