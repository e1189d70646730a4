/*
 * -smp: from what was given to a complete topology, by QEMU's rules.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "system/cli.h"
#include "qapi/qobject-input-visitor.h"

/* The members of -smp, as given; 0: not given. */
typedef struct SmpConfig {
    int64_t cpus, drawers, books, sockets, dies, clusters, modules, cores,
        threads, maxcpus;
} SmpConfig;

typedef struct SmpMember {
    const char *name;
    size_t offset;
} SmpMember;

static const SmpMember smp_members[] = {
    { "cpus", offsetof(SmpConfig, cpus) },
    { "drawers", offsetof(SmpConfig, drawers) },
    { "books", offsetof(SmpConfig, books) },
    { "sockets", offsetof(SmpConfig, sockets) },
    { "dies", offsetof(SmpConfig, dies) },
    { "clusters", offsetof(SmpConfig, clusters) },
    { "modules", offsetof(SmpConfig, modules) },
    { "cores", offsetof(SmpConfig, cores) },
    { "threads", offsetof(SmpConfig, threads) },
    { "maxcpus", offsetof(SmpConfig, maxcpus) },
};

/* All members through @v, which stands inside of "smp". */
static bool visit_members(Visitor *v, const QDict *given, SmpConfig *config,
                          bool *zero, Error **errp)
{
    for (size_t i = 0; i < G_N_ELEMENTS(smp_members); i++) {
        const SmpMember *m = &smp_members[i];
        int64_t *value = (int64_t *)((char *)config + m->offset);

        if (!qdict_haskey(given, m->name)) {
            continue;
        }
        if (!visit_type_int(v, m->name, value, errp)) {
            return false;
        }
        *zero = *zero || *value == 0;
    }
    return true;
}

static bool read_config(const QDict *smp_opts, SmpConfig *config, bool *zero,
                        Error **errp)
{
    Visitor *v = qobject_input_visitor_new_keyval(QOBJECT(smp_opts));
    bool ok = visit_start_struct(v, NULL, NULL, 0, errp);

    if (ok) {
        ok = visit_start_struct(v, "smp", NULL, 0, errp);
        if (ok) {
            ok = visit_members(v, qdict_get_qdict(smp_opts, "smp"), config,
                               zero, errp) &&
                 visit_check_struct(v, errp);
            visit_end_struct(v, NULL);
        }
        visit_end_struct(v, NULL);
    }
    visit_free(v);
    return ok;
}

static bool check_supported(const SmpConfig *c, Error **errp)
{
    static const SmpMember absent[] = {
        { "drawers", offsetof(SmpConfig, drawers) },
        { "books", offsetof(SmpConfig, books) },
        { "clusters", offsetof(SmpConfig, clusters) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(absent); i++) {
        if (*(const int64_t *)((const char *)c + absent[i].offset) > 1) {
            error_setg(errp,
                       "%s > 1 not supported by this machine's CPU topology",
                       absent[i].name);
            return false;
        }
    }
    return true;
}

static unsigned or_one(unsigned n)
{
    return n ? n : 1;
}

/* What is missing follows from the rest; cores before sockets. */
static void complete(CpuTopology *t, unsigned modules)
{
    if (!t->cpus && !t->max_cpus) {
        t->sockets = or_one(t->sockets);
        t->cores = or_one(t->cores);
        t->threads = or_one(t->threads);
    } else {
        /* Divided step by step: a product could be too large. */
        unsigned max = (t->max_cpus ? t->max_cpus : t->cpus) / t->dies /
                       modules;

        if (!t->cores) {
            t->sockets = or_one(t->sockets);
            t->threads = or_one(t->threads);
            t->cores = max / t->sockets / t->threads;
        } else if (!t->sockets) {
            t->threads = or_one(t->threads);
            t->sockets = max / t->cores / t->threads;
        }
        if (!t->threads) {
            t->threads = max / or_one(t->sockets) / or_one(t->cores);
        }
    }
    if (!t->max_cpus) {
        t->max_cpus = t->cpus ? t->cpus
                              : t->sockets * t->dies * modules * t->cores *
                                    t->threads;
    }
    if (!t->cpus) {
        t->cpus = t->max_cpus;
    }
}

/* sockets * dies * modules * cores * threads; UINT64_MAX: too many. */
static uint64_t topology_product(const CpuTopology *t, unsigned modules)
{
    const unsigned factors[] = { t->sockets, t->dies, modules, t->cores,
                                 t->threads };
    uint64_t product = 1;

    for (size_t i = 0; i < G_N_ELEMENTS(factors); i++) {
        if (__builtin_mul_overflow(product, factors[i], &product)) {
            return UINT64_MAX;
        }
    }
    return product;
}

static bool check_topology(const MachineState *ms, const CpuTopology *t,
                           unsigned modules, Error **errp)
{
    const MachineClass *mc = ms->mc;
    g_autofree char *text = g_strdup_printf(
        "sockets (%u) * dies (%u) * modules (%u) * cores (%u) * threads (%u)",
        t->sockets, t->dies, modules, t->cores, t->threads);

    if (topology_product(t, modules) != t->max_cpus) {
        error_setg(errp,
                   "Invalid CPU topology: product of the hierarchy must match "
                   "maxcpus: %s != maxcpus (%u)",
                   text, t->max_cpus);
        return false;
    }
    if (t->max_cpus < t->cpus) {
        error_setg(errp,
                   "Invalid CPU topology: maxcpus must be equal to or greater "
                   "than smp: %s == maxcpus (%u) < smp_cpus (%u)",
                   text, t->max_cpus, t->cpus);
        return false;
    }
    if (t->max_cpus > mc->max_cpus) {
        error_setg(errp,
                   "Invalid SMP CPUs %d. The max CPUs supported by machine "
                   "'%s' is %u",
                   (int)t->max_cpus, mc->name, mc->max_cpus);
        return false;
    }
    return true;
}

bool cli_smp_configure(MachineState *ms, const QDict *smp_opts, Error **errp)
{
    SmpConfig c = { 0 };
    CpuTopology t;
    unsigned modules;
    bool zero = false;

    if (smp_opts && !read_config(smp_opts, &c, &zero, errp)) {
        return false;
    }
    if (zero) {
        error_setg(errp, "Invalid CPU topology: CPU topology parameters must "
                         "be greater than zero");
        return false;
    }
    if (!check_supported(&c, errp)) {
        return false;
    }
    modules = or_one(c.modules);
    t = (CpuTopology){
        .cpus = c.cpus,
        .sockets = c.sockets,
        .dies = or_one(c.dies),
        .cores = c.cores,
        .threads = c.threads,
        .max_cpus = c.maxcpus,
    };
    complete(&t, modules);
    if (!check_topology(ms, &t, modules, errp)) {
        return false;
    }
    t.cores *= modules;
    ms->smp = t;
    return true;
}
