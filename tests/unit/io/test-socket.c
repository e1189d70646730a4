/*
 * Sockets: listening, connecting, descriptors that travel, errors.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "io/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "qapi/qapi-types-sockets.h"
#include "util/cutils.h"

static char *tmpdir;

static SocketAddress *unix_addr(const char *name)
{
    g_autofree char *str = g_strdup_printf("unix:%s/%s", tmpdir, name);

    return socket_parse(str, &error_abort);
}

static void wait_for(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    g_assert_cmpint(poll(&pfd, 1, 10000), ==, 1);
}

static void check_error(Error *err, const char *text)
{
    g_assert_nonnull(err);
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
}

/* Bytes go both ways between a listener's client and @client. */
static void check_stream(int server, int client)
{
    char buf[4];

    g_assert_cmpint(write(client, "ping", 4), ==, 4);
    wait_for(server, POLLIN);
    g_assert_cmpint(read(server, buf, 4), ==, 4);
    g_assert_cmpint(write(server, "pong", 4), ==, 4);
    wait_for(client, POLLIN);
    g_assert_cmpint(read(client, buf, 4), ==, 4);
    g_assert_cmpmem(buf, 4, "pong", 4);
}

static int accept_one(int listener)
{
    int fd;

    wait_for(listener, POLLIN);
    fd = socket_accept(listener);
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    return fd;
}

static void test_unix(void)
{
    SocketAddress *addr = unix_addr("u");
    int l = socket_listen(addr, 1, &error_abort);
    int c = socket_connect(addr, false, NULL, &error_abort);
    int s = accept_one(l);

    g_assert_cmpint(socket_accept(l), ==, -1);
    check_stream(s, c);
    socket_listen_cleanup(addr, l);
    g_assert_cmpint(access(addr->u.q_unix.path, F_OK), ==, -1);
    close(s);
    close(c);
    close(l);
    qapi_free_SocketAddress(addr);
}

static void test_unix_abstract(void)
{
    SocketAddress addr = {
        .type = SOCKET_ADDRESS_TYPE_UNIX,
        .u.q_unix = { .has_abstract = true, .abstract = true },
    };
    g_autofree char *name = g_strdup_printf("test-socket-%d", getpid());
    SocketAddress *local;
    int l, c, s;

    addr.u.q_unix.path = name;
    l = socket_listen(&addr, 1, &error_abort);
    c = socket_connect(&addr, false, NULL, &error_abort);
    s = accept_one(l);
    check_stream(s, c);
    local = socket_local_address(l, &error_abort);
    g_assert_true(local->u.q_unix.abstract);
    g_assert_cmpstr(local->u.q_unix.path, ==, name);
    qapi_free_SocketAddress(local);
    close(s);
    close(c);
    close(l);
}

static void test_tcp(void)
{
    SocketAddress *addr = inet_parse_address("127.0.0.1:0", &error_abort);
    int l = socket_listen(addr, 1, &error_abort);
    SocketAddress *bound = socket_local_address(l, &error_abort);
    Error *err = NULL;
    g_autofree char *text = NULL;
    bool in_progress;
    int c, s;

    g_assert_cmpstr(bound->u.inet.host, ==, "127.0.0.1");
    g_assert_cmpstr(bound->u.inet.port, !=, "0");
    c = socket_connect(bound, true, &in_progress, &error_abort);
    s = accept_one(l);
    wait_for(c, POLLOUT);
    g_assert_true(socket_connect_finish(c, bound, &error_abort));
    check_stream(s, c);
    /* The port is taken. */
    g_assert_cmpint(socket_listen(bound, 1, &err), ==, -1);
    check_error(err, "Failed to find an available port: Address already in "
                     "use");
    err = NULL;
    close(s);
    close(c);
    close(l);
    /* Nobody listens. */
    g_assert_cmpint(socket_connect(bound, false, NULL, &err), ==, -1);
    text = g_strdup_printf("Failed to connect to '127.0.0.1:%s': Connection "
                           "refused",
                           bound->u.inet.port);
    check_error(err, text);
    qapi_free_SocketAddress(addr);
    qapi_free_SocketAddress(bound);
}

static void test_tcp_port_range(void)
{
    SocketAddress *addr = inet_parse_address("127.0.0.1:0", &error_abort);
    int l = socket_listen(addr, 1, &error_abort);
    SocketAddress *bound = socket_local_address(l, &error_abort);
    unsigned port;
    int l2;

    g_assert_cmpint(qemu_strtoui(bound->u.inet.port, NULL, 10, &port), ==, 0);
    bound->u.inet.has_to = true;
    bound->u.inet.to = MIN(port + 20, 65535);
    l2 = socket_listen(bound, 1, &error_abort);
    close(l2);
    close(l);
    qapi_free_SocketAddress(addr);
    qapi_free_SocketAddress(bound);
}

