/*
 * Names of CPUID feature bits, by the register that holds them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_KVM_CPU_FEATURES_H
#define ACCEL_KVM_CPU_FEATURES_H

typedef enum CpuReg { R_EAX, R_EBX, R_ECX, R_EDX } CpuReg;

/* Indices into feature_words. */
typedef enum FeatureWord {
    FEAT_1_EDX,
    FEAT_1_ECX,
    FEAT_7_0_EBX,
    FEAT_7_0_ECX,
    FEAT_7_0_EDX,
    FEAT_7_1_EAX,
    FEAT_8000_0001_EDX,
    FEAT_8000_0001_ECX,
    FEAT_8000_0007_EDX,
    FEAT_8000_0008_EBX,
    FEAT_8000_000A_EDX,
    FEAT_KVM,
    FEAT_XSAVE,
    FEAT_6_EAX,
    FEATURE_WORDS,
} FeatureWord;

typedef struct FeatureWordInfo {
    uint32_t leaf;
    uint32_t subleaf;
    CpuReg reg;
    const char *names[32]; /* by bit; NULL: cannot be asked for by name */
} FeatureWordInfo;

extern const FeatureWordInfo feature_words[FEATURE_WORDS];

/* Other spellings that users know; NULL-terminated pairs. */
typedef struct FeatureAlias {
    const char *alias;
    const char *name;
} FeatureAlias;

extern const FeatureAlias feature_aliases[];

#endif
