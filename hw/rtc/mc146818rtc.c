/*
 * MC146818A real-time clock and CMOS memory.
 *
 * The time is the host's clock plus an offset; no timer runs for it.  While
 * the guest has set SET in register B the ten time registers stand still in
 * CMOS memory, and the offset is computed from them when it clears SET.  The
 * once-a-second update (UF, AF) is caught up with on each look at register C,
 * and driven by a timer only while it may interrupt.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/rtc/mc146818rtc.h"
#include "util/timer.h"

#define RTC_PORT      0x70
#define RTC_PORT_SIZE 2
#define CMOS_SIZE     128

#define RTC_SECONDS       0
#define RTC_SECONDS_ALARM 1
#define RTC_MINUTES       2
#define RTC_MINUTES_ALARM 3
#define RTC_HOURS         4
#define RTC_HOURS_ALARM   5
#define RTC_DAY_OF_WEEK   6
#define RTC_DAY_OF_MONTH  7
#define RTC_MONTH         8
#define RTC_YEAR          9
#define RTC_REG_A         10
#define RTC_REG_B         11
#define RTC_REG_C         12
#define RTC_REG_D         13
#define RTC_CENTURY       0x32
#define RTC_FIRST_FREE    14

#define REG_A_UIP       0x80
#define REG_A_DIV       0x70
#define REG_A_DIV_32KHZ 0x20
#define REG_A_RATE      0x0f

#define REG_B_SET  0x80
#define REG_B_PIE  0x40
#define REG_B_AIE  0x20
#define REG_B_UIE  0x10
#define REG_B_SQWE 0x08
#define REG_B_DM   0x04 /* binary, not BCD */
#define REG_B_24H  0x02

#define REG_C_IRQF 0x80
#define REG_C_PF   0x40
#define REG_C_AF   0x20
#define REG_C_UF   0x10

#define REG_D_VRT 0x80

#define ALARM_DONT_CARE 0xc0
#define UIP_HOLD_NS     (244 * SCALE_US)
#define RTC_CLOCK_HZ    32768
#define SECONDS_PER_DAY 86400

struct MC146818RtcState {
    MemoryRegion mr;
    MemoryRegion *io;
    qemu_irq irq;
    uint8_t index;
    uint8_t cmos[CMOS_SIZE];
    int64_t offset_ns;  /* guest's time - host's clock */
    int64_t updated_to; /* second up to which UF and AF are right */
    int64_t next_periodic_ns;
    QEMUTimer periodic;
    QEMUTimer update;
};

/* --- time ----------------------------------------------------------------- */

static int64_t guest_ns(const MC146818RtcState *s)
{
    return qemu_clock_get_ns(QEMU_CLOCK_HOST) + s->offset_ns;
}

static int64_t ns_to_seconds(int64_t ns)
{
    int64_t sec = ns / NANOSECONDS_PER_SECOND;

    return ns % NANOSECONDS_PER_SECOND < 0 ? sec - 1 : sec;
}

static bool clock_runs(const MC146818RtcState *s)
{
    return !(s->cmos[RTC_REG_B] & REG_B_SET) &&
           (s->cmos[RTC_REG_A] & REG_A_DIV) <= REG_A_DIV_32KHZ;
}

static uint8_t encode(const MC146818RtcState *s, int value)
{
    if (s->cmos[RTC_REG_B] & REG_B_DM) {
        return value;
    }
    return (value / 10) << 4 | value % 10;
}

static int decode(const MC146818RtcState *s, uint8_t value)
{
    if (s->cmos[RTC_REG_B] & REG_B_DM) {
        return value;
    }
    return (value >> 4) * 10 + (value & 0x0f);
}

static uint8_t encode_hour(const MC146818RtcState *s, int hour)
{
    int h12 = hour % 12 ? hour % 12 : 12;

    if (s->cmos[RTC_REG_B] & REG_B_24H) {
        return encode(s, hour);
    }
    return encode(s, h12) | (hour >= 12 ? 0x80 : 0);
}

