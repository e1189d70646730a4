/*
 * Tests of key=value strings, nested and flat.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/keyval.h"

typedef struct Case {
    const char *in;
    const char *out; /* JSON, or the error's text */
} Case;

static const Case good[] = {
    { "", "{}" },
    { "raw", "{\"driver\": \"raw\"}" },
    { "raw,", "{\"driver\": \"raw\"}" },
    { "a=", "{\"a\": \"\"}" },
    { "a=x=y", "{\"a\": \"x=y\"}" },
    { "a=x,,y", "{\"a\": \"x,y\"}" },
    { "a=1,a=2", "{\"a\": \"2\"}" },
    { "a.b.c=1", "{\"a\": {\"b\": {\"c\": \"1\"}}}" },
    { "a.0=x,a.1=y", "{\"a\": [\"x\", \"y\"]}" },
    { "a.1=y,a.0=x", "{\"a\": [\"x\", \"y\"]}" },
    { "a.0.b=x", "{\"a\": [{\"b\": \"x\"}]}" },
    { "__org.example-x_y=1", "{\"__org.example-x_y\": \"1\"}" },
    { "a_b-c2=1", "{\"a_b-c2\": \"1\"}" },
};

static const Case bad[] = {
    { "=x", "Invalid parameter ''" },
    { ",", "Invalid parameter ''" },
    { "raw,foo", "Expected '=' after parameter 'foo'" },
    { "raw,a.b", "Expected '=' after parameter 'a.b'" },
    { "raw,=3", "Invalid parameter ''" },
    { "a.0=1,a.1=2,a.3=4", "Parameter 'a.2' missing" },
    { "a.0=1,a.00=2", "Parameter 'a.1' missing" },
    { "a.99999999999999999999=1", "Parameter 'a.0' missing" },
    { "a=1,a.b=2", "Parameters 'a.*' used inconsistently" },
    { "a.b=1,a=2", "Parameters 'a.*' used inconsistently" },
    { "a.0=1,a.b=1", "Parameters 'a.*' used inconsistently" },
    { "a.=1", "Invalid parameter 'a.'" },
    { ".a=1", "Invalid parameter '.a'" },
    { "a..b=1", "Invalid parameter 'a..b'" },
    { "a.0b=1", "Invalid parameter 'a.0b'" },
    { "0=1", "Invalid parameter '0'" },
    { "_a=1", "Invalid parameter '_a'" },
    { "a$b=1", "Invalid parameter 'a$b'" },
    { "help", "Help is not available for this option" },
    { "raw,?", "Help is not available for this option" },
};

static void test_good(void)
{
    for (int i = 0; i < ARRAY_SIZE(good); i++) {
        g_autoptr(QDict)
            dict = keyval_parse(good[i].in, "driver", NULL, &error_abort);
        g_autoptr(GString) out = qobject_to_json(QOBJECT(dict));

        g_assert_cmpstr(out->str, ==, good[i].out);
    }
}

static void test_bad(void)
{
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_null(keyval_parse(bad[i].in, "driver", NULL, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, bad[i].out);
    }
}

/* Random strings of the characters that matter: an answer or an error. */
static void test_random(void)
{
    static const char alphabet[] = "ab01..,,==?_-{";

    for (int i = 0; i < 50000; i++) {
        char text[16];
        int len = g_test_rand_int_range(0, sizeof(text));
        g_autoptr(Error) err = NULL;
        g_autoptr(QDict) dict = NULL;

        for (int j = 0; j < len; j++) {
            text[j] = alphabet[g_test_rand_int_range(0, sizeof(alphabet) - 1)];
        }
        text[len] = '\0';
        dict = keyval_parse(text, i % 2 ? "driver" : NULL, NULL, &err);
        g_assert_true(!dict == !!err);
    }
}

static void test_long_key(void)
{
    g_autofree char *name = g_strnfill(128, 'a');
    g_autofree char *key = g_strconcat(name, "=1", NULL);
    g_autofree char *nested = g_strconcat("x.", key, NULL);
    g_autofree char *msg1 = g_strdup_printf("Parameter '%s' is too long", name);
    g_autofree char *msg2 = g_strdup_printf(
        "Parameter fragment '%s' is too long", name);
    g_autoptr(Error) err1 = NULL;
    g_autoptr(Error) err2 = NULL;
    g_autoptr(QDict) ok = NULL;

    g_assert_null(keyval_parse(key, NULL, NULL, &err1));
    g_assert_cmpstr(error_get_pretty(err1), ==, msg1);
    g_assert_null(keyval_parse(nested, NULL, NULL, &err2));
    g_assert_cmpstr(error_get_pretty(err2), ==, msg2);
    ok = keyval_parse(key + 1, NULL, NULL, &error_abort);
    g_assert_true(qdict_haskey(ok, name + 1));
}

