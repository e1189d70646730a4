/*
 * The front end's side: what serial ports and monitors call.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "chardev/char-internal.h"
#include "util/main-loop.h"

bool qemu_chr_fe_init(CharFrontend *fe, Chardev *chr, Error **errp)
{
    memset(fe, 0, sizeof(*fe));
    if (!chr) {
        return true;
    }
    if (chr->ops->attach) {
        if (!chr->ops->attach(chr, fe, errp)) {
            return false;
        }
    } else if (chr->fe) {
        error_setg(errp, "chardev '%s' is already in use", chr->label);
        return false;
    } else {
        chr->fe = fe;
    }
    fe->chr = chr;
    return true;
}

void qemu_chr_fe_deinit(CharFrontend *fe, bool del)
{
    Chardev *chr = fe->chr;

    if (!chr) {
        return;
    }
    qemu_chr_fe_set_handlers(fe, NULL, NULL, NULL, NULL);
    if (chr->ops->detach) {
        chr->ops->detach(chr, fe);
    } else if (chr->fe == fe) {
        chr->fe = NULL;
    }
    fe->chr = NULL;
    if (del) {
        qemu_chr_delete(chr);
    }
}

void qemu_chr_fe_set_handlers(CharFrontend *fe, IOCanReadHandler *can_read,
                              IOReadHandler *read, IOEventHandler *event,
                              void *opaque)
{
    Chardev *chr = fe->chr;
    bool open = can_read || read || event || opaque;

    if (!chr) {
        return;
    }
    fe->can_read = can_read;
    fe->read = read;
    fe->event = event;
    fe->opaque = opaque;
    if (!open) {
        qemu_chr_fe_add_watch(fe, NULL, NULL);
    }
    qemu_chr_fe_set_open(fe, open);
    if (chr->ops->handlers_set) {
        chr->ops->handlers_set(chr, fe);
    } else if (open && chr->be_open) {
        qemu_chr_be_event(chr, CHR_EVENT_OPENED);
    }
    if (open) {
        qemu_chr_fe_take_focus(fe);
    }
    qemu_chr_kick(chr);
}

void qemu_chr_fe_accept_input(CharFrontend *fe)
{
    if (fe->chr) {
        qemu_chr_kick(fe->chr);
    }
}

void qemu_chr_fe_take_focus(CharFrontend *fe)
{
    if (fe->chr && fe->chr->ops->take_focus) {
        fe->chr->ops->take_focus(fe->chr, fe);
    }
}

void qemu_chr_fe_set_echo(CharFrontend *fe, bool echo)
{
    if (fe->chr && fe->chr->ops->set_echo) {
        fe->chr->ops->set_echo(fe->chr, echo);
    }
}

void qemu_chr_fe_set_open(CharFrontend *fe, bool open)
{
    if (!fe->chr || fe->fe_open == open) {
        return;
    }
    fe->fe_open = open;
    if (fe->chr->ops->set_fe_open) {
        fe->chr->ops->set_fe_open(fe->chr, open);
    }
}

void qemu_chr_fe_disconnect(CharFrontend *fe)
{
    if (fe->chr && fe->chr->ops->disconnect) {
        fe->chr->ops->disconnect(fe->chr);
    }
}

int qemu_chr_fe_write(CharFrontend *fe, const uint8_t *buf, int len)
{
    return fe->chr ? qemu_chr_write(fe->chr, buf, len, false) : len;
}

int qemu_chr_fe_write_all(CharFrontend *fe, const uint8_t *buf, int len)
{
    return fe->chr ? qemu_chr_write(fe->chr, buf, len, true) : len;
}

void qemu_chr_fe_add_watch(CharFrontend *fe, CharWriteReady *ready,
                           void *opaque)
{
    fe->write_opaque = opaque;
    qatomic_set(&fe->write_ready, ready);
    if (fe->chr && ready) {
        qemu_chr_kick(fe->chr);
    }
}

int qemu_chr_fe_get_msgfd(CharFrontend *fe)
{
    if (fe->chr && fe->chr->ops->get_msgfd) {
        return fe->chr->ops->get_msgfd(fe->chr);
    }
    return -1;
}

bool qemu_chr_fe_backend_open(const CharFrontend *fe)
{
    return fe->chr && fe->chr->be_open;
}