static int decode_hour(const MC146818RtcState *s, uint8_t value)
{
    if (s->cmos[RTC_REG_B] & REG_B_24H) {
        return decode(s, value);
    }
    return decode(s, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

/* Put the running time into the registers. */
static void latch_time(MC146818RtcState *s)
{
    time_t now = ns_to_seconds(guest_ns(s));
    struct tm tm;
    int year;

    if (!gmtime_r(&now, &tm)) {
        return;
    }
    year = tm.tm_year + 1900;
    s->cmos[RTC_SECONDS] = encode(s, tm.tm_sec);
    s->cmos[RTC_MINUTES] = encode(s, tm.tm_min);
    s->cmos[RTC_HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[RTC_DAY_OF_WEEK] = encode(s, tm.tm_wday + 1);
    s->cmos[RTC_DAY_OF_MONTH] = encode(s, tm.tm_mday);
    s->cmos[RTC_MONTH] = encode(s, tm.tm_mon + 1);
    s->cmos[RTC_YEAR] = encode(s, year % 100);
    s->cmos[RTC_CENTURY] = encode(s, year / 100 % 100);
}

/* Let the time run on from what the registers say, whatever that is. */
static void apply_time(MC146818RtcState *s)
{
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[RTC_SECONDS]),
        .tm_min = decode(s, s->cmos[RTC_MINUTES]),
        .tm_hour = decode_hour(s, s->cmos[RTC_HOURS]),
        .tm_mday = decode(s, s->cmos[RTC_DAY_OF_MONTH]),
        .tm_mon = decode(s, s->cmos[RTC_MONTH]) - 1,
        .tm_year = decode(s, s->cmos[RTC_CENTURY]) * 100 +
                   decode(s, s->cmos[RTC_YEAR]) - 1900,
    };
    /* Years up to 9999 + 255 fit 64-bit nanoseconds only up to 2262. */
    int64_t sec = MIN((int64_t)timegm(&tm),
                      INT64_MAX / NANOSECONDS_PER_SECOND / 2);

    sec = MAX(sec, INT64_MIN / NANOSECONDS_PER_SECOND / 2);
    s->offset_ns = sec * NANOSECONDS_PER_SECOND -
                   qemu_clock_get_ns(QEMU_CLOCK_HOST);
    s->updated_to = sec;
}

/* --- interrupts ----------------------------------------------------------- */

static void update_irq(MC146818RtcState *s)
{
    uint8_t enabled = s->cmos[RTC_REG_B] & (REG_B_PIE | REG_B_AIE | REG_B_UIE);

    if (s->cmos[RTC_REG_C] & enabled) {
        s->cmos[RTC_REG_C] |= REG_C_IRQF;
    } else {
        s->cmos[RTC_REG_C] &= ~REG_C_IRQF;
    }
    qemu_set_irq(s->irq, !!(s->cmos[RTC_REG_C] & REG_C_IRQF));
}

static bool alarm_part_matches(int part, uint8_t reg, int decoded)
{
    return reg >= ALARM_DONT_CARE || part == decoded;
}

static bool alarm_matches(const MC146818RtcState *s, int64_t second)
{
    int of_day = ((second % SECONDS_PER_DAY) + SECONDS_PER_DAY) %
                 SECONDS_PER_DAY;
    uint8_t hour = s->cmos[RTC_HOURS_ALARM];

    return alarm_part_matches(of_day % 60, s->cmos[RTC_SECONDS_ALARM],
                              decode(s, s->cmos[RTC_SECONDS_ALARM])) &&
           alarm_part_matches(of_day / 60 % 60, s->cmos[RTC_MINUTES_ALARM],
                              decode(s, s->cmos[RTC_MINUTES_ALARM])) &&
           alarm_part_matches(of_day / 3600, hour, decode_hour(s, hour));
}

/* Account for the seconds that have begun since the last call. */
static void catch_up(MC146818RtcState *s)
{
    int64_t now = ns_to_seconds(guest_ns(s));
    int64_t from = MAX(s->updated_to + 1, now - SECONDS_PER_DAY + 1);

    if (!clock_runs(s) || now <= s->updated_to) {
        s->updated_to = now; /* the host's clock may also step back */
        return;
    }
    s->cmos[RTC_REG_C] |= REG_C_UF;
    for (; from <= now && !(s->cmos[RTC_REG_C] & REG_C_AF); from++) {
        if (alarm_matches(s, from)) {
            s->cmos[RTC_REG_C] |= REG_C_AF;
        }
    }
    s->updated_to = now;
}

static void arm_update(MC146818RtcState *s)
{
    int64_t into = guest_ns(s) % NANOSECONDS_PER_SECOND;

    if (into < 0) {
        into += NANOSECONDS_PER_SECOND;
    }
    if (clock_runs(s) && (s->cmos[RTC_REG_B] & (REG_B_UIE | REG_B_AIE))) {
        timer_mod_ns(&s->update, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                     NANOSECONDS_PER_SECOND - into);
    } else {
        timer_del(&s->update);
    }
}

static void update_expired(void *opaque)
{
    MC146818RtcState *s = opaque;

    catch_up(s);
    arm_update(s);
    update_irq(s);
}

/* Nanoseconds between periodic interrupts; 0: none. */
static int64_t periodic_ns(const MC146818RtcState *s)
{
    unsigned rate = s->cmos[RTC_REG_A] & REG_A_RATE;

    if (!rate || (s->cmos[RTC_REG_A] & REG_A_DIV) > REG_A_DIV_32KHZ) {
        return 0;
    }
    if (rate <= 2) {
        rate += 7;
    }
    return (NANOSECONDS_PER_SECOND << (rate - 1)) / RTC_CLOCK_HZ;
}

static void arm_periodic(MC146818RtcState *s)
{
    int64_t period = periodic_ns(s);

    if (period && (s->cmos[RTC_REG_B] & REG_B_PIE)) {
        s->next_periodic_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + period;
        timer_mod_ns(&s->periodic, s->next_periodic_ns);
    } else {
        timer_del(&s->periodic);
    }
}

/* Ticks that came too late are lost, as with lost_tick_policy=discard. */
static void periodic_expired(void *opaque)
{
    MC146818RtcState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t period = periodic_ns(s);

    if (!period) {
        return;
    }
    s->next_periodic_ns += period;
    if (s->next_periodic_ns <= now) {
        s->next_periodic_ns += ((now - s->next_periodic_ns) / period + 1) *
                               period;
    }
    timer_mod_ns(&s->periodic, s->next_periodic_ns);
    s->cmos[RTC_REG_C] |= REG_C_PF;
    update_irq(s);
}

/* --- registers ------------------------------------------------------------ */

static bool is_time_register(uint8_t index)
{
    return index <= RTC_YEAR
               ? index == RTC_SECONDS || index == RTC_MINUTES ||
                     index == RTC_HOURS || index >= RTC_DAY_OF_WEEK
               : index == RTC_CENTURY;
}

static uint8_t read_reg_a(const MC146818RtcState *s)
{
    int64_t into = guest_ns(s) % NANOSECONDS_PER_SECOND;
    bool uip;

    if (into < 0) {
        into += NANOSECONDS_PER_SECOND;
    }
    uip = clock_runs(s) && into >= NANOSECONDS_PER_SECOND - UIP_HOLD_NS;
    return s->cmos[RTC_REG_A] | (uip ? REG_A_UIP : 0);
}

static uint8_t read_reg_c(MC146818RtcState *s)
{
    uint8_t val;

    catch_up(s);
    update_irq(s);
    val = s->cmos[RTC_REG_C];
    s->cmos[RTC_REG_C] = 0;
    update_irq(s);
    return val;
}

static uint64_t rtc_read(void *opaque, hwaddr addr, unsigned size)
{
    MC146818RtcState *s = opaque;

    if (addr == 0) {
        return 0xff;
    }
    if (is_time_register(s->index) && clock_runs(s)) {
        latch_time(s);
    }
    switch (s->index) {
    case RTC_REG_A:
        return read_reg_a(s);
    case RTC_REG_C:
        return read_reg_c(s);
    default:
        return s->cmos[s->index];
    }
}

static void write_time_register(MC146818RtcState *s, uint8_t val)
{
    if (!clock_runs(s)) {
        s->cmos[s->index] = val;
        return;
    }
    latch_time(s);
    s->cmos[s->index] = val;
    if (s->index != RTC_DAY_OF_WEEK) {
        apply_time(s);
        arm_update(s);
    }
}

static void write_reg_a(MC146818RtcState *s, uint8_t val)
{
    bool ran = clock_runs(s);

    if (ran) {
        latch_time(s);
    }
    s->cmos[RTC_REG_A] = val & ~REG_A_UIP;
    if (!ran && clock_runs(s)) {
        apply_time(s);
    }
    arm_periodic(s);
    arm_update(s);
}

static void write_reg_b(MC146818RtcState *s, uint8_t val)
{
    bool ran = clock_runs(s);
    uint8_t changed = s->cmos[RTC_REG_B] ^ val;

    catch_up(s);
    if (val & REG_B_SET) {
        val &= ~REG_B_UIE;
        if (ran) {
            latch_time(s);
        }
    }
    s->cmos[RTC_REG_B] = val;
    if (!ran && clock_runs(s)) {
        apply_time(s);
    }
    if (changed & REG_B_PIE) {
        arm_periodic(s);
    }
    arm_update(s);
    update_irq(s);
}

static void rtc_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    MC146818RtcState *s = opaque;
    uint8_t val = data;

    if (addr == 0) {
        s->index = val & (CMOS_SIZE - 1);
        return;
    }
    if (is_time_register(s->index)) {
        write_time_register(s, val);
        return;
    }
    switch (s->index) {
    case RTC_SECONDS_ALARM:
    case RTC_MINUTES_ALARM:
    case RTC_HOURS_ALARM:
        catch_up(s); /* with the old alarm */
        s->cmos[s->index] = val;
        break;
    case RTC_REG_A:
        write_reg_a(s, val);
        break;
    case RTC_REG_B:
        write_reg_b(s, val);
        break;
    case RTC_REG_C:
    case RTC_REG_D:
        break; /* read-only */
    default:
        s->cmos[s->index] = val;
        break;
    }
}

