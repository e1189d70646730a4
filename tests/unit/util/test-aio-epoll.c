/*
 * The event loop without io_uring: who refused it, and what only epoll does.
 * (What both loops do is in test-aio.c, which runs over both.)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/main-loop.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static AioContext *ctx;

/* --- refused --- */

/* From now on the system call @nr fails with @err. */
static void refuse(int nr, int err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };

    g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), ==, 0);
}

static void nothing(void *opaque)
{
}

static void one_timer(void)
{
    int64_t end = get_clock() + 3 * SCALE_MS / 2;
    QEMUTimer timer;

    timer_init_ns(&timer, ctx, QEMU_CLOCK_REALTIME, nothing, NULL);
    timer_mod_ns(&timer, end);
    while (timer_pending(&timer)) {
        aio_poll(ctx, true);
    }
    g_assert_cmpint(get_clock(), >=, end);
}

static void test_refused(const void *opaque)
{
    int err = GPOINTER_TO_INT(opaque);

    if (g_test_subprocess()) {
        unsetenv("QEMU_EVENT_LOOP");
        refuse(__NR_io_uring_setup, err);
        aio_context_unref(ctx);
        ctx = aio_context_new(&error_abort);
        g_assert_false(aio_context_has_ring(ctx));
        one_timer();
        aio_context_unref(ctx);
        setenv("QEMU_EVENT_LOOP", "io_uring", 1);
        aio_context_new(&error_fatal);
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(err == ENOSYS ? "*io_uring is not available*"
                                            : "*io_uring is refused*");
}

static void test_no_pwait2(void)
{
    if (g_test_subprocess()) {
        refuse(__NR_epoll_pwait2, EPERM);
        one_timer();
        one_timer();
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

/* --- descriptors --- */

typedef struct FdTest {
    int fd, other;
    int reads, writes;
    bool remove_self, remove_other, turn;
} FdTest;

static void fd_read(void *opaque)
{
    FdTest *t = opaque;

    t->reads++;
    if (t->remove_self) {
        aio_set_fd_handler(ctx, t->fd, NULL, NULL, NULL);
    }
    if (t->remove_other) {
        t->remove_other = false;
        aio_set_fd_handler(ctx, t->other, NULL, NULL, NULL);
    }
    if (t->turn) {
        t->turn = false;
        aio_poll(ctx, false);
    }
}

static void fd_write(void *opaque)
{
    ((FdTest *)opaque)->writes++;
}

/* epoll takes no plain file: always ready, and both ways. */
static void test_plain_file(void)
{
    FdTest t = { .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };

    aio_set_fd_handler(ctx, t.fd, fd_read, NULL, &t);
    g_assert_true(aio_poll(ctx, true));
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpint(t.reads, ==, 2);
    g_assert_cmpint(t.writes, ==, 0);
    aio_set_fd_handler(ctx, t.fd, fd_read, fd_write, &t);
    g_assert_true(aio_poll(ctx, true));
    g_assert_cmpint(t.writes, ==, 1);
    t.remove_self = true;
    g_assert_true(aio_poll(ctx, true));
    g_assert_false(aio_poll(ctx, false));
    close(t.fd);
}

/* Of two that are ready, the first removes the second. */
static void test_remove_queued(void)
{
    FdTest t[2] = { 0 };
    int pipes[2][2];

    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(pipe(pipes[i]), ==, 0);
        g_assert_cmpint(write(pipes[i][1], "x", 1), ==, 1);
        t[i].fd = pipes[i][0];
    }
    t[0].other = t[1].fd;
    t[1].other = t[0].fd;
    t[0].remove_other = t[1].remove_other = true;
    for (int i = 0; i < 2; i++) {
        aio_set_fd_handler(ctx, t[i].fd, fd_read, NULL, &t[i]);
    }
    aio_poll(ctx, true);
    g_assert_cmpint(t[0].reads + t[1].reads, ==, 1);
    for (int i = 0; i < 2; i++) {
        aio_set_fd_handler(ctx, t[i].fd, NULL, NULL, NULL);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

/* A handler turns the loop: the other one runs there, and only once. */
static void test_nested(void)
{
    FdTest t[2] = { { .turn = true, .remove_self = true },
                    { .turn = true, .remove_self = true } };
    int pipes[2][2];

    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(pipe(pipes[i]), ==, 0);
        g_assert_cmpint(write(pipes[i][1], "x", 1), ==, 1);
        t[i].fd = pipes[i][0];
        aio_set_fd_handler(ctx, t[i].fd, fd_read, NULL, &t[i]);
    }
    aio_poll(ctx, true);
    g_assert_cmpint(t[0].reads, ==, 1);
    g_assert_cmpint(t[1].reads, ==, 1);
    g_assert_false(aio_poll(ctx, false));
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

/* A descriptor that is held back does not keep AIO_WAIT_WHILE busy. */
static void test_held_back(void)
{
    FdTest t = { 0 };
    AioContextStats before, after;
    QEMUTimer timer;
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    t.fd = fds[0];
    aio_set_fd_handler_outer(ctx, t.fd, fd_read, NULL, &t);
    timer_init_ns(&timer, ctx, QEMU_CLOCK_REALTIME, nothing, NULL);
    timer_mod_ns(&timer, get_clock() + 5 * SCALE_MS);
    aio_context_get_stats(ctx, &before);
    AIO_WAIT_WHILE(ctx, timer_pending(&timer));
    aio_context_get_stats(ctx, &after);
    g_assert_cmpint(t.reads, ==, 0);
    g_assert_cmpuint(after.turns - before.turns, <, 10);
    t.remove_self = true;
    aio_poll(ctx, true);
    g_assert_cmpint(t.reads, ==, 1);
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    setenv("QEMU_EVENT_LOOP", "epoll", 1);
    ctx = aio_context_new(&error_abort);
    g_assert_false(aio_context_has_ring(ctx));
    g_assert_cmpstr(aio_io_uring_refused(), ==,
                    "io_uring is switched off by QEMU_EVENT_LOOP=epoll");

    g_test_add_data_func("/aio-epoll/refused/enosys", GINT_TO_POINTER(ENOSYS),
                         test_refused);
    g_test_add_data_func("/aio-epoll/refused/eperm", GINT_TO_POINTER(EPERM),
                         test_refused);
    g_test_add_func("/aio-epoll/no-pwait2", test_no_pwait2);
    g_test_add_func("/aio-epoll/plain-file", test_plain_file);
    g_test_add_func("/aio-epoll/remove-queued", test_remove_queued);
    g_test_add_func("/aio-epoll/nested", test_nested);
    g_test_add_func("/aio-epoll/held-back", test_held_back);
    ret = g_test_run();
    aio_context_unref(ctx);
    return ret;
}
