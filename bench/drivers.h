/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVERS_H
#define BENCH_DRIVERS_H

#include "bench.h"

struct load {
    unsigned inside_ns;
    unsigned outside_ns;
    double writes; /* percent */
    unsigned threads;
    double seconds;
};

/* Nanoseconds of processor time per pair of one thread. */
double drive_pairs(const struct adapter *a);
/* Nanoseconds per pair, all threads together. */
double drive_contended(const struct adapter *a, unsigned threads);
/* Pairs per microsecond, all threads together. */
double drive_readers(const struct adapter *a, unsigned threads, double seconds);
/* Operations per microsecond, all threads together. */
double drive_mix(const struct adapter *a, const struct load *l);
/*
 * The longest wait of a writer under the same load, in microseconds. *cut is set if
 * it ended only because the readers stopped at the end of the round.
 */
double drive_mix_waits(const struct adapter *a, const struct load *l, bool *cut);

/* Finds out how long a step of work() takes. */
void drivers_init(void);

#endif