static const MemoryRegionOps rtc_ops = {
    .read = rtc_read,
    .write = rtc_write,
    .max_access_size = 1,
};

/* --- board ---------------------------------------------------------------- */

void mc146818_rtc_set_cmos_data(MC146818RtcState *s, uint8_t addr, uint8_t val)
{
    assert(addr >= RTC_FIRST_FREE && addr < CMOS_SIZE);
    s->cmos[addr] = val;
}

uint8_t mc146818_rtc_get_cmos_data(const MC146818RtcState *s, uint8_t addr)
{
    return addr < CMOS_SIZE ? s->cmos[addr] : 0xff;
}

static void set_units(MC146818RtcState *s, uint8_t addr, uint64_t val,
                      unsigned bytes)
{
    val = MIN(val, (UINT64_C(1) << 8 * bytes) - 1);
    for (unsigned i = 0; i < bytes; i++) {
        s->cmos[addr + i] = val >> (8 * i);
    }
}

void mc146818_rtc_set_memory_size(MC146818RtcState *s, uint64_t below_4g,
                                  uint64_t above_4g)
{
    uint64_t above_1m = below_4g > MiB ? below_4g - MiB : 0;
    uint64_t above_16m = below_4g > 16 * MiB ? below_4g - 16 * MiB : 0;

    set_units(s, 0x15, MIN(below_4g / KiB, 640), 2);
    set_units(s, 0x17, above_1m / KiB, 2);
    set_units(s, 0x30, above_1m / KiB, 2);
    set_units(s, 0x34, above_16m / (64 * KiB), 2);
    set_units(s, 0x5b, above_4g / (64 * KiB), 3);
}

