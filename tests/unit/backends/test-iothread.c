/*
 * IOThread objects: start, run, parameters while running, stop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "backends/iothread.h"
#include "qobject/json.h"
#include "qobject/qdict.h"
#include "util/main-loop.h"
#include "util/thread.h"

static QDict *dict(const char *json)
{
    return qobject_to(QDict, qobject_from_json(json, &error_abort));
}

static Object *add(const char *id, const char *json, Error **errp)
{
    g_autoptr(QDict) props = dict(json);

    return user_creatable_add_type(TYPE_IOTHREAD, id, props, true, errp);
}

static void check_bad(const char *json, const char *message)
{
    g_autoptr(Error) err = NULL;

    g_assert_null(add("bad", json, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, message);
    g_assert_null(iothread_by_id("bad"));
}

typedef struct Visit {
    int thread_id;
    AioContext *ctx;
} Visit;

static void visit_bh(void *opaque)
{
    Visit *visit = opaque;

    visit->thread_id = qemu_gettid();
    visit->ctx = qemu_get_current_aio_context();
}

static void test_run(void)
{
    Object *obj = add("t0", "{}", &error_abort);
    IOThread *t = iothread_by_id("t0");
    Visit visit = { 0 };

    g_assert_true(IOTHREAD(obj) == t);
    g_assert_cmpstr(iothread_get_id(t), ==, "t0");
    aio_wait_bh_oneshot(iothread_get_aio_context(t), visit_bh, &visit);
    g_assert_cmpint(visit.thread_id, ==, iothread_get_thread_id(t));
    g_assert_cmpint(visit.thread_id, !=, qemu_gettid());
    g_assert_true(visit.ctx == iothread_get_aio_context(t));
    g_assert_true(user_creatable_del("t0", &error_abort));
    g_assert_null(iothread_by_id("t0"));
}

/* A user keeps the thread alive after object-del. */
static void test_reference(void)
{
    IOThread *t = object_ref(add("t0", "{}", &error_abort));
    Visit visit = { 0 };

    g_assert_true(user_creatable_del("t0", &error_abort));
    g_assert_null(iothread_get_id(t));
    aio_wait_bh_oneshot(iothread_get_aio_context(t), visit_bh, &visit);
    g_assert_cmpint(visit.thread_id, ==, iothread_get_thread_id(t));
    object_unref(t);
}

static void test_name(void)
{
    IOThread *t = IOTHREAD(add("disk", "{}", &error_abort));
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/comm",
                                            iothread_get_thread_id(t));
    g_autofree char *comm = NULL;

    g_assert_true(g_file_get_contents(path, &comm, NULL, NULL));
    g_assert_cmpstr(comm, ==, "IO disk\n");
    user_creatable_del("disk", &error_abort);
}

static void test_params(void)
{
    Object *obj = add("t0", "{'poll-max-ns': 10, 'aio-max-batch': 4}",
                      &error_abort);
    IOThreadParams params;
    Error *err = NULL;

    iothread_get_params(IOTHREAD(obj), &params);
    g_assert_cmpint(params.poll_max_ns, ==, 10);
    g_assert_cmpint(params.aio_max_batch, ==, 4);
    object_property_set_int(obj, "poll-max-ns", 0, &error_abort);
    object_property_set_int(obj, "poll-grow", 3, &error_abort);
    iothread_get_params(IOTHREAD(obj), &params);
    g_assert_cmpint(params.poll_max_ns, ==, 0);
    g_assert_cmpint(params.poll_grow, ==, 3);
    g_assert_false(object_property_set_int(obj, "poll-max-ns", -1, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "poll-max-ns value must be in range "
                    "[0, 9223372036854775807]");
    error_free_or_abort(&err);
    g_assert_false(object_property_set_int(obj, "thread-pool-max", 0, &err));
    error_free_or_abort(&err);
    iothread_get_params(IOTHREAD(obj), &params);
    g_assert_cmpint(params.poll_max_ns, ==, 0);
    user_creatable_del("t0", &error_abort);
}

static void test_bad(void)
{
    check_bad("{'poll-grow': -1}",
              "poll-grow value must be in range [0, 9223372036854775807]");
    check_bad("{'thread-pool-min': 5, 'thread-pool-max': 2}",
              "bad thread-pool-min/thread-pool-max values");
    check_bad("{'foo': 1}", "Property 'iothread.foo' not found");
}

static void test_default(void)
{
    g_autoptr(Error) err = NULL;
    IOThread *t = iothread_new(&err);
    IOThreadParams params;

    g_assert_nonnull(t);
    iothread_get_params(t, &params);
    g_assert_cmpint(params.poll_max_ns, ==, 32768);
    object_unref(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    type_register_table(qom_types);
    type_register_table(iothread_types);
    type_register_table(backends_types);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/iothread/run", test_run);
    g_test_add_func("/iothread/reference", test_reference);
    g_test_add_func("/iothread/name", test_name);
    g_test_add_func("/iothread/params", test_params);
    g_test_add_func("/iothread/bad", test_bad);
    g_test_add_func("/iothread/default", test_default);
    return g_test_run();
}
