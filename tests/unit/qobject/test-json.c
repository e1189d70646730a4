/*
 * Tests of the JSON parser and writer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/json.h"
#include "qobject/qdict.h"
#include "qobject/qstring.h"

/* A text, and what it looks like when printed again, or the error. */
typedef struct Case {
    const char *in;
    const char *out;
} Case;

static const Case good[] = {
    { "null", "null" },
    { " true ", "true" },
    { "[false]", "[false]" },
    { "0", "0" },
    { "-0", "0" },
    { "1e5", "100000" },
    { "1.5E+2", "150" },
    { "0.1", "0.10000000000000001" },
    { "9223372036854775807", "9223372036854775807" },
    { "18446744073709551615", "18446744073709551615" },
    { "18446744073709551616", "1.8446744073709552e+19" },
    { "-9223372036854775808", "-9223372036854775808" },
    { "-9223372036854775809", "-9.2233720368547758e+18" },
    { "'a\"b\\'c'", "\"a\\\"b'c\"" },
    { "\"\\b\\f\\n\\r\\t\\\\\\/\\\"\"", "\"\\b\\f\\n\\r\\t\\\\/\\\"\"" },
    { "\"\\u00e9\\ud83d\\ude00\\u0001\"", "\"\\u00E9\\uD83D\\uDE00\\u0001\"" },
    { "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", "\"\\u00E9\\uD83D\\uDE00\\u007F\"" },
    { "\"\\u0000x\"", "\"\\u0000x\"" },
    { "\"\xc0\x80\"", "\"\\u0000\"" },
    { "{}", "{}" },
    { "[]", "[]" },
    { "[ 1 , [ ] , { } ]", "[1, [], {}]" },
    { "{\"a\":{\"b\":[1,2]}}", "{\"a\": {\"b\": [1, 2]}}" },
};

static void test_good(void)
{
    for (int i = 0; i < ARRAY_SIZE(good); i++) {
        g_autoptr(QObject) obj = qobject_from_json(good[i].in, &error_abort);
        g_autoptr(GString) out = qobject_to_json(obj);
        g_autoptr(QObject) again = qobject_from_json(out->str, &error_abort);
        g_autoptr(GString) out2 = qobject_to_json(again);

        g_assert_cmpstr(out->str, ==, good[i].out);
        g_assert_cmpstr(out2->str, ==, out->str);
    }
}

#define PARSE "JSON parse error, "

static const Case bad[] = {
    { "", "Expecting a JSON value" },
    { "  \n", "Expecting a JSON value" },
    { "{} {}", "Expecting at most one JSON value" },
    { "{} @", "Expecting at most one JSON value" },
    { "{}}", "Expecting at most one JSON value" },
    { "foo", PARSE "invalid keyword 'foo'" },
    { "nul", PARSE "invalid keyword 'nul'" },
    { "truefalse", PARSE "invalid keyword 'truefalse'" },
    { "{\"a\" 1}", PARSE "missing : in object pair" },
    { "{\"a\":}", PARSE "expecting value" },
    { "{\"a\":1 \"b\":2}", PARSE "expected separator in dict" },
    { "{\"a\":1,}", PARSE "expecting value" },
    { "{1:2}", PARSE "key is not a string in object" },
    { "{\"a\":1,\"a\":2}", PARSE "duplicate key" },
    { "[1 2]", PARSE "expected separator in list" },
    { "[1,]", PARSE "expecting value" },
    { "[,]", PARSE "expecting value" },
    { "}", PARSE "expecting value" },
    { "{\"a\":1]", PARSE "expected separator in dict" },
    { "[1", PARSE "premature EOI" },
    { "{\"a\":", PARSE "premature EOI" },
    { "{\"a\"", PARSE "premature EOI" },
    { "{", PARSE "premature EOI" },
    { "{\"a", PARSE "stray '\"a'" },
    { "@", PARSE "stray '@'" },
    { "-", PARSE "stray '-'" },
    { "01", PARSE "stray '01'" },
    { "1.", PARSE "stray '1.'" },
    { "1e", PARSE "stray '1e'" },
    { "--1", PARSE "stray '--'" },
    { "A", PARSE "stray 'A'" },
    { "\"\\x\"", PARSE "invalid escape sequence in string" },
    { "\"\\u12\"", PARSE "\\u12\" is not a valid Unicode character" },
    { "\"\\ud800\"", PARSE "\\ud800 is not a valid Unicode character" },
    { "\"\\udc00\"", PARSE "\\udc00 is not a valid Unicode character" },
    { "\"\\uFFFF\"", PARSE "\\uFFFF is not a valid Unicode character" },
    { "\"\\uFDD0\"", PARSE "\\uFDD0 is not a valid Unicode character" },
    { "\"\\ud83d\\u\"", PARSE "\\ud83d is not a valid Unicode character" },
    { "\"\xc3\"", PARSE "invalid UTF-8 sequence in string" },
    { "\"\xe2\x82\"", PARSE "invalid UTF-8 sequence in string" },
    { "\"\xed\xa0\x80\"", PARSE "invalid UTF-8 sequence in string" },
    { "\"\xf4\x90\x80\x80\"", PARSE "invalid UTF-8 sequence in string" },
    { "\"\xc0\xaf\"", PARSE "invalid UTF-8 sequence in string" },
    { "\"\x80\"", PARSE "invalid UTF-8 sequence in string" },
};

