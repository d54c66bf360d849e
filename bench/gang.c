/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "gang.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { CALIBRATION_STEPS = 1000000, CALIBRATIONS = 15, STACK = 256 * 1024 };

static double steps_per_ns = 1;

uint64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void calibrate(void)
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

unsigned work_steps(unsigned ns)
{
    return (unsigned)(ns * steps_per_ns + 0.5);
}

void pause_for(double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    struct timespec ts = {.tv_sec = (time_t)(end / 1000000000u),
                          .tv_nsec = (long)(end % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0) {
    }
}

pthread_t start_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    int error = pthread_create(&thread, &small, body, arg);
    pthread_attr_destroy(&small);
    if (error != 0) {
        fprintf(stderr, "bench: cannot start another thread\n");
        exit(1);
    }
    return thread;
}

/* Keeps the calling thread on processors first to last of those there are. */
static void stay_between(unsigned first, unsigned last)
{
    cpu_set_t set;
    cpu_set_t some;
    unsigned n = 0;
    CPU_ZERO(&some);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        if (n >= first && n <= last)
            CPU_SET(cpu, &some);
        n++;
    }
    (void)sched_setaffinity(0, sizeof some, &some);
}

void stay_on(unsigned n)
{
    stay_between(n, n);
}

struct member {
    struct gang *gang;
    struct mixer *mixer;
    double cpu_ns, voluntary, involuntary;
};

static void *run_member(void *arg)
{
    struct member *m = arg;
    struct rusage before;
    struct rusage after;
    if (m->gang->processors != 0)
        stay_between(0, m->gang->processors - 1);
    pthread_barrier_wait(&m->gang->ready);
    pthread_barrier_wait(&m->gang->start);
    getrusage(RUSAGE_THREAD, &before);
    uint64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
    m->gang->body(m->gang, m->mixer);
    m->cpu_ns = (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin);
    getrusage(RUSAGE_THREAD, &after);
    m->voluntary = (double)(after.ru_nvcsw - before.ru_nvcsw);
    m->involuntary = (double)(after.ru_nivcsw - before.ru_nivcsw);
    if (m->gang->before_end != NULL) {
        pthread_barrier_wait(&m->gang->ready);
        pthread_barrier_wait(&m->gang->start);
    }
    return NULL;
}

void run_gang(struct gang *g)
{
    pthread_t thread[MAX_THREADS];
    struct member member[MAX_THREADS];
    uint64_t end = 0;
    pthread_barrier_init(&g->ready, NULL, g->threads + 1);
    pthread_barrier_init(&g->start, NULL, g->threads + 1);
    for (unsigned i = 0; i < g->threads; i++) {
        member[i] = (struct member){.gang = g, .mixer = &g->mixers[i]};
        thread[i] = start_thread(run_member, &member[i]);
    }
    pthread_barrier_wait(&g->ready);
    uint64_t begin = now_ns();
    pthread_barrier_wait(&g->start);
    if (g->seconds > 0) {
        pause_for(g->seconds);
        end = now_ns();
        __atomic_store_n(&g->stop, true, __ATOMIC_RELAXED);
    }
    if (g->before_end != NULL) {
        pthread_barrier_wait(&g->ready);
        g->before_end();
        pthread_barrier_wait(&g->start);
    }
    for (unsigned i = 0; i < g->threads; i++) {
        pthread_join(thread[i], NULL);
        g->cpu_ns += member[i].cpu_ns;
        g->voluntary += member[i].voluntary;
        g->involuntary += member[i].involuntary;
    }
    if (end == 0)
        end = now_ns();
    if (g->ns <= 0)
        g->ns = (double)(end - begin);
    pthread_barrier_destroy(&g->ready);
    pthread_barrier_destroy(&g->start);
}

void gang_prepare(struct gang *g, unsigned inside_ns, unsigned outside_ns, double writes,
                  bool timed)
{
    g->inside = work_steps(inside_ns);
    g->outside = work_steps(outside_ns);
    for (unsigned i = 0; i < g->threads; i++) {
        g->mixers[i] = (struct mixer){
            .stop = &g->stop,
            .inside = g->inside,
            .outside = g->outside,
            .writes = (uint32_t)(writes / 100 * 4294967295.0),
            .seed = (i + 1) * 2654435761u,
            .timed = timed,
        };
    }
}

double gang_operations(const struct gang *g)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < g->threads; i++)
        sum += g->mixers[i].operations;
    return (double)sum;
}

double gang_fairness(const struct gang *g)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 1;
    for (unsigned i = 0; i < g->threads; i++) {
        uint64_t n = g->mixers[i].operations;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    return (double)least / (double)most;
}

const struct mixer *gang_longest_wait(const struct gang *g)
{
    const struct mixer *worst = &g->mixers[0];
    for (unsigned i = 1; i < g->threads; i++) {
        if (g->mixers[i].longest_wait > worst->longest_wait)
            worst = &g->mixers[i];
    }
    return worst;
}

void mixer_waited(struct mixer *m, uint64_t since)
{
    uint64_t wait = now_ns() - since;
    if (wait <= m->longest_wait)
        return;
    m->longest_wait = wait;
    m->cut = __atomic_load_n(m->stop, __ATOMIC_RELAXED);
}
