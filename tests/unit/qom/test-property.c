/*
 * Properties of every type: defaults, values in JSON and in command line form,
 * range errors, links, help lines; and objects that users make.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/property.h"
#include "qapi/qapi-types-common.h"
#include "qobject/json.h"
#include "qobject/qdict.h"

typedef struct Inner {
    uint16_t port;
} Inner;

typedef struct Thing {
    Object parent_obj;
    bool flag;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int32_t i32;
    int64_t i64;
    uint64_t size;
    uint32_t size32;
    uint32_t bits;
    uint64_t features;
    char *text;
    Object *friend;
    OnOffAuto mode;
    Inner inner;
    bool frozen;
} Thing;

OBJECT_DECLARE_TYPE(Thing, THING, "thing")

static const Property inner_props[] = {
    DEFINE_PROP_UINT16("port", Inner, port, 80),
    DEFINE_PROP_END,
};

static const Property thing_props[] = {
    DEFINE_PROP_BOOL("flag", Thing, flag, true),
    DEFINE_PROP_UINT8("u8", Thing, u8, 200),
    DEFINE_PROP_UINT16("u16", Thing, u16, 40000),
    DEFINE_PROP_UINT32("u32", Thing, u32, 4000000000u),
    DEFINE_PROP_UINT64("u64", Thing, u64, UINT64_MAX),
    DEFINE_PROP_INT32("i32", Thing, i32, -5),
    DEFINE_PROP_INT64("i64", Thing, i64, INT64_MIN),
    DEFINE_PROP_SIZE("size", Thing, size, 4096),
    DEFINE_PROP_SIZE32("size32", Thing, size32, 512),
    DEFINE_PROP_BIT("bit", Thing, bits, 31, true),
    DEFINE_PROP_BIT64("feature", Thing, features, 40, true),
    DEFINE_PROP_STRING("text", Thing, text),
    DEFINE_PROP_LINK("friend", Thing, friend, "thing", Object *),
    DEFINE_PROP_ON_OFF_AUTO("mode", Thing, mode, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_INCLUDE(Thing, inner, inner_props),
    DEFINE_PROP_END,
};

static bool thing_check_set(Object *obj, const Property *prop, Error **errp)
{
    if (THING(obj)->frozen) {
        error_setg(errp, "frozen");
    }
    return !THING(obj)->frozen;
}

static bool thing_complete(Object *obj, Error **errp)
{
    if (g_strcmp0(THING(obj)->text, "bad") == 0) {
        error_setg(errp, "bad text");
        return false;
    }
    return true;
}

static bool thing_can_be_deleted(Object *obj)
{
    return !THING(obj)->frozen;
}

static const UserCreatableOps thing_ops = {
    .complete = thing_complete,
    .can_be_deleted = thing_can_be_deleted,
};

static const TypeInfo thing_type = {
    .name = "thing",
    .parent = TYPE_USER_CREATABLE,
    .instance_size = sizeof(Thing),
    .props = thing_props,
    .class_ops = &thing_ops,
    .check_set = thing_check_set,
};

static const Property special_props[] = {
    DEFINE_PROP_UINT8("u8", Thing, u8, 7),
    DEFINE_PROP_END,
};

static const TypeInfo special_type = {
    .name = "special-thing",
    .parent = "thing",
    .props = special_props,
};

static const TypeInfo *const types[] = { &thing_type, &special_type, NULL };

static void test_defaults(void)
{
    g_autoptr(Object) obj = object_new("thing");
    g_autoptr(Object) special = object_new("special-thing");
    const Thing *t = THING(obj);

    g_assert_true(t->flag);
    g_assert_cmpuint(t->u8, ==, 200);
    g_assert_cmpuint(t->u16, ==, 40000);
    g_assert_cmpuint(t->u32, ==, 4000000000u);
    g_assert_cmpuint(t->u64, ==, UINT64_MAX);
    g_assert_cmpint(t->i32, ==, -5);
    g_assert_cmpint(t->i64, ==, INT64_MIN);
    g_assert_cmpuint(t->size, ==, 4096);
    g_assert_cmpuint(t->size32, ==, 512);
    g_assert_cmphex(t->bits, ==, 0x80000000u);
    g_assert_cmphex(t->features, ==, 1ull << 40);
    g_assert_null(t->text);
    g_assert_null(t->friend);
    g_assert_cmpint(t->mode, ==, ON_OFF_AUTO_AUTO);
    g_assert_cmpuint(t->inner.port, ==, 80);
    g_assert_cmpuint(THING(special)->u8, ==, 7);
}

/* Set from a string, read back as JSON. */
static void check_parse(const char *name, const char *value, const char *json)
{
    g_autoptr(Object) obj = object_new("thing");
    QObject *read;
    GString *text;

    g_assert_true(object_property_parse(obj, name, value, &error_abort));
    read = object_property_get_qobject(obj, name, &error_abort);
    text = qobject_to_json(read);
    g_assert_cmpstr(text->str, ==, json);
    g_string_free(text, true);
    qobject_unref(read);
}

static void test_parse(void)
{
    check_parse("flag", "off", "false");
    check_parse("u8", "255", "255");
    check_parse("u16", "0x10", "16");
    check_parse("u32", "4294967295", "4294967295");
    check_parse("u64", "18446744073709551615", "18446744073709551615");
    check_parse("i32", "-2147483648", "-2147483648");
    check_parse("i64", "-1", "-1");
    check_parse("size", "64k", "65536");
    check_parse("size32", "1M", "1048576");
    check_parse("bit", "off", "false");
    check_parse("feature", "off", "false");
    check_parse("text", "hello", "\"hello\"");
    check_parse("mode", "on", "\"on\"");
    check_parse("port", "8080", "8080");
    check_parse("friend", "", "\"\"");
}

