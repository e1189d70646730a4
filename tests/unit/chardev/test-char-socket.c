/*
 * The socket back end: servers, clients, reconnection, slow peers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <sys/socket.h>

#include "chardev-test.h"
#include "io/socket.h"
#include "qapi/qapi-types-sockets.h"
#include "util/cutils.h"

static char *tmpdir;

static Chardev *new_chr(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static Chardev *new_chr(const char *fmt, ...)
{
    g_autofree char *str = NULL;
    va_list ap;
    bool help;

    va_start(ap, fmt);
    str = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return qemu_chr_new_from_string(str, &help, &error_abort);
}

static int connect_to(const char *str)
{
    SocketAddress *addr = socket_parse(str, &error_abort);
    int fd = socket_connect(addr, false, NULL, &error_abort);

    qapi_free_SocketAddress(addr);
    return fd;
}

static void send_str(int fd, const char *str)
{
    g_assert_cmpint(write(fd, str, strlen(str)), ==, (ssize_t)strlen(str));
}

static void expect_str(int fd, const char *str)
{
    g_autofree char *buf = g_malloc0(strlen(str) + 1);

    g_assert_cmpint(qemu_read_full(fd, buf, strlen(str)), ==,
                    (ssize_t)strlen(str));
    g_assert_cmpstr(buf, ==, str);
}

/* A server, two clients one after the other. */
static void check_server(TestFrontend *t, const char *address)
{
    int c1 = connect_to(address);
    int c2;

    WAIT_UNTIL(t->events->len == 1);
    send_str(c1, "hello");
    WAIT_UNTIL(t->in->len == 5);
    test_fe_puts(t, "world");
    expect_str(c1, "world");

    /* The second one has to wait. */
    c2 = connect_to(address);
    send_str(c2, "second");
    run_pending();
    g_assert_cmpint(t->in->len, ==, 5);
    close(c1);
    WAIT_UNTIL(t->in->len == 11);
    g_assert_cmpstr(t->events->str, ==, "OCO");
    g_assert_cmpstr(t->in->str, ==, "hellosecond");
    close(c2);
    WAIT_UNTIL(t->events->len == 4);
    g_assert_cmpint(qemu_chr_fe_write(&t->fe, (uint8_t *)"x", 1), ==, -1);
}

static void test_unix_server(void)
{
    Chardev *chr = new_chr("socket,id=s,path=%s/s,server=on,wait=off", tmpdir);
    TestFrontend *t = test_fe_new(chr);
    g_autofree char *addr = g_strdup_printf("unix:%s/s", tmpdir);
    g_autofree char *name = g_strdup_printf("disconnected:unix:%s/s,server=on",
                                            tmpdir);

    g_assert_cmpstr(qemu_chr_filename(chr), ==, name);
    check_server(t, addr);
    g_assert_cmpstr(qemu_chr_filename(chr), ==, name);
    test_fe_free(t, true);
    g_assert_cmpint(access(addr + 5, F_OK), ==, -1);
}

static void test_tcp_server(void)
{
    Chardev *chr = new_chr("socket,id=s,host=127.0.0.1,port=0,server,nowait");
    TestFrontend *t = test_fe_new(chr);
    const char *name = qemu_chr_filename(chr);
    const char *p;
    g_autofree char *addr = NULL;

    g_assert_true(strstart(name, "disconnected:", &p));
    addr = g_strndup(p, strcspn(p, ","));
    check_server(t, addr);
    test_fe_free(t, true);
}

/* The peer of a socket pair, whose other end the device "s" owns. */
static TestFrontend *new_pair(int *peer)
{
    int sv[2];
    Chardev *chr;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    chr = new_chr("socket,id=s,fd=%d", sv[0]);
    *peer = sv[1];
    return test_fe_new(chr);
}

static void test_fd(void)
{
    int peer;
    TestFrontend *t = new_pair(&peer);

    g_assert_cmpstr(t->events->str, ==, "O");
    send_str(peer, "abc");
    WAIT_UNTIL(t->in->len == 3);
    test_fe_puts(t, "def");
    expect_str(peer, "def");
    /* Nobody reads: nothing is read. */
    t->room = 0;
    send_str(peer, "ghi");
    run_pending();
    g_assert_cmpint(t->in->len, ==, 3);
    t->room = 1;
    qemu_chr_fe_accept_input(&t->fe);
    WAIT_UNTIL(t->in->len == 6);
    close(peer);
    WAIT_UNTIL(t->events->len == 2);
    test_fe_free(t, true);
}

/* A peer that does not read: writes are partial, and the watch comes when
 * there is room again. */
