/*
 * Bitmaps with summaries against one bool per granule.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "util/hbitmap.h"

typedef struct Model {
    HBitmap *hb;
    bool *bit;
    uint64_t size, n;
    unsigned granularity;
} Model;

static void model_init(Model *m, uint64_t size, unsigned granularity)
{
    m->size = size;
    m->granularity = granularity;
    m->n = DIV_ROUND_UP(size, UINT64_C(1) << granularity);
    m->hb = hbitmap_new(size, granularity);
    m->bit = g_new0(bool, m->n + 1);
}

static void model_free(Model *m)
{
    hbitmap_free(m->hb);
    g_free(m->bit);
}

static int64_t model_next(const Model *m, uint64_t start, uint64_t end, bool on)
{
    for (uint64_t i = start >> m->granularity; start < end && i < m->n; i++) {
        if (i << m->granularity >= end) {
            break;
        }
        if (m->bit[i] == on) {
            return MAX(i << m->granularity, start);
        }
    }
    return -1;
}

static void check(const Model *m)
{
    g_autofree uint8_t *bytes = g_malloc(hbitmap_bytes(m->hb) + 16);
    uint64_t set = 0;

    hbitmap_read_bytes(m->hb, 0, hbitmap_bytes(m->hb) + 16, bytes);
    for (uint64_t i = 0; i < m->n; i++) {
        set += m->bit[i];
        g_assert_cmpint(hbitmap_get(m->hb, i << m->granularity), ==, m->bit[i]);
        g_assert_cmpint(bytes[i / 8] >> (i % 8) & 1, ==, m->bit[i]);
    }
    for (uint64_t i = m->n; i < hbitmap_bytes(m->hb) * 8 + 128; i++) {
        g_assert_cmpint(bytes[i / 8] >> (i % 8) & 1, ==, 0);
    }
    g_assert_cmpuint(hbitmap_count(m->hb), ==, set << m->granularity);
    g_assert_cmpint(hbitmap_empty(m->hb), ==, !set);
}

static void check_finding(const Model *m, GRand *r)
{
    uint64_t start = g_rand_int_range(r, 0, m->size + 2), pos, n;
    uint64_t end = g_rand_boolean(r)
                       ? m->size
                       : (uint64_t)g_rand_int_range(r, 0, m->size + 3);
    int64_t dirty = model_next(m, start, MIN(end, m->size), true), zero;

    g_assert_cmpint(hbitmap_next_dirty(m->hb, start, end), ==, dirty);
    g_assert_cmpint(hbitmap_next_zero(m->hb, start, end), ==,
                    model_next(m, start, MIN(end, m->size), false));
    g_assert_cmpint(hbitmap_next_dirty_area(m->hb, start, end, &pos, &n), ==,
                    dirty >= 0);
    if (dirty >= 0) {
        zero = model_next(m, dirty, MIN(end, m->size), false);
        g_assert_cmpuint(pos, ==, dirty);
        g_assert_cmpuint(
            n, ==, (zero < 0 ? MIN(end, m->size) : (uint64_t)zero) - dirty);
    }
}

static void model_put(Model *m, uint64_t start, uint64_t count, bool on)
{
    for (uint64_t i = 0; count && i < m->n; i++) {
        uint64_t begin = i << m->granularity;

        if (begin < start + count &&
            begin + (UINT64_C(1) << m->granularity) > start) {
            m->bit[i] = on;
        }
    }
}

static void random_change(Model *m, GRand *r)
{
    uint64_t start = g_rand_int_range(r, 0, m->size);
    uint64_t max = g_rand_boolean(r) ? m->size - start
                                     : MIN(m->size - start, 700);
    uint64_t count = g_rand_int_range(r, 0, max + 1);
    bool on = g_rand_boolean(r);

    if (!on) {
        uint64_t end = ROUND_UP(start + count, UINT64_C(1) << m->granularity);

        start = start >> m->granularity << m->granularity;
        count = MIN(end, m->size) - start;
        hbitmap_reset(m->hb, start, count);
    } else {
        hbitmap_set(m->hb, start, count);
    }
    model_put(m, start, count, on);
}

static void test_random(void)
{
    static const uint64_t sizes[] = { 1, 63, 64, 65, 4096, 4097, 300000 };
    GRand *r = g_rand_new_with_seed(42);

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (unsigned g = 0; g < 8; g += 3) {
            Model m;

            model_init(&m, sizes[i], g);
            for (int step = 0; step < 40; step++) {
                random_change(&m, r);
                for (int j = 0; j < 20; j++) {
                    check_finding(&m, r);
                }
                check(&m);
            }
            hbitmap_reset_all(m.hb);
            memset(m.bit, 0, m.n);
            check(&m);
            model_free(&m);
        }
    }
    g_rand_free(r);
}

static void test_truncate(void)
{
    GRand *r = g_rand_new_with_seed(7);

    for (int i = 0; i < 200; i++) {
        uint64_t size = g_rand_int_range(r, 1, 20000), new;
        Model m, t;

        model_init(&m, size, 3);
        for (int j = 0; j < 5; j++) {
            random_change(&m, r);
        }
        new = g_rand_int_range(r, 0, 30000);
        g_assert_true(hbitmap_truncate(m.hb, new));
        model_init(&t, new, 3);
        memcpy(t.bit, m.bit, MIN(t.n, m.n));
        hbitmap_free(t.hb);
        t.hb = m.hb;
        check(&t);
        m.hb = NULL;
        model_free(&m);
        model_free(&t);
    }
    g_rand_free(r);
}

static void test_merge(void)
{
    GRand *r = g_rand_new_with_seed(8);

    for (int i = 0; i < 300; i++) {
        uint64_t size = g_rand_int_range(r, 1, 20000);
        Model a, b;

        model_init(&a, size, g_rand_int_range(r, 0, 6));
        model_init(&b, size, g_rand_int_range(r, 0, 6));
        for (int j = 0; j < 4; j++) {
            random_change(&a, r);
            random_change(&b, r);
        }
        hbitmap_merge(a.hb, b.hb);
        for (uint64_t j = 0; j < b.n; j++) {
            uint64_t start = j << b.granularity;

            if (b.bit[j]) {
                model_put(&a, start,
                          MIN(UINT64_C(1) << b.granularity, size - start),
                          true);
            }
        }
        check(&a);
        check(&b);
        model_free(&a);
        model_free(&b);
    }
    g_rand_free(r);
}

static void test_bytes(void)
{
    GRand *r = g_rand_new_with_seed(9);

    for (int i = 0; i < 300; i++) {
        uint64_t start, count;
        uint8_t buf[600];
        Model m;

        model_init(&m, g_rand_int_range(r, 1, 20000), 2);
        random_change(&m, r);
        start = g_rand_int_range(r, 0, 500);
        count = g_rand_int_range(r, 0, sizeof(buf));
        for (size_t j = 0; j < sizeof(buf); j++) {
            buf[j] = g_rand_int(r);
        }
        if (i % 3) {
            hbitmap_write_bytes(m.hb, start, count, buf);
        } else {
            memset(buf, 0xff, sizeof(buf));
            hbitmap_write_bytes(m.hb, start, count, NULL);
        }
        for (uint64_t j = start * 8; j < MIN((start + count) * 8, m.n); j++) {
            m.bit[j] = buf[j / 8 - start] >> (j % 8) & 1;
        }
        check(&m);
        model_free(&m);
    }
    g_rand_free(r);
}

/* 8 EiB, three bits: found without a look at what lies between. */
static void test_sparse(void)
{
    g_autoptr(HBitmap) hb = hbitmap_new(INT64_MAX, 36);
    uint64_t pos, n;

    g_assert_nonnull(hb);
    hbitmap_set(hb, INT64_MAX - 1, 1);
    g_assert_cmpint(hbitmap_next_dirty(hb, 0, INT64_MAX), ==,
                    INT64_MAX >> 36 << 36);
    hbitmap_set(hb, UINT64_C(1) << 50, 1);
    g_assert_true(hbitmap_next_dirty_area(hb, 5, INT64_MAX, &pos, &n));
    g_assert_cmpuint(pos, ==, UINT64_C(1) << 50);
    g_assert_cmpuint(n, ==, UINT64_C(1) << 36);
    hbitmap_reset_all(hb);
    g_assert_true(hbitmap_empty(hb));
    g_assert_cmpint(hbitmap_next_dirty(hb, 0, INT64_MAX), ==, -1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    /* Those end the program. */
    /* More than there is memory: refused */
    g_assert_null(hbitmap_new(INT64_MAX, 0));
#endif
}

static void test_sha256(void)
{
    g_autoptr(HBitmap) hb = hbitmap_new(64 * MiB, 16);
    g_autofree char *clear = hbitmap_sha256(hb), *full = NULL;

    /* What sha256sum says of 128 bytes of 0 and of 0xff */
    g_assert_cmpstr(clear, ==,
                    "38723a2e5e8a17aa7950dc008209944e898f69a7bd10a23c839d341e93"
                    "5fd5ca");
    hbitmap_set(hb, 0, 64 * MiB);
    full = hbitmap_sha256(hb);
    g_assert_cmpstr(full, ==,
                    "e9175db65a9789096ca9cb5524d3abc2107df03e3c9ba3af1aca628f9"
                    "c5d3bd2");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hbitmap/random", test_random);
    g_test_add_func("/hbitmap/truncate", test_truncate);
    g_test_add_func("/hbitmap/merge", test_merge);
    g_test_add_func("/hbitmap/bytes", test_bytes);
    g_test_add_func("/hbitmap/sparse", test_sparse);
    g_test_add_func("/hbitmap/sha256", test_sha256);
    return g_test_run();
}
