/*
 * Tests of dotted keys in dictionaries.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

static QDict *dict(const char *json)
{
    QObject *obj = qobject_from_json(json, &error_abort);

    g_assert_nonnull(qobject_to(QDict, obj));
    return qobject_to(QDict, obj);
}

static void assert_json(QObject *obj, const char *json)
{
    g_autoptr(QObject) expected = qobject_from_json(json, &error_abort);

    g_assert_true(qobject_is_equal(obj, expected));
}

static void test_flatten(void)
{
    g_autoptr(QDict) d = dict(
        "{'e': [42, [23, 66, {'a': 0, 'b': 1}]], 'f': {'c': 2, 'd': 3}, "
        "'g': 4, 'y': [{}], 'z': {'a': []}}");

    qdict_flatten(d);
    assert_json(QOBJECT(d),
                "{'e.0': 42, 'e.1.0': 23, 'e.1.1': 66, 'e.1.2.a': 0, "
                "'e.1.2.b': 1, 'f.c': 2, 'f.d': 3, 'g': 4, 'y.0': {}, "
                "'z.a': []}");
}

static void test_crumple(void)
{
    g_autoptr(QDict) d = dict("{'a.b': 1, 'a.c.0': 2, 'a.c.1.x': 3, 'd': 4, "
                              "'vnc..acl': 5}");
    g_autoptr(QObject) nested = qdict_crumple(d, &error_abort);

    assert_json(nested, "{'a': {'b': 1, 'c': [2, {'x': 3}]}, 'd': 4, "
                        "'vnc.acl': 5}");
}

static void test_crumple_errors(void)
{
    static const char *const cases[][2] = {
        { "{'a.0': 1, 'a.b': 2}", "Cannot mix list and non-list keys" },
        { "{'a.0': 1, 'a.2': 2}", "List index '1' missing" },
        { "{'a': 1, 'a.b': 2}", "Cannot mix scalar and non-scalar keys" },
        { "{'a': {'b': 1}}", "Value for key 'a' is not a scalar" },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(QDict) d = dict(cases[i][0]);
        g_autoptr(Error) err = NULL;

        g_assert_null(qdict_crumple(d, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, cases[i][1]);
    }
}

static void test_crumple_deep(void)
{
    g_autoptr(QDict) d = qdict_new();
    g_autoptr(GString) key = g_string_new("a");
    g_autoptr(Error) err = NULL;

    for (int i = 0; i < 50000; i++) {
        g_string_append(key, ".a");
    }
    qdict_put_int(d, key->str, 1);
    g_assert_null(qdict_crumple(d, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Keys are nested too deeply");
}

static void test_extract(void)
{
    g_autoptr(QDict) d = dict("{'file.a': 1, 'file.b.c': 2, 'filex': 3}");
    g_autoptr(QDict) sub = NULL;

    qdict_extract_subqdict(d, &sub, "file.");
    assert_json(QOBJECT(d), "{'filex': 3}");
    assert_json(QOBJECT(sub), "{'a': 1, 'b.c': 2}");
}

static void test_array(void)
{
    g_autoptr(QDict) d = dict("{'0.a': 1, '0.b': 2, '1': 3, '3': 4, 'x': 5}");
    g_autoptr(QDict) e = dict("{'c.0.a': 1, 'c.1': 2, 'd.0': 1, 'd.x': 2}");
    g_autoptr(QList) list = NULL;

    qdict_array_split(d, &list);
    assert_json(QOBJECT(list), "[{'a': 1, 'b': 2}, 3]");
    assert_json(QOBJECT(d), "{'3': 4, 'x': 5}");
    g_assert_cmpint(qdict_array_entries(e, "c."), ==, 2);
    g_assert_cmpint(qdict_array_entries(e, "d."), ==, -EINVAL);
    g_assert_cmpint(qdict_array_entries(e, "e."), ==, 0);
}

static void test_join(void)
{
    g_autoptr(QDict) a = dict("{'x': 1, 'y': 2}");
    g_autoptr(QDict) b = dict("{'y': 3, 'z': 4}");

    qdict_join(a, b, false);
    assert_json(QOBJECT(a), "{'x': 1, 'y': 2, 'z': 4}");
    assert_json(QOBJECT(b), "{'y': 3}");
    qdict_join(a, b, true);
    assert_json(QOBJECT(a), "{'x': 1, 'y': 3, 'z': 4}");
    g_assert_cmpint(qdict_size(b), ==, 0);
}

static void test_rename(void)
{
    static const QDictRenames renames[] = { { "old", "new" }, { NULL } };
    g_autoptr(QDict) a = dict("{'old': 1}");
    g_autoptr(QDict) b = dict("{'old': 1, 'new': 2}");
    g_autoptr(Error) err = NULL;

    g_assert_true(qdict_rename_keys(a, renames, &error_abort));
    assert_json(QOBJECT(a), "{'new': 1}");
    g_assert_false(qdict_rename_keys(b, renames, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "'new' and its alias 'old' can't be used at the same "
                    "time");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qdict-dotted/flatten", test_flatten);
    g_test_add_func("/qdict-dotted/crumple", test_crumple);
    g_test_add_func("/qdict-dotted/crumple-errors", test_crumple_errors);
    g_test_add_func("/qdict-dotted/crumple-deep", test_crumple_deep);
    g_test_add_func("/qdict-dotted/extract", test_extract);
    g_test_add_func("/qdict-dotted/array", test_array);
    g_test_add_func("/qdict-dotted/join", test_join);
    g_test_add_func("/qdict-dotted/rename", test_rename);
    return g_test_run();
}
