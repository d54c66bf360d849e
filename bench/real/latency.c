/* SPDX-License-Identifier: BSD-2-Clause */
#include "latency.h"

#include <stdio.h>
#include <time.h>

uint64_t latency_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Below 2 * LATENCY_SUB exact; then LATENCY_SUB bins for each power of two. */
static unsigned bin_of(uint64_t ns)
{
    if (ns < 2 * LATENCY_SUB)
        return (unsigned)ns;
    unsigned shift = 58u - (unsigned)__builtin_clzll(ns);
    unsigned bin = shift * LATENCY_SUB + (unsigned)(ns >> shift);
    return bin < LATENCY_BINS ? bin : LATENCY_BINS - 1;
}

/* The largest time in a bin. */
static double end_of(unsigned bin)
{
    if (bin < 2 * LATENCY_SUB)
        return bin;
    unsigned shift = bin / LATENCY_SUB - 1;
    return (double)(((uint64_t)(bin - shift * LATENCY_SUB + 1) << shift) - 1);
}

void latency_add(struct latency *l, uint64_t ns)
{
    l->count++;
    l->bins[bin_of(ns)]++;
}

void latency_merge(struct latency *to, const struct latency *from)
{
    to->count += from->count;
    for (unsigned i = 0; i < LATENCY_BINS; i++)
        to->bins[i] += from->bins[i];
}

double latency_at(const struct latency *l, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)l->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_BINS; i++) {
        seen += l->bins[i];
        if (seen > wanted)
            return end_of(i) / 1e3;
    }
    return 0;
}

double latency_processor(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void latency_print(const struct latency *l, const char *name, const char *locks,
                   double seconds, double processor)
{
    double count = (double)l->count;
    printf("result %s %s %.1f %.2f %.2f %.2f %.3f\n", name, locks, count / seconds,
           latency_at(l, 0.5), latency_at(l, 0.99), latency_at(l, 0.999),
           count > 0 ? processor / count * 1e6 : 0);
    (void)fflush(stdout);
}