static void check_bad(const char *name, const char *value, const char *message)
{
    g_autoptr(Object) obj = object_new("thing");
    g_autoptr(Error) err = NULL;

    g_assert_false(object_property_parse(obj, name, value, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, message);
}

static void test_bad_values(void)
{
    check_bad("u8", "256", "Parameter 'u8' expects uint8_t");
    check_bad("u16", "70000", "Parameter 'u16' expects uint16_t");
    check_bad("u16", "-1", "Parameter 'u16' expects uint16_t");
    check_bad("u16", "abc", "Parameter 'u16' expects integer");
    check_bad("u16", "", "Parameter 'u16' expects integer");
    check_bad("u32", "4294967296", "Parameter 'u32' expects uint32_t");
    check_bad("i32", "2147483648", "Parameter 'i32' expects int32_t");
    check_bad("flag", "maybe", "Parameter 'flag' expects 'on' or 'off'");
    check_bad("bit", "2", "Parameter 'bit' expects 'on' or 'off'");
    check_bad("mode", "x", "Parameter 'mode' does not accept value 'x'");
    check_bad("friend", "nobody", "Device 'nobody' not found");
    check_bad("absent", "1", "Property 'thing.absent' not found");
}

static void test_links(void)
{
    Object *a = object_new("thing");
    Object *b = object_new("thing");

    object_property_add_child(object_get_objects_root(), "b", b);
    g_assert_true(object_property_set_link(a, "friend", b, &error_abort));
    g_assert_true(THING(a)->friend == b);
    g_assert_cmpuint(b->ref, ==, 3);
    object_unparent(b);
    g_assert_cmpuint(b->ref, ==, 2);
    object_unref(a);
    g_assert_cmpuint(b->ref, ==, 1);
    object_unref(b);
}

static void test_typed_setters(void)
{
    g_autoptr(Object) obj = object_new("thing");
    g_autoptr(Error) err = NULL;
    g_autofree char *type = object_property_get_type(obj, "friend");

    object_property_set_bool(obj, "flag", false, &error_abort);
    object_property_set_uint(obj, "u64", 1ull << 63, &error_abort);
    object_property_set_int(obj, "i32", -7, &error_abort);
    object_property_set_str(obj, "text", "x", &error_abort);
    g_assert_false(THING(obj)->flag);
    g_assert_cmphex(THING(obj)->u64, ==, 1ull << 63);
    g_assert_cmpint(THING(obj)->i32, ==, -7);
    g_assert_cmpstr(THING(obj)->text, ==, "x");
    g_assert_cmpstr(type, ==, "link<thing>");
    THING(obj)->frozen = true;
    g_assert_false(object_property_set_int(obj, "i32", 1, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "frozen");
}

static QDict *dict(const char *json)
{
    return qobject_to(QDict, qobject_from_json(json, &error_abort));
}

static void test_user_creatable(void)
{
    g_autoptr(QDict) good = dict("{'u16': 5, 'text': 'x', 'port': 1}");
    g_autoptr(QDict) bad = dict("{'text': 'bad'}");
    g_autoptr(QDict) unknown = dict("{'what': 1}");
    Object *obj;
    Error *err = NULL;

    obj = user_creatable_add_type("thing", "t", good, true, &error_abort);
    g_assert_cmpuint(THING(obj)->u16, ==, 5);
    g_assert_null(user_creatable_add_type("thing", "t", good, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "attempt to add duplicate property 't' to object "
                    "(type 'container')");
    error_free_or_abort(&err);
    g_assert_null(user_creatable_add_type("thing", "s", bad, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "bad text");
    error_free_or_abort(&err);
    g_assert_null(object_get_child(object_get_objects_root(), "s"));
    g_assert_null(user_creatable_add_type("thing", "s", unknown, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Property 'thing.what' not found");
    error_free_or_abort(&err);
    g_assert_null(user_creatable_add_type("thing", "9", good, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'id' expects an identifier");
    error_free_or_abort(&err);
    g_assert_null(user_creatable_add_type("no", "s", good, true, &err));
    error_free_or_abort(&err);

    THING(obj)->frozen = true;
    g_assert_false(user_creatable_del("t", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "object 't' is in use, can not be deleted");
    error_free_or_abort(&err);
    THING(obj)->frozen = false;
    g_assert_true(user_creatable_del("t", &error_abort));
    g_assert_false(user_creatable_del("t", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "object 't' not found");
    error_free_or_abort(&err);
}

static void check_help(const char *name, const char *line)
{
    g_autoptr(Object) obj = object_new("thing");
    g_autofree char *help = property_help_line(object_property_find(obj, name));

    g_assert_cmpstr(help, ==, line);
}

static void test_help(void)
{
    check_help("flag", "flag=<bool>            - on/off (default: on)");
    check_help("u16", "u16=<uint16>           -  (default: 40000)");
    check_help("i32", "i32=<int32>            -  (default: -5)");
    check_help("text", "text=<str>");
    check_help("friend", "friend=<link<thing>>");
    check_help("mode", "mode=<OnOffAuto>       - on/off/auto (default: auto)");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    type_register_table(qom_types);
    type_register_table(types);
    g_test_add_func("/property/defaults", test_defaults);
    g_test_add_func("/property/parse", test_parse);
    g_test_add_func("/property/bad-values", test_bad_values);
    g_test_add_func("/property/links", test_links);
    g_test_add_func("/property/typed-setters", test_typed_setters);
    g_test_add_func("/property/user-creatable", test_user_creatable);
    g_test_add_func("/property/help", test_help);
    return g_test_run();
}
