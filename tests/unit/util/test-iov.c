/*
 * Scatter/gather lists, zero buffers, aligned memory, notifier lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/buffer.h"
#include "util/iov.h"
#include "util/memalign.h"
#include "util/notify.h"

#define TOTAL 1000

/* @buf of TOTAL bytes cut at random places, empty pieces included. */
static unsigned cut(char *buf, struct iovec *iov)
{
    size_t at = 0;
    unsigned n = 0;

    while (at < TOTAL) {
        size_t len = g_test_rand_int_range(0, 100);

        len = MIN(len, TOTAL - at);
        iov[n++] = (struct iovec){ .iov_base = buf + at, .iov_len = len };
        at += len;
    }
    return n;
}

static void test_copy(void)
{
    char buf[TOTAL], ref[TOTAL], part[TOTAL];
    struct iovec iov[TOTAL * 4], sub[TOTAL * 4];

    for (int round = 0; round < 200; round++) {
        unsigned n = cut(buf, iov), n_sub;
        size_t off = g_test_rand_int_range(0, TOTAL + 10);
        size_t len = g_test_rand_int_range(0, TOTAL + 10);
        size_t real = off < TOTAL ? MIN(len, TOTAL - off) : 0;

        for (int i = 0; i < TOTAL; i++) {
            buf[i] = ref[i] = g_test_rand_int();
        }
        g_assert_cmpuint(iov_size(iov, n), ==, TOTAL);
        g_assert_cmpuint(iov_to_buf(iov, n, off, part, len), ==, real);
        g_assert_cmpmem(part, real, ref + MIN(off, TOTAL), real);

        n_sub = iov_copy(sub, ARRAY_SIZE(sub), iov, n, off, len);
        g_assert_cmpuint(iov_size(sub, n_sub), ==, real);

        memset(part, 'x', TOTAL);
        g_assert_cmpuint(iov_from_buf(iov, n, off, part, len), ==, real);
        memset(ref + MIN(off, TOTAL), 'x', real);
        g_assert_cmpmem(buf, TOTAL, ref, TOTAL);

        g_assert_cmpuint(iov_memset(iov, n, off, 0, len), ==, real);
        memset(ref + MIN(off, TOTAL), 0, real);
        g_assert_cmpmem(buf, TOTAL, ref, TOTAL);
        g_assert_true(iov_is_zero(iov, n, off, len));
    }
}

static void test_discard(void)
{
    char buf[TOTAL];
    struct iovec iov[TOTAL * 4];

    for (int round = 0; round < 200; round++) {
        unsigned n = cut(buf, iov);
        struct iovec *p = iov;
        size_t front = g_test_rand_int_range(0, TOTAL);
        size_t back = g_test_rand_int_range(0, TOTAL - front + 1);

        g_assert_cmpuint(iov_discard_front(&p, &n, front), ==, front);
        g_assert_cmpuint(iov_discard_back(p, &n, back), ==, back);
        g_assert_cmpuint(iov_size(p, n), ==, TOTAL - front - back);
        if (front + back < TOTAL) {
            while (p->iov_len == 0) {
                p++;
            }
            g_assert_true(p->iov_base == buf + front);
        }
        n = 1;
        iov[0] = (struct iovec){ .iov_base = buf, .iov_len = 10 };
        p = iov;
        g_assert_cmpuint(iov_discard_front(&p, &n, 20), ==, 10);
        g_assert_cmpuint(n, ==, 0);
    }
}