void mc146818_rtc_reset(MC146818RtcState *s)
{
    s->cmos[RTC_REG_B] &= ~(REG_B_PIE | REG_B_AIE | REG_B_UIE | REG_B_SQWE);
    s->cmos[RTC_REG_C] = 0;
    s->index = 0;
    timer_del(&s->periodic);
    timer_del(&s->update);
    update_irq(s);
}

MC146818RtcState *mc146818_rtc_new(MemoryRegion *io, qemu_irq irq, int64_t base)
{
    MC146818RtcState *s = g_new0(MC146818RtcState, 1);

    s->io = io;
    s->irq = irq;
    s->offset_ns = base * NANOSECONDS_PER_SECOND -
                   qemu_clock_get_ns(QEMU_CLOCK_HOST);
    s->updated_to = base;
    s->cmos[RTC_REG_A] = REG_A_DIV_32KHZ | 6; /* 1024 Hz */
    s->cmos[RTC_REG_B] = REG_B_24H;
    s->cmos[RTC_REG_D] = REG_D_VRT;
    timer_init_ns(&s->periodic, NULL, QEMU_CLOCK_VIRTUAL, periodic_expired, s);
    timer_init_ns(&s->update, NULL, QEMU_CLOCK_VIRTUAL, update_expired, s);
    memory_region_init_io(&s->mr, &rtc_ops, s, "rtc", RTC_PORT_SIZE);
    memory_region_add_subregion(io, RTC_PORT, &s->mr);
    latch_time(s);
    mc146818_rtc_reset(s);
    return s;
}

void mc146818_rtc_free(MC146818RtcState *s)
{
    if (!s) {
        return;
    }
    timer_del(&s->periodic);
    timer_del(&s->update);
    memory_region_del_subregion(s->io, &s->mr);
    memory_region_destroy(&s->mr);
    g_free(s);
}
