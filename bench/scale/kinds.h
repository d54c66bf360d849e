/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SCALE_KINDS_H
#define BENCH_SCALE_KINDS_H

#include "locks.h"

/* A lock as the tables show it. */
struct kind {
    const char *name;
    sim_lock *lock;
    unsigned policy;
    uint64_t initial;
    bool shares;       /* readers go in together */
    bool no_exclusion; /* ... also with a writer */
    bool reads_only;   /* what writes would do is not in the model */
    bool sleeps;       /* a few of those who wait spin, the rest sleeps */
};

extern const struct kind kinds[];
extern const unsigned kind_count;

/* NULL: there is none of that name. */
const struct kind *kind_named(const char *name);

/* A run of it; share: percent of writes. The order may be changed before sim_run. */
struct sim_order kind_order(const struct kind *k, unsigned cores, double share);

/* The invariants of the model, by name; the number of those that do not hold. */
unsigned check_all(struct sim *s);

#endif
