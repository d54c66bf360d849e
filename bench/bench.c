/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times our locks and the peers of the C library in interleaved rounds of one
 * process and prints medians; compare the ratios, not the figures.
 */
#include "drivers.h"

#include <getopt.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 21,
    WAIT_EVERY = 7, /* rounds of a mix to one, as long as all of them, for the waits */
    MAX_ADAPTERS = 256
};

static const double READERS_SECONDS = 0.02;

static struct {
    unsigned rounds;
    double seconds; /* of a round of a mix */
    bool filtered;
    regex_t only;
} options = {.rounds = ROUNDS, .seconds = 0.03};

enum kind { PAIRS, CONTENDED, READERS, MIX, BOUNCE };

struct test {
    char name[48];
    enum kind kind;
    struct load load;
};

/* One line of the table. */
struct row {
    const struct adapter *adapter;
    bool wanted;
    double *samples;
    double *references; /* the same lock with one reader */
    double result;
    double reference;
    double longest_wait; /* us */
    bool cut;
};

static struct row rows[MAX_ADAPTERS];
static size_t row_count;
static size_t printed;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static bool supports(const struct adapter *a, const struct test *t)
{
    switch (t->kind) {
    case PAIRS:
        return a->pairs != NULL;
    case CONTENDED:
        return a->contend != NULL;
    case READERS:
        return a->shared;
    case MIX:
        return a->mix != NULL;
    case BOUNCE:
        return a->bounce != NULL && drivers_processors() >= t->load.processors;
    }
    return false;
}

static struct row *baseline_of(const struct row *row)
{
    for (size_t i = 0; i < row_count && row->adapter->baseline != NULL; i++) {
        if (strcmp(rows[i].adapter->name, row->adapter->baseline) == 0)
            return &rows[i];
    }
    return NULL;
}

static const struct {
    const struct adapter *list;
    const size_t *count;
} sources[] = {
    {adapters, &adapter_count},
#ifdef BENCH_HAVE_PTHREAD
    {pthread_adapters, &pthread_adapter_count},
#endif
#ifdef BENCH_HAVE_NSYNC
    {nsync_adapters, &nsync_adapter_count},
#endif
#ifdef BENCH_HAVE_CK
    {ck_adapters, &ck_adapter_count},
#endif
#ifdef BENCH_HAVE_ABSEIL
    {abseil_adapters, &abseil_adapter_count},
#endif
#ifdef BENCH_HAVE_TBB
    {tbb_adapters, &tbb_adapter_count},
#endif
#ifdef BENCH_HAVE_PARKING_LOT
    {parking_lot_adapters, &parking_lot_adapter_count},
#endif
#ifdef BENCH_HAVE_URCU
    {urcu_adapters, &urcu_adapter_count},
#endif
#ifdef BENCH_HAVE_CXX
    {cxx_adapters, &cxx_adapter_count},
#endif
    {freebsd_adapters, &freebsd_adapter_count},
    {evl_adapters, &evl_adapter_count},
    {aix_adapters, &aix_adapter_count},
};

/* Marks the rows to measure: those that --only names, and their baselines. */
static void choose(const struct test *t)
{
    for (size_t i = 0; i < row_count; i++) {
        char title[128];
        snprintf(title, sizeof title, "%s %s", t->name, rows[i].adapter->name);
        rows[i].wanted =
            supports(rows[i].adapter, t) &&
            (!options.filtered || regexec(&options.only, title, 0, NULL, 0) == 0);
        rows[i].longest_wait = 0;
        rows[i].cut = false;
    }
    for (size_t i = 0; i < row_count; i++) {
        struct row *base = rows[i].wanted ? baseline_of(&rows[i]) : NULL;
        if (base != NULL)
            base->wanted = true;
    }
}

static void sample_mix(struct row *row, const struct load *l, unsigned round)
{
    row->samples[round] = drive_mix(row->adapter, l);
    if (l->writes > 0 && round % WAIT_EVERY == 0) {
        struct load longer = *l;
        bool cut;
        longer.seconds *= WAIT_EVERY;
        double wait = drive_mix_waits(row->adapter, &longer, &cut);
        if (wait > row->longest_wait) {
            row->longest_wait = wait;
            row->cut = cut;
        }
    }
}

static void sample(struct row *row, const struct test *t, unsigned round)
{
    const struct adapter *a = row->adapter;
    switch (t->kind) {
    case PAIRS:
        row->samples[round] = drive_pairs(a);
        break;
    case CONTENDED:
        row->samples[round] = drive_contended(a, &t->load);
        break;
    case READERS:
        row->references[round] = drive_readers(a, 1, READERS_SECONDS);
        row->samples[round] = drive_readers(a, t->load.threads, READERS_SECONDS);
        break;
    case MIX:
        sample_mix(row, &t->load, round);
        break;
    case BOUNCE:
        row->samples[round] = drive_bounce(a, t->load.processors);
        break;
    }
}

static void print_row(const struct row *row, const struct test *t)
{
    const struct row *base = baseline_of(row);
    bool time = t->kind == PAIRS || t->kind == CONTENDED || t->kind == BOUNCE;
    printf("%-30s %-26s %10.2f %-6s", t->name, row->adapter->name, row->result,
           time ? "ns" : "op/us");
    if (t->kind == READERS)
        printf(" %7.2f  %-26s", row->result / row->reference, "one reader");
    else if (base != NULL && base->wanted)
        printf(" %7.2f  %-26s", row->result / base->result, base->adapter->name);
    else if (row->longest_wait > 0)
        printf(" %7s  %-26s", "", "");
    if (row->longest_wait > 0)
        printf(" %s%9.0f", row->cut ? ">" : " ", row->longest_wait);
    printf("\n");
}