static void test_slow_reader(void)
{
    int peer;
    TestFrontend *t = new_pair(&peer);
    size_t sent = 0, got = 0;
    uint8_t buf[65536];
    int n;

    for (size_t i = 0; i < sizeof(buf); i++) {
        buf[i] = i;
    }
    while ((n = qemu_chr_fe_write(&t->fe, buf, sizeof(buf))) > 0) {
        sent += n;
        if (n < (int)sizeof(buf)) {
            break;
        }
    }
    g_assert_cmpint(qemu_chr_fe_write(&t->fe, buf, 1), ==, 0);
    qemu_chr_fe_add_watch(&t->fe, test_fe_ready, t);
    run_pending();
    g_assert_cmpint(t->ready, ==, 0);
    while (got < sent) {
        ssize_t r = read(peer, buf, MIN(sizeof(buf), sent - got));

        g_assert_cmpint(r, >, 0);
        got += r;
    }
    WAIT_UNTIL(t->ready == 1);
    test_fe_puts(t, "more");
    expect_str(peer, "more");
    /* It comes once, and also when the peer goes. */
    run_pending();
    g_assert_cmpint(t->ready, ==, 1);
    while ((n = qemu_chr_fe_write(&t->fe, buf, sizeof(buf))) > 0) {
    }
    qemu_chr_fe_add_watch(&t->fe, test_fe_ready, t);
    close(peer);
    WAIT_UNTIL(t->ready == 2);
    WAIT_UNTIL(t->events->len == 2);
    test_fe_free(t, true);
}

static void test_msgfds(void)
{
    int peer, p[2], fd;
    TestFrontend *t = new_pair(&peer);

    g_assert_cmpint(pipe(p), ==, 0);
    g_assert_cmpint(socket_send_fds(peer, "x", 1, p, 2), ==, 1);
    WAIT_UNTIL(t->in->len == 1);
    fd = qemu_chr_fe_get_msgfd(&t->fe);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    fd = qemu_chr_fe_get_msgfd(&t->fe);
    send_str(fd, "y");
    expect_str(p[0], "y");
    close(fd);
    g_assert_cmpint(qemu_chr_fe_get_msgfd(&t->fe), ==, -1);
    close(p[0]);
    close(p[1]);
    close(peer);
    test_fe_free(t, true);
}

static void test_telnet(void)
{
    int peer, sv[2];
    TestFrontend *t;
    static const char input[] = "a\xff\xff"
                                "b\xff\xfd\x01"
                                "c\xff\xf3"
                                "d";
    uint8_t hello[12];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    peer = sv[1];
    t = test_fe_new(new_chr("socket,id=s,fd=%d,telnet=on", sv[0]));
    g_assert_cmpint(qemu_read_full(peer, hello, 12), ==, 12);
    g_assert_cmpint(hello[0], ==, 0xff);
    /* Commands are cut anywhere. */
    for (size_t i = 0; i < sizeof(input) - 1; i++) {
        g_assert_cmpint(write(peer, input + i, 1), ==, 1);
        run_pending();
    }
    g_assert_cmpstr(t->in->str, ==,
                    "a\xff"
                    "bcd");
    g_assert_cmpstr(t->events->str, ==, "OB");
    close(peer);
    test_fe_free(t, true);
}

static void test_reconnect(void)
{
    g_autofree char *addr_str = g_strdup_printf("unix:%s/r", tmpdir);
    SocketAddress *addr = socket_parse(addr_str, &error_abort);
    int l = socket_listen(addr, 1, &error_abort);
    TestFrontend *t;
    int s;

    t = test_fe_new(new_chr("socket,id=s,path=%s/r,reconnect-ms=1", tmpdir));
    for (int i = 1; i <= 3; i++) {
        WAIT_UNTIL(t->events->len == 2 * i - 1);
        s = socket_accept(l);
        g_assert_cmpint(s, >=, 0);
        send_str(s, "x");
        WAIT_UNTIL((int)t->in->len == i);
        close(s);
        WAIT_UNTIL(t->events->len >= 2 * i);
    }
    socket_listen_cleanup(addr, l);
    close(l);
    test_fe_free(t, true);
    qapi_free_SocketAddress(addr);
}

static void test_wait(void)
{
    g_autofree char *addr = g_strdup_printf("unix:%s/w", tmpdir);
    pid_t pid = fork();

    if (pid == 0) {
        /* The client; the server does not exist at first. */
        while (access(addr + 5, F_OK) < 0) {
            sched_yield();
        }
        for (;;) {
            SocketAddress *a = socket_parse(addr, &error_abort);
            int fd = socket_connect(a, false, NULL, NULL);

            if (fd >= 0) {
                send_str(fd, "here");
                _exit(0);
            }
        }
    } else {
        Chardev *chr = new_chr("socket,id=s,path=%s/w,server=on", tmpdir);
        TestFrontend *t = test_fe_new(chr);

        g_assert_cmpstr(t->events->str, ==, "O");
        WAIT_UNTIL(t->in->len == 4);
        test_fe_free(t, true);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    tmpdir = g_dir_make_tmp("test-char-socket-XXXXXX", NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/char-socket/unix-server", test_unix_server);
    g_test_add_func("/char-socket/tcp-server", test_tcp_server);
    g_test_add_func("/char-socket/fd", test_fd);
    g_test_add_func("/char-socket/slow-reader", test_slow_reader);
    g_test_add_func("/char-socket/msgfds", test_msgfds);
    g_test_add_func("/char-socket/telnet", test_telnet);
    g_test_add_func("/char-socket/reconnect", test_reconnect);
    g_test_add_func("/char-socket/wait", test_wait);
    ret = g_test_run();
    qemu_chr_cleanup();
    qemu_cleanup_main_loop();
    rmdir(tmpdir);
    g_free(tmpdir);
    return ret;
}
