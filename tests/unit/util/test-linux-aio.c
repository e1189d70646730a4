/*
 * Linux AIO: batches, more requests than slots, errors, nested turns.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/linux-aio.h"
#include "util/memalign.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static AioContext *ctx;
static int fd;
static uint8_t *buf;

typedef struct Req {
    CqeHandler cqe;
    struct iovec iov[2];
    int res;
    bool done, turn;
} Req;

static void req_done(CqeHandler *h, int res, uint32_t flags)
{
    Req *r = container_of(h, Req, cqe);

    r->res = res;
    r->done = true;
    if (r->turn) {
        /* The rest completes in turns within the handler */
        for (Req *next = r + 1; !next->done;) {
            aio_poll(ctx, true);
        }
    }
}

static bool submit(Req *r, bool is_write, int file, int niov, unsigned batch)
{
    LinuxAioRw rw = { .is_write = is_write,
                      .fd = file,
                      .iov = r->iov,
                      .niov = niov,
                      .max_batch = batch };

    r->cqe.cb = req_done;
    r->iov[0] = (struct iovec){ buf, 4096 };
    r->iov[1] = (struct iovec){ buf + 4096, 4096 };
    r->done = false;
    return linux_aio_submit(aio_get_linux_aio(ctx, &error_abort), &r->cqe, &rw);
}

static void wait_for(Req *r)
{
    while (!r->done) {
        aio_poll(ctx, true);
    }
}

static void test_rw(void)
{
    Req r = { 0 };

    memset(buf, 7, 8192);
    g_assert_true(submit(&r, true, fd, 2, 0));
    wait_for(&r);
    g_assert_cmpint(r.res, ==, 8192);
    memset(buf, 0, 8192);
    g_assert_true(submit(&r, false, fd, 1, 0));
    wait_for(&r);
    g_assert_cmpint(r.res, ==, 4096);
    g_assert_cmpint(buf[4095], ==, 7);
    g_assert_cmpint(buf[4096], ==, 0);
}

static uint64_t submits(unsigned batch)
{
    AioContextStats before, after;
    Req r[32] = { 0 };

    while (aio_poll(ctx, false)) {
    }
    aio_context_get_stats(ctx, &before);
    for (int i = 0; i < 32; i++) {
        g_assert_true(submit(&r[i], false, fd, 1, batch));
        g_assert_false(r[i].done);
    }
    for (int i = 0; i < 32; i++) {
        wait_for(&r[i]);
        g_assert_cmpint(r[i].res, ==, 4096);
    }
    aio_context_get_stats(ctx, &after);
    g_assert_cmpuint(after.sqes - before.sqes, >=, 32);
    return after.syscalls - before.syscalls;
}

static void test_batch(void)
{
    uint64_t together = submits(0);

    g_test_message("32 requests: %" PRIu64 " system calls", together);
    /* One that submits, and at most one for each that is waited for */
    g_assert_cmpuint(together, <=, 1 + 32);
    g_assert_cmpuint(submits(1), >=, 32 + 1);
    aio_context_set_aio_params(ctx, 1);
    g_assert_cmpuint(submits(0), >=, 32);
    aio_context_set_aio_params(ctx, 0);
}

static void test_full(void)
{
    g_autofree Req *r = g_new0(Req, 1025);
    int n = 0;

    while (n < 1025 && submit(&r[n], false, fd, 1, 0)) {
        n++;
    }
    g_assert_cmpint(n, ==, 1024);
    for (int i = 0; i < n; i++) {
        wait_for(&r[i]);
        g_assert_cmpint(r[i].res, ==, 4096);
    }
    g_assert_true(submit(&r[0], false, fd, 1, 0));
    wait_for(&r[0]);
}

/* What the kernel refuses to begin ends from the loop, and stops nobody. */
static void test_error(void)
{
    Req r[4] = { 0 };

    g_assert_true(submit(&r[0], false, fd, 1, 0));
    g_assert_true(submit(&r[1], false, -1, 1, 0));
    g_assert_true(submit(&r[2], false, -1, 1, 1));
    g_assert_true(submit(&r[3], false, fd, 1, 0));
    g_assert_false(r[1].done);
    g_assert_false(r[2].done);
    for (int i = 0; i < 4; i++) {
        wait_for(&r[i]);
    }
    g_assert_cmpint(r[0].res, ==, 4096);
    g_assert_cmpint(r[1].res, ==, -EBADF);
    g_assert_cmpint(r[2].res, ==, -EBADF);
    g_assert_cmpint(r[3].res, ==, 4096);
}

static void test_nested(void)
{
    Req r[9] = { 0 };

    for (int i = 0; i < 8; i++) {
        r[i].turn = true;
        g_assert_true(submit(&r[i], false, i % 3 ? fd : -1, 1, 0));
    }
    g_assert_true(submit(&r[8], false, fd, 1, 0));
    for (int i = 0; i < 9; i++) {
        wait_for(&r[i]);
    }
}

/* The loop polls: completions are found in the kernel's ring. */
static void test_polling(void)
{
    aio_context_set_poll_params(ctx, SCALE_MS, 0, 0);
    for (int i = 0; i < 100; i++) {
        test_rw();
    }
    aio_context_set_poll_params(ctx, 0, 0, 0);
}

static void test_refused(void)
{
    if (g_test_subprocess()) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                     offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_setup, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
        g_autoptr(AioContext) other = aio_context_new(&error_abort);

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), ==,
                        0);
        aio_context_leave_home(ctx);
        aio_context_set_home(other);
        g_assert_null(aio_get_linux_aio(other, &error_fatal));
        exit(0);
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*failed to create linux AIO context: Function "
                              "not implemented*");
}

int main(int argc, char **argv)
{
    g_autofree char *name = g_strdup("/var/tmp/test-linux-aio-XXXXXX");
    int ret;

    g_test_init(&argc, &argv, NULL);
    ctx = aio_context_new(&error_abort);
    aio_context_set_home(ctx);
    fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC | O_DIRECT, 0600);
    if (fd < 0) {
        fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    }
    unlink(name);
    buf = qemu_memalign(4096, 8192);
    g_assert_cmpint(ftruncate(fd, 8192), ==, 0);

    g_test_add_func("/linux-aio/rw", test_rw);
    g_test_add_func("/linux-aio/batch", test_batch);
    g_test_add_func("/linux-aio/full", test_full);
    g_test_add_func("/linux-aio/error", test_error);
    g_test_add_func("/linux-aio/nested", test_nested);
    g_test_add_func("/linux-aio/polling", test_polling);
    g_test_add_func("/linux-aio/refused", test_refused);
    ret = g_test_run();
    aio_context_unref(ctx);
    close(fd);
    qemu_vfree(buf);
    return ret;
}
