/*
 * Reading and writing descriptors: the common part of file, pipe, pty and
 * stdio.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_FD_H
#define CHARDEV_CHAR_FD_H

#include "chardev/char-internal.h"

typedef struct FDChardev {
    Chardev parent;
    int fd_in;     /* -1: nothing to read; main thread */
    int fd_out;    /* write_lock */
    bool reading;  /* a handler is set; main thread */
    bool writing;  /* likewise */
    bool eof;      /* input has ended */
    bool keep_fds; /* not ours to close */
    bool is_file;  /* output never blocks and is not polled */
} FDChardev;

/* Adopt the descriptors and make them non-blocking. */
void char_fd_init(FDChardev *d, int fd_in, int fd_out);
void char_fd_finalize(Chardev *chr);
ssize_t char_fd_write(Chardev *chr, const uint8_t *buf, size_t len);
int char_fd_write_fd(Chardev *chr);
void char_fd_update(Chardev *chr);

#endif
