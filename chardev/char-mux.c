/*
 * The mux: several front ends (serial ports, a monitor) on one back end.
 *
 * Output of all goes out; input goes to the one with the focus, which the
 * user moves with Ctrl-a c.  Ctrl-a h lists what else there is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"
#include "qobject/qdict.h"
#include "util/timer.h"

#define MAX_MUX         4
#define MUX_BUFFER_SIZE 32 /* per front end; a power of two */
#define MUX_ESCAPE      0x01

typedef struct MuxBuffer {
    uint8_t data[MUX_BUFFER_SIZE];
    unsigned prod;
    unsigned cons;
} MuxBuffer;

/* All under the BQL but for the output state. */
typedef struct MuxChardev {
    Chardev parent;
    CharFrontend base;
    CharFrontend *fe[MAX_MUX];
    MuxBuffer buffer[MAX_MUX];
    int focus; /* -1: nobody */
    bool escape;
    bool connected; /* handlers of base are set */
    /* Output, under write_lock. */
    bool timestamps;
    bool line_start;
    int64_t timestamps_start; /* ms */
} MuxChardev;

static bool machine_done;
static void (*key_handler)(int key);

void qemu_chr_set_mux_key_handler(void (*fn)(int key))
{
    key_handler = fn;
}

static MuxChardev *mux_chr(Chardev *chr)
{
    return container_of(chr, MuxChardev, parent);
}

static void mux_send_event(MuxChardev *d, int nr, QEMUChrEvent event)
{
    CharFrontend *fe = nr >= 0 ? d->fe[nr] : NULL;

    if (fe && fe->event) {
        fe->event(fe->opaque, event);
    }
}

static void mux_send_all(MuxChardev *d, QEMUChrEvent event)
{
    for (int i = 0; i < MAX_MUX; i++) {
        mux_send_event(d, i, event);
    }
}

static void mux_set_focus(MuxChardev *d, int nr)
{
    if (d->focus >= 0) {
        mux_send_event(d, d->focus, CHR_EVENT_MUX_OUT);
    }
    d->focus = nr;
    mux_send_event(d, nr, CHR_EVENT_MUX_IN);
}

static void mux_next_focus(MuxChardev *d)
{
    for (int i = 1; i <= MAX_MUX; i++) {
        int nr = (d->focus + i) % MAX_MUX;

        if (d->fe[nr]) {
            mux_set_focus(d, nr);
            return;
        }
    }
}

/* --- output --- */

static ssize_t mux_write_stamped(MuxChardev *d, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const uint8_t *nl = memchr(buf + done, '\n', len - done);
        size_t n = nl ? nl - buf - done + 1 : len - done;
        int sent;

        if (d->line_start) {
            int64_t ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
            g_autofree char *stamp = NULL;

            if (d->timestamps_start < 0) {
                d->timestamps_start = ms;
            }
            ms -= d->timestamps_start;
            stamp = g_strdup_printf("[%02d:%02d:%02d.%03d] ",
                                    (int)(ms / 3600000), (int)(ms / 60000 % 60),
                                    (int)(ms / 1000 % 60), (int)(ms % 1000));
            qemu_chr_fe_write_all(&d->base, (uint8_t *)stamp, strlen(stamp));
            d->line_start = false;
        }
        sent = qemu_chr_fe_write(&d->base, buf + done, n);
        if (sent < 0) {
            return done ? (ssize_t)done : -1;
        }
        done += sent;
        if ((size_t)sent < n) {
            break;
        }
        d->line_start = nl != NULL;
    }
    return done;
}

static ssize_t mux_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    MuxChardev *d = mux_chr(chr);
    ssize_t n;

    n = d->timestamps ? mux_write_stamped(d, buf, len)
                      : qemu_chr_fe_write(&d->base, buf, len);
    if (n == 0 && len) {
        errno = EAGAIN;
        return -1;
    }
    return n;
}

static int mux_write_fd(Chardev *chr)
{
    Chardev *base = mux_chr(chr)->base.chr;

    return base && base->ops->write_fd ? base->ops->write_fd(base) : -1;
}

static void mux_puts(MuxChardev *d, const char *str)
{
    qemu_chr_write(&d->parent, (const uint8_t *)str, strlen(str), true);
}

