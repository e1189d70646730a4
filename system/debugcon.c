/*
 * Debug consoles: what the guest writes to the port (-debugcon: 0xe9) goes to
 * a character device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/devices.h"
#include "chardev/char.h"
#include "hw/char/isa-debug.h"

#include <sys/queue.h>

#define DEBUGCON_PORT     0xe9
#define DEBUGCON_READBACK 0xe9

static int debugcon_write(void *opaque, const uint8_t *buf, size_t len)
{
    /* What does not go at once is lost: it is a trace, and the guest must not
     * wait for its reader. */
    qemu_chr_fe_write(opaque, buf, len);
    return len;
}

static const SerialBackend debugcon_backend = { .write = debugcon_write };

typedef struct Debugcon {
    ISADebugcon *port;
    CharFrontend *fe; /* owned */
    LIST_ENTRY(Debugcon) next;
} Debugcon;

static LIST_HEAD(, Debugcon) consoles = LIST_HEAD_INITIALIZER();

void debugcon_set_frontend(ISADebugcon *s, CharFrontend *fe)
{
    Debugcon *con = g_new(Debugcon, 1);

    con->port = s;
    con->fe = fe;
    LIST_INSERT_HEAD(&consoles, con, next);
    isa_debugcon_set_backend(s, &debugcon_backend, fe);
}

void disconnect_debugcons(void)
{
    Debugcon *con;

    while ((con = LIST_FIRST(&consoles))) {
        LIST_REMOVE(con, next);
        isa_debugcon_set_backend(con->port, NULL, NULL);
        qemu_chr_fe_deinit(con->fe, false);
        g_free(con->fe);
        g_free(con);
    }
}

bool create_debugcon(CliConfig *config, Error **errp)
{
    CharFrontend *fe;
    Chardev *chr;

    if (!config->debugcon) {
        return true;
    }
    chr = qemu_chr_new_mux_mon("debugcon", config->debugcon, errp);
    if (!chr) {
        return false;
    }
    fe = g_new0(CharFrontend, 1);
    if (!qemu_chr_fe_init(fe, chr, errp)) {
        g_free(fe);
        return false;
    }
    debugcon_set_frontend(
        isa_debugcon_new(get_system_io(), DEBUGCON_PORT, DEBUGCON_READBACK),
        fe);
    return true;
}