static void measure(const struct test *t)
{
    unsigned rounds = options.rounds;
    choose(t);
    for (unsigned r = 0; r < rounds; r++) {
        for (size_t i = 0; i < row_count; i++) {
            if (rows[i].wanted)
                sample(&rows[i], t, r);
        }
    }
    for (size_t i = 0; i < row_count; i++) {
        rows[i].result = median(rows[i].samples, rounds);
        rows[i].reference = median(rows[i].references, rounds);
    }
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].wanted)
            print_row(&rows[i], t);
        printed += rows[i].wanted;
    }
    fflush(stdout);
}

static void measure_mixes(void)
{
    static const struct {
        const char *name;
        unsigned inside_ns, outside_ns;
    } sections[] = {{"hot", 20, 30}, {"std", 50, 200}};
    static const double writes[] = {0, 0.1, 1, 10, 50};
    static const unsigned threads[] = {2, 8};
    for (size_t s = 0; s < sizeof sections / sizeof sections[0]; s++) {
        for (size_t n = 0; n < sizeof threads / sizeof threads[0]; n++) {
            for (size_t w = 0; w < sizeof writes / sizeof writes[0]; w++) {
                struct test t = {.kind = MIX,
                                 .load = {sections[s].inside_ns, sections[s].outside_ns,
                                          writes[w], threads[n], options.seconds, 0}};
                snprintf(t.name, sizeof t.name, "%s, %u threads, %g%% writes",
                         sections[s].name, threads[n], writes[w]);
                measure(&t);
            }
        }
    }
}

static void measure_all(void)
{
    static const struct test tests[] = {
        {"uncontended", PAIRS, {.threads = 1}},
        {"2 threads, short sections", CONTENDED, {.threads = 2}},
        {"8 threads, short sections", CONTENDED, {.threads = 8}},
        {"2 threads, 50 of 250 ns", CONTENDED, {50, 200, .threads = 2}},
        {"8 threads, 50 of 250 ns", CONTENDED, {50, 200, .threads = 8}},
        {"2 readers", READERS, {.threads = 2}},
        {"hand-over, 2 processors", BOUNCE, {.threads = 2, .processors = 2}},
        {"hand-over, 1 processor", BOUNCE, {.threads = 2, .processors = 1}},
    };
    printf("%-30s %-26s %10s %-6s %7s  %-26s %10s\n", "test", "lock", "median", "unit",
           "ratio", "of", "wait us");
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        measure(&tests[i]);
    measure_mixes();
}

static void add_rows(const struct adapter *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (row_count == MAX_ADAPTERS)
            abort();
        struct row *row = &rows[row_count++];
        row->adapter = &list[i];
        row->samples = calloc(options.rounds, sizeof(double));
        row->references = calloc(options.rounds, sizeof(double));
        if (row->samples == NULL || row->references == NULL)
            abort();
    }
}

static void usage(FILE *to)
{
    fprintf(to,
            "usage: kslock_bench [--only REGEX] [--rounds N] [--seconds X]\n"
            "  --only REGEX  measure the lines \"TEST LOCK\" that match, and what\n"
            "                they are compared with\n"
            "  --rounds N    rounds of every test (default %d)\n"
            "  --seconds X   length of a round of a mix (default %g)\n"
            "ns: smaller is better; op/us: all threads together, larger is better.\n"
            "A hand-over is the way to another thread and back.\n"
            "wait us: the longest wait of a writer in all rounds of its own; > if it\n"
            "ended only with the round. The line \"2 readers nothing\" tells how many\n"
            "processors were free: about 2, or doubt all that needs two.\n",
            ROUNDS, options.seconds);
}

/* True if s is a number from least to most and nothing else. */
static bool number(const char *s, double least, double most, double *value)
{
    char *end;
    *value = strtod(s, &end);
    return end != s && *end == '\0' && *value >= least && *value <= most;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {{"only", required_argument, NULL, 'o'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    double value;
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        bool good = false;
        if (c == 'h') {
            usage(stdout);
            exit(0);
        } else if (c == 'o') {
            if (options.filtered)
                regfree(&options.only);
            good = regcomp(&options.only, optarg, REG_EXTENDED | REG_NOSUB) == 0;
            options.filtered = good;
        } else if (c == 'r') {
            good = number(optarg, 1, 10000, &value);
            options.rounds = good ? (unsigned)value : ROUNDS;
        } else if (c == 's') {
            good = number(optarg, 0.001, 3600, &value);
            options.seconds = good ? value : options.seconds;
        }
        if (!good) {
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
}

/* A second thread keeps the C library from its single-thread shortcuts. */
static void *idle(void *arg)
{
    pthread_mutex_lock(arg);
    pthread_mutex_unlock(arg);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t second;
    parse(argc, argv);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        add_rows(sources[i].list, *sources[i].count);
    adapters_init();
    pthread_mutex_lock(&gate);
    if (pthread_create(&second, NULL, idle, &gate) != 0)
        return 1;
    drivers_init();
    measure_all();
    pthread_mutex_unlock(&gate);
    pthread_join(second, NULL);
    if (printed == 0) {
        fprintf(stderr, "bench: no line matches\n");
        return 2;
    }
    return 0;
}
