/*
 * 16550A UART.
 *
 * Sending: a byte written to THR goes into the transmit FIFO (or the single
 * holding register) and from there at once to the back end, so THRE is empty
 * again when the write returns, as on infinitely fast hardware.  What the back
 * end refuses stays in tx_buf; while that is full THRE stays clear, which
 * stops the guest, until the back end reports room, a timer tries again, or
 * SERIAL_TX_TIMEOUT_MS without progress drop what waits.
 *
 * Interrupts: IIR shows the highest of line status (6), received data (4),
 * character timeout (0xc), THR empty (2), modem status (0).  THR empty is an
 * event: it is remembered in thr_ipending, set when THR becomes empty (or IER
 * enables it while empty) and cleared by reading IIR when it is the one shown,
 * or by writing THR.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/char/serial.h"
#include "util/timer.h"

#define UART_RBR 0 /* and THR, DLL */
#define UART_IER 1 /* and DLM */
#define UART_IIR 2 /* and FCR */
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7

#define IER_RDI  0x01
#define IER_THRI 0x02
#define IER_RLSI 0x04
#define IER_MSI  0x08

#define IIR_NO_INT 0x01
#define IIR_MSI    0x00
#define IIR_THRI   0x02
#define IIR_RDI    0x04
#define IIR_RLSI   0x06
#define IIR_CTI    0x0c
#define IIR_ID     0x0f
#define IIR_FIFO   0xc0

#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_DMA      0x08
#define FCR_TRIGGER  0xc0

#define LCR_BREAK 0x40
#define LCR_DLAB  0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08 /* lets the interrupt through on a PC */
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DR   0x01
#define LSR_OE   0x02
#define LSR_BI   0x10
#define LSR_THRE 0x20
#define LSR_TEMT 0x40
#define LSR_INT  0x1e /* the bits that make a line status interrupt */

#define MSR_DCTS  0x01
#define MSR_DDSR  0x02
#define MSR_TERI  0x04
#define MSR_DDCD  0x08
#define MSR_CTS   0x10
#define MSR_DSR   0x20
#define MSR_RI    0x40
#define MSR_DCD   0x80
#define MSR_DELTA 0x0f

#define FIFO_SIZE            16
#define TX_BUF_SIZE          64
#define SERIAL_TX_RETRY_NS   (10 * SCALE_MS)
#define SERIAL_TX_TIMEOUT_MS 1000
#define BITS_PER_CHAR        10
#define TIMEOUT_CHARS        4
#define MAX_UARTS            4

struct SerialState {
    MemoryRegion mr;
    MemoryRegion *io;
    qemu_irq irq;
    const SerialBackend *be;
    void *be_opaque;
    int index;

    uint16_t divider;
    uint8_t ier, lcr, mcr, lsr, msr, scr, fcr;
    bool thr_ipending;
    bool timeout_ipending;

    uint8_t rx[FIFO_SIZE]; /* one entry is used without FIFOs */
    unsigned rx_head, rx_count;
    QEMUTimer rx_timeout;

    uint8_t tx_buf[TX_BUF_SIZE]; /* sent, not yet taken by the back end */
    unsigned tx_count;
    int64_t tx_progress_ns; /* when the back end last took something */
    QEMUTimer tx_retry;
};

static SerialState *uarts[MAX_UARTS];

/* --- interrupts ----------------------------------------------------------- */

