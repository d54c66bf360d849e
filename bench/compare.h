/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdbool.h>

/*
 * Prints what has changed significantly between two JSON files of --json, or of a program
 * that uses Google Benchmark, and by which rule. What has a baseline in both files is
 * compared by its ratio to that, unless absolute. 0; 2 if a file cannot be read.
 */
int compare_files(const char *old_name, const char *new_name, bool absolute);

#endif
