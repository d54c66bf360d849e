/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How locks scale from 2 to 512 cores, in a model: see README.md beside this file.
 *
 *   scale                 the tables of README.md
 *   scale --csv           every lock, number of cores and share of writes, a line each
 *   scale --check         the invariants of the model; exit status 1 if one does not hold
 *   scale --one LOCK CORES PERCENT [INSIDE OUTSIDE]
 *                         one run, all that was counted; ns with the lock held (50) and
 *                         between two operations (200)
 *
 * Exit status 2 for a wrong command line.
 */
#include "kinds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned sizes[] = {2, 8, 32, 128, 512};
static const double shares[] = {0, 0.1, 1, 10, 50};
enum {
    SIZES = sizeof sizes / sizeof sizes[0],
    SHARES = sizeof shares / sizeof shares[0]
};

static struct sim machine;

static double per(uint64_t what, const struct sim_counts *n)
{
    return (double)what / (double)(n->reads + n->writes);
}

static void table_of_transfers(void)
{
    printf("Transfers of lines for each operation, reads only; for locks without shares: "
           "every operation\n\n%-20s",
           "lock \\ cores");
    for (unsigned i = 0; i < SIZES; i++)
        printf("%9u", sizes[i]);
    printf("   read-modify-writes\n");
    for (unsigned k = 0; k < kind_count; k++) {
        struct sim_counts n = {0};
        printf("%-20s", kinds[k].name);
        for (unsigned i = 0; i < SIZES; i++) {
            struct sim_order o = kind_order(&kinds[k], sizes[i], 0);
            sim_run(&machine, &o, &n);
            printf("%9.2f", per(n.transfers, &n));
        }
        printf("%9.2f\n", per(n.locked, &n));
    }
}

static void table_of_writes(void)
{
    printf("\nOne write among 999 reads: transfers by the write, and interrupts that it "
           "sends\n\n%-20s",
           "lock \\ cores");
    for (unsigned i = 0; i < SIZES; i++)
        printf("%13u", sizes[i]);
    printf("\n");
    for (unsigned k = 0; k < kind_count; k++) {
        if (!kinds[k].shares || kinds[k].reads_only)
            continue;
        printf("%-20s", kinds[k].name);
        for (unsigned i = 0; i < SIZES; i++) {
            struct sim_counts n;
            struct sim_order o = kind_order(&kinds[k], sizes[i], 0.1);
            sim_run(&machine, &o, &n);
            double writes = n.writes > 0 ? (double)n.writes : 1;
            printf("%7.0f %5.0f", (double)n.write_transfers / writes,
                   (double)n.interrupts / writes);
        }
        printf("\n");
    }
}

static double rate(const struct kind *k, unsigned cores, double share)
{
    struct sim_counts n;
    struct sim_order o = kind_order(k, cores, share);
    sim_run(&machine, &o, &n);
    return sim_rate(&machine, &n);
}

static void table_of_rates(double share)
{
    const struct kind *base = kind_named("pthread_rwlock");
    printf("\n%g%% writes: throughput against pthread_rwlock with as many cores\n\n%-20s",
           share, "lock \\ cores");
    double against[SIZES];
    for (unsigned i = 0; i < SIZES; i++) {
        printf("%9u", sizes[i]);
        against[i] = rate(base, sizes[i], share);
    }
    printf("\n");
    for (unsigned k = 0; k < kind_count; k++) {
        if (kinds[k].reads_only && share > 0)
            continue;
        printf("%-20s", kinds[k].name);
        for (unsigned i = 0; i < SIZES; i++)
            printf("%9.2f", rate(&kinds[k], sizes[i], share) / against[i]);
        printf("\n");
    }
}

static void print_csv(void)
{
    printf("lock,cores,percent_writes,ops_per_us,transfers,dropped,locked,barriers,"
           "interrupts\n");
    for (unsigned k = 0; k < kind_count; k++) {
        for (unsigned i = 0; i < SIZES * SHARES; i++) {
            unsigned cores = sizes[i / SHARES];
            double share = shares[i % SHARES];
            struct sim_counts n;
            struct sim_order o = kind_order(&kinds[k], cores, share);
            if (kinds[k].reads_only && share > 0)
                continue;
            sim_run(&machine, &o, &n);
            printf("\"%s\",%u,%g,%.3f,%.4f,%.4f,%.4f,%.6f,%.4f\n",
                   kinds[k].name + strspn(kinds[k].name, " "), cores, share,
                   sim_rate(&machine, &n), per(n.transfers, &n), per(n.dropped, &n),
                   per(n.locked, &n), per(n.barriers, &n), per(n.interrupts, &n));
        }
    }
}

/* LOCK CORES PERCENT [INSIDE OUTSIDE] */
static int print_one(char **words, bool timed)
{
    const struct kind *k = kind_named(words[0]);
    unsigned long cores = strtoul(words[1], NULL, 10);
    double share = strtod(words[2], NULL);
    if (k == NULL || cores < 1 || cores > SIM_CORES || share < 0 || share > 100 ||
        (k->reads_only && share > 0)) {
        fprintf(stderr, "scale: 1 to %d cores, 0 to 100 percent, and one of:\n",
                SIM_CORES);
        for (unsigned i = 0; i < kind_count; i++)
            fprintf(stderr, "  %s\n", kinds[i].name + strspn(kinds[i].name, " "));
        return 2;
    }
    struct sim_counts n;
    struct sim_order o = kind_order(k, (unsigned)cores, share);
    if (timed) {
        o.inside = strtod(words[3], NULL);
        o.outside = strtod(words[4], NULL);
    }
    sim_run(&machine, &o, &n);
    printf("reads %llu, writes %llu, %.3f operations per us\n",
           (unsigned long long)n.reads, (unsigned long long)n.writes,
           sim_rate(&machine, &n));
    printf("for each operation: transfers %.4f, copies dropped %.4f, read-modify-writes "
           "and fences %.4f, membarriers %.6f, interrupts %.4f\n",
           per(n.transfers, &n), per(n.dropped, &n), per(n.locked, &n),
           per(n.barriers, &n), per(n.interrupts, &n));
    return 0;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc == 1) {
        table_of_transfers();
        table_of_writes();
        for (unsigned i = 0; i < SHARES; i++)
            table_of_rates(shares[i]);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--csv") == 0) {
        print_csv();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check_all(&machine) == 0 ? 0 : 1;
    if ((argc == 5 || argc == 7) && strcmp(argv[1], "--one") == 0)
        return print_one(argv + 2, argc == 7);
    fprintf(stderr, "usage: scale [--csv | --check | --one LOCK CORES PERCENT "
                    "[INSIDE OUTSIDE]]\n");
    return 2;
}
