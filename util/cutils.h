/*
 * Numbers and strings as command lines write them.
 *
 * The qemu_strto* functions return 0 or -errno: -EINVAL (nothing to convert,
 * or with endptr NULL something left behind the number), -ERANGE (the value
 * is clipped to the type's limit).  With @endptr the caller looks at the
 * rest itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_CUTILS_H
#define UTIL_CUTILS_H

int qemu_strtoi(const char *nptr, const char **endptr, int base, int *result);
int qemu_strtoui(const char *nptr, const char **endptr, int base,
                 unsigned int *result);
int qemu_strtol(const char *nptr, const char **endptr, int base, long *result);
int qemu_strtoul(const char *nptr, const char **endptr, int base,
                 unsigned long *result);
int qemu_strtoi64(const char *nptr, const char **endptr, int base,
                  int64_t *result);
/* A minus sign negates modulo 2^64, as strtoul() does. */
int qemu_strtou64(const char *nptr, const char **endptr, int base,
                  uint64_t *result);
int qemu_strtod(const char *nptr, const char **endptr, double *result);
/* The same, and infinity and NaN are -EINVAL. */
int qemu_strtod_finite(const char *nptr, const char **endptr, double *result);

/* Decimal or 0x hex (octal is decimal here), no minus sign. */
int parse_uint(const char *s, const char **endptr, int base, uint64_t *value);
int parse_uint_full(const char *s, int base, uint64_t *value);

/*
 * Sizes: "1.5G", "0x200", "10k".  Suffixes B K M G T P E in either case are
 * powers of 1024; a fraction other than zero needs a suffix bigger than B;
 * hexadecimal takes neither fraction nor suffix.  @result in bytes, rounded.
 * A minus sign is -ERANGE.  _MiB: a number without a suffix counts MiB (as -m
 * does); _metric: powers of 1000.
 */
int qemu_strtosz(const char *nptr, const char **end, uint64_t *result);
int qemu_strtosz_MiB(const char *nptr, const char **end, uint64_t *result);
int qemu_strtosz_metric(const char *nptr, const char **end, uint64_t *result);

/* "1.5 GiB": three significant digits, powers of 1024. */
char *size_to_str(uint64_t val);
/* "2.4 GHz", in powers of 1000 */
char *freq_to_str(uint64_t freq_hz);

/* Letter first, then letters, digits, '-', '.', '_'. */
bool id_wellformed(const char *id);

/* Does @str begin with @val?  *@ptr (if any) is what follows. */
int strstart(const char *str, const char *val, const char **ptr);
int stristart(const char *str, const char *val, const char **ptr);
/* Copy with truncation; always ends with NUL (buf_size > 0). */
void pstrcpy(char *buf, int buf_size, const char *str);
char *pstrcat(char *buf, int buf_size, const char *s);
/* "on"/"yes"/"true"/"y" and "off"/"no"/"false"/"n"; false: neither. */
bool parse_on_off(const char *str, bool *value);

/* open() and friends with O_CLOEXEC that retry EINTR; -1 and errno. */
int qemu_open_cloexec(const char *name, int flags, mode_t mode);
/* Write or read all of it; the number of bytes done (errno tells why not
 * all of them; 0 at end of file). */
ssize_t qemu_write_full(int fd, const void *buf, size_t count);
ssize_t qemu_read_full(int fd, void *buf, size_t count);
bool qemu_set_blocking(int fd, bool block); /* false: errno */
void qemu_set_cloexec(int fd);

#endif
