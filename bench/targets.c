/* SPDX-License-Identifier: BSD-2-Clause */
#include "targets.h"
#include "counts.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum figure { RATIO, TO_BEST_PEER, TO_ITSELF, FAIRNESS, NANOSECONDS };

/* What is measured; threads run on two processors, however many there are. */
enum place {
    ALONE,
    READERS_2,
    CONTENDED_2,
    CONTENDED_8,
    CONTENDED_16,
    HOT_0_2,
    HOT_0_8,
    HOT_01_2,
    HOT_01_8,
    HOT_1_2,
    HOT_1_8,
    HOT_50_2,
    HOT_50_8,
    BOUNCE_2,
    BOUNCE_1,
    PROMOTED_8, /* last: it makes the library keep loans from then on */
    PLACES
};

#define CONTENDED_BY(n_)                                                                 \
    {                                                                                    \
        .threads = n_, .inside_ns = 50, .outside_ns = 200, .processors = 2               \
    }
#define HOT(n_, writes_)                                                                 \
    {                                                                                    \
        .threads = n_, .inside_ns = 20, .outside_ns = 30, .writes = writes_,             \
        .processors = 2                                                                  \
    }

static const struct test tests[PLACES] = {
    [ALONE] = {"uncontended", PAIRS, 1, {.threads = 1}},
    [READERS_2] = {"2 readers", READERS, 2, {.threads = 2, .processors = 2}},
    [CONTENDED_2] = {"contended, 2 threads", CONTENDED, 2, CONTENDED_BY(2)},
    [CONTENDED_8] = {"contended, 8 threads", CONTENDED, 8, CONTENDED_BY(8)},
    [CONTENDED_16] = {"contended, 16 threads", CONTENDED, 16, CONTENDED_BY(16)},
    [HOT_0_2] = {"hot, 2 threads, 0% writes", MIX, 0, HOT(2, 0)},
    [HOT_0_8] = {"hot, 8 threads, 0% writes", MIX, 0, HOT(8, 0)},
    [HOT_01_2] = {"hot, 2 threads, 0.1% writes", MIX, 0.1, HOT(2, 0.1)},
    [HOT_01_8] = {"hot, 8 threads, 0.1% writes", MIX, 0.1, HOT(8, 0.1)},
    [HOT_1_2] = {"hot, 2 threads, 1% writes", MIX, 1, HOT(2, 1)},
    [HOT_1_8] = {"hot, 8 threads, 1% writes", MIX, 1, HOT(8, 1)},
    [HOT_50_2] = {"hot, 2 threads, 50% writes", MIX, 50, HOT(2, 50)},
    [HOT_50_8] = {"hot, 8 threads, 50% writes", MIX, 50, HOT(8, 50)},
    [BOUNCE_2] = {"hand-over, 2 processors", BOUNCE, 2, {.threads = 2, .processors = 2}},
    [BOUNCE_1] = {"hand-over, 1 processor", BOUNCE, 1, {.threads = 2, .processors = 1}},
    [PROMOTED_8] = {"promoted, 8 threads", PROMOTED, 8, CONTENDED_BY(8)},
};

/* A promise is kept if all its parts are; `at_least` of one and `at most` of another. */
struct part {
    unsigned promise;
    enum place place;
    const char *lock;
    enum figure figure;
    double bound;
    bool at_least;
};

static const char *const promises[] = {
    "exclusive pair, time to pthread's",
    "exclusive pair, time to the best peer's",
    "shared pair, time to pthread_rwlock's",
    "two readers, throughput to one's",
    "spinning pair, time to pthread_spin's",
    "ksem trydown and up, time to sem_t's",
    "mutex contended, throughput and fairness",
    "simple lock with promotion, to pthread PI",
    "spinlock, 8 threads, to pthread_spin",
    "reads, 0 and 0.1% writes, to pthread_rwlock",
    "1% writes, throughput to pthread_rwlock's",
    "50% writes, throughput to pthread_rwlock's",
    "ksem hand-over, time to sem_t's",
    "interrupt masking, ns",
};