static void test_qiov(void)
{
    char buf[TOTAL], other[TOTAL];
    struct iovec iov[TOTAL * 4];
    unsigned n = cut(buf, iov);
    QEMUIOVector q, part, one = QEMU_IOVEC_INIT_BUF(one, other, TOTAL);

    memset(buf, 7, TOTAL);
    memset(other, 7, TOTAL);
    qemu_iovec_init(&q, 1);
    for (unsigned i = 0; i < n; i++) {
        qemu_iovec_add(&q, iov[i].iov_base, iov[i].iov_len);
    }
    g_assert_cmpuint(q.size, ==, TOTAL);
    g_assert_cmpint(qemu_iovec_compare(&q, &one), ==, -1);
    other[777] = 8;
    g_assert_cmpint(qemu_iovec_compare(&q, &one), ==, 777);
    g_assert_cmpint(qemu_iovec_compare(&one, &q), ==, 777);

    qemu_iovec_init_slice(&part, &q, 100, 200);
    g_assert_cmpuint(part.size, ==, 200);
    qemu_iovec_memset(&part, 0, 0, 200);
    g_assert_true(qemu_iovec_is_zero(&q, 100, 200));
    g_assert_false(qemu_iovec_is_zero(&q, 99, 200));
    qemu_iovec_reset(&part);
    g_assert_cmpuint(part.size, ==, 0);
    qemu_iovec_destroy(&part);

    qemu_iovec_from_buf(&q, 10, "abc", 3);
    g_assert_cmpmem(buf + 10, 3, "abc", 3);
    qemu_iovec_to_buf(&q, 9, other, 3);
    g_assert_cmpmem(other, 3, "\7ab", 3);
    qemu_iovec_destroy(&q);

    qemu_iovec_init_external(&q, iov, n);
    g_assert_cmpuint(q.size, ==, TOTAL);
    qemu_iovec_destroy(&q);
}

static void test_is_zero(void)
{
    g_autofree char *buf = g_malloc0(5000);

    for (size_t start = 0; start < 40; start++) {
        for (size_t len = 0; len < 700; len += 1 + len / 8) {
            g_assert_true(buffer_is_zero(buf + start, len));
            for (size_t at = 0; at < len; at += 1 + at / 3) {
                buf[start + at] = 0x80;
                g_assert_false(buffer_is_zero(buf + start, len));
                buf[start + at] = 0;
            }
            /* Bytes outside do not matter. */
            buf[start + len] = 1;
            g_assert_true(buffer_is_zero(buf + start, len));
            buf[start + len] = 0;
        }
    }
    g_assert_true(buffer_is_zero(buf, 5000));
}

static void test_memalign(void)
{
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *p = qemu_memalign(align, 100);

        g_assert_true(QEMU_PTR_IS_ALIGNED(p, align));
        memset(p, 1, 100);
        qemu_vfree(p);
    }
    qemu_vfree(qemu_memalign(512, 0));
    qemu_vfree(NULL);
    if (!CONFIG_ASAN && !CONFIG_TSAN) {
        g_assert_null(qemu_try_memalign(4096, SIZE_MAX / 2));
    }
    g_assert_true(is_power_of_2(qemu_real_host_page_size()));
}

typedef struct NotifyTest {
    Notifier n;
    NotifierList *list;
    int calls;
} NotifyTest;

static void on_notify(Notifier *n, void *data)
{
    NotifyTest *t = container_of(n, NotifyTest, n);

    t->calls++;
    if (data) {
        notifier_remove(t->list, n);
    }
}

static void test_notify(void)
{
    NotifierList list = NOTIFIER_LIST_INITIALIZER(list);
    NotifyTest a = { .n.notify = on_notify, .list = &list }, b = a;

    notifier_list_add(&list, &a.n);
    notifier_list_add(&list, &b.n);
    notifier_list_notify(&list, NULL);
    notifier_list_notify(&list, &a);
    g_assert_true(notifier_list_empty(&list));
    notifier_list_notify(&list, NULL);
    g_assert_cmpint(a.calls, ==, 2);
    g_assert_cmpint(b.calls, ==, 2);
    notifier_remove(&list, &a.n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iov/copy", test_copy);
    g_test_add_func("/iov/discard", test_discard);
    g_test_add_func("/iov/qiov", test_qiov);
    g_test_add_func("/buffer/is-zero", test_is_zero);
    g_test_add_func("/memalign", test_memalign);
    g_test_add_func("/notify", test_notify);
    return g_test_run();
}
