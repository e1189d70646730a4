/*
 * Tests of QDict: contents, and the order that scripts see.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/qdict.h"
#include "qobject/qstring.h"

static void assert_order(const QDict *qdict, const char *const *keys)
{
    const QDictEntry *e;

    QDICT_FOREACH(qdict, e) {
        g_assert_cmpstr(qdict_entry_key(e), ==, *keys);
        keys++;
    }
    g_assert_null(*keys);
}

static void test_put_get_del(void)
{
    g_autoptr(QDict) qdict = qdict_new();

    g_assert_cmpint(qdict_size(qdict), ==, 0);
    g_assert_null(qdict_first(qdict));
    qdict_put_int(qdict, "num", 42);
    qdict_put_str(qdict, "str", "hello");
    qdict_put_bool(qdict, "yes", true);
    qdict_put_null(qdict, "nil");
    qdict_put(qdict, "dict", qdict_new());
    g_assert_cmpint(qdict_size(qdict), ==, 5);

    g_assert_cmpint(qdict_get_int(qdict, "num"), ==, 42);
    g_assert_cmpstr(qdict_get_str(qdict, "str"), ==, "hello");
    g_assert_true(qdict_get_bool(qdict, "yes"));
    g_assert_nonnull(qdict_get_qdict(qdict, "dict"));
    g_assert_null(qdict_get_qdict(qdict, "num"));
    g_assert_null(qdict_get_try_str(qdict, "num"));
    g_assert_cmpint(qdict_get_try_int(qdict, "str", -1), ==, -1);
    g_assert_true(qdict_get_try_bool(qdict, "absent", true));

    qdict_put_int(qdict, "num", 43);
    g_assert_cmpint(qdict_size(qdict), ==, 5);
    g_assert_cmpint(qdict_get_int(qdict, "num"), ==, 43);

    qdict_del(qdict, "num");
    qdict_del(qdict, "num");
    g_assert_false(qdict_haskey(qdict, "num"));
    g_assert_cmpint(qdict_size(qdict), ==, 4);
}

static void test_take_str(void)
{
    g_autoptr(QDict) qdict = qdict_new();
    g_autofree char *str = NULL;

    qdict_put_str(qdict, "a", "x");
    qdict_put_int(qdict, "b", 1);
    str = qdict_take_str(qdict, "a");
    g_assert_cmpstr(str, ==, "x");
    g_assert_false(qdict_haskey(qdict, "a"));
    g_assert_null(qdict_take_str(qdict, "b"));
    g_assert_true(qdict_haskey(qdict, "b"));
}

/* Orders that QEMU's replies show; keys go in as its schema has them. */
static void test_known_order(void)
{
    static const char *const texts[][2] = {
        { "{'QMP': {'version': {'qemu': {'major': 10, 'minor': 0, 'micro': 2},"
          " 'package': 'x'}, 'capabilities': ['oob']}}",
          "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, "
          "\"major\": 10}, \"package\": \"x\"}, \"capabilities\": "
          "[\"oob\"]}}" },
        { "{'event': 'SHUTDOWN', 'timestamp': {'seconds': 1, 'microseconds': "
          "2}, 'data': {'guest': false, 'reason': 'host-qmp-quit'}}",
          "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
          "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, "
          "\"reason\": \"host-qmp-quit\"}}" },
        { "{'name': 'query-status', 'meta-type': 'command', 'arg-type': '0', "
          "'ret-type': '1'}",
          "{\"name\": \"query-status\", \"ret-type\": \"1\", "
          "\"meta-type\": \"command\", \"arg-type\": \"0\"}" },
        { "{'error': {'class': 'GenericError', 'desc': 'x'}, 'id': 1}",
          "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": "
          "\"x\"}}" },
        { "{'return': {}, 'id': 'x'}", "{\"return\": {}, \"id\": \"x\"}" },
        { "{'label': 'c', 'filename': 'stdio', 'frontend-open': true}",
          "{\"frontend-open\": true, \"filename\": \"stdio\", \"label\": "
          "\"c\"}" },
    };

    for (int i = 0; i < ARRAY_SIZE(texts); i++) {
        g_autoptr(QObject) obj = qobject_from_json(texts[i][0], &error_abort);
        g_autoptr(GString) out = qobject_to_json(obj);

        g_assert_cmpstr(out->str, ==, texts[i][1]);
    }
}

