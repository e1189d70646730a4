/*
 * The ring when the kernel is short of memory: io_uring_enter() is made to
 * fail by a syscall() of our own in front of the C library's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/aio.h"

#include <liburing.h>
#include <stdarg.h>
#include <sys/syscall.h>

static AioContext *ctx;
static int fail_errno, fail_count;

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long __wrap_syscall(long nr, ...)
{
    long a[6];
    va_list ap;

    va_start(ap, nr);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(ap, long);
    }
    va_end(ap);
    if (nr == __NR_io_uring_enter && fail_count > 0) {
        fail_count--;
        errno = fail_errno;
        return -1;
    }
    return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

typedef struct Nop {
    CqeHandler cqe;
    int n;
} Nop;

static bool in_get_sqe;

static void nop_done(CqeHandler *h, int res, uint32_t flags)
{
    g_assert_false(in_get_sqe);
    container_of(h, Nop, cqe)->n++;
}

static void put_nop(Nop *nop)
{
    struct io_uring_sqe *sqe;

    nop->cqe.cb = nop_done;
    in_get_sqe = true;
    sqe = aio_get_sqe(ctx, &nop->cqe);
    io_uring_prep_nop(sqe);
    in_get_sqe = false;
}

/* aio_get_sqe() makes room without calling handlers below its caller's feet,
 * and what completed meanwhile is handled in the next turn. */
static void test_not_reentrant(void)
{
    Nop done[16] = { 0 };
    g_autofree Nop *many = g_new0(Nop, 1000);

    for (int i = 0; i < ARRAY_SIZE(done); i++) {
        put_nop(&done[i]);
    }
    aio_submit(ctx); /* completions are there, nobody has looked */
    fail_errno = EAGAIN;
    fail_count = 600;
    for (int i = 0; i < 1000; i++) {
        put_nop(&many[i]);
    }
    g_assert_cmpint(done[0].n, ==, 0);
    fail_count = 0;
    while (!many[999].n) {
        aio_poll(ctx, true);
    }
    for (int i = 0; i < ARRAY_SIZE(done); i++) {
        g_assert_cmpint(done[i].n, ==, 1);
    }
    for (int i = 0; i < 1000; i++) {
        g_assert_cmpint(many[i].n, ==, 1);
    }
}

/* Completions that the kernel lost would be waited for for ever. */
static void test_lost(void)
{
    if (g_test_subprocess()) {
        Nop nop = { 0 };

        put_nop(&nop);
        fail_errno = EBADR;
        fail_count = 1;
        while (!nop.n) {
            aio_poll(ctx, true);
        }
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*io_uring_enter: the kernel has lost results "
                              "for want of memory*");
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    ctx = aio_context_new(&error_abort);
    if (!aio_context_has_ring(ctx)) {
        printf("1..0 # SKIP %s\n", aio_io_uring_refused());
        return 0;
    }
    aio_context_set_home(ctx);
    g_test_add_func("/aio-ring/not-reentrant", test_not_reentrant);
    g_test_add_func("/aio-ring/lost", test_lost);
    ret = g_test_run();
    aio_context_unref(ctx);
    return ret;
}
