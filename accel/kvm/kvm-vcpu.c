/*
 * vCPU threads: KVM_RUN, the exits that user space must answer, and stopping
 * and starting all vCPUs.
 *
 *   create --> waiting --resume_all--> running --pause_all--> waiting
 *                 ^                       |
 *                 +---- triple fault, ----+   (parked until the next resume)
 *                       internal error
 *
 * A vCPU leaves the guest only through the -EINTR of KVM_RUN, never straight
 * from a handled exit: the kernel finishes an I/O instruction when KVM_RUN is
 * entered again, and a register written before that would be overwritten.
 * pause_all() sets immediate_exit, so that this second entry returns at once.
 *
 * While the guest does I/O through ioeventfds these threads make no system
 * call but KVM_RUN.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm-internal.h"
#include "hw/core/memory.h"
#include "hw/core/runstate-if.h"
#include "util/atomic.h"
#include "util/error-report.h"
#include "util/main-loop.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define SIG_IPI SIGUSR1

static void sig_ipi_handler(int sig)
{
    /* Its only purpose is to interrupt KVM_RUN. */
}

/* --- exits -----------------------------------------------------------------
 */

static void handle_io(struct kvm_run *run)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    BQL_LOCK_GUARD();
    for (uint32_t i = 0; i < run->io.count; i++) {
        address_space_rw(&address_space_io, run->io.port, data, run->io.size,
                         run->io.direction == KVM_EXIT_IO_OUT);
        data += run->io.size;
    }
}

static void handle_mmio(struct kvm_run *run)
{
    BQL_LOCK_GUARD();
    address_space_rw(&address_space_memory, run->mmio.phys_addr, run->mmio.data,
                     run->mmio.len, run->mmio.is_write);
}

/* The vCPU cannot go on: say why, stop the VM, keep the process. */
static void stop_on_error(KVMVcpu *cpu)
{
    BQL_LOCK_GUARD();
    kvm_state_dump(cpu);
    cpu->parked = true;
    qemu_system_vmstop_request(RUN_STATE_INTERNAL_ERROR);
}

static void handle_internal_error(KVMVcpu *cpu)
{
    struct kvm_run *run = cpu->run;

    error_printf("KVM internal error. Suberror: %u\n", run->internal.suberror);
    for (uint32_t i = 0; i < MIN(run->internal.ndata, 16); i++) {
        error_printf("extra data[%u]: 0x%016llx\n", i, run->internal.data[i]);
    }
    if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
        error_printf("emulation failure\n");
    }
    stop_on_error(cpu);
}

static void handle_system_event(KVMVcpu *cpu)
{
    BQL_LOCK_GUARD();
    cpu->parked = true;
    switch (cpu->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        qemu_system_guest_panicked();
        break;
    default:
        cpu->parked = false;
        break;
    }
}

static void handle_triple_fault(KVMVcpu *cpu)
{
    BQL_LOCK_GUARD();
    cpu->parked = true;
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static void handle_exit(KVMVcpu *cpu)
{
    struct kvm_run *run = cpu->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        handle_io(run);
        break;
    case KVM_EXIT_MMIO:
        handle_mmio(run);
        break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_INTR:
    case KVM_EXIT_HLT: /* in the kernel, with its interrupt controller */
        break;
    case KVM_EXIT_SHUTDOWN:
        handle_triple_fault(cpu);
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        handle_system_event(cpu);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        error_printf(
            "KVM: entry failed, hardware error 0x%llx\n",
            (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        stop_on_error(cpu);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        handle_internal_error(cpu);
        break;
    case KVM_EXIT_UNKNOWN:
        error_printf("KVM: unknown exit, hardware reason %llx\n",
                     run->hw.hardware_exit_reason);
        stop_on_error(cpu);
        break;
    default:
        error_printf("KVM: unknown exit reason %u\n", run->exit_reason);
        stop_on_error(cpu);
        break;
    }
}

/* --- the thread ------------------------------------------------------------
 */

/* Stay here while the VM is stopped.  false: the thread has to end. */
static bool wait_while_paused(KVMVcpu *cpu)
{
    KVMState *s = &kvm_state;
    unsigned generation;

    BQL_LOCK_GUARD();
    generation = s->generation;
    if ((s->paused || cpu->parked) && !s->quit) {
        s->running--;
        main_loop_kick_waiter();
        while ((s->paused || (cpu->parked && s->generation == generation)) &&
               !s->quit) {
            qemu_cond_wait_bql(&s->run_cond);
        }
        s->running++;
    }
    cpu->parked = false;
    /* Whoever sets it again holds the BQL and sets paused first. */
    qatomic_set(&cpu->run->immediate_exit, 0);
    return !s->quit;
}

static void *vcpu_thread(void *opaque)
{
    KVMVcpu *cpu = opaque;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIG_IPI);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    qatomic_set(&cpu->thread_id, qemu_gettid());

    while (wait_while_paused(cpu)) {
        int ret;

        do {
            ret = kvm_ioctl(cpu->fd, KVM_RUN, NULL);
            if (ret >= 0) {
                handle_exit(cpu);
            }
        } while (ret >= 0 && !cpu->parked);

        if (ret < 0 && ret != -EINTR && ret != -EAGAIN) {
            error_printf("error: kvm run failed %s\n", strerror(-ret));
            stop_on_error(cpu);
        }
    }
    return NULL;
}

/* --- all vCPUs (main thread, BQL) ------------------------------------------
 */

static void kick_all(KVMState *s)
{
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        if (qatomic_read(&s->vcpus[i].thread_id) > 0) {
            pthread_kill(s->vcpus[i].thread.thread, SIG_IPI);
        }
    }
}

