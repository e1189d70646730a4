/*
 * Latencies and processor time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "tests/bench/vub-stat.h"

#include <dirent.h>

static unsigned hist_class(uint64_t v)
{
    unsigned shift;

    if (v < 1u << VUB_HIST_BITS) {
        return v;
    }
    shift = 63 - __builtin_clzll(v) - VUB_HIST_BITS;
    return ((shift + 1) << VUB_HIST_BITS) +
           ((v >> shift) & ((1u << VUB_HIST_BITS) - 1));
}

/* The middle of class @c. */
static uint64_t class_value(unsigned c)
{
    unsigned shift = c >> VUB_HIST_BITS;
    uint64_t low = c & ((1u << VUB_HIST_BITS) - 1);

    if (!shift) {
        return low;
    }
    shift--;
    return ((low | 1u << VUB_HIST_BITS) << shift) + ((1ull << shift) >> 1);
}

void vub_hist_add(VubHist *h, uint64_t ns)
{
    h->n++;
    h->sum += ns;
    h->max = MAX(h->max, ns);
    h->count[hist_class(ns)]++;
}

double vub_hist_percentile(const VubHist *h, double p)
{
    uint64_t want = h->n * p;
    uint64_t seen = 0;

    for (unsigned i = 0; i < VUB_HIST_SIZE; i++) {
        seen += h->count[i];
        if (seen > want) {
            return class_value(i) / 1000.0;
        }
    }
    return h->max / 1000.0;
}

/* Call @fn with the contents of @name of each thread of @pid. */
static void each_thread(int pid, const char *name,
                        void (*fn)(const char *text, void *opaque),
                        void *opaque)
{
    g_autofree char *dir = g_strdup_printf("/proc/%d/task", pid);
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        g_autofree char *path = g_build_filename(dir, e->d_name, name, NULL);
        g_autofree char *text = NULL;

        if (e->d_name[0] != '.' &&
            g_file_get_contents(path, &text, NULL, NULL)) {
            fn(text, opaque);
        }
    }
    if (d) {
        closedir(d);
    }
}

static void add_run_time(const char *text, void *opaque)
{
    *(double *)opaque += g_ascii_strtoull(text, NULL, 10) / 1e9;
}

double vub_cpu_seconds(int pid)
{
    double sum = 0;

    each_thread(pid, "schedstat", add_run_time, &sum);
    return sum;
}

static void add_switches(const char *text, void *opaque)
{
    for (const char *p = text; (p = strstr(p, "ctxt_switches:"));) {
        p += strlen("ctxt_switches:");
        *(uint64_t *)opaque += g_ascii_strtoull(p, NULL, 10);
    }
}

uint64_t vub_switches(int pid)
{
    uint64_t sum = 0;

    each_thread(pid, "status", add_switches, &sum);
    return sum;
}
