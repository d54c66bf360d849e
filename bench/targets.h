/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

/*
 * Measures all that the project promises about its speed and prints a line for each
 * promise: the figure, its spread, met or missed. 0 if all are met, 1 if not.
 * Takes about `limit` seconds at most: by fewer rounds, if the machine is slow or busy.
 */
int check_targets(unsigned rounds, double seconds, double limit);

/* Prints what an uncontended pair of every adapter executes; 77 if that cannot be had. */
int print_counts(void);

#endif
