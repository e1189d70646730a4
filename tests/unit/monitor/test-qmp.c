/*
 * QMP sessions: framing, order, negotiation, slow readers, events.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "config-host.h"
#include "io/socket.h"
#include "monitor-test.h"
#include "qapi/qapi-types-sockets.h"
#include "qapi/qmp-event.h"

#define GREETING                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 0, " \
    "\"major\": 10}, \"package\": \"" QEMU_PKGVERSION                  \
    "\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define CAPS "{\"execute\": \"qmp_capabilities\"}"
#define OK   "{\"return\": {}}\r\n"
#define NAME "{\"return\": {\"name\": \"test\"}}\r\n"
#define NOT_FOUND(x) \
    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": " x "}}\r\n"
#define GENERIC(x) \
    "{\"error\": {\"class\": \"GenericError\", \"desc\": " x "}}\r\n"

static int session_count;

/* A session that is through with negotiation. */
static int open_session(const char *caps)
{
    g_autofree char *id = g_strdup_printf("m%d", session_count++);
    g_autofree char *greeting = NULL;
    int fd = test_chardev(id);

    g_assert_true(monitor_init_qmp(qemu_chr_find(id), false, &error_abort));
    greeting = test_receive(fd);
    g_assert_cmpstr(greeting, ==, GREETING);
    if (caps) {
        test_expect(fd, caps, OK);
    }
    return fd;
}

static void close_session(int fd)
{
    close(fd);
    for (int i = 0; i < 5; i++) {
        main_loop_wait(true);
    }
}

static void test_negotiation(void)
{
    int fd = open_session(NULL);

    test_expect(fd, "{\"execute\": \"query-name\"}",
                NOT_FOUND("\"Expecting capabilities negotiation with "
                          "'qmp_capabilities'\""));
    test_expect(fd, CAPS, OK);
    test_expect(fd, CAPS,
                NOT_FOUND("\"Capabilities negotiation is already complete, "
                          "command ignored\""));
    test_expect(fd, "{\"execute\": \"query-name\"}", NAME);
    close_session(fd);
}

static void test_framing(void)
{
    static const char two[] = "{\"execute\": \"query-name\", \"id\": 1}"
                              "{\"execute\": \"stop\", \"id\": [2]}\n";
    int fd = open_session(CAPS);
    g_autofree char *got = NULL;

    test_expect(fd, two,
                "{\"return\": {\"name\": \"test\"}, \"id\": 1}\r\n"
                "{\"return\": {}, \"id\": [2]}\r\n");
    for (const char *p = two; *p; p++) {
        g_assert_cmpint(write(fd, p, 1), ==, 1);
        main_loop_wait(true);
        main_loop_wait(true);
    }
    got = test_receive(fd);
    g_assert_cmpstr(got, ==,
                    "{\"return\": {\"name\": \"test\"}, \"id\": 1}\r\n"
                    "{\"return\": {}, \"id\": [2]}\r\n");
    close_session(fd);
}

static void test_errors(void)
{
    int fd = open_session(CAPS);

    test_expect(fd, "{\"execute\": \"cont\", \"id\": \"x\"}",
                "{\"id\": \"x\", \"error\": {\"class\": \"GenericError\", "
                "\"desc\": \"Cannot\"}}\r\n");
    test_expect(fd, "[1]", GENERIC("\"QMP input must be a JSON object\""));
    test_expect(fd, "{}", GENERIC("\"QMP input lacks member 'execute'\""));
    test_expect(fd, "junk\n",
                GENERIC("\"JSON parse error, invalid keyword 'junk'\""));
    /* 0xff puts the parser at the beginning, whatever came before. */
    test_expect(fd, "{\"execute\": {[\xff",
                GENERIC("\"JSON parse error, stray "
                        "'\\uFFFD'\""));
    test_expect(fd, "{\"execute\": \"query-name\"}", NAME);
    test_expect(fd, "{\"execute\": \"closefd\"}",
                GENERIC("\"Parameter 'fdname' is missing\""));
    test_expect(fd, "{\"exec-oob\": \"x-oob\"}",
                GENERIC("\"QMP input member 'exec-oob' is unexpected\""));
    close_session(fd);
}

/* Deep nesting and huge tokens end in an error and a session that works. */
static void test_hostile(void)
{
    int fd = open_session(CAPS);
    g_autofree char *deep = g_strnfill(3000, '[');
    g_autofree char *got = NULL;
    g_autofree char *all = NULL;

    test_send(fd, deep);
    got = test_receive(fd);
    g_assert_nonnull(strstr(got, "JSON nesting depth limit exceeded"));
    test_send(fd, "\xff\n{\"execute\": \"query-name\"}");
    all = test_receive(fd);
    g_assert_true(g_str_has_suffix(all, NAME));
    close_session(fd);
}

