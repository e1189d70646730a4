/*
 * What a machine and the run-state code ask of an accelerator (KVM, qtest),
 * without naming one.
 *
 * Life: init -> (machine wires devices) -> create_vcpus (stopped) ->
 * reset_vcpus -> resume_all <-> pause_all -> shutdown.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_ACCEL_H
#define HW_CORE_ACCEL_H

#include "util/error.h"

typedef struct MachineState MachineState;

/* How the boot vCPU enters the kernel; the others wait for INIT/SIPI. */
typedef struct X86BootRegs {
    enum {
        X86_BOOT_NONE,        /* the architectural reset vector */
        X86_BOOT_PROTECTED32, /* flat 32-bit, paging off (PVH) */
        X86_BOOT_LONG64,      /* flat 64-bit, paging on (bzImage) */
    } mode;
    uint64_t rip;
    uint64_t rsi; /* bzImage: boot_params */
    uint64_t rbx; /* PVH: hvm_start_info */
    uint64_t rsp;
    uint64_t cr3;      /* X86_BOOT_LONG64 */
    uint64_t gdt_base; /* GDT in guest memory */
    uint16_t gdt_limit;
    uint16_t cs, ds; /* selectors in that GDT */
} X86BootRegs;

/*
 * Main thread under the BQL unless said otherwise.  @init, @create_vcpus,
 * @reset_vcpus, @pause_all and @resume_all are required.
 */
typedef struct AccelOps {
    const char *name; /* "kvm", "qtest" */
    const char *desc;

    /* The guest's code does not run (qtest): no kernel is needed. */
    bool no_guest_code;

    /* Can it work on this host at all?  Optional: yes. */
    bool (*available)(void);

    /* Open it and make the VM.  false: @errp set. */
    bool (*init)(MachineState *ms, Error **errp);

    /* Check ms->cpu_model and make ms->smp.cpus vCPU threads, stopped. */
    bool (*create_vcpus)(MachineState *ms, Error **errp);

    /* vCPUs stopped.  Everything back to power-on; vCPU 0 enters at @boot. */
    void (*reset_vcpus)(const X86BootRegs *boot);

    /* Returns when no vCPU is in the guest; a no-op when they are paused. */
    void (*pause_all)(void);
    void (*resume_all)(void);

    /* Drive interrupt input @gsi (0-23) of the PIC and the I/O APIC. */
    void (*set_gsi)(int gsi, int level);

    /* Join the vCPU threads and let go of the VM.  Optional. */
    void (*shutdown)(void);

    /* Host thread id of vCPU @index (query-cpus-fast).  Optional. */
    int (*vcpu_thread_id)(unsigned index);
} AccelOps;

/* The accelerator in use; NULL before it is chosen. */
const AccelOps *current_accel(void);
void set_current_accel(const AccelOps *ops);

/* Interrupt @gsi through the accelerator in use; nothing without one. */
void accel_set_gsi(int gsi, int level);

#endif