/* "a.a.a...=1" with @depth fragments; free with g_free(). */
static char *deep_key(int depth)
{
    GString *s = g_string_new(NULL);

    for (int i = 1; i < depth; i++) {
        g_string_append(s, "a.");
    }
    g_string_append(s, "a=1");
    return g_string_free(s, false);
}

static void test_deep_key(void)
{
    g_autofree char *most = deep_key(1024);
    g_autofree char *deep = deep_key(1025);
    g_autofree char *very_deep = deep_key(100000);
    g_autoptr(Error) err1 = NULL;
    g_autoptr(Error) err2 = NULL;
    g_autoptr(QDict) ok = keyval_parse(most, NULL, NULL, &error_abort);

    g_assert_nonnull(ok);
    g_assert_null(keyval_parse(deep, NULL, NULL, &err1));
    g_assert_cmpstr(error_get_pretty(err1), ==,
                    "Parameter 'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a....' is "
                    "nested too deeply");
    g_assert_null(keyval_parse(very_deep, NULL, NULL, &err2));
    g_assert_nonnull(err2);
}

static void test_help(void)
{
    static const char *const texts[] = { "help", "?", "iothread,help",
                                         "help,a=1" };
    bool help = false;

    for (int i = 0; i < ARRAY_SIZE(texts); i++) {
        g_autoptr(QDict)
            dict = keyval_parse(texts[i], "qom-type", &help, &error_abort);

        g_assert_nonnull(dict);
        g_assert_true(help);
    }
    qobject_unref(keyval_parse("a=help", NULL, &help, &error_abort));
    g_assert_false(help);
}

static void test_merge(void)
{
    g_autoptr(QDict)
        a = keyval_parse("a=1,b.c=2,b.d=3,l.0=x", NULL, NULL, &error_abort);
    g_autoptr(QDict)
        b = keyval_parse("a=9,b.c=8,e=7,l.0=y", NULL, NULL, &error_abort);
    g_autoptr(QDict) wrong = keyval_parse("b=1", NULL, NULL, &error_abort);
    g_autoptr(QDict) expected = keyval_parse("a=9,b.c=8,b.d=3,e=7,l.0=x,l.1=y",
                                             NULL, NULL, &error_abort);
    g_autoptr(Error) err = NULL;

    keyval_merge(a, b, &error_abort);
    g_assert_true(qobject_is_equal(QOBJECT(a), QOBJECT(expected)));
    keyval_merge(a, wrong, &err);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'b' used inconsistently");
}

static void test_json_or_keyval(void)
{
    bool is_json;
    g_autoptr(QDict) json = keyval_or_json_parse("{\"a\": 1}", "x", NULL,
                                                 &is_json, &error_abort);
    g_autoptr(QDict) kv = NULL;
    g_autoptr(Error) err = NULL;

    g_assert_true(is_json);
    g_assert_cmpint(qdict_get_int(json, "a"), ==, 1);
    kv = keyval_or_json_parse("a=1", "x", NULL, &is_json, &error_abort);
    g_assert_false(is_json);
    g_assert_cmpstr(qdict_get_str(kv, "a"), ==, "1");
    g_assert_null(keyval_or_json_parse("{a}", "x", NULL, &is_json, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "JSON parse error, invalid keyword 'a'");
}

static void test_opts(void)
{
    static const Case cases[] = {
        { "", "{}" },
        { "virtio-blk-pci,drive=d,,0", "{\"driver\": \"virtio-blk-pci\", "
                                       "\"drive\": \"d,0\"}" },
        { "driver=x,y.z=1", "{\"driver\": \"x\", \"y.z\": \"1\"}" },
        { "x,a=1,a=2", "{\"driver\": \"x\", \"a\": \"2\"}" },
    };
    g_autoptr(Error) err = NULL;
    bool help;

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(QDict)
            got = opts_parse(cases[i].in, "driver", NULL, &error_abort);
        g_autoptr(QObject) want = qobject_from_json(cases[i].out, &error_abort);

        g_assert_true(qobject_is_equal(QOBJECT(got), want));
    }
    qobject_unref(opts_parse("x,help", "driver", &help, &error_abort));
    g_assert_true(help);
    g_assert_null(opts_parse("x,id=3", "driver", NULL, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'id' expects an identifier");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keyval/good", test_good);
    g_test_add_func("/keyval/bad", test_bad);
    g_test_add_func("/keyval/random", test_random);
    g_test_add_func("/keyval/long-key", test_long_key);
    g_test_add_func("/keyval/deep-key", test_deep_key);
    g_test_add_func("/keyval/help", test_help);
    g_test_add_func("/keyval/merge", test_merge);
    g_test_add_func("/keyval/json", test_json_or_keyval);
    g_test_add_func("/keyval/opts", test_opts);
    return g_test_run();
}
