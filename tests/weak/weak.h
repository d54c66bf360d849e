/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEAK_H
#define WEAK_H

#include "thread/thread.h"

/*
 * Scenarios: two or three threads that use the shipped waiting core and locks for a
 * moment. They are run by run_machine.c on a machine with weak memory, by run_threads.c
 * as threads, and by run_genmc.c under GenMC.
 */
enum { WEAK_THREADS = 3 };

struct weak_scenario {
    const char *name;
    void (*setup)(void);
    void (*thread[WEAK_THREADS])(void); /* NULL: there are fewer */
    void (*finish)(void);               /* checks, after all have ended */
};

extern const struct weak_scenario weak_scenarios[];
extern const unsigned weak_scenario_count;

/* What the runner does. */
void weak_fail(const char *what); /* the execution is wrong; does not return */
void weak_yield(void);            /* the caller spins */
void weak_step(void);             /* here another thread may go first */
/* All threads pass a fence before it returns; false: there is no such thing here. */
bool weak_barrier(void);

#define WEAK_CHECK(what) ((what) ? (void)0 : weak_fail(#what))

/* Before each execution, of n threads; the calling thread is thread i from now on. */
extern ksl_thread weak_threads[WEAK_THREADS];
void weak_reset(unsigned n);
void weak_become(unsigned i);

/* Thread-local in thread/readers.c: goes with the thread. */
uint32_t *weak_sections(void);

/* By setup: the host has no barrier; or it has one no more when it is asked for it. */
void weak_without_barrier(void);
void weak_barrier_ends(void);

static inline unsigned weak_threads_of(const struct weak_scenario *s)
{
    unsigned n = 0;
    while (n < WEAK_THREADS && s->thread[n] != NULL)
        n++;
    return n;
}

#endif
