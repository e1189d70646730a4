/*
 * Which machine is being run.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "hw/core/boards.h"

static MachineState *machine;

MachineState *current_machine(void)
{
    return machine;
}

void set_current_machine(MachineState *ms)
{
    machine = ms;
}
