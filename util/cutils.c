/*
 * Strings, identifiers and files: the small helpers of command lines.
 * Numbers are in cutils-number.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "util/cutils.h"
#include "util/fdset.h"

bool id_wellformed(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    while (*++id) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

int strstart(const char *str, const char *val, const char **ptr)
{
    size_t len = strlen(val);

    if (strncmp(str, val, len) != 0) {
        return 0;
    }
    if (ptr) {
        *ptr = str + len;
    }
    return 1;
}

int stristart(const char *str, const char *val, const char **ptr)
{
    size_t len = strlen(val);

    if (g_ascii_strncasecmp(str, val, len) != 0) {
        return 0;
    }
    if (ptr) {
        *ptr = str + len;
    }
    return 1;
}

void pstrcpy(char *buf, int buf_size, const char *str)
{
    if (buf_size > 0) {
        g_strlcpy(buf, str, buf_size);
    }
}

char *pstrcat(char *buf, int buf_size, const char *s)
{
    g_strlcat(buf, s, buf_size);
    return buf;
}

bool parse_on_off(const char *str, bool *value)
{
    static const char *const on[] = { "on", "yes", "true", "y" };
    static const char *const off[] = { "off", "no", "false", "n" };

    for (int i = 0; i < ARRAY_SIZE(on); i++) {
        if (strcmp(str, on[i]) == 0) {
            *value = true;
            return true;
        }
        if (strcmp(str, off[i]) == 0) {
            *value = false;
            return true;
        }
    }
    return false;
}

/* --- files --- */

int qemu_open_cloexec(const char *name, int flags, mode_t mode)
{
    int fd;

    if (!fdset_is_name(name)) {
        return RETRY_ON_EINTR(open(name, flags | O_CLOEXEC, mode));
    }
    fd = fdset_open(name, flags, NULL);
    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    return fd;
}

ssize_t qemu_write_full(int fd, const void *buf, size_t count)
{
    size_t done = 0;

    while (done < count) {
        ssize_t n = RETRY_ON_EINTR(
            write(fd, (const char *)buf + done, count - done));

        if (n <= 0) {
            break;
        }
        done += n;
    }
    return done;
}

ssize_t qemu_read_full(int fd, void *buf, size_t count)
{
    size_t done = 0;

    while (done < count) {
        ssize_t n = RETRY_ON_EINTR(read(fd, (char *)buf + done, count - done));

        if (n == 0) {
            errno = 0;
        }
        if (n <= 0) {
            break;
        }
        done += n;
    }
    return done;
}

bool qemu_set_blocking(int fd, bool block)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted = block ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;

    return flags >= 0 && (flags == wanted || fcntl(fd, F_SETFL, wanted) == 0);
}

void qemu_set_cloexec(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags >= 0) {
        fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    }
}