static void test_errors(void)
{
    g_autofree char *path = g_strnfill(120, 'x');
    SocketAddress addr = { .type = SOCKET_ADDRESS_TYPE_UNIX };
    g_autofree char *text = NULL;
    Error *err = NULL;

    addr.u.q_unix.path = path;
    g_assert_cmpint(socket_listen(&addr, 1, &err), ==, -1);
    text = g_strdup_printf("UNIX socket path '%s' is too long", path);
    g_assert_cmpstr(error_get_hint(err), ==,
                    "Path must be less than 108 bytes\n");
    check_error(err, text);
    err = NULL;

    addr.u.q_unix.path = (char *)"/nonexistent/x";
    g_assert_cmpint(socket_connect(&addr, false, NULL, &err), ==, -1);
    check_error(err, "Failed to connect to '/nonexistent/x': No such file or "
                     "directory");
    err = NULL;
    g_assert_cmpint(socket_listen(&addr, 1, &err), ==, -1);
    check_error(err, "Failed to bind socket to /nonexistent/x: No such file "
                     "or directory");
    err = NULL;
    g_assert_cmpint(socket_get_fd("x", &err), ==, -1);
    check_error(err, "Unable to parse FD number x");
    err = NULL;
    g_assert_cmpint(socket_get_fd("99999999999", &err), ==, -1);
    error_free_or_abort(&err);
    g_assert_cmpint(socket_get_fd("-1", &err), ==, -1);
    error_free_or_abort(&err);
    g_assert_cmpint(socket_get_fd("2", &err), ==, -1);
    check_error(err, "File descriptor '2' is not a socket");
}

static void test_fds(void)
{
    int sv[2], p[2], fds[SOCKET_MAX_FDS], n;
    char buf[8];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    g_assert_cmpint(pipe(p), ==, 0);
    g_assert_cmpint(socket_send_fds(sv[0], "x", 1, p, 2), ==, 1);
    g_assert_cmpint(socket_recv_fds(sv[1], buf, sizeof(buf), fds, &n), ==, 1);
    g_assert_cmpint(n, ==, 2);
    g_assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    g_assert_cmpint(write(fds[1], "y", 1), ==, 1);
    g_assert_cmpint(read(p[0], buf, 1), ==, 1);
    /* A peer that has gone is an error, not a signal. */
    close(sv[1]);
    g_assert_cmpint(socket_send_fds(sv[0], "x", 1, NULL, 0), ==, -1);
    g_assert_cmpint(errno, ==, EPIPE);
    close(sv[0]);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(fds[i]);
    }
}

static void check_inet(const char *str, const char *host, const char *port)
{
    SocketAddress *addr = socket_parse(str, &error_abort);

    g_assert_cmpint(addr->type, ==, SOCKET_ADDRESS_TYPE_INET);
    g_assert_cmpstr(addr->u.inet.host, ==, host);
    g_assert_cmpstr(addr->u.inet.port, ==, port);
    qapi_free_SocketAddress(addr);
}

static void test_parse(void)
{
    static const char *const bad[] = {
        "",         "host",    "host:", "[::1", "[::1]80",     "h:1,ipv4=maybe",
        "h:1,to=x", "h:1,y=1", "unix:", "fd:",  "h:1,to=70000"
    };
    SocketAddress *addr;
    g_autofree char *str = NULL;
    Error *err = NULL;

    check_inet("localhost:80", "localhost", "80");
    check_inet("tcp:localhost:80", "localhost", "80");
    check_inet("[::1]:80,ipv6=on", "::1", "80");
    check_inet(":80", "", "80");
    addr = socket_parse("fd:7", &error_abort);
    g_assert_cmpint(addr->type, ==, SOCKET_ADDRESS_TYPE_FD);
    qapi_free_SocketAddress(addr);
    addr = socket_parse("[::1]:80,ipv4=off,ipv6,to=90", &error_abort);
    g_assert_true(addr->u.inet.has_ipv4 && !addr->u.inet.ipv4);
    g_assert_true(addr->u.inet.has_ipv6 && addr->u.inet.ipv6);
    g_assert_cmpint(addr->u.inet.to, ==, 90);
    str = socket_address_to_string(addr);
    g_assert_cmpstr(str, ==, "[::1]:80");
    qapi_free_SocketAddress(addr);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_null(socket_parse(bad[i], &err));
        error_free_or_abort(&err);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    tmpdir = g_dir_make_tmp("test-socket-XXXXXX", NULL);
    g_test_add_func("/socket/unix", test_unix);
    g_test_add_func("/socket/unix-abstract", test_unix_abstract);
    g_test_add_func("/socket/tcp", test_tcp);
    g_test_add_func("/socket/tcp-port-range", test_tcp_port_range);
    g_test_add_func("/socket/errors", test_errors);
    g_test_add_func("/socket/fds", test_fds);
    g_test_add_func("/socket/parse", test_parse);
    ret = g_test_run();
    rmdir(tmpdir);
    g_free(tmpdir);
    return ret;
}