static void mux_write_ready(void *opaque)
{
    MuxChardev *d = opaque;

    for (int i = 0; i < MAX_MUX; i++) {
        CharFrontend *fe = d->fe[i];
        CharWriteReady *ready = fe ? fe->write_ready : NULL;

        if (ready) {
            qatomic_set(&fe->write_ready, NULL);
            ready(fe->write_opaque);
        }
    }
}

/* --- input --- */

static void mux_print_help(MuxChardev *d)
{
    mux_puts(d, "\n\r"
                "C-a h    print this help\n\r"
                "C-a x    exit emulator\n\r"
                "C-a s    save disk data back to file (if -snapshot)\n\r"
                "C-a t    toggle console timestamps\n\r"
                "C-a b    send break (magic sysrq)\n\r"
                "C-a c    switch between console and monitor\n\r"
                "C-a C-a  sends C-a\n\r");
}

static void mux_toggle_timestamps(MuxChardev *d)
{
    QEMU_LOCK_GUARD(&d->parent.write_lock);
    d->timestamps = !d->timestamps;
    d->timestamps_start = -1;
    d->line_start = false;
}

static void mux_call_key_handler(int key)
{
    if (key_handler) {
        key_handler(key);
    }
}

/* Handle @ch; true: it is for the front end. */
static bool mux_process_byte(MuxChardev *d, uint8_t ch)
{
    if (!d->escape) {
        d->escape = ch == MUX_ESCAPE;
        return !d->escape;
    }
    d->escape = false;
    switch (ch) {
    case MUX_ESCAPE:
        return true;
    case '?':
    case 'h':
        mux_print_help(d);
        break;
    case 'x':
        mux_puts(d, "QEMU: Terminated\n\r");
        mux_call_key_handler(ch);
        break;
    case 's':
        mux_call_key_handler(ch);
        break;
    case 'b':
        mux_send_event(d, d->focus, CHR_EVENT_BREAK);
        break;
    case 'c':
        mux_next_focus(d);
        break;
    case 't':
        mux_toggle_timestamps(d);
        break;
    default:
        break;
    }
    return false;
}

static int fe_room(const CharFrontend *fe)
{
    return fe && fe->can_read && fe->read ? fe->can_read(fe->opaque) : 0;
}

static void mux_drain(MuxChardev *d, int nr)
{
    MuxBuffer *b = &d->buffer[nr];
    CharFrontend *fe = d->fe[nr];

    while (b->prod != b->cons && fe_room(fe) > 0) {
        uint8_t ch = b->data[b->cons++ % MUX_BUFFER_SIZE];

        fe->read(fe->opaque, &ch, 1);
        fe = d->fe[nr];
    }
}

static int mux_can_read(void *opaque)
{
    MuxChardev *d = opaque;
    MuxBuffer *b;

    if (d->focus < 0) {
        return 1; /* it may be Ctrl-a c */
    }
    b = &d->buffer[d->focus];
    if (b->prod - b->cons < MUX_BUFFER_SIZE) {
        return 1;
    }
    return MIN(fe_room(d->fe[d->focus]), 1);
}

static void mux_read(void *opaque, const uint8_t *buf, int size)
{
    MuxChardev *d = opaque;

    for (int i = 0; i < size; i++) {
        MuxBuffer *b;
        CharFrontend *fe;

        if (!mux_process_byte(d, buf[i]) || d->focus < 0) {
            continue;
        }
        mux_drain(d, d->focus);
        fe = d->fe[d->focus];
        b = &d->buffer[d->focus];
        if (b->prod == b->cons && fe_room(fe) > 0) {
            fe->read(fe->opaque, &buf[i], 1);
        } else if (b->prod - b->cons < MUX_BUFFER_SIZE) {
            b->data[b->prod++ % MUX_BUFFER_SIZE] = buf[i];
        }
    }
}

static void mux_event(void *opaque, QEMUChrEvent event)
{
    MuxChardev *d = opaque;

    if (event == CHR_EVENT_OPENED) {
        d->parent.be_open = true;
        if (!machine_done) {
            return; /* told by qemu_chr_machine_done() */
        }
    } else if (event == CHR_EVENT_CLOSED) {
        d->parent.be_open = false;
    }
    mux_send_all(d, event);
}

static void mux_machine_done(Chardev *chr, void *opaque)
{
    if (qemu_chr_is_mux(chr) && chr->be_open) {
        mux_send_all(mux_chr(chr), CHR_EVENT_OPENED);
    }
}

