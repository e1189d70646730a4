/*
 * The mux: escapes, focus, buffering.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "chardev-test.h"
#include "util/cutils.h"

static int last_key;

typedef struct MuxTest {
    int peer;
    Chardev *chr;
    TestFrontend *a, *b;
} MuxTest;

static void send_str(MuxTest *m, const char *str)
{
    g_assert_cmpint(write(m->peer, str, strlen(str)), ==, (ssize_t)strlen(str));
    run_pending();
}

static char *read_all(MuxTest *m)
{
    char buf[4096];
    ssize_t n = read(m->peer, buf, sizeof(buf));

    return g_strndup(buf, MAX(n, 0));
}

static void setup(MuxTest *m)
{
    int sv[2];
    g_autofree char *str = NULL;
    bool help;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    m->peer = sv[1];
    qemu_set_blocking(m->peer, false);
    str = g_strdup_printf("socket,id=m,fd=%d,mux=on", sv[0]);
    m->chr = qemu_chr_new_from_string(str, &help, &error_abort);
    g_assert_true(qemu_chr_is_mux(m->chr));
    m->a = test_fe_new(m->chr);
    m->b = test_fe_new(m->chr);
    run_pending();
}

static void teardown(MuxTest *m)
{
    Chardev *base = qemu_chr_find("m-base");

    test_fe_free(m->a, false);
    test_fe_free(m->b, true);
    qemu_chr_delete(base);
    close(m->peer);
}

static void test_focus(void)
{
    MuxTest m;

    setup(&m);
    /* The last one to come has the focus. */
    g_assert_cmpstr(m.a->events->str, ==, "OIo");
    g_assert_cmpstr(m.b->events->str, ==, "OI");
    send_str(&m, "1");
    send_str(&m, "\001c2");
    send_str(&m, "\001c3");
    qemu_chr_fe_take_focus(&m.a->fe);
    send_str(&m, "4");
    g_assert_cmpstr(m.a->in->str, ==, "24");
    g_assert_cmpstr(m.b->in->str, ==, "13");
    g_assert_cmpstr(m.a->events->str, ==, "OIoIoI");
    teardown(&m);
}

static void test_escapes(void)
{
    g_autofree char *help = NULL;
    g_autofree char *term = NULL;
    MuxTest m;

    setup(&m);
    send_str(&m, "\001\001x\001");
    send_str(&m, "b\001?\001z\001s");
    g_assert_cmpstr(m.b->in->str, ==, "\001x");
    g_assert_cmpstr(m.b->events->str, ==, "OIB");
    g_assert_cmpint(last_key, ==, 's');
    help = read_all(&m);
    g_assert_true(g_str_has_prefix(help, "\n\rC-a h    print this help\n\r"));
    send_str(&m, "\001x");
    g_assert_cmpint(last_key, ==, 'x');
    term = read_all(&m);
    g_assert_cmpstr(term, ==, "QEMU: Terminated\n\r");
    teardown(&m);
}

static void test_output(void)
{
    g_autofree char *out = NULL;
    g_autofree char *stamped = NULL;
    MuxTest m;

    setup(&m);
    test_fe_puts(m.a, "from a\n");
    test_fe_puts(m.b, "from b\n");
    out = read_all(&m);
    g_assert_cmpstr(out, ==, "from a\nfrom b\n");
    send_str(&m, "\001t");
    test_fe_puts(m.a, "x\ny\nz");
    stamped = read_all(&m);
    g_assert_true(g_regex_match_simple(
        "^x\n\\[00:00:\\d\\d\\.\\d{3}\\] y\n\\[00:00:\\d\\d\\.\\d{3}\\] z$",
        stamped, 0, 0));
    teardown(&m);
}

/* A front end that takes nothing: some is kept, the rest waits outside. */
static void test_buffer(void)
{
    g_autofree char *text = g_strnfill(100, 'q');
    MuxTest m;

    setup(&m);
    m.b->room = 0;
    send_str(&m, text);
    g_assert_cmpint(m.b->in->len, ==, 0);
    m.b->room = 1;
    qemu_chr_fe_accept_input(&m.b->fe);
    WAIT_UNTIL(m.b->in->len == 100);
    g_assert_cmpstr(m.b->in->str, ==, text);
    teardown(&m);
}

static void test_too_many(void)
{
    TestFrontend *more[2];
    CharFrontend fe;
    Error *err = NULL;
    MuxTest m;

    setup(&m);
    more[0] = test_fe_new(m.chr);
    more[1] = test_fe_new(m.chr);
    g_assert_false(qemu_chr_fe_init(&fe, m.chr, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "too many uses of multiplexed chardev 'm' (maximum is 4)");
    error_free(err);
    /* Nobody has the focus then, until the user chooses. */
    test_fe_free(more[1], false);
    send_str(&m, "\001ck");
    g_assert_cmpstr(m.a->in->str, ==, "k");
    test_fe_free(more[0], false);
    teardown(&m);
}

/* The peer goes: all front ends hear it. */
static void test_close(void)
{
    MuxTest m;

    setup(&m);
    close(m.peer);
    m.peer = open("/dev/null", O_RDONLY | O_CLOEXEC);
    WAIT_UNTIL(m.a->events->str[m.a->events->len - 1] == 'C');
    g_assert_true(g_str_has_suffix(m.b->events->str, "C"));
    teardown(&m);
}

static void on_key(int key)
{
    last_key = key;
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    qemu_chr_set_mux_key_handler(on_key);
    qemu_chr_machine_done();
    g_test_add_func("/char-mux/focus", test_focus);
    g_test_add_func("/char-mux/escapes", test_escapes);
    g_test_add_func("/char-mux/output", test_output);
    g_test_add_func("/char-mux/buffer", test_buffer);
    g_test_add_func("/char-mux/too-many", test_too_many);
    g_test_add_func("/char-mux/close", test_close);
    ret = g_test_run();
    qemu_chr_cleanup();
    qemu_cleanup_main_loop();
    return ret;
}
