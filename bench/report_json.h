/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_REPORT_JSON_H
#define BENCH_REPORT_JSON_H

#include "suite.h"

/* The JSON half of report.h; without json_open() the others do nothing. */
void json_open(const char *name, int argc, char **argv);
void json_row(const struct row *row, const struct test *t, unsigned rounds,
              double seconds);
void json_close(void);

/* Prints what errno says of the file, and exits. */
void report_failed(const char *name) __attribute__((noreturn));

#endif