static unsigned rx_trigger(const SerialState *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

/* The interrupt to show: IIR bits 0-3. */
static uint8_t interrupt_id(const SerialState *s)
{
    if ((s->ier & IER_RLSI) && (s->lsr & LSR_INT)) {
        return IIR_RLSI;
    }
    if ((s->ier & IER_RDI) && s->timeout_ipending) {
        return IIR_CTI;
    }
    if ((s->ier & IER_RDI) && (s->lsr & LSR_DR) &&
        s->rx_count >= rx_trigger(s)) {
        return IIR_RDI;
    }
    if ((s->ier & IER_THRI) && s->thr_ipending) {
        return IIR_THRI;
    }
    if ((s->ier & IER_MSI) && (s->msr & MSR_DELTA)) {
        return IIR_MSI;
    }
    return IIR_NO_INT;
}

static void update_irq(SerialState *s)
{
    qemu_set_irq(s->irq, interrupt_id(s) != IIR_NO_INT);
}

/* --- receiving ------------------------------------------------------------ */

static unsigned rx_capacity(const SerialState *s)
{
    return s->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

/* Data below the trigger level interrupts after four character times. */
static void arm_rx_timeout(SerialState *s)
{
    uint64_t divider = s->divider ? s->divider : 1;
    int64_t char_ns = divider * BITS_PER_CHAR * NANOSECONDS_PER_SECOND / 115200;

    if (s->rx_count && (s->fcr & FCR_ENABLE)) {
        timer_mod_ns(&s->rx_timeout, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                         TIMEOUT_CHARS * char_ns);
    } else {
        timer_del(&s->rx_timeout);
    }
}

static void rx_timeout_expired(void *opaque)
{
    SerialState *s = opaque;

    if (s->rx_count) {
        s->timeout_ipending = true;
        update_irq(s);
    }
}

static void rx_put(SerialState *s, uint8_t byte)
{
    if (s->rx_count == rx_capacity(s)) {
        s->lsr |= LSR_OE;
        if (s->fcr & FCR_ENABLE) {
            return; /* the FIFO keeps what it has */
        }
        s->rx_count = 0; /* the register is overwritten */
    }
    s->rx[(s->rx_head + s->rx_count) % FIFO_SIZE] = byte;
    s->rx_count++;
    s->lsr |= LSR_DR;
    s->timeout_ipending = false;
}

static void rx_clear(SerialState *s)
{
    s->rx_head = 0;
    s->rx_count = 0;
    s->lsr &= ~(LSR_DR | LSR_BI);
    s->timeout_ipending = false;
    timer_del(&s->rx_timeout);
}

static void accept_input(SerialState *s)
{
    if (s->be && s->be->accept_input && !(s->mcr & MCR_LOOP)) {
        s->be->accept_input(s->be_opaque);
    }
}

static uint8_t rx_get(SerialState *s)
{
    uint8_t byte = 0;

    if (s->rx_count) {
        byte = s->rx[s->rx_head];
        s->rx_head = (s->rx_head + 1) % FIFO_SIZE;
        s->rx_count--;
    }
    s->timeout_ipending = false;
    if (!s->rx_count) {
        s->lsr &= ~(LSR_DR | LSR_BI);
    }
    arm_rx_timeout(s);
    update_irq(s);
    accept_input(s);
    return byte;
}

unsigned serial_can_receive(const SerialState *s)
{
    if (s->mcr & MCR_LOOP) {
        return 0; /* the line is cut; what comes waits in the back end */
    }
    return rx_capacity(s) - MIN(s->rx_count, rx_capacity(s));
}

void serial_receive(SerialState *s, const uint8_t *buf, size_t len)
{
    if (s->mcr & MCR_LOOP) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        rx_put(s, buf[i]);
    }
    arm_rx_timeout(s);
    update_irq(s);
}

void serial_receive_break(SerialState *s)
{
    if (s->mcr & MCR_LOOP) {
        return;
    }
    rx_put(s, 0);
    s->lsr |= LSR_BI;
    update_irq(s);
}

/* --- sending -------------------------------------------------------------- */

/* THR can take a byte: THRE and its interrupt. */
static void tx_update(SerialState *s)
{
    if (s->tx_count < TX_BUF_SIZE && !(s->lsr & LSR_THRE)) {
        s->lsr |= LSR_THRE;
        s->thr_ipending = true;
    }
    if (s->tx_count == 0) {
        s->lsr |= LSR_TEMT;
    }
    update_irq(s);
}

static void tx_drop(SerialState *s, unsigned n)
{
    s->tx_count -= n;
    memmove(s->tx_buf, s->tx_buf + n, s->tx_count);
}

/* Hand tx_buf to the back end as far as that goes. */
static void tx_flush(SerialState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    int n = s->tx_count;

    if (s->be) {
        n = s->be->write(s->be_opaque, s->tx_buf, s->tx_count);
    }
    if (n < 0 || (unsigned)n > s->tx_count) {
        n = s->tx_count;
    }
    if (n == 0 && s->tx_count &&
        now - s->tx_progress_ns > SERIAL_TX_TIMEOUT_MS * (int64_t)SCALE_MS) {
        n = s->tx_count; /* nobody reads: the guest must go on */
    }
    if (n > 0) {
        tx_drop(s, n);
        s->tx_progress_ns = now;
    }
    if (s->tx_count) {
        timer_mod_ns(&s->tx_retry, now + SERIAL_TX_RETRY_NS);
    } else {
        timer_del(&s->tx_retry);
    }
}

static void tx_retry_expired(void *opaque)
{
    serial_tx_ready(opaque);
}

void serial_tx_ready(SerialState *s)
{
    if (s->tx_count) {
        tx_flush(s);
        tx_update(s);
    }
}

static void thr_write(SerialState *s, uint8_t byte)
{
    s->thr_ipending = false;
    if (s->mcr & MCR_LOOP) {
        rx_put(s, byte);
        arm_rx_timeout(s);
        s->thr_ipending = true;
        update_irq(s);
        return;
    }
    if (s->tx_count == TX_BUF_SIZE) {
        tx_drop(s, 1); /* written although THRE was clear */
    }
    if (s->tx_count == 0) {
        s->tx_progress_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    }
    s->tx_buf[s->tx_count++] = byte;
    s->lsr &= ~(LSR_THRE | LSR_TEMT);
    update_irq(s);
    tx_flush(s);
    tx_update(s);
}

/* --- registers ------------------------------------------------------------ */

static void ier_write(SerialState *s, uint8_t val)
{
    uint8_t changed = (s->ier ^ val) & 0x0f;

    s->ier = val & 0x0f;
    if (changed & IER_THRI) {
        /* Enabling it while THR is empty is an event of its own. */
        s->thr_ipending = (s->ier & IER_THRI) && (s->lsr & LSR_THRE);
    }
    update_irq(s);
}

static void fcr_write(SerialState *s, uint8_t val)
{
    bool toggled = (s->fcr ^ val) & FCR_ENABLE;

    if (toggled || (val & FCR_CLEAR_RX)) {
        rx_clear(s);
        accept_input(s);
    }
    if (toggled || (val & FCR_CLEAR_TX)) {
        /* tx_buf is beyond the FIFO, on the line: it stays. */
        s->thr_ipending = s->lsr & LSR_THRE;
    }
    s->fcr = val & FCR_ENABLE ? val & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER) : 0;
    update_irq(s);
}

