/*
 * Numbers as command lines write them: plain, and sizes with a suffix.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/cutils.h"

#include <math.h>

/*
 * What all conversions have in common behind the C library's call: nothing
 * converted, something left, and the error to return.
 */
static int finish(const char *nptr, const char *ep, const char **endptr,
                  int libc_errno)
{
    if (endptr) {
        *endptr = ep;
    }
    if (libc_errno == 0 && ep == nptr) {
        return -EINVAL;
    }
    if (!endptr && *ep) {
        return -EINVAL;
    }
    return -libc_errno;
}

/* The start of a conversion; false where there is nothing to convert. */
static bool check_nptr(const char *nptr, const char **endptr)
{
    if (!nptr && endptr) {
        *endptr = NULL;
    }
    return nptr != NULL;
}

int qemu_strtoi64(const char *nptr, const char **endptr, int base,
                  int64_t *result)
{
    char *ep;
    int64_t value;
    int err;

    if (!check_nptr(nptr, endptr)) {
        return -EINVAL;
    }
    errno = 0;
    value = strtoll(nptr, &ep, base);
    err = finish(nptr, ep, endptr, errno);
    *result = err == -EINVAL ? 0 : value;
    return err;
}

int qemu_strtou64(const char *nptr, const char **endptr, int base,
                  uint64_t *result)
{
    char *ep;
    uint64_t value;
    int err;

    if (!check_nptr(nptr, endptr)) {
        return -EINVAL;
    }
    errno = 0;
    value = strtoull(nptr, &ep, base);
    err = finish(nptr, ep, endptr, errno);
    *result = err == -EINVAL ? 0 : value;
    return err;
}

int qemu_strtol(const char *nptr, const char **endptr, int base, long *result)
{
    int64_t value = 0;
    int err = qemu_strtoi64(nptr, endptr, base, &value);

    *result = value;
    return err;
}

int qemu_strtoul(const char *nptr, const char **endptr, int base,
                 unsigned long *result)
{
    uint64_t value = 0;
    int err = qemu_strtou64(nptr, endptr, base, &value);

    *result = value;
    return err;
}

int qemu_strtoi(const char *nptr, const char **endptr, int base, int *result)
{
    int64_t value = 0;
    int err = qemu_strtoi64(nptr, endptr, base, &value);

    *result = CLAMP(value, INT_MIN, INT_MAX);
    return *result != value && err == 0 ? -ERANGE : err;
}

int qemu_strtoui(const char *nptr, const char **endptr, int base,
                 unsigned int *result)
{
    int64_t value = 0;
    int err = qemu_strtoi64(nptr, endptr, base, &value);

    /* A minus sign negates modulo 2^32, as for the wider type. */
    if (err == 0 && (value > UINT_MAX || value < -(int64_t)UINT_MAX)) {
        err = -ERANGE;
    }
    *result = err == -ERANGE ? UINT_MAX : value;
    return err;
}

int qemu_strtod(const char *nptr, const char **endptr, double *result)
{
    char *ep;
    double value;
    int err;

    if (!check_nptr(nptr, endptr)) {
        return -EINVAL;
    }
    errno = 0;
    value = strtod(nptr, &ep);
    err = finish(nptr, ep, endptr, errno);
    *result = err == -EINVAL ? 0.0 : value;
    return err;
}

int qemu_strtod_finite(const char *nptr, const char **endptr, double *result)
{
    const char *ep;
    double value = 0;
    int err = qemu_strtod(nptr, &ep, &value);

    if (err != -EINVAL && !isfinite(value) && err != -ERANGE) {
        /* "inf" and "nan" */
        ep = nptr;
        err = -EINVAL;
    }
    if (endptr) {
        *endptr = ep;
    } else if (err != -EINVAL && *ep) {
        err = -EINVAL;
    }
    *result = err == -EINVAL ? 0.0 : value;
    return err;
}

int parse_uint(const char *s, const char **endptr, int base, uint64_t *value)
{
    const char *p = s;
    char *ep;
    int err;

    *value = 0;
    if (!check_nptr(s, endptr)) {
        return -EINVAL;
    }
    while (g_ascii_isspace(*p)) {
        p++;
    }
    errno = 0;
    *value = strtoull(s, &ep, base);
    err = finish(s, ep, endptr, errno);
    if (err == 0 && *p == '-') {
        err = -ERANGE;
    }
    if (err) {
        *value = err == -ERANGE && *p != '-' ? UINT64_MAX : 0;
    }
    return err;
}

int parse_uint_full(const char *s, int base, uint64_t *value)
{
    return parse_uint(s, NULL, base, value);
}

/* --- sizes --- */

/* The power of 1024 (or 1000) that suffix @c stands for; -1: no suffix. */
static int suffix_power(char c)
{
    static const char units[] = "BKMGTPE";
    const char *unit = c ? strchr(units, g_ascii_toupper(c)) : NULL;

    return unit ? unit - units : -1;
}

