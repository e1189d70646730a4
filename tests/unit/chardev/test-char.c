/*
 * Options of character devices, and the back ends over files and terminals.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>

#include "chardev-test.h"
#include "util/cutils.h"

static char *tmpdir;

static char *tmp(const char *name)
{
    return g_build_filename(tmpdir, name, NULL);
}

static const struct {
    const char *opts;
    const char *error;
} bad_options[] = {
    { "foo,id=a", "'foo' is not a valid char driver name" },
    { "id=a", "chardev: \"a\" missing backend" },
    { "null", "chardev: no id specified" },
    { "null,id=1a", "Parameter 'id' expects an identifier" },
    { "null,id=dup", "Duplicate ID 'dup' for chardev" },
    { "null,id=a,foo=1", "Invalid parameter 'foo'" },
    { "null,id=a,mux=zz", "Parameter 'mux' expects 'on' or 'off'" },
    { "null,id=a,logfile=/nonexistent/x",
      "Could not create '/nonexistent/x': No such file or directory" },
    { "socket,id=a", "Unable to parse FD number " },
    { "socket,id=a,host=h", "chardev: socket: no port given" },
    { "socket,id=a,path=x,host=h,port=1",
      "None or one of 'path', 'fd' or 'host' option required." },
    { "socket,id=a,path=x,wait=off",
      "'wait' option is incompatible with socket in client connect mode" },
    { "socket,id=a,path=x,server=on,reconnect=1",
      "'reconnect' option is incompatible with socket in server listen mode" },
    { "socket,id=a,path=x,reconnect=1,reconnect-ms=3",
      "'reconnect' and 'reconnect-ms' are mutually exclusive" },
    { "socket,id=a,path=x,reconnect=foo",
      "Parameter 'reconnect' expects a number" },
    { "socket,id=a,path=x,telnet=foo",
      "Parameter 'telnet' expects 'on' or 'off'" },
    { "socket,id=a,path=x,tls-creds=t", "No TLS credentials with id 't'" },
    { "socket,id=a,host=localhost,port=0,server=on,ipv4=off,ipv6=off",
      "Cannot disable IPv4 and IPv6 at same time" },
    { "file,id=a", "chardev: file: no filename given" },
    { "file,id=a,path=/nonexistent/x",
      "Could not open '/nonexistent/x': No such file or directory" },
    { "pipe,id=a,path=/nonexistent/x",
      "Could not open '/nonexistent/x': No such file or directory" },
    { "ringbuf,id=a,size=3", "size of ringbuf chardev must be power of two" },
    { "ringbuf,id=a,size=zz",
      "Parameter 'size' expects a non-negative number below 2^64" },
    { "mux,id=a", "chardev: mux: no chardev given" },
    { "mux,id=a,chardev=zz", "mux: base chardev zz not found" },
};

static void test_bad_options(void)
{
    Chardev *dup;
    bool help;

    dup = qemu_chr_new_from_string("null,id=dup", &help, &error_abort);
    for (size_t i = 0; i < ARRAY_SIZE(bad_options); i++) {
        Error *err = NULL;

        g_assert_null(
            qemu_chr_new_from_string(bad_options[i].opts, &help, &err));
        g_assert_nonnull(err);
        g_assert_cmpstr(error_get_pretty(err), ==, bad_options[i].error);
        error_free(err);
        g_assert_null(qemu_chr_find("a"));
        g_assert_null(qemu_chr_find("a-base"));
    }
    qemu_chr_delete(dup);
}

static void test_short_forms(void)
{
    static const char *const bad[] = { "foo",         "tcp:a",
                                       "tcp:h:",      "",
                                       "vcx",         "unix:x,server=x",
                                       "stdio,foo=1", "tcp:h:1,foo=on",
                                       "mon:foo",     "chardev:zz" };
    static const char *const good[] = { "null", "vc", "unix:x",
                                        "tcp:h:1,server,nowait",
                                        "telnet::1,server=on" };
    Error *err = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_assert_null(qemu_chr_new("x", bad[i], NULL));
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        g_assert_true(qemu_chr_is_valid_short(good[i], &error_abort));
    }
    g_assert_false(qemu_chr_is_valid_short("foo:x", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "'foo:x' is not a valid char driver");
    error_free(err);
    g_assert_null(qemu_chr_new("x", "none", &error_abort));
}

static void test_file(void)
{
    g_autofree char *path = tmp("out");
    g_autofree char *log = tmp("log");
    g_autofree char *opts = g_strdup_printf("file,id=f,path=%s,logfile=%s",
                                            path, log);
    g_autofree char *text = NULL;
    g_autofree char *logged = NULL;
    bool help;
    TestFrontend *t = test_fe_new(
        qemu_chr_new_from_string(opts, &help, &error_abort));

    test_fe_puts(t, "line\n");
    qemu_chr_fe_add_watch(&t->fe, test_fe_ready, t);
    WAIT_UNTIL(t->ready == 1);
    test_fe_free(t, true);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_file_get_contents(log, &logged, NULL, NULL));
    g_assert_cmpstr(text, ==, "line\n");
    g_assert_cmpstr(logged, ==, "line\n");
    unlink(path);
    unlink(log);
}

static void test_file_input(void)
{
    g_autofree char *in = tmp("in");
    g_autofree char *opts = g_strdup_printf(
        "file,id=f,path=/dev/null,input-path=%s", in);
    bool help;
    TestFrontend *t;

    g_assert_true(g_file_set_contents(in, "input", -1, NULL));
    t = test_fe_new(qemu_chr_new_from_string(opts, &help, &error_abort));
    WAIT_UNTIL(t->events->len == 2);
    g_assert_cmpstr(t->in->str, ==, "input");
    g_assert_cmpstr(t->events->str, ==, "OC");
    test_fe_free(t, true);
    unlink(in);
}

static void test_pipe(void)
{
    g_autofree char *base = tmp("p");
    g_autofree char *in = tmp("p.in");
    g_autofree char *out = tmp("p.out");
    g_autofree char *opts = g_strdup_printf("pipe:%s", base);
    char buf[5] = "";
    TestFrontend *t;
    int wr, rd;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    t = test_fe_new(qemu_chr_new("p", opts, &error_abort));
    wr = open(in, O_WRONLY | O_CLOEXEC);
    rd = open(out, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(write(wr, "abcd", 4), ==, 4);
    WAIT_UNTIL(t->in->len == 4);
    test_fe_puts(t, "efgh");
    g_assert_cmpint(qemu_read_full(rd, buf, 4), ==, 4);
    g_assert_cmpstr(buf, ==, "efgh");
    close(wr);
    close(rd);
    test_fe_free(t, true);
    unlink(in);
    unlink(out);
}

static void test_pty(void)
{
    g_autofree char *link = tmp("pty");
    g_autofree char *opts = g_strdup_printf("pty:%s", link);
    TestFrontend *t;
    char buf[5] = "";
    int fd, saved;

    /* It tells its name on standard output, where our results go. */
    saved = dup(1);
    dup2(2, 1);
    t = test_fe_new(qemu_chr_new("p", opts, &error_abort));
    dup2(saved, 1);
    close(saved);

    /* Nobody is there; what is written is lost. */
    test_fe_puts(t, "lost");
    run_pending();
    g_assert_cmpstr(t->events->str, ==, "");
    fd = open(link, O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    WAIT_UNTIL(t->events->len == 1);
    g_assert_cmpint(write(fd, "a\rb\3", 4), ==, 4);
    WAIT_UNTIL(t->in->len == 4);
    g_assert_cmpstr(t->in->str, ==, "a\rb\3");
    test_fe_puts(t, "x\ny\n");
    g_assert_cmpint(qemu_read_full(fd, buf, 4), ==, 4);
    g_assert_cmpstr(buf, ==, "x\ny\n");
    close(fd);
    WAIT_UNTIL(t->events->len == 2);
    g_assert_cmpstr(t->events->str, ==, "OC");
    test_fe_free(t, true);
    g_assert_cmpint(access(link, F_OK), ==, -1);
}

