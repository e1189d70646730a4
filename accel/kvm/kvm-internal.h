/*
 * What the files of the KVM accelerator share.
 *
 * There is one VM per process, hence one KVMState.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_KVM_KVM_INTERNAL_H
#define ACCEL_KVM_KVM_INTERNAL_H

#include "hw/core/boards.h"
#include "util/error.h"
#include "util/thread.h"

#include <linux/kvm.h>

/* The three pages that KVM needs for itself on Intel, below the firmware. */
#define KVM_IDENTITY_BASE 0xfeffc000u
#define KVM_TSS_BASE      (KVM_IDENTITY_BASE + 0x1000u)

typedef struct KVMPowerOn KVMPowerOn;

typedef struct KVMVcpu {
    unsigned index;       /* fixed */
    unsigned apic_id;     /* fixed; also KVM's id of the vCPU */
    int fd;               /* fixed */
    struct kvm_run *run;  /* run->immediate_exit: set by any thread, cleared by
                           * the vCPU's own; the rest is the vCPU thread's */
    QemuThread thread;    /* main thread */
    int thread_id;        /* atomic; 0 until the thread runs */
    bool parked;          /* its own thread: waits for the next resume */
    KVMPowerOn *power_on; /* fixed: state to go back to at reset */
} KVMVcpu;

typedef struct KVMState {
    int fd;            /* /dev/kvm */
    int vmfd;          /* the VM */
    size_t run_size;   /* bytes of a vCPU's kvm_run mapping */
    unsigned nr_slots; /* memory slots the kernel offers */
    unsigned nr_gsis;  /* entries of the GSI routing table */
    unsigned nr_vcpus;
    KVMVcpu *vcpus; /* fixed after create_vcpus */

    /* All of these under the BQL. */
    QemuCond run_cond;           /* paused, quit or generation changed */
    bool paused;                 /* vCPUs must stay out of the guest */
    bool quit;                   /* vCPU threads end */
    unsigned generation;         /* counts resumes; frees parked vCPUs */
    unsigned running;            /* vCPUs that are not waiting on run_cond */
    struct kvm_clock_data clock; /* where the guest's clock stopped */
    bool clock_valid;
} KVMState;

extern KVMState kvm_state;

/* ioctl() that returns -errno instead of -1. */
int kvm_ioctl(int fd, unsigned long request, void *arg);

/* KVM_CHECK_EXTENSION on the VM (or on /dev/kvm before there is one). */
int kvm_check_extension(unsigned int cap);

/* kvm-memory.c: RAM slots and ioeventfds follow the memory map. */
void kvm_memory_init(void);
void kvm_memory_cleanup(void);

/* kvm-irq.c: GSI routing, irqfds; registers itself as the MSI route ops. */
bool kvm_irq_init(Error **errp);
void kvm_irq_cleanup(void);
void kvm_set_gsi(int gsi, int level);
void kvm_irqchip_reset(void);

/* kvm-cpuid.c: what the guest's CPUs say about themselves. */
/* Check @ms->cpu_model once; false with @errp as QEMU words it. */
bool kvm_cpuid_init(MachineState *ms, Error **errp);

void kvm_cpuid_cleanup(void);

/* Set the CPUID leaves of @cpu. */
bool kvm_cpuid_set(KVMVcpu *cpu, const CpuTopology *topo, Error **errp);

/* kvm-state.c: registers at power-on, reset and kernel entry. */
bool kvm_state_save_power_on(KVMVcpu *cpu, Error **errp);
void kvm_state_free_power_on(KVMVcpu *cpu);
void kvm_state_reset(KVMVcpu *cpu, const X86BootRegs *boot);

/* Registers in words, for an error report. */
void kvm_state_dump(KVMVcpu *cpu);

/* kvm-vcpu.c: threads. */
bool kvm_create_vcpus(MachineState *ms, Error **errp);
void kvm_destroy_vcpus(void);
void kvm_pause_all(void);
void kvm_resume_all(void);
void kvm_reset_vcpus(const X86BootRegs *boot);
int kvm_vcpu_thread_id(unsigned index);

#endif
