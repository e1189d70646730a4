/*
 * Tables in memory: which of them give it back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "block/qcow2/qcow2.h"

#define TABLE 65536

/* As after a flush. */
static void make_clean(Qcow2Cache *c)
{
    Qcow2Table *t;

    while ((t = TAILQ_FIRST(&c->dirty))) {
        TAILQ_REMOVE(&c->dirty, t, dirty_next);
        t->dirty = false;
    }
    c->nb_dirty = 0;
}

static void test_clean(void)
{
    BlockDriverState bs = { 0 };
    Qcow2Cache c = { 0 };
    Qcow2Table *t[4];

    qcow2_cache_init(&c, TABLE, 8, 16);
    for (int i = 0; i < 4; i++) {
        t[i] = qcow2_cache_new(&bs, &c, i, (i + 1) * TABLE);
        memset(t[i]->data, i + 1, TABLE);
    }
    /* Nothing that is dirty or on its way, nothing that was just used */
    t[0]->used = t[1]->used = t[2]->used = false;
    g_assert_cmpuint(qcow2_cache_clean(&c), ==, 0);
    make_clean(&c);
    t[0]->writing = 1;
    t[3]->used = true;
    g_assert_cmpuint(qcow2_cache_clean(&c), ==, 2);
    t[0]->writing = 0;
    g_assert_true(qcow2_cache_lookup(&c, 0) == t[0]);
    g_assert_null(qcow2_cache_lookup(&c, 1));
    g_assert_null(qcow2_cache_lookup(&c, 2));
    g_assert_true(qcow2_cache_lookup(&c, 3) == t[3]);
    /* Who still looks sees an odd number, and memory that is there */
    g_assert_cmpuint(t[1]->seq & 1, ==, 1);
    g_assert_cmpuint(*(uint8_t *)t[1]->data, ==, 0);
    g_assert_cmpuint(qcow2_cache_clean(&c), ==, 2);
    g_assert_cmpuint(qcow2_cache_clean(&c), ==, 0);

    /* They are the next ones to be used again */
    for (int i = 8; i < 12; i++) {
        Qcow2Table *again = qcow2_cache_new(&bs, &c, i, i * TABLE);

        g_assert_cmpuint(*(uint8_t *)again->data, ==, 0);
        g_assert_cmpuint(c.tables->len, ==, 4);
    }
    qcow2_cache_new(&bs, &c, 12, 12 * TABLE);
    g_assert_cmpuint(c.tables->len, ==, 5);
    qcow2_cache_cleanup(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2/cache/clean", test_clean);
    return g_test_run();
}
