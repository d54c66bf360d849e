/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVERS_H
#define BENCH_DRIVERS_H

#include "bench.h"

/* What the threads of a test do; `many` is what a series grows by. */
struct load {
    unsigned threads;
    unsigned inside_ns; /* with the lock, and between two acquisitions */
    unsigned outside_ns;
    double writes;       /* percent */
    unsigned processors; /* of a hand-over, 1 or 2; else at most so many, 0: all */
    size_t many;         /* locks, threads, links or interrupts per second */
};

/* One measurement. What a driver does not measure is -1. */
struct sample {
    double ns;        /* per operation, all threads together */
    double cpu_ns;    /* processor time of all threads per operation */
    double reference; /* ns of the same lock without what the series adds */
    double fairness;  /* operations of the slowest thread by those of the fastest */
    double voluntary; /* context switches per second, all threads together */
    double involuntary;
    double wait_us;    /* the longest of a thread, or of a writer */
    bool cut;          /* that ended only with the measurement: it is at least so long */
    double interrupts; /* per second, that came */
};

/*
 * Each fills *s with one measurement of about `seconds`; what it does not fill is -1.
 *
 *   pairs       pairs of one thread; processor time
 *   contended   load() or contend() of l->threads threads
 *   contended_waits, mix_waits
 *               the same with a clock around each acquisition: wait_us only
 *   readers     pairs() in l->threads threads; reference: in one
 *   mix         mix() of l->threads threads
 *   bounce      round trips between two threads on l->processors processors
 */
void drive_pairs(const struct adapter *a, double seconds, struct sample *s);
void drive_contended(const struct adapter *a, const struct load *l, double seconds,
                     struct sample *s);
/* before_end is called when the load has ended and its threads have not. */
void drive_contended_then(const struct adapter *a, const struct load *l, double seconds,
                          struct sample *s, void (*before_end)(void));
void drive_contended_waits(const struct adapter *a, const struct load *l, double seconds,
                           struct sample *s);
void drive_readers(const struct adapter *a, const struct load *l, double seconds,
                   struct sample *s);
void drive_mix(const struct adapter *a, const struct load *l, double seconds,
               struct sample *s);
void drive_mix_waits(const struct adapter *a, const struct load *l, double seconds,
                     struct sample *s);
void drive_bounce(const struct adapter *a, const struct load *l, double seconds,
                  struct sample *s);

/*
 * Series.
 *   interrupts  a contended load, while a timer raises an interrupt l->many times a
 *               second whose handler takes the same lock; reference: without the timer
 *   held        pairs of one more lock while l->many are held; reference: none held
 *   distinct    pairs on l->many locks in random order; reference: one lock
 *   many        l->threads threads, each with pairs on l->many locks in random order
 *   chain       l->many threads, each of which holds a lock and waits for that of the
 *               one before it; from the first release to the last, per link
 *   promoted    contended, threads of different priorities
 */
void drive_interrupts(const struct adapter *a, const struct load *l, double seconds,
                      struct sample *s);
void drive_held(const struct adapter *a, const struct load *l, double seconds,
                struct sample *s);
void drive_distinct(const struct adapter *a, const struct load *l, double seconds,
                    struct sample *s);
void drive_many(const struct adapter *a, const struct load *l, double seconds,
                struct sample *s);
void drive_chain(const struct adapter *a, const struct load *l, double seconds,
                 struct sample *s);
void drive_promoted(const struct adapter *a, const struct load *l, double seconds,
                    struct sample *s);

/* Pairs of one thread, or of a lock that has only a mix that mix; cheap in time. */
double brief_ns(const struct adapter *a, const struct load *l, double seconds);

/* Threads that are just there, beside what is measured. */
enum crowd {
    REGISTERED, /* known to the library, idle */
    ASLEEP,     /* in the library, on locks of a thread of their own */
    WAITING     /* in the library, on locks that the calling thread holds */
};
void crowd_come(enum crowd how, size_t n);
void crowd_go(void);

/* Processors that this program may use. */
unsigned drivers_processors(void);

/*
 * Once, at the beginning: finds out how long a step of work() takes, and starts a second
 * thread that sleeps until the end, which keeps the C library from its shortcuts for
 * programs of one thread.
 */
void drivers_init(void);

#endif
