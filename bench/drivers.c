/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "drivers.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PAIRS = 200000,
    CONTENDED = 60000,
    SHORT_INSIDE = 50, /* steps of work() */
    SHORT_OUTSIDE = 200,
    CHUNK = 200, /* pairs between two looks at the stop flag */
    MAX_THREADS = 64,
    BOUNCES = 2000,
    WARM_UP = 300, /* round trips that are not timed */
    CALIBRATION_STEPS = 1000000,
    CALIBRATIONS = 15
};

static double steps_per_ns;

static uint64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void drivers_init(void)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < CALIBRATIONS; i++) {
        uint64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
        work(CALIBRATION_STEPS);
        uint64_t ns = read_clock(CLOCK_THREAD_CPUTIME_ID) - begin;
        if (ns < best)
            best = ns;
    }
    steps_per_ns = (double)CALIBRATION_STEPS / (double)best;
}

static unsigned steps(unsigned ns)
{
    return (unsigned)(ns * steps_per_ns + 0.5);
}

struct gang {
    const struct adapter *adapter;
    void (*body)(struct gang *g, struct mixer *m);
    double seconds; /* 0: until the bodies return by themselves */
    unsigned threads;
    pthread_barrier_t ready;
    pthread_barrier_t start;
    size_t each;
    unsigned inside; /* steps of a contended lock */
    unsigned outside;
    unsigned processors;
    double ns;                               /* of the timed part of a body */
    bool stop __attribute__((aligned(128))); /* on a line of its own */
    struct mixer mixers[MAX_THREADS];
};

struct member {
    struct gang *gang;
    struct mixer *mixer;
};

static void *run_member(void *arg)
{
    struct member *m = arg;
    pthread_barrier_wait(&m->gang->ready);
    pthread_barrier_wait(&m->gang->start);
    m->gang->body(m->gang, m->mixer);
    return NULL;
}

static void pause_for(double seconds)
{
    struct timespec ts = {.tv_sec = (time_t)seconds};
    ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
    nanosleep(&ts, NULL);
}

/* Runs the bodies; the nanoseconds from the start to the stop, or to the last end. */
static double run_gang(struct gang *g)
{
    pthread_t thread[MAX_THREADS];
    struct member member[MAX_THREADS];
    pthread_barrier_init(&g->ready, NULL, g->threads + 1);
    pthread_barrier_init(&g->start, NULL, g->threads + 1);
    for (unsigned i = 0; i < g->threads; i++) {
        member[i] = (struct member){g, &g->mixers[i]};
        if (pthread_create(&thread[i], NULL, run_member, &member[i]) != 0) {
            fprintf(stderr, "bench: cannot start a thread\n");
            exit(1);
        }
    }
    pthread_barrier_wait(&g->ready);
    uint64_t begin = now_ns();
    pthread_barrier_wait(&g->start);
    uint64_t end = 0;
    if (g->seconds > 0) {
        pause_for(g->seconds);
        end = now_ns();
        __atomic_store_n(&g->stop, true, __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; i < g->threads; i++)
        pthread_join(thread[i], NULL);
    if (end == 0)
        end = now_ns();
    pthread_barrier_destroy(&g->ready);
    pthread_barrier_destroy(&g->start);
    return (double)(end - begin);
}

static double operations(const struct gang *g)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < g->threads; i++)
        sum += g->mixers[i].operations;
    return (double)sum;
}

/* Nothing sleeps here; processor time leaves out when other processes ran. */
double drive_pairs(const struct adapter *a)
{
    uint64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
    a->pairs(PAIRS);
    return (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin) / PAIRS;
}

static void contend_body(struct gang *g, struct mixer *m)
{
    g->adapter->contend(g->each, g->inside, g->outside);
    m->operations = g->each;
}

double drive_contended(const struct adapter *a, const struct load *l)
{
    bool timed = l->inside_ns + l->outside_ns != 0;
    struct gang g = {.adapter = a,
                     .body = contend_body,
                     .threads = l->threads,
                     .each = CONTENDED / l->threads,
                     .inside = timed ? steps(l->inside_ns) : SHORT_INSIDE,
                     .outside = timed ? steps(l->outside_ns) : SHORT_OUTSIDE};
    double ns = run_gang(&g);
    return ns / operations(&g);
}

static void readers_body(struct gang *g, struct mixer *m)
{
    uint64_t done = 0;
    for (; !__atomic_load_n(&g->stop, __ATOMIC_RELAXED); done += CHUNK)
        g->adapter->pairs(CHUNK);
    m->operations = done;
}

double drive_readers(const struct adapter *a, unsigned threads, double seconds)
{
    struct gang g = {
        .adapter = a, .body = readers_body, .threads = threads, .seconds = seconds};
    double ns = run_gang(&g);
    return operations(&g) / ns * 1e3;
}

unsigned drivers_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Keeps the calling thread on the n-th processor that this program may use. */
static void stay_on(unsigned n)
{
    cpu_set_t set;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && n-- == 0)
            CPU_SET(cpu, &one);
    }
    (void)sched_setaffinity(0, sizeof one, &one);
}

static void bounce_body(struct gang *g, struct mixer *m)
{
    bool first = m == &g->mixers[0];
    stay_on(first ? 0 : g->processors - 1);
    g->adapter->bounce(WARM_UP, first);
    uint64_t begin = now_ns();
    g->adapter->bounce(BOUNCES, first);
    if (first)
        g->ns = (double)(now_ns() - begin);
}

double drive_bounce(const struct adapter *a, unsigned processors)
{
    struct gang g = {
        .adapter = a, .body = bounce_body, .threads = 2, .processors = processors};
    (void)run_gang(&g);
    return g.ns / BOUNCES;
}

static void mix_body(struct gang *g, struct mixer *m)
{
    g->adapter->mix(m);
}

void mixer_waited(struct mixer *m, uint64_t since)
{
    uint64_t wait = now_ns() - since;
    if (wait <= m->longest_wait)
        return;
    m->longest_wait = wait;
    m->cut = __atomic_load_n(m->stop, __ATOMIC_RELAXED);
}

static double run_mix(struct gang *g, const struct adapter *a, const struct load *l,
                      bool timed)
{
    g->adapter = a;
    g->body = mix_body;
    g->threads = l->threads;
    g->seconds = l->seconds;
    for (unsigned i = 0; i < l->threads; i++) {
        g->mixers[i] = (struct mixer){
            .stop = &g->stop,
            .inside = steps(l->inside_ns),
            .outside = steps(l->outside_ns),
            .writes = (uint32_t)(l->writes / 100 * 4294967296.0),
            .seed = (i + 1) * 2654435761u,
            .timed = timed,
        };
    }
    return run_gang(g);
}

double drive_mix(const struct adapter *a, const struct load *l)
{
    struct gang g = {.stop = false};
    double ns = run_mix(&g, a, l, false);
    return operations(&g) / ns * 1e3;
}

double drive_mix_waits(const struct adapter *a, const struct load *l, bool *cut)
{
    struct gang g = {.stop = false};
    const struct mixer *worst = &g.mixers[0];
    run_mix(&g, a, l, true);
    for (unsigned i = 1; i < l->threads; i++) {
        if (g.mixers[i].longest_wait > worst->longest_wait)
            worst = &g.mixers[i];
    }
    *cut = worst->cut;
    return (double)worst->longest_wait / 1e3;
}