/*
 * The digits from the decimal point at @p on, as a fraction below 1; @p moves
 * behind them.  @nonzero: was there any digit but 0?  The digits beyond what
 * a double can tell apart count for @nonzero only.
 */
static double parse_fraction(const char **p, bool *nonzero)
{
    double fraction = 0, weight = 0.1;

    *nonzero = false;
    for ((*p)++; g_ascii_isdigit(**p); (*p)++) {
        *nonzero |= **p != '0';
        fraction += (**p - '0') * weight;
        weight /= 10;
    }
    return fraction;
}

/* @whole + @fraction, times @unit to the power of @power; -ERANGE: too big */
static int scale_size(uint64_t whole, double fraction, int unit, int power,
                      uint64_t *result)
{
    uint64_t mul = 1;

    while (power-- > 0) {
        mul *= unit;
    }
    if (whole > UINT64_MAX / mul) {
        return -ERANGE;
    }
    whole *= mul;
    /* Rounded to the nearest byte. */
    return __builtin_add_overflow(whole, (uint64_t)(fraction * mul + 0.5),
                                  result)
               ? -ERANGE
               : 0;
}

static bool is_hex(const char *p)
{
    return p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
}

/*
 * The number of a size without its suffix: whole part and fraction.  Returns
 * 0, -EINVAL or -ERANGE; @p moves behind it.
 */
static int parse_size_number(const char **p, uint64_t *whole, double *fraction,
                             bool *has_fraction)
{
    int err = 0;

    if (**p != '.') {
        err = parse_uint(*p, p, 10, whole);
        if (err == -EINVAL) {
            return err;
        }
    } else if (!g_ascii_isdigit((*p)[1])) {
        return -EINVAL;
    }
    if (**p == '.') {
        *fraction = parse_fraction(p, has_fraction);
    }
    /* An exponent: "1e3" is no exabyte. */
    if ((**p == 'e' || **p == 'E') &&
        (g_ascii_isdigit((*p)[1]) ||
         (((*p)[1] == '+' || (*p)[1] == '-') && g_ascii_isdigit((*p)[2])))) {
        return -EINVAL;
    }
    return err;
}

static int do_strtosz(const char *nptr, const char **end, char default_suffix,
                      int unit, uint64_t *result)
{
    const char *p = nptr;
    uint64_t whole = 0;
    double fraction = 0;
    bool has_fraction = false;
    int err, power;

    *result = 0;
    if (end) {
        *end = nptr;
    }
    if (!nptr) {
        return -EINVAL;
    }
    while (g_ascii_isspace(*p)) {
        p++;
    }
    if (is_hex(p + (*p == '+' || *p == '-'))) {
        err = parse_uint(p, &p, 16, &whole);
        if (err == 0 && (*p == '.' || suffix_power(*p) > 0)) {
            return -EINVAL;
        }
        power = suffix_power(default_suffix);
    } else {
        err = parse_size_number(&p, &whole, &fraction, &has_fraction);
        if (err == -EINVAL) {
            return err;
        }
        power = suffix_power(*p);
        if (power >= 0) {
            p++;
        } else {
            power = suffix_power(default_suffix);
        }
    }
    if (err == 0 && power == 0 && has_fraction) {
        return -EINVAL;
    }
    if (err == 0) {
        err = scale_size(whole, fraction, unit, power, result);
    }
    if (end) {
        *end = p;
    } else if (*p && err != -EINVAL) {
        err = -EINVAL;
    }
    if (err) {
        *result = 0;
    }
    return err;
}

int qemu_strtosz(const char *nptr, const char **end, uint64_t *result)
{
    return do_strtosz(nptr, end, 'B', 1024, result);
}

int qemu_strtosz_MiB(const char *nptr, const char **end, uint64_t *result)
{
    return do_strtosz(nptr, end, 'M', 1024, result);
}

int qemu_strtosz_metric(const char *nptr, const char **end, uint64_t *result)
{
    return do_strtosz(nptr, end, 'B', 1000, result);
}

char *size_to_str(uint64_t val)
{
    static const char *const prefix[] = {
        "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"
    };
    double value = val;
    int i = 0;

    /* From 1000 on the next unit: three digits are shown. */
    while (value >= 1000) {
        value /= 1024;
        i++;
    }
    return g_strdup_printf("%0.3g %sB", value, prefix[i]);
}

char *freq_to_str(uint64_t freq_hz)
{
    static const char *const prefix[] = { "", "K", "M", "G", "T", "P", "E" };
    double value = freq_hz;
    int i = 0;

    while (value >= 1000) {
        value /= 1000;
        i++;
    }
    return g_strdup_printf("%0.3g %sHz", value, prefix[i]);
}
