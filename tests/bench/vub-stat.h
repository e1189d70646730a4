/*
 * What a load generator measures: latencies, and the processor time of the
 * threads of another process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_BENCH_VUB_STAT_H
#define TESTS_BENCH_VUB_STAT_H

#include "util/osdep.h"

/* Counts by magnitude, 32 classes for each power of two: 3 % apart. */
#define VUB_HIST_BITS 5
#define VUB_HIST_SIZE (64 << VUB_HIST_BITS)

typedef struct VubHist {
    uint64_t n, sum, max;
    uint64_t count[VUB_HIST_SIZE];
} VubHist;

void vub_hist_add(VubHist *h, uint64_t ns);
/* The latency in us that the part @p (0 to 1) of all do not exceed. */
double vub_hist_percentile(const VubHist *h, double p);

/* Seconds of processor time of all threads of @pid so far. */
double vub_cpu_seconds(int pid);
/* Voluntary and other context switches of them. */
uint64_t vub_switches(int pid);

#endif