/*
 * The guest's clock stands still while it is stopped, and it is told, so that
 * its watchdogs do not take the gap for a lockup.
 */
static void clock_stop(KVMState *s)
{
    s->clock = (struct kvm_clock_data){ 0 };
    s->clock_valid = kvm_ioctl(s->vmfd, KVM_GET_CLOCK, &s->clock) == 0;
}

static void clock_start(KVMState *s)
{
    if (s->clock_valid) {
        s->clock.flags = 0;
        kvm_ioctl(s->vmfd, KVM_SET_CLOCK, &s->clock);
        s->clock_valid = false;
    }
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        /* Fails when the guest does not use the clock. */
        kvm_ioctl(s->vcpus[i].fd, KVM_KVMCLOCK_CTRL, NULL);
    }
}

void kvm_pause_all(void)
{
    KVMState *s = &kvm_state;
    bool was_paused = s->paused;

    s->paused = true;
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        qatomic_set(&s->vcpus[i].run->immediate_exit, 1);
    }
    kick_all(s);
    /*
     * A vCPU may be waiting for the BQL, or for something it asked the main
     * thread to do: both go on meanwhile.
     */
    MAIN_LOOP_WAIT_WHILE(s->running > 0);
    if (!was_paused) {
        clock_stop(s);
    }
}

void kvm_resume_all(void)
{
    KVMState *s = &kvm_state;

    if (!s->paused) {
        return;
    }
    clock_start(s);
    s->paused = false;
    s->generation++;
    qemu_cond_broadcast(&s->run_cond);
}

void kvm_reset_vcpus(const X86BootRegs *boot)
{
    KVMState *s = &kvm_state;

    kvm_irqchip_reset();
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        kvm_state_reset(&s->vcpus[i], i == 0 ? boot : NULL);
    }
}

int kvm_vcpu_thread_id(unsigned index)
{
    KVMState *s = &kvm_state;

    return index < s->nr_vcpus ? qatomic_read(&s->vcpus[index].thread_id) : 0;
}

static bool create_vcpu(KVMVcpu *cpu, const CpuTopology *topo, Error **errp)
{
    KVMState *s = &kvm_state;
    void *run;

    cpu->fd = kvm_ioctl(s->vmfd, KVM_CREATE_VCPU,
                        (void *)(uintptr_t)cpu->apic_id);
    if (cpu->fd < 0) {
        error_setg_errno(errp, -cpu->fd,
                         "kvm_init_vcpu: kvm_create_vcpu failed (%u)",
                         cpu->index);
        return false;
    }
    run = mmap(NULL, s->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd,
               0);
    if (run == MAP_FAILED) {
        error_setg_errno(errp, errno,
                         "kvm_init_vcpu: mmap'ing vcpu state failed (%u)",
                         cpu->index);
        return false;
    }
    cpu->run = run;
    return kvm_cpuid_set(cpu, topo, errp) && kvm_state_save_power_on(cpu, errp);
}

bool kvm_create_vcpus(MachineState *ms, Error **errp)
{
    KVMState *s = &kvm_state;
    struct sigaction act = { .sa_handler = sig_ipi_handler,
                             .sa_flags = SA_RESTART };

    if (!kvm_cpuid_init(ms, errp)) {
        return false;
    }
    qemu_cond_init(&s->run_cond);
    s->quit = false;
    s->running = 0;
    s->paused = true;
    sigaction(SIG_IPI, &act, NULL);

    s->vcpus = g_new0(KVMVcpu, ms->smp.cpus);
    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        s->vcpus[i].index = i;
        s->vcpus[i].fd = -1;
        s->vcpus[i].apic_id = cpu_topology_apic_id(&ms->smp, i);
        s->nr_vcpus++;
        if (!create_vcpu(&s->vcpus[i], &ms->smp, errp)) {
            return false;
        }
    }
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        g_autofree char *name = g_strdup_printf("CPU %u/KVM", i);

        s->running++;
        qemu_thread_create(&s->vcpus[i].thread, name, vcpu_thread,
                           &s->vcpus[i]);
    }
    /* From here on thread ids are known and all vCPUs wait. */
    MAIN_LOOP_WAIT_WHILE(s->running > 0);
    return true;
}

void kvm_destroy_vcpus(void)
{
    KVMState *s = &kvm_state;

    if (!s->vcpus) {
        return;
    }
    if (s->vcpus[0].run) {
        kvm_pause_all();
    }
    s->quit = true;
    qemu_cond_broadcast(&s->run_cond);
    bql_unlock();
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        if (qatomic_read(&s->vcpus[i].thread_id)) {
            qemu_thread_join(&s->vcpus[i].thread);
        }
    }
    bql_lock();
    for (unsigned i = 0; i < s->nr_vcpus; i++) {
        KVMVcpu *cpu = &s->vcpus[i];

        kvm_state_free_power_on(cpu);
        if (cpu->run) {
            munmap(cpu->run, s->run_size);
        }
        if (cpu->fd >= 0) {
            close(cpu->fd);
        }
    }
    g_clear_pointer(&s->vcpus, g_free);
    s->nr_vcpus = 0;
    qemu_cond_destroy(&s->run_cond);
}
