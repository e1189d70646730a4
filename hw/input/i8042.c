/*
 * Keyboard controller (8042), a keyboard and a mouse that never move, and
 * system control port A (0x92).
 *
 * Answers of the controller and of both devices go through one queue; the
 * byte at its head is what port 0x60 shows, and its origin decides which
 * interrupt is up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/runstate-if.h"
#include "hw/input/i8042.h"

#define I8042_DATA_PORT   0x60
#define I8042_STATUS_PORT 0x64
#define PORT92            0x92

#define STATUS_OBF      0x01
#define STATUS_SYS      0x04
#define STATUS_CMD      0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_AUX_OBF  0x20

#define MODE_KBD_INT   0x01
#define MODE_AUX_INT   0x02
#define MODE_SYS       0x04
#define MODE_KBD_DIS   0x10
#define MODE_AUX_DIS   0x20
#define MODE_TRANSLATE 0x40

#define CMD_READ_MODE     0x20
#define CMD_WRITE_MODE    0x60
#define CMD_AUX_DISABLE   0xa7
#define CMD_AUX_ENABLE    0xa8
#define CMD_AUX_TEST      0xa9
#define CMD_SELF_TEST     0xaa
#define CMD_KBD_TEST      0xab
#define CMD_KBD_DISABLE   0xad
#define CMD_KBD_ENABLE    0xae
#define CMD_READ_INPORT   0xc0
#define CMD_READ_OUTPORT  0xd0
#define CMD_WRITE_OUTPORT 0xd1
#define CMD_WRITE_KBD_OBF 0xd2
#define CMD_WRITE_AUX_OBF 0xd3
#define CMD_WRITE_AUX     0xd4
#define CMD_PULSE         0xf0 /* .. 0xff: output bits 0-3 that are 0 go low */

#define OUTPORT_NO_RESET 0x01
#define OUTPORT_A20      0x02
#define OUTPORT_DEFAULT  0xcf

#define PORT92_RESET 0x01
#define PORT92_A20   0x02

#define PS2_ACK       0xfa
#define PS2_RESEND    0xfe
#define PS2_TEST_OK   0xaa
#define PS2_RESET     0xff
#define PS2_DEFAULTS  0xf6
#define PS2_DISABLE   0xf5
#define PS2_ENABLE    0xf4
#define PS2_SET_RATE  0xf3
#define PS2_GET_ID    0xf2
#define KBD_SCANCODES 0xf0
#define KBD_ECHO      0xee
#define KBD_LEDS      0xed
#define MOUSE_REMOTE  0xf0
#define MOUSE_POLL    0xeb
#define MOUSE_STREAM  0xea
#define MOUSE_STATUS  0xe9
#define MOUSE_SET_RES 0xe8
#define MOUSE_SCALE2  0xe7
#define MOUSE_SCALE1  0xe6

#define QUEUE_SIZE 64

struct I8042State {
    MemoryRegion data_mr;
    MemoryRegion status_mr;
    MemoryRegion port92_mr;
    MemoryRegion *io;
    qemu_irq kbd_irq;
    qemu_irq mouse_irq;

    uint8_t mode;
    uint8_t status; /* without the bits about the queue */
    uint8_t outport;
    uint8_t pending_cmd; /* waits for its byte at port 0x60; 0: none */
    uint8_t kbd_cmd;     /* likewise in the keyboard, mouse */
    uint8_t mouse_cmd;
    uint8_t scancode_set;
    uint8_t mouse_rate, mouse_resolution;
    bool mouse_enabled, mouse_scale2;
    uint8_t last; /* what an empty queue shows */
    bool port92_reset;

    struct {
        uint8_t byte;
        bool aux;
    } queue[QUEUE_SIZE];
    unsigned head, count;
};

/* --- queue ---------------------------------------------------------------- */

static void update_irqs(I8042State *s)
{
    bool aux = s->queue[s->head].aux;

    qemu_set_irq(s->kbd_irq, s->count && !aux && (s->mode & MODE_KBD_INT));
    qemu_set_irq(s->mouse_irq, s->count && aux && (s->mode & MODE_AUX_INT));
}

/* What does not fit any more is lost, as on the wire. */
static void put(I8042State *s, bool aux, uint8_t byte)
{
    unsigned at = (s->head + s->count) % QUEUE_SIZE;

    if (s->count < QUEUE_SIZE) {
        s->queue[at].byte = byte;
        s->queue[at].aux = aux;
        s->count++;
        update_irqs(s);
    }
}

static uint8_t get(I8042State *s)
{
    if (s->count) {
        s->last = s->queue[s->head].byte;
        s->head = (s->head + 1) % QUEUE_SIZE;
        s->count--;
        /* The line falls even if there is more: interrupts are edges. */
        qemu_set_irq(s->kbd_irq, 0);
        qemu_set_irq(s->mouse_irq, 0);
        update_irqs(s);
    }
    return s->last;
}

/* --- keyboard ------------------------------------------------------------- */

static void kbd_reset(I8042State *s)
{
    s->kbd_cmd = 0;
    s->scancode_set = 2;
}

