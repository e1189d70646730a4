/*
 * -cpu: parsing, what is left of the host's features, CPUID leaves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "accel/kvm/cpu-model.h"

/* A host with SSE3, x2APIC, AVX2 and kvmclock. */
static const struct kvm_cpuid_entry2 host[] = {
    { .function = 0,
      .eax = 0xd,
      .ebx = 0x756e6547,
      .ecx = 0x6c65746e,
      .edx = 0x49656e69 },
    { .function = 1, .eax = 0x906ea, .ecx = 0x80202001, .edx = 0x1f8bfbff },
    { .function = 7, .index = 0, .ebx = 1u << 5 | 1u << 10 },
    { .function = 0x40000001, .eax = 0x01000009 },
    { .function = 0x80000001, .ecx = 1, .edx = 0x2c100800 },
    { .function = 0x80000007, .edx = 1u << 8 },
};

static char *parse_error(const char *arg)
{
    CpuModel m;
    Error *err = NULL;
    char *text;

    if (cpu_model_parse(&m, arg, &err)) {
        return NULL;
    }
    text = g_strdup(error_get_pretty(err));
    error_free(err);
    return text;
}

static void resolve(CpuModel *m, const char *arg)
{
    Error *err = NULL;

    g_assert_true(cpu_model_parse(m, arg, &err));
    m->check = false;
    g_assert_true(cpu_model_resolve(m, host, ARRAY_SIZE(host), &err));
}

static void test_errors(void)
{
    static const struct {
        const char *arg, *message;
    } cases[] = {
        { "nope", "unable to find CPU model 'nope'" },
        { "", "unable to find CPU model ''" },
        { "qemu64,+nope", "Property 'qemu64-x86_64-cpu.nope' not found" },
        { "qemu64,nope=3", "can't apply global qemu64-x86_64-cpu.nope=3: "
                           "Property 'qemu64-x86_64-cpu.nope' not found" },
        { "qemu64,foo", "can't apply global qemu64-x86_64-cpu.foo=on: "
                        "Property 'qemu64-x86_64-cpu.foo' not found" },
        { "max,x2apic=maybe", "can't apply global max-x86_64-cpu.x2apic=maybe: "
                              "Parameter 'x2apic' expects 'on' or 'off'" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *text = parse_error(cases[i].arg);

        g_assert_cmpstr(text, ==, cases[i].message);
    }
    g_assert_null(parse_error("host,,-avx2,+sse4_1,migratable=off,kvm=off"));
}

static void test_host(void)
{
    CpuModel m;

    resolve(&m, "host");
    g_assert_cmphex(m.words[FEAT_7_0_EBX], ==, 1u << 5 | 1u << 10);
    g_assert_cmphex(m.words[FEAT_8000_0007_EDX], ==, 0); /* no invtsc */
    g_assert_true(cpu_model_is_intel(&m));
    resolve(&m, "host,migratable=off");
    g_assert_cmphex(m.words[FEAT_8000_0007_EDX], ==, 1u << 8);
    resolve(&m, "max,-avx2,x2apic=off");
    g_assert_cmphex(m.words[FEAT_7_0_EBX], ==, 1u << 10);
    g_assert_cmphex(m.words[FEAT_1_ECX], ==, 0x80002001);
    /* + and - win, wherever they stand. */
    resolve(&m, "max,-avx2,avx2=on");
    g_assert_cmphex(m.words[FEAT_7_0_EBX], ==, 1u << 10);
}

static void test_qemu64(void)
{
    struct kvm_cpuid_entry2 e = host[1];
    CpuModel m;

    resolve(&m, "qemu64");
    g_assert_cmphex(m.words[FEAT_7_0_EBX], ==, 0);
    g_assert_cmphex(m.words[FEAT_KVM], ==, 0x01000009);
    cpu_model_apply(&m, &e);
    g_assert_cmphex(e.eax, ==, 0x60fb1);
    g_assert_false(cpu_model_has_leaf(&m, 0x14));
    g_assert_false(cpu_model_has_leaf(&m, 0x8000001e));
    g_assert_true(cpu_model_has_leaf(&m, 0x40000000));
    resolve(&m, "qemu64,+avx2,kvm=off");
    g_assert_cmphex(m.words[FEAT_7_0_EBX], ==, 1u << 5);
    g_assert_false(cpu_model_has_leaf(&m, 0x40000000));
}

static void test_enforce(void)
{
    CpuModel m;
    Error *err = NULL;

    g_assert_true(cpu_model_parse(&m, "qemu64,+avx512f,enforce", &err));
    g_assert_false(cpu_model_resolve(&m, host, ARRAY_SIZE(host), &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Host doesn't support requested features");
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu-model/errors", test_errors);
    g_test_add_func("/cpu-model/host", test_host);
    g_test_add_func("/cpu-model/qemu64", test_qemu64);
    g_test_add_func("/cpu-model/enforce", test_enforce);
    return g_test_run();
}
