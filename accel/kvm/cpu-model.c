/*
 * CPU models: parse -cpu, intersect with the host, fill CPUID leaves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/cpu-model.h"
#include "util/error-report.h"

#include <cpuid.h>

#define BIT(n) (1u << (n))

/* Bits of leaf 1 EDX that AMD repeats in leaf 0x80000001 EDX. */
#define AMD_EDX_ALIASES 0x0183f3ffu

const CpuModelDef cpu_model_defs[] = {
    {
        .name = "qemu64",
        .desc = "QEMU Virtual CPU version 2.5+",
        .level = 0xd,
        .xlevel = 0x8000000a,
        .signature = 0x00060fb1, /* family 15, model 107, stepping 1 */
        .phys_bits = 40,
        .model_id = "QEMU Virtual CPU version 2.5+",
        .words = {
            /* fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat
             * pse36 clflush mmx fxsr sse sse2 */
            [FEAT_1_EDX] = 0x078bfbfdu,
            /* pni cx16 x2apic hypervisor */
            [FEAT_1_ECX] = BIT(0) | BIT(13) | BIT(21) | BIT(31),
            /* syscall nx lm */
            [FEAT_8000_0001_EDX] = BIT(11) | BIT(20) | BIT(29),
            [FEAT_8000_0001_ECX] = BIT(0), /* lahf-lm */
            /* kvmclock nopiodelay asyncpf steal-time pv-eoi stable-bit */
            [FEAT_KVM] = BIT(0) | BIT(1) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |
                         BIT(24),
        },
    },
    {
        .name = "host",
        .desc = "processor with all supported host features",
        .is_host = true,
    },
    {
        .name = "max",
        .desc = "Enables all features supported by the accelerator in the "
                "current host",
        .is_host = true,
    },
    { .name = NULL },
};

/* --- parsing ---------------------------------------------------------------
 */

/* Set the bits called @name in @words; false if there are none. */
static bool name_to_bits(const char *name, uint32_t words[FEATURE_WORDS])
{
    bool found = false;

    for (const FeatureAlias *a = feature_aliases; a->alias; a++) {
        if (!strcmp(a->alias, name)) {
            name = a->name;
            break;
        }
    }
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (unsigned b = 0; b < 32; b++) {
            const char *n = feature_words[w].names[b];

            if (n && !strcmp(n, name)) {
                words[w] |= BIT(b);
                found = true;
            }
        }
    }
    return found;
}

static bool set_feature(CpuModel *m, const char *name, bool on)
{
    uint32_t bits[FEATURE_WORDS] = { 0 };

    if (!name_to_bits(name, bits)) {
        return false;
    }
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        m->plus[w] = on ? m->plus[w] | bits[w] : m->plus[w] & ~bits[w];
        m->minus[w] = on ? m->minus[w] & ~bits[w] : m->minus[w] | bits[w];
    }
    return true;
}

static bool parse_bool(const char *value, bool *out)
{
    static const char *const yes[] = { "on", "yes", "true", "y" };
    static const char *const no[] = { "off", "no", "false", "n" };

    for (unsigned i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
            *out = !strcmp(value, yes[i]);
            return true;
        }
    }
    return false;
}

/* Properties of a CPU that are not bits; NULL: none of that name. */
static bool *find_switch(CpuModel *m, const char *name)
{
    static bool ignored;
    static const char *const accepted[] = { "host-phys-bits",  "l3-cache",
                                            "host-cache-info", "fill-mtrr-mask",
                                            "legacy-cache",    "cpuid-0xb" };

    if (!strcmp(name, "check")) {
        return &m->check;
    } else if (!strcmp(name, "enforce")) {
        return &m->enforce;
    } else if (!strcmp(name, "migratable")) {
        return &m->migratable;
    } else if (!strcmp(name, "pmu")) {
        return &m->pmu;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(accepted); i++) {
        if (!strcmp(name, accepted[i])) {
            return &ignored;
        }
    }
    return NULL;
}

