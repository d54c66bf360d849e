/* SPDX-License-Identifier: BSD-2-Clause */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TESTS = 160 };

static const char *const PROMOTING = "pthread_mutex PI";

static struct test tests[MAX_TESTS];
static size_t test_count;
static const struct suite_options *chosen;

static const struct {
    const char *name;
    bool throughput;
} kinds[KINDS] = {
    [PAIRS] = {"uncontended", false},
    [CONTENDED] = {"contended", true},
    [READERS] = {"readers", true},
    [MIX] = {"mix", true},
    [BOUNCE] = {"hand-over", false},
    [INTERRUPTS] = {"interrupts", true},
    [MANY] = {"many", true},
    [HELD] = {"held", false},
    [DISTINCT] = {"distinct", false},
    [KNOWN_THREADS] = {"known-threads", false},
    [SLEEPING_THREADS] = {"sleeping-threads", false},
    [WAITING_THREADS] = {"waiting-threads", false},
    [PROMOTED] = {"promoted", true},
    [CHAIN] = {"chain", false},
};

const char *kind_name(enum kind k)
{
    return kinds[k].name;
}

bool kind_is_throughput(enum kind k)
{
    return kinds[k].throughput;
}

static bool promotes(const struct adapter *a)
{
    return strcmp(a->name, PROMOTING) == 0 ||
           (a->baseline != NULL && strcmp(a->baseline, PROMOTING) == 0);
}

bool test_supports(const struct test *t, const struct adapter *a)
{
    const struct objects *o = a->objects;
    bool loads = a->load != NULL || a->contend != NULL;
    switch (t->kind) {
    case PAIRS:
        return a->pairs != NULL;
    case CONTENDED: /* sharers do not contend; the mixes have them */
        return loads && !a->shared;
    case READERS:
        return a->shared;
    case MIX:
        return a->mix != NULL;
    case BOUNCE:
        return a->bounce != NULL && drivers_processors() >= t->load.processors;
    case INTERRUPTS:
        return a->handler && loads;
    case HELD:
        return o != NULL && (o->most_held == 0 || t->load.many < o->most_held);
    case MANY:
    case DISTINCT:
        return o != NULL;
    case KNOWN_THREADS:
    case SLEEPING_THREADS:
    case WAITING_THREADS:
        return a->ours && (a->pairs != NULL || a->mix != NULL);
    case PROMOTED:
        return promotes(a) && a->load != NULL;
    case CHAIN:
        return promotes(a) && o != NULL;
    case KINDS:
        break;
    }
    return false;
}

static struct test *add(enum kind kind, double x, struct load load)
{
    if (test_count == MAX_TESTS)
        abort();
    struct test *t = &tests[test_count++];
    *t = (struct test){.kind = kind, .x = x, .load = load};
    snprintf(t->name, sizeof t->name, "%s", kind_name(kind));
    return t;
}

static bool counted(const struct thread_counts *c, unsigned threads)
{
    for (unsigned i = 0; i < c->n; i++) {
        if (c->count[i] == threads)
            return true;
    }
    return false;
}

/* Those named, or 2, 8 and 16, and so many that each processor has four. */
static struct thread_counts contended_counts(void)
{
    struct thread_counts c = chosen->threads;
    unsigned all = drivers_processors();
    if (c.n != 0)
        return c;
    if (chosen->set == SMOKE)
        return (struct thread_counts){1, {2}};
    c = (struct thread_counts){3, {2, 8, 16}};
    for (unsigned times = chosen->set == FULL ? 1 : 4; times <= 4; times++) {
        if (!counted(&c, times * all) && times * all <= 256)
            c.count[c.n++] = times * all;
    }
    return c;
}

static void add_contended(void)
{
    struct thread_counts c = contended_counts();
    for (unsigned i = 0; i < c.n; i++) {
        struct test *t = add(CONTENDED, c.count[i],
                             (struct load){.threads = c.count[i],
                                           .inside_ns = chosen->inside_ns,
                                           .outside_ns = chosen->outside_ns});
        snprintf(t->name, sizeof t->name, "contended, %u threads, %u of %u ns",
                 c.count[i], chosen->inside_ns, chosen->inside_ns + chosen->outside_ns);
    }
}