static void test_bad(void)
{
    for (int i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Error) err = NULL;
        QObject *obj = qobject_from_json(bad[i].in, &err);

        g_assert_null(obj);
        g_assert_nonnull(err);
        g_assert_cmpstr(error_get_pretty(err), ==, bad[i].out);
    }
}

/* Every beginning of a valid text, and the text with any byte changed. */
static void test_mutations(void)
{
    static const char text[] =
        "{\"a\": [1, -2.5e3, \"x\\u00e9\xc3\xa9\\n\", null], \"b\": {\"c\": "
        "true}}";

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        g_autofree char *part = g_strndup(text, i);
        g_autoptr(Error) err = NULL;

        g_assert_null(qobject_from_json(part, &err));
        g_assert_nonnull(err);
    }
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (int c = 1; c < 256; c++) {
            g_autofree char *changed = g_strdup(text);
            g_autoptr(Error) err = NULL;
            g_autoptr(QObject) obj = NULL;

            changed[i] = c;
            obj = qobject_from_json(changed, &err);
            g_assert_true(!obj == !!err);
        }
    }
}

static void test_nesting(void)
{
    for (int depth = 1024; depth <= 1025; depth++) {
        g_autofree char *open = g_strnfill(depth, '[');
        g_autofree char *close = g_strnfill(depth, ']');
        g_autofree char *text = g_strconcat(open, close, NULL);
        g_autoptr(Error) err = NULL;
        g_autoptr(QObject) obj = qobject_from_json(text, &err);

        if (depth == 1024) {
            g_assert_nonnull(obj);
        } else {
            g_assert_cmpstr(error_get_pretty(err), ==,
                            "JSON nesting depth limit exceeded");
        }
    }
}