static const struct part parts[] = {
    {0, ALONE, "mutex", RATIO, 0.55, false},
    {0, ALONE, "simple lock", RATIO, 0.55, false},
    {0, ALONE, "lockl", RATIO, 0.55, false},
    {0, ALONE, "sx exclusive", RATIO, 0.55, false},
    {0, ALONE, "rwsem write", RATIO, 0.55, false},
    {1, ALONE, "mutex", TO_BEST_PEER, 0.80, false},
    {1, ALONE, "simple lock", TO_BEST_PEER, 0.80, false},
    {1, ALONE, "lockl", TO_BEST_PEER, 0.80, false},
    {1, ALONE, "sx exclusive", TO_BEST_PEER, 0.80, false},
    {1, ALONE, "rwsem write", TO_BEST_PEER, 0.80, false},
    {2, ALONE, "sx shared", RATIO, 0.12, false},
    {2, ALONE, "rwsem read", RATIO, 0.12, false},
    {2, ALONE, "stax", RATIO, 0.15, false},
    {3, READERS_2, "sx shared", TO_ITSELF, 1.9, true},
    {3, READERS_2, "rwsem read", TO_ITSELF, 1.9, true},
    {4, ALONE, "spinlock", RATIO, 1.2, false},
    {4, ALONE, "rwlock read", RATIO, 1.2, false},
    {4, ALONE, "rwlock write", RATIO, 1.2, false},
    {5, ALONE, "ksem", RATIO, 0.65, false},
    {6, CONTENDED_2, "mutex", RATIO, 1.15, true},
    {6, CONTENDED_8, "mutex", RATIO, 1.15, true},
    {6, CONTENDED_16, "mutex", RATIO, 1.15, true},
    {6, CONTENDED_2, "mutex", TO_BEST_PEER, 1.0, true},
    {6, CONTENDED_8, "mutex", TO_BEST_PEER, 1.0, true},
    {6, CONTENDED_16, "mutex", TO_BEST_PEER, 1.0, true},
    {6, CONTENDED_8, "mutex", FAIRNESS, 0.3, true},
    {7, CONTENDED_8, "simple lock, to PI", RATIO, 20, true},
    {7, PROMOTED_8, "simple lock, to PI", RATIO, 20, true},
    {8, CONTENDED_8, "spinlock", RATIO, 2.0, true},
    {9, HOT_0_2, "sx", RATIO, 2.7, true},
    {9, HOT_0_8, "sx", RATIO, 2.7, true},
    {9, HOT_01_2, "sx", RATIO, 2.7, true},
    {9, HOT_01_8, "sx", RATIO, 2.7, true},
    {9, HOT_0_2, "rwsem", RATIO, 2.7, true},
    {9, HOT_0_8, "rwsem", RATIO, 2.7, true},
    {9, HOT_01_2, "rwsem", RATIO, 2.7, true},
    {9, HOT_01_8, "rwsem", RATIO, 2.7, true},
    {10, HOT_1_2, "sx", RATIO, 4.5, true},
    {10, HOT_1_8, "sx", RATIO, 2.6, true},
    {10, HOT_1_2, "rwsem", RATIO, 4.5, true},
    {10, HOT_1_8, "rwsem", RATIO, 2.6, true},
    {11, HOT_50_2, "sx", RATIO, 1.6, true},
    {11, HOT_50_8, "sx", RATIO, 1.0, true},
    {11, HOT_50_2, "rwsem", RATIO, 1.6, true},
    {11, HOT_50_8, "rwsem", RATIO, 1.0, true},
    {12, BOUNCE_2, "ksem", RATIO, 0.05, false},
    {12, BOUNCE_1, "ksem", RATIO, 1.1, false},
    {13, ALONE, "interrupt mask and restore", NANOSECONDS, 1.5, false},
};

enum {
    PARTS = sizeof parts / sizeof parts[0],
    PROMISES = sizeof promises / sizeof promises[0]
};

static struct outcome {
    bool measured;
    bool met;
    double margin; /* 1 just keeps the promise, more is better */
    struct spread s;
    char against[96];
    char counts[96]; /* what else there is to say */
} outcomes[PARTS];