void qemu_chr_machine_done(void)
{
    machine_done = true;
    qemu_chr_foreach(mux_machine_done, NULL);
}

/* --- the mux as a back end --- */

static void mux_update(Chardev *chr)
{
    MuxChardev *d = mux_chr(chr);

    for (int i = 0; i < MAX_MUX; i++) {
        if (d->fe[i]) {
            mux_drain(d, i);
        }
    }
    for (int i = 0; i < MAX_MUX; i++) {
        if (d->fe[i] && qatomic_read(&d->fe[i]->write_ready)) {
            qemu_chr_fe_add_watch(&d->base, mux_write_ready, d);
            break;
        }
    }
    qemu_chr_fe_accept_input(&d->base);
}

static bool mux_attach(Chardev *chr, CharFrontend *fe, Error **errp)
{
    MuxChardev *d = mux_chr(chr);

    for (int i = 0; i < MAX_MUX; i++) {
        if (!d->fe[i]) {
            d->fe[i] = fe;
            d->buffer[i] = (MuxBuffer){ 0 };
            fe->tag = i;
            chr->fe = fe;
            return true;
        }
    }
    error_setg(errp,
               "too many uses of multiplexed chardev '%s' (maximum is "
               "%u)",
               chr->label, MAX_MUX);
    return false;
}

static void mux_detach(Chardev *chr, CharFrontend *fe)
{
    MuxChardev *d = mux_chr(chr);

    d->fe[fe->tag] = NULL;
    if (d->focus == fe->tag) {
        d->focus = -1; /* until the user chooses another one */
    }
    chr->fe = NULL;
    for (int i = 0; i < MAX_MUX && !chr->fe; i++) {
        chr->fe = d->fe[i];
    }
}

static void mux_handlers_set(Chardev *chr, CharFrontend *fe)
{
    MuxChardev *d = mux_chr(chr);

    if (!d->connected) {
        d->connected = true;
        /* If the base device is open, mux_event() is told so here. */
        qemu_chr_fe_set_handlers(&d->base, mux_can_read, mux_read, mux_event,
                                 d);
    } else if (machine_done && chr->be_open && fe->event) {
        fe->event(fe->opaque, CHR_EVENT_OPENED);
    }
}

static void mux_take_focus(Chardev *chr, CharFrontend *fe)
{
    mux_set_focus(mux_chr(chr), fe->tag);
}

static void mux_set_echo(Chardev *chr, bool echo)
{
    qemu_chr_fe_set_echo(&mux_chr(chr)->base, echo);
}

static bool mux_parse(QDict *opts, ChardevBackend *backend, Error **errp)
{
    ChardevMux *mux = g_new0(ChardevMux, 1);

    backend->u.mux.data = mux;
    mux->chardev = qdict_take_str(opts, "chardev");
    if (!mux->chardev) {
        mux->chardev = g_strdup("");
        error_setg(errp, "chardev: mux: no chardev given");
        return false;
    }
    return qemu_chr_parse_common(opts, (ChardevCommon *)mux, errp);
}

static bool mux_open(Chardev *chr, const ChardevBackend *backend,
                     bool *be_opened, Error **errp)
{
    MuxChardev *d = mux_chr(chr);
    const char *name = backend->u.mux.data->chardev;
    Chardev *base = qemu_chr_find(name);

    d->focus = -1;
    *be_opened = false;
    if (!base) {
        error_setg(errp, "mux: base chardev %s not found", name);
        return false;
    }
    chr->be_open = base->be_open;
    return qemu_chr_fe_init(&d->base, base, errp);
}

static void mux_finalize(Chardev *chr)
{
    MuxChardev *d = mux_chr(chr);

    for (int i = 0; i < MAX_MUX; i++) {
        if (d->fe[i]) {
            d->fe[i]->chr = NULL;
        }
    }
    chr->fe = NULL;
    qemu_chr_fe_deinit(&d->base, false);
}

const ChardevOps char_mux_ops = {
    .name = "mux",
    .kind = CHARDEV_BACKEND_KIND_MUX,
    .instance_size = sizeof(MuxChardev),
    .parse = mux_parse,
    .open = mux_open,
    .finalize = mux_finalize,
    .write = mux_write,
    .write_fd = mux_write_fd,
    .update = mux_update,
    .set_echo = mux_set_echo,
    .attach = mux_attach,
    .detach = mux_detach,
    .handlers_set = mux_handlers_set,
    .take_focus = mux_take_focus,
};
