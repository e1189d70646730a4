/*
 * Tests of the visitors, on types of the schema: what is accepted, what is
 * refused with which text, and the way back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qapi/clone-visitor.h"
#include "qapi/qapi-visit-block-core.h"
#include "qapi/qapi-visit-char.h"
#include "qapi/qapi-visit-control.h"
#include "qapi/qapi-visit-machine.h"
#include "qapi/qapi-visit-qom.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/json.h"
#include "qobject/qdict.h"

/* @str: JSON or key=value. */
static BlockdevOptions *blockdev(const char *str, Error **errp)
{
    Visitor *v = qobject_input_visitor_new_str(str, "driver", errp);
    BlockdevOptions *options = NULL;

    if (v) {
        bool ok = visit_type_BlockdevOptions(v, NULL, &options, errp);

        g_assert_true(ok == !!options);
        visit_free(v);
    }
    return options;
}

static QObject *output(BlockdevOptions *options)
{
    QObject *obj;
    Visitor *v = qobject_output_visitor_new(&obj);

    visit_type_BlockdevOptions(v, NULL, &options, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    return obj;
}

static void test_json(void)
{
    static const char text[] =
        "{'driver': 'raw', 'node-name': 'd0', 'offset': 512, 'cache': "
        "{'direct': true}, 'file': {'driver': 'file', 'filename': 'x', "
        "'aio': 'io_uring', 'locking': 'off'}}";
    g_autoptr(BlockdevOptions) o = blockdev(text, &error_abort);
    g_autoptr(QObject) in = qobject_from_json(text, &error_abort);
    g_autoptr(QObject) out = output(o);
    BlockdevOptions *file;

    g_assert_cmpint(o->driver, ==, BLOCKDEV_DRIVER_RAW);
    g_assert_cmpstr(o->node_name, ==, "d0");
    g_assert_true(o->u.raw.has_offset && o->u.raw.offset == 512);
    g_assert_false(o->u.raw.has_size);
    g_assert_true(o->cache->has_direct && o->cache->direct);
    g_assert_false(o->cache->has_no_flush);
    g_assert_cmpint(o->u.raw.file->type, ==, QTYPE_QDICT);
    file = &o->u.raw.file->u.definition;
    g_assert_cmpstr(file->u.file.filename, ==, "x");
    g_assert_cmpint(file->u.file.aio, ==, BLOCKDEV_AIO_OPTIONS_IO_URING);
    g_assert_true(qobject_is_equal(in, out));
}

static void test_keyval(void)
{
    g_autoptr(BlockdevOptions) o = blockdev(
        "raw,node-name=5,size=0x200,read-only=yes,file.driver=null-co,"
        "file.latency-ns=7,file.size=-5,cache.no-flush=off",
        &error_abort);
    BlockdevOptions *file = &o->u.raw.file->u.definition;

    g_assert_cmpstr(o->node_name, ==, "5");
    g_assert_cmpint(o->u.raw.size, ==, 512);
    g_assert_true(o->has_read_only && o->read_only);
    g_assert_true(o->cache->has_no_flush && !o->cache->no_flush);
    g_assert_cmpint(file->driver, ==, BLOCKDEV_DRIVER_NULL_CO);
    g_assert_cmpint(file->u.null_co.latency_ns, ==, 7);
    g_assert_cmpint(file->u.null_co.size, ==, -5);
}

static void test_reference(void)
{
    g_autoptr(BlockdevOptions) o = blockdev("driver=raw,file=f0", &error_abort);

    g_assert_cmpint(o->u.raw.file->type, ==, QTYPE_QSTRING);
    g_assert_cmpstr(o->u.raw.file->u.reference, ==, "f0");
}

#define TYPE "Invalid parameter type for "

static const char *const blockdev_errors[][2] = {
    { "", "Parameter 'driver' is missing" },
    { "{}", "Parameter 'driver' is missing" },
    { "driver=nope", "Parameter 'driver' does not accept value 'nope'" },
    { "{'driver': 'nope'}", "Parameter 'driver' does not accept value 'nope'" },
    { "{'driver': [1]}", TYPE "'driver', expected: string" },
    { "{'driver': 'file', 'filename': 1}",
      TYPE "'filename', expected: string" },
    { "{'driver': 'file', 'foo': 1}", "Parameter 'filename' is missing" },
    { "{'driver': 'null-co', 'foo': 1}", "Parameter 'foo' is unexpected" },
    { "{'driver': 'raw', 'file': 1}", TYPE "'file', expected: BlockdevRef" },
    { "{'driver': 'raw', 'file': null}", TYPE "'file', expected: BlockdevRef" },
    { "{'driver': 'raw', 'file': {'driver': 'file'}}",
      "Parameter 'file.filename' is missing" },
    { "{'driver': 'raw', 'file': {'driver': 'null-co', 'zz': 1}}",
      "Parameter 'file.zz' is unexpected" },
    { "{'driver': 'null-co', 'size': 'x'}", TYPE "'size', expected: integer" },
    { "{'driver': 'null-co', 'size': 1.5}", TYPE "'size', expected: integer" },
    { "{'driver': 'null-co', 'size': 1e30}", TYPE "'size', expected: integer" },
    { "{'driver': 'null-co', 'latency-ns': 'x'}",
      "Parameter 'latency-ns' expects uint64" },
    { "{'driver': 'null-co', 'read-only': 'x'}",
      TYPE "'read-only', expected: boolean" },
    { "{'driver': 'null-co', 'cache': 1}", TYPE "'cache', expected: object" },
    { "null-co,size=1x", "Parameter 'size' expects integer" },
    { "null-co,size=99999999999999999999", "Parameter 'size' expects integer" },
    { "null-co,latency-ns=1.5", "Parameter 'latency-ns' expects integer" },
    { "null-co,read-only=maybe",
      "Parameter 'read-only' expects 'on' or 'off'" },
    { "null-co,size.a=5", "Parameters 'size.*' are unexpected" },
    { "null-co,cache=1", TYPE "'cache', expected: object" },
    { "null-co,cache.direct=on,cache.x=1",
      "Parameter 'cache.x' is unexpected" },
    { "raw,file.driver=null-co,file.size=z",
      "Parameter 'file.size' expects integer" },
    { "raw,file.0=a", TYPE "'file', expected: BlockdevRef" },
    { "raw", "Parameter 'file' is missing" },
    { "file,filename=x,aio=foo",
      "Parameter 'aio' does not accept value 'foo'" },
};

static void test_blockdev_errors(void)
{
    for (int i = 0; i < ARRAY_SIZE(blockdev_errors); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_null(blockdev(blockdev_errors[i][0], &err));
        g_assert_cmpstr(error_get_pretty(err), ==, blockdev_errors[i][1]);
    }
}

/* A uint64 takes negative integers, as clients without uint64 send them. */
static void test_uint64_wraps(void)
{
    g_autoptr(BlockdevOptions)
        o = blockdev("{'driver': 'null-co', 'latency-ns': -1}", &error_abort);

    g_assert_true(o->u.null_co.latency_ns == UINT64_MAX);
}

static void test_lists(void)
{
    g_autoptr(QObject) good = qobject_from_json("['oob', 'oob']", NULL);
    g_autoptr(QObject) bad = qobject_from_json("['oob', 'x']", NULL);
    g_autoptr(QObject) wrong = qobject_from_json("{}", NULL);
    g_autoptr(QMPCapabilityList) list = NULL;
    g_autoptr(QMPCapabilityList) copy = NULL;
    QMPCapabilityList *none;
    Error *err = NULL;
    Visitor *v;

    v = qobject_input_visitor_new(good);
    visit_type_QMPCapabilityList(v, NULL, &list, &error_abort);
    visit_free(v);
    g_assert_cmpint(QAPI_LIST_LENGTH(list), ==, 2);
    copy = QAPI_CLONE(QMPCapabilityList, list);
    g_assert_cmpint(QAPI_LIST_LENGTH(copy), ==, 2);

    v = qobject_input_visitor_new(bad);
    g_assert_false(visit_type_QMPCapabilityList(v, NULL, &none, &err));
    visit_free(v);
    g_assert_null(none);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'null' does not accept value 'x'");
    g_clear_pointer(&err, error_free);

    v = qobject_input_visitor_new(wrong);
    g_assert_false(visit_type_QMPCapabilityList(v, "caps", &none, &err));
    visit_free(v);
    g_assert_null(none);
    error_free(err);
}

static void test_nested_names(void)
{
    static const char *const cases[][2] = {
        { "{'type': 'socket', 'data': {'addr': {'type': 'inet', 'data': "
          "{'host': 'x', 'port': '1', 'to': 99999}}}}",
          "Parameter 'to' expects uint16_t" },
        { "{'type': 'socket', 'data': {'addr': {'type': 'inet', 'data': "
          "{'host': 'x', 'port': '1', 'to': 'x'}}}}",
          "Parameter 'data.addr.data.to' expects uint64" },
        { "{'type': 'null', 'data': {'x': 1}}",
          "Parameter 'data.x' is unexpected" },
        { "{'type': 'null'}", "Parameter 'data' is missing" },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        Visitor *v = qobject_input_visitor_new_str(cases[i][0], NULL,
                                                   &error_abort);
        ChardevBackend *backend;
        g_autoptr(Error) err = NULL;

        g_assert_false(visit_type_ChardevBackend(v, NULL, &backend, &err));
        visit_free(v);
        g_assert_null(backend);
        g_assert_cmpstr(error_get_pretty(err), ==, cases[i][1]);
    }
}

static void test_union_with_base(void)
{
    Visitor *v = qobject_input_visitor_new_str(
        "iothread,id=t0,poll-max-ns=1,aio-max-batch=2", "qom-type",
        &error_abort);
    g_autoptr(ObjectOptions) o = NULL;
    g_autoptr(ObjectOptions) copy = NULL;

    visit_type_ObjectOptions(v, NULL, &o, &error_abort);
    visit_free(v);
    copy = QAPI_CLONE(ObjectOptions, o);
    g_assert_cmpint(copy->qom_type, ==, OBJECT_TYPE_IOTHREAD);
    g_assert_cmpstr(copy->id, ==, "t0");
    g_assert_cmpint(copy->u.iothread.aio_max_batch, ==, 2);
    g_assert_cmpint(copy->u.iothread.poll_max_ns, ==, 1);
    g_assert_false(copy->u.iothread.has_poll_grow);
}

static void test_size(void)
{
    Visitor *v = qobject_input_visitor_new_str("base-memory=1.5k", NULL,
                                               &error_abort);
    g_autoptr(MemoryInfo) info = NULL;
    MemoryInfo *none;
    g_autoptr(Error) err = NULL;

    visit_type_MemoryInfo(v, NULL, &info, &error_abort);
    visit_free(v);
    g_assert_cmpint(info->base_memory, ==, 1536);

    v = qobject_input_visitor_new_str("base-memory=5z", NULL, &error_abort);
    g_assert_false(visit_type_MemoryInfo(v, NULL, &none, &err));
    visit_free(v);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'base-memory' expects a size value");
}

/* Flat options whose values are strings, or have their types already. */
static void test_flat_confused(void)
{
    g_autoptr(QObject) obj = qobject_from_json(
        "{'driver': 'raw', 'offset': 512, 'size': '1024', 'read-only': true, "
        "'file.driver': 'null-co', 'file.read-zeroes': 'on'}",
        &error_abort);
    Visitor *v = qobject_input_visitor_new_flat_confused(qobject_to(QDict, obj),
                                                         &error_abort);
    g_autoptr(BlockdevOptions) o = NULL;

    visit_type_BlockdevOptions(v, NULL, &o, &error_abort);
    visit_free(v);
    g_assert_cmpint(o->u.raw.offset, ==, 512);
    g_assert_cmpint(o->u.raw.size, ==, 1024);
    g_assert_true(o->read_only);
    g_assert_true(o->u.raw.file->u.definition.u.null_co.read_zeroes);
}

static void test_enum(void)
{
    Error *err = NULL;

    g_assert_cmpstr(OnOffAuto_str(ON_OFF_AUTO_OFF), ==, "off");
    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, "on", -1, NULL), ==,
                    ON_OFF_AUTO_ON);
    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, NULL, -1, NULL), ==, -1);
    g_assert_cmpint(qapi_enum_parse(&OnOffAuto_lookup, "x", -1, &err), ==, -1);
    g_assert_cmpstr(error_get_pretty(err), ==, "invalid parameter value: x");
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/visitor/json", test_json);
    g_test_add_func("/visitor/keyval", test_keyval);
    g_test_add_func("/visitor/reference", test_reference);
    g_test_add_func("/visitor/blockdev-errors", test_blockdev_errors);
    g_test_add_func("/visitor/uint64-wraps", test_uint64_wraps);
    g_test_add_func("/visitor/lists", test_lists);
    g_test_add_func("/visitor/nested-names", test_nested_names);
    g_test_add_func("/visitor/union-with-base", test_union_with_base);
    g_test_add_func("/visitor/size", test_size);
    g_test_add_func("/visitor/flat-confused", test_flat_confused);
    g_test_add_func("/visitor/enum", test_enum);
    return g_test_run();
}
