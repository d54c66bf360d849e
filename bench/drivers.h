/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVERS_H
#define BENCH_DRIVERS_H

#include "bench.h"

struct load {
    unsigned inside_ns; /* of a contended lock: both 0 for short sections */
    unsigned outside_ns;
    double writes; /* percent */
    unsigned threads;
    double seconds;
    unsigned processors; /* of a hand-over, 1 or 2 */
};

/* Nanoseconds of processor time per pair of one thread. */
double drive_pairs(const struct adapter *a);
/* Nanoseconds per pair, all threads together. */
double drive_contended(const struct adapter *a, const struct load *l);
/* Pairs per microsecond, all threads together. */
double drive_readers(const struct adapter *a, unsigned threads, double seconds);
/* Operations per microsecond, all threads together. */
double drive_mix(const struct adapter *a, const struct load *l);
/*
 * The longest wait of a writer under the same load, in microseconds. *cut is set if
 * it ended only because the readers stopped at the end of the round.
 */
double drive_mix_waits(const struct adapter *a, const struct load *l, bool *cut);

/* Nanoseconds per round trip between two threads, on a processor each or on one. */
double drive_bounce(const struct adapter *a, unsigned processors);

/* Processors that this program may use. */
unsigned drivers_processors(void);

/* Finds out how long a step of work() takes. */
void drivers_init(void);

#endif
