/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold in the model, whatever the costs: a list, each with its name. */
#include "kinds.h"

#include <stdio.h>
#include <string.h>

static const unsigned sizes[] = {2, 8, 33, 512};
static const double shares[] = {0, 1, 50};
enum {
    SIZES = sizeof sizes / sizeof sizes[0],
    SHARES = sizeof shares / sizeof shares[0]
};

static struct sim_counts run(struct sim *s, const char *name, unsigned cores,
                             double share)
{
    struct sim_counts n;
    struct sim_order o = kind_order(kind_named(name), cores, share);
    sim_run(s, &o, &n);
    return n;
}

static double each(uint64_t what, const struct sim_counts *n)
{
    return (double)what / (double)(n->reads + n->writes);
}

enum { LARGE = SIZES - 1 }; /* without 512, which takes long with many writes */

/* A line is with one owner or with sharers; what the lines saw is what the cores counted.
 */
static bool lines_agree(const struct sim *s, const struct sim_counts *n)
{
    uint64_t moved = 0;
    for (unsigned i = 0; i < SIM_SHARED_LINES + 2 * s->cores; i++) {
        const struct sim_line *l = &s->line[i];
        uint64_t any = 0;
        for (unsigned j = 0; j < SIM_SETS; j++)
            any |= l->sharers[j];
        if (l->owner >= 0 && any != 0)
            return false;
        moved += l->transfers;
    }
    return moved == n->transfers;
}

/* Every lock, number of cores and share: all operations end, nobody is in with a writer.
 */
static bool all_runs_are_sound(struct sim *s)
{
    for (unsigned k = 0; k < kind_count; k++) {
        for (unsigned i = 0; i < LARGE * SHARES; i++) {
            const struct kind *kind = &kinds[k];
            double share = shares[i % SHARES];
            struct sim_counts n;
            if (kind->reads_only && share > 0)
                continue;
            struct sim_order o = kind_order(kind, sizes[i / SHARES], share);
            sim_run(s, &o, &n);
            /* Some had begun when the counting began, and ended after it. */
            uint64_t ended = n.reads + n.writes;
            bool sound = !s->stuck && ended >= o.operations &&
                         ended <= o.operations + o.cores &&
                         (kind->no_exclusion || !s->exclusion_broken) &&
                         s->readers_in + s->writers_in == 0 && lines_agree(s, &n) &&
                         n.interrupts <= n.barriers * (o.cores - 1);
            if (!sound) {
                printf("  %s, %u cores, %g%% writes\n", kind->name, o.cores, share);
                return false;
            }
        }
    }
    return true;
}

/* A writer that does not look at the slots must be caught. */
static bool planted_fault_is_seen(struct sim *s)
{
    static const char *const names[] = {"biased always", "fenced always", "brlock"};
    bool seen = true;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sim_counts n;
        struct sim_order o = kind_order(kind_named(names[i]), 8, 10);
        o.fault = true;
        o.inside = 20000; /* longer than a membarrier, which would hide it */
        sim_run(s, &o, &n);
        seen &= s->exclusion_broken;
    }
    return seen;
}

static bool biased_reads_move_nothing(struct sim *s)
{
    static const char *const names[] = {"biased always", "stax, one stage",
                                        "sx, rwsem, complex"};
    bool holds = true;
    for (unsigned i = 0; i < SIZES * 3; i++) {
        struct sim_counts n = run(s, names[i % 3], sizes[i / 3], 0);
        holds &= n.transfers == 0 && n.locked == 0 && n.barriers == 0;
    }
    return holds;
}

static bool fenced_reads_have_one_fence(struct sim *s)
{
    bool holds = true;
    for (unsigned i = 0; i < SIZES; i++) {
        struct sim_counts a = run(s, "fenced always", sizes[i], 0);
        struct sim_counts b = run(s, "brlock", sizes[i], 0);
        /* Fences of reads that began before the counting are not in. */
        holds &= a.transfers == 0 && b.transfers == 0;
        holds &= a.locked <= a.reads && a.locked + sizes[i] >= a.reads;
        holds &= b.locked <= b.reads && b.locked + sizes[i] >= b.reads;
    }
    return holds;
}

static bool counters_move_their_line(struct sim *s)
{
    bool holds = true;
    for (unsigned i = 0; i < SIZES; i++) {
        struct sim_counts a = run(s, "pthread_rwlock", sizes[i], 0);
        struct sim_counts b = run(s, "counted always", sizes[i], 0);
        holds &= each(a.transfers, &a) > 0.9 && each(b.transfers, &b) > 0.9;
    }
    return holds;
}

