/*
 * CPUID: what the guest's CPUs say about themselves.  The kernel's list of
 * what it can virtualize is the starting point; the CPU model takes features
 * away (or, for "host" and "max", none), and the topology leaves are ours.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/cpu-model.h"
#include "accel/kvm/kvm-internal.h"
#include "util/error-report.h"

#define MAX_ENTRIES 256

#define KVM_SIGNATURE_LEAF 0x40000000u
#define KVM_FEATURES_LEAF  0x40000001u

/* Filled once by kvm_cpuid_init(), then the same for every vCPU. */
static struct kvm_cpuid2 *supported;
static CpuModel model;

/* --- topology --------------------------------------------------------------
 */

static unsigned core_shift(const CpuTopology *t)
{
    return cpu_topology_bits(t->threads);
}

static unsigned package_shift(const CpuTopology *t)
{
    return core_shift(t) + cpu_topology_bits(t->cores) +
           cpu_topology_bits(t->dies);
}

static unsigned package_threads(const CpuTopology *t)
{
    return t->dies * t->cores * t->threads;
}

/* Leaf 0xb/0x1f: level @e->index of the topology. */
static void set_topology_level(struct kvm_cpuid_entry2 *e, const CpuTopology *t,
                               unsigned apic_id)
{
    e->eax = e->ebx = 0;
    e->ecx = e->index & 0xff;
    e->edx = apic_id;
    if (e->index == 0) {
        e->eax = core_shift(t);
        e->ebx = t->threads;
        e->ecx |= 1 << 8; /* thread */
    } else if (e->index == 1) {
        e->eax = package_shift(t);
        e->ebx = package_threads(t);
        e->ecx |= 2 << 8; /* core */
    }
}

/* Leaves 4 and 0x8000001d: how many threads share each cache. */
static void set_cache_sharing(struct kvm_cpuid_entry2 *e, const CpuTopology *t,
                              bool intel)
{
    unsigned level = (e->eax >> 5) & 7;
    unsigned sharing = level >= 3 ? 1u << package_shift(t) : t->threads;

    if ((e->eax & 0x1f) == 0) {
        return; /* no more caches */
    }
    e->eax &= 0x3fff;
    e->eax |= (MIN(sharing, 4096) - 1) << 14;
    if (intel) {
        unsigned cores = 1u << (package_shift(t) - core_shift(t));

        e->eax |= (MIN(cores, 64) - 1) << 26;
    }
}

/* Leaf 0x8000001e: AMD's core and node numbers. */
static void set_amd_topology(struct kvm_cpuid_entry2 *e, const CpuTopology *t,
                             unsigned apic_id)
{
    unsigned core = (apic_id >> core_shift(t)) &
                    ((1u << (package_shift(t) - core_shift(t))) - 1);

    e->eax = apic_id;
    e->ebx = (t->threads - 1) << 8 | (core & 0xff);
    e->ecx = (apic_id >> package_shift(t)) & 0xff;
    e->edx = 0;
}

static void set_topology(struct kvm_cpuid_entry2 *e, const CpuTopology *t,
                         unsigned apic_id)
{
    unsigned threads = package_threads(t);

    switch (e->function) {
    case 1:
        e->ebx = (e->ebx & 0xff00) | apic_id << 24 | MIN(threads, 255) << 16;
        if (!(e->ebx & 0xff00)) {
            e->ebx |= 8 << 8; /* CLFLUSH works on 64 bytes */
        }
        e->edx &= ~(1u << 28);
        e->edx |= threads > 1 ? 1u << 28 : 0; /* HTT */
        break;
    case 4:
        set_cache_sharing(e, t, true);
        break;
    case 0xb:
    case 0x1f:
        set_topology_level(e, t, apic_id);
        break;
    case 0x80000001:
        e->ecx &= ~2u;
        if (threads > 1 && !cpu_model_is_intel(&model)) {
            e->ecx |= 2; /* CMP_LEGACY */
        }
        break;
    case 0x80000008:
        e->ecx = threads > 1 ? (package_shift(t) << 12 | (threads - 1)) : 0;
        break;
    case 0x8000001d:
        set_cache_sharing(e, t, false);
        break;
    case 0x8000001e:
        set_amd_topology(e, t, apic_id);
        break;
    default:
        break;
    }
}

