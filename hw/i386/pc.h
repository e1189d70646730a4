/*
 * The "pc" machine, as system/ sees it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/core/boards.h"

extern const MachineClass pc_machine_class;

#endif
