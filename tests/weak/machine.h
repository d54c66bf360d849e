/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEAK_MACHINE_H
#define WEAK_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A machine with the weak memory of C11 (see README.md). The code that runs on it is
 * compiled for a race detector, whose calls machine_ops.c takes.
 */

enum machine_op {
    MACHINE_LOAD,
    MACHINE_STORE,
    MACHINE_XCHG,
    MACHINE_ADD,
    MACHINE_SUB,
    MACHINE_AND,
    MACHINE_OR,
    MACHINE_CAS
};

/* Atomic access: the old value; CAS: *done says whether it took place. */
uint64_t machine_atomic(enum machine_op op, uintptr_t at, unsigned size, uint64_t value,
                        uint64_t expected, int order, int failure, bool *done,
                        uintptr_t site);
/* Plain access. */
void machine_plain(uintptr_t at, size_t size, bool writes, uintptr_t site);
/* All threads pass a sequentially consistent fence before this returns. */
void machine_barrier(void);
/* On the caller's stack, or thread-local, or of the test build and never changed. */
bool machine_own(uintptr_t at);
/* Futex: 0 or an errno. */
int machine_futex_wait(uint32_t *word, uint32_t seen, bool timed);
void machine_futex_wake(uint32_t *word);

extern bool machine_runs; /* a thread of an execution, not the machine itself */

/* Mutations of the barrier: it does nothing; nobody but the caller has a fence. */
enum machine_barrier { MACHINE_BARRIER, MACHINE_NO_BARRIER, MACHINE_CALLERS_BARRIER };

/* How the executions are chosen; see run_machine.c. */
struct machine_plan {
    bool random;
    uint64_t seed;
    unsigned switches; /* budgets of one execution */
    unsigned stale;
    unsigned surprises; /* dates, and wakes for no reason */
    uintptr_t weakened; /* the access there is relaxed ... */
    int weakened_to;    /* ... to this order */
    enum machine_barrier barrier;
    bool sequences_end; /* release sequences, with a store that is no read-modify-write */
};
extern struct machine_plan machine_plan;

/* Which of n goes on; 0 is the usual one, others are paid from *budget if not NULL. */
unsigned machine_choose(unsigned n, unsigned *budget);

/* Runs fn for threads 0 .. n-1 (NULL: none). NULL, or what went wrong. */
const char *machine_execute(unsigned n, void (*const *fn)(void));
void machine_failed(const char *what) __attribute__((noreturn));
void machine_yield(void);

/* The steps of the next execution differ; false: all have been taken. */
bool machine_next(void);
void machine_restart(void);

void machine_list_sites(void);

#endif
