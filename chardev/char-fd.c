/*
 * The back ends over descriptors: file and pipe, and the common part of pty
 * and stdio.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "qobject/qdict.h"
#include "util/cutils.h"
#include "util/main-loop.h"

static FDChardev *fd_chr(Chardev *chr)
{
    return container_of(chr, FDChardev, parent);
}

void char_fd_init(FDChardev *d, int fd_in, int fd_out)
{
    struct stat st;

    d->fd_in = fd_in;
    d->fd_out = fd_out;
    if (fd_in >= 0) {
        qemu_set_blocking(fd_in, false);
    }
    if (fd_out >= 0) {
        qemu_set_blocking(fd_out, false);
        d->is_file = fstat(fd_out, &st) == 0 && S_ISREG(st.st_mode);
    }
}

static void fd_set_handlers(FDChardev *d, bool reading, bool writing);

static void fd_read(void *opaque)
{
    FDChardev *d = opaque;
    Chardev *chr = &d->parent;
    uint8_t buf[CHR_READ_BUF_LEN];
    int len = MIN(qemu_chr_be_can_write(chr), (int)sizeof(buf));
    ssize_t n;

    if (len > 0 && d->fd_in >= 0) {
        n = RETRY_ON_EINTR(read(d->fd_in, buf, len));
        if (n > 0) {
            qemu_chr_be_write(chr, buf, n);
        } else if (n == 0 || errno != EAGAIN) {
            d->eof = true;
            fd_set_handlers(d, false, d->writing);
            qemu_chr_be_event(chr, CHR_EVENT_CLOSED);
            return;
        }
    }
    char_fd_update(chr);
}

static void fd_write_ready(void *opaque)
{
    FDChardev *d = opaque;

    qemu_chr_be_write_ready(&d->parent);
    char_fd_update(&d->parent);
}

static void fd_set_handlers(FDChardev *d, bool reading, bool writing)
{
    if (reading == d->reading && writing == d->writing) {
        return;
    }
    if (d->fd_in == d->fd_out) {
        if (d->fd_in >= 0) {
            qemu_set_fd_handler(d->fd_in, reading ? fd_read : NULL,
                                writing ? fd_write_ready : NULL, d);
        }
    } else {
        if (reading != d->reading && d->fd_in >= 0) {
            qemu_set_fd_handler(d->fd_in, reading ? fd_read : NULL, NULL, d);
        }
        if (writing != d->writing && d->fd_out >= 0) {
            qemu_set_fd_handler(d->fd_out, NULL,
                                writing ? fd_write_ready : NULL, d);
        }
    }
    d->reading = reading;
    d->writing = writing;
}

void char_fd_update(Chardev *chr)
{
    FDChardev *d = fd_chr(chr);
    bool reading = d->fd_in >= 0 && !d->eof && qemu_chr_be_can_write(chr) > 0;
    bool writing = qemu_chr_be_write_wanted(chr);

    if (writing && (d->is_file || d->fd_out < 0)) {
        qemu_chr_be_write_ready(chr);
        writing = false;
    }
    fd_set_handlers(d, reading, writing);
}

ssize_t char_fd_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    FDChardev *d = fd_chr(chr);

    if (d->fd_out < 0) {
        return len;
    }
    return RETRY_ON_EINTR(write(d->fd_out, buf, len));
}

int char_fd_write_fd(Chardev *chr)
{
    return fd_chr(chr)->fd_out;
}

void char_fd_finalize(Chardev *chr)
{
    FDChardev *d = fd_chr(chr);

    fd_set_handlers(d, false, false);
    if (!d->keep_fds) {
        if (d->fd_in >= 0) {
            close(d->fd_in);
        }
        if (d->fd_out >= 0 && d->fd_out != d->fd_in) {
            close(d->fd_out);
        }
    }
    d->fd_in = d->fd_out = -1;
}

/* --- file --- */

static bool file_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevFile *file = g_new0(ChardevFile, 1);

    backend->u.file.data = file;
    file->out = qdict_take_str(opts, "path");
    if (!file->out) {
        file->out = g_strdup("");
        error_setg(errp, "chardev: file: no filename given");
        return false;
    }
    file->in = qdict_take_str(opts, "input-path");
    return qemu_chr_parse_common(opts, (ChardevCommon *)file, errp) &&
           char_opt_bool(opts, "append", &file->has_append, &file->append,
                         errp);
}

static bool file_open(Chardev *chr, const ChardevBackend *backend,
                      bool *be_opened, Error **errp)
{
    FDChardev *d = fd_chr(chr);
    const ChardevFile *file = backend->u.file.data;
    int flags = O_WRONLY | O_CREAT;
    int in = -1;
    int out;

    d->fd_in = d->fd_out = -1;
    flags |= file->has_append && file->append ? O_APPEND : O_TRUNC;
    out = qemu_open_cloexec(file->out, flags, 0666);
    if (out < 0) {
        error_setg_file_open(errp, errno, file->out);
        return false;
    }
    if (file->in) {
        in = qemu_open_cloexec(file->in, O_RDONLY, 0);
        if (in < 0) {
            error_setg_file_open(errp, errno, file->in);
            close(out);
            return false;
        }
    }
    char_fd_init(d, in, out);
    return true;
}

const ChardevOps char_file_ops = {
    .name = "file",
    .kind = CHARDEV_BACKEND_KIND_FILE,
    .instance_size = sizeof(FDChardev),
    .parse = file_parse,
    .open = file_open,
    .finalize = char_fd_finalize,
    .write = char_fd_write,
    .write_fd = char_fd_write_fd,
    .update = char_fd_update,
};

/* --- pipe --- */

static bool pipe_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevHostdev *dev = g_new0(ChardevHostdev, 1);

    backend->u.pipe.data = dev;
    dev->device = qdict_take_str(opts, "path");
    if (!dev->device) {
        dev->device = g_strdup("");
        error_setg(errp, "chardev: pipe: no device path given");
        return false;
    }
    return qemu_chr_parse_common(opts, (ChardevCommon *)dev, errp);
}

/* NAME.in and NAME.out, or NAME for both directions. */
static bool pipe_open(Chardev *chr, const ChardevBackend *backend,
                      bool *be_opened, Error **errp)
{
    FDChardev *d = fd_chr(chr);
    const char *name = backend->u.pipe.data->device;
    g_autofree char *name_in = g_strdup_printf("%s.in", name);
    g_autofree char *name_out = g_strdup_printf("%s.out", name);
    int in = qemu_open_cloexec(name_in, O_RDWR, 0);
    int out = qemu_open_cloexec(name_out, O_RDWR, 0);

    d->fd_in = d->fd_out = -1;
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = qemu_open_cloexec(name, O_RDWR, 0);
        if (in < 0) {
            error_setg_file_open(errp, errno, name);
            return false;
        }
    }
    char_fd_init(d, in, out);
    return true;
}

const ChardevOps char_pipe_ops = {
    .name = "pipe",
    .kind = CHARDEV_BACKEND_KIND_PIPE,
    .instance_size = sizeof(FDChardev),
    .parse = pipe_parse,
    .open = pipe_open,
    .finalize = char_fd_finalize,
    .write = char_fd_write,
    .write_fd = char_fd_write_fd,
    .update = char_fd_update,
};
