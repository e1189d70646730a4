/*
 * Tests of QObject: references, numbers, strings, lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "qobject/qbool.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"

static void test_references(void)
{
    QString *qs = qstring_from_str("x");
    QList *list = qlist_new();

    qlist_append(list, qobject_ref(qs));
    g_assert_cmpint(qs->base.refcnt, ==, 2);
    qobject_unref(list);
    g_assert_cmpint(qs->base.refcnt, ==, 1);
    g_assert_true(qobject_to(QString, QOBJECT(qs)) == qs);
    g_assert_null(qobject_to(QNum, QOBJECT(qs)));
    g_assert_null(qobject_to(QNum, (QObject *)NULL));
    qobject_unref(qs);
    qobject_unref((QString *)NULL);
}

static void assert_number(QNum *num, const char *text, bool is_int,
                          bool is_uint)
{
    g_autofree char *str = qnum_to_string(num);
    int64_t i;
    uint64_t u;

    g_assert_cmpstr(str, ==, text);
    g_assert_cmpint(qnum_get_try_int(num, &i), ==, is_int);
    g_assert_cmpint(qnum_get_try_uint(num, &u), ==, is_uint);
    qobject_unref(num);
}

static void test_numbers(void)
{
    assert_number(qnum_from_int(-1), "-1", true, false);
    assert_number(qnum_from_int(INT64_MAX), "9223372036854775807", true, true);
    assert_number(qnum_from_uint(UINT64_MAX), "18446744073709551615", false,
                  true);
    assert_number(qnum_from_uint(7), "7", true, true);
    assert_number(qnum_from_double(0.1), "0.10000000000000001", false, false);
    assert_number(qnum_from_double(1e5), "100000", false, false);
}

static bool equal_and_free(QNum *a, QNum *b)
{
    bool equal = qobject_is_equal(QOBJECT(a), QOBJECT(b));

    qobject_unref(a);
    qobject_unref(b);
    return equal;
}

static void test_number_equality(void)
{
    g_assert_true(equal_and_free(qnum_from_int(5), qnum_from_uint(5)));
    g_assert_false(
        equal_and_free(qnum_from_int(-1), qnum_from_uint(UINT64_MAX)));
    g_assert_false(equal_and_free(qnum_from_int(5), qnum_from_double(5)));
    g_assert_true(equal_and_free(qnum_from_double(5), qnum_from_double(5)));
}

static void test_lists(void)
{
    g_autoptr(QList) list = qlist_new();
    g_autoptr(QList) copy = NULL;
    g_autoptr(QObject) first = NULL;

    g_assert_null(qlist_pop(list));
    g_assert_null(qlist_peek(list));
    qlist_append_int(list, 1);
    qlist_append_str(list, "two");
    qlist_append_bool(list, true);
    qlist_append_null(list);
    g_assert_cmpint(qlist_size(list), ==, 4);
    copy = qlist_copy(list);
    g_assert_true(qobject_is_equal(QOBJECT(list), QOBJECT(copy)));
    first = qlist_pop(list);
    g_assert_cmpint(qnum_get_int(qobject_to(QNum, first)), ==, 1);
    g_assert_false(qobject_is_equal(QOBJECT(list), QOBJECT(copy)));
}

static void test_substrings(void)
{
    g_autoptr(QString) qs = qstring_from_substr("0123456", 2, 5);
    g_autoptr(QString) empty = qstring_new();

    g_assert_cmpstr(qstring_get_str(qs), ==, "234");
    g_assert_cmpstr(qstring_get_str(empty), ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qobject/references", test_references);
    g_test_add_func("/qobject/numbers", test_numbers);
    g_test_add_func("/qobject/number-equality", test_number_equality);
    g_test_add_func("/qobject/lists", test_lists);
    g_test_add_func("/qobject/substrings", test_substrings);
    return g_test_run();
}