static uint8_t iir_read(SerialState *s)
{
    uint8_t id = interrupt_id(s);

    if (id == IIR_THRI) {
        s->thr_ipending = false;
        update_irq(s);
    }
    return id | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static void lcr_write(SerialState *s, uint8_t val)
{
    bool was = s->lcr & LCR_BREAK;
    bool on = val & LCR_BREAK;

    s->lcr = val;
    if (was != on && s->be && s->be->set_break) {
        s->be->set_break(s->be_opaque, on);
    }
}

/* The modem's lines as they are now: in loopback they are our own. */
static uint8_t modem_lines(const SerialState *s)
{
    uint8_t lines = 0;

    if (!(s->mcr & MCR_LOOP)) {
        return MSR_DCD | MSR_DSR | MSR_CTS;
    }
    lines |= s->mcr & MCR_DTR ? MSR_DSR : 0;
    lines |= s->mcr & MCR_RTS ? MSR_CTS : 0;
    lines |= s->mcr & MCR_OUT1 ? MSR_RI : 0;
    lines |= s->mcr & MCR_OUT2 ? MSR_DCD : 0;
    return lines;
}

static void mcr_write(SerialState *s, uint8_t val)
{
    uint8_t old = s->msr & ~MSR_DELTA;
    bool was_loop = s->mcr & MCR_LOOP;
    uint8_t lines;

    s->mcr = val & MCR_MASK;
    lines = modem_lines(s);
    /* A delta bit for each line that changed; RI counts when it falls. */
    s->msr |= ((old ^ lines) & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    s->msr |= (old & ~lines & MSR_RI) >> 4;
    s->msr = (s->msr & MSR_DELTA) | lines;
    update_irq(s);
    if (was_loop && !(s->mcr & MCR_LOOP)) {
        accept_input(s);
    }
}

static uint64_t serial_read(void *opaque, hwaddr addr, unsigned size)
{
    SerialState *s = opaque;
    uint8_t val;

    switch (addr) {
    case UART_RBR:
        return s->lcr & LCR_DLAB ? s->divider & 0xff : rx_get(s);
    case UART_IER:
        return s->lcr & LCR_DLAB ? s->divider >> 8 : s->ier;
    case UART_IIR:
        return iir_read(s);
    case UART_LCR:
        return s->lcr;
    case UART_MCR:
        return s->mcr;
    case UART_LSR:
        val = s->lsr;
        s->lsr &= ~(LSR_BI | LSR_OE);
        update_irq(s);
        return val;
    case UART_MSR:
        val = s->msr;
        s->msr &= ~MSR_DELTA;
        update_irq(s);
        return val;
    default:
        return s->scr;
    }
}

static void serial_write(void *opaque, hwaddr addr, uint64_t data,
                         unsigned size)
{
    SerialState *s = opaque;
    uint8_t val = data;

    switch (addr) {
    case UART_RBR:
        if (s->lcr & LCR_DLAB) {
            s->divider = (s->divider & 0xff00) | val;
        } else {
            thr_write(s, val);
        }
        break;
    case UART_IER:
        if (s->lcr & LCR_DLAB) {
            s->divider = (s->divider & 0x00ff) | val << 8;
        } else {
            ier_write(s, val);
        }
        break;
    case UART_IIR:
        fcr_write(s, val);
        break;
    case UART_LCR:
        lcr_write(s, val);
        break;
    case UART_MCR:
        mcr_write(s, val);
        break;
    case UART_SCR:
        s->scr = val;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
}

static const MemoryRegionOps serial_ops = {
    .read = serial_read,
    .write = serial_write,
    .max_access_size = 1,
};

/* --- life ----------------------------------------------------------------- */

void serial_set_backend(SerialState *s, const SerialBackend *be, void *opaque)
{
    s->be = be;
    s->be_opaque = opaque;
    serial_tx_ready(s);
}

SerialState *serial_by_index(int index)
{
    return index >= 0 && index < MAX_UARTS ? uarts[index] : NULL;
}

void serial_reset(SerialState *s)
{
    s->divider = 12; /* 9600 baud */
    s->ier = 0;
    s->lcr = 0;
    s->mcr = MCR_OUT2;
    s->fcr = 0;
    s->scr = 0;
    s->lsr = LSR_THRE | LSR_TEMT;
    s->msr = modem_lines(s);
    s->thr_ipending = false;
    rx_clear(s);
    /* Bytes that left the UART before the reset are on the line. */
    tx_flush(s);
    update_irq(s);
    accept_input(s);
}

SerialState *serial_new(MemoryRegion *io, uint16_t iobase, qemu_irq irq,
                        int index)
{
    SerialState *s = g_new0(SerialState, 1);

    s->io = io;
    s->irq = irq;
    s->index = index;
    timer_init_ns(&s->rx_timeout, NULL, QEMU_CLOCK_VIRTUAL, rx_timeout_expired,
                  s);
    timer_init_ns(&s->tx_retry, NULL, QEMU_CLOCK_REALTIME, tx_retry_expired, s);
    memory_region_init_io(&s->mr, &serial_ops, s, "serial", SERIAL_IO_SIZE);
    memory_region_add_subregion(io, iobase, &s->mr);
    if (index >= 0 && index < MAX_UARTS) {
        uarts[index] = s;
    }
    serial_reset(s);
    return s;
}

void serial_free(SerialState *s)
{
    if (!s) {
        return;
    }
    if (serial_by_index(s->index) == s) {
        uarts[s->index] = NULL;
    }
    timer_del(&s->rx_timeout);
    timer_del(&s->tx_retry);
    memory_region_del_subregion(s->io, &s->mr);
    memory_region_destroy(&s->mr);
    g_free(s);
}
