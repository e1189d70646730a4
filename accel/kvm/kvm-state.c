/*
 * Registers of a vCPU: what the kernel made of it at power-on, back to that at
 * reset, and the state in which the boot CPU enters a kernel directly.
 *
 * Power-on state is read back from a fresh vCPU rather than written down
 * here, so that it is right for every CPU model and kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/kvm-internal.h"
#include "util/error-report.h"

#define MSR_TSC           0x10
#define MSR_MISC_ENABLE   0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MSR_TSC_ADJUST    0x3b

#define MTRR_ENABLE     (1u << 11)
#define MTRR_WRITE_BACK 6

#define CR0_PE   (1u << 0)
#define CR0_ET   (1u << 4)
#define CR0_PG   (1u << 31)
#define CR4_PAE  (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)

struct KVMPowerOn {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xsave xsave; /* valid if have_xsave, otherwise fpu */
    struct kvm_fpu fpu;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_mp_state mp_state;
    struct kvm_lapic_state lapic;
    bool have_xsave;
    bool have_xcrs;
    struct kvm_msrs *msrs;
};

/* The numbers of the MSRs that the kernel would save, each with its value. */
static struct kvm_msrs *read_msrs(KVMVcpu *cpu)
{
    struct kvm_msr_list probe = { 0 };
    g_autofree struct kvm_msr_list *list = NULL;
    struct kvm_msrs *msrs;

    kvm_ioctl(kvm_state.fd, KVM_GET_MSR_INDEX_LIST, &probe);
    list = g_malloc0(sizeof(*list) + probe.nmsrs * sizeof(list->indices[0]));
    list->nmsrs = probe.nmsrs;
    if (kvm_ioctl(kvm_state.fd, KVM_GET_MSR_INDEX_LIST, list) < 0) {
        list->nmsrs = 0;
    }
    msrs = g_malloc0(sizeof(*msrs) +
                     (list->nmsrs + 1) * sizeof(msrs->entries[0]));

    for (unsigned i = 0; i < list->nmsrs; i++) {
        struct {
            struct kvm_msrs head;
            struct kvm_msr_entry entry;
        } one = { .head.nmsrs = 1, .entry.index = list->indices[i] };

        /* One at a time: the list names some that this CPU does not have. */
        if (kvm_ioctl(cpu->fd, KVM_GET_MSRS, &one) == 1) {
            msrs->entries[msrs->nmsrs++] = one.entry;
        }
    }
    return msrs;
}

static void write_msr(KVMVcpu *cpu, uint32_t index, uint64_t value)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } one = {
        .head.nmsrs = 1,
        .entry = { .index = index, .data = value },
    };

    kvm_ioctl(cpu->fd, KVM_SET_MSRS, &one);
}

/* Write back all MSRs; the kernel stops at one that is read-only: skip it. */
static void write_msrs(KVMVcpu *cpu, const struct kvm_msrs *saved)
{
    g_autofree struct kvm_msrs *batch = g_malloc(
        sizeof(*batch) + saved->nmsrs * sizeof(batch->entries[0]));
    uint32_t done = 0;

    while (done < saved->nmsrs) {
        int ret;

        batch->nmsrs = saved->nmsrs - done;
        batch->pad = 0;
        memcpy(batch->entries, saved->entries + done,
               batch->nmsrs * sizeof(batch->entries[0]));
        ret = kvm_ioctl(cpu->fd, KVM_SET_MSRS, batch);
        if (ret < 0) {
            return;
        }
        done += ret;
        if (done < saved->nmsrs) {
            done++;
        }
    }
}

bool kvm_state_save_power_on(KVMVcpu *cpu, Error **errp)
{
    KVMPowerOn *p = g_new0(KVMPowerOn, 1);
    const struct {
        unsigned long request;
        void *arg;
    } reads[] = {
        { KVM_GET_REGS, &p->regs },
        { KVM_GET_SREGS, &p->sregs },
        { KVM_GET_FPU, &p->fpu },
        { KVM_GET_DEBUGREGS, &p->debugregs },
        { KVM_GET_VCPU_EVENTS, &p->events },
        { KVM_GET_MP_STATE, &p->mp_state },
        { KVM_GET_LAPIC, &p->lapic },
    };

    cpu->power_on = p;
    for (unsigned i = 0; i < ARRAY_SIZE(reads); i++) {
        int ret = kvm_ioctl(cpu->fd, reads[i].request, reads[i].arg);

        if (ret < 0) {
            error_setg_errno(errp, -ret, "kvm: cannot read state of CPU %u",
                             cpu->index);
            return false;
        }
    }
    p->have_xsave = kvm_check_extension(KVM_CAP_XSAVE) &&
                    kvm_check_extension(KVM_CAP_XSAVE2) <=
                        (int)sizeof(struct kvm_xsave) &&
                    kvm_ioctl(cpu->fd, KVM_GET_XSAVE, &p->xsave) == 0;
    p->have_xcrs = kvm_check_extension(KVM_CAP_XCRS) &&
                   kvm_ioctl(cpu->fd, KVM_GET_XCRS, &p->xcrs) == 0;
    p->msrs = read_msrs(cpu);
    return true;
}

