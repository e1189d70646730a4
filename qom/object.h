/*
 * The object model: types with single inheritance and class-level property
 * tables (qom/property.h), reference-counted objects, and the tree of named
 * objects that management software sees ("/objects/t0",
 * "/machine/peripheral/disk0").
 *
 * A type is a static const TypeInfo; a program registers its types by explicit
 * tables at start.  There are no per-instance properties other than children.
 *
 * Thread: main thread (BQL), except object_ref(), object_unref() of an object
 * that is not the last reference, and casts, which any thread may use.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef QOM_OBJECT_H
#define QOM_OBJECT_H

#include "util/error.h"
#include "util/queue.h"

typedef struct Object Object;
typedef struct Property Property;
typedef struct Visitor Visitor;
struct QObject;
struct QDict;

#define TYPE_OBJECT         "object"
#define TYPE_CONTAINER      "container"
#define TYPE_USER_CREATABLE "user-creatable"

typedef struct TypeInfo TypeInfo;
struct TypeInfo {
    const char *name;
    const char *parent;    /* NULL: TYPE_OBJECT */
    size_t instance_size;  /* 0: the parent's */
    bool abstract;         /* cannot be instantiated */
    const Property *props; /* ended by DEFINE_PROP_END; may be NULL */

    /*
     * The type's table of callbacks.  Below a base type with an ops structure
     * (DeviceOps, PCIDeviceOps, UserCreatableOps...) it begins with that
     * structure.  A callback left NULL means "as the parent's": users look a
     * callback up with object_find_op(), from the type upwards.
     */
    const void *class_ops;

    /* Zeroed memory, own property defaults set; the parent's ran before. */
    void (*instance_init)(Object *obj);
    /* The last reference is gone; the parent's runs after. Own string and
     * link properties are released afterwards. */
    void (*instance_finalize)(Object *obj);

    /* May @prop be set now?  The first one found upwards is asked.  Optional:
     * always. */
    bool (*check_set)(Object *obj, const Property *prop, Error **errp);
};

/* First member of every instance structure. */
struct Object {
    const TypeInfo *type;          /* fixed */
    uint32_t ref;                  /* atomic */
    bool embedded;                 /* fixed: memory is the owner's */
    Object *parent;                /* BQL, as all below */
    char *name;                    /* in @parent */
    TAILQ_HEAD(, Object) children; /* in the order they were added */
    TAILQ_ENTRY(Object) sibling;
};

#define OBJECT(x) ((Object *)(x))

/* --- types --- */

/* Register the types of a NULL-terminated table; a parent may come later. */
void type_register_table(const TypeInfo *const *table);
/* NULL if there is none. */
const TypeInfo *type_find(const char *name);
/* NULL for TYPE_OBJECT. */
const TypeInfo *type_parent(const TypeInfo *type);
/* Is @type the type @name or derived from it? */
bool type_is_a(const TypeInfo *type, const char *name);
/* All types derived from @base (or all: NULL), sorted by name.  Free the array
 * with g_ptr_array_unref(); elements are const TypeInfo *. */
GPtrArray *type_list(const char *base, bool with_abstract);

/*
 * The callback at @offset of the nearest class_ops in @type or its ancestors
 * up to and including @base that has it set; NULL if none has:
 *     object_find_op(type, TYPE_DEVICE, offsetof(DeviceOps, realize))
 */
const void *type_find_op_(const TypeInfo *type, const char *base,
                          size_t offset);
#define TYPE_FIND_OP(type, base, ops, member)  \
    (*(__typeof__(((const ops *)NULL)->member) \
           const *)type_find_op_((type), (base), offsetof(ops, member)))
#define OBJECT_FIND_OP(obj, base, ops, member) \
    TYPE_FIND_OP(OBJECT(obj)->type, base, ops, member)

/* --- objects --- */

/* A new object with one reference.  @typename must be a registered,
 * non-abstract type. */
Object *object_new(const char *typename);
/* The same in zeroed memory of the caller's, which outlives the object. */
void object_initialize(void *mem, size_t size, const char *typename);
/* Both return @obj / ignore NULL. */
void *object_ref(void *obj);
void object_unref(void *obj);

static inline const char *object_get_typename(const void *obj)
{
    return ((const Object *)obj)->type->name;
}

/* @obj if it is a @typename, else NULL.  NULL gives NULL. */
void *object_dynamic_cast(const void *obj, const char *typename);
/* @obj; aborts if it is not a @typename. */
void *object_check_cast(const void *obj, const char *typename);

/* FOO(x): x as a Foo *, checked. */
#define OBJECT_DECLARE_TYPE(Type, NAME, typename)          \
    static inline Type *NAME(const void *obj)              \
    {                                                      \
        return (Type *)object_check_cast(obj, (typename)); \
    }

