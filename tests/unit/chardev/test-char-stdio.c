/*
 * Standard input and output as a device: raw mode while it is used, and
 * everything as before at the end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "chardev-test.h"
#include "util/cutils.h"

static void wait_for_text(int fd, const char *text)
{
    g_autoptr(GString) got = g_string_new(NULL);
    char c;

    while (!strstr(got->str, text)) {
        g_assert_cmpint(RETRY_ON_EINTR(read(fd, &c, 1)), ==, 1);
        g_string_append_c(got, c);
    }
}

/* The child: stdio is its device until it has read "q". */
static void child(const char *opts)
{
    bool help;
    TestFrontend *t;
    Error *err = NULL;

    qemu_init_main_loop(&error_abort);
    t = test_fe_new(qemu_chr_new_from_string(opts, &help, &error_abort));
    g_assert_null(qemu_chr_new_from_string("stdio,id=b", &help, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "cannot use stdio by multiple character devices");
    error_free(err);
    test_fe_puts(t, "ready\n");
    WAIT_UNTIL(strchr(t->in->str, 'q'));
    test_fe_puts(t, t->in->str);
    exit(0);
}

static void run_on_tty(const char *opts, const char *input, const char *echo,
                       bool isig)
{
    struct termios before, during, after;
    int master, slave, flags, status;
    pid_t pid;

    g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
    flags = fcntl(slave, F_GETFL);
    pid = fork();
    if (pid == 0) {
        setsid();
        for (int fd = 0; fd < 3; fd++) {
            dup2(slave, fd);
        }
        child(opts);
    }
    wait_for_text(master, "ready\r\n");
    g_assert_cmpint(tcgetattr(slave, &during), ==, 0);
    g_assert_false(during.c_lflag & (ECHO | ICANON));
    g_assert_cmpint(!!(during.c_lflag & ISIG), ==, isig);
    g_assert_true(fcntl(slave, F_GETFL) & O_NONBLOCK);
    g_assert_cmpint(write(master, input, strlen(input)), ==,
                    (ssize_t)strlen(input));
    wait_for_text(master, echo);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(tcgetattr(slave, &after), ==, 0);
    g_assert_cmpint(after.c_lflag, ==, before.c_lflag);
    g_assert_cmpint(after.c_iflag, ==, before.c_iflag);
    g_assert_cmpint(fcntl(slave, F_GETFL), ==, flags);
    close(master);
    close(slave);
}

static void test_tty(void)
{
    run_on_tty("stdio,id=a", "x\ry q", "x\ry q", true);
}

static void test_tty_no_signal(void)
{
    run_on_tty("stdio,id=a,signal=off", "\003q", "\003q", false);
}

static void test_file_input(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-char-stdio-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "in", NULL);
    int p[2], status, in;
    pid_t pid;

    g_assert_true(g_file_set_contents(path, "abcq", -1, NULL));
    g_assert_cmpint(pipe(p), ==, 0);
    in = open(path, O_RDONLY | O_CLOEXEC);
    pid = fork();
    if (pid == 0) {
        dup2(in, 0);
        dup2(p[1], 1);
        child("stdio,id=a");
    }
    wait_for_text(p[0], "ready\nabcq");
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK);
    close(in);
    close(p[0]);
    close(p[1]);
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/char-stdio/tty", test_tty);
    g_test_add_func("/char-stdio/tty-no-signal", test_tty_no_signal);
    g_test_add_func("/char-stdio/file-input", test_file_input);
    return g_test_run();
}
