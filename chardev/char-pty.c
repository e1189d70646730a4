/*
 * A pseudo terminal.
 *
 * Its master end cannot tell us when somebody opens the other one, so while
 * nobody has it open a timer looks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>

#include "chardev/char-fd.h"
#include "qobject/qdict.h"
#include "util/cutils.h"
#include "util/main-loop.h"
#include "util/timer.h"

#define PTY_CHECK_NS (1 * NANOSECONDS_PER_SECOND)

typedef struct PtyChardev {
    Chardev parent;
    int fd;         /* fixed while open */
    bool connected; /* main thread */
    bool reading;
    bool writing;
    QEMUTimer *timer;
    char *link; /* symbolic link to remove */
} PtyChardev;

static void pty_update(Chardev *chr);

static PtyChardev *pty_chr(Chardev *chr)
{
    return container_of(chr, PtyChardev, parent);
}

static void pty_set_connected(PtyChardev *d, bool connected)
{
    if (d->connected == connected) {
        return;
    }
    d->connected = connected;
    qemu_chr_be_event(&d->parent,
                      connected ? CHR_EVENT_OPENED : CHR_EVENT_CLOSED);
}

static void pty_read(void *opaque)
{
    PtyChardev *d = opaque;
    uint8_t buf[CHR_READ_BUF_LEN];
    int len = MIN(qemu_chr_be_can_write(&d->parent), (int)sizeof(buf));
    ssize_t n;

    if (len > 0) {
        n = RETRY_ON_EINTR(read(d->fd, buf, len));
        if (n > 0) {
            qemu_chr_be_write(&d->parent, buf, n);
        } else if (n == 0 || errno != EAGAIN) {
            pty_set_connected(d, false);
        }
    }
    pty_update(&d->parent);
}

static void pty_write_ready(void *opaque)
{
    PtyChardev *d = opaque;

    qemu_chr_be_write_ready(&d->parent);
    pty_update(&d->parent);
}

static void pty_check(PtyChardev *d)
{
    struct pollfd pfd = { .fd = d->fd, .events = POLLOUT };

    if (poll(&pfd, 1, 0) < 0) {
        return;
    }
    pty_set_connected(d, !(pfd.revents & POLLHUP));
    if (!d->connected) {
        timer_mod_ns(d->timer,
                     qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + PTY_CHECK_NS);
    }
}

static void pty_timer(void *opaque)
{
    pty_update(opaque);
}

static void pty_update(Chardev *chr)
{
    PtyChardev *d = pty_chr(chr);
    bool reading, writing;

    if (!d->connected) {
        pty_check(d);
    }
    if (!d->connected && qemu_chr_be_write_wanted(chr)) {
        qemu_chr_be_write_ready(chr); /* what it writes is dropped */
    }
    reading = d->connected && qemu_chr_be_can_write(chr) > 0;
    writing = d->connected && qemu_chr_be_write_wanted(chr);
    if (reading != d->reading || writing != d->writing) {
        qemu_set_fd_handler(d->fd, reading ? pty_read : NULL,
                            writing ? pty_write_ready : NULL, d);
        d->reading = reading;
        d->writing = writing;
    }
}

static ssize_t pty_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    PtyChardev *d = pty_chr(chr);
    struct pollfd pfd = { .fd = d->fd, .events = POLLOUT };

    if (poll(&pfd, 1, 0) < 0 || (pfd.revents & POLLHUP)) {
        return len; /* nobody is there */
    }
    return RETRY_ON_EINTR(write(d->fd, buf, len));
}

static int pty_write_fd(Chardev *chr)
{
    return pty_chr(chr)->fd;
}

static bool pty_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevPty *pty = g_new0(ChardevPty, 1);

    backend->u.pty.data = pty;
    pty->path = qdict_take_str(opts, "path");
    return qemu_chr_parse_common(opts, (ChardevCommon *)pty, errp);
}

static bool pty_open(Chardev *chr, const ChardevBackend *backend,
                     bool *be_opened, Error **errp)
{
    PtyChardev *d = pty_chr(chr);
    const ChardevPty *opts = backend->u.pty.data;
    struct termios tty;
    char name[PATH_MAX];
    int slave;

    d->fd = -1;
    *be_opened = false;
    if (openpty(&d->fd, &slave, name, NULL, NULL) < 0) {
        d->fd = -1;
        error_setg_errno(errp, errno, "Failed to open PTY");
        return false;
    }
    if (tcgetattr(slave, &tty) == 0) {
        cfmakeraw(&tty);
        tcsetattr(slave, TCSAFLUSH, &tty);
    }
    close(slave);
    qemu_set_cloexec(d->fd);
    qemu_set_blocking(d->fd, false);

    chr->pty_name = g_strdup(name);
    chr->filename = g_strdup_printf("pty:%s", name);
    if (opts->path) {
        if (symlink(name, opts->path) < 0) {
            error_setg_errno(errp, errno, "Failed to create PTY symlink '%s'",
                             opts->path);
            return false;
        }
        d->link = g_strdup(opts->path);
    }
    d->timer = timer_new_ns(NULL, QEMU_CLOCK_REALTIME, pty_timer, chr);
    printf("char device redirected to %s (label %s)\n", name, chr->label);
    fflush(stdout);
    return true;
}

static void pty_finalize(Chardev *chr)
{
    PtyChardev *d = pty_chr(chr);

    timer_free(d->timer);
    if (d->link) {
        unlink(d->link);
        g_free(d->link);
    }
    if (d->fd >= 0) {
        if (d->reading || d->writing) {
            qemu_set_fd_handler(d->fd, NULL, NULL, NULL);
        }
        close(d->fd);
    }
}

const ChardevOps char_pty_ops = {
    .name = "pty",
    .kind = CHARDEV_BACKEND_KIND_PTY,
    .instance_size = sizeof(PtyChardev),
    .parse = pty_parse,
    .open = pty_open,
    .finalize = pty_finalize,
    .write = pty_write,
    .write_fd = pty_write_fd,
    .update = pty_update,
};