/* --- the tree --- */

Object *object_get_root(void);         /* "/" */
Object *object_get_objects_root(void); /* "/objects": -object, object-add */
/* The container "/PATH" is made on the way where it is missing. */
Object *object_get_container(const char *path);

/*
 * @child becomes @parent's child and @parent holds a reference to it.  A name
 * that ends in "[*]" gets the first free number.  Fails with "attempt to add
 * duplicate property 'NAME' to object (type 'TYPE')".
 */
bool object_property_try_add_child(Object *parent, const char *name,
                                   void *child, Error **errp);
/* The same where a failure would be a bug. */
void object_property_add_child(Object *parent, const char *name, void *child);
/* Leave the tree, if in it; drops the parent's reference. */
void object_unparent(void *obj);
/* A child by name (no path), or NULL. */
Object *object_get_child(Object *parent, const char *name);

/* "/objects/t0"; NULL unless @obj is in the tree.  Free with g_free(). */
char *object_get_canonical_path(const void *obj);
/* The last component only; valid while @obj stays there. */
const char *object_get_canonical_path_component(const void *obj);
/*
 * An absolute path, or a partial one ("t0") that fits one object of the tree;
 * *@ambiguous (optional) is set when it fits several.  Links are followed.
 * No reference.
 */
Object *object_resolve_path(const char *path, bool *ambiguous);
Object *object_resolve_path_type(const char *path, const char *typename,
                                 bool *ambiguous);

/* Call @fn for @obj and all below it, parents first; stops at non-zero. */
int object_child_foreach_recursive(Object *obj,
                                   int (*fn)(Object *child, void *opaque),
                                   void *opaque);

/* --- properties by name --- */

/* Errors: "Property 'TYPE.NAME' not found", the visitor's, the setter's. */
bool object_property_set(void *obj, const char *name, Visitor *v, Error **errp);
bool object_property_get(void *obj, const char *name, Visitor *v, Error **errp);
const Property *object_property_find(const void *obj, const char *name);
/* "bool", "uint32", "str", "child<T>", "link<T>"; free with g_free(); NULL:
 * there is no such property. */
char *object_property_get_type(const void *obj, const char *name);

bool object_property_set_qobject(void *obj, const char *name,
                                 struct QObject *value, Error **errp);
struct QObject *object_property_get_qobject(void *obj, const char *name,
                                            Error **errp);
bool object_property_set_str(void *obj, const char *name, const char *value,
                             Error **errp);
bool object_property_set_bool(void *obj, const char *name, bool value,
                              Error **errp);
bool object_property_set_int(void *obj, const char *name, int64_t value,
                             Error **errp);
bool object_property_set_uint(void *obj, const char *name, uint64_t value,
                              Error **errp);
bool object_property_set_link(void *obj, const char *name, void *value,
                              Error **errp);
/* From a string of the command line ("on", "64k", ...). */
bool object_property_parse(void *obj, const char *name, const char *string,
                           Error **errp);
/*
 * Set all members of @props in its order.  @from_json: members have JSON
 * types; otherwise they are strings of the command line.
 */
bool object_set_properties_from_keyval(void *obj, const struct QDict *props,
                                       bool from_json, Error **errp);

/* --- objects that users make (-object, object-add) --- */

/* Types below TYPE_USER_CREATABLE have class_ops beginning with this. */
typedef struct UserCreatableOps {
    /* Properties are set: start.  Optional. */
    bool (*complete)(Object *obj, Error **errp);
    /* May object-del remove it?  Optional: yes. */
    bool (*can_be_deleted)(Object *obj);
} UserCreatableOps;

/*
 * Make "/objects/@id" of @type with @props (consumed keys are not removed).
 * Returns the new object (the tree has the reference) or NULL with QEMU's
 * messages.
 */
Object *user_creatable_add_type(const char *type, const char *id,
                                const struct QDict *props, bool from_json,
                                Error **errp);
/* -object: a dictionary with "qom-type" and "id". */
Object *user_creatable_add_qdict(struct QDict *qdict, bool from_json,
                                 Error **errp);
/* --object of the tools: make it, or print the help that is asked for and end
 * the program; errors end it too. */
void user_creatable_process_cmdline(const char *cmdline);
bool user_creatable_del(const char *id, Error **errp);
/* Delete all, at exit. */
void user_creatable_cleanup(void);
/* "-object help" (@type NULL) or "-object TYPE,help"; prints to stdout.
 * false: no such type. */
bool user_creatable_print_help(const char *type);

/* The base types: for type_register_table(). */
extern const TypeInfo *const qom_types[];

static inline void object_autoptr_unref_(Object *obj)
{
    object_unref(obj);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Object, object_autoptr_unref_)

#endif
