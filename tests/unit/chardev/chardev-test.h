/*
 * A front end that records what it sees, for tests of back ends.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_UNIT_CHARDEV_CHARDEV_TEST_H
#define TESTS_UNIT_CHARDEV_CHARDEV_TEST_H

#include "chardev/char.h"
#include "util/main-loop.h"

typedef struct TestFrontend {
    CharFrontend fe;
    GString *in;     /* bytes received */
    GString *events; /* a letter each: B O I o C */
    int room;        /* bytes it takes at once */
    int ready;       /* write watches that came */
} TestFrontend;

/* Run the main loop until @cond; the test's timeout ends it otherwise. */
#define WAIT_UNTIL(cond)           \
    do {                           \
        while (!(cond)) {          \
            main_loop_wait(false); \
        }                          \
    } while (0)

/* What is ready now, and what that makes ready. */
static inline void run_pending(void)
{
    for (int i = 0; i < 20; i++) {
        main_loop_wait(true);
    }
}

static inline int test_fe_can_read(void *opaque)
{
    return ((TestFrontend *)opaque)->room;
}

static inline void test_fe_read(void *opaque, const uint8_t *buf, int size)
{
    TestFrontend *t = opaque;

    g_assert_cmpint(size, <=, t->room);
    g_string_append_len(t->in, (const char *)buf, size);
}

static inline void test_fe_event(void *opaque, QEMUChrEvent event)
{
    TestFrontend *t = opaque;

    g_string_append_c(t->events, "BOIoC"[event]);
}

static inline void test_fe_ready(void *opaque)
{
    ((TestFrontend *)opaque)->ready++;
}

static inline TestFrontend *test_fe_new(Chardev *chr)
{
    TestFrontend *t = g_new0(TestFrontend, 1);

    t->in = g_string_new(NULL);
    t->events = g_string_new(NULL);
    t->room = 4096;
    qemu_chr_fe_init(&t->fe, chr, &error_abort);
    qemu_chr_fe_set_handlers(&t->fe, test_fe_can_read, test_fe_read,
                             test_fe_event, t);
    return t;
}

static inline void test_fe_free(TestFrontend *t, bool del)
{
    qemu_chr_fe_deinit(&t->fe, del);
    g_string_free(t->in, true);
    g_string_free(t->events, true);
    g_free(t);
}

static inline void test_fe_puts(TestFrontend *t, const char *str)
{
    int len = strlen(str);

    g_assert_cmpint(qemu_chr_fe_write(&t->fe, (const uint8_t *)str, len), ==,
                    len);
}

#endif