static void test_busy(void)
{
    bool help;
    Chardev *chr = qemu_chr_new_from_string("ringbuf,id=r,size=4", &help,
                                            &error_abort);
    TestFrontend *t = test_fe_new(chr);
    CharFrontend fe;
    Error *err = NULL;

    test_fe_puts(t, "more than fits");
    g_assert_true(qemu_chr_is_busy(chr));
    g_assert_false(qemu_chr_fe_init(&fe, chr, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "chardev 'r' is already in use");
    error_free(err);
    test_fe_free(t, false);
    g_assert_false(qemu_chr_is_busy(chr));
    /* A front end without a device is fine. */
    qemu_chr_fe_init(&fe, NULL, &error_abort);
    g_assert_cmpint(qemu_chr_fe_write(&fe, (uint8_t *)"x", 1), ==, 1);
    qemu_chr_fe_deinit(&fe, false);
    qemu_chr_delete(chr);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    tmpdir = g_dir_make_tmp("test-char-XXXXXX", NULL);
    qemu_init_main_loop(&error_abort);
    g_test_add_func("/char/bad-options", test_bad_options);
    g_test_add_func("/char/short-forms", test_short_forms);
    g_test_add_func("/char/file", test_file);
    g_test_add_func("/char/file-input", test_file_input);
    g_test_add_func("/char/pipe", test_pipe);
    g_test_add_func("/char/pty", test_pty);
    g_test_add_func("/char/busy", test_busy);
    ret = g_test_run();
    qemu_chr_cleanup();
    qemu_cleanup_main_loop();
    rmdir(tmpdir);
    g_free(tmpdir);
    return ret;
}