static void test_token_count(void)
{
    g_autoptr(GString) text = g_string_new("[");
    g_autoptr(Error) err = NULL;

    for (int i = 0; i <= JSON_MAX_TOKEN_COUNT / 2; i++) {
        g_string_append(text, "1,");
    }
    g_assert_null(qobject_from_json(text->str, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "JSON token count limit exceeded");
}

static void test_token_size(void)
{
    g_autofree char *text = g_strnfill(JSON_MAX_TOKEN_SIZE + 10, 'a');
    g_autoptr(Error) err = NULL;

    text[0] = '"';
    g_assert_null(qobject_from_json(text, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "JSON token size limit exceeded");
}

static void test_pretty(void)
{
    g_autoptr(QObject) obj = qobject_from_json(
        "{'return': {}, 'id': [], 'x': [1, {'y': 'z'}]}", &error_abort);
    g_autoptr(GString) out = qobject_to_json_pretty(obj, true);

    g_assert_cmpstr(out->str, ==,
                    "{\n"
                    "    \"x\": [\n"
                    "        1,\n"
                    "        {\n"
                    "            \"y\": \"z\"\n"
                    "        }\n"
                    "    ],\n"
                    "    \"return\": {\n"
                    "    },\n"
                    "    \"id\": [\n"
                    "    ]\n"
                    "}");
}

/* Invalid UTF-8 gets into strings by other ways than JSON. */
static void test_write_invalid_utf8(void)
{
    g_autoptr(QString) qs = qstring_from_str("a\xff"
                                             "b\xc3");
    g_autoptr(GString) out = qobject_to_json(QOBJECT(qs));

    g_assert_cmpstr(out->str, ==, "\"a\\uFFFDb\\uFFFD\"");
}

static void record(void *opaque, QObject *json, Error *err)
{
    GString *log = opaque;

    if (err) {
        g_string_append_printf(log, "!%s;", error_get_pretty(err));
        error_free(err);
    } else {
        g_autoptr(GString) text = qobject_to_json(json);

        g_string_append_printf(log, "%s;", text->str);
        qobject_unref(json);
    }
}

/* What a stream gives, fed @step bytes at a time. */
static void check_stream(const char *in, size_t step, const char *expected)
{
    JSONMessageParser parser;
    g_autoptr(GString) log = g_string_new(NULL);
    size_t len = strlen(in);

    json_message_parser_init(&parser, record, log);
    for (size_t i = 0; i < len; i += step) {
        json_message_parser_feed(&parser, in + i, MIN(step, len - i));
    }
    json_message_parser_flush(&parser);
    json_message_parser_destroy(&parser);
    g_assert_cmpstr(log->str, ==, expected);
}

static void test_stream(void)
{
    static const Case cases[] = {
        { "{\"a\":1}\n[2]3", "{\"a\": 1};[2];3;" },
        { "1 2", "1;2;" },
        { "1a", "1;!" PARSE "invalid keyword 'a';" },
        { "@foo \"x\"\n5", "!" PARSE "stray '@';5;" },
        { "@x\1@y\n5", "!" PARSE "stray '@';!" PARSE "stray '\1';5;" },
        { "@x\xff 5\n6", "!" PARSE "stray '@';!" PARSE "stray '\xff';6;" },
        { "@x\xfd 5\n6", "!" PARSE "stray '@';6;" },
        { "@{}", "!" PARSE "stray '@';{};" },
        { "@,1", "!" PARSE "stray '@';!" PARSE "expecting value;1;" },
        { "{\"x\":@}", "!" PARSE "stray '@';!" PARSE "expecting value;" },
        { "{} ]", "{};!" PARSE "expecting value;" },
        { "\"\xff x\", 1",
          "!" PARSE "stray '\"\xff';!" PARSE "expecting value;1;" },
        { "[1}", "!" PARSE "expected separator in list;" },
        { "[1", "!" PARSE "premature EOI;" },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        check_stream(cases[i].in, 1, cases[i].out);
        check_stream(cases[i].in, 3, cases[i].out);
        check_stream(cases[i].in, 1000, cases[i].out);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/good", test_good);
    g_test_add_func("/json/bad", test_bad);
    g_test_add_func("/json/mutations", test_mutations);
    g_test_add_func("/json/nesting", test_nesting);
    g_test_add_func("/json/token-count", test_token_count);
    g_test_add_func("/json/token-size", test_token_size);
    g_test_add_func("/json/pretty", test_pretty);
    g_test_add_func("/json/write-invalid-utf8", test_write_invalid_utf8);
    g_test_add_func("/json/stream", test_stream);
    return g_test_run();
}
