/*
 * CPU models: the argument of -cpu, and what it leaves of the features that
 * the kernel can virtualize.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_KVM_CPU_MODEL_H
#define ACCEL_KVM_CPU_MODEL_H

#include "accel/kvm/cpu-features.h"
#include "util/error.h"

#include <linux/kvm.h>

/* A model that can be named; words are used unless it is the host's own. */
typedef struct CpuModelDef {
    const char *name;
    const char *desc;
    bool is_host; /* everything that the kernel offers */
    uint32_t level, xlevel;
    uint32_t signature; /* leaf 1 EAX */
    uint32_t phys_bits;
    const char *model_id;
    uint32_t words[FEATURE_WORDS];
} CpuModelDef;

typedef struct CpuModel {
    const CpuModelDef *def;
    uint32_t plus[FEATURE_WORDS];  /* asked for by name */
    uint32_t minus[FEATURE_WORDS]; /* refused by name */
    bool no_kvm;                   /* kvm=off: hide the hypervisor's leaves */
    bool check, enforce;           /* warn of, fail on what is missing */
    bool migratable;
    bool pmu;
    char vendor[13];               /* the host's, or vendor= */
    uint32_t words[FEATURE_WORDS]; /* cpu_model_resolve(): what there is */
} CpuModel;

/* All models, ended by one without a name. */
extern const CpuModelDef cpu_model_defs[];

/* Read "model[,+x][,-x][,x=on|off]..."; false with QEMU's message. */
bool cpu_model_parse(CpuModel *m, const char *arg, Error **errp);

/*
 * Intersect with what @entries (KVM_GET_SUPPORTED_CPUID) offer.  Warns of
 * features that are missing; false if m->enforce and there are some.
 */
bool cpu_model_resolve(CpuModel *m, const struct kvm_cpuid_entry2 *entries,
                       unsigned n, Error **errp);

/* Does the model have CPUID leaf @leaf at all? */
bool cpu_model_has_leaf(const CpuModel *m, uint32_t leaf);

/* Put the model's features and identity into one entry of the list. */
void cpu_model_apply(const CpuModel *m, struct kvm_cpuid_entry2 *e);

bool cpu_model_is_intel(const CpuModel *m);

#endif
