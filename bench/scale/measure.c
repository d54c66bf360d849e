/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of the model can be looked at on this machine, on two processors: the costs that
 * it assumes, and how two threads compare with one.
 *
 *   scale_measure [ROUNDS]      (default 9; each takes about half a second)
 *
 * The model is then run with the measured costs, and its answer for two cores stands
 * beside the measured one. Figures of a busy machine mean nothing: the line "nothing"
 * should say about 2. Exit status 77 with a message on one processor, 2 for a wrong
 * command line.
 */
#define _GNU_SOURCE 1

#include "kinds.h"

#include <kslock/kslock.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PORTION = 1000, MS = 25, MAX_ROUNDS = 99 };
enum { MEMBARRIER_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER = 1 << 4 };

static struct {
    uint64_t counter __attribute__((aligned(128)));
    uint64_t own[2][16] __attribute__((aligned(128)));
    uint32_t next __attribute__((aligned(128)));
    uint32_t serving;
    pthread_rwlock_t rw __attribute__((aligned(128)));
    ksl_rwsem_t sem __attribute__((aligned(128)));
    bool stop __attribute__((aligned(128)));
} place = {.rw = PTHREAD_RWLOCK_INITIALIZER};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* --- what is measured: a portion of operations by thread i
 * -------------------------------- */

static void do_nothing(unsigned i)
{
    (void)i;
    for (unsigned n = 0; n < PORTION * 10; n++)
        __asm__ __volatile__("" ::: "memory");
}

static void add_own(unsigned i)
{
    for (unsigned n = 0; n < PORTION; n++)
        __atomic_fetch_add(place.own[i], 1, __ATOMIC_SEQ_CST);
}

static void add_shared(unsigned i)
{
    (void)i;
    for (unsigned n = 0; n < PORTION; n++)
        __atomic_fetch_add(&place.counter, 1, __ATOMIC_SEQ_CST);
}

static void read_pthread(unsigned i)
{
    (void)i;
    for (unsigned n = 0; n < PORTION; n++) {
        pthread_rwlock_rdlock(&place.rw);
        pthread_rwlock_unlock(&place.rw);
    }
}

static void read_ours(unsigned i)
{
    (void)i;
    for (unsigned n = 0; n < PORTION; n++) {
        (void)ksl_rwsem_acquire_read(&place.sem);
        (void)ksl_rwsem_release_read(&place.sem);
    }
}

/* Yields after a while: with fewer processors than it looks it would take for ever. */
static void take_ticket(unsigned i)
{
    (void)i;
    for (unsigned n = 0; n < PORTION; n++) {
        uint32_t mine = __atomic_fetch_add(&place.next, 1u, __ATOMIC_RELAXED);
        for (unsigned turn = 0; __atomic_load_n(&place.serving, __ATOMIC_ACQUIRE) != mine;
             turn++) {
            if (turn % 10000 == 9999)
                sched_yield();
        }
        __atomic_store_n(&place.serving, mine + 1, __ATOMIC_RELEASE);
    }
}

static const struct {
    const char *name;
    void (*run)(unsigned i);
    const char *kind; /* of the model; NULL: none */
} tests[] = {
    {"nothing", do_nothing, NULL},
    {"a counter of one's own", add_own, NULL},
    {"a shared counter", add_shared, NULL},
    {"pthread_rwlock, read", read_pthread, "pthread_rwlock"},
    {"rwsem, read", read_ours, "biased always"},
    {"ticket lock", take_ticket, "ticket"},
};
enum { TESTS = sizeof tests / sizeof tests[0] };

/* --- running
 * ----------------------------------------------------------------------------------- */

struct member {
    pthread_t thread;
    unsigned number;
    unsigned test;
    double portions;
};

static pthread_barrier_t start;

static void *run_member(void *arg)
{
    struct member *m = arg;
    pthread_barrier_wait(&start);
    while (!__atomic_load_n(&place.stop, __ATOMIC_RELAXED)) {
        tests[m->test].run(m->number);
        m->portions++;
    }
    return NULL;
}