static void test_oob(void)
{
    int fd = open_session("{\"execute\": \"qmp_capabilities\", \"arguments\": "
                          "{\"enable\": [\"oob\"]}}");

    g_string_truncate(test_log, 0);
    /* It overtakes what is queued. */
    test_expect(fd,
                "{\"execute\": \"query-name\"}{\"execute\": \"query-name\"}"
                "{\"exec-oob\": \"x-oob\", \"id\": 7}",
                "{\"return\": {}, \"id\": 7}\r\n" NAME NAME);
    g_assert_cmpstr(test_log->str, ==, "onn");
    test_expect(fd, "{\"exec-oob\": \"query-name\", \"id\": 1}",
                "{\"id\": 1, \"error\": {\"class\": \"GenericError\", "
                "\"desc\": \"The command query-name does not support "
                "OOB\"}}\r\n");
    close_session(fd);
}

static void test_pipelining(void)
{
    int fd = open_session(CAPS);
    g_autoptr(GString) in = g_string_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);

    for (int i = 0; i < 100; i++) {
        g_string_append_printf(in, "{\"execute\": \"query-name\", \"id\": %d}",
                               i);
        g_string_append_printf(
            out, "{\"return\": {\"name\": \"test\"}, \"id\": %d}\r\n", i);
    }
    test_expect(fd, in->str, out->str);
    close_session(fd);
}

/* A client that does not read holds nobody up and loses nothing. */
static void test_slow_reader(void)
{
    int fd = open_session(CAPS);
    int other = open_session(CAPS);
    g_autofree char *got = NULL;

    test_send(fd, "{\"execute\": \"x-big\"}{\"execute\": \"query-name\"}");
    for (int i = 0; i < 50; i++) {
        main_loop_wait(true);
    }
    test_expect(other, "{\"execute\": \"query-name\"}", NAME);
    got = test_receive(fd);
    g_assert_cmpint(strlen(got), >, 4 * MiB);
    g_assert_true(g_str_has_suffix(got, NAME));
    close_session(fd);
    close_session(other);
}

static QDict *make_event(const char *name, const char *id)
{
    QDict *event = qdict_new();
    QDict *data = qdict_new();

    qdict_put_str(event, "event", name);
    qdict_put_str(data, "id", id);
    qdict_put(event, "data", data);
    return event;
}

static void emit(const char *name, const char *id)
{
    g_autoptr(QDict) event = make_event(name, id);

    qapi_event_emit_(0, event);
}

static void *emit_thread(void *opaque)
{
    emit("THREAD", "t");
    return NULL;
}

static void test_events(void)
{
    int fd = open_session(CAPS);
    int early = open_session(NULL);
    g_autofree char *got = NULL;
    QemuThread thread;

    emit("STOP", "x");
    emit("STOP", "y");
    test_expect(fd, "",
                "{\"event\": \"STOP\", \"data\": {\"id\": \"x\"}}\r\n"
                "{\"event\": \"STOP\", \"data\": {\"id\": \"y\"}}\r\n");
    /* Who has not negotiated hears nothing. */
    got = test_receive(early);
    g_assert_cmpstr(got, ==, "");
    qemu_thread_create(&thread, "emit", emit_thread, NULL);
    qemu_thread_join(&thread);
    test_expect(fd, "",
                "{\"event\": \"THREAD\", \"data\": {\"id\": \"t\"}}\r\n");
    close_session(fd);
    close_session(early);
}

static void test_event_limit(void)
{
    int fd = open_session(CAPS);
    int64_t start = get_clock();
    g_autoptr(GString) got = g_string_new(NULL);

    /* By source; the first at once, the last after a second. */
    for (int i = 0; i < 5; i++) {
        emit("VSERPORT_CHANGE", "a");
        emit("VSERPORT_CHANGE", "b");
        emit("RTC_CHANGE", i == 4 ? "last" : "first");
    }
    test_expect(fd, "",
                "{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"id\": "
                "\"a\"}}\r\n"
                "{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"id\": "
                "\"b\"}}\r\n"
                "{\"event\": \"RTC_CHANGE\", \"data\": {\"id\": "
                "\"first\"}}\r\n");
    while (!strstr(got->str, "last")) {
        char buf[4096];
        ssize_t n;

        main_loop_wait(false);
        n = read(fd, buf, sizeof(buf));
        if (n > 0) {
            g_string_append_len(got, buf, n);
        }
    }
    g_assert_cmpint(get_clock() - start, >=, NANOSECONDS_PER_SECOND);
    g_assert_null(strstr(got->str, "first"));
    close_session(fd);
}

/* A failing disk tells it once a second, whatever failed. */
static void test_io_error_limit(void)
{
    static const char *const operations[] = { "read", "write", "read" };
    int fd = open_session(CAPS);

    for (int i = 0; i < 3; i++) {
        g_autoptr(QDict) event = make_event("BLOCK_IO_ERROR", "x");
        QDict *data = qdict_get_qdict(event, "data");

        qdict_del(data, "id");
        qdict_put_str(data, "qom-path", i == 2 ? "/b" : "/a");
        qdict_put_str(data, "operation", operations[i]);
        qapi_event_emit_(0, event);
    }
    test_expect(fd, "",
                "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"qom-path\": "
                "\"/a\", \"operation\": \"read\"}}\r\n"
                "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"qom-path\": "
                "\"/b\", \"operation\": \"read\"}}\r\n");
    close_session(fd);
}

