/*
 * What the back ends share.
 *
 * A back end implements ChardevOps.  It learns by update() that its interest
 * in its descriptors may have changed, reads as much as
 * qemu_chr_be_can_write() allows and hands it to qemu_chr_be_write().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_INTERNAL_H
#define CHARDEV_CHAR_INTERNAL_H

#include "chardev/char.h"
#include "qapi/qapi-types-char.h"
#include "util/aio.h"
#include "util/atomic.h"
#include "util/thread.h"

#define CHR_READ_BUF_LEN 4096

typedef struct ChardevOps {
    const char *name; /* of -chardev */
    ChardevBackendKind kind;
    size_t instance_size;

    /* Fill @backend in from flat strings, deleting those used.  Required. */
    bool (*parse)(QDict *opts, ChardevBackend *backend, Error **errp);
    /* Open; *@be_opened: is somebody there now (preset to true)?  After a
     * failure finalize() follows.  Required. */
    bool (*open)(Chardev *chr, const ChardevBackend *backend, bool *be_opened,
                 Error **errp);
    /* Close whatever is open.  Optional. */
    void (*finalize)(Chardev *chr);
    /* Write without waiting: bytes taken, or -1 and errno (EAGAIN: full).
     * Under write_lock; any thread.  Required. */
    ssize_t (*write)(Chardev *chr, const uint8_t *buf, size_t len);
    /* What poll(2) waits for in write_all(), or -1.  Under write_lock. */
    int (*write_fd)(Chardev *chr);
    /* Whether the front end wants to read or write may have changed.  Main
     * thread, never from within a front end's call.  Optional. */
    void (*update)(Chardev *chr);
    void (*set_echo)(Chardev *chr, bool echo);    /* optional */
    void (*set_fe_open)(Chardev *chr, bool open); /* optional */
    void (*disconnect)(Chardev *chr);             /* optional */
    int (*get_msgfd)(Chardev *chr);               /* optional */
    /* Only devices that several front ends share (mux). */
    bool (*attach)(Chardev *chr, CharFrontend *fe, Error **errp);
    void (*detach)(Chardev *chr, CharFrontend *fe);
    void (*handlers_set)(Chardev *chr, CharFrontend *fe);
    void (*take_focus)(Chardev *chr, CharFrontend *fe);
} ChardevOps;

struct Chardev {
    const ChardevOps *ops; /* fixed */
    char *label;           /* fixed */
    char *filename;        /* main thread */
    char *pty_name;        /* fixed after open */
    CharFrontend *fe;      /* main thread; of a mux, one of them */
    bool be_open;          /* main thread */
    int logfd;             /* fixed after open; written under write_lock */
    QEMUBH *update_bh;     /* any thread may schedule it */
    QemuMutex write_lock;  /* for write() and what it uses */
};

extern const ChardevOps char_null_ops, char_file_ops, char_pipe_ops,
    char_pty_ops, char_stdio_ops, char_socket_ops, char_mux_ops,
    char_ringbuf_ops, char_memory_ops;
/* Ends with NULL, in the order of -chardev help. */
extern const ChardevOps *const char_ops_table[];
const ChardevOps *char_ops_by_name(const char *name);

/* --- calls from back ends, main thread --- */

/* How many bytes the front end takes now; 0: read later. */
int qemu_chr_be_can_write(Chardev *chr);
void qemu_chr_be_write(Chardev *chr, const uint8_t *buf, int len);
void qemu_chr_be_event(Chardev *chr, QEMUChrEvent event);
/* Does a front end wait until it can write? */
bool qemu_chr_be_write_wanted(Chardev *chr);
/* It can now (or never will). */
void qemu_chr_be_write_ready(Chardev *chr);
/* Have ops->update() called soon.  Any thread. */
void qemu_chr_kick(Chardev *chr);

/* The rest of qemu_chr_fe_write(): any front end, or a mux, to its @chr. */
int qemu_chr_write(Chardev *chr, const uint8_t *buf, int len, bool all);

/* All devices, in the table's order. */
void qemu_chr_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque);

/* --- options (char-opts.c) --- */

/* Flat options from the short form @filename; NULL and @errp ("'x' is not a
 * valid char driver").  @mux_mon: accept "mon:". */
QDict *qemu_chr_parse_compat(const char *label, const char *filename,
                             bool mux_mon, Error **errp);
/* The options that all back ends have. */
bool qemu_chr_parse_common(QDict *opts, ChardevCommon *common, Error **errp);
/* "on"/"off"; absent leaves *@has and *@value. */
bool char_opt_bool(QDict *opts, const char *key, bool *has, bool *value,
                   Error **errp);
bool char_opt_int(QDict *opts, const char *key, bool *has, int64_t *value,
                  Error **errp);

/* What all ChardevBackend variants begin with. */
const ChardevCommon *qemu_chr_backend_common(const ChardevBackend *backend);

#endif
