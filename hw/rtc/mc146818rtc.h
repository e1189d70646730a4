/*
 * MC146818A real-time clock and CMOS memory at ports 0x70/0x71 (IBM PC/AT):
 * date and time, periodic, alarm and update-ended interrupts, 128 bytes of
 * battery-backed memory.
 *
 * Everything under the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_RTC_MC146818RTC_H
#define HW_RTC_MC146818RTC_H

#include "hw/core/irq.h"
#include "hw/core/memory.h"

typedef struct MC146818RtcState MC146818RtcState;

/*
 * At port 0x70 of @io; @irq: ISA interrupt 8.  The clock starts at @base
 * seconds since 1970 (what the guest shall read as its time now) and runs
 * with the host's clock.
 */
MC146818RtcState *mc146818_rtc_new(MemoryRegion *io, qemu_irq irq,
                                   int64_t base);
void mc146818_rtc_free(MC146818RtcState *s); /* NULL is fine */
void mc146818_rtc_reset(MC146818RtcState *s);

/* CMOS memory from the board (byte 14..127; times are the clock's own). */
void mc146818_rtc_set_cmos_data(MC146818RtcState *s, uint8_t addr, uint8_t val);
uint8_t mc146818_rtc_get_cmos_data(const MC146818RtcState *s, uint8_t addr);

/* Memory sizes where a PC BIOS leaves them: 0x15-18, 0x30/31, 0x34/35 and
 * 0x5b-5d. */
void mc146818_rtc_set_memory_size(MC146818RtcState *s, uint64_t below_4g,
                                  uint64_t above_4g);

#endif