/* A withdrawal: one membarrier, an interrupt for each other core, every slot looked at.
 */
static bool writers_pay_for_bias(struct sim *s)
{
    bool holds = true;
    for (unsigned i = 0; i < SIZES; i++) {
        struct sim_counts n = run(s, "biased always", sizes[i], 1);
        holds &= n.writes > 0 && n.barriers <= n.writes + sizes[i] &&
                 n.barriers + sizes[i] >= n.writes;
        holds &= run(s, "fenced always", sizes[i], 1).barriers == 0;
        holds &= run(s, "counted always", sizes[i], 1).interrupts == 0;
    }
    return holds;
}

/* Ticket: all who wait fetch the line again. MCS: a hand-over concerns two. */
static bool queues_scale(struct sim *s)
{
    double ticket[SIZES];
    double mcs[SIZES];
    bool holds = true;
    for (unsigned i = 0; i < SIZES; i++) {
        struct sim_counts a = run(s, "ticket", sizes[i], 0);
        struct sim_counts b = run(s, "MCS", sizes[i], 0);
        ticket[i] = each(a.transfers, &a);
        mcs[i] = each(b.transfers, &b);
        holds &= mcs[i] < 8 && (i == 0 || ticket[i] > ticket[i - 1]);
    }
    return holds && ticket[SIZES - 1] > sizes[SIZES - 1] / 2.0;
}

/* An owner that leaves by a plain store has one read-modify-write, the others have two.
 */
static bool plain_stores_save_one(struct sim *s)
{
    struct sim_counts a = run(s, "owner lock", 1, 100);
    struct sim_counts b = run(s, "mutex", 1, 100);
    struct sim_counts c = run(s, "ksem", 1, 100);
    return a.locked == a.writes && b.locked == 2 * b.writes && c.locked == 2 * c.writes &&
           a.transfers + b.transfers + c.transfers == 0;
}

static bool same_again(struct sim *s)
{
    struct sim_counts a = run(s, "sx, rwsem, complex", 33, 1);
    double ended = s->ended;
    struct sim_counts b = run(s, "sx, rwsem, complex", 33, 1);
    return memcmp(&a, &b, sizeof a) == 0 && s->ended <= ended && s->ended >= ended;
}

/*
 * What is learned: near the best of the fixed tiers while reads prevail, and not much
 * worse than the worst whatever comes.
 */
static bool learning_follows(struct sim *s)
{
    static const char *const tiers[] = {"biased always", "fenced always",
                                        "counted always"};
    bool holds = true;
    for (unsigned i = 0; i < LARGE * SHARES; i++) {
        unsigned cores = sizes[i / SHARES];
        double share = shares[i % SHARES];
        double best = 0;
        double worst = 1e9;
        for (unsigned t = 0; t < 3; t++) {
            struct sim_counts n = run(s, tiers[t], cores, share);
            double rate = sim_rate(s, &n);
            best = rate > best ? rate : best;
            worst = rate < worst ? rate : worst;
        }
        struct sim_counts n = run(s, "sx, rwsem, complex", cores, share);
        double rate = sim_rate(s, &n);
        bool good = rate > 0.6 * (share > 10 ? worst : best);
        if (!good)
            printf("  %u cores, %g%% writes: %.2f, tiers %.2f to %.2f\n", cores, share,
                   rate, worst, best);
        holds &= good;
    }
    return holds;
}

unsigned check_all(struct sim *s)
{
    static const struct {
        const char *name;
        bool (*holds)(struct sim *s);
    } checks[] = {
        {"every run ends, excludes and adds up", all_runs_are_sound},
        {"a writer that does not scan is found out", planted_fault_is_seen},
        {"biased reads: no transfer, no read-modify-write", biased_reads_move_nothing},
        {"fenced reads: one fence, no transfer", fenced_reads_have_one_fence},
        {"shared counters: a transfer for each read", counters_move_their_line},
        {"writers: one membarrier for a bias, none without", writers_pay_for_bias},
        {"ticket grows with the cores, MCS does not", queues_scale},
        {"plain store: one read-modify-write, no transfer alone", plain_stores_save_one},
        {"the same arguments, the same run", same_again},
        {"the learned tier follows the reads", learning_follows},
    };
    unsigned failed = 0;
    for (unsigned i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        bool holds = checks[i].holds(s);
        printf("%s: %s\n", holds ? "holds" : "DOES NOT HOLD", checks[i].name);
        failed += !holds;
    }
    return failed;
}