/* --- the list --------------------------------------------------------------
 */

static struct kvm_cpuid2 *get_supported(void)
{
    struct kvm_cpuid2 *list = g_malloc0(sizeof(*list) +
                                        MAX_ENTRIES * sizeof(list->entries[0]));

    list->nent = MAX_ENTRIES;
    if (kvm_ioctl(kvm_state.fd, KVM_GET_SUPPORTED_CPUID, list) < 0) {
        g_free(list);
        return NULL;
    }
    return list;
}

/* What the kernel can do but does not put in its list. */
static void add_kernel_features(void)
{
    for (unsigned i = 0; i < supported->nent; i++) {
        struct kvm_cpuid_entry2 *e = &supported->entries[i];

        if (e->function == 1) {
            e->ecx |= 1u << 31; /* a hypervisor is present */
            e->ecx |= 1u << 21; /* x2APIC */
            if (kvm_check_extension(KVM_CAP_TSC_DEADLINE_TIMER)) {
                e->ecx |= 1u << 24;
            }
        } else if (e->function == 6) {
            e->eax |= 1u << 2; /* ARAT: the timer does not stop */
        }
    }
}

bool kvm_cpuid_init(MachineState *ms, Error **errp)
{
    const char *arg = ms->cpu_model ? ms->cpu_model : ms->mc->default_cpu_model;

    kvm_cpuid_cleanup();
    supported = get_supported();
    if (!supported) {
        error_setg(errp, "KVM_GET_SUPPORTED_CPUID failed");
        return false;
    }
    add_kernel_features();
    return cpu_model_parse(&model, arg, errp) &&
           cpu_model_resolve(&model, supported->entries, supported->nent, errp);
}

void kvm_cpuid_cleanup(void)
{
    g_clear_pointer(&supported, g_free);
}

static void set_signature(struct kvm_cpuid_entry2 *e)
{
    static const char text[12] = "KVMKVMKVM";

    e->eax = KVM_FEATURES_LEAF;
    memcpy(&e->ebx, text, 4);
    memcpy(&e->ecx, text + 4, 4);
    memcpy(&e->edx, text + 8, 4);
}

/* Is the leaf there in this model, and not one we leave out on purpose? */
static bool leaf_wanted(const struct kvm_cpuid_entry2 *e)
{
    switch (e->function) {
    case 0x14: /* processor trace, resource control, SGX: not virtualized */
    case 0xf:
    case 0x10:
    case 0x12:
        return false;
    default:
        return cpu_model_has_leaf(&model, e->function);
    }
}

static void append(struct kvm_cpuid2 *out, const struct kvm_cpuid_entry2 *e)
{
    if (out->nent < MAX_ENTRIES) {
        out->entries[out->nent++] = *e;
    }
}

/* The kernel lists one entry of leaf 0xb; a CPU has one per level. */
static void append_topology_leaves(struct kvm_cpuid2 *out, const CpuTopology *t,
                                   unsigned apic_id)
{
    for (unsigned i = 0; i < 3; i++) {
        struct kvm_cpuid_entry2 e = {
            .function = 0xb,
            .index = i,
            .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        };

        set_topology_level(&e, t, apic_id);
        append(out, &e);
    }
}

bool kvm_cpuid_set(KVMVcpu *cpu, const CpuTopology *topo, Error **errp)
{
    g_autofree struct kvm_cpuid2 *list = g_malloc0(
        sizeof(*list) + MAX_ENTRIES * sizeof(list->entries[0]));
    int ret;

    for (unsigned i = 0; i < supported->nent; i++) {
        struct kvm_cpuid_entry2 e = supported->entries[i];

        if (!leaf_wanted(&e) || e.function == 0xb || e.function == 0x1f) {
            continue;
        }
        cpu_model_apply(&model, &e);
        if (e.function == KVM_SIGNATURE_LEAF) {
            set_signature(&e);
        }
        set_topology(&e, topo, cpu->apic_id);
        append(list, &e);
    }
    if (cpu_model_has_leaf(&model, 0xb)) {
        append_topology_leaves(list, topo, cpu->apic_id);
    }
    ret = kvm_ioctl(cpu->fd, KVM_SET_CPUID2, list);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "kvm: cannot set CPUID of CPU %u",
                         cpu->index);
        return false;
    }
    return true;
}
