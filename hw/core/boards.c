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

unsigned cpu_topology_bits(unsigned n)
{
    unsigned bits = 0;

    while ((1u << bits) < n) {
        bits++;
    }
    return bits;
}

unsigned cpu_topology_apic_id(const CpuTopology *t, unsigned index)
{
    unsigned ids[] = {
        index % t->threads,
        index / t->threads % t->cores,
        index / (t->threads * t->cores) % t->dies,
        index / (t->threads * t->cores * t->dies),
    };
    unsigned core = cpu_topology_bits(t->threads);
    unsigned die = core + cpu_topology_bits(t->cores);
    unsigned socket = die + cpu_topology_bits(t->dies);

    return ids[0] | ids[1] << core | ids[2] << die | ids[3] << socket;
}
