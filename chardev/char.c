/*
 * Character devices: their registry and the traffic between the two ends.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char.h"

#include <fcntl.h>
#include <poll.h>

#include "chardev/char-internal.h"
#include "util/cutils.h"
#include "util/error-report.h"
#include "util/main-loop.h"

/* By label.  query-chardev lists it in the order of this table. */
static GHashTable *chardevs;

const ChardevOps *const char_ops_table[] = {
    &char_stdio_ops,  &char_ringbuf_ops,
    &char_mux_ops,    &char_pipe_ops,
    &char_pty_ops,    &char_null_ops,
    &char_memory_ops, &char_socket_ops,
    &char_file_ops,   NULL,
};

const ChardevOps *char_ops_by_name(const char *name)
{
    for (int i = 0; char_ops_table[i]; i++) {
        if (g_str_equal(char_ops_table[i]->name, name)) {
            return char_ops_table[i];
        }
    }
    return NULL;
}

static const ChardevOps *char_ops_by_kind(ChardevBackendKind kind)
{
    for (int i = 0; char_ops_table[i]; i++) {
        if (char_ops_table[i]->kind == kind) {
            return char_ops_table[i];
        }
    }
    return NULL;
}

void qemu_chr_print_types(void)
{
    printf("Available chardev backend types: \n");
    for (int i = 0; char_ops_table[i]; i++) {
        printf("  %s\n", char_ops_table[i]->name);
    }
}

/* --- from the back end to the front end --- */

int qemu_chr_be_can_write(Chardev *chr)
{
    CharFrontend *fe = chr->fe;

    if (!fe || !fe->can_read || !fe->read) {
        return 0;
    }
    return MAX(fe->can_read(fe->opaque), 0);
}

void qemu_chr_be_write(Chardev *chr, const uint8_t *buf, int len)
{
    CharFrontend *fe = chr->fe;

    if (fe && fe->read) {
        fe->read(fe->opaque, buf, len);
    }
}

void qemu_chr_be_event(Chardev *chr, QEMUChrEvent event)
{
    CharFrontend *fe = chr->fe;

    if (event == CHR_EVENT_OPENED) {
        chr->be_open = true;
    } else if (event == CHR_EVENT_CLOSED) {
        chr->be_open = false;
    }
    if (fe && fe->event) {
        fe->event(fe->opaque, event);
    }
}

bool qemu_chr_be_write_wanted(Chardev *chr)
{
    return chr->fe && qatomic_read(&chr->fe->write_ready);
}

void qemu_chr_be_write_ready(Chardev *chr)
{
    CharFrontend *fe = chr->fe;
    CharWriteReady *ready = fe ? fe->write_ready : NULL;

    if (ready) {
        qatomic_set(&fe->write_ready, NULL);
        ready(fe->write_opaque);
    }
}

static void chr_update_bh(void *opaque)
{
    Chardev *chr = opaque;

    if (chr->ops->update) {
        chr->ops->update(chr);
    } else if (qemu_chr_be_write_wanted(chr)) {
        qemu_chr_be_write_ready(chr);
    }
}

void qemu_chr_kick(Chardev *chr)
{
    qemu_bh_schedule(chr->update_bh);
}

/* --- from the front end to the back end --- */

static void chr_log(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (chr->logfd >= 0) {
        /* A log that cannot be written must not stop the device. */
        (void)!qemu_write_full(chr->logfd, buf, len);
    }
}

static void chr_wait_writable(Chardev *chr)
{
    struct pollfd pfd = { .events = POLLOUT };

    pfd.fd = chr->ops->write_fd ? chr->ops->write_fd(chr) : -1;
    /* Not for ever: the device may be gone from another thread's view. */
    poll(&pfd, 1, pfd.fd >= 0 ? 100 : 1);
}

int qemu_chr_write(Chardev *chr, const uint8_t *buf, int len, bool all)
{
    int done = 0;
    int err = 0;

    QEMU_LOCK_GUARD(&chr->write_lock);
    while (done < len) {
        ssize_t n = chr->ops->write(chr, buf + done, len - done);

        if (n >= 0) {
            done += n;
            if (n == 0 && !all) {
                break;
            }
            continue;
        }
        err = errno;
        if (err != EAGAIN || !all) {
            break;
        }
        chr_wait_writable(chr);
    }
    chr_log(chr, buf, done);
    if (done == 0 && len && err && err != EAGAIN) {
        errno = err;
        return -1;
    }
    return done;
}

