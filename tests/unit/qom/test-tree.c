/*
 * The object tree: names, paths, removal.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/object.h"

static Object *add(Object *parent, const char *name)
{
    Object *obj = object_new(TYPE_CONTAINER);

    object_property_add_child(parent, name, obj);
    object_unref(obj);
    return obj;
}

static void test_paths(void)
{
    Object *a = object_get_container("/a");
    Object *c = object_get_container("/a/b/c");
    g_autofree char *path = object_get_canonical_path(c);
    g_autofree char *root_path = object_get_canonical_path(object_get_root());
    g_autoptr(Object) loose = object_new(TYPE_CONTAINER);

    g_assert_cmpstr(path, ==, "/a/b/c");
    g_assert_cmpstr(root_path, ==, "/");
    g_assert_true(object_get_container("/a/b/c") == c);
    g_assert_cmpstr(object_get_canonical_path_component(c), ==, "c");
    g_assert_null(object_get_canonical_path(loose));
    g_assert_null(object_get_canonical_path_component(loose));
    g_assert_true(object_resolve_path("/a/b/c", NULL) == c);
    g_assert_true(object_resolve_path("/", NULL) == object_get_root());
    g_assert_null(object_resolve_path("/a/x", NULL));
    g_assert_null(object_resolve_path("", NULL));
    object_unparent(a);
    g_assert_null(object_resolve_path("/a", NULL));
}

static void test_partial(void)
{
    Object *top = add(object_get_root(), "top");
    Object *one = add(top, "one");
    Object *same1 = add(one, "same");
    Object *two = add(top, "two");
    bool ambiguous;

    g_assert_true(object_resolve_path("same", &ambiguous) == same1);
    g_assert_false(ambiguous);
    g_assert_true(object_resolve_path("one/same", NULL) == same1);
    add(two, "same");
    g_assert_null(object_resolve_path("same", &ambiguous));
    g_assert_true(ambiguous);
    g_assert_true(object_resolve_path("one/same", &ambiguous) == same1);
    g_assert_null(object_resolve_path("absent", &ambiguous));
    g_assert_false(ambiguous);
    g_assert_null(object_resolve_path_type("two", "user-creatable", NULL));
    object_unparent(top);
}

static void test_duplicate(void)
{
    Object *top = add(object_get_root(), "dup");
    g_autoptr(Object) again = object_new(TYPE_CONTAINER);
    g_autoptr(Error) err = NULL;

    g_assert_false(
        object_property_try_add_child(object_get_root(), "dup", again, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "attempt to add duplicate property 'dup' to object "
                    "(type 'container')");
    object_ref(top);
    object_unparent(top);
    object_unparent(top); /* not in the tree: nothing happens */
    object_unref(top);
}

static void test_numbered(void)
{
    Object *top = add(object_get_root(), "numbered");
    Object *zero = add(top, "device[*]");
    Object *one = add(top, "device[*]");

    g_assert_cmpstr(object_get_canonical_path_component(zero), ==, "device[0]");
    g_assert_cmpstr(object_get_canonical_path_component(one), ==, "device[1]");
    object_unparent(zero);
    zero = add(top, "device[*]");
    g_assert_cmpstr(object_get_canonical_path_component(zero), ==, "device[0]");
    object_unparent(top);
}

static int count_until(Object *child, void *opaque)
{
    unsigned *left = opaque;

    return --*left == 0;
}

static void test_foreach(void)
{
    Object *top = add(object_get_root(), "walk");
    unsigned left = 2;

    add(add(top, "x"), "y");
    add(top, "z");
    g_assert_cmpint(object_child_foreach_recursive(top, count_until, &left), ==,
                    1);
    left = 10;
    g_assert_cmpint(object_child_foreach_recursive(top, count_until, &left), ==,
                    0);
    g_assert_cmpuint(left, ==, 7);
    object_unparent(top);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    type_register_table(qom_types);
    g_test_add_func("/tree/paths", test_paths);
    g_test_add_func("/tree/partial", test_partial);
    g_test_add_func("/tree/duplicate", test_duplicate);
    g_test_add_func("/tree/numbered", test_numbered);
    g_test_add_func("/tree/foreach", test_foreach);
    return g_test_run();
}
