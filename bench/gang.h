/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_GANG_H
#define BENCH_GANG_H

#include "bench.h"

#include <pthread.h>
#include <time.h>

enum { MAX_THREADS = 512 };

/* Threads that do one thing at the same time. */
struct gang {
    const struct adapter *adapter;
    void (*body)(struct gang *g, struct mixer *m);
    double seconds; /* 0: until the bodies return by themselves */
    unsigned threads;
    unsigned processors; /* at most so many of those that there are, 0: all */
    unsigned inside;     /* steps of work() */
    unsigned outside;
    size_t portion; /* of a body that ends by itself */
    void *shared;   /* of the driver */
    /* NULL, or called when all bodies have returned and no thread has ended */
    void (*before_end)(void);
    /* results */
    double ns;        /* of the timed part */
    double cpu_ns;    /* of all threads together */
    double voluntary; /* context switches of all threads together */
    double involuntary;
    pthread_barrier_t ready;
    pthread_barrier_t start;
    bool stop __attribute__((aligned(128))); /* on a line of its own */
    struct mixer mixers[MAX_THREADS];
};

/*
 * Runs the bodies; g->ns is the time from the start to the stop, or to the last end,
 * unless a body has set it. Exits if threads cannot be started.
 */
void run_gang(struct gang *g);

/* Of a gang that has run. */
double gang_operations(const struct gang *g);
double gang_fairness(const struct gang *g); /* least by most of a thread */
const struct mixer *gang_longest_wait(const struct gang *g);

/* Gets g->mixers and the loads ready; writes in percent. */
void gang_prepare(struct gang *g, unsigned inside_ns, unsigned outside_ns, double writes,
                  bool timed);

/* Keeps the calling thread on the n-th processor that this program may use. */
void stay_on(unsigned n);

/* A thread of the benchmark itself, with a small stack; exits if there is none. */
pthread_t start_thread(void *(*body)(void *), void *arg);

uint64_t read_clock(clockid_t clock);
void pause_for(double seconds); /* a signal does not cut it short */

/* How many steps of work() take so long; after drivers_init(). */
unsigned work_steps(unsigned ns);
void calibrate(void);

#endif