/* A server's next client begins a session of its own. */
static void test_reconnect(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-qmp-XXXXXX", NULL);
    g_autofree char *opts = g_strdup_printf("unix:%s/q,server=on,wait=off",
                                            dir);
    g_autofree char *addr = g_strdup_printf("unix:%s/q", dir);
    SocketAddress *sa = socket_parse(addr, &error_abort);
    g_autofree char *got = NULL;
    int fd, fd2;

    g_assert_true(monitor_parse(opts, "control", false, 90, &error_abort));
    fd = socket_connect(sa, true, NULL, &error_abort);
    test_expect(fd, CAPS "{\"execute\": \"query-name\"}{\"execute",
                GREETING OK NAME);
    fd2 = socket_connect(sa, true, NULL, &error_abort);
    close(fd);
    test_expect(fd2, "{\"execute\": \"query-name\"}",
                GREETING NOT_FOUND("\"Expecting capabilities negotiation with "
                                   "'qmp_capabilities'\""));
    close_session(fd2);
    qapi_free_SocketAddress(sa);
    got = g_build_filename(dir, "q", NULL);
    unlink(got);
    rmdir(dir);
}

static void test_getfd(void)
{
    static const char getfd[] =
        "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"p\"}}";
    int fd = open_session(CAPS);
    int p[2], got;
    Monitor *mon;

    g_assert_cmpint(pipe(p), ==, 0);
    g_assert_cmpint(socket_send_fds(fd, getfd, strlen(getfd), p, 1), ==,
                    (ssize_t)strlen(getfd));
    test_expect(fd, "", OK);
    TAILQ_FOREACH(mon, &monitor_list, list_entry) {
        if (!TAILQ_EMPTY(&mon->fds)) {
            break;
        }
    }
    g_assert_nonnull(mon);
    got = monitor_get_fd(mon, "p", &error_abort);
    g_assert_cmpint(got, >=, 0);
    close(got);
    test_expect(fd,
                "{\"execute\": \"closefd\", \"arguments\": {\"fdname\": "
                "\"p\"}}",
                GENERIC("\"File descriptor named 'p' not found\""));
    test_expect(fd, getfd,
                GENERIC("\"No file descriptor supplied via SCM_RIGHTS\""));
    close(p[0]);
    close(p[1]);
    close_session(fd);
}

static void test_pretty(void)
{
    int fd = test_chardev("pretty");
    g_autofree char *got = NULL;

    g_assert_true(monitor_init_opts("chardev=pretty,mode=control,pretty=on",
                                    &error_abort));
    got = test_receive(fd);
    g_assert_true(g_str_has_prefix(got, "{\r\n    \"QMP\": {\r\n"));
    close_session(fd);
}

static void test_options(void)
{
    static const char *const bad[][2] = {
        { "zz", "chardev \"zz\" not found" },
        { "mode=control", "Parameter 'chardev' is missing" },
        { "chardev=zz,mode=foo", "Parameter 'mode' does not accept value "
                                 "'foo'" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error *err = NULL;

        g_assert_false(monitor_init_opts(bad[i][0], &err));
        g_assert_cmpstr(error_get_pretty(err), ==, bad[i][1]);
        error_free(err);
    }
}

/* A command that has run is answered even if the program ends at once. */
static void test_answer_at_exit(void)
{
    int fd = open_session(CAPS);
    g_autofree char *got = NULL;
    char buf[100] = "";

    test_send(fd, "{\"execute\": \"quit\"}{\"execute\": \"query-name\"}");
    g_string_truncate(test_log, 0);
    while (!strchr(test_log->str, 'q')) {
        main_loop_wait(false);
    }
    monitor_cleanup();
    g_assert_cmpint(read(fd, buf, sizeof(buf) - 1), >, 0);
    g_assert_cmpstr(buf, ==, OK);
    g_assert_cmpstr(test_log->str, ==, "q");
    close(fd);
    monitor_init_with_commands(&test_commands);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    monitor_test_init();
    g_test_add_func("/qmp/negotiation", test_negotiation);
    g_test_add_func("/qmp/framing", test_framing);
    g_test_add_func("/qmp/errors", test_errors);
    g_test_add_func("/qmp/hostile", test_hostile);
    g_test_add_func("/qmp/oob", test_oob);
    g_test_add_func("/qmp/pipelining", test_pipelining);
    g_test_add_func("/qmp/slow-reader", test_slow_reader);
    g_test_add_func("/qmp/events", test_events);
    g_test_add_func("/qmp/event-limit", test_event_limit);
    g_test_add_func("/qmp/io-error-limit", test_io_error_limit);
    g_test_add_func("/qmp/reconnect", test_reconnect);
    g_test_add_func("/qmp/getfd", test_getfd);
    g_test_add_func("/qmp/pretty", test_pretty);
    g_test_add_func("/qmp/options", test_options);
    g_test_add_func("/qmp/answer-at-exit", test_answer_at_exit);
    ret = g_test_run();
    monitor_test_cleanup();
    return ret;
}
