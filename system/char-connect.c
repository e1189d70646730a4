/*
 * chardev=ID of the ISA bus's character devices.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/devices.h"
#include "chardev/char.h"
#include "hw/char/isa-char.h"

/* Join @fe to the character device @id; messages name @type's property. */
static bool connect_frontend(CharFrontend *fe, const char *id, const char *type,
                             Error **errp)
{
    Chardev *chr = qemu_chr_find(id);
    Error *err = NULL;

    if (!chr) {
        error_setg(errp, "Property '%s.chardev' can't find value '%s'", type,
                   id);
        return false;
    }
    if (!qemu_chr_fe_init(fe, chr, &err)) {
        error_propagate_prepend(
            errp, err, "Property '%s.chardev' can't take value '%s': ", type,
            id);
        return false;
    }
    return true;
}

static bool connect_serial(SerialState *s, const char *id, const char *type,
                           Error **errp)
{
    SerialPort *port = serial_port_new(s);

    if (!connect_frontend(serial_port_frontend(port), id, type, errp)) {
        serial_port_free(port);
        return false;
    }
    serial_port_start(port);
    return true;
}

static bool connect_debugcon(ISADebugcon *s, const char *id, const char *type,
                             Error **errp)
{
    CharFrontend *fe = g_new0(CharFrontend, 1);

    if (!connect_frontend(fe, id, type, errp)) {
        g_free(fe);
        return false;
    }
    debugcon_set_frontend(s, fe);
    return true;
}

void register_char_connect(void)
{
    static const CharConnectOps ops = {
        .serial = connect_serial,
        .debugcon = connect_debugcon,
    };

    char_set_connect_ops(&ops);
}