static void kbd_argument(I8042State *s, uint8_t cmd, uint8_t val)
{
    put(s, false, PS2_ACK);
    if (cmd != KBD_SCANCODES) {
        return;
    }
    if (val == 0) {
        put(s, false, s->scancode_set);
    } else if (val <= 3) {
        s->scancode_set = val;
    }
}

static void kbd_write(I8042State *s, uint8_t val)
{
    uint8_t cmd = s->kbd_cmd;

    s->kbd_cmd = 0;
    if (cmd) {
        kbd_argument(s, cmd, val);
        return;
    }
    switch (val) {
    case KBD_ECHO:
        put(s, false, KBD_ECHO);
        break;
    case KBD_LEDS:
    case KBD_SCANCODES:
    case PS2_SET_RATE:
        s->kbd_cmd = val;
        put(s, false, PS2_ACK);
        break;
    case PS2_GET_ID:
        put(s, false, PS2_ACK);
        put(s, false, 0xab);
        put(s, false, s->mode & MODE_TRANSLATE ? 0x41 : 0x83);
        break;
    case PS2_RESET:
        kbd_reset(s);
        put(s, false, PS2_ACK);
        put(s, false, PS2_TEST_OK);
        break;
    case PS2_ENABLE:
    case PS2_DISABLE:
    case PS2_DEFAULTS:
        put(s, false, PS2_ACK);
        break;
    default:
        put(s, false, PS2_RESEND);
        break;
    }
}

/* --- mouse ---------------------------------------------------------------- */

static void mouse_reset(I8042State *s)
{
    s->mouse_cmd = 0;
    s->mouse_rate = 100;
    s->mouse_resolution = 2;
    s->mouse_enabled = false;
    s->mouse_scale2 = false;
}

static void mouse_argument(I8042State *s, uint8_t cmd, uint8_t val)
{
    if (cmd == PS2_SET_RATE) {
        s->mouse_rate = val;
    } else {
        s->mouse_resolution = val;
    }
    put(s, true, PS2_ACK);
}

/* Three bytes after the acknowledgement. */
static void mouse_answer(I8042State *s, uint8_t a, uint8_t b, uint8_t c)
{
    put(s, true, a);
    put(s, true, b);
    put(s, true, c);
}

static void mouse_write(I8042State *s, uint8_t val)
{
    uint8_t cmd = s->mouse_cmd;

    s->mouse_cmd = 0;
    if (cmd) {
        mouse_argument(s, cmd, val);
        return;
    }
    put(s, true, PS2_ACK);
    switch (val) {
    case PS2_RESET:
        mouse_reset(s);
        put(s, true, PS2_TEST_OK);
        put(s, true, 0);
        break;
    case PS2_DEFAULTS:
        mouse_reset(s);
        break;
    case PS2_GET_ID:
        put(s, true, 0);
        break;
    case PS2_ENABLE:
    case PS2_DISABLE:
        s->mouse_enabled = val == PS2_ENABLE;
        break;
    case MOUSE_SCALE1:
    case MOUSE_SCALE2:
        s->mouse_scale2 = val == MOUSE_SCALE2;
        break;
    case PS2_SET_RATE:
    case MOUSE_SET_RES:
        s->mouse_cmd = val;
        break;
    case MOUSE_STATUS:
        mouse_answer(
            s, (s->mouse_enabled ? 0x20 : 0) | (s->mouse_scale2 ? 0x10 : 0),
            s->mouse_resolution, s->mouse_rate);
        break;
    case MOUSE_POLL:
        mouse_answer(s, 0x08, 0, 0);
        break;
    default: /* stream and remote mode, and what it does not know */
        break;
    }
}

/* --- controller ----------------------------------------------------------- */

static void request_reset(void)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static void write_outport(I8042State *s, uint8_t val)
{
    s->outport = val;
    if (!(val & OUTPORT_NO_RESET)) {
        request_reset();
    }
}

static void write_mode(I8042State *s, uint8_t val)
{
    s->mode = val;
    s->status = (s->status & ~STATUS_SYS) | (val & MODE_SYS ? STATUS_SYS : 0);
    update_irqs(s);
}

static void command(I8042State *s, uint8_t cmd)
{
    s->pending_cmd = 0;
    switch (cmd) {
    case CMD_READ_MODE:
        put(s, false, s->mode);
        break;
    case CMD_AUX_DISABLE:
        s->mode |= MODE_AUX_DIS;
        break;
    case CMD_AUX_ENABLE:
        s->mode &= ~MODE_AUX_DIS;
        break;
    case CMD_KBD_DISABLE:
        s->mode |= MODE_KBD_DIS;
        break;
    case CMD_KBD_ENABLE:
        s->mode &= ~MODE_KBD_DIS;
        break;
    case CMD_SELF_TEST:
        s->status |= STATUS_SYS;
        put(s, false, 0x55);
        break;
    case CMD_AUX_TEST:
    case CMD_KBD_TEST:
        put(s, false, 0);
        break;
    case CMD_READ_INPORT:
        put(s, false, 0x80);
        break;
    case CMD_READ_OUTPORT:
        put(s, false, s->outport);
        break;
    case CMD_WRITE_MODE:
    case CMD_WRITE_OUTPORT:
    case CMD_WRITE_KBD_OBF:
    case CMD_WRITE_AUX_OBF:
    case CMD_WRITE_AUX:
        s->pending_cmd = cmd;
        break;
    default:
        if (cmd >= CMD_PULSE && !(cmd & OUTPORT_NO_RESET)) {
            request_reset();
        }
        break;
    }
}

