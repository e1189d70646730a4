/*
 * -debugcon: what the guest writes to port 0xe9 goes to a character device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/devices.h"
#include "chardev/char.h"
#include "hw/char/isa-debug.h"

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

bool create_debugcon(CliConfig *config, Error **errp)
{
    static CharFrontend fe;
    Chardev *chr;

    if (!config->debugcon) {
        return true;
    }
    chr = qemu_chr_new_mux_mon("debugcon", config->debugcon, errp);
    if (!chr || !qemu_chr_fe_init(&fe, chr, errp)) {
        return false;
    }
    isa_debugcon_set_backend(
        isa_debugcon_new(get_system_io(), DEBUGCON_PORT, DEBUGCON_READBACK),
        &debugcon_backend, &fe);
    return true;
}
