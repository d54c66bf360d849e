/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenarios as threads. Without WEAK_GENMC: run_threads [rounds [seed]], each
 * scenario so many times (500), with random delays at the injection points; exit
 * status 1 and one line if something is wrong. With WEAK_GENMC, the number of a
 * scenario: a program for GenMC that runs it once.
 */

#include "weak.h"

#include "platform/testing.h"

#include <pthread.h>
#include <stdint.h>

static const struct weak_scenario *scenario;

#ifdef WEAK_GENMC
#include <assert.h>
void __VERIFIER_assume(int condition);

void weak_fail(const char *what)
{
    (void)what;
    assert(0);
}

/* Who spins goes on when the store that it waits for is there. */
void weak_yield(void)
{
}

void weak_step(void)
{
}

/* It knows no barrier of others: every release has a read-modify-write then. */
bool weak_barrier(void)
{
    return false;
}

static void arrive(void)
{
}
#else
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed;
static pthread_barrier_t start;

void weak_fail(const char *what)
{
    printf("%s: %s\n", scenario->name, what);
    fflush(stdout);
    _exit(1);
}

void weak_yield(void)
{
    sched_yield();
}

void weak_step(void)
{
    ksi_point("scenario");
}

/* Commands of membarrier(2), as in platform/host_linux.c. */
bool weak_barrier(void)
{
    enum { EXPEDITED = 1 << 3, REGISTER = 1 << 4 };
    return syscall(SYS_membarrier, EXPEDITED, 0, 0) == 0 ||
           (syscall(SYS_membarrier, REGISTER, 0, 0) == 0 &&
            syscall(SYS_membarrier, EXPEDITED, 0, 0) == 0);
}

static void arrive(void)
{
    pthread_barrier_wait(&start);
}

static void delay(const char *where)
{
    (void)where;
    if (ksi_raw_held != 0)
        return;
    uint64_t r = __atomic_add_fetch(&seed, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    r = (r ^ r >> 31) * 0xbf58476d1ce4e5b9u >> 56;
    struct timespec nap = {0, (long)(r * 100)};
    if (r < 32)
        nanosleep(&nap, NULL);
    else if (r < 128)
        sched_yield();
}
#endif

static void *run(void *arg)
{
    unsigned i = (unsigned)(uintptr_t)arg;
    weak_become(i);
    arrive();
    scenario->thread[i]();
    return NULL;
}

static void execute(void)
{
    pthread_t threads[WEAK_THREADS];
    unsigned n = weak_threads_of(scenario);
    weak_reset(n);
    scenario->setup();
#ifndef WEAK_GENMC
    pthread_barrier_init(&start, NULL, n);
#endif
    for (unsigned i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i); // NOLINT
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    scenario->finish();
#ifndef WEAK_GENMC
    pthread_barrier_destroy(&start);
#endif
}

#ifdef WEAK_GENMC
int main(void)
{
    scenario = &weak_scenarios[WEAK_GENMC];
    execute();
    return 0;
}
#else
int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
    seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    __atomic_store_n(&ksi_point_hook, delay, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < weak_scenario_count; i++) {
        scenario = &weak_scenarios[i];
        for (unsigned long n = 0; n < rounds; n++)
            execute();
        printf("%s: %lu rounds\n", scenario->name, rounds);
    }
    return 0;
}
#endif
