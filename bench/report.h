/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "suite.h"

/*
 * What was measured goes to a table on stdout and, where a name is not NULL, to files:
 * JSON of the form that Google Benchmark writes, and CSV with one line a row.
 * All exit with a message if a file cannot be written.
 */
void report_open(const char *json, const char *csv, int argc, char **argv);
void report_quietly(void); /* files only, no table */
/* All wanted rows of a test that has run; returns how many. */
size_t report_test(const struct test *t, unsigned rounds, double seconds);
void report_close(void);

/* The file that the library was loaded from. */
const char *report_library(void);

#endif