static void data(I8042State *s, uint8_t val)
{
    uint8_t cmd = s->pending_cmd;

    s->pending_cmd = 0;
    switch (cmd) {
    case CMD_WRITE_MODE:
        write_mode(s, val);
        break;
    case CMD_WRITE_OUTPORT:
        write_outport(s, val);
        break;
    case CMD_WRITE_KBD_OBF:
        put(s, false, val);
        break;
    case CMD_WRITE_AUX_OBF:
        put(s, true, val);
        break;
    case CMD_WRITE_AUX:
        mouse_write(s, val);
        break;
    default:
        s->mode &= ~MODE_KBD_DIS; /* the keyboard is clocked again */
        kbd_write(s, val);
        break;
    }
}

/* --- ports ---------------------------------------------------------------- */

static uint64_t data_port_read(void *opaque, hwaddr addr, unsigned size)
{
    return get(opaque);
}

static void data_port_write(void *opaque, hwaddr addr, uint64_t val,
                            unsigned size)
{
    I8042State *s = opaque;

    s->status &= ~STATUS_CMD;
    data(s, val);
}

static const MemoryRegionOps data_port_ops = {
    .read = data_port_read,
    .write = data_port_write,
    .max_access_size = 1,
};

static uint64_t status_port_read(void *opaque, hwaddr addr, unsigned size)
{
    I8042State *s = opaque;
    uint8_t val = s->status;

    if (s->count) {
        val |= STATUS_OBF | (s->queue[s->head].aux ? STATUS_AUX_OBF : 0);
    }
    return val;
}

static void status_port_write(void *opaque, hwaddr addr, uint64_t val,
                              unsigned size)
{
    I8042State *s = opaque;

    s->status |= STATUS_CMD;
    command(s, val);
}

static const MemoryRegionOps status_port_ops = {
    .read = status_port_read,
    .write = status_port_write,
    .max_access_size = 1,
};

static uint64_t port92_read(void *opaque, hwaddr addr, unsigned size)
{
    I8042State *s = opaque;

    return (s->outport & OUTPORT_A20 ? PORT92_A20 : 0) |
           (s->port92_reset ? PORT92_RESET : 0);
}

static void port92_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    I8042State *s = opaque;
    bool reset = val & PORT92_RESET;

    s->outport &= ~OUTPORT_A20;
    s->outport |= val & PORT92_A20 ? OUTPORT_A20 : 0;
    if (reset && !s->port92_reset) {
        request_reset();
    }
    s->port92_reset = reset;
}

static const MemoryRegionOps port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .max_access_size = 1,
};

/* --- life ----------------------------------------------------------------- */

void i8042_reset(I8042State *s)
{
    /* As firmware leaves it, since none runs. */
    s->mode = MODE_KBD_INT | MODE_AUX_INT | MODE_SYS | MODE_TRANSLATE;
    s->status = STATUS_SYS | STATUS_CMD | STATUS_UNLOCKED;
    s->outport = OUTPORT_DEFAULT;
    s->pending_cmd = 0;
    s->last = 0;
    s->port92_reset = false;
    s->head = 0;
    s->count = 0;
    kbd_reset(s);
    mouse_reset(s);
    update_irqs(s);
}

I8042State *i8042_new(MemoryRegion *io, qemu_irq kbd_irq, qemu_irq mouse_irq)
{
    I8042State *s = g_new0(I8042State, 1);

    s->io = io;
    s->kbd_irq = kbd_irq;
    s->mouse_irq = mouse_irq;
    memory_region_init_io(&s->data_mr, &data_port_ops, s, "i8042-data", 1);
    memory_region_init_io(&s->status_mr, &status_port_ops, s, "i8042-cmd", 1);
    memory_region_init_io(&s->port92_mr, &port92_ops, s, "port92", 1);
    memory_region_add_subregion(io, I8042_DATA_PORT, &s->data_mr);
    memory_region_add_subregion(io, I8042_STATUS_PORT, &s->status_mr);
    memory_region_add_subregion(io, PORT92, &s->port92_mr);
    i8042_reset(s);
    return s;
}

static void unmap(I8042State *s, MemoryRegion *mr)
{
    memory_region_del_subregion(s->io, mr);
    memory_region_destroy(mr);
}

void i8042_free(I8042State *s)
{
    if (s) {
        unmap(s, &s->data_mr);
        unmap(s, &s->status_mr);
        unmap(s, &s->port92_mr);
        g_free(s);
    }
}
