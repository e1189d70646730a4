/*
 * Numbers, sizes, identifiers, UUIDs, pid files.
 *
 * What is accepted as a size was compared with qemu-img create of QEMU 10.0.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/pidfile.h"
#include "util/uuid.h"

static void test_strtosz(void)
{
    static const struct {
        const char *text;
        int ret;
        uint64_t value;
    } cases[] = {
        { "1", 0, 1 },
        { "1k", 0, 1024 },
        { "1.5k", 0, 1536 },
        { "1.5", -EINVAL, 0 },
        { "1.0", 0, 1 },
        { "1.0B", 0, 1 },
        { "1.5B", -EINVAL, 0 },
        { "0x10", 0, 16 },
        { "0x10k", -EINVAL, 0 },
        { "0x10B", 0, 267 },
        { "0x1E", 0, 30 },
        { "0x1.8k", -EINVAL, 0 },
        { "0x", -EINVAL, 0 },
        { "0xk", -EINVAL, 0 },
        { "-1", -ERANGE, 0 },
        { "-0", -ERANGE, 0 },
        { "+1", 0, 1 },
        { " 1", 0, 1 },
        { "1 ", -EINVAL, 0 },
        { "1e3", -EINVAL, 0 },
        { "1e1k", -EINVAL, 0 },
        { "1.5e1M", -EINVAL, 0 },
        { "1.k", 0, 1024 },
        { "1.", 0, 1 },
        { ".5k", 0, 512 },
        { ".5", -EINVAL, 0 },
        { ".", -EINVAL, 0 },
        { "1kk", -EINVAL, 0 },
        { "1kB", -EINVAL, 0 },
        { "1b", 0, 1 },
        { "1e", 0, 1152921504606846976 },
        { "7E", 0, 8070450532247928832 },
        { "16E", -ERANGE, 0 },
        { "010", 0, 10 },
        { "0x8g", -EINVAL, 0 },
        { "1.9999999999999999k", 0, 2048 },
        { "1.00000000000000000001", -EINVAL, 0 },
        { "0.00000000000000000000001k", 0, 0 },
        { "9223372036854775808", 0, 9223372036854775808u },
        { "18446744073709551615", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "inf", -EINVAL, 0 },
        { "nan", -EINVAL, 0 },
        { "k", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "1,5k", -EINVAL, 0 },
        { "1.5.1k", -EINVAL, 0 },
        { "3.99G", 0, 4284229878 },
        { "0.1k", 0, 102 },
        { "0.1M", 0, 104858 },
    };
    const char *end;
    uint64_t value;

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("'%s'", cases[i].text);
        g_assert_cmpint(qemu_strtosz(cases[i].text, NULL, &value), ==,
                        cases[i].ret);
        g_assert_cmpuint(value, ==, cases[i].value);
    }
    g_assert_cmpint(qemu_strtosz("12M,x", &end, &value), ==, 0);
    g_assert_cmpstr(end, ==, ",x");
    g_assert_cmpuint(value, ==, 12 * MiB);
    g_assert_cmpint(qemu_strtosz_MiB("512", NULL, &value), ==, 0);
    g_assert_cmpuint(value, ==, 512 * MiB);
    g_assert_cmpint(qemu_strtosz_MiB("1.5", NULL, &value), ==, 0);
    g_assert_cmpuint(value, ==, 1536 * KiB);
    g_assert_cmpint(qemu_strtosz_metric("12k", NULL, &value), ==, 0);
    g_assert_cmpuint(value, ==, 12000);
    g_assert_cmpint(qemu_strtosz(NULL, NULL, &value), ==, -EINVAL);
}

static void test_integers(void)
{
    const char *end;
    int64_t i64;
    uint64_t u64;
    int i;
    unsigned u;

    g_assert_cmpint(qemu_strtoi64("-12", NULL, 0, &i64), ==, 0);
    g_assert_cmpint(i64, ==, -12);
    g_assert_cmpint(qemu_strtoi64("0x7fffffffffffffff", NULL, 0, &i64), ==, 0);
    g_assert_cmpint(i64, ==, INT64_MAX);
    g_assert_cmpint(qemu_strtoi64("9223372036854775808", NULL, 0, &i64), ==,
                    -ERANGE);
    g_assert_cmpint(i64, ==, INT64_MAX);
    g_assert_cmpint(qemu_strtoi64("12x", NULL, 0, &i64), ==, -EINVAL);
    g_assert_cmpint(qemu_strtoi64("12x", &end, 0, &i64), ==, 0);
    g_assert_cmpstr(end, ==, "x");
    g_assert_cmpint(qemu_strtoi64("", NULL, 0, &i64), ==, -EINVAL);
    g_assert_cmpint(qemu_strtoi64(" ", &end, 0, &i64), ==, -EINVAL);
    g_assert_cmpint(qemu_strtou64("18446744073709551616", NULL, 0, &u64), ==,
                    -ERANGE);
    g_assert_cmpuint(u64, ==, UINT64_MAX);
    g_assert_cmpint(qemu_strtou64("-1", NULL, 0, &u64), ==, 0);
    g_assert_cmpuint(u64, ==, UINT64_MAX);
    g_assert_cmpint(qemu_strtoi("2147483648", NULL, 0, &i), ==, -ERANGE);
    g_assert_cmpint(i, ==, INT_MAX);
    g_assert_cmpint(qemu_strtoui("4294967295", NULL, 0, &u), ==, 0);
    g_assert_cmpuint(u, ==, UINT_MAX);
    g_assert_cmpint(qemu_strtoui("4294967296", NULL, 0, &u), ==, -ERANGE);

    g_assert_cmpint(parse_uint_full("42", 0, &u64), ==, 0);
    g_assert_cmpuint(u64, ==, 42);
    g_assert_cmpint(parse_uint_full("-1", 0, &u64), ==, -ERANGE);
    g_assert_cmpuint(u64, ==, 0);
    g_assert_cmpint(parse_uint_full("99999999999999999999", 0, &u64), ==,
                    -ERANGE);
    g_assert_cmpuint(u64, ==, UINT64_MAX);
    g_assert_cmpint(parse_uint_full("4x", 0, &u64), ==, -EINVAL);
    g_assert_cmpint(parse_uint("4x", &end, 0, &u64), ==, 0);
    g_assert_cmpstr(end, ==, "x");
}

static void test_double(void)
{
    const char *end;
    double d;

    g_assert_cmpint(qemu_strtod("1.5e3", NULL, &d), ==, 0);
    g_assert_cmpfloat(d, ==, 1500);
    g_assert_cmpint(qemu_strtod("inf", NULL, &d), ==, 0);
    g_assert_cmpint(qemu_strtod_finite("inf", &end, &d), ==, -EINVAL);
    g_assert_cmpstr(end, ==, "inf");
    g_assert_cmpint(qemu_strtod_finite("2.5x", NULL, &d), ==, -EINVAL);
    g_assert_cmpint(qemu_strtod_finite("2.5", NULL, &d), ==, 0);
    g_assert_cmpfloat(d, ==, 2.5);
}

static void check_size(uint64_t size, const char *text)
{
    g_autofree char *s = size_to_str(size);

    g_assert_cmpstr(s, ==, text);
}

static void test_size_to_str(void)
{
    g_autofree char *freq = freq_to_str(2400000000);

    check_size(0, "0 B");
    check_size(512, "512 B");
    check_size(1024, "1 KiB");
    check_size(1536, "1.5 KiB");
    check_size(1022976, "999 KiB");
    check_size(1024000, "0.977 MiB");
    check_size(1047552, "0.999 MiB");
    check_size(123457024, "118 MiB");
    check_size(4284230144, "3.99 GiB");
    check_size(UINT64_MAX, "16 EiB");
    g_assert_cmpstr(freq, ==, "2.4 GHz");
}

static void test_strings(void)
{
    const char *rest;
    char buf[5];
    bool on;

    g_assert_true(id_wellformed("a"));
    g_assert_true(id_wellformed("disk-0.x_Y"));
    g_assert_false(id_wellformed(""));
    g_assert_false(id_wellformed("0disk"));
    g_assert_false(id_wellformed("_x"));
    g_assert_false(id_wellformed("a b"));
    g_assert_false(id_wellformed("a\xc3\xa4"));

    g_assert_true(strstart("json:{}", "json:", &rest));
    g_assert_cmpstr(rest, ==, "{}");
    g_assert_false(strstart("jso", "json:", &rest));
    g_assert_true(stristart("JSON:x", "json:", NULL));
    pstrcpy(buf, sizeof(buf), "abcdefgh");
    g_assert_cmpstr(buf, ==, "abcd");
    pstrcpy(buf, sizeof(buf), "a");
    g_assert_cmpstr(pstrcat(buf, sizeof(buf), "bcdef"), ==, "abcd");
    g_assert_true(parse_on_off("yes", &on) && on);
    g_assert_true(parse_on_off("off", &on) && !on);
    g_assert_false(parse_on_off("On", &on));
}

static void test_uuid(void)
{
    static const char text[] = "586ece27-7f09-41e0-9e74-e901317e9d42";
    char out[UUID_STR_LEN];
    QemuUUID a, b;

    g_assert_cmpint(qemu_uuid_parse(text, &a), ==, 0);
    g_assert_cmpint(a.data[0], ==, 0x58);
    qemu_uuid_unparse(&a, out);
    g_assert_cmpstr(out, ==, text);
    b = qemu_uuid_bswap(a);
    g_assert_cmpint(b.data[0], ==, 0x27);
    b = qemu_uuid_bswap(b);
    g_assert_true(qemu_uuid_is_equal(&a, &b));
    g_assert_cmpint(qemu_uuid_parse("586ece27", &b), ==, -1);
    g_assert_cmpint(qemu_uuid_parse("", &b), ==, -1);
    g_assert_cmpint(qemu_uuid_parse("586ece27-7f09-41e0-9e74-e901317e9d4", &b),
                    ==, -1);
    g_assert_cmpint(
        qemu_uuid_parse("586ece27-7f09-41e0-9e74-e901317e9d421", &b), ==, -1);
    g_assert_cmpint(qemu_uuid_parse("586ece2707f09-41e0-9e74-e901317e9d42", &b),
                    ==, -1);
    qemu_uuid_generate(&b);
    g_assert_cmpint(b.data[6] >> 4, ==, 4);
    g_assert_cmpint(b.data[8] >> 6, ==, 2);
    g_assert_false(qemu_uuid_is_null(&b));
}

static void test_pidfile(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-pidfile-XXXXXX", NULL);
    g_autofree char *path = g_strconcat(dir, "/pid", NULL);
    g_autofree char *bad = g_strconcat(dir, "/no/pid", NULL);
    g_autofree char *expected = NULL;
    g_autofree char *text = NULL;
    g_autofree char *wanted = g_strdup_printf("%ld\n", (long)getpid());
    Error *err = NULL;

    g_assert_false(qemu_write_pidfile(bad, &err));
    expected = g_strdup_printf(
        "Could not create '%s': No such file or directory", bad);
    g_assert_cmpstr(error_get_pretty(err), ==, expected);
    error_free(err);

    g_assert_true(qemu_write_pidfile(path, &error_abort));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, wanted);
    qemu_unlink_pidfile();
    g_assert_cmpint(access(path, F_OK), ==, -1);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cutils/strtosz", test_strtosz);
    g_test_add_func("/cutils/integers", test_integers);
    g_test_add_func("/cutils/double", test_double);
    g_test_add_func("/cutils/size-to-str", test_size_to_str);
    g_test_add_func("/cutils/strings", test_strings);
    g_test_add_func("/uuid", test_uuid);
    g_test_add_func("/pidfile", test_pidfile);
    return g_test_run();
}