static void add_mix(const char *name, unsigned inside_ns, unsigned outside_ns,
                    unsigned threads, double writes)
{
    struct test *t = add(MIX, writes,
                         (struct load){.threads = threads,
                                       .inside_ns = inside_ns,
                                       .outside_ns = outside_ns,
                                       .writes = writes});
    snprintf(t->name, sizeof t->name, "%s, %u threads, %g%% writes", name, threads,
             writes);
}

static void add_mixes(void)
{
    static const double writes[] = {0, 0.1, 1, 10, 50};
    struct thread_counts c = chosen->threads;
    if (c.n == 0)
        c = (struct thread_counts){2, {2, 8}};
    for (unsigned n = 0; n < c.n; n++) {
        for (size_t w = 0; w < sizeof writes / sizeof writes[0]; w++) {
            bool telling = writes[w] >= 1 && (writes[w] <= 1 || writes[w] >= 50);
            if (chosen->set == SMOKE && (n > 0 || w != 2))
                continue;
            add_mix("hot", 20, 30, c.count[n], writes[w]);
            if (chosen->set == FULL || (chosen->set == SHORT && telling))
                add_mix("std", 50, 200, c.count[n], writes[w]);
        }
    }
}

/* One test for each value of a list that ends with 0, of which a set takes some. */
struct series {
    enum kind kind;
    const char *format; /* of the name */
    unsigned threads;
    size_t smoke[2];
    size_t brief[5];
    size_t full[12];
};

static const struct series series[] = {
    {INTERRUPTS,
     "interrupts at %zu Hz",
     2,
     {1000},
     {1000, 10000, 50000},
     {1000, 10000, 50000}},
    {MANY, "4 threads on %zu locks", 4, {100}, {1000}, {10, 100, 1000, 10000, 100000}},
    {HELD,
     "while %zu are held",
     1,
     {4},
     {4, 16, 64, 256},
     {1, 2, 4, 8, 16, 32, 64, 128, 256}},
    {DISTINCT,
     "%zu locks in turn",
     1,
     {10},
     {100, 10000, 1000000},
     {10, 100, 1000, 10000, 100000, 1000000}},
    {KNOWN_THREADS,
     "%zu threads known",
     1,
     {3},
     {10, 100, 500},
     {1, 5, 10, 50, 100, 200, 500}},
    {SLEEPING_THREADS,
     "%zu threads asleep",
     1,
     {3},
     {10, 100, 500},
     {1, 5, 10, 50, 100, 200, 500}},
    {WAITING_THREADS,
     "%zu threads wait for me",
     1,
     {3},
     {1, 100},
     {1, 5, 10, 50, 100, 200, 500}},
    {PROMOTED, "promoted, %zu threads", 0, {2}, {2, 8}, {2, 4, 8, 16}},
    {CHAIN, "chain of %zu", 0, {2}, {1, 4, 16}, {1, 2, 4, 8, 16, 32}},
};

static void add_series(const struct series *s)
{
    const size_t *value = chosen->set == SMOKE   ? s->smoke
                          : chosen->set == SHORT ? s->brief
                                                 : s->full;
    for (; *value != 0; value++) {
        struct load load = {.threads = s->threads != 0 ? s->threads : (unsigned)*value,
                            .inside_ns = chosen->inside_ns,
                            .outside_ns = chosen->outside_ns,
                            .writes = 1,
                            .many = *value};
        struct test *t = add(s->kind, (double)*value, load);
        /* The format is one of the table above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(t->name, sizeof t->name, s->format, *value);
#pragma GCC diagnostic pop
    }
}

/*
 * Promotion comes last: the first priority that is not 0 makes the library keep loans
 * for the rest of the process.
 */
const struct test *suite_tests(const struct suite_options *o, size_t *n)
{
    chosen = o;
    test_count = 0;
    (void)add(PAIRS, 1, (struct load){.threads = 1});
    add_contended();
    struct test *t = add(READERS, 2, (struct load){.threads = 2});
    snprintf(t->name, sizeof t->name, "2 readers");
    for (unsigned p = 2; p > 0; p--) {
        t = add(BOUNCE, p, (struct load){.threads = 2, .processors = p});
        snprintf(t->name, sizeof t->name, "hand-over, %u processor%s", p,
                 p > 1 ? "s" : "");
    }
    add_mixes();
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
        add_series(&series[i]);
    *n = test_count;
    return tests;
}
