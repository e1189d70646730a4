/*
 * Monitors of the emulator: with all commands of the schema.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "monitor/monitor-internal.h"
#include "qapi/qapi-init-commands.h"
#include "qapi/qapi-introspect.h"

static void mux_monitor(Chardev *chr, Error **errp)
{
    monitor_init_hmp(chr, true, errp);
}

void monitor_init_globals(void)
{
    static QmpCommandList commands;

    qmp_init_marshal(&commands);
    qmp_set_introspection(qapi_introspect_json);
    monitor_init_with_commands(&commands);
    qemu_chr_set_mux_monitor(mux_monitor);
}
