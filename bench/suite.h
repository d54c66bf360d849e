/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "drivers.h"
#include "stats.h"

enum kind {
    PAIRS,
    CONTENDED,
    READERS,
    MIX,
    BOUNCE,
    INTERRUPTS,
    MANY,
    HELD,
    DISTINCT,
    KNOWN_THREADS,
    SLEEPING_THREADS,
    WAITING_THREADS,
    PROMOTED,
    CHAIN,
    KINDS
};

struct test {
    char name[64];
    enum kind kind;
    double x; /* what a plot of the kind has on its x axis */
    struct load load;
};

/* What is the same of all tests of a kind. */
const char *kind_name(enum kind k);
bool kind_is_throughput(enum kind k); /* larger is better, per microsecond; else ns */

enum set { SMOKE, SHORT, FULL };

struct thread_counts {
    unsigned n;
    unsigned count[16];
};

struct suite_options {
    enum set set;
    struct thread_counts threads; /* n 0: those of the set */
    unsigned inside_ns, outside_ns;
};

/* The tests of a set, in the order in which they must run; *n of them. */
const struct test *suite_tests(const struct suite_options *o, size_t *n);

bool test_supports(const struct test *t, const struct adapter *a);

/* What one lock did in a test. */
struct row {
    const struct adapter *adapter;
    bool wanted;
    struct sample *samples; /* one a round */
    struct row *baseline;   /* NULL: none measured */
    struct row *best_peer;  /* of ours only; the baseline if there is no better one */
    unsigned peers;         /* of how many */
    struct spread ns, cpu_ns;
    struct spread ratio;      /* to the baseline, round by round: time, or throughput */
    struct spread peer_ratio; /* to the best peer */
    struct spread self_ratio; /* to the reference of the same lock */
    struct spread fairness;
    double voluntary, involuntary, interrupts, wait_us; /* -1: not measured */
    bool cut;
};

/* All adapters of this program become rows. */
void rows_init(unsigned rounds);
size_t rows_count(void);
struct row *row_at(size_t i);
struct row *row_named(const char *name);

/*
 * Measures the rows that are wanted, and what they are compared with, one after the other
 * in each of the rounds, beginning each time with another one. Begins no more rounds, but
 * for the first few, when `limit` seconds are over; returns how many there were.
 */
unsigned run_test(const struct test *t, unsigned rounds, double seconds, double limit);

/* What one of so many tests may take of the time that is left until end. */
double fair_share(uint64_t end, size_t tests_left);

/* The median of a row as it is shown: ns, or operations per microsecond. */
double row_figure(const struct row *row, const struct test *t);

#endif