/* One "name" or "name=value". */
static bool parse_property(CpuModel *m, char *item, Error **errp)
{
    char *value = strchr(item, '=');
    bool on = true;
    bool *sw;

    if (value) {
        *value++ = '\0';
    }
    for (char *p = item; *p; p++) {
        *p = *p == '_' ? '-' : *p;
    }
    sw = find_switch(m, item);
    if (!strcmp(item, "vendor") && value) {
        if (strlen(value) != 12) {
            error_setg(errp,
                       "can't apply global %s-x86_64-cpu.vendor=%s: Property "
                       "'vendor' doesn't take value '%s'",
                       m->def->name, value, value);
            return false;
        }
        g_strlcpy(m->vendor, value, sizeof(m->vendor));
        return true;
    }
    if (value && !parse_bool(value, &on)) {
        uint32_t bits[FEATURE_WORDS] = { 0 };

        if (sw || name_to_bits(item, bits) || !strcmp(item, "kvm")) {
            error_setg(errp,
                       "can't apply global %s-x86_64-cpu.%s=%s: Parameter "
                       "'%s' expects 'on' or 'off'",
                       m->def->name, item, value, item);
            return false;
        }
    }
    if (sw) {
        *sw = on;
    } else if (!strcmp(item, "kvm")) {
        m->no_kvm = !on;
    } else if (!set_feature(m, item, on)) {
        error_setg(errp,
                   "can't apply global %s-x86_64-cpu.%s=%s: Property "
                   "'%s-x86_64-cpu.%s' not found",
                   m->def->name, item, value ? value : "on", m->def->name,
                   item);
        return false;
    }
    return true;
}

/* "+name" or "-name". */
static bool parse_plus_minus(CpuModel *m, char *item, Error **errp)
{
    for (char *p = item + 1; *p; p++) {
        *p = *p == '_' ? '-' : *p;
    }
    if (!set_feature(m, item + 1, item[0] == '+')) {
        error_setg(errp, "Property '%s-x86_64-cpu.%s' not found", m->def->name,
                   item + 1);
        return false;
    }
    return true;
}

static const CpuModelDef *find_def(const char *name)
{
    for (const CpuModelDef *d = cpu_model_defs; d->name; d++) {
        if (!strcmp(d->name, name)) {
            return d;
        }
    }
    return NULL;
}

bool cpu_model_parse(CpuModel *m, const char *arg, Error **errp)
{
    g_auto(GStrv) items = g_strsplit(arg, ",", -1);

    *m = (CpuModel){ .check = true, .migratable = true };
    m->def = items[0] ? find_def(items[0]) : NULL;
    if (!m->def) {
        error_setg(errp, "unable to find CPU model '%s'",
                   items[0] ? items[0] : "");
        return false;
    }
    m->pmu = m->def->is_host;
    /* As documented for -cpu: +x and -x win over x=on and x=off. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (char **item = items + 1; *item; item++) {
            bool sign = **item == '+' || **item == '-';

            if (!**item || sign != (pass == 1)) {
                continue;
            }
            if (!(sign ? parse_plus_minus(m, *item, errp)
                       : parse_property(m, *item, errp))) {
                return false;
            }
        }
    }
    return true;
}

/* --- against the host ------------------------------------------------------
 */

static uint32_t *entry_reg(struct kvm_cpuid_entry2 *e, CpuReg reg)
{
    switch (reg) {
    case R_EAX:
        return &e->eax;
    case R_EBX:
        return &e->ebx;
    case R_ECX:
        return &e->ecx;
    default:
        return &e->edx;
    }
}

static uint32_t host_word(const struct kvm_cpuid_entry2 *entries, unsigned n,
                          const FeatureWordInfo *w)
{
    for (unsigned i = 0; i < n; i++) {
        struct kvm_cpuid_entry2 e = entries[i];

        if (e.function == w->leaf && e.index == w->subleaf) {
            return *entry_reg(&e, w->reg);
        }
    }
    return 0;
}

static void warn_missing(const FeatureWordInfo *w, uint32_t missing)
{
    static const char *const reg_names[] = { "EAX", "EBX", "ECX", "EDX" };

    for (unsigned b = 0; b < 32; b++) {
        if (missing & BIT(b)) {
            warn_report("host doesn't support requested feature: "
                        "CPUID.%02XH:%s%s%s [bit %u]",
                        w->leaf, reg_names[w->reg], w->names[b] ? "." : "",
                        w->names[b] ? w->names[b] : "", b);
        }
    }
}

/* What a model without a word about it leaves out of the host's features. */
static uint32_t not_by_default(const CpuModel *m, FeatureWord w)
{
    switch (w) {
    case FEAT_8000_0007_EDX:
        return m->migratable ? BIT(8) : 0; /* invtsc */
    case FEAT_KVM:
        return BIT(15); /* MSI destinations above 255: needs the machine */
    case FEAT_7_0_EBX:
        return BIT(2) | BIT(25); /* SGX, processor trace: have leaves */
    case FEAT_7_0_ECX:
        return BIT(30); /* SGX launch control */
    case FEAT_7_0_EDX:
        return BIT(22) | BIT(24) | BIT(25); /* AMX: needs the kernel's leave */
    case FEAT_7_1_EAX:
        return BIT(21);
    default:
        return 0;
    }
}

bool cpu_model_resolve(CpuModel *m, const struct kvm_cpuid_entry2 *entries,
                       unsigned n, Error **errp)
{
    bool all_there = true;

    for (unsigned i = 0; i < n && !m->vendor[0]; i++) {
        if (entries[i].function == 0) {
            memcpy(m->vendor, &entries[i].ebx, 4);
            memcpy(m->vendor + 4, &entries[i].edx, 4);
            memcpy(m->vendor + 8, &entries[i].ecx, 4);
        }
    }
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        uint32_t host = host_word(entries, n, &feature_words[w]);
        uint32_t wanted = m->def->is_host ? host & ~not_by_default(m, w)
                                          : m->def->words[w];
        uint32_t missing;

        wanted = (wanted | m->plus[w]) & ~m->minus[w];
        missing = wanted & ~host;
        if (missing && (m->check || m->enforce)) {
            warn_missing(&feature_words[w], missing);
            all_there = false;
        }
        m->words[w] = wanted & host;
    }
    if (!cpu_model_is_intel(m)) {
        m->words[FEAT_8000_0001_EDX] &= ~AMD_EDX_ALIASES;
        m->words[FEAT_8000_0001_EDX] |= m->words[FEAT_1_EDX] & AMD_EDX_ALIASES;
    }
    if (!all_there && m->enforce) {
        error_setg(errp, "Host doesn't support requested features");
        return false;
    }
    return true;
}

