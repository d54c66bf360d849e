/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "drivers.h"
#include "gang.h"

#include <sched.h>

enum {
    PAIRS_PER_SECOND = 10000000, /* about 4 ms for 0.02 s */
    PAIRS_LEAST = 1000,
    CHUNK = 200,  /* pairs between two looks at the stop flag */
    PORTION = 16, /* contended operations between two */
    BOUNCES_PER_SECOND = 50000,
    BOUNCES_LEAST = 20,
    WARM_UP = 300 /* round trips that are not timed, at most */
};

static void *sleep_on(void *arg)
{
    pthread_mutex_lock(arg); /* main has it and keeps it */
    pthread_mutex_unlock(arg);
    return NULL;
}

void drivers_init(void)
{
    static pthread_mutex_t forever = PTHREAD_MUTEX_INITIALIZER;
    calibrate();
    pthread_mutex_lock(&forever);
    (void)start_thread(sleep_on, &forever);
}

static size_t part_of(double per_second, double seconds, size_t least)
{
    size_t n = (size_t)(per_second * seconds);
    return n < least ? least : n;
}

static void fill_from(struct sample *s, const struct gang *g)
{
    double n = gang_operations(g);
    n = n < 1 ? 1 : n;
    s->ns = g->ns / n;
    s->cpu_ns = g->cpu_ns / n;
    s->voluntary = g->voluntary / g->ns * 1e9;
    s->involuntary = g->involuntary / g->ns * 1e9;
}

/* Nothing sleeps here; processor time leaves out when other processes ran. */
void drive_pairs(const struct adapter *a, double seconds, struct sample *s)
{
    size_t n = part_of(PAIRS_PER_SECOND, seconds, PAIRS_LEAST);
    uint64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
    a->pairs(n);
    s->ns = (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)n;
    s->cpu_ns = s->ns;
}

static void load_body(struct gang *g, struct mixer *m)
{
    uint64_t done = 0;
    if (g->adapter->load != NULL) {
        g->adapter->load(m);
        return;
    }
    for (; !__atomic_load_n(&g->stop, __ATOMIC_RELAXED); done += PORTION)
        g->adapter->contend(PORTION, g->inside, g->outside);
    m->operations = done;
}

static void contended(struct gang *g, const struct adapter *a, const struct load *l,
                      double seconds, bool timed)
{
    g->adapter = a;
    g->body = load_body;
    g->threads = l->threads;
    g->processors = l->processors;
    g->seconds = seconds;
    gang_prepare(g, l->inside_ns, l->outside_ns, 0, timed);
    run_gang(g);
}

void drive_contended(const struct adapter *a, const struct load *l, double seconds,
                     struct sample *s)
{
    drive_contended_then(a, l, seconds, s, NULL);
}

void drive_contended_then(const struct adapter *a, const struct load *l, double seconds,
                          struct sample *s, void (*before_end)(void))
{
    struct gang g = {.before_end = before_end};
    contended(&g, a, l, seconds, false);
    fill_from(s, &g);
    s->fairness = gang_fairness(&g);
}

static void waits_of(struct sample *s, const struct gang *g)
{
    const struct mixer *worst = gang_longest_wait(g);
    s->wait_us = (double)worst->longest_wait / 1e3;
    s->cut = worst->cut;
}

void drive_contended_waits(const struct adapter *a, const struct load *l, double seconds,
                           struct sample *s)
{
    struct gang g = {.stop = false};
    if (a->load == NULL)
        return;
    contended(&g, a, l, seconds, true);
    waits_of(s, &g);
}

static void readers_body(struct gang *g, struct mixer *m)
{
    uint64_t done = 0;
    for (; !__atomic_load_n(&g->stop, __ATOMIC_RELAXED); done += CHUNK)
        g->adapter->pairs(CHUNK);
    m->operations = done;
}

void drive_readers(const struct adapter *a, const struct load *l, double seconds,
                   struct sample *s)
{
    struct gang one = {.adapter = a,
                       .body = readers_body,
                       .threads = 1,
                       .processors = l->processors,
                       .seconds = seconds};
    struct gang all = {.adapter = a,
                       .body = readers_body,
                       .threads = l->threads,
                       .processors = l->processors,
                       .seconds = seconds};
    run_gang(&one);
    run_gang(&all);
    fill_from(s, &one);
    s->reference = s->ns;
    fill_from(s, &all);
    s->fairness = gang_fairness(&all);
}

static void mix_body(struct gang *g, struct mixer *m)
{
    g->adapter->mix(m);
}

static void run_mix(struct gang *g, const struct adapter *a, const struct load *l,
                    double seconds, bool timed)
{
    g->adapter = a;
    g->body = mix_body;
    g->threads = l->threads;
    g->processors = l->processors;
    g->seconds = seconds;
    gang_prepare(g, l->inside_ns, l->outside_ns, l->writes, timed);
    run_gang(g);
}

void drive_mix(const struct adapter *a, const struct load *l, double seconds,
               struct sample *s)
{
    struct gang g = {.stop = false};
    run_mix(&g, a, l, seconds, false);
    fill_from(s, &g);
    s->fairness = gang_fairness(&g);
}

void drive_mix_waits(const struct adapter *a, const struct load *l, double seconds,
                     struct sample *s)
{
    struct gang g = {.stop = false};
    run_mix(&g, a, l, seconds, true);
    waits_of(s, &g);
}

unsigned drivers_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void bounce_body(struct gang *g, struct mixer *m)
{
    bool first = m == &g->mixers[0];
    unsigned processors = *(const unsigned *)g->shared;
    stay_on(first ? 0 : processors - 1);
    g->adapter->bounce(g->portion < WARM_UP ? g->portion : WARM_UP, first);
    uint64_t begin = now_ns();
    g->adapter->bounce(g->portion, first);
    if (first)
        g->ns = (double)(now_ns() - begin);
    m->operations = first ? g->portion : 0;
}

void drive_bounce(const struct adapter *a, const struct load *l, double seconds,
                  struct sample *s)
{
    unsigned processors = l->processors;
    struct gang g = {.adapter = a,
                     .body = bounce_body,
                     .threads = 2,
                     .portion = part_of(BOUNCES_PER_SECOND, seconds, BOUNCES_LEAST),
                     .shared = &processors};
    run_gang(&g);
    fill_from(s, &g);
}

double brief_ns(const struct adapter *a, const struct load *l, double seconds)
{
    struct sample s = {.ns = -1};
    if (a->pairs != NULL)
        drive_pairs(a, seconds, &s);
    else
        drive_mix(a, l, seconds, &s);
    return s.ns;
}
