/*
 * Linux AIO (io_submit), the engine of aio=native.
 *
 * Each AioContext has its own, made on first use.  Requests of one turn of the
 * loop go to the kernel together.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_LINUX_AIO_H
#define UTIL_LINUX_AIO_H

#include "util/aio.h"

typedef struct LinuxAio LinuxAio;

/* This context's; NULL where the kernel refuses it (fs.aio-max-nr is used up,
 * a seccomp filter).  Home thread. */
LinuxAio *aio_get_linux_aio(AioContext *ctx, Error **errp);

typedef struct LinuxAioRw {
    bool is_write;
    int fd; /* opened with O_DIRECT: others block in the submission */
    const struct iovec *iov; /* must live until the completion */
    int niov;
    int64_t offset;
    int rw_flags;       /* RWF_* */
    unsigned max_batch; /* submit after so many; 0: the context's own */
} LinuxAioRw;

/*
 * Begin @rw; @h's completion gets bytes or -errno from the loop.  false: too
 * many are under way, do it otherwise.  Home thread.
 */
bool linux_aio_submit(LinuxAio *l, CqeHandler *h, const LinuxAioRw *rw);

/* For AioContext. */
void linux_aio_free(LinuxAio *l); /* nothing may be under way */

#endif