bool cpu_model_is_intel(const CpuModel *m)
{
    return !strcmp(m->vendor, "GenuineIntel");
}

/* --- the leaves ------------------------------------------------------------
 */

bool cpu_model_has_leaf(const CpuModel *m, uint32_t leaf)
{
    switch (leaf >> 28) {
    case 0x4:
        return !m->no_kvm;
    case 0x8:
        if (m->def->xlevel && leaf > m->def->xlevel) {
            return false;
        }
        break;
    default:
        if (m->def->level && leaf > m->def->level) {
            return false;
        }
        break;
    }
    if (leaf == 0xa) {
        return m->pmu;
    }
    if (leaf == 0xd) {
        return m->words[FEAT_1_ECX] & BIT(26);
    }
    return true;
}

static void set_model_id(const char *id, struct kvm_cpuid_entry2 *e)
{
    char text[48] = { 0 };
    unsigned part = (e->function - 0x80000002u) * 16;

    g_strlcpy(text, id, sizeof(text));
    memcpy(&e->eax, text + part, 4);
    memcpy(&e->ebx, text + part + 4, 4);
    memcpy(&e->ecx, text + part + 8, 4);
    memcpy(&e->edx, text + part + 12, 4);
}

/* Who the CPU says it is. */
static void apply_identity(const CpuModel *m, struct kvm_cpuid_entry2 *e)
{
    const CpuModelDef *d = m->def;

    switch (e->function) {
    case 0:
        memcpy(&e->ebx, m->vendor, 4);
        memcpy(&e->edx, m->vendor + 4, 4);
        memcpy(&e->ecx, m->vendor + 8, 4);
        e->eax = d->level ? d->level : MAX(e->eax, 0xb);
        break;
    case 1:
        e->eax = d->signature ? d->signature : e->eax;
        break;
    case 0x80000000:
        memcpy(&e->ebx, m->vendor, 4);
        memcpy(&e->edx, m->vendor + 4, 4);
        memcpy(&e->ecx, m->vendor + 8, 4);
        e->eax = d->xlevel ? d->xlevel : e->eax;
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        if (d->model_id) {
            set_model_id(d->model_id, e);
        } else {
            /* The host's own name, which the kernel leaves out. */
            __get_cpuid(e->function, &e->eax, &e->ebx, &e->ecx, &e->edx);
        }
        break;
    case 0x80000008:
        if (d->phys_bits) {
            e->eax = 48 << 8 | MIN(d->phys_bits, e->eax & 0xff);
        }
        break;
    default:
        break;
    }
}

void cpu_model_apply(const CpuModel *m, struct kvm_cpuid_entry2 *e)
{
    apply_identity(m, e);
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        if (e->function == feature_words[w].leaf &&
            e->index == feature_words[w].subleaf) {
            *entry_reg(e, feature_words[w].reg) = m->words[w];
        }
    }
}