/* The rows of the parts of a place, and their peers; and those that are no locks. */
static void choose(enum place place)
{
    static const char *const bounds[] = {"nothing", "no lock", "1 atomic", "2 atomics"};
    for (size_t i = 0; i < rows_count(); i++)
        row_at(i)->wanted = false;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        row_named(bounds[i])->wanted = true;
    for (unsigned p = 0; p < PARTS; p++) {
        struct row *own = row_named(parts[p].lock);
        if (own == NULL || parts[p].place != place)
            continue;
        own->wanted = true;
        for (size_t i = 0; i < rows_count(); i++) {
            const struct adapter *a = row_at(i)->adapter;
            const char *base = own->adapter->baseline;
            if (parts[p].figure == TO_BEST_PEER && !a->ours && a->baseline != NULL &&
                base != NULL && strcmp(a->baseline, base) == 0)
                row_at(i)->wanted = true;
        }
    }
}

static const struct spread *spread_for(const struct row *row, enum figure figure)
{
    switch (figure) {
    case RATIO:
        return row->baseline != NULL ? &row->ratio : NULL;
    case TO_BEST_PEER:
        return row->best_peer != NULL ? &row->peer_ratio : NULL;
    case TO_ITSELF:
        return &row->self_ratio;
    case FAIRNESS:
        return &row->fairness;
    case NANOSECONDS:
        return &row->ns;
    }
    return NULL;
}

static void describe(struct outcome *o, const struct row *row, const struct part *part)
{
    switch (part->figure) {
    case RATIO:
        snprintf(o->against, sizeof o->against, "%s", row->baseline->adapter->name);
        break;
    case TO_BEST_PEER:
        snprintf(o->against, sizeof o->against, "%s, best of %u",
                 row->best_peer->adapter->name, row->peers);
        break;
    case TO_ITSELF:
        snprintf(o->against, sizeof o->against, "one reader");
        break;
    case FAIRNESS:
        snprintf(o->against, sizeof o->against, "slowest by fastest thread");
        break;
    case NANOSECONDS:
        snprintf(o->against, sizeof o->against, "ns");
        break;
    }
}

/*
 * Locked instructions and calls, which are the same on every machine, and what these
 * instructions alone come to, which no lock that has them can pass.
 */
static void count(struct outcome *o, const struct part *part)
{
    struct counts c;
    char alone[32] = "";
    const struct row *row = row_named(part->lock);
    if (part->place != ALONE || part->figure == TO_BEST_PEER)
        return;
    const char *why = count_pair(row->adapter, &c);
    if (why != NULL)
        return;
    unsigned locked = (unsigned)(c.locked + 0.5);
    if (part->figure == RATIO && (locked == 1 || locked == 2)) {
        const struct row *bound = row_named(locked == 1 ? "1 atomic" : "2 atomics");
        snprintf(alone, sizeof alone, " (alone %.2f)",
                 bound->ns.median / row->baseline->ns.median);
    }
    snprintf(o->counts, sizeof o->counts, "%g locked%s, %g calls, %g system calls",
             c.locked, alone, c.calls, c.system_calls);
    if (part->figure == NANOSECONDS && c.system_calls > 0)
        o->met = false;
}

/* What the same work without a lock comes to, which no lock can pass. */
static void limit(struct outcome *o, const struct row *row, const struct part *part)
{
    const struct test *t = &tests[part->place];
    const struct row *none = row_named("no lock");
    const struct row *base =
        part->figure == TO_BEST_PEER ? row->best_peer : row->baseline;
    if ((part->figure != RATIO && part->figure != TO_BEST_PEER) || base == NULL ||
        !test_supports(t, none->adapter) || row_figure(base, t) <= 0)
        return;
    snprintf(o->counts, sizeof o->counts, "without a lock %.2f",
             row_figure(none, t) / row_figure(base, t));
}

static void judge(unsigned p)
{
    const struct part *part = &parts[p];
    const struct row *row = row_named(part->lock);
    struct outcome *o = &outcomes[p];
    const struct spread *s =
        row != NULL && row->wanted ? spread_for(row, part->figure) : NULL;
    if (s == NULL)
        return;
    o->measured = true;
    o->s = *s;
    o->margin = part->at_least ? s->median / part->bound : part->bound / s->median;
    o->met = o->margin >= 1;
    describe(o, row, part);
    limit(o, row, part);
    count(o, part);
}

/* Who got how much says something only after many time slices of each thread. */
enum { FAIR_TIMES = 5 };

