/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

/* Of a set of samples. */
struct spread {
    double least, q1, median, q3, most;
    double mean, deviation; /* standard deviation of a sample, 0 for one */
};

/* All 0 for n == 0; v keeps its order. Quartiles are interpolated. */
struct spread spread_of(const double *v, size_t n);

/*
 * Two-sided p-value of the Mann-Whitney rank test: how likely ranks as far apart are
 * if both sets come from one distribution. By the normal approximation with correction
 * for ties and continuity; 1 for an empty set.
 */
double rank_test(const double *a, size_t na, const double *b, size_t nb);

#endif