/* --- life --- */

static bool chr_open_log(Chardev *chr, const ChardevCommon *common,
                         Error **errp)
{
    int flags = O_WRONLY | O_CREAT;

    if (!common->logfile) {
        return true;
    }
    flags |= common->has_logappend && common->logappend ? O_APPEND : O_TRUNC;
    chr->logfd = qemu_open_cloexec(common->logfile, flags, 0666);
    if (chr->logfd < 0) {
        error_setg_errno(errp, errno, "Could not create '%s'", common->logfile);
        return false;
    }
    return true;
}

static void chr_free(Chardev *chr, bool finalize)
{
    if (finalize && chr->ops->finalize) {
        chr->ops->finalize(chr);
    }
    if (chr->fe) {
        chr->fe->chr = NULL;
        chr->fe = NULL;
    }
    qemu_bh_delete(chr->update_bh);
    if (chr->logfd >= 0) {
        close(chr->logfd);
    }
    qemu_mutex_destroy(&chr->write_lock);
    g_free(chr->pty_name);
    g_free(chr->filename);
    g_free(chr->label);
    g_free(chr);
}

static Chardev *chr_create(const char *id, const ChardevOps *ops,
                           const ChardevBackend *backend, Error **errp)
{
    Chardev *chr = g_malloc0(ops->instance_size);
    bool be_opened = true;

    chr->ops = ops;
    chr->label = g_strdup(id);
    chr->logfd = -1;
    qemu_mutex_init(&chr->write_lock);
    chr->update_bh = qemu_bh_new(chr_update_bh, chr);
    if (!chr_open_log(chr, qemu_chr_backend_common(backend), errp)) {
        chr_free(chr, false);
        return NULL;
    }
    if (!ops->open(chr, backend, &be_opened, errp)) {
        chr_free(chr, true);
        return NULL;
    }
    if (!chr->filename) {
        chr->filename = g_strdup(ops->name);
    }
    if (be_opened) {
        qemu_chr_be_event(chr, CHR_EVENT_OPENED);
    }
    return chr;
}

Chardev *qemu_chr_new_from_backend(const char *id, ChardevBackend *backend,
                                   Error **errp)
{
    const ChardevOps *ops = char_ops_by_kind(backend->type);
    Chardev *chr;

    if (!ops) {
        error_setg(errp, "'%s' is not a valid char driver name",
                   ChardevBackendKind_str(backend->type));
        return NULL;
    }
    if (!chardevs) {
        chardevs = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (qemu_chr_find(id)) {
        error_setg(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    chr = chr_create(id, ops, backend, errp);
    if (chr) {
        g_hash_table_insert(chardevs, chr->label, chr);
    }
    return chr;
}

Chardev *qemu_chr_find(const char *id)
{
    return chardevs ? g_hash_table_lookup(chardevs, id) : NULL;
}

void qemu_chr_delete(Chardev *chr)
{
    g_hash_table_remove(chardevs, chr->label);
    chr_free(chr, true);
}

void qemu_chr_cleanup(void)
{
    GHashTableIter iter;
    gpointer chr;
    bool again;

    /* Muxes first: they use their base devices. */
    for (int pass = 0; chardevs && pass < 2; pass++) {
        do {
            again = false;
            g_hash_table_iter_init(&iter, chardevs);
            while (g_hash_table_iter_next(&iter, NULL, &chr)) {
                if (pass == 1 || qemu_chr_is_mux(chr)) {
                    qemu_chr_delete(chr);
                    again = true;
                    break;
                }
            }
        } while (again);
    }
    g_clear_pointer(&chardevs, g_hash_table_unref);
}

const char *qemu_chr_label(const Chardev *chr)
{
    return chr->label;
}

const char *qemu_chr_filename(const Chardev *chr)
{
    return chr->filename;
}

const char *qemu_chr_pty_name(const Chardev *chr)
{
    return chr->pty_name;
}

bool qemu_chr_is_mux(const Chardev *chr)
{
    return chr->ops->attach != NULL;
}

bool qemu_chr_is_busy(const Chardev *chr)
{
    return chr->fe != NULL;
}

void qemu_chr_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    GHashTableIter iter;
    gpointer chr;

    if (!chardevs) {
        return;
    }
    g_hash_table_iter_init(&iter, chardevs);
    while (g_hash_table_iter_next(&iter, NULL, &chr)) {
        fn(chr, opaque);
    }
}
