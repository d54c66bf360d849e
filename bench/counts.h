/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_COUNTS_H
#define BENCH_COUNTS_H

#include "bench.h"

/* What one uncontended pair executes, the loop around it (two or three) included. */
struct counts {
    double instructions;
    double locked; /* with a lock prefix, or exchanges with memory */
    double fences;
    double calls;
    double system_calls;
};

/*
 * Steps a child process through pairs of a, one instruction at a time: the counts do not
 * depend on the machine or its load. The child has one thread, but the C library does not
 * take that for granted, as the program had more. NULL, or why they cannot be had
 * (another processor, a sanitizer, ptrace is refused).
 */
const char *count_pair(const struct adapter *a, struct counts *c);

#endif