static void measure(enum place place, unsigned rounds, double seconds, uint64_t end)
{
    const struct test *t = &tests[place];
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%-50s\r%u of %u: %s", "", place + 1, PLACES, t->name);
    choose(place);
    if (place == CONTENDED_8)
        seconds *= FAIR_TIMES;
    rounds = run_test(t, rounds, seconds, fair_share(end, PLACES - place));
    report_test(t, rounds, seconds);
    for (unsigned p = 0; p < PARTS; p++) {
        if (parts[p].place == place)
            judge(p);
    }
    if (place == READERS_2) {
        const struct row *nothing = row_named("nothing");
        printf("Two threads without a lock do %.2f times the work of one%s.\n",
               nothing->self_ratio.median,
               nothing->self_ratio.median < 1.8
                   ? ": other processes run here; doubt what needs two processors"
                   : "");
    }
}

static void print_figure(const struct outcome *o, const struct part *part)
{
    if (!o->measured)
        printf("%25s", "not measured");
    else
        printf("%8.3f [%6.3f %6.3f]", o->s.median, o->s.q1, o->s.q3);
    printf("  at %s %5g", part->at_least ? "least" : "most ", part->bound);
}

static bool within(const struct spread *s, double bound)
{
    return s->q1 <= bound && bound <= s->q3;
}

static void print_part(const struct part *part, const struct outcome *o)
{
    char what[64];
    const char *verdict = o->met ? "met" : "MISSED";
    bool close = o->measured && within(&o->s, part->bound);
    snprintf(what, sizeof what, "%s: %s", part->lock, tests[part->place].name);
    printf("    %-51s ", what);
    print_figure(o, part);
    printf("  %-6s  %s%s%s%s\n", o->measured ? verdict : "", o->against,
           o->counts[0] != '\0' ? "; " : "", o->counts,
           close ? "; the quartiles include the limit" : "");
}

/* True if the promise is kept, as far as it could be measured. */
static bool print_promise(unsigned promise)
{
    unsigned worst = PARTS;
    bool met = true;
    for (unsigned p = 0; p < PARTS; p++) {
        const struct outcome *o = &outcomes[p];
        if (parts[p].promise != promise)
            continue;
        met = met && (o->met || !o->measured);
        if (worst == PARTS || !outcomes[worst].measured ||
            (o->measured &&
             (o->met < outcomes[worst].met ||
              (o->met == outcomes[worst].met && o->margin < outcomes[worst].margin))))
            worst = p;
    }
    printf("%-55s ", promises[promise]);
    print_figure(&outcomes[worst], &parts[worst]);
    printf("  %s\n", !met ? "MISSED" : outcomes[worst].measured ? "met" : "not measured");
    for (unsigned p = 0; p < PARTS; p++) {
        if (parts[p].promise == promise)
            print_part(&parts[p], &outcomes[p]);
    }
    return met;
}

int check_targets(unsigned rounds, double seconds, double limit)
{
    uint64_t end = now_ns() + (uint64_t)(limit * 1e9);
    unsigned kept = 0;
    struct counts c;
    const char *why = count_pair(row_named("nothing")->adapter, &c);
    report_quietly();
    printf("library: %s\n", report_library());
    if (why != NULL)
        printf("No counts of instructions: %s.\n", why);
    for (unsigned place = 0; place < PLACES; place++)
        measure((enum place)place, rounds, seconds, end);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%-50s\r", "");
    printf("Medians of up to %u rounds [and quartiles]; the figure of a target is its "
           "worst.\n",
           rounds);
    for (unsigned promise = 0; promise < PROMISES; promise++)
        kept += print_promise(promise);
    printf("%u of %u targets met\n", kept, PROMISES);
    return kept == PROMISES ? 0 : 1;
}

int print_counts(void)
{
    printf("%-30s %12s %7s %7s %6s %13s\n", "one uncontended pair", "instructions",
           "locked", "fences", "calls", "system calls");
    for (size_t i = 0; i < rows_count(); i++) {
        const struct adapter *a = row_at(i)->adapter;
        struct counts c;
        if (!row_at(i)->wanted || a->pairs == NULL)
            continue;
        const char *why = count_pair(a, &c);
        if (why != NULL) {
            fprintf(stderr, "bench: no counts: %s\n", why);
            return 77;
        }
        printf("%-30s %12.1f %7g %7g %6g %13g\n", a->name, c.instructions, c.locked,
               c.fences, c.calls, c.system_calls);
    }
    return 0;
}
