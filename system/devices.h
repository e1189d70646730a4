/*
 * Making what the command line asks for, in QEMU's order.  All of these print
 * their message, with the option it belongs to, and return false on failure.
 *
 * Thread: main thread (BQL).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_DEVICES_H
#define SYSTEM_DEVICES_H

#include "system/cli.h"
#include "chardev/char.h"
#include "hw/char/isa-debug.h"

/* Serial ports, monitors: what QEMU adds when nothing else is asked for. */
void create_default_devices(CliConfig *config);

bool create_objects(CliConfig *config);
bool create_chardevs(CliConfig *config);
/* -blockdev, then -drive (whose if=virtio adds to the devices). */
bool create_disks(CliConfig *config);
bool create_monitors(CliConfig *config);
/* Before the machine is made: ms->serial_mask. */
bool create_serial_chardevs(CliConfig *config);
/* After it: the ports get their back ends. */
bool connect_serials(void);
bool create_debugcon(CliConfig *config, Error **errp);
bool create_devices(CliConfig *config);
/* Before it: chardev=ID of -device is looked up. */
void register_char_connect(void);
/* At exit. */
void disconnect_serials(void);
void disconnect_debugcons(void);

/*
 * The parts of it: a port for a UART that -device made, whose front end the
 * caller connects between serial_port_new() and serial_port_start(), and
 * the same for a debug console, which takes @fe over.
 */
typedef struct SerialPort SerialPort;
SerialPort *serial_port_new(SerialState *uart);
CharFrontend *serial_port_frontend(SerialPort *port);
void serial_port_start(SerialPort *port);
void serial_port_free(SerialPort *port); /* one that was not started */
void debugcon_set_frontend(ISADebugcon *s, CharFrontend *fe);

#endif
