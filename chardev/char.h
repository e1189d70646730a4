/*
 * Character devices: a byte stream between a user inside (serial port,
 * monitor: the "front end") and something outside (terminal, socket, file:
 * the "back end").
 *
 * A Chardev has one CharFrontend, a mux Chardev several that take turns.
 *
 * Thread: main thread under the BQL, where nothing else is said; callbacks
 * come from the main loop.  A vCPU thread that holds the BQL may call
 * qemu_chr_fe_write*(), _accept_input() and _add_watch().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include "util/error.h"

typedef struct Chardev Chardev;
typedef struct CharFrontend CharFrontend;
typedef struct ChardevBackend ChardevBackend;
typedef struct QDict QDict;

typedef enum QEMUChrEvent {
    CHR_EVENT_BREAK,   /* serial break (Ctrl-a b) */
    CHR_EVENT_OPENED,  /* somebody is there */
    CHR_EVENT_MUX_IN,  /* the mux's input comes to this front end now */
    CHR_EVENT_MUX_OUT, /* ... and not any longer */
    CHR_EVENT_CLOSED,  /* nobody is there */
} QEMUChrEvent;

/* How many bytes the front end takes now. */
typedef int IOCanReadHandler(void *opaque);
typedef void IOReadHandler(void *opaque, const uint8_t *buf, int size);
typedef void IOEventHandler(void *opaque, QEMUChrEvent event);
typedef void CharWriteReady(void *opaque);

/* --- back ends --- */

/*
 * From the short form of -serial, -monitor, -qmp ("stdio", "tcp:h:p,server=on",
 * "unix:path", "mon:stdio", "file:x", "null", "chardev:id" ...), named @label.
 * NULL: with or, as in QEMU for "none", "chardev:" and "tcp:" that say
 * nothing, without a message in @errp.
 */
Chardev *qemu_chr_new(const char *label, const char *filename, Error **errp);
/* The same for users that may share it with a monitor ("mon:"): a monitor
 * is put on it by qemu_chr_set_mux_monitor()'s function. */
Chardev *qemu_chr_new_mux_mon(const char *label, const char *filename,
                              Error **errp);
void qemu_chr_set_mux_monitor(void (*fn)(Chardev *chr, Error **errp));

/* Is @filename a short form?  Else false and maybe @errp ("'x' is not a valid
 * char driver", or an error in its options). */
bool qemu_chr_is_valid_short(const char *filename, Error **errp);

/* From -chardev's @opts (flat strings: "backend", "id", ...). */
Chardev *qemu_chr_new_from_opts(QDict *opts, Error **errp);
/* -chardev @str, "help" included (*@help is set and NULL returned). */
Chardev *qemu_chr_new_from_string(const char *str, bool *help, Error **errp);
Chardev *qemu_chr_new_from_backend(const char *id, ChardevBackend *backend,
                                   Error **errp);

/* From here on a stdio device cannot be made (-daemonize). */
void qemu_chr_forbid_stdio(void);

/* NULL: there is none. */
Chardev *qemu_chr_find(const char *id);
const char *qemu_chr_label(const Chardev *chr);
/* What query-chardev shows as "filename"; valid until the next event. */
const char *qemu_chr_filename(const Chardev *chr);
/* "redirected to" of a pty, or NULL. */
const char *qemu_chr_pty_name(const Chardev *chr);
bool qemu_chr_is_mux(const Chardev *chr);
/* Does a front end (one that cannot share it) use it? */
bool qemu_chr_is_busy(const Chardev *chr);
/* Delete it; nothing may use it. */
void qemu_chr_delete(Chardev *chr);
/* All of them, at exit: terminals are put back as they were. */
void qemu_chr_cleanup(void);
/* The names of -chardev help. */
void qemu_chr_print_types(void);
/* What happens on the escape sequence Ctrl-a @key for keys that the mux does
 * not handle itself: 'x' (end the program), 's' (write disks). */
void qemu_chr_set_mux_key_handler(void (*fn)(int key));
/* The machine is complete: now the front ends of muxes hear that their devices
 * are open, and a monitor shows its prompt only if it has the focus. */
void qemu_chr_machine_done(void);

/* --- front ends --- */

struct CharFrontend {
    Chardev *chr; /* NULL: not connected; writes go nowhere */
    IOCanReadHandler *can_read;
    IOReadHandler *read;
    IOEventHandler *event;
    void *opaque;
    CharWriteReady *write_ready; /* pending watch */
    void *write_opaque;
    int tag; /* its number at a mux */
    bool fe_open;
};

/* Connect @fe (zeroed, the caller's) with @chr (NULL is fine).  False and
 * @errp: "chardev 'x' is already in use". */
bool qemu_chr_fe_init(CharFrontend *fe, Chardev *chr, Error **errp);
/* Disconnect; with @del delete the Chardev too. */
void qemu_chr_fe_deinit(CharFrontend *fe, bool del);

/*
 * Start (or with all callbacks NULL stop) to receive.  @event is called with
 * OPENED at once if somebody is there already.
 */
void qemu_chr_fe_set_handlers(CharFrontend *fe, IOCanReadHandler *can_read,
                              IOReadHandler *read, IOEventHandler *event,
                              void *opaque);
/* There is room again after can_read() said 0. */
void qemu_chr_fe_accept_input(CharFrontend *fe);
/* Make this front end the mux's current one. */
void qemu_chr_fe_take_focus(CharFrontend *fe);
void qemu_chr_fe_set_echo(CharFrontend *fe, bool echo);
/* Tell the other side that the front end is (not) in use. */
void qemu_chr_fe_set_open(CharFrontend *fe, bool open);
/* Drop the client; a server goes on listening. */
void qemu_chr_fe_disconnect(CharFrontend *fe);

/* How many bytes were taken: less than @len (0) when the back end is full,
 * -1 when nobody is there.  Never waits.  Any thread. */
int qemu_chr_fe_write(CharFrontend *fe, const uint8_t *buf, int len);
/* Waits until all is written (or nobody is there).  Not for what a peer can
 * hold up.  Any thread. */
int qemu_chr_fe_write_all(CharFrontend *fe, const uint8_t *buf, int len);
/* Call @ready once, from the main loop, when writing may work again (or will
 * fail for good).  Replaces the last one; NULL cancels. */
void qemu_chr_fe_add_watch(CharFrontend *fe, CharWriteReady *ready,
                           void *opaque);
/* A descriptor that came with the input (SCM_RIGHTS), the caller's; -1. */
int qemu_chr_fe_get_msgfd(CharFrontend *fe);
bool qemu_chr_fe_backend_open(const CharFrontend *fe);

#endif
