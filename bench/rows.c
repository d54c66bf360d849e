/* SPDX-License-Identifier: BSD-2-Clause */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ROWS = 256,
    WAIT_EVERY = 11, /* rounds of a load to one for the waits */
    WAIT_TIMES = 7,  /* as long as others */
    LEAST_ROUNDS = 3
};

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

static struct row rows[MAX_ROWS];
static size_t row_count;
static double *scratch; /* one number a round */

size_t rows_count(void)
{
    return row_count;
}

struct row *row_at(size_t i)
{
    return &rows[i];
}

struct row *row_named(const char *name)
{
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(rows[i].adapter->name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (p == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return p;
}

static void add_row(const struct adapter *a, unsigned rounds)
{
    if (row_count == MAX_ROWS || row_named(a->name) != NULL) {
        fprintf(stderr, "bench: %s: no room, or two of that name\n", a->name);
        exit(1);
    }
    rows[row_count++] =
        (struct row){.adapter = a, .samples = zeroed(rounds, sizeof(struct sample))};
}

void rows_init(unsigned rounds)
{
    scratch = zeroed(rounds, sizeof *scratch);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        for (size_t k = 0; k < *sources[i].count; k++)
            add_row(&sources[i].list[k], rounds);
    }
}

static void drive(const struct test *t, const struct adapter *a, double seconds,
                  struct sample *s)
{
    static void (*const drivers[KINDS])(const struct adapter *, const struct load *,
                                        double, struct sample *) = {
        [CONTENDED] = drive_contended,
        [READERS] = drive_readers,
        [MIX] = drive_mix,
        [BOUNCE] = drive_bounce,
        [INTERRUPTS] = drive_interrupts,
        [MANY] = drive_many,
        [HELD] = drive_held,
        [DISTINCT] = drive_distinct,
        [PROMOTED] = drive_promoted,
        [CHAIN] = drive_chain,
    };
    if (drivers[t->kind] != NULL) {
        drivers[t->kind](a, &t->load, seconds, s);
    } else if (t->kind == PAIRS) {
        drive_pairs(a, seconds, s);
    } else { /* beside a crowd */
        s->ns = brief_ns(a, &t->load, seconds);
        s->cpu_ns = s->ns;
    }
}

static void drive_waits(const struct test *t, const struct adapter *a, double seconds,
                        struct sample *s)
{
    if (t->kind == CONTENDED)
        drive_contended_waits(a, &t->load, seconds, s);
    else if (t->kind == MIX && t->load.writes > 0)
        drive_mix_waits(a, &t->load, seconds, s);
}

static bool with_crowd(const struct test *t, enum crowd *how)
{
    *how = t->kind == KNOWN_THREADS     ? REGISTERED
           : t->kind == WAITING_THREADS ? WAITING
                                        : ASLEEP;
    return t->kind == KNOWN_THREADS || t->kind == SLEEPING_THREADS ||
           t->kind == WAITING_THREADS;
}

/* The row whose turn it is as the i-th of a round, NULL if it is not measured. */
static struct row *in_turn(size_t i, unsigned round)
{
    struct row *row = &rows[(i + round) % row_count];
    return row->wanted ? row : NULL;
}

static void run_round(const struct test *t, unsigned round, double seconds)
{
    enum crowd how;
    bool crowded = with_crowd(t, &how);
    for (size_t i = 0; i < row_count; i++) {
        struct row *row = in_turn(i, round);
        if (row == NULL)
            continue;
        row->samples[round] = (struct sample){-1, -1, -1, -1, -1, -1, -1, false, -1};
        if (crowded)
            row->samples[round].reference = brief_ns(row->adapter, &t->load, seconds);
    }
    if (crowded)
        crowd_come(how, t->load.many);
    for (size_t i = 0; i < row_count; i++) {
        struct row *row = in_turn(i, round);
        if (row == NULL)
            continue;
        drive(t, row->adapter, seconds, &row->samples[round]);
        if (round % WAIT_EVERY == 0)
            drive_waits(t, row->adapter, seconds * WAIT_TIMES, &row->samples[round]);
    }
    if (crowded)
        crowd_go();
}

/* Of the numbers that are there, by their place in struct sample. */
static struct spread spread_at(const struct row *row, unsigned rounds, size_t offset)
{
    unsigned n = 0;
    for (unsigned r = 0; r < rounds; r++) {
        double value;
        memcpy(&value, (const char *)&row->samples[r] + offset, sizeof value);
        if (value >= 0)
            scratch[n++] = value;
    }
    return n > 0 ? spread_of(scratch, n) : (struct spread){-1, -1, -1, -1, -1, -1, -1};
}

#define SPREAD(row_, rounds_, field_)                                                    \
    spread_at(row_, rounds_, offsetof(struct sample, field_))

/* Round by round, so that what slows the machine for a while is on both sides. */
static struct spread ratio_to(const struct row *row, const struct row *base,
                              const struct test *t, unsigned rounds)
{
    for (unsigned r = 0; r < rounds; r++) {
        double own = row->samples[r].ns;
        double other = base == row ? row->samples[r].reference : base->samples[r].ns;
        scratch[r] = kind_is_throughput(t->kind) ? other / own : own / other;
    }
    return spread_of(scratch, rounds);
}

static bool is_peer(const struct row *row, const struct row *of)
{
    const char *baseline = of->adapter->baseline;
    const struct adapter *a = row->adapter;
    if (!row->wanted || a->ours || baseline == NULL ||
        (a->spins && !of->adapter->spins && strcmp(baseline, "pthread_spin") != 0))
        return false;
    return strcmp(a->name, baseline) == 0 ||
           (a->baseline != NULL && strcmp(a->baseline, baseline) == 0);
}

static void find_peers(struct row *row)
{
    row->best_peer = NULL;
    row->peers = 0;
    for (size_t i = 0; i < row_count && row->adapter->ours; i++) {
        if (!is_peer(&rows[i], row))
            continue;
        row->peers++;
        if (row->best_peer == NULL || rows[i].ns.median < row->best_peer->ns.median)
            row->best_peer = &rows[i];
    }
}

static void sum_up(struct row *row, const struct test *t, unsigned rounds)
{
    row->ns = SPREAD(row, rounds, ns);
    row->cpu_ns = SPREAD(row, rounds, cpu_ns);
    row->fairness = SPREAD(row, rounds, fairness);
    row->voluntary = SPREAD(row, rounds, voluntary).median;
    row->involuntary = SPREAD(row, rounds, involuntary).median;
    row->interrupts = SPREAD(row, rounds, interrupts).median;
    row->wait_us = SPREAD(row, rounds, wait_us).most;
    row->cut = false;
    for (unsigned r = 0; r < rounds && row->wait_us > 0; r++)
        row->cut =
            row->cut || (row->samples[r].cut && row->samples[r].wait_us >= row->wait_us);
    row->self_ratio = row->samples[0].reference > 0 ? ratio_to(row, row, t, rounds)
                                                    : (struct spread){0};
}

static void compare_rows(struct row *row, const struct test *t, unsigned rounds)
{
    row->ratio = (struct spread){0};
    row->peer_ratio = (struct spread){0};
    if (row->baseline != NULL)
        row->ratio = ratio_to(row, row->baseline, t, rounds);
    find_peers(row);
    if (row->best_peer != NULL)
        row->peer_ratio = ratio_to(row, row->best_peer, t, rounds);
}

unsigned run_test(const struct test *t, unsigned rounds, double seconds, double limit)
{
    double end = (double)now_ns() + limit * 1e9;
    unsigned done = 0;
    for (size_t i = 0; i < row_count; i++)
        rows[i].wanted = rows[i].wanted && test_supports(t, rows[i].adapter);
    for (size_t i = 0; i < row_count; i++) {
        const struct adapter *a = rows[i].adapter;
        rows[i].baseline = NULL;
        if (rows[i].wanted && a->baseline != NULL)
            rows[i].baseline = row_named(a->baseline);
        if (rows[i].baseline != NULL && test_supports(t, rows[i].baseline->adapter))
            rows[i].baseline->wanted = true;
        else
            rows[i].baseline = NULL;
    }
    while (done < rounds && (done < LEAST_ROUNDS || (double)now_ns() < end))
        run_round(t, done++, seconds);
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].wanted)
            sum_up(&rows[i], t, done);
    }
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].wanted)
            compare_rows(&rows[i], t, done);
    }
    return done;
}

/* Tests are of different length: one may use what three would on average. */
double fair_share(uint64_t end, size_t tests_left)
{
    uint64_t now = now_ns();
    return now < end ? (double)(end - now) / 1e9 * 3 / (double)(tests_left + 2) : 0;
}

double row_figure(const struct row *row, const struct test *t)
{
    return kind_is_throughput(t->kind) ? 1e3 / row->ns.median : row->ns.median;
}