/* The definition again, as the order of output is specified. */
static unsigned bucket_of_key(const char *key)
{
    uint32_t h = UINT32_C(0x238F13AF) * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++) {
        h += (uint32_t)(unsigned char)key[i] << (5 * i % 24);
    }
    return (UINT32_C(1103515243) * h + 12345) % QDICT_BUCKETS;
}

static void test_newest_first(void)
{
    g_autoptr(QDict) qdict = qdict_new();
    g_autoptr(QDict) copy = NULL;
    char first[] = "k0000", second[] = "k0000", third[] = "k0000";
    int n = 0;

    for (int i = 1; n < 2; i++) {
        char *key = n ? third : second;

        g_snprintf(key, sizeof(second), "k%04d", i);
        if (bucket_of_key(key) == bucket_of_key(first)) {
            n++;
        }
    }
    qdict_put_int(qdict, first, 1);
    qdict_put_int(qdict, second, 2);
    qdict_put_int(qdict, third, 3);
    assert_order(qdict, (const char *const[]){ third, second, first, NULL });
    /* A new value does not move the key */
    qdict_put_int(qdict, first, 4);
    assert_order(qdict, (const char *const[]){ third, second, first, NULL });
    copy = qdict_clone_shallow(qdict);
    assert_order(copy, (const char *const[]){ third, second, first, NULL });
    qdict_del(qdict, third);
    qdict_put_int(qdict, third, 5);
    assert_order(qdict, (const char *const[]){ third, second, first, NULL });
}

/* Many keys, so that there is a table of buckets; ends with random order. */
static void test_many(void)
{
    g_autoptr(QDict) qdict = qdict_new();
    const QDictEntry *e;
    unsigned last = 0, n = 0;

    for (int i = 0; i < 3000; i++) {
        g_autofree char *key = g_strdup_printf("key%d", i);

        qdict_put_int(qdict, key, i);
    }
    g_assert_cmpint(qdict_size(qdict), ==, 3000);
    for (int i = 0; i < 3000; i += 3) {
        g_autofree char *key = g_strdup_printf("key%d", i);

        g_assert_cmpint(qdict_get_int(qdict, key), ==, i);
        qdict_del(qdict, key);
        g_assert_false(qdict_haskey(qdict, key));
    }
    QDICT_FOREACH(qdict, e) {
        unsigned bucket = bucket_of_key(qdict_entry_key(e));

        g_assert_cmpuint(bucket, >=, last);
        last = bucket;
        n++;
    }
    g_assert_cmpint(n, ==, 2000);
    for (int i = 0; i < 3000; i++) {
        g_autofree char *key = g_strdup_printf("key%d", i);

        g_assert_cmpint(qdict_haskey(qdict, key), ==, i % 3 != 0);
        qdict_del(qdict, key);
    }
    g_assert_cmpint(qdict_size(qdict), ==, 0);
    g_assert_null(qdict_first(qdict));
    qdict_put_int(qdict, "again", 1);
    g_assert_cmpint(qdict_get_int(qdict, "again"), ==, 1);
}

static void test_is_equal(void)
{
    g_autoptr(QObject)
        a = qobject_from_json("{'a': 1, 'b': [true, null]}", &error_abort);
    g_autoptr(QObject)
        b = qobject_from_json("{'b': [true, null], 'a': 1}", &error_abort);
    g_autoptr(QObject)
        c = qobject_from_json("{'b': [true], 'a': 1}", &error_abort);

    g_assert_true(qobject_is_equal(a, b));
    g_assert_false(qobject_is_equal(a, c));
    g_assert_true(qobject_is_equal(NULL, NULL));
    g_assert_false(qobject_is_equal(a, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qdict/put-get-del", test_put_get_del);
    g_test_add_func("/qdict/take-str", test_take_str);
    g_test_add_func("/qdict/known-order", test_known_order);
    g_test_add_func("/qdict/newest-first", test_newest_first);
    g_test_add_func("/qdict/many", test_many);
    g_test_add_func("/qdict/is-equal", test_is_equal);
    return g_test_run();
}