/* Operations of all threads per us. */
static double rate_of(unsigned test, unsigned threads)
{
    struct member m[2] = {{.number = 0, .test = test}, {.number = 1, .test = test}};
    struct timespec ts = {.tv_nsec = MS * 1000000};
    place.stop = false;
    pthread_barrier_init(&start, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&m[i].thread, NULL, run_member, &m[i]) != 0)
            exit(1);
    }
    pthread_barrier_wait(&start);
    double since = now();
    nanosleep(&ts, NULL);
    __atomic_store_n(&place.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(m[i].thread, NULL);
    double took = now() - since;
    pthread_barrier_destroy(&start);
    return (m[0].portions + m[1].portions) * PORTION / took * 1e3;
}

/* ns of a membarrier while the other thread counts for itself, 0: there is none. */
static double barrier_of(void)
{
    enum { TIMES = 200 };
    struct member m = {.number = 1, .test = 1};
    if (syscall(SYS_membarrier, MEMBARRIER_REGISTER, 0, 0) != 0)
        return 0;
    place.stop = false;
    pthread_barrier_init(&start, NULL, 2);
    if (pthread_create(&m.thread, NULL, run_member, &m) != 0)
        exit(1);
    pthread_barrier_wait(&start);
    double since = now();
    for (unsigned i = 0; i < TIMES; i++)
        (void)syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0);
    double took = now() - since;
    __atomic_store_n(&place.stop, true, __ATOMIC_RELAXED);
    pthread_join(m.thread, NULL);
    pthread_barrier_destroy(&start);
    return took / TIMES;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, unsigned n)
{
    qsort(list, n, sizeof *list, by_value);
    return list[n / 2];
}

static double model_of(struct sim *s, const struct sim_costs *costs, const char *kind)
{
    double rate[2];
    for (unsigned i = 0; i < 2; i++) {
        struct sim_counts n;
        struct sim_order o = kind_order(kind_named(kind), i + 1, 0);
        o.inside = o.outside = 0.5;
        o.operations = 20000;
        o.costs = costs;
        sim_run(s, &o, &n);
        rate[i] = sim_rate(s, &n);
    }
    return rate[1] / rate[0];
}

int main(int argc, char **argv)
{
    static struct sim machine;
    static double one[TESTS][MAX_ROUNDS];
    static double two[TESTS][MAX_ROUNDS];
    static double barrier[MAX_ROUNDS];
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9;
    cpu_set_t set;
    if (rounds < 1 || rounds > MAX_ROUNDS || argc > 2) {
        fprintf(stderr, "usage: scale_measure [ROUNDS (1..%d)]\n", MAX_ROUNDS);
        return 2;
    }
    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2) {
        fprintf(stderr, "skipped: this needs two processors\n");
        return 77;
    }
    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned t = 0; t < TESTS; t++) {
            one[t][r] = rate_of(t, 1);
            two[t][r] = rate_of(t, 2);
        }
        barrier[r] = barrier_of();
    }
    struct sim_costs costs = sim_usual;
    double rates[TESTS][2];
    for (unsigned t = 0; t < TESTS; t++) {
        rates[t][0] = median(one[t], rounds);
        rates[t][1] = median(two[t], rounds);
    }
    /* Two threads that add to one counter: each addition waits for the line. */
    costs.locked = 1e3 / rates[1][0];
    costs.transfer = 1e3 / rates[2][1] - costs.locked;
    if (costs.transfer < 1)
        costs.transfer = 1;
    double all = median(barrier, rounds);
    costs.barrier_trip = all > costs.barrier ? all - costs.barrier : 0;
    printf("read-modify-write %.1f ns, transfer %.0f ns, membarrier with another thread "
           "running %.0f ns\n\n%-26s%12s%12s%12s%12s\n",
           costs.locked, costs.transfer, all, "two threads / one", "one, op/us",
           "two, op/us", "measured", "model");
    for (unsigned t = 0; t < TESTS; t++) {
        printf("%-26s%12.1f%12.1f%12.2f", tests[t].name, rates[t][0], rates[t][1],
               rates[t][1] / rates[t][0]);
        if (tests[t].kind != NULL)
            printf("%12.2f", model_of(&machine, &costs, tests[t].kind));
        printf("\n");
    }
    if (rates[0][1] < 1.8 * rates[0][0])
        printf("\ntwo threads that do nothing together do not run twice as fast as one: "
               "this machine is busy, and the figures mean nothing\n");
    return 0;
}
