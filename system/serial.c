/*
 * -serial: the character devices behind the machine's serial ports.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/devices.h"
#include "chardev/char.h"
#include "hw/char/serial.h"
#include "util/error-report.h"

#include <sys/queue.h>

#define MAX_SERIAL_PORTS 4

struct SerialPort {
    bool present;
    Chardev *chr; /* NULL: output goes nowhere */
    CharFrontend fe;
    SerialState *uart;
    LIST_ENTRY(SerialPort) next; /* -device only */
};

static SerialPort ports[MAX_SERIAL_PORTS];
static unsigned nr_ports;
static LIST_HEAD(, SerialPort) device_ports = LIST_HEAD_INITIALIZER();

/* --- the UART's side --- */

static void port_write_ready(void *opaque)
{
    SerialPort *port = opaque;

    serial_tx_ready(port->uart);
}

static int port_write(void *opaque, const uint8_t *buf, size_t len)
{
    SerialPort *port = opaque;
    int n = qemu_chr_fe_write(&port->fe, buf, len);

    if (n >= 0 && (size_t)n < len) {
        qemu_chr_fe_add_watch(&port->fe, port_write_ready, port);
    }
    return n;
}

static void port_accept_input(void *opaque)
{
    SerialPort *port = opaque;

    qemu_chr_fe_accept_input(&port->fe);
}

static const SerialBackend port_backend = {
    .write = port_write,
    .accept_input = port_accept_input,
};

/* --- the character device's side --- */

static int port_can_read(void *opaque)
{
    SerialPort *port = opaque;

    return serial_can_receive(port->uart);
}

static void port_read(void *opaque, const uint8_t *buf, int size)
{
    SerialPort *port = opaque;

    serial_receive(port->uart, buf, size);
}

static void port_event(void *opaque, QEMUChrEvent event)
{
    SerialPort *port = opaque;

    if (event == CHR_EVENT_BREAK) {
        serial_receive_break(port->uart);
    }
}

void serial_port_start(SerialPort *port)
{
    serial_set_backend(port->uart, &port_backend, port);
    qemu_chr_fe_set_handlers(&port->fe, port_can_read, port_read, port_event,
                             port);
}

static void port_stop(SerialPort *port)
{
    if (port->uart) {
        serial_set_backend(port->uart, NULL, NULL);
    }
    qemu_chr_fe_deinit(&port->fe, false);
}

/* --- for -device --- */

SerialPort *serial_port_new(SerialState *uart)
{
    SerialPort *port = g_new0(SerialPort, 1);

    port->uart = uart;
    LIST_INSERT_HEAD(&device_ports, port, next);
    return port;
}

CharFrontend *serial_port_frontend(SerialPort *port)
{
    return &port->fe;
}

void serial_port_free(SerialPort *port)
{
    LIST_REMOVE(port, next);
    g_free(port);
}

/* --- from the command line --- */

static bool parse_serial(const char *arg)
{
    g_autofree char *label = g_strdup_printf("serial%u", nr_ports);
    SerialPort *port;
    Error *err = NULL;

    if (nr_ports == MAX_SERIAL_PORTS) {
        error_report("too many serial ports");
        return false;
    }
    port = &ports[nr_ports++];
    if (g_str_equal(arg, "none")) {
        return true;
    }
    port->present = true;
    if (g_str_has_prefix(arg, "vc")) {
        return true; /* there is no display to show it on */
    }
    port->chr = qemu_chr_new_mux_mon(label, arg, &err);
    if (!port->chr) {
        if (err) {
            error_report_err(err);
        }
        error_report("could not connect serial device to character backend "
                     "'%s'",
                     arg);
        return false;
    }
    return true;
}

bool create_serial_chardevs(CliConfig *config)
{
    MachineState *ms = current_machine();
    CliItem *item;

    TAILQ_FOREACH(item, &config->serials, next) {
        bool ok;

        loc_push_restore(&item->loc);
        ok = parse_serial(item->arg);
        loc_pop(&item->loc);
        if (!ok) {
            return false;
        }
    }
    for (unsigned i = 0; i < nr_ports; i++) {
        if (ports[i].present) {
            ms->serial_mask |= 1u << i;
        }
    }
    return true;
}

bool connect_serials(void)
{
    for (unsigned i = 0; i < nr_ports; i++) {
        SerialPort *port = &ports[i];
        Error *err = NULL;

        port->uart = serial_by_index(i);
        if (!port->chr || !port->uart) {
            continue;
        }
        if (!qemu_chr_fe_init(&port->fe, port->chr, &err)) {
            error_report_err(err);
            return false;
        }
        serial_port_start(port);
    }
    return true;
}

void disconnect_serials(void)
{
    SerialPort *port;

    for (unsigned i = 0; i < nr_ports; i++) {
        port_stop(&ports[i]);
    }
    while ((port = LIST_FIRST(&device_ports))) {
        port_stop(port);
        serial_port_free(port);
    }
}
