/*
 * Names of CPUID feature bits (Intel SDM volume 2A, CPUID; AMD APM volume 3,
 * appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/cpu-features.h"

/* clang-format off */
const FeatureWordInfo feature_words[FEATURE_WORDS] = {
    [FEAT_1_EDX] = { 1, 0, R_EDX, {
        [0] = "fpu", [1] = "vme", [2] = "de", [3] = "pse", [4] = "tsc",
        [5] = "msr", [6] = "pae", [7] = "mce", [8] = "cx8", [9] = "apic",
        [11] = "sep", [12] = "mtrr", [13] = "pge", [14] = "mca",
        [15] = "cmov", [16] = "pat", [17] = "pse36", [18] = "pn",
        [19] = "clflush", [21] = "ds", [22] = "acpi", [23] = "mmx",
        [24] = "fxsr", [25] = "sse", [26] = "sse2", [27] = "ss", [28] = "ht",
        [29] = "tm", [30] = "ia64", [31] = "pbe" } },
    [FEAT_1_ECX] = { 1, 0, R_ECX, {
        [0] = "pni", [1] = "pclmulqdq", [2] = "dtes64", [3] = "monitor",
        [4] = "ds-cpl", [5] = "vmx", [6] = "smx", [7] = "est", [8] = "tm2",
        [9] = "ssse3", [10] = "cid", [12] = "fma", [13] = "cx16",
        [14] = "xtpr", [15] = "pdcm", [17] = "pcid", [18] = "dca",
        [19] = "sse4.1", [20] = "sse4.2", [21] = "x2apic", [22] = "movbe",
        [23] = "popcnt", [24] = "tsc-deadline", [25] = "aes",
        [26] = "xsave", [28] = "avx", [29] = "f16c", [30] = "rdrand",
        [31] = "hypervisor" } },
    [FEAT_7_0_EBX] = { 7, 0, R_EBX, {
        [0] = "fsgsbase", [1] = "tsc-adjust", [2] = "sgx", [3] = "bmi1",
        [4] = "hle", [5] = "avx2", [6] = "fdp-excptn-only", [7] = "smep",
        [8] = "bmi2", [9] = "erms", [10] = "invpcid", [11] = "rtm",
        [13] = "zero-fcs-fds", [14] = "mpx", [16] = "avx512f",
        [17] = "avx512dq", [18] = "rdseed", [19] = "adx", [20] = "smap",
        [21] = "avx512ifma", [22] = "pcommit", [23] = "clflushopt",
        [24] = "clwb", [25] = "intel-pt", [26] = "avx512pf",
        [27] = "avx512er", [28] = "avx512cd", [29] = "sha-ni",
        [30] = "avx512bw", [31] = "avx512vl" } },
    [FEAT_7_0_ECX] = { 7, 0, R_ECX, {
        [1] = "avx512vbmi", [2] = "umip", [3] = "pku", [5] = "waitpkg",
        [6] = "avx512vbmi2", [8] = "gfni", [9] = "vaes",
        [10] = "vpclmulqdq", [11] = "avx512vnni", [12] = "avx512bitalg",
        [14] = "avx512-vpopcntdq", [16] = "la57", [22] = "rdpid",
        [24] = "bus-lock-detect", [25] = "cldemote", [27] = "movdiri",
        [28] = "movdir64b", [30] = "sgxlc", [31] = "pks" } },
    [FEAT_7_0_EDX] = { 7, 0, R_EDX, {
        [2] = "avx512-4vnniw", [3] = "avx512-4fmaps", [4] = "fsrm",
        [8] = "avx512-vp2intersect", [10] = "md-clear", [14] = "serialize",
        [16] = "tsx-ldtrk", [19] = "arch-lbr", [22] = "amx-bf16",
        [23] = "avx512-fp16", [24] = "amx-tile", [25] = "amx-int8",
        [26] = "spec-ctrl", [27] = "stibp", [28] = "flush-l1d",
        [29] = "arch-capabilities", [30] = "core-capability",
        [31] = "ssbd" } },
    [FEAT_7_1_EAX] = { 7, 1, R_EAX, {
        [0] = "sha512", [1] = "sm3", [2] = "sm4", [4] = "avx-vnni",
        [5] = "avx512-bf16", [7] = "cmpccxadd", [10] = "fzrm",
        [11] = "fsrs", [12] = "fsrc", [17] = "fred", [18] = "lkgs",
        [19] = "wrmsrns", [21] = "amx-fp16", [23] = "avx-ifma",
        [26] = "lam" } },
    [FEAT_8000_0001_EDX] = { 0x80000001, 0, R_EDX, {
        [11] = "syscall", [20] = "nx", [22] = "mmxext",
        [25] = "fxsr-opt", [26] = "pdpe1gb", [27] = "rdtscp", [29] = "lm",
        [30] = "3dnowext", [31] = "3dnow" } },
    [FEAT_8000_0001_ECX] = { 0x80000001, 0, R_ECX, {
        [0] = "lahf-lm", [1] = "cmp-legacy", [2] = "svm", [3] = "extapic",
        [4] = "cr8legacy", [5] = "abm", [6] = "sse4a",
        [7] = "misalignsse", [8] = "3dnowprefetch", [9] = "osvw",
        [10] = "ibs", [11] = "xop", [12] = "skinit", [13] = "wdt",
        [15] = "lwp", [16] = "fma4", [17] = "tce", [19] = "nodeid-msr",
        [21] = "tbm", [22] = "topoext", [23] = "perfctr-core",
        [24] = "perfctr-nb" } },
    [FEAT_8000_0007_EDX] = { 0x80000007, 0, R_EDX, { [8] = "invtsc" } },
    [FEAT_8000_0008_EBX] = { 0x80000008, 0, R_EBX, {
        [0] = "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd",
        [12] = "ibpb", [14] = "ibrs", [15] = "amd-stibp",
        [17] = "stibp-always-on", [24] = "amd-ssbd", [25] = "virt-ssbd",
        [26] = "amd-no-ssb", [28] = "amd-psfd" } },
    [FEAT_8000_000A_EDX] = { 0x8000000a, 0, R_EDX, {
        [0] = "npt", [1] = "lbrv", [2] = "svm-lock", [3] = "nrip-save",
        [4] = "tsc-scale", [5] = "vmcb-clean", [6] = "flushbyasid",
        [7] = "decodeassists", [10] = "pause-filter",
        [12] = "pfthreshold", [13] = "avic", [15] = "v-vmsave-vmload",
        [16] = "vgif", [25] = "vnmi", [28] = "svme-addr-chk" } },
    [FEAT_KVM] = { 0x40000001, 0, R_EAX, {
        [0] = "kvmclock", [1] = "kvm-nopiodelay", [2] = "kvm-mmu",
        [3] = "kvmclock", [4] = "kvm-asyncpf", [5] = "kvm-steal-time",
        [6] = "kvm-pv-eoi", [7] = "kvm-pv-unhalt",
        [9] = "kvm-pv-tlb-flush", [10] = "kvm-asyncpf-vmexit",
        [11] = "kvm-pv-ipi", [12] = "kvm-poll-control",
        [13] = "kvm-pv-sched-yield", [14] = "kvm-asyncpf-int",
        [15] = "kvm-msi-ext-dest-id", [24] = "kvmclock-stable-bit" } },
    [FEAT_XSAVE] = { 0xd, 1, R_EAX, {
        [0] = "xsaveopt", [1] = "xsavec", [2] = "xgetbv1",
        [3] = "xsaves" } },
    [FEAT_6_EAX] = { 6, 0, R_EAX, { [2] = "arat" } },
};
/* clang-format on */

const FeatureAlias feature_aliases[] = {
    { "sse3", "pni" },       { "pclmuldq", "pclmulqdq" },
    { "sse4-1", "sse4.1" },  { "sse4-2", "sse4.2" },
    { "xd", "nx" },          { "i64", "lm" },
    { "ffxsr", "fxsr-opt" }, { NULL, NULL },
};
