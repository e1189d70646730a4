/*
 * Standard input and output, with the terminal in raw mode while we use it.
 *
 * There can be one.  The terminal and the flags of both descriptors, which
 * other programs may share with us, are as before when we exit.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>

#include "chardev/char-fd.h"

static bool stdio_forbidden;
static bool stdio_in_use;
static bool stdio_has_tty;
static bool stdio_allow_signal;
static bool stdio_echo;
static struct termios old_tty; /* as found */
static int old_fd_flags[2];    /* likewise; -1: unknown */

void qemu_chr_forbid_stdio(void)
{
    stdio_forbidden = true;
}

static void stdio_restore(void)
{
    if (!stdio_in_use) {
        return;
    }
    if (stdio_has_tty) {
        tcsetattr(0, TCSANOW, &old_tty);
    }
    for (int fd = 0; fd < 2; fd++) {
        if (old_fd_flags[fd] >= 0) {
            fcntl(fd, F_SETFL, old_fd_flags[fd]);
        }
    }
}

static void stdio_set_echo(Chardev *chr, bool echo)
{
    struct termios tty = old_tty;

    stdio_echo = echo;
    if (!stdio_has_tty) {
        return;
    }
    if (!echo) {
        tty.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
                         ICRNL | IXON);
        tty.c_oflag |= OPOST;
        tty.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
        tty.c_cflag &= ~(CSIZE | PARENB);
        tty.c_cflag |= CS8;
        tty.c_cc[VMIN] = 1;
        tty.c_cc[VTIME] = 0;
    }
    if (!stdio_allow_signal) {
        tty.c_lflag &= ~ISIG;
    }
    tcsetattr(0, TCSANOW, &tty);
}

/* After Ctrl-Z and fg the shell has changed the terminal. */
static void stdio_sigcont(int signum)
{
    stdio_set_echo(NULL, stdio_echo);
}

static bool stdio_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevStdio *stdio = g_new0(ChardevStdio, 1);

    backend->u.stdio.data = stdio;
    stdio->has_signal = true;
    stdio->signal = true;
    return qemu_chr_parse_common(opts, (ChardevCommon *)stdio, errp) &&
           char_opt_bool(opts, "signal", NULL, &stdio->signal, errp);
}

static bool stdio_open(Chardev *chr, const ChardevBackend *backend,
                       bool *be_opened, Error **errp)
{
    FDChardev *d = container_of(chr, FDChardev, parent);
    const ChardevStdio *opts = backend->u.stdio.data;
    struct sigaction act = { .sa_handler = stdio_sigcont,
                             .sa_flags = SA_RESTART };
    static bool atexit_done;

    d->fd_in = d->fd_out = -1;
    d->keep_fds = true;
    if (stdio_forbidden) {
        error_setg(errp, "cannot use stdio with -daemonize");
        return false;
    }
    if (stdio_in_use) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    stdio_in_use = true;
    stdio_has_tty = tcgetattr(0, &old_tty) == 0;
    stdio_allow_signal = !opts->has_signal || opts->signal;
    for (int fd = 0; fd < 2; fd++) {
        old_fd_flags[fd] = fcntl(fd, F_GETFL);
    }
    if (!atexit_done) {
        atexit(stdio_restore);
        atexit_done = true;
    }
    sigaction(SIGCONT, &act, NULL);
    char_fd_init(d, 0, 1);
    stdio_set_echo(chr, false);
    return true;
}

static void stdio_finalize(Chardev *chr)
{
    FDChardev *d = container_of(chr, FDChardev, parent);
    bool ours = d->fd_in >= 0;

    char_fd_finalize(chr);
    if (ours) {
        stdio_restore();
        stdio_in_use = false;
    }
}

const ChardevOps char_stdio_ops = {
    .name = "stdio",
    .kind = CHARDEV_BACKEND_KIND_STDIO,
    .instance_size = sizeof(FDChardev),
    .parse = stdio_parse,
    .open = stdio_open,
    .finalize = stdio_finalize,
    .write = char_fd_write,
    .write_fd = char_fd_write_fd,
    .update = char_fd_update,
    .set_echo = stdio_set_echo,
};
