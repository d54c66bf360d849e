/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_REAL_LATENCY_H
#define BENCH_REAL_LATENCY_H

#include <stdint.h>

/* Times in ns, counted in bins of about 3% width. */
enum { LATENCY_SUB = 32, LATENCY_BINS = 40 * LATENCY_SUB };

struct latency {
    uint64_t count;
    uint32_t bins[LATENCY_BINS];
};

uint64_t latency_now(void); /* ns, CLOCK_MONOTONIC */
void latency_add(struct latency *l, uint64_t ns);
void latency_merge(struct latency *to, const struct latency *from);
/* The time that this share of the operations (0..1) did not exceed, in us. */
double latency_at(const struct latency *l, double share);
/* Processor time that this process has used, s; of all threads. */
double latency_processor(void);

/*
 * Prints the line that run.sh reads: "result NAME LOCKS OPS/S P50 P99 P99.9 CPU", the
 * latter four in us; CPU is the processor time of an operation.
 */
void latency_print(const struct latency *l, const char *name, const char *locks,
                   double seconds, double processor);

/* A random number; *state is not 0. */
static inline uint32_t latency_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

#endif
