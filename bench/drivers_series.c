/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "drivers.h"
#include "gang.h"

#include <kslock/irq.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    IRQ = 40,
    IRQ_LEVEL = 5,
    WALKS_PER_SECOND = 5000000,
    WALKS_LEAST = 1000,
    CHUNK = 100, /* pairs between two looks at the stop flag */
    LINE = 64    /* locks lie that far apart, or a multiple of it */
};

static struct {
    const struct adapter *adapter;
    uint64_t came; /* atomic */
    uint64_t end;
} irq;

static void handle(int number, void *arg)
{
    (void)number;
    (void)arg;
    irq.adapter->pairs(1);
    __atomic_fetch_add(&irq.came, 1, __ATOMIC_RELAXED);
}

/* Before the threads end: what they do then is no part of the load. */
static void stop_interrupts(void)
{
    irq.end = now_ns();
    (void)ksl_irq_timer(IRQ, 0, 0);
    if (ksl_irq_free(IRQ) != 0)
        abort();
}

/* The calling thread takes none of the interrupts: they are for those that work. */
void drive_interrupts(const struct adapter *a, const struct load *l, double seconds,
                      struct sample *s)
{
    uint64_t period = 1000000000u / l->many;
    unsigned open = ksl_irq_save();
    drive_contended(a, l, seconds, s);
    double reference = s->ns;
    irq.adapter = a;
    irq.came = 0;
    if (ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handle, NULL) != 0 ||
        ksl_irq_timer(IRQ, period, period) != 0)
        abort();
    uint64_t begin = now_ns();
    drive_contended_then(a, l, seconds, s, stop_interrupts);
    double ns = (double)(irq.end - begin);
    ksl_irq_restore(open);
    s->reference = reference;
    s->interrupts = (double)__atomic_load_n(&irq.came, __ATOMIC_RELAXED) / ns * 1e9;
}

/* Locks of one kind, ready to use. */
struct pool {
    char *locks;
    size_t stride;
    size_t count;
};

static struct pool make_pool(const struct objects *o, size_t count)
{
    struct pool p = {.stride = (o->size + LINE - 1) / LINE * LINE, .count = count};
    p.locks = mmap(NULL, p.stride * count, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p.locks == MAP_FAILED) {
        fprintf(stderr, "bench: no memory for %zu locks\n", count);
        exit(1);
    }
    for (size_t i = 0; i < count && o->init != NULL; i++)
        o->init(p.locks + i * p.stride);
    return p;
}

static void drop_pool(const struct pool *p)
{
    munmap(p->locks, p->stride * p->count);
}

static double walk_ns(const struct objects *o, const struct pool *p, size_t first,
                      size_t count, double seconds)
{
    size_t n = (size_t)(WALKS_PER_SECOND * seconds);
    n = n < WALKS_LEAST ? WALKS_LEAST : n;
    uint64_t begin = read_clock(CLOCK_THREAD_CPUTIME_ID);
    o->walk(p->locks + first * p->stride, p->stride, count, n, 2463534242u);
    return (double)(read_clock(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)n;
}

void drive_held(const struct adapter *a, const struct load *l, double seconds,
                struct sample *s)
{
    const struct objects *o = a->objects;
    struct pool p = make_pool(o, l->many + 1);
    s->reference = walk_ns(o, &p, l->many, 1, seconds);
    for (size_t i = 0; i < l->many; i++)
        o->take(p.locks + i * p.stride);
    s->ns = walk_ns(o, &p, l->many, 1, seconds);
    for (size_t i = l->many; i-- > 0;)
        o->give(p.locks + i * p.stride);
    s->cpu_ns = s->ns;
    drop_pool(&p);
}

void drive_distinct(const struct adapter *a, const struct load *l, double seconds,
                    struct sample *s)
{
    const struct objects *o = a->objects;
    struct pool p = make_pool(o, l->many);
    s->reference = walk_ns(o, &p, 0, 1, seconds);
    s->ns = walk_ns(o, &p, 0, l->many, seconds);
    s->cpu_ns = s->ns;
    drop_pool(&p);
}

static void many_body(struct gang *g, struct mixer *m)
{
    const struct objects *o = g->adapter->objects;
    const struct pool *p = g->shared;
    uint32_t seed = m->seed;
    uint64_t done = 0;
    for (; !__atomic_load_n(&g->stop, __ATOMIC_RELAXED); done += CHUNK) {
        seed = next_random(seed);
        o->walk(p->locks, p->stride, p->count, CHUNK, seed);
    }
    m->operations = done;
}

void drive_many(const struct adapter *a, const struct load *l, double seconds,
                struct sample *s)
{
    struct pool p = make_pool(a->objects, l->many);
    struct gang g = {.adapter = a,
                     .body = many_body,
                     .threads = l->threads,
                     .seconds = seconds,
                     .shared = &p};
    gang_prepare(&g, 0, 0, 0, false);
    run_gang(&g);
    double n = gang_operations(&g);
    s->ns = g.ns / (n < 1 ? 1 : n);
    s->cpu_ns = g.cpu_ns / (n < 1 ? 1 : n);
    s->fairness = gang_fairness(&g);
    drop_pool(&p);
}
