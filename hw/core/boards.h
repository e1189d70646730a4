/*
 * A machine: what the command line asked for (MachineState) and how a board
 * builds it (MachineClass).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_BOARDS_H
#define HW_CORE_BOARDS_H

#include "hw/core/accel.h"
#include "util/error.h"

typedef struct MachineClass MachineClass;

/* -smp, completed: cpus <= maxcpus = sockets * dies * cores * threads. */
typedef struct CpuTopology {
    unsigned cpus;
    unsigned sockets;
    unsigned dies;
    unsigned cores;   /* per die */
    unsigned threads; /* per core */
    unsigned max_cpus;
} CpuTopology;

/* Strings belong to whoever parsed the command line and outlive the run. */
struct MachineState {
    const MachineClass *mc;
    uint64_t ram_size; /* bytes */
    bool mem_share;    /* RAM from a memfd that others may map */
    CpuTopology smp;
    const char *cpu_model; /* argument of -cpu; NULL = mc->default_cpu_model */
    const char *kernel_filename;
    const char *initrd_filename;
    const char *kernel_cmdline;
    const char *firmware; /* -bios */
    const char *uuid;     /* for SMBIOS; may be NULL */
    const AccelOps *accel;
    unsigned serial_mask; /* bit n: there is a -serial number n */
    bool graphics;        /* false with -nographic */
    void *board;          /* the board's own state */
};

/*
 * Main thread under the BQL.  Order: init, then -device, then done, then
 * reset (which system/ calls for the first start as for every later one, after
 * it reset the devices), then the vCPUs run.
 */
struct MachineClass {
    const char *name;
    const char *alias; /* may be NULL */
    const char *desc;
    bool is_default;
    unsigned max_cpus;
    uint64_t default_ram_size;
    const char *default_cpu_model; /* NULL: the machine has no CPUs */

    /* RAM, buses and the devices that are always there. */
    bool (*init)(MachineState *ms, Error **errp);

    /* -machine NAME,@key=@value that the generic code does not know;
     * optional. */
    bool (*set_option)(MachineState *ms, const char *key, const char *value,
                       Error **errp);

    /*
     * All devices exist: ACPI tables, load the kernel.  false without @errp
     * set: it has said why itself.  Optional.
     */
    bool (*done)(MachineState *ms, Error **errp);

    /* Put the boot data back into RAM and the vCPUs to their entry. Optional */
    void (*reset)(MachineState *ms);

    /* Press the power button (system_powerdown).  Optional. */
    void (*powerdown)(MachineState *ms);
};

/*
 * APIC id of vCPU @index: thread, core, die and socket in as many bits as each
 * needs.
 */
unsigned cpu_topology_apic_id(const CpuTopology *topo, unsigned index);

/* Bits that numbers 0..@n-1 take. */
unsigned cpu_topology_bits(unsigned n);

/* The machine being run; NULL before it is chosen. */
MachineState *current_machine(void);
void set_current_machine(MachineState *ms);

#endif
