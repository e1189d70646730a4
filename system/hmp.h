/*
 * HMP commands about the machine as a whole.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef SYSTEM_HMP_H
#define SYSTEM_HMP_H

/* After monitor_init_globals(). */
void system_register_hmp(void);
/* Those about disks; called by the former (hmp-block.c). */
void system_register_hmp_block(void);

#endif