void kvm_state_free_power_on(KVMVcpu *cpu)
{
    if (cpu->power_on) {
        g_free(cpu->power_on->msrs);
    }
    g_clear_pointer(&cpu->power_on, g_free);
}

/* --- kernel entry ----------------------------------------------------------
 */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type,
                                       bool long_mode)
{
    return (struct kvm_segment){
        .base = 0,
        .limit = 0xffffffff,
        .selector = selector,
        .type = type,
        .present = 1,
        .db = !long_mode,
        .l = long_mode,
        .s = 1,
        .g = 1,
    };
}

static void set_boot_sregs(struct kvm_sregs *sregs, const X86BootRegs *boot)
{
    bool long_mode = boot->mode == X86_BOOT_LONG64;
    struct kvm_segment code = flat_segment(boot->cs, 0xb, long_mode);
    struct kvm_segment data = flat_segment(boot->ds, 0x3, false);

    sregs->cs = code;
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    sregs->tr =
        (struct kvm_segment){ .limit = 0x67, .type = 0xb, .present = 1 };
    sregs->gdt.base = boot->gdt_base;
    sregs->gdt.limit = boot->gdt_limit;
    sregs->idt.base = 0;
    sregs->idt.limit = 0;
    sregs->cr0 = CR0_PE | CR0_ET;
    sregs->cr4 = 0;
    sregs->efer = 0;
    if (long_mode) {
        sregs->cr3 = boot->cr3;
        sregs->cr4 = CR4_PAE;
        sregs->cr0 |= CR0_PG;
        sregs->efer = EFER_LME | EFER_LMA;
    }
}

/* What firmware would have left behind. */
static void set_firmware_msrs(KVMVcpu *cpu)
{
    write_msr(cpu, MSR_MTRR_DEF_TYPE, MTRR_ENABLE | MTRR_WRITE_BACK);
    write_msr(cpu, MSR_MISC_ENABLE, 1); /* fast strings */
}

static void set_state(KVMVcpu *cpu, unsigned long request, void *arg)
{
    int ret = kvm_ioctl(cpu->fd, request, arg);

    if (ret < 0) {
        error_report("kvm: cannot set state of CPU %u (0x%lx): %s", cpu->index,
                     request, strerror(-ret));
    }
}

void kvm_state_reset(KVMVcpu *cpu, const X86BootRegs *boot)
{
    KVMPowerOn *p = cpu->power_on;
    struct kvm_sregs sregs = p->sregs;
    struct kvm_regs regs = p->regs;

    if (boot && boot->mode != X86_BOOT_NONE) {
        set_boot_sregs(&sregs, boot);
        regs = (struct kvm_regs){
            .rip = boot->rip,
            .rsi = boot->rsi,
            .rbx = boot->rbx,
            .rsp = boot->rsp,
            .rflags = 2,
        };
    }
    set_state(cpu, KVM_SET_MP_STATE, &p->mp_state);
    set_state(cpu, KVM_SET_SREGS, &sregs);
    set_state(cpu, KVM_SET_REGS, &regs);
    if (p->have_xsave) {
        set_state(cpu, KVM_SET_XSAVE, &p->xsave);
    } else {
        set_state(cpu, KVM_SET_FPU, &p->fpu);
    }
    if (p->have_xcrs) {
        set_state(cpu, KVM_SET_XCRS, &p->xcrs);
    }
    set_state(cpu, KVM_SET_DEBUGREGS, &p->debugregs);
    write_msrs(cpu, p->msrs);
    set_firmware_msrs(cpu);
    /* 0 tells the kernel that all vCPUs start together. */
    write_msr(cpu, MSR_TSC, 0);
    write_msr(cpu, MSR_TSC_ADJUST, 0);
    set_state(cpu, KVM_SET_LAPIC, &p->lapic);
    set_state(cpu, KVM_SET_VCPU_EVENTS, &p->events);
}

void kvm_state_dump(KVMVcpu *cpu)
{
    struct kvm_regs r = { 0 };
    struct kvm_sregs s = { 0 };

    kvm_ioctl(cpu->fd, KVM_GET_REGS, &r);
    kvm_ioctl(cpu->fd, KVM_GET_SREGS, &s);
    error_printf("RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\n"
                 "RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx\n"
                 "R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx\n"
                 "R12=%016llx R13=%016llx R14=%016llx R15=%016llx\n"
                 "RIP=%016llx RFL=%08llx CPU=%u\n",
                 r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                 r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip,
                 r.rflags, cpu->index);
    error_printf("CS =%04x %016llx %08x\nSS =%04x %016llx %08x\n"
                 "GDT=     %016llx %08x\nIDT=     %016llx %08x\n"
                 "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx\n"
                 "EFER=%016llx\n",
                 s.cs.selector, s.cs.base, s.cs.limit, s.ss.selector, s.ss.base,
                 s.ss.limit, s.gdt.base, s.gdt.limit, s.idt.base, s.idt.limit,
                 s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
}
